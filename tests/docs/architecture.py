"""The picture of the house, docs/architecture.svg, and the list of arrows in docs/ARCHITECTURE.md, drawn from the imports of the
code. As a test: both are as the code is now, no arrow points up, nothing goes in a circle. `--write` draws them anew."""

import functools
import re
import sys
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SRC = ROOT / "src"
PICTURE = ROOT / "docs/architecture.svg"
PAGE = ROOT / "docs/ARCHITECTURE.md"
BEGIN, END = "<!-- arrows: tests/docs/architecture.py --write -->\n", "<!-- end of arrows -->\n"

IS_TEST = re.compile(r"(^|/)(\w+_)?tests(/|\.rs$)")
TEST_MODULE = re.compile(r"^#\[cfg\(test\)\]\n(?:#\[.*\]\n)*(?:pub(?:\(.*?\))? )?mod \w+ \{\n.*?^\}", re.M | re.S)
COMMENT = re.compile(r"^\s*//.*$|\s//\s.*$", re.M)
TEXT = re.compile(r'"(?:[^"\\\n]|\\.)*"')


@functools.cache
def modules():
    """Module path → what the file says outside tests, comments and texts."""
    found = {}
    for file in sorted(SRC.rglob("*.rs")):
        name = file.relative_to(SRC).as_posix()
        if IS_TEST.search(name) or name in ("main.rs", "lib.rs"):
            continue
        path = tuple(name.removesuffix(".rs").removesuffix("/mod").split("/"))
        text = TEST_MODULE.sub("", file.read_text())
        text = re.sub(r"^#\[cfg\(test\)\]\n.*(?:\{\n(?:.*\n)*?\}|;)$", "", text, flags=re.M)
        found[path] = TEXT.sub('""', COMMENT.sub("", text))
    return found


def expand(tree):
    """The paths of a use tree: `a::{b, c::d}` is a::b and a::c::d."""
    tree = tree.strip()
    if "{" not in tree:
        return [re.split(r"\s+as\s+", tree)[0]]
    head, _, rest = tree.partition("{")
    parts, depth, start = [], 0, 0
    rest = rest[: rest.rindex("}")]
    for at, char in enumerate(rest + ","):
        depth += (char == "{") - (char == "}")
        if char == "," and depth == 0:
            if rest[start:at].strip():
                parts += expand(rest[start:at])
            start = at + 1
    return [head + part for part in parts]


def paths(module, text):
    """Absolute paths inside the crate that a file names."""
    uses = re.findall(r"^\s*(?:pub(?:\(.*?\))? )?use ((?:crate|super|self)::[^;]+);", text, re.M)
    named = [path for use in uses for path in expand(use)]
    named += re.findall(r"(?<!\$)\bcrate::[\w:]+", text)
    children = "|".join(other[-1] for other in modules() if other[:-1] == module)
    if children:
        named += [f"self::{path}" for path in re.findall(rf"(?<![\w:.])(?:{children})::[\w:]*", text)]
    for path in named:
        parts = [p.strip() for p in path.split("::") if p.strip()]
        if parts[0] == "crate":
            yield tuple(parts[1:])
            continue
        at = module
        while parts and parts[0] in ("super", "self"):
            at = at[:-1] if parts.pop(0) == "super" else at
        yield at + tuple(parts)


@functools.cache
def arrows(inside=()):
    """Which rooms name which: (from, to) → files that do. Rooms are the modules directly below `inside`."""
    known = modules()
    depth = len(inside)
    rooms = {m[depth] for m in known if len(m) > depth and m[:depth] == inside}
    found = {}
    for module, text in known.items():
        if module[:depth] != inside or len(module) <= depth:
            continue
        for path in paths(module, text):
            if path[:depth] == inside and len(path) > depth and path[depth] in rooms and path[depth] != module[depth]:
                found.setdefault((module[depth], path[depth]), set()).add("/".join(module))
    return rooms, found


def floors(rooms, edges):
    """The row of each room, 0 at the top: below everything that uses it. Fails on a circle."""
    above = {room: sorted(a for a, b in edges if b == room) for room in rooms}
    rows, busy = {}, []

    def row(room):
        if room in busy:
            raise ValueError("circle: " + " ← ".join(busy[busy.index(room) :] + [room]))
        if room not in rows:
            busy.append(room)
            rows[room] = 1 + max((row(a) for a in above[room]), default=-1)
            busy.pop()
        return rows[room]

    for room in sorted(rooms):
        row(room)
    return rows


def direct(edges):
    """The arrows that no longer way stands for."""
    below = {}
    for a, b in edges:
        below.setdefault(a, set()).add(b)

    def reaches(a, b):
        return any(c == b or reaches(c, b) for c in below.get(a, ()))

    return sorted((a, b) for a, b in edges if not any(c != b and reaches(c, b) for c in below[a]))


def order_in_lib():
    text = (SRC / "lib.rs").read_text()
    return [room for room in re.findall(r"^(?:pub(?:\(crate\))? )?mod (\w+);", text, re.M)]


