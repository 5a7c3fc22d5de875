"""Floods of every queue of the control plane, beside a bystander who is answered; memory stays within what the bounds say."""

import asyncio
import os
import pathlib
import re
import sys
import unittest

from call import EchoCall, until
from harness import ROOT, Server
from signalling import Connection

PACKAGE = "janus.plugin.flooding"
HANDLER = "janus.eventhandler.stuck"
MEGABYTE = 1 << 20
# Small, so that a short flood is far above them.
BOUNDS = {"requests": 200, "requests_bytes": MEGABYTE, "events": 1000, "events_bytes": 2 * MEGABYTE,
          "notifications": 1000, "notifications_bytes": 2 * MEGABYTE, "changes": 500, "changes_bytes": MEGABYTE}
# Over all connections.
ALL_REQUESTS = 16
# The most that is lost in allocators, transports and threads while a hundred megabytes pass through.
SLACK = 24 * MEGABYTE
MOST_LINES = 20
OFFER = (ROOT / "tests/corpus/sdp/chromium-offer.sdp").read_text()
CANDIDATES = int(os.environ.get("CANDIDATES", "20000"))


class Flooded(unittest.IsolatedAsyncioTestCase):
    async def asyncSetUp(self):
        folder = os.environ["QUEUES_MODULES"]
        bounds = "; ".join(f"{name} = {value}" for name, value in BOUNDS.items())
        own = f"web: {{ enabled = false }}\ngeneral: {{ stall_limit = 0 }}\nqueues: {{ {bounds} }}\n"
        general = f'plugins_folder = "{folder}/plugins"; events_folder = "{folder}/events"; event_loops = 1;'
        self.server = Server("janus-rs", general=general, events="broadcast = true", files={"janus-rs.jcfg": own})
        self.flooder = await Connection.open(self.server.ws)
        self.session = await self.flooder.create()
        self.handle = await self.session.attach(PACKAGE)
        self.beside = await Connection.open(self.server.ws)
        self.bystander = await (await self.beside.create()).attach(PACKAGE)
        self.before = self.resident()

    async def asyncTearDown(self):
        await self.bystander_is_answered()
        self.assertEqual([e["janus"] for e in self.beside.events if e["janus"] in ("hangup", "detached", "timeout")], [])
        for connection in (self.flooder, self.beside):
            await connection.close()
        lines = re.sub(r"\d+", "N", self.server.output()).splitlines()
        self.server.stop()
        # Sessions and handles have lines of their life, one each.
        lines = [line for line in lines if re.match(r"\[(WARN|ERR|FATAL)\]", line)]
        for line in set(lines):
            self.assertLess(lines.count(line), MOST_LINES, line)

    def resident(self):
        """Bytes of memory that the server holds."""
        status = pathlib.Path(f"/proc/{self.server.process.pid}/status").read_text()
        return int(re.search(r"VmRSS:\s+(\d+)", status)[1]) * 1024

    def grown_by_at_most(self, most):
        self.assertLess((self.resident() - self.before) / MEGABYTE, (most + SLACK) / MEGABYTE)

    def figures(self):
        return self.server.admin({"janus": "queues_info"})["queues"]

    def handler(self, **request):
        reply = self.server.admin({"janus": "query_eventhandler", "handler": HANDLER, "request": request})
        return reply["response"]

    async def ask(self, **body):
        reply = await self.bystander.request({"janus": "message", "body": body})
        return reply["plugindata"]["data"]

    async def bystander_is_answered(self):
        """Synchronously, with an event, and of its session."""
        await self.ask(request="nothing")
        self.assertEqual((await self.bystander.message({}))["janus"], "event")
        self.assertEqual((await self.bystander.session.request({"janus": "keepalive"}))["janus"], "ack")

    async def flood(self, call, count):
        """By a thread of the plugin, for the flooder's handle; how many calls were refused."""
        before = await self.ask(request="flooded")
        body = {"request": "flood", "call": call, "count": count}
        await self.handle.request({"janus": "message", "body": body})
        while (after := await self.ask(request="flooded"))["over"] == before["over"]:
            await asyncio.sleep(0.02)
        await self.bystander_is_answered()
        return after["refused"] - before["refused"]

    async def test_requests(self):
        """A handle whose plugin does not return, and a client that goes on asking: error 490, once per request."""
        count, text = 3000, "x" * 20_000
        waiting = asyncio.create_task(self.handle.request({"janus": "message", "body": {"request": "wait"}}, limit=120))

        async def one(number):
            reply = await self.handle.request(
                {"janus": "message", "transaction": f"n{number}", "body": {"request": "x", "text": text}}, limit=120)
            return reply.get("error", {}).get("code", 0)
        asked = []
        for start in range(0, count, 300):
            asked += [asyncio.create_task(one(number)) for number in range(start, start + 300)]
            await until(lambda: sum(not task.done() for task in asked) <= BOUNDS["requests_bytes"] / len(text), "refusals", 120)
            await self.bystander_is_answered()
        # Another handle of the same client, and its session, have room.
        other = await self.session.attach(PACKAGE)
        self.assertEqual((await other.message({}))["janus"], "event")
        self.assertEqual((await self.session.request({"janus": "keepalive"}))["janus"], "ack")
        self.grown_by_at_most(4 * BOUNDS["requests_bytes"])
        figures = self.figures()["requests"]
        self.assertEqual(figures["unanswered"], 0)
        self.assertLessEqual(figures["bytes"], 4 * BOUNDS["requests_bytes"])
        await self.ask(request="go_on")
        await waiting
        codes = await asyncio.gather(*asked)
        self.assertEqual(set(codes), {0, 490})
        self.assertEqual(codes.count(490), figures["refused"])
        self.assertLessEqual(codes.count(0), BOUNDS["requests"])
        self.assertGreater(codes.count(0), 20)

    async def test_requests_of_many_handles(self):
        """All handles of all connections of a flooder: what waits is bounded altogether."""
        text, connections = "x" * 60_000, []
        waiting = []
        for _ in range(8):
            connection = await Connection.open(self.server.ws)
            session = await connection.create()
            handles = [await session.attach(PACKAGE) for _ in range(8)]
            waiting += [asyncio.create_task(h.request({"janus": "message", "body": {"request": "wait"}}, limit=120))
                        for h in handles]
            connections.append((connection, handles))
        asked = [asyncio.create_task(handle.request(
            {"janus": "message", "body": {"request": "x", "text": text}}, limit=120))
            for _, handles in connections for handle in handles for _ in range(20)]
        most = ALL_REQUESTS * BOUNDS["requests_bytes"]
        await until(lambda: sum(not task.done() for task in asked) <= most / len(text), "refusals", 120)
        await self.bystander_is_answered()
        self.assertLessEqual(self.figures()["requests"]["bytes"], most)
        self.grown_by_at_most(most)
        # One that enters late blocks as well: as often as it takes.
        while not all(task.done() for task in waiting):
            await self.ask(request="go_on")
            await asyncio.sleep(0.02)
        codes = [reply.get("error", {}).get("code", 0) for reply in await asyncio.gather(*asked)]
        self.assertEqual(set(codes), {0, 490})
        for connection, _ in connections:
            await connection.close()

    async def test_events_of_a_plugin(self):
        """A plugin that pushes without end: it learns that there is no room, and answers to its client come through."""
        count = 50_000
        refused = await self.flood("push_event", count)
        self.assertGreater(refused, count / 2)
        self.assertEqual((await self.handle.message({}))["janus"], "event")
        self.grown_by_at_most(BOUNDS["notifications_bytes"])
        self.assertEqual(self.figures()["notifications"]["dropped"], refused)
        self.assertGreater(await self.flood("answer", count), count / 2)
        self.grown_by_at_most(BOUNDS["notifications_bytes"])

    async def test_useless_descriptions(self):
        self.assertEqual(await self.flood("useless", 20_000), 20_000)

    async def test_events_for_handlers(self):
        """A handler that does not return: what the flood leaves out is counted, what happens to others is not lost."""
        number = self.bystander.session.id
        before = self.handler(request="stick", of=number)["named"]
        await self.session.attach(PACKAGE)
        await until(lambda: self.handler()["inside"], "event that does not return")
        await self.flood("notify_event", 50_000)
        await self.bystander.session.attach(PACKAGE)
        self.grown_by_at_most(BOUNDS["events_bytes"])
        events = self.figures()["events"]
        self.assertGreater(events["dropped"], 45_000)
        self.assertLessEqual(events["waiting"], BOUNDS["events"])
        self.assertLessEqual(events["bytes"], BOUNDS["events_bytes"])
        self.handler(request="go_on")
        await until(lambda: self.figures()["events"]["waiting"] == 0, "end of what waited")
        await until(lambda: self.handler()["named"] == before + 1, "event of the bystander")

    async def test_a_client_that_makes_events(self):
        """The same by requests: handles without end."""
        self.handler(request="stick")
        for _ in range(10):
            handles = await asyncio.gather(*(self.session.attach(PACKAGE) for _ in range(100)))
            await asyncio.gather(*(handle.request({"janus": "detach"}) for handle in handles))
        number = self.bystander.session.id
        before = self.handler(request="count", of=number)["named"]
        await self.bystander.session.attach(PACKAGE)
        events = self.figures()["events"]
        self.assertGreater(events["dropped"], 0)
        self.assertLessEqual(events["waiting"], BOUNDS["events"] // 4 + 10)
        self.handler(request="go_on")
        await until(lambda: self.handler()["named"] == before + 1, "event of the bystander")

    async def test_candidates_without_end(self):
        """Trickled in lists, before a description and after it: what waits, and what is kept, is bounded."""
        count, texts = CANDIDATES, iter(range(CANDIDATES))
        handle = await self.session.attach()
        answered = 0
        while answered < count:
            if answered == count // 2:
                await handle.message({}, {"type": "offer", "sdp": OFFER})
            some = [{"sdpMid": "0", "sdpMLineIndex": 0, "candidate":
                     f"candidate:{n} 1 udp {n % 65536} 10.{n >> 16 & 255}.{n >> 8 & 255}.{n & 255} {n % 60000 + 1} typ host"}
                    for n in (next(texts) for _ in range(500))]
            reply = await handle.request({"janus": "trickle", "candidates": some})
            self.assertIn(reply.get("error", {}).get("code", 0), (0, 471))
            answered += len(some)
            if answered % 100_000 == 0:
                self.grown_by_at_most(MEGABYTE)
        self.grown_by_at_most(MEGABYTE)
        info = self.server.handle_info(self.session.id, handle.id)
        self.assertLessEqual(len(info["webrtc"]["ice"]["remote-candidates"]), 256)
        await handle.request({"janus": "detach"})

    async def test_changes_of_a_peerconnection(self):
        """A media worker that a callback blocks, and a client that goes on changing its PeerConnection."""
        package = "janus.plugin.misbehave"
        connection = await Connection.open(self.server.ws)
        session = await connection.create()
        call = await EchoCall(await session.attach(package), video=False, data=False).start()
        await call.media_returns()

        async def tell(request):
            reply = await call.handle.request({"janus": "message", "body": {"request": request}})
            return reply["plugindata"]["data"].get("entered")
        await tell("block")
        while not (await tell("entered"))["blocked"]:
            await asyncio.sleep(0.02)

        async def trickle():
            reply = await call.handle.request({"janus": "trickle", "candidate": {"completed": True}})
            return reply.get("error", {}).get("code", 0)
        codes = [await trickle() for _ in range(2 * BOUNDS["changes"])]
        self.assertEqual((codes.count(0), codes.count(490)), (BOUNDS["changes"], BOUNDS["changes"]))
        reply = await call.handle.request({"janus": "message", "body": {}, "jsep": {
            "type": "offer", "sdp": call.pc.localDescription.sdp}})
        self.assertEqual(reply["error"]["code"], 490)
        self.assertEqual(self.figures()["changes"]["refused"], BOUNDS["changes"] + 1)
        await self.bystander_is_answered()
        await tell("release")
        await call.media_returns()
        self.assertEqual(await trickle(), 0)
        await call.negotiate()
        await call.media_returns()
        await call.close()
        await connection.close()


def main():
    result = unittest.main(exit=False, verbosity=1).result
    bad = len(result.failures) + len(result.errors)
    print(f"{result.testsRun - bad} passed, {bad} failed")
    sys.exit(bad > 0)


main()
