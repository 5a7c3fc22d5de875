"""Each of Debian's plugins alone in the folder, the others disabled: nothing tells its release but its own file and the
files of the others, which are only read. All are copies with another build-id, as somebody's own build has it."""

import asyncio
import os
import pathlib
import re
import shutil
import subprocess
import tempfile
import unittest

from aiortc import RTCConfiguration, RTCPeerConnection, RTCSessionDescription
from aiortc.mediastreams import AudioStreamTrack

from call import EchoCall, Picture
from harness import ROOT, Server
from signalling import Connection

FOLDER = pathlib.Path(next(pathlib.Path("/usr/lib").glob("*-linux-gnu/janus/plugins")))
PLUGINS = sorted(path.name.removeprefix("libjanus_").removesuffix(".so") for path in FOLDER.glob("libjanus_*.so"))


def own_builds(test, folder=None):
    """A folder with copies of all plugins whose build-id nobody knows."""
    folder = pathlib.Path(folder or tempfile.mkdtemp(prefix="janus-lone-"))
    test.addCleanup(shutil.rmtree, folder, ignore_errors=True)
    for path in FOLDER.glob("libjanus_*.so"):
        data, changed = re.subn(rb"(\x14\0\0\0\x03\0\0\0GNU\0).{20}", rb"\1" + bytes(20), path.read_bytes(), flags=re.DOTALL)
        test.assertEqual(changed, 1, path)
        (folder / path.name).write_bytes(data)
    return folder


