"""Commands that remove entries by hand, each looking first whether something alive would go with them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from halftrack.evidence import uapi
from halftrack.remedies import place
from halftrack.remedies.shell import comment

if TYPE_CHECKING:
    from halftrack.diagnosis.document import Group
    from halftrack.remedies.entry_filters import EntryFilter
    from halftrack.remedies.shell import Addresses
    from halftrack.remedies.situation import Situation

_FIELDS: Final = r"s/^[^=]*src=([^ ]+) dst=([^ ]+) sport=([0-9]+) dport=([0-9]+) .*/\1 \2 \3 \4/p"
"""The original tuple out of a line of ``conntrack -L``, of any age."""
_LOCAL_IS_SOURCE: Final = ("orig_src", "reply_dst")


@dataclass(frozen=True, slots=True)
class Part:
    """What one filter selects: ``entries`` of the finding's, and ``others`` that are not meant."""

    chosen: EntryFilter
    others: int
    entries: int
    group: Group


def at_once(situation: Situation, part: Part, spelled: Addresses) -> list[str]:
    """Remove by filter; refused where something alive has come under it meanwhile."""
    before = place.prefix(situation.table.namespace, situation.evidence)
    options = part.chosen.options(spelled)
    remove = f"{before}conntrack -D {options} >/dev/null"
    service = part.group.service or "no service"
    note = comment(f"{part.entries} entries of {service}; no other matched when this was read")
    guard = _guard(situation, part, f"{before}conntrack -L {options}")
    if guard is None:
        return [note, remove]
    refusal = "echo 'not removed: something alive matches by now, or it failed' >&2"
    return [note, f"{guard} && \\\n  {remove} || \\\n  {refusal}"]


def one_by_one(situation: Situation, part: Part, spelled: Addresses) -> list[str]:
    """List by filter, look at each entry again, remove it by its whole tuple."""
    before = place.prefix(situation.table.namespace, situation.evidence)
    family = "ipv6" if part.chosen.family == uapi.AF_INET6 else "ipv4"
    state = f" --state {uapi.TCP_STATES[part.chosen.state]}" if part.chosen.state is not None else ""
    only = " | grep -F '[UNREPLIED]'" if unanswered(situation) else ""
    loop = (
        f"{before}conntrack -L {part.chosen.options(spelled)} 2>/dev/null{only} |",
        f"  sed -nE '{_FIELDS}' |",
        "  while read -r src dst sport dport; do",
        '    set -- "$src" "$dst" "$sport" "$dport"',
        f"    if {check(situation, part)}; then",
        f"      {before}conntrack -D -f {family} -p {uapi.PROTOCOL_NAMES[part.chosen.l4proto]}{state} \\",
        '        -s "$1" -d "$2" --sport "$3" --dport "$4" >/dev/null 2>&1',
        "    fi",
        "  done",
    )
    return [
        comment(f"{part.entries} entries of {part.group.service}, each looked at again before it goes"),
        "\n".join(loop),
    ]


def check(situation: Situation, part: Part) -> str | None:
    """A shell test on ``$1 $2 $3 $4`` (source, destination, ports) that holds for a dead entry alone.

    None where no such test is known.
    """
    if part.chosen.l4proto not in uapi.PORT_PROTOCOLS:
        return None
    if unanswered(situation):
        before = place.prefix(situation.table.namespace, situation.evidence)
        protocol = uapi.PROTOCOL_NAMES[part.chosen.l4proto]
        entry = f'{before}conntrack -G -p {protocol} -s "$1" -d "$2" --sport "$3" --dport "$4"'
        return f"{entry} 2>/dev/null | grep -qF '[UNREPLIED]'"
    inside = _sockets_place(situation, part.group)
    if inside is None:
        return None
    peer, port = ("$2", "$4") if part.chosen.address_column in _LOCAL_IS_SOURCE else ("$1", "$3")
    if part.chosen.family == uapi.AF_INET6:
        peer = f"[{peer}]"
    return _no_socket(f'{inside}ss -Htan "dst = {peer} and dport = :{port}"')


def unanswered(situation: Situation) -> bool:
    """Whether the finding's entries are told from live ones by never having had a reply."""
    return situation.finding.symptom in {"one-sided", "unreplied-udp"}


def _guard(situation: Situation, part: Part, listing: str) -> str | None:
    """A shell test that holds while nothing that the filter selects is alive."""
    if unanswered(situation):
        return f"[ \"$({{ {listing} 2>/dev/null || echo failed; }} | grep -vcF '[UNREPLIED]')\" = 0 ]"
    inside = _sockets_place(situation, part.group)
    if inside is None or part.chosen.port is None:
        return None
    end = "dport" if part.group.side == "client" else "sport"
    return _no_socket(f'{inside}ss -Htn state connected "{end} = :{part.chosen.port}"')


def _no_socket(listing: str) -> str:
    """A shell test that holds where the listing works and is empty."""
    return f'alive=$({listing}) && [ -z "$alive" ]'


def _sockets_place(situation: Situation, group: Group) -> str | None:
    """The way to the sockets of orphans' owner; None for other findings, or where it is not known."""
    if situation.finding.symptom != "orphaned" or group.side == "forwarded":
        return None
    if group.owner is None:
        return place.prefix(situation.table.namespace, situation.evidence)
    for table in situation.evidence.tables:
        whose = table.namespace.owner
        if whose is not None and (whose.runtime, whose.id) == (group.owner.runtime, group.owner.id):
            return place.prefix(table.namespace, situation.evidence)
    return None
