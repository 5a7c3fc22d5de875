"""The misbehaving plugin; an echotest handle beside it goes on working."""

import asyncio
import collections
import json
import os
import pathlib
import re
import signal
import sys
import time
import unittest
import urllib.request

from call import EchoCall, until
from harness import ROOT, Server
from signalling import Connection

PACKAGE = "janus.plugin.misbehave"
OVERSIZED = f"{PACKAGE} relays RTP of"
MEGABYTE = 1 << 20
OFFER = (ROOT / "tests/corpus/sdp/chromium-offer.sdp").read_text()


class Misbehaviour(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        folder = os.environ["MISBEHAVE_PLUGINS"]
        cls.server = Server("janus-rs", general=f'plugins_folder = "{folder}";')
        cls.server.admin({"janus": "set_log_level", "level": 5})

    @classmethod
    def tearDownClass(cls):
        cls.server.stop()

    def setUp(self):
        self.session = self.post({"janus": "create"})["data"]["id"]
        self.echo = self.attach("janus.plugin.echotest")
        self.gone = self.attach()
        self.post({"janus": "detach"}, self.gone)
        self.handle = self.attach()

    def tearDown(self):
        self.echo_answers()
        self.assertTrue(self.server.alive())
        self.post({"janus": "destroy"}, f"/{self.session}")

    def post(self, body, path=""):
        request = urllib.request.Request(self.server.http + path, json.dumps({"transaction": "t", **body}).encode())
        with urllib.request.urlopen(request, timeout=30) as reply:
            return json.load(reply)

    def events(self):
        with urllib.request.urlopen(f"{self.server.http}/{self.session}?maxev=10", timeout=40) as reply:
            return json.load(reply)

    def attach(self, package=PACKAGE):
        reply = self.post({"janus": "attach", "plugin": package}, f"/{self.session}")
        return f"/{self.session}/{reply['data']['id']}"

    def ask(self, request, **more):
        return self.post({"janus": "message", "body": {"request": request, **more}}, self.handle)

    def content(self, request, **more):
        return self.ask(request, **more)["plugindata"]["data"]

    def echo_answers(self):
        """An offer to echotest is answered: nobody else was harmed."""
        self.post({"janus": "message", "body": {"audio": True}, "jsep": {"type": "offer", "sdp": OFFER}}, self.echo)
        for _ in range(10):
            if any("jsep" in event for event in self.events()):
                return
        self.fail("echotest does not answer")

    def settled(self):
        """The log, when ending handles of earlier tests have had their say."""
        log = None
        while log != self.server.output():
            log = self.server.output()
            time.sleep(0.5)
        return log

    def lines(self, text, during, least=1):
        """Log lines with `text` that `during` causes; so many are waited for, since each may come from another thread."""
        before = self.settled().count(text)
        during()
        end = time.monotonic() + 10
        while time.monotonic() < end and self.server.output().count(text) < before + least:
            time.sleep(0.05)
        return self.settled().count(text) - before

    def test_no_result(self):
        """CP-171, CP-175: nothing at all is worth one line."""
        self.assertEqual(self.lines(f"{PACKAGE} gave no result", lambda: self.ask("null")), 1)
        for request, words in (("null", "Plugin didn't give a result"), ("empty", "Plugin didn't provide any content")):
            reply = self.ask(request)
            self.assertEqual(reply["error"]["code"], 462)
            self.assertIn(words, reply["error"]["reason"])

    def test_push_event_inside_create_session(self):
        """CP-206: refused, with one line."""
        self.assertEqual(self.content("create_code")["code"], -2)
        self.assertEqual(self.lines("pushed an event for a session that is not alive", self.attach), 1)

    def test_calls_for_a_session_that_is_gone(self):
        """CP-207, CP-234: from another thread, after detach; one line each."""
        for call in ("push_event", "relay_rtp", "relay_rtcp", "relay_data", "end_session", "close_pc", "send_pli",
                     "send_remb"):
            line = f"{call} for a session that is not alive"
            if call == "push_event":
                line = "pushed an event for a session that is not alive"
            with self.subTest(call):
                self.assertEqual(self.lines(line, lambda c=call: self.content("once", call=c)), 1)

    def test_everything_with_every_wrong_session(self):
        """Gone, NULL, no pointer, a stranger's: all codes are −2."""
        codes = self.content("stale")["codes"]
        self.assertGreaterEqual(len(codes), 4)
        self.assertEqual(set(codes), {-2})
        self.assertEqual(self.ask("over_release")["janus"], "success")

    def test_oversized_packets_without_a_call(self):
        self.assertEqual(self.lines(OVERSIZED, lambda: self.ask("oversized")), 0)

    def test_oversized_packets_on_a_live_call(self):
        """One line for both, and the sound goes on."""
        asyncio.run(self.oversized_call())

    async def oversized_call(self):
        connection = await Connection.open(self.server.ws)
        session = await connection.create()
        handle = await session.attach(PACKAGE)
        call = EchoCall(handle, video=False, data=False)
        try:
            await call.start()
            await call.media_returns()
            before = self.server.output().count(OVERSIZED)
            for _ in range(3):
                reply = await handle.request({"janus": "message", "body": {"request": "oversized"}})
                self.assertEqual(reply["janus"], "success")
                await call.media_returns()
            self.assertEqual(self.server.output().count(OVERSIZED) - before, 1)
        finally:
            await call.close()
            await session.destroy()
            await connection.close()

    def test_end_session_twice(self):
        """The handle ends once: one detached event (CP-233), and then it is unknown. The second call is one line, besides
        those that the end of any handle of this plugin causes."""
        line, other = "end_session for a session that is not alive", self.attach()
        usual = self.lines(line, lambda: self.post({"janus": "detach"}, other))
        twice = self.lines(line, lambda: self.assertEqual(self.ask("end_twice")["janus"], "success"), usual + 1)
        self.assertEqual(twice, usual + 1)
        number = int(self.handle.split("/")[2])
        detached, end = [], time.monotonic() + 20
        while not detached and time.monotonic() < end:
            detached += [e for e in self.events() if e["janus"] == "detached" and e["sender"] == number]
        self.assertEqual(len(detached), 1)
        self.assertEqual(self.ask("stale")["error"]["code"], 459)


class Stall(unittest.IsolatedAsyncioTestCase):
    """A callback that does not return, beside a call of echotest on the same worker."""

    def setUp(self):
        general = f'plugins_folder = "{os.environ["MISBEHAVE_PLUGINS"]}"; event_loops = 1;'
        own = "web: { enabled = false }\ngeneral: { stall_limit = 0.5 }\n"
        self.server = Server("janus-rs", general=general, files={"janus-rs.jcfg": own})

    def tearDown(self):
        self.server.stop()

    def callback(self):
        """What the Admin API says of the plugin and its incoming_rtp."""
        plugins = self.server.admin({"janus": "stalls_info"})["plugins"]
        plugin = next(p for p in plugins if p["plugin"] == PACKAGE)
        return plugin, next((c for c in plugin["callbacks"] if c["callback"] == "incoming_rtp"), {})

    async def ask(self, request):
        reply = await self.blocked.handle.request({"janus": "message", "body": {"request": request}})
        return reply["plugindata"]["data"].get("entered")

    async def test_a_blocked_callback_stops_nobody_else(self):
        connection = await Connection.open(self.server.ws)
        session = await connection.create()
        self.blocked = EchoCall(await session.attach(PACKAGE), video=False, data=False)
        second = EchoCall(await session.attach(PACKAGE), video=False, data=False)
        quiet = EchoCall(await session.attach())
        calls = (self.blocked, second, quiet)
        for call in calls:
            await call.start()
            await call.media_returns()
        await quiet.data_open()
        for stalls in (1, 2):
            await self.ask("block")
            await until(lambda: self.callback()[1].get("relieved") == stalls, "spare thread")
            before = await self.ask("entered")
            self.assertTrue(before["blocked"])
            await quiet.media_returns(30)
            self.assertIn("still here", await quiet.echoes("still here"))
            # Nothing more was handed to the plugin meanwhile, for no handle.
            self.assertEqual(await self.ask("entered"), before)
            plugin, callback = self.callback()
            self.assertEqual((callback["stalls"], callback["stalled"], callback["relieved"]), (stalls, 1, stalls))
            self.assertGreater(plugin["dropped"], 0)
            await self.ask("release")
            for call in calls:
                await call.media_returns()
            await until(lambda: self.callback()[1]["stalled"] == 0, "end of the stall")
        self.assertEqual((await self.ask("entered"))["overlaps"], 0)
        log = self.server.output()
        line = next(line for line in log.splitlines() if f"{PACKAGE}: incoming_rtp, handle" in line)
        self.assertIn("hloop", line)
        self.assertIn("libjanus_misbehave.so+0x", line)
        self.assertIn("nothing is blocked any more", log)
        for call in calls:
            await call.close()
        await session.destroy()
        await connection.close()


class Floods(unittest.IsolatedAsyncioTestCase):
    """A thread of the plugin calls one function of the core without a pause. Beside it a call of the echotest goes on, on the
    same worker; memory and log stay bounded."""

    # Calls per flood. Where nothing is bounded a million of the first leave more than 100 MB behind.
    CALLS = {"send_pli": 2_000_000, "send_remb": 2_000_000, "relay_data": 300_000, "relay_rtcp": 300_000,
             "push_event": 200_000, "close_pc": 200_000, "end_session": 200_000}
    MOST_LINES = 20

    async def asyncSetUp(self):
        folder = os.environ["MISBEHAVE_PLUGINS"]
        self.server = Server("janus-rs", general=f'plugins_folder = "{folder}"; event_loops = 1;')
        self.beside = await Connection.open(self.server.ws)
        echo = await (await self.beside.create()).attach()
        self.call = await EchoCall(echo, data=False).start()
        # Started apart, so that what it receives takes no time from the call beside it.
        self.client = await asyncio.create_subprocess_exec(
            sys.executable, str(pathlib.Path(__file__).with_name("flooded.py")), self.server.ws, PACKAGE,
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE)
        self.handle = json.loads(await asyncio.wait_for(self.client.stdout.readline(), 60))
        self.watcher = await (await self.beside.create()).attach(PACKAGE)

    async def asyncTearDown(self):
        await self.ask(request="calm")
        self.client.stdin.close()
        await asyncio.wait_for(self.client.wait(), 30)
        await self.call.close()
        await self.beside.close()
        self.server.stop()

    def resident(self):
        """Bytes of memory that the server holds."""
        status = pathlib.Path(f"/proc/{self.server.process.pid}/status").read_text()
        return int(re.search(r"VmRSS:\s+(\d+)", status)[1]) * 1024

    async def ask(self, **body):
        reply = await self.watcher.request({"janus": "message", "body": body})
        return reply["plugindata"]["data"]

    async def flood(self, call, count, on):
        """A flood with the session of the handle `on`: the most memory seen until it has ended, and the call went on."""
        over, most = (await self.ask(request="flooded"))["over"], 0
        frames = dict(self.call.frames)
        body = {"request": "flood", "call": call, "count": count}
        reply = await self.beside.request({"janus": "message", "body": body, **on})
        self.assertEqual(reply["janus"], "success")
        ended = False
        # Ten more of each kind: what was sent before cannot account for them.
        while not ended or any(self.call.frames[kind] < frames[kind] + 10 for kind in frames):
            most = max(most, self.resident())
            ended = (await self.ask(request="flooded"))["over"] > over
            await asyncio.sleep(0.05)
        return max(most, self.resident())

    async def dropped(self, session, handle):
        """Packets that the plugin relayed to this handle, and that there was no room for."""
        info = await asyncio.to_thread(self.server.handle_info, session, handle)
        return info["webrtc"].get("relay-dropped", 0)

    @staticmethod
    async def received_and_lost(call):
        report = [s for s in (await call.pc.getStats()).values() if s.type == "inbound-rtp"]
        return sum(s.packetsReceived for s in report), sum(s.packetsLost for s in report)

    async def fresh(self):
        """Another handle of the plugin. (What goes with a PeerConnection ends with it: see the plugin's hangup_media.)"""
        handle = await self.watcher.session.attach(PACKAGE)
        return {"session_id": handle.session.id, "handle_id": handle.id}

    async def test_floods(self):
        await self.call.media_returns(10)
        before = self.resident()
        for call, count in self.CALLS.items():
            with self.subTest(call):
                on = await self.fresh() if call == "end_session" else self.handle
                # A client that reads nothing, as on a network that is gone.
                stopped = call == "push_event"
                if stopped:
                    self.client.send_signal(signal.SIGSTOP)
                most = await asyncio.wait_for(self.flood(call, count, on), 90)
                if stopped:
                    self.client.send_signal(signal.SIGCONT)
                self.assertLess((most - before) / MEGABYTE, 100)
        lines = re.sub(r"\d+", "N", self.server.output()).splitlines()
        kind, times = collections.Counter(lines).most_common(1)[0]
        self.assertLess(times, self.MOST_LINES, kind)
        self.assertEqual([e["janus"] for e in self.beside.events if e["janus"] in ("hangup", "timeout")], [])
        await self.call.media_returns(10)

    async def test_packets_of_one_thread_leave_room_for_those_of_another(self):
        """A thread relays RTP without end to a client that reads nothing. Another one forwards a call, to the same worker."""
        handle = await (await self.beside.create()).attach(PACKAGE)
        await handle.request({"janus": "message", "body": {"request": "elsewhere"}})
        forwarded = await EchoCall(handle, video=False, data=False).start()
        self.addAsyncCleanup(forwarded.close)
        await forwarded.media_returns(10)
        before = self.resident()
        body = {"request": "flood", "call": "relay_rtp", "count": 1 << 50}
        self.client.send_signal(signal.SIGSTOP)
        try:
            await self.beside.request({"janus": "message", "body": body, **self.handle})
            while await self.dropped(self.handle["session_id"], self.handle["handle_id"]) < 10_000:
                await asyncio.sleep(0.05)
            received, lost = await self.received_and_lost(forwarded)
            await forwarded.media_returns(50)
            more, missing = await self.received_and_lost(forwarded)
            await self.ask(request="calm")
        finally:
            self.client.send_signal(signal.SIGCONT)
        self.assertGreater(more - received, 4 * (missing - lost), "of what was forwarded")
        self.assertEqual(await self.dropped(handle.session.id, handle.id), 0)
        self.assertLess((self.resident() - before) / MEGABYTE, 100)
        self.assertEqual(self.server.output().count("its share of what may wait"), 1)
        await self.call.media_returns(10)


def main():
    result = unittest.main(exit=False, verbosity=1).result
    bad = len(result.failures) + len(result.errors)
    print(f"{result.testsRun - bad} passed, {bad} failed")
    sys.exit(bad > 0)


main()
