"""WebRTC, and the Janus core, inside a Python program: peers, data channels, media, the Janus API, for asyncio.

    async with janus_rs.Core() as core:
        peer = core.peer()
        channel = peer.channel("cat-noises")
        offer = peer.describe()              # to the other side, in whatever way
        peer.accept(answer)                  # and back
        await channel.opened()
        channel.send("purr")
        async for message in channel: ...

Packets that one peer sends to another are forwarded by the library (`Core.link`): none of them comes near the interpreter.
"""

import asyncio
import contextlib
import ctypes
import json
from ctypes import byref
from enum import IntEnum

from . import _native
from ._native import Error, call

__all__ = ["Core", "Peer", "Channel", "Client", "Event", "EventType", "Kind", "Direction", "Error", "version"]
version = _native.version

EventType = IntEnum("EventType", {
    "REPLY": 1, "JANUS": 2, "SESSION": 3, "HANDLER": 4,
    "STATE": 20, "CANDIDATE": 21, "PATH": 22, "MEDIA": 23, "KEYFRAME": 24, "BITRATE": 25, "SLOW": 26, "CLOSED": 27,
    "CHANNEL": 40, "CHANNEL_OPEN": 41, "MESSAGE": 42, "LOW": 43, "CHANNEL_CLOSED": 44,
    "RTP": 60, "RTCP": 61, "DRAINED": 81, "STOPPED": 82, "LOST": 83,
})
Kind = IntEnum("Kind", {"AUDIO": 1, "VIDEO": 2})
Direction = IntEnum("Direction", {"SENDRECV": 0, "SENDONLY": 1, "RECVONLY": 2, "INACTIVE": 3})


def optional(text):
    return None if text is None else text.encode()


class Event:
    """One event, with what its type fills (janus_rs.h): a copy."""

    def __init__(self, raw):
        self.type = EventType(raw.type)
        for name in ("flags", "code", "mindex", "client", "tag", "session", "handle", "peer", "channel", "number", "time"):
            setattr(self, name, getattr(raw, name))
        is_data = self.type in (EventType.MESSAGE, EventType.RTP, EventType.RTCP)
        self.data = ctypes.string_at(raw.data, raw.length) if is_data else b""
        self.text = "" if is_data else raw.text.decode()
        if self.type is EventType.MESSAGE and not self.flags & 1:
            self.text = self.data.decode()

    def __repr__(self):
        return f"<{self.type.name} {self.text!r} {self.data!r}>"


class _Inbox:
    """Events of one object, in order; iteration ends with the object."""

    def __init__(self, core, number):
        self.core, self.number = core, number
        self._events = asyncio.Queue()
        self.closed = asyncio.get_running_loop().create_future()

    def _put(self, item):
        self._events.put_nowait(item)

    def _close(self, reason):
        if not self.closed.done():
            self.closed.set_result(reason)
        self._events.put_nowait(None)

    def __aiter__(self):
        return self

    async def __anext__(self):
        item = await self._events.get()
        if item is None:
            self._events.put_nowait(None)
            raise StopAsyncIteration
        return item


class Channel(_Inbox):
    """A data channel; iterating gives its messages, str or bytes."""

    def __init__(self, peer, number, label, is_open=False):
        super().__init__(peer.core, number)
        self.peer, self.label = peer, label
        self._open = asyncio.Event()
        self._room = asyncio.Event()
        if is_open:
            self._open.set()

    async def opened(self):
        await self._open.wait()

    def send(self, message):
        """Error("JANUS_RS_EAGAIN") when 16 MiB wait already."""
        binary = not isinstance(message, str)
        data = bytes(message) if binary else message.encode()
        call("channel_send", self.core._core, self.number, int(binary), data, len(data))

    async def send_when_room(self, message):
        while True:
            self._room.clear()
            try:
                return self.send(message)
            except Error as error:
                if error.code != "JANUS_RS_EAGAIN":
                    raise
            await self._room.wait()

    @property
    def buffered(self):
        return call("channel_buffered", self.core._core, self.number)

    def close(self):
        call("channel_close", self.core._core, self.number)

    def _take(self, event):
        if event.type is EventType.MESSAGE:
            self._put(event.data if event.flags & 1 else event.text)
        elif event.type is EventType.CHANNEL_OPEN:
            self._open.set()
        elif event.type is EventType.LOW:
            self._room.set()
        else:
            self.core._channels.pop(self.number, None)
            self._room.set()
            self._close(event.text)


