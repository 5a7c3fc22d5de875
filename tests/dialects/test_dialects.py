"""A plugin for each of the sixteen ABI generations: each alone in the folder, and all of them in one process."""

import asyncio
import base64
import hmac
import os
import pathlib
import re
import shutil
import subprocess
import tempfile
import time
import unittest

from call import EchoCall
from dialects import GENERATIONS, LAYOUTS, UNTOLD, Dialect, file, overrides, package
from harness import PROGRAMS, ROOT, Server
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
    def renamed(self, generation, names):
        """The bytes of a generation's plugin with other texts in place of these: no longer than they and the NULs behind."""
        data = file(generation).read_bytes()
        for old, new in names.items():
            room = re.search(rb"\0" + re.escape(old.encode()) + rb"\0+", data)
            self.assertIsNotNone(room, old)
            self.assertLess(len(new) + 1, len(room[0]))
            data = data[:room.start() + 1] + new.encode().ljust(len(room[0]) - 1, b"\0") + data[room.end():]
        return data

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
            server.says(f"(libdialect_{generation}.so)")
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

    def served(self):
        """A row per generation that a call was made with just now: name, release of its header, API number of its table."""
        return [line.split()[1:] for line in LAYOUTS.splitlines() if line.startswith("generation ")]

    def readme(self):
        """The rows of README's table."""
        table = (ROOT / "README.md").read_text().split("<!-- generations:")[1].split("<!-- end of generations")[0]
        return [re.split(r" *\| *", line)[1:4] for line in table.splitlines() if re.match(r"\| [AB]\d", line)]

    def as_the_readme_says(self):
        def numbers(release):
            return [int(number) for number in release.split(".")]
        rows = self.readme()
        self.assertEqual([row[0] for row in rows], GENERATIONS)
        for (name, releases, apis), (_, release, api) in zip(rows, self.served(), strict=True):
            first, last = releases.split(" … ")[0], releases.split(" … ")[-1]
            self.assertTrue(numbers(first) <= numbers(release) <= numbers(last), f"{name}: {release} is not of {releases}")
            self.assertTrue(int(apis.split(" … ")[0]) <= int(api) <= int(apis.split(" … ")[-1]), f"{name}: {api} is not of {apis}")

    async def test_all_in_one_process(self):
        secured = f'token_auth = true; token_auth_secret = "{SECRET}";'
        server = start(Folder(self, GENERATIONS), overrides(GENERATIONS), secured)
        self.addCleanup(server.stop)
        for name in GENERATIONS:
            server.says(f"(libdialect_{name}.so)")
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
        self.as_the_readme_says()


class OnePackage(Case):
    """Builds of one plugin: the same package, the same names of functions."""

    def folder(self, generations):
        folder = Folder(self, [])
        for name in generations:
            (folder.path / file(name).name).write_bytes(self.renamed(name, {package(name): "org.example.dialect"}))
        return folder

    async def test_each_answers_under_its_alias(self):
        """A1, and B1 … B6: a call with each, and the end of the process by SIGTERM with code 0."""
        generations = ["A1", *(name for name in GENERATIONS if name.startswith("B"))]
        aliases = ",".join(f"{file(name).name}=org.example.build.{name}" for name in generations[1:])
        server = await asyncio.to_thread(start, self.folder(generations), f'{overrides(generations)} aliases = "{aliases}";')
        self.addCleanup(server.stop)

        async def call(name):
            alias = "org.example.dialect" if name == "A1" else f"org.example.build.{name}"
            dialect = Dialect(self, server, name, name=alias)
            try:
                await dialect.open()
                await dialect.control_plane()
                peer, _ = await dialect.called()
                await dialect.media(peer)
                await dialect.hung_up(peer)
                await dialect.end()
            finally:
                await dialect.close()
        self.judge(generations, await some_at_once(map(call, generations)))

    def test_without_aliases_the_first_serves(self):
        server = start(self.folder(["B3", "B6"]))
        self.addCleanup(server.stop)
        lines = server.output().splitlines()
        refused = [line for line in lines if "is org.example.dialect already" in line]
        self.assertEqual(len(refused), 1, lines)
        for word in ("libdialect_B3.so", "libdialect_B6.so", "aliases"):
            self.assertIn(word, refused[0])
        self.assertEqual(sum("plugin org.example.dialect " in line for line in lines), 1, lines)


class Bundled(Case):
    """Stand-ins for plugins of 1.0.4 and 1.1.4 that killed the process when they were alone: under the names of bundled ones."""

    async def test_lone(self):
        async def lone(plugin, generation, soname):
            folder = Folder(self, [])
            build = folder.path / f"libjanus_{plugin}.so"
            build.write_bytes(self.renamed(generation, {
                package(generation): f"janus.plugin.{plugin}",
                f"liborg.example.dialect.{generation}.so.0": f"libjanus_{plugin}.so.{soname}"}))
            report = await asyncio.to_thread(check, build)
            self.assertRegex(report, rf"(?s)generation: {generation}\n.*  loads\n$")
            server = await asyncio.to_thread(start, folder)
            dialect = Dialect(self, server, generation, name=f"janus.plugin.{plugin}")
            try:
                await dialect.open()
                await dialect.simulcast("ssrc")
                await dialect.end()
            finally:
                await dialect.close()
                await asyncio.to_thread(server.stop)
        steps = [(plugin, *build) for build in (("B2", 0), ("B3", 1)) for plugin in ("recordplay", "echotest", "audiobridge")]
        self.judge(steps, await some_at_once(lone(*step) for step in steps))


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
