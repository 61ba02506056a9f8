"""``syncookies``: a server under a SYN flood answers without remembering the unfinished."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from halftrack.diagnosis.document import Advice, Effect, Risk
from halftrack.remedies import persistence

if TYPE_CHECKING:
    from halftrack.evidence.values import Table
    from halftrack.remedies.situation import Situation

REMEDY: Final = "syncookies"
SETTING: Final = "net.ipv4.tcp_syncookies"


def helps(situation: Situation) -> bool:
    """Whether connections to a server of ours stay unfinished and its namespace has cookies off.

    Not known counts as off: setting 1 where it is 1 changes nothing.
    """
    finding = situation.finding
    if finding.symptom != "half-open" or not finding.groups or finding.groups[0].side != "server":
        return False
    return _server_table(situation).settings.get(SETTING, "0") == "0"


def _server_table(situation: Situation) -> Table:
    """The table of the namespace in which the server's sockets are."""
    owner = situation.finding.groups[0].owner
    if owner is not None:
        for table in situation.evidence.tables:
            whose = table.namespace.owner
            if whose is not None and (whose.runtime, whose.id) == (owner.runtime, owner.id):
                return table
    return situation.table


def advise(situation: Situation) -> Advice | None:
    if not helps(situation):
        return None
    at_server = replace(situation, table=_server_table(situation))
    kept = persistence.keep({SETTING: 1}, at_server, module=False)
    group = situation.finding.groups[0]
    return Advice(
        remedy=REMEDY,
        kind="relief",
        title=f"SYN cookies for {group.service or 'the server'}: a full backlog turns nobody away",
        arguments={"tcp_syncookies": 1},
        effect=Effect(entries_freed=0),
        risk=Risk(
            level="low",
            why=(
                "saves the server's backlog, not this table: each SYN still makes an entry for 60 s or more",
                "connections made by cookie lose TCP options where the client sent no timestamps",
                *kept.notes,
            ),
            live_flows_affected=0,
        ),
        commands=(*persistence.set_now({SETTING: 1}, at_server), *kept.commands),
    )
