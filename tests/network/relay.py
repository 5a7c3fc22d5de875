"""A network in which a server reaches nobody but a TURN relay, and the relay (coturn, from Debian) in it."""

import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile

SERVER, RELAY, CLIENT = "10.77.0.5", "10.77.0.9", "10.77.0.20"
SERVER_SIX, RELAY_SIX = "2001:db8:77::5", "2001:db8:77::9"
PORT, TLS_PORT = 3478, 5349
USER, PASSWORD, REALM = "janus", "secret", "relay.test"
# Before these rules the local table must not be asked.
LOCAL_BEFORE, LOCAL_AFTER = 0, 10
# A table whose only route leads nowhere.
NOWHERE = "100"


def ip(*arguments):
    subprocess.run(["ip", *arguments], check=True)


def rules(action):
    """UDP between the server and anything but the relay's own port vanishes. Nobody is told: a relay gives up an allocation
    whose packets the system refuses."""
    udp = ["ipproto", "udp"]
    relay = [["from", SERVER, "to", RELAY, *udp, "dport", str(PORT), "lookup", "local"],
             ["from", RELAY, "to", SERVER, *udp, "sport", str(PORT), "lookup", "local"]]
    others = [["from", SERVER, *udp, "lookup", NOWHERE], ["to", SERVER, *udp, "lookup", NOWHERE]]
    for priority, rule in enumerate(relay + others, 1):
        ip("rule", action, "priority", str(priority), *rule)


def isolate():
    ip("link", "add", "nowhere", "type", "veth", "peer", "name", "nobody")
    for end in ("nowhere", "nobody"):
        ip("link", "set", end, "arp", "off", "up")
    ip("route", "add", "default", "dev", "nowhere", "table", NOWHERE)
    ip("rule", "add", "priority", str(LOCAL_AFTER), "table", "local")
    ip("rule", "delete", "priority", str(LOCAL_BEFORE))
    rules("add")


def connect():
    rules("delete")
    ip("link", "del", "nowhere")
    ip("rule", "add", "priority", str(LOCAL_BEFORE), "table", "local")
    ip("rule", "delete", "priority", str(LOCAL_AFTER))


class Relay:
    """A coturn at RELAY. `arguments`: more of its options; `tls`: with a certificate of its own, in `certificate`.
    `listening`, `relayed`: other addresses."""

    def __init__(self, *arguments, tls=False, listening=RELAY, relayed=RELAY):
        self.addresses = ["--listening-ip", listening, "--relay-ip", relayed]
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="relay-test-"))
        self.arguments = [*arguments, "--no-dtls"]
        if tls:
            self.certificate = self.folder / "cert.pem"
            subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                            "-days", "2", "-subj", f"/CN={REALM}", "-addext", f"subjectAltName=IP:{RELAY}",
                            "-keyout", self.folder / "key.pem", "-out", self.certificate], check=True, capture_output=True)
            self.arguments += ["--cert", str(self.certificate), "--pkey", str(self.folder / "key.pem"),
                               "--tls-listening-port", str(TLS_PORT)]
        else:
            self.arguments += ["--no-tls"]
        self.start()

    def start(self):
        self.log = (self.folder / "log").open("ab")
        self.process = subprocess.Popen(
            ["turnserver", "-n", "--log-file", "stdout", "--simple-log", "--no-cli", *self.addresses,
             "--listening-port", str(PORT), "--lt-cred-mech", "--realm", REALM,
             "--user", f"{USER}:{PASSWORD}", "--pidfile", str(self.folder / "pid"), "--userdb", str(self.folder / "db"),
             *self.arguments], stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log, cwd=self.folder)

    def kill(self):
        self.process.kill()
        self.process.wait()
        self.log.close()

    def close(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(5)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self.log.close()
        shutil.rmtree(self.folder)

    def output(self):
        return (self.folder / "log").read_text(errors="replace")


def options(kind="udp", port=PORT, password=PASSWORD, server=RELAY):
    """Of the server, to use the relay."""
    return (f'turn_server = "{server}"; turn_port = {port}; turn_type = "{kind}"; turn_user = "{USER}"; '
            f'turn_pwd = "{password}"; ice_enforce_list = "{SERVER}";')


def main(kind):
    """For tests in other languages (relay.test.mjs): network and relay until standard input ends. Says its certificate; a
    line `again` kills the relay, and starts it anew."""
    ip("link", "set", "lo", "up")
    # Browsers take one address of each interface.
    for name, addresses in {"v0": [CLIENT], "v1": [SERVER, RELAY]}.items():
        ip("link", "add", name, "type", "veth", "peer", "name", f"{name}-peer")
        for end in (name, f"{name}-peer"):
            ip("link", "set", end, "up")
        for address in addresses:
            ip("address", "add", f"{address}/24", "dev", name)
    # Firefox gathers nothing on a host that leads nowhere.
    ip("route", "add", "default", "dev", "v0")
    isolate()
    ways = {"udp": [], "tcp": ["--no-udp"], "tls": ["--no-udp", "--no-tcp"]}
    relay = Relay(*ways[kind], tls=kind == "tls")
    print(getattr(relay, "certificate", ""), flush=True)
    try:
        for _ in sys.stdin:
            relay.kill()
            relay.start()
            print("again", flush=True)
    finally:
        relay.close()
        connect()
        for name in ("v0", "v1"):
            ip("link", "del", name)


if __name__ == "__main__":
    main(sys.argv[1])
