"""A plugin that crashes on request: the server ends by the same signal, and has said how, once."""

import asyncio
import os
import re
import signal
import subprocess
import sys
import tempfile
import unittest

from call import EchoCall
from harness import Server
from signalling import Connection

PACKAGE = "janus.plugin.crash"
FILE = "libjanus_crash.so"
FOLDER = os.environ["CRASH_PLUGINS"]
LIBRARY = f"{FOLDER}/../library.so"
LIMIT = 60


def build_id(file):
    notes = subprocess.run(["readelf", "-n", file], check=True, capture_output=True, text=True).stdout
    return re.search(r"Build ID: ([0-9a-f]+)", notes)[1]


def report(text):
    """The lines of a crash report in a log. What waits for the log's thread may come in between, or behind it."""
    lines = text[text.find("[FATAL] Crash: "):].splitlines()
    return [line for line in lines if line.startswith(("[FATAL] ", "  | "))]


class Ended:
    """A server that has crashed: `status` as of subprocess, its `output` and the lines of the `report` in it, the log's file,
    the `handle` that was asked."""

    def __init__(self, how, where=None, preload=None):
        environment = dict(os.environ)
        os.environ["CRASH_LIBRARY"] = LIBRARY
        if preload:
            os.environ["LD_PRELOAD"] = preload
        try:
            log = tempfile.NamedTemporaryFile()
            server = Server("janus-rs", general=f'plugins_folder = "{FOLDER}"; log_to_file = "{log.name}";')
        finally:
            os.environ.clear()
            os.environ.update(environment)
        self.pid = server.process.pid
        try:
            self.handle = asyncio.run(self.ask(server, how, where))
            self.status = server.process.wait(LIMIT)
            self.output = server.output()
        finally:
            server.stop(check=False)
        with log:
            self.log = log.read().decode()
        self.report = report(self.output)

    async def ask(self, server, how, where):
        connection = await Connection.open(server.ws)
        handle = await (await connection.create()).attach(PACKAGE)
        call = None
        if where == "incoming_rtp":
            call = EchoCall(handle, video=False, data=False)
            await call.start()
        body = {"how": how, "where": where} if where else {"how": how}
        try:
            await handle.request({"janus": "message", "body": body})
        except ConnectionError:
            pass
        await asyncio.to_thread(server.process.wait, LIMIT)
        if call:
            await call.close()
        await connection.close()
        return handle.id


