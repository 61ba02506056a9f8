"""What a namespace tells its tracker: sysctls as one value, and policies for single services.

Timeouts are seconds; those of TCP are a tuple indexed by state and, behind the states, by
``table.RETRANS`` and ``table.UNACK``. Defaults: ``nf_conntrack_proto_*.c``, see ``timeouts.DEFAULTS``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

from halftrack.evidence import uapi
from halftrack.evidence.sysctls import BE_LIBERAL, IGNORE_INVALID_RST, LOOSE, MAX_RETRANS
from halftrack.tcp import timeouts
from halftrack.tcp.table import RETRANS, SLOTS, UNACK

if TYPE_CHECKING:
    from collections.abc import Mapping

    from halftrack.tcp.profiles import Profile
    from halftrack.tcp.releases import Features

Slots = tuple[int, ...]
"""Seconds of TCP, ``table.SLOTS`` of them."""

SYN_SENT2_S: Final = 120
"""Has no sysctl (``tcp_timeouts``); a policy may set it."""

_SLOT_NAMES: Final = {
    **timeouts.TCP_STATE_TIMEOUTS,
    RETRANS: timeouts.MAX_RETRANS,
    UNACK: timeouts.UNACKNOWLEDGED,
}


def slots(values: Mapping[str, int]) -> Slots:
    """The timeouts of TCP by sysctl name without its prefix, defaults for those that are missing."""
    found = [0] * SLOTS
    found[uapi.TCP_CONNTRACK_SYN_SENT2] = SYN_SENT2_S
    for slot, name in _SLOT_NAMES.items():
        found[slot] = values.get(name, timeouts.DEFAULTS[name])
    return tuple(found)


_DEFAULT_SLOTS: Final = slots({})


@dataclass(frozen=True, slots=True)
class Settings:
    """The sysctls of one namespace that decide what becomes of a packet.

    ``loose``: ``tcp_loose``, connections are picked up in mid-stream unless it is 0; for 2.6.18 it is how
    many segments of either side may then be anywhere. ``liberal``: ``tcp_be_liberal``. ``max_retrans``:
    ``tcp_max_retrans``, a count. ``ignore_invalid_rst``: ``tcp_ignore_invalid_rst``. All others are
    timeouts in seconds.
    """

    tcp: Slots = _DEFAULT_SLOTS
    loose: int = 1
    liberal: bool = False
    max_retrans: int = 3
    ignore_invalid_rst: bool = False
    udp: int = 30
    udp_stream: int = 120
    icmp: int = 30
    icmpv6: int = 30
    gre: int = 30
    gre_stream: int = 180
    generic: int = 600


def resolve(settings: Mapping[str, str], features: Features, profile: Profile) -> Settings:
    """Settings from sysctls as they were read (full names, text), defaults for those that were not."""
    known = timeouts.resolve(settings, features)

    def seconds(name: str, default: int) -> int:
        found = known.get(name)
        return default if found is None else found

    return Settings(
        tcp=slots(known.values),
        loose=timeouts.number(settings, LOOSE, 3 if profile.counts_loose else 1),
        liberal=timeouts.number(settings, BE_LIBERAL, 0) != 0,
        max_retrans=timeouts.number(settings, MAX_RETRANS, 3),
        ignore_invalid_rst=timeouts.number(settings, IGNORE_INVALID_RST, 0) != 0,
        udp=seconds(timeouts.UDP, 30),
        udp_stream=seconds(timeouts.UDP_STREAM, 120),
        icmp=seconds("icmp_timeout", 30),
        icmpv6=seconds("icmpv6_timeout", 30),
        gre=seconds("gre_timeout", 30),
        gre_stream=seconds("gre_timeout_stream", 180),
        generic=seconds("generic_timeout", 600),
    )


def named(settings: Settings) -> dict[str, int]:
    """The same as numbers by sysctl name without prefix: the way back from ``resolve``."""
    return {
        **{name: settings.tcp[slot] for slot, name in _SLOT_NAMES.items()},
        LOOSE: settings.loose,
        BE_LIBERAL: int(settings.liberal),
        MAX_RETRANS: settings.max_retrans,
        IGNORE_INVALID_RST: int(settings.ignore_invalid_rst),
        timeouts.UDP: settings.udp,
        timeouts.UDP_STREAM: settings.udp_stream,
        "icmp_timeout": settings.icmp,
        "icmpv6_timeout": settings.icmpv6,
        "gre_timeout": settings.gre,
        "gre_timeout_stream": settings.gre_stream,
        "generic_timeout": settings.generic,
    }


@dataclass(frozen=True, slots=True)
class Policy:
    """Timeouts of one service, fixed to an entry when it is made (``nfnetlink_cttimeout``).

    ``tcp`` for TCP; ``single`` and ``stream`` for UDP and GRE, ``single`` for the others, seconds.
    ``by``: what attached it. An iptables ``CT`` target does so before the first packet is tracked; an
    nft ``ct timeout`` afterwards, and until the second packet the entry has what the policy gives to
    SYN_SENT, whatever state the first one brought (``nft_ct_timeout_obj_eval``).
    """

    tcp: Slots = _DEFAULT_SLOTS
    single: int = 30
    stream: int = 120
    by: Literal["target", "nft"] = "nft"


@dataclass(frozen=True, slots=True)
class Rulebook:
    """What decides about packets: the kernel's own ways and what was set."""

    profile: Profile
    settings: Settings
