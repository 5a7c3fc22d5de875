"""1.4.1: Debian sid's packaged janus and its headers, in a folder of their own because they need a newer C library.

The folder is made once (about two minutes) and kept. The program runs from it through its own dynamic loader, so
neither a chroot nor root is needed afterwards.
"""

import os
import pathlib
import platform
import shutil
import subprocess
import time

# The archive's signatures are checked; that its index is today's is not (clocks of test machines may be ahead).
APT = "apt-get -o Acquire::Check-Valid-Until=false"
INSTALL = f"""set -e
{APT} update -qq
DEBIAN_FRONTEND=noninteractive {APT} install -y -qq --no-install-recommends janus
mkdir -p /opt/dev && cd /opt/dev
{APT} -o APT::Sandbox::User=root download janus-dev
dpkg -x janus-dev_*.deb /usr/share/janus-dev
chmod -R a+rX /usr/share/janus-dev
"""


def mirror():
    """Where this machine gets its own packages from, unless ORACLE_SID_MIRROR says otherwise."""
    if chosen := os.environ.get("ORACLE_SID_MIRROR"):
        return chosen
    listed = subprocess.run(["apt-get", "indextargets", "--format", "$(REPO_URI)"], capture_output=True, text=True, check=True)
    return next(uri for uri in listed.stdout.split() if "security" not in uri)


def folder():
    cache = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    return pathlib.Path(cache) / "janus-rs-sid"


def skip(why):
    print(f"SKIPPED 1.4.1: {why}")


def prepare():
    """The folder with sid's janus, or None after a line that says why not. ORACLE_SID=0 skips it, too."""
    if os.environ.get("ORACLE_SID") == "0":
        return skip("ORACLE_SID=0")
    root = folder()
    if (root / "usr/bin/janus").exists() and headers(root).exists():
        return root
    if platform.machine() != "x86_64":
        return skip(f"only tried on x86_64, this is {platform.machine()}")
    as_root = [] if os.geteuid() == 0 else ["sudo", "-n"]
    began = time.monotonic()
    for step, command in (
        ("become root", [*as_root, "true"]),
        ("install debootstrap", None if shutil.which("debootstrap", path="/usr/sbin:/usr/bin") else [*as_root, "apt-get", "install", "-y", "-qq", "debootstrap"]),
        ("make the folder", [*as_root, "rm", "-rf", str(root)]),
        ("debootstrap sid", [*as_root, "debootstrap", "--variant=minbase", "--include=ca-certificates", "sid", str(root), mirror()]),
        ("install janus in it", [*as_root, "chroot", str(root), "sh", "-c", INSTALL]),
    ):
        if command is None:
            continue
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace", stdin=subprocess.DEVNULL, check=False)
        if done.returncode:
            last = done.stdout.strip().splitlines()[-1:] or ["no message"]
            return skip(f"cannot {step}: {last[0]}")
    print(f"sid's janus installed in {root} ({time.monotonic() - began:.0f} s)")
    return root


def headers(root):
    return root / "usr/share/janus-dev/usr/include/janus"


def command(root):
    """What starts sid's janus on this system."""
    libraries = [root / "usr/lib/x86_64-linux-gnu", root / "usr/lib"]
    return [str(root / "usr/lib/x86_64-linux-gnu/ld-linux-x86-64.so.2"), "--library-path", ":".join(map(str, libraries)), str(root / "usr/bin/janus")]
