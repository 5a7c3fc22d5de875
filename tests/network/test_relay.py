"""Calls through a TURN relay, in a network namespace (see ./run) where the server reaches nothing else. The client is aiortc.
JANUS_UNDER_TEST=janus runs the same against the reference."""

import http.server
import json
import os
import pathlib
import re
import sys
import threading
import unittest
import urllib.parse

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "clients"))

from call import EchoCall, until  # noqa: E402
from relay import (  # noqa: E402
    CLIENT, PASSWORD, PORT, RELAY, RELAY_SIX, SERVER, SERVER_SIX, TLS_PORT, USER, Relay, connect, isolate, options)
from signalling import Connection  # noqa: E402
from test_addresses import OURS, Addresses, add, setUpModule  # noqa: E402, F401


def candidates(sdp, kind):
    return [line.split() for line in re.findall(r"a=candidate:[^\r\n]+", sdp) if f"typ {kind}" in line]


class Relayed(Addresses):
    present = [SERVER, RELAY, CLIENT]

    def setUp(self):
        super().setUp()
        isolate()
        self.addCleanup(connect)

    def begin(self, relay, *arguments, media="", **options_of_relay):
        self.relay = relay
        self.addCleanup(relay.close)
        nat = options(*arguments, **options_of_relay)
        if "ipv6" in media:
            # The way to the relay leaves from an address that is listed, as everything does.
            nat = nat.replace(f'"{SERVER}"', f'"{SERVER},{SERVER_SIX}"') + "allow_force_relay = true;"
        self.start(nat=nat, general="event_loops = 1;", media=media)

    async def goes_through_the_relay(self):
        call = await self.call()
        self.assertEqual([line[4] for line in candidates(call.answer, "relay")], [RELAY])
        pair = self.selected_pair()
        self.assertTrue(pair.startswith(f"{RELAY}:"), pair)
        self.assertIn("[relay,udp] <-> ", pair)
        return call

    async def test_a_call(self):
        self.begin(Relay())
        call = await self.goes_through_the_relay()
        if OURS:
            self.assertEqual(self.server.admin({"janus": "info"})["turn-server"], f"{RELAY}:{PORT}")
        await call.media_returns(20)

    async def test_video_and_data(self):
        self.begin(Relay())
        connection = await Connection.open(self.server.ws)
        self.addAsyncCleanup(connection.close)
        handle = await (await connection.create()).attach()
        call = EchoCall(handle)
        self.addAsyncCleanup(call.close)
        await call.start()
        await call.media_returns(20)
        await call.data_open()
        self.assertIn("through a relay", await call.echoes("through a relay"))

    async def test_a_call_by_tcp(self):
        self.begin(Relay("--no-udp"), "tcp")
        await self.goes_through_the_relay()

    async def test_a_relay_that_is_reached_by_ipv6(self):
        """Its relayed address is of IPv4 (RFC 8656 §7.2), and so are all that the call goes between."""
        for address in (SERVER_SIX, RELAY_SIX):
            add(address)
        self.begin(Relay(listening=RELAY_SIX), media="ipv6 = true;", server=RELAY_SIX)
        call = await self.call(jsep={"force_relay": True})
        self.assertEqual([line[4] for line in candidates(call.answer, "relay")], [RELAY])
        self.assertTrue(self.selected_pair().startswith(f"{RELAY}:"), self.selected_pair())

    @unittest.skipUnless(OURS, "not tried with the reference")
    async def test_a_relay_that_knows_only_ipv6(self):
        """It refuses an allocation of IPv4."""
        for address in (SERVER_SIX, RELAY_SIX):
            add(address)
        self.begin(Relay(listening=RELAY_SIX, relayed=RELAY_SIX), media="ipv6 = true;", server=RELAY_SIX)
        call = await self.call(jsep={"force_relay": True})
        self.assertEqual([line[4] for line in candidates(call.answer, "relay")], [RELAY_SIX])
        self.assertTrue(self.selected_pair().startswith(f"{RELAY_SIX}:"), self.selected_pair())

    @unittest.skipUnless(OURS, "not tried with the reference")
    async def test_a_call_by_tls(self):
        relay = Relay("--no-udp", "--no-tcp", tls=True)
        os.environ["SSL_CERT_FILE"] = str(relay.certificate)
        self.addCleanup(os.environ.pop, "SSL_CERT_FILE")
        self.begin(relay, "tls", TLS_PORT)
        await self.goes_through_the_relay()

    @unittest.skipUnless(OURS, "not tried with the reference")
    async def test_a_certificate_of_nobody(self):
        self.begin(Relay("--no-udp", "--no-tcp", tls=True), "tls", TLS_PORT)
        await until(lambda: "certificate" in self.server.output(), "line about the certificate")
        self.assertEqual(candidates(await self.answer(), "relay"), [])

    @unittest.skipUnless(OURS, "not tried with the reference")
    async def test_a_relay_that_is_started_again(self):
        self.begin(Relay())
        call = await self.goes_through_the_relay()
        before = self.selected_pair()
        self.relay.kill()
        self.relay.start()
        await until(lambda: self.selected_pair() != before, "another pair")
        await call.media_returns(20)
        self.assertIn("[relay,udp] <-> ", self.selected_pair())

    @unittest.skipUnless(OURS, "not tried with the reference")
    async def test_a_relay_that_comes_later(self):
        relay = Relay()
        relay.kill()
        self.begin(relay)
        self.assertEqual(candidates(await self.answer(), "relay"), [])
        self.relay.start()
        await until(lambda: "is relayed by" in self.server.output(), "relayed address")
        await self.goes_through_the_relay()

    async def test_wrong_password(self):
        self.begin(Relay(), password="wrong")
        self.assertEqual(candidates(await self.answer(), "relay"), [])
        if OURS:
            self.server.says("error 401")

    async def test_credentials_of_a_rest_api(self):
        asked = []

        class Api(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                asked.append((self.command, self.path, self.rfile.read(int(self.headers.get("content-length", 0)))))
                body = json.dumps({"username": USER, "password": PASSWORD, "ttl": 60,
                                   "uris": [f"turn:{RELAY}:{PORT}?transport=udp"]}).encode()
                self.send_response(200)
                self.send_header("content-type", "application/json")
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            do_POST = do_GET

            def log_message(self, *_):
                pass

        api = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Api)
        threading.Thread(target=api.serve_forever, daemon=True).start()
        self.addCleanup(api.server_close)
        self.addCleanup(api.shutdown)
        self.addCleanup(Relay().close)
        url = f"http://127.0.0.1:{api.server_port}/turn"
        self.start(nat=f'turn_rest_api = "{url}"; turn_rest_api_key = "key"; turn_rest_api_method = "GET"; '
                       f'ice_enforce_list = "{SERVER}";', general="event_loops = 1;")
        if OURS:
            await until(lambda: "is relayed by" in self.server.output(), "relayed address")
        await self.goes_through_the_relay()
        method, path, _ = asked[0]
        query = urllib.parse.parse_qs(urllib.parse.urlsplit(path).query)
        self.assertEqual((method, query["service"], query["api"], query["key"]), ("GET", ["turn"], ["key"], ["key"]))
        self.assertEqual(len(query["username"]), 1)