class Lone(unittest.IsolatedAsyncioTestCase):
    async def alone(self, plugin, package=None, **options):
        """A server with this plugin only, and a handle of it."""
        options.setdefault("disabled", [name for name in PLUGINS if name != plugin])
        self.server = Server(general=f'plugins_folder = "{own_builds(self)}";', **options)
        self.addCleanup(self.server.stop)
        self.server.says(f"(libjanus_{plugin}.so)")
        self.connection = await Connection.open(self.server.ws)
        self.addAsyncCleanup(self.connection.close)
        self.session = await self.connection.create()
        return await self.session.attach(package or f"janus.plugin.{plugin}")

    def peer(self, *tracks):
        pc = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        self.addAsyncCleanup(pc.close)
        for track in tracks:
            pc.addTrack(track)
        return pc

    async def offer(self, handle, body, *tracks):
        """Offers these tracks with a request; until the PeerConnection is up."""
        pc = self.peer(*tracks)
        await pc.setLocalDescription(await pc.createOffer())
        event = await handle.message(body, {"type": "offer", "sdp": pc.localDescription.sdp})
        await pc.setRemoteDescription(RTCSessionDescription(event["jsep"]["sdp"], "answer"))
        await handle.event("webrtcup")
        return event

    async def answer(self, handle, event, body):
        """Answers the plugin's offer with a request; until the PeerConnection is up."""
        pc = self.peer()
        await pc.setRemoteDescription(RTCSessionDescription(event["jsep"]["sdp"], "offer"))
        await pc.setLocalDescription(await pc.createAnswer())
        await handle.message(body, {"type": "answer", "sdp": pc.localDescription.sdp})
        await handle.event("webrtcup")

    async def echo(self, handle):
        call = await EchoCall(handle, data=False).start()
        self.addAsyncCleanup(call.close)
        await call.media_returns(5)

    async def test_audiobridge(self):
        handle = await self.alone("audiobridge")
        await handle.message({"request": "join", "room": 1234})
        await self.offer(handle, {"request": "configure", "muted": False}, AudioStreamTrack())

    async def test_duktape(self):
        """Known by the name of its script, which it tells after `init`."""
        await self.echo(await self.alone("duktape", "janus.plugin.echojs"))

    async def test_echotest(self):
        handle = await self.alone("echotest")
        await self.echo(handle)
        # Ports of a PeerConnection's own, as after 1.4.1: accepted, there is nothing to reserve.
        reply = await self.session.request(
            {"janus": "attach", "plugin": "janus.plugin.echotest", "min_port": 20000, "max_port": 20010})
        self.assertEqual(reply["janus"], "success")

    async def test_lua(self):
        """As Duktape."""
        await self.echo(await self.alone("lua", "janus.plugin.echolua"))

    async def test_nosip(self):
        """Two handles, and the test as what carries descriptions between them."""
        caller = await self.alone("nosip")
        callee = await self.session.attach("janus.plugin.nosip")
        pc, other = self.peer(AudioStreamTrack()), self.peer(AudioStreamTrack())
        await pc.setLocalDescription(await pc.createOffer())
        event = await caller.message({"request": "generate"}, {"type": "offer", "sdp": pc.localDescription.sdp})
        plain = event["plugindata"]["data"]["result"]
        event = await callee.message({"request": "process", "type": "offer", "sdp": plain["sdp"]})
        await other.setRemoteDescription(RTCSessionDescription(event["jsep"]["sdp"], "offer"))
        await other.setLocalDescription(await other.createAnswer())
        event = await callee.message({"request": "generate"}, {"type": "answer", "sdp": other.localDescription.sdp})
        plain = event["plugindata"]["data"]["result"]
        event = await caller.message({"request": "process", "type": "answer", "sdp": plain["sdp"]})
        await pc.setRemoteDescription(RTCSessionDescription(event["jsep"]["sdp"], "answer"))
        await self.both_hear(caller, pc, callee, other)

    async def both_hear(self, caller, pc, callee, other):
        """Until both PeerConnections are up and receive sound."""
        await caller.event("webrtcup")
        await callee.event("webrtcup")
        for peer in (pc, other):
            await self.packets(peer)

    async def packets(self, peer, more=10):
        for _ in range(600):
            report = (await peer.getStats()).values()
            if sum(s.packetsReceived for s in report if s.type == "inbound-rtp") >= more:
                return
            await asyncio.sleep(0.1)
        self.fail("no sound")

    async def test_recordplay(self):
        """Debian's was taken for a build of 1.2.0, and `attach` aborted the server."""
        with tempfile.TemporaryDirectory() as records:
            handle = await self.alone("recordplay", files={
                "janus.plugin.recordplay.jcfg": f'general: {{ path = "{records}" }}\n'})
            await self.offer(handle, {"request": "record", "name": "lone"}, AudioStreamTrack(), Picture())
            await handle.message({"request": "stop"})

    async def test_sip(self):
        """Two guests, and no server between them: the one calls the other's address."""
        caller = await self.alone("sip", files={
            "janus.plugin.sip.jcfg": 'general: { local_ip = "127.0.0.1"; sdp_ip = "127.0.0.1" }\n'})
        before = self.ports()
        callee = await self.session.attach("janus.plugin.sip")
        await self.guest(callee, "callee")
        port = next(iter(self.ports() - before))
        await self.guest(caller, "caller")
        pc, other = self.peer(AudioStreamTrack()), self.peer(AudioStreamTrack())
        await pc.setLocalDescription(await pc.createOffer())
        await caller.message({"request": "call", "uri": f"sip:callee@127.0.0.1:{port}"},
                             {"type": "offer", "sdp": pc.localDescription.sdp})
        event = await self.sip_event(callee, "incomingcall")
        await other.setRemoteDescription(RTCSessionDescription(event["jsep"]["sdp"], "offer"))
        await other.setLocalDescription(await other.createAnswer())
        await callee.message({"request": "accept"}, {"type": "answer", "sdp": other.localDescription.sdp})
        event = await self.sip_event(caller, "accepted")
        await pc.setRemoteDescription(RTCSessionDescription(event["jsep"]["sdp"], "answer"))
        await self.both_hear(caller, pc, callee, other)

    async def guest(self, handle, name):
        event = await handle.message({"request": "register", "type": "guest", "username": f"sip:{name}@127.0.0.1"})
        self.assertEqual(event["plugindata"]["data"]["result"]["event"], "registered")

    async def sip_event(self, handle, name):
        while True:
            event = await handle.event("event")
            if event["plugindata"]["data"].get("result", {}).get("event") == name:
                return event

    def ports(self):
        """UDP ports of the server."""
        process = pathlib.Path(f"/proc/{self.server.process.pid}")
        sockets = {os.readlink(fd) for fd in (process / "fd").iterdir() if fd.is_symlink()}
        rows = [row.split() for row in (process / "net/udp").read_text().splitlines()[1:]]
        return {int(row[1].split(":")[1], 16) for row in rows if f"socket:[{row[9]}]" in sockets}

    async def test_streaming(self):
        handle = await self.alone("streaming")
        event = await handle.message({"request": "watch", "id": 1})
        await self.answer(handle, event, {"request": "start"})

    async def test_textroom(self):
        handle = await self.alone("textroom")
        event = await handle.message({"request": "setup"})
        await self.answer(handle, event, {"request": "ack"})

    async def test_videocall(self):
        caller = await self.alone("videocall")
        callee = await self.session.attach("janus.plugin.videocall")
        await caller.message({"request": "register", "username": "caller"})
        await callee.message({"request": "register", "username": "callee"})
        pc, other = self.peer(AudioStreamTrack(), Picture()), self.peer(AudioStreamTrack(), Picture())
        await pc.setLocalDescription(await pc.createOffer())
        await caller.message({"request": "call", "username": "callee"}, {"type": "offer", "sdp": pc.localDescription.sdp})
        event = await callee.event("event")
        await other.setRemoteDescription(RTCSessionDescription(event["jsep"]["sdp"], "offer"))
        await other.setLocalDescription(await other.createAnswer())
        await callee.message({"request": "accept"}, {"type": "answer", "sdp": other.localDescription.sdp})
        accepted = await caller.event("event")
        await pc.setRemoteDescription(RTCSessionDescription(accepted["jsep"]["sdp"], "answer"))
        await caller.event("webrtcup")
        await callee.event("webrtcup")

    async def test_videoroom(self):
        handle = await self.alone("videoroom")
        await handle.message({"request": "join", "ptype": "publisher", "room": 1234})
        await self.offer(handle, {"request": "publish"}, AudioStreamTrack(), Picture())

    async def test_voicemail(self):
        with tempfile.TemporaryDirectory() as records:
            handle = await self.alone("voicemail", files={
                "janus.plugin.voicemail.jcfg": f'general: {{ path = "{records}" }}\n'})
            await self.offer(handle, {"request": "record"}, AudioStreamTrack())


