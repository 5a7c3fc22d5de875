"""Authentication (control-plane specification, section 8)."""

import base64
import hashlib
import hmac

ECHOTEST = "janus.plugin.echotest"
VIDEOROOM = "janus.plugin.videoroom"
LATER, EARLIER = 4102444800, 1000000000  # years 2100 and 2001


async def attempts(play, prefix, credentials):
    """Every kind of request with each of `credentials`."""
    for step, more in credentials.items():
        step = f"{prefix}{step}"
        await play.ask(f"{step}: ping", {"janus": "ping", **more})
        reply = await play.ask(f"{step}: create", {"janus": "create", **more}, shape=True)
        await play.ask(f"{step}: keepalive of an unknown session", {"janus": "keepalive", "session_id": 5, **more})
        await play.ask(f"{step}: keepalive without session", {"janus": "keepalive", **more})
        await play.ask(f"{step}: unknown request", {"janus": "foo", **more})
        await play.ask(f"{step}: unknown request in a session", {"janus": "foo", "session_id": 5, **more})
        if "data" not in reply:
            continue
        session = play.name(reply["data"]["id"], step)
        for plugin in (ECHOTEST, VIDEOROOM, "x.y"):
            reply = await play.ask(f"{step}: attach {plugin}", {
                "janus": "attach", "session_id": session, "plugin": plugin, **more}, shape=True)
            play.record(f"{step}: attach {plugin}", reply.get("error"))
        await play.ask(f"{step}: keepalive without credentials", {"janus": "keepalive", "session_id": session})
        await play.ask(f"{step}: destroy", {"janus": "destroy", "session_id": session, **more})


WRONG = {
    "nothing": {}, "wrong secret": {"apisecret": "x"}, "empty secret": {"apisecret": ""}, "longer secret": {"apisecret": "s3cretx"},
    "shorter secret": {"apisecret": "s3cre"}, "secret a number": {"apisecret": 5}, "secret null": {"apisecret": None},
    "wrong token": {"token": "x"}, "token a number": {"token": 5}, "token empty": {"token": ""},
}


async def secret(play):
    """CP-091, CP-275, CP-277: general.api_secret."""
    await play.ask("info", {"janus": "info"}, shape=True)
    await attempts(play, "", {**WRONG, "right secret": {"apisecret": "s3cret"}})
    await play.http("info", path="/info", shape=True)
    await play.http("create without", {"janus": "create"})
    await play.http("create with", {"janus": "create", "id": 5, "apisecret": "s3cret"})
    await play.http("poll without", path="/5?maxev=1")
    await play.http("destroy without", {"janus": "destroy"}, "/5")
    await play.http("destroy with", {"janus": "destroy", "apisecret": "s3cret"}, "/5")
    await play.ask("admin without admin secret", '{"janus":"list_sessions","transaction":"a","apisecret":"s3cret"}', on="admin")


