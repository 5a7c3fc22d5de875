#!/usr/bin/env python3
"""Writes rtp/*.hex and rtcp/*.hex: one packet per line, made by the RFCs. Run it after a change; its output is kept."""

import pathlib
import random
import struct

HERE = pathlib.Path(__file__).parent
random.seed(1)


def noise(length):
    return bytes(random.getrandbits(8) for _ in range(length))


def one_byte(*elements, pad=0):
    """RFC 8285 §4.2"""
    body = b"\0" * pad + b"".join(bytes([i << 4 | len(v) - 1]) + v for i, v in elements)
    return block(0xBEDE, body)


def two_byte(*elements, pad=0):
    """RFC 8285 §4.3"""
    body = b"\0" * pad + b"".join(bytes([i, len(v)]) + v for i, v in elements)
    return block(0x1000, body)


def block(profile, body):
    body += b"\0" * (-len(body) % 4)
    return struct.pack("!HH", profile, len(body) // 4) + body


def rtp(pt, seq, ts, ssrc, payload, marker=0, extensions=b"", csrcs=(), version=2):
    first = version << 6 | (0x10 if extensions else 0) | len(csrcs)
    head = struct.pack("!BBHII", first, marker << 7 | pt, seq & 0xFFFF, ts & 0xFFFFFFFF, ssrc)
    return head + b"".join(struct.pack("!I", c) for c in csrcs) + extensions + payload


def write(folder, name, title, packets):
    lines = [f"# {title}"] + [packet.hex() if isinstance(packet, bytes) else f"# {packet}" for packet in packets]
    (HERE / folder / f"{name}.hex").write_text("\n".join(lines) + "\n")


# Ids as both browsers use them: mid 4, rid 10, audio level 1, abs-send-time 2, transport-wide-cc 3, orientation 13,
# playout delay 12, dependency descriptor 8.
def usual(seq, mid=b"0", rid=None, extra=()):
    elements = [(2, noise(3)), (3, struct.pack("!H", seq & 0xFFFF)), (4, mid)]
    if rid:
        elements.append((10, rid))
    return one_byte(*elements, *extra)


def vp8_descriptor(start, picture, tl0, tid, layer_sync, key_index, wide=True):
    """RFC 7741 §4.2"""
    number = struct.pack("!H", 0x8000 | picture & 0x7FFF) if wide else bytes([picture & 0x7F])
    return bytes([0x80 | start << 4, 0xF0]) + number + bytes([tl0 & 0xFF, tid << 6 | layer_sync << 5 | key_index])


def vp8_frame(key, wide=320, high=240):
    if key:
        return b"\x10\x02\x00\x9d\x01\x2a" + struct.pack("<HH", wide, high) + noise(24)
    return b"\x11\x02\x00" + noise(30)


def vp8():
    packets, seq = ["simulcast: three SSRCs, rids h, m, l; temporal layers 0 2 1 2"], [100, 65530, 32767]
    for frame in range(24):
        for layer, rid in enumerate((b"l", b"m", b"h")):
            key = frame in (0, 13) or (frame == 7 and layer == 2)
            tid = (0, 2, 1, 2)[frame % 4]
            for part in range(2 if key else 1):
                payload = vp8_descriptor(int(part == 0), 32760 + frame, 250 + frame // 4, tid, int(tid == 2), frame % 32)
                payload += vp8_frame(key, 320 << layer, 180 << layer) if part == 0 else noise(40)
                packets.append(rtp(96, seq[layer], 90000 + frame * 3000, 0x1000 + layer, payload, int(not key or part), usual(seq[layer], rid=rid)))
                seq[layer] += 1
    packets.append("other descriptors: none, 7-bit picture id, only parts")
    for extended in (b"\x10", b"\x90\x80\x05", b"\x90\x80\x7f", b"\x90\xc0\x7f\x09", b"\x90\xf0\x7f\xff\xe5", b"\x90\x20\x40", b"\x90\x10\x1f", b"\x90\x40\x07",
                     b"\x00", b"\x80\x00", b"\x91\x80\x85\x01", b"\xb0\xf0\x81\x02\x03\x44"):
        for key in (True, False):
            packets.append(rtp(96, 1, 2, 3, extended + vp8_frame(key)))
    return packets


def vp9():
    """RFC 9628 §4.2"""
    packets, seq = ["2 spatial x 3 temporal layers, non-flexible, with a scalability structure on key frames"], 500
    structure = bytes([0x38]) + struct.pack("!HHHH", 320, 180, 640, 360) + b"\x04" + b"\x04\x01" + b"\x58\x02\x01" + b"\x34\x01" + b"\x54\x01"
    for frame in range(20):
        tid = (0, 2, 1, 2)[frame % 4]
        key = frame in (0, 11)
        for spatial in range(2):
            first = 0x80 | 0x20 | 0x08 | 0x04 | (0 if key else 0x40)
            with_structure = key and spatial == 0
            payload = bytes([first | (0x02 if with_structure else 0)]) + struct.pack("!H", 0x8000 | 100 + frame)
            payload += bytes([tid << 5 | (0x10 if tid else 0) | spatial << 1 | (1 if spatial else 0), frame & 0xFF])
            payload += (structure if with_structure else b"") + noise(30)
            packets.append(rtp(101, seq, 3000 * frame, 0x2000, payload, spatial, usual(seq)))
            seq += 1
    packets.append("flexible mode with reference indices")
    for frame in range(12):
        tid = frame % 3
        refs = (b"", b"\x02", b"\x03\x04", b"\x03\x05\x06")[frame % 4]
        payload = bytes([0x80 | 0x20 | 0x10 | 0x08 | 0x04 | (0x40 if refs else 0)]) + bytes([frame]) + bytes([tid << 5 | (frame % 2) << 4 | (frame % 3) << 1])
        packets.append(rtp(101, seq + frame, 3000 * frame, 0x2001, payload + refs + noise(20)))
    packets.append("no layer indices, no picture id, structure without resolutions, structure alone")
    for head in (b"\x08", b"\x88\x05", b"\x8a\x05\x18\x04", b"\x0a\x10\x01\x40\x00\xf0", b"\x02\x18\x01\x04", b"\x2a\x00\x00\x10\x00\x00\x00\x00", b"\xaa\x81\x02\x00\x00\x70" + b"\x01\x02" * 12):
        packets.append(rtp(101, 1, 2, 3, head + noise(24)))
    return packets


def dependency(template, frame, start=1, end=1, structure=False):
    """AV1 RTP specification, appendix A"""
    head = struct.pack("!BH", start << 7 | end << 6 | template & 0x3F, frame & 0xFFFF)
    if not structure:
        return head
    # Flags 10000, offset 0, two decode targets; L1T3: idc 1, 1, 3.
    bits = "10000" + "000000" + "00001" + "01" + "01" + "11" + "1010" * 3 + "000"
    bits += "0" * (-len(bits) % 8)
    return head + int(bits, 2).to_bytes(len(bits) // 8, "big")


def av1():
    packets, seq = ["L1T3 with the dependency descriptor; the first packet starts a sequence (N)"], 900
    for frame in range(24):
        key = frame in (0, 12)
        described = dependency((0, 2, 1, 2)[frame % 4], frame, structure=key)
        extensions = two_byte((2, noise(3)), (3, struct.pack("!H", seq)), (4, b"v1"), (8, described))
        payload = bytes([0x18 if key else 0x10]) + noise(40)
        packets.append(rtp(98, seq, 3000 * frame, 0x3000, payload, 1, extensions))
        seq += 1
    packets.append("aggregation headers: Z, Y, W, N")
    for head in range(0, 256, 8):
        packets.append(rtp(98, head, 1, 2, bytes([head]) + noise(6)))
    return packets


def h264():
    """RFC 6184"""
    sps, pps = b"\x67\x42\xe0\x1f" + noise(8), b"\x68\xce\x3c\x80"
    packets = ["STAP-A with SPS and PPS, FU-A of an IDR slice, single slices, SPS alone"]
    packets.append(rtp(107, 1, 0, 0x4000, b"\x78" + struct.pack("!H", len(sps)) + sps + struct.pack("!H", len(pps)) + pps, 0, usual(1)))
    for seq, head in enumerate((b"\x7c\x85", b"\x7c\x05", b"\x7c\x45", b"\x7c\x87", b"\x7c\x07", b"\x7c\x81", b"\x7c\x41", b"\x7d\x87\x00\x01"), 2):
        packets.append(rtp(107, seq, 0, 0x4000, head + noise(30), 0, usual(seq)))
    for kind in range(1, 24):
        packets.append(rtp(107, 20 + kind, 3000, 0x4000, bytes([0x60 | kind]) + noise(20), 1, usual(20 + kind)))
    packets.append("STAP-A: slices first, SPS last; wrong sizes; empty")
    for units in ((b"\x61" + noise(9), sps), (pps, b"\x65" + noise(5)), (b"\x61" + noise(3), b"\x41" + noise(3))):
        packets.append(rtp(107, 60, 1, 0x4000, b"\x78" + b"".join(struct.pack("!H", len(u)) + u for u in units)))
    packets.append(rtp(107, 61, 1, 0x4000, b"\x78\xff\xff\x67" + noise(5)))
    packets.append(rtp(107, 62, 1, 0x4000, b"\x78\x00\x00\x00\x01\x67\x00"))
    return packets


def h265():
    """RFC 7798"""
    packets = ["every NAL unit type, with and without start bits of fragments"]
    for kind in range(64):
        packets.append(rtp(100, kind, 0, 0x5000, bytes([kind << 1, 1, 0x80 | kind]) + noise(12), 1, usual(kind)))
    return packets


def opus():
    packets = ["audio level, voice activity; two-byte form; CSRCs; padding before and between elements"]
    for seq in range(16):
        packets.append(rtp(111, seq, 960 * seq, 0x6000, noise(20 + seq), int(seq == 0), usual(seq, b"a", extra=((1, bytes([0x80 * (seq & 1) | seq * 8])),))))
    packets.append(rtp(111, 20, 1, 2, noise(10), 0, two_byte((1, b"\x85"), (2, noise(3)), (3, b"\x12\x34"), (4, b"audio"), (10, b"high"), (12, b"\x00\xa0\x14"), (13, b"\x0f"), pad=3)))
    packets.append(rtp(111, 21, 1, 2, noise(10), 0, one_byte((1, b"\x05"), (12, b"\x00\xa0\x14"), (13, b"\x09"), (10, b"sixteen-letters!"), pad=2), csrcs=(1, 2, 3)))
    packets.append(rtp(111, 22, 1, 2, noise(10), 0, one_byte((12, b"\x00\xa0\x14\x00"), (8, noise(16)), (7, noise(8)))))
    packets.append(rtp(111, 23, 1, 2, noise(10), 0, one_byte((14, b"\x01"), (15, b"\x01"), (1, b"\x7f"))))
    packets.append(rtp(111, 24, 1, 2, noise(10), 0, block(0x1234, noise(8))))
    packets.append(rtp(111, 25, 1, 2, noise(10), 0, block(0x1001, b"\x01\x01\x85\x00")))
    packets.append(rtp(111, 26, 1, 2, noise(10), 0, two_byte((1, b""), (4, b""), (10, b"x" * 40), (8, noise(200)))))
    packets.append(rtp(111, 27, 1, 2, b"", 0, one_byte((1, b"\x85"))))
    packets.append(rtp(111, 28, 1, 2, b"\x01", 0, one_byte((1, b"\x85"))))
    packets.append(rtp(111, 29, 1, 2, b"", 0, csrcs=range(15)))
    packets.append(rtp(111, 30, 1, 2, b"x", 0, csrcs=range(15)))
    packets.append(rtp(111, 31, 1, 2, noise(4), 0, version=1))
    packets.append(rtp(111, 32, 1, 2, noise(4), 0, version=3))
    for pt in (0, 8, 9, 13, 63, 64, 72, 95, 96, 127):
        packets.append(rtp(pt, 40, 160, 0x6001, noise(20)))
    return packets


def red():
    """RFC 2198"""
    packets = ["none to three redundant blocks, empty ones, lengths that do not fit"]
    for count in range(4):
        blocks = [(111, 960 * (count - i), noise(5 + i)) for i in range(count)]
        head = b"".join(struct.pack("!I", (0x80 | pt) << 24 | (offset & 0x3FFF) << 10 | len(data)) for pt, offset, data in blocks)
        packets.append(rtp(120, count, 960 * count, 0x7000, head + b"\x6f" + b"".join(b[2] for b in blocks) + noise(9), 0, usual(count, b"a")))
    for payload in (b"\x6f", b"\xef\x0f\x00\x00\x6f" + noise(4), b"\xef\x0f\x00\x40\x6f" + noise(4), b"\xef\x0f\x00\x04\x6f" + noise(4), b"\xef\x0f", b"\xef\x0f\x00\x01" * 6,
                    b"\xef\xff\xff\xff\x6f" + noise(20)):
        packets.append(rtp(120, 9, 9, 0x7000, payload))
    return packets


def layers():
    """Video layers allocation, abs-capture-time"""
    packets = ["id 1 video layers allocation with rates (1 to 3 streams), id 3 abs-capture-time (8 and 16 bytes)"]
    for head in (b"\x01\x40", b"\x03\x50", b"\x07\x54", b"\x13\x55", b"\x27\xaa\xaa\x80", b"\x10\x13\x90", b"\x20\x17\x10\xff\xff", b"\x00\x00", b"\x00\x10\x00"):
        for capture in (8, 16):
            packets.append(rtp(96, 1, 2, 3, noise(20), 0, two_byte((1, head + noise(8)), (3, noise(capture)))))
    return packets


# ---- RTCP (RFC 3550, 4585, 5104, REMB and transport-wide-cc drafts) ----


def rtcp(pt, count, body):
    return struct.pack("!BBH", 0x80 | count, pt, len(body) // 4) + body


def report(ssrc, fraction=3, lost=0x000102, highest=0x00010203, jitter=90, lsr=0xDEF01234, dlsr=0x00012000):
    return struct.pack("!IIIIII", ssrc, fraction << 24 | lost & 0xFFFFFF, highest, jitter, lsr, dlsr)


def sr(*reports, ssrc=0x11111111):
    return rtcp(200, len(reports), struct.pack("!IIIIII", ssrc, 0xE5B01234, 0x80000000, 90000, 100, 12345) + b"".join(reports))


def rr(*reports, ssrc=0x11111111):
    return rtcp(201, len(reports), struct.pack("!I", ssrc) + b"".join(reports))


def sdes(ssrc=0x11111111, name=b"user@host"):
    chunk = struct.pack("!IBB", ssrc, 1, len(name)) + name + b"\0"
    return rtcp(202, 1, chunk + b"\0" * (-len(chunk) % 4))


def feedback(pt, fmt, fci=b"", sender=0x11111111, media=0x22222222):
    return rtcp(pt, fmt, struct.pack("!II", sender, media) + fci)


def nack(*pairs):
    return feedback(205, 1, b"".join(struct.pack("!HH", *p) for p in pairs))


def remb(bitrate, *ssrcs):
    exponent = max(0, bitrate.bit_length() - 18)
    word = len(ssrcs) << 24 | exponent << 18 | bitrate >> exponent
    return feedback(206, 15, b"REMB" + struct.pack("!I", word) + b"".join(struct.pack("!I", s) for s in ssrcs), media=0)


def reports():
    return ["sender and receiver reports", sr(), sr(report(0x22222222)), sr(report(1), report(2)), sr(*(report(i) for i in range(3))), rr(), rr(report(0x22222222)),
            rr(report(1), report(2)), rr(report(2), report(1)), rr(report(3, lost=0xFFFFFE)), rr(report(3, lsr=0)), sr(report(9)) + sdes(), rr(report(9)) + sdes() + rtcp(203, 1, struct.pack("!I", 7)),
            rtcp(207, 0, struct.pack("!I", 5) + struct.pack("!BBHII", 4, 0, 2, 1, 2))]


def feedbacks():
    twcc = struct.pack("!HH", 100, 4) + b"\x00\x01\x02\x03" + b"\x20\x04" + b"\x04\x04\x04\x04" + b"\0\0"
    return ["NACK, TMMBR, TWCC, PLI, SLI, RPSI, FIR, REMB", nack((100, 0)), nack((100, 0x8011), (65535, 0xFFFF)), nack(), feedback(205, 3, struct.pack("!II", 0x22222222, 0x12345678)),
            feedback(205, 4, struct.pack("!II", 0x22222222, 0x12345678)), feedback(205, 15, twcc), feedback(206, 1), feedback(206, 2, b"\0\1\2\3"), feedback(206, 3, b"\0\1\2\3"),
            feedback(206, 4, struct.pack("!II", 0x22222222, 0x05000000)), feedback(206, 4), rtcp(192, 0, struct.pack("!I", 0x22222222)), remb(1000000, 0x22222222), remb(0, 1), remb(300000, 1, 2, 3),
            remb(0x3FFFF << 14, 1), remb(5), feedback(206, 15, b"RAMB" + noise(8)), feedback(206, 15, b""), rtcp(204, 1, struct.pack("!I", 9) + b"TEST" + noise(8)),
            rtcp(203, 0, b""), rtcp(203, 2, struct.pack("!II", 1, 2)), rtcp(208, 0, b"\0\0\0\1"), rtcp(195, 0, b"\0\0\0\1"), rtcp(193, 0, b"\0\0\0\1")]


def compounds():
    pli = feedback(206, 1)
    return ["what browsers and SIP devices send together", sr(report(0x22222222)) + sdes(), rr(report(0x22222222)) + pli, rr(report(0x22222222)) + nack((7, 3)) + remb(2500000, 0x22222222),
            sr() + nack((1, 1)) + nack((30, 5)) + pli + feedback(206, 4, struct.pack("!II", 2, 0x01000000)), nack((9, 0)) + sr(), pli + pli + remb(64000, 1), rr() + remb(1 << 31, 1, 2) + rtcp(203, 1, noise(4)),
            sr(report(1), report(2), report(3)) + sdes() + feedback(205, 15, struct.pack("!HH", 1, 1) + b"\0\0\1\0" + b"\x20\x01\x04\0") + pli, rtcp(199, 0, b"\0\0\0\1") + pli,
            sr(report(1)) + rtcp(204, 0, struct.pack("!I", 4) + b"ABCD") + rtcp(207, 0, struct.pack("!I", 5)) + nack((5, 5)), bytes([0x41]) + pli[1:], sdes(name=b"") + pli,
            rtcp(201, 31, struct.pack("!I", 1)) + pli, pli + b"\x80\xce", pli + b"\0\0\0\0", rtcp(201, 0, b"")]


for kind, title in ((vp8, "VP8, simulcast"), (vp9, "VP9, SVC"), (av1, "AV1"), (h264, "H.264"), (h265, "H.265"), (opus, "Opus and header extensions"), (red, "RED")):
    write("rtp", {"vp9": "vp9-svc"}.get(kind.__name__, kind.__name__), title, kind())
for kind in (reports, feedbacks, compounds):
    title, *packets = kind()
    write("rtcp", kind.__name__, title, packets)
write("rtp", "layers", "Header extensions of 1.4", layers())
