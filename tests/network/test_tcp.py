"""ICE over TCP (RFC 6544, RFC 4571), in a network namespace (see ./run). The client is aiortc behind a tunnel; browsers do the
same in tcp.test.mjs."""

import asyncio
import pathlib
import re
import socket
import struct
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "clients"))

from aioice import stun  # noqa: E402
from call import EchoCall, until  # noqa: E402
from signalling import Connection  # noqa: E402
from test_addresses import FIRST, OURS, SIX, Addresses, setUpModule  # noqa: E402, F401
from tunnel import Tunnel, passive, with_candidate, without_candidates  # noqa: E402

ESTABLISHED, LISTEN = "01", "0A"


def tcp_sockets(server, port, state):
    """How many TCP sockets of this state the process has at this port of its own."""
    count = 0
    for table in ("tcp", "tcp6"):
        for line in pathlib.Path(f"/proc/{server.process.pid}/net/{table}").read_text().splitlines()[1:]:
            fields = line.split()
            # Sockets without an inode belong to nobody any more.
            count += fields[1].endswith(f":{port:04X}") and fields[3] == state and fields[9] != "0"
    return count


class OverTcp(Addresses):
    present = [FIRST, SIX]

    def begin(self, nat="", media=""):
        self.start(media=f"ipv6 = true; {media}", nat=f"ice_tcp = true; {nat}", general="event_loops = 1;")

    async def open_call(self, family=".", room=0, **options):
        """A call that goes through TCP, or nowhere; `room`: as in `Tunnel.open`."""
        connection = await Connection.open(self.server.ws)
        self.addAsyncCleanup(connection.close)
        self.session = await connection.create()
        self.handle = await self.session.attach()
        call = EchoCall(self.handle, **options)
        self.addAsyncCleanup(call.close)
        call.offered = without_candidates
        await call.pc.setLocalDescription(await call.pc.createOffer())
        offer = without_candidates(call.pc.localDescription.sdp)
        event = await self.handle.message({"audio": True, "video": True}, {"type": "offer", "sdp": offer})
        call.answer = event["jsep"]["sdp"]
        call.server = passive(call.answer, family)
        call.tunnel = await Tunnel.open(call.server, room)
        self.addCleanup(call.tunnel.close)
        answer = with_candidate(call.answer, call.tunnel.port)
        await call.pc.setRemoteDescription(type(call.pc.localDescription)(answer, "answer"))
        await self.handle.event("webrtcup")
        return call

    async def goes_through_tcp(self, family=".", address=FIRST):
        call = await self.open_call(family)
        await call.media_returns(10)
        await call.data_open()
        self.assertIn("over TCP", await call.echoes("over TCP"))
        pair = self.selected_pair()
        # The reference's end is 127.0.0.1 [prflx,tcp] there.
        if OURS:
            self.assertTrue(pair.startswith(f"{address}:{call.server[1]} [host,tcp] <-> "), pair)
        self.assertIn(",tcp]", pair.split("<->")[1])
        self.assertGreater(call.tunnel.frames, 20)
        return call

    async def test_calls(self):
        self.begin(media='rtp_port_range = "31000-31010";')
        call = await self.goes_through_tcp()
        self.assertTrue(self.server.admin({"janus": "info"})["ice-tcp"])
        if not OURS:
            return
        # One port for each worker and family, the same as that of UDP.
        self.assertEqual(call.server[1], 31000)
        self.assertEqual({port for port in range(31000, 31011) if tcp_sockets(self.server, port, LISTEN)}, {31000})
        # The connection ends with the PeerConnection.
        await self.handle.request({"janus": "detach"})
        await until(lambda: tcp_sockets(self.server, 31000, ESTABLISHED) == 0, "end of the connection")
        await self.goes_through_tcp(":", SIX)

    async def test_ice_lite(self):
        self.begin(nat="ice_lite = true;")
        await self.goes_through_tcp()

    async def test_a_peer_that_reads_slowly_costs_nobody_else(self):
        self.begin()
        slow = await self.open_call(audio=False, data=False, room=4096)
        await slow.media_returns(5)
        other = await self.call()
        slow.tunnel.reading.clear()
        stopped = slow.tunnel.frames
        # More than a connection may keep: with what the slow one gets, and much less than it is sent.
        filler = asyncio.create_task(self.fill(slow))
        await other.media_returns(100)
        self.assertLessEqual(slow.tunnel.frames, stopped + 1)
        await filler
        slow.tunnel.reading.set()
        await other.media_returns(20)
        await until(lambda: slow.tunnel.frames > stopped + 100, "more from the server")

    async def fill(self, call):
        """Checks that the server answers, which the peer does not read."""
        request = self.check(call)
        for _ in range(100):
            call.tunnel.writer.write(request * 200)
            await asyncio.sleep(0.01)

    def check(self, call):
        of = lambda sdp, name: re.search(rf"a={name}:(\S+)", sdp)[1]
        request = stun.Message(stun.Method.BINDING, stun.Class.REQUEST)
        offer, answer = call.pc.localDescription.sdp, call.answer
        request.attributes["USERNAME"] = f"{of(answer, 'ice-ufrag')}:{of(offer, 'ice-ufrag')}"
        request.attributes["PRIORITY"], request.attributes["ICE-CONTROLLING"] = 1, 1
        request.add_message_integrity(of(answer, "ice-pwd").encode())
        request.add_fingerprint()
        return struct.pack("!H", len(bytes(request))) + bytes(request)

    @unittest.skipUnless(OURS, "the call's media does not come back with the reference")
    async def test_a_flood_of_connections(self):
        """300 that say nothing, 300 that say something else, and one call that goes on, and one that begins."""
        self.begin()
        call = await self.open_call(video=False, data=False)
        await call.media_returns(5)
        port = call.server[1]
        flood = []
        self.addCleanup(lambda: [connection.close() for connection in flood])
        for number in range(600):
            connection = socket.create_connection(call.server)
            if number % 2:
                connection.sendall(b"GET / HTTP/1.1\r\n\r\n")
            flood.append(connection)
        await call.media_returns(20)
        # 64 of one address, and the call.
        await until(lambda: tcp_sockets(self.server, port, ESTABLISHED) <= 65, "end of most connections")
        late = await self.open_call(video=False, data=False)
        await late.media_returns(5)
        await call.media_returns(5)
        for connection in flood:
            connection.close()
        await until(lambda: tcp_sockets(self.server, port, ESTABLISHED) == 2, "end of the flood")

    async def test_without_the_option_nothing_listens(self):
        self.start(general="event_loops = 1;", nat="ice_tcp = false;", media='rtp_port_range = "31000-31010";')
        call = await self.call()
        self.assertNotIn("tcptype", call.answer)
        self.assertFalse(self.server.admin({"janus": "info"})["ice-tcp"])
        self.assertFalse([port for port in range(31000, 31011) if tcp_sockets(self.server, port, LISTEN)])

    @unittest.skipUnless(OURS, "ICE failed in one of two runs with the reference")
    async def test_the_server_connects(self):
        """A peer with a passive candidate: our side is the active one, and the whole call goes through its connection."""
        self.begin()
        connection = await Connection.open(self.server.ws)
        self.addAsyncCleanup(connection.close)
        self.session = await connection.create()
        self.handle = await self.session.attach()
        call = EchoCall(self.handle)
        self.addAsyncCleanup(call.close)
        tunnel = await Tunnel.listen(FIRST)
        self.addCleanup(tunnel.close)
        candidate = f"a=candidate:1 1 tcp 1518280447 {FIRST} {tunnel.listening} typ host tcptype passive\r\n"
        call.offered = lambda sdp: re.sub("(?=a=ice-ufrag)", candidate, without_candidates(sdp), count=1)
        call.answered = lambda sdp: with_candidate(sdp, tunnel.port)
        await call.start()
        await call.media_returns(10)
        await call.data_open()
        self.assertIn("our connection", await call.echoes("our connection"))
        pair = self.selected_pair()
        self.assertRegex(pair, rf"^{FIRST}:\d+ \[host,tcp\] <-> {FIRST}:{tunnel.listening} \[host,tcp\]$")
        self.assertGreater(tunnel.frames, 20)


if __name__ == "__main__":
    unittest.main()
