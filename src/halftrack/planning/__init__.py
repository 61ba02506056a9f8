"""Planning: which remedies fit this node, in which order, with what effect, and why not the others.

Pure: from a diagnosis and the evidence that it rests on to a plan. Importing this package loads
neither numpy nor polars: what is wanted is read from the command line before them.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

from halftrack.planning.wanted import Wanted, parse

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from halftrack.diagnosis.case import Examined
    from halftrack.evidence.rulesets import Ruleset
    from halftrack.evidence.values import Evidence
    from halftrack.plans.document import Plan

__all__ = ["Wanted", "make", "parse"]


def make(
    evidence: Evidence,
    examined: Examined,
    wanted: Sequence[Wanted] = (),
    *,
    unmanaged: bool = False,
    rules: Mapping[str, Ruleset] = MappingProxyType({}),
    made_at: datetime | None = None,
    machine: str | None = None,
) -> Plan:
    """A plan for this node: what is wanted, or what fits where nothing is named.

    ``examined``: of this evidence (``diagnosis.examine``). ``unmanaged``: settings that kube-proxy
    owns are set here all the same. ``rules``: by namespace, where somebody
    read them. ``machine``: as in ``Plan``. Raises UsageError where what is
    wanted is not there or does not go together.
    """
    from halftrack.planning import making  # noqa: PLC0415  # loads polars

    return making.make(
        evidence,
        examined,
        wanted,
        unmanaged=unmanaged,
        rules=rules,
        made_at=made_at,
        machine=machine,
    )
