"""Settings that let a symptom happen, with what they are set to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from halftrack.diagnosis.document import EnabledBy
from halftrack.evidence import sysctls
from halftrack.tcp import timeouts

if TYPE_CHECKING:
    from halftrack.diagnosis.view import View

_SYNCOOKIES: Final = "net.ipv4.tcp_syncookies"
"""Of IPv6 as well (ip-sysctl.rst in the kernel tree)."""


def full_name(view: View, name: str) -> str:
    """The sysctl as this node calls it."""
    legacy = sysctls.LEGACY_PREFIX + name
    present = sysctls.PREFIX + name
    return legacy if legacy in view.table.settings and present not in view.table.settings else present


def timeout(view: View, name: str, why: str) -> EnabledBy:
    """A timeout; one that was not read is assumed to be the default, and says so."""
    value = view.timeouts.get(name)
    doubt = "; not read: the kernel's default is assumed" if name in view.timeouts.assumed else ""
    return EnabledBy(
        setting=full_name(view, name), value=None if value is None else str(value), why=why + doubt
    )


def no_cookies(view: View) -> EnabledBy | None:
    """SYN cookies, where they are known to be off."""
    text = view.table.settings.get(_SYNCOOKIES)
    if timeouts.whole(text) != 0:
        return None
    return EnabledBy(setting=_SYNCOOKIES, value=text, why="off: nothing softens a flood of SYNs")


def loose(view: View) -> EnabledBy | None:
    """Pick-up in mid-stream, unless it is known to be off."""
    text = timeouts.setting(view.table.settings, "tcp_loose")
    if timeouts.whole(text) == 0:
        return None
    doubt = "; not read: on is the kernel's default" if text is None else ""
    return EnabledBy(
        setting=full_name(view, "tcp_loose"),
        value=text,
        why=f"a bare packet of a connection that is not in the table opens an entry{doubt}",
    )
