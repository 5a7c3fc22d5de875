"""janus-rs inside a chroot of Debian 13, with the modules of Debian 12's package beside it; clients are outside."""

import os
import pathlib
import re
import subprocess
import sys
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "clients"))
from call import EchoCall  # noqa: E402
from harness import free_port, until  # noqa: E402
from signalling import Connection  # noqa: E402

ROOT = pathlib.Path(os.environ["ROOT"])
AS_ROOT = [] if os.geteuid() == 0 else ["sudo"]
MODULES = "/opt/janus12/usr/lib/x86_64-linux-gnu/janus"


class Debian13(unittest.IsolatedAsyncioTestCase):
    def inside(self, *command, **more):
        # /proc goes with the process.
        enter = 'mount -t proc proc "$0/proc" && exec chroot "$0" "$@"'
        return [*AS_ROOT, "unshare", "-m", "sh", "-c", enter, str(ROOT), *command]

    def write(self, path, text):
        subprocess.run([*AS_ROOT, "tee", str(path)], input=text, text=True, stdout=subprocess.DEVNULL, check=True)

    async def test_an_echo_call_from_outside(self):
        release = (ROOT / "etc/debian_version").read_text().strip()
        self.assertRegex(release, r"^13")
        checked = subprocess.run(
            self.inside("sh", "-c", f"/opt/janus12/janus-rs check {MODULES}/plugins/*.so"), capture_output=True, text=True, check=False)
        loads = len(re.findall(r"(?m)^  loads$", checked.stdout))
        print(f"Debian {release}: {loads} plugins of Debian 12's package load")
        # All but the scripted ones, SIP, and voicemail: README.md.
        self.assertGreaterEqual(loads, 8, checked.stdout + checked.stderr)
        port = free_port()
        folder = ROOT / "opt/janus12/etc/janus"
        subprocess.run([*AS_ROOT, "mkdir", "-p", str(ROOT / "opt/janus12/none")], check=True)
        self.write(folder / "janus.jcfg",
            f'general: {{ plugins_folder = "{MODULES}/plugins"; transports_folder = "/opt/janus12/none"; events_folder = "/opt/janus12/none"; }}\n')
        self.write(folder / "janus-rs.jcfg", f'web: {{ ip = "127.0.0.1"; port = {port} }}\n')
        log = pathlib.Path(os.environ["FOLDER"], "log")
        with log.open("wb") as output:
            process = subprocess.Popen(
                self.inside("/opt/janus12/janus-rs", "-F", "/opt/janus12/etc/janus"), stdout=output, stderr=output)
        try:
            def answers():
                self.assertIsNone(process.poll(), log.read_text(errors="replace"))
                return f":{port}/" in log.read_text(errors="replace")
            until(answers, "server")
            time.sleep(0.5)
            connection = await Connection.open(f"ws://127.0.0.1:{port}/")
            info = await connection.request({"janus": "info"})
            echo = info["plugins"]["janus.plugin.echotest"]
            self.assertNotEqual(echo["author"], "libjanus_rs", "the module, not what is built in")
            call = EchoCall(await (await connection.create()).attach())
            await call.start()
            await call.media_returns()
            await call.data_open()
            self.assertEqual(await call.echoes("hello"), "Janus EchoTest here! You wrote: hello")
            await call.close()
            await connection.close()
        finally:
            process.terminate()
            self.assertEqual(process.wait(30), 0, log.read_text(errors="replace"))


if __name__ == "__main__":
    unittest.main()
