"""A call that has to go on undisturbed while a test torments the server."""

import unittest

from call import EchoCall
from harness import Server
from signalling import Connection


class BesideACall(unittest.IsolatedAsyncioTestCase):
    """Before each test a call begins; after it the same call has to be alive, and a new session possible."""

    configuration = {}

    @classmethod
    def setUpClass(cls):
        cls.server = Server(**cls.configuration)

    @classmethod
    def tearDownClass(cls):
        cls.server.stop()

    async def asyncSetUp(self):
        self.quiet = await Connection.open(self.server.ws)
        session = await self.quiet.create()
        self.call = await EchoCall(await session.attach()).start()
        await self.call.media_returns(5)
        await self.call.data_open()
        self.connection = await Connection.open(self.server.ws)
        self.session = await self.connection.create()

    async def asyncTearDown(self):
        self.assertTrue(self.server.alive(), self.server.output()[-4000:])
        await self.call.media_returns(10)
        self.assertIn("still here", await self.call.echoes("still here"))
        self.assertEqual([e for e in self.quiet.events if e["janus"] in ("hangup", "detached", "timeout")], [])
        fresh = await Connection.open(self.server.ws)
        await (await fresh.create()).attach()
        await fresh.close()
        await self.call.close()
        for connection in (self.quiet, self.connection):
            await connection.close()
