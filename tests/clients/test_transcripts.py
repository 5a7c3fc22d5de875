"""The same script of API requests against janus-rs and the distribution's janus, with the same modules.

Both transcripts have to be equal, line by line, where ids, keys and times are masked. What may differ stands in
ALLOWED, with its reason.
"""

import asyncio
import difflib
import os
import pathlib
import re
import unittest

import websockets

from harness import UNDER_TEST, Server
from scripts import admin, auth, jsep, offers_of_plugins, requests, rooms, timing
from transcript import Player

# Expressions for steps and for lines ("- " of the reference, "+ " of ours), and the entry of docs/differences/api.md.
ALLOWED = [
    (r".*info( in capitals)?", r'\+ "implementation(_version)?": .*', "implementation"),
    (r".*info( in capitals)?", r'\+ "(ice-consent-freshness|hangup-on-failed)": "bool"', "version"),
    (r".*info( in capitals)?", r'- "(libnice|libsrtp|libcurl)": "str"', "dependencies"),
    (r"no JSON, twice", r'[-+] "reason": "Invalid Janus API request - .*', "built-in transports"),
    (r"get_status .*", r'\+ "log_rotate_sig": 0', "version"),
    (r"handle_info( with .*)?", r'- "alert": false|\+ "alert": true', "version"),
    # hangup_media of the plugin, which makes echotest say "done"
    (r"hangup.*, events", r'- (?!.*"hangup").*', "version"),
    (r".*", r'\+ "a=max-message-size:65535"', "max-message-size, secure.md"),
    (r"no mids.*|event of unknown line", r'[-+] "(a=group:BUNDLE|a=msid:janus janus).*"', "mids"),
    (r"mid too long|(mid|setup) without value", r'- "reason": ""|\+ "reason": ".*(mid|setup).*"', "reasons"),
    (r"flags before the answer|handle_info", r'- "ssrc-rtx": "int"', "audio RTX"),
    (r"video back|inactive|restart|end to end.*|still so|capitals|foreign.*|answer after.*",
     r'\+ "a=ssrc:<ssrc [23]> cname:janus"', "SSRCs"),
]


def allowed(step, line):
    sign, text = line[0], line[2:].strip()
    return any(re.fullmatch(s, step) and re.fullmatch(expression, f"{sign} {text}") for s, expression, _ in ALLOWED)


def differences(reference, ours):
    """Lines that differ, as (step, "- line" or "+ line")."""
    grouped = {}
    for index, transcript in enumerate((reference, ours)):
        for step, lines in transcript:
            grouped.setdefault(step, ([], []))[index].extend(lines)
    for step, (expected, got) in grouped.items():
        for line in difflib.ndiff(expected, got):
            if line[0] in "+-" and not allowed(step, line):
                yield step, line


