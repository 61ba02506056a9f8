"""Which alerts say less than another one that fires for the same node: rules for Alertmanager."""

from __future__ import annotations

from typing import Any, Final

CRUDE: Final = "NodeHighNumberConntrackEntriesUsed"
"""Of node-mixin: more than 75 % used, whoever uses it and whether it matters."""


def inhibit_rules() -> dict[str, Any]:
    """To be put beside the rules that are there."""
    return {
        "inhibit_rules": [
            {
                "source_matchers": ['alertname=~"HalftrackDropping|HalftrackFullSoon|HalftrackLeak"'],
                "target_matchers": [f'alertname="{CRUDE}"'],
                "equal": ["instance"],
            },
            {
                "source_matchers": ['alertname="HalftrackDropping"'],
                "target_matchers": ['alertname="HalftrackFullSoon"'],
                "equal": ["instance", "netns"],
            },
        ]
    }
