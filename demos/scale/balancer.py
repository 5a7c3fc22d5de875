#!/usr/bin/env python3
"""Sends each WebSocket of the Janus API to the server that has the fewest handles, of those that are ready.

    balancer.py PORT SERVER…    SERVER: WEBSOCKET-PORT/WEB-PORT/ADMIN-PORT of a janus-rs on this host, or HOST/… of one elsewhere

It shows what there is to ask, and is no product: `/readyz` of the built-in web server says whether a server takes new sessions (200) or
drains (503), the Admin API request `loops_info` how many handles each of its loops has. A connection stays where it is: sessions
live in one server. ADMIN_SECRET is in the environment.
"""

import asyncio
import json
import os
import sys
import urllib.request

PATIENCE = 5


class Server:
    def __init__(self, place):
        *host, websocket, web, admin = place.split("/")
        self.host = host[0] if host else "127.0.0.1"
        self.websocket, self.web, self.admin = map(int, (websocket, web, admin))

    def is_ready(self):
        try:
            with urllib.request.urlopen(f"http://{self.host}:{self.web}/readyz", timeout=PATIENCE) as answer:
                return answer.status == 200
        except OSError:
            return False

    def handles(self):
        question = {"janus": "loops_info", "transaction": "balancer", "admin_secret": os.environ.get("ADMIN_SECRET", "")}
        asked = urllib.request.Request(f"http://{self.host}:{self.admin}/admin", json.dumps(question).encode())
        with urllib.request.urlopen(asked, timeout=PATIENCE) as answer:
            return sum(loop["handles"] for loop in json.load(answer)["loops"])


def best(servers):
    """None, if nobody is ready."""
    return min((server for server in servers if server.is_ready()), key=Server.handles, default=None)


async def copy(reader, writer):
    try:
        while data := await reader.read(1 << 16):
            writer.write(data)
            await writer.drain()
    except ConnectionError:
        pass
    finally:
        writer.close()


async def serve(servers, reader, writer):
    server = await asyncio.to_thread(best, servers)
    if server is None:
        writer.write(b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        writer.close()
        return
    there_reader, there_writer = await asyncio.open_connection(server.host, server.websocket)
    await asyncio.gather(copy(reader, there_writer), copy(there_reader, writer))


async def main(port, *servers):
    servers = [Server(place) for place in servers]
    listening = await asyncio.start_server(lambda *ends: serve(servers, *ends), "127.0.0.1", int(port))
    async with listening:
        await listening.serve_forever()


if __name__ == "__main__":
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    asyncio.run(main(*sys.argv[1:]))
