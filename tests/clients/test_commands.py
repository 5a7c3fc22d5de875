"""`janus-rs check`, `report`, `drain`, `switch`, and what a running server reads again."""

import asyncio
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import textwrap
import unittest
import urllib.request

from call import EchoCall
from harness import PROGRAMS, Server, free_port, until
from signalling import Connection

LIMIT = 300


def run(*arguments, env=None, check=None):
    ended = subprocess.run([PROGRAMS["janus-rs"], *map(str, arguments)], capture_output=True, text=True, timeout=LIMIT,
                           env={**os.environ, **(env or {})}, check=False)
    if check is not None and ended.returncode != check:
        raise AssertionError(f"{arguments}: {ended.returncode}\n{ended.stdout}{ended.stderr}")
    return ended


class Folder(unittest.TestCase):
    """Tests with a copy of the distribution's configuration on ports of its own."""

    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="janus-commands-"))
        self.addCleanup(shutil.rmtree, self.folder)
        shutil.copytree("/etc/janus", self.folder, dirs_exist_ok=True)
        self.http_port, self.ws_port = free_port(), free_port()
        self.change("janus.transport.http.jcfg", r"\n\tport = 8088", f"\n\tport = {self.http_port}")
        self.change("janus.transport.websockets.jcfg", r"\n\tws_port = 8188", f"\n\tws_port = {self.ws_port}")

    def change(self, name, old, new):
        path = self.folder / name
        text, count = re.subn(old, lambda _: new, path.read_text(), count=1)
        self.assertEqual(count, 1, (name, old))
        path.write_text(text)


