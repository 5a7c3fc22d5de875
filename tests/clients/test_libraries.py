"""janus-client of PyPI over the built-in transports: a whole call by WebSocket, and the same by HTTP."""

import asyncio
import logging
import pathlib
import tempfile
import unittest

from harness import Server

try:
    from janus_client import JanusEchoTestPlugin, JanusSession
except ImportError:
    JanusSession = None
# It would say everything that it sends, for all tests after this one.
logging.getLogger().setLevel(logging.WARNING)

FFMPEG = ["ffmpeg", "-y", "-loglevel", "error", "-f", "lavfi", "-i", "testsrc=size=160x120:rate=10:duration=20", "-c:v", "libvpx", "-b:v", "200k"]


@unittest.skipUnless(JanusSession, "janus-client is not installed")
class Libraries(unittest.IsolatedAsyncioTestCase):
    async def start(self, plugin, *files):
        """It loses an answer that comes before it is through with the acknowledgement (with Debian's janus by HTTP more often than not)."""
        for _ in range(10):
            await plugin.start(*map(str, files))
            for _ in range(40):
                if plugin.pc.remoteDescription:
                    return
                await asyncio.sleep(0.05)
        self.fail("ten answers lost")

    async def test_janus_client(self):
        server = Server("janus-rs", builtin=True)
        self.addCleanup(server.stop)
        with tempfile.TemporaryDirectory() as folder:
            film = pathlib.Path(folder, "film.webm")
            made = await asyncio.create_subprocess_exec(*FFMPEG, str(film))
            self.assertEqual(await made.wait(), 0)
            for address in (server.ws, server.http):
                session = JanusSession(base_url=address)
                plugin = JanusEchoTestPlugin()
                await plugin.attach(session)
                recorded = pathlib.Path(folder, "echo.mp4")
                await self.start(plugin, film, recorded)
                await asyncio.wait_for(plugin.wait_webrtcup(), 60)
                self.assertEqual(len(server.sessions()), 1)
                await plugin.close_stream()
                await plugin.destroy()
                await session.destroy()
                self.assertEqual(server.sessions(), [], address)


if __name__ == "__main__":
    unittest.main()
