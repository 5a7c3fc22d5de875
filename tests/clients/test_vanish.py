"""Peers and clients that are gone without a word."""

import asyncio
import multiprocessing
import unittest

from call import EchoCall, until
from harness import Server
from signalling import Connection, Handle, Session


def call_until_killed(url, session, handle, ready):
    """In a process of its own: a call on an existing handle."""
    async def run():
        connection = await Connection.open(url)
        owner = Session(connection, session)
        await connection.request({"janus": "claim", "session_id": session})
        call = await EchoCall(Handle(owner, handle)).start()
        await call.media_returns(5)
        ready.set()
        await asyncio.sleep(3600)
    asyncio.run(run())


class Vanishing(unittest.IsolatedAsyncioTestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = Server(general="session_timeout = 0; reclaim_session_timeout = 4;",
                            nat="ice_consent_freshness = true;")

    @classmethod
    def tearDownClass(cls):
        cls.server.stop()

    async def asyncSetUp(self):
        self.connection = await Connection.open(self.server.ws)
        self.session = await self.connection.create()
        self.handle = await self.session.attach()

    async def asyncTearDown(self):
        await self.connection.close()

    def kill_in_call(self):
        """Starts a call in another process; returns the function that kills it."""
        context = multiprocessing.get_context("spawn")
        ready = context.Event()
        process = context.Process(
            target=call_until_killed, args=(self.server.ws, self.session.id, self.handle.id, ready), daemon=True)
        process.start()

        async def wait():
            await until(ready.is_set, "call in the other process", 60)
        return process, wait

    async def test_killed_process(self):
        """CP-191, MP §3.4: media stop first, then consent is not renewed; the session lives on with a new owner."""
        process, ready = self.kill_in_call()
        await ready()
        process.kill()
        process.join()
        await self.connection.request({"janus": "claim", "session_id": self.session.id})
        for kind in ("audio", "video"):
            await self.connection.event(
                lambda e: e.get("janus") == "media" and e["type"] == kind and not e["receiving"], 15)

        if self.server.which == "janus":  # 1.1.2 never gives up a path that worked
            await self.handle.request({"janus": "hangup"})
            reason = "Janus API"
        else:
            await self.handle.event("ice-failed", 60)
            reason = "ICE failed"
        self.assertEqual((await self.handle.event("hangup", 30))["reason"], reason)
        # The handle can be used again (CP-238).
        call = await EchoCall(self.handle).start()
        self.addAsyncCleanup(call.close)
        await call.media_returns(5)

    async def test_killed_process_with_its_session(self):
        """CP-118: the connection ends with its process, so does the session when nobody claims it in time."""
        process, ready = self.kill_in_call()
        await ready()
        self.assertIn(self.session.id, self.server.sessions())
        process.kill()
        process.join()
        await until(lambda: self.session.id not in self.server.sessions(), "end of the session")
        self.assertTrue(self.server.alive())

    async def test_socket_closed_during_call(self):
        """CP-118: the signalling is gone, media go on until the session ends, then the peer is told."""
        call = await EchoCall(self.handle).start()
        self.addAsyncCleanup(call.close)
        await call.media_returns(5)
        self.connection.socket.transport.abort()
        await call.media_returns(5)
        await until(lambda: self.session.id not in self.server.sessions(), "end of the session")
        await until(lambda: call.pc.connectionState in ("closed", "failed"), "end seen by the peer")


if __name__ == "__main__":
    unittest.main()