class Check(Folder):
    def findings(self, *arguments, status):
        ended = run("check", "-F", self.folder, "--json", *arguments, check=status)
        return [json.loads(line) for line in ended.stdout.splitlines()]

    def test_the_distributions_own_files(self):
        findings = self.findings(status=0)
        by_state = {state: {(f["area"], f["subject"]) for f in findings if f["state"] == state} for state in
                    ("ok", "note", "warning", "error")}
        self.assertEqual(by_state["error"], set())
        warnings = {finding["subject"]: finding for finding in findings if finding["state"] == "warning"}
        self.assertIn("Error parsing", warnings["janus.transport.mqtt.jcfg"]["text"])
        self.assertIn("everybody knows", warnings["janus.jcfg: general.admin_secret"]["text"])
        modules = [finding for finding in findings if finding["area"] == "module"]
        self.assertGreaterEqual(len(modules), 25)
        room, = [finding for finding in modules if finding["subject"].endswith("libjanus_videoroom.so")]
        self.assertIn("janus.plugin.videoroom", room["text"])
        self.assertIn("B3", room["text"])
        self.assertIn(("port", f"TCP {self.http_port}"), by_state["ok"])
        # As lines, each with what to do.
        lines = run("check", "-F", self.folder, check=0).stdout.splitlines()
        self.assertEqual(len(lines), len(findings) + 1)
        self.assertTrue(any(line.startswith("warning config      janus.transport.mqtt.jcfg: ") and " -> " in line for line in lines), lines)

    def test_what_is_wrong(self):
        holder = socket.socket()
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        self.addCleanup(holder.close)
        held = holder.getsockname()[1]
        self.change("janus.transport.http.jcfg", f"port = {self.http_port}", f"port = {held}")
        plugins = self.folder / "plugins"
        plugins.mkdir()
        shutil.copy("/usr/lib/x86_64-linux-gnu/janus/plugins/libjanus_echotest.so", plugins)
        (plugins / "libjanus_broken.so").write_text("no module")
        certificate, key = self.folder / "cert.pem", self.folder / "key.pem"
        for out in (key, self.folder / "other.pem"):
            subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=x", "-keyout", out,
                            "-out", certificate], check=True, capture_output=True)
        (self.folder / "janus.jcfg").write_text(f"""
general: {{ plugins_folder = "{plugins}"; sesion_timeout = 5; log_to_file = "/no/such/folder/log" }}
certificates: {{ cert_pem = "{certificate}"; cert_key = "{key}" }}
nat: {{ stun_server = "no.such.name.invalid" }}
media: {{ udp_ports = "nonsense" }}
""")
        (self.folder / "janus-rs.jcfg").write_text("web: { enabled = true ")
        # Nobody writes into it.
        os.mkfifo(self.folder / "janus.plugin.pipe.jcfg")
        findings = self.findings(status=1)
        comm = pathlib.Path("/proc/self/comm").read_text().strip()
        found = {(finding["state"], finding["subject"]): finding for finding in findings}
        for state, subject, text in [
            ("error", f"TCP {held}", f"{comm} (process {os.getpid()}) has it"),
            ("error", f"{plugins}/libjanus_broken.so", "is refused"),
            ("ok", f"{plugins}/libjanus_echotest.so", "loads: janus.plugin.echotest"),
            ("error", f"janus.jcfg: {certificate}", "does not belong to its key"),
            ("error", "STUN no.such.name.invalid", "has no address"),
            ("error", "UDP nonsense", "is no port"),
            ("error", "janus-rs.jcfg", "Error parsing"),
            ("warning", "janus.jcfg", "general.sesion_timeout is unknown and ignored: did you mean session_timeout?"),
            ("warning", "/no/such/folder", "is not there"),
        ]:
            with self.subTest(subject):
                self.assertIn((state, subject), found)
                self.assertIn(text, found[state, subject]["text"])

    def test_an_installation_from_source(self):
        prefix = pathlib.Path(tempfile.mkdtemp(prefix="janus-prefix-"))
        self.addCleanup(shutil.rmtree, prefix)
        shutil.copytree(self.folder, prefix / "etc/janus")
        (prefix / "etc/janus/janus.jcfg").write_text('general: { admin_secret = "x" }\n')
        for kind in ("plugins", "transports"):
            (prefix / "lib/janus" / kind).mkdir(parents=True)
        shutil.copy("/usr/lib/x86_64-linux-gnu/janus/plugins/libjanus_echotest.so", prefix / "lib/janus/plugins")
        shutil.copy("/usr/lib/x86_64-linux-gnu/janus/transports/libjanus_http.so", prefix / "lib/janus/transports")
        # As the unit says it, and by name.
        root = pathlib.Path(tempfile.mkdtemp(prefix="janus-root-"))
        self.addCleanup(shutil.rmtree, root)
        units = root / "etc/systemd/system"
        units.mkdir(parents=True)
        (units / "janus.service").write_text(f"[Service]\nExecStart={prefix}/bin/janus -o\n")
        for arguments, env in ((["--prefix", prefix], {}), ([], {"JANUS_RS_ROOT": str(root)})):
            ended = run("check", *arguments, env=env)
            self.assertIn(f"{prefix}/lib/janus/plugins/libjanus_echotest.so: loads: janus.plugin.echotest", ended.stdout)
            self.assertTrue(ended.stdout.splitlines()[-1].startswith(f"{prefix}/etc/janus: 0 errors"), ended.stdout)

    def test_there_is_no_such_installation(self):
        for command in (["check"], ["switch", "status"], ["report"], ["drain"]):
            with self.subTest(command):
                ended = run(*command, "--prefix", self.folder / "none")
                self.assertEqual(ended.returncode, 1)
                self.assertIn(f"there is no folder {self.folder}/none/etc/janus", ended.stderr)


