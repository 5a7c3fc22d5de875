"""Messages, JSEP and candidates of the Janus API: echotest with fixed offers that nobody stands behind."""

import pathlib
import re

OFFERS = pathlib.Path(__file__).resolve().parents[1] / "offers"


def offer(name="chromium"):
    return (OFFERS / f"{name}.sdp").read_bytes().decode()


CHROMIUM = offer()
CANDIDATE = "candidate:1 1 udp 2122260223 127.0.0.1 9 typ host"


def without(pattern, sdp=CHROMIUM):
    """`sdp` without the lines that begin with `pattern`."""
    return re.sub(rf"(?m)^{pattern}[^\r\n]*\r\n", "", sdp)


async def handle(play, session=900, **more):
    await play.ask(f"create {session}", {"janus": "create", "id": session})
    return await play.attach(session, **more)


async def messages(play):
    """CP-144 – CP-152, CP-170 – CP-174, MP-013, MP-014, MP-016: bodies, and jsep objects that are refused at once."""
    at = await handle(play)
    message = {"janus": "message", **at}
    for step, more in {
        "no body": {}, "body null": {"body": None}, "body a string": {"body": "x"}, "body an array": {"body": []},
        "no body but jsep": {"jsep": {"type": "offer", "sdp": CHROMIUM}},
        "jsep null": {"body": {}, "jsep": None}, "jsep a string": {"body": {}, "jsep": "x"},
        "jsep an array": {"body": {}, "jsep": []}, "jsep empty": {"body": {}, "jsep": {}},
        "no type": {"body": {}, "jsep": {"sdp": CHROMIUM}}, "no sdp": {"body": {}, "jsep": {"type": "offer"}},
        "type a number": {"body": {}, "jsep": {"type": 1, "sdp": CHROMIUM}},
        "sdp a number": {"body": {}, "jsep": {"type": "offer", "sdp": 1}},
        "sdp null": {"body": {}, "jsep": {"type": "offer", "sdp": None}},
        "trickle a string": {"body": {}, "jsep": {"type": "offer", "sdp": CHROMIUM, "trickle": "yes"}},
        "trickle null": {"body": {}, "jsep": {"type": "offer", "sdp": CHROMIUM, "trickle": None}},
        "rid_order a number": {"body": {}, "jsep": {"type": "offer", "sdp": CHROMIUM, "rid_order": 1}},
        "force_relay a string": {"body": {}, "jsep": {"type": "offer", "sdp": CHROMIUM, "force_relay": "x"}},
        "e2ee a number": {"body": {}, "jsep": {"type": "offer", "sdp": CHROMIUM, "e2ee": 1}},
        "several wrong": {"body": {}, "jsep": {"type": 1, "sdp": 2, "trickle": 3}},
        "rollback": {"body": {}, "jsep": {"type": "rollback", "sdp": CHROMIUM}},
        "pranswer": {"body": {}, "jsep": {"type": "pranswer", "sdp": CHROMIUM}},
        "type empty": {"body": {}, "jsep": {"type": "", "sdp": CHROMIUM}},
        "rollback without sdp": {"body": {}, "jsep": {"type": "rollback"}},
        "answer without offer": {"body": {}, "jsep": {"type": "answer", "sdp": CHROMIUM}},
    }.items():
        await play.ask(step, {**message, **more})
    for step, body in {
        "empty body": {}, "unknown member": {"foo": 1}, "audio a string": {"audio": "x"}, "video null": {"video": None},
        "bitrate negative": {"bitrate": -1}, "audio off": {"audio": False}, "all on": {"audio": True, "video": True},
        "bitrate": {"bitrate": 128000}, "record a number": {"record": 1}, "substream a string": {"substream": "x"},
    }.items():
        await play.ask(f"echotest: {step}", {**message, "body": body}, events=1)


