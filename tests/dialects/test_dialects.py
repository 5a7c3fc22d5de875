"""A plugin for each of the sixteen ABI generations: each alone in the folder, and all of them in one process."""

import asyncio
import base64
import hmac
import os
import pathlib
import shutil
import subprocess
import tempfile
import time
import unittest

from call import EchoCall
from dialects import GENERATIONS, UNTOLD, Dialect, file, overrides, package
from harness import PROGRAMS, Server
from peer import tap
from signalling import Connection

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
    general = f'plugins_folder = "{folder.path}"; session_timeout = 0; {general}'
    return Server(general=general, media="slowlink_threshold = 4;", plugins=plugins, disabled=[])


def check(path):
    """What `janus-rs check` says about a file."""
    return subprocess.run([PROGRAMS["janus-rs"], "check", path], capture_output=True, text=True, timeout=60,
                          check=False).stdout


# How many calls are made at the same time. Where the server is slow (under a sanitizer), one is enough.
AT_ONCE = int(os.environ.get("DIALECTS_AT_ONCE", 3))


class Case(unittest.IsolatedAsyncioTestCase):
    def judge(self, generations, ends):
        for generation, end in zip(generations, ends):
            with self.subTest(generation):
                if end is not None:
                    raise end


async def some_at_once(steps):
    """Runs all of them; how each ended: None, or an exception."""
    places = asyncio.Semaphore(AT_ONCE)

    async def one(step):
        async with places:
            await step
    return await asyncio.gather(*map(one, steps), return_exceptions=True)


class Alone(Case):
    """Nothing but its own file tells what it is."""

    async def alone(self, generation):
        folder = Folder(self, [generation])
        self.told(folder, generation)
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
        report = check(folder.path / file(generation).name)
        if generation in UNTOLD:
            self.assertRegex(report, rf'refused: .*abi_generations = "libdialect_{generation}.so=')
        else:
            self.assertRegex(report, rf"(?s)generation: {generation}\n.*  loads\n$")

    async def each(self, generations):
        self.judge(generations, await some_at_once([self.alone(generation) for generation in generations]))

    async def test_single_stream(self):
        """A1 … A10: one audio, one video."""
        await self.each([name for name in GENERATIONS if name.startswith("A")])

    async def test_multistream(self):
        """B1 … B6."""
        await self.each([name for name in GENERATIONS if name.startswith("B")])


class Together(Case):
    dialect = Dialect

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
        server = start(Folder(self, GENERATIONS), overrides(GENERATIONS), secured)
        self.addCleanup(server.stop)
        for name in GENERATIONS:
            self.assertIn(f"(libdialect_{name}.so)", server.output())
        token = self.token("janus", *map(package, GENERATIONS))

        async def call(name):
            dialect = self.dialect(self, server, name, token)
            try:
                await dialect.open()
                await self.auth(dialect)
                await dialect.everything()
            finally:
                await dialect.close()
        self.judge(GENERATIONS, await some_at_once(map(call, GENERATIONS)))


class Binding(unittest.IsolatedAsyncioTestCase):
    """crates.io's `janus-plugin`: API 15, and structs that end too early."""

    async def test_a_call(self):
        folder = Folder(self, [])
        file = shutil.copy(os.environ["BINDING"], folder.path)
        report = check(file)
        self.assertIn("what it imports is the same in A4 … A7", report)
        server = await asyncio.to_thread(start, folder)
        self.addCleanup(server.stop)
        connection = await Connection.open(server.ws)
        self.addAsyncCleanup(connection.close)
        handle = await (await connection.create()).attach("org.example.binding")
        call = EchoCall(handle)
        self.addAsyncCleanup(call.close)
        await call.start()
        await call.media_returns(10)
        await call.data_open()
        self.assertEqual(await call.echoes("grüße"), "grüße")
        self.assertEqual(await call.echoes(bytes(range(256))), bytes(range(256)))
        event = await handle.message({})
        report = event["plugindata"]["data"]["report"]
        self.assertTrue(report["packets"] >= 20 and report["control"] > 0 and report["ready"] > 0, report)
        self.assertEqual((report["messages"], report["slow_links"]), (2, 0))
        said = server.admin({"janus": "message_plugin", "plugin": "org.example.binding", "request": {}})
        self.assertEqual(said["response"], {"binding": "janus-plugin"})
