"""Builds the oracle plugin, runs it in two cores, compares what they wrote."""

import argparse
import collections
import os
import pathlib
import re
import subprocess
import sys
import tempfile

import expected
import sid

# One shared object each: C file of c-plugins/oracle → subject.
SUBJECTS = ("values", "files", "objects", "trees", "net", "logging", "record", "capture", "sdp", "generate", "rtp", "payload", "streams", "rtcp")
# Those of headers that 1.1.2 lacks.
SUBJECTS_1_4 = ("forward",)
FRAME = ("oracle",)
SECONDS = 300
# Where in the core a line was logged.
SOURCE = re.compile(r"\[(?!logging\.)[a-z0-9_-]+\.(c|rs):[^\]]*\] ")


class Paths:
    def __init__(self, root):
        self.root = pathlib.Path(root)
        self.sources = self.root / "c-plugins/oracle"
        self.corpus = self.root / "tests/corpus"
        self.here = self.root / "tests/oracle"
        self.program = pathlib.Path(os.environ.get("JANUS_RS", self.root / "target/debug/janus-rs"))


def flags(*packages):
    output = subprocess.run(["pkg-config", "--cflags", "--libs", *packages], capture_output=True, text=True, check=True)
    return output.stdout.split()


def build(paths, headers, subjects, target):
    """One plugin per subject, in folders of their own, and the clock."""
    common = ["cc", "-std=gnu11", "-O1", "-g", "-fPIC", "-shared", "-Wall", "-Wextra", "-Wno-override-init", "-Werror",
              "-DHAVE_SRTP_2", "-isystem", str(headers)]
    libraries = flags("glib-2.0", "jansson", "zlib")
    jobs = []
    for subject in subjects:
        folder = target / subject
        folder.mkdir(parents=True)
        sources = [str(paths.sources / f"{name}.c") for name in (*FRAME, subject)]
        jobs.append((subject, subprocess.Popen([*common, "-o", str(folder / f"libjanus_oracle_{subject}.so"), *sources, *libraries])))
    jobs.append(("clock", subprocess.Popen(["cc", "-std=gnu11", "-O1", "-fPIC", "-shared", "-Wall", "-Wextra", "-Werror", "-Wno-nonnull-compare",
                                            "-o", str(target / "clock.so"), str(paths.sources / "clock.c"), "-ldl"])))
    broken = [name for name, job in jobs if job.wait() != 0]
    if broken:
        sys.exit(f"oracle: does not compile: {', '.join(broken)}")


CONFIGURATION = """general: {{
	debug_level = 4
	debug_colors = false
	plugins_folder = "{plugins}"
	transports_folder = "{empty}"
	events_folder = "{empty}"
	loggers_folder = "{empty}"
}}
nat: {{ ice_enforce_list = "127.0.0.1" }}
transports: {{ builtin = false }}
plugins: {{ abi_generations = "libjanus_oracle_{subject}.so={generation}" }}
"""


class Core:
    """A program that loads plugins."""

    def __init__(self, name, command, generation=""):
        self.name, self.command, self.generation = name, command, generation

    def run(self, paths, built, subject, work):
        """What the subject wrote in this program."""
        for folder in ("conf", "empty", "scratch"):
            (work / folder).mkdir(parents=True)
        (work / "conf/janus.jcfg").write_text(CONFIGURATION.format(
            plugins=built / subject, empty=work / "empty", subject=subject, generation=self.generation))
        out, log = work / "out", work / "log"
        variables = {
            "LD_PRELOAD": str(built / "clock.so"), "ORACLE_OUT": str(out), "ORACLE_SCRATCH": str(work / "scratch"),
            "ORACLE_CORPUS": str(paths.corpus), "TZ": "UTC", "LC_ALL": "C.UTF-8", "PATH": "/usr/bin:/bin",
        }
        variables.update((name, os.environ[name]) for name in ("ORACLE_FULL",) if name in os.environ)
        with log.open("wb") as output:
            try:
                ended = subprocess.run([*self.command, "-F", str(work / "conf"), "-C", str(work / "conf/janus.jcfg")], env=variables, cwd=work / "scratch",
                                       stdout=output, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, timeout=SECONDS, check=False).returncode
            except subprocess.TimeoutExpired:
                ended = f"still running after {SECONDS} s"
        return Transcript(self.name, subject, out, log, ended)


class Transcript:
    def __init__(self, core, subject, out, log, ended):
        self.core, self.subject, self.ended = core, subject, ended
        self.lines, self.count = {}, collections.Counter()
        self.log = log.read_text(errors="replace")
        text = out.read_text() if out.exists() else ""
        self.complete = text.endswith("END\n")
        seen = collections.Counter()
        for line in text.splitlines():
            if line == "END":
                continue
            function, label, result = (line.split("\t", 2) + ["", ""])[:3]
            self.count[function] += 1
            seen[function, label] += 1
            if seen[function, label] > 1:
                label += f" #{seen[function, label]}"
            self.lines[function, label] = result.strip()
        # Log lines with this prefix are results, too.
        for number, line in enumerate((l for l in self.log.splitlines() if "ORACLE|" in l), 1):
            self.lines["log", f"line {number}"] = SOURCE.sub("[…] ", line)
        self.last = text.splitlines()[-1] if text else ""

    def why(self):
        tail = "\n".join("    " + line for line in self.log.splitlines()[-6:])
        return f"{self.core} did not finish {self.subject} (ended: {self.ended}); last: {self.last[:200]}\n{tail}"


