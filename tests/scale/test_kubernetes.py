"""demos/kubernetes: the manifests follow Kubernetes' schemas, and what they start is started here with what they configure."""

import pathlib
import subprocess
import tempfile
import unittest
import urllib.error
import urllib.request

import kubernetes_validate
import yaml

from harness import PROGRAMS, ROOT, free_port, until

MANIFESTS = ROOT / "demos/kubernetes/janus-rs.yaml"
VERSIONS = ("1.25", "1.31")


def manifests():
    return list(yaml.safe_load_all(MANIFESTS.read_text()))


def of(kind):
    return next(document for document in manifests() if document["kind"] == kind)


class Kubernetes(unittest.TestCase):
    def test_the_schemas(self):
        self.assertEqual(len(manifests()), 6)
        for document in manifests():
            for version in VERSIONS:
                with self.subTest(document["kind"], version=version):
                    kubernetes_validate.validate(document, version, strict=True)

    def test_the_schemas_refuse_a_word_that_is_none(self):
        document = of("StatefulSet")
        document["spec"]["replica"] = document["spec"].pop("replicas")
        with self.assertRaises(kubernetes_validate.ValidationError):
            kubernetes_validate.validate(document, VERSIONS[0], strict=True)

    def test_what_the_pod_runs(self):
        """Its arguments, probes and preStop, over its configuration; only the ports are others."""
        pod = of("StatefulSet")["spec"]["template"]["spec"]["containers"][0]
        web = free_port()
        ports = {"20000": str(free_port()), "20001": str(free_port()), "7090": str(free_port())}
        with tempfile.TemporaryDirectory() as folder:
            for name, text in of("Secret")["stringData"].items():
                for port, free in ports.items():
                    text = text.replace(port, free)
                if name == "janus-rs.jcfg":
                    text = text.replace("web: {", f"web: {{ ip = \"127.0.0.1\"; port = {web};")
                if name == "janus.jcfg":
                    folders = " ".join(f'{kind}_folder = "{folder}"' for kind in ("plugins", "transports", "events", "loggers"))
                    text = text.replace("general: {", f"general: {{ {folders}")
                pathlib.Path(folder, name).write_text(text)

            def words(given):
                return [word.replace("/etc/janus", folder).replace("$(HOST)", "192.0.2.7") for word in given]

            with open(pathlib.Path(folder, "log"), "wb") as log:
                server = subprocess.Popen([PROGRAMS["janus-rs"], *words(pod["args"])], stdout=log, stderr=log, cwd=folder)
            try:
                for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
                    path = pod[probe]["httpGet"]["path"]
                    until(lambda path=path: self.status(web, path) == 200, f"200 of {path}")
                command = words(pod["lifecycle"]["preStop"]["exec"]["command"])
                self.assertEqual(command[0], "janus-rs")
                drained = subprocess.run([PROGRAMS["janus-rs"], *command[1:]], capture_output=True, text=True, timeout=60, check=False)
                self.assertEqual(drained.returncode, 0, drained.stdout + drained.stderr)
                self.assertIn("no new sessions are taken", drained.stdout)
                until(lambda: self.status(web, "/readyz") == 503, "503 of /readyz")
                self.assertEqual(self.status(web, "/livez"), 200)
                output = pathlib.Path(folder, "log").read_text()
                for port in ("20000", "20001"):
                    self.assertRegex(output, rf"Media on UDP .*:{ports[port]}\b")
            finally:
                server.terminate()
                self.assertEqual(server.wait(60), 0, pathlib.Path(folder, "log").read_text())

    @staticmethod
    def status(port, path):
        try:
            return urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=10).status
        except urllib.error.HTTPError as error:
            return error.code
        except OSError:
            return None


if __name__ == "__main__":
    unittest.main()
