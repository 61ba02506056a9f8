"""TCP sockets with what the kernel knows of each one's way (INET_DIAG_INFO), through sock_diag."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np
import polars as pl

from halftrack.evidence.tcp_sockets import INFO, SCHEMA, TcpSockets
from halftrack.evidence.uapi import AF_INET, AF_INET6, IPPROTO_TCP
from halftrack.kernel import sock_diag, socket_text, sockets, survey
from halftrack.kernel.netlink_messages import NLA_TYPE_MASK

if TYPE_CHECKING:
    import numpy.typing as npt

MOST: Final = 50_000
"""Sockets of one namespace: more than enough to tell how its connections fare."""
INET_DIAG_INFO: Final = 2

_STATES: Final = sum(1 << state for state in (1, 2, 3, 4, 5, 8, 9, 10, 11, 12))
"""Not TIME_WAIT (6) and CLOSE (7): they have no way any more."""
_MOST_ATTRIBUTES: Final = 32


def read(*, deadline: float | None = None) -> TcpSockets | None:
    """Those of the calling thread's namespace; None where this kernel has no sock_diag at hand.

    Of more than ``MOST`` the first ones that the kernel names, in the order of its hash, which is no
    order. Raises sock_diag.Unfinished, OSError.
    """
    empty = pl.DataFrame(schema=dict(SCHEMA))
    if socket_text.none_in_use(survey.net_directory(), "tcp"):
        return TcpSockets(empty)
    if not sock_diag.answers("tcp"):
        return None
    frames, answered, whole = [empty], False, True
    for family in (AF_INET, AF_INET6):
        try:
            found, ended = _dump(family, deadline, MOST - sum(frame.height for frame in frames))
        except OSError as error:
            if error.errno not in sockets.NOT_SPOKEN:
                raise
        else:
            answered, whole = True, whole and ended
            frames.append(found)
    return TcpSockets(pl.concat(frames), whole) if answered else None


def _dump(family: int, deadline: float | None, most: int) -> tuple[pl.DataFrame, bool]:
    """At most so many sockets, and whether these are all."""
    frames, rows = [pl.DataFrame(schema=dict(SCHEMA))], 0
    wanted = 1 << INET_DIAG_INFO - 1
    for raw, sequence in sock_diag.dump(family, IPPROTO_TCP, deadline, states=_STATES, extensions=wanted):
        frames.append(decode(raw, sequence))
        rows += frames[-1].height
        if rows > most:
            return pl.concat(frames).head(most), False
    return pl.concat(frames), True


def decode(raw: bytes, sequence: int) -> pl.DataFrame:
    """Whole datagrams as rows of ``TcpSockets``; whatever is no socket message of this dump is left out."""
    starts, lengths = sock_diag.messages(raw, sequence)
    rows = sockets.heads(raw, starts)
    known = np.isin(rows["family"], (AF_INET, AF_INET6))
    rows, starts, lengths = rows[known], starts[known], lengths[known]
    columns: dict[str, npt.NDArray[np.generic]] = {"state": rows["state"], **sockets.ends(rows)}
    for name in ("timer", "retransmits", "rqueue", "wqueue"):
        columns[name] = rows[name]
    given = pl.DataFrame(columns)
    octets = np.frombuffer(raw, dtype=np.uint8)
    at, size = _information(octets, starts, lengths)
    told = [_field(octets, at, size, name) for name in INFO]
    return given.hstack(told).select(pl.col(name).cast(kind) for name, kind in SCHEMA.items())


def _information(
    octets: npt.NDArray[np.uint8], starts: npt.NDArray[np.int64], lengths: npt.NDArray[np.int64]
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Where each message's struct tcp_info starts and how many bytes it has; 0 where there is none.

    All messages are walked together, from one attribute to the next.
    """
    at, size = np.zeros_like(starts), np.zeros_like(starts)
    place, end = starts + sock_diag.MESSAGE_BYTES, starts + lengths
    open_ones = np.flatnonzero(place + 4 <= end)
    for _ in range(_MOST_ATTRIBUTES):
        if not open_ones.size:
            break
        here = place[open_ones]
        length = _numbers(octets, here, "=u2").astype(np.int64)
        kind = _numbers(octets, here + 2, "=u2") & NLA_TYPE_MASK
        sound = (length >= 4) & (here + length <= end[open_ones])
        wanted = open_ones[sound & (kind == INET_DIAG_INFO)]
        at[wanted], size[wanted] = place[wanted] + 4, length[sound & (kind == INET_DIAG_INFO)] - 4
        place[open_ones] += length + 3 & ~3
        open_ones = open_ones[sound & (kind != INET_DIAG_INFO)]
        open_ones = open_ones[place[open_ones] + 4 <= end[open_ones]]
    return at, size


def _field(
    octets: npt.NDArray[np.uint8], at: npt.NDArray[np.int64], size: npt.NDArray[np.int64], name: str
) -> pl.Series:
    kind, offset = INFO[name]
    there = size >= offset + int(kind[1])
    values = np.zeros(len(at), dtype=f"={kind}")
    values[there] = _numbers(octets, at[there] + offset, f"={kind}")
    told = pl.Series(name, values)
    return told if there.all() else told.scatter(np.flatnonzero(~there), None)


def _numbers(
    octets: npt.NDArray[np.uint8], at: npt.NDArray[np.int64], kind: str
) -> npt.NDArray[np.unsignedinteger[Any]]:
    """The numbers of this type that stand at these places, aligned or not."""
    width = np.dtype(kind).itemsize
    found: npt.NDArray[np.unsignedinteger[Any]] = (
        octets[at[:, None] + np.arange(width)].view(kind).reshape(-1)
    )
    return found
