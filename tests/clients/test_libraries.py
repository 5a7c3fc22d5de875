"""janus-client of PyPI over the built-in transports: a whole call by WebSocket, and the same by HTTP."""

import asyncio
import pathlib
import tempfile
import unittest

from harness import Server

try:
    from janus_client import JanusEchoTestPlugin, JanusSession
except ImportError:
    JanusSession = None

FFMPEG = ["ffmpeg", "-y", "-loglevel", "error", "-f", "lavfi", "-i", "testsrc=size=160x120:rate=10:duration=60", "-c:v", "libvpx", "-b:v", "200k"]


@unittest.skipUnless(JanusSession, "janus-client is not installed")
class Libraries(unittest.IsolatedAsyncioTestCase):
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
                await plugin.start(str(film), str(recorded))
                await asyncio.wait_for(plugin.wait_webrtcup(), 60)
                self.assertEqual(len(server.sessions()), 1)
                await plugin.close_stream()
                await plugin.destroy()
                await session.destroy()
                self.assertEqual(server.sessions(), [], address)


if __name__ == "__main__":
    unittest.main()
