"""The bindings, and the samples that use them, against an installed library ($INSTALLED)."""

import asyncio
import ctypes
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import unittest
import urllib.error
import urllib.request
from pathlib import Path

import janus_rs
from janus_rs import Direction, EventType, Kind, _native

ROOT = Path(__file__).resolve().parents[2]
INSTALLED = Path(os.environ["INSTALLED"])
EXAMPLES = ROOT / "examples/embedding"
LOOPBACK = {"nat.ice_enforce_list": "127.0.0.1"}
# Found with pkg-config, wherever it was installed.
ENVIRONMENT = {**os.environ, "PKG_CONFIG_PATH": str(INSTALLED / "lib/pkgconfig"), "ADDRESSES": "127.0.0.1",
               "LD_LIBRARY_PATH": str(INSTALLED / "lib")}
PATIENCE = int(os.environ.get("PATIENCE", 60))


def pkg_config(*arguments):
    command = ["pkg-config", "--define-prefix", *arguments]
    return subprocess.run(command, env=ENVIRONMENT, check=True, capture_output=True, text=True).stdout.split()


def compile_c(source, to, *packages, more=()):
    flags = [flag for package in packages for flag in pkg_config("--cflags", "--libs", package)] + list(more)
    subprocess.run(["cc", "-Wall", "-Wextra", "-Werror", str(source), "-o", str(to), *flags, "-pthread",
                    "-Wl,--allow-shlib-undefined"], check=True)


def sdk_flags():
    """For modules. The prefix is that of the folder for ours only; GLib and jansson are the system's."""
    ours = [flag for flag in pkg_config("--cflags", "janus_rs-plugins") if str(INSTALLED) in flag]
    system = ["pkg-config", "--cflags", "--libs", *pkg_config("--print-requires", "janus_rs-plugins")]
    return ours + subprocess.run(system, check=True, capture_output=True, text=True).stdout.split()


def in_time(test):
    """Runs a test that is a coroutine; what does not come within a minute has failed."""
    def run(self):
        asyncio.run(asyncio.wait_for(test(self), PATIENCE))
    return run


def hand_over(one, other):
    other.accept(one.describe())


async def connect(one, other):
    hand_over(one, other)
    hand_over(other, one)
    await asyncio.gather(one.connected(), other.connected())


async def event(inbox, kind):
    async for found in inbox:
        if isinstance(found, janus_rs.Event) and found.type is kind:
            return found
    raise AssertionError(f"no {kind.name}")


class Native(unittest.TestCase):
    """The library that came with the wheel, and structs that are the header's."""

    def test_the_library_is_inside(self):
        self.assertTrue(Path(_native.__file__).with_name("libjanus_rs.so.0").exists())
        with open("/proc/self/maps") as maps:
            self.assertIn(str(Path(_native.__file__).parent), maps.read())
        self.assertRegex(janus_rs.version(), r"^\d+\.\d+\.\d+$")

    def test_structs_have_the_headers_layout(self):
        structs = [value for value in vars(_native).values()
                   if isinstance(value, type) and issubclass(value, _native._Sized) and value is not _native._Sized]
        self.assertGreater(len(structs), 8)
        c_name = lambda s: "janus_rs_" + re.sub(r"(?<!^)(?=[A-Z])", "_", s.__name__).lower()
        lines = []
        for struct in structs:
            lines.append(f'printf("{struct.__name__} %zu\\n", sizeof({c_name(struct)}));')
            for name, *_ in struct._fields_:
                lines.append(f'printf("{struct.__name__}.{name} %zu\\n", offsetof({c_name(struct)}, {name.rstrip("_")}));')
        with tempfile.TemporaryDirectory() as folder:
            source = Path(folder, "layout.c")
            source.write_text("#include <stdio.h>\n#include <janus_rs.h>\nint main(void) {\n" + "\n".join(lines) + "\n}\n")
            compile_c(source, Path(folder, "layout"), "janus_rs")
            output = subprocess.run([str(Path(folder, "layout"))], env=ENVIRONMENT, check=True, capture_output=True, text=True)
        seen = {name: int(number) for name, number in map(str.split, output.stdout.splitlines())}
        for struct in structs:
            self.assertEqual(seen[struct.__name__], ctypes.sizeof(struct), struct)
            for name, *_ in struct._fields_:
                self.assertEqual(seen[f"{struct.__name__}.{name}"], getattr(struct, name).offset, f"{struct} {name}")

    def test_events_have_the_headers_numbers(self):
        header = (INSTALLED / "include/janus_rs.h").read_text()
        numbers = dict(re.findall(r"JANUS_RS_EVENT_(\w+) = (\d+)", header))
        self.assertEqual({kind.name: str(kind.value) for kind in EventType}, numbers)


