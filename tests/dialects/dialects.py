"""The plugins that build.sh makes, one for each ABI generation, and everything that one of them can be asked."""

import asyncio
import json
import os
import pathlib
import re
import struct
import tempfile

from harness import ROOT
from peer import DELAY, LEVEL, ORIENTATION, Packet, Peer, fnv, sections, until, wait_for
from signalling import Connection

FOLDER = pathlib.Path(os.environ["DIALECTS"])
LAYOUTS = (ROOT / "c-plugins/dialects/layouts.txt").read_text()
GENERATIONS = re.findall(r"^generation (\w+)", LAYOUTS, re.MULTILINE)
# Their files do not say which of several generations they were compiled for: the configuration has to.
UNTOLD = ["A1", "A2", "A3", "A4", "A5", "A6", "A8"]

# A description for the SDP functions: two formats that only the second preference finds, one H.264 format of four that fits.
ASKED = "\r\n".join("""v=0
o=- 1 1 IN IP4 127.0.0.1
s=-
t=0 0
m=audio 9 UDP/TLS/RTP/SAVPF 8 111 63
c=IN IP4 127.0.0.1
a=sendrecv
a=rtpmap:111 opus/48000/2
a=fmtp:111 minptime=10;useinbandfec=1
a=rtpmap:63 red/48000/2
a=fmtp:63 111/111
a=rtpmap:8 PCMA/8000
m=video 9 UDP/TLS/RTP/SAVPF 98 96 102 103 104 105
c=IN IP4 127.0.0.1
a=recvonly
a=rtpmap:98 VP9/90000
a=rtpmap:96 VP8/90000
a=rtcp-fb:96 nack pli
a=rtpmap:102 H264/90000
a=fmtp:102 packetization-mode=1;profile-level-id=42001f
a=rtpmap:103 H264/90000
a=fmtp:103 packetization-mode=0;profile-level-id=42e01f
a=rtpmap:104 H264/90000
a=fmtp:104 packetization-mode=1;profile-level-id=42e01f
a=rtpmap:105 H264/90000
a=fmtp:105 packetization-mode=1;profile-level-id=640032
m=application 9 UDP/DTLS/SCTP webrtc-datachannel
c=IN IP4 127.0.0.1
a=sctp-port:5000
""".split("\n"))
AUDIO_PAYLOAD_TYPES = {"none": -1, "opus": 111, "multiopus": 111, "red": 120, "pcmu": 0, "pcma": 8, "g722": 9, "isac32": 104,
                       "isac16": 103, "l16-48": 105, "l16": 106}
VIDEO_PAYLOAD_TYPES = {"none": -1, "vp8": 96, "vp9": 101, "h264": 107, "av1": 98, "h265": 100}


def file(generation):
    return FOLDER / generation / f"libdialect_{generation}.so"


def package(generation):
    return f"org.example.dialect.{generation}"


def overrides(generations):
    """The configuration that says what the files do not."""
    named = ",".join(f"libdialect_{name}.so={name}" for name in generations if name in UNTOLD)
    return f'abi_generations = "{named}";' if named else ""


