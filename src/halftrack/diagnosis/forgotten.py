"""Sockets that no entry stands for: the other way round of an entry without a socket.

Connected sockets of a namespace are looked up in its own table, those of other namespaces of the node in
the table that their packets pass on the way out. What the rules would do with a next packet is walked
through them: a packet that nobody knows begins an entry anew, or is invalid.
"""

from __future__ import annotations

import contextlib
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
import polars as pl

from halftrack.diagnosis import services
from halftrack.diagnosis.clocks import SLICE
from halftrack.diagnosis.document import UNHURT, Forgotten, Sides
from halftrack.diagnosis.ends import in_every_namespace
from halftrack.diagnosis.grouping import owner_name
from halftrack.evidence import addresses, literals, uapi
from halftrack.evidence.flows import conform
from halftrack.evidence.marks import folded
from halftrack.rulesets import entries
from halftrack.tcp import timeouts

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import numpy.typing as npt

    from halftrack.diagnosis.document import Outcome
    from halftrack.evidence.rulesets import Ruleset
    from halftrack.evidence.values import Evidence, Table
    from halftrack.rulesets.entries import Reason

CONNECTED: Final = (
    uapi.TCP_ESTABLISHED,
    uapi.TCP_FIN_WAIT1,
    uapi.TCP_FIN_WAIT2,
    uapi.TCP_CLOSE_WAIT,
    uapi.TCP_LAST_ACK,
    uapi.TCP_CLOSING,
)
"""Of one in TIME_WAIT no packet is to come, a listening one has no connection."""
SHOWN: Final = 10
_MARGIN_MS: Final = 2_000
ENDS: Final = ("local_hi", "local_lo", "local_port", "remote_hi", "remote_lo", "remote_port")
_FORMS: Final = (
    ("orig_src", "orig_sport", "orig_dst", "orig_dport"),
    ("reply_src", "reply_sport", "reply_dst", "reply_dport"),
    ("reply_src", "reply_sport", "orig_src", "orig_sport"),
)
"""How the socket of an entry may be called: by who opened it; by who answers, as translation left both
ends; the same where the source is rewritten behind the socket alone."""
_KEY: Final = ("place", "service", "server", "reason")


def lacking(flows: pl.DataFrame, sockets: pl.DataFrame) -> pl.Series:
    """Boolean, one per socket: no TCP entry of ``flows`` (columns of the flow table) is its connection's.

    ``sockets``: ``local_…`` and ``remote_…`` as in ``values.Sockets``.
    """
    wanted = pl.Series(_keys(sockets[name].to_numpy() for name in ENDS))
    seen = [pl.Series([], dtype=pl.UInt64)]
    halves = [
        f"{end}_{half}" for end in ("orig_src", "orig_dst", "reply_src", "reply_dst") for half in ("hi", "lo")
    ]
    ports = ["orig_sport", "orig_dport", "reply_sport", "reply_dport"]
    narrow = flows[["l4proto", *halves, *ports]]
    for start in range(0, narrow.height if sockets.height else 0, SLICE):
        part = narrow.slice(start, SLICE).lazy().filter(pl.col("l4proto") == uapi.IPPROTO_TCP).collect()
        for source, sport, target, dport in _FORMS:
            names = (f"{source}_hi", f"{source}_lo", sport, f"{target}_hi", f"{target}_lo", dport)
            keys = pl.Series(_keys(part[name].fill_null(0).to_numpy() for name in names))
            seen.append(keys.filter(keys.is_in(wanted.implode())))
    return ~wanted.is_in(pl.concat(seen).unique().implode())


def _keys(columns: Iterable[npt.NDArray[np.generic]]) -> npt.NDArray[np.uint64]:
    found: npt.NDArray[np.uint64] | None = None
    for column in columns:
        found = folded(np.zeros(len(column), np.uint64) if found is None else found, column)
    assert found is not None  # noqa: S101  # there are six
    return found


def compared(flows: pl.DataFrame, sockets: pl.DataFrame, own: int) -> pl.DataFrame:
    """The sockets and whether each ``lacks`` its entry: looked up all at once, however many tables they fill.

    ``place``, a column of theirs: number of the namespace that each is in; ``own``: that of the entries. Of
    another one all of whose sockets lack theirs, nothing shows that its packets pass here: it is left out.
    """
    found = sockets.with_columns(lacks=lacking(flows, sockets))
    return found.filter((pl.col("place") == own) | ~pl.col("lacks").all().over("place"))


