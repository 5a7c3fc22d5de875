"""Debian's videoroom: its requests, and a room with publishers and subscribers that really talk (aiortc)."""

import json
import re

from aiortc import RTCConfiguration, RTCPeerConnection, RTCSessionDescription
from aiortc.mediastreams import AudioStreamTrack

from call import Picture

VIDEOROOM = "janus.plugin.videoroom"
ROOM = 5001
# They depend on when media arrives.
UNTIMED = {"media", "slowlink"}
# Of a handle that is being detached the reference sometimes still tells that its PeerConnection went.
RACING = "Detach"


class Guests:
    """Clients of a room, each with a connection and a session. What they are told is recorded step by step: the plugin's
    events in the order of their arrival at each handle, and the core's, which race with them, sorted."""

    def __init__(self, play):
        self.play = play
        self.sessions = {}
        self.markers = {}
        self.inbox = {}
        self.labels = {}

    async def arrive(self, name, session):
        if name not in self.play.sockets:
            await self.play.connect(name)
        await self.play.ask(f"{name} arrives", {"janus": "create", "id": session}, on=name)
        self.sessions[name], self.inbox[name] = session, []
        self.markers[name] = await self.attach(name, f"{name}'s marker")

    async def attach(self, name, label):
        session = self.sessions[name]
        request = {"janus": "attach", "session_id": session, "plugin": VIDEOROOM, "transaction": label}
        await self.play.sockets[name].send(json.dumps(request))
        reply = await self._reply(name, label)
        at = {"session_id": session, "handle_id": self.play.name(reply["data"]["id"], label)}
        self.labels[at["handle_id"]] = label
        return name, at

    async def say(self, step, who, body, *, jsep=None, plugin=None, core=None):
        """A message to the plugin; its reply. `plugin` says how many of its events at least are waited for, by guest;
        `core` which other events, by guest."""
        message = {"janus": "message", "body": body}
        return await self.ask(step, who, {**message, "jsep": jsep} if jsep else message, plugin=plugin, core=core)

    async def ask(self, step, who, request, *, plugin=None, core=None):
        name, at = who
        await self.play.sockets[name].send(json.dumps({**request, **at, "transaction": step}))
        reply = await self._reply(name, step)
        self.play.record(step, reply)
        return reply, await self.listen(step, plugin or {}, core or {})

    async def listen(self, step, plugin, core):
        """Records what has arrived when the expected has, and the plugin has worked off its queue; the events by handle."""
        for name in self.inbox:
            while sum(m["janus"] == "event" for m in self.inbox[name]) < plugin.get(name, 0) or any(
                    wanted not in [m["janus"] for m in self.inbox[name]] for wanted in core.get(name, [])):
                self.inbox[name].append(await self.play._receive(name, step))
        for name in self.inbox:
            await self._work_off(name, step)
        told, others = {label: [] for label in self.labels.values()}, []
        for name, messages in self.inbox.items():
            for message in messages:
                if message["janus"] == "event":
                    told[self.labels[message["sender"]]].append(message)
                elif message["janus"] not in UNTIMED and message.get("reason") != RACING:
                    others.append((self.labels[message["sender"]], message["janus"], message))
            self.inbox[name] = []
        for label, messages in told.items():
            for message in messages:
                self.play.record(f"{step}: event to {label}", message)
        for label, kind, message in sorted(others, key=lambda other: other[:2]):
            self.play.record(f"{step}: {kind} to {label}", message)
        return told

    async def _work_off(self, name, step):
        """The plugin serves one queued request after the other; this one it refuses, when it has served those before."""
        _, at = self.markers[name]
        transaction = f"{step}, marker"
        request = {"janus": "message", **at, "body": {"request": "join"}, "transaction": transaction}
        await self.play.sockets[name].send(json.dumps(request))
        awaited = {"ack", "event"}  # in any order (CP-204)
        while awaited:
            message = await self.play._receive(name, step)
            if message.get("transaction") == transaction:
                awaited.remove(message["janus"])
            else:
                self.inbox[name].append(message)

    async def _reply(self, name, transaction):
        while True:
            message = await self.play._receive(name, transaction)
            if message.get("transaction") == transaction and message["janus"] in ("ack", "success", "error"):
                return message
            self.inbox[name].append(message)


