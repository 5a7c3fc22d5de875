"""What held under attack, beside a call that goes on. Counts are smaller than in the reports of docs/reliability.md."""

import asyncio
import base64
import json
import os
import pathlib
import re
import resource
import signal
import socket
import struct
import subprocess
import tempfile
import unittest

from bystander import BesideACall
from call import EchoCall
from harness import PROGRAMS, Server, until
from scripts.jsep import CANDIDATE, CHROMIUM
from signalling import Connection

MEGABYTE = 1 << 20


def held(process):
    """Threads, descriptors and resident bytes of a process."""
    status = pathlib.Path(f"/proc/{process}/status").read_text()
    number = lambda name: int(re.search(rf"{name}:\s+(\d+)", status)[1])  # noqa: E731
    return number("Threads"), len(os.listdir(f"/proc/{process}/fd")), number("VmRSS") * 1024


def offer(sdp):
    return {"janus": "message", "body": {}, "jsep": {"type": "offer", "sdp": sdp}}


def half_websocket(port):
    """A WebSocket connection without a client behind it."""
    connection = socket.create_connection(("127.0.0.1", port), 5)
    key = base64.b64encode(os.urandom(16)).decode()
    connection.sendall((
        f"GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: {key}\r\n"
        "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: janus-protocol\r\n\r\n").encode())
    return connection


def frame(text):
    """A text frame of a client (RFC 6455 §5.2) whose mask is 0."""
    data = text.encode()
    short = len(data) < 126
    length = bytes([0x80 | len(data)]) if short else b"\xff" + struct.pack(">Q", len(data))
    return b"\x81" + length + bytes(4) + data


def refused(port, depth, opening, closing):
    """Sends a request that is nested so deep; what came back until an error or the end of the connection."""
    text = f'{{"janus":"ping","transaction":"a","x":{opening * depth}1{closing * depth}}}'
    came = b""
    with half_websocket(port) as connection:
        connection.settimeout(None)
        try:
            connection.sendall(frame(text))
            while b'"error"' not in came and (more := connection.recv(4096)):
                came += more
        except ConnectionError:
            pass
    return came