async def refused(play):
    """CP-151, CP-153: descriptions that cannot be read, or lack what a PeerConnection needs, each on a new handle."""
    await play.ask("create", {"janus": "create", "id": 910})
    for step, sdp in {
        "x": "x", "empty": "", "only v=": "v=0\r\n", "v= with line feed": "v=0\n", "two lines": "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\n",
        "no o=": without("o="), "no t=": without("t="), "no m=": CHROMIUM[:CHROMIUM.index("m=")],
        "v=1": CHROMIUM.replace("v=0", "v=1"), "v=x": CHROMIUM.replace("v=0", "v=x"),
        "o= short": re.sub("o=.*", "o=- 1 IN", CHROMIUM), "o= empty": re.sub("o=.*\r", "o=\r", CHROMIUM),
        "m= short": CHROMIUM.replace("m=audio 9 UDP/TLS/RTP/SAVPF", "m=audio"),
        "m= port a word": CHROMIUM.replace("m=audio 9", "m=audio nine"),
        "c= nonsense": CHROMIUM.replace("c=IN IP4 0.0.0.0", "c=nonsense"),
        "b= nonsense": CHROMIUM.replace("a=mid:1", "b=nonsense\r\na=mid:1"),
        "line without =": CHROMIUM.replace("a=mid:1", "amid1"),
        "unknown line": CHROMIUM.replace("a=mid:1", "x=mid:1"),
        "an empty line inside": CHROMIUM.replace("a=mid:1\r\n", "a=mid:1\r\n\r\n"),
        "no fingerprint": without("a=fingerprint"), "no ice-ufrag": without("a=ice-ufrag"), "no ice-pwd": without("a=ice-pwd"),
        "fingerprint without value": CHROMIUM.replace("a=fingerprint:sha-256 ", "a=fingerprint:"),
        "mid too long": CHROMIUM.replace("a=mid:1", "a=mid:" + "m" * 17),
        "msid of one token": CHROMIUM.replace("a=msid:lib-stream lib-video", "a=msid:lib-stream"),
        "mid without value": CHROMIUM.replace("a=mid:1\r", "a=mid\r"),
        "setup without value": CHROMIUM.replace("a=setup:actpass", "a=setup"),
    }.items():
        at = await play.attach(910, label=f"for {step}")
        # Not everything of this is refused; then the answer follows.
        await play.ask(step, {"janus": "message", **at, "body": {}, "jsep": {"type": "offer", "sdp": sdp}})
        await play.silence(f"event of {step}", seconds=0.3)
        await play.ask(f"hangup, {step}", {"janus": "hangup", **at})
        await play.silence(f"hangup, {step}, events", seconds=0.3)
        await play.ask(f"detach, {step}", {"janus": "detach", **at})
        # The reference sometimes lets the plugin's last event through.
        await play.event(f"detach, {step}", "detached")


# The reference refuses these; docs/differences/sdp.md.
TOLERATED = {
    "no s=": without("s="),
    "m= unknown medium": CHROMIUM.replace("m=audio", "m=smell"),
    "fingerprint sha-512": CHROMIUM.replace("sha-256", "sha-512"),
}


async def tolerated(play):
    await play.ask("create", {"janus": "create", "id": 911})
    for step, sdp in TOLERATED.items():
        at = await play.attach(911, label=f"for {step}")
        await play.ask(step, {"janus": "message", **at, "body": {}, "jsep": {"type": "offer", "sdp": sdp}}, events=1)


async def repair(play):
    """CP-153, CP-154: after a refused first offer the handle wants a hangup, then it works."""
    at = await handle(play, 915)
    message = {"janus": "message", **at, "body": {}}
    await play.ask("no fingerprint", {**message, "jsep": {"type": "offer", "sdp": without("a=fingerprint")}})
    await play.ask("valid offer too early", {**message, "jsep": {"type": "offer", "sdp": CHROMIUM}})
    await play.ask("hangup", {"janus": "hangup", **at}, events=2)
    await play.ask("valid offer", {**message, "jsep": {"type": "offer", "sdp": CHROMIUM}}, events=1)
    await play.ask("failing update", {**message, "jsep": {"type": "offer", "sdp": without("a=fingerprint")}})
    await play.ask("unreadable update", {**message, "jsep": {"type": "offer", "sdp": "x"}})
    await play.ask("valid update", {**message, "jsep": {"type": "offer", "sdp": CHROMIUM}}, events=1)
    await play.ask("hangup at the end", {"janus": "hangup", **at}, events=2)
    await play.ask("hangup once more", {"janus": "hangup", **at})
    await play.silence("hangup without PeerConnection, events")


