"""Several servers as one service; docs/scaling.md says the same in words. demos/scale has the programs."""

import asyncio
import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import unittest

from call import EchoCall
from harness import ROOT, UNUSED_PLUGINS, Server, free_port, until
from signalling import Connection

LONG = "LONG" in os.environ
DEMOS = ROOT / "demos/scale"
LOAD = ROOT / "target/debug/load"
LIMIT = 300
# Half of them at the second server.
VIEWERS = 100 if LONG else 5


def listens(port):
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
    except OSError:
        return False
    return True


class Program:
    """Runs beside the test."""

    def __init__(self, test, words, port, env=None, stop=None):
        self.process = subprocess.Popen([str(word) for word in words], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                        stderr=subprocess.DEVNULL, env={**os.environ, **(env or {})}, start_new_session=True)
        test.addCleanup(self.end)
        until(lambda: listens(port), f"{words[0]} at port {port}")

    def end(self):
        # With what it has started.
        os.killpg(self.process.pid, signal.SIGTERM)
        self.process.wait(LIMIT)


def mosquitto(test):
    port = free_port()
    Program(test, ["mosquitto", "-p", port], port)
    return port


def rabbitmq(test):
    port, names, folder = free_port(), str(free_port()), pathlib.Path(tempfile.mkdtemp(prefix="janus-rabbitmq-"))
    test.addCleanup(shutil.rmtree, folder, ignore_errors=True)
    (folder / "rabbitmq.conf").write_text(f"listeners.tcp.1 = 127.0.0.1:{port}\n")
    (folder / "enabled_plugins").write_text("[].\n")
    test.addCleanup(subprocess.run, ["epmd", "-port", names, "-kill"], capture_output=True, check=False)
    Program(test, ["/usr/lib/rabbitmq/bin/rabbitmq-server"], port, env={
        "HOME": str(folder), "RABBITMQ_NODENAME": f"janus-{port}@localhost", "RABBITMQ_DIST_PORT": str(free_port()),
        "RABBITMQ_BASE": str(folder), "RABBITMQ_MNESIA_BASE": str(folder), "RABBITMQ_LOG_BASE": str(folder),
        "RABBITMQ_CONFIG_FILE": str(folder / "rabbitmq.conf"), "RABBITMQ_ENABLED_PLUGINS_FILE": str(folder / "enabled_plugins"),
        "RABBITMQ_PID_FILE": str(folder / "pid"), "ERL_EPMD_PORT": names})
    return port


class Brokers(unittest.TestCase):
    """The application knows the broker only."""

    def try_it(self, kind, port, transport, handler):
        names = ["one", "two"]
        for name in names:
            server = Server("janus-rs", general=f'server_name = "{name}";', events="broadcast = true;",
                            disabled=[*UNUSED_PLUGINS, "streaming", "videoroom"],
                            more_transports=[kind],
                            files={f"janus.transport.{kind}.jcfg": transport.format(name=name, port=port),
                                   f"janus.eventhandler.{kind}evh.jcfg": handler.format(name=name, port=port)})
            self.addCleanup(server.stop, check=False)
        done = subprocess.run([sys.executable, DEMOS / "application.py", kind, str(port), *names], capture_output=True, text=True,
                              timeout=LIMIT, check=False)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual([json.loads(line) for line in done.stdout.splitlines()],
                         [{"server": name, "emitter": name, "result": "ok", "events": ["created", "attached"]} for name in names])

    def test_mqtt(self):
        self.try_it("mqtt", mosquitto(self), """
general: {{ enabled = true; json = "compact"; url = "tcp://127.0.0.1:{port}"; client_id = "{name}"
    subscribe_topic = "{name}-to"; publish_topic = "{name}-from" }}
""", """
general: {{ enabled = true; events = "sessions,handles"; json = "compact"; url = "tcp://127.0.0.1:{port}"; client_id = "{name}-evh"
    topic = "{name}-events" }}
""")

    @unittest.skipUnless(LONG, "with --long")
    def test_rabbitmq(self):
        self.try_it("rabbitmq", rabbitmq(self), """
general: {{ enabled = true; json = "compact"; host = "127.0.0.1"; port = {port}; to_janus = "{name}-to"; from_janus = "{name}-from" }}
""", """
general: {{ enabled = true; events = "sessions,handles"; json = "compact"; host = "127.0.0.1"; port = {port}
    route_key = "{name}-events" }}
""")


