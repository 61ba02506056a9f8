"""TCP and UDP sockets of a namespace, through sock_diag; no privilege is needed for one's own.

Asking sock_diag for a protocol whose module is not loaded makes the kernel load it. We load
nothing: there, ``/proc/net/{tcp,udp}{,6}`` is read instead (see socket_text).
"""

from __future__ import annotations

import errno
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np
import polars as pl

from halftrack.evidence.addresses import V4_MAPPED
from halftrack.evidence.uapi import AF_INET, AF_INET6, IPPROTO_TCP, IPPROTO_UDP
from halftrack.evidence.values import Sockets
from halftrack.kernel import sock_diag, socket_text

if TYPE_CHECKING:
    import numpy.typing as npt

MOST: Final = 4_000_000
"""Sockets of one namespace; more are not read, for a part would make live flows look dead."""
NOT_SPOKEN: Final = (errno.ENOENT, errno.EPROTONOSUPPORT, errno.EAFNOSUPPORT)
"""What a kernel answers that has no sock_diag, or not for this family or protocol."""

_PROTOCOLS: Final = ((IPPROTO_TCP, "tcp"), (IPPROTO_UDP, "udp"))

_FIELDS: Final = (
    ("length", "=u4", 0),
    ("type", "=u2", 4),
    ("sequence", "=u4", 8),
    ("family", "u1", 16),
    ("state", "u1", 17),
    ("timer", "u1", 18),
    ("retransmits", "u1", 19),
    ("local_port", ">u2", 20),
    ("remote_port", ">u2", 22),
    ("local_v4", ">u4", 24),
    ("local_hi", ">u8", 24),
    ("local_lo", ">u8", 32),
    ("remote_v4", ">u4", 40),
    ("remote_hi", ">u8", 40),
    ("remote_lo", ">u8", 48),
    ("rqueue", "=u4", 72),
    ("wqueue", "=u4", 76),
    ("uid", "=u4", 80),
    ("inode", "=u4", 84),
)
_LAYOUT: Final = np.dtype(
    {
        "names": [name for name, _, _ in _FIELDS],
        "formats": [kind for _, kind, _ in _FIELDS],
        "offsets": [offset for _, _, offset in _FIELDS],
        "itemsize": sock_diag.MESSAGE_BYTES,
    }
)


def read(net: Path = Path("/proc/self/net"), *, deadline: float | None = None) -> Sockets:
    """All sockets of the calling thread's namespace; ``net``: its ``/proc/PID/net``.

    ``deadline`` is a monotonic moment. Raises sock_diag.Unfinished, OSError.
    """
    frames = [pl.DataFrame(schema=dict(socket_text.SCHEMA))]
    for l4proto, name in _PROTOCOLS:
        if socket_text.none_in_use(net, name):
            continue
        for family in (AF_INET, AF_INET6):
            if sock_diag.answers(name):
                try:
                    frames.append(_dump(family, l4proto, deadline))
                except OSError as error:
                    if error.errno not in NOT_SPOKEN:
                        raise
                else:
                    continue
            frames.append(socket_text.read(net, family, l4proto))
    return Sockets(pl.concat(frames))


def _dump(family: int, l4proto: int, deadline: float | None) -> pl.DataFrame:
    frames = [pl.DataFrame(schema=dict(socket_text.SCHEMA))]
    rows = 0
    for raw, sequence in sock_diag.dump(family, l4proto, deadline):
        frames.append(decode(raw, sequence, l4proto))
        rows += frames[-1].height
        if rows > MOST:
            raise sock_diag.Unfinished(f"more than {MOST:,} sockets")
    return pl.concat(frames)


def decode(raw: bytes, sequence: int, l4proto: int) -> pl.DataFrame:
    """Whole datagrams as socket rows; whatever is no socket message of this dump is left out."""
    starts, _ = sock_diag.messages(raw, sequence)
    rows = heads(raw, starts)
    rows = rows[np.isin(rows["family"], (AF_INET, AF_INET6))]
    columns: dict[str, npt.NDArray[np.generic]] = {
        "l4proto": np.full(len(rows), l4proto, dtype=np.uint8),
        "state": rows["state"],
        **ends(rows),
    }
    for name in ("uid", "inode"):
        columns[name] = rows[name].astype(rows[name].dtype.newbyteorder("="))
    return pl.DataFrame(
        {name: pl.Series(columns[name]).cast(kind) for name, kind in socket_text.SCHEMA.items()}
    )


def heads(raw: bytes, starts: npt.NDArray[np.int64]) -> npt.NDArray[np.void]:
    """The fixed part of each message, by the names of its fields."""
    octets = np.frombuffer(raw, dtype=np.uint8)
    cut = octets[starts[:, None] + np.arange(sock_diag.MESSAGE_BYTES)]
    rows: npt.NDArray[np.void] = cut.view(_LAYOUT).reshape(-1)
    return rows


def ends(rows: npt.NDArray[np.void]) -> dict[str, npt.NDArray[np.generic]]:
    """Addresses and ports of both ends, as columns of ``Sockets``."""
    v4 = rows["family"] == AF_INET
    return {
        **_address(rows, "local", v4),
        **_address(rows, "remote", v4),
        "local_port": rows["local_port"].astype(np.uint16),
        "remote_port": rows["remote_port"].astype(np.uint16),
    }


def _address(
    rows: npt.NDArray[np.void], side: str, v4: npt.NDArray[np.bool_]
) -> dict[str, npt.NDArray[np.generic]]:
    mapped = rows[f"{side}_v4"].astype(np.uint64) | np.uint64(V4_MAPPED)
    return {
        f"{side}_hi": np.where(v4, np.uint64(0), rows[f"{side}_hi"].astype(np.uint64)),
        f"{side}_lo": np.where(v4, mapped, rows[f"{side}_lo"].astype(np.uint64)),
    }
