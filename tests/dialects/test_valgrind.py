"""All sixteen generations in one process that runs under Valgrind, and a call through each, one after the other: as little
media as tells the same, because the server is many times slower. `run --long` has Valgrind's findings in the server's exit
code, which the end of the test looks at."""

import asyncio
import time

import aioice.ice
from aiortc import rtcdtlstransport

import call
import test_dialects
from dialects import Dialect
from peer import Peer, until

# ring's assembly for GCM makes tags that Valgrind takes for uninitialised (tests/sanitizers/valgrind.supp says why), and every
# packet that is sent would be a finding. With the other profile there is none, and what is sent is looked at, too.
rtcdtlstransport.SRTP_PROFILES[:] = [rtcdtlstransport.SRTP_AES128_CM_SHA1_80]
# An answer that comes late is no lost consent (RFC 7675).
aioice.ice.CONSENT_FAILURES = 100
call.FRAMES_PER_SECOND = 2


class Sound(call.AudioStreamTrack):
    """Silence, five packets per second."""

    async def recv(self):
        await asyncio.sleep(0.2)
        return await super().recv()


class Sparse(Dialect):
    """Every function of the plugin, with few packets."""

    async def everything(self):
        began = time.monotonic()
        await self.control_plane()
        peer, data = await self.called()
        self.descriptions(peer, data)
        await peer.receives("audio", 3)
        await peer.receives("video", 3)
        await self.some_data(peer)
        await self.feedback(peer)
        await self.slow_link(peer)
        await self.recording(peer)
        report = await self.ask("report")
        self.equal((report["setups"], report["misplaced"], report["overrun"]), (1, 0, 0), "setups, misplaced, overrun")
        await self.hung_up(peer)
        for form in ("ssrc", "rid"):
            await self.some_layers(form)
        await self.own_offer()
        await self.end()
        print(f"{self.generation}: {time.monotonic() - began:.0f} s", flush=True)

    async def some_data(self, peer):
        for message in ("grüße", bytes(range(256)), b"\x5a" * 5000):
            self.equal(await peer.echoes(message), message, "data")
        seen = len(peer.messages)
        self.equal(await self.ask("say", text="hello"), True, "nothing overwritten")
        await until(lambda: peer.messages[seen:] == ["hello"], "message of the plugin's own")

    async def some_layers(self, form):
        """Whatever of a simulcast the plugin lets through."""
        peer, _ = await self.called(form)
        await peer.layers()
        await until(peer.layers_received, f"layer by {form}")
        report = await self.ask("report")
        self.equal((report["simulcast"]["on"], report["misplaced"], report["overrun"]), (1, 0, 0), "simulcast")
        await self.hung_up(peer)


class Slowly(test_dialects.Together):
    dialect = Sparse

    def setUp(self):
        self.addCleanup(setattr, Peer, "sound", Peer.sound)
        Peer.sound = Sound
