"""The built-in transports: when they are there, who is let in, and what a server without any module serves."""

import asyncio
import contextlib
import hashlib
import json
import os
import pathlib
import re
import socket
import ssl
import stat
import struct
import tempfile
import textwrap
import unittest
import unittest.mock
import urllib.error
import urllib.request

import harness
import websockets
from aiortc import RTCConfiguration, RTCPeerConnection, RTCSessionDescription
from aiortc.mediastreams import MediaStreamError
from call import EchoCall, Picture, counted, until
from harness import Server, free_port
from signalling import Connection

PING = {"janus": "ping", "transaction": "t"}
VIDEOROOM = "janus.plugin.videoroom"


def ask(address, body, method="POST", context=None, **headers):
    """One HTTP request; status, headers and text of the reply."""
    if isinstance(body, dict):
        body = json.dumps(body)
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    asked = urllib.request.Request(address, body.encode() if body is not None else None, names, method=method)
    try:
        with urllib.request.urlopen(asked, timeout=30, context=context) as reply:
            return reply.status, reply.headers, reply.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.headers, error.read().decode()


def trusting():
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


class Builtin(unittest.IsolatedAsyncioTestCase):
    def start(self, **more):
        server = Server("janus-rs", **{"builtin": True, **more})
        self.addCleanup(lambda: server.folder.exists() and server.stop(check=False))
        return server

    async def asked(self, *arguments, **more):
        return await asyncio.to_thread(ask, *arguments, **more)

    async def pongs(self, address, **more):
        status, _, text = await self.asked(address, PING, **more)
        return status == 200 and json.loads(text)["janus"] == "pong"


