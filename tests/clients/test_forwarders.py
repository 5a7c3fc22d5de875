"""1.4.1's video room, as Debian sid packages it, forwards RTP with the core's forwarders (helpers.md §11), and so takes a publisher
to a room of another server."""

import asyncio
import pathlib
import socket
import sys
import tempfile
import unittest

from aiortc import RTCConfiguration, RTCPeerConnection, RTCSessionDescription
from aiortc.mediastreams import AudioStreamTrack

import harness
from call import Picture, counted, until
from signalling import Connection

sys.path.insert(0, str(harness.ROOT / "tests/oracle"))
import sid  # noqa: E402

SRTP_KEY = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwd"
SRTP_TAG = 10


def starter(root, folder):
    """A program that runs janus-rs with sid's libraries, which sid's modules need."""
    program = pathlib.Path(harness.PROGRAMS["janus-rs"])
    # /proc/self/exe is the loader here, so the library is not found beside the program.
    (pathlib.Path(folder) / "libjanus_rs.so.0").symlink_to(program.with_name("libjanus_rs.so"))
    path = f"{folder}:{root}/usr/lib/x86_64-linux-gnu:{root}/usr/lib"
    loader = root / "usr/lib/x86_64-linux-gnu/ld-linux-x86-64.so.2"
    script = pathlib.Path(folder) / "janus-rs"
    script.write_text(f'#!/bin/sh\nexec {loader} --library-path {path} {program} "$@"\n')
    script.chmod(0o755)
    return str(script)


class Receiver:
    """A UDP port, and what came to it."""

    def __init__(self):
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.socket.setblocking(False)
        self.port = self.socket.getsockname()[1]
        self.packets = []

    def has(self, count):
        try:
            while True:
                self.packets.append(self.socket.recv(2000))
        except BlockingIOError:
            return len(self.packets) >= count


