"""janus-rs under a service manager: what it tells, how it is asked for its health, and how it ends."""

import asyncio
import os
import signal
import socket
import tempfile
import unittest
import unittest.mock
import urllib.error
import urllib.request

from call import EchoCall
from harness import Server, free_port, until
from signalling import Connection


class Manager:
    """Receives what sd_notify(3) sends, in place of systemd, which needs a whole booted system."""

    def __init__(self, **environment):
        self.folder = tempfile.TemporaryDirectory()
        self.path = f"{self.folder.name}/notify"
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(self.path)
        self.socket.setblocking(False)
        self.environment = {"NOTIFY_SOCKET": self.path, **environment}
        self.heard = []

    def close(self):
        self.socket.close()
        self.folder.cleanup()

    def hears(self, line):
        try:
            while True:
                self.heard.extend(self.socket.recv(4096).decode().splitlines())
        except BlockingIOError:
            return line in self.heard

    def wait(self, line):
        until(lambda: self.hears(line), f"{line!r} among {self.heard}")


class Service(unittest.IsolatedAsyncioTestCase):
    def start(self, general="", **environment):
        self.manager = Manager(**environment)
        self.addCleanup(self.manager.close)
        self.web = free_port()
        with unittest.mock.patch.dict(os.environ, self.manager.environment):
            self.server = Server("janus-rs", general=general, files={
                "janus-rs.jcfg": f'web: {{ enabled = true; ip = "127.0.0.1"; port = {self.web} }}\n'})
        self.addCleanup(self.server.stop, check=False)
        self.server.listens(self.web)

    async def status(self, path):
        def fetch():
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{self.web}{path}", timeout=30) as answer:
                    return answer.status
            except urllib.error.HTTPError as error:
                return error.code
        return await asyncio.to_thread(fetch)

    async def call(self):
        connection = await Connection.open(self.server.ws)
        self.addAsyncCleanup(connection.close)
        call = EchoCall(await (await connection.create()).attach(), video=False, data=False)
        await call.start()
        await call.media_returns(5)
        self.addAsyncCleanup(call.close)
        return connection, call

    async def ends(self):
        return await asyncio.to_thread(self.server.process.wait, 60)

    async def test_it_is_ready_alive_and_stops(self):
        self.start(WATCHDOG_USEC="600000")
        await asyncio.to_thread(self.manager.wait, "READY=1")
        for _ in range(3):
            self.manager.heard.clear()
            await asyncio.to_thread(self.manager.wait, "WATCHDOG=1")
        self.assertIn("STATUS=0 sessions, 0 PeerConnections", self.manager.heard)
        self.server.process.send_signal(signal.SIGTERM)
        await asyncio.to_thread(self.manager.wait, "STOPPING=1")
        self.assertEqual(await self.ends(), 0)

    async def test_calls_end_before_it_does(self):
        self.start(general="shutdown_timeout = 600;")
        connection, call = await self.call()
        for path in ("/livez", "/readyz", "/healthz"):
            self.assertEqual(await self.status(path), 200, path)
        self.server.process.send_signal(signal.SIGTERM)
        await asyncio.to_thread(self.manager.wait, "STATUS=Waiting for 1 PeerConnections")
        await call.media_returns(10)
        self.assertEqual([await self.status(path) for path in ("/livez", "/readyz", "/healthz")], [200, 503, 503])
        refused = await connection.request({"janus": "create"})
        self.assertEqual(refused["error"]["code"], 472)
        await call.handle.request({"janus": "detach"})
        self.assertEqual(await self.ends(), 0)
        self.server.says("Draining: 1 PeerConnections are left")

    async def test_a_second_signal_ends_the_waiting(self):
        self.start(general="shutdown_timeout = 600;")
        await self.call()
        self.server.process.send_signal(signal.SIGTERM)
        await asyncio.to_thread(self.manager.wait, "STATUS=Waiting for 1 PeerConnections")
        self.server.process.send_signal(signal.SIGTERM)
        self.assertEqual(await self.ends(), 0)
        self.server.says("Not waiting any longer")
        self.server.says("Bye!")

    async def test_the_time_is_up(self):
        self.start(general="shutdown_timeout = 2;")
        await self.call()
        self.server.process.send_signal(signal.SIGINT)
        self.assertEqual(await self.ends(), 0)
        self.server.says("Going on with 1 PeerConnections that have not ended in time")


if __name__ == "__main__":
    unittest.main()