class Python(unittest.TestCase):
    @in_time
    async def test_channels(self):
        async with janus_rs.Core(LOOPBACK) as core:
            a, b = core.peer(name="a"), core.peer()
            noises = a.channel("cat-noises", protocol="meow")
            await connect(a, b)
            async for heard in b:
                if isinstance(heard, janus_rs.Channel):
                    break
            await noises.opened()
            self.assertEqual(heard.label, "cat-noises")
            for message in ("purr", "", b"\x00\xff", b"x" * 200_000):
                noises.send(message)
                self.assertEqual(await heard.__anext__(), message)
                heard.send(message)
                self.assertEqual(await noises.__anext__(), message)
            self.assertEqual(a.info()["state"], 2)
            self.assertEqual(a.inspect()["opaque_id"], "a")
            for _ in range(100):
                await noises.send_when_room(b"x" * (1 << 20))
            total = 0
            while total < 100 << 20:
                total += len(await heard.__anext__())
            a.close()
            self.assertEqual([message async for message in heard], [])
            await a.closed
            await b.closed
            self.assertEqual(core.counters()["peers"], 0)

    @in_time
    async def test_candidates_by_themselves(self):
        async with janus_rs.Core(LOOPBACK, workers=2) as core:
            a, b = core.peer(trickle=True, worker=1), core.peer(trickle=True, worker=2)
            channel = a.channel("x")
            b.accept(a.describe())
            a.accept(b.describe())
            for one, other in ((a, b), (b, a)):
                async for event in one:
                    if getattr(event, "type", None) is EventType.CANDIDATE:
                        # The last one is empty.
                        other.candidate(event.text)
                        if not event.text:
                            break
            await channel.opened()

    @in_time
    async def test_errors_have_names(self):
        with self.assertRaises(janus_rs.Error) as caught:
            janus_rs.Core({"nat.ice_lit": "true"})
        self.assertEqual(caught.exception.code, "JANUS_RS_EINVAL")
        async with janus_rs.Core(LOOPBACK) as core:
            peer = core.peer()
            with self.assertRaises(janus_rs.Error) as caught:
                peer.accept("v=0\r\nwhat is this")
            self.assertEqual(caught.exception.code, "JANUS_RS_ESDP")
            self.assertIn("line 2", str(caught.exception))

    @in_time
    async def test_the_janus_api(self):
        async with janus_rs.Core({"general.server_name": "inside"}) as core:
            client = core.client(admin=True, trusted=True)
            info = await client.request({"janus": "info"})
            self.assertEqual(info["server-name"], "inside")
            replies = await asyncio.gather(*(client.request({"janus": "create"}) for _ in range(50)))
            self.assertEqual(len({reply["data"]["id"] for reply in replies}), 50)
            sessions = await client.request({"janus": "list_sessions"}, admin=True)
            self.assertEqual(len(sessions["sessions"]), 50)
            self.assertIn("\njanus_sessions 50\n", core.metrics())
            client.close()

    @in_time
    async def test_media_are_forwarded(self):
        async with janus_rs.Core(LOOPBACK, workers=4) as core:
            # Each with a socket of its own, as programs on different machines have.
            camera, publisher = core.peer(worker=1), core.peer(worker=2, accept_media=True)
            viewer, screen = core.peer(worker=3), core.peer(worker=4, accept_media=True, rtp_events=True)
            camera.media(Kind.VIDEO, Direction.SENDONLY, "vp8")
            viewer.media(Kind.VIDEO, Direction.SENDONLY, "h264,vp8")
            await asyncio.gather(connect(camera, publisher), connect(viewer, screen))
            core.link(publisher, 0, viewer, 0)
            await event(camera, EventType.KEYFRAME)
            for number in range(50):
                camera.send_rtp(0, packet(camera.lines()[0]["payload_type"], number))
                got = await event(screen, EventType.RTP)
                self.assertEqual(got.data[-2:], number.to_bytes(2, "big"))
            self.assertEqual(core.counters()["links"], 1)
            core.unlink(viewer, 0)

    @in_time
    async def test_cores_come_and_go(self):
        threads = set()
        for _ in range(int(os.environ.get("ROUNDS", 20))):
            async with janus_rs.Core(LOOPBACK) as core:
                core.peer().channel("never")
            threads.add((len(os.listdir("/proc/self/task")), len(os.listdir("/proc/self/fd"))))
        self.assertLessEqual(len(threads), 3, threads)