class Transcripts(unittest.IsolatedAsyncioTestCase):
    maxDiff = None

    async def one(self, script, which, how, **configuration):
        """What one server says to the script."""
        server = await asyncio.to_thread(Server, which, **configuration)
        try:
            async with Player(server) as player:
                try:
                    await script(player)
                except websockets.ConnectionClosed as error:
                    raise AssertionError(f"{which} closed a connection\n{server.output()}") from error
            if folder := os.environ.get("TRANSCRIPTS"):  # to read them
                text = "".join(f"[{step}] {line}\n" for step, lines in player.steps for line in lines)
                pathlib.Path(folder, f"{script.__module__}.{script.__name__}.{how}").write_text(text)
            self.assertTrue(server.alive(), f"{which} ended\n{server.output()}")
            return player.steps
        finally:
            await asyncio.to_thread(server.stop, check=False)

    async def play(self, script, *, without_modules=False, together=True, **configuration):
        """`without_modules`: once more with the built-in transports. All servers play at the same time, unless they would take
        the same ports of each other."""
        parts = [self.one(script, "janus", "reference", **configuration), self.one(script, UNDER_TEST, "modules", **configuration)]
        if without_modules and UNDER_TEST != "janus":
            parts.append(self.one(script, UNDER_TEST, "built in", builtin=True, **configuration))
        transcripts = await asyncio.gather(*parts) if together else [await part for part in parts]
        for ours, how in zip(transcripts[1:], ("with modules", "built in")):
            found = [f"[{step}] {line}" for step, line in differences(transcripts[0], ours)]
            self.assertFalse(found, f"{how}\n" + "\n".join(found))
        self.assertGreater(len(transcripts[0]), 3)

    async def test_root(self):
        await self.play(requests.root, without_modules=True)

    async def test_sessions(self):
        await self.play(requests.sessions, without_modules=True)

    async def test_handles(self):
        await self.play(requests.handles, without_modules=True)

    async def test_owners(self):
        await self.play(requests.owners, without_modules=True)

    async def test_http(self):
        await self.play(requests.http, without_modules=True)

    async def test_sudden_end(self):
        await self.play(requests.sudden_end, without_modules=True)

    async def test_messages(self):
        await self.play(jsep.messages)

    async def test_refused_descriptions(self):
        await self.play(jsep.refused)

    async def test_tolerated_descriptions(self):
        """They are answered by us alone."""
        server = Server(UNDER_TEST)
        try:
            async with Player(server) as player:
                await jsep.tolerated(player)
            answers = [lines for _, lines in player.steps if any('"type": "answer"' in line for line in lines)]
            self.assertEqual(len(answers), len(jsep.TOLERATED), player.steps)
        finally:
            server.stop(check=False)

    async def test_repair(self):
        await self.play(jsep.repair)

    async def test_answers(self):
        await self.play(jsep.answers)

    async def test_updates(self):
        await self.play(jsep.updates)

    async def test_trickles(self):
        await self.play(jsep.trickles)

    async def test_admin_root(self):
        await self.play(admin.root, without_modules=True)

    async def test_admin_settings(self):
        await self.play(admin.settings)

    async def test_admin_acceptance(self):
        await self.play(admin.acceptance)

    async def test_admin_modules(self):
        await self.play(admin.modules, without_modules=True)

    async def test_admin_objects(self):
        await self.play(admin.objects)

    async def test_admin_captures(self):
        await self.play(admin.captures, general='protected_folders = [ "/etc" ];')

    async def test_admin_tokens_without_tokens(self):
        await self.play(admin.token_requests_without_tokens)

    async def test_secret(self):
        await self.play(auth.secret, without_modules=True, general='api_secret = "s3cret";')

    async def test_tokens(self):
        await self.play(auth.tokens, without_modules=True, general='api_secret = "s3cret"; token_auth = true;')

    async def test_signed_tokens(self):
        await self.play(auth.signed_tokens, general='token_auth = true; token_auth_secret = "k3y";')

    async def test_timeouts(self):
        await self.play(timing.timeouts, without_modules=True, general="session_timeout = 1;")

    async def test_activity(self):
        await self.play(timing.activity, general="session_timeout = 4;")

    async def test_reclaim(self):
        await self.play(timing.reclaim, without_modules=True, general="session_timeout = 0; reclaim_session_timeout = 3;")

    async def test_offers_of_streaming(self):
        await self.play(offers_of_plugins.streaming, together=False)

    async def test_requests_of_rooms(self):
        await self.play(rooms.requests)

    async def test_rooms(self):
        await self.play(rooms.live)

    async def test_ends_of_rooms(self):
        await self.play(rooms.ends)

    async def test_settings_of_the_api(self):
        await self.play(offers_of_plugins.echo, general="opaqueid_in_api = true; hide_dependencies = true;")

    async def test_event_loops(self):
        await self.play(offers_of_plugins.echo, general="event_loops = 2; allow_loop_indication = true;")

    async def test_full_trickle(self):
        await self.play(offers_of_plugins.echo, nat="full_trickle = true;")

    async def test_ice_lite(self):
        await self.play(offers_of_plugins.echo, nat="ice_lite = true;")

    async def test_mapped_address(self):
        await self.play(offers_of_plugins.echo, nat='nat_1_1_mapping = "203.0.113.7"; keep_private_host = true;')


if __name__ == "__main__":
    unittest.main()