VARIANTS = {
    "chromium": CHROMIUM,
    "simulcast": offer("simulcast"),
    "line feeds only": CHROMIUM.replace("\r\n", "\n"),
    "audio only": CHROMIUM[:CHROMIUM.index("m=video")].replace("BUNDLE 0 1 2", "BUNDLE 0"),
    "audio and data": CHROMIUM[:CHROMIUM.index("m=video")].replace("0 1 2", "0 2") + CHROMIUM[CHROMIUM.index("m=application"):],
    "data only": CHROMIUM[:CHROMIUM.index("m=audio")].replace("0 1 2", "2") + CHROMIUM[CHROMIUM.index("m=application"):],
    "old data syntax": CHROMIUM.replace(
        "m=application 9 UDP/DTLS/SCTP webrtc-datachannel", "m=application 9 DTLS/SCTP 5000").replace(
        "a=sctp-port:5000", "a=sctpmap:5000 webrtc-datachannel 1024"),
    "setup active": CHROMIUM.replace("setup:actpass", "setup:active"),
    "setup passive": CHROMIUM.replace("setup:actpass", "setup:passive"),
    "sendonly": CHROMIUM.replace("a=sendrecv", "a=sendonly"),
    "recvonly": CHROMIUM.replace("a=sendrecv", "a=recvonly"),
    "inactive": CHROMIUM.replace("a=sendrecv", "a=inactive"),
    "video rejected": CHROMIUM.replace("m=video 9", "m=video 0"),
    "data rejected": CHROMIUM.replace("m=application 9", "m=application 0"),
    "no mids": without("a=mid"),
    "named mids": CHROMIUM.replace("mid:0", "mid:sound").replace("mid:1", "mid:picture").replace("mid:2", "mid:data"),
    "no rtx": without("a=(rtpmap|fmtp):(97|103|99|115)", without("a=ssrc-group")),
    "no nack": without("a=rtcp-fb:.* nack"),
    "no ssrcs": without("a=ssrc"),
    "no msid": without("a=msid:"),
    "no extensions": without("a=extmap"),
    "no opus": without("a=(rtpmap|fmtp|rtcp-fb):111"),
    "h264 only": without("a=(rtpmap|fmtp|rtcp-fb):(96|97|98|99)").replace("96 97 102 103 98 99", "102 103"),
    "vp9 only": without("a=(rtpmap|fmtp|rtcp-fb):(96|97|102|103)").replace("96 97 102 103 98 99", "98 99"),
    "savp profile": CHROMIUM.replace("UDP/TLS/RTP/SAVPF", "RTP/SAVPF"),
    "session level keys": "".join((CHROMIUM[:CHROMIUM.index("m=")], *re.findall(r"a=(?:ice-|fingerprint|setup).*\r\n", CHROMIUM)[:5],
                                   without("a=(ice-|fingerprint|setup)", CHROMIUM[CHROMIUM.index("m="):]))),
    "legacy simulcast": offer("simulcast").replace("a=simulcast:send h;m;l", "a=simulcast: send rid=h;m;l"),
    "paused layer": offer("simulcast").replace("send h;m;l", "send h;~m;l"),
    "two layers": offer("simulcast").replace("a=rid:l send\r\n", "").replace("h;m;l", "h;m"),
    "ssrc simulcast": re.sub(r"a=ssrc-group:FID.*\r\n", "a=ssrc-group:SIM 2001 2003 2004\r\n", CHROMIUM),
    "bandwidth": CHROMIUM.replace("a=mid:1", "b=AS:500\r\nb=TIAS:500000\r\na=mid:1"),
    "bundle-only": CHROMIUM.replace("m=video 9", "m=video 0").replace("a=mid:1", "a=bundle-only\r\na=mid:1"),
    "first port 0": CHROMIUM.replace("m=audio 9", "m=audio 0"),
    "two videos": CHROMIUM.replace("0 1 2", "0 1 2 3") + CHROMIUM[CHROMIUM.index("m=video"):CHROMIUM.index("m=application")]
    .replace("mid:1", "mid:3").replace("2001", "3001").replace("2002", "3002").replace("lib-video", "lib-second"),
    "mdns candidate": CHROMIUM + f"a={CANDIDATE.replace('127.0.0.1', 'nobody-there.local')}\r\n",
    "candidates": CHROMIUM.replace("a=mid:0", f"a={CANDIDATE}\r\na=end-of-candidates\r\na=mid:0"),
    "red preferred": CHROMIUM.replace("111 63 9", "63 111 9"),
}


async def answers(play):
    """CP-155 – CP-165, MP-027, MP-040, MP-057, MP-070, MP-073: what echotest's answer looks like to the client, line by line."""
    await play.ask("create", {"janus": "create", "id": 920})
    for step, sdp in VARIANTS.items():
        at = await play.attach(920, label=f"for {step}")
        message = {"janus": "message", **at, "body": {"audio": True, "video": True}}
        await play.ask(step, {**message, "jsep": {"type": "offer", "sdp": sdp}}, events=1)
        await play.ask(f"{step}, repeated", {**message, "jsep": {"type": "offer", "sdp": sdp}}, events=1)
        await play.ask(f"{step}, hangup", {"janus": "hangup", **at}, events=2)
        await play.ask(f"{step}, detach", {"janus": "detach", **at})
        await play.event(f"{step}, detach", "detached")


