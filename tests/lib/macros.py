#!/usr/bin/env python3
"""Formats what rustfmt does not reach: the bodies of functions inside `export! { … }` and `variant! { … }`.

Each body is put into a function of its own in a module, so that its indentation is that inside the macro, formatted, and
taken back. With `--check` nothing is written; the status is 1 when something would be.
"""

import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
MACRO = re.compile(r"^(export|variant)! \{\n(.*?)^\}\n", re.M | re.S)
# The end of a function's head: what is returned when it fails.
HEAD = re.compile(r" or [^;{}]*; (?=\{)")


def end_of_block(text, start):
    """Behind the brace that closes the one at `start`; braces in texts and comments do not count."""
    token = re.compile(r'//[^\n]*|c?"(?:\\.|[^"\\])*"|\'(?:\\.|[^\'\\])\'|[{}]', re.S)
    depth = 0
    for found in token.finditer(text, start):
        depth += {"{": 1, "}": -1}.get(found[0], 0)
        if depth == 0:
            return found.end()
    raise SystemExit(f"no end: {text[start:start + 80]!r}")


def bodies(text):
    """Start and end of each body that is longer than its line."""
    for macro in MACRO.finditer(text):
        for head in HEAD.finditer(text, macro.start(2), macro.end(2)):
            end = end_of_block(text, head.end())
            if "\n" in text[head.end():end]:
                yield head.end(), end


def formatted(all_bodies):
    functions = "".join(f"    fn body_{n}() {body}\n" for n, body in enumerate(all_bodies))
    command = ["rustfmt", "--edition", "2024", "--config-path", str(ROOT), "--emit", "stdout"]
    done = subprocess.run(command, input=f"mod bodies {{\n{functions}}}\n", text=True, capture_output=True)
    if done.returncode:
        raise SystemExit(done.stderr)
    out, position = [], 0
    for n in range(len(all_bodies)):
        start = done.stdout.index(f"    fn body_{n}() ", position) + len(f"    fn body_{n}() ")
        position = end_of_block(done.stdout, start)
        out.append(done.stdout[start:position])
    return out


def main():
    check = "--check" in sys.argv[1:]
    files = [(path, path.read_text()) for path in sorted((ROOT / "src").rglob("*.rs"))]
    places = [(path, start, end) for path, text in files for start, end in bodies(text)]
    if len(places) < 100:
        raise SystemExit(f"only {len(places)} bodies found: has the form of the macros changed?")
    texts = dict(files)
    new = formatted([texts[path][start:end] for path, start, end in places])
    stale = set()
    # From the end, so that places before it stay where they are.
    for (path, start, end), body in reversed(list(zip(places, new))):
        if texts[path][start:end] != body:
            line = texts[path].count("\n", 0, start) + 1
            stale.add(path)
            print(f"{path.relative_to(ROOT)}:{line}: {'not formatted' if check else 'formatted'}")
            texts[path] = texts[path][:start] + body + texts[path][end:]
    if not check:
        for path in stale:
            path.write_text(texts[path])
    print(f"{len(places)} bodies inside macros, {len(stale)} files changed" if not check else f"{len(places)} bodies inside macros")
    return 1 if check and stale else 0


sys.exit(main())
