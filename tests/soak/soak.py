"""Rounds of churn against one server; after each one it has to hold no more than after the first ones."""

import argparse
import asyncio
import collections
import os
import pathlib
import random
import re
import socket
import statistics
import sys
import tempfile
import time

from call import EchoCall, until
from harness import Server
from scripts.jsep import CHROMIUM
from signalling import Connection

MEGABYTE = 1 << 20
ROUNDS = 5
# The first rounds fill pools and caches.
WARM = 2
# Beyond what was held after the warm-up: share of the memory, bytes, threads and descriptors.
GROWTH, SLACK, MORE = 0.15, 8 * MEGABYTE, 4
DESCRIPTIONS = 20
REQUESTS = 200
FORGED = 3000

Held = collections.namedtuple("Held", "resident threads descriptors cpu")


def held(process):
    status = pathlib.Path(f"/proc/{process}/status").read_text()
    stat = pathlib.Path(f"/proc/{process}/stat").read_text().rsplit(") ", 1)[1].split()
    cpu = (int(stat[11]) + int(stat[12])) / os.sysconf("SC_CLK_TCK")
    number = lambda name: int(re.search(rf"{name}:\s+(\d+)", status)[1])  # noqa: E731
    return Held(number("VmRSS") * 1024, number("Threads"), len(os.listdir(f"/proc/{process}/fd")), cpu)


class Soak:
    def __init__(self, server, folder):
        self.server = server
        self.folder = folder
        self.counts = collections.Counter()
        self.chance = random.Random(8)

    async def call(self, connection, **kinds):
        session = await connection.create()
        call = await EchoCall(await session.attach(), **kinds).start()
        await call.media_returns(5)
        self.counts["calls"] += 1
        return call

    async def leaves(self):
        """A call that is recorded, with a data channel, and ends as it should."""
        connection = await Connection.open(self.server.ws)
        call = await self.call(connection)
        name = str(self.folder / f"call-{self.counts['calls']}")
        await call.handle.message({"record": True, "filename": name})
        await call.data_open()
        await call.echoes("hello")
        await call.media_returns(5)
        await call.handle.message({"record": False})
        self.counts["recordings"] += len(list(self.folder.iterdir()))
        for file in self.folder.iterdir():
            file.unlink()
        for request in ("hangup", "detach"):
            await call.handle.request({"janus": request})
        await call.close()
        await connection.close()

    async def vanishes(self):
        """One whose connection and socket are gone without a word."""
        connection = await Connection.open(self.server.ws)
        call = await self.call(connection, data=False)
        connection.socket.transport.abort()
        await call.close()
        self.counts["vanished"] += 1

    async def renegotiates(self):
        """One that adds a data channel, and offers again."""
        connection = await Connection.open(self.server.ws)
        call = await self.call(connection, data=False)
        call.add_data()
        for _ in range(3):
            await call.negotiate()
            await call.media_returns(3)
            self.counts["renegotiations"] += 1
        await call.handle.session.destroy()
        await call.close()
        await connection.close()

    async def restarts(self):
        """PeerConnections that are negotiated, restart ICE and send nothing; every third one vanishes."""
        connection = await Connection.open(self.server.ws)
        session = await connection.create()
        for number in range(DESCRIPTIONS):
            handle = await session.attach()
            for generation in range(3):
                sdp = re.sub(r"a=ice-ufrag:\S+", f"a=ice-ufrag:soak{number}{generation}", CHROMIUM)
                await handle.message({}, {"type": "offer", "sdp": sdp})
                self.counts["ICE restarts"] += generation > 0
            if number % 3 == 0:
                await handle.request({"janus": "detach"})
        connection.socket.transport.abort()

    async def floods(self):
        """Requests before any reply is read, and datagrams of nobody."""
        connection = await Connection.open(self.server.ws)
        ends = [connection.request({"janus": "ping"}, limit=60) for _ in range(500)]
        port = next(iter(self.media_ports()), None)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
            for number in range(FORGED if port else 0):
                first = bytes([(0, 22, 0x80, 0x80)[number % 4], (1, 254, 96, 201)[number % 4]])
                stranger.sendto(first + self.chance.randbytes(60), ("127.0.0.1", port))
                self.counts["datagrams of strangers"] += 1
        await asyncio.gather(*ends)
        self.counts["flooded requests"] += len(ends)
        await connection.close()

    def media_ports(self):
        """UDP ports of the server's sockets."""
        links = (os.readlink(link) for link in pathlib.Path(f"/proc/{self.server.process.pid}/fd").iterdir())
        inodes = {link[8:-1] for link in links if link.startswith("socket:")}
        rows = [line.split() for line in pathlib.Path("/proc/net/udp").read_text().splitlines()[1:]]
        return [int(row[1].split(":")[1], 16) for row in rows if row[9] in inodes]

    async def time_per_request(self):
        connection = await Connection.open(self.server.ws)
        session = await connection.create()
        times = []
        for _ in range(REQUESTS):
            begin = time.perf_counter()
            await session.request({"janus": "keepalive"})
            times.append(time.perf_counter() - begin)
        await session.destroy()
        await connection.close()
        return statistics.median(times) * 1e6

    async def round(self):
        await asyncio.gather(self.leaves(), self.vanishes(), self.renegotiates(), self.restarts(), self.floods())
        each = await self.time_per_request()
        await until(lambda: not self.server.sessions(), "end of the sessions", 60)
        return each

    async def at_rest(self, baseline):
        """What is held, when threads and descriptors of the round are gone; at the latest after so many looks."""
        for _ in range(100):
            now = held(self.server.process.pid)
            if baseline and now.threads <= baseline.threads + MORE and now.descriptors <= baseline.descriptors + MORE:
                break
            await asyncio.sleep(0.2)
            if not baseline and _ > 60:
                break
        return held(self.server.process.pid)


async def churn(server, folder, minutes):
    soak, baseline, faults = Soak(server, folder), None, []
    end = time.monotonic() + 60 * (minutes or 0)
    print("round  calls   RSS MB  threads  descriptors  us/request  CPU s", flush=True)
    number = 0
    while number < ROUNDS or (minutes and time.monotonic() < end):
        number += 1
        each = await soak.round()
        now = await soak.at_rest(baseline)
        print(f"{number:5}  {soak.counts['calls']:5}  {now.resident / MEGABYTE:7.1f}  {now.threads:7}  {now.descriptors:11}"
              f"  {each:10.0f}  {now.cpu:5.1f}", flush=True)
        if number == WARM:
            baseline = now
        elif baseline:
            most = baseline.resident * (1 + GROWTH) + SLACK
            for what, value, limit in (("memory", now.resident, most), ("threads", now.threads, baseline.threads + MORE),
                                       ("descriptors", now.descriptors, baseline.descriptors + MORE)):
                if value > limit:
                    faults.append(f"round {number}: {what} {value}, more than {limit:.0f}")
    print(", ".join(f"{count} {what}" for what, count in soak.counts.items()))
    if not server.alive():
        faults.append("the server has ended")
    return faults


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--minutes", type=float, help="go on for so long")
    options = parser.parse_args()
    server = Server("janus-rs", general="session_timeout = 60;")
    with tempfile.TemporaryDirectory(prefix="janus-soak-") as folder:
        os.chmod(folder, 0o777)
        try:
            faults = asyncio.run(churn(server, pathlib.Path(folder), options.minutes))
        except BaseException:
            print(server.output()[-4000:])
            server.stop(check=False)
            raise
        server.stop()
    print("\n".join(faults))
    print(f"{0 if faults else 1} passed, {1 if faults else 0} failed")
    sys.exit(bool(faults))


main()
