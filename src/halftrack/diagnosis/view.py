"""A table with what can be concluded about each of its entries.

Everything here is column arithmetic over the whole table; an entry is never an object.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import polars as pl

from halftrack.diagnosis import clocks, ends, entries, origins, roles
from halftrack.diagnosis.past import periods
from halftrack.evidence import uapi
from halftrack.evidence.flows import ADDRESS_COLUMNS, SCHEMA, empty, select
from halftrack.tcp import keeping, releases, timeouts
from halftrack.tcp.releases import UNKNOWN, Features

if TYPE_CHECKING:
    from collections.abc import Sequence

    from halftrack.diagnosis.past import Period
    from halftrack.evidence.values import Evidence, Owner, Table
    from halftrack.tcp.timeouts import Timeouts

_FEW: Final = 10
_ALWAYS: Final = (
    "family",
    "l4proto",
    "status",
    *(f"{stem}_{half}" for stem in ADDRESS_COLUMNS for half in ("hi", "lo")),
)
_NO_TIMEOUTS: Final = timeouts.resolve({}, UNKNOWN)


@dataclass(frozen=True, slots=True)
class View:
    """One table of the evidence and its entries, enriched.

    ``flows``: the schema's columns and

    - ``one_sided`` Boolean: TCP, ESTABLISHED to CLOSE, no reply ever seen
    - ``service`` Categorical (``tcp/80``, ``icmp``); null where no end can be called the service
    - ``side`` Enum ``server | client | forwarded``: the role of the owned end
    - ``local_src`` Boolean: the owned end is ``orig_src``, else ``reply_src``; ``ends.ends`` makes
      addresses of it where they are wanted
    - ``idle_s`` Int64, ``idle_at_least`` Boolean, ``age_s`` Int64: see ``clocks``
    - ``origin`` Enum ``handshake | pick-up | injected``; null where it cannot be told
    - ``here`` Boolean: the owned end is the table's own namespace, whose owner is not known
    - ``owner`` UInt32: index into ``evidence.owners``; null where nobody is known

    ``clamps``: whether this kernel, as far as its release or this table tells, cuts one-sided
    entries short. ``one_sided_s``: seconds that a packet gives such an entry here; ``gave_s``: more than
    that, which it is known to have given before. None: not known. ``past``: see ``past.periods``, without
    that of today.
    """

    table: Table
    evidence: Evidence
    flows: pl.DataFrame
    features: Features = UNKNOWN
    timeouts: Timeouts = _NO_TIMEOUTS
    clamps: bool | None = None
    one_sided_s: int | None = None
    gave_s: int | None = None
    past: tuple[Period, ...] = ()

    @property
    def retimed(self) -> bool:
        """Whether some entries may have been given other times than packets give them today."""
        return bool(self.past) or (self.table.flows is not None and self.table.flows.drained is not None)

    @property
    def netns(self) -> str:
        return self.table.netns

    @property
    def opaque(self) -> pl.Series:
        """Spellings of masked addresses, as ``addresses.show`` wants them."""
        return (self.table.flows or empty()).opaque

    def owner(self, index: int | None) -> Owner | None:
        """An owner by the number in column ``owner``."""
        return None if index is None else self.evidence.owners[index]


def gives_s(table: Table, evidence: Evidence) -> int | None:
    """Seconds that a packet gives a one-sided entry, by the kernel's release and settings that were read."""
    features = releases.features(evidence.kernel)
    known = timeouts.resolve({**evidence.input.assumed, **table.settings}, features)
    clamps = features.clamps_one_sided
    given = keeping.one_sided_timeout(known, features, clamps=clamps)
    return origins.injection_ceiling(known, clamps=clamps, one_sided_s=given)


def _gave_s(past: Sequence[Period], now: int | None, features: Features) -> int | None:
    """Seconds that a packet gave such an entry under settings that are known to have been replaced, where
    that is more than ``now`` and an entry can have some of it left; None: there is none such.
    """
    if now is None:
        return None
    clamps = features.clamps_one_sided
    gave = (
        origins.injection_ceiling(each.known, clamps=clamps, one_sided_s=each.one_sided_s) or 0
        for each in past
        if each.since_s < (each.one_sided_s or 0)
    )
    most = max(gave, default=0)
    return most if most > now else None


