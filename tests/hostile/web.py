"""Strangers at the built-in web server: heads and bodies that trickle in, connections that say nothing, WebSockets that ask and
do not read, requests one after the other, HTTP/2 streams that are taken back. Beside them somebody is answered all the time, and
what the server holds stays bounded. ROUNDS says how often all of it is done; WEB_MINUTES how long instead."""

import asyncio
import contextlib
import itertools
import json
import os
import pathlib
import random
import re
import ssl
import tempfile
import time
import unittest

from harness import Server
from signalling import Connection

ROUNDS = int(os.environ.get("ROUNDS", 3))
MINUTES = float(os.environ.get("WEB_MINUTES", 0))
#: Connections that may be there, and those that are opened beside: more than there may be.
LIMIT, OPENED = 150, 250
#: Bytes that the server may hold more than after the first round, which warms it up.
MAY_GROW = 48 << 20

KEY = "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: janus-protocol\r\n"
UPGRADE = f"GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n{KEY}\r\n".encode()


def frame(text):
    length = bytes([0x80 | len(text)]) if len(text) < 126 else bytes([0x80 | 126]) + len(text).to_bytes(2, "big")
    return b"\x81" + length + bytes(4) + text


PING = frame(json.dumps({"janus": "ping", "transaction": "x" * 30_000}).encode())
BEGINNINGS = [
    b"",
    b"G",
    b"GET /janus HTTP/1.1\r\nHost: a\r\nX-Long: ",
    b"POST /janus HTTP/1.1\r\nHost: a\r\nContent-Length: 65536\r\n\r\n{",
    b"POST /whip/1234 HTTP/1.1\r\nHost: a\r\nContent-Type: application/sdp\r\nContent-Length: 1000\r\n\r\nv=0",
    b"\x16\x03\x01\x02\x00\x01\x00",
    UPGRADE,
    UPGRADE + b"\x81\xfe\x40\x00\x00\x00\x00\x00{",
    UPGRADE + PING * 20,
]
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes([0, 0, 0, 4, 0, 0, 0, 0, 0])


def taken_back(stream):
    """HEADERS (GET https://a/ in HPACK's static table) and RST_STREAM of it."""
    block = b"\x82\x87\x84\x41\x01a"
    number = stream.to_bytes(4, "big")
    return len(block).to_bytes(3, "big") + b"\x01\x05" + number + block + b"\x00\x00\x04\x03\x00" + number + bytes([0, 0, 0, 8])


class Web(unittest.IsolatedAsyncioTestCase):
    def memory(self):
        status = pathlib.Path(f"/proc/{self.server.process.pid}/status").read_text()
        return int(re.search(r"VmRSS:\s+(\d+)", status)[1]) * 1024

    async def open(self, secure=None):
        try:
            return await asyncio.open_connection("127.0.0.1", self.server.http_port, limit=1 << 10, ssl=secure)
        except OSError:
            return None

    async def stranger(self, number):
        """Says the beginning of something, then a byte now and then."""
        opened = await self.open()
        if not opened:
            return
        reader, writer = opened
        reader._transport.pause_reading()
        with contextlib.suppress(OSError):
            writer.write(BEGINNINGS[number % len(BEGINNINGS)])
            for _ in range(3):
                await asyncio.sleep(random.uniform(0.1, 0.5))
                writer.write(b"a")
                await asyncio.wait_for(writer.drain(), 1)
        writer.transport.abort()

    async def busy(self):
        """Asks, one request after the other, without reading the answers first."""
        opened = await self.open()
        if not opened:
            return
        body = json.dumps({"janus": "ping", "transaction": "t"})
        request = f"POST /janus HTTP/1.1\r\nHost: a\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode()
        with contextlib.suppress(OSError, asyncio.TimeoutError):
            opened[1].write(request * 300)
            await asyncio.wait_for(opened[0].read(1 << 20), 5)
        opened[1].transport.abort()

    async def resets(self):
        """HTTP/2: streams that are opened and taken back at once."""
        opened = await self.open(self.http2)
        if not opened:
            return
        with contextlib.suppress(OSError, asyncio.TimeoutError):
            opened[1].write(PREFACE + b"".join(taken_back(stream) for stream in range(1, 2001, 2)))
            await asyncio.wait_for(opened[0].read(1 << 20), 5)
        opened[1].transport.abort()

    async def test_strangers(self):
        with tempfile.TemporaryDirectory() as folder:
            self.server = Server(builtin=True, web=f'connections = {LIMIT}; tls_cert = "{folder}/web.pem";')
            try:
                await self.torment()
            finally:
                self.server.stop()

    async def torment(self):
        self.http2 = ssl.create_default_context()
        self.http2.check_hostname, self.http2.verify_mode = False, ssl.CERT_NONE
        self.http2.set_alpn_protocols(["h2"])
        mine = await Connection.open(self.server.ws)
        session = await mine.create()
        asked, first, most = 0, None, 0
        end = time.monotonic() + 60 * MINUTES
        for number in itertools.count(1):
            crowd = [self.stranger(index) for index in range(OPENED)]
            crowd += [self.busy() for _ in range(5)] + [self.resets() for _ in range(5)]
            gathered = asyncio.gather(*crowd)
            while not gathered.done():
                self.assertEqual((await session.request({"janus": "keepalive"}))["janus"], "ack")
                asked += 1
                await asyncio.sleep(0.05)
            await gathered
            fresh = await Connection.open(self.server.ws)
            await (await (await fresh.create()).attach()).request({"janus": "detach"})
            await fresh.close()
            now = self.memory()
            first, most = first or now, max(most, now)
            if time.monotonic() >= end if MINUTES else number >= ROUNDS:
                break
        files = len(list(pathlib.Path(f"/proc/{self.server.process.pid}/fd").iterdir()))
        print(f"{number} rounds of {len(crowd)} connections, {asked} answers beside them; "
              f"{first >> 20} MB after the first, {most >> 20} MB at most; {files} descriptors at the end")
        self.assertLess(most - first, MAY_GROW)
        self.assertTrue(self.server.alive())
        await mine.close()


if __name__ == "__main__":
    unittest.main()
