"""``syncookies``: a server under a SYN flood answers without remembering the unfinished."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from halftrack.diagnosis.document import Advice, Effect, Risk
from halftrack.remedies import persistence, setting_actions

if TYPE_CHECKING:
    from collections.abc import Mapping

    from halftrack.evidence.values import Table
    from halftrack.plans.actions import Action
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
    groups = situation.finding.groups
    owner = groups[0].owner if groups else None
    if owner is not None:
        for table in situation.evidence.tables:
            whose = table.namespace.owner
            if whose is not None and (whose.runtime, whose.id) == (owner.runtime, owner.id):
                return table
    return situation.table


def advise(situation: Situation) -> Advice | None:
    return propose(situation, {}) if helps(situation) else None


def propose(situation: Situation, arguments: Mapping[str, str | int]) -> Advice:  # noqa: ARG001  # it has none
    """The same for whoever asks for it."""
    at_server = replace(situation, table=_server_table(situation))
    kept = persistence.keep({SETTING: 1}, at_server, module=False)
    groups = situation.finding.groups
    service = groups[0].service if groups else None
    return Advice(
        remedy=REMEDY,
        kind="relief",
        title=f"SYN cookies for {service or 'the servers'}: a full backlog turns nobody away",
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


def actions(situation: Situation, advice: Advice) -> tuple[Action, ...]:  # noqa: ARG001  # it has one value
    at_server = replace(situation, table=_server_table(situation))
    return setting_actions.change({SETTING: 1}, at_server, module=False)