def _apart(one: Table, tables: Iterable[Table]) -> list[tuple[int, int]]:
    """Addresses that this namespace has and no other one."""
    taken = {each.address for other in tables if other is not one for each in other.addresses or ()}
    own = (each.address for each in one.addresses or () if each.address not in taken)
    return [pair for text in own if (pair := _parsed(text)) and not in_every_namespace(pair)]


def _parsed(text: str) -> tuple[int, int] | None:
    """None of a masked one, which is no address."""
    with contextlib.suppress(ValueError):
        return addresses.parse(text)
    return None


def sides(table: Table, evidence: Evidence) -> Sides | None:
    """Sockets beside entries; None where the table was not read, or the rules of its namespace were not.

    Whoever reads evidence reads the rules where a socket lacks its entry and all entries are there.
    """
    if table.flows is None or table.rules is None or not _is_whole(table, evidence):
        return None
    found = [
        part
        for place, one in enumerate(evidence.tables)
        if (one is table or table.namespace.owner is None)
        and (part := _connected(table, one, place, evidence)) is not None
    ]
    if not found:
        return None
    own = next(place for place, one in enumerate(evidence.tables) if one is table)
    every = compared(table.flows.frame, pl.concat(found), own)
    if every.is_empty():
        return None
    lost = every.filter("lacks", "settled")
    groups = _groups(lost, table, table.rules, evidence)
    outcomes: Counter[Outcome] = Counter()
    for group in groups:
        outcomes[group.outcome] += group.sockets
    return Sides(
        connected=every.height,
        with_entry=every.height - int(every["lacks"].sum()),
        without_entry=lost.height,
        untold=int((every["lacks"] & ~every["settled"]).sum()),
        outcomes=dict(outcomes.most_common()),
        groups=tuple(groups[:SHOWN]),
        more_groups=max(len(groups) - SHOWN, 0),
    )


def _is_whole(table: Table, evidence: Evidence) -> bool:
    """Whether every entry was read: what was not is told of as a gap."""
    return not table.unreadable and not any(
        gap.netns == table.netns and "one-sided" in gap.would_tell for gap in evidence.gaps
    )


def _connected(table: Table, one: Table, place: int, evidence: Evidence) -> pl.DataFrame | None:
    """Connected sockets of a namespace, and whether each is ``settled``."""
    if one.tcp is None:
        return None
    rows = one.tcp.frame.filter(pl.col("state").is_in(CONNECTED))
    if one is not table:
        rows = passing(rows, one, evidence.tables)
    if rows.is_empty():
        return None
    waiting = one.tcp.frame.filter(pl.col("state") == uapi.TCP_LISTEN)["local_port"].unique()
    rank = pl.Series(services.port_ranks())
    rows = rows.with_columns(
        place=pl.lit(place, pl.UInt32),
        server=pl.col("local_port").is_in(waiting.implode())
        | (rank.gather(rows["local_port"]) < rank.gather(rows["remote_port"])),
        quiet_ms=pl.min_horizontal("last_data_recv_ms", "last_ack_recv_ms"),
    )
    # What was heard since the entries were read may have come, or gone, in between.
    known_ms = round(evidence.seconds * 1000) + _MARGIN_MS
    return rows.select(
        *ENDS,
        "place",
        "server",
        "quiet_ms",
        settled=(pl.col("quiet_ms") >= known_ms).fill_null(value=False),
        service=pl.when("server").then("local_port").otherwise("remote_port"),
    )


def passing(rows: pl.DataFrame, one: Table, tables: Sequence[Table]) -> pl.DataFrame:
    """Those whose packets are routed by the node: what is on a link of the namespace's own may be bridged."""
    if rows.is_empty():
        return rows
    local = pl.DataFrame(_apart(one, tables), {"hi": pl.UInt64, "lo": pl.UInt64}, orient="row")
    near = pl.lit(value=False)
    for each in one.addresses or ():
        if _parsed(each.address) is None:
            continue
        (first_hi, first_lo), (last_hi, last_lo) = addresses.parse_network(f"{each.address}/{each.prefix}")
        hi, lo = pl.col("remote_hi"), pl.col("remote_lo")
        near |= ((hi > first_hi) | ((hi == first_hi) & (lo >= first_lo))) & (
            (hi < last_hi) | ((hi == last_hi) & (lo <= last_lo))
        )
    return rows.filter(~near).join(local, left_on=["local_hi", "local_lo"], right_on=["hi", "lo"], how="semi")


