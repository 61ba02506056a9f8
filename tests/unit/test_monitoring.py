"""What is deployed for Prometheus, Alertmanager and Grafana: accepted by their own tools, and about what exists."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any, Final

import pytest
import yaml
from monitoring import alerts, files, inhibition, records, rules
from monitoring.dashboard import dashboard
from monitoring.pace import Pace

from halftrack import runbooks
from halftrack.reporters.prometheus import names
from unit.promtool import accepted

ROOT: Final = Path(__file__).resolve().parents[2]
FILES: Final = files.files()
PANELS: Final = [each for each in dashboard()["panels"] if each["type"] != "row"]
GROUPS: Final = rules.groups()
ALERTS: Final = [each for each in GROUPS[0]["rules"] if "alert" in each]
EXPORTED: Final = {each.name: {"job", "instance", *each.labels} for each in names.METRICS}
SHOWN: Final = [target["expr"] for panel in PANELS for target in panel["targets"]]
QUERIES: Final = [
    *(each["expr"] for each in GROUPS[0]["rules"]),
    *(
        each["annotations"]["description"]
        for each in ALERTS
        if "| query" in each["annotations"]["description"]
    ),
    *SHOWN,
    *(each["query"]["query"] for each in dashboard()["templating"]["list"][1:]),
]


def test_rules_are_accepted(tmp_path: Path) -> None:
    for pace in (Pace(), Pace(1), Pace(7)):
        path = tmp_path / "halftrack.rules.yaml"
        path.write_text(files.as_yaml({"groups": rules.groups(pace)}), encoding="utf-8")
        accepted("promtool", "check", "rules", "--lint-fatal", str(path))


def test_the_operator_gets_the_same_rules() -> None:
    bare = yaml.safe_load(FILES["deploy/prometheus/halftrack.rules.yaml"])
    wrapped = yaml.safe_load(FILES["deploy/prometheus/prometheus-rule.yaml"])
    assert wrapped["kind"] == "PrometheusRule"
    assert wrapped["spec"] == bare == {"groups": GROUPS}


def test_inhibition_is_accepted(tmp_path: Path) -> None:
    given = yaml.safe_load(FILES["deploy/alertmanager/halftrack.inhibit.yaml"])
    whole = {"route": {"receiver": "nobody"}, "receivers": [{"name": "nobody"}], **given}
    path = tmp_path / "alertmanager.yaml"
    path.write_text(yaml.safe_dump(whole), encoding="utf-8")
    accepted("amtool", "check-config", str(path))


def test_inhibition_names_alerts_and_labels_that_exist() -> None:
    alerting = {each.name for each in alerts.alerts(Pace())}
    for rule in inhibition.inhibit_rules()["inhibit_rules"]:
        for matcher in (*rule["source_matchers"], *rule["target_matchers"]):
            named = re.fullmatch(r'alertname=~?"(.*)"', matcher)
            assert named
            assert set(named[1].split("|")) <= alerting | {inhibition.CRUDE}
        assert set(rule["equal"]) <= {"instance", *names.ENTRIES.labels}


def test_each_alert_has_a_runbook_and_each_runbook_of_alerts_an_alert() -> None:
    pages = {topic.slug for topic in runbooks.topics() if topic.kind == "alert"}
    assert pages == {each["alert"] for each in ALERTS}


@pytest.mark.parametrize("alert", ALERTS, ids=lambda alert: alert["alert"])
def test_an_alert_says_what_is_the_matter_and_where_to_read_on(alert: dict[str, Any]) -> None:
    assert alert["labels"]["severity"] in {"warning", "critical"}
    told = alert["annotations"]
    assert told["summary"].endswith(".")
    assert "{{" not in told["summary"]
    assert told["description"].endswith(f"halftrack explain {alert['alert']}")
    assert told["runbook_url"] == f"{rules.RUNBOOKS}/{alert['alert']}.md"


@pytest.mark.parametrize(
    "name", ["HalftrackDropping", "HalftrackFullSoon", "HalftrackLeak", "HalftrackUnseen"]
)
def test_a_runbook_has_the_numbers_of_its_alert(name: str) -> None:
    """Durations and thresholds that a page states are the rule's."""
    page = " ".join(runbooks.text(name).split())
    rule = next(each for each in ALERTS if each["alert"] == name)
    stated = {
        "HalftrackDropping": {"three quarters": ">= 0.75", "95 %": ">= 0.95", "last five minutes": "[5m]"},
        "HalftrackFullSoon": {"within six hours": "< 21600", "last ten minutes": "[10m]"},
        "HalftrackLeak": {"at least 5 %": ">= 0.05", "from 25 % on": ">= 0.25"},
        "HalftrackUnseen": {"for half an hour": "> 1800"},
    }
    lasting = {"HalftrackFullSoon": ("quarter of an hour", "15m"), "HalftrackLeak": ("For 20 minutes", "20m")}
    for words, expr in stated[name].items():
        assert words in page
        assert expr in rule["expr"]
    if name in lasting:
        words, span = lasting[name]
        assert words in page
        assert rule["for"] == span


