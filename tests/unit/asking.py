"""Small tables that are asked about, for the tests of ``whatif``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from halftrack import whatif
from halftrack.diagnosis import examine
from halftrack.diagnosis.view import view
from halftrack.whatif.answering import Seen, answer
from unit.flowrows import evidence, table
from unit.planned import OLD_KERNEL, SETTINGS

if TYPE_CHECKING:
    from halftrack.evidence.values import Evidence
    from halftrack.whatif.document import WhatIf

DAY = 86_400
HORIZON_S = 5 * DAY
WORDS = (
    "tcp_timeout_established=7440",
    "tcp_timeout_established=60",
    "tcp_loose=0",
    "notrack:tcp/80",
    "timeout-policy:service=tcp/80,established=600",
    "tcp_timeout_time_wait=10",
    "udp_timeout=300",
    "tcp_max_retrans=0",
    "tcp_timeout_unacknowledged=60",
    "nf_conntrack_max=100",
)


def seen_of(found: Evidence) -> Seen:
    cases = examine(found).cases
    return Seen(cases[0].view if cases else view(found.tables[0], found), cases)


def node(*rows: dict[str, Any], limit: int | None = 262_144, **fields: Any) -> Evidence:
    """An old node, which cuts nothing short, unless told otherwise."""
    return evidence(table(*rows, settings=SETTINGS, limit=limit), **{"kernel": OLD_KERNEL, **fields})


def ask(found: Evidence, *words: str, horizon_s: int = HORIZON_S) -> WhatIf:
    return answer(seen_of(found), whatif.parse(words), horizon_s)
