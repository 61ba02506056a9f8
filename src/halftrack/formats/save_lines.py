"""Entries as the lines that ``conntrack --load-file`` takes, to be put in again.

Options: conntrack(8), since 1.4.7. What has no option of its own stays behind: counters, helpers,
window tracking, and how an entry is translated.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

from halftrack.evidence import uapi
from halftrack.formats import cells

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy.typing as npt
    import polars as pl

    from halftrack.evidence.flows import FlowTable
    from halftrack.formats.cells import Cells

_STATUS: Final = ("UNSET", "SEEN_REPLY", "ASSURED", "SEEN_REPLY,ASSURED")
_ADDRESSES: Final = (("-s", "orig_src"), ("-d", "orig_dst"), ("-r", "reply_src"), ("-q", "reply_dst"))
_MIRRORED: Final = {"reply_src": "orig_dst", "reply_dst": "orig_src"}
_PORTS: Final = (
    ("--sport", "orig_sport"),
    ("--dport", "orig_dport"),
    ("--reply-port-src", "reply_sport"),
    ("--reply-port-dst", "reply_dport"),
)
_KEYS: Final = (
    ("--srckey", "orig_srckey"),
    ("--dstkey", "orig_dstkey"),
    ("--reply-key-src", "reply_srckey"),
    ("--reply-key-dst", "reply_dstkey"),
)
_ICMP: Final = (("type", "orig_type"), ("code", "orig_code"), ("id", "orig_icmp_id"))
_ZONES: Final = {
    uapi.NF_CT_DEFAULT_ZONE_DIR: "-w",
    uapi.NF_CT_ZONE_DIR_ORIG: "--orig-zone",
    uapi.NF_CT_ZONE_DIR_REPL: "--reply-zone",
}


def text(flows: FlowTable) -> Iterator[bytes]:
    """One line per entry, in the table's order, many at a time.

    The columns that are not in the frame count as not known.
    """
    frame = flows.frame
    protocols = frame["l4proto"].to_numpy()
    parts = [
        "-A",
        *_option("-t", frame["timeout"]),
        " -u ",
        _status(frame["status"]),
        *_zones(frame),
        *_marks(frame),
        *_addresses(flows),
        " -p ",
        _names(protocols),
        *(part for option, column in _PORTS for part in _option(option, frame[column])),
        *_icmp(frame, protocols),
        *(part for option, column in _KEYS for part in _option(option, frame[column])),
        *_states(frame["state"], protocols),
    ]
    return cells.joined(parts, frame.height)


def _option(option: str, column: pl.Series) -> Iterator[Cells | str]:
    """What says it in each line that knows it."""
    if column.null_count() < len(column):
        known = None if not column.null_count() else column.is_not_null().to_numpy()
        yield from _where(option, cells.numbers(_values(column)), known)


def _values(column: pl.Series, unknown: int = 0) -> npt.NDArray[np.integer[Any]]:
    return (column.fill_null(unknown) if column.null_count() else column).to_numpy()


def _where(option: str, values: Cells, where: npt.NDArray[np.bool_] | None) -> Iterator[Cells | str]:
    """``where``: None: everywhere."""
    if where is None:
        yield f" {option} "
        yield values
    elif where.any():
        yield cells.words(("", f" {option} "), where.view(np.uint8))
        yield cells.only(values, where)


def _status(status: pl.Series) -> Cells:
    bits = status.to_numpy()
    replied, assured = (bits & bit != 0 for bit in (uapi.IPS_SEEN_REPLY, uapi.IPS_ASSURED))
    return cells.words(_STATUS, replied + np.uint8(2) * assured)


def _zones(frame: pl.DataFrame) -> Iterator[Cells | str]:
    zones, ways = _values(frame["zone"]), _values(frame["zone_dir"])
    if zones.any():
        for way, option in _ZONES.items():
            yield from _where(option, cells.numbers(zones), (zones > 0) & (ways == way))


def _marks(frame: pl.DataFrame) -> Iterator[Cells | str]:
    marks = _values(frame["mark"])
    if marks.any():
        yield from _where("-m", cells.numbers(marks), marks > 0)


def _addresses(flows: FlowTable) -> Iterator[Cells | str]:
    """Most replies come back the same way: then nothing is spelled twice."""
    frame, found = flows.frame, dict[str, cells.Cells]()
    for option, stem in _ADDRESSES:
        hi, lo, mirror = frame[f"{stem}_hi"], frame[f"{stem}_lo"], _MIRRORED.get(stem)
        if mirror and (lo == frame[f"{mirror}_lo"]).all() and (hi == frame[f"{mirror}_hi"]).all():
            found[stem] = found[mirror]
        else:
            found[stem] = cells.shown(hi, lo, flows.opaque)
        yield f" {option} "
        yield found[stem]


def _names(protocols: npt.NDArray[np.uint8]) -> Cells:
    return cells.words([uapi.PROTOCOL_NAMES.get(number, str(number)) for number in range(256)], protocols)


def _icmp(frame: pl.DataFrame, protocols: npt.NDArray[np.uint8]) -> Iterator[Cells | str]:
    for number, name in ((uapi.IPPROTO_ICMP, "icmp"), (uapi.IPPROTO_ICMPV6, "icmpv6")):
        here = protocols == number
        if here.any():
            for option, column in _ICMP:
                known = here & frame[column].is_not_null().to_numpy()
                values = cells.numbers(_values(frame[column]))
                yield from _where(f"--{name}-{option}", values, known)


def _states(states: pl.Series, protocols: npt.NDArray[np.uint8]) -> Iterator[Cells | str]:
    numbers = _values(states, 255)
    for l4proto, names in uapi.STATE_NAMES.items():
        known = (protocols == l4proto) & (numbers < len(names))
        if known.any():
            named = cells.words(names, np.minimum(numbers, len(names) - 1))
            yield from _where("--state", named, None if known.all() else known)
