"""Data channels of aiortc, to a plugin that sends back what it gets, and with a tenth of the datagrams lost; browsers do the
same in tests/browser/data.test.mjs."""

import asyncio
import random
import re
import unittest

from call import EchoCall, until
from harness import Server
from sample import NAME, Sample
from signalling import Connection

# Messages that may be lost, and those that may not.
COUNT, RELIABLE = 100, 20


class Lossy(asyncio.DatagramProtocol):
    """The way between a client and the server: one in ten datagrams of data channels is lost on the ways in `lost`, not each
    tenth: message and acknowledgement take turns, and each tenth is always the same of the two."""

    @classmethod
    async def open(cls, server):
        way = cls()
        way.server, way.client, way.lost, way.dropped, way.dice = server, None, set(), 0, random.Random(1)
        way.transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(lambda: way, local_addr=("0.0.0.0", 0))
        return way

    @property
    def port(self):
        return self.transport.get_extra_info("sockname")[1]

    def datagram_received(self, data, source):
        to_server = source != self.server
        if to_server:
            self.client = source
        if data[0] == 23 and ("to" if to_server else "from") in self.lost:
            if self.dice.random() < 0.1:
                self.dropped += 1
                return
        if self.client:
            self.transport.sendto(data, self.server if to_server else self.client)


class Data(unittest.IsolatedAsyncioTestCase):
    async def asyncSetUp(self):
        sample = Sample()
        self.addCleanup(sample.remove)
        # Of a lite agent there is no other way to the client.
        server = Server(general=sample.general, nat="ice_lite = true;")
        self.addCleanup(server.stop)
        connection = await Connection.open(server.ws)
        self.addAsyncCleanup(connection.close)
        handle = await (await connection.create()).attach(NAME)
        self.call = EchoCall(handle, audio=False, video=False, data=False)
        self.addAsyncCleanup(self.call.close)
        self.got = {}
        self.channels = {
            "reliable": self.open("reliable"),
            "negotiated": self.open("negotiated", negotiated=True, id=21),
            "retransmits": self.open("retransmits", ordered=False, maxRetransmits=0),
            "lifetime": self.open("lifetime", ordered=False, maxPacketLifeTime=1),
        }

        def through(sdp):
            host, port = re.search(r"a=candidate:\S+ 1 udp \d+ (\d+\.\d+\.\d+\.\d+) (\d+) typ host", sdp).groups()
            self.way.server = (host, int(port))
            kept = f"a=candidate:1 1 udp 2130706431 {host} {self.way.port} typ host\r\n"
            return re.sub(r"(?:a=candidate:[^\r\n]*\r\n)+", kept, sdp, count=1)

        self.way = await Lossy.open(None)
        self.addCleanup(self.way.transport.close)
        self.call.answered = through
        await self.call.start()
        await until(lambda: all(channel.readyState == "open" for channel in self.channels.values()), "open channels")

    def open(self, name, **options):
        channel = self.call.pc.createDataChannel(name, **options)
        self.got[name] = []
        channel.on("message", self.got[name].append)
        return channel

    async def echoed(self, name, messages):
        for message in messages:
            self.channels[name].send(message)
        await until(lambda: len(self.got[name]) >= len(messages), f"{len(messages)} messages on {name}", 60)
        got = self.got[name][:]
        self.got[name].clear()
        self.assertEqual(got, messages)

    async def test_channels(self):
        for name in ("reliable", "negotiated"):
            await self.echoed(name, ["grüße", bytes(5), "", b"", "behind nothing", bytes(65535)])
        for way in ("to", "from"):
            for name in ("retransmits", "lifetime"):
                with self.subTest(f"a tenth is lost {way} the server", channel=name):
                    before = self.way.dropped
                    self.way.lost = {way}
                    for number in range(COUNT):
                        self.channels[name].send(f"{number} {'.' * 1000}")
                        await asyncio.sleep(0.005)
                    await self.echoed("reliable", [f"{number} {'.' * 500}" for number in range(RELIABLE)])
                    self.way.lost = set()
                    await self.echoed("reliable", ["last"])
                    self.assertGreaterEqual(self.way.dropped - before, COUNT // 20)
                    numbers = [int(message.split(" ")[0]) for message in self.got[name]]
                    self.got[name].clear()
                    self.assertEqual(len(set(numbers)), len(numbers))
                    self.assertLess(len(numbers), COUNT)
                    if name == "retransmits":
                        self.assertGreater(len(numbers), COUNT // 4)
                        continue
                    # A message that may live for a millisecond is often too old before it leaves, but not always.
                    while not self.got[name]:
                        self.channels[name].send("one more")
                        await asyncio.sleep(0.05)
                    await self.echoed("reliable", ["last"])
                    self.got[name].clear()
        # A channel that ends, and another one by its name.
        self.channels["retransmits"].close()
        await until(lambda: self.channels["retransmits"].readyState == "closed", "end of the channel")
        self.channels["again"] = self.open("again")
        await until(lambda: self.channels["again"].readyState == "open", "open channel")
        await self.echoed("again", ["anew"])


if __name__ == "__main__":
    unittest.main()
