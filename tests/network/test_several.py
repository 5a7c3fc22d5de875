"""Two servers on hosts of their own, each a network namespace, as one service (docs/scaling.md): a balancer that asks them, one that is
drained, and a room whose publisher is watched at the other."""

import asyncio
import os
import pathlib
import subprocess
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "clients"))

from aiortc import RTCConfiguration, RTCPeerConnection, RTCSessionDescription  # noqa: E402
from aiortc.mediastreams import MediaStreamError  # noqa: E402
from call import EchoCall, Picture, until  # noqa: E402
from harness import ROOT, UNDER_TEST, Server, free_port  # noqa: E402
from signalling import Connection  # noqa: E402
from test_addresses import ip, setUpModule  # noqa: E402, F401
from test_virtual import CLIENT, Host  # noqa: E402

ADDRESSES = ["10.77.0.5", "10.77.0.6"]


@unittest.skipUnless(UNDER_TEST == "janus-rs", "the reference has no /readyz")
class Several(unittest.IsolatedAsyncioTestCase):
    def setUp(self):
        ip("link", "add", "bridge", "type", "bridge")
        self.addCleanup(ip, "link", "del", "bridge")
        ip("link", "set", "bridge", "up")
        ip("address", "add", f"{CLIENT}/24", "dev", "bridge")
        self.servers = []
        for number, address in enumerate(ADDRESSES):
            host = Host(f"host{number}", address)
            self.addCleanup(host.close)
            web = free_port()
            server = Server(general="event_loops = 1;", web=f'enabled = true; ip = "0.0.0.0"; port = {web};', prefix=host.prefix, host=address)
            server.place = f"{address}/{server.ws_port}/{web}/{server.admin_port}"
            self.addCleanup(server.stop)
            server.listens(web)
            self.servers.append(server)

    async def handle(self, url, plugin="janus.plugin.echotest"):
        connection = await Connection.open(url)
        self.addAsyncCleanup(connection.close)
        return await (await connection.create()).attach(plugin)

    def counts(self):
        return [len(server.sessions()) for server in self.servers]

    async def test_a_balancer_and_a_drain(self):
        port = free_port()
        balancer = subprocess.Popen(
            [sys.executable, ROOT / "demos/scale/balancer.py", str(port), *(server.place for server in self.servers)],
            env={**os.environ, "ADMIN_SECRET": "janusoverlord"})
        self.addCleanup(balancer.wait)
        self.addCleanup(balancer.terminate)
        url = f"ws://127.0.0.1:{port}/"
        for _ in range(100):
            try:
                calls = [EchoCall(await self.handle(url), video=False, data=False)]
                break
            except OSError:
                await asyncio.sleep(0.1)
        calls.append(EchoCall(await self.handle(url), video=False, data=False))
        self.assertEqual(await asyncio.to_thread(self.counts), [1, 1])
        for call in calls:
            self.addAsyncCleanup(call.close)
            await call.start()
        await asyncio.to_thread(self.servers[0].admin, {"janus": "drain"})
        await self.handle(url)
        self.assertEqual(await asyncio.to_thread(self.counts), [1, 2])
        for call in calls:
            await call.media_returns(10)

    async def test_one_room_over_both(self):
        here, there = self.servers
        publisher = await self.handle(here.ws, "janus.plugin.videoroom")
        mountpoint, viewer = [await self.handle(there.ws, "janus.plugin.streaming") for _ in range(2)]
        sends, sees = (RTCPeerConnection(RTCConfiguration(iceServers=[])) for _ in range(2))
        for peer in (sends, sees):
            self.addAsyncCleanup(peer.close)
        sends.addTrack(Picture())
        await sends.setLocalDescription(await sends.createOffer())
        joined = await publisher.message({"request": "joinandconfigure", "ptype": "publisher", "room": 1234},
                                         {"type": "offer", "sdp": sends.localDescription.sdp})
        await sends.setRemoteDescription(RTCSessionDescription(joined["jsep"]["sdp"], "answer"))
        await publisher.event("webrtcup")
        made = await mountpoint.request({"janus": "message", "body": {
            "request": "create", "type": "rtp", "id": 7,
            "media": [{"type": "video", "mid": "v", "port": 0, "pt": 100, "codec": "vp8"}]}})
        port = made["plugindata"]["data"]["stream"]["ports"][0]["port"]
        forwarded = await publisher.request({"janus": "message", "body": {
            "request": "rtp_forward", "room": 1234, "publisher_id": joined["plugindata"]["data"]["id"], "secret": "adminpwd",
            "host": ADDRESSES[1], "host_family": "ipv4", "streams": [{"mid": "0", "port": port, "pt": 100}]}})
        self.assertNotIn("error", forwarded["plugindata"]["data"])
        frames = []

        async def count(track):
            try:
                while True:
                    frames.append(await track.recv())
            except MediaStreamError:
                pass
        sees.on("track", lambda track: asyncio.ensure_future(count(track)))
        offer = await viewer.message({"request": "watch", "id": 7})
        await sees.setRemoteDescription(RTCSessionDescription(offer["jsep"]["sdp"], "offer"))
        await sees.setLocalDescription(await sees.createAnswer())
        await viewer.message({"request": "start"}, {"type": "answer", "sdp": sees.localDescription.sdp})
        await viewer.event("webrtcup")
        # Nobody at the second server can ask the first for a key frame; whoever publishes sends one for this.
        await publisher.request({"janus": "message", "body": {"request": "configure", "keyframe": True}})
        await until(lambda: len(frames) > 10, "frames at the other server")


if __name__ == "__main__":
    unittest.main()
