#!/usr/bin/env python3
"""Makes dashboard.json (Grafana) and alerts.yml (Prometheus) from the list in docs/metrics.md. `--check`: are they up to date?

A counter becomes a rate, a histogram its median and its 95th percentile, by all labels that there are. What a name means for the
order and for alerts stands here; a name that is not in the list is an error.
"""

import json
import pathlib
import re
import sys

HERE = pathlib.Path(__file__).resolve().parent
LIST = HERE.parents[1] / "docs/metrics.md"
ROW = re.compile(r"^\| `(\w+)` \| (\w+) \| (\w*) \| ([^|]*) \| (.*) \|$", re.MULTILINE)

# Beginnings of names, by the row of the dashboard that they belong to; the first that fits.
ROWS = [
    ("Process", ["process_", "janus_build", "janus_module", "janus_log", "janus_certificate"]),
    ("Who is here", ["janus_sessions", "janus_handles", "janus_peerconnections", "janus_accepting"]),
    ("Requests and events", ["janus_request", "janus_control", "janus_events", "janus_notifications", "janus_changes"]),
    ("Calls coming up", ["janus_ice", "janus_dtls", "janus_join"]),
    ("Modules", ["janus_callback", "janus_blocked"]),
    ("Media", ["janus_"]),
]

# Name, expression, how long, severity, text. Each name in an expression has to be in the list.
ALERTS = [
    ("JanusDown", 'up{job="janus"} == 0', "1m", "critical", "{{ $labels.instance }} gives no metrics."),
    ("JanusCallbackStalls", "sum by (instance, module, callback) (janus_callbacks_stalled) > 0", "30s", "critical",
     "{{ $labels.callback }} of {{ $labels.module }} does not return: the calls behind it wait."),
    ("JanusCertificateExpires", "janus_certificate_expiry_timestamp_seconds - time() < 14 * 86400", "1h", "warning",
     "The DTLS certificate of {{ $labels.instance }} ends within two weeks."),
    ("JanusWorkerBusy", "rate(janus_worker_busy_seconds_total[5m]) > 0.85", "5m", "warning",
     "Media worker {{ $labels.worker }} of {{ $labels.instance }} has almost no time left."),
    ("JanusForwardDelay",
     "histogram_quantile(0.95, sum by (instance, le) (rate(janus_forward_delay_seconds_bucket[5m]))) > 0.025", "5m", "warning",
     "5 % of the packets wait longer than 25 ms in {{ $labels.instance }}."),
    ("JanusUnsent", "sum by (instance, reason) (rate(janus_unsent_datagrams_total[5m])) > 1", "5m", "warning",
     "{{ $labels.instance }} loses datagrams itself ({{ $labels.reason }})."),
    ("JanusLoss",
     "histogram_quantile(0.9, sum by (instance, direction, le) (rate(janus_loss_ratio_bucket[5m]))) > 0.1", "10m", "warning",
     "A tenth of the streams ({{ $labels.direction }}) of {{ $labels.instance }} loses more than 10 %."),
    ("JanusCallsFail",
     'sum by (instance) (rate(janus_peerconnections_ended_total{reason=~"ICE failed|DTLS.*"}[10m]))'
     " > 0.2 * sum by (instance) (rate(janus_peerconnections_ended_total[10m]))", "10m", "warning",
     "A fifth of the calls of {{ $labels.instance }} ends because ICE or DTLS fails."),
    ("JanusRequestsRefused", "rate(janus_requests_refused_total[5m]) > 0", "5m", "warning",
     "{{ $labels.instance }} refuses requests: a client or a plugin is too slow or too fast."),
    ("JanusEventsDropped", "rate(janus_events_dropped_total[5m]) > 0", "5m", "warning",
     "An event handler of {{ $labels.instance }} is too slow: events are lost."),
    ("JanusLogLost", "rate(janus_log_lines_lost_total[5m]) > 0", "5m", "warning",
     "The output of {{ $labels.instance }}'s log is too slow: lines are lost."),
    ("JanusFiles", "process_open_fds / process_max_fds > 0.8", "5m", "warning",
     "{{ $labels.instance }} has opened 80 % of the files that it may."),
]

UNITS = {"seconds": "s", "bytes": "bytes", "ratio": "percentunit", "": "short"}


def families():
    found = ROW.findall(LIST.read_text())
    if len(found) < 30:
        sys.exit(f"{LIST}: only {len(found)} metrics")
    return [{"name": name, "type": kind, "unit": unit, "labels": re.findall(r"`(\w+)`", labels), "help": text}
            for name, kind, unit, labels, text in found]


