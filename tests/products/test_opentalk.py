"""The own tests of crate opentalk-janus-client (OpenTalk's controller speaks by it), over RabbitMQ and WebSocket, against both servers. With
--long."""

import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest

from harness import PROGRAMS, ROOT, UNUSED_PLUGINS, Server

sys.path.insert(0, str(ROOT / "tests/scale"))
from test_scale import rabbitmq  # noqa: E402

VERSION = "0.3.1"
RABBITMQ = """
general: {{ enabled = true; host = "127.0.0.1"; port = {port}; janus_exchange = "janus-exchange"; janus_exchange_type = "topic"
    queue_name = "janus-gateway"; to_janus = "to-janus"; from_janus = "from-janus"; declare_outgoing_queue = false }}
"""


def cargo(folder, *words, **more):
    env = {**os.environ, "CARGO_TARGET_DIR": str(ROOT / "target/tools/opentalk"), **more}
    return subprocess.run(["cargo", *words], cwd=folder, env=env, capture_output=True, text=True, timeout=1200, check=False)


def crate(folder):
    """Its source, to be written to; skips the test where it is not to be had."""
    (folder / "src").mkdir()
    (folder / "src/lib.rs").touch()
    (folder / "Cargo.toml").write_text(
        f'[package]\nname = "fetch"\nedition = "2021"\n[dependencies]\nopentalk-janus-client = "={VERSION}"\n[workspace]\n')
    told = cargo(folder, "metadata", "--format-version=1", "--quiet")
    if told.returncode:
        raise unittest.SkipTest(f"the crate is not to be had: {told.stderr.strip().splitlines()[-1:]}")
    manifest = next(one["manifest_path"] for one in json.loads(told.stdout)["packages"] if one["name"] == "opentalk-janus-client")
    shutil.copytree(pathlib.Path(manifest).parent, folder / "crate")
    with (folder / "crate/Cargo.toml").open("a") as file:
        file.write("\n[workspace]\n")
    return folder / "crate"


@unittest.skipUnless("LONG" in os.environ, "with --long")
@unittest.skipUnless(pathlib.Path("/usr/lib/rabbitmq/bin/rabbitmq-server").exists(), "no rabbitmq-server (tests/scale/run --long installs it)")
class OpenTalk(unittest.TestCase):
    def test_its_own_tests(self):
        with tempfile.TemporaryDirectory() as folder:
            source = crate(pathlib.Path(folder))
            built = cargo(source, "test", "--no-run")
            self.assertEqual(built.returncode, 0, built.stderr[-3000:])
            for which in PROGRAMS:
                with self.subTest(which):
                    port = rabbitmq(self)
                    server = Server(which, disabled=[*UNUSED_PLUGINS, "streaming"], more_transports=["rabbitmq"],
                                    files={"janus.transport.rabbitmq.jcfg": RABBITMQ.format(port=port)})
                    self.addCleanup(server.stop, check=False)
                    # All say that they are the same client, and hear each other's replies.
                    done = cargo(source, "test", "--test", "integration_test", "--", "--test-threads=1",
                                 AMQP_ADDR=f"amqp://127.0.0.1:{port}", JANUS_HOST=server.ws)
                    self.assertEqual(done.returncode, 0, done.stdout[-3000:] + done.stderr[-3000:])
                    self.assertIn("4 passed", done.stdout)


if __name__ == "__main__":
    unittest.main()
