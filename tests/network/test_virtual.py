"""An address that moves between two hosts, as keepalived moves it: each host is a network namespace, and runs a keepalived
and a server of its own. JANUS_UNDER_TEST=janus runs the same against the reference."""

import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "clients"))

from call import EchoCall, until  # noqa: E402
from harness import Server  # noqa: E402
from signalling import Connection  # noqa: E402
from test_addresses import addresses_of, ip, setUpModule  # noqa: E402, F401
from wire import Wire  # noqa: E402

VIRTUAL, CLIENT = "10.77.0.100", "10.77.0.20"


class Host:
    """A network namespace with one address, on the client's bridge, until `close`: its end of the bridge goes with it."""

    def __init__(self, name, address):
        self.address = address
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="host-test-"))
        self.holder = subprocess.Popen(["unshare", "-n", "sh", "-c", "echo; exec cat"], stdin=subprocess.PIPE,
                                       stdout=subprocess.PIPE)
        self.holder.stdout.readline()
        self.keeper = None
        ip("link", "add", name, "type", "veth", "peer", "name", "eth0", "netns", str(self.holder.pid))
        ip("link", "set", name, "master", "bridge", "up")
        for words in (["link", "set", "lo", "up"], ["link", "set", "eth0", "up"],
                      ["address", "add", f"{address}/24", "dev", "eth0"]):
            self.run("ip", *words)

    @property
    def prefix(self):
        return ["nsenter", "--net", "--target", str(self.holder.pid), "--"]

    def run(self, *command):
        return subprocess.run([*self.prefix, *command], check=True, capture_output=True, text=True).stdout

    def keep(self, priority):
        """Starts keepalived: the host of the highest priority that runs one has the address."""
        (self.folder / "conf").write_text(f"""
vrrp_instance calls {{
    interface eth0
    virtual_router_id 7
    priority {priority}
    advert_int 0.2
    virtual_ipaddress {{ {VIRTUAL} }}
}}
""")
        self.keeper = subprocess.Popen(
            [*self.prefix, "keepalived", "--dont-fork", "--log-console", "--use-file", self.folder / "conf", "--vrrp",
             "--pid", self.folder / "pid", "--vrrp_pid", self.folder / "vrrp"],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def release(self):
        if self.keeper:
            self.keeper.terminate()
            self.keeper.wait()
            self.keeper = None

    def has_the_address(self):
        return f"inet {VIRTUAL}/" in self.run("ip", "-4", "address")

    def close(self):
        self.release()
        self.holder.stdin.close()
        self.holder.wait()
        self.holder.stdout.close()
        shutil.rmtree(self.folder)


@unittest.skipUnless(shutil.which("keepalived", path="/usr/sbin:/usr/bin"), "no keepalived here")
class Virtual(unittest.IsolatedAsyncioTestCase):
    def setUp(self):
        ip("link", "add", "bridge", "type", "bridge")
        self.addCleanup(ip, "link", "del", "bridge")
        ip("link", "set", "bridge", "up")
        ip("address", "add", f"{CLIENT}/24", "dev", "bridge")

    def host(self, name, address):
        host = Host(name, address)
        self.addCleanup(host.close)
        return host

    def serve(self, host, nat):
        server = Server(nat=nat, general="event_loops = 1;", prefix=host.prefix, host=host.address)
        self.addCleanup(server.stop)
        return server

    async def comes_from_the_address(self, server):
        """A call, whose candidates, c= lines and packets have nothing but the virtual address."""
        wire = Wire("bridge")
        self.addCleanup(wire.close)
        connection = await Connection.open(server.ws)
        self.addAsyncCleanup(connection.close)
        session = await connection.create()
        handle = await session.attach()
        call = EchoCall(handle, video=False, data=False)
        self.addAsyncCleanup(call.close)
        await call.start()
        await call.media_returns(10)
        self.assertEqual(addresses_of(call.answer), {VIRTUAL})
        self.assertEqual(set(re.findall(r"c=IN IP4 (\S+)", call.answer)), {VIRTUAL})
        pair = server.handle_info(session.id, handle.id)["webrtc"]["ice"]["selected-pair"]
        port = int(re.match(rf"{VIRTUAL}:(\d+) ", pair)[1])
        self.assertEqual({source for source, at, _ in wire.packets() if at == port}, {VIRTUAL})

    async def test_the_address_moves(self):
        """Two hosts of one address: one has it, then the other."""
        first, second = self.host("first", "10.77.0.5"), self.host("second", "10.77.0.6")
        nat = f'nat_1_1_mapping = "{VIRTUAL}"; ice_lite = true;'
        first.keep(200)
        await until(first.has_the_address, "address at the first host")
        second.keep(100)
        servers = [self.serve(host, nat) for host in (first, second)]
        await self.comes_from_the_address(servers[0])
        first.release()
        await until(second.has_the_address, "address at the second host")
        self.assertFalse(first.has_the_address())
        await self.comes_from_the_address(servers[1])
        first.keep(200)
        await until(first.has_the_address, "address at the first host again")
        await self.comes_from_the_address(servers[0])


if __name__ == "__main__":
    unittest.main()