class Peer(_Inbox):
    """A PeerConnection. Iterating gives events, and a Channel for each one that the other side makes."""

    def __init__(self, core, number):
        super().__init__(core, number)
        self.state = "new"
        self._connected = asyncio.Event()

    async def connected(self):
        waiter = asyncio.ensure_future(self._connected.wait())
        await asyncio.wait([waiter, self.closed], return_when=asyncio.FIRST_COMPLETED)
        waiter.cancel()
        if not self._connected.is_set():
            raise ConnectionError(self.closed.result())

    def describe(self, restart=False):
        """Our offer, or our answer to the offer that was accepted: SDP."""
        return _native.text("peer_describe", self.core._core, self.number, int(restart))

    def accept(self, description):
        """SDP, or what browsers write as JSON."""
        call("peer_accept", self.core._core, self.number, description.encode())

    def candidate(self, candidate, mid=None):
        call("peer_candidate", self.core._core, self.number, optional(mid), optional(candidate))

    def channel(self, label, *, protocol=None, ordered=True, max_retransmits=None, max_lifetime=None, id=None, low=0):
        options = _native.ChannelOptions(protocol=optional(protocol), unordered=not ordered, low=low)
        if max_retransmits is not None:
            options.reliability, options.limit = 1, max_retransmits
        if max_lifetime is not None:
            options.reliability, options.limit = 2, max_lifetime
        if id is not None:
            options.negotiated, options.id = 1, id
        core = self.core
        number = _native.number("channel_open", core._core, self.number, label.encode(), byref(options))
        core._channels[number] = Channel(self, number, label)
        return core._channels[number]

    def media(self, kind, direction=Direction.SENDRECV, codecs=None, mid=None):
        """Audio or video in the next offer, or how the answer takes the other side's; the index of its m-line."""
        media = _native.Media(kind=kind, direction=direction, codecs=optional(codecs), mid=optional(mid))
        return call("peer_media", self.core._core, self.number, byref(media))

    def direction(self, mindex, direction):
        call("peer_direction", self.core._core, self.number, mindex, direction)

    def lines(self):
        """What the m-lines are: a list of dicts."""
        found, info = [], _native.MediaInfo()
        with contextlib.suppress(Error):
            while True:
                call("media_get", self.core._core, self.number, len(found), byref(info))
                found.append(info.as_dict())
        return found

    def send_rtp(self, mindex, packet):
        call("send_rtp", self.core._core, self.number, mindex, packet, len(packet))

    def send_rtcp(self, mindex, packet):
        call("send_rtcp", self.core._core, self.number, mindex, packet, len(packet))

    def ask_keyframe(self, mindex):
        call("ask_keyframe", self.core._core, self.number, mindex)

    def limit_bitrate(self, bits_per_second):
        call("limit_bitrate", self.core._core, self.number, bits_per_second)

    def info(self):
        info = _native.PeerInfo()
        call("peer_get", self.core._core, self.number, byref(info))
        return info.as_dict()

    def inspect(self):
        return json.loads(_native.text("inspect", self.core._core, self.number))

    def close(self):
        call("peer_close", self.core._core, self.number)

    def _take(self, event):
        if event.type is EventType.STATE:
            self.state = event.text
            if event.text == "connected":
                self._connected.set()
        if event.type is EventType.CHANNEL:
            channel = Channel(self, event.channel, event.text, is_open=True)
            self.core._channels[event.channel] = channel
            self._put(channel)
        elif event.type is EventType.CLOSED:
            self.state = "closed"
            self.core._peers.pop(self.number, None)
            self._close(event.text)
        else:
            self._put(event)