class Balanced(unittest.IsolatedAsyncioTestCase):
    def two(self):
        servers = []
        for _ in range(2):
            web = free_port()
            # Without event_loops there is nothing that loops_info could count.
            server = Server("janus-rs", general="event_loops = 2;", web=f'enabled = true; ip = "127.0.0.1"; port = {web};')
            server.web_port = web
            self.addCleanup(server.stop, check=False)
            server.listens(web)
            servers.append(server)
        return servers

    async def test_the_emptier_one_is_taken_and_a_drained_one_is_not(self):
        servers = await asyncio.to_thread(self.two)
        port = free_port()
        await asyncio.to_thread(Program, self, [
            sys.executable, DEMOS / "balancer.py", port,
            *(f"{server.ws_port}/{server.web_port}/{server.admin_port}" for server in servers)], port,
            env={"ADMIN_SECRET": "janusoverlord"})

        def counts():
            return [len(server.sessions()) for server in servers]
        calls = []
        for _ in range(4):
            connection = await Connection.open(f"ws://127.0.0.1:{port}/")
            self.addAsyncCleanup(connection.close)
            calls.append(EchoCall(await (await connection.create()).attach(), video=False, data=False))
            self.addAsyncCleanup(calls[-1].close)
        self.assertEqual(await asyncio.to_thread(counts), [2, 2])
        for call in calls:
            await call.start()
        # The first is drained: its calls go on, the new ones are the second's.
        await asyncio.to_thread(servers[0].admin, {"janus": "drain"})
        for _ in range(3):
            connection = await Connection.open(f"ws://127.0.0.1:{port}/")
            self.addAsyncCleanup(connection.close)
            await connection.create()
        self.assertEqual(await asyncio.to_thread(counts), [2, 5])
        for call in calls:
            await call.media_returns(5)


class Cascade(unittest.TestCase):
    """A room's publisher is forwarded as RTP to a mountpoint of a second server."""

    def cpu(self, server):
        fields = pathlib.Path(f"/proc/{server.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def load(self, first, second=None):
        words = [LOAD, first.ws_port, VIEWERS, 10 if LONG else 3, 50, 1000, *([second.ws_port] if second else [])]
        before = [self.cpu(server) for server in (first, second) if server]
        done = subprocess.run([str(word) for word in words], capture_output=True, text=True, timeout=LIMIT, check=False)
        self.assertEqual(done.returncode, 0, done.stderr)
        figures = json.loads(done.stdout)
        figures["cpu_s"] = [round(self.cpu(server) - began, 2) for server, began in zip((first, second), before)]
        print(json.dumps(figures))
        return figures

    def test_twice_the_viewers(self):
        first, second = (Server("janus-rs") for _ in range(2))
        for server in (first, second):
            self.addCleanup(server.stop, check=False)
        if LONG:
            alone = self.load(first)
            self.assertEqual(alone["received"], alone["expected"])
        both = self.load(first, second)
        # RTP between the servers is not repeated when it is lost; on this host nothing loses it but a full socket.
        self.assertEqual(both["expected"], both["sent"] * VIEWERS * 2)
        self.assertEqual(both["received"] - both["received_there"], both["sent"] * VIEWERS)
        self.assertGreater(both["received_there"], both["sent"] * VIEWERS * 0.9)


if __name__ == "__main__":
    unittest.main()
