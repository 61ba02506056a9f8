"""Fields that entries are counted and sorted by."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from halftrack.diagnosis.filters.vocabulary import FIELDS
from halftrack.errors import UsageError

_COUNTED_KINDS: Final = ("state", "protocol", "address", "port", "text", "service", "mark", "symptom")
_COUNTABLE: Final = tuple(
    name
    for name, field in FIELDS.items()
    if (field.kind in _COUNTED_KINDS and len(field.columns) < 2) or name == "zone"
)
_SORTABLE: Final = tuple(
    name
    for name, field in FIELDS.items()
    if field.kind in ("port", "number", "duration", "mark") and name != "port"
)


@dataclass(frozen=True, slots=True)
class Order:
    """By a field of numbers, the largest first unless ``ascending``; what is not known comes last."""

    field: str
    ascending: bool = False


def counted(text: str) -> tuple[str, ...]:
    """The fields of ``--by``. Raises UsageError."""
    names = tuple(part.strip().lower() for part in text.split(","))
    for name in names:
        if name not in _COUNTABLE:
            raise UsageError(f"--by {name!a}: entries are counted by some of {', '.join(_COUNTABLE)}")
    if len(set(names)) < len(names):
        raise UsageError(f"--by {text!a} names a field twice")
    return names


def order(text: str) -> Order:
    """Of ``--sort``: a field, with a minus before it the other way round. Raises UsageError."""
    name = text.removeprefix("-").lower()
    if name not in _SORTABLE:
        raise UsageError(f"--sort {text!a}: entries are sorted by one of {', '.join(_SORTABLE)}")
    return Order(name, ascending=text.startswith("-"))
