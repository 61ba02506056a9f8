"""Evidence as JSON's own values, and back by the types of its fields.

What is its default is left out. Fields that are not known are passed over, so that a bundle of a later
version can be read; what a value lacks or has wrong ends the reading.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from dataclasses import MISSING, Field, fields, is_dataclass
from datetime import datetime
from functools import cache
from types import UnionType
from typing import Any, Final, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

import msgspec
import polars as pl

from halftrack.evidence import (
    events,
    flows,
    kernel_log,
    provenance,
    routing,
    rulesets,
    shaping,
    stack,
    sysctls,
    tcp_sockets,
    tracking,
)
from halftrack.evidence.values import Evidence, Sockets

T = TypeVar("T")
Frames = Callable[[int], pl.DataFrame | None]

_FRAME: Final = "frame"
_OF_FRAMES: Final = ("height", "columns", "name", "type", "nulls", "texts", "none", "all", "some")
_DEEPEST: Final = 20
_NAMES: Final[Mapping[str, object]] = {
    "pl": pl,
    "Events": events.Events,
    "FlowTable": flows.FlowTable,
    "Origins": provenance.Origins,
    "KernelLog": kernel_log.KernelLog,
    "Routing": routing.Routing,
    "RateSetting": shaping.RateSetting,
    "Replaced": sysctls.Replaced,
    "Ruleset": rulesets.Ruleset,
    "Shaping": shaping.Shaping,
    "StackCounters": stack.StackCounters,
    "SysctlLine": sysctls.SysctlLine,
    "TcpSockets": tcp_sockets.TcpSockets,
    "Tracking": tracking.Tracking,
}
"""What the modules of values name only for a type checker."""


class Broken(ValueError):
    """Values that are no evidence."""


class Missing(Broken):
    """A frame is not there: whatever may be unknown and has it is."""


class Document(msgspec.Struct, frozen=True, kw_only=True):
    """The first member of a bundle. ``evidence``: as ``plain`` gives it."""

    schema: Literal["halftrack.bundle/1"] = "halftrack.bundle/1"
    made_by: str = ""
    evidence: Any = None


def plain(value: object, frames: list[pl.DataFrame]) -> object:
    """JSON's values; frames are put aside, and stand in them by their number."""
    if isinstance(value, (pl.DataFrame, pl.Series)):
        frames.append(value if isinstance(value, pl.DataFrame) else value.to_frame())
        return {_FRAME: len(frames) - 1}
    if isinstance(value, Mapping):
        return {str(key): plain(each, frames) for key, each in value.items()}
    if isinstance(value, (tuple, frozenset)):
        return [plain(each, frames) for each in value]
    if is_dataclass(value) and not isinstance(value, type):
        given = ((each, getattr(value, each.name)) for each in fields(value))
        return {each.name: plain(its, frames) for each, its in given if not _is_default(each, its)}
    return value.isoformat() if isinstance(value, datetime) else value


def _is_default(each: Field[Any], value: object) -> bool:
    if isinstance(value, (pl.DataFrame, pl.Series)):
        return False
    return bool(value == each.default) if each.default is not MISSING else False


def made(kind: type[T], value: object, frames: Frames) -> T:
    """A value of this kind. ``frames``: by number, None where there is none. Raises Broken."""
    found: T = _made(kind, value, frames, kind.__name__, 0)
    return found


def _made(hint: Any, value: object, frames: Frames, where: str, depth: int) -> Any:
    if depth > _DEEPEST:
        raise Broken(f"{where}: values within values without end")
    if get_origin(hint) in (Union, UnionType):
        [some] = [each for each in get_args(hint) if each is not type(None)]
        try:
            return None if value is None else _made(some, value, frames, where, depth)
        except Missing:
            return None
    if hint in (pl.DataFrame, pl.Series):
        frame = _frame(value, frames, where)
        if hint is pl.Series and frame.width != 1:
            raise Broken(f"{where}: {frame.width} columns, not one")
        return frame if hint is pl.DataFrame else frame.to_series()
    if is_dataclass(hint):
        return _dataclass(hint, value, frames, where, depth + 1)
    if get_origin(hint) in (tuple, Mapping):
        return _several(hint, value, frames, where, depth + 1)
    return _converted(hint, value, where)


