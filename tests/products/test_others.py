"""Other products in front of both servers: Debian's simple-whip-server, which forwards what comes to it, npm's janus-whep-server,
which watches that, and npm's Janode and janus.js. With --long."""

import asyncio
import json
import os
import pathlib
import shutil
import socket
import subprocess
import tempfile
import unittest
import urllib.request

from aiortc import RTCConfiguration, RTCPeerConnection, RTCSessionDescription
from aiortc.mediastreams import AudioStreamTrack

from call import Picture, counted, until as soon
from debian import unpacked
from harness import PROGRAMS, Server, free_port, until
from signalling import Connection

HERE = pathlib.Path(__file__).resolve().parent
LIMIT = 60


def answers(url):
    try:
        urllib.request.urlopen(url, timeout=5).close()
    except urllib.error.HTTPError:
        return True
    except OSError:
        return False
    return True


def send(url, body, kind, method="POST"):
    """Status, headers and text."""
    asked = urllib.request.Request(url, body.encode(), {"Content-Type": kind}, method=method)
    try:
        with urllib.request.urlopen(asked, timeout=LIMIT) as answer:
            return answer.status, answer.headers, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.headers, error.read().decode()


@unittest.skipUnless("LONG" in os.environ, "with --long")
class Others(unittest.IsolatedAsyncioTestCase):
    @classmethod
    def setUpClass(cls):
        installed = subprocess.run(["npm", "install", "--silent", "--no-audit", "--no-fund", "--no-package-lock"], cwd=HERE, capture_output=True,
                                   text=True, timeout=300, check=False)
        if installed.returncode:
            raise unittest.SkipTest(f"packages of npm are not to be had: {installed.stderr[-300:]}")

    def program(self, words, port, folder):
        log = open(f"{folder}/{port}.log", "wb")
        process = subprocess.Popen(["node", *map(str, words)], stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                   env={**os.environ, "NODE_PATH": str(HERE / "node_modules")})

        def end():
            process.terminate()
            process.wait(LIMIT)
            log.close()
        self.addCleanup(end)
        until(lambda: process.poll() is not None or answers(f"http://127.0.0.1:{port}/"), f"answer of {words[0]}")
        self.assertIsNone(process.poll(), pathlib.Path(log.name).read_text())

    async def test_what_whip_brings_whep_shows(self):
        for which in PROGRAMS:
            with self.subTest(which):
                await self.whip_and_whep(which)

    async def whip_and_whep(self, which):
        server = Server(which)
        self.addCleanup(server.stop, check=False)
        folder = tempfile.mkdtemp(prefix="janus-products-")
        self.addCleanup(shutil.rmtree, folder)
        # What is forwarded comes here.
        receivers = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(2)]
        for receiver in receivers:
            receiver.bind(("127.0.0.1", 0))
            receiver.settimeout(LIMIT)
            self.addCleanup(receiver.close)
        ports = dict(zip(("audio", "video"), (receiver.getsockname()[1] for receiver in receivers)))

        # Debian's package with the configuration that this server needs: its own file is a link to /etc.
        source = unpacked("simple-whip-server", "usr/share/simple-whip-server/src/server.js", "bookworm").parent
        shutil.copytree(source, f"{folder}/src", ignore=shutil.ignore_patterns("config.js"))
        whip, whep = free_port(), free_port()
        pathlib.Path(folder, "src/config.js").write_text(
            f"module.exports = {{ janus: {{ address: '{server.ws}' }}, port: {whip}, rest: '/whip', allowTrickle: true }};\n")
        await asyncio.to_thread(self.program, [f"{folder}/src/server.js"], whip, folder)
        endpoint = {"id": "in", "room": 1234, "secret": "adminpwd",
                    "recipient": {"host": "127.0.0.1", "audioPort": ports["audio"], "videoPort": ports["video"]}}
        status, _, text = await asyncio.to_thread(
            send, f"http://127.0.0.1:{whip}/whip/create", json.dumps(endpoint), "application/json")
        self.assertEqual(status, 200, text)
        publisher = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        self.addAsyncCleanup(publisher.close)
        publisher.addTrack(AudioStreamTrack())
        publisher.addTrack(Picture())
        await publisher.setLocalDescription(await publisher.createOffer())
        status, _, answer = await asyncio.to_thread(
            send, f"http://127.0.0.1:{whip}/whip/endpoint/in", publisher.localDescription.sdp, "application/sdp")
        self.assertEqual(status, 201, answer)
        await publisher.setRemoteDescription(RTCSessionDescription(answer, "answer"))
        await soon(lambda: publisher.connectionState == "connected", "publisher that is connected", LIMIT)

        connection = await Connection.open(server.ws)
        self.addAsyncCleanup(connection.close)
        room = await (await connection.create()).attach("janus.plugin.videoroom")
        listed = await room.request({"janus": "message", "body": {"request": "listparticipants", "room": 1234}})
        feed, = (one["id"] for one in listed["plugindata"]["data"]["participants"])
        await asyncio.to_thread(self.program, [HERE / "whep.mjs", server.ws, whep, 1234, feed], whep, folder)
        viewer = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        self.addAsyncCleanup(viewer.close)
        frames = counted(viewer)
        for receiver in receivers:
            for _ in range(10):
                packet = await asyncio.to_thread(receiver.recv, 2000)
                self.assertEqual(packet[0] >> 6, 2)
        # A room answers no offers: the server makes one.
        status, headers, sdp = await asyncio.to_thread(
            send, f"http://127.0.0.1:{whep}/whep/endpoint/watch", "v=0\r\n", "application/sdp")
        self.assertEqual(status, 406, sdp)
        await viewer.setRemoteDescription(RTCSessionDescription(sdp, "offer"))
        await viewer.setLocalDescription(await viewer.createAnswer())
        status, _, text = await asyncio.to_thread(
            send, f"http://127.0.0.1:{whep}{headers['Location']}", viewer.localDescription.sdp, "application/sdp", "PATCH")
        self.assertIn(status, (200, 204), text)
        await soon(lambda: min(frames.values()) >= 10, f"ten frames of both: {frames}", LIMIT)

    async def test_libraries(self):
        learnt = {}
        for which in PROGRAMS:
            server = Server(which)
            self.addCleanup(server.stop, check=False)
            done = await asyncio.to_thread(subprocess.run, ["node", HERE / "libraries.mjs", server.ws], capture_output=True, text=True,
                                           timeout=LIMIT, check=False)
            self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
            learnt[which] = json.loads(done.stdout.splitlines()[-1])
        self.assertEqual(learnt["janus-rs"], learnt["janus"])
        self.assertEqual(learnt["janus-rs"]["janode"], {"rooms": [1234, 5678], "exists": True, "created": 77, "joined": "someone",
                                                        "participants": 1})


if __name__ == "__main__":
    unittest.main()
