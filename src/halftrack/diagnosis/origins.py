"""How an entry came to be: by a handshake, picked up in mid-stream, or injected.

The tracker gives a flow that it picks up the flags ``SACK_PERM|BE_LIBERAL`` in both directions and
never a window scale (``tcp_new`` in ``nf_conntrack_proto_tcp.c``). Tools that inject entries set
the same flags, so only a timeout that this kernel would not have given proves an injection. Text
formats show no flags: null.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Final

import polars as pl

from halftrack.evidence import uapi

if TYPE_CHECKING:
    from halftrack.tcp.timeouts import Timeouts

ORIGINS: Final = pl.Enum(["handshake", "pick-up", "injected"])

_HANDSHAKE_FLAGS: Final = (
    uapi.IP_CT_TCP_FLAG_WINDOW_SCALE | uapi.IP_CT_TCP_FLAG_SACK_PERM | uapi.IP_CT_TCP_FLAG_MAXACK_SET
)


def seen(flows: pl.DataFrame) -> bool:
    """Whether this table tells TCP flags at all."""
    return flows["tcp_flags_orig"].null_count() < flows.height


@cache
def picked_up() -> pl.Expr:
    """Boolean: the flags of a pick-up; null where flags are not known."""
    original, reply = pl.col("tcp_flags_orig"), pl.col("tcp_flags_reply")
    return (
        (original & reply & uapi.IP_CT_TCP_FLAG_BE_LIBERAL != 0)
        & ((original | reply) & uapi.IP_CT_TCP_FLAG_WINDOW_SCALE == 0)
        & (pl.col("tcp_wscale_orig").fill_null(0) == 0)
        & (pl.col("tcp_wscale_reply").fill_null(0) == 0)
        & (pl.col("state") >= uapi.TCP_CONNTRACK_ESTABLISHED)
        & (pl.col("state") <= uapi.TCP_CONNTRACK_CLOSE)
    )


@cache
def shaken() -> pl.Expr:
    """Boolean: the tracker saw this connection's handshake; null where flags are not known."""
    either = pl.col("tcp_flags_orig") | pl.col("tcp_flags_reply")
    return (either & _HANDSHAKE_FLAGS != 0) | pl.col("state").is_in(uapi.TCP_OPENING)


def origin(flows: pl.DataFrame, one_sided_ceiling_s: int | None) -> pl.Expr:
    """``handshake``, ``pick-up``, ``injected`` or null; see ``ORIGINS``.

    ``one_sided_ceiling_s``: the most that this kernel leaves to a one-sided entry; None where kernel
    or settings are not known well enough to call anything injected.
    """
    if not seen(flows):
        return pl.lit(None, ORIGINS)
    pickup = picked_up()
    verdict = (
        pl.when(pickup).then(pl.lit("pick-up", ORIGINS)).when(shaken()).then(pl.lit("handshake", ORIGINS))
    )
    if one_sided_ceiling_s is None:
        return verdict.otherwise(None)
    injected = pl.col("one_sided") & (pl.col("timeout") > one_sided_ceiling_s)
    return pl.when(injected).then(pl.lit("injected", ORIGINS)).otherwise(verdict.otherwise(None))


def injection_ceiling(known: Timeouts, *, clamps: bool | None, one_sided_s: int | None) -> int | None:
    """The timeout beyond which a one-sided entry cannot be this kernel's own work.

    Only a kernel that is known to clamp, with settings that were read, allows the conclusion.
    """
    if not clamps or one_sided_s is None:
        return None
    read = all(
        known.known(name) is not None for name in ("tcp_timeout_unacknowledged", "tcp_timeout_max_retrans")
    )
    return one_sided_s if read else None