def _several(hint: Any, value: object, frames: Frames, where: str, depth: int) -> Any:
    inner = get_args(hint)
    if get_origin(hint) is Mapping:
        items = _converted(dict[str, Any], value, where)
        return {key: _made(inner[1], each, frames, where, depth) for key, each in items.items()}
    given = _converted(list[Any], value, where)
    kinds = (inner[0],) * len(given) if inner[1:] == (...,) else inner
    if len(given) != len(kinds):
        raise Broken(f"{where}: {len(given)} values, not {len(kinds)}")
    return tuple(_made(kind, each, frames, where, depth) for kind, each in zip(kinds, given, strict=True))


def _dataclass(kind: Any, value: object, frames: Frames, where: str, depth: int) -> Any:
    given = _converted(dict[str, Any], value, where)
    hints = _hints(kind)
    found = {
        name: _made(hint, given[name], frames, f"{where}.{name}", depth)
        for name, hint in hints.items()
        if name in given
    }
    try:
        return _checked(kind(**found), where)
    except TypeError as error:
        raise Broken(f"{where}: something is missing") from error


@cache
def _hints(kind: type) -> Mapping[str, Any]:
    known = {**_NAMES, **vars(sys.modules[kind.__module__])}
    hints = get_type_hints(kind, known)
    return {each.name: hints[each.name] for each in fields(kind)}


def _converted(hint: Any, value: object, where: str) -> Any:
    try:
        made = msgspec.convert(value, type=hint)
    except msgspec.ValidationError as error:
        raise Broken(f"{where}: {error}") from error
    if isinstance(made, datetime) and made.tzinfo is None:
        raise Broken(f"{where}: a time that tells no zone")
    return made


def _frame(value: object, frames: Frames, where: str) -> pl.DataFrame:
    number = _converted(dict[str, int], value, where).get(_FRAME, -1)
    found = frames(number)
    if found is None:
        raise Missing(f"{where}: its frame is missing")
    return found


def words() -> frozenset[str]:
    """Names that a bundle has for what is in it, whoever it is of."""
    found = {name for schema in _SCHEMAS.values() for name in schema}
    waiting: list[Any] = [Evidence]
    seen: set[Any] = set()
    while waiting:
        hint = waiting.pop()
        if hint in seen:
            continue
        seen.add(hint)
        waiting += get_args(hint)
        if is_dataclass(hint) and isinstance(hint, type):
            found |= _hints(hint).keys()
            waiting += _hints(hint).values()
        elif isinstance(hint, str):
            found.add(hint)
    return frozenset({*found, *Document.__struct_fields__, _FRAME, *_OF_FRAMES})


_NEVER_NULL: Final = (
    "family", "l4proto", "status",
    *(f"{stem}_{half}" for stem in flows.ADDRESS_COLUMNS for half in ("hi", "lo")),
)  # fmt: skip
_SOCKETS: Final = {
    "l4proto": pl.UInt8, "state": pl.UInt8,
    **{f"{end}_{half}": pl.UInt64 for end in ("local", "remote") for half in ("hi", "lo")},
    "local_port": pl.UInt16, "remote_port": pl.UInt16, "uid": pl.UInt32, "inode": pl.UInt64,
}  # fmt: skip
_SCHEMAS: Final[Mapping[type, Mapping[str, Any]]] = {
    flows.FlowTable: flows.SCHEMA,
    Sockets: _SOCKETS,
    tcp_sockets.TcpSockets: tcp_sockets.SCHEMA,
}


def _checked(value: Any, where: str) -> Any:
    """What has a frame has it in the columns that everybody counts on."""
    schema = _SCHEMAS.get(type(value))
    if schema is None:
        return value
    frame: pl.DataFrame = value.frame
    if frame.width == 0:
        frame = pl.DataFrame(schema=dict(schema))
    if dict(frame.schema) != dict(schema):
        raise Broken(f"{where}: its frame has other columns")
    if isinstance(value, flows.FlowTable) and any(frame[name].null_count() for name in _NEVER_NULL):
        raise Broken(f"{where}: entries without an address, a protocol or a status")
    if isinstance(value, flows.FlowTable) and not _numbered(value):
        raise Broken(f"{where}: the lines of its entries are not one each")
    if isinstance(value, flows.FlowTable) and not _drained(value):
        raise Broken(f"{where}: what was taken from its entries is not told of each")
    return value


def _drained(table: flows.FlowTable) -> bool:
    told = table.drained
    if told is None:
        return True
    whole = dict(told.schema) == dict(flows.DRAINED) and told.height == len(table)
    return whole and not any(told.null_count().row(0))


def _numbered(table: flows.FlowTable) -> bool:
    lines = table.lines
    if table.parts and sum(table.parts) != len(table):
        return False
    return lines is None or (lines.dtype == pl.UInt32 and len(lines) == len(table) and not lines.null_count())
