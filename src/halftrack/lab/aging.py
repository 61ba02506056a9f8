"""Time that passes for entries alone: what the router holds is made as old as if it had waited.

Silence of hours is what some troubles are known by. The router's entries are given the time that such a
silence would have left them, and nothing else of them is changed.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np
import polars as pl

from halftrack.evidence import addresses, uapi
from halftrack.kernel import netlink, netlink_messages
from halftrack.kernel.ctnetlink.entry_messages import Template, put_tuple
from halftrack.kernel.netlink_messages import CT_NEW, NLM_F_ACK, NLM_F_REQUEST

if TYPE_CHECKING:
    from collections.abc import Iterable

    from halftrack.lab.scene import Scene, Visit

_WITHIN_S: Final = 10.0
_ESTABLISHED: Final = Path("/proc/sys/net/netfilter/nf_conntrack_tcp_timeout_established")
_AT_REST_S: Final = 120
"""An entry with data under way has far less left than this allows for (300 s)."""
_FROM: Final = ("orig_src_hi", "orig_src_lo", "orig_sport")
"""Two clients may use one port."""
_BEGAN: Final = dict(zip((*_FROM, "ago"), (pl.UInt64, pl.UInt64, pl.UInt16, pl.Int64), strict=True))


def silent(scene: Scene, visits: Iterable[Visit], seconds: Iterable[int]) -> None:
    """Each of these connections was last heard so many seconds ago. Raises OSError, Incomplete.

    None of them may have anything under way: its next packet would undo it.
    """
    began = pl.DataFrame(
        [
            (*addresses.parse(one.client.getsockname()[0]), one.client.getsockname()[1], ago)
            for one, ago in zip(visits, seconds, strict=True)
        ],
        schema=_BEGAN,
        orient="row",
    )
    given = int(scene.net.router.call(_ESTABLISHED.read_text))

    def settled() -> bool:
        return _of(scene, began).filter(pl.col("timeout") > given - _AT_REST_S).height == began.height

    scene.until(settled, "connections to come to rest")
    rows = _of(scene, began)
    _retime(scene, rows.with_columns(timeout=(rows["timeout"].cast(pl.Int64) - rows["ago"]).clip(1)))


def _of(scene: Scene, began: pl.DataFrame) -> pl.DataFrame:
    """The router's entries of connections from these ends, with ``ago``."""
    found = scene.entries().filter(pl.col("l4proto") == uapi.IPPROTO_TCP)
    return found.join(began, on=_FROM)


def _retime(scene: Scene, rows: pl.DataFrame) -> None:
    template = Template(scene.net.family)
    put_tuple(template, uapi.CTA_TUPLE_ORIG, rows, uapi.IPPROTO_TCP)
    template.put_column(uapi.CTA_TIMEOUT, rows["timeout"].to_numpy(), ">u4")
    number = netlink_messages.sequence()
    with netlink.open_socket(netlink.NETLINK_NETFILTER, scene.net.router.path) as sock:
        for one in template.filled(CT_NEW, NLM_F_REQUEST | NLM_F_ACK, number, rows.height):
            sock.send(np.ascontiguousarray(one).tobytes())
            netlink.answer(sock, number, time.monotonic() + _WITHIN_S)
