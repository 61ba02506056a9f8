"""The table at the end of a replay as evidence of a node: what reads tables reads this one as well."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

from halftrack.evidence.sysctls import PREFIX
from halftrack.evidence.values import Evidence, Input, Namespace, Table
from halftrack.tcp import settings

if TYPE_CHECKING:
    from halftrack.evidence.flows import FlowTable
    from halftrack.replaying.ruling import Rules
    from halftrack.replaying.tracking import Replay

NAME: Final = "replay"
"""Of its namespace."""
_NS: Final = 1e9


def evidence(name: str, replay: Replay, rules: Rules, flows: FlowTable) -> Evidence:
    """``flows``: the replay's table (``table.table``). ``name``: of the capture."""
    begun = None if replay.first_ns is None else datetime.fromtimestamp(replay.first_ns / _NS, UTC)
    there = Table(
        Namespace(NAME),
        count=len(flows),
        limit=rules.limit,
        settings={PREFIX + one: str(value) for one, value in settings.named(rules.settings).items()},
        flows=flows,
    )
    return Evidence(
        node=name,
        source="dump",
        kernel=rules.kernel.release,
        taken_at=None if begun is None else begun + timedelta(seconds=replay.end_s),
        tables=(there,),
        input=Input(files=(name,)),
    )
