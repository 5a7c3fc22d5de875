"""Two builds of one plugin in one process: Debian 12's and sid's, which is served under another name."""

import os
import pathlib
import shutil
import subprocess
import tempfile
import unittest

from aiortc import RTCConfiguration, RTCPeerConnection, RTCSessionDescription
from aiortc.mediastreams import AudioStreamTrack

from call import EchoCall
from harness import ROOT, Server
from signalling import Connection

FOLDER = pathlib.Path(next(pathlib.Path("/usr/lib").glob("*-linux-gnu/janus/plugins")))
BOTH = ["echotest", "videocall"]
CACHE = pathlib.Path(os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache") / "janus-rs-sid-package"


def sid():
    """The folder of sid's plugins; skips the test where the package is not to be had. It is fetched once."""
    if not any(CACHE.glob("root/usr/lib/*/janus/plugins")):
        for folder in ("lists/partial", "cache/archives/partial"):
            (CACHE / folder).mkdir(parents=True, exist_ok=True)
        (CACHE / "sources.list").write_text("deb http://deb.debian.org/debian sid main\n")
        own = [f"-oDir::Etc::sourcelist={CACHE}/sources.list", "-oDir::Etc::sourceparts=/dev/null",
               f"-oDir::State::lists={CACHE}/lists", f"-oDir::Cache={CACHE}/cache", "-oAcquire::Languages=none",
               "-oAcquire::Check-Valid-Until=false", "-oAPT::Sandbox::User=root"]
        steps = ["apt-get", "-qq", *own, "update"], ["apt-get", "-qq", *own, "download", "janus"]
        for step in (*steps, ["sh", "-c", "dpkg -x janus_*.deb root && rm -r lists cache janus_*.deb"]):
            done = subprocess.run(step, cwd=CACHE, capture_output=True, text=True, timeout=180, check=False)
            if done.returncode:
                raise unittest.SkipTest(f"sid's package is not to be had: {done.stderr.strip().splitlines()[-1:]}")
    return next(CACHE.glob("root/usr/lib/*/janus/plugins"))


class Builds(unittest.IsolatedAsyncioTestCase):
    def start(self, aliases):
        """A server with both builds of both plugins."""
        newer = sid()
        folder = pathlib.Path(tempfile.mkdtemp(prefix="janus-builds-"))
        self.addCleanup(shutil.rmtree, folder)
        for name in BOTH:
            shutil.copy(FOLDER / f"libjanus_{name}.so", folder)
            shutil.copy(newer / f"libjanus_{name}.so", folder / f"newer_{name}.so")
        names = ",".join(f"newer_{name}.so=org.example.newer.{name}" for name in BOTH) if aliases else ""
        server = Server(general=f'plugins_folder = "{folder}";', plugins=f'aliases = "{names}"', disabled=[])
        self.addCleanup(server.stop)
        return server

    async def test_calls_through_both(self):
        server = self.start(aliases=True)
        connection = await Connection.open(server.ws)
        self.addAsyncCleanup(connection.close)
        session = await connection.create()
        for package in ("janus.plugin.echotest", "org.example.newer.echotest"):
            call = EchoCall(await session.attach(package))
            self.addAsyncCleanup(call.close)
            await call.start()
            await call.media_returns(5)
            await call.data_open()
            self.assertIn("hello", await call.echoes("hello"))
        # Each has its own list of names: the same users register with both, and call each other.
        for package in ("janus.plugin.videocall", "org.example.newer.videocall"):
            caller, callee = await session.attach(package), await session.attach(package)
            for handle, name in ((caller, "caller"), (callee, "callee")):
                event = await handle.message({"request": "register", "username": name})
                self.assertEqual(event["plugindata"]["plugin"], package)
                self.assertEqual(event["plugindata"]["data"]["result"]["event"], "registered")
            await self.video_call(caller, callee)

    async def video_call(self, caller, callee):
        pc, other = (RTCPeerConnection(RTCConfiguration(iceServers=[])) for _ in range(2))
        for peer in (pc, other):
            self.addAsyncCleanup(peer.close)
            peer.addTrack(AudioStreamTrack())
        await pc.setLocalDescription(await pc.createOffer())
        await caller.message({"request": "call", "username": "callee"}, {"type": "offer", "sdp": pc.localDescription.sdp})
        event = await callee.event("event")
        await other.setRemoteDescription(RTCSessionDescription(event["jsep"]["sdp"], "offer"))
        await other.setLocalDescription(await other.createAnswer())
        await callee.message({"request": "accept"}, {"type": "answer", "sdp": other.localDescription.sdp})
        accepted = await caller.event("event")
        await pc.setRemoteDescription(RTCSessionDescription(accepted["jsep"]["sdp"], "answer"))
        await caller.event("webrtcup")
        await callee.event("webrtcup")

    def test_the_second_of_one_name_is_refused(self):
        server = self.start(aliases=False)
        refused = [line for line in server.output().splitlines() if "is not loaded" in line]
        self.assertEqual(len(refused), len(BOTH), refused)
        for name in BOTH:
            line = next(line for line in refused if name in line)
            self.assertIn(f"libjanus_{name}.so", line)
            self.assertIn(f"newer_{name}.so", line)
            self.assertIn("aliases", line)


class Lent(unittest.TestCase):
    """A plugin that imports what only another file of the folder gives."""

    def test_it_loads_with_one_warning(self):
        folder = pathlib.Path(tempfile.mkdtemp(prefix="janus-lent-"))
        self.addCleanup(shutil.rmtree, folder)
        flags = subprocess.run(["pkg-config", "--cflags", "glib-2.0", "jansson"], capture_output=True, text=True, check=True)

        def build(name, text, *sources):
            (folder / f"{name}.c").write_text(text)
            subprocess.run(["cc", "-shared", "-fPIC", f"-I{ROOT}/include/janus", *flags.stdout.split(), *sources,
                            folder / f"{name}.c", "-o", folder / f"{name}.so"], check=True)
        build("lender", "int lent_to_others(void); int lent_to_others(void) { return 4711; }")
        build("borrower", """#include <stdio.h>
            int lent_to_others(void);
            __attribute__((constructor)) static void say(void) { fprintf(stderr, "lent: %d\\n", lent_to_others()); }
            """, ROOT / "c-plugins/echo_sample.c")
        server = Server(general=f'plugins_folder = "{folder}";', disabled=[])
        self.addCleanup(server.stop)
        lines = server.output().splitlines()
        warnings = [line for line in lines if "visible to all modules" in line]
        self.assertEqual(len(warnings), 1, lines)
        for word in ("WARN", "borrower.so imports lent_to_others from", "lender.so"):
            self.assertIn(word, warnings[0])
        server.says("lent: 4711")
        self.assertTrue(any("(borrower.so)" in line for line in lines), lines)


class Strange(unittest.IsolatedAsyncioTestCase):
    """What a plugin folder may hold beside plugins is a line each, and the plugins serve."""

    async def test_they_are_refused_one_by_one(self):
        folder = pathlib.Path(tempfile.mkdtemp(prefix="janus-strange-"))
        self.addCleanup(shutil.rmtree, folder)
        good = shutil.copy(FOLDER / "libjanus_echotest.so", folder)
        data = pathlib.Path(good).read_bytes()
        for name, content in (("text", b"no library at all\n"), ("empty", b""), ("head", data[:64]),
                              ("cut", data[:len(data) // 2]), ("machine", data[:18] + b"\xf3\0" + data[20:])):
            (folder / f"{name}.so").write_bytes(content)
        (folder / "folder.so").mkdir()
        (folder / "loop.so").symlink_to("loop.so")
        (folder / "nowhere.so").symlink_to("/nonexistent.so")
        (folder / "zero.so").symlink_to("/dev/zero")
        os.mkfifo(folder / "pipe.so")
        with open(folder / "huge.so", "wb") as huge:
            huge.truncate(1 << 40)
        # The same file under two more names, of which one is to be another package.
        (folder / "link.so").symlink_to(good)
        os.link(good, folder / "hard.so")
        refused = ["text", "empty", "head", "cut", "machine", "folder", "loop", "nowhere", "zero", "pipe", "huge"]
        server = Server(general=f'plugins_folder = "{folder}";', plugins='aliases = "link.so=org.example.link";', disabled=[])
        self.addCleanup(server.stop)
        lines = server.output().splitlines()
        for name in refused:
            told = [line for line in lines if f"/{name}.so" in line]
            self.assertEqual(len(told), 1, f"{name}: {told}")
        same = [line for line in lines if "it is the same file as" in line]
        self.assertEqual(len(same), 2, lines)
        # Whichever of the three comes first in the folder runs, under its own name.
        aliased = any("org.example.link" in line for line in lines)
        connection = await Connection.open(server.ws)
        self.addAsyncCleanup(connection.close)
        session = await connection.create()
        call = EchoCall(await session.attach("org.example.link" if aliased else "janus.plugin.echotest"))
        self.addAsyncCleanup(call.close)
        await call.start()
        await call.media_returns(5)
