"""aiortc calling the echotest plugin: what is sent has to come back."""

import asyncio
import contextlib
import fractions
import re

import av
from aiortc import MediaStreamTrack, RTCConfiguration, RTCPeerConnection, RTCSessionDescription
from aiortc.mediastreams import AudioStreamTrack, MediaStreamError

FRAMES_PER_SECOND = 10  # enough to count, cheap to encode


class Picture(MediaStreamTrack):
    """A small picture that changes."""

    kind = "video"

    def __init__(self):
        super().__init__()
        self.number = 0

    async def recv(self):
        await asyncio.sleep(1 / FRAMES_PER_SECOND)
        frame = av.VideoFrame(160, 120, "yuv420p")
        for plane, value in zip(frame.planes, (self.number * 8 % 256, 100, 150)):
            plane.update(bytes([value]) * plane.buffer_size)
        frame.pts, frame.time_base = self.number * 90000 // FRAMES_PER_SECOND, fractions.Fraction(1, 90000)
        self.number += 1
        return frame


async def until(probe, what, limit=20):
    """Polls until `probe()` is true."""
    for _ in range(limit * 20):
        if probe():
            return
        await asyncio.sleep(0.05)
    raise AssertionError(f"no {what} after {limit} s")


def counted(pc, by="kind"):
    """How many frames come to `pc`: {"audio": 0, "video": 0}, or by the `id` of the track."""
    frames = {} if by == "id" else {"audio": 0, "video": 0}
    tasks = set()

    async def count(track):
        with contextlib.suppress(MediaStreamError):
            while True:
                await track.recv()
                frames[getattr(track, by)] = frames.get(getattr(track, by), 0) + 1
    pc.on("track", lambda track: tasks.add(asyncio.ensure_future(count(track))))
    return frames


class EchoCall:
    """One PeerConnection with one handle. `frames` counts what came back, by kind."""

    def __init__(self, handle, *, audio=True, video=True, data=True, trickle=False):
        self.handle = handle
        self.trickle = trickle
        self.jsep = {}  # more members of our offer
        self.offered = lambda sdp: sdp  # what the server is given of our offer
        self.answered = lambda sdp: sdp  # what we are given of its answer
        self.messages = []
        self.pc = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        self.frames = counted(self.pc)
        if audio:
            self.pc.addTrack(AudioStreamTrack())
        if video:
            self.pc.addTrack(Picture())
        self.channel = self.add_data() if data else None

    def add_data(self):
        self.channel = self.pc.createDataChannel("JanusDataChannel")
        self.channel.on("message", self.messages.append)
        return self.channel

    async def negotiate(self):
        """Offer, plugin's answer. With `trickle` the candidates follow the offer one by one."""
        await self.pc.setLocalDescription(await self.pc.createOffer())
        sdp = self.offered(self.pc.localDescription.sdp)
        jsep = {"type": "offer", "sdp": sdp, "trickle": self.trickle, **self.jsep}
        candidates = []
        if self.trickle:
            candidates = re.findall(r"a=(candidate:[^\r\n]+)", sdp)
            jsep["sdp"] = re.sub(r"a=(candidate:[^\r\n]+|end-of-candidates)\r\n", "", sdp)
        answering = asyncio.create_task(self.handle.message({"audio": True, "video": True}, jsep))
        for candidate in candidates:
            await self.handle.request({"janus": "trickle", "candidate": {
                "sdpMid": "0", "sdpMLineIndex": 0, "candidate": candidate}})
        if self.trickle:
            await self.handle.request({"janus": "trickle", "candidate": {"completed": True}})
        event = await answering
        self.answer = event["jsep"]["sdp"]
        await self.pc.setRemoteDescription(RTCSessionDescription(self.answered(self.answer), event["jsep"]["type"]))
        return event

    async def start(self):
        await self.negotiate()
        await self.handle.event("webrtcup")
        return self

    async def media_returns(self, more=20):
        """Waits for `more` frames of every kind that is sent."""
        for sender in self.pc.getSenders():
            wanted = self.frames[sender.kind] + more
            await until(lambda: self.frames[sender.kind] >= wanted, f"{more} more frames of {sender.kind}")

    async def packets(self, kind):
        """RTP packets of `kind` that arrived, complete frames or not."""
        report = await self.pc.getStats()
        return sum(s.packetsReceived for s in report.values() if s.type == "inbound-rtp" and s.kind == kind)

    async def data_open(self):
        await until(lambda: self.channel.readyState == "open", "open data channel")

    async def echoes(self, message):
        """Sends `message` on the data channel; what comes back."""
        seen = len(self.messages)
        self.channel.send(message)
        await until(lambda: len(self.messages) > seen, "echo on the data channel")
        return self.messages[seen]

    async def close(self):
        await self.pc.close()