async def updates(play):
    """CP-155, CP-159, CP-161, CP-215, MP-044, MP-045, MP-086: offers that change a running PeerConnection."""
    at = await handle(play, 930)
    message = {"janus": "message", **at, "body": {}}

    async def say(step, sdp, **more):
        await play.ask(step, {**message, "jsep": {"type": "offer", "sdp": sdp, **more}}, events=1)
    audio = VARIANTS["audio only"]
    await say("audio", audio)
    await say("video and data added", CHROMIUM)
    await say("video off", CHROMIUM.replace("m=video 9", "m=video 0"))
    await say("video back", CHROMIUM)
    await say("inactive", VARIANTS["inactive"])
    await say("restart", CHROMIUM.replace("Qx7d", "New1").replace("wQ0rBPZ8sWvYv4n1JmXb5tLc", "New1New1New1New1New1New1"))
    await say("end to end encrypted", CHROMIUM, e2ee=True)
    await say("still so", CHROMIUM, e2ee=False)
    await say("capitals", CHROMIUM, type="OFFER")
    await say("foreign rid_order", CHROMIUM, rid_order="foo", force_relay=True, svc=[])
    # An answer now is refused by us alone (docs/differences/api.md, answers).
    await play.ask("hangup", {"janus": "hangup", **at}, events=2)
    await say("after hangup", CHROMIUM)


TRICKLES = {
    "neither": {}, "both": {"candidate": {}, "candidates": []}, "both null": {"candidate": None, "candidates": None},
    "candidate null": {"candidate": None}, "candidate a string": {"candidate": "x"}, "candidate a number": {"candidate": 5},
    "candidate an array": {"candidate": [1]}, "candidate empty": {"candidate": {}},
    "completed": {"candidate": {"completed": True}}, "completed false": {"candidate": {"completed": False}},
    "completed a string": {"candidate": {"completed": "x"}},
    "candidates an object": {"candidates": {}}, "candidates null": {"candidates": None}, "candidates a string": {"candidates": "x"},
    "candidates empty": {"candidates": []}, "candidates of nonsense": {"candidates": [1, None, "x", {}]},
    "sdpMid a number": {"candidate": {"sdpMid": 1, "candidate": CANDIDATE}},
    "sdpMid null": {"candidate": {"sdpMid": None, "sdpMLineIndex": 0, "candidate": CANDIDATE}},
    "sdpMLineIndex a string": {"candidate": {"sdpMLineIndex": "0", "candidate": CANDIDATE}},
    "sdpMLineIndex negative": {"candidate": {"sdpMLineIndex": -1, "candidate": CANDIDATE}},
    "no mid, no index": {"candidate": {"candidate": CANDIDATE}},
    "no candidate": {"candidate": {"sdpMid": "0", "sdpMLineIndex": 0}},
    "candidate text a number": {"candidate": {"sdpMid": "0", "candidate": 4}},
    "candidate text null": {"candidate": {"sdpMid": "0", "candidate": None}},
    "candidate text empty": {"candidate": {"sdpMid": "0", "candidate": ""}},
    "unreadable text": {"candidate": {"sdpMid": "0", "candidate": "nonsense"}},
    "other m-line": {"candidate": {"sdpMLineIndex": 1, "candidate": CANDIDATE}},
    "other mid": {"candidate": {"sdpMid": "1", "candidate": CANDIDATE}},
    "mid only": {"candidate": {"sdpMid": "0", "candidate": CANDIDATE}},
    "index only": {"candidate": {"sdpMLineIndex": 0, "candidate": CANDIDATE}},
    "tcp": {"candidate": {"sdpMid": "0", "candidate": "candidate:2 1 tcp 1518280447 127.0.0.1 9 typ host tcptype active"}},
    "mdns": {"candidate": {"sdpMid": "0", "candidate": CANDIDATE.replace("127.0.0.1", "nobody.local")}},
    "second component": {"candidate": {"sdpMid": "0", "candidate": CANDIDATE.replace("1 1 udp", "1 2 udp")}},
    "several": {"candidates": [{"sdpMid": "0", "candidate": CANDIDATE}, {"completed": True}]},
}


async def trickles(play):
    """CP-179 – CP-187, MP-092, MP-095 – MP-101: before a PeerConnection, and on one."""
    at = await handle(play, 940)
    for step, more in TRICKLES.items():
        await play.ask(f"early, {step}", {"janus": "trickle", **at, **more})
    await play.ask("hangup", {"janus": "hangup", **at})
    fresh = await play.attach(940, label="fresh")
    await play.ask("offer", {"janus": "message", **fresh, "body": {}, "jsep": {"type": "offer", "sdp": CHROMIUM}}, events=1)
    for step, more in TRICKLES.items():
        await play.ask(f"late, {step}", {"janus": "trickle", **fresh, **more})
    await play.ask("detach", {"janus": "detach", **fresh})