def header_functions(paths, version):
    """{function: header} from functions-VERSION.txt."""
    table = {}
    for line in (paths.here / f"functions-{version}.txt").read_text().splitlines():
        header, *names = line.split()
        table.update(dict.fromkeys(names, header))
    return table


def compare(paths, version, reference, ours, headers, subjects, work, keep):
    """Runs everything, prints what differs; (passed, failed)."""
    built = work / f"build-{version}"
    build(paths, headers, subjects, built)
    rules = expected.read(paths.here / "differences.txt", version)
    passed = failed = 0
    counts = collections.Counter()
    for subject in subjects:
        sides = []
        for number, core in enumerate((reference, ours), 1):
            sides.append(core.run(paths, built, subject, work / f"{version}-{subject}-{number}"))
        for side in sides:
            if not side.complete:
                print(f"FAILED {side.why()}")
                failed += 1
        left, right = sides
        counts += left.count
        different = 0
        for case in [*left.lines, *(c for c in right.lines if c not in left.lines)]:
            a, b = left.lines.get(case), right.lines.get(case)
            if (a is None and not left.complete) or (b is None and not right.complete):
                continue
            if expected.listed(rules, *case, a, b) if a != b else True:
                passed += 1
                continue
            failed += 1
            different += 1
            if different <= keep:
                print(f"DIFFERENT {case[0]} [{case[1]}]\n    {reference.name}: {a}\n    {ours.name}: {b}")
        note = f", {different} different" if different else ""
        print(f"{version} {subject}: {len(left.lines)} cases{note}")
    if subjects[:len(SUBJECTS)] == SUBJECTS:
        for rule in rules:
            if not rule.used:
                print(f"NEVER SEEN differences.txt:{rule.line}: {rule.text}")
                failed += 1
        table = header_functions(paths, version)
        excused = expected.read_excuses(paths.here / "not-called.txt")
        for name in sorted(table):
            if not counts[name] and name not in excused:
                print(f"NEVER CALLED {name} ({table[name]})")
                failed += 1
            elif counts[name] and name in excused:
                print(f"CALLED although not-called.txt lists it: {name}")
                failed += 1
        print(f"\ncases per function, {version}:")
        for name in sorted(counts):
            print(f"{counts[name]:7} {name}")
        absent = {name: why for name, why in excused.items() if name in table}
        print(f"{sum(counts.values()):7} cases of {sum(1 for n in table if counts[n])} functions; {len(absent)} not called:")
        for name, why in absent.items():
            print(f"        {name}: {why}")
        if sum(counts.values()) < 50000:
            print("FAILED fewer than 50000 cases")
            failed += 1
    return passed, failed


def bench(paths, headers, reference, ours, work):
    """Prints what the helpers of the packet path cost; asserts nothing."""
    build(paths, headers, ("bench",), work / "build")
    sides = [core.run(paths, work / "build", "bench", work / f"bench-{n}") for n, core in enumerate((reference, ours), 1)]
    print(f"{'ns per call':52} {reference.name:>9} {ours.name:>9}   ratio")
    for case, value in sides[0].lines.items():
        a, b = float(value), float(sides[1].lines.get(case, "nan"))
        print(f"{case[0]:52} {a:9.1f} {b:9.1f} {b / a:7.2f}   {case[1]}")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--root", required=True)
    parser.add_argument("--keep", help="a folder for what the cores write")
    parser.add_argument("--show", type=int, default=20, help="differences to print per subject")
    parser.add_argument("--only", choices=("1.1.2", "1.4.1"))
    parser.add_argument("--bench", action="store_true", help="time the packet path's helpers instead (JANUS_RS: a release build)")
    parser.add_argument("subjects", nargs="*")
    arguments = parser.parse_args()
    paths = Paths(arguments.root)
    subjects = tuple(arguments.subjects) or SUBJECTS
    passed = failed = 0
    with tempfile.TemporaryDirectory(prefix="oracle-") as scratch:
        work = pathlib.Path(arguments.keep or scratch).resolve()
        work.mkdir(parents=True, exist_ok=True)
        ours = [str(paths.program)]
        if arguments.bench:
            bench(paths, "/usr/include/janus", Core("janus", ["/usr/bin/janus"]), Core("janus-rs", ours, "B3"), work)
            return 0
        if arguments.only != "1.4.1":
            result = compare(paths, "1.1.2", Core("janus", ["/usr/bin/janus"]), Core("janus-rs", ours, "B3"),
                             "/usr/include/janus", subjects, work, arguments.show)
            passed, failed = passed + result[0], failed + result[1]
        if arguments.only != "1.1.2":
            folder = sid.prepare()
            if folder:
                result = compare(paths, "1.4.1", Core("janus", sid.command(folder)), Core("janus-rs", ours, "B6"),
                                 paths.root / "include/janus", tuple(arguments.subjects) or SUBJECTS + SUBJECTS_1_4, work, arguments.show)
                passed, failed = passed + result[0], failed + result[1]
    print(f"\n{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
