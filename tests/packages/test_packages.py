"""The Debian packages: their files, and what installing, upgrading and purging them does."""

import gzip
import json
import os
import pathlib
import pwd
import re
import shutil
import socket
import subprocess
import tempfile
import unittest

from roots import CACHE, Root, run

ROOT = pathlib.Path(__file__).resolve().parents[2]
LONG = "LONG" in os.environ
NAMES = ["janus-rs", "janus-rs-doc", "libjanus-rs-dev", "libjanus-rs0"]
# Whoever publishes packages puts their own address in.
NOT_OURS = "bogus-mail-host,bogus-mail-host-in-debian-changelog"


def built():
    """Package files by name."""
    profile = {} if LONG else {"PROFILE": "dev", "DEB_BUILD_OPTIONS": "noautodbgsym"}
    run("./package.sh", cwd=ROOT, env={**os.environ, **profile})
    return {deb.name.split("_")[0]: deb for deb in (ROOT / "target/packages").glob("*.deb")}


def setUpModule():
    global DEBS
    DEBS = built()


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def contents(deb):
    """Paths of files, without folders."""
    lines = run("dpkg-deb", "--contents", deb).stdout.splitlines()
    return {line.split()[5].removeprefix(".") for line in lines if not line.startswith("d")}


def newer(deb, folder):
    """The same package as a later version."""
    tree = folder / "tree"
    run("dpkg-deb", "--raw-extract", deb, tree)
    control = tree / "DEBIAN/control"
    control.write_text(re.sub(r"\b0\.1\.0\b", "0.1.0+1", control.read_text()))
    (tree / "usr/share/doc" / deb.name.split("_")[0] / "newer").write_text("\n")
    run("dpkg-deb", "-Zgzip", "-z1", "--root-owner-group", "--build", tree, folder)
    shutil.rmtree(tree)
    return next(folder.glob(f"{deb.name.split('_')[0]}_*.deb"))


class Files(unittest.TestCase):
    def test_all_of_them_are_built(self):
        debug = ["janus-rs-dbgsym", "libjanus-rs0-dbgsym"] if LONG else []
        self.assertEqual(sorted(DEBS), sorted(NAMES + debug))

    def test_none_is_a_file_of_package_janus(self):
        """As it is installed where the tests run."""
        theirs = {line for name in ("janus", "janus-dev", "janus-tools", "janus-demos")
                  for line in run("dpkg", "-L", name, check=False).stdout.splitlines() if not pathlib.Path(line).is_dir()}
        self.assertGreater(len(theirs), 50)
        ours = set().union(*(contents(DEBS[name]) for name in NAMES))
        self.assertGreater(len(ours), 100)
        self.assertEqual(ours & theirs, set())

    def test_the_unit_is_hardened(self):
        """At most 1.5 of 10, as systemd sees it."""
        with tempfile.TemporaryDirectory() as folder:
            run("dpkg-deb", "-x", DEBS["janus-rs"], folder)
            unit = next(pathlib.Path(folder).glob("*/systemd/system/janus-rs.service"))
            judged = run("systemd-analyze", "security", "--offline=true", "--threshold=15", "--no-pager", unit, check=False)
            self.assertEqual(judged.returncode, 0, judged.stdout)
            self.assertRegex(judged.stdout, r"Overall exposure level for janus-rs.service: [01]\.\d")
            verified = run("systemd-analyze", "verify", "--man=no", unit, check=False)
            # The program is not installed here.
            wrong = [line for line in verified.stderr.splitlines() if "janus-rs.service" in line and "not executable" not in line]
            self.assertEqual(wrong, [])

    def test_the_traps_are_told(self):
        with tempfile.TemporaryDirectory() as folder:
            run("dpkg-deb", "-x", DEBS["janus-rs"], folder)
            told = pathlib.Path(folder, "usr/share/doc/janus-rs/README.Debian").read_text()
        for trap in ("ReadWritePaths", "UMask=0027", "--lenient", "SIGHUP", "switch back", "rtp_port_range"):
            self.assertIn(trap, told)

    def test_the_documentation_has_a_bill_of_materials(self):
        with tempfile.TemporaryDirectory() as folder:
            run("dpkg-deb", "-x", DEBS["janus-rs-doc"], folder)
            listed = next(pathlib.Path(folder).glob("usr/share/doc/*/sbom.cdx.json*"))
            text = gzip.open(listed, "rt").read() if listed.suffix == ".gz" else listed.read_text()
        bill = json.loads(text)
        self.assertIn("pkg:cargo/jansson-sys@", " ".join(component["purl"] for component in bill["components"]))
        self.assertGreater(len(bill["components"]), 100)

    @unittest.skipUnless(LONG, "with --long")
    def test_lintian(self):
        changes = next((ROOT / "target/packages").glob("*.changes"))
        said = run("lintian", "--allow-root", "--fail-on=error,warning", f"--suppress-tags={NOT_OURS}", changes, check=False)
        self.assertEqual((said.returncode, said.stdout), (0, ""), said.stderr)


