"""aiortc with a tap: what left it and what reached it, packet by packet, and packets of the test's own."""

import asyncio
import re
import struct
import time

from aiortc import RTCConfiguration, RTCPeerConnection, RTCSessionDescription
from aiortc.mediastreams import AudioStreamTrack
from aiortc.rtcdtlstransport import RTCDtlsTransport
from aiortc.rtp import (RTCP_PSFB_APP, RTCP_PSFB_PLI, RtcpPacket, RtcpPsfbPacket, RtcpReceiverInfo, RtcpRrPacket, is_rtcp,
                        pack_remb_fci, unpack_remb_fci)

from call import Picture
from call import until as until_within
from signalling import LIMIT

LEVEL = "urn:ietf:params:rtp-hdrext:ssrc-audio-level"
RID = "urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id"
MID = "urn:ietf:params:rtp-hdrext:sdes:mid"
ORIENTATION = "urn:3gpp:video-orientation"
DELAY = "http://www.webrtc.org/experiments/rtp-hdrext/playout-delay"
# Added to what aiortc offers.
EXTENSIONS = {RID: 10, ORIENTATION: 11, DELAY: 12}
RIDS = ["h", "m", "l"]


async def until(probe, what):
    await until_within(probe, what, LIMIT)


def tap():
    """Every transport remembers what it sent and received from here on, decrypted."""
    send, rtp, rtcp = RTCDtlsTransport._send_rtp, RTCDtlsTransport._handle_rtp_data, RTCDtlsTransport._handle_rtcp_data

    def remember(transport, name, data):
        transport.__dict__.setdefault(name, []).append(bytes(data))

    async def sending(self, data):
        if not is_rtcp(data):
            remember(self, "sent", data)
        await send(self, data)

    async def rtp_arrives(self, data, arrival_time_ms):
        remember(self, "received", data)
        await rtp(self, data, arrival_time_ms)

    async def rtcp_arrives(self, data):
        remember(self, "control", data)
        await rtcp(self, data)

    RTCDtlsTransport._send_rtp = sending
    RTCDtlsTransport._handle_rtp_data = rtp_arrives
    RTCDtlsTransport._handle_rtcp_data = rtcp_arrives


class Packet:
    """An RTP packet with one-byte header extensions (RFC 8285)."""

    def __init__(self, data):
        second, self.number, self.timestamp, self.ssrc = struct.unpack("!xBHII", data[:12])
        self.payload_type = second & 127
        at = 12 + 4 * (data[0] & 15)
        self.extensions = {}
        if data[0] & 16:
            profile, words = struct.unpack("!HH", data[at:at + 4])
            block, at = data[at + 4:at + 4 + 4 * words], at + 4 + 4 * words
            while profile == 0xBEDE and block:
                number, length = block[0] >> 4, (block[0] & 15) + 1
                if number:
                    self.extensions[number] = block[1:1 + length]
                block = block[1 + length if number else 1:]
        self.payload = data[at:len(data) - (data[-1] if data[0] & 32 else 0)]


def fnv(data):
    value = 2166136261
    for byte in data:
        value = (value ^ byte) * 16777619 & 0xFFFFFFFF
    return value


def sections(sdp):
    """The m-sections of a description, by kind."""
    return {text.split(" ", 1)[0]: text for text in re.split(r"(?:^|\r\n)m=", sdp)[1:]}


def extension_id(section, uri):
    found = re.search(rf"a=extmap:(\d+)(?:/\w+)? {re.escape(uri)}", section)
    return int(found[1]) if found else None


def keyframe(layer, number):
    """A VP8 payload that says which layer it is of: descriptor with a picture id, header of a key frame."""
    return (bytes([0x90, 0x80, number & 127, 0x10, 0, 0, 0x9D, 0x01, 0x2A, 64 << layer & 255, 0, 64, 0])
            + b"layer" + bytes([layer]) * 60)