class Client(_Inbox):
    """A client of the Janus API; iterating gives its events, as dicts."""

    def __init__(self, core, number):
        super().__init__(core, number)
        self._replies = {}
        self._tags = 0

    async def request(self, message, admin=False):
        """The reply to a request; "transaction" is put in when it is missing."""
        self._tags += 1
        data = json.dumps({"transaction": str(self._tags), **message}).encode()
        reply = self._replies[self._tags] = asyncio.get_running_loop().create_future()
        call("request", self.core._core, self.number, self._tags, int(admin), data, len(data))
        return await reply

    def close(self):
        call("client_close", self.core._core, self.number)
        self.core._clients.pop(self.number, None)
        for reply in self._replies.values():
            reply.cancel()
        self._close("closed")

    def _take(self, event):
        if event.type is EventType.REPLY:
            reply = self._replies.pop(event.tag, None)
            if reply is not None and not reply.done():
                reply.set_result(json.loads(event.text))
        elif event.type is EventType.JANUS:
            self._put(json.loads(event.text))
        else:
            self._put(event)


class Core:
    """An instance of the core. `config` has options of janus.jcfg by name: {"nat.ice_lite": "true"}."""

    def __init__(self, config=None, *, modules=False, config_folder=None, workers=0):
        options = _native.Options(flags=int(modules), workers=workers,
                                  config_folder=config_folder and str(config_folder).encode())
        out = ctypes.c_void_p()
        call("open", byref(out), byref(options))
        self._core, self._queue = out.value, None
        self._peers, self._channels, self._clients = {}, {}, {}
        for name, value in (config or {}).items():
            call("set", self._core, name.encode(), value.encode())

    def load_plugin(self, file):
        call("load", self._core, 1, str(file).encode())

    async def start(self):
        loop = asyncio.get_running_loop()
        await loop.run_in_executor(None, call, "start", self._core)
        out = ctypes.c_void_p()
        call("queue_open", self._core, byref(out), None)
        self._queue, self._loop = out.value, loop
        self._fd = call("queue_fd", self._queue)
        loop.add_reader(self._fd, self._read)

    async def close(self):
        """Ends everything that it has."""
        if self._queue is not None:
            self._loop.remove_reader(self._fd)
            await self._loop.run_in_executor(None, call, "stop", self._core, -1)
            self._read()
        call("close", self._core)
        for inbox in [*self._channels.values(), *self._peers.values(), *self._clients.values()]:
            inbox._close("the core was closed")

    async def __aenter__(self):
        await self.start()
        return self

    async def __aexit__(self, *_):
        await self.close()

    def peer(self, *, name=None, trickle=False, accept_media=False, rtp_events=False, worker=0):
        flags = int(trickle) | int(accept_media) << 1 | int(rtp_events) << 2
        options = _native.PeerOptions(flags=flags, worker=worker, name=optional(name))
        number = _native.number("peer_open", self._core, self._queue, byref(options))
        self._peers[number] = Peer(self, number)
        return self._peers[number]

    def client(self, *, admin=False, trusted=False):
        options = _native.ClientOptions(admin=admin, trusted=trusted)
        number = _native.number("client_open", self._core, self._queue, byref(options))
        self._clients[number] = Client(self, number)
        return self._clients[number]

    def link(self, source, source_mindex, to, to_mindex, *, layers=0, temporal_layers=0, paused=False):
        """What one peer sends on a medium goes to a medium of another, inside the library."""
        link = _native.Link(from_=source.number, to=to.number, from_mindex=source_mindex, to_mindex=to_mindex, layers=layers,
                            temporal_layers=temporal_layers, paused=paused)
        call("link_set", self._core, byref(link))

    def unlink(self, to, to_mindex):
        call("link_clear", self._core, to.number, to_mindex)

    def counters(self):
        counters = _native.Counters()
        call("count", self._core, byref(counters))
        return counters.as_dict()

    def metrics(self):
        """OpenMetrics text, for a /metrics of one's own."""
        return _native.text("metrics", self._core, 0)

    def addresses(self):
        return json.loads(_native.text("addresses", self._core))

    def _read(self):
        """Takes what waits, some at a time: the loop has other things to do."""
        raw = _native.Event()
        for _ in range(1000):
            if call("next", self._queue, byref(raw), 0) == 0:
                return
            event = Event(raw)
            of = (self._channels.get(event.channel) if event.type is not EventType.CHANNEL else None)
            of = of or self._peers.get(event.peer) or self._clients.get(event.client)
            if of is not None:
                of._take(event)