class Report(Folder):
    def test_it_has_what_is_asked_for_and_no_secret(self):
        log, crash = self.folder / "log", self.folder / "crash"
        (self.folder / "janus.jcfg").write_text(f"""
general: {{
    api_secret = "planted-one"; admin_secret = "planted two"; token_auth = true; token_auth_secret = "planted-three"
    log_to_file = "{log}"; crash_file = "{crash}"; server_name = "the-name-that-stays"
}}
certificates: {{ cert_pwd = "planted-four" }}
nat: {{ turn_pwd = "planted-five"; turn_rest_api_key = "planted-six" }}
""")
        (self.folder / "janus.plugin.videoroom.jcfg").write_text("""
general: { admin_key = "planted-seven" }
room-1: { description = "the-room"; secret = "planted-eight"; pin = "47110815"; allowed_tokens = [ "planted-nine" ] }
""")
        (self.folder / "janus.plugin.broken.jcfg").write_text('secret = "planted-ten" }\n')
        log.write_text("a line that stays\nplanted-one came, and planted two; room 47110815\n"
                       '{"janus":"create","apisecret":"planted-eleven","token":"planted-twelve"}\na=ice-pwd:planted-13\n')
        crash.write_text("[FATAL] Crash: the first\n  | old\n[FATAL] Crash: the last\n  | in janus.plugin.x with planted-seven\n")
        text = run("report", "-F", self.folder, check=0).stdout
        self.assertNotIn("planted", text)
        self.assertNotIn("47110815", text)
        for stays in ("the-name-that-stays", "the-room", "a line that stays", "Crash: the last", "janus.plugin.x", "glib ",
                      "Max open files", "janus.plugin.videoroom", "B3", "== Check", "janus.plugin.broken.jcfg"):
            self.assertIn(stays, text)
        self.assertNotIn("Crash: the first", text.split("== End of the log")[0])


class Running(unittest.IsolatedAsyncioTestCase):
    async def test_drain(self):
        server = Server("janus-rs")
        try:
            connection = await Connection.open(server.ws)
            call = EchoCall(await (await connection.create()).attach(), video=False, data=False)
            await call.start()
            told = await asyncio.to_thread(run, "drain", "-F", server.folder, check=0)
            self.assertIn("no new sessions are taken; 1 PeerConnections", told.stdout)
            refused = await connection.request({"janus": "create"})
            self.assertEqual(refused["error"]["code"], 472)
            waiting = asyncio.create_task(asyncio.to_thread(run, "drain", "--wait", "-F", server.folder, check=0))
            await call.media_returns(5)
            self.assertFalse(waiting.done())
            await call.handle.request({"janus": "hangup"})
            self.assertIn("; 0 PeerConnections", (await waiting).stdout)
            await call.close()
            await connection.close()
        finally:
            server.stop()
        ended = run("drain", "-F", "/etc/janus", check=1)
        self.assertIn("admin.admin_http", ended.stderr)

    def test_drain_over_the_built_in_admin_api(self):
        """At its port, and at its Unix socket alone; `switch status` asks the built-in Janus API."""
        server = Server("janus-rs", builtin=True, web='admin_unix = "door"')
        try:
            self.assertIn("no new sessions are taken; 0 PeerConnections", run("drain", "-F", server.folder, check=0).stdout)
            server.admin({"janus": "accept_new_sessions", "accept": True})
            own = server.folder / "janus-rs.jcfg"
            own.write_text(re.sub(r"admin_port = \d+;", "", own.read_text()))
            self.assertIn("no new sessions are taken; 0 PeerConnections", run("drain", "-F", server.folder, check=0).stdout)
            asked = urllib.request.Request(server.http, b'{"janus": "create", "transaction": "t"}')
            with urllib.request.urlopen(asked, timeout=60) as reply:
                self.assertEqual(json.load(reply)["error"]["code"], 472)
            self.assertIn("served by janus-rs 0.", run("switch", "status", "-F", server.folder, check=0).stdout)
        finally:
            server.stop()

    async def test_the_configuration_is_read_again(self):
        server = Server("janus-rs")
        file = server.folder / "janus.jcfg"
        try:
            def ask(name, secret):
                reply = server.admin({"janus": name, "admin_secret": secret})
                return reply.get("error", {}).get("code", reply)
            text = file.read_text()
            file.write_text(text.replace('admin_secret = "janusoverlord"', 'admin_secret = "second"')
                            .replace("debug_level = 4", 'debug_level = 6; server_name = "another"'))
            changed = await asyncio.to_thread(ask, "reload", "janusoverlord")
            self.assertEqual(sorted(changed["changed"]), ["general.admin_secret", "general.debug_level"])
            self.assertEqual(changed["needs_restart"], ["general.server_name"])
            self.assertEqual(ask("get_status", "janusoverlord"), 403)
            self.assertEqual(ask("get_status", "second")["status"]["log_level"], 6)
            # A broken file changes nothing.
            good = file.read_text()
            file.write_text(good + "}")
            self.assertEqual(ask("reload", "second"), 490)
            server.process.send_signal(signal.SIGHUP)
            await asyncio.to_thread(until, lambda: server.output().count("The configuration stays as it is") == 2, "line")
            file.write_text(good.replace('"second"', '"third"'))
            server.process.send_signal(signal.SIGHUP)
            await asyncio.to_thread(until, lambda: "read again: general.admin_secret changed" in server.output(), "line")
            self.assertEqual((ask("get_status", "second"), ask("get_status", "third")["status"]["log_level"]), (403, 6))
        finally:
            server.stop()

    def test_a_crash_has_a_file(self):
        with tempfile.TemporaryDirectory() as folder:
            file = pathlib.Path(folder, "crash")
            server = Server("janus-rs", general=f'crash_file = "{file}";')
            try:
                server.process.send_signal(signal.SIGSEGV)
                self.assertEqual(server.process.wait(60), -signal.SIGSEGV)
                self.assertIn("[FATAL] Crash: ", file.read_text())
                report = run("report", "-F", server.folder, check=0).stdout
                self.assertIn("[FATAL] Crash: ", report.split("== The last crash")[1].split("== End of the log")[0])
            finally:
                server.stop(check=False)