def view(table: Table, evidence: Evidence, gave_s: int | None = None) -> View:
    """The enriched table. A table whose entries were not read gives a view without rows.

    ``gave_s``: see ``View``; as far as the table itself does not tell it.
    """
    features = releases.features(evidence.kernel)
    known = timeouts.resolve({**evidence.input.assumed, **table.settings}, features)
    if table.flows is None:
        clamps = features.clamps_one_sided
        one_sided_s = keeping.one_sided_timeout(known, features, clamps=clamps)
        return View(table, evidence, _nothing(), features, known, clamps, one_sided_s)
    # New columns are computed apart and stacked: with_columns would copy the table's own.
    # A column that is one value, repeated, is spelt out in the frame in which it is looked at: in this one.
    sound = _sound(table.flows.frame.clone())
    frame = sound.hstack(select(sound, entries.one_sided().alias("one_sided")))
    clamps = _clamps(frame, features, known)
    one_sided_s = keeping.one_sided_timeout(known, features, clamps=clamps)
    ceiling = origins.injection_ceiling(known, clamps=features.clamps_one_sided, one_sided_s=one_sided_s)
    today, *past = periods(table, evidence, features, clamps=clamps)
    gave = (gave_s, _gave_s(past, ceiling, features))
    gave_s = max((each for each in gave if each is not None), default=None)
    if ceiling is not None and gave_s is not None:
        ceiling = max(ceiling, gave_s)
    flows = frame.hstack(
        select(
            frame,
            *roles.columns(frame, table, evidence),
            *clocks.idle(frame, (today, *past), evidence.seconds, table.flows.drained),
            clocks.age(frame, evidence.taken_at).alias("age_s"),
            origins.origin(frame, ceiling).alias("origin"),
        )
    )
    return View(table, evidence, flows, features, known, clamps, one_sided_s, gave_s, tuple(past))


def _sound(frame: pl.DataFrame) -> pl.DataFrame:
    """Without nulls where every entry has a value: a damaged source may have left some."""
    damaged = [name for name in _ALWAYS if frame[name].null_count()]
    return frame.with_columns(pl.col(damaged).fill_null(0)) if damaged else frame


@functools.cache
def _nothing() -> pl.DataFrame:
    """No rows, and the columns that ``view`` gives."""
    derived: dict[str, pl.DataType | type[pl.DataType]] = {
        "one_sided": pl.Boolean,
        "service": pl.Categorical,
        "side": ends.SIDES,
        "local_src": pl.Boolean,
        "here": pl.Boolean,
        "owner": pl.UInt32,
        "idle_s": pl.Int64,
        "idle_at_least": pl.Boolean,
        "age_s": pl.Int64,
        "origin": origins.ORIGINS,
    }
    return pl.DataFrame(schema={**SCHEMA, **derived})


def _clamps(frame: pl.DataFrame, features: Features, known: Timeouts) -> bool | None:
    """The release's word, or the table's own where the release is not known.

    One entry with more left than an unanswered packet gives proves that nothing is cut short here;
    that there is none proves it only if there are some entries to look at. Where the two timeouts
    are merely assumed, such an entry on a kernel that clamps says that they were raised, which
    comes to the same.
    """
    alone = frame.lazy().filter("one_sided", pl.col("state") == uapi.TCP_CONNTRACK_ESTABLISHED)
    most, entries = (
        alone.select(most=pl.col("timeout").max(), entries=pl.len()).collect().row(0)
        if features.clamps_one_sided is not False
        else (None, 0)
    )
    longer = most is not None and most > keeping.longest_short(known)
    if features.clamps_one_sided is None:
        return False if longer else True if entries >= _FEW else None
    read = known.known(timeouts.UNACKNOWLEDGED) is not None
    return False if longer and not read else features.clamps_one_sided
