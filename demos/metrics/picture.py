#!/usr/bin/env python3
"""Draws the time series of dashboard.json as SVG, from what a Prometheus has read in the last seconds.

    picture.py http://127.0.0.1:9090 SECONDS >dashboard.svg

For documentation, where there is no Grafana. Panels without anything but zeros are left out.
"""

import json
import pathlib
import sys
import time
import urllib.parse
import urllib.request
from xml.sax.saxutils import escape

PANELS = json.loads(pathlib.Path(__file__).with_name("dashboard.json").read_text())["panels"]
COLOURS = ["#3274d9", "#e0752d", "#299c46", "#a352cc", "#c4162a", "#8f6b00", "#0f8b8d", "#6b6b6b"]
WIDTH, HEIGHT, COLUMNS, STEP = 320, 170, 3, 1
LEFT, TOP, CHART = 46, 26, 84
LEGEND = 4


def ask(url, expression, start, end):
    question = urllib.parse.urlencode({"query": expression.replace("$__rate_interval", "10s"), "start": start, "end": end, "step": STEP})
    with urllib.request.urlopen(f"{url}/api/v1/query_range?{question}", timeout=30) as answer:
        return json.load(answer)["data"]["result"]


def name(series, target):
    labels = [value for key, value in series["metric"].items() if key not in ("instance", "__name__", "job")]
    if "quantile" in target["expr"]:
        labels.insert(0, "95 %" if "0.95" in target["expr"] else "median")
    return " ".join(label.removeprefix("janus.plugin.") for label in labels) or "all"


def short(value):
    for bound, letter in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(value) >= bound:
            return f"{value / bound:.3g}{letter}"
    return f"{value:.3g}"


def panel(url, one, start, end):
    """Its lines: name and points; none if there is nothing to see."""
    lines = []
    for target in one["targets"]:
        for series in ask(url, target["expr"], start, end):
            points = [(float(at), float(value)) for at, value in series["values"] if value not in ("NaN", "+Inf")]
            if any(value for _, value in points):
                lines.append((name(series, target), points))
    lines.sort(key=lambda line: -max(value for _, value in line[1]))
    return lines


def draw(title, lines, unit, start, end):
    top = max(value for _, points in lines for _, value in points)
    yield f'<text x="8" y="17" class="title">{escape(title)}</text>'
    for part in (0, 0.5, 1):
        y = TOP + CHART * (1 - part)
        yield f'<path d="M{LEFT} {y}H{WIDTH - 8}" class="grid"/><text x="{LEFT - 4}" y="{y + 3}" class="axis">{short(top * part)}</text>'
    for number, (text, points) in enumerate(lines):
        colour = COLOURS[number % len(COLOURS)]
        path = " ".join(f"{LEFT + (at - start) / (end - start) * (WIDTH - LEFT - 8):.1f},{TOP + CHART * (1 - value / top):.1f}"
                        for at, value in points)
        yield f'<polyline points="{path}" stroke="{colour}"/>'
        if number < LEGEND:
            x, y = 8 + number % 2 * WIDTH // 2, TOP + CHART + 18 + number // 2 * 14
            yield f'<rect x="{x}" y="{y - 7}" width="8" height="8" fill="{colour}"/><text x="{x + 12}" y="{y}">{escape(text[:26])}</text>'
    more = len(lines) - LEGEND
    yield f'<text x="{WIDTH - 8}" y="17" class="axis">{escape(unit)}{f", {more} more" if more > 0 else ""}</text>'


def main(url, seconds):
    end = time.time()
    start = end - float(seconds)
    seen = [(one, panel(url, one, start, end)) for one in PANELS if one["type"] == "timeseries"]
    seen = [(one, lines) for one, lines in seen if lines]
    rows = -(-len(seen) // COLUMNS)
    print(f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH * COLUMNS} {HEIGHT * rows}" font-family="sans-serif" font-size="10">'
          "<style>.title{font-weight:bold;font-size:11px}.axis{text-anchor:end;fill:#666}.grid{stroke:#ddd}polyline{fill:none;stroke-width:1.5}"
          "</style><rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>")
    for number, (one, lines) in enumerate(seen):
        print(f'<g transform="translate({number % COLUMNS * WIDTH},{number // COLUMNS * HEIGHT})">')
        print("\n".join(draw(one["title"], lines, one["fieldConfig"]["defaults"]["unit"], start, end)))
        print("</g>")
    print("</svg>")


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    main(*sys.argv[1:])