async def requests(play):
    """What can be asked without media, and how it is refused."""
    guests = Guests(play)
    await guests.arrive("janus", 600)
    at = await guests.attach("janus", "asker")

    async def say(step, **body):
        return await guests.say(step, at, body)
    room = {"room": ROOM}
    for step, body in {
        "no request": {}, "request a number": {"request": 1}, "unknown request": {"request": "dance"},
        "create: room negative": {"request": "create", "room": -1}, "create: room a string": {"request": "create", "room": "x"},
        "create: publishers negative": {"request": "create", **room, "publishers": -1},
        "create: unknown codec": {"request": "create", **room, "videocodec": "mpeg2"},
        "create: pin a number": {"request": "create", **room, "pin": 1},
        "create: permanent a string": {"request": "create", **room, "permanent": "x"},
        "create": {"request": "create", **room, "description": "A room", "secret": "s", "pin": "p", "publishers": 2,
                   "audiocodec": "opus", "videocodec": "vp8", "bitrate": 256000, "notify_joining": True},
        "create again": {"request": "create", **room},
        "exists": {"request": "exists", **room}, "exists not": {"request": "exists", "room": 5999},
        "exists without room": {"request": "exists"},
        "edit without secret": {"request": "edit", **room, "new_description": "x"},
        "edit with a wrong secret": {"request": "edit", **room, "secret": "t", "new_description": "x"},
        "edit another": {"request": "edit", "room": 5999},
        "edit": {"request": "edit", **room, "secret": "s", "new_description": "Another", "new_publishers": 3, "new_bitrate": 128000},
        "edit: wrong type": {"request": "edit", **room, "secret": "s", "new_publishers": "x"},
        "participants": {"request": "listparticipants", **room},
        "participants of another": {"request": "listparticipants", "room": 5999},
        "allowed: no action": {"request": "allowed", **room, "secret": "s"},
        "allowed: unknown action": {"request": "allowed", **room, "secret": "s", "action": "x"},
        "allowed: without secret": {"request": "allowed", **room, "action": "enable"},
        "allowed: enable": {"request": "allowed", **room, "secret": "s", "action": "enable"},
        "allowed: add": {"request": "allowed", **room, "secret": "s", "action": "add", "allowed": ["one"]},
        "allowed: add numbers": {"request": "allowed", **room, "secret": "s", "action": "add", "allowed": [1]},
        "allowed: remove": {"request": "allowed", **room, "secret": "s", "action": "remove", "allowed": ["two"]},
        "kick nobody": {"request": "kick", **room, "secret": "s", "id": 77},
        "kick without id": {"request": "kick", **room, "secret": "s"},
        "moderate nobody": {"request": "moderate", **room, "secret": "s", "id": 77, "mid": "0", "mute": True},
        "moderate without mid": {"request": "moderate", **room, "secret": "s", "id": 77, "mute": True},
        "forward nobody": {"request": "rtp_forward", **room, "secret": "s", "publisher_id": 77, "host": "127.0.0.1",
                           "streams": [{"mid": "0", "port": 5}]},
        "forward without host": {"request": "rtp_forward", **room, "secret": "s", "publisher_id": 77},
        "stop forwarding nobody": {"request": "stop_rtp_forward", **room, "secret": "s", "publisher_id": 77, "stream_id": 1},
        "forwarders": {"request": "listforwarders", **room, "secret": "s"},
        "forwarders without secret": {"request": "listforwarders", **room},
        "recording": {"request": "enable_recording", **room, "secret": "s", "record": False},
        "recording: wrong type": {"request": "enable_recording", **room, "secret": "s", "record": "x"},
        "configure before join": {"request": "configure", "audio": True},
        "publish before join": {"request": "publish"}, "start before join": {"request": "start"},
        "leave before join": {"request": "leave"}, "unpublish before join": {"request": "unpublish"},
        "join: no ptype": {"request": "join", **room}, "join: wrong ptype": {"request": "join", **room, "ptype": "guest"},
        "join: no room": {"request": "join", "ptype": "publisher"},
        "join: another room": {"request": "join", "ptype": "publisher", "room": 5999},
        "join: no pin": {"request": "join", "ptype": "publisher", **room},
        "join: wrong pin": {"request": "join", "ptype": "publisher", **room, "pin": "q"},
        "join: no token": {"request": "join", "ptype": "publisher", **room, "pin": "p"},
        "join: wrong token": {"request": "join", "ptype": "publisher", **room, "pin": "p", "token": "two"},
        "join: id a string": {"request": "join", "ptype": "publisher", **room, "pin": "p", "token": "one", "id": "x"},
        "subscribe to nothing": {"request": "join", "ptype": "subscriber", **room, "pin": "p"},
        "subscribe to nobody": {"request": "join", "ptype": "subscriber", **room, "pin": "p", "streams": [{"feed": 77}]},
        "subscribe: streams a string": {"request": "join", "ptype": "subscriber", **room, "pin": "p", "streams": "x"},
        "join": {"request": "join", "ptype": "publisher", **room, "pin": "p", "token": "one", "id": 11, "display": "Eleven"},
        "join twice": {"request": "join", "ptype": "publisher", **room, "pin": "p", "token": "one", "id": 11},
        "configure": {"request": "configure", "bitrate": 64000, "display": "Still eleven"},
        "configure: wrong type": {"request": "configure", "bitrate": "x"},
        "unpublish nothing": {"request": "unpublish"}, "publish without jsep": {"request": "publish"},
        "participants with one": {"request": "listparticipants", **room},
        "allowed: disable": {"request": "allowed", **room, "secret": "s", "action": "disable"},
        "list": {"request": "list"},
        "leave": {"request": "leave"},
        "destroy with a wrong secret": {"request": "destroy", **room, "secret": "t"},
        "destroy another": {"request": "destroy", "room": 5999},
        "destroy": {"request": "destroy", **room, "secret": "s"}, "destroy again": {"request": "destroy", **room},
        "exists no longer": {"request": "exists", **room},
    }.items():
        await say(step, **body)


