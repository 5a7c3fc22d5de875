"""Requests that no client should send, while a call goes on beside them. (1.1.2 does not survive all of them.)"""

import asyncio
import json
import random
import re
import socket

import websockets

from bystander import BesideACall
from scripts.jsep import CANDIDATE, CHROMIUM, offer
from signalling import Connection

MEGABYTE = 1 << 20


def jsep(sdp, kind="offer"):
    return {"janus": "message", "body": {}, "jsep": {"type": kind, "sdp": sdp}}


class Requests(BesideACall):
    async def asyncSetUp(self):
        await super().asyncSetUp()
        self.raw = await websockets.connect(self.server.ws, subprotocols=["janus-protocol"], max_size=None)

    async def asyncTearDown(self):
        await self.raw.close()
        await super().asyncTearDown()

    async def answer(self, text):
        await self.raw.send(text)
        return json.loads(await asyncio.wait_for(self.raw.recv(), 15))

    async def test_damaged_json(self):
        """CP-074: every text that is no JSON is answered with 454, every odd value with an error."""
        good = json.dumps({"janus": "create", "transaction": "a", "list": [1, 2.5, None, True, {"x": "é\u0000\ud83d"}]})
        chance = random.Random(1)
        for number in range(400):
            damaged = list(good)
            for _ in range(chance.randint(1, 4)):
                damaged[chance.randrange(len(damaged))] = chance.choice('{}[]",:\\u0 \x01eE-.9x\uffff')
            text = "".join(damaged)
            reply = await self.answer(text)
            if "error" in reply:
                self.assertIn(reply["error"]["code"], (454, 456, 457, 458, 467, 468), text)
            else:
                self.assertEqual(reply["janus"], "success", text)

    async def test_deep_nesting(self):
        for opening, closing in (("[", "]"), ('{"a":', "}")):
            for depth in (500, 3000, 100_000):
                self.assertEqual((await self.answer(opening * depth))["error"]["code"], 454)
                reply = await self.answer(
                    f'{{"janus":"ping","transaction":"a","x":{opening * depth}1{closing * depth}}}')
                self.assertEqual(reply["janus"], "pong" if depth == 500 else "error")

    async def test_large_messages(self):
        """One megabyte in every place that takes text."""
        large = "x" * MEGABYTE
        handle = await self.session.attach()
        at = {"session_id": self.session.id, "handle_id": handle.id}
        self.assertEqual((await self.answer(large))["error"]["code"], 454)
        self.assertEqual((await self.answer(json.dumps({"janus": "ping", "transaction": large})))["transaction"], large)
        for request in (
            {"janus": large}, {"janus": "attach", "session_id": self.session.id, "plugin": large},
            {"janus": "attach", "session_id": self.session.id, "plugin": "x" + "%s" * 1000},
            {**at, **jsep(large)}, {**at, **jsep(CHROMIUM + f"a=x:{large}\r\n")},
            {**at, **jsep(CHROMIUM, large)}, {**at, **jsep("v=0\r\n" + "a=x\r\n" * 200_000)},
            {**at, **jsep(CHROMIUM + "m=audio 9 RTP/SAVPF 0\r\n" * 20_000)},
        ):
            reply = await self.answer(json.dumps({"transaction": "a", **request}))
            if reply["janus"] != "ack":
                self.assertEqual(reply["janus"], "error")
                self.assertLess(len(reply["error"]["reason"]), 512)  # control-plane specification, section 3.1
            await handle.request({"janus": "hangup"})
            # the event of an accepted offer, if there is one, goes to the owner of the session

        reply = await self.answer(json.dumps({"janus": "message", "transaction": "a", **at, "body": {"x": large}}))
        self.assertEqual(reply["janus"], "ack")

    async def test_binary_and_odd_frames(self):
        """Frames that are no text; connections that break off in the middle of a message."""
        for content in (b"", b"\x00", bytes(range(256)), b"\xff" * 70_000, b'{"janus":"ping","transaction":"a"}'):
            connection = await websockets.connect(self.server.ws, subprotocols=["janus-protocol"])
            await connection.send(content)
            connection.transport.abort()
        for content in (b"GET", b"GET / HTTP/1.1\r\n\r\n", b"\x00" * 1000, b"\x16\x03\x01\x02\x00\x01" + b"a" * 200,
                        b"POST /janus HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n{",
                        b"POST /janus HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n{}",
                        b"POST /janus/" + b"9" * 5000 + b" HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}"):
            for port in (self.server.ws_port, self.server.http_port, self.server.admin_port):
                with socket.create_connection(("127.0.0.1", port), 5) as connection:
                    connection.sendall(content)
        connection = await websockets.connect(self.server.ws, subprotocols=["janus-protocol"])
        connection.transport.write(b"\x01\x8a\x00\x00\x00\x00{\"jan")  # half a fragment
        await asyncio.sleep(0.2)
        connection.transport.abort()

    async def test_values_of_every_kind_everywhere(self):
        """Each member of each request in turn gets values of every kind; each request gets exactly one reply."""
        handle = await self.session.attach()
        values = [None, True, 0, -1, 1 << 62, 1.5, "", "x", "%s%n", [], [[]], {}, {"a": []}]
        at = {"session_id": self.session.id, "handle_id": handle.id}
        templates = [
            {"janus": "create", "id": 0}, {"janus": "attach", "session_id": self.session.id, "plugin": "x.y", "opaque_id": "o"},
            {"janus": "keepalive", "session_id": self.session.id}, {**at, **jsep("v=0\r\n")},
            {"janus": "trickle", **at, "candidate": {"sdpMid": "0", "sdpMLineIndex": 0, "candidate": CANDIDATE}},
            {"janus": "trickle", **at, "candidates": [{"sdpMid": "0", "candidate": CANDIDATE}]},
            {"janus": "hangup", **at},
        ]
        for template in templates:
            for path in paths(template):
                for value in values:
                    request = json.loads(json.dumps(template))
                    place = request
                    for step in path[:-1]:
                        place = place[step]
                    place[path[-1]] = value
                    request["transaction"] = f"{path}{value}"
                    reply = await self.answer(json.dumps(request))  # the events go to the other connection
                    self.assertIn(reply["janus"], ("success", "error", "ack"))
                    # errors of the head do not echo the transaction
                    self.assertEqual(reply.get("transaction", request["transaction"]), request["transaction"])

    async def test_flood(self):
        """Thousands of requests before the first reply is read: all are answered, in the end."""
        count = 3000
        for number in range(count):
            await self.raw.send(json.dumps({"janus": "ping", "transaction": str(number)}))
        seen = {json.loads(await asyncio.wait_for(self.raw.recv(), 20))["transaction"] for _ in range(count)}
        self.assertEqual(len(seen), count)


