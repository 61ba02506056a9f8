"""Diagnoses to look at: full, before and after a fix, cut and masked, calm, and one of names that would do harm."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from halftrack.diagnosis import examine
from halftrack.diagnosis.since import moments
from halftrack.diagnosis.since.comparing import Earlier
from halftrack.evidence.values import Counters, Gap, Input, Namespace, Owner, Table
from halftrack.remedies import advise
from unit.flowrows import TAKEN_AT, evidence, one_sided, row, table, udp

if TYPE_CHECKING:
    from halftrack.diagnosis.document import Diagnosis
    from halftrack.evidence.values import Evidence

EVIL = (
    "</title></style><script>window.hurt=1;fetch('http://192.0.2.1/')</script>"
    "<img src=x onerror='window.hurt=2'>\"'&amp;\x1b[2J\u202e"
)
SEEN_OF_IT = "<script>window.hurt=1;fetch('http://192.0.2.1/')</script>"
LONG = "n" * 300
_ESTABLISHED = "net.netfilter.nf_conntrack_tcp_timeout_established"
_LIMIT = 4_000


def _entries(total: int, gone: int = 0) -> list[dict[str, Any]]:
    leak = [
        one_sided(
            "203.0.113.73",
            f"198.{18 + (n >> 16)}.{n >> 8 & 255}.{n & 255}",
            left=432_000 - 150 * (total - n) + n % 89,
        )
        for n in range(gone, total)
    ]
    shop = [one_sided("203.0.113.80", f"100.64.1.{n}", sport=443, left=400_000 - 300 * n) for n in range(250)]
    used = [row(f"192.0.2.{n}", "203.0.113.80", 4_000 + n, 443, left=431_000 - 3 * n) for n in range(250)]
    quiet = [row(f"192.0.2.{n}", "203.0.113.9", 4_000 + n, 22, left=411_000 - 1_000 * n) for n in range(140)]
    return [*leak, *shop, *used, *quiet, *(udp("10.0.0.5", f"198.51.100.{n}") for n in range(120))]


def _node(
    total: int, *, gone: int = 0, after_s: int = 0, drop: int = 0, evil: bool = False, **fields: Any
) -> Evidence:
    name = EVIL if evil else "shop"
    established = "432000" if not gone else "7440"
    own = table(
        *_entries(total, gone),
        limit=_LIMIT,
        buckets=512,
        counters=(
            Counters(1.0, {"drop": 0, "early_drop": 0}),
            Counters(11.0, {"drop": drop, "early_drop": drop}),
        ),
        settings={_ESTABLISHED: established, "net.netfilter.nf_conntrack_max": str(_LIMIT)},
    )
    names = [EVIL, LONG] if evil else [f"ct-{number}" for number in range(14)]
    others = [
        Table(Namespace(each), count=7 + place, limit=_LIMIT, skipped=True)
        for place, each in enumerate(names)
    ]
    given: dict[str, Any] = {
        "owners": (
            Owner("web-1", "101", "openvz", ("203.0.113.73",)),
            Owner(name, name, "openvz", ("203.0.113.80",)),
        ),
        "kernel": EVIL if evil else "2.6.32-042stab092.1",
        "source": "bundle",
        "node": EVIL if evil else "node17",
        "taken_at": TAKEN_AT + timedelta(seconds=after_s),
        "input": Input(
            files=(f"{name if evil else 'node17'}.tgz",), formats=("bundle",), notes=(name,) if evil else ()
        ),
        "gaps": (Gap(f"what {name} shows", f"{name} is not installed there", (name,), ("shaping",)),),
    }
    return evidence(own, *others, **(given | fields))


def diagnosed(now: Evidence, *before: Evidence) -> Diagnosis:
    kept = tuple(moments.kept(each, examine(each)) for each in before)
    earlier = None
    if before:
        lie = moments.ordered(before[0], now)
        earlier = Earlier(kept, lie.order, lie.seconds)
    judged = examine(now, earlier)
    return advise(judged.diagnosis, now, judged.cases)


def all_of_them() -> dict[str, Diagnosis]:
    sick = _node(3_200, drop=7)
    return {
        "full": diagnosed(sick),
        "fixed": diagnosed(_node(3_230, gone=3_100, after_s=7_200), sick),
        "days": diagnosed(_node(3_200, after_s=172_800), _node(1_800), _node(2_600, after_s=86_400)),
        "cut": diagnosed(
            _node(
                900,
                input=Input(
                    files=("table.txt",),
                    lines=9,
                    unreadable=2,
                    truncated=True,
                    visible=0.4,
                    masked="substituted",
                    first_unreadable=("table.txt:7: no entry: x",),
                ),
            )
        ),
        "calm": diagnosed(evidence(table(udp(), row(left=431_990), limit=262_144, buckets=65_536))),
        "evil": diagnosed(_node(3_200, evil=True, after_s=60), _node(3_000, evil=True)),
    }
