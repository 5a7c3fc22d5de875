"""Which address media comes to and leaves from, in a network namespace of its own (see ./run): one host with several
addresses, and addresses that come and go. JANUS_UNDER_TEST=janus runs the same against the reference."""

import asyncio
import contextlib
import os
import pathlib
import re
import socket
import subprocess
import sys
import unittest
from unittest import mock

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "clients"))

from aioice import stun  # noqa: E402
from call import EchoCall  # noqa: E402
from harness import UNDER_TEST, Server  # noqa: E402
from signalling import Connection  # noqa: E402
from wire import Wire  # noqa: E402

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

    async def call(self, data=False, jsep=None, **options):
        """A call with the echotest plugin; its answer and what it goes through."""
        self.connection = await Connection.open(self.server.ws)
        self.addAsyncCleanup(self.connection.close)
        self.session = await self.connection.create()
        self.handle = await self.session.attach()
        call = EchoCall(self.handle, data=data, video=False, **options)
        call.jsep = jsep or {}
        self.addAsyncCleanup(call.close)
        await call.start()
        await call.media_returns(5)
        return call

    async def sources(self, call, wire):
        """The addresses that packets of the call come from at the server's port, media as well as trains."""
        port = int(re.search(r":(\d+) \[", self.selected_pair())[1])
        await call.data_open()
        large = bytes(60_000)
        self.assertEqual(await call.echoes(large), large)
        found = [(source, length) for source, at, length in wire.packets() if at == port]
        if OURS:
            self.assertGreater(max(length for _, length in found), 2000, "no train")
        return {source for source, _ in found}

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
        wire = Wire("lo")
        self.addCleanup(wire.close)
        call = await self.call(data=True)
        self.assertEqual(addresses_of(call.answer), {SECOND})
        self.assertTrue(self.selected_pair().startswith(f"{SECOND}:"), self.selected_pair())
        self.assertEqual(await self.sources(call, wire), {SECOND})

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
        wire = Wire("lo")
        self.addCleanup(wire.close)
        call = await self.call(data=True)
        self.assertEqual(addresses_of(call.answer), {"2001:db8:77::100"})
        self.assertEqual(await self.sources(call, wire), {"2001:db8:77::100"})

    async def test_mapped_addresses_of_both_families(self):
        """Each stands for those of its family; the last is what the server says it is."""
        self.start(media="ipv6 = true;", nat='nat_1_1_mapping = "203.0.113.1,2001:db8:f::1";')
        answer = await self.answer()
        self.assertEqual(addresses_of(answer), {"203.0.113.1", "2001:db8:f::1"})
        info = self.server.admin({"janus": "info"})
        self.assertEqual((info["public-ip"], info["public-ips"]), ("2001:db8:f::1", ["2001:db8:f::1", "203.0.113.1"]))
        self.assertEqual(set(re.findall(r"c=IN (\S+) (\S+)\r", answer)), {("IP6", "2001:db8:f::1")})


class Lists(Addresses):
    """What ice_enforce_list and ice_ignore_list leave."""

    async def offered(self, **lists):
        server = Server(nat="".join(f'{name} = "{value}";' for name, value in lists.items()))
        self.server = server
        try:
            return addresses_of(await self.answer()), server.output()
        finally:
            server.stop()

    async def test_lists(self):
        all_of_them = {FIRST, SECOND}
        for lists, wanted, warns in [
            ({"ice_enforce_list": f"{SECOND}, 10.9.9.9"}, {SECOND}, False),
            # With a blank in front it matches nothing with the reference.
            ({"ice_enforce_list": f"10.9.9.9, {SECOND}"}, {SECOND} if OURS else all_of_them, not OURS),
            ({"ice_enforce_list": "lo"}, {"127.0.0.1"} if OURS else all_of_them, False),
            ({"ice_enforce_list": "eth9"}, all_of_them, OURS),
            ({"ice_ignore_list": "10.77.0."}, all_of_them, OURS),
            ({"ice_enforce_list": "v0", "ice_ignore_list": "10.77.0."}, all_of_them, OURS),
        ]:
            with self.subTest(**lists):
                addresses, output = await self.offered(**lists)
                # The reference offers those of IPv6 as well, then, though it is switched off.
                self.assertEqual({address for address in addresses if OURS or "." in address}, wanted)
                if OURS:
                    self.assertEqual("leave no address" in output, warns, output)

    async def test_what_there_is_not_is_not_told(self):
        """Servers that cannot be found: without the option they end the start."""
        unknown = 'stun_server = "stun.invalid"; stun_port = 3478; turn_server = "turn.invalid"; turn_port = 3478;'
        with self.assertRaisesRegex(AssertionError, "the server ended"):
            Server(nat=unknown)
        self.start(nat=f"{unknown} ignore_unreachable_ice_server = true;")
        await self.call()
        info = self.server.admin({"janus": "info"})
        self.assertFalse({"stun-server", "turn-server"} & set(info), info)
        self.assertFalse(info["ice-tcp"])


def udp_ports(server):
    """Those that the process has, each once."""
    inodes = set()
    for descriptor in pathlib.Path(f"/proc/{server.process.pid}/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):
            inodes.update(re.findall(r"socket:\[(\d+)\]", os.readlink(descriptor)))
    lines = pathlib.Path(f"/proc/{server.process.pid}/net/udp").read_text().splitlines()[1:]
    return sorted({int(line.split()[1].split(":")[1], 16) for line in lines if line.split()[9] in inodes})


@unittest.skipUnless(OURS, "one port per PeerConnection with the reference")
class Ports(Addresses):
    """The lowest free ones of the range, the same after a restart; or those that are named."""

    def ports(self, *, loops=2, again=(), **media):
        """Those of a server, or of two that run at once."""
        settings = "".join(f'{name} = "{value}";' for name, value in media.items())
        server = Server(general=f"event_loops = {loops};", media=settings)
        try:
            # The streaming plugin has some of its own.
            own = [port for port in udp_ports(server) if 32000 <= port < 32020]
            return [own, *(self.ports(loops=loops, **other) for other in again)] if again else own
        finally:
            self.output = server.output()
            server.stop()

    async def test_ports(self):
        area = {"rtp_port_range": "32000-32010"}
        self.assertEqual(self.ports(**area), [32000, 32001])
        self.assertEqual(self.ports(**area, again=[area]), [[32000, 32001], [32002, 32003]])
        taken = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.addCleanup(taken.close)
        # Whoever shares it is no reason to share it.
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        taken.bind(("0.0.0.0", 32000))
        self.assertEqual(self.ports(**area), [32001, 32002])
        self.assertEqual(self.ports(udp_ports="32007, 32005"), [32005, 32007])
        self.assertEqual(self.ports(udp_ports="32005"), [32005])
        self.assertRegex(self.output, "WARN.*1 of 2 media workers.*udp_ports")
        with self.assertRaisesRegex(AssertionError, "UDP port 32000.*in use"):
            self.ports(udp_ports="32000,32001")


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
        # On the same host: the address that goes is not the client's as well.
        with mock.patch("aioice.ice.get_host_addresses", lambda **_: [FIRST]):
            call = await self.call()
        add("10.77.0.101")
        await self.until_offered([SECOND, "10.77.0.101"])
        remove(SECOND)
        await self.until_offered(["10.77.0.101"])
        await call.media_returns(20)
        self.assertTrue(self.selected_pair().startswith("10.77.0.101:"), self.selected_pair())


if __name__ == "__main__":
    unittest.main()