class Clients(BesideACall):
    async def test_clients_that_never_read(self):
        """Each asks until nothing more fits into its connection, and takes no reply."""
        before, request = held(self.server.process.pid)[2], frame(json.dumps({"janus": "info", "transaction": "t"}))
        silent = [half_websocket(self.server.ws_port) for _ in range(20)]
        for connection in silent:
            connection.recv(1)
            connection.setblocking(False)
        for _ in range(400):
            for connection in silent:
                try:
                    connection.send(request)
                except BlockingIOError:
                    pass
            await asyncio.sleep(0)
        await self.call.media_returns(10)
        self.assertLess(held(self.server.process.pid)[2] - before, 200 * MEGABYTE)
        for connection in silent:
            connection.close()

    async def test_half_requests(self):
        """Connections that send the beginning of a request, or of a message, and no more."""
        halves = [b"G", b"POST /janus HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{\"janus\"", b"\x16\x03\x01"]
        open_ones = []
        for number in range(240):
            port = (self.server.ws_port, self.server.http_port, self.server.admin_port)[number % 3]
            connection = socket.create_connection(("127.0.0.1", port), 5)
            connection.sendall(halves[number // 3 % 3])
            open_ones.append(connection)
        await self.call.media_returns(10)
        session = await self.connection.create()
        await session.destroy()
        for connection in open_ones:
            connection.close()


class Descriptions(BesideACall):
    async def settled(self, sdp):
        """An offer is answered or refused; the handle takes a good one afterwards."""
        handle = await self.session.attach()
        reply = await handle.request(offer(sdp), limit=60)
        self.assertIn(reply["janus"], ("ack", "error", "event"))
        await handle.request({"janus": "hangup"}, limit=60)
        await asyncio.sleep(0.5)
        self.connection.events.clear()
        answer = await handle.message({}, offer(CHROMIUM)["jsep"])
        self.assertEqual(answer["jsep"]["type"], "answer")
        await handle.request({"janus": "detach"})

    async def test_memory_comes_back(self):
        """After a description of 5 MB, as soon as it is quiet; it was 200 MB more for ever."""
        before = held(self.server.process.pid)[2]
        first = CHROMIUM.index("a=mid")
        await self.settled(CHROMIUM[:first] + "a=x:1\r\n" * 700_000 + CHROMIUM[first:])
        more = lambda: held(self.server.process.pid)[2] - before  # noqa: E731
        for _ in range(600):
            if more() < 60 * MEGABYTE:
                break
            await asyncio.sleep(0.2)
        self.assertLess(more(), 60 * MEGABYTE)

    async def test_five_thousand_media(self):
        await self.settled(CHROMIUM + "m=audio 9 UDP/TLS/RTP/SAVPF 111\r\nc=IN IP4 0.0.0.0\r\na=mid:x\r\n" * 5000)

    async def test_a_hundred_thousand_candidates(self):
        lines = "".join(
            f"a=candidate:{n} 1 udp {n + 1} 10.{n >> 16}.{n >> 8 & 255}.{n & 255} 9 typ host\r\n" for n in range(100_000))
        self.assertIn("candidate:", CANDIDATE)
        await self.settled(CHROMIUM.rstrip("\r\n") + "\r\n" + lines)

    async def test_two_thousand_sessions_and_five_thousand_handles(self):
        """All gone when their connections are; what they held is given back."""
        before = held(self.server.process.pid)
        crowd = await asyncio.gather(*(Connection.open(self.server.ws) for _ in range(4)))
        for connection in crowd:
            sessions = []
            for _ in range(10):
                sessions += await asyncio.gather(*(connection.create() for _ in range(50)))
            for part in range(0, 1250, 125):
                await asyncio.gather(*(sessions[(part + n) % 500].attach() for n in range(125)))
        self.assertEqual(len(self.server.sessions()), 2000 + 2)
        for connection in crowd:
            connection.socket.transport.abort()
        await asyncio.to_thread(until, lambda: len(self.server.sessions()) == 2, "end of the sessions", 60)
        # Threads of the pool that runs the plugins' callbacks go when they have had nothing to do for a while.
        def is_back():
            return all(now <= then + 4 for now, then in zip(held(self.server.process.pid)[:2], before))
        await asyncio.to_thread(until, is_back, "threads and descriptors as before", 60)
        self.assertLess(held(self.server.process.pid)[2] - before[2], 60 * MEGABYTE)


class Names(BesideACall):
    async def test_recordings_lie_where_the_name_says(self):
        """The echotest has no folder for them, so that a client's name is taken as it is, also with `..` in it; not where a folder
        on the way is missing. The log names the files that there are."""
        with tempfile.TemporaryDirectory() as folder:
            os.mkdir(f"{folder}/inner")
            recorded = await EchoCall(await self.session.attach(), data=False).start()
            self.addAsyncCleanup(recorded.close)
            for name in ("whole", "inner/../above", "none/../missing"):
                await recorded.handle.message({"record": True, "filename": f"{folder}/{name}"})
                await recorded.media_returns(5)
                await recorded.handle.message({"record": False})
                await self.call.media_returns(10)
            files = sorted(os.path.join(at, name) for at, _, names in os.walk(folder) for name in names)
            for kind in ("audio", "video"):
                for name in ("whole", "above"):
                    [file] = [file for file in files if file.startswith(f"{folder}/{name}") and kind in file]
                    self.assertGreater(os.path.getsize(file), 100)
            self.assertEqual(len(files), 4, files)
            log = self.server.output()
            named = re.findall(re.escape(folder) + r"\S*\.mjr", log)
            self.assertEqual({os.path.normpath(name) for name in named if "none" not in name} - set(files), set())

    async def test_the_text_of_a_client_begins_no_line_of_the_log(self):
        forged = "candidate:x\n[FATAL] forged\r\n\x1b[31m[ERR]\x1b[0m forged\x07"
        handle = await self.session.attach()
        await handle.message({}, offer(CHROMIUM)["jsep"])
        before = len(self.server.output())
        for _ in range(10):
            candidate = {"sdpMid": "0", "sdpMLineIndex": 0, "candidate": forged}
            await handle.request({"janus": "trickle", "candidate": candidate})
        await self.call.media_returns(10)
        lines = self.server.output()[before:].split("\n")
        told = [line for line in lines if "forged" in line]
        self.assertGreaterEqual(len(told), 10)
        self.assertEqual([line for line in told if not line.startswith("  | ") and "Failed to parse" not in line], [])
        self.assertEqual([line for line in lines if re.search(r"[\x00-\x08\x0b-\x1f\x7f]", line)], [])


class HalfRequests(BesideACall):
    """At the built-in web server."""

    configuration = {"which": "janus-rs", "builtin": True, "web": "connections = 200"}

    async def test_half_requests(self):
        halves = (b"", b"GET / HTTP/1.1\r\nHost: x\r\n", b"POST /janus HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{")
        open_ones = []
        for number in range(450):
            connection = socket.create_connection(("127.0.0.1", self.server.http_port), 5)
            connection.sendall(halves[number % 3])
            open_ones.append(connection)
        await self.call.media_returns(10)
        session = await (await Connection.open(self.server.ws)).create()
        await session.attach()
        for connection in open_ones:
            connection.close()


class Machine(unittest.IsolatedAsyncioTestCase):
    def setUp(self):
        self.server = Server()

    def tearDown(self):
        self.server.stop()

    async def calls(self, count):
        self.connection = await Connection.open(self.server.ws)
        self.session = await self.connection.create()
        calls = [await EchoCall(await self.session.attach(), data=False).start() for _ in range(count)]
        for call in calls:
            self.addAsyncCleanup(call.close)
            await call.media_returns(5)
        return calls

    async def test_nesting_of_ten_megabytes(self):
        """Refused; calls come up afterwards."""
        for opening, closing in (("[", "]"), ('{"a":', "}")):
            depth = 10 * MEGABYTE // len(opening + closing)
            came = await asyncio.to_thread(refused, self.server.ws_port, depth, opening, closing)
            self.assertNotIn(b"pong", came)
        await self.calls(1)

    async def test_sigterm_under_load(self):
        """It ends by itself, with code 0, whatever is under way."""
        await self.calls(2)
        crowd = await asyncio.gather(*(Connection.open(self.server.ws) for _ in range(10)))

        async def work(connection):
            while True:
                session = await connection.create()
                handle = await session.attach()
                await handle.request(offer(CHROMIUM))
        working = [asyncio.create_task(work(connection)) for connection in crowd]
        await asyncio.sleep(1)
        self.server.process.send_signal(signal.SIGTERM)
        code = await asyncio.to_thread(self.server.process.wait, 30)
        for task in working:
            task.cancel()
        await asyncio.gather(*working, return_exceptions=True)
        self.assertEqual(code, 0)

    async def test_kill_9_and_back(self):
        """The same ports are taken at once, and calls come up."""
        await self.calls(1)
        self.server.process.kill()
        self.server.process.wait()
        with self.server.log_path.open("ab") as log:
            self.server.process = subprocess.Popen(
                [PROGRAMS[self.server.which], "-F", str(self.server.folder)], stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        await asyncio.to_thread(until, self.server._answers, "server")
        await self.calls(1)

    async def test_64_descriptors(self):
        """Connections for which none is left get nothing; the call goes on, and later ones come up."""
        (call,) = await self.calls(1)
        # As many as a start under `ulimit -n 64` would leave, or one more than are open.
        limit = max(64, held(self.server.process.pid)[1] + 4)
        resource.prlimit(self.server.process.pid, resource.RLIMIT_NOFILE, (limit, limit))
        crowd = []
        for _ in range(limit):
            connection = socket.socket()
            connection.settimeout(1)
            try:
                connection.connect(("127.0.0.1", self.server.ws_port))
                connection.sendall(b"GET / HTTP/1.1\r\n")
            except OSError:
                pass
            crowd.append(connection)
        await call.media_returns(10)
        for connection in crowd:
            connection.close()
        await call.media_returns(10)
        await asyncio.to_thread(until, self.server._answers, "server")
        await self.calls(1)


class NoFreePort(unittest.TestCase):
    def test_no_free_port(self):
        """A clear error at the start, not a server without media."""
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
            taken.bind(("0.0.0.0", 0))
            port = taken.getsockname()[1]
            with self.assertRaises(AssertionError) as refused:
                Server(media=f'rtp_port_range = "{port}-{port}";').stop(check=False)
        self.assertRegex(str(refused.exception), rf"the server ended with [1-9](.|\n)*{port}")


if __name__ == "__main__":
    unittest.main()
