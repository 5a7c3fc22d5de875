"""The misbehaving plugin; an echotest handle beside it goes on working."""

import asyncio
import json
import os
import sys
import time
import unittest
import urllib.request

from call import EchoCall, until
from harness import ROOT, Server
from signalling import Connection

PACKAGE = "janus.plugin.misbehave"
OVERSIZED = f"{PACKAGE} relays RTP of"
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

    def lines(self, text, during):
        """Log lines with `text` that `during` causes."""
        before = self.settled().count(text)
        during()
        end = time.monotonic() + 10
        while time.monotonic() < end and self.server.output().count(text) == before:
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
        self.assertEqual(self.lines(line, lambda: self.assertEqual(self.ask("end_twice")["janus"], "success")), usual + 1)
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


def main():
    result = unittest.main(exit=False, verbosity=1).result
    bad = len(result.failures) + len(result.errors)
    print(f"{result.testsRun - bad} passed, {bad} failed")
    sys.exit(bad > 0)


main()
