"""Nodes as evidence: the founding case, and an old node with two containers whose clients have gone."""

from __future__ import annotations

from typing import Any

from halftrack.evidence.values import (
    Counters,
    Evidence,
    Input,
    LocalAddress,
    Owner,
)
from unit.flowrows import evidence, one_sided, row, table

QUIET = 432_000 - 8_000

OLD = "2.6.32-042stab092.1"

WEB = Owner("web-1", "101", "openvz", ("203.0.113.73",))

SHOP = Owner("shop", "114", "openvz", ("203.0.113.80",))


def founding() -> Evidence:
    """The three lines as they were published."""
    here = "xx.xx.xx.73"
    return evidence(
        table(
            one_sided(here, "yy.yy.yy.254", left=363_312, dport=60_440),
            one_sided(here, "46.202.252.61", left=363_090, dport=63_423, reply_src="yy.yy.yy.61"),
            one_sided(here, "yy.yy.yy.6", left=362_908, dport=1_853),
        ),
        node="dump.txt",
        source="dump",
        kernel=None,
        taken_at=None,
        input=Input(files=("dump.txt",), lines=3, masked="visible"),
    )


def node17(web: int = 60, shop: int = 20, rest: int = 20, **fields: Any) -> Evidence:
    """An old node with two containers whose clients have gone."""
    rows = [
        *(one_sided("203.0.113.73", f"198.51.100.{n}", left=400_000 - 60 * n) for n in range(web)),
        *(one_sided("203.0.113.80", "198.51.100.7", sport=443, left=400_000 - n) for n in range(shop)),
        *(row("198.51.100.7", "203.0.113.73", 40_000 + n) for n in range(rest)),
    ]
    given: dict[str, Any] = {"limit": 1_000, "addresses": (LocalAddress("192.0.2.1", 24, "eth0"),)}
    about = {name: fields.pop(name) for name in ("kernel", "gaps", "source", "taken_at") if name in fields}
    return evidence(table(*rows, **(given | fields)), owners=(WEB, SHOP), **({"kernel": OLD} | about))


def readings(drop: int = 0, early_drop: int = 0) -> tuple[Counters, Counters]:
    return (
        Counters(0.0, {"drop": 0, "early_drop": 0, "insert_failed": 0}),
        Counters(10.0, {"drop": drop, "early_drop": early_drop, "insert_failed": 0}),
    )
