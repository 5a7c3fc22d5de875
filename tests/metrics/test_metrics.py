"""What /metrics says while there is a call and after it, and who else understands it."""

import asyncio
import base64
import json
import os
import pathlib
import re
import signal
import subprocess
import tempfile
import unittest
import urllib.error
import urllib.request

from call import EchoCall
from harness import ROOT, Server, free_port, until
from signalling import Connection

TOOLS = os.environ.get("PROMETHEUS_BIN")
SECRET = "janusoverlord"
NEEDS_TOOLS = "Debian's package prometheus cannot be had here"
RULES = [str(ROOT / "demos/metrics" / name) for name in ("alerts.yml", "exporters.yml")]
LISTED = re.compile(r"^\| `(\w+)` \| (\w+) \|", re.MULTILINE)


def server_with(web=""):
    port = free_port()
    server = Server("janus-rs", files={"janus-rs.jcfg": f'web: {{ enabled = true; ip = "127.0.0.1"; port = {port}; {web} }}\n'})
    server.listens(port)
    return server, f"http://127.0.0.1:{port}"


def fetch(url, **headers):
    """Status, type and text."""
    asked = urllib.request.Request(url, headers={name.replace("_", "-"): value for name, value in headers.items()})
    try:
        with urllib.request.urlopen(asked, timeout=60) as answer:
            return answer.status, answer.headers["Content-Type"], answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.headers.get("WWW-Authenticate"), error.read().decode()


def metrics(url, **headers):
    status, kind, text = fetch(f"{url}/metrics", Authorization=f"Bearer {SECRET}", **headers)
    assert status == 200, (status, kind, text)
    return kind, text


class Samples(dict):
    """By name and labels, as they are written."""

    def __init__(self, text):
        super().__init__(line.rsplit(" ", 1) for line in text.splitlines() if not line.startswith("#"))

    def number(self, name, **labels):
        """The sum of those that have these labels."""
        wanted = {f'{key}="{value}"' for key, value in labels.items()}
        fits = [float(value) for key, value in self.items()
                if key.split("{")[0] == name and wanted <= set(re.findall(r'\w+="[^"]*"', key))]
        assert fits, (name, labels)
        return sum(fits)