def packet(payload_type, number):
    """VP8, each with the head of a key frame."""
    head = bytes([0x80, 0x80 | payload_type]) + number.to_bytes(2, "big") + (number * 3000).to_bytes(4, "big") + bytes(4)
    return head + bytes([0x10, 0, 0, 0, 0x9D, 0x01, 0x2A]) + bytes(20) + number.to_bytes(2, "big")


class Samples(unittest.TestCase):
    """Built with what pkg-config says of the installed library."""

    def setUp(self):
        self.folder = Path(tempfile.mkdtemp(prefix="bindings-"))
        self.addCleanup(shutil.rmtree, self.folder)

    def test_the_first_program(self):
        compile_c(EXAMPLES / "first.c", self.folder / "first", "janus_rs")
        output = subprocess.run([str(self.folder / "first")], env=ENVIRONMENT, check=True, capture_output=True, text=True)
        self.assertEqual(json.loads(output.stdout)["server-name"], "first")

    def test_the_first_program_of_the_page(self):
        """As a reader would paste it out of docs/embedding.md."""
        text = (ROOT / "docs/embedding.md").read_text()
        program = re.search(r"^```c\n(.*?)^```", text, flags=re.M | re.S).group(1)
        self.assertLessEqual(len(program.splitlines()), 31)
        (self.folder / "program.c").write_text(program)
        compile_c(self.folder / "program.c", self.folder / "program", "janus_rs")
        output = subprocess.run([str(self.folder / "program")], env=ENVIRONMENT, check=True, capture_output=True, text=True)
        self.assertRegex(output.stdout, r"(?s)^v=0.*m=application .*a=candidate:")

    def test_all_samples_compile(self):
        needs = {"paste": [], "room": ["libmicrohttpd"], "mhd_admin": ["libmicrohttpd"], "lws_call": ["libwebsockets"]}
        for name, more in needs.items():
            compile_c(EXAMPLES / f"{name}.c", self.folder / name, "janus_rs", *more)

    @in_time
    async def test_a_plugin_of_the_program_mirrors_media(self):
        program = self.folder / "own_plugin"
        compile_c(EXAMPLES / "own_plugin.c", program, "janus_rs", more=sdk_flags())
        process = await asyncio.create_subprocess_exec(str(program), env=ENVIRONMENT, stdin=asyncio.subprocess.PIPE,
                                                       stdout=asyncio.subprocess.PIPE)

        async def ask(**request):
            process.stdin.write(json.dumps({"transaction": "t", **request}).encode() + b"\n")
            while (reply := json.loads(await process.stdout.readline()))["janus"] == "ack":
                pass
            return reply

        async with janus_rs.Core(LOOPBACK) as core:
            peer = core.peer(rtp_events=True)
            peer.media(Kind.VIDEO, Direction.SENDRECV, "vp8")
            at = {"session_id": (await ask(janus="create"))["data"]["id"]}
            at["handle_id"] = (await ask(janus="attach", plugin="mirror.plugin.own", **at))["data"]["id"]
            offer = {"type": "offer", "sdp": peer.describe()}
            peer.accept((await ask(janus="message", body={}, jsep=offer, **at))["jsep"]["sdp"])
            await peer.connected()
            for number in range(20):
                peer.send_rtp(0, packet(peer.lines()[0]["payload_type"], number))
                self.assertEqual((await event(peer, EventType.RTP)).data[-2:], number.to_bytes(2, "big"))
        process.stdin.close()
        self.assertEqual(await process.wait(), 0)

    def test_samples_are_short(self):
        for sample in [*EXAMPLES.iterdir(), ROOT / "examples/plugin/hello.c"]:
            self.assertLess(len(sample.read_text().splitlines()), 150, sample)

    def test_a_static_name_is_not_needed(self):
        """pkg-config names nothing but the library itself: programs need no GLib of their own."""
        flags = pkg_config("--cflags", "--libs", "janus_rs")
        self.assertEqual({flag for flag in flags if flag.startswith("-l")}, {"-ljanus_rs"})

    async def echoes(self, command, cwd):
        """A program that answers offers on its lines, and says everything back."""
        process = await asyncio.create_subprocess_exec(
            *command, cwd=cwd, env=ENVIRONMENT, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE)
        errors = asyncio.create_task(process.stderr.read())
        try:
            async with janus_rs.Core(LOOPBACK) as core:
                for _ in range(int(os.environ.get("ROUNDS", 5))):
                    peer = core.peer()
                    channel = peer.channel("echo")
                    offer = json.dumps({"type": "offer", "sdp": peer.describe()})
                    process.stdin.write(offer.encode() + b"\n")
                    peer.accept((await process.stdout.readline()).decode())
                    await channel.opened()
                    for message in ("hello", "", b"\x00\x01", "ü" * 50_000):
                        channel.send(message)
                        self.assertEqual(await channel.__anext__(), message)
                    peer.close()
                    await peer.closed
                process.stdin.write(b"this is no offer\n")
                await process.stdin.drain()
            process.send_signal(signal.SIGINT)
            self.assertEqual(await process.wait(), 0)
        finally:
            if process.returncode is None:
                process.kill()
        text = (await errors).decode()
        self.assertIn("connected", text)
        self.assertIn("JANUS_RS_ESDP", text)
        self.assertTrue(text.endswith("bye\n"), text)

    @in_time
    async def test_echo_in_node(self):
        modules = self.folder / "node_modules"
        modules.mkdir()
        (modules / "janus-rs").symlink_to(ROOT / "bindings/node")
        shutil.copy(EXAMPLES / "echo.mjs", self.folder)
        await self.echoes(["node", "--preserve-symlinks", "echo.mjs"], self.folder)
        (self.folder / "figures.mjs").write_text(
            "import { Core } from 'janus-rs';\n"
            "const core = await Core.start({ config: { 'nat.ice_enforce_list': '127.0.0.1' } });\n"
            "const { state, local, round_trip, last_received } = core.peer().info();\n"
            "console.log(state, JSON.stringify(local), round_trip, last_received);\n"
            "console.log(core.metrics());\nawait core.close();\n")
        self.figures(["node", "--preserve-symlinks", "figures.mjs"], '0 "" -1 0')

    def figures(self, command, expected):
        """What a program says of a new peer, and then of everything."""
        printed = subprocess.run(command, cwd=self.folder, env=ENVIRONMENT, check=True, capture_output=True, text=True).stdout
        self.assertEqual(printed.splitlines()[0], expected)
        self.assertTrue('\njanus_handles{plugin="janus.rs.peer"} 1\n' in printed and printed.rstrip().endswith("# EOF"), printed[-500:])

    def test_echo_in_go(self):
        if not shutil.which("go"):
            self.skipTest("no Go here: apt-get install golang-go")
        shutil.copy(EXAMPLES / "echo.go", self.folder)
        binding = ROOT / "bindings/go"
        (self.folder / "go.mod").write_text(f"module echo\n\ngo 1.19\n\nrequire janusrs v0.1.0\n\nreplace janusrs => {binding}\n")
        flags = lambda what: " ".join(pkg_config(what, "janus_rs"))
        environment = {**ENVIRONMENT, "PKG_CONFIG": "true", "CGO_CFLAGS": flags("--cflags"),
                       "CGO_LDFLAGS": flags("--libs") + " -Wl,--allow-shlib-undefined", "GOFLAGS": "-mod=mod"}
        subprocess.run(["go", "vet", "."], cwd=binding, env=environment, check=True)
        subprocess.run(["go", "build", "-o", "echo", "echo.go"], cwd=self.folder, env=environment, check=True)
        asyncio.run(asyncio.wait_for(self.echoes([str(self.folder / "echo")], self.folder), PATIENCE))
        (self.folder / "figures.go").write_text(
            'package main\n\nimport (\n\t"fmt"\n\t"janusrs"\n)\n\nfunc main() {\n'
            '\tcore, err := janusrs.Start(map[string]string{"nat.ice_enforce_list": "127.0.0.1"})\n'
            "\tif err != nil {\n\t\tpanic(err)\n\t}\n\tdefer core.Close()\n"
            "\tpeer, _ := core.Peer(janusrs.PeerOptions{})\n\tinfo, err := peer.Info()\n\ttext, _ := core.Metrics()\n"
            "\tfmt.Println(info.State, info.RoundTrip, info.LastReceived, err)\n\tfmt.Println(text)\n}\n")
        subprocess.run(["go", "build", "-o", "figures", "figures.go"], cwd=self.folder, env=environment, check=True)
        self.figures([str(self.folder / "figures")], "0 -1 0 <nil>")