def paths(value, before=()):
    """Every place in `value` that can be replaced, except `janus` itself."""
    children = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, child in children:
        if key != "janus":
            yield (*before, key)
            yield from paths(child, (*before, key))


class Descriptions(BesideACall):
    async def refused_or_not(self, handle, sdp, kind="offer"):
        """Sends an offer, then a hangup; both have to be answered."""
        reply = await handle.request(jsep(sdp, kind))
        self.assertIn(reply["janus"], ("ack", "error", "event"))
        reply = await handle.request({"janus": "hangup"})
        self.assertIn(reply["janus"], ("success", "event"))
        self.connection.events.clear()

    async def test_mutations(self):
        """Hundreds of damaged descriptions; the same handle can take a good one afterwards."""
        chance = random.Random(2)
        handles = [await self.session.attach() for _ in range(4)]
        sources = [CHROMIUM, offer("simulcast")]

        async def torment(handle, mutations):
            for sdp in mutations:
                await self.refused_or_not(handle, sdp)
        await asyncio.gather(*(
            torment(handle, [mutate(chance, chance.choice(sources)) for _ in range(100)]) for handle in handles))
        for handle in handles:
            await asyncio.sleep(0.2)
            self.assertEqual((await handle.message({}, jsep(CHROMIUM)["jsep"]))["jsep"]["type"], "answer")

    async def test_damaged_updates(self):
        """The same on a PeerConnection that is already negotiated: it survives (469), or takes the offer."""
        chance = random.Random(3)
        handle = await self.session.attach()
        await handle.message({}, jsep(CHROMIUM)["jsep"])
        for _ in range(150):
            reply = await handle.request(jsep(mutate(chance, CHROMIUM)))
            if reply["janus"] == "error":
                self.assertIn(reply["error"]["code"], (465, 469, 471, 490), reply)
        self.connection.events.clear()
        await handle.message({}, jsep(CHROMIUM)["jsep"])

    async def test_candidates_without_end(self):
        """CP-181, CP-188: candidates before the offer, thousands of them, good ones and nonsense."""
        chance = random.Random(4)
        handle = await self.session.attach()
        texts = [f"candidate:{n} 1 udp {n} 10.{n % 256}.{n // 256}.1 {n + 1} typ host" for n in range(500)]
        texts += [mutate(chance, CANDIDATE) for _ in range(500)]
        trickles = [{"sdpMid": "0", "candidate": text} for text in texts]
        for trickle in trickles:
            self.assertEqual((await handle.request({"janus": "trickle", "candidate": trickle}))["janus"], "ack")
        event = await handle.message({}, jsep(CHROMIUM)["jsep"])
        self.assertEqual(event["jsep"]["type"], "answer")
        for _ in range(3):
            self.assertEqual((await handle.request({"janus": "trickle", "candidates": trickles}))["janus"], "ack")
        await handle.request({"janus": "hangup"})


