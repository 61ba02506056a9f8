"""The dashboard: what Grafana knows, drawn in its place, about metrics that exist."""

from __future__ import annotations

import copy
import functools
import itertools
import json
import operator
import re
from typing import TYPE_CHECKING, Any, Final

import pytest
from monitoring.dashboard import COLUMNS, SOURCE, dashboard
from monitoring.files import files

from halftrack.reporters.prometheus import names
from unit.grafana import amiss
from unit.promtool import queries

if TYPE_CHECKING:
    from pathlib import Path

PANELS: Final = [each for each in dashboard()["panels"] if each["type"] != "row"]
TITLED: Final = pytest.mark.parametrize("panel", PANELS, ids=lambda panel: panel["title"])
VARIABLES: Final = {"$__rate_interval": "5m", "$job": ".+", "$instance": ".+"}
SHOWN: Final = [target["expr"] for panel in PANELS for target in panel["targets"]]
EXPORTED: Final = {each.name for each in names.METRICS}
UNITS: Final = {"none", "percentunit", "s", "pps", "ops"}
"""As Grafana's own list of units has them: @grafana/data, valueFormats/categories."""


def test_grafana_knows_all_that_is_in_it_and_takes_every_value() -> None:
    assert amiss(json.loads(files()["deploy/grafana/halftrack.json"])) == []


@pytest.mark.parametrize(
    ("where", "wrong"),
    [
        ([], {"titel": "x"}),
        ([], {"title": 1}),
        (["panels", 1, "options"], {"colorMode": "blue"}),
        (["panels", 1, "targets", 0], {"exprr": "up"}),
        (["panels", 1, "targets", 0], {"instant": "yes"}),
        (["panels", 1, "gridPos"], {"x": "0"}),
        (["panels", 1, "fieldConfig", "defaults"], {"units": "s"}),
        (["panels", 5, "fieldConfig", "defaults", "custom"], {"drawStyle": "lines"}),
        (["panels", 6, "transformations", 0], {"option": {}}),
        (["templating", "list", 1], {"refresh": 7}),
    ],
)
def test_what_grafana_does_not_know_would_be_found(where: list[str | int], wrong: dict[str, Any]) -> None:
    broken = copy.deepcopy(dashboard())
    functools.reduce(operator.getitem, where, broken).update(wrong)
    assert len(amiss(broken)) == 1


def test_whatever_is_exported_can_be_seen_on_the_dashboard() -> None:
    assert {name for expr in SHOWN for name in re.findall(r"halftrack_\w+", expr)} == EXPORTED


@TITLED
def test_a_panel_says_what_it_shows(panel: dict[str, Any]) -> None:
    assert panel["title"]
    assert panel["description"].endswith(".")
    assert panel["fieldConfig"]["defaults"]["unit"] in UNITS
    assert panel["datasource"] == SOURCE


@TITLED
def test_a_panel_asks_of_the_nodes_that_were_chosen(panel: dict[str, Any], tmp_path: Path) -> None:
    for target in panel["targets"]:
        assert target["datasource"] == SOURCE
        selectors = re.findall(r"\bhalftrack_\w+(\{[^}]*\})?", target["expr"])
        assert selectors
        assert all(each == '{job=~"$job", instance=~"$instance"}' for each in selectors)
        assert "rate(" not in target["expr"] or "[$__rate_interval]" in target["expr"]
    queries(tmp_path, (filled(target["expr"]) for target in panel["targets"]))


def filled(expr: str) -> str:
    for name, value in VARIABLES.items():
        expr = expr.replace(name, value)
    assert "$" not in expr
    return expr


def test_panels_neither_overlap_nor_stand_out() -> None:
    taken: dict[tuple[int, int], str] = {}
    for panel in dashboard()["panels"]:
        place = panel["gridPos"]
        assert 0 <= place["x"] < place["x"] + place["w"] <= COLUMNS
        for cell in itertools.product(
            range(place["x"], place["x"] + place["w"]), range(place["y"], place["y"] + place["h"])
        ):
            assert taken.setdefault(cell, panel["title"]) == panel["title"]
    assert len({panel["id"] for panel in dashboard()["panels"]}) == len(dashboard()["panels"])


def test_legends_name_labels_that_their_query_keeps() -> None:
    for panel in PANELS:
        for target in panel["targets"]:
            kept = re.search(r"sum by \(([^)]*)\)", target["expr"])
            for label in re.findall(r"\{\{(\w+)\}\}", target["legendFormat"]):
                assert kept is None or label in kept[1].split(", ")


def test_the_dashboard_is_one_that_grafana_reads() -> None:
    found = json.loads(files()["deploy/grafana/halftrack.json"])
    assert found == dashboard()
    assert re.fullmatch(r"[a-z0-9]{8,40}", found["uid"])
    assert "id" not in found  # Grafana gives it, and refuses one that it does not know
    variables = {each["name"]: each for each in found["templating"]["list"]}
    assert list(variables) == ["datasource", "job", "instance"]
    assert variables["datasource"]["type"] == "datasource"
    for name in ("job", "instance"):
        assert variables[name]["query"]["query"].endswith(f", {name})")
        assert variables[name]["datasource"] == SOURCE
    used = set(re.findall(r"\$(\w+)|\$\{(\w+)\}", json.dumps(found)))
    assert {one or other for one, other in used} - {"__rate_interval", "__all"} == set(variables)
