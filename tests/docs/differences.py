"""docs/differences.md counts what its tables hold: every page of docs/differences is listed with the number of its rows, and the
sum is the one in its first lines. Every row has as many columns as its head.
`tests/docs/differences.py --write` counts anew."""

import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
INDEX = ROOT / "docs/differences.md"
LISTED = re.compile(r"^\* \[([^\]]+)\]\(differences/([\w-]+\.md)\)(?:: (\d+))?$", re.M)
SUM = re.compile(r"^\d+ entries in all\.", re.M)


def rows(path):
    """Cells of all rows of a page, without heads, each with the number of columns of its head."""
    found, columns = [], None
    for line in path.read_text().splitlines():
        cells = [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
        if not line.startswith("|"):
            columns = None
        elif all(re.fullmatch(r":?-+:?", cell) for cell in cells):
            columns = len(cells)
        elif columns:
            found.append((columns, cells))
    return found


def main(write):
    faults, counts = [], {}
    for page in sorted((ROOT / "docs/differences").glob("*.md")):
        seen = set()
        counts[page.name] = len(rows(page))
        for columns, cells in rows(page):
            if len(cells) != columns:
                faults.append(f"{page.name}: not {columns} columns: {' | '.join(cells)}")
            if tuple(cells) in seen:
                faults.append(f"{page.name}: twice: {cells[0]}")
            seen.add(tuple(cells))
    text = INDEX.read_text()
    listed = {name: count for _, name, count in LISTED.findall(text)}
    faults += [f"{name} is not listed, or not there" for name in listed.keys() ^ counts.keys()]
    counted = LISTED.sub(lambda m: f"* [{m[1]}](differences/{m[2]}): {counts.get(m[2], 0)}", text)
    counted = SUM.sub(f"{sum(counts.values())} entries in all.", counted)
    if not SUM.search(text):
        faults.append(f"{INDEX.name} does not say how many entries there are in all")
    if write:
        INDEX.write_text(counted)
    elif counted != text:
        faults.append(f"{INDEX.name} counts otherwise; tests/docs/differences.py --write counts anew")
    print("\n".join(faults) or f"differences: {sum(counts.values())} entries on {len(counts)} pages")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main("--write" in sys.argv[1:]))
