"""Offers as real clients make them (tests/corpus/sdp/offers), each answered by a plugin that takes all of it; the answers are
read strictly."""

import unittest

from aiortc.sdp import SessionDescription

from descriptions import Description, Wrong, check_answer
from harness import ROOT, Server
from sample import NAME, Sample
from signalling import Connection

OFFERS = ROOT / "tests/corpus/sdp/offers"
# Lines that no strict reader takes; the m-lines are looked at all the same.
LENIENT = {"hand-no-session-name", "hand-blank-in-the-name", "hand-empty-values", "hand-line-feeds"}
# m-lines of kinds that no peer connection has are rejected.
WANTED = {"audio", "video", "application"}


def mended(name, text):
    """The offer as it was meant."""
    if name not in LENIENT:
        return text
    text = text.replace("\r\n", "\n").replace("\n", "\r\n").replace("o=John Doe", "o=John_Doe")
    text = text.replace("a=x-nothing:\r\n", "")
    return text if "\r\ns=" in text else text.replace("\r\nt=", "\r\ns=-\r\nt=", 1)


class Corpus(unittest.IsolatedAsyncioTestCase):
    @classmethod
    def setUpClass(cls):
        cls.sample = Sample()
        cls.server = Server(general=cls.sample.general)

    @classmethod
    def tearDownClass(cls):
        cls.server.stop()
        cls.sample.remove()

    async def test_each_is_answered(self):
        connection = await Connection.open(self.server.ws)
        self.addAsyncCleanup(connection.close)
        session = await connection.create()
        files = sorted(OFFERS.glob("*.sdp"))
        makers = {file.name.split("-")[0] for file in files}
        self.assertGreaterEqual(makers, {"chromium", "firefox", "aiortc", "gstreamer", "libdatachannel", "str0m", "webrtc", "hand"})
        for file in files:
            with self.subTest(file.stem):
                text = file.read_bytes().decode()
                handle = await session.attach(NAME)
                event = await handle.message({}, {"type": "offer", "sdp": text})
                await handle.request({"janus": "detach"})
                answer = event["jsep"]["sdp"]
                try:
                    offer = Description(mended(file.stem, text))
                    read = Description(answer)
                    check_answer(offer, read)
                except Wrong as wrong:
                    self.fail(f"{wrong}\n{answer}")
                for offered, media in zip(offer.media, read.media):
                    wanted = offered.kind in WANTED and not offered.is_rejected
                    self.assertEqual(media.port > 0, wanted, f"m={media.kind} {media.mid}\n{answer}")
                # aiortc knows no other kinds.
                if {media.kind for media in read.media} <= WANTED:
                    self.assertEqual(len(SessionDescription.parse(answer).media), len(read.media))


if __name__ == "__main__":
    unittest.main()
