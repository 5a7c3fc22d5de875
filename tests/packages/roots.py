"""Roots of Debian, made once and kept; each test has a copy."""

import os
import pathlib
import shutil
import subprocess
import tempfile
import unittest

CACHE = pathlib.Path(os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache") / "janus-rs-roots"
MIRROR = "http://deb.debian.org/debian"
LIMIT = 1200


def run(*words, check=True, **more):
    ended = subprocess.run([str(word) for word in words], capture_output=True, text=True, timeout=LIMIT, check=False, **more)
    if check and ended.returncode:
        raise AssertionError(f"{words}: {ended.returncode}\n{ended.stdout}{ended.stderr}")
    return ended


class Root:
    """A folder that holds a Debian, with `packages` in it; gone with the test."""

    def __init__(self, test, suite, packages=()):
        if os.geteuid():
            raise unittest.SkipTest("a root of Debian is made by root only")
        kept = CACHE / f"{'-'.join([suite, *packages])}.tar"
        if not kept.exists():
            CACHE.mkdir(parents=True, exist_ok=True)
            made = run("mmdebstrap", "--quiet", "--variant=apt", "--skip=cleanup/apt/lists", "--aptopt=Acquire::Languages \"none\"",
                       "--dpkgopt=path-exclude=/usr/share/locale/*", f"--include={','.join(['ca-certificates', *packages])}",
                       suite, f"{kept}.part", MIRROR, "--format=tar", check=False)
            if made.returncode:
                raise unittest.SkipTest(f"a root of {suite} is not to be had: {made.stderr.strip().splitlines()[-1:]}")
            os.rename(f"{kept}.part", kept)
        self.path = pathlib.Path(tempfile.mkdtemp(prefix="janus-packages-"))
        test.addCleanup(shutil.rmtree, self.path)
        run("tar", "-C", self.path, "-xf", kept, "--exclude=./dev/*")
        policy = self.path / "usr/sbin/policy-rc.d"
        policy.write_text("#!/bin/sh\nexit 101\n")
        policy.chmod(0o755)

    def run(self, *words, check=True):
        """In it, with a /proc and /dev of its own that end with the command."""
        script = 'mount -t proc proc "$1/proc" && mount --bind /dev "$1/dev" && exec chroot "$@"'
        return run("unshare", "--mount", "--pid", "--fork", "--kill-child", "sh", "-c", script, "sh", self.path, *words, check=check,
                   env={"PATH": os.environ["PATH"], "DEBIAN_FRONTEND": "noninteractive", "LC_ALL": "C.UTF-8"})

    def install(self, debs):
        """Our packages; what they need comes with `apt-get`."""
        folder = self.path / "debs"
        folder.mkdir(exist_ok=True)
        names = [f"/debs/{pathlib.Path(shutil.copy(deb, folder)).name}" for deb in debs]
        return self.run("apt-get", "install", "-y", "-qq", "--no-install-recommends", *names)

    def files(self):
        """Everything but what installing leaves by itself, such as logs of dpkg."""
        own = {"debs", "dev", "proc", "sys", "run", "tmp"}
        left_out = ("var/lib/dpkg", "var/log", "var/cache", "var/lib/apt")
        found = set()
        for folder, folders, names in os.walk(self.path):
            here = pathlib.Path(folder).relative_to(self.path)
            folders[:] = [name for name in folders
                          if str(here / name) not in own and not str(here / name).startswith(left_out)]
            found.update(str(here / name) for name in (*folders, *names))
        return found
