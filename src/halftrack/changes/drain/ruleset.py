"""The rules of a namespace, looked at for whether they would miss an entry that goes."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from halftrack.draining.rules import lets_all_pass
from halftrack.errors import HalftrackError
from halftrack.kernel import iptables, ipvs, survey, tools

if TYPE_CHECKING:
    from halftrack.evidence.values import Namespace


def would_miss_none(namespace: Namespace) -> bool:
    """Whether its rules surely let everything pass; False also where that cannot be told."""
    (found,) = survey.visit([namespace], lambda _: _lets_all_pass())
    return found is True


def _lets_all_pass() -> bool:
    if iptables.legacy_tables("ip") or iptables.legacy_tables("ip6") or ipvs.services():
        return False
    try:
        ruleset = json.loads(tools.run(["nft", "-j", "list", "ruleset"]))
    except (HalftrackError, ValueError):
        return False
    return isinstance(ruleset, dict) and lets_all_pass(ruleset)