class Crash(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.build_id = build_id(f"{FOLDER}/{FILE}")

    def line(self, ended, beginning):
        """The only line of the report that begins so."""
        lines = [line for line in ended.report if line.startswith(beginning)]
        self.assertEqual(len(lines), 1, "\n".join(ended.report))
        return lines[0]

    def crash(self, how, where, signal_name, first, at, **more):
        ended = Ended(how, where, **more)
        self.assertEqual(ended.status, -getattr(signal, signal_name), ended.output)
        self.check(ended, signal_name, first, at)
        return ended

    def check(self, ended, signal_name, first, at):
        # Once, and once in the log's file.
        self.assertEqual(ended.output.count("[FATAL] "), 1, ended.output)
        self.assertEqual(report(ended.log), ended.report, ended.log)
        self.assertRegex(ended.report[0], rf"^\[FATAL\] Crash: {signal_name}{first}, thread \d+ \(.+\), janus-rs ")
        self.assertRegex(self.line(ended, "  | at "), at)

    def callback(self, ended, callback):
        generation = re.search(r"taken for generation (\w+) ", ended.output)[1]
        expected = f"  | in {callback} of {PACKAGE} ({FILE}, generation {generation}, build-id {self.build_id}), handle {ended.handle}"
        self.assertEqual(self.line(ended, "  | in "), expected)

    def of_plugin(self, function):
        return rf"{re.escape(FILE)}\+0x[0-9a-f]+ \({function}\+0x[0-9a-f]+\), build-id {self.build_id}$"

    def called_from(self, ended, function):
        frame = rf"(?m)^  \| called from {re.escape(FILE)}\+0x[0-9a-f]+ \({function}\+0x[0-9a-f]+\)"
        self.assertRegex("\n".join(ended.report), frame)

    def test_reading_at_no_address(self):
        ended = self.crash("read_nowhere", None, "SIGSEGV", r" \(nothing is mapped\) at address 0x0", self.of_plugin("read_nowhere"))
        self.callback(ended, "handle_message")
        self.called_from(ended, "crash")
        self.called_from(ended, "crash_handle_message")

    def test_on_a_media_worker(self):
        ended = self.crash("read_nowhere", "incoming_rtp", "SIGSEGV", r" \(nothing is mapped\) at address 0x0",
                           self.of_plugin("read_nowhere"))
        self.callback(ended, "incoming_rtp")
        self.called_from(ended, "crash_incoming_rtp")
        self.assertIn("(hloop", ended.report[0])

    def test_in_a_thread_of_its_own(self):
        ended = self.crash("read_nowhere", "thread", "SIGSEGV", r" \(nothing is mapped\) at address 0x0",
                           self.of_plugin("read_nowhere"))
        self.assertIn("(its own)", ended.report[0])
        self.assertIn("in no callback", self.line(ended, "  | in "))
        self.called_from(ended, "thread")

    def test_abort(self):
        ended = Ended("give_up")
        self.assertEqual(ended.status, -signal.SIGABRT, ended.output)
        self.check(ended, "SIGABRT", f", sent by process {ended.pid}", r"  \| at libc\.so\.6\+0x")
        self.callback(ended, "handle_message")
        self.called_from(ended, "give_up")

    def test_division_by_zero(self):
        ended = self.crash("divide", None, "SIGFPE", r" \(integer division by zero\)", self.of_plugin("divide"))
        self.callback(ended, "handle_message")

    def test_stack_overflow(self):
        ended = self.crash("overflow", None, "SIGSEGV", r".* at address 0x[0-9a-f]+, the end of the stack",
                           self.of_plugin("overflow"))
        self.callback(ended, "handle_message")
        self.called_from(ended, "overflow")
        self.assertRegex("\n".join(ended.report), r"(?m)^  \| and \d\d times more$")

    def test_stack_overflow_on_a_media_worker(self):
        ended = self.crash("overflow", "incoming_rtp", "SIGSEGV", r".* at address 0x[0-9a-f]+, the end of the stack",
                           self.of_plugin("overflow"))
        self.callback(ended, "incoming_rtp")

    def test_calling_no_function(self):
        ended = self.crash("call_nothing", None, "SIGSEGV", r" \(nothing is mapped\) at address 0x0", "at 0x0, where no code is")
        self.callback(ended, "handle_message")
        self.called_from(ended, "call_nothing")

    def test_calling_what_was_unloaded(self):
        ended = self.crash("call_unloaded", None, "SIGSEGV", r" \(nothing is mapped\) at address 0x[0-9a-f]+",
                           rf"  \| at library\.so\+0x[0-9a-f]+, build-id {build_id(LIBRARY)}, which is unloaded$")
        self.callback(ended, "handle_message")
        self.called_from(ended, "call_unloaded")

    def test_a_crash_of_the_report(self):
        """Nothing can be unwound: what is known without that has been written, and it does not crash for ever."""
        ended = self.crash("lose_the_stack", None, "SIGSEGV", r" \(nothing is mapped\) at address 0x40",
                           self.of_plugin("lose_the_stack"))
        self.callback(ended, "handle_message")

    def test_the_handler_from_before(self):
        ended = Ended("read_nowhere", preload=f"{FOLDER}/../before.so")
        self.assertEqual(ended.status, 42, ended.output)
        self.assertEqual(ended.output.splitlines()[-1], "the handler from before")
        self.check(ended, "SIGSEGV", r" \(nothing is mapped\) at address 0x0", self.of_plugin("read_nowhere"))

    def test_sent_from_outside(self):
        """As watchdogs do. No module has done anything."""
        server = Server("janus-rs", general=f'plugins_folder = "{FOLDER}";')
        server.process.send_signal(signal.SIGABRT)
        self.assertEqual(server.process.wait(LIMIT), -signal.SIGABRT)
        output = server.output()
        server.stop(check=False)
        self.assertEqual(output.count(f"[FATAL] Crash: SIGABRT, sent by process {os.getpid()}, thread"), 1, output)
        self.assertEqual(output.count("  | in no callback"), 1)


def main():
    # Where no core can be written: the server allows them without a limit.
    os.chdir("/proc")
    result = unittest.main(exit=False, verbosity=1).result
    bad = len(result.failures) + len(result.errors)
    print(f"{result.testsRun - bad} passed, {bad} failed")
    sys.exit(bad > 0)


main()
