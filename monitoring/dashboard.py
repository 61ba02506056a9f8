"""The panels as a dashboard in Grafana's own JSON (schema 39, which Grafana 10.4 and later read)."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any, Final

from monitoring.panels import ROWS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from monitoring.panels import Panel, Query

SOURCE: Final = {"type": "prometheus", "uid": "${datasource}"}
"""Chosen above the dashboard, so that it fits every Grafana."""
COLUMNS: Final = 24
_SCHEMA: Final = 39


def dashboard() -> dict[str, Any]:
    """A fixed name and uid: brought again, it replaces what was brought before."""
    return {
        "uid": hashlib.md5(b"halftrack.json", usedforsecurity=False).hexdigest(),
        "title": "Halftrack: connection tables",
        "description": "Which nodes' connection tables fill up, with whose entries, and until when.",
        "tags": ["halftrack", "conntrack"],
        "schemaVersion": _SCHEMA,
        "version": 1,
        "editable": True,
        "graphTooltip": 1,
        "refresh": "1m",
        "time": {"from": "now-24h", "to": "now"},
        "timepicker": {},
        "timezone": "",
        "annotations": {"list": []},
        "links": [],
        "templating": {
            "list": [
                _sources(),
                _choice("job", "halftrack_up"),
                _choice("instance", 'halftrack_up{job=~"$job"}'),
            ]
        },
        "panels": list(_panels()),
    }


def _panels() -> Iterator[dict[str, Any]]:
    """Each row's title, and below it its panels from left to right, in lines of 24 columns."""
    number, top = 1, 0
    for row in ROWS:
        yield {
            "id": number,
            "type": "row",
            "title": row.title,
            "collapsed": False,
            "gridPos": {"x": 0, "y": top, "w": COLUMNS, "h": 1},
            "panels": [],
        }
        number, top, left, line = number + 1, top + 1, 0, 0
        for panel in row.panels:
            if left + panel.width > COLUMNS:
                top, left, line = top + line, 0, 0
            place = {"x": left, "y": top, "w": panel.width, "h": panel.height}
            yield _panel(panel, number, place)
            number, left, line = number + 1, left + panel.width, max(line, panel.height)
        top += line


def _panel(panel: Panel, number: int, place: dict[str, int]) -> dict[str, Any]:
    defaults: dict[str, Any] = {"unit": panel.unit, "min": 0, "custom": _drawn(panel)}
    if panel.none:
        defaults["noValue"] = panel.none
    defaults["color"] = {"mode": "thresholds" if panel.kind == "stat" else "palette-classic"}
    defaults["thresholds"] = {"mode": "absolute", "steps": _steps(panel)}
    found = {
        "id": number,
        "type": panel.kind,
        "title": panel.title,
        "description": panel.description,
        "datasource": SOURCE,
        "gridPos": place,
        "targets": [
            _target(query, letter, panel) for query, letter in zip(panel.queries, "ABCDEF", strict=False)
        ],
        "fieldConfig": {"defaults": defaults, "overrides": []},
        "options": _options(panel),
    }
    if panel.kind == "table":
        found["transformations"] = [
            {"id": "organize", "options": {"excludeByName": {"Time": True}}},
            {"id": "sortBy", "options": {"sort": [{"field": "Value", "desc": True}]}},
        ]
    return found


def _target(query: Query, letter: str, panel: Panel) -> dict[str, Any]:
    """A line over time asks for a range; a number or a list for this moment."""
    now = panel.kind != "timeseries"
    return {
        "refId": letter,
        "datasource": SOURCE,
        "expr": query.expr,
        "legendFormat": query.legend or "__auto",
        "editorMode": "code",
        "instant": now,
        "range": not now,
        "format": "table" if panel.kind == "table" else "time_series",
    }


def _steps(panel: Panel) -> list[dict[str, Any]]:
    return [
        {"color": "green", "value": None},
        *({"color": colour, "value": value} for colour, value in panel.steps),
    ]


def _drawn(panel: Panel) -> dict[str, Any]:
    if panel.kind != "timeseries":
        return {}
    return {
        "drawStyle": "line",
        "lineWidth": 1,
        "fillOpacity": 30 if panel.stacked else 0,
        "showPoints": "never",
        "spanNulls": False,
        "stacking": {"mode": "normal" if panel.stacked else "none", "group": "A"},
        "thresholdsStyle": {"mode": "line" if panel.steps else "off"},
    }


def _options(panel: Panel) -> dict[str, Any]:
    match panel.kind:
        case "stat":
            reduced = {"calcs": ["lastNotNull"], "fields": "", "values": False}
            return {"reduceOptions": reduced, "colorMode": "value", "graphMode": "none", "textMode": "value"}
        case "timeseries":
            legend = {"displayMode": "table", "placement": "bottom", "showLegend": True, "calcs": ["last"]}
            return {"legend": legend, "tooltip": {"mode": "multi", "sort": "desc"}}
        case "table":
            return {"showHeader": True, "cellHeight": "sm"}


def _sources() -> dict[str, Any]:
    return {
        "name": "datasource",
        "label": "Data source",
        "type": "datasource",
        "query": "prometheus",
        "hide": 0,
        "refresh": 1,
    }


def _choice(label: str, series: str) -> dict[str, Any]:
    """Values of a label, of which several or all may be chosen."""
    query = f"label_values({series}, {label})"
    return {
        "name": label,
        "label": label.capitalize(),
        "type": "query",
        "datasource": SOURCE,
        "query": {"query": query, "refId": f"Prometheus-{label}"},
        "current": {"selected": True, "text": ["All"], "value": ["$__all"]},
        "includeAll": True,
        "allValue": ".+",
        "multi": True,
        "refresh": 2,
        "sort": 1,
        "hide": 0,
    }