def picture(rooms, edges):
    row_of = floors(rooms, edges)
    rank = {room: n for n, room in enumerate(order_in_lib())}
    rows = {}
    for room in sorted(rooms, key=lambda r: (rank.get(r, 99), r)):
        rows.setdefault(row_of[room], []).append(room)
    box, step, width = (104, 30), 66, 860
    tall = len(rows) * step + 2
    place = {}
    for number, members in rows.items():
        gap = width / len(members)
        for n, room in enumerate(members):
            place[room] = (gap * (n + 0.5), 34 + number * step)
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {tall}" font-family="sans-serif" font-size="14">',
        '<defs><marker id="tip" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="7" markerHeight="7" orient="auto">'
        '<path d="M0 0 8 4 0 8z" fill="#667"/></marker></defs>',
        f'<rect width="{width}" height="{tall}" fill="#fff"/>',
    ]
    for a, b in direct(edges):
        (x1, y1), (x2, y2) = place[a], place[b]
        lines.append(
            f'<path d="M{x1:.0f} {y1 + box[1] / 2:.0f} {x2:.0f} {y2 - box[1] / 2:.0f}" stroke="#99a" fill="none" marker-end="url(#tip)"/>'
        )
    for room, (x, y) in sorted(place.items()):
        lines.append(
            f'<rect x="{x - box[0] / 2:.0f}" y="{y - box[1] / 2:.0f}" width="{box[0]}" height="{box[1]}" rx="5" fill="#eef" stroke="#447"/>'
        )
        lines.append(f'<text x="{x:.0f}" y="{y + 5:.0f}" text-anchor="middle">{room}</text>')
    return "\n".join(lines) + "\n</svg>\n"


def listing(rooms, edges):
    order = {room: n for n, room in enumerate(order_in_lib())}
    by = lambda names: sorted(names, key=lambda r: (order.get(r, 99), r))
    lines = ["| room | uses |", "|---|---|"]
    for room in by(rooms):
        lines.append(f"| `{room}` | {' '.join(by(b for a, b in edges if a == room)) or '–'} |")
    return "\n".join(lines) + "\n"


def page(rooms, edges, media):
    text = PAGE.read_text()
    head, rest = text.split(BEGIN)
    tail = rest.split(END)[1]
    made = listing(rooms, edges) + "\nInside `media`:\n\n" + listing(*media)
    return head + BEGIN + made + END + tail


def circles():
    """Files that name each other, also over others. A file may name what its own folder's `mod.rs` has."""
    known = modules()
    below = {}
    for module, text in known.items():
        for path in paths(module, text):
            while path and path not in known:
                path = path[:-1]
            if path and path != module[: len(path)]:
                below.setdefault(module, set()).add(path)

    def reached(start):
        seen, open_ = set(), [start]
        while open_:
            for other in below.get(open_.pop(), ()):
                if other not in seen:
                    seen.add(other)
                    open_.append(other)
        return seen

    all_reached = {module: reached(module) for module in known}
    found = {frozenset(b for b in all_reached[a] if a in all_reached[b]) for a in known if a in all_reached[a]}
    return sorted(sorted("/".join(module) for module in circle) for circle in found)


class Architecture(unittest.TestCase):
    def test_the_picture_is_the_code(self):
        self.assertEqual(PICTURE.read_text(), picture(*arrows()), "run tests/docs/architecture.py --write")

    def test_the_list_is_the_code(self):
        self.assertEqual(PAGE.read_text(), page(*arrows(), arrows(("media",))), "run tests/docs/architecture.py --write")

    def test_no_arrow_points_up(self):
        order = {room: n for n, room in enumerate(order_in_lib())}
        rooms, edges = arrows()
        self.assertEqual(set(rooms), set(order))
        up = {f"{a} → {b}": sorted(files) for (a, b), files in edges.items() if order[a] > order[b]}
        self.assertEqual(up, {}, "rooms may use those listed after them in src/lib.rs")

    def test_no_circle_inside_media(self):
        floors(*arrows(("media",)))

    def test_files_go_in_no_circle(self):
        self.assertEqual(circles(), [])

    def test_imports_are_read(self):
        self.assertEqual(expand("crate::a::{b, c::{d, e as f}, self}"), ["crate::a::b", "crate::a::c::d", "crate::a::c::e", "crate::a::self"])
        rooms, edges = arrows()
        self.assertGreater(len(rooms), 12)
        self.assertGreater(len(edges), 40)
        with self.assertRaises(ValueError):
            floors({"a", "b"}, {("a", "b"): 1, ("b", "a"): 1})
        self.assertEqual(direct([("a", "b"), ("b", "c"), ("a", "c")]), [("a", "b"), ("b", "c")])


if __name__ == "__main__":
    if sys.argv[1:] == ["--write"]:
        PICTURE.write_text(picture(*arrows()))
        PAGE.write_text(page(*arrows(), arrows(("media",))))
    else:
        unittest.main()
