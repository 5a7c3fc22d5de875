"""aiortc, an independent WebRTC stack, calls the echotest plugin over WebSocket."""

import asyncio
import re
import unittest

from aiortc import RTCSessionDescription

from call import EchoCall, Picture, until
from harness import Server
from signalling import Connection


class Calls(unittest.IsolatedAsyncioTestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = Server()

    @classmethod
    def tearDownClass(cls):
        cls.server.stop()

    async def asyncSetUp(self):
        self.connection = await Connection.open(self.server.ws)
        self.session = await self.connection.create()
        self.handle = await self.session.attach()
        self.calls = []

    async def asyncTearDown(self):
        for call in self.calls:
            await call.close()
        await self.session.destroy()
        await self.connection.close()
        self.assertTrue(self.server.alive())

    async def start(self, **options):
        call = EchoCall(self.handle, **options)
        self.calls.append(call)
        return await call.start()

    def flags(self):
        return self.server.handle_info(self.session.id, self.handle.id)["flags"]

    async def test_media_and_data_come_back(self):
        """CP-170, CP-189, CP-190: audio, video, text and bytes, candidates inside the offer."""
        call = await self.start()
        await call.media_returns()
        for kind in ("audio", "video"):
            await self.connection.event(lambda e: e.get("janus") == "media" and e["type"] == kind and e["receiving"])
        await call.data_open()
        # echotest answers text with its own prefix, and bytes as they are
        self.assertIn("grüße", await call.echoes("grüße"))
        self.assertEqual(await call.echoes(bytes(range(256))), bytes(range(256)))
        large = b"\x5a" * 60000
        self.assertEqual(await call.echoes(large), large)

    async def test_channels_that_were_never_announced(self):
        """RFC 8831 §6.4: a negotiated channel delivers and is answered; one that is closed is closed by us, too."""
        call = EchoCall(self.handle, audio=False, video=False, data=False)
        self.calls.append(call)
        announced = call.pc.createDataChannel("announced")
        agreed = call.pc.createDataChannel("known to us alone", negotiated=True, id=21)
        heard = {announced: [], agreed: []}
        for channel, messages in heard.items():
            channel.on("message", messages.append)
        await call.start()
        await until(lambda: all(channel.readyState == "open" for channel in heard), "channels")
        for channel, messages in heard.items():
            for message in (b"bytes", bytes(60_000)):
                channel.send(b"")  # which echotest keeps to itself
                channel.send(message)
                await until(lambda: message in messages, f"{len(message)} bytes on '{channel.label}'")
        announced.close()
        await until(lambda: announced.readyState == "closed", "end of the channel")
        agreed.send(b"still here")
        await until(lambda: b"still here" in heard[agreed], "answer")

    async def test_trickled_candidates(self):
        """CP-187, CP-188: nothing in the offer, candidates in requests of their own."""
        call = await self.start(trickle=True)
        await call.media_returns()
        self.assertTrue(self.flags()["trickle"])
        self.assertTrue(self.flags()["all-trickles"])

    async def test_data_only(self):
        """A PeerConnection with nothing but a data channel."""
        call = await self.start(audio=False, video=False)
        await call.data_open()
        for number in range(20):
            self.assertIn(f"message {number}", await call.echoes(f"message {number}"))

    async def test_toggled_video_stops_and_returns(self):
        """Echotest stops relaying video, and starts again; aiortc holds back frames after such a gap."""
        call = await self.start(data=False)
        await call.media_returns()
        await self.handle.message({"audio": True, "video": False})
        await asyncio.sleep(1)
        before = await call.packets("video")
        await asyncio.sleep(1.5)
        self.assertLessEqual(await call.packets("video") - before, 1)
        await self.handle.message({"audio": True, "video": True})
        for _ in range(100):
            if await call.packets("video") >= before + 10:
                return
            await asyncio.sleep(0.1)
        self.fail("video does not return")

    async def test_hangup_by_client(self):
        """CP-141, CP-142: the hangup request ends the PeerConnection with its reason."""
        call = await self.start()
        await call.media_returns(5)
        reply = await self.handle.request({"janus": "hangup"})
        self.assertEqual(reply["janus"], "success")
        self.assertEqual((await self.handle.event("hangup"))["reason"], "Janus API")
        await until(lambda: call.pc.connectionState in ("closed", "failed"), "end seen by the peer")

    async def test_hangup_by_peer(self):
        """CP-198: the peer closes DTLS."""
        call = await self.start()
        await call.media_returns(5)
        await call.close()
        self.assertEqual((await self.handle.event("hangup"))["reason"], "DTLS alert")

    async def test_hangup_by_admin(self):
        """CP-263."""
        call = await self.start()
        await call.media_returns(5)
        self.server.admin({"janus": "hangup_webrtc"}, f"/{self.session.id}/{self.handle.id}")
        self.assertEqual((await self.handle.event("hangup"))["reason"], "Admin API")

    async def test_detach_during_call(self):
        """CP-139, CP-224."""
        call = await self.start()
        await call.media_returns(5)
        self.assertEqual((await self.handle.request({"janus": "detach"}))["janus"], "success")
        await self.handle.event("detached")
        await until(lambda: call.pc.connectionState in ("closed", "failed"), "end seen by the peer")

    async def test_second_call_on_the_same_handle(self):
        """CP-238."""
        first = await self.start()
        await first.media_returns(5)
        await self.handle.request({"janus": "hangup"})
        await self.handle.event("hangup")
        second = await self.start()
        await second.media_returns()
        await second.data_open()
        self.assertIn("again", await second.echoes("again"))

    async def test_a_client_that_lost_the_answer_begins_anew(self):
        """Before anybody has shown a certificate, the newest description says whose it is."""
        lost = EchoCall(self.handle, video=False, data=False)
        self.calls.append(lost)
        await lost.pc.setLocalDescription(await lost.pc.createOffer())
        await self.handle.message({}, {"type": "offer", "sdp": lost.pc.localDescription.sdp, "trickle": False})
        await lost.close()
        call = await self.start(video=False, data=False)
        await call.media_returns(5)

    async def test_renegotiation_adds_data(self):
        """CP-155: an offer on a running PeerConnection; the media go on."""
        call = await self.start(data=False)
        await call.media_returns(5)
        call.add_data()
        await call.negotiate()
        await call.data_open()
        self.assertIn("late", await call.echoes("late"))
        await call.media_returns()

    async def test_renegotiation_adds_video(self):
        """CP-155: a new m-line on a running PeerConnection."""
        call = await self.start(video=False, data=False)
        await call.media_returns(5)
        call.pc.addTrack(Picture())
        await call.negotiate()
        await call.media_returns()

    async def test_new_ssrcs_in_a_later_offer(self):
        """The streams go on under other SSRCs, which nothing but the description tells: no mid in the packets."""
        call = EchoCall(self.handle, data=False)
        self.calls.append(call)
        call.offered = lambda sdp: re.sub(r"a=extmap:\S+ urn:ietf:params:rtp-hdrext:sdes:mid\r\n", "", sdp)
        await call.start()
        await call.media_returns(5)
        for base in (13107, 17476):
            for number, sender in enumerate(call.pc.getSenders()):
                sender._ssrc, sender._rtx_ssrc = base + number, base + 100 + number
            await call.negotiate()
            self.assertIn(f"a=ssrc:{base} ", call.offered(call.pc.localDescription.sdp))
            await call.media_returns()

    async def test_ice_restart_gives_new_credentials(self):
        """MP-086, MP-091: an offer with new credentials is answered with new ones; a repeated offer with the old ones."""
        call = await self.start(data=False)
        await call.media_returns(5)
        sdp = call.pc.localDescription.sdp
        credentials = lambda text: re.findall(r"a=ice-(?:ufrag|pwd):(\S+)", text)
        again = await self.handle.message({}, {"type": "offer", "sdp": sdp, "trickle": False})
        self.assertEqual(credentials(again["jsep"]["sdp"]), credentials(call.answer))
        await call.media_returns(5)
        changed = re.sub(r"a=ice-ufrag:\S+", "a=ice-ufrag:Fresh", sdp)
        changed = re.sub(r"a=ice-pwd:\S+", "a=ice-pwd:" + "Fresh" * 5, changed)
        restarted = await self.handle.message({}, {"type": "offer", "sdp": changed, "trickle": False})
        self.assertFalse(set(credentials(restarted["jsep"]["sdp"])) & set(credentials(call.answer)))

    async def test_several_calls_at_once(self):
        """Each of them has its own PeerConnection on the shared socket."""
        handles = [self.handle] + [await self.session.attach() for _ in range(3)]
        calls = [EchoCall(handle) for handle in handles]
        self.calls += calls
        await asyncio.gather(*(call.start() for call in calls))
        await asyncio.gather(*(call.media_returns(10) for call in calls))
        for number, call in enumerate(calls):
            await call.data_open()
            self.assertIn(f"to {number}", await call.echoes(f"to {number}"))


class FullTrickle(unittest.IsolatedAsyncioTestCase):
    async def test_candidates_of_the_server(self):
        """CP-195, MP-072, MP-105: the answer has no candidates, they follow as events that end with `completed`."""
        server = Server(nat="full_trickle = true;")
        self.addCleanup(server.stop)
        connection = await Connection.open(server.ws)
        handle = await (await connection.create()).attach()
        call = EchoCall(handle, trickle=True)
        self.addAsyncCleanup(connection.close)
        self.addAsyncCleanup(call.close)
        # aiortc cannot start without candidates: they go into the answer before it sees it.
        texts = []
        event = await self.answer(call, handle, texts)
        self.assertNotIn("a=candidate", event["jsep"]["sdp"])
        self.assertTrue(texts)
        await handle.event("webrtcup")
        await call.media_returns()

    async def answer(self, call, handle, texts):
        await call.pc.setLocalDescription(await call.pc.createOffer())
        event = await handle.message({}, {"type": "offer", "sdp": call.pc.localDescription.sdp})
        await handle.request({"janus": "trickle", "candidate": {"completed": True}})
        while True:
            candidate = (await handle.event("trickle"))["candidate"]
            if candidate.get("completed"):
                break
            texts.append(candidate["candidate"])
        lines = "".join(f"a={text}\r\n" for text in texts) + "a=end-of-candidates\r\n"
        sdp = re.sub(r"(a=ice-pwd:[^\r\n]+\r\n)", lambda m: m[1] + lines, event["jsep"]["sdp"])
        await call.pc.setRemoteDescription(RTCSessionDescription(sdp, "answer"))
        return event


if __name__ == "__main__":
    unittest.main()
