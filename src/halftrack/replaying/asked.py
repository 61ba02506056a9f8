"""Settings as somebody types them: ``tcp_timeout_established=7200``, as sysctl(8) takes them or shorter."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING, Final

from halftrack.diagnosis import words as durations
from halftrack.errors import UsageError
from halftrack.evidence import sysctls
from halftrack.tcp import timeouts

if TYPE_CHECKING:
    from collections.abc import Iterable

    from halftrack.tcp.profiles import Profile

_NUMBERS: Final = {
    sysctls.LOOSE: 255,
    sysctls.BE_LIBERAL: 1,
    sysctls.MAX_RETRANS: 255,
    sysctls.IGNORE_INVALID_RST: 1,
    sysctls.LIMIT: timeouts.LONGEST,
}
"""Those that are no timeouts, with the most that each may be."""
NAMES: Final = (*timeouts.DEFAULTS, *_NUMBERS)
"""What decides about an entry, without prefix."""


def name_of(text: str) -> str:
    """A setting's name without prefix. Raises UsageError that names what comes near."""
    short = sysctls.short(text)
    if short in NAMES:
        return short
    near = difflib.get_close_matches(short, NAMES, n=1, cutoff=0.5)
    told = f"did you mean {near[0]}?" if near else f"there are {', '.join(NAMES)}"
    raise UsageError(f"no setting {text[:60]!a} decides about an entry: {told}")


def _value_of(name: str, text: str) -> int:
    """A setting's value: a whole number; of timeouts seconds, or ``90s 5m 2h 1d``. Raises UsageError."""
    most = _NUMBERS.get(name)
    value = durations.seconds(text.strip()) if most is None else timeouts.whole(text)
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
        found[short] = _value_of(short, value)
    return found


def full_names(found: dict[str, int]) -> dict[str, str]:
    """The same as sysctls are read: full name to text; without the limit, which the rules do not ask for."""
    return {sysctls.PREFIX + name: str(value) for name, value in found.items() if name != sysctls.LIMIT}


def unknown_to(found: Iterable[str], profile: Profile) -> tuple[str, ...]:
    """Names among these that a kernel with this profile does not have."""
    missing = set() if profile.closing_takes_rst else {sysctls.IGNORE_INVALID_RST}
    if not profile.unacknowledged:
        missing.add(timeouts.UNACKNOWLEDGED)
    return tuple(name for name in found if name in missing)