# What browsers offer and aiortc does not.
VIDEO_MORE = "".join(f"a={line}\r\n" for line in (
    "rtcp-fb:97 transport-cc", "extmap:7 http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01",
    "extmap:8 urn:3gpp:video-orientation", "extmap:9 http://www.webrtc.org/experiments/rtp-hdrext/playout-delay",
))


async def offer_of(pc, more=""):
    """An offer of `pc`, with `more` lines for its video."""
    await pc.setLocalDescription(await pc.createOffer())
    sdp = re.sub(r"(?m)^o=- \d+ \d+", "o=- 4711 1", pc.localDescription.sdp)
    sdp = re.sub(r"(m=video (?:.*\r\n)*?)(a=mid:)", rf"\1{more}\2", sdp)
    return {"type": "offer", "sdp": sdp, "trickle": False}


async def answer_of(pc, offer):
    await pc.setRemoteDescription(RTCSessionDescription(offer["sdp"], offer["type"]))
    await pc.setLocalDescription(await pc.createAnswer())
    return {"type": "answer", "sdp": pc.localDescription.sdp, "trickle": False}


class Party(Guests):
    """Alice and Bob, who may publish, and Carol, who subscribes; each with a PeerConnection."""

    def __init__(self, play):
        super().__init__(play)
        self.peers = {}

    async def gather(self):
        """Alice is on the connection that is open anyway."""
        for name, session in {"janus": 700, "bob": 701, "carol": 702}.items():
            await self.arrive(name, session)
        self.alice, self.bob = await self.attach("janus", "alice"), await self.attach("bob", "bob")
        self.carol = await self.attach("carol", "carol")
        self.renew("alice", AudioStreamTrack(), Picture())
        self.renew("bob", AudioStreamTrack(), Picture())
        self.renew("carol")
        return self.alice, self.bob, self.carol

    def renew(self, name, *tracks):
        """A PeerConnection that has not been used."""
        self.peers[name] = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        for track in tracks:
            self.peers[name].addTrack(track)

    def _label(self, who):
        return self.labels[who[1]["handle_id"]]

    async def publish(self, step, who, body, *, lines="", **more):
        """A message with an offer; the plugin's answer is taken."""
        pc = self.peers[self._label(who)]
        reply, seen = await self.say(step, who, body, jsep=await offer_of(pc, lines), **more)
        answer = next((m["jsep"] for m in seen[self._label(who)] if "jsep" in m), None)
        assert answer, f"{self.play.server.which}, {step}: no answer, but {reply}, {seen}"
        await pc.setRemoteDescription(RTCSessionDescription(answer["sdp"], answer["type"]))

    async def answer(self, step, seen, core=None):
        """Carol's answer to the last offer among the events `seen`."""
        offer = [m["jsep"] for m in seen["carol"] if "jsep" in m][-1]
        jsep = await answer_of(self.peers["carol"], offer)
        return await self.say(step, self.carol, {"request": "start"}, jsep=jsep, plugin={"carol": 1}, core=core)

    async def close(self):
        for pc in self.peers.values():
            await pc.close()