class Shipping(unittest.TestCase):
    """What is installed besides the library."""

    def test_the_manual_page_has_every_function(self):
        page = (INSTALLED / "share/man/man3/janus_rs.3").read_text().replace("\\-", "-")
        header = (INSTALLED / "include/janus_rs.h").read_text()
        functions = set(re.findall(r"^[\w ]+\*? ?(janus_rs_\w+)\(", header, flags=re.M))
        self.assertGreater(len(functions), 50)
        missing = {name for name in functions if f"{name}(" not in page}
        # Only for programs that use jansson themselves.
        self.assertEqual(missing - {"janus_rs_request_json"}, set())
        subprocess.run(["man", "--warnings", "-l", str(INSTALLED / "share/man/man3/janus_rs.3")], check=True,
                       stdout=subprocess.DEVNULL, env={**os.environ, "MANPAGER": "cat"}) if shutil.which("man") else None

    def test_a_plugin_is_built_outside_the_tree(self):
        """Headers of the installed SDK alone; loads here and in Debian's janus."""
        with tempfile.TemporaryDirectory() as folder:
            plugins = Path(folder, "plugins")
            plugins.mkdir()
            subprocess.run(["cc", "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC", str(ROOT / "examples/plugin/hello.c"), "-o",
                            str(plugins / "libhello.so"), *sdk_flags()], check=True)
            for server in (str(INSTALLED / "bin/janus-rs"), "/usr/bin/janus"):
                self.assertEqual(self.hello(server, folder, plugins), "you", server)

    def hello(self, server, folder, plugins):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        empty = Path(folder, "empty")
        empty.mkdir(exist_ok=True)
        transports = next(Path("/usr/lib").glob("*/janus/transports"))
        others = ",".join(file.name for file in transports.glob("*.so") if "http" not in file.name)
        Path(folder, "janus.jcfg").write_text(
            f'general: {{ plugins_folder = "{plugins}"; transports_folder = "{transports}"; events_folder = "{empty}"; '
            f'loggers_folder = "{empty}"; interface = "127.0.0.1" }}\ntransports: {{ disable = "{others}" }}\n')
        Path(folder, "janus.transport.http.jcfg").write_text(
            f'general: {{ http = true; port = {port}; ip = "127.0.0.1"; https = false }}\nadmin: {{ admin_http = false }}\n')
        process = subprocess.Popen([server, "-F", folder], env=ENVIRONMENT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        try:
            create = self.post(port, "", {"janus": "create"}, process)
            path = f"/{create['data']['id']}"
            attach = self.post(port, path, {"janus": "attach", "plugin": "you.plugin.hello"}, process)
            path += f"/{attach['data']['id']}"
            reply = self.post(port, path, {"janus": "message", "body": {}}, process)
            return reply["plugindata"]["data"]["hello"]
        finally:
            process.terminate()
            process.communicate()

    def post(self, port, path, message, process):
        data = json.dumps({"transaction": "x", **message}).encode()
        for _ in range(200):
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{port}/janus{path}", data) as reply:
                    answer = json.load(reply)
                self.assertEqual(answer["janus"], "success", answer)
                return answer
            except urllib.error.URLError:
                if process.poll() is not None:
                    self.fail(f"the server ended: {process.stdout.read().decode()[-3000:]}")
                time.sleep(0.1)
        self.fail("no answer")


class Room(unittest.TestCase):
    """room.py: what its interpreter does follows the people, not their packets."""

    VIEWERS, RATE, SECONDS = 50, 300, 4

    @in_time
    async def test_fifty_viewers(self):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        process = await asyncio.create_subprocess_exec(
            sys.executable, str(EXAMPLES / "room.py"), str(port), str(EXAMPLES / "room.html"), env=ENVIRONMENT,
            stdout=asyncio.subprocess.PIPE)
        loop = asyncio.get_running_loop()

        def post(path, body):
            with urllib.request.urlopen(f"http://localhost:{port}{path}", body.encode()) as reply:
                return reply.read().decode()

        async def join(path, peer):
            peer.accept(await loop.run_in_executor(None, post, path, peer.describe()))
            await peer.connected()

        try:
            self.assertEqual(await process.stdout.readline(), b"ready\n")
            drain = asyncio.create_task(process.stdout.read())
            # Each viewer has a socket of its own, as browsers have.
            async with janus_rs.Core(LOOPBACK, workers=self.VIEWERS + 1) as core:
                publisher = core.peer()
                publisher.media(Kind.VIDEO, Direction.SENDONLY, "vp8")
                await join("/whip", publisher)
                viewers = [core.peer() for _ in range(self.VIEWERS)]
                for viewer in viewers:
                    viewer.media(Kind.VIDEO, Direction.RECVONLY, "vp8")
                for some in range(0, self.VIEWERS, 5):
                    await asyncio.gather(*(join("/whep", viewer) for viewer in viewers[some:some + 5]))
                payload_type = publisher.lines()[0]["payload_type"]
                for number in range(30):
                    publisher.send_rtp(0, packet(payload_type, number))
                    await asyncio.sleep(0.01)
                before = core.counters()["received_packets"], self.work(process.pid)
                for number in range(self.RATE * self.SECONDS):
                    publisher.send_rtp(0, packet(payload_type, 30 + number))
                    if number % 10 == 9:
                        await asyncio.sleep(10 / self.RATE)
                await asyncio.sleep(1)
                after = core.counters()["received_packets"], self.work(process.pid)
            packets, wakes = after[0] - before[0], after[1] - before[1]
            print(f"{packets} packets reached viewers; the interpreter woke {wakes} times", file=sys.stderr)
            self.assertGreater(packets, self.VIEWERS * self.RATE * self.SECONDS * 9 // 10)
            self.assertLess(wakes, packets / 100)
            drain.cancel()
        finally:
            process.terminate()
            await process.wait()

    @staticmethod
    def work(pid):
        """How often the interpreter's thread has slept so far."""
        status = Path(f"/proc/{pid}/task/{pid}/status").read_text()
        return sum(int(number) for number in re.findall(r"ctxt_switches:\s+(\d+)", status))


if __name__ == "__main__":
    unittest.main()
