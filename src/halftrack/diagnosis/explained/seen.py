"""What a table tells of one entry, as far as the tracker's rules look at it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from halftrack.evidence import uapi

if TYPE_CHECKING:
    from collections.abc import Mapping

    from halftrack.tcp.entry import Connection

_JUDGED: Final = uapi.IPS_SEEN_REPLY | uapi.IPS_ASSURED
_OFFERS_SCALE: Final = uapi.IP_CT_TCP_FLAG_WINDOW_SCALE
_OFFERS_SACK: Final = uapi.IP_CT_TCP_FLAG_SACK_PERM

Pair = tuple[int, int]
"""Of the original side and of the reply side."""


@dataclass(frozen=True, slots=True)
class Seen:
    """None: not told. ``flags``, ``scales``: the kernel alone tells them; ``packets``: with accounting.

    ``kinds``: of ICMP, the types of request and answer.
    """

    l4proto: int
    state: int | None
    status: int
    left_s: int | None
    idle_s: int | None = None
    age_s: int | None = None
    flags: Pair | None = None
    scales: Pair | None = None
    packets: Pair | None = None
    kinds: Pair | None = None

    @property
    def answered(self) -> bool:
        return bool(self.status & uapi.IPS_SEEN_REPLY)

    @property
    def assured(self) -> bool:
        return bool(self.status & uapi.IPS_ASSURED)

    @property
    def liberal(self) -> bool:
        """Whether it bears the marks that a pick-up leaves, and that tools set on what they put in."""
        if self.flags is None:
            return False
        original, reply = self.flags
        return bool(original & reply & uapi.IP_CT_TCP_FLAG_BE_LIBERAL) and not any(self.scales or ())

    @property
    def options(self) -> tuple[bytes, bytes]:
        """Of the SYNs that would have left these flags; usual ones where flags are not told."""
        flags = self.flags or (_OFFERS_SCALE | _OFFERS_SACK,) * 2
        scales = self.scales or (7, 7)
        return (_options(flags[0], scales[0]), _options(flags[1], scales[1]))

    def stands(self, entry: Connection) -> bool:
        """Whether state and status are those of ``entry``."""
        return entry.state == self.state and not (entry.status ^ self.status) & _JUDGED

    def bears(self, entry: Connection) -> bool:
        """Whether the flags are those of ``entry``, as far as they are told."""
        if self.flags is not None and self.flags != (entry.original.flags, entry.reply.flags):
            return False
        return self.scales is None or self.scales == (entry.original.td_scale, entry.reply.td_scale)

    def counted(self, entry: Connection) -> bool:
        """Whether so many packets can be behind it as took ``entry`` there, as far as they are told."""
        if self.packets is None:
            return True
        return entry.packets_original <= self.packets[0] and entry.packets_reply <= self.packets[1]


def of(row: Mapping[str, Any]) -> Seen:
    """Of a row of a view's columns."""

    def pair(name: str, names: tuple[str, str]) -> Pair | None:
        values = [row[name.format(end)] for end in names]
        return None if None in values else (values[0], values[1])

    ways = ("orig", "reply")
    return Seen(
        l4proto=row["l4proto"],
        state=row["state"],
        status=row["status"] or 0,
        left_s=row["timeout"],
        idle_s=row.get("idle_s"),
        age_s=row.get("age_s"),
        flags=pair("tcp_flags_{}", ways),
        scales=pair("tcp_wscale_{}", ways),
        packets=pair("{}_packets", ways),
        kinds=pair("{}_type", ways),
    )


def _options(flags: int, scale: int) -> bytes:
    scaled = bytes((3, 3, scale, 1)) if flags & _OFFERS_SCALE else b""
    return scaled + (b"\x04\x02\x01\x01" if flags & _OFFERS_SACK else b"")
