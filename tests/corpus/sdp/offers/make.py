"""Writes the offers of aiortc (with the interpreter of tests/clients) or of GStreamer's webrtcbin (with the system's, which has
`gi`): `make.py aiortc`, `/usr/bin/python3 make.py gstreamer`. What names a machine or a person is replaced."""

import asyncio
import pathlib
import re
import sys

HERE = pathlib.Path(__file__).resolve().parent


def write(name, sdp):
    sdp = re.sub(r"(a=candidate:\S+ \d \S+ \d+) \d+\.\d+\.\d+\.\d+ ", r"\1 192.0.2.10 ", sdp)
    sdp = re.sub(r"(a=candidate:\S+ \d \S+ \d+) [0-9a-f]*:[0-9a-f:.]+ ", r"\1 2001:db8::10 ", sdp)
    sdp = re.sub(r"(c=IN IP[46]|a=rtcp:\d+ IN IP[46]) (?!0\.0\.0\.0)\S+", r"\1 192.0.2.10", sdp)
    sdp = re.sub(r"raddr \S+", "raddr 192.0.2.10", sdp)
    sdp = re.sub(r"user\d+@host-[0-9a-f]+", "user1@host-1", sdp)
    (HERE / f"{name}.sdp").write_bytes(sdp.encode())


async def aiortc():
    from aiortc import RTCPeerConnection

    async def make(name, prepare):
        pc = RTCPeerConnection()
        prepare(pc)
        await pc.setLocalDescription(await pc.createOffer())
        write(f"aiortc-{name}", pc.localDescription.sdp)
        await pc.close()

    def all_of_them(pc):
        for kind in ("audio", "video"):
            pc.addTransceiver(kind)
        pc.createDataChannel("data")

    await make("all", all_of_them)
    await make("data", lambda pc: pc.createDataChannel("data"))
    await make("receiver", lambda pc: [pc.addTransceiver(kind, direction="recvonly") for kind in ("audio", "video")])


def gstreamer():
    import gi
    gi.require_version("Gst", "1.0")
    gi.require_version("GstWebRTC", "1.0")
    gi.require_version("GstSdp", "1.0")
    from gi.repository import GLib, Gst, GstWebRTC  # noqa: F401
    Gst.init(None)
    video = "videotestsrc is-live=true ! vp8enc deadline=1 ! rtpvp8pay pt=96 ! " \
            "application/x-rtp,media=video,encoding-name=VP8,payload=96 ! w."
    audio = "audiotestsrc is-live=true ! opusenc ! rtpopuspay pt=97 ! " \
            "application/x-rtp,media=audio,encoding-name=OPUS,payload=97 ! w."
    for name, parts, bundle in [("all", f"{video} {audio}", "max-bundle"), ("video", video, "none"),
                                ("unbundled", f"{audio} {video}", "none")]:
        pipeline = Gst.parse_launch(f"webrtcbin name=w bundle-policy={bundle} {parts}")
        peer = pipeline.get_by_name("w")
        loop = GLib.MainLoop()
        if name == "all":
            pipeline.set_state(Gst.State.READY)
            peer.emit("create-data-channel", "data", None)

        def gathered(peer, _):
            if peer.get_property("ice-gathering-state").value_nick == "complete":
                loop.quit()

        def offered(promise, peer):
            # Its value is gone with the reply.
            reply = promise.get_reply()
            peer.emit("set-local-description", reply.get_value("offer"), None)
            del reply

        peer.connect("notify::ice-gathering-state", gathered)
        peer.connect("on-negotiation-needed",
                     lambda peer: peer.emit("create-offer", None, Gst.Promise.new_with_change_func(offered, peer)))
        pipeline.set_state(Gst.State.PLAYING)
        GLib.timeout_add_seconds(10, loop.quit)
        loop.run()
        write(f"gstreamer-{name}", peer.get_property("local-description").sdp.as_text())
        pipeline.set_state(Gst.State.NULL)


if __name__ == "__main__":
    asyncio.run(aiortc()) if sys.argv[1] == "aiortc" else gstreamer()
