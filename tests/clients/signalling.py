"""A client of the Janus API over WebSocket, written for the tests."""

import asyncio
import contextlib
import itertools
import json
import os

import websockets

# Seconds until an answer is missed. Only what fails waits so long. Under Valgrind the server may take many times longer.
LIMIT = int(os.environ.get("TEST_LIMIT", 60))


class Connection:
    """One WebSocket to the server. Replies go to who asked; everything else becomes an event."""

    def __init__(self, socket, apisecret=None):
        self.socket = socket
        self.extra = {"apisecret": apisecret} if apisecret else {}
        self.events = []
        self._arrived = asyncio.Condition()
        self._replies = {}
        self._numbers = itertools.count(1)
        self._reader = asyncio.create_task(self._read())

    @classmethod
    async def open(cls, url, protocol="janus-protocol", **more):
        return cls(await websockets.connect(url, subprotocols=[protocol], max_size=None), **more)

    async def _read(self):
        with contextlib.suppress(websockets.ConnectionClosed):
            async for text in self.socket:
                message = json.loads(text)
                waiting = self._replies.pop(message.get("transaction"), None)
                if waiting and not waiting.done():
                    waiting.set_result(message)
                    continue
                async with self._arrived:
                    self.events.append(message)
                    self._arrived.notify_all()
        for waiting in self._replies.values():
            if not waiting.done():
                waiting.set_exception(ConnectionError("closed"))

    async def request(self, request, limit=LIMIT):
        """Sends `request` with a transaction of its own; the first message that carries it back."""
        transaction = request.get("transaction") or f"t{next(self._numbers)}"
        reply = self._replies[transaction] = asyncio.get_running_loop().create_future()
        await self.socket.send(json.dumps({**request, **self.extra, "transaction": transaction}))
        return await asyncio.wait_for(reply, limit)

    async def event(self, wanted, limit=LIMIT):
        """The first event for which `wanted(event)` holds, past or coming; it is taken out."""
        async def find():
            async with self._arrived:
                while True:
                    for event in self.events:
                        if wanted(event):
                            self.events.remove(event)
                            return event
                    await self._arrived.wait()
        try:
            return await asyncio.wait_for(find(), limit)
        except TimeoutError as error:
            raise AssertionError(f"the awaited event is not among {self.events}") from error

    async def raw(self, text):
        await self.socket.send(text)

    async def create(self):
        reply = await self.request({"janus": "create"})
        return Session(self, reply["data"]["id"])

    async def close(self):
        await self.socket.close()
        await self._reader


class Session:
    def __init__(self, connection, number):
        self.connection = connection
        self.id = number

    async def request(self, request, **more):
        return await self.connection.request({"session_id": self.id, **request}, **more)

    async def attach(self, plugin="janus.plugin.echotest"):
        reply = await self.request({"janus": "attach", "plugin": plugin})
        return Handle(self, reply["data"]["id"])

    async def destroy(self):
        return await self.request({"janus": "destroy"})


class Handle:
    def __init__(self, session, number):
        self.session = session
        self.id = number

    async def request(self, request, **more):
        return await self.session.request({"handle_id": self.id, **request}, **more)

    async def event(self, name, limit=LIMIT):
        """The next event `name` of this handle, e.g. webrtcup or hangup."""
        return await self.session.connection.event(
            lambda e: e.get("janus") == name and e.get("sender") == self.id, limit)

    async def message(self, body, jsep=None):
        """A message to the plugin; the event with the plugin's answer. An error reply raises."""
        request = {"janus": "message", "body": body}
        if jsep:
            request["jsep"] = jsep
        reply = await self.request(request)
        # The event may overtake the ack (CP-204).
        if reply["janus"] == "event":
            await self.session.connection.event(
                lambda e: e.get("janus") == "ack" and e.get("transaction") == reply["transaction"])
            return reply
        if reply["janus"] != "ack":
            raise RefusedError(reply)
        return await self.session.connection.event(
            lambda e: e.get("janus") == "event" and e.get("transaction") == reply["transaction"])


class RefusedError(Exception):
    def __init__(self, reply):
        super().__init__(json.dumps(reply))
        self.code = reply.get("error", {}).get("code")