# Stands in for systemd, which needs a booted system: starts and stops what the units and drop-ins in JANUS_RS_ROOT say.
SYSTEMCTL = """\
#!/usr/bin/env python3
import os, pathlib, re, shlex, signal, subprocess, sys, time
root = pathlib.Path(os.environ["JANUS_RS_ROOT"])
state = root / "state"
state.mkdir(exist_ok=True)
words = [word for word in sys.argv[1:] if not word.startswith("--")]
with (root / "calls").open("a") as calls:
    calls.write(" ".join(sys.argv[1:]) + "\\n")
if os.environ.get("FAILS") == " ".join(sys.argv[1:]):
    sys.exit("Job failed.")
def pid(unit):
    file = state / unit
    return int(file.read_text()) if file.exists() else None
if words[0] == "is-active":
    print("active" if pid(words[1]) else "inactive")
elif words[0] == "disable":
    if pid(words[1]):
        os.kill(pid(words[1]), signal.SIGTERM)
        for _ in range(600):
            status = pathlib.Path(f"/proc/{pid(words[1])}/status")
            if not status.exists() or "zombie" in status.read_text():
                break
            time.sleep(0.1)
        (state / words[1]).unlink()
elif words[0] == "enable":
    text = ""
    for folder in ("etc/systemd/system", "lib/systemd/system"):
        file = root / folder / words[1]
        text = text or (file.read_text() if file.exists() else "")
    if not text:
        sys.exit(f"Unit {words[1]} could not be found.")
    for file in sorted((root / "etc/systemd/system" / f"{words[1]}.d").glob("*.conf")):
        text += file.read_text()
    command = [line for line in re.findall(r"^ExecStart=(.*)$", text, re.M) if line][-1]
    started = subprocess.Popen(shlex.split(command), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                               start_new_session=True)
    (state / words[1]).write_text(str(started.pid))
"""


