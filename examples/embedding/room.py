"""The room of room.c in Python: one publisher, any number of viewers, WHIP and WHEP. The interpreter sees descriptions and
states; packets go from the publisher to the viewers inside the library.

    pip install janus_rs-*.whl        (made by bindings/python/wheel)
    python3 room.py 8080 room.html    and open http://localhost:8080/
"""

import asyncio
import os
import sys

import janus_rs
from janus_rs import Direction, Kind


class Room:
    def __init__(self, core):
        self.core, self.publisher, self.viewers = core, None, {}

    def link(self, viewer, layers=0):
        """The publisher's audio to the viewer's audio, and its video to the viewer's video."""
        for i, source in enumerate(self.publisher.lines() if self.publisher else []):
            for j, to in enumerate(viewer.lines()):
                if source["kind"] != 0 and source["kind"] == to["kind"]:
                    self.core.link(self.publisher, i, viewer, j, layers=layers)

    def publish(self, offer):
        peer = self.core.peer(accept_media=True)
        peer.accept(offer)
        answer = peer.describe()
        if self.publisher:
            self.publisher.close()
        self.publisher = peer
        for viewer in self.viewers.values():
            self.link(viewer)
        asyncio.create_task(self.watch(peer))
        return answer, None

    def view(self, offer):
        peer = self.core.peer()
        peer.accept(offer)
        for kind in Kind:
            try:
                peer.media(kind, Direction.SENDONLY)
            except janus_rs.Error:
                pass  # The viewer does not want it.
        answer = peer.describe()
        self.viewers[peer.number] = peer
        self.link(peer)
        asyncio.create_task(self.watch(peer))
        return answer, peer

    async def watch(self, peer):
        async for event in peer:
            if event.type == janus_rs.EventType.STATE:
                print(peer.number, event.text, flush=True)
        print(peer.number, "closed:", peer.closed.result(), flush=True)
        self.viewers.pop(peer.number, None)
        if self.publisher is peer:
            self.publisher = None

    def answer(self, method, path, body):
        """The status, a text, and the viewer that it is about."""
        words = path.strip("/").split("/")
        if path in ("/whip", "/whep"):
            try:
                return 201, *(self.publish if path == "/whip" else self.view)(body)
            except janus_rs.Error as error:
                return 400, str(error), None
        viewer = self.viewers.get(int(words[1])) if words[0] == "viewer" else None
        if viewer is None:
            return 404, "", None
        if method == "DELETE":
            viewer.close()
        else:
            self.link(viewer, int(words[2]))
        return 200, "", None


async def serve(room, page, reader, writer):
    """One request, as little of HTTP as needed."""
    head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
    method, path, _ = head[0].split()
    headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in head[1:])}
    body = (await reader.readexactly(int(headers.get("content-length", 0)))).decode()
    status, text, viewer = (200, page, None) if method == "GET" else room.answer(method, path, body)
    lines = [f"HTTP/1.1 {status} Yes", f"Content-Length: {len(text.encode())}", "Connection: close",
             f"Content-Type: {'text/html' if method == 'GET' else 'application/sdp'}"]
    if viewer:
        lines.append(f"Location: /viewer/{viewer.number}")
    writer.write("\r\n".join([*lines, "", text]).encode())
    await writer.drain()
    writer.close()


async def main(port, page):
    config = {"nat.ice_enforce_list": os.environ["ADDRESSES"]} if "ADDRESSES" in os.environ else None
    with open(page) as file:
        text = file.read()
    async with janus_rs.Core(config) as core:
        room = Room(core)
        web = await asyncio.start_server(lambda *streams: serve(room, text, *streams), port=port)
        print("ready", flush=True)
        await web.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), sys.argv[2]))
