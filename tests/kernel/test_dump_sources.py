"""ctnetlink, ``conntrack -L`` and ``/proc/net/nf_conntrack`` show the same table."""

from __future__ import annotations

import ipaddress
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from halftrack.evidence import addresses, uapi
from halftrack.evidence.flows import ADDRESS_COLUMNS
from halftrack.kernel import ctnetlink
from kernel.inject import inject
from kernel.tables import one_of_everything

if TYPE_CHECKING:
    from collections.abc import Mapping

    from kernel.scratch import Netns

_Row = tuple[tuple[str, object], ...]
_WORDS = {
    "sport": "sport", "dport": "dport", "type": "type", "code": "code", "id": "icmp_id",
    "srckey": "srckey", "dstkey": "dstkey", "packets": "packets", "bytes": "bytes",
}  # fmt: skip
_SHARED = (
    "l4proto", "state", "answered", "assured", "mark", "zone", "zone_dir", *ADDRESS_COLUMNS,
    *(f"{way}_{name}" for way in ("orig", "reply") for name in _WORDS.values()),
)  # fmt: skip


def parse(line: str) -> tuple[int, _Row]:
    """One extended line: its timeout, and everything that all sources show."""
    words = line.replace("timeout=30, stream_timeout=180 ", "").split()
    l4proto = int(words[3])
    found: dict[str, object] = dict.fromkeys(_SHARED)
    found |= {"l4proto": l4proto, "zone": 0, "zone_dir": uapi.NF_CT_DEFAULT_ZONE_DIR, "mark": 0}
    found |= {"answered": "[UNREPLIED]" not in words, "assured": "[ASSURED]" in words}
    names = uapi.STATE_NAMES.get(l4proto)
    if names and words[5] in names:
        found["state"] = names.index(words[5])
    way = ""
    for key, value in re.findall(r"([a-z-]+)=(\S+)", line):
        if key == "src":
            way = "reply" if way else "orig"
        if key in ("src", "dst"):
            found[f"{way}_{key}"] = ipaddress.ip_address(value)
        elif key in ("mark", "zone"):
            found[key] = int(value)
        elif key in ("zone-orig", "zone-reply"):
            found["zone"] = int(value)
            directions = {"zone-orig": uapi.NF_CT_ZONE_DIR_ORIG, "zone-reply": uapi.NF_CT_ZONE_DIR_REPL}
            found["zone_dir"] = directions[key]
        elif key == "id" and l4proto not in uapi.ICMP_PROTOCOLS:
            continue
        # A second id= is the entry's own.
        elif key in _WORDS and found[f"{way}_{_WORDS[key]}"] is None:
            found[f"{way}_{_WORDS[key]}"] = int(value, 0)
    return int(words[4]), tuple(found.items())


def decoded(row: Mapping[str, Any]) -> tuple[int, _Row]:
    """A row of the frame in the same form."""
    found: dict[str, object] = {name: row.get(name) for name in _SHARED}
    found |= {
        stem: ipaddress.ip_address(addresses.to_text(row[f"{stem}_hi"], row[f"{stem}_lo"]))
        for stem in ADDRESS_COLUMNS
    }
    found["answered"] = bool(row["status"] & uapi.IPS_SEEN_REPLY)
    found["assured"] = bool(row["status"] & uapi.IPS_ASSURED)
    return row["timeout"], tuple(found.items())


def assert_same(ours: list[tuple[int, _Row]], theirs: list[tuple[int, _Row]]) -> None:
    left = sorted(ours, key=lambda item: (str(item[1]), item[0]))
    right = sorted(theirs, key=lambda item: (str(item[1]), item[0]))
    assert [fields for _, fields in left] == [fields for _, fields in right]
    assert all(abs(a - b) <= 5 for (a, _), (b, _) in zip(left, right, strict=True))


def fill(netns: Netns) -> list[tuple[int, _Row]]:
    netns.sysctl("nf_conntrack_acct", 1)
    inject(netns.path, *one_of_everything())
    frame = ctnetlink.dump(netns_path=netns.path).flows.frame
    assert frame.height == len(one_of_everything())
    return [decoded(row) for row in frame.iter_rows(named=True)]


def test_proc_shows_the_same(netns: Netns) -> None:
    ours = fill(netns)
    text = netns.call(lambda: Path("/proc/thread-self/net/nf_conntrack").read_text(encoding="ascii"))
    assert_same(ours, [parse(line) for line in text.splitlines()])


def test_conntrack_shows_the_same(netns: Netns) -> None:
    ours = fill(netns)
    text = "".join(
        netns.run("conntrack", "-L", "-f", family, "-o", "extended,id") for family in ("ipv4", "ipv6")
    )
    assert_same(ours, [parse(line) for line in text.splitlines()])