def test_symptoms_that_count_as_leaks_are_the_runbook_s() -> None:
    symptoms = {topic.slug for topic in runbooks.topics() if topic.kind == "symptom"}
    expr = next(each["expr"] for each in ALERTS if each["alert"] == "HalftrackLeak")
    named = set(re.findall(r'symptom=~?"([^"]*)"', expr))
    meant = {slug for each in named for slug in each.split("|")}
    assert meant <= symptoms
    assert all(f"`{slug}`" in runbooks.text("HalftrackLeak") for slug in meant)


def test_an_alert_asks_for_numbers_that_are_recorded() -> None:
    recorded = {each.name for each in records.records(Pace())}
    asked = {name for each in ALERTS for name in re.findall(r"\w+:\w+:\w+", each["expr"])}
    assert asked <= recorded


@pytest.mark.parametrize("expr", QUERIES)
def test_only_metrics_and_labels_that_the_exporter_has_are_asked_for(expr: str) -> None:
    asked = set(re.findall(r"(?<![:\w])halftrack_\w+", expr))
    assert asked <= set(EXPORTED)
    for metric, selected in re.findall(r"(?<![:\w])(halftrack_\w+)\{([^}]*)\}", expr):
        assert set(re.findall(r"(\w+)=", selected)) <= EXPORTED[metric]
    known = {label for metric in asked for label in EXPORTED[metric]}
    for grouped in re.findall(r"\b(?:by|without) \(([^)]*)\)", expr) if known else ():
        assert set(grouped.split(", ")) <= known | {"file"}


def shown(text: str) -> str:
    """The indented block of docs/fleet.md in which this stands."""
    page = (ROOT / "docs/fleet.md").read_text(encoding="utf-8")
    blocks = re.findall(r"^    .*(?:\n    .*)*", page, re.MULTILINE)
    return textwrap.dedent(next(block for block in blocks if text in block))


def test_links_lead_to_your_runbooks_as_the_page_says(tmp_path: Path) -> None:
    """``make monitoring`` as it is typed there; what make would set up before is there."""
    [typed] = [line for line in shown("make monitoring").splitlines() if line.startswith("make ")]
    said = ["-o", "here/.installed-dev", "ENV=here", "--dry-run"]
    # A make that runs this test, as the README's does, would have a say in it.
    alone = {name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MFLAGS"))}
    asked = subprocess.run(
        ["make", *typed.split()[1:], *said], cwd=ROOT, check=True, capture_output=True, text=True, env=alone
    )
    words = shlex.split(asked.stdout)
    assert (words[0], words[-1]) == ("here/bin/python", "dist/monitoring")
    done = written(tmp_path, *words[1:-1])
    assert done.returncode == 0, done.stderr
    names = {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file()}
    assert names == {name.removeprefix("deploy/") for name in FILES}
    for name in names:
        text = (tmp_path / name).read_text(encoding="utf-8")
        assert rules.RUNBOOKS not in text
        links = re.findall(r"runbook_url: (.*)", text)
        wanted = {f"https://wiki.example.net/halftrack/{each['alert']}.md" for each in ALERTS}
        assert set(links) == (wanted if name.startswith("prometheus/") else set())
    accepted("promtool", "check", "rules", "--lint-fatal", str(tmp_path / "prometheus/halftrack.rules.yaml"))


def test_without_an_address_of_yours_it_is_what_is_deployed(tmp_path: Path) -> None:
    assert written(tmp_path, "-m", "monitoring").returncode == 0
    for name, text in FILES.items():
        assert (tmp_path / name.removeprefix("deploy/")).read_text(encoding="utf-8") == text


@pytest.mark.parametrize(
    "address", ["wiki.example.net", "ftp://wiki.example.net", "https://", "http://a b", "x\ny"]
)
def test_what_is_no_address_is_refused_in_one_line(address: str, tmp_path: Path) -> None:
    done = written(tmp_path, "-m", "monitoring", "--runbooks", address)
    assert done.returncode == 2
    assert "is no http or https address" in done.stderr
    assert not list(tmp_path.iterdir())


def written(directory: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *words, str(directory)], cwd=ROOT, check=False, capture_output=True, text=True
    )


def test_the_job_is_configured_as_the_page_says(tmp_path: Path) -> None:
    job = {"job_name": "halftrack", **yaml.safe_load(shown("relabel_configs:"))}
    path = tmp_path / "prometheus.yaml"
    path.write_text(yaml.safe_dump({"scrape_configs": [job]}), encoding="utf-8")
    accepted("promtool", "check", "config", str(path))
