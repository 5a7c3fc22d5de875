"""Really forged source addresses: raw sockets beside calls, in a network namespace of its own. Without the right to make one
it says so and is skipped.

`FORGED=1000000` sends so many datagrams.
"""

import asyncio
import os
import pathlib
import re
import socket
import struct
import subprocess
import sys
import time
import unittest
import zlib
from hashlib import sha1
from hmac import digest

ADDRESS = "10.77.0.1"
COUNT = int(os.environ.get("FORGED", "40000"))
MEGABYTE = 1 << 20


def datagram(source, target, payload):
    """An IPv4 packet with a UDP datagram from an address that is not ours."""
    length = 20 + 8 + len(payload)
    # The kernel fills in identification and checksum of the header; a UDP checksum of 0 is none.
    header = struct.pack(">BBHHHBBH4s4s", 0x45, 0, length, 0, 0, 64, socket.IPPROTO_UDP, 0,
                         socket.inet_aton(source[0]), socket.inet_aton(target[0]))
    return header + struct.pack(">HHHH", source[1], target[1], 8 + len(payload), 0) + payload


def check(username, password=None, transaction=b"forged-check"):
    """A Binding request with a nomination (RFC 8489, RFC 8445 §7.1); without the password its integrity is a guess."""
    def attribute(kind, value):
        return struct.pack(">HH", kind, len(value)) + value + bytes(-len(value) % 4)

    def head(length):
        return struct.pack(">HHI", 1, length, 0x2112A442) + transaction
    body = attribute(0x0006, username.encode()) + attribute(0x0024, struct.pack(">I", 0x6E7F1EFF))
    body += attribute(0x0025, b"") + attribute(0x802A, bytes(8))
    integrity = digest(password.encode(), head(len(body) + 24) + body, sha1) if password else bytes(20)
    body += attribute(0x0008, integrity)
    fingerprint = zlib.crc32(head(len(body) + 8) + body) ^ 0x5354554E
    return head(len(body) + 8) + body + attribute(0x8028, struct.pack(">I", fingerprint))


def kinds(ufrags, ssrc):
    """What is forged: STUN, DTLS, RTP, RTCP, and nothing known."""
    hello = bytes.fromhex("16fefd0000000000000000003601000029000000000000002afefd") + bytes(32) + bytes.fromhex("00000002c02b0100")
    return [check(ufrags), check("some:body"), hello, bytes.fromhex("15fefd00010000000000ff00020228"),
            struct.pack(">BBHII", 0x80, 96, 7, 7, ssrc) + bytes(range(100)),
            struct.pack(">BBHII", 0x80, 96, 7, 7, 4711) + bytes(range(100)),
            struct.pack(">BBHI", 0x80, 201, 1, ssrc) + bytes.fromhex("80000001") + bytes(16), b"\x80" * 700]


def flood(count, source, target, ufrags, ssrc):
    """In a process of its own, with a pause after every 64."""
    with socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW) as raw:
        packets = [datagram(source, target, payload) for payload in kinds(ufrags, ssrc)]
        for number in range(count):
            raw.sendto(packets[number % len(packets)], (target[0], 0))
            if number % 64 == 63:
                time.sleep(0.001)


def value(sdp, name):
    return re.search(rf"{name}(\S+)", sdp)[1]