class Metrics(unittest.IsolatedAsyncioTestCase):
    async def test_a_call(self):
        server, url = server_with()
        try:
            before = Samples(metrics(url)[1])
            connection = await Connection.open(server.ws)
            handle = await (await connection.create()).attach()
            call = await EchoCall(handle, data=False).start()
            await call.media_returns(30)
            plain = (await asyncio.to_thread(metrics, url))[1]
            during = Samples(plain)
            # Everything that is listed is told, with its type.
            told = dict(re.findall(r"^# TYPE (\w+?)(?:_total|_info)? (\w+)$", plain, re.MULTILINE))
            listed = dict(LISTED.findall((ROOT / "docs/metrics.md").read_text()))
            self.assertEqual(set(told), set(listed))
            for direction in ("in", "out"):
                for kind in ("audio", "video"):
                    self.assertGreater(during.number("janus_rtp_packets_total", direction=direction, kind=kind), 0)
                    self.assertGreater(during.number("janus_rtp_bytes_total", direction=direction, kind=kind), 100)
                self.assertGreater(during.number("janus_datagrams_total", direction=direction), 0)
                self.assertGreater(during.number("janus_batch_datagrams_count", direction=direction), 0)
            self.assertGreater(during.number("janus_rtcp_messages_total", direction="in"), 0)
            self.assertEqual(during.number("janus_sessions"), 1)
            self.assertEqual(during.number("janus_handles", plugin="janus.plugin.echotest"), 1)
            self.assertEqual(during.number("janus_peerconnections", state="connected"), 1)
            self.assertEqual(during.number("janus_requests_total", api="janus", request="message", code=0), 1)
            self.assertEqual(during.number("janus_request_duration_seconds_count", api="janus", request="attach"), 1)
            for name in ("ice", "dtls", "join"):
                self.assertEqual(during.number(f"janus_{name}_duration_seconds_count"), 1, name)
            for callback in ("handle_message", "setup_media", "create_session"):
                self.assertEqual(during.number("janus_callbacks_total", module="janus.plugin.echotest", callback=callback), 1)
            self.assertGreater(
                during.number("janus_callbacks_total", module="janus.plugin.echotest", callback="incoming_rtp"), 0)
            self.assertGreater(during.number("janus_callback_seconds_total", module="janus.plugin.echotest"), 0)
            self.assertGreater(during.number("janus_worker_busy_seconds_total"), before.number("janus_worker_busy_seconds_total"))
            self.assertGreater(during.number("janus_forward_delay_seconds_count"), 0)
            self.assertEqual(during.number("janus_build_info", implementation="janus-rs"), 1)
            self.assertEqual(during.number("janus_module_info", package="janus.plugin.echotest", generation="B3"), 1)
            self.assertGreater(during.number("janus_certificate_expiry_timestamp_seconds"), 1.7e9)

            refused = await handle.request({"janus": "nonsense"})
            await handle.request({"janus": "hangup"})
            await handle.event("hangup")
            await call.close()
            after = Samples((await asyncio.to_thread(metrics, url))[1])
            self.assertEqual(after.number("janus_peerconnections"), 0)
            self.assertEqual(after.number("janus_peerconnections_ended_total"), 1)
            self.assertEqual(
                after.number("janus_requests_total", api="janus", request="other", code=refused["error"]["code"]), 1)
            # Nothing that counts goes back, also when what it counted is gone.
            for key, value in during.items():
                if key.split("{")[0].endswith(("_total", "_count", "_bucket")):
                    self.assertGreaterEqual(float(after[key]), float(value), key)
            await connection.close()
        finally:
            server.stop()

    def test_who_may_read(self):
        basic = base64.b64encode(f"anybody:{SECRET}".encode()).decode()
        for web, headers, expected in [
            ("", {}, 401), ("", {"Authorization": "Bearer wrong"}, 401), ("", {"Authorization": f"Basic {basic}"}, 200),
            ('metrics = "open"', {}, 200), ('metrics = "off"', {"Authorization": f"Bearer {SECRET}"}, 403),
        ]:
            with self.subTest(web=web, headers=headers):
                server, url = server_with(web)
                try:
                    status, _, text = fetch(f"{url}/metrics", **headers)
                    self.assertEqual(status, expected, text[:200])
                    for path in ("/status", "/status.json", "/status.js"):
                        self.assertEqual(fetch(url + path)[0], 401, path)
                finally:
                    server.stop()

    @unittest.skipUnless(TOOLS, NEEDS_TOOLS)
    def test_promtool(self):
        server, url = server_with()
        try:
            kind, text = metrics(url)
        finally:
            server.stop()
        self.assertTrue(kind.startswith("text/plain"), kind)
        checked = subprocess.run([f"{TOOLS}/promtool", "check", "metrics"], input=text, capture_output=True, text=True, check=False)
        self.assertEqual((checked.returncode, checked.stdout, checked.stderr), (0, "", ""))
        # It does find faults.
        checked = subprocess.run([f"{TOOLS}/promtool", "check", "metrics"], input="# TYPE a counter\na 1\n",
                                 capture_output=True, text=True, check=False)
        self.assertNotEqual(checked.returncode, 0)
        rules = subprocess.run([f"{TOOLS}/promtool", "check", "rules", *RULES],
                               capture_output=True, text=True, check=False)
        self.assertEqual(rules.returncode, 0, rules.stdout + rules.stderr)

    @unittest.skipUnless(TOOLS, NEEDS_TOOLS)
    def test_prometheus_reads_it_and_knows_every_metric_of_dashboard_and_alerts(self):
        server, url = server_with()
        prometheus, port = None, free_port()
        with tempfile.TemporaryDirectory() as folder:
            config = pathlib.Path(folder, "prometheus.yml")
            config.write_text(json.dumps({
                "global": {"evaluation_interval": "1s"},
                "rule_files": RULES,
                "scrape_configs": [{
                    "job_name": "janus", "scrape_interval": "1s", "authorization": {"credentials": SECRET},
                    "static_configs": [{"targets": [url.removeprefix("http://")]}]}]}))

            def query(expression):
                asked = f"http://127.0.0.1:{port}/api/v1/query?query={urllib.request.quote(expression)}"
                try:
                    with urllib.request.urlopen(asked, timeout=30) as answer:
                        return json.load(answer)["data"]["result"]
                except urllib.error.HTTPError as error:
                    raise AssertionError(f"{expression}: {error.read().decode()}") from error
                except OSError:
                    return []
            try:
                prometheus = subprocess.Popen(
                    [f"{TOOLS}/prometheus", f"--config.file={config}", f"--storage.tsdb.path={folder}/data",
                     f"--web.listen-address=127.0.0.1:{port}"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
                until(lambda: query('up{job="janus"} == 1'), "scrape")
                for name, kind in LISTED.findall((ROOT / "docs/metrics.md").read_text()):
                    suffix = {"counter": "_total", "histogram": "_count", "info": "_info"}.get(kind, "")
                    # Nothing has stalled, ended or been asked yet.
                    if name not in ("janus_callback_stalls", "janus_callbacks_stalled", "janus_peerconnections_ended",
                                    "janus_requests", "janus_request_duration_seconds"):
                        self.assertTrue(query(f"{name}{suffix}"), name)
                panels = json.loads((ROOT / "demos/metrics/dashboard.json").read_text())["panels"]
                expressions = [target["expr"] for panel in panels for target in panel.get("targets", [])]
                self.assertGreater(len(expressions), 40)
                for expression in expressions:
                    query(expression.replace("$__rate_interval", "1m"))
                # What dashboards for exporters ask for.
                recorded = re.findall(r"record: (\w+)", (ROOT / "demos/metrics/exporters.yml").read_text())
                self.assertEqual(len(recorded), 7)
                for name in recorded:
                    until(lambda: len(query(name)) == 1, name)
            finally:
                if prometheus:
                    prometheus.send_signal(signal.SIGTERM)
                    prometheus.wait(60)
                server.stop()


if __name__ == "__main__":
    unittest.main()
