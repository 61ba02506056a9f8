"""All of it as files, by where they belong in the repository."""

from __future__ import annotations

import json
from typing import Any, Final

import yaml

from monitoring import inhibition, rules
from monitoring.dashboard import dashboard
from monitoring.pace import Pace

_HEAD: Final = "# Written from monitoring/: changes by hand are lost.\n"


def files(runbooks: str = rules.RUNBOOKS) -> dict[str, str]:
    """Path and content. ``runbooks``: the address below which the pages of the alerts can be read."""
    found = rules.groups(Pace(), runbooks)
    return {
        "deploy/prometheus/halftrack.rules.yaml": _HEAD + as_yaml({"groups": found}),
        "deploy/prometheus/prometheus-rule.yaml": _HEAD + as_yaml(rules.operator_object(found)),
        "deploy/alertmanager/halftrack.inhibit.yaml": _HEAD + as_yaml(inhibition.inhibit_rules()),
        "deploy/grafana/halftrack.json": json.dumps(dashboard(), indent=2) + "\n",
    }


def as_yaml(value: dict[str, Any]) -> str:
    """With texts of several lines as such, and keys in the order in which they are read."""
    return yaml.dump(value, Dumper=_Readable, sort_keys=False, width=100)


class _Readable(yaml.SafeDumper):
    """YAML for people: queries in lines, no aliases."""

    def ignore_aliases(self, data: object) -> bool:  # noqa: ARG002  # the library's signature
        return True


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.Node:
    style = "|" if "\n" in text else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Readable.add_representer(str, _text)