class Rules(Builtin):
    async def test_beside_modules_only_when_asked_for(self):
        """With modules the web server has no API, unless the configuration says so; then both serve."""
        web, admin = free_port(), free_port()
        lines = f'enabled = true; ip = "127.0.0.1"; port = {web}; admin_port = {admin}'
        address = f"http://127.0.0.1:{web}/janus"
        server = self.start(builtin=False, web=lines)
        server.listens(web)
        # There are pages only, which nobody posts to.
        self.assertIn((await self.asked(address, PING))[0], (404, 405))
        with self.assertRaises(websockets.InvalidHandshake):
            await websockets.connect(f"ws://127.0.0.1:{web}/", subprotocols=["janus-protocol"])
        server.says("does not serve the Admin API")
        server.stop()
        server = self.start(builtin=False, web=lines, transports="builtin = true;")
        server.listens(web)
        server.listens(admin)
        self.assertTrue(await self.pongs(address))
        self.assertTrue(await self.pongs(server.http))
        owners = []
        for url in (f"ws://127.0.0.1:{web}/", server.ws):
            connection = await Connection.open(url)
            session = await connection.create()
            handle = await session.attach()
            owners.append(server.handle_info(session.id, handle.id)["session_transport"])
            await connection.close()
        self.assertEqual(owners, ["janus.rs.websockets", "janus.transport.websockets"])
        _, _, info = await self.asked(f"http://127.0.0.1:{admin}/admin/info", None, method="GET")
        self.assertLessEqual({"janus.rs.http", "janus.transport.http"}, json.loads(info)["transports"].keys())

    async def test_a_module_was_there_first(self):
        """A port that a transport module listens on is the module's; the log says so."""
        port = free_port()
        files = {"janus.transport.websockets.jcfg": f'general: {{ ws = true; ws_port = {port}; ws_ip = "127.0.0.1" }}\n'}
        with unittest.mock.patch.object(Server, "_answers", lambda server: f"listens on port {port}" in server.output()):
            server = self.start(
                builtin=False, files=files, transports="builtin = true;", web=f'ip = "127.0.0.1"; port = {port}')
        server.says(f"A transport module listens on port {port}")
        connection = await Connection.open(f"ws://127.0.0.1:{port}/")
        await connection.create()
        await connection.close()

    async def test_origins(self):
        """Pages of others are refused, programs are not."""
        server = self.start(web='origins = "https://example.org";')
        for origin, status in (("https://example.org", 200), ("https://example.com", 403)):
            got, headers, _ = await self.asked(server.http, PING, Origin=origin)
            self.assertEqual(got, status)
            self.assertEqual(headers.get("Access-Control-Allow-Origin"), origin if status == 200 else None)
        self.assertTrue(await self.pongs(server.http))
        with self.assertRaises(websockets.InvalidHandshake):
            await websockets.connect(server.ws, subprotocols=["janus-protocol"], origin="https://example.com")
        await websockets.connect(server.ws, subprotocols=["janus-protocol"], origin="https://example.org")


    async def test_proxies(self):
        """Who a client is, a proxy says that the operator names; anybody else may write what it likes."""
        server = self.start(web='proxies = "127.0.0.2, 10.0.0.0/8"; proxy_protocol = true; tls_cert = "web.pem";')
        server.admin({"janus": "set_log_level", "level": 5})

        def create(source, proxy=b"", forwarded=b""):
            body = b'{"janus":"create","transaction":"t"}'
            head = b"POST /janus HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: %d\r\n%s\r\n" % (len(body), forwarded)
            with socket.create_connection(("127.0.0.1", server.http_port), 30, (source, 0)) as connection:
                connection.sendall(proxy + head + body)
                try:
                    reply = b"".join(iter(lambda: connection.recv(4096), b""))
                except ConnectionResetError:
                    reply = b""
            status, _, text = reply.partition(b"\r\n\r\n")
            if b" 200 " not in status:
                return status.split(b" ")[1].decode() if status else "closed"
            session = json.loads(text)["data"]["id"]
            return address_of(session)

        def address_of(session):
            return harness.until(lambda: re.search(rf"Session {session} is of a client at (\S+)", server.output()), "line")[1]

        def line(address):
            return b"PROXY TCP4 %s 127.0.0.1 1024 8188\r\n" % address

        second = b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c" + bytes([10, 0, 0, 9, 127, 0, 0, 1, 4, 0, 31, 252])
        forwarded = b"X-Forwarded-For: 198.51.100.1, 203.0.113.9, 10.0.0.1\r\n"
        for source, proxy, more, says in (
                ("127.0.0.2", line(b"127.0.0.2"), b"", "127.0.0.2"),
                # A proxy behind a proxy.
                ("127.0.0.2", second, b"", "10.0.0.9"),
                ("127.0.0.2", second, forwarded, "203.0.113.9"),
                # In the clear, and not from this host: with TLS, please.
                ("127.0.0.2", line(b"203.0.113.7"), b"", "308"),
                ("127.0.0.2", b"", b"", "closed"),
                ("127.0.0.1", b"", forwarded, "127.0.0.1"),
                ("127.0.0.1", line(b"203.0.113.7"), b"", "400")):
            with self.subTest(source=source, proxy=proxy, forwarded=more):
                self.assertEqual(await asyncio.to_thread(create, source, proxy, more), says)
        # TLS and a WebSocket behind the header.
        through = await asyncio.to_thread(socket.create_connection, ("127.0.0.1", server.http_port), 30, ("127.0.0.2", 0))
        through.sendall(line(b"203.0.113.7"))
        through.setblocking(False)
        connection = Connection(await websockets.connect(
            f"wss://localhost:{server.http_port}/", subprotocols=["janus-protocol"], sock=through, ssl=trusting(), server_hostname="localhost"))
        session = await connection.create()
        self.assertEqual(await asyncio.to_thread(address_of, session.id), "203.0.113.7")
        await connection.close()


