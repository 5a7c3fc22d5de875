"""ICE over TCP for a client that knows only UDP: what it sends to a tunnel goes through a TCP connection to the server's
passive candidate, in frames of RFC 4571, and back."""

import asyncio
import re
import socket


def passive(sdp, family="."):
    """Address and port of the first candidate that waits for connections; `family`: what the address has in it."""
    found = re.findall(r"a=candidate:\S+ \d tcp \d+ (\S+) (\d+) typ host tcptype passive", sdp)
    return next((ip, int(port)) for ip, port in found if family in ip)


def without_candidates(sdp):
    return re.sub(r"a=(candidate:[^\r\n]+|end-of-candidates)\r\n", "", sdp)


def with_candidate(sdp, port):
    """The description with one candidate only: where the tunnel begins."""
    line = f"a=candidate:1 1 udp 2130706431 127.0.0.1 {port} typ host\r\na=end-of-candidates\r\n"
    sdp = without_candidates(sdp)
    head, *media = re.split(r"(?=^m=)", sdp, flags=re.M)
    return head + media[0] + line + "".join(media[1:])


class Tunnel(asyncio.DatagramProtocol):
    """`frames` counts what came from the server."""

    def __init__(self):
        self.client = None
        self.frames = 0
        self.writer = self.task = None
        self.reading = asyncio.Event()
        self.reading.set()

    @classmethod
    async def open(cls, server, room=0):
        """A tunnel to this address and port. `room`: bytes that its end of the connection keeps, if not the system's choice."""
        tunnel = cls()
        tunnel.transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(
            lambda: tunnel, local_addr=("127.0.0.1", 0))
        connection = socket.socket(socket.AF_INET6 if ":" in server[0] else socket.AF_INET)
        connection.setblocking(False)
        if room:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, room)
        await asyncio.get_running_loop().sock_connect(connection, server)
        reader, tunnel.writer = await asyncio.open_connection(sock=connection, limit=room or 2 ** 16)
        tunnel.task = asyncio.create_task(tunnel._return(reader))
        return tunnel

    @property
    def port(self):
        return self.transport.get_extra_info("sockname")[1]

    @classmethod
    async def listen(cls, address):
        """The other end: who connects to this address, at `listening`, is whom the client hears, and its datagrams go there."""
        tunnel = cls()
        tunnel.transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(
            lambda: tunnel, local_addr=("127.0.0.1", 0))

        def connected(reader, writer):
            tunnel.server.close()
            tunnel.writer = writer
            tunnel.task = asyncio.create_task(tunnel._return(reader))

        tunnel.server = await asyncio.start_server(connected, address, 0)
        tunnel.listening = tunnel.server.sockets[0].getsockname()[1]
        return tunnel

    def datagram_received(self, data, client):
        self.client = client
        if self.writer:
            self.writer.write(len(data).to_bytes(2, "big") + data)

    async def _return(self, reader):
        try:
            while True:
                await self.reading.wait()
                length = int.from_bytes(await reader.readexactly(2), "big")
                frame = await reader.readexactly(length)
                self.frames += 1
                # What comes before the client has said anything is lost, as it might be anywhere.
                if self.client:
                    self.transport.sendto(frame, self.client)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass

    def close(self):
        if self.task:
            self.task.cancel()
            self.writer.close()
        self.transport.close()