class Installed(unittest.TestCase):
    """In a root of its own."""

    def life(self, suite, packages=()):
        root = Root(self, suite, packages)
        before = root.files()
        root.install([DEBS["janus-rs"], DEBS["libjanus-rs0"]])
        self.assertIn("janus-rs 0.1.0", root.run("janus-rs", "--version").stdout)
        user = next(line for line in (root.path / "etc/passwd").read_text().splitlines() if line.startswith("janus-rs:"))
        self.assertIn(":/var/lib/janus-rs:/usr/sbin/nologin", user)
        # Nothing is started or enabled: package janus has a service on the same ports.
        self.assertFalse(list((root.path / "etc/systemd/system").glob("**/janus-rs.service")))
        self.assertEqual(root.run("dpkg", "--verify", "janus-rs", "libjanus-rs0").stdout, "")
        # It says what is wrong with an installation that is not there, or fine with one that is.
        checked = root.run("janus-rs", "check", check=False)
        self.assertIn("/etc/janus: ", checked.stdout)
        changed = root.path / "etc/default/janus-rs"
        changed.write_text('JANUS_RS_OPTIONS="-d 5"\n')
        with tempfile.TemporaryDirectory() as folder:
            root.install([newer(DEBS[name], pathlib.Path(folder)) for name in ("janus-rs", "libjanus-rs0")])
        self.assertIn("0.1.0+1", root.run("dpkg-query", "-W", "janus-rs").stdout)
        self.assertTrue((root.path / "usr/share/doc/janus-rs/newer").exists())
        self.assertEqual(changed.read_text(), 'JANUS_RS_OPTIONS="-d 5"\n')
        root.run("apt-get", "purge", "-y", "-qq", "janus-rs", "libjanus-rs0")
        root.run("apt-get", "autoremove", "--purge", "-y", "-qq")
        left = {path for path in root.files() - before if "janus" in path}
        self.assertEqual(left, set())
        return root

    def test_in_a_root_of_12(self):
        self.life("bookworm")

    @unittest.skipUnless(LONG, "with --long")
    def test_in_a_root_of_12_with_janus(self):
        root = self.life("bookworm", ["janus"])
        self.assertIn("ok installed", root.run("dpkg-query", "-W", "-f", "${Status}", "janus").stdout)

    @unittest.skipUnless(LONG, "with --long")
    def test_in_a_root_of_13(self):
        self.life("trixie")


class Booted(unittest.TestCase):
    """A whole system, which boots in systemd-nspawn."""

    @unittest.skipUnless(LONG, "with --long")
    def test_the_migration(self):
        root = Root(self, "bookworm", ["systemd-sysv", "dbus", "janus", "logrotate", "curl"])
        root.install([DEBS["janus-rs"], DEBS["libjanus-rs0"]])
        # The version that the root has, once more, is what an update does.
        root.run("sh", "-c", "cd /debs && apt-get download -qq -o APT::Sandbox::User=root janus")
        (root.path / "usr/sbin/policy-rc.d").unlink()
        shutil.copy(pathlib.Path(__file__).with_name("migration.sh"), root.path / "migration.sh")
        (root.path / "etc/systemd/system/migration.service").write_text(
            "[Unit]\nAfter=multi-user.target\n[Service]\nType=exec\nExecStart=/bin/bash /migration.sh\n"
            "StandardOutput=file:/migration.log\nStandardError=inherit\n[Install]\nWantedBy=multi-user.target\n")
        root.run("systemctl", "enable", "migration.service")
        booted = run("timeout", "900", "systemd-nspawn", "--register=no", "--keep-unit", "--private-network", "--boot",
                     f"--directory={root.path}", check=False, stdin=subprocess.DEVNULL)
        log = root.path / "migration.log"
        if not log.exists():
            self.skipTest(f"systemd-nspawn does not boot here: {(booted.stdout + booted.stderr).strip().splitlines()[-1:]}")
        said = log.read_text()
        print(said)
        self.assertNotIn("FAILED", said)
        self.assertEqual(said.count("\nok: ") + said.startswith("ok: "), 10, said)


class Container(unittest.TestCase):
    """The Containerfile, on a tree of Debian 12 in place of an image from a registry."""

    @unittest.skipUnless(LONG, "with --long")
    def test_images_with_and_without_modules(self):
        Root(self, "bookworm")
        # Somebody who is not root, and may have users of their own (subuid(5)).
        rows = pathlib.Path("/etc/subuid").read_text().splitlines() if pathlib.Path("/etc/subuid").exists() else []
        users = [row.split(":")[0] for row in rows if row.split(":")[0] in {user.pw_name for user in pwd.getpwall()}]
        if not users:
            self.skipTest("nobody here has subordinate ids: no user to build an image")
        folder = pathlib.Path(tempfile.mkdtemp(prefix="janus-image-"))
        self.addCleanup(run, "rm", "-rf", folder)
        port = free_port()
        (folder / "etc").mkdir()
        (folder / "etc/janus.jcfg").write_text("transports: { builtin = true }\n")
        (folder / "etc/janus-rs.jcfg").write_text(f'web: {{ ip = "127.0.0.1"; port = {port} }}\n')
        shutil.copy(ROOT / "Containerfile", folder)
        shutil.copy(pathlib.Path(__file__).with_name("container.sh"), folder)
        shutil.copytree(ROOT / "target/packages", folder / "target/packages")
        shutil.copy(CACHE / "bookworm.tar", folder / "base.tar")
        run("chown", "-R", users[0], folder)
        done = run("su", users[0], "-s", "/bin/sh", "-c", f"sh {folder}/container.sh {folder} {port}", check=False)
        for modules in ("", "janus"):
            self.assertIn(f"image with modules '{modules}': user janus-rs, ended with 0", done.stdout, done.stderr[-3000:])
            info = json.loads((folder / f"info{modules}").read_text())
            self.assertEqual(info["implementation"], "janus-rs")
            self.assertEqual("janus.plugin.videoroom" in info["plugins"], bool(modules))


if __name__ == "__main__":
    unittest.main()
