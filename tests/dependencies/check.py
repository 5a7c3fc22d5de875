#!/usr/bin/env python3
"""deny.toml without cargo-deny: licences, sources and bans of all that is linked or built, and duplicate versions in the library.

Advisories need a database that is fetched; they are checked by `cargo deny` only."""

import json
import re
import subprocess
import sys
import tomllib

RULES = tomllib.load(open("deny.toml", "rb"))
ALLOWED = set(RULES["licenses"]["allow"])
BANNED = {rule["name"] for rule in RULES["bans"]["deny"]}
REGISTRY = "registry+https://github.com/rust-lang/crates.io-index"
# Versions of one crate that the library itself links twice, and why that stays.
TWICE = json.load(open("tests/dependencies/twice.json", encoding="utf-8"))


def metadata():
    command = ["cargo", "metadata", "--format-version", "1", "--locked", "--filter-platform", "x86_64-unknown-linux-gnu"]
    return json.loads(subprocess.run(command, check=True, capture_output=True).stdout)


def allowed(expression):
    """Whether an SPDX expression can be met with the allowed licences."""
    words = re.findall(r"\(|\)|[^\s()]+(?: WITH [^\s()]+)?", expression.replace("/", " OR "))

    def either():
        met = both()
        while words and words[0] == "OR":
            words.pop(0)
            met = both() or met
        return met

    def both():
        met = one()
        while words and words[0] == "AND":
            words.pop(0)
            met = one() and met
        return met

    def one():
        word = words.pop(0)
        if word == "(":
            met = either()
            words.pop(0)
            return met
        return word in ALLOWED

    return either()


def linked():
    """Names and versions of what the library links with, with its own features: those of the workspace are more."""
    command = ["cargo", "tree", "--quiet", "--locked", "--package", "libjanus_rs", "--target", "x86_64-unknown-linux-gnu"]
    command += ["--edges", "normal,no-proc-macro", "--prefix", "none", "--format", "{p}"]
    versions = {}
    for line in subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines():
        if line:
            name, version = line.split()[:2]
            versions.setdefault(name, set()).add(version.removeprefix("v"))
    return versions


def main():
    assert allowed("MIT OR GPL-3.0") and allowed("(MIT OR X) AND ISC") and not allowed("GPL-3.0 AND MIT")
    assert allowed("MIT/Apache-2.0") and not allowed("Apache-2.0 WITH GPL-exception")
    data = metadata()
    problems = []
    for package in data["packages"]:
        name = f"{package['name']} {package['version']}"
        if not allowed(package["license"] or "none"):
            problems.append(f"{name}: licence {package['license']} is not allowed")
        if package["source"] not in (None, REGISTRY):
            problems.append(f"{name}: comes from {package['source']}")
        if package["name"] in BANNED:
            problems.append(f"{name}: is banned")
    twice = {name: versions for name, versions in linked().items() if len(versions) > 1}
    for name, versions in sorted(twice.items()):
        if name not in TWICE:
            problems.append(f"{name}: linked as {' and '.join(sorted(versions))}; if that stays, say why in twice.json")
    for name in TWICE:
        if name not in twice:
            problems.append(f"{name}: is no longer linked twice; take it out of twice.json")
    print("\n".join(problems))
    print(f"{len(data['packages'])} packages, {len(problems)} problems")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
