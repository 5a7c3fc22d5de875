"""Sessions that end by themselves. The server has short timeouts."""

import asyncio

ECHOTEST = "janus.plugin.echotest"


async def timeouts(play):
    """CP-109, CP-113 – CP-115, CP-128: idle sessions end; the owner hears `timeout`, then nothing."""
    await play.ask("create", {"janus": "create", "id": 300})
    await play.ask("info", {"janus": "info"}, shape=True)
    await play.events("its timeout", limit=10)
    await play.ask("keepalive", {"janus": "keepalive", "session_id": 300})
    await play.ask("create again", {"janus": "create", "id": 300})
    await play.ask("time without limit", {"janus": "set_session_timeout", "session_id": 300, "timeout": 0}, on="admin")
    await asyncio.sleep(7)
    await play.ask("keepalive after a while", {"janus": "keepalive", "session_id": 300})
    await play.ask("back to the general time", {"janus": "set_session_timeout", "session_id": 300, "timeout": -1}, on="admin")
    await play.attach(300)
    await play.event("timeout with a handle", "timeout")
    await play.ask("list_sessions", {"janus": "list_sessions"}, on="admin")


async def activity(play):
    """CP-110 – CP-112: what counts as activity and what does not."""
    await play.ask("create", {"janus": "create", "id": 310})
    for number in range(9):  # twice the time limit
        await asyncio.sleep(0.9)
        await play.ask(f"unknown handle {number}", {"janus": "detach", "session_id": 310, "handle_id": 5})
    await play.ask("alive", {"janus": "keepalive", "session_id": 310})
    while (await play.ask_quietly({"janus": "list_handles", "session_id": 310}))["janus"] == "success":
        await asyncio.sleep(0.5)  # that an administrator looks does not keep it alive
    await play.events("timeout")
    await play.ask("gone", {"janus": "keepalive", "session_id": 310})


async def reclaim(play):
    """CP-118, CP-122: a session whose connection is lost can be claimed for a while. Time limits of sessions are off."""
    await play.connect("second")
    await play.ask("create", {"janus": "create", "id": 320}, on="second")
    at = {"session_id": 320}
    reply = await play.ask("attach", {"janus": "attach", "plugin": ECHOTEST, **at}, on="second", shape=True)
    at["handle_id"] = play.name(reply["data"]["id"], "handle")
    await play.disconnect("second")
    await asyncio.sleep(0.5)
    await play.ask("it is still there", {"janus": "keepalive", **at})
    await play.ask("claim", {"janus": "claim", "session_id": 320})
    await play.ask("message", {"janus": "message", "body": {"audio": True}, **at}, events=1)
    await asyncio.sleep(6)
    await play.ask("it has an owner", {"janus": "keepalive", **at})
    await play.connect("third")
    await play.ask("create another", {"janus": "create", "id": 321}, on="third")
    await play.disconnect("third")
    await asyncio.sleep(9)
    await play.ask("nobody claimed it", {"janus": "claim", "session_id": 321})