class Strangers(Builtin):
    async def test_who_only_holds_connections_open_makes_room(self):
        """More connections than there may be, all idle or with half a request: who has a session or asks is served."""
        server = self.start(web="connections = 100;")
        mine = await Connection.open(server.ws)
        session = await mine.create()
        polling = asyncio.create_task(self.asked(f"{server.http}/{session.id}?maxev=1", None, method="GET"))
        held = []
        try:
            for number in range(400):
                half = socket.create_connection(("127.0.0.1", server.http_port), 10)
                half.sendall([b"", b"GET /janus HTTP/1.1\r\nHost: ", b"POST /janus HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n{"][number % 3])
                held.append(half)
            idle = [await websockets.connect(server.ws, subprotocols=["janus-protocol"]) for _ in range(5)]
            self.assertTrue(await self.pongs(server.http))
            self.assertEqual((await session.request({"janus": "keepalive"}))["janus"], "ack")
            handle = await session.attach()
            self.assertEqual((await handle.request({"janus": "detach"}))["janus"], "success")
            for connection in idle:
                await connection.close()
        finally:
            for half in held:
                half.close()
        polling.cancel()
        await mine.close()

    async def test_large_messages(self):
        """Without a session nobody has to say anything large; with one, there is a limit too."""
        server = self.start()
        ping = json.dumps({**PING, "more": "x" * 300_000})
        socket = await websockets.connect(server.ws, subprotocols=["janus-protocol"])
        with self.assertRaises(websockets.ConnectionClosed):
            await socket.send(ping)
            await socket.recv()
        socket = await websockets.connect(server.ws, subprotocols=["janus-protocol"])
        await socket.send(json.dumps({"janus": "create", "transaction": "t"}))
        self.assertEqual(json.loads(await socket.recv())["janus"], "success")
        await socket.send(ping)
        self.assertEqual(json.loads(await socket.recv())["janus"], "pong")
        with self.assertRaises(websockets.ConnectionClosed):
            await socket.send(json.dumps({**PING, "more": "x" * (17 << 20)}))
            await socket.recv()
        self.assertTrue(await self.pongs(server.http))
        self.assertEqual((await self.asked(server.http, "x" * (17 << 20)))[0], 413)

    async def test_compression(self):
        """Whoever offers it may compress, and gets what is long compressed; a short message may not mean a long one."""
        server = self.start()
        plain = await websockets.connect(server.ws, subprotocols=["janus-protocol"], compression=None)
        self.assertNotIn("Sec-WebSocket-Extensions", plain.response.headers)
        packed = await websockets.connect(server.ws, subprotocols=["janus-protocol"])
        self.assertIn("permessage-deflate", packed.response.headers["Sec-WebSocket-Extensions"])
        replies, read = [], []
        for connection in (plain, packed):
            before = self.received(connection)
            await connection.send(json.dumps({"janus": "info", "transaction": "t"}))
            replies.append(json.loads(await connection.recv()))
            read.append(self.received(connection) - before)
        self.assertEqual(replies[0]["name"], replies[1]["name"])
        self.assertEqual(set(replies[0]), set(replies[1]))
        self.assertLess(read[1], read[0] // 2, read)
        # 260 bytes that mean 250,000: from a stranger, too many.
        await packed.send(json.dumps({**PING, "more": "x" * 250_000}))
        with self.assertRaises(websockets.ConnectionClosed) as closed:
            await packed.recv()
        self.assertEqual(closed.exception.rcvd.code, 1009)
        await plain.send(json.dumps({**PING, "more": "x" * 250_000}))
        self.assertEqual(json.loads(await plain.recv())["janus"], "pong")

    @staticmethod
    def received(connection):
        """Bytes that the kernel has received for it (tcpi_bytes_received)."""
        info = connection.transport.get_extra_info("socket").getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 256)
        return struct.unpack_from("=Q", info, 128)[0]

    async def test_who_does_not_read(self):
        """What is for a client that reads nothing is bounded: it is let go, and its session ends."""
        server = self.start()
        reader, writer = await asyncio.open_connection("127.0.0.1", server.ws_port, limit=1 << 10)
        writer.write(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
                     b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: janus-protocol\r\n\r\n")
        await reader.readuntil(b"\r\n\r\n")

        def frame(text):
            head = bytes([0x81, 0x80 | 127]) + len(text).to_bytes(8, "big") if len(text) > 125 else bytes([0x81, 0x80 | len(text)])
            return head + bytes(4) + text
        writer.write(frame(b'{"janus":"create","transaction":"a","id":77}'))
        until_there = asyncio.to_thread(harness.until, lambda: 77 in server.sessions(), "session")
        await until_there
        writer.transport.pause_reading()
        # Every reply carries the transaction back.
        large = frame(json.dumps({"janus": "ping", "transaction": "x" * 1_000_000}).encode())
        with self.assertRaises((ConnectionError, AssertionError)):
            for _ in range(60):
                writer.write(large)
                await writer.drain()
            raise AssertionError("all taken")
        await asyncio.to_thread(harness.until, lambda: 77 not in server.sessions(), "end of the session")
        writer.close()


class Places(Builtin):
    async def test_tls_with_a_certificate_that_is_kept(self):
        with tempfile.TemporaryDirectory() as folder:
            file = pathlib.Path(folder, "web.pem")
            seen = []
            for _ in range(2):
                server = self.start(web=f'tls_cert = "{file}";')
                self.assertEqual(stat.S_IMODE(file.stat().st_mode), 0o600)
                port = server.http_port
                self.assertTrue(await self.pongs(f"https://127.0.0.1:{port}/janus", context=trusting()))
                self.assertTrue(await self.pongs(f"https://127.0.0.1:{server.admin_port}/admin", context=trusting()))
                # This host may go without.
                self.assertTrue(await self.pongs(server.http))
                socket = await websockets.connect(
                    f"wss://127.0.0.1:{port}/", subprotocols=["janus-protocol"], ssl=trusting())
                await socket.send(json.dumps({"janus": "create", "transaction": "t"}))
                self.assertEqual(json.loads(await socket.recv())["janus"], "success")
                await socket.send(json.dumps({**PING, "more": "x" * 1_000_000}))
                self.assertEqual(json.loads(await socket.recv())["janus"], "pong")
                await socket.close()
                shown = ssl.PEM_cert_to_DER_cert(ssl.get_server_certificate(("127.0.0.1", port)))
                seen.append(hashlib.sha256(shown).hexdigest())
                server.says(":".join(f"{byte:02X}" for byte in bytes.fromhex(seen[-1])))
                server.stop()
            self.assertEqual(seen[0], seen[1])

    async def test_http2(self):
        """Browsers choose it with TLS; who does not know it is served as before, and WebSockets are."""
        with tempfile.TemporaryDirectory() as folder:
            server = self.start(web=f'tls_cert = "{folder}/web.pem";')
            address = f"https://127.0.0.1:{server.http_port}"
            create = json.dumps({"janus": "create", "transaction": "t"})
            for option, version in (("--http2", "2"), ("--http1.1", "1.1")):
                page = await curl(option, "-w", "%{http_version}", f"{address}/healthz")
                self.assertRegex(page, rf"^ok\s*{version}$")
                reply = json.loads(await curl(option, "-d", create, f"{address}/janus"))
                self.assertEqual(reply["janus"], "success")
                # A long poll beside other requests of the same connection.
                place = f"{address}/janus/{reply['data']['id']}"
                attach = json.dumps({"janus": "attach", "plugin": "janus.plugin.echotest", "transaction": "a"})
                handle = json.loads(await curl(option, "-d", attach, place))["data"]["id"]
                message = json.dumps({"janus": "message", "body": {"audio": True}, "transaction": "m"})
                both = await curl(option, "-d", message, f"{place}/{handle}", "--next", "-sk", option, f"{place}?maxev=1")
                self.assertIn('"echotest":"event"', both)

    async def test_unix_sockets(self):
        server = self.start(web='unix = "web.sock"; admin_unix = "admin.sock";')
        for name, protocol in (("web", "janus-protocol"), ("admin", "janus-admin-protocol")):
            path = str(server.folder / f"{name}.sock")
            socket = await websockets.unix_connect(path, "ws://localhost/", subprotocols=[protocol])
            await socket.send(json.dumps(PING))
            self.assertEqual(json.loads(await socket.recv())["janus"], "pong")
            await socket.close()
        folder = server.folder
        server.process.terminate()
        self.assertEqual(await asyncio.to_thread(server.process.wait, 30), 0, server.output())
        self.assertFalse([path for path in folder.iterdir() if path.suffix == ".sock"])

    async def test_sockets_of_the_service_manager(self):
        """They are listened on from the start of the manager on, in place of the configured port."""
        port, admin = free_port(), free_port()
        with tempfile.TemporaryDirectory() as folder:
            manager = pathlib.Path(folder, "manager")
            manager.write_text(textwrap.dedent(f"""\
                #!/usr/bin/env python3
                import os, socket, sys
                sockets = [socket.create_server(("127.0.0.1", port)) for port in ({port}, {admin})]
                spare = [os.dup(s.fileno()) for s in sockets]
                for fd, number in zip(spare, (3, 4)):
                    os.dup2(fd, number)
                    os.set_inheritable(number, True)
                os.environ |= {{"LISTEN_PID": str(os.getpid()), "LISTEN_FDS": "2", "LISTEN_FDNAMES": "web:admin"}}
                os.execv({harness.PROGRAMS["janus-rs"]!r}, [{harness.PROGRAMS["janus-rs"]!r}, *sys.argv[1:]])
                """))
            manager.chmod(0o755)
            with unittest.mock.patch.dict(harness.PROGRAMS, {"janus-rs": str(manager)}), \
                    unittest.mock.patch.object(Server, "_answers", lambda server: "Admin API at" in server.output()):
                server = self.start()
        self.assertTrue(await self.pongs(f"http://127.0.0.1:{port}/janus"))
        self.assertTrue(await self.pongs(f"http://127.0.0.1:{admin}/admin"))
        with self.assertRaises(urllib.error.URLError):
            await self.asked(server.http, PING)


class Alone(Builtin):
    """A server without any module."""

    def start(self, **more):
        empty = tempfile.mkdtemp()
        self.addCleanup(os.rmdir, empty)
        folders = " ".join(f'{kind}_folder = "{empty}";' for kind in ("plugins", "transports", "events"))
        return super().start(general=folders, **more)

    def peer(self):
        peer = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        self.addAsyncCleanup(peer.close)
        return peer

    async def test_a_call(self):
        """The echo and its way in are built in."""
        server = self.start()
        connection = await Connection.open(server.ws)
        call = EchoCall(await (await connection.create()).attach())
        await call.start()
        await call.media_returns()
        await call.data_open()
        self.assertEqual(await call.echoes("hello"), "Janus EchoTest here! You wrote: hello")
        info = server.handle_info(call.handle.session.id, call.handle.id)
        self.assertEqual(info["plugin_specific"]["video_active"], True)
        await call.handle.message({"video": False})
        before = await call.packets("video")
        wanted = call.frames["audio"] + 20
        await until(lambda: call.frames["audio"] >= wanted, "more audio")
        self.assertLess(await call.packets("video") - before, 20)
        await call.close()
        await call.handle.event("hangup")
        await connection.close()

    async def published(self, handle, body, **more):
        """A peer that sends a picture and messages in the built-in room."""
        peer = self.peer()
        peer.addTrack(Picture())
        channel = peer.createDataChannel("JanusDataChannel")
        await peer.setLocalDescription(await peer.createOffer())
        event = await handle.message({**body, **more}, {"type": "offer", "sdp": peer.localDescription.sdp})
        await peer.setRemoteDescription(RTCSessionDescription(event["jsep"]["sdp"], "answer"))
        await until(lambda: channel.readyState == "open", "channel")
        return channel, event["plugindata"]["data"]

    async def answered(self, handle, peer, event):
        """Takes an offer of the room."""
        await peer.setRemoteDescription(RTCSessionDescription(event["jsep"]["sdp"], "offer"))
        await peer.setLocalDescription(await peer.createAnswer())
        return await handle.message({"request": "start"}, {"type": "answer", "sdp": peer.localDescription.sdp})

    async def test_a_room(self):
        """Two publish, one watches both in one PeerConnection; who comes, goes, is muted, and is removed is told."""
        server = self.start()
        connection = await Connection.open(server.ws)
        session = await connection.create()
        ada, bob, viewer = [await session.attach("janus.rs.room") for _ in range(3)]
        plain = lambda reply: reply["plugindata"]["data"]

        async def refused(handle, body, code):
            reply = await handle.request({"janus": "message", "body": body})
            if reply["janus"] == "ack":
                reply = await connection.event(lambda e: e.get("transaction") == reply["transaction"])
            self.assertEqual(plain(reply).get("error_code"), code, reply)

        join = {"request": "join", "ptype": "publisher", "room": "blue", "pin": "1234"}
        await refused(ada, join, 426)
        made = {"request": "create", "room": "blue", "pin": "1234", "secret": "s", "publishers": 2, "notify_joining": True}
        self.assertEqual(plain(await ada.request({"janus": "message", "body": made}))["videoroom"], "created")
        await refused(bob, made, 427)
        await refused(bob, {**join, "pin": "4321"}, 433)
        await refused(bob, {"request": "publish"}, 424)
        own = plain(await ada.message({**join, "display": "Ada"}))
        self.assertEqual((own["videoroom"], own["publishers"]), ("joined", []))
        await self.published(ada, {"request": "publish"})
        channel, joined = await self.published(bob, {**join, "request": "joinandconfigure", "display": "Bob"})
        self.assertEqual([(one["id"], one["display"]) for one in joined["publishers"]], [(own["id"], "Ada")])
        told = await connection.event(lambda e: "publishers" in e.get("plugindata", {}).get("data", {}))
        streams = plain(told)["publishers"][0]["streams"]
        self.assertEqual([(one["type"], one["mid"], one.get("codec")) for one in streams],
                         [("video", "0", "vp8"), ("data", "1", None)])
        # The viewer gets what there is: first one, then both.
        watch = {**join, "ptype": "subscriber", "streams": [{"feed": own["id"]}]}
        await refused(viewer, {**watch, "streams": [{"feed": 1}]}, 428)
        event = await viewer.message(watch)
        self.assertEqual(plain(event)["videoroom"], "attached")
        eyes, heard = self.peer(), []
        frames = counted(eyes, "id")
        eyes.on("datachannel", lambda channel: channel.on("message", heard.append))
        self.assertEqual(plain(await self.answered(viewer, eyes, event))["started"], "ok")
        await viewer.event("webrtcup")
        event = await viewer.message({"request": "subscribe", "streams": [{"feed": joined["id"]}]})
        self.assertEqual([one.get("feed_display") for one in plain(event)["streams"]], ["Ada", None, "Bob"])
        await self.answered(viewer, eyes, event)
        await until(lambda: len(frames) == 2 and min(frames.values()) > 5, "pictures of both")
        channel.send("from Bob")
        await until(lambda: heard == ["from Bob"], "message")
        info = server.handle_info(session.id, viewer.id)
        self.assertEqual(info["plugin_specific"], {"state": "subscriber", "room": "blue", "links": 2})
        # Nothing of whom is muted.
        mute = {"request": "moderate", "room": "blue", "id": joined["id"], "mid": "0", "mute": True}
        await refused(viewer, {**mute, "secret": "wrong"}, 433)
        reply = await viewer.request({"janus": "message", "body": {**mute, "secret": "s"}})
        self.assertEqual(plain(reply).get("videoroom"), "success", reply)
        await connection.event(lambda e: e.get("plugindata", {}).get("data", {}).get("moderation") == "muted")
        await asyncio.sleep(0.5)
        before = dict(frames)
        await until(lambda: max(frames[name] - before[name] for name in frames) > 5, "more of Ada")
        self.assertLessEqual(min(frames[name] - before[name] for name in frames), 1)
        # Who is removed is told so, and so is everybody else; what was theirs is free.
        kick = {"request": "kick", "room": "blue", "id": joined["id"], "secret": "s"}
        reply = await viewer.request({"janus": "message", "body": kick})
        self.assertEqual(plain(reply).get("videoroom"), "success", reply)
        await connection.event(lambda e: e.get("plugindata", {}).get("data", {}).get("reason") == "kicked")
        await connection.event(lambda e: e.get("plugindata", {}).get("data", {}).get("kicked") == joined["id"])
        event = await connection.event(lambda e: e.get("plugindata", {}).get("data", {}).get("videoroom") == "updated")
        self.assertEqual([one["active"] for one in plain(event)["streams"]], [True, True, False])
        await self.answered(viewer, eyes, event)
        # The last one out.
        for handle in (ada, viewer):
            await handle.request({"janus": "detach"})
        # The answer to detach does not wait for the plugin.
        async with asyncio.timeout(60):
            exists = {"janus": "message", "body": {"request": "exists", "room": "blue"}}
            while plain(await bob.request(exists))["exists"]:
                await asyncio.sleep(0.05)
        await connection.close()

    async def test_whip_and_whep(self):
        """Over links, without any plugin of Janus."""
        server = self.start()
        base = f"http://127.0.0.1:{server.http_port}"
        kind = {"Content_Type": "application/sdp"}
        peer = self.peer()
        peer.addTrack(Picture())
        await peer.setLocalDescription(await peer.createOffer())
        status, head, answer = await self.asked(f"{base}/whip/live", peer.localDescription.sdp, **kind)
        self.assertEqual(status, 201, answer)
        await peer.setRemoteDescription(RTCSessionDescription(answer, "answer"))
        await until(lambda: peer.connectionState == "connected", "connection")
        status, watched, offer = await self.asked(f"{base}/whep/room/live", "v=0\r\n", **kind)
        self.assertEqual(status, 406, offer)
        viewer, frames = self.peer(), []
        viewer.on("track", lambda track: asyncio.ensure_future(count(track, frames)))
        await viewer.setRemoteDescription(RTCSessionDescription(offer, "offer"))
        await viewer.setLocalDescription(await viewer.createAnswer())
        status, _, text = await self.asked(
            base + watched["Location"], viewer.localDescription.sdp, method="PATCH", **kind)
        self.assertEqual(status, 204, text)
        await until(lambda: len(frames) > 10, "frames")
        for place in (watched, head):
            self.assertEqual((await self.asked(base + place["Location"], None, method="DELETE"))[0], 200)
        await asyncio.to_thread(harness.until, lambda: not server.sessions(), "end of both")
        self.assertEqual((await self.asked(f"{base}/whep/room/live", "v=0\r\n", **kind))[0], 404)


async def curl(*arguments):
    process = await asyncio.create_subprocess_exec("curl", "-sk", "-m", "60", *arguments, stdout=asyncio.subprocess.PIPE)
    out, _ = await process.communicate()
    assert process.returncode == 0, (arguments, process.returncode)
    return out.decode()


async def count(track, frames):
    with contextlib.suppress(MediaStreamError):
        while True:
            frames.append(await track.recv())


class Whip(Builtin):
    """RFC 9725, and its counterpart for those who watch."""

    def peer(self):
        peer = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        self.addAsyncCleanup(peer.close)
        return peer

    async def connected(self, peer):
        await until(lambda: peer.connectionState == "connected", "connection")

    async def publish(self, server, **headers):
        peer = self.peer()
        peer.addTrack(Picture())
        await peer.setLocalDescription(await peer.createOffer())
        status, head, answer = await self.asked(
            f"http://127.0.0.1:{server.http_port}/whip/1234", peer.localDescription.sdp,
            Content_Type="application/sdp", **headers)
        self.assertEqual((status, head["Content-Type"]), (201, "application/sdp"), answer)
        await peer.setRemoteDescription(RTCSessionDescription(answer, "answer"))
        return peer, f"http://127.0.0.1:{server.http_port}{head['Location']}", head["ETag"]

    def publishers(self, server):
        reply = server.admin({"janus": "message_plugin", "plugin": VIDEOROOM, "request": {
            "request": "listparticipants", "room": 1234}})
        return [one["id"] for one in reply["response"]["participants"] if one["publisher"]]

    async def test_publish_watch_restart_and_end(self):
        server = self.start(nat='stun_server = "127.0.0.1"; ignore_unreachable_ice_server = true;')
        base = f"http://127.0.0.1:{server.http_port}"
        peer, resource, etag = await self.publish(server)
        await self.connected(peer)
        while not self.publishers(server):
            await asyncio.sleep(0.1)
        self.assertEqual(len(self.publishers(server)), 1)
        # Who watches answers our offer.
        viewer = self.peer()
        frames = []
        viewer.on("track", lambda track: asyncio.ensure_future(count(track, frames)))
        status, head, offer = await self.asked(f"{base}/whep/room/1234", "v=0\r\n", Content_Type="application/sdp")
        self.assertEqual(status, 406)
        await viewer.setRemoteDescription(RTCSessionDescription(offer, "offer"))
        await viewer.setLocalDescription(await viewer.createAnswer())
        status, _, text = await self.asked(
            base + head["Location"], viewer.localDescription.sdp, method="PATCH", Content_Type="application/sdp")
        self.assertEqual(status, 204, text)
        await until(lambda: len(frames) > 10, "frames")
        # Candidates, of now and of before.
        fragment = "a=mid:0\r\na=candidate:1 1 udp 2122260223 192.0.2.1 61764 typ host\r\na=end-of-candidates\r\n"
        trickle = {"method": "PATCH", "Content_Type": "application/trickle-ice-sdpfrag"}
        self.assertEqual((await self.asked(resource, fragment, If_Match=etag, **trickle))[0], 204)
        self.assertEqual((await self.asked(resource, fragment, If_Match='"other"', **trickle))[0], 412)
        self.assertEqual((await self.asked(resource, "{}", method="PATCH", Content_Type="application/json"))[0], 415)
        weak = "a=ice-ufrag:a\r\na=ice-pwd:b\r\n"
        self.assertEqual((await self.asked(resource, weak, If_Match="*", **trickle))[0], 400)
        # Other credentials: other credentials come back.
        restart = "a=ice-ufrag:abcd\r\na=ice-pwd:abcdefghijklmnopqrstuvwx\r\n"
        status, head, text = await self.asked(resource, restart, If_Match="*", **trickle)
        self.assertEqual((status, head["Content-Type"]), (200, "application/trickle-ice-sdpfrag"))
        self.assertIn("a=ice-ufrag:", text)
        self.assertNotEqual(head["ETag"], etag)
        self.assertEqual((await self.asked(resource, None, method="DELETE"))[0], 200)
        await asyncio.to_thread(harness.until, lambda: not self.publishers(server), "end of the publisher")
        self.assertEqual((await self.asked(resource, None, method="DELETE"))[0], 404)

    async def test_refusals(self):
        server = self.start(general='token_auth = true;')
        server.admin({"janus": "add_token", "token": "good", "plugins": [VIDEOROOM]})
        server.admin({"janus": "add_token", "token": "other", "plugins": ["janus.plugin.echotest"]})
        base = f"http://127.0.0.1:{server.http_port}"
        kind = {"Content_Type": "application/sdp"}
        for authorization, status in ((None, 401), ("Bearer wrong", 401), ("Bearer other", 401)):
            headers = {"Authorization": authorization} if authorization else {}
            got, head, _ = await self.asked(f"{base}/whip/1234", "v=0\r\n", **kind, **headers)
            self.assertEqual((got, head["WWW-Authenticate"]), (status, "Bearer"), authorization)
        good = {"Authorization": "Bearer good"}
        self.assertEqual((await self.asked(f"{base}/whip/1234", "v=0", Content_Type="text/plain", **good))[0], 415)
        self.assertEqual((await self.asked(f"{base}/whip/99", OFFER, **kind, **good))[0], 404)
        self.assertEqual((await self.asked(f"{base}/whip/1234", "nonsense", **kind, **good))[0], 422)
        self.assertEqual((await self.asked(f"{base}/whip/1234", "", **kind, **good))[0], 400)
        # RFC 8839 §5.4: at least 24 and 128 bits, of some characters.
        for line in ("ice-ufrag:abc", "ice-pwd:" + 21 * "p", "ice-ufrag:" + 257 * "u", "ice-pwd:" + 257 * "p", "ice-ufrag:ab-c"):
            weak = re.sub(f"a={line.split(':')[0]}:[^\r\n]+", f"a={line}", OFFER)
            self.assertIn(line, weak)
            self.assertEqual((await self.asked(f"{base}/whip/1234", weak, **kind, **good))[0], 400, line)
        self.assertEqual(server.sessions(), [])
        peer, resource, _ = await self.publish(server, **good)
        await self.connected(peer)
        # An answer, where nobody has offered: the plugin would end the process.
        status, _, why = await self.asked(resource, peer.localDescription.sdp, method="PATCH", **kind, **good)
        self.assertEqual((status, why), (400, "Unexpected ANSWER (did we offer?)\n"))
        self.assertEqual((await self.asked(resource, None, method="DELETE"))[0], 401)
        self.assertEqual((await self.asked(resource, None, method="DELETE", **good))[0], 200)
        status, head, _ = await self.asked(f"{base}/whip/1234", None, method="OPTIONS", Origin="https://example.org")
        self.assertEqual((status, head["Access-Control-Allow-Origin"], head["Accept-Post"]), (204, "*", "application/sdp"))

    async def test_a_mountpoint_is_watched(self):
        """WHEP of a mountpoint of the streaming plugin, which gets RTP by UDP; created and ended by curl."""
        server = self.start()
        port = free_port()
        server.admin({"janus": "message_plugin", "plugin": "janus.plugin.streaming", "request": {
            "request": "create", "type": "rtp", "id": 77, "media": [
                {"type": "video", "mid": "v", "port": port, "pt": 96, "codec": "vp8"}]}})
        base = f"http://127.0.0.1:{server.http_port}"
        viewer = self.peer()
        viewer.addTransceiver("video", direction="recvonly")
        await viewer.setLocalDescription(await viewer.createOffer())
        with tempfile.TemporaryDirectory() as folder:
            file = pathlib.Path(folder, "sdp")
            file.write_text(viewer.localDescription.sdp)
            posted = await curl("-D", "-", "-H", "Content-Type: application/sdp", "--data-binary", f"@{file}", f"{base}/whep/77")
            head, _, sdp = posted.partition("\r\n\r\n")
            status, location = int(head.split()[1]), base + re.search(r"(?i)^location: (\S+)", head, re.M)[1]
            if status == 406:
                # The plugin's own offer.
                viewer = self.peer()
                await viewer.setRemoteDescription(RTCSessionDescription(sdp, "offer"))
                await viewer.setLocalDescription(await viewer.createAnswer())
                file.write_text(viewer.localDescription.sdp)
                code = await curl("-o", "/dev/null", "-w", "%{http_code}", "-X", "PATCH", "-H", "Content-Type: application/sdp",
                                  "--data-binary", f"@{file}", location)
                self.assertEqual(code, "204")
            else:
                self.assertEqual(status, 201, posted)
                await viewer.setRemoteDescription(RTCSessionDescription(sdp, "answer"))
        await self.connected(viewer)
        packets, number = 0, 0
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as source:
            while packets < 20 and number < 1000:
                number += 1
                header = bytes([0x80, 0x80 | 96]) + number.to_bytes(2, "big") + (number * 3000).to_bytes(4, "big") + b"src1"
                # A key frame of VP8, as far as anybody looks.
                source.sendto(header + b"\x10\x10\x02\x00\x9d\x01\x2a\xa0\x00\x78\x00" + bytes(100), ("127.0.0.1", port))
                await asyncio.sleep(0.02)
                report = await viewer.getStats()
                packets = sum(one.packetsReceived for one in report.values() if one.type == "inbound-rtp")
        self.assertGreaterEqual(packets, 20)
        self.assertEqual(await curl("-o", "/dev/null", "-w", "%{http_code}", "-X", "DELETE", location), "200")
        await asyncio.to_thread(harness.until, lambda: not server.sessions(), "end")


OFFER = (harness.ROOT / "tests/corpus/sdp/chromium-offer.sdp").read_text()

if __name__ == "__main__":
    unittest.main()