def mutate(chance, text):
    """`text` damaged in one to three places."""
    lines = text.split("\r\n")
    for _ in range(chance.randint(1, 3)):
        at = chance.randrange(len(lines))
        line = lines[at]
        match chance.randrange(9):
            case 0:
                del lines[at]
            case 1:
                lines.insert(chance.randrange(len(lines) + 1), line)
            case 2:
                lines[at] = line[:chance.randrange(len(line) + 1)]
            case 3 if line:
                where = chance.randrange(len(line))
                lines[at] = line[:where] + chr(chance.randrange(1, 0x300)) + line[where + 1:]
            case 4:
                lines[at] = re.sub(r"\d+", lambda m: chance.choice(
                    ["0", "-1", "65536", "4294967296", "9" * 30, m[0], "127", "255"]), line)
            case 5:
                lines[at] = line + chance.choice([" ", ":", "=", "%s%n", "\n", "x" * 3000, " 1 2 3", "/"])
            case 6:
                lines[at] = line.replace(chance.choice([":", " ", "=", "/"]), chance.choice(["", " ", "::"]))
            case 7:
                other = chance.randrange(len(lines))
                lines[at], lines[other] = lines[other], lines[at]
            case 8:
                lines[at] = chance.choice(["", "a=", "m=", "a=mid:", "a=candidate:", "a=rtpmap:96", "a=extmap:0 x",
                                           "a=rid:", "a=simulcast:send ;;~;", "a=ssrc-group:SIM", "m=video 9 x 96"])
        lines = lines or [""]
    return "\r\n".join(lines)


class Races(BesideACall):
    async def test_two_offers_at_once(self):
        """CP-154: whatever the order, both are answered, and the handle works after a hangup."""
        for _ in range(10):
            handle = await self.session.attach()
            replies = await asyncio.gather(*(handle.request(jsep(CHROMIUM)) for _ in range(3)))
            for reply in replies:
                self.assertIn(reply["janus"], ("ack", "error", "event"))
            await handle.request({"janus": "hangup"})
            await handle.event("hangup")
            await asyncio.sleep(0.2)  # events of the offers
            self.connection.events.clear()
            self.assertEqual((await handle.message({}, jsep(CHROMIUM)["jsep"]))["jsep"]["type"], "answer")
            await handle.request({"janus": "detach"})

    async def test_offer_against_end(self):
        """An offer, and at the same moment the end of its handle, in every way; nothing remains."""
        for round_number in range(24):
            session = await self.connection.create()
            handle = await session.attach()
            end = (
                handle.request({"janus": "detach"}), handle.request({"janus": "hangup"}), session.destroy(),
                asyncio.to_thread(self.server.admin, {"janus": "detach_handle"}, f"/{session.id}/{handle.id}"),
                asyncio.to_thread(self.server.admin, {"janus": "destroy_session"}, f"/{session.id}"),
                handle.request({"janus": "trickle", "candidate": {"completed": True}}),
            )
            chosen = end[round_number % len(end)]
            for unused in end:
                if unused is not chosen:
                    unused.close()
            first, second = await asyncio.gather(handle.request(jsep(CHROMIUM)), chosen)
            self.assertIn(first["janus"], ("ack", "error", "event"))
            self.assertIn(second["janus"], ("success", "ack", "error", "event"))
            await session.destroy()
        await self.only_these_sessions()

    async def test_connections_that_leave_in_the_middle(self):
        """An offer is sent, and the connection is cut."""
        for _ in range(10):
            connection = await Connection.open(self.server.ws)
            handle = await (await connection.create()).attach()
            await connection.raw(json.dumps({
                **jsep(CHROMIUM), "transaction": "x", "session_id": handle.session.id, "handle_id": handle.id}))
            connection.socket.transport.abort()
        await self.only_these_sessions()

    async def only_these_sessions(self):
        wanted = {self.session.id, self.call.handle.session.id}
        for _ in range(100):
            if set(self.server.sessions()) == wanted:
                return
            await asyncio.sleep(0.1)
        self.fail(f"left over: {set(self.server.sessions()) - wanted}")
