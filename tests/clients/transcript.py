"""Plays API requests and writes down, masked, what comes back: two servers can then be compared."""

import asyncio
import json
import re
import urllib.error
import urllib.request

import websockets

EVENTS = {"event", "webrtcup", "media", "slowlink", "trickle", "ice-failed", "hangup", "detached", "timeout"}

# Members whose value is a moment, a measure or a thing of the build.
VARYING = {
    "created", "current_time", "session_last_activity", "elapsed", "version", "version_string", "commit-hash",
    "compile-time", "loop-running", "log-path", "folder", "pcap-file", "text2pcap-file", "age_ms", "private_id",
    "stream_id", "audio_stream_id", "video_stream_id", "data_stream_id",
}

MODULES = {"transports", "events", "loggers", "plugins"}

SDP_MASKS = [
    (re.compile(r"^o=(\S+) (\d{12,}) "), r"o=\1 <id> "),
    (re.compile(r"^a=fingerprint:(\S+) [0-9A-F:]+$"), r"a=fingerprint:\1 <fingerprint>"),
    (re.compile(r"^a=ice-ufrag:\S+$"), "a=ice-ufrag:<ufrag>"),
    (re.compile(r"^a=ice-pwd:\S+$"), "a=ice-pwd:<pwd>"),
    (re.compile(r"^a=candidate:\S+ (\d) (\S+) \d+ (\S+) \d+ "), r"a=candidate:<foundation> \1 \2 <priority> \3 <port> "),
]


def is_last_word(message):
    """What echotest says when a handle is detached; the reference sometimes lets it through, without a PeerConnection."""
    said = message.get("plugindata", {}).get("data") if isinstance(message, dict) else None
    return said == {"echotest": "event", "result": "done"}


