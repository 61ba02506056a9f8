"""Commands that remove entries by hand, each looking first whether something alive would go with them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from halftrack.diagnosis import words
from halftrack.evidence import uapi
from halftrack.plans.script.filters import OURS_IS_SOURCE
from halftrack.remedies import place
from halftrack.remedies.shell import comment

if TYPE_CHECKING:
    from halftrack.diagnosis.document import Group
    from halftrack.evidence.values import Evidence, Table
    from halftrack.remedies.parts import Part
    from halftrack.remedies.shell import Addresses
    from halftrack.remedies.situation import Situation

_TUPLE: Final = "src=([^ ]+) dst=([^ ]+) sport=([0-9]+) dport=([0-9]+) "
_ANSWER: Final = "src=[^ ]+ dst=([^ ]+) sport=[0-9]+ dport=([0-9]+) "
_FIELDS: Final = rf"s/^[^=]*{_TUPLE}.*{_ANSWER}.*/\1 \2 \3 \4 \5 \6/p"
"""The original tuple, and where answers go, out of a line of ``conntrack -L``, of any age."""
_SECONDS_PER_ENTRY_READ: Final = 5e-6
"""conntrack(8) reads the whole table for each change: about 0.5 s for 100,000 entries."""
_SECONDS_PER_LOOK: Final = 0.01
"""The programs that a loop starts for each entry: 3,000 of 3,000 took 69 s in all on two processors."""


def at_once(situation: Situation, part: Part, spelled: Addresses) -> list[str]:
    """Remove by filter; refused where something alive has come under it meanwhile."""
    before = place.prefix(situation.table.namespace, situation.evidence)
    options = part.chosen.options(spelled)
    remove = f"{before}conntrack -D {options} >/dev/null"
    service = part.group.service or "no service"
    note = comment(f"{part.entries:,} entries of {service}; no other matched when this was read")
    guard = _guard(situation, part, f"{before}conntrack -L {options}")
    if guard is None:
        return [note, remove]
    refusal = "echo 'not removed: something alive matches by now, or it failed' >&2"
    return [note, f"{guard} && \\\n  {remove} || \\\n  {refusal}"]


def one_by_one(situation: Situation, part: Part, spelled: Addresses) -> list[str]:
    """List by filter, look at each entry again, remove it by its whole tuple."""
    only = " | grep -F '[UNREPLIED]'" if unanswered(situation) else ""
    state = f" --state {uapi.TCP_STATES[part.chosen.state]}" if part.chosen.state is not None else ""
    test = check(situation, part) or "false"
    return [
        comment(f"{part.entries:,} entries of {part.group.service}, each looked at again before it goes"),
        each_again(situation, part, spelled, test, "-D", only=only, state=state),
    ]


def each_again(
    situation: Situation,
    part: Part,
    spelled: Addresses,
    test: str,
    change: str,
    *,
    only: str = "",
    state: str = "",
) -> str:
    """A loop over what the filter lists: ``change`` (options of conntrack) where ``test`` holds.

    ``only``: a filter for the lines of the list; ``state``: the option for it, where it has to match.
    The test finds source, destination and ports of the entry in ``$1 $2 $3 $4``,
    address and port that answers go to in ``$5 $6``.
    """
    before = place.prefix(situation.table.namespace, situation.evidence)
    family = "ipv6" if part.chosen.family == uapi.AF_INET6 else "ipv4"
    protocol = uapi.PROTOCOL_NAMES[part.chosen.l4proto]
    loop = (
        f"{before}conntrack -L {part.chosen.options(spelled)} 2>/dev/null{only} |",
        f"  sed -nE '{_FIELDS}' |",
        "  while read -r src dst sport dport back port; do",
        '    set -- "$src" "$dst" "$sport" "$dport" "$back" "$port"',
        f"    if {test}; then",
        f"      {before}conntrack {change} -f {family} -p {protocol}{state} \\",
        '        -s "$1" -d "$2" --sport "$3" --dport "$4" >/dev/null 2>&1',
        "    fi",
        "  done",
    )
    return "\n".join(loop)


def pace(situation: Situation, entries: int) -> str:
    """How long a loop over so many entries takes, in words."""
    each = _SECONDS_PER_LOOK + len(situation.table.flows or ()) * _SECONDS_PER_ENTRY_READ
    return words.duration(max(1, round(entries * each)))


def check(situation: Situation, part: Part) -> str | None:
    """A shell test on ``$1`` to ``$6`` (see ``each_again``) that holds for a dead entry alone.

    None where no such test is known. A server sees the client that asked, or what its source was
    rewritten to on the way.
    """
    if part.chosen.l4proto not in uapi.PORT_PROTOCOLS:
        return None
    if unanswered(situation):
        return f"{entry(situation, part)} | grep -qF '[UNREPLIED]'"
    inside = _sockets_place(situation, part.group)
    if inside is None:
        return None
    ours = part.chosen.address_column in OURS_IS_SOURCE
    peers = (("$2", "$4"),) if ours else (("$1", "$3"), ("$5", "$6"))
    address = "[{}]" if part.chosen.family == uapi.AF_INET6 else "{}"
    seen = " or ".join(f"( dst = {address.format(peer)} and dport = :{port} )" for peer, port in peers)
    return _no_socket(f'{inside}ss -Htan \\\n      "{seen}"')


def entry(situation: Situation, part: Part) -> str:
    """A command that shows the one entry of the tuple in ``$1 $2 $3 $4``; nothing where it is gone."""
    before = place.prefix(situation.table.namespace, situation.evidence)
    protocol = uapi.PROTOCOL_NAMES[part.chosen.l4proto]
    return f'{before}conntrack -G -p {protocol} -s "$1" -d "$2" --sport "$3" --dport "$4" 2>/dev/null'


def unanswered(situation: Situation) -> bool:
    """Whether the finding's entries are told from live ones by never having had a reply."""
    return situation.finding.symptom in {"one-sided", "unreplied-udp", "half-open"}


def safe_at_once(situation: Situation, part: Part) -> bool:
    """Whether removal by filter can look first; what is dead for want of a socket goes only after that."""
    return situation.finding.symptom != "orphaned" or _guard(situation, part, "") is not None


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
    """The way to the sockets of orphans' end; None for other findings, or where it is not known."""
    if situation.finding.symptom != "orphaned" or group.side == "forwarded":
        return None
    table = holder(situation, group)
    return None if table is None else place.prefix(table.namespace, situation.evidence)


def holder(situation: Situation, group: Group) -> Table | None:
    """The table whose namespace has a group's address, else its owner's; None where that is open.

    Several namespaces may have the same address: this table's own counts first, then the owner's.
    """
    own, tables = situation.table, situation.evidence.tables
    have = [table for table in tables if any(a.address == group.address for a in table.addresses or ())]
    if any(table is own for table in have):
        return own
    owners = [table for table in have or tables if _belongs(table, group, situation.evidence)]
    if owners or have:
        return (owners or have)[0] if owners or len(have) == 1 else None
    return own if group.owner is None and own.addresses is None else None


def _belongs(table: Table, group: Group, evidence: Evidence) -> bool:
    """Whether a group's owner lives in a table's namespace, alone or with others (a pod)."""
    if group.owner is None:
        return False
    name = (group.owner.runtime, group.owner.id)
    whose = table.namespace.owner
    if whose is not None and (whose.runtime, whose.id) == name:
        return True
    inode = table.namespace.inode
    return inode is not None and any(
        (o.runtime, o.id) == name and o.netns_inode == inode for o in evidence.owners
    )
