"""Recording rules and alerts as Prometheus reads them, bare or as a PrometheusRule of its operator."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from monitoring.alerts import alerts
from monitoring.pace import Pace
from monitoring.records import records

if TYPE_CHECKING:
    from monitoring.alerts import Alert

RUNBOOKS: Final = "https://halftrack.example/runbooks"
"""Where the pages of ``src/halftrack/runbooks/alerts`` can be read: whoever deploys the rules says where."""
NAME: Final = "halftrack"


def groups(pace: Pace = Pace(), runbooks: str = RUNBOOKS) -> list[dict[str, Any]]:  # noqa: B008  # frozen
    """One group, since its rules are evaluated in turn: numbers first, then the alerts from them."""
    return [
        {
            "name": NAME,
            "interval": pace.span(1),
            "rules": [
                *({"record": each.name, "expr": each.expr} for each in records(pace)),
                *(_rule(each, pace, runbooks) for each in alerts(pace)),
            ],
        }
    ]


def operator_object(found: list[dict[str, Any]]) -> dict[str, Any]:
    """The same groups for the Prometheus operator."""
    return {
        "apiVersion": "monitoring.coreos.com/v1",
        "kind": "PrometheusRule",
        "metadata": {"name": NAME, "labels": {"app.kubernetes.io/name": NAME}},
        "spec": {"groups": found},
    }


def _rule(alert: Alert, pace: Pace, runbooks: str) -> dict[str, Any]:
    lasting = {"for": pace.span(alert.for_)} if alert.for_ else {}
    return {
        "alert": alert.name,
        "expr": alert.expr,
        **lasting,
        "labels": {"severity": alert.severity},
        "annotations": {
            "summary": alert.summary,
            "description": f"{alert.description} What to do: halftrack explain {alert.name}",
            "runbook_url": f"{runbooks}/{alert.name}.md",
        },
    }