class Peer:
    """A PeerConnection with one handle. `simulcast`: None, "rid" or "ssrc"; video is sent by `layers` then."""

    # What is sent.
    sound, picture = AudioStreamTrack, Picture

    def __init__(self, handle, simulcast=None):
        self.handle = handle
        self.simulcast = simulcast
        self.pc = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        self.messages = []
        self.ssrcs = [7000001, 7000002, 7000003]
        self.numbers = 0

    async def call(self):
        """Offers; until the PeerConnection is up. The event with the answer."""
        self.pc.addTrack(self.sound())
        if self.simulcast:
            self.pc.addTransceiver("video")
        else:
            self.pc.addTrack(self.picture())
        self._watch(self.pc.createDataChannel("JanusDataChannel", protocol="dialect"))
        await self.pc.setLocalDescription(await self.pc.createOffer())
        self.offer = self._with_more(self.pc.localDescription.sdp)
        event = await self.handle.message({"request": "call"}, {"type": "offer", "sdp": self.offer})
        self.answer = event["jsep"]["sdp"]
        await self.pc.setRemoteDescription(RTCSessionDescription(self.answer, "answer"))
        await self.handle.event("webrtcup")
        return event["plugindata"]["data"]

    async def accept(self, event):
        """Answers the plugin's offer; until the PeerConnection is up."""
        self.pc.on("datachannel", self._watch)
        self.answer = event["jsep"]["sdp"]
        await self.pc.setRemoteDescription(RTCSessionDescription(self.answer, "offer"))
        for transceiver in self.pc.getTransceivers():
            transceiver.sender.replaceTrack(self.sound() if transceiver.kind == "audio" else self.picture())
            transceiver.direction = "sendrecv"
        self._watch(self.pc.createDataChannel("JanusDataChannel"))
        await self.pc.setLocalDescription(await self.pc.createAnswer())
        await self.handle.message({"request": "accept"}, {"type": "answer", "sdp": self.pc.localDescription.sdp})
        await self.handle.event("webrtcup")

    def _watch(self, channel):
        self.channel = channel
        channel.on("message", self.messages.append)

    def _with_more(self, sdp):
        head, *parts = re.split(r"(?=m=)", sdp)
        for i, part in enumerate(parts):
            if not part.startswith("m=video"):
                continue
            part += "".join(f"a=extmap:{number} {uri}\r\n" for uri, number in EXTENSIONS.items())
            if self.simulcast:
                part = re.sub(r"a=(ssrc|ssrc-group|msid):?[^\r\n]*\r\n", "", part)
            if self.simulcast == "rid":
                part += "".join(f"a=rid:{rid} send\r\n" for rid in RIDS) + f"a=simulcast:send {';'.join(RIDS)}\r\n"
            elif self.simulcast == "ssrc":
                part += f"a=ssrc-group:SIM {' '.join(map(str, self.ssrcs))}\r\n"
                part += "".join(f"a=ssrc:{ssrc} cname:dialect\r\n" for ssrc in self.ssrcs)
            parts[i] = part
        return head + "".join(parts)

    @property
    def transport(self):
        return self.pc.getTransceivers()[0].sender.transport

    def packets(self, kind, direction="received"):
        """Media packets of the codec that was agreed on."""
        wanted = self.payload_type(kind)
        packets = map(Packet, self.transport.__dict__.get(direction, []))
        return [packet for packet in packets if packet.payload_type == wanted]

    def payload_type(self, kind):
        return int(sections(self.answer)[kind].split()[3])

    def extension(self, kind, uri):
        return extension_id(sections(self.answer)[kind], uri)

    def control(self):
        """RTCP that arrived, packet by packet."""
        return [packet for data in self.transport.__dict__.get("control", []) for packet in RtcpPacket.parse(data)]

    def plis(self):
        return sum(isinstance(p, RtcpPsfbPacket) and p.fmt == RTCP_PSFB_PLI for p in self.control())

    def rembs(self):
        """Bitrates that were asked for."""
        asked = [p for p in self.control() if isinstance(p, RtcpPsfbPacket) and p.fmt == RTCP_PSFB_APP]
        return [unpack_remb_fci(packet.fci)[0] for packet in asked]

    def ssrc(self, kind):
        """Of what arrives."""
        return self.packets(kind)[-1].ssrc

    async def send_control(self, packet):
        await self.transport._send_rtp(bytes(packet))

    async def ask_keyframe(self):
        await self.send_control(RtcpPsfbPacket(fmt=RTCP_PSFB_PLI, ssrc=1, media_ssrc=self.ssrc("video")))

    async def ask_bitrate(self, bitrate):
        fci = pack_remb_fci(bitrate, [self.ssrc("video")])
        await self.send_control(RtcpPsfbPacket(fmt=RTCP_PSFB_APP, ssrc=1, media_ssrc=0, fci=fci))

    async def report_lost(self, kind, lost):
        """As a receiver that misses so many packets by now."""
        last = self.packets(kind)[-1]
        info = RtcpReceiverInfo(ssrc=last.ssrc, fraction_lost=20, packets_lost=lost, highest_sequence=last.number,
                                jitter=0, lsr=0, dlsr=0)
        await self.send_control(RtcpRrPacket(ssrc=1, reports=[info]))

    async def layers(self):
        """One picture on every layer."""
        self.numbers += 1
        rid_id, mid_id = self.extension("video", RID), self.extension("video", MID)
        mid = re.search(r"a=mid:(\S+)", sections(self.answer)["video"])[1].encode()
        for layer in range(3):
            extensions = b""
            if self.simulcast == "rid":
                rid = RIDS[2 - layer].encode()
                extensions = (bytes([rid_id << 4 | len(rid) - 1]) + rid + bytes([mid_id << 4 | len(mid) - 1]) + mid)
                extensions += bytes(-len(extensions) % 4)
                extensions = struct.pack("!HH", 0xBEDE, len(extensions) // 4) + extensions
            head = struct.pack("!BBHII", 0x90 if extensions else 0x80, 0x80 | self.payload_type("video"),
                               100 * layer + self.numbers, 3000 * self.numbers, self.ssrcs[layer])
            await self.transport._send_rtp(head + extensions + keyframe(layer, self.numbers))

    def layers_received(self):
        """The layer of each packet that came back."""
        return [packet.payload[-1] for packet in self.packets("video") if b"layer" in packet.payload]

    async def receives(self, kind, more=10):
        wanted = len(self.packets(kind)) + more
        await until(lambda: len(self.packets(kind)) >= wanted, f"{more} more packets of {kind}")

    async def echoes(self, message):
        await until(lambda: self.channel.readyState == "open", "open data channel")
        seen = len(self.messages)
        self.channel.send(message)
        await until(lambda: len(self.messages) > seen, "echo on the data channel")
        return self.messages[seen]

    async def close(self):
        await self.pc.close()


async def wait_for(probe, what):
    """Awaits `probe` until it gives something true; that is the result."""
    end = time.monotonic() + LIMIT
    while time.monotonic() < end:
        value = await probe()
        if value:
            return value
        await asyncio.sleep(0.1)
    raise AssertionError(f"no {what} after {LIMIT} s")
