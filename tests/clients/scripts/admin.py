"""The Admin API (control-plane.md §7)."""

import asyncio

from scripts.jsep import CHROMIUM

ECHOTEST = "janus.plugin.echotest"
VIDEOROOM = "janus.plugin.videoroom"


async def admin(play, step, request, **more):
    return await play.ask(step, request, on="admin", **more)


async def root(play):
    """CP-075, CP-239 – CP-242, CP-260: the way into the Admin API."""
    for step, text in {
        "no JSON": "{", "no JSON, a word": "hello", "an array": "[]", "no transaction": '{"janus":"ping"}',
        "transaction a number": '{"janus":"ping","transaction":1}', "no janus": '{"transaction":"a"}',
        "janus a number": '{"janus":1,"transaction":"a"}', "id a string": '{"janus":"ping","transaction":"a","id":"x"}',
        "ping": '{"janus":"ping","transaction":"a"}', "ping in capitals": '{"janus":"PING","transaction":"a"}',
        "no secret": '{"janus":"get_status","transaction":"a"}',
        "wrong secret": '{"janus":"get_status","transaction":"a","admin_secret":"x"}',
        "secret a number": '{"janus":"get_status","transaction":"a","admin_secret":1}',
        "secret null": '{"janus":"get_status","transaction":"a","admin_secret":null}',
        "longer secret": '{"janus":"get_status","transaction":"a","admin_secret":"janusoverlord2"}',
        "unknown request, no secret": '{"janus":"foo","transaction":"a"}',
        "unknown session, no secret": '{"janus":"list_handles","transaction":"a","session_id":5}',
    }.items():
        await admin(play, step, text)
    await admin(play, "info", '{"janus":"info","transaction":"a"}', shape=True)
    await admin(play, "unknown request", {"janus": "foo"})
    await admin(play, "list_handles at root", {"janus": "list_handles"})
    await admin(play, "handle_info at root", {"janus": "handle_info"})
    await admin(play, "handle without session", {"janus": "handle_info", "handle_id": 5})
    await admin(play, "unknown session", {"janus": "list_handles", "session_id": 5})
    await admin(play, "session a string", {"janus": "list_sessions", "session_id": "5"})
    await admin(play, "session null", {"janus": "list_sessions", "session_id": None})
    await play.ask("create", {"janus": "create", "id": 100})
    for step, value in {"null": None, "0": 0, "a string": "x", "unknown": 7, "negative": -7}.items():
        await admin(play, f"handle {step}", {"janus": "handle_info", "session_id": 100, "handle_id": value})
    await admin(play, "unknown session request", {"janus": "foo", "session_id": 100})
    await admin(play, "root request in a session", {"janus": "get_status", "session_id": 100})
    await admin(play, "ping in a session", {"janus": "ping", "session_id": 100})
    await admin(play, "handle request in a session", {"janus": "handle_info", "session_id": 100})
    at = await play.attach(100)
    await admin(play, "session request at a handle", {"janus": "list_handles", **at})
    await admin(play, "unknown handle request", {"janus": "foo", **at})
    await admin(play, "Janus API request", {"janus": "create"})
    await play.ask("Admin API request on the Janus API", {"janus": "list_sessions", "admin_secret": "janusoverlord"})


async def settings(play):
    """CP-243 – CP-249, CP-258, CP-271, CP-273: every setting, right and wrong, and the status afterwards."""
    await admin(play, "get_status at first", {"janus": "get_status"})
    # set_session_timeout comes last: it ends the sessions of the script otherwise
    values = {
        "set_log_level": ("level", [0, 5, 7, 4, 9, -1, "5", None, 1.5, True]),
        "set_locking_debug": ("debug", [True, False, 1, "true", None]),
        "set_refcount_debug": ("debug", [True, False, 1, "true", None]),
        "set_libnice_debug": ("debug", [True, False, 1, "true", None]),
        "set_log_timestamps": ("timestamps", [True, False, 1, None]),
        "set_log_colors": ("colors", [True, False, 1, None]),
        "set_min_nack_queue": ("min_nack_queue", [0, 300, 5000, -1, "5", None]),
        "set_nack_optimizations": ("nack_optimizations", [True, False, 1, None]),
        "set_no_media_timer": ("no_media_timer", [0, 3, -1, "5", None]),
        "set_slowlink_threshold": ("slowlink_threshold", [0, 3, -1, "5", None]),
        "accept_new_sessions": ("accept", [False, True, 1, None]),
        "set_session_timeout": ("timeout", [0, 100, -1, "5", None, 1.5]),
    }
    for name, (member, tried) in values.items():
        await admin(play, f"{name} without", {"janus": name})
        for value in tried:
            await admin(play, f"{name} {value!r}", {"janus": name, member: value})
    await admin(play, "SET_LOG_LEVEL", {"janus": "SET_LOG_LEVEL", "level": 4})
    await admin(play, "get_status at last", {"janus": "get_status"})
    for step, more in {
        "": {}, " empty": {"line": ""}, " a number": {"line": 5}, " level 99": {"line": "x", "level": 99},
        " level 0": {"line": "x", "level": 0}, " level negative": {"line": "x", "level": -1}, " plain": {"line": "%s%n"},
        " level a string": {"line": "x", "level": "4"},
    }.items():
        await admin(play, f"custom_logline{step}", {"janus": "custom_logline", **more})
    for step, more in {
        "": {}, " schema only": {"schema": "s"}, " array": {"schema": "s", "data": []}, " good": {"schema": "s", "data": {"a": 1}},
        " schema a number": {"schema": 1, "data": {}}, " null": {"schema": "s", "data": None},
    }.items():
        await admin(play, f"custom_event{step}", {"janus": "custom_event", **more})
    await admin(play, "loops_info", {"janus": "loops_info"})
    for step, more in {
        "": {}, " a number": {"address": 5}, " numeric": {"address": "127.0.0.1"}, " empty": {"address": ""},
        " unknown": {"address": "nobody.invalid"},
    }.items():
        await admin(play, f"resolve_address{step}", {"janus": "resolve_address", **more})
    for step, more in {
        "": {}, " port missing": {"address": "127.0.0.1"}, " port negative": {"address": "127.0.0.1", "port": -1},
        " unknown": {"address": "nobody.invalid", "port": 3478}, " local a string": {"address": "127.0.0.1", "port": 1, "localport": "x"},
    }.items():
        await admin(play, f"test_stun{step}", {"janus": "test_stun", **more})