class Forced(Addresses):
    """A relay is there, and other paths as well."""

    present = [SERVER, RELAY, CLIENT]

    async def force(self, allowed):
        relay = Relay()
        self.addCleanup(relay.close)
        self.start(nat=f"{options()} allow_force_relay = {allowed};", general="event_loops = 1;")
        connection = await Connection.open(self.server.ws)
        self.addAsyncCleanup(connection.close)
        self.session = await connection.create()
        self.handle = await self.session.attach()
        call = EchoCall(self.handle, data=False, video=False)
        self.addAsyncCleanup(call.close)
        call.jsep = {"force_relay": True}
        await call.start()
        await call.media_returns(5)
        return call

    async def test_forced(self):
        call = await self.force("true")
        self.assertEqual([line[4] for line in candidates(call.answer, "relay")], [RELAY])
        if OURS:
            self.assertEqual(candidates(call.answer, "host"), [])
            self.assertNotIn(f"{SERVER} ", " ".join(re.findall("a=candidate[^\r]*", call.answer)))
        self.assertIn("[relay,udp] <-> ", self.selected_pair())

    async def test_not_allowed(self):
        call = await self.force("false")
        self.assertEqual([line[4] for line in candidates(call.answer, "host")], [SERVER])
        # The peer nominates each pair that works, and the relay's the last.
        self.assertIn("[host,udp] <-> ", self.selected_pair())


if __name__ == "__main__":
    unittest.main()
