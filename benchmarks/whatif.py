"""What if: a million entries over five days, and twenty values of a setting; against looking at the table.

``python -m benchmarks.whatif`` measures; ``python -m benchmarks.whatif kernel`` (root) says how far the
running kernel is from what is foretold, at the worst of the moments that its tests look at. The reference
is what every answer about a table begins with: its entries enriched and its symptoms found.
"""

from __future__ import annotations

import statistics
import sys
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import polars as pl

from benchmarks.measure import call, compare, median
from halftrack import whatif
from halftrack.diagnosis import cases
from halftrack.diagnosis.view import view
from halftrack.evidence import uapi
from halftrack.evidence.addresses import V4_MAPPED
from halftrack.evidence.flows import SCHEMA, FlowTable
from halftrack.evidence.values import Evidence, Namespace, Table
from halftrack.whatif.answering import Seen, answer

if TYPE_CHECKING:
    from halftrack.whatif.document import WhatIf

ENTRIES: Final = 1_000_000
_LIFE_S: Final = 432_000
_HORIZON_S: Final = 432_000
_SETTINGS: Final = {"net.netfilter.nf_conntrack_tcp_timeout_established": str(_LIFE_S)}


def table(count: int, seed: int = 5) -> FlowTable:
    """60 % one-sided, leaked over three days; connections in use, closing ones, UDP."""
    random = np.random.default_rng(seed)
    kind = random.random(count)
    one_sided, in_use, closing = kind < 0.6, (kind >= 0.6) & (kind < 0.75), (kind >= 0.75) & (kind < 0.9)
    left = np.select(
        [one_sided, in_use, closing],
        [
            _LIFE_S - random.integers(0, 3 * 86_400, count),
            _LIFE_S - np.minimum(random.exponential(1_800, count), _LIFE_S - 1).astype(np.int64),
            random.integers(0, 120, count),
        ],
        random.integers(0, 30, count),
    )
    answered = uapi.IPS_CONFIRMED | uapi.IPS_SEEN_REPLY | uapi.IPS_ASSURED
    tcp = one_sided | in_use | closing
    number = np.arange(count, dtype=np.uint64)
    server = np.full(count, V4_MAPPED + 0xCB007149, np.uint64)
    peer = np.uint64(V4_MAPPED + 0x0A000000) + number
    given: dict[str, Any] = {
        "family": np.full(count, uapi.AF_INET, np.uint8),
        "l4proto": np.where(tcp, uapi.IPPROTO_TCP, uapi.IPPROTO_UDP).astype(np.uint8),
        "state": np.where(closing, uapi.TCP_CONNTRACK_TIME_WAIT, uapi.TCP_CONNTRACK_ESTABLISHED).astype(
            np.uint8
        ),
        "status": np.where(one_sided | ~tcp, uapi.IPS_CONFIRMED, answered).astype(np.uint32),
        "timeout": left,
        **dict.fromkeys(
            ("orig_src_hi", "orig_dst_hi", "reply_src_hi", "reply_dst_hi"), np.zeros(count, np.uint64)
        ),
        "orig_src_lo": np.where(one_sided, server, peer),
        "orig_dst_lo": np.where(one_sided, peer, server),
        "reply_src_lo": np.where(one_sided, peer, server),
        "reply_dst_lo": np.where(one_sided, server, peer),
        "orig_sport": np.where(one_sided, 80, 50_000).astype(np.uint16),
        "orig_dport": np.where(one_sided, 50_000, 443).astype(np.uint16),
        "reply_sport": np.where(one_sided, 50_000, 443).astype(np.uint16),
        "reply_dport": np.where(one_sided, 80, 50_000).astype(np.uint16),
    }
    columns = [
        pl.Series(name, given.get(name), dtype=dtype) for name, dtype in SCHEMA.items() if name in given
    ]
    whole = pl.DataFrame(columns)
    missing = [pl.lit(None, dtype).alias(name) for name, dtype in SCHEMA.items() if name not in given]
    return FlowTable(whole.with_columns(missing).select(SCHEMA.keys()))


def main(count: int = ENTRIES) -> bool:
    """Whether both held, as ratios and in seconds."""
    one = Table(Namespace("host"), count=count, limit=2 * count, settings=_SETTINGS, flows=table(count))
    found = Evidence("node", "dump", kernel="2.6.32-042stab092.1", tables=(one,))
    seen = Seen(view(one, found), cases(found))
    looking = partial(call, partial(cases, found))

    def asking(word: str) -> partial[WhatIf]:
        return partial(answer, seen, whatif.parse([word]), _HORIZON_S)

    single = asking("tcp_timeout_established=7440")
    twenty = asking("tcp_timeout_established=600..86400")
    title = f"whatif of {count:,} entries, five days"
    held = compare(f"{title}, the look at them", partial(call, single), looking, 2.0)
    held &= compare("a sweep of 20 values, the look at them", partial(call, twenty), looking, 4.0)
    held &= median(title, partial(call, single), 2.0)
    held &= median("a sweep of 20 values", partial(call, twenty), 10.0)
    return held


def kernel() -> None:
    """Print the worst difference for each of the tests' cases."""
    from kernel import test_whatif as leaking  # noqa: PLC0415  # measuring does without
    from kernel import test_whatif_in_use as talking  # noqa: PLC0415  # likewise

    today = leaking.foretold()
    every = ((), *leaking.ASKED)
    with ThreadPoolExecutor(len(every)) as pool:
        found = pool.map(lambda words: leaking.looks(words or ("tcp_loose=1",), today), every)
        for words, several in zip(every, found, strict=True):
            off = max(abs(statistics.median(each.off for each in looks)) for looks in several)
            print(f"{' '.join(words) or 'as it is':<64} {off:6.1%}", flush=True)
    timeouts_s = (talking.TIMEOUT_S, talking.SHORTER_S, talking.LONGER_S)
    with ThreadPoolExecutor(len(timeouts_s)) as pool:
        for seconds, off in zip(timeouts_s, pool.map(talking.worst, timeouts_s, (1, 2, 3)), strict=True):
            print(
                f"{f'in use, udp_timeout {talking.TIMEOUT_S} -> {seconds}':<64} {abs(off):6.1%}", flush=True
            )


if __name__ == "__main__":
    if sys.argv[1:2] == ["kernel"]:
        kernel()
    else:
        raise SystemExit(not main())
