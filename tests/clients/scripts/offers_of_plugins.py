"""A plugin that offers: the streaming plugin with a mountpoint of its own, and settings that change what is written."""

import re

from scripts.jsep import CHROMIUM

STREAMING = "janus.plugin.streaming"
ECHOTEST = "janus.plugin.echotest"

MOUNTPOINT = {
    "request": "create", "type": "rtp", "id": 99, "name": "ninety-nine", "media": [
        {"type": "audio", "mid": "a", "label": "sound", "port": 0, "pt": 111, "codec": "opus", "fmtp": "useinbandfec=1"},
        {"type": "video", "mid": "v", "label": "picture", "port": 0, "pt": 100, "codec": "vp8"},
        {"type": "video", "mid": "h", "label": "other picture", "port": 0, "pt": 101, "codec": "h264",
         "fmtp": "profile-level-id=42e01f;packetization-mode=1"},
        {"type": "data", "mid": "d", "label": "texts", "port": 0},
    ],
}


def answer_to(offer, **replaced):
    """A receiver's answer to `offer`."""
    kept = [line for line in offer.split("\r\n") if not line.startswith(("a=ssrc", "a=candidate", "a=end-of", "a=msid:"))]
    text = "\r\n".join(kept).replace("a=setup:actpass", "a=setup:active").replace("a=sendonly", "a=recvonly")
    text = re.sub(r"a=ice-ufrag:\S+", "a=ice-ufrag:Abcd", text)
    text = re.sub(r"a=ice-pwd:\S+", "a=ice-pwd:" + "Pw12" * 6, text)
    text = re.sub(r"(a=fingerprint:sha-256 )\S+", r"\1" + ":".join(["AB"] * 32), text)
    for old, new in replaced.items():
        text = text.replace(old, new)
    return text


async def streaming(play):
    """CP-152, CP-213, CP-216, MP-008, MP-016, MP-087: offers of a plugin, answers, trickles, hangup, a second offer."""
    await play.ask("create", {"janus": "create", "id": 400})
    at = await play.attach(400, STREAMING)

    async def say(step, body, events=1, **more):
        return await play.ask(step, {"janus": "message", **at, "body": body, **more}, events=events)
    await say("mountpoint", MOUNTPOINT, events=0)
    await say("answer before any offer", {"request": "start"}, events=0, jsep={"type": "answer", "sdp": CHROMIUM})
    await say("watch nothing", {"request": "watch", "id": 12345})
    _, event = await say("watch", {"request": "watch", "id": 99})
    offer = event["jsep"]["sdp"]
    await play.ask("trickle before the answer", {"janus": "trickle", **at, "candidate": {"candidate": "nonsense"}})
    await play.ask("flags before the answer", {"janus": "handle_info", **at}, on="admin", shape=True)
    await say("offer instead of an answer", {"request": "start"}, events=0, jsep={"type": "offer", "sdp": CHROMIUM})
    await play.ask("hangup", {"janus": "hangup", **at})
    await play.event("hangup, event", "hangup")
    _, event = await say("watch again", {"request": "watch", "id": 99})
    offer = event["jsep"]["sdp"]
    await say("answer", {"request": "start"}, jsep={"type": "answer", "sdp": answer_to(offer), "trickle": True})
    info = await play.ask("handle_info", {"janus": "handle_info", **at}, on="admin", shape=True)
    play.record("flags", info["info"]["flags"])
    for mid, medium in info["info"]["webrtc"]["media"].items():
        play.record(f"medium {mid}", {k: v for k, v in medium.items() if k not in ("ssrc", "stats", "rtcp")})
    await play.ask("wrong trickle", {"janus": "trickle", **at, "candidate": {"candidate": "nonsense"}})
    await play.ask("trickle", {"janus": "trickle", **at, "candidate": {"completed": True}})
    await say("pause", {"request": "pause"})
    await say("restart", {"request": "watch", "id": 99, "restart": True})
    await play.ask("hangup at the end", {"janus": "hangup", **at})
    await play.event("hangup at the end, event", "hangup")
    await say("watch some", {"request": "watch", "id": 99, "media": ["a", "h"]})
    await play.ask("detach", {"janus": "detach", **at})


async def echo(play):
    """CP-136, CP-201, MP-072, MP-105, MP-110, MP-114, MP-241: what settings change in an answer, in replies and in info."""
    await play.ask("info", {"janus": "info"}, shape=True)
    await play.ask("create", {"janus": "create", "id": 410})
    for label, more in {
        "plain": {}, "opaque": {"opaque_id": "mine"}, "loop 0": {"loop_index": 0}, "loop 1": {"loop_index": 1}, "loop 9": {"loop_index": 9},
    }.items():
        at = await play.attach(410, label=label, **more)
        await play.ask(f"{label}: refused", {"janus": "message", **at})
        await play.ask(f"{label}: synchronous", {"janus": "keepalive", **at})
        await play.ask(f"{label}: message", {"janus": "message", **at, "body": {}}, events=1)
        await play.ask(f"{label}: loops", {"janus": "loops_info"}, on="admin", shape=True)
        request = {"janus": "message", **at, "body": {}, "jsep": {"type": "offer", "sdp": CHROMIUM, "force_relay": False}}
        await play.ask(f"{label}: offer", request)
        await play.event(f"{label}: answer", "event")
        await play.ask(f"{label}: hangup", {"janus": "hangup", **at})
        await play.event(f"{label}: hung up", "hangup")
        await play.ask(f"{label}: detach", {"janus": "detach", **at})
        await play.event(f"{label}: detached", "detached")
