"""Packages of Debian's that are run from where they were unpacked; each is fetched once."""

import os
import pathlib
import subprocess
import unittest

CACHE = pathlib.Path(os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache")


def unpacked(package, program, suite="sid"):
    """The path of `program` in it; skips the test where the package is not to be had."""
    folder = CACHE / f"janus-rs-{suite}-{package}"
    if not (folder / "root" / program).exists():
        for name in ("lists/partial", "cache/archives/partial"):
            (folder / name).mkdir(parents=True, exist_ok=True)
        (folder / "sources.list").write_text(f"deb http://deb.debian.org/debian {suite} main\n")
        own = [f"-oDir::Etc::sourcelist={folder}/sources.list", "-oDir::Etc::sourceparts=/dev/null",
               f"-oDir::State::lists={folder}/lists", f"-oDir::Cache={folder}/cache", "-oAcquire::Languages=none",
               "-oAcquire::IndexTargets::deb::DEP-11::DefaultEnabled=false", "-oAcquire::Check-Valid-Until=false",
               "-oAPT::Sandbox::User=root"]
        steps = ["apt-get", "-qq", *own, "update"], ["apt-get", "-qq", *own, "download", package]
        for step in (*steps, ["sh", "-c", f"dpkg -x {package}_*.deb root && rm -r lists cache {package}_*.deb"]):
            done = subprocess.run(step, cwd=folder, capture_output=True, text=True, timeout=300, check=False)
            if done.returncode:
                raise unittest.SkipTest(f"{suite}'s package {package} is not to be had: {done.stderr.strip().splitlines()[-1:]}")
    return folder / "root" / program