async def acceptance(play):
    """CP-105, CP-250."""
    await play.ask("create", {"janus": "create", "id": 105})
    await admin(play, "accept no more", {"janus": "accept_new_sessions", "accept": False})
    await play.ask("create refused", {"janus": "create"})
    await play.ask("create with an id refused", {"janus": "create", "id": 105})
    await play.ask("the old one lives", {"janus": "keepalive", "session_id": 105})
    await play.attach(105)
    await play.ask("info", {"janus": "info"}, shape=True)
    await admin(play, "accept again", {"janus": "accept_new_sessions", "accept": True})
    await play.ask("create", {"janus": "create", "id": 106})


async def modules(play):
    """CP-251 – CP-256: requests to modules."""
    for name, member in {
        "message_plugin": "plugin", "query_transport": "transport", "query_eventhandler": "handler", "query_logger": "logger",
    }.items():
        for step, more in {
            "": {}, " a number": {member: 1}, " null": {member: None}, " unknown": {member: "x.y"}, " empty": {member: ""},
            " unknown with request": {member: "x.y", "request": {}}, " request an array": {member: "x.y", "request": []},
            " request null": {member: "x.y", "request": None},
        }.items():
            await admin(play, f"{name}{step}", {"janus": name, **more})
    for plugin in (ECHOTEST, VIDEOROOM, "janus.plugin.streaming", "janus.plugin.textroom"):
        await admin(play, f"message {plugin} without request", {"janus": "message_plugin", "plugin": plugin})
        await admin(play, f"message {plugin}, empty", {"janus": "message_plugin", "plugin": plugin, "request": {}})
        await admin(play, f"message {plugin}, unknown", {"janus": "message_plugin", "plugin": plugin, "request": {"request": "foo"}})
        await admin(play, f"message {plugin}, list", {"janus": "message_plugin", "plugin": plugin, "request": {"request": "list"}})
    await admin(play, "create a room", {"janus": "message_plugin", "plugin": VIDEOROOM, "request": {"request": "create", "room": 77}})
    await admin(play, "create it again", {"janus": "message_plugin", "plugin": VIDEOROOM, "request": {"request": "create", "room": 77}})
    for transport in ("janus.transport.http", "janus.transport.websockets"):
        await admin(play, f"query {transport} without request", {"janus": "query_transport", "transport": transport})
        await admin(play, f"query {transport}, empty", {"janus": "query_transport", "transport": transport, "request": {}})
        await admin(play, f"query {transport}, unknown", {
            "janus": "query_transport", "transport": transport, "request": {"request": "foo"}})
        await admin(play, f"query {transport}, configure", {
            "janus": "query_transport", "transport": transport, "request": {"request": "configure", "events": False}})