class Dialect:
    """A handle of one generation's plugin, and the checks of one call. `test` is the unittest case."""

    def __init__(self, test, server, generation, token=None, name=None):
        self.test = test
        self.package = name or package(generation)
        self.server = server
        self.generation = generation
        self.number = GENERATIONS.index(generation)
        self.multistream = generation.startswith("B")
        self.token = token
        self.connection, self.peers = None, []

    def since(self, generation):
        return self.number >= GENERATIONS.index(generation)

    async def open(self):
        self.connection = await Connection.open(self.server.ws)
        if self.token:
            self.connection.extra["token"] = self.token
        self.session = await self.connection.create()
        self.handle = await self.session.attach(self.package)
        return self

    async def close(self):
        for peer in self.peers:
            await peer.close()
        if self.connection:
            await self.connection.close()

    async def ask(self, request, **more):
        event = await self.handle.message({"request": request, **more})
        data = event["plugindata"]["data"]
        self.equal(data["dialect"], self.generation, request)
        return data["answer"]

    def equal(self, one, other, what):
        self.test.assertEqual(one, other, f"{self.generation}: {what}")

    def true(self, value, what):
        self.test.assertTrue(value, f"{self.generation}: {what}")

    async def called(self, simulcast=None):
        peer = Peer(self.handle, simulcast)
        self.peers.append(peer)
        return peer, await peer.call()

    async def hung_up(self, peer):
        """close_pc; the next call on this handle starts anew."""
        before = (await self.ask("report"))["hangups"]
        await self.ask("hangup")
        self.equal((await self.handle.event("hangup"))["reason"], "Close PC", "reason")
        await peer.close()
        self.equal((await self.ask("report"))["hangups"], before + 1, "hangups")

    # ---- What is checked ----

    async def everything(self):
        await self.control_plane()
        peer, data = await self.called()
        self.descriptions(peer, data)
        await self.media(peer)
        await self.data(peer)
        await self.feedback(peer)
        await self.slow_link(peer)
        await self.recording(peer)
        await self.hung_up(peer)
        for form in ("ssrc", "rid"):
            await self.simulcast(form)
        await self.own_offer()
        await self.end()

    async def control_plane(self):
        reply = await self.handle.request({"janus": "message", "body": {"request": "ping"}})
        self.equal(reply["plugindata"], {"plugin": self.package, "data": {"pong": self.generation}}, "ping")
        self.equal(await self.ask("notify"), False, "no event handlers")
        self.equal((await self.ask("report"))["configuration"], str(self.server.folder), "configuration folder")
        said = self.server.admin({"janus": "message_plugin", "plugin": self.package, "request": {"a": [1]}})
        self.equal((said["response"]["dialect"], said["response"]["echo"]), (self.generation, {"a": [1]}), "admin message")
        await self.helpers()

    async def helpers(self):
        """What compiled code gets from the SDP and codec functions: m-lines of this layout, arguments of these prototypes,
        codecs by the numbers of these headers."""
        found = await self.ask("helpers", sdp=ASKED)
        self.equal([(line["type"], line["port"], line["direction"], line["payload_types"]) for line in found["lines"]],
                   [("audio", 9, 1, 3), ("video", 9, 3, 6), ("application", 9, 1, 1)], "m-lines")
        self.equal([line["attributes"] for line in found["lines"]], [5, 11, 1], "attributes of the m-lines")
        self.equal((found["first"], found["preferred"]), (["pcma", "vp9"], ["opus", "vp8"]), "first and preferred codecs")
        self.equal((found["pt"], found["names"]), ([111, 96], ["opus", "vp8"]), "payload types")
        # An m-line can be named from 1.0 on.
        self.equal(found["pt_by_index"], -1 if self.multistream else 96, "payload type of another m-line")
        full = self.since("A4")
        self.equal((found.get("fmtp"), found.get("h264")),
                   ("minptime=10;useinbandfec=1", 104) if full else (None, None), "formats")
        self.equal(found.get("red"), 63 if self.since("A9") else None, "RED")
        self.equal((found["after_removal"], found["removed_line"], found["made"]), (-1, 0, ["video", 9, 3]), "what is removed, made")
        written = sections(found["written"])
        self.equal(list(written), ["audio", "video"], "m-lines that are written")
        self.true("96" not in written["video"] and "a=rtpmap:104 H264/90000" in written["video"], "formats that are written")
        self.true("a=fmtp:111 minptime=10;useinbandfec=1" in written["audio"] and "a=recvonly" in written["video"], "attributes")
        left_out = [] if self.since("B3") else ["l16-48", "l16"]
        left_out += [] if self.since("A9") else ["red"]
        left_out += [] if self.since("A3") else ["multiopus"]
        audio = [name for name in AUDIO_PAYLOAD_TYPES if name not in left_out]
        video = list(VIDEO_PAYLOAD_TYPES)[:6 if self.since("A4") else 4]
        self.equal(found["audio_codecs"], [[name, AUDIO_PAYLOAD_TYPES[name], i] for i, name in enumerate(audio)], "audio codecs")
        self.equal(found["video_codecs"], [[name, VIDEO_PAYLOAD_TYPES[name], i] for i, name in enumerate(video)], "video codecs")

    def descriptions(self, peer, data):
        answer = sections(peer.answer)
        self.equal(list(answer), ["audio", "video", "application"], "m-lines of the answer")
        self.true("a=fmtp" in answer["audio"] and "useinbandfec=1" in answer["audio"], "fmtp of the answer")
        for kind, codec in (("audio", "opus/48000/2"), ("video", "VP8/90000")):
            self.true(re.search(rf"a=rtpmap:{peer.payload_type(kind)} {codec}", answer[kind], re.IGNORECASE), codec)
            self.true("a=sendrecv" in answer[kind], f"direction of {kind}")
        self.true(peer.extension("audio", LEVEL) and peer.extension("video", ORIENTATION), "extensions of the answer")
        self.true("webrtc-datachannel" in answer["application"], "data")
        self.true("simulcast" not in data["jsep"], "no simulcast was offered")
        offered = data["jsep"]["sdp"]
        self.true("a=candidate" not in offered and "a=ice-ufrag" not in offered, "the plugin's offer is anonymous")
        if not self.multistream:
            self.true("a=mid" not in offered and "a=msid" not in offered, "a single-stream plugin sees no mid and no msid")

    async def media(self, peer):
        await peer.receives("audio")
        await peer.receives("video")
        report = await self.ask("report")
        for place, kind in enumerate(("audio", "video")):
            sent = [packet.payload for packet in peer.packets(kind, "sent")]
            back = [packet.payload for packet in peer.packets(kind)]
            self.true(set(back) <= set(sent), f"{kind} comes back as it was sent")
            seen = report[kind]
            self.true(seen["packets"] >= len(set(back)) - 10 and set(seen["heard"]) <= {fnv(payload) for payload in sent},
                      f"{kind} reaches the plugin as it was sent")
            self.equal(seen["index"], place if self.multistream else -1, f"index of {kind}")
        self.equal((report["setups"], report["misplaced"], report["overrun"]), (1, 0, 0), "setups, misplaced, overrun")
        # aiortc sends silence.
        self.true(report["audio"]["with_extension"] > 0, "audio levels")
        self.equal(report["audio"]["extension"], 127, "audio level")
        self.equal(report["video"]["with_extension"], 0, "orientations, which aiortc does not send")
        level, turned = peer.extension("audio", LEVEL), peer.extension("video", ORIENTATION)
        self.equal({p.extensions.get(level) for p in peer.packets("audio")}, {bytes([128 | 42])}, "level from the plugin")
        self.equal({p.extensions.get(turned) for p in peer.packets("video")}, {b"\x09"}, "orientation from the plugin")
        delays = {p.extensions.get(peer.extension("video", DELAY)) for p in peer.packets("video")}
        self.equal(delays, {bytes([0, 160, 200])} if self.since("A10") else {None}, "playout delay from the plugin")

    async def data(self, peer):
        self.equal(await peer.echoes("grüße"), "grüße", "text")
        self.equal(await peer.echoes(bytes(range(256))), bytes(range(256)), "bytes")
        large = b"\x5a" * 60000
        self.equal(await peer.echoes(large), large, "many bytes")
        seen = len(peer.messages)
        self.equal(await self.ask("say", text="hello"), True, "nothing overwritten")
        await until(lambda: peer.messages[seen:] == ["hello"], "message of the plugin's own")
        data = (await self.ask("report"))["data"]
        self.equal((data["texts"], data["binaries"], data["bytes"], data["label"]),
                   (1, 2, 7 + 256 + 60000, "JanusDataChannel"), "data")
        self.equal(data["hash"], fnv(large) & 0x7FFFFFFF, "content of the last message")
        self.equal(data["protocol"], "dialect" if self.since("A4") else "", "protocol")
        self.equal(data["ready"] > 0, self.since("A4"), "data_ready")

    async def feedback(self, peer):
        for request in ("pli", "stream_pli", "rtcp"):
            before = peer.plis()
            done = await self.ask(request, mindex=1)
            if done is None:
                self.equal((request, self.multistream), ("stream_pli", False), "PLI of one m-line")
                continue
            self.equal(int(done), 1, request)
            await until(lambda: peer.plis() > before, f"PLI by {request}")
        await self.ask("remb", bitrate=432000)
        await until(lambda: any(abs(rate - 432000) < 5000 for rate in peer.rembs()), "REMB")
        plis = (await self.ask("report"))["plis"]

        async def heard():
            await peer.ask_keyframe()
            await peer.ask_bitrate(345600)
            report = await self.ask("report")
            return report["plis"] > plis and abs(report["remb"] - 345600) < 5000 and report["audio"]["rtcp"] > 0
        await wait_for(heard, f"feedback in {self.generation}")

    async def slow_link(self, peer):
        lost = 0

        async def slow():
            nonlocal lost
            lost += 30
            await peer.report_lost("audio", lost)
            report = (await self.ask("report"))["slow_link"]
            return report["count"] and report
        report = await wait_for(slow, f"slow_link in {self.generation}")
        self.equal((report["video"], report["uplink"], report["index"]), (0, 1, 0 if self.multistream else -1), "slow_link")

    async def recording(self, peer):
        with tempfile.TemporaryDirectory() as folder:
            self.equal(await self.ask("record", folder=folder, name=self.generation), True, "recorders")
            await peer.receives("audio")
            await peer.receives("video")
            await self.ask("stop")
            report = await self.ask("report")
            for kind, codec in (("audio", "opus"), ("video", "vp8")):
                record = (pathlib.Path(folder) / f"{self.generation}-{codec}.mjr").read_bytes()
                self.equal(record[:8], b"MJR00002", "head of the recording")
                length = struct.unpack("!H", record[8:10])[0]
                self.equal(json.loads(record[10:10 + length])["c"], codec, "codec of the recording")
                frames, at = [], 10 + length
                while at < len(record):
                    self.equal(record[at:at + 4], b"MEET", "head of a frame")
                    length = struct.unpack("!H", record[at + 8:at + 10])[0]
                    frames.append(record[at + 10:at + 10 + length])
                    at += 10 + length
                self.equal(len(frames), report[f"saved_{kind}"], f"{kind} recorded")
                sent = {packet.payload for packet in peer.packets(kind, "sent")}
                self.true(len(frames) >= 5 and {Packet(frame).payload for frame in frames} <= sent,
                          f"{kind} is recorded as it was sent")

    async def simulcast(self, form):
        peer, data = await self.called(form)
        handed = data["jsep"]["simulcast"]
        self.equal(type(handed), list if self.multistream else dict, "simulcast in the jsep")
        report = (await self.ask("report"))["simulcast"]
        self.equal(report["on"], 1, "simulcast")
        if form == "rid":
            self.equal(report["rids"], ["l", "m", "h"], "rids")
            self.true(report["rid_ext_id"] > 0, "id of the extension")
        else:
            self.equal(report["ssrcs"], peer.ssrcs, "SSRCs")
        for layer in (2, 0, 1, 2):
            async def only_this():
                """That the plugin says so, and that what comes back says so, too. On a busy machine a layer can seem to have
                ended for a moment; before 0.10.2 that lowers the target itself, so that it is asked for again."""
                await self.ask("layer", substream=layer)
                for _ in range(5):
                    await peer.layers()
                    await asyncio.sleep(0.02)
                report = await self.ask("report")
                chosen = report["simulcast"]["substream"], report["simulcast"]["target"]
                return peer.layers_received()[-3:] == [layer] * 3 and chosen == (layer, layer) and report
            report = await wait_for(only_this, f"layer {layer} of {self.generation} by {form}")
        self.equal((report["misplaced"], report["overrun"]), (0, 0), "misplaced, overrun")
        self.true(report["simulcast"]["dropped"] >= 20 and report["simulcast"]["changed"] >= 3, "other layers")
        await self.hung_up(peer)

    async def own_offer(self):
        event = await self.handle.message({"request": "offer"})
        offer = sections(event["jsep"]["sdp"])
        self.equal(list(offer), ["audio", "video", "application"], "m-lines of the offer")
        self.equal((offer["audio"].split()[3], offer["video"].split()[3]), ("111", "98"), "payload types")
        self.true("a=fmtp:111 useinbandfec=1" in offer["audio"] and "nack pli" in offer["video"], "attributes")
        peer = Peer(self.handle)
        self.peers.append(peer)
        await peer.accept(event)
        await peer.receives("audio", 5)
        await peer.receives("video", 5)
        self.equal({p.extensions.get(5) for p in peer.packets("audio")}, {bytes([128 | 42])}, "level from the plugin")
        self.equal(await peer.echoes("text"), "text", "text")
        await self.hung_up(peer)

    async def end(self):
        # The event with the answer is too late.
        await self.handle.request({"janus": "message", "body": {"request": "end"}})
        await self.handle.event("detached")
