"""The signaling server of Nextcloud Talk (Debian sid's package), which keeps one WebSocket to the server and a handle of
videoroom for each publisher and subscriber. The clients are internal ones, which prove themselves by a shared secret."""

import asyncio
import hashlib
import hmac
import itertools
import json
import os
import pathlib
import secrets
import shutil
import signal
import subprocess
import tempfile
import unittest

import websockets
from aiortc import RTCConfiguration, RTCPeerConnection, RTCSessionDescription
from aiortc.mediastreams import AudioStreamTrack

from call import Picture, counted, until as soon
from debian import unpacked
from harness import PROGRAMS, Server, free_port, until

LONG = "LONG" in os.environ
SECRET = "the-secret-of-internal-clients"
BACKEND = "https://cloud.invalid/"
LIMIT = 60


class Signaling:
    """A running signaling server in front of `server`."""

    def __init__(self, test, server):
        program = unpacked("nextcloud-spreed-signaling", "usr/bin/nextcloud-spreed-signaling-server")
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="janus-signaling-"))
        test.addCleanup(shutil.rmtree, self.folder)
        self.port = free_port()
        config = self.folder / "server.conf"
        config.write_text(f"""
[http]
listen = 127.0.0.1:{self.port}
[sessions]
hashkey = {secrets.token_hex(16)}
blockkey = {secrets.token_hex(8)}
[clients]
internalsecret = {SECRET}
[backend]
backends = cloud
[cloud]
url = {BACKEND}
secret = nobody-asks
[nats]
url = :loopback:
[mcu]
type = janus
url = {server.ws}
""")
        self.log = self.folder / "log"
        with self.log.open("wb") as log:
            self.process = subprocess.Popen([program, "-config", config], stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        test.addCleanup(self.stop)

    def stop(self):
        self.process.terminate()
        self.process.wait(LIMIT)

    def says(self, text):
        if self.process.poll() is not None:
            raise AssertionError(self.log.read_text())
        return text in self.log.read_text()


class Client:
    """An internal client in a room."""

    def __init__(self, socket):
        self.socket = socket
        self.numbers = itertools.count(1)
        self.messages = []

    @classmethod
    async def join(cls, signaling, room):
        client = cls(await websockets.connect(f"ws://127.0.0.1:{signaling.port}/spreed", max_size=None))
        random = secrets.token_hex(32)
        token = hmac.new(SECRET.encode(), random.encode(), hashlib.sha256).hexdigest()
        hello = await client.request({"type": "hello", "hello": {"version": "1.0", "auth": {
            "type": "internal", "params": {"random": random, "token": token, "backend": BACKEND}}}})
        client.id = hello["hello"]["sessionid"]
        await client.request({"type": "room", "room": {"roomid": room}})
        # In the call, with audio and video.
        await client.send({"type": "internal", "internal": {"type": "incall", "incall": {"incall": 7}}})
        return client

    async def send(self, message):
        await self.socket.send(json.dumps(message))

    async def find(self, wanted):
        async with asyncio.timeout(LIMIT):
            while True:
                for message in self.messages:
                    if wanted(message):
                        self.messages.remove(message)
                        return message
                message = json.loads(await self.socket.recv())
                if message["type"] == "error":
                    raise AssertionError(message)
                self.messages.append(message)

    async def request(self, message):
        number = str(next(self.numbers))
        await self.send({**message, "id": number})
        return await self.find(lambda answer: answer.get("id") == number)

    async def tell(self, session, data):
        await self.send({"type": "message", "message": {
            "recipient": {"type": "session", "sessionid": session}, "data": {"roomType": "video", **data}}})

    async def hears(self, kind):
        message = await self.find(lambda it: it["type"] == "message" and it["message"]["data"].get("type") == kind)
        return message["message"]["data"]

    async def publish(self):
        pc = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        pc.addTrack(AudioStreamTrack())
        pc.addTrack(Picture())
        await pc.setLocalDescription(await pc.createOffer())
        await self.tell(self.id, {"type": "offer", "payload": {"type": "offer", "sdp": pc.localDescription.sdp}})
        answer = await self.hears("answer")
        await pc.setRemoteDescription(RTCSessionDescription(answer["payload"]["sdp"], "answer"))
        await soon(lambda: pc.connectionState == "connected", "publisher that is connected", LIMIT)
        return pc

    async def subscribe(self, publisher):
        """The connection, and frames by kind."""
        await self.tell(publisher, {"type": "requestoffer"})
        offer = await self.hears("offer")
        pc = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        frames = counted(pc)
        await pc.setRemoteDescription(RTCSessionDescription(offer["payload"]["sdp"], "offer"))
        await pc.setLocalDescription(await pc.createAnswer())
        await self.tell(publisher, {"type": "answer", "sid": offer.get("sid"),
                                    "payload": {"type": "answer", "sdp": pc.localDescription.sdp}})
        return pc, frames

    async def close(self):
        await self.socket.close()


class Talk(unittest.IsolatedAsyncioTestCase):
    async def call(self, signaling, room):
        """One publishes, another sees and hears it."""
        speaker, listener = [await Client.join(signaling, room) for _ in range(2)]
        published = await speaker.publish()
        subscribed, frames = await listener.subscribe(speaker.id)
        await soon(lambda: min(frames.values()) >= 10, "ten frames of both", LIMIT)
        for pc in (published, subscribed):
            await pc.close()
        for client in (speaker, listener):
            await client.close()

    async def test_calls_before_and_after_a_crash_of_the_server(self):
        for which in PROGRAMS if LONG else ["janus-rs"]:
            with self.subTest(which):
                server = Server(which)
                self.addCleanup(server.stop, check=False)
                signaling = Signaling(self, server)
                await asyncio.to_thread(until, lambda: signaling.says("Using janus MCU") or signaling.says("Created Janus session"), "MCU")
                await self.call(signaling, "before")
                server.process.send_signal(signal.SIGKILL)
                server.process.wait(LIMIT)
                seen = signaling.log.read_text().count("Created Janus session")
                with server.log_path.open("ab") as log:
                    server.process = subprocess.Popen([PROGRAMS[which], "-F", str(server.folder)], stdin=subprocess.DEVNULL,
                                                      stdout=log, stderr=log)
                await asyncio.to_thread(until, lambda: signaling.log.read_text().count("Created Janus session") > seen, "new session")
                await self.call(signaling, "after")


if __name__ == "__main__":
    unittest.main()
