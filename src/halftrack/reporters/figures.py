"""Moments, spans and names as they stand on a screen."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

from halftrack.diagnosis import words

if TYPE_CHECKING:
    from halftrack.diagnosis.document import Group, OwnerName

_DAYS: Final = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS: Final = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
SILENCE: Final = 24
"""Columns that a silence takes at most."""
_NEAR: Final = timedelta(days=20)


def moment(at: datetime, now: datetime | None = None) -> str:
    """``Mon 23 Nov 03:12``, in UTC; without the month near ``now``, with the year far from it."""
    at = at.astimezone(UTC)
    clock = f"{at.hour:02}:{at.minute:02}"
    day = f"{_DAYS[at.weekday()]} {at.day:02}"
    if now is not None and abs(at - now) < _NEAR:
        return f"{day} {clock}"
    month = _MONTHS[at.month - 1]
    if now is None or abs(at - now) < timedelta(days=300):
        return f"{day} {month} {clock}"
    return f"{at.day:02} {month} {at.year}"


def silence(group: Group) -> str:
    """How long the entries of a group have been silent, from the least to the most."""
    if group.idle_min_s is None or group.idle_max_s is None:
        return "not known"
    least, most = words.duration(group.idle_min_s), words.duration(group.idle_max_s)
    if least == most:
        return most
    both = f"{least} - {most}"
    return both if len(both) <= SILENCE else f"up to {most}"


def rate(per_minute: float | None) -> str:
    """``30/min``, ``2.5/h``, ``4/day``."""
    if per_minute is None:
        return "-"
    for factor, unit in ((1, "min"), (60, "h"), (1440, "day")):
        value = per_minute * factor
        if value >= 1 or unit == "day":
            return f"{value:,.0f}/{unit}" if value >= 10 or value == round(value) else f"{value:.1f}/{unit}"
    return "-"


def owner(name: OwnerName) -> str:
    """``web-1 (podman 3f2a91c0d7e4)``, ``shop/web-6d4cf-x2x4z (pod of web)``."""
    if name.namespace is not None:
        made = name.workload not in (None, name.pod)
        return f"{name.name} (pod of {name.workload})" if made else f"{name.name} (pod)"
    same = not name.id or name.id == name.name
    return f"{name.name} ({name.runtime})" if same else f"{name.name} ({name.runtime} {name.id[:12]})"


def whose(group: Group) -> str:
    """Owner, address and service of a group, in one line."""
    parts = [owner(group.owner)] if group.owner else []
    parts += [part for part in (group.address, group.service) if part]
    asked = group.top_peers[0].service_name if group.peers == 1 and group.top_peers else None
    if group.service_name or asked:
        parts.append(f"({group.service_name or asked})")
    if not parts:
        parts = ["no address"]
    if group.side == "server":
        parts.append("(server side)")
    elif group.side == "client":
        parts.append("(client side)")
    elif group.side == "forwarded":
        parts.append("(forwarded)")
    return " ".join(parts)
