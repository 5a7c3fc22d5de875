"""Root, session and handle requests of the Janus API, right and wrong."""

ECHOTEST = "janus.plugin.echotest"


async def root(play):
    """CP-074 – CP-088, CP-097, CP-098, CP-102 – CP-104: requests without a session."""
    for step, text in {
        "no JSON": "{\"janus\": \"info\"",
        "no JSON, one word": "hello",
        "no JSON, empty": "",
        "no JSON, blanks": "  \n ",
        "no JSON, twice": '{"janus":"ping","transaction":"a"} x',
        "no JSON, duplicate key": '{"janus":"info","janus":"ping","transaction":"a"}',
        "no JSON, bad escape": '{"janus":"pi\\qng"}',
        "an array": "[]",
        "an array of requests": '[{"janus":"ping","transaction":"a"}]',
        "an empty object": "{}",
        "no transaction": '{"janus":"ping"}',
        "transaction a number": '{"janus":"ping","transaction":3}',
        "transaction null": '{"janus":"ping","transaction":null}',
        "transaction empty": '{"janus":"ping","transaction":""}',
        "no janus": '{"transaction":"a"}',
        "janus a number": '{"transaction":"a","janus":1}',
        "janus null": '{"transaction":"a","janus":null}',
        "janus empty": '{"transaction":"a","janus":""}',
        "id a string": '{"transaction":"a","janus":"ping","id":"7"}',
        "id negative": '{"transaction":"a","janus":"ping","id":-7}',
        "id a float": '{"transaction":"a","janus":"ping","id":7.5}',
        "id beyond 64 bits": '{"transaction":"a","janus":"ping","id":99999999999999999999}',
        "unknown request": '{"transaction":"a","janus":"foo"}',
        "unknown request with percent signs": '{"transaction":"a","janus":"%s%n"}',
        "session request without session": '{"transaction":"a","janus":"keepalive"}',
        "attach without session": '{"transaction":"a","janus":"attach","plugin":"x"}',
        "session_id a string": '{"transaction":"a","janus":"ping","session_id":"12"}',
        "session_id null": '{"transaction":"a","janus":"ping","session_id":null}',
        "session_id zero": '{"transaction":"a","janus":"ping","session_id":0}',
        "session_id negative": '{"transaction":"a","janus":"keepalive","session_id":-1}',
        "handle_id without session": '{"transaction":"a","janus":"ping","handle_id":5}',
        "handle_id a string without session": '{"transaction":"a","janus":"ping","handle_id":"5"}',
        "unknown session": '{"transaction":"a","janus":"keepalive","session_id":4711}',
        "unknown session, unknown handle": '{"transaction":"a","janus":"detach","session_id":4711,"handle_id":1}',
        "ping": '{"transaction":"a","janus":"ping"}',
        "ping in capitals": '{"transaction":"a","janus":"PiNG"}',
        "ping with more": '{"transaction":"é 漢","janus":"ping","more":{"a":[1,2.5,null]}}',
    }.items():
        await play.ask(step, text)
    await play.ask("info", {"janus": "info"}, shape=True)
    await play.ask("info in capitals", {"janus": "INFO"}, shape=True)


