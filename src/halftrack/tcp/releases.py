"""Kernel releases and what their trackers do differently.

A release string is what ``uname -r`` prints, vendor suffixes included. Distributors carry changes
back, so the same upstream number may or may not behave like upstream: a feature is decided by the
vendor's own line where one is known, else by the upstream number, and is None where trees of
neither were compared.

Sources, by feature, are the kernel trees named beside each line: ``nf_conntrack_proto_tcp.c``
(clamp, zero window), ``nf_conntrack_core.c`` (what gives way when the table is full),
``nf_conntrack_proto_udp.c`` (stream timeout), ``nf_conntrack_netlink.c`` (filters); hooks: commit
0c66dc1ea3f0 of 4.10. Of filters these were compared: 2.6.18-028stab056, 2.6.32-042stab141, 3.2.40, 3.6,
3.10.4, 3.10.108, 3.16, 3.18, 4.9, 5.4, 5.10, 5.15, 6.1, 6.8.1, 6.12.117, 6.14, 6.18.26, and of Red Hat
3.10.0-514, 3.10.0-1160, 4.18.0-394.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Final, Literal

Vendor = Literal["openvz5", "openvz6", "virtuozzo7", "el5", "el6", "el7", "el8", "el9", "el10"]

FilteredDelete = Literal["empties", "refused", "compares"]

_LEADING: Final = re.compile(r"\s*(\d{1,4})\.(\d{1,4})(?:\.(\d{1,6}))?")
_BUILD: Final = re.compile(r"^-(\d{1,6})(?:\.(\d{1,6}))?")
_STAB: Final = re.compile(r"(\d{3})stab(\d{1,4})")
_EL: Final = re.compile(r"\.el(\d{1,2})(?![0-9])")


@dataclass(frozen=True, slots=True)
class Release:
    """A release string taken apart. ``build``: the vendor's numbers, ``()`` where none are known.

    ``042stab092.1`` has build ``(92,)``; ``2.6.32-504.16.2.el6`` has ``(504, 16)``.
    """

    version: tuple[int, int, int]
    vendor: Vendor | None = None
    build: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Features:
    """What a kernel does; None where that is not known.

    ``clamps_one_sided``: ESTABLISHED without a reply lasts at most ``timeout_unacknowledged``.
    ``retrans_caps_pickup``: and at most ``timeout_max_retrans``, as no window was ever seen.
    ``reclaims_closing``: a full table also gives up assured TCP entries that are closing.
    ``udp_stream_s``: default of ``udp_timeout_stream``.
    ``hooks_on_demand``: a namespace's packets are tracked only while a rule there asks for it.
    ``filters_status``: requests about all entries may be narrowed by ``CTA_STATUS`` and its mask.
    ``filters_tuple``: dumps may be narrowed by ``CTA_FILTER`` and a part of a tuple.
    ``filtered_delete``: what a delete request does that names no entry and has a ``CTA_FILTER``: it
    empties the table, as the kernel knows no filters; it is refused; or it removes what matches.
    """

    clamps_one_sided: bool | None = None
    retrans_caps_pickup: bool | None = None
    reclaims_closing: bool | None = None
    udp_stream_s: int | None = None
    hooks_on_demand: bool | None = None
    filters_status: bool | None = None
    filters_tuple: bool | None = None
    filtered_delete: FilteredDelete | None = None


UNKNOWN: Final = Features()

_OLD: Final = Features(
    retrans_caps_pickup=False,
    reclaims_closing=False,
    udp_stream_s=180,
    hooks_on_demand=False,
    filters_status=False,
    filters_tuple=False,
    filtered_delete="empties",
)
"""What the vendors' trees before 4.18 have in common."""

_VENDORS: Final[dict[Vendor, Features]] = {
    # 2.6.18-028stab056: no UNACK timeout at all.
    "openvz5": replace(_OLD, clamps_one_sided=False),
    "el5": replace(_OLD, clamps_one_sided=False),
    # 2.6.32-042stab092.1 and 042stab141.3; the clamp came in between, see _rhel6_clamp.
    "openvz6": _OLD,
    "el6": _OLD,
    # 3.10.0-514.el7 and 3.10.0-1160.el7; vzkernel on top of them. 7.0 to 7.2: see features.
    "el7": _OLD,
    "virtuozzo7": replace(_OLD, clamps_one_sided=True),
    # 4.18.0-394.el8.
    "el8": Features(
        clamps_one_sided=True,
        retrans_caps_pickup=True,
        reclaims_closing=True,
        udp_stream_s=120,
        hooks_on_demand=True,
        filters_status=True,
        filters_tuple=True,
        filtered_delete="refused",
    ),
}


