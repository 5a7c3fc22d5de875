"""Which address media comes to and leaves from, in a network namespace of its own (see ./run): one host with several
addresses, and addresses that come and go. JANUS_UNDER_TEST=janus runs the same against the reference."""

import asyncio
import pathlib
import re
import socket
import subprocess
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "clients"))

from aioice import stun  # noqa: E402
from call import EchoCall  # noqa: E402
from harness import UNDER_TEST, Server  # noqa: E402
from signalling import Connection  # noqa: E402

FIRST, SECOND, SIX = "10.77.0.5", "10.77.0.100", "2001:db8:77::5"
OURS = UNDER_TEST == "janus-rs"


def ip(*arguments):
    subprocess.run(["ip", *arguments], check=True)


def rise(name):
    """A new interface that is up."""
    ip("link", "add", name, "type", "veth", "peer", "name", f"{name}-peer")
    for end in (name, f"{name}-peer"):
        ip("link", "set", end, "up")


def add(address):
    length = "64" if ":" in address else "24"
    ip("address", "add", f"{address}/{length}", "dev", "v0", *(["nodad"] if ":" in address else []))


def remove(address):
    ip("address", "del", f"{address}/{'64' if ':' in address else '24'}", "dev", "v0")


def setUpModule():
    ip("link", "set", "lo", "up")


def addresses_of(sdp):
    """Of the candidates."""
    return {line.split()[4] for line in re.findall(r"a=candidate:[^\r\n]+", sdp)}


class Addresses(unittest.IsolatedAsyncioTestCase):
    present = [FIRST, SECOND]

    def setUp(self):
        rise("v0")
        self.addCleanup(ip, "link", "del", "v0")
        for address in self.present:
            add(address)

    def start(self, **options):
        self.server = Server(**options)
        self.addCleanup(self.server.stop)

    async def call(self, **options):
        """A call with the echotest plugin; its answer and what it goes through."""
        self.connection = await Connection.open(self.server.ws)
        self.addAsyncCleanup(self.connection.close)
        self.session = await self.connection.create()
        self.handle = await self.session.attach()
        call = EchoCall(self.handle, data=False, video=False, **options)
        self.addAsyncCleanup(call.close)
        await call.start()
        await call.media_returns(5)
        return call

    async def answer(self):
        connection = await Connection.open(self.server.ws)
        handle = await (await connection.create()).attach()
        call = EchoCall(handle, data=False, video=False)
        await call.pc.setLocalDescription(await call.pc.createOffer())
        event = await handle.message({"audio": True}, {"type": "offer", "sdp": call.pc.localDescription.sdp})
        await call.close()
        await connection.close()
        return event["jsep"]["sdp"]

    def selected_pair(self):
        info = self.server.handle_info(self.session.id, self.handle.id)
        return re.findall(r'"selected-pair": "([^"]+)"', str(info).replace("'", '"'))[0]