async def sessions(play):
    """CP-080, CP-089, CP-102 – CP-109, CP-123 – CP-127: what a session answers."""
    reply = await play.ask("create", {"janus": "create"}, shape=True)
    session = play.name(reply["data"]["id"], "session")
    assert 0 < session < 1 << 53
    await play.ask("create with id", {"janus": "create", "id": 1234})
    await play.ask("create with the id again", {"janus": "create", "id": 1234})
    reply = await play.ask("create with id 0", {"janus": "create", "id": 0}, shape=True)
    play.name(reply["data"]["id"], "zero")
    assert 0 < reply["data"]["id"] < 1 << 53
    await play.ask("create with null", {"janus": "create", "id": None})
    await play.ask("create in a session", {"janus": "create", "session_id": session})
    await play.ask("info in a session", {"janus": "info", "session_id": session})
    await play.ask("ping in a session", {"janus": "ping", "session_id": session})
    await play.ask("unknown request", {"janus": "foo", "session_id": session})
    await play.ask("keepalive", {"janus": "keepalive", "session_id": session})
    await play.ask("keepalive in capitals", {"janus": "KEEPALIVE", "session_id": session})
    await play.ask("keepalive with id a string", {"janus": "keepalive", "session_id": session, "id": "x"})
    for step, value in {"0": 0, "a string": "5", "null": None, "negative": -3, "a float": 1.5, "unknown": 77}.items():
        await play.ask(f"keepalive, handle_id {step}", {"janus": "keepalive", "session_id": session, "handle_id": value})
    for request in ("attach", "detach", "hangup", "message", "trickle", "destroy", "claim"):
        await play.ask(f"{request} on an unknown session", {"janus": request, "session_id": 99})
        await play.ask(f"{request} on an unknown handle", {"janus": request, "session_id": session, "handle_id": 77})
    for request in ("detach", "hangup", "message", "trickle"):
        await play.ask(f"{request} without handle", {"janus": request, "session_id": session})
    await play.ask("claim of one's own", {"janus": "claim", "session_id": session})
    await play.connect("second")
    await play.ask("request from another connection", {"janus": "keepalive", "session_id": session}, on="second")
    await play.ask("claim by another connection", {"janus": "claim", "session_id": session}, on="second")
    await play.silence("the first owner hears nothing")
    await play.ask("destroy by the first", {"janus": "destroy", "session_id": session})
    await play.silence("the second owner after destroy", on="second")
    await play.ask("destroy again", {"janus": "destroy", "session_id": session})
    await play.ask("keepalive after destroy", {"janus": "keepalive", "session_id": session})
    await play.ask("create with the id of the destroyed", {"janus": "create", "id": session})
    await play.ask("destroy 1234", {"janus": "destroy", "session_id": 1234})
    await play.ask("create 1234 once more", {"janus": "create", "id": 1234})


async def handles(play):
    """CP-129 – CP-135, CP-138 – CP-141, CP-144, CP-200: handles without a PeerConnection."""
    await play.ask("create", {"janus": "create", "id": 500})
    in_session = {"session_id": 500}
    for step, more in {
        "no plugin": {}, "plugin a number": {"plugin": 3}, "plugin null": {"plugin": None}, "plugin empty": {"plugin": ""},
        "unknown plugin": {"plugin": "x.y"}, "plugin in capitals": {"plugin": ECHOTEST.upper()},
        "opaque_id null": {"plugin": ECHOTEST, "opaque_id": None}, "opaque_id a number": {"plugin": ECHOTEST, "opaque_id": 3},
        "loop_index negative": {"plugin": ECHOTEST, "loop_index": -1},
        "loop_index a string": {"plugin": ECHOTEST, "loop_index": "1"},
        "token a number": {"plugin": ECHOTEST, "token": 3},
    }.items():
        reply = await play.ask(f"attach, {step}", {"janus": "attach", **in_session, **more}, shape="token" in more)
        if "data" in reply:
            play.name(reply["data"]["id"], step)
            await play.ask(f"detach, {step}", {"janus": "detach", **in_session, "handle_id": reply["data"]["id"]})
            # The reference sometimes lets the plugin's last event through.
            await play.event(f"detach, {step}", "detached")
    reply = await play.ask("attach", {
        "janus": "ATTACH", **in_session, "plugin": ECHOTEST, "opaque_id": "mine", "loop_index": 3}, shape=True)
    handle = play.name(reply["data"]["id"], "handle")
    assert 0 < handle < 1 << 53
    at = {**in_session, "handle_id": handle}
    await play.ask("attach to a handle", {"janus": "attach", "plugin": ECHOTEST, **at})
    await play.ask("destroy with a handle", {"janus": "destroy", **at})
    await play.ask("keepalive with a handle", {"janus": "keepalive", **at})
    await play.ask("claim with a handle", {"janus": "claim", **at})
    await play.ask("claim with an unknown handle", {"janus": "claim", **in_session, "handle_id": 3})
    await play.ask("unknown request with a handle", {"janus": "foo", **at})
    await play.ask("handle of another session", {"janus": "create", "id": 501})
    await play.ask("message through another session", {"janus": "message", "session_id": 501, "handle_id": handle, "body": {}})
    await play.ask("hangup without PeerConnection", {"janus": "hangup", **at})
    await play.silence("hangup without PeerConnection, events")
    await play.ask("detach", {"janus": "detach", **at})
    await play.event("detach", "detached")
    await play.ask("detach again", {"janus": "detach", **at})
    await play.ask("message after detach", {"janus": "message", **at, "body": {}})
    reply = await play.ask("attach for destroy", {"janus": "attach", **in_session, "plugin": ECHOTEST}, shape=True)
    await play.ask("destroy with a handle inside", {"janus": "destroy", **in_session})
    await play.silence("no detached event after destroy")