async def objects(play):
    """CP-244, CP-245, CP-259 – CP-263, CP-268 – CP-270: sessions and handles seen by the administrator."""
    await admin(play, "list_sessions, none", {"janus": "list_sessions"})
    await play.ask("create", {"janus": "create", "id": 110})
    await admin(play, "list_sessions", {"janus": "list_sessions"})
    session = {"session_id": 110}
    await admin(play, "list_handles, none", {"janus": "list_handles", **session})
    for value in (0, 30, -1, -2, "5", None):
        await admin(play, f"set_session_timeout {value!r}", {"janus": "set_session_timeout", "timeout": value, **session})
    await admin(play, "set_session_timeout without", {"janus": "set_session_timeout", **session})
    at = await play.attach(110, opaque_id="mine")
    await admin(play, "list_handles", {"janus": "list_handles", **session})
    await admin(play, "handle_info", {"janus": "handle_info", **at})
    await admin(play, "handle_info, plugin only", {"janus": "handle_info", "plugin_only": True, **at})
    await admin(play, "handle_info, plugin_only wrong", {"janus": "handle_info", "plugin_only": 1, **at})
    idle = await play.attach(110, label="idle")
    await admin(play, "hangup_webrtc without PeerConnection", {"janus": "hangup_webrtc", **idle})
    await play.silence("hangup without PeerConnection, events")
    await play.ask("offer", {"janus": "message", **at, "body": {}, "jsep": {"type": "offer", "sdp": CHROMIUM}}, events=1)
    await play.ask("trickle", {"janus": "trickle", **at, "candidate": {"completed": True}})
    info = await admin(play, "handle_info with PeerConnection", {"janus": "handle_info", **at}, shape=True)
    info = info["info"]
    play.record("flags", info["flags"])
    play.record("session, plugin", {k: info[k] for k in ("session_timeout", "session_transport", "opaque_id", "plugin", "ice-mode", "ice-role")})
    for mid, medium in info["webrtc"]["media"].items():
        play.record(f"medium {mid}", {k: v for k, v in medium.items() if k not in ("ssrc", "stats", "rtcp")})
    play.record("extensions", info["webrtc"]["extensions"])
    play.record("bwe", info["webrtc"]["bwe"])
    play.record("plugin's view of it", info["plugin_specific"], shape=True)
    await admin(play, "hangup_webrtc", {"janus": "hangup_webrtc", **at})
    await play.events("its events", 2)
    while "agent-created" in (await play.ask_quietly({"janus": "handle_info", **at}))["info"]:
        await asyncio.sleep(0.1)  # the reference's agent ends a moment later
    await admin(play, "handle_info after hangup", {"janus": "handle_info", **at})
    await admin(play, "detach_handle", {"janus": "detach_handle", **at})
    await play.event("detached", "detached")
    await admin(play, "detach_handle again", {"janus": "detach_handle", **at})
    await admin(play, "handle_info after detach", {"janus": "handle_info", **at})
    await play.attach(110, label="another")
    await admin(play, "destroy_session", {"janus": "destroy_session", **session})
    await play.silence("the owner hears nothing")
    await admin(play, "destroy_session again", {"janus": "destroy_session", **session})
    await play.ask("keepalive", {"janus": "keepalive", **session})


async def captures(play):
    """CP-264 – CP-267: packet captures. The protected folder is /etc."""
    await play.ask("create", {"janus": "create", "id": 120})
    at = await play.attach(120)
    folder = str(play.server.folder / "captures")
    await admin(play, "stop_pcap at first", {"janus": "stop_pcap", **at})
    await admin(play, "stop_text2pcap at first", {"janus": "stop_text2pcap", **at})
    await admin(play, "start_pcap, truncate negative", {"janus": "start_pcap", "truncate": -1, **at})
    await admin(play, "start_pcap, folder a number", {"janus": "start_pcap", "folder": 1, **at})
    await admin(play, "start_pcap, filename null", {"janus": "start_pcap", "filename": None, **at})
    await admin(play, "start_pcap, protected", {"janus": "start_pcap", "folder": "/etc", "filename": "a.pcap", **at})
    await admin(play, "start_text2pcap, protected", {"janus": "start_text2pcap", "folder": "/etc", "filename": "a.txt", **at})
    await admin(play, "start_pcap", {"janus": "start_pcap", "folder": folder, "filename": "a.pcap", "truncate": 100, **at})
    await admin(play, "start_pcap again", {"janus": "start_pcap", "folder": folder, "filename": "b.pcap", **at})
    await admin(play, "start_text2pcap as well", {"janus": "start_text2pcap", "folder": folder, "filename": "b.txt", **at})
    await admin(play, "handle_info", {"janus": "handle_info", **at})
    await admin(play, "stop_text2pcap", {"janus": "stop_text2pcap", **at})
    await admin(play, "stop_pcap", {"janus": "stop_pcap", **at})
    await admin(play, "start_text2pcap", {"janus": "start_text2pcap", "folder": folder, "filename": "c.txt", **at})
    await admin(play, "handle_info with text", {"janus": "handle_info", **at})
    await admin(play, "stop_pcap of text", {"janus": "stop_pcap", **at})
    assert play.server.folder.joinpath("captures").is_dir(), "nothing was captured"
    files = sorted(path.name for path in (play.server.folder / "captures").iterdir())
    play.record("files", files)


async def token_requests_without_tokens(play):
    """CP-287."""
    for name in ("add_token", "allow_token", "disallow_token", "list_tokens", "remove_token"):
        await admin(play, name, {"janus": name, "token": "t", "plugins": [ECHOTEST]})
        await admin(play, f"{name} without anything", {"janus": name})