class Player:
    """Connections of all four kinds to one server, and the transcript so far: (step, lines)."""

    def __init__(self, server):
        self.server = server
        self.steps = []
        self.names = {}
        self.sockets = {}
        self.early = {}

    async def __aenter__(self):
        await self.connect("janus")
        await self.connect("admin")
        return self

    async def __aexit__(self, *_):
        for name in list(self.sockets):
            await self.disconnect(name)

    async def connect(self, name):
        """Opens a further WebSocket; names that begin with "admin" speak the Admin API."""
        admin = name.startswith("admin")
        url, protocol = (self.server.ws_admin, "janus-admin-protocol") if admin else (self.server.ws, "janus-protocol")
        try:
            socket = await websockets.connect(url, max_size=None, subprotocols=[protocol])
        except websockets.InvalidHandshake:
            if self.server.which != "janus":
                raise
            await asyncio.sleep(1)  # the reference sometimes closes a connection that comes soon after its start
            socket = await websockets.connect(url, max_size=None, subprotocols=[protocol])
        self.sockets[name] = socket
        self.early[name] = []

    async def disconnect(self, name):
        await self.sockets.pop(name).close()

    def name(self, number, label):
        """From now on `number` is written <label>."""
        self.names[number] = f"<{label}>"
        return number

    async def ask(self, step, request, *, on="janus", events=0, shape=False, ordered=True):
        """Sends `request` (a dict, or text as it is); records the reply and `events` asynchronous messages after it.
        The reply is returned, and the last event with it when some were asked for."""
        handle = None
        if isinstance(request, dict):
            handle = request.get("handle_id")
            secret = {"admin_secret": "janusoverlord"} if on.startswith("admin") else {}
            request = json.dumps({"transaction": step, **secret, **request})
        await self.sockets[on].send(request)
        reply, seen = None, []
        while reply is None or len(seen) < events:
            message = await self._receive(on, step)
            if is_last_word(message) and message.get("sender") != handle:
                continue  # of another handle, which was hung up before
            if message.get("janus") in EVENTS:
                seen.append(message)
            elif reply is None:
                reply = message
            else:
                raise AssertionError(f"{step}: a second reply {message}")
        self.early[on] += seen[events:]
        seen = seen[:events]
        self.record(step, reply, shape)
        for event in seen if ordered else sorted(seen, key=lambda e: e["janus"]):
            self.record(step, event, shape)
        return (reply, seen[-1]) if events else reply

    async def ask_quietly(self, request):
        """Asks the Admin API and records nothing."""
        steps = len(self.steps)
        reply = await self.ask("quiet", request, on="admin")
        del self.steps[steps:]
        return reply

    async def events(self, step, count=1, *, on="janus", limit=15):
        """Records `count` messages that nobody asked for, sorted by their name."""
        seen = [self.early[on].pop(0) for _ in range(min(count, len(self.early[on])))]
        while len(seen) < count:
            seen.append(await self._receive(on, step, limit))
        for message in sorted(seen, key=lambda e: e["janus"]):
            self.record(step, message)
        return seen

    async def event(self, step, name, *, on="janus", limit=15):
        """Records the next message `name`; those before it race with it and are left out."""
        while True:
            message = self.early[on].pop(0) if self.early[on] else await self._receive(on, step, limit)
            if message["janus"] == name:
                self.record(step, message)
                return message

    async def silence(self, step, *, on="janus", seconds=0.5):
        """Records whatever else arrives; there should be nothing."""
        seen, self.early[on] = self.early[on], []
        while True:
            try:
                seen.append(await self._receive(on, step, seconds))
            except AssertionError:
                break
        self.steps.append((step, ["silence"]))
        for message in seen:
            self.record(step, message)

    async def _receive(self, on, step, limit=15):
        try:
            text = await asyncio.wait_for(self.sockets[on].recv(), limit)
        except TimeoutError as error:
            raise AssertionError(f"{self.server.which}, {step}: nothing came") from error
        return json.loads(text)

    async def http(self, step, request=None, path="", *, admin=False, verb=None, shape=False):
        """One HTTP request (GET without a body); records status and reply."""
        body = request
        if isinstance(request, dict):
            secret = {"admin_secret": "janusoverlord"} if admin else {}
            body = json.dumps({"transaction": step, **secret, **request})
        address = (self.server.http_admin if admin else self.server.http) + path
        asked = urllib.request.Request(address, body.encode() if body is not None else None, method=verb)

        def fetch():
            try:
                with urllib.request.urlopen(asked, timeout=40) as reply:
                    return reply.status, reply.read()
            except urllib.error.HTTPError as error:
                return error.code, error.read()
        status, content = await asyncio.to_thread(fetch)
        try:
            value = json.loads(content)
        except ValueError:
            self.steps += [(step, [f"HTTP {status}"]), (step, content.decode(errors="replace").splitlines())]
            return None
        if isinstance(value, list):
            value = [message for message in value if not is_last_word(message)]
            if not value:  # what it was asked for is still to come
                return await self.http(step, request, path, admin=admin, verb=verb, shape=shape)
        self.steps.append((step, [f"HTTP {status}"]))
        self.record(step, value, shape)
        return value

    def record(self, step, message, shape=False):
        value = to_shape(message) if shape else self._masked(message)
        if isinstance(value, dict) and value.get("janus") in ("server_info", "str"):
            for kind in MODULES & value.keys():  # their order is that of a hash table
                value[kind] = dict(sorted(value[kind].items()))
        lines = json.dumps(value, indent=1, ensure_ascii=False).splitlines()
        self.steps.append((step, [line.rstrip(",") for line in lines]))

    async def attach(self, session, plugin="janus.plugin.echotest", label="handle", **more):
        """A new handle in `session`; its address in requests."""
        reply = await self.ask(f"attach {label}", {"janus": "attach", "session_id": session, "plugin": plugin, **more}, shape=True)
        return {"session_id": session, "handle_id": self.name(reply["data"]["id"], label)}

    def _masked(self, value, key=None):
        if key in VARYING:
            return f"<{type(value).__name__}>"
        if isinstance(value, dict):
            return {self._masked(k): self._masked(v, k) for k, v in value.items()}
        if isinstance(value, list):
            return [self._masked(v) for v in value]
        if isinstance(value, str):
            if key == "sdp":
                return masked_sdp(value)
            return re.sub(r"\d{9,}", lambda m: self.names.get(int(m[0]), m[0]), value)
        if isinstance(value, int) and not isinstance(value, bool):
            return self.names.get(value, value if abs(value) < 1 << 31 else "<large number>")
        return value


def masked_sdp(sdp):
    """The lines of `sdp`; SSRCs are numbered in the order of their appearance."""
    sources = {}
    lines = []
    for line in sdp.split("\r\n"):
        for pattern, replacement in SDP_MASKS:
            line = pattern.sub(replacement, line)
        if line.startswith(("a=ssrc:", "a=ssrc-group:")):
            line = re.sub(r"(?<=[: ])\d+", lambda m: sources.setdefault(m[0], f"<ssrc {len(sources) + 1}>"), line)
        lines.append(line)
    return lines


def to_shape(value):
    """Names and types only."""
    if isinstance(value, dict):
        return {k: to_shape(v) for k, v in value.items()}
    if isinstance(value, list):
        return [to_shape(value[0])] if value else []
    return type(value).__name__
