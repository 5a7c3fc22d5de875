"""What an operator who comes from the reference relies on. Where it has the same, both servers are asked."""

import asyncio
import json
import os
import pathlib
import re
import stat
import subprocess
import tempfile
import unittest

from call import EchoCall
from harness import PROGRAMS, ROOT, Server, until
from signalling import Connection, RefusedError

OFFER = (ROOT / "tests/corpus/sdp/chromium-offer.sdp").read_text()
LIMIT = 30


class Both(unittest.IsolatedAsyncioTestCase):
    """Both servers, with the same command line and configuration."""

    async def with_each(self, act, **options):
        for which in PROGRAMS:
            with self.subTest(which):
                server = Server(which, **options)
                try:
                    connection = await Connection.open(server.ws)
                    await act(server, connection)
                    await connection.close()
                finally:
                    server.stop(check=which == "janus-rs")

    async def test_recordings_have_another_name_until_they_are_whole(self):
        async def act(server, connection):
            with tempfile.TemporaryDirectory() as folder:
                call = EchoCall(await (await connection.create()).attach(), video=False, data=False)
                await call.start()
                await call.handle.message({"record": True, "filename": f"{folder}/one"})
                await call.media_returns()
                self.assertEqual(os.listdir(folder), ["one-audio.mjr.part"])
                await call.handle.message({"record": False})
                await asyncio.to_thread(until, lambda: os.listdir(folder) == ["one-audio.mjr"], "whole recording")
                await call.close()
        await self.with_each(act, general='recordings_tmp_ext = "part";')

    async def test_arguments(self):
        """As in Debian 12: -l has no number; numbers may be hexadecimal or octal."""
        async def act(server, connection):
            info = await connection.request({"janus": "info"})
            self.assertEqual((info["session-timeout"], info["reclaim-session-timeout"]), (16, 8))
        for debug in ("-l", "--libnice-debug"):
            await self.with_each(act, arguments=["-s", "0x10", debug, "-m", "010"])

    async def test_admin(self):
        async def act(server, connection):
            for value in (True, False):
                reply = server.admin({"janus": "set_libnice_debug", "debug": value})
                self.assertEqual((reply["janus"], reply["libnice_debug"]), ("success", value))
            for wrong, code in (({}, 456), ({"debug": 3}, 467)):
                self.assertEqual(server.admin({"janus": "set_libnice_debug", **wrong})["error"]["code"], code)
            # Handles that are attached, also without a call.
            session = await connection.create()
            handles = [await session.attach() for _ in range(5)]

            def counts():
                return sorted(loop["handles"] for loop in server.admin({"janus": "loops_info"})["loops"])
            self.assertEqual(counts(), [2, 3])
            call = EchoCall(handles[0], video=False, data=False)
            await call.start()
            self.assertEqual(sum(counts()), 5)
            await call.close()
            for handle in handles[:2]:
                await handle.request({"janus": "detach"})
            await asyncio.to_thread(until, lambda: sum(counts()) == 3, "fewer handles")
        await self.with_each(act, general="event_loops = 2;")

    async def test_media_in_the_clear(self):
        async def act(server, connection):
            session = await connection.create()
            for profile in ("UDP/TLS/RTP/SAVPF", "RTP/AVP"):
                handle = await session.attach()
                offer = {"type": "offer", "sdp": OFFER.replace("UDP/TLS/RTP/SAVPF", profile)}
                event = await handle.message({"audio": True, "video": True}, offer)
                lines = [line.split()[2] for line in event["jsep"]["sdp"].splitlines() if line.startswith(("m=audio", "m=video"))]
                self.assertEqual(lines, ["RTP/AVPF", "RTP/AVPF"])
        await self.with_each(act, general="no_webrtc_encryption = true;")

    async def test_a_refused_offer_is_an_error_in_the_log(self):
        async def act(server, connection):
            handle = await (await connection.create()).attach()
            no_ice = "v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nt=0 0\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111\r\n" \
                "c=IN IP4 192.0.2.1\r\na=mid:0\r\na=rtpmap:111 opus/48000/2\r\n"
            def errors():
                # Modules have theirs.
                return [line for line in server.output().splitlines() if line.startswith("[ERR]") and "[plugins/" not in line]
            for count, sdp in enumerate(("nonsense", no_ice), 1):
                reply = await handle.request({"janus": "message", "body": {}, "jsep": {"type": "offer", "sdp": sdp}})
                self.assertEqual(reply["error"]["code"], 465)
                await asyncio.to_thread(until, lambda: len(errors()) >= count, "line")
            if server.which == "janus-rs":
                self.assertEqual(len(errors()), 2, errors())
                self.assertTrue(all(f"[{handle.id}] " in line for line in errors()), errors())
        await self.with_each(act)


