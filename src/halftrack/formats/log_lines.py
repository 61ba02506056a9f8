"""A line of a log: what stands before its message, and when that says that it was written."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from halftrack.evidence.kernel_log import Stamp
from halftrack.formats.moments import MONTHS, instant

_CLOCK: Final = r"\d\d:\d\d:\d\d(?:[.,]\d{1,9})?"
_UP: Final = r"\[ *(?P<up>\d{1,10}\.\d{1,9})\] ?"
HEAD: Final = re.compile(
    # Levels above 7 are of what was written into the log by programs.
    r"(?:<[0-7]>)?"
    r"(?:"
    # dmesg; journalctl -o short-monotonic names host and kernel behind.
    rf"{_UP}(?:\[ *[CT]\d+\] ?)?(?:\S{{1,255}} kernel: )?"
    rf"|\[\w{{3}} (?P<day>\w{{3}} [ \d]\d {_CLOCK} \d{{4}})\] "
    # /dev/kmsg: level, number, microseconds since boot, flags.
    r"|[0-7],\d{1,20},(?P<us>\d{1,18}),[^;\n]{1,64};"
    # syslog and the journal.
    rf"|(?:(?P<local>[A-Z][a-z]{{2}} [ \d]\d {_CLOCK})"
    r"|(?P<iso>\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:[.,]\d{1,9})?(?:Z|[+-]\d\d:?\d\d)?)"
    rf"|\w{{3}} (?P<full>\d{{4}}-\d\d-\d\d {_CLOCK}) (?P<zone>\S{{1,8}})"
    r"|(?P<unix>\d{9,11}\.\d{6}))"
    # The kernel's own time, which some have behind that, is of whichever boot it was then.
    r" (?:\S{1,255} kernel: (?:\[ *\d{1,10}\.\d{1,9}\] ?)?)?"
    r")",
    re.ASCII,
)
"""What stands before the message, and which time it gives."""
_BARE: Final = re.compile(r"(?:<[0-7]>)?")
"""Likewise where the kernel was told to write no times."""
_DAY: Final = timedelta(days=1)
LOG: Final = re.compile(
    r"(?:<\d{1,3}>)?\[ *\d{1,10}\.\d{6}\] |\[\w{3} \w{3} [ \d]\d \d\d:\d\d:\d\d \d{4}\] "
    r"|\d{1,4},\d{1,20},\d{1,18},[^;\n]{1,64};"
    rf"|(?:[A-Z][a-z]{{2}} [ \d]\d {_CLOCK}|\d{{4}}-\d\d-\d\dT\S{{8,24}})"
    r" \S{1,255} [\w./@-]{1,64}(?:\[\d+\])?: ",
    re.ASCII,
)
"""What lines of logs begin with, by which they are known."""


@dataclass(frozen=True, slots=True)
class Clock:
    """What times of lines are understood by; None where nobody says.

    ``taken_at``: when it was read; ``up_s``: seconds since the boot, then; ``offset``: of its local time.
    """

    taken_at: datetime | None = None
    up_s: float | None = None
    offset: timedelta | None = None


def message_at(line: str) -> int:
    """Column at which the message begins."""
    head = HEAD.match(line) or _BARE.match(line)
    return head.end() if head else 0


def stamp_of(line: str, clock: Clock) -> Stamp:
    """When a line was written, as far as it tells."""
    head = HEAD.match(line)
    if head is None:
        return Stamp()
    up_s = float(head["up"]) if head["up"] else int(head["us"]) / 1e6 if head["us"] else None
    at = _moment(head, clock)
    if at is None and up_s is not None and clock.taken_at is not None and clock.up_s is not None:
        at = _after(clock.taken_at, seconds=up_s - clock.up_s)
    return Stamp(up_s, at)


def _moment(head: re.Match[str], clock: Clock) -> datetime | None:
    if head["unix"]:
        return _after(datetime(1970, 1, 1, tzinfo=UTC), seconds=float(head["unix"]))
    if head["iso"]:
        text = head["iso"].replace(",", ".")
        return instant(text) or _local(text.replace("T", " "), "%Y-%m-%d %H:%M:%S", clock.offset)
    if head["full"]:
        offset = timedelta() if head["zone"] in {"UTC", "GMT"} else clock.offset
        return _local(head["full"], "%Y-%m-%d %H:%M:%S", offset)
    if head["day"]:
        name, rest = head["day"].split(None, 1)
        return _local(f"{_month(name)} {rest}", "%m %d %H:%M:%S %Y", clock.offset)
    if head["local"] and clock.taken_at is not None and clock.offset is not None:
        name, rest = head["local"].split(None, 1)
        years = (clock.taken_at.year + 1, clock.taken_at.year, clock.taken_at.year - 1)
        found = [_local(f"{_month(name)} {rest} {year}", "%m %d %H:%M:%S %Y", clock.offset) for year in years]
        # Nothing was written after it was read; a day is for clocks that were put right.
        return next((at for at in found if at is not None and at <= clock.taken_at + _DAY), None)
    return None


def _month(name: str) -> int:
    return MONTHS.index(name) + 1 if name in MONTHS else 0


def _local(text: str, form: str, offset: timedelta | None) -> datetime | None:
    """Local time as UTC; to the second."""
    if offset is None:
        return None
    try:
        return datetime.strptime(re.sub(r"[.,]\d+", "", text), form).replace(tzinfo=UTC) - offset
    except (ValueError, OverflowError):
        return None


def _after(moment: datetime, *, seconds: float) -> datetime | None:
    try:
        return (moment + timedelta(seconds=seconds)).replace(microsecond=0)
    except OverflowError:
        return None