class Switch(Folder):
    def setUp(self):
        super().setUp()
        self.root = pathlib.Path(tempfile.mkdtemp(prefix="janus-root-"))
        self.addCleanup(shutil.rmtree, self.root)
        units = self.root / "lib/systemd/system"
        units.mkdir(parents=True)
        (self.root / "bin").mkdir()
        systemctl = self.root / "bin/systemctl"
        systemctl.write_text(SYSTEMCTL)
        systemctl.chmod(0o755)
        self.recordings = self.folder / "recordings"
        self.recordings.mkdir()
        self.env = {"JANUS_RS_ROOT": str(self.root), "PATH": f"{self.root}/bin:{os.environ['PATH']}"}
        disabled = ",".join(f"libjanus_{name}.so" for name in ("rabbitmq", "mqtt", "nanomsg", "pfunix"))
        self.change("janus.jcfg", r"transports: \{", f'transports: {{ disable = "{disabled}"')
        self.change("janus.plugin.recordplay.jcfg", r"\n\s*path = .*", f'\n\tpath = "{self.recordings}"')
        key = self.folder / "key.pem"
        subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=x", "-keyout", key,
                        "-out", self.folder / "cert.pem"], check=True, capture_output=True)
        self.key = key
        self.change("janus.jcfg", r"certificates: \{", f'certificates: {{ cert_pem = "{self.folder}/cert.pem"; cert_key = "{key}"')
        for name in ("streaming",):
            path = self.folder / f"janus.plugin.{name}.jcfg"
            path.write_text(re.sub(r"(?m)^(\s*(?:audio|video)?port = )\d+$", r"\g<1>0", path.read_text()))
        (units / "janus.service").write_text(f"[Service]\nType=forking\nExecStart=/usr/bin/janus -F {self.folder} -o\n")
        self.addCleanup(self.end_all)

    def end_all(self):
        for file in (self.root / "state").glob("*"):
            try:
                os.kill(int(file.read_text()), signal.SIGKILL)
            except ProcessLookupError:
                pass

    def switch(self, *arguments, status=0, **env):
        return run("switch", *arguments, env={**self.env, **env}, check=status)

    def test_there_and_back(self):
        subprocess.run(["systemctl", "enable", "--now", "janus.service"], check=True, env={**os.environ, **self.env})
        until(lambda: "served by Janus 1." in self.switch("status").stdout, "reference")
        self.assertIn("janus.service: active\njanus-rs.service: inactive", self.switch("status").stdout)

        planned = self.switch("to-rs", "--dry-run").stdout
        self.assertIn("systemctl disable --now janus.service\nsystemctl enable --now janus-rs.service\n", planned)
        self.assertFalse((self.root / "etc").exists())
        # The hardened unit runs as a user who may read what a group may, if that is told.
        self.assertIn(f"# {self.key}: can be read by its owner only. For user janus-rs: chgrp janus-rs {self.key}", planned)
        self.assertIn(f"# {self.recordings}: can be written by its owner only", planned)
        shutil.chown(self.key, group="mail")
        self.key.chmod(0o640)

        done = self.switch("to-rs").stdout
        self.assertIn("the Janus API is served by janus-rs 0.", done)
        drop_in = (self.root / "etc/systemd/system/janus-rs.service.d/switch.conf").read_text()
        self.assertIn(f"ReadWritePaths=-{self.recordings}\n", drop_in)
        self.assertIn("SupplementaryGroups=mail\n", drop_in)
        self.assertIn(f" -F {self.folder} -o\n", drop_in)
        self.assertIn("janus.service: inactive\njanus-rs.service: active", self.switch("status").stdout)

        self.assertIn("the Janus API is served by Janus 1.", self.switch("back").stdout)
        self.assertFalse(list((self.root / "etc/systemd/system").glob("*.service")))
        self.assertFalse((self.root / "etc/systemd/system/janus-rs.service.d/switch.conf").exists())

        # What fails is undone.
        failed = self.switch("to-rs", status=1, FAILS="enable --now janus-rs.service")
        self.assertIn("undoing it", failed.stderr)
        self.assertIn("the Janus API is served by Janus 1.", failed.stdout)
        self.assertFalse((self.root / "etc/systemd/system/janus-rs.service").exists())

        # An installation with errors is left as it is.
        self.change("janus.jcfg", r"nat: \{", 'nat: { stun_server = "no.such.name.invalid"')
        refused = self.switch("to-rs", status=1)
        self.assertIn("nothing was changed", refused.stderr)
        self.assertIn("served by Janus 1.", self.switch("status").stdout)

    def test_without_systemd(self):
        (self.root / "bin/systemctl").write_text(textwrap.dedent("""\
            #!/bin/sh
            echo "System has not been booted with systemd as init system (PID 1). Can't operate." >&2
            exit 1
            """))
        there, back = self.switch("to-rs").stdout, self.switch("back").stdout
        self.assertIn(f"janus-rs -F {self.folder} -o\n", there)
        self.assertIn(f"/usr/bin/janus -F {self.folder} -o\n", back)


if __name__ == "__main__":
    unittest.main()