class Offered(Addresses):
    """The source of every packet is the address that was offered, not what the system prefers."""

    async def only_the_second(self, **options):
        self.start(**options)
        call = await self.call()
        self.assertEqual(addresses_of(call.answer), {SECOND})
        self.assertTrue(self.selected_pair().startswith(f"{SECOND}:"), self.selected_pair())

    async def test_enforced(self):
        await self.only_the_second(nat=f'ice_enforce_list = "{SECOND}";')

    async def test_enforced_and_ice_lite(self):
        await self.only_the_second(nat=f'ice_enforce_list = "{SECOND}"; ice_lite = true;')

    async def test_ignored(self):
        await self.only_the_second(nat=f'ice_ignore_list = "vmnet,{FIRST}";')

    async def test_mapped(self):
        await self.only_the_second(nat=f'nat_1_1_mapping = "{SECOND}";')

    async def test_mapped_and_ice_lite(self):
        await self.only_the_second(nat=f'nat_1_1_mapping = "{SECOND}"; ice_lite = true;')

    async def test_both_lists(self):
        await self.only_the_second(nat=f'ice_enforce_list = "v0"; ice_ignore_list = "{FIRST}";')

    async def test_silence_at_the_others(self):
        """Who excluded an address gets no answer there: not even to a request that is right."""
        self.start(nat=f'ice_enforce_list = "{SECOND}"; ice_lite = true;')
        connection = await Connection.open(self.server.ws)
        self.addAsyncCleanup(connection.close)
        handle = await (await connection.create()).attach()
        call = EchoCall(handle, data=False, video=False)
        self.addAsyncCleanup(call.close)
        await call.pc.setLocalDescription(await call.pc.createOffer())
        offer = call.pc.localDescription.sdp
        answer = (await handle.message({}, {"type": "offer", "sdp": offer, "trickle": False}))["jsep"]["sdp"]
        of = lambda sdp, name: re.search(rf"a={name}:(\S+)", sdp)[1]
        request = stun.Message(stun.Method.BINDING, stun.Class.REQUEST)
        request.attributes["USERNAME"] = f"{of(answer, 'ice-ufrag')}:{of(offer, 'ice-ufrag')}"
        request.attributes["PRIORITY"], request.attributes["ICE-CONTROLLING"] = 1, 1
        request.add_message_integrity(of(answer, "ice-pwd").encode())
        request.add_fingerprint()
        port = int(re.search(r"a=candidate:\S+ \d \S+ \d+ \S+ (\d+)", answer)[1])
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
            client.settimeout(20)
            client.sendto(bytes(request), (FIRST, port))
            client.sendto(bytes(request), (SECOND, port))
            self.assertEqual(client.recvfrom(2000)[1], (SECOND, port))


class Six(Addresses):
    present = [FIRST, SIX, "2001:db8:77::100"]

    async def test_enforced(self):
        self.start(media="ipv6 = true;", nat='ice_enforce_list = "2001:db8:77::100"; ice_lite = true;')
        call = await self.call()
        self.assertEqual(addresses_of(call.answer), {"2001:db8:77::100"})


class Changing(Addresses):
    """Addresses that come and go while the server runs."""

    present = []

    async def until_offered(self, wanted):
        """Until an answer has these addresses."""
        for _ in range(100):
            offered = addresses_of(await self.answer())
            if offered == set(wanted):
                return
            await asyncio.sleep(0.05)
        self.fail(f"{offered} are offered, not {wanted}")

    async def test_started_before_the_network(self):
        self.start(media="ipv6 = true;")
        add(FIRST)
        await self.until_offered([FIRST])
        await self.call()
        add(SIX)
        await self.until_offered([FIRST, SIX])
        remove(FIRST)
        await self.until_offered([SIX])

    async def test_an_enforced_interface_that_comes_later(self):
        add(FIRST)
        self.start(nat='ice_enforce_list = "wg0";')
        await self.until_offered([FIRST])
        rise("wg0")
        self.addCleanup(ip, "link", "del", "wg0")
        ip("address", "add", "10.78.0.1/24", "dev", "wg0")
        if OURS:
            await self.until_offered(["10.78.0.1"])

    @unittest.skipUnless(OURS, "media does not come back with the reference")
    async def test_a_call_goes_on_from_another_address(self):
        """aiortc is given no new candidate: our checks tell it."""
        for address in (FIRST, SECOND):
            add(address)
        self.start(nat=f'ice_enforce_list = "{SECOND},10.77.0.101";')
        call = await self.call()
        add("10.77.0.101")
        await self.until_offered([SECOND, "10.77.0.101"])
        remove(SECOND)
        await self.until_offered(["10.77.0.101"])
        await call.media_returns(20)
        self.assertTrue(self.selected_pair().startswith("10.77.0.101:"), self.selected_pair())


if __name__ == "__main__":
    unittest.main()
