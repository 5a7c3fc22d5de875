"""Datagrams from somebody who is no party to the call, to the port of the call."""

import asyncio
import os
import random
import re
import socket
import struct

from aioice import stun
from OpenSSL import SSL

from bystander import BesideACall
from call import EchoCall


def check(username=None, password=None, *, nominate=False):
    """An ICE connectivity check, as far as the arguments go."""
    message = stun.Message(message_method=stun.Method.BINDING, message_class=stun.Class.REQUEST)
    if username:
        message.attributes["USERNAME"] = username
        message.attributes["PRIORITY"] = 1845501695
        message.attributes["ICE-CONTROLLING"] = random.getrandbits(63)
    if nominate:
        message.attributes["USE-CANDIDATE"] = None
    if password:
        message.add_message_integrity(password.encode())
    return bytes(message)


def client_hello():
    """The first flight of a real DTLS client."""
    connection = SSL.Connection(SSL.Context(SSL.DTLS_METHOD))
    connection.set_connect_state()
    try:
        connection.do_handshake()
    except SSL.WantReadError:
        pass
    return connection.bio_read(4096)


class Strangers(BesideACall):
    def facts(self):
        """Address of the server, and both sides' ICE credentials."""
        one = lambda name, text: re.search(rf"a={name}:(\S+)", text)[1]
        answer, mine = self.call.answer, self.call.pc.localDescription.sdp
        candidate = re.search(r"a=candidate:\S+ 1 udp \d+ (\S+) (\d+) typ host", answer)
        return (candidate[1], int(candidate[2])), one("ice-ufrag", answer), one("ice-ufrag", mine), one("ice-pwd", answer)

    async def bombard(self, datagrams, repeat=30):
        """Sends them from a new socket; returns bytes sent and bytes that came back."""
        address, *_ = self.facts()
        received = 0
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
            stranger.setblocking(False)
            for _ in range(repeat):
                for datagram in datagrams:
                    stranger.sendto(datagram, address)
                await asyncio.sleep(0.01)
            await asyncio.sleep(1)
            while True:
                try:
                    received += len(stranger.recv(65536))
                except BlockingIOError:
                    break
        return repeat * sum(map(len, datagrams)), received

    async def nothing_gained(self, datagrams, **more):
        await self.call.media_returns(2)
        sent, received = await self.bombard(datagrams, **more)
        self.assertLessEqual(received, sent)

    async def test_checks_that_are_not_authentic(self):
        _, ours, mine, password = self.facts()
        await self.nothing_gained([
            check(), check(f"{ours}:{mine}"), check(f"{ours}:{mine}", "x" * 22), check(f"{ours}:{mine}", "x" * 22, nominate=True),
            check(f"{mine}:{ours}", password), check(f"nobody:{mine}", password), check(f"{ours}:", "x" * 22),
            check(ours, "x" * 22), check(f"{ours}:{'y' * 400}", "x" * 22),
        ])

    async def test_damaged_checks(self):
        _, ours, mine, password = self.facts()
        chance = random.Random(5)
        good = check(f"{ours}:{mine}", password, nominate=True)
        damaged = [good[:n] for n in range(0, len(good), 3)]
        for _ in range(300):
            copy = bytearray(good)
            copy[chance.randrange(len(copy))] ^= 1 << chance.randrange(8)
            damaged.append(bytes(copy))
        await self.nothing_gained(damaged, repeat=2)

    async def test_authentic_check_without_nomination(self):
        """Somebody who knows the password is answered, but the media stay where they are."""
        _, ours, mine, password = self.facts()
        await self.nothing_gained([check(f"{ours}:{mine}", password)], repeat=10)

    async def test_stun_responses(self):
        """Responses to questions that nobody asked."""
        message = stun.Message(message_method=stun.Method.BINDING, message_class=stun.Class.RESPONSE)
        message.attributes["XOR-MAPPED-ADDRESS"] = ("1.2.3.4", 5)
        error = stun.Message(message_method=stun.Method.BINDING, message_class=stun.Class.ERROR)
        error.attributes["ERROR-CODE"] = (487, "Role Conflict")
        await self.nothing_gained([bytes(message), bytes(error)])

    async def test_dtls(self):
        """A real ClientHello, alerts in the clear, records of every type and length."""
        record = lambda kind, epoch, body: struct.pack("!BHHHIH", kind, 0xFEFD, epoch, 0, 7, len(body)) + body
        await self.nothing_gained([
            client_hello(), record(21, 0, b"\x01\x00"), record(21, 1, b"\x02\x28"), record(21, 1, os.urandom(40)),
            record(22, 0, os.urandom(200)), record(23, 1, os.urandom(200)), record(20, 0, b"\x01"),
            record(22, 0, b"")[:5], record(22, 0, b"x" * 1400) + record(22, 0, b"y")[:11],
            struct.pack("!BHHHIH", 22, 0xFEFD, 0, 0, 0, 65535) + b"short",
        ])

    async def test_media(self):
        """RTP and RTCP that nobody encrypted, with the SSRCs of the call."""
        sources = [int(n) for n in re.findall(r"a=ssrc:(\d+) ", self.call.pc.localDescription.sdp)]
        datagrams = []
        for source in sources:
            for sequence in (0, 1, 30000, 65535):
                datagrams.append(struct.pack("!BBHII", 0x80, 96, sequence, 0, source) + os.urandom(100))
            datagrams.append(struct.pack("!BBHI", 0x81, 203, 1, source) + os.urandom(14))  # BYE
            datagrams.append(struct.pack("!BBHII", 0x81, 206, 2, source, source) + os.urandom(14))  # PLI
            datagrams.append(struct.pack("!BBHII", 0x81, 205, 3, source, source) + os.urandom(18))  # NACK
        datagrams += [struct.pack("!BBHII", 0x80, 96, n, 0, n) + os.urandom(50) for n in range(200)]
        await self.nothing_gained(datagrams, repeat=3)

    async def test_noise(self):
        """Every first byte, many lengths, nothing at all."""
        chance = random.Random(6)
        datagrams = [bytes([first]) + chance.randbytes(chance.choice([0, 1, 11, 19, 100, 1400])) for first in range(256)]
        await self.nothing_gained([b"", b"\x00", *datagrams, os.urandom(9000)], repeat=3)

    async def test_credentials_of_a_former_call(self):
        """After a call its credentials open nothing."""
        current = self.call
        self.call = await EchoCall(await self.session.attach()).start()
        address, ours, mine, password = self.facts()
        former, self.call = self.call, current
        await former.handle.request({"janus": "hangup"})
        await former.handle.event("hangup")
        await former.close()
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
            stranger.settimeout(1)
            for _ in range(5):
                try:
                    stranger.sendto(check(f"{ours}:{mine}", password, nominate=True), address)
                    reply = stranger.recv(2000)
                except (TimeoutError, ConnectionRefusedError):
                    continue
                self.assertEqual(stun.parse_message(reply).message_class, stun.Class.ERROR)