@unittest.skipUnless(harness.UNDER_TEST == "janus-rs", "the core under test is ours")
class Forwarders(unittest.IsolatedAsyncioTestCase):
    def setUp(self):
        root = sid.prepare()
        if not root:
            self.skipTest("no sid folder")
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        harness.PROGRAMS["sid"] = starter(root, self.folder.name)
        self.addCleanup(harness.PROGRAMS.pop, "sid")  # other tests go through all programs
        self.modules = root / "usr/lib/x86_64-linux-gnu/janus"
        self.server = self.start()

    def start(self):
        server = harness.Server("sid", files={
            "janus.jcfg": f"""
general: {{ debug_level = 4; debug_colors = false; admin_secret = "janusoverlord"
    plugins_folder = "{self.modules}/plugins"; transports_folder = "{self.modules}/transports" }}
plugins: {{ disable = "{harness.file_list(harness.UNUSED_PLUGINS + ["streaming"])}" }}
transports: {{ disable = "{harness.file_list(harness.UNUSED_TRANSPORTS)}" }}
""",
            "janus.plugin.videoroom.jcfg": 'room-1: { description = "test"; publishers = 2; videocodec = "vp8" }\n',
        })
        self.addCleanup(server.stop)
        return server

    async def ask(self, handle=None, **body):
        reply = await (handle or self.handle).request({"janus": "message", "body": {"room": 1, **body}})
        return reply["plugindata"]["data"]

    async def publish(self):
        """Audio, video and data into room 1."""
        self.pc = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        self.pc.addTrack(AudioStreamTrack())
        self.pc.addTrack(Picture())
        channel = self.pc.createDataChannel("data")
        await self.pc.setLocalDescription(await self.pc.createOffer())
        event = await self.handle.message(
            {"request": "joinandconfigure", "ptype": "publisher", "room": 1},
            {"type": "offer", "sdp": self.pc.localDescription.sdp})
        await self.pc.setRemoteDescription(RTCSessionDescription(event["jsep"]["sdp"], "answer"))
        await self.handle.event("webrtcup")
        await until(lambda: channel.readyState == "open", "open data channel")
        self.streams = event["plugindata"]["data"]["streams"]
        return event["plugindata"]["data"]["id"], channel

    async def test_every_kind_of_forwarder(self):
        connection = await Connection.open(self.server.ws)
        session = await connection.create()
        self.handle = await session.attach("janus.plugin.videoroom")
        publisher, channel = await self.publish()
        audio, video, rtcp, data, srtp = receivers = [Receiver() for _ in range(5)]
        for receiver in receivers:
            self.addCleanup(receiver.socket.close)
        forward = {"request": "rtp_forward", "publisher_id": publisher, "host": "127.0.0.1"}
        told = await self.ask(**forward, streams=[
            {"mid": "0", "port": audio.port, "ssrc": 777, "pt": 99},
            {"mid": "1", "port": video.port, "rtcp_port": rtcp.port, "ssrc": 888},
            {"mid": "2", "port": data.port}])
        self.assertEqual([f["type"] for f in told["forwarders"]], ["audio", "video", "data"])
        protected = await self.ask(
            **forward, streams=[{"mid": "0", "port": srtp.port}], srtp_suite=80, srtp_crypto=SRTP_KEY)
        self.assertTrue(protected["forwarders"][0]["srtp"])

        for receiver, ssrc in ((audio, 777), (video, 888)):
            await until(lambda: receiver.has(10), "forwarded packets")
            self.assertEqual({int.from_bytes(p[8:12], "big") for p in receiver.packets}, {ssrc})
        self.assertEqual({p[1] & 0x7F for p in audio.packets}, {99})
        await until(lambda: srtp.has(10), "protected packets")
        self.assertTrue(all(len(p) > 12 + SRTP_TAG for p in srtp.packets))
        # Two empty RTP packets open the way for feedback.
        await until(lambda: rtcp.has(2), "introduction")
        self.assertEqual(rtcp.packets, [b"\x80" + bytes(11)] * 2)
        channel.send("over there")
        await until(lambda: data.has(1), "forwarded message")
        self.assertEqual(data.packets, [b"over there"])

        listed = (await self.ask(request="listforwarders"))["publishers"][0]["forwarders"]
        self.assertEqual(len(listed), 4)
        for forwarder in listed:
            stopped = await self.ask(
                request="stop_rtp_forward", publisher_id=publisher, stream_id=forwarder["stream_id"])
            self.assertEqual(stopped["videoroom"], "stop_rtp_forward")
        await asyncio.sleep(0.2)
        audio.has(0)
        audio.packets.clear()
        await asyncio.sleep(0.5)
        self.assertFalse(audio.has(1), "nothing follows after the end")
        await self.pc.close()
        await session.destroy()
        await connection.close()

    async def test_a_publisher_is_in_a_room_of_another_server(self):
        """Remote publishers, which are 1.2's and later: who watches there gets what is sent here, and asks it for key frames."""
        there = await asyncio.to_thread(self.start)
        connections = [await Connection.open(server.ws) for server in (self.server, there)]
        self.handle, host, viewer = [await (await connection.create()).attach("janus.plugin.videoroom")
                                     for connection in (connections[0], connections[1], connections[1])]
        publisher, _ = await self.publish()
        streams = [{key: stream[key] for key in ("type", "mid", "mindex", "codec") if key in stream}
                   for stream in self.streams if stream["type"] != "data"]
        added = await self.ask(host, request="add_remote_publisher", id=77, display="Ada", port=0, rtcp_port=0, streams=streams)
        self.assertEqual(added.get("id"), 77, added)
        sent = await self.ask(request="publish_remotely", publisher_id=publisher, remote_id="there", host="127.0.0.1",
                              port=added["port"], rtcp_port=added["rtcp_port"])
        self.assertEqual(sent.get("videoroom"), "success", sent)
        listed = await self.ask(request="listremotes", publisher_id=publisher)
        self.assertEqual([one["remote_id"] for one in listed["list"]], ["there"])
        eyes = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        frames = counted(eyes)
        offer = await viewer.message({"request": "join", "ptype": "subscriber", "room": 1, "streams": [{"feed": 77}]})
        await eyes.setRemoteDescription(RTCSessionDescription(offer["jsep"]["sdp"], "offer"))
        await eyes.setLocalDescription(await eyes.createAnswer())
        await viewer.message({"request": "start"}, {"type": "answer", "sdp": eyes.localDescription.sdp})
        await until(lambda: min(frames.values()) > 10, "what is published at the other server")
        gone = await self.ask(host, request="remove_remote_publisher", id=77)
        self.assertEqual(gone.get("videoroom"), "success", gone)
        await connections[1].event(lambda e: e.get("plugindata", {}).get("data", {}).get("videoroom") == "updated")
        for peer in (eyes, self.pc):
            await peer.close()
        for connection in connections:
            await connection.close()


if __name__ == "__main__":
    unittest.main()
