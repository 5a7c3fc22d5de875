"""Control threads let whoever wakes them go on first; what a plugin starts on one of them does not inherit that."""

import asyncio
import os
import pathlib
import sys
import unittest

from harness import Server
from signalling import Connection

PACKAGE = "janus.plugin.misbehave"
CONTROL = "janus control"


class Turns(unittest.IsolatedAsyncioTestCase):
    def setUp(self):
        folder = os.environ["MISBEHAVE_PLUGINS"]
        self.server = Server("janus-rs", general=f'plugins_folder = "{folder}"; event_loops = 1;')
        self.addCleanup(self.server.stop)

    def policies(self):
        """How threads are scheduled, by their names."""
        policies = {}
        for task in pathlib.Path(f"/proc/{self.server.process.pid}/task").iterdir():
            try:
                name, policy = (task / "comm").read_text().strip(), os.sched_getscheduler(int(task.name))
            except (FileNotFoundError, ProcessLookupError):
                continue  # it has ended
            policies.setdefault(name, set()).add(policy)
        return policies

    async def test_what_a_plugin_starts_is_scheduled_as_the_server_is(self):
        pid = self.server.process.pid
        usual = os.sched_getscheduler(pid)
        is_filtered = "\nSeccomp:\t0\n" not in pathlib.Path(f"/proc/{pid}/status").read_text()
        changed = usual == os.SCHED_OTHER and not is_filtered
        connection = await Connection.open(self.server.ws)
        handle = await (await connection.create()).attach(PACKAGE)

        async def rest():
            """A control thread has had something to do, and none has now."""
            resting = {os.SCHED_BATCH if changed else usual}
            for _ in range(400):
                reply = await handle.request({"janus": "message", "body": {"request": "entered"}})
                self.assertEqual(reply["janus"], "success")
                await asyncio.sleep(0.05)
                if self.policies().get(CONTROL) == resting:
                    return
            self.fail(f"no rest: {self.policies()}")

        await rest()
        await handle.request({"janus": "message", "body": {"request": "elsewhere"}})
        await rest()
        others = self.policies()
        others.pop(CONTROL, None)  # those that rest for long end
        self.assertEqual(others, {name: {usual} for name in others})
        self.assertIn("forward", others)
        await connection.close()


def main():
    result = unittest.main(exit=False, verbosity=1).result
    bad = len(result.failures) + len(result.errors)
    print(f"{result.testsRun - bad} passed, {bad} failed")
    sys.exit(bad > 0)


main()