class Forged(unittest.IsolatedAsyncioTestCase):
    async def asyncSetUp(self):
        from harness import Server
        self.server = Server(general="event_loops = 1;", media="")

    async def asyncTearDown(self):
        self.server.stop()

    async def call(self):
        from call import EchoCall
        from signalling import Connection
        connection = await Connection.open(self.server.ws)
        call = await EchoCall(await (await connection.create()).attach()).start()
        self.addAsyncCleanup(connection.close)
        self.addAsyncCleanup(call.close)
        await call.media_returns(5)
        await call.data_open()
        return call

    def ends(self, call):
        """Where the client is, and the server."""
        pair = self.server.handle_info(call.handle.session.id, call.handle.id)["webrtc"]["ice"]["selected-pair"]
        local, remote = (re.search(r"([\d.]+):(\d+)", end) for end in pair.split("<->"))
        return (remote[1], int(remote[2])), (local[1], int(local[2]))

    def held(self):
        status = pathlib.Path(f"/proc/{self.server.process.pid}/status").read_text()
        stat = pathlib.Path(f"/proc/{self.server.process.pid}/stat").read_text().rsplit(") ", 1)[1].split()
        used = (int(stat[11]) + int(stat[12])) / os.sysconf("SC_CLK_TCK")
        return int(re.search(r"VmRSS:\s+(\d+)", status)[1]) * 1024, used

    async def test_a_flood_with_the_address_of_the_peer(self):
        call = await self.call()
        source, target = self.ends(call)
        self.assertEqual(source[0], ADDRESS)
        ufrags = f"{value(call.answer, 'a=ice-ufrag:')}:{value(call.pc.localDescription.sdp, 'a=ice-ufrag:')}"
        ssrc = value(call.pc.localDescription.sdp, "a=ssrc:")
        (resident, used), frames = self.held(), await self.counts(call)
        forger = await asyncio.create_subprocess_exec(
            sys.executable, __file__, "--flood", str(COUNT), *map(str, (*source, *target)), ufrags, ssrc)
        # Two seconds of frames at least; what was sent before cannot account for them.
        (_, code) = await asyncio.gather(call.media_returns(20), forger.wait())
        self.assertEqual(code, 0)
        await asyncio.sleep(1)
        after, now = self.held(), await self.counts(call)
        sent, back = (now[n] - frames[n] for n in (0, 1))
        print(f"{COUNT} datagrams from {source[0]}:{source[1]} that it never sent: {back} of {sent} packets came back, "
              f"{resident / MEGABYTE:.1f} -> {after[0] / MEGABYTE:.1f} MB, "
              f"{(after[1] - used) / COUNT * 1e6:.1f} us of CPU per datagram (with the call's own)")
        self.assertGreaterEqual(back, sent * 0.95)
        self.assertLess(after[0] - resident, 20 * MEGABYTE)
        self.assertIn("still here", await call.echoes("still here"))

    async def counts(self, call):
        """RTP packets sent and received."""
        report = (await call.pc.getStats()).values()
        return (sum(s.packetsSent for s in report if s.type == "outbound-rtp"),
                sum(s.packetsReceived for s in report if s.type == "inbound-rtp"))

    async def test_an_address_is_not_taken_by_another_clients_request(self):
        victim, thief = await self.call(), await self.call()
        source, target = self.ends(victim)
        ufrags = f"{value(thief.answer, 'a=ice-ufrag:')}:{value(thief.pc.localDescription.sdp, 'a=ice-ufrag:')}"
        password = value(thief.answer, "a=ice-pwd:")
        with socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW) as raw:
            for number in range(5):
                request = check(ufrags, password, f"transaction{number}".encode())
                raw.sendto(datagram(source, target, request), (target[0], 0))
                await victim.media_returns(5)
        await thief.media_returns(5)
        await thief.handle.request({"janus": "hangup"})
        await victim.media_returns(10)
        self.assertIn("still here", await victim.echoes("still here"))

    async def test_an_mtu_of_1280_bytes(self):
        subprocess.run(["ip", "link", "set", "lo", "mtu", "1280"], check=True)
        self.addCleanup(subprocess.run, ["ip", "link", "set", "lo", "mtu", "65536"], check=True)
        call = await self.call()
        await call.media_returns(20)
        for size in (1, 1200, 5000, 60_000):
            self.assertTrue((await call.echoes("x" * size)).endswith("x" * size))


def in_a_namespace():
    """Runs this file in one; `None` when there is none to be had, with the reason."""
    name = f"janus-forged-{os.getpid()}"
    made = subprocess.run(["ip", "netns", "add", name], capture_output=True, text=True)
    if made.returncode != 0:
        return None, (made.stderr or made.stdout).strip()
    inside = ["ip", "netns", "exec", name]
    try:
        # A pair: an address on the loopback interface is no candidate.
        for command in ("link set lo up", "link add v0 type veth peer name v1", f"addr add {ADDRESS}/24 dev v0",
                        "link set v0 up", "link set v1 up"):
            done = subprocess.run([*inside, "ip", *command.split()], capture_output=True, text=True)
            if done.returncode != 0:
                return None, f"ip {command}: {done.stderr.strip()}"
        raw = subprocess.run([*inside, sys.executable, "-c", "import socket\nsocket.socket(2, 3, 255)"], capture_output=True, text=True)
        if raw.returncode != 0:
            return None, raw.stderr.strip().splitlines()[-1]
        return subprocess.run([*inside, sys.executable, __file__, "--inside", *sys.argv[1:]]).returncode, ""
    finally:
        subprocess.run(["ip", "netns", "delete", name])


def main():
    if sys.argv[1:2] == ["--flood"]:
        count, source, from_port, target, to_port, ufrags, ssrc = sys.argv[2:]
        flood(int(count), (source, int(from_port)), (target, int(to_port)), ufrags, int(ssrc))
    elif sys.argv[1:2] == ["--inside"]:
        unittest.main(argv=["forged", *sys.argv[2:]], verbosity=2)
    else:
        code, why = in_a_namespace()
        if code is None:
            print(f"forged sources in a network namespace: skipped: {why}")
            code = 0
        sys.exit(code)


main()