async def owners(play):
    """CP-095, CP-096, CP-122: replies go to who asked, events to the owner."""
    await play.connect("second")
    await play.ask("create", {"janus": "create", "id": 600})
    reply = await play.ask("attach", {"janus": "attach", "session_id": 600, "plugin": ECHOTEST}, shape=True)
    at = {"session_id": 600, "handle_id": play.name(reply["data"]["id"], "handle")}
    await play.ask("message by the second", {"janus": "message", **at, "body": {"audio": True}}, on="second")
    await play.events("its event goes to the first")
    await play.ask("claim by the second", {"janus": "claim", "session_id": 600}, on="second")
    await play.ask("message by the first", {"janus": "message", **at, "body": {"audio": True}})
    await play.events("its event goes to the second", on="second")
    await play.silence("nothing for the first")
    await play.ask("detach by the first", {"janus": "detach", **at})
    await play.event("detached goes to the second", "detached", on="second")


async def http(play):
    """The same requests through the HTTP transport: paths, statuses, long polls."""
    await play.http("info", path="/info", shape=True)
    await play.http("ping", {"janus": "ping"})
    await play.http("no JSON", "{")
    await play.http("an array", "[]")
    await play.http("no transaction", '{"janus":"create"}')
    await play.http("create", {"janus": "create", "id": 700})
    await play.http("create again", {"janus": "create", "id": 700})
    await play.http("attach, unknown plugin", {"janus": "attach", "plugin": "x.y"}, "/700")
    reply = await play.http("attach", {"janus": "attach", "plugin": ECHOTEST}, "/700", shape=True)
    handle = play.name(reply["data"]["id"], "handle")
    await play.http("message", {"janus": "message", "body": {"audio": False}}, f"/700/{handle}")
    await play.http("its event", path="/700?maxev=1")
    await play.http("message without body", {"janus": "message"}, f"/700/{handle}")
    await play.http("message at an unknown handle", {"janus": "message", "body": {}}, "/700/99")
    await play.http("message at no handle", {"janus": "message", "body": {}}, "/700/abc")
    await play.http("keepalive at an unknown session", {"janus": "keepalive"}, "/99")
    await play.http("poll of an unknown session", path="/99?maxev=1")
    await play.http("detach", {"janus": "detach"}, f"/700/{handle}")
    await play.http("its event", path="/700?maxev=5")
    await play.http("destroy", {"janus": "destroy"}, "/700")
    await play.http("poll after destroy", path="/700?maxev=1")
    await play.http("admin info", path="/info", admin=True, shape=True)
    await play.http("admin ping", {"janus": "ping"}, admin=True)
    await play.http("admin without JSON", "{", admin=True)
    await play.http("admin list_sessions", {"janus": "list_sessions"}, admin=True)
    await play.http("admin list_handles of none", {"janus": "list_handles"}, "/99", admin=True)


async def sudden_end(play):
    """CP-117: the sessions of a lost connection are gone."""
    await play.connect("second")
    await play.ask("create", {"janus": "create", "id": 800}, on="second")
    await play.ask("attach", {"janus": "attach", "session_id": 800, "plugin": ECHOTEST}, on="second", shape=True)
    await play.disconnect("second")
    await play.silence("a moment")
    await play.ask("keepalive by the first", {"janus": "keepalive", "session_id": 800})
    await play.ask("list_sessions", {"janus": "list_sessions"}, on="admin")
