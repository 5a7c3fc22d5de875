"""Starts the server under test on ports of its own, with a copy of the distribution's configuration."""

import itertools
import json
import logging
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parents[2]
UNDER_TEST = os.environ.get("JANUS_UNDER_TEST", "janus-rs")
PROGRAMS = {
    "janus": "/usr/bin/janus",
    "janus-rs": os.environ.get("JANUS_RS", str(ROOT / "target/debug/janus-rs")),
}

# unittest turns asyncio's reports of slow steps on.
logging.getLogger("asyncio").setLevel(logging.ERROR)

# What the tests do not use would ask for services that are not there.
UNUSED_PLUGINS = ["audiobridge", "duktape", "lua", "nosip", "recordplay", "sip", "videocall", "voicemail"]
UNUSED_TRANSPORTS = ["rabbitmq", "mqtt", "nanomsg", "pfunix"]


def file_list(names):
    return ",".join(f"libjanus_{name}.so" for name in names)


PORTS = itertools.count(os.getpid() * 89)
# Suites that run beside each other have ports of their own (test.sh): the first, and how many.
FIRST_PORT, COUNT_OF_PORTS = map(int, os.environ.get("TEST_PORTS", "12000 20000").split())


def free_port():
    """A TCP port that is free now, below those that the system gives to connections and sockets without a port of their
    own: what it gives away between this probe and the server's own bind is none of these."""
    for number in itertools.islice(PORTS, COUNT_OF_PORTS):
        with socket.socket() as probe:
            try:
                probe.bind(("0.0.0.0", FIRST_PORT + number % COUNT_OF_PORTS))
            except OSError:
                continue
            return probe.getsockname()[1]
    raise AssertionError("no free port")


# How many times longer than usual the server may take: to start, to answer, to end.
PATIENCE = int(os.environ.get("TEST_LIMIT", 60)) / 60


def until(probe, what, limit=90 * PATIENCE):
    """Polls until `probe` gives something true; that is the result."""
    end = time.monotonic() + limit
    while time.monotonic() < end:
        value = probe()
        if value:
            return value
        time.sleep(0.1)
    raise AssertionError(f"no {what} after {limit} s")


class Server:
    """A running server. `general`, `media`, `nat`, `plugins`, `events` are lines for those groups of janus.jcfg, `arguments`
    those of the command line. `builtin`: no transport module is loaded, janus-rs serves by itself. `web` are lines of its web server; `more_transports`: modules that are loaded besides.
    `prefix`: a command that runs it somewhere else, where `host` is."""

    def __init__(self, which=UNDER_TEST, *, general="", media="", nat="", plugins="", events="", disabled=UNUSED_PLUGINS,
                 files=None, arguments=(), builtin=False, transports="", web="", more_transports=(), prefix=(), host="127.0.0.1"):
        self.which, self.host = which, host
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="janus-test-"))
        shutil.copytree("/etc/janus", self.folder, dirs_exist_ok=True)
        self.ws_port, self.ws_admin_port, self.http_port, self.admin_port = (free_port() for _ in range(4))
        if builtin:
            self.ws_port, self.ws_admin_port = self.http_port, self.admin_port
        left_out = [name for name in UNUSED_TRANSPORTS if name not in more_transports] + (["http", "websockets"] if builtin else [])
        self._write("janus.jcfg", f"""
general: {{ debug_level = 4; debug_colors = false; admin_secret = "janusoverlord"; {general} }}
media: {{ {media} }}
nat: {{ {nat} }}
plugins: {{ disable = "{file_list(disabled)}"; {plugins} }}
transports: {{ disable = "{file_list(left_out)}"; {transports} }}
events: {{ {events} }}
""")
        self._write("janus.transport.websockets.jcfg", f"""
general: {{ json = "compact"; ws = true; ws_port = {self.ws_port} }}
admin: {{ admin_ws = true; admin_ws_port = {self.ws_admin_port} }}
""")
        self._write("janus.transport.http.jcfg", f"""
general: {{ json = "compact"; base_path = "/janus"; http = true; port = {self.http_port} }}
admin: {{ admin_base_path = "/admin"; admin_http = true; admin_port = {self.admin_port} }}
""")
        if builtin:
            web = f'ip = "127.0.0.1"; port = {self.http_port}; admin_port = {self.admin_port}; {web}'
        self._write("janus-rs.jcfg", f"web: {{ {web or 'enabled = false'} }}\n")
        # The mountpoints that the distribution ships listen on ports of the plugin's choice, so that two servers can.
        streaming = self.folder / "janus.plugin.streaming.jcfg"
        self._write(streaming.name, re.sub(r"(?m)^(\s*(?:audio|video)?port = )\d+$", r"\g<1>0", streaming.read_text()))
        for name, text in (files or {}).items():
            self._write(name, text)
        self.log_path = self.folder / "output.log"
        with self.log_path.open("wb") as log:
            self.process = subprocess.Popen(
                [*prefix, PROGRAMS[which], "-F", str(self.folder), *arguments], stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        try:
            until(self._answers, "server")
        except BaseException:
            self.stop(check=False)
            raise
        if which == "janus":
            time.sleep(0.7)  # it may crash when it is asked while it loads

    def _write(self, name, text):
        (self.folder / name).write_text(text)

    def _answers(self):
        if not self.alive():
            raise AssertionError(f"the server ended with {self.process.returncode}\n{self.output()}")
        return all(map(self._takes, (self.ws_port, self.ws_admin_port, self.http_port, self.admin_port)))

    def _takes(self, port):
        try:
            socket.create_connection((self.host, port), 1).close()
        except OSError:
            return False
        return True

    def listens(self, port):
        """Waits until it does: the built-in web server begins behind the transports."""
        until(lambda: self._takes(port), f"web server on port {port}")

    @property
    def ws(self):
        return f"ws://{self.host}:{self.ws_port}/"

    @property
    def ws_admin(self):
        return f"ws://{self.host}:{self.ws_admin_port}/"

    @property
    def http(self):
        return f"http://{self.host}:{self.http_port}/janus"

    @property
    def http_admin(self):
        return f"http://{self.host}:{self.admin_port}/admin"

    def alive(self):
        return self.process.poll() is None

    def output(self):
        return self.log_path.read_text(errors="replace")

    def says(self, text):
        """Waits for it: a thread of its own writes the log, when the machine has time for it."""
        until(lambda: text in self.output(), f"{text!r} in the log")

    def admin(self, request, path=""):
        """One Admin API request; its reply."""
        body = {"transaction": "t", "admin_secret": "janusoverlord", **request}
        asked = urllib.request.Request(self.http_admin + path, json.dumps(body).encode())
        with urllib.request.urlopen(asked, timeout=15 * PATIENCE) as reply:
            return json.load(reply)

    def sessions(self):
        return self.admin({"janus": "list_sessions"})["sessions"]

    def handle_info(self, session, handle):
        return self.admin({"janus": "handle_info"}, f"/{session}/{handle}").get("info")

    def stop(self, check=True):
        """Ends the server; with `check` it has to end by itself, with code 0 (CP-069)."""
        if self.alive():
            self.process.send_signal(signal.SIGTERM)
        try:
            code = self.process.wait(10 * PATIENCE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            code = f"none after SIGTERM, then {self.process.wait()}"
        output = self.output()
        shutil.rmtree(self.folder)
        if check and code != 0:
            raise AssertionError(f"exit code {code}\n{output[-4000:]}")