def targets(family):
    """Expressions and what their lines are called."""
    name, by = family["name"], ", ".join(["instance", *family["labels"]])
    legend = " ".join("{{%s}}" % label for label in ["instance", *family["labels"]])
    if family["type"] == "counter":
        return [(f"sum by ({by}) (rate({name}_total[$__rate_interval]))", legend)]
    if family["type"] == "histogram":
        return [(f"histogram_quantile({q}, sum by ({by}, le) (rate({name}_bucket[$__rate_interval])))", f"{legend} {share}")
                for q, share in ((0.5, "50 %"), (0.95, "95 %"))]
    if family["type"] == "info":
        return [(f"{name}_info", legend)]
    return [(f"sum by ({by}) ({name})", legend)]


def unit_of(family):
    if family["name"] == "process_start_time_seconds" or "timestamp" in family["name"]:
        return "dateTimeAsIso"
    if family["type"] == "counter":
        return {"seconds": "percentunit", "bytes": "Bps"}.get(family["unit"], "cps")
    return UNITS[family["unit"]]


def panel(family, number, x, y):
    is_date = unit_of(family) == "dateTimeAsIso"
    lines = [{"refId": chr(ord("A") + index), "expr": expr + (" * 1000" if is_date else ""), "legendFormat": legend}
             for index, (expr, legend) in enumerate(targets(family))]
    return {
        "id": number, "type": "stat" if is_date else "table" if family["type"] == "info" else "timeseries",
        "title": family["name"], "description": family["help"],
        "datasource": {"type": "prometheus", "uid": "${datasource}"},
        "gridPos": {"x": x, "y": y, "w": 8, "h": 8},
        "fieldConfig": {"defaults": {"unit": unit_of(family)}, "overrides": []},
        "options": {}, "targets": [{**line, **({"instant": True, "format": "table"} if family["type"] == "info" else {})}
                                   for line in lines],
    }


def dashboard(all_families):
    panels, number, y, left = [], 0, 0, list(all_families)
    sorted_rows = {title: [] for title, _ in ROWS}
    for family in left:
        title = next(title for title, starts in ROWS if family["name"].startswith(tuple(starts)))
        sorted_rows[title].append(family)
    order = ["Who is here", "Calls coming up", "Media", "Modules", "Requests and events", "Process"]
    for title in order:
        number += 1
        panels.append({"id": number, "type": "row", "title": title, "collapsed": False, "panels": [],
                       "gridPos": {"x": 0, "y": y, "w": 24, "h": 1}})
        y += 1
        for index, family in enumerate(sorted_rows[title]):
            number += 1
            panels.append(panel(family, number, index % 3 * 8, y + index // 3 * 8))
        y += (len(sorted_rows[title]) + 2) // 3 * 8
    source = {"name": "datasource", "type": "datasource", "query": "prometheus", "label": "Data source", "hide": 0}
    return json.dumps({
        "title": "janus-rs", "uid": "janus-rs", "schemaVersion": 39, "editable": True, "refresh": "10s",
        "time": {"from": "now-1h", "to": "now"}, "tags": ["webrtc"], "templating": {"list": [source]}, "panels": panels,
    }, indent=1) + "\n"


def alerts(all_families):
    known = {family["name"] for family in all_families} | {"up"}
    lines = ["# Made by make.py from docs/metrics.md.", "groups:", "  - name: janus-rs", "    rules:"]
    for name, expr, hold, severity, text in ALERTS:
        for metric in re.findall(r"\b(?:janus|process)_\w+", expr):
            if metric not in known and re.sub(r"_(total|bucket|sum|count)$", "", metric) not in known:
                sys.exit(f"{name}: {metric} is no metric of {LIST}")
        lines += [f"      - alert: {name}", f"        expr: {json.dumps(expr)}", f"        for: {hold}",
                  f"        labels: {{ severity: {severity} }}", "        annotations:", f"          summary: {json.dumps(text)}"]
    return "\n".join(lines) + "\n"


def main():
    all_families = families()
    for file, text in (("dashboard.json", dashboard(all_families)), ("alerts.yml", alerts(all_families))):
        path = HERE / file
        if "--check" not in sys.argv:
            path.write_text(text)
        elif not path.exists() or path.read_text() != text:
            sys.exit(f"{path} is old: demos/metrics/make.py")


main()