async def live(play):
    """Two publish, one subscribes to both, and everything that can be changed meanwhile is."""
    guests = Party(play)
    alice, bob, carol = await guests.gather()
    room = {"room": ROOM}
    try:
        await guests.say("create", alice, {"request": "create", **room, "publishers": 2, "videocodec": "vp8", "notify_joining": True})
        await guests.say("alice joins", alice, {"request": "join", "ptype": "publisher", **room, "id": 21, "display": "Alice"})
        await guests.say("bob joins", bob, {"request": "join", "ptype": "publisher", **room, "id": 22, "display": "Bob"})
        await guests.publish("alice publishes", alice, {"request": "publish", "descriptions": [{"mid": "0", "description": "voice"}]})
        await guests.listen("alice is up", {"bob": 1}, {"janus": ["webrtcup"]})
        await guests.say("participants", bob, {"request": "listparticipants", **room})
        _, seen = await guests.say("carol subscribes", carol, {"request": "join", "ptype": "subscriber", **room, "streams": [{"feed": 21}]})
        await guests.answer("carol answers", seen, {"carol": ["webrtcup"]})
        for step, body in {
            "pause": {"request": "pause"}, "pause again": {"request": "pause"}, "start again": {"request": "start"},
            "configure video off": {"request": "configure", "mid": "1", "send": False},
            "configure video on": {"request": "configure", "mid": "1", "send": True},
            "configure nothing": {"request": "configure", "mid": "9", "send": False},
            "configure substream": {"request": "configure", "mid": "1", "substream": 1, "temporal": 0},
            "join while subscribed": {"request": "join", "ptype": "subscriber", **room, "streams": [{"feed": 21}]},
            "unknown while subscribed": {"request": "dance"},
            "subscribe to nobody": {"request": "subscribe", "streams": [{"feed": 77}]},
            "unsubscribe from nobody": {"request": "unsubscribe", "streams": [{"feed": 77}]},
        }.items():
            await guests.say(step, carol, body)
        await guests.publish("bob publishes", bob, {"request": "publish", "display": "Bob, live"})
        await guests.listen("bob is up", {"janus": 1}, {"bob": ["webrtcup"]})
        _, seen = await guests.say("subscribe to bob too", carol, {"request": "subscribe", "streams": [{"feed": 22}]})
        await guests.answer("carol answers again", seen)
        await guests.say("switch", carol, {"request": "switch", "streams": [{"mid": "1", "feed": 22, "sub_mid": "1"}]})
        await guests.say("switch to nobody", carol, {"request": "switch", "streams": [{"mid": "1", "feed": 77, "sub_mid": "1"}]})
        _, seen = await guests.say("unsubscribe from bob's voice", carol, {"request": "unsubscribe", "streams": [{"feed": 22, "mid": "0"}]})
        await guests.answer("carol answers a third time", seen)
        _, seen = await guests.say("update", carol, {
            "request": "update", "subscribe": [{"feed": 22, "mid": "0"}], "unsubscribe": [{"feed": 21, "mid": "0"}]})
        await guests.answer("carol answers a fourth time", seen)
        await guests.say("alice configures", alice, {"request": "configure", "bitrate": 100000, "display": "Alice, too"})
        await guests.say("alice mutes", alice, {"request": "configure", "streams": [{"mid": "0", "send": False}]})
        await guests.say("moderate bob", alice, {"request": "moderate", **room, "id": 22, "mid": "0", "mute": True})
        await guests.say("moderate bob back", alice, {"request": "moderate", **room, "id": 22, "mid": "0", "mute": False})
        reply, _ = await guests.say("forward", alice, {
            "request": "rtp_forward", **room, "publisher_id": 21, "host": "127.0.0.1",
            "streams": [{"mid": "0", "port": 9, "ssrc": 5, "pt": 99}, {"mid": "1", "port": 9}]})
        await guests.say("forwarders", alice, {"request": "listforwarders", **room})
        for index, forwarder in enumerate(reply["plugindata"]["data"]["forwarders"]):
            await guests.say(f"stop forwarder {index}", alice, {
                "request": "stop_rtp_forward", **room, "publisher_id": 21, "stream_id": forwarder["stream_id"]})
        await guests.say("participants with all", bob, {"request": "listparticipants", **room})
        await guests.say("publish twice", alice, {"request": "publish"}, jsep=await offer_of(guests.peers["alice"]))
        _, seen = await guests.say("bob unpublishes", bob, {"request": "unpublish"},
                                   plugin={"janus": 2, "carol": 1}, core={"bob": ["hangup"]})
        await guests.answer("carol answers a fifth time", seen)
        await guests.say("carol leaves", carol, {"request": "leave"}, core={"carol": ["hangup"]})
        await guests.say("alice is kicked", bob, {"request": "kick", **room, "id": 21}, core={"janus": ["hangup"]})
        await guests.say("bob leaves", bob, {"request": "leave"})
        await guests.say("destroy", bob, {"request": "destroy", **room})
    finally:
        await guests.close()