def _groups(lost: pl.DataFrame, table: Table, rules: Ruleset, evidence: Evidence) -> list[Forgotten]:
    """By namespace, service, side and what becomes of them; those that are hurt first, then most first."""
    if lost.is_empty():
        return []
    loose = timeouts.is_loose(table.settings)
    judged = entries.judged(
        rules, _as_entries(lost), entries.own_addresses(table), loose=loose, closing=False
    )
    counted = (
        lost.with_columns(judged.which.alias("reason"))
        .group_by(_KEY)
        .agg(
            pl.len().alias("sockets"),
            pl.struct("remote_hi", "remote_lo").n_unique().alias("peers"),
            pl.col("quiet_ms").min().alias("least"),
            pl.col("quiet_ms").max().alias("most"),
            pl.col(*ENDS).sort_by("quiet_ms").last(),
        )
        .sort(["sockets", *_KEY], descending=[True, False, False, False, False], nulls_last=True)
    )
    found = (_group(row, judged.reasons, table, evidence) for row in counted.iter_rows(named=True))
    return sorted(found, key=lambda one: one.outcome in UNHURT)


def _group(row: dict[str, int], reasons: tuple[Reason, ...], table: Table, evidence: Evidence) -> Forgotten:
    one = evidence.tables[row["place"]]
    local = addresses.to_text(row["local_hi"], row["local_lo"])
    fate = _Fate.of(None if row["reason"] is None else reasons[row["reason"]])
    handed = one is not table and any((local, row["local_port"]) in front.ends for front in evidence.fronts)
    if handed and fate.outcome != "dropped":
        fate = _Fate("loses-translation", "its answers were translated by the entry alone")
    return Forgotten(
        netns=one.netns,
        owner=owner_name(one.namespace.owner),
        address=local,
        service=f"tcp/{row['service']}",
        side="server" if row["server"] else "client",
        sockets=row["sockets"],
        peers=row["peers"],
        quiet_min_s=row["least"] // 1000,
        quiet_max_s=row["most"] // 1000,
        example=f"{literals.end(local, row['local_port'])} -> "
        + literals.end(addresses.to_text(row["remote_hi"], row["remote_lo"]), row["remote_port"]),
        outcome=fate.outcome,
        by=fate.by,
    )


@dataclass(frozen=True, slots=True)
class _Fate:
    outcome: Outcome
    by: str | None

    @classmethod
    def of(cls, reason: Reason | None) -> _Fate:
        if reason is None:
            return cls("picked-up-again", None)
        if reason.fate == "dropped" and reason.certain:
            return cls("dropped", reason.rule)
        if reason.fate in {"translated", "untranslated"} and reason.certain:
            return cls("loses-translation", reason.rule)
        return cls("unclear", reason.rule or reason.words)


def _as_entries(sockets: pl.DataFrame) -> pl.DataFrame:
    """What their entries would look like, by the socket that opened each."""
    v4 = (pl.col("local_hi") == 0) & (pl.col("local_lo") // 2**32 == addresses.V4_MAPPED >> 32)
    ends = {
        f"{way}_{end}_{half}": pl.col(f"{whose}_{half}")
        for way, mine, theirs in (("orig", "src", "dst"), ("reply", "dst", "src"))
        for end, whose in ((mine, "local"), (theirs, "remote"))
        for half in ("hi", "lo")
    }
    return conform(
        sockets.select(
            family=pl.when(v4).then(uapi.AF_INET).otherwise(uapi.AF_INET6),
            l4proto=pl.lit(uapi.IPPROTO_TCP),
            state=pl.lit(uapi.TCP_CONNTRACK_ESTABLISHED),
            status=pl.lit(uapi.IPS_CONFIRMED | uapi.IPS_SEEN_REPLY | uapi.IPS_ASSURED),
            orig_sport="local_port",
            orig_dport="remote_port",
            reply_sport="remote_port",
            reply_dport="local_port",
            **ends,
        )
    )
