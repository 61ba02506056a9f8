"""A dashboard by Grafana's own types: the library that Grafana generates from its schemas.

It reads what it knows and leaves out the rest without a word, and takes values as they come: so what it gives back
is compared with what it was given, and each value with the type of its field.
"""

from __future__ import annotations

import enum
import json
import types
import typing
from typing import TYPE_CHECKING, Any

from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.cog.plugins import register_default_plugins
from grafana_foundation_sdk.models.dashboard import Dashboard

if TYPE_CHECKING:
    from collections.abc import Iterator

register_default_plugins()
"""Of each kind of panel and of data source its own options and queries."""


def amiss(given: dict[str, Any]) -> list[str]:
    """What Grafana would not know of a dashboard, or not take, by where it stands."""
    read = Dashboard.from_json(given)
    return [*_lost(given, _encoded(read), "dashboard"), *_misfits(read, Dashboard, "dashboard")]


def _encoded(model: Any) -> Any:
    return json.loads(JSONEncoder(sort_keys=True).encode(model))


def _lost(given: Any, back: Any, where: str) -> Iterator[str]:
    if isinstance(given, dict) and isinstance(back, dict):
        for name, value in given.items():
            if name in back:
                yield from _lost(value, back[name], f"{where}.{name}")
            else:
                yield f"{where}.{name} is unknown"
    elif isinstance(given, list) and isinstance(back, list) and len(given) == len(back):
        for number, (one, other) in enumerate(zip(given, back, strict=True)):
            yield from _lost(one, other, f"{where}[{number}]")
    elif given != back:
        yield f"{where} becomes {back!r}"


def _misfits(value: Any, wanted: Any, where: str) -> Iterator[str]:
    """``wanted``: a type as it is annotated."""
    origin, inner = typing.get_origin(wanted), typing.get_args(wanted)
    if origin in (typing.Union, types.UnionType):
        given = [one for one in inner if isinstance(one, type) and isinstance(value, one)]
        each = [list(_misfits(value, one, where)) for one in given or set(inner) - {type(None)}]
        yield from min(each, key=len)
    elif origin is list:
        if isinstance(value, list):
            for number, one in enumerate(value):
                yield from _misfits(one, inner[0], f"{where}[{number}]")
        else:
            yield f"{where} is no list"
    elif origin is dict:
        if isinstance(value, dict):
            for name, one in value.items():
                yield from _misfits(one, inner[1], f"{where}.{name}")
        else:
            yield f"{where} is no mapping"
    elif isinstance(wanted, type):
        yield from _misfit(value, wanted, where)


def _misfit(value: Any, wanted: type, where: str) -> Iterator[str]:
    if issubclass(wanted, enum.Enum):
        if value not in [one.value for one in wanted]:
            yield f"{where} is none of {[one.value for one in wanted]}"
    elif wanted is float:
        if isinstance(value, bool) or not isinstance(value, int | float):
            yield f"{where} is no number"
    elif wanted in (int, bool, str, type(None)):
        if type(value) is not wanted:
            yield f"{where} is no {wanted.__name__}"
    elif isinstance(value, dict) and hasattr(wanted, "from_json"):  # which the library leaves as it came
        value = wanted.from_json(given := value)
        yield from _lost(given, _encoded(value), where)
    elif typing.get_type_hints(wanted) and not isinstance(value, wanted):
        yield f"{where} is no {wanted.__name__}"
    # What a kind of panel or of data source brings along is of a type of its own.
    for name, hint in typing.get_type_hints(type(value)).items() if _is_model(value) else ():
        yield from _misfits(getattr(value, name), hint, f"{where}.{name}")


def _is_model(value: Any) -> bool:
    return type(value).__module__.startswith("grafana_foundation_sdk.models")