async def ends(play):
    """Extensions and codecs of rooms, older forms of subscribing, and all the ways in which it can be over."""
    guests = Party(play)
    alice, bob, carol = await guests.gather()
    room = {"room": ROOM}
    subscribe = {"request": "join", "ptype": "subscriber", **room}
    try:
        await guests.say("create", alice, {
            "request": "create", **room, "publishers": 1, "audiocodec": "opus", "videocodec": "h264,vp8", "opus_fec": True,
            "playoutdelay_ext": False, "require_pvtid": True, "require_e2ee": False})
        await guests.say("publish nonsense", alice, {"request": "joinandconfigure", "ptype": "publisher", **room, "id": 31},
                         jsep={"type": "offer", "sdp": "v=0\r\nnonsense"})
        await guests.publish("alice joins and publishes", alice, {
            "request": "joinandconfigure", "ptype": "publisher", **room, "id": 31, "bitrate": 64000}, lines=VIDEO_MORE)
        await guests.listen("alice is up", {}, {"janus": ["webrtcup"]})
        await guests.say("bob joins", bob, {"request": "join", "ptype": "publisher", **room, "id": 32})
        await guests.say("one too many", bob, {"request": "publish"}, jsep=await offer_of(guests.peers["bob"]))
        await guests.say("subscribe without private_id", carol, {**subscribe, "feed": 31})
        await guests.say("edit", alice, {"request": "edit", **room, "new_publishers": 2, "new_require_pvtid": False})
        await guests.say("as a publisher's", bob, {"request": "start"})
        _, seen = await guests.say("subscribe as of old", carol, {**subscribe, "feed": 31, "offer_audio": False, "close_pc": False})
        await guests.say("an offer for an answer", carol, {"request": "start"}, jsep=await offer_of(guests.peers["bob"]))
        await guests.answer("carol answers", seen, {"carol": ["webrtcup"]})
        _, seen = await guests.say("restart", carol, {"request": "configure", "restart": True})
        await guests.answer("carol answers the restart", seen)
        await guests.say("again what was too many", bob, {"request": "publish"}, jsep=await offer_of(guests.peers["bob"]))
        await guests.ask("bob hangs up", bob, {"janus": "hangup"}, core={"bob": ["hangup"]})
        guests.renew("bob", AudioStreamTrack(), Picture())
        await guests.publish("bob publishes", bob, {"request": "publish", "audiocodec": "opus", "videocodec": "vp8"})
        await guests.listen("bob is up", {"janus": 1}, {"bob": ["webrtcup"]})
        guests.peers["bob"].createDataChannel("more")
        await guests.publish("bob adds data", bob, {"request": "configure"}, plugin={"bob": 1, "janus": 1})
        await guests.ask("alice hangs up", alice, {"janus": "hangup"}, plugin={"bob": 1, "carol": 1}, core={"janus": ["hangup"]})
        guests.renew("alice", AudioStreamTrack(), Picture())
        await guests.publish("alice comes back", alice, {"request": "publish"}, lines=VIDEO_MORE)
        await guests.listen("alice is up again", {"bob": 1}, {"janus": ["webrtcup"]})
        await guests.ask("carol detaches", carol, {"janus": "detach"}, core={"carol": ["detached"]})
        carol = guests.carol = await guests.attach("carol", "carol")
        guests.renew("carol")
        _, seen = await guests.say("carol subscribes to all", carol, {
            **subscribe, "use_msid": True, "autoupdate": False, "streams": [{"feed": 31}, {"feed": 32, "mid": "1"}, {"feed": 32, "mid": "2"}]})
        await guests.answer("carol answers all", seen, {"carol": ["webrtcup"]})
        await guests.ask("alice detaches", alice, {"janus": "detach"}, plugin={"bob": 3}, core={"janus": ["detached"]})
        await guests.say("participants", bob, {"request": "listparticipants", **room})
        await guests.say("destroy", bob, {"request": "destroy", **room}, plugin={"bob": 1}, core={"bob": ["hangup"]})
        await guests.say("publish where nothing is", bob, {"request": "publish"})
        await guests.say("configure where nothing is", carol, {"request": "configure"})
    finally:
        await guests.close()
