"""Settings as somebody types them: ``tcp_timeout_established=7200``, as sysctl(8) takes them or shorter."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING, Final

from halftrack.errors import UsageError
from halftrack.evidence.sysctls import LEGACY_PREFIX, PREFIX
from halftrack.tcp import timeouts

if TYPE_CHECKING:
    from collections.abc import Iterable

    from halftrack.tcp.profiles import Profile

LIMIT: Final = "max"
_NUMBERS: Final = {
    "tcp_loose": 255,
    "tcp_be_liberal": 1,
    "tcp_max_retrans": 255,
    "tcp_ignore_invalid_rst": 1,
    LIMIT: timeouts.LONGEST,
}
"""Those that are no timeouts, with the most that each may be."""
NAMES: Final = (*timeouts.DEFAULTS, *_NUMBERS)
"""What decides about an entry, without prefix."""
_PREFIXES: Final = (
    PREFIX,
    PREFIX.replace(".", "/"),
    LEGACY_PREFIX,
    "net.nf_conntrack_",
    "net.ipv4.ip_conntrack_",
    "nf_conntrack_",
    "ip_conntrack_",
)
_DAY: Final = 86_400
_UNITS: Final = {"s": 1, "m": 60, "h": 3_600, "d": _DAY, "w": 7 * _DAY}


def name_of(text: str) -> str:
    """A setting's name without prefix. Raises UsageError that names what comes near."""
    short = text.strip().lower()
    for prefix in _PREFIXES:
        short = short.removeprefix(prefix)
    if short in NAMES:
        return short
    near = difflib.get_close_matches(short, NAMES, n=1, cutoff=0.5)
    told = f"did you mean {near[0]}?" if near else f"there are {', '.join(NAMES)}"
    raise UsageError(f"no setting {text[:60]!a} decides about an entry: {told}")


def value_of(name: str, text: str) -> int:
    """A setting's value: a whole number; of timeouts seconds, or ``90s 5m 2h 1d``. Raises UsageError."""
    most = _NUMBERS.get(name)
    told = text.strip().lower()
    unit = _UNITS.get(told[-1:], 0) if most is None else 0
    number = timeouts.whole(told[:-1] if unit else told)
    value = None if number is None else number * (unit or 1)
    if value is None or value > (timeouts.LONGEST if most is None else most):
        wanted = f"0 to {most}" if most is not None else "seconds, or 90s, 5m, 2h, 1d"
        raise UsageError(f"{name}={text[:40]!a}: {wanted}")
    return value


def settings(words: Iterable[str]) -> dict[str, int]:
    """``NAME=VALUE`` words as name without prefix to number; of a name given twice the later one counts."""
    found: dict[str, int] = {}
    for word in words:
        name, equals, value = word.partition("=")
        if not equals:
            raise UsageError(
                f"{word[:60]!a} is no setting: write SETTING=VALUE, tcp_timeout_established=7200"
            )
        short = name_of(name)
        found[short] = value_of(short, value)
    return found


def full_names(found: dict[str, int]) -> dict[str, str]:
    """The same as sysctls are read: full name to text; without the limit, which the rules do not ask for."""
    return {PREFIX + name: str(value) for name, value in found.items() if name != LIMIT}


def unknown_to(found: Iterable[str], profile: Profile) -> tuple[str, ...]:
    """Names among these that a kernel with this profile does not have."""
    missing = set() if profile.closing_takes_rst else {"tcp_ignore_invalid_rst"}
    if not profile.unacknowledged:
        missing.add(timeouts.UNACKNOWLEDGED)
    return tuple(name for name in found if name in missing)