def parse(release: str) -> Release | None:
    """A release string taken apart; None where it does not begin with a version."""
    leading = _LEADING.match(release)
    if leading is None:
        return None
    version = (int(leading[1]), int(leading[2]), int(leading[3] or 0))
    rest = release[leading.end() :]
    stab = _STAB.search(rest)
    if stab and version[:2] == (2, 6):
        return Release(version, "openvz5" if version[2] <= 18 else "openvz6", (int(stab[2]),))
    build = _BUILD.match(rest)
    numbers = tuple(int(part) for part in build.groups() if part) if build else ()
    if version == (3, 10, 0) and ".vz7" in rest:
        return Release(version, "virtuozzo7", numbers)
    el = _EL.search(rest)
    vendor = _EL_VENDORS.get((int(el[1]), *version[:2])) if el else None
    return Release(version, vendor, numbers if vendor else ())


_EL_VENDORS: Final[dict[tuple[int, int, int], Vendor]] = {
    (5, 2, 6): "el5",
    (6, 2, 6): "el6",
    (7, 3, 10): "el7",
    (8, 4, 18): "el8",
    (9, 5, 14): "el9",
    (10, 6, 12): "el10",
}


def features(release: str | None) -> Features:
    """What the kernel of this release does; all None where the release is not known."""
    parsed = parse(release) if release else None
    if parsed is None:
        return UNKNOWN
    known = _VENDORS.get(parsed.vendor) if parsed.vendor else None
    if known is None:
        return _upstream(parsed.version)
    if parsed.vendor in {"el6", "openvz6"}:
        clamps = _rhel6_clamp(parsed)
    elif parsed.vendor == "el7":
        clamps = True if parsed.build and parsed.build[0] >= 514 else None  # 7.0 to 7.2 not compared
    else:
        return known
    return replace(known, clamps_one_sided=clamps)


def _rhel6_clamp(release: Release) -> bool | None:
    """Absent in 2.6.32-431 and 042stab092.1, present in 2.6.32-504.16 and 042stab108.1."""
    if not release.build:
        return None
    absent, present = ((92,), (108,)) if release.vendor == "openvz6" else ((431, 1 << 31), (504, 16))
    if release.build <= absent:
        return False
    return True if release.build >= present else None


def _upstream(version: tuple[int, int, int]) -> Features:
    return Features(
        clamps_one_sided=_upstream_clamp(version),
        retrans_caps_pickup=_between(version, absent=(4, 9), present=(5, 4)),
        reclaims_closing=_between(version, absent=(4, 11), present=(4, 12)),
        udp_stream_s={False: 180, True: 120, None: None}[_between(version, absent=(4, 9), present=(5, 4))],
        hooks_on_demand=_between(version, absent=(4, 9), present=(4, 10)),
        filters_status=_between(version, absent=(5, 10), present=(5, 15)),
        filters_tuple=_between(version, absent=(5, 4), present=(5, 8)),
        filtered_delete=_upstream_delete(version),
    )


def _upstream_delete(version: tuple[int, int, int]) -> FilteredDelete | None:
    """Nothing is known of 5.5 to 5.7 and of 6.9 to 6.11."""
    if version[:2] <= (5, 4):
        return "empties"
    if version[:2] >= (6, 12):
        return "compares"
    return "refused" if (5, 8) <= version[:2] <= (6, 8) else None


def _between(
    version: tuple[int, int, int], *, absent: tuple[int, int], present: tuple[int, int]
) -> bool | None:
    if version[:2] <= absent:
        return False
    return True if version[:2] >= present else None


def _upstream_clamp(version: tuple[int, int, int]) -> bool | None:
    """Since 3.11 (tree); in 3.10.108 and not in 3.10.4; not in 2.6.18 to 3.9.6, 3.2.40 among them.

    Later updates of the long-lived series 3.2 and 3.4 were not compared.
    """
    if version >= (3, 11, 0):
        return True
    if version[:2] == (3, 10):
        return True if version[2] >= 108 else False if version[2] <= 4 else None
    if (3, 2, 40) < version < (3, 3, 0) or (3, 4, 0) < version < (3, 5, 0):
        return None
    return False if version >= (2, 6, 0) else None
