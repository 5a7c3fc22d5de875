"""A plugin for each of the sixteen ABI generations: each alone in the folder, and all of them in one process."""

import asyncio
import base64
import hmac
import pathlib
import shutil
import subprocess
import tempfile
import time
import unittest

from dialects import GENERATIONS, SERVED, UNTOLD, Dialect, file, overrides, package
from harness import PROGRAMS, Server
from peer import tap

SECRET = "of the tests"
tap()


class Folder:
    """A plugin folder with the plugins of these generations."""

    def __init__(self, test, generations):
        self.path = pathlib.Path(tempfile.mkdtemp(prefix="janus-dialects-"))
        test.addCleanup(shutil.rmtree, self.path)
        for name in generations:
            shutil.copy(file(name), self.path)


def start(folder, plugins="", general=""):
    return Server(general=f'plugins_folder = "{folder.path}"; {general}', media="slowlink_threshold = 4;",
                  plugins=plugins, disabled=[])


class Alone(unittest.IsolatedAsyncioTestCase):
    """Nothing but its own file tells what it is."""

    async def alone(self, generation):
        folder = Folder(self, [generation])
        self.told(folder, generation)
        if generation not in SERVED:
            return
        server = await asyncio.to_thread(start, folder, overrides([generation]))
        dialect = Dialect(self, server, generation)
        try:
            self.assertIn(f"(libdialect_{generation}.so)", server.output())
            await dialect.open()
            await dialect.everything()
        finally:
            await dialect.close()
            await asyncio.to_thread(server.stop)

    def told(self, folder, generation):
        """What `check` says without a word from the configuration."""
        report = subprocess.run([PROGRAMS["janus-rs"], "check", folder.path / file(generation).name],
                                capture_output=True, text=True, timeout=60, check=False).stdout
        if generation not in SERVED:
            self.assertRegex(report, "refused: .*(not served yet|imports are not complete|abi_generations)")
        elif generation in UNTOLD:
            self.assertRegex(report, rf'refused: .*abi_generations = "libdialect_{generation}.so=')
        else:
            self.assertRegex(report, rf"(?s)generation: {generation}\n.*  loads\n$")

    async def each(self, generations):
        """All at once: each has a server of its own."""
        ends = await asyncio.gather(*map(self.alone, generations), return_exceptions=True)
        for generation, end in zip(generations, ends):
            with self.subTest(generation):
                if end is not None:
                    raise end

    async def test_single_stream(self):
        """A1 … A10: one audio, one video."""
        await self.each([name for name in GENERATIONS if name.startswith("A")])

    async def test_multistream(self):
        """B1 … B6."""
        await self.each([name for name in GENERATIONS if name.startswith("B")])


class Together(unittest.IsolatedAsyncioTestCase):
    def token(self, realm, *more):
        """A signed token: expiry, realm and descriptors, and what the secret makes of them."""
        text = ",".join((str(int(time.time()) + 3600), realm, *more))
        return f"{text}:{base64.b64encode(hmac.digest(SECRET.encode(), text.encode(), 'sha1')).decode()}"

    async def auth(self, dialect):
        own = package(dialect.generation)
        for token, descriptor, good in (
                (self.token(own, "room=1"), "room=1", (True, True)), (self.token(own), "room=1", (True, False)),
                (self.token("org.example.other", "room=1"), "room=1", (False, False)), ("", "", (False, False))):
            said = await dialect.ask("auth", token=token, descriptor=descriptor)
            self.assertEqual((said["valid"], said["contains"]), good, f"{own}: {token}")
            self.assertEqual(said.get("signed"), True if dialect.since("A8") else None, own)

    async def test_all_in_one_process(self):
        secured = f'token_auth = true; token_auth_secret = "{SECRET}";'
        server = start(Folder(self, GENERATIONS), overrides(SERVED), secured)
        self.addCleanup(server.stop)
        for name in GENERATIONS:
            loaded = f"(libdialect_{name}.so)" in server.output()
            refused = [line for line in server.output().splitlines()
                       if f"libdialect_{name}.so" in line and ("is not loaded" in line or "imports what" in line)]
            self.assertEqual((loaded, len(refused)), (name in SERVED, int(name not in SERVED)), name)
        token = self.token("janus", *map(package, SERVED))
        dialects = [Dialect(self, server, name, token) for name in SERVED]
        for dialect in dialects:
            await dialect.open()
            self.addAsyncCleanup(dialect.close)
            await self.auth(dialect)
        await asyncio.gather(*(dialect.everything() for dialect in dialects))
