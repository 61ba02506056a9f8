"""What was collected of a node, from whatever container it comes, as its Evidence."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Final

from halftrack import owners
from halftrack.evidence.printable import escaped
from halftrack.evidence.values import HOST, SELF, Evidence, Owner
from halftrack.formats import kernel_log, log_lines
from halftrack.kernel import firewall, namespaces, privileges, slab, sysctl_files, vz_rates
from halftrack.kernel.namespaces import NAMED
from halftrack.live.collected import missing, routes
from halftrack.owners.named import Named

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from halftrack.evidence.values import Gap, Namespace, Table
    from halftrack.formats.kernel_log import Scanned
    from halftrack.formats.log_lines import Clock
    from halftrack.live.collected.spaces import Space

_MOST_DIGITS: Final = 12


def evidence(
    root: Path,
    name: str,
    about: Mapping[str, str],
    spaces: Mapping[str, Space],
    lacking: Sequence[Gap],
    *,
    logs: Sequence[Scanned],
    printed: Sequence[tuple[str, str]],
) -> Evidence:
    """``root``: files of the node; ``name``: what it is called where it does not say; ``about``: what it
    says of itself; ``spaces``: by inode where that is known, by name otherwise; ``lacking``: of the node;
    ``logs``: of its kernel; ``printed``: by tools of its containers, as ``owners.sent`` has it.
    """
    inodes = [int(number) or None if number.isdecimal() else None for number in spaces]
    names = namespaces.distinct(_plain_names(root, about, spaces), inodes)
    tables = [
        each.table(called, inode) for each, called, inode in zip(spaces.values(), names, inodes, strict=True)
    ]
    named, _ = owners.find([table.namespace for table in tables], root=root, printed=printed)
    owned = routes.told(_with_owners(tables, spaces, named), (each.texts for each in spaces.values()))
    theirs = (table.namespace.owner for table in owned)
    named += tuple(owner for owner in theirs if owner is not None and owner not in named)
    owned.sort(key=lambda table: table.netns != HOST)
    of_spaces = (
        gap for each, called in zip(spaces.values(), names, strict=True) for gap in missing.of(each, called)
    )
    return Evidence(
        node=escaped(about.get("node", "")) or name,
        source="bundle",
        kernel=escaped(about.get("kernel", "")) or None,
        taken_at=_moment(about.get("taken_at", "")),
        tables=tuple(owned),
        owners=named,
        gaps=(*lacking, *of_spaces),
        sysctl_lines=sysctl_files.read(root),
        firewall=firewall.detect(root),
        rate_settings=vz_rates.read(root),
        user=None if about.get("user", "0") == "0" else f"uid {escaped(about['user'])}",
        entry_bytes=slab.entry_bytes(root),
        machine=escaped(about.get("machine", "")) or None,
        log=kernel_log.understood(logs, _clock(about)) if logs else None,
        up_s=_whole(about.get("uptime", "")),
        in_container=about.get("own") is not None and privileges.in_container(root),
    )


def _plain_names(root: Path, about: Mapping[str, str], spaces: Mapping[str, Space]) -> list[str]:
    """What each is called by itself: several may be called the same."""
    own, host = about.get("own"), _host(root, about)
    return [
        HOST
        if number == host or (len(spaces) == 1 and host is not None)
        else SELF
        if number == own
        else each.name
        for number, each in spaces.items()
    ]


def _with_owners(tables: Sequence[Table], spaces: Mapping[str, Space], named: Sequence[Owner]) -> list[Table]:
    """By inode, number of a container, address, or the namespace's own name: whichever first tells."""
    found = namespaces.with_owners([table.namespace for table in tables], named)
    by_number = {owner.id: owner for owner in named if owner.runtime == "openvz"}
    told = [
        replace(of, owner=of.owner or by_number.get(each.container or ""))
        for each, of in zip(spaces.values(), found, strict=True)
    ]
    return [
        replace(table, namespace=_by_name(_by_address(table, namespace, named)))
        for table, namespace in zip(tables, told, strict=True)
    ]


def _by_address(table: Table, namespace: Namespace, named: Sequence[Owner]) -> Namespace:
    """Of a report nobody knows numbers of namespaces: the owner is who has one of its addresses."""
    if namespace.inode is not None or namespace.owner is not None or namespace.name == HOST:
        return namespace
    own = {each.address for each in table.addresses or ()}
    having = [each for each in named if not own.isdisjoint(each.addresses)]
    return replace(namespace, owner=having[0]) if len(having) == 1 else namespace


def _by_name(namespace: Namespace) -> Namespace:
    """What nobody else has is its own owner, as on a living node (``owners.named``)."""
    path = namespace.path or ""
    if namespace.inode is not None or namespace.owner is not None or not path.startswith(f"{NAMED}/"):
        return namespace
    return replace(namespace, owner=Owner(namespace.name, namespace.name, Named.name))


def _clock(about: Mapping[str, str]) -> Clock:
    """``uptime``: seconds; ``zone``: as ``date +%z`` prints it."""
    up = re.fullmatch(r"\d{1,12}(\.\d{1,6})?", about.get("uptime", ""), re.ASCII)
    zone = re.fullmatch(r"([+-])(\d\d)(\d\d)", about.get("zone", ""), re.ASCII)
    offset = timedelta(hours=int(zone[2]), minutes=int(zone[3])) if zone else None
    return log_lines.Clock(
        _moment(about.get("taken_at", "")),
        float(up[0]) if up else None,
        -offset if offset is not None and zone and zone[1] == "-" else offset,
    )


def _host(root: Path, about: Mapping[str, str]) -> str | None:
    """Which of the spaces is the node's own, as ``namespaces.find`` tells it; None: none that was seen."""
    if about.get("own") is not None:
        if privileges.in_initial_network(root):
            return about["own"]
        if privileges.in_container(root) and not privileges.first_process_is_the_nodes(root):
            return None
    return about.get("first", "")


def _whole(text: str) -> int | None:
    """Of a number with a fraction."""
    whole = text.partition(".")[0]
    return int(whole) if whole.isdecimal() and len(whole) < _MOST_DIGITS else None


def _moment(text: str) -> datetime | None:
    try:
        return datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
    except ValueError:
        return None