async def tokens(play):
    """CP-276, CP-278 – CP-286, CP-295: stored tokens, beside a secret."""
    async def manage(step, janus, **more):
        return await play.ask(step, {"janus": janus, **more}, on="admin")
    await manage("list, none", "list_tokens")
    for step, more in {
        "nothing": {}, "token a number": {"token": 1}, "token null": {"token": None}, "plugins a string": {"token": "t0", "plugins": "x"},
        "plugins null": {"token": "t0", "plugins": None},
    }.items():
        for name in ("add_token", "allow_token", "disallow_token", "remove_token"):
            await manage(f"{name}, {step}", name, **more)
    await manage("list after nonsense", "list_tokens")
    await manage("add with one plugin", "add_token", token="one", plugins=[ECHOTEST])
    await manage("add with an unknown plugin", "add_token", token="odd", plugins=["x.y", 5, VIDEOROOM])
    await manage("add with only unknown plugins", "add_token", token="none", plugins=["x.y"])
    await manage("add again", "add_token", token="one", plugins=[VIDEOROOM])
    for name in ("allow_token", "disallow_token"):
        await manage(f"{name}, no plugins", name, token="one")
        await manage(f"{name}, empty", name, token="one", plugins=[])
        await manage(f"{name}, unknown plugin", name, token="one", plugins=[ECHOTEST, "x.y"])
        await manage(f"{name}, plugin a number", name, token="one", plugins=[5])
        await manage(f"{name}, unknown token", name, token="T9", plugins=[ECHOTEST])
    await manage("disallow videoroom", "disallow_token", token="one", plugins=[VIDEOROOM])
    await manage("disallow it again", "disallow_token", token="one", plugins=[VIDEOROOM])
    await manage("allow streaming", "allow_token", token="odd", plugins=["janus.plugin.streaming"])
    await manage("disallow everything", "disallow_token", token="odd", plugins=[VIDEOROOM, "janus.plugin.streaming"])
    known = {t["token"]: sorted(t["allowed_plugins"]) for t in (await play.ask(
        "list", {"janus": "list_tokens"}, on="admin", shape=True))["data"]["tokens"]}
    play.record("listed", dict(sorted(known.items())))
    await attempts(play, "", {
        **WRONG, "right secret": {"apisecret": "s3cret"}, "token one": {"token": "one"}, "token without plugins": {"token": "odd"},
        "token and secret": {"token": "one", "apisecret": "s3cret"}, "token and wrong secret": {"token": "one", "apisecret": "x"},
        "poor token and secret": {"token": "odd", "apisecret": "s3cret"}, "unknown token and secret": {"token": "x", "apisecret": "s3cret"},
    })
    await play.ask("create", {"janus": "create", "id": 8, "token": "one"})
    at = await play.attach(8, token="one")
    info = await play.ask("handle_info", {"janus": "handle_info", **at}, on="admin", shape=True)
    play.record("its token", info["info"].get("token"))
    await manage("remove", "remove_token", token="one")
    await manage("remove again", "remove_token", token="one")
    await play.ask("keepalive with the removed", {"janus": "keepalive", "session_id": 8, "token": "one"})
    await play.ask("keepalive with the secret", {"janus": "keepalive", "session_id": 8, "apisecret": "s3cret"})


def signed(text, key="k3y"):
    return f"{text}:{base64.b64encode(hmac.new(key.encode(), text.encode(), hashlib.sha1).digest()).decode()}"


async def signed_tokens(play):
    """CP-287 – CP-290: signed tokens."""
    for name in ("add_token", "allow_token", "disallow_token", "list_tokens", "remove_token"):
        await play.ask(name, {"janus": name, "token": "t", "plugins": [ECHOTEST]}, on="admin")
    good = f"{LATER},janus,{ECHOTEST}"
    await attempts(play, "", {name: {"token": token} for name, token in {
        "good": signed(good), "no plugin": signed(f"{LATER},janus"), "two plugins": signed(f"{good},{VIDEOROOM}"),
        "expired": signed(f"{EARLIER},janus,{ECHOTEST}"), "other realm": signed(f"{LATER},other,{ECHOTEST}"),
        "other key": signed(good, "x"), "no colon": signed(good).replace(":", ""), "two colons": signed(good) + ":x",
        "empty": "", "colon": ":", "no expiry": signed(f"janus,{ECHOTEST}"), "expiry a word": signed(f"soon,janus,{ECHOTEST}"),
        "negative expiry": signed(f"-5,janus,{ECHOTEST}"), "unpadded": signed(good).rstrip("="), "expiry only": signed(str(LATER)),
        "plugin with blank": signed(f"{LATER},janus, {ECHOTEST}"), "prefix of plugin": signed(f"{LATER},janus,{ECHOTEST[:-1]}"),
        "signature cut": signed(good)[:-6], "signature longer": signed(good) + "AAAA", "capitals": signed(good).upper(),
    }.items()})
    await attempts(play, "", {"nothing": {}})