class Rotation(unittest.TestCase):
    def test_reopen_log(self):
        with tempfile.TemporaryDirectory() as folder:
            log = pathlib.Path(folder, "log")
            server = Server("janus-rs", general=f'log_to_file = "{log}";')
            try:
                log.rename(f"{log}.1")
                self.assertEqual(server.admin({"janus": "reopen_log"})["janus"], "success")
                server.admin({"janus": "custom_logline", "line": "in the new one"})
                until(lambda: log.exists() and "in the new one" in log.read_text(), "new log")
            finally:
                server.stop()


class Log(unittest.IsolatedAsyncioTestCase):
    """docs/logging.md says what is written, at which level, and what of it the reference writes as well."""

    ROW = re.compile(r"^\| [^|]+ \| (\d) \| `([^`]+)` \| (.*) \|$", re.MULTILINE)

    async def of_a_call(self, which, level):
        """All lines from a session's beginning to its end, with placeholders for the ids."""
        server = Server(which)
        try:
            server.admin({"janus": "set_log_level", "level": level})
            connection = await Connection.open(server.ws)
            session = await connection.create()
            handle = await session.attach()
            call = await EchoCall(handle, video=False, data=False).start()
            await handle.event("media")
            await handle.request({"janus": "hangup"})
            await handle.event("hangup")
            await call.close()
            await handle.request({"janus": "detach"})
            await handle.event("detached")
            await session.destroy()
            await asyncio.to_thread(until, lambda: f"Destroying session {session.id}" in server.output(), "end")
            await connection.close()
            return server.output().replace(str(session.id), "SESSION").replace(str(handle.id), "HANDLE")
        finally:
            server.stop(check=which == "janus-rs")

    async def test_the_table(self):
        rows = self.ROW.findall((ROOT / "docs/logging.md").read_text())
        self.assertGreater(len(rows), 10)

        def written(text, log):
            pattern = "^" + ".*".join(map(re.escape, text.split("…"))) + "(; 0x.*)?$"
            return re.search(pattern, log, re.MULTILINE) is not None
        for level in (4, 5):
            for which in PROGRAMS:
                log = await self.of_a_call(which, level)
                for row_level, text, reference in rows:
                    if which == "janus-rs" or reference == "same":
                        with self.subTest(which=which, level=level, text=text):
                            self.assertEqual(written(text, log), int(row_level) <= level, log)


    async def test_json(self):
        """One object per line, and what it is about; a call that fails says so."""
        server = Server("janus-rs", general='log_format = "json";')
        try:
            connection = await Connection.open(server.ws)
            session = await connection.create()
            handle = await session.attach()
            with self.assertRaises(RefusedError):
                await handle.message({"audio": True}, {"type": "offer", "sdp": "v=0\r\nnonsense\x1b[2J\r\n"})
            await handle.message({"audio": True}, {"type": "offer", "sdp": OFFER})
            nobody = {"candidate": "candidate:1 1 udp 2122260223 127.0.0.1 9 typ host", "sdpMid": "0", "sdpMLineIndex": 0}
            for candidate in (nobody, {"completed": True}):
                await handle.request({"janus": "trickle", "candidate": candidate})
            self.assertEqual((await handle.event("hangup"))["reason"], "ICE failed")
            await connection.close()
            output = server.output().splitlines()
        finally:
            server.stop()
        lines = [json.loads(line) for line in output if line.startswith("{")]
        self.assertGreater(len(lines), 20)
        for line in lines:
            self.assertRegex(line["time"], r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$")
        about = {"session": str(session.id), "handle": str(handle.id), "plugin": "janus.plugin.echotest"}

        def found(level, text):
            return [line for line in lines if line.get("level") == level and line["text"].startswith(text)]
        refused, = found("ERR", "Refusing a description of the client: ")
        self.assertLessEqual(about.items(), refused.items())
        self.assertRegex(refused["source"], r"^\w+\.rs:\w+:\d+$")
        failed, = found("ERR", "ICE failed: ")
        self.assertEqual(failed["handle"], str(handle.id))
        # What is no line of the log's: before it begins, and of libraries that print by themselves.
        rest = [line for line in output if not line.startswith("{")]
        self.assertLess(len(rest), 5, rest)


class Ours(unittest.TestCase):
    """What only this server does."""

    def start(self, folder, *arguments, **more):
        return subprocess.run([PROGRAMS["janus-rs"], "-F", str(folder), *arguments], capture_output=True, text=True,
                              timeout=LIMIT, check=False, **more)

    def test_info_says_what_it_is(self):
        server = Server("janus-rs", general="announce_version = 1102;")
        try:
            info = server.admin({"janus": "info"})
        finally:
            server.stop()
        self.assertEqual((info["version"], info["version_string"]), (1102, "1.1.2"))
        self.assertEqual(info["implementation"], "janus-rs")
        self.assertRegex(info["implementation_version"], r"^\d+\.\d+\.\d+$")
        self.assertRegex(info["compile-time"], r"^\w{3} \w{3} [ \d]\d \d\d:\d\d:\d\d UTC \d{4}$")
        self.assertRegex(info["commit-hash"], r"^(not-a-git-repo|[0-9a-f]{40})$")

    def test_a_configuration_that_cannot_be_read(self):
        """Nothing starts without the secrets that are in it."""
        with tempfile.TemporaryDirectory() as folder:
            file = pathlib.Path(folder, "janus.jcfg")
            file.write_text('general: { api_secret = "x" admin_secret = "y" }\n}\n')
            ended = self.start(folder)
            self.assertEqual(ended.returncode, 78, ended.stderr)
            self.assertIn(str(file), ended.stderr)
            # Then it gets further: to the transports, of which this folder configures none. (What is built in would serve.)
            pathlib.Path(folder, "janus-rs.jcfg").write_text("web: { enabled = ")
            ended = self.start(folder, "--lenient", "-P", folder)
            self.assertEqual(ended.returncode, 78, ended.stderr)
            self.assertIn("janus-rs.jcfg: Error parsing", ended.stdout)
            pathlib.Path(folder, "janus-rs.jcfg").write_text("web: { enabled = false }\n")
            ended = self.start(folder, "--lenient", "-P", folder)
            self.assertEqual(ended.returncode, 1, ended.stderr)
            self.assertIn("janus.jcfg: Error parsing", ended.stdout)

    def test_the_umask_is_the_callers_or_the_configured_one(self):
        for umask, configured, expected in ((0o027, "", 0o640), (0o022, 'general: { umask = "0077" }', 0o600)):
            with tempfile.TemporaryDirectory() as folder:
                pathlib.Path(folder, "janus.jcfg").write_text(configured + "\ntransports: { builtin = false }\n")
                log = pathlib.Path(folder, "log")
                # No transports: it ends by itself, after the log.
                self.start(folder, "-b", "-L", str(log), "-P", folder, umask=umask)
                self.assertEqual(stat.S_IMODE(log.stat().st_mode), expected)

    def test_what_is_misspelt_is_told_once_each(self):
        server = Server("janus-rs", general="sesion_timeout = 5; nonsense = true;", nat="full_trickel = true;")
        try:
            told = [line for line in server.output().splitlines() if "unknown and ignored" in line]
        finally:
            server.stop()
        self.assertEqual(len(told), 3, told)
        self.assertTrue(all(line.startswith("[WARN] ") for line in told), told)
        for text in ("general.sesion_timeout is unknown and ignored: did you mean session_timeout?",
                     "general.nonsense is unknown and ignored", "nat.full_trickel is unknown and ignored: did you mean full_trickle?"):
            self.assertTrue(any(text in line for line in told), (text, told))

    def test_a_port_in_use_names_its_holder(self):
        for holder in PROGRAMS:
            with self.subTest(holder):
                first = Server(holder)
                try:
                    second = self.start(first.folder)
                    self.assertTrue(first.alive())
                    self.assertNotEqual(second.returncode, 0, second.stdout)
                    for port, item in ((first.ws_port, "websockets.jcfg: general.ws_port"),
                                       (first.admin_port, "http.jcfg: admin.admin_port")):
                        name = f"Port {port} (janus.transport.{item}) is in use by {holder} (process {first.process.pid})"
                        self.assertIn(name, second.stdout)
                    self.assertIn("Other processes have all ports of the Janus API", second.stdout)
                finally:
                    first.stop(check=holder == "janus-rs")


if __name__ == "__main__":
    unittest.main()