class Stranger(unittest.IsolatedAsyncioTestCase):
    """A plugin that does not come with the server, of API 102, whose file does not tell its generation: it resets a context that has
    56 bytes up to 1.1.4 and 152 from 1.2.0 on, and ends the process when that was too much."""

    def start(self, beside):
        folder = own_builds(self) if beside else pathlib.Path(tempfile.mkdtemp(prefix="janus-lone-"))
        self.addCleanup(shutil.rmtree, folder, ignore_errors=True)
        subprocess.run(["cc", "-std=gnu11", "-O2", "-shared", "-fPIC", "-DEARLY=3", ROOT / "c-plugins/telling.c",
                        "-o", folder / "telling.so"], check=True)
        server = Server(general=f'plugins_folder = "{folder}";', disabled=PLUGINS)
        self.addCleanup(server.stop)
        return server, [line for line in server.output().splitlines() if "telling.so" in line]

    async def test_disabled_plugins_beside_it_tell(self):
        server, lines = self.start(beside=True)
        warned = [line for line in lines if "WARN" in line]
        self.assertEqual(len(warned), 1, lines)
        for word in ("taken for generation B3", "beside janus_", "abi_generations = \"telling.so=B3\""):
            self.assertIn(word, warned[0])
        connection = await Connection.open(server.ws)
        self.addAsyncCleanup(connection.close)
        await (await connection.create()).attach("org.example.telling")

    def test_without_them_it_is_refused(self):
        _, lines = self.start(beside=False)
        self.assertEqual(len(lines), 1, lines)
        self.assertRegex(lines[0], r"telling\.so is not loaded: .*janus_rtp_simulcasting_context_reset.*abi_generations = ")


class Together(unittest.TestCase):
    def test_every_plugin_has_its_test(self):
        self.assertEqual([name for name in PLUGINS if not hasattr(Lone, f"test_{name}")], [])
