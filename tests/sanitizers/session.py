"""A scripted session over HTTP with the daemon that $JANUS_RS names: requests, offer and answer, events, all plugins,
admin requests, errors; then a clean stop. The sanitizer speaks through the exit code (CP-069) and the log."""

import json
import pathlib
import sys
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/clients"))
import harness  # noqa: E402

OFFER = (ROOT / "tests/corpus/sdp/chromium-offer.sdp").read_text()


class Client:
    def __init__(self, server):
        self.server = server
        self.requests = 0

    def post(self, body, path=""):
        self.requests += 1
        request = urllib.request.Request(self.server.http + path, json.dumps({"transaction": "t", **body}).encode())
        with urllib.request.urlopen(request, timeout=30) as reply:
            return json.load(reply)

    def poll(self, session):
        with urllib.request.urlopen(f"{self.server.http}/{session}?maxev=10", timeout=40) as reply:
            return json.load(reply)

    def done(self, body, path=""):
        reply = self.post(body, path)
        assert reply["janus"] in ("success", "ack"), reply
        return reply


def echo_call(client, path):
    """Offer, answer, trickle, renegotiation, hangup."""
    offer = {"type": "offer", "sdp": OFFER}
    client.done({"janus": "message", "body": {"audio": True, "video": True}, "jsep": offer}, path)
    client.done({"janus": "trickle", "candidate": {"candidate": "candidate:1 1 udp 1 127.0.0.1 9 typ host",
                                                   "sdpMid": "0", "sdpMLineIndex": 0}}, path)
    client.done({"janus": "trickle", "candidate": {"completed": True}}, path)
    client.done({"janus": "message", "body": {"bitrate": 100000, "record": False}}, path)
    wait_for_answer(client, path.split("/")[1])
    client.done({"janus": "hangup"}, path)


def wait_for_answer(client, session):
    for _ in range(10):
        if any("jsep" in event for event in client.poll(session)):
            return
    raise AssertionError("echotest has not answered")


def session(client, packages):
    number = client.done({"janus": "create"})["data"]["id"]
    handles = []
    for package in packages:
        reply = client.post({"janus": "attach", "plugin": package}, f"/{number}")
        if reply["janus"] == "success":
            handles.append((package, reply["data"]["id"]))
    for package, handle in handles:
        path = f"/{number}/{handle}"
        client.post({"janus": "message", "body": {"request": "list"}}, path)
        client.post({"janus": "message", "body": {}}, path)
        client.post({"janus": "message", "body": {}, "jsep": {"type": "offer", "sdp": "v=0"}}, path)
        client.post({"janus": "message", "body": []}, path)
        if package == "janus.plugin.echotest":
            echo_call(client, path)
        client.server.admin({"janus": "handle_info"}, path)
        client.done({"janus": "detach"}, path)
    client.done({"janus": "keepalive"}, f"/{number}")
    client.post({"janus": "nonsense"}, f"/{number}")
    client.done({"janus": "destroy"}, f"/{number}")


def main():
    server = harness.Server("janus-rs")
    try:
        client = Client(server)
        packages = sorted(client.post({"janus": "info"})["plugins"])
        for _ in range(3):
            session(client, packages)
        for request in ("list_sessions", "get_status", "info"):
            server.admin({"janus": request})
        # One that is still there at the end.
        left = client.done({"janus": "create"})["data"]["id"]
        client.done({"janus": "attach", "plugin": "janus.plugin.echotest"}, f"/{left}")
    except BaseException:
        print(server.output()[-4000:])
        server.stop(check=False)
        raise
    server.stop()
    print(f"{client.requests} requests to {len(packages)} plugins")


main()
