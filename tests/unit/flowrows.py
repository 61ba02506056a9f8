"""Rows of a flow table written by keyword, for tests that judge small tables.

``row(src=…, dst=…, sport=…, dport=…)`` is one entry: the reply direction is the mirror of the
original one unless given, addresses are text (``xx.xx.xx.73`` becomes opaque), states names,
status names of ``uapi.STATUS_NAMES``. ``flows(*rows)`` makes a FlowTable of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, Final

import polars as pl

from halftrack.evidence import addresses, uapi
from halftrack.evidence.flows import SCHEMA, FlowTable
from halftrack.evidence.values import Evidence, Namespace, Sockets, Table

TAKEN_AT: Final = datetime(2026, 11, 23, 3, 12, tzinfo=UTC)
ONE_SIDED: Final = ("confirmed",)
REPLIED: Final = ("seen-reply", "confirmed")
ASSURED: Final = ("seen-reply", "assured", "confirmed")

_STATUS_BITS = {name: bit for bit, name in uapi.STATUS_NAMES.items()}
_PROTOCOLS = {name: number for number, name in uapi.PROTOCOL_NAMES.items()}
_SOCKET_SCHEMA: Final = {
    "l4proto": pl.UInt8,
    "state": pl.UInt8,
    "local_hi": pl.UInt64,
    "local_lo": pl.UInt64,
    "remote_hi": pl.UInt64,
    "remote_lo": pl.UInt64,
    "local_port": pl.UInt16,
    "remote_port": pl.UInt16,
    "uid": pl.UInt32,
    "inode": pl.UInt64,
}


def row(
    src: str = "192.0.2.1",
    dst: str = "198.51.100.7",
    sport: int | None = 40000,
    dport: int | None = 80,
    *,
    proto: str | int = "tcp",
    state: str | None = "ESTABLISHED",
    status: Iterable[str] = ASSURED,
    left: int | None = 431_000,
    reply_src: str | None = None,
    reply_dst: str | None = None,
    reply_sport: int | None = None,
    reply_dport: int | None = None,
    flags: tuple[int, int] | None = None,
    wscale: tuple[int, int] | None = None,
    **columns: Any,
) -> dict[str, Any]:
    """One entry. ``left``: seconds of timeout. ``columns``: any other column of the schema."""
    number = _PROTOCOLS[proto] if isinstance(proto, str) else proto
    names = uapi.STATE_NAMES.get(number)
    bits = 0
    for name in status:
        bits |= _STATUS_BITS[name]
    entry: dict[str, Any] = {
        "l4proto": number,
        "state": names.index(state) if names and state is not None else None,
        "status": bits,
        "timeout": left,
        "orig_src": src,
        "orig_dst": dst,
        "reply_src": reply_src or dst,
        "reply_dst": reply_dst or src,
        "mark": 0,
        "zone": 0,
        "zone_dir": uapi.NF_CT_DEFAULT_ZONE_DIR,
    }
    if number in uapi.PORT_PROTOCOLS:
        entry |= {"orig_sport": sport, "orig_dport": dport}
        entry["reply_sport"] = dport if reply_sport is None else reply_sport
        entry["reply_dport"] = sport if reply_dport is None else reply_dport
    if flags is not None:
        entry["tcp_flags_orig"], entry["tcp_flags_reply"] = flags
        entry["tcp_wscale_orig"], entry["tcp_wscale_reply"] = wscale or (
            (7, 7) if flags[0] & uapi.IP_CT_TCP_FLAG_WINDOW_SCALE else (0, 0)
        )
    return entry | columns


def one_sided(src: str = "192.0.2.1", dst: str = "198.51.100.7", **columns: Any) -> dict[str, Any]:
    """A server's packets seen in one direction only: ``src:80 -> dst``, days left."""
    given: dict[str, Any] = {"sport": 80, "dport": 60440, "left": 363_312, "status": ONE_SIDED} | columns
    return row(src, dst, **given)


def udp(src: str = "192.0.2.1", dst: str = "198.51.100.7", **columns: Any) -> dict[str, Any]:
    """A question that nobody has answered: ``src -> dst:53``."""
    given: dict[str, Any] = {
        "proto": "udp",
        "state": None,
        "dport": 53,
        "left": 25,
        "status": ONE_SIDED,
    } | columns
    return row(src, dst, **given)


def flows(*rows: Mapping[str, Any]) -> FlowTable:
    """A flow table of these rows; masked addresses become opaque."""
    opaque: dict[str, int] = {}
    columns: dict[str, list[Any]] = {name: [] for name in SCHEMA}
    for entry in rows:
        values = dict(entry)
        family = uapi.AF_INET
        for stem in ("orig_src", "orig_dst", "reply_src", "reply_dst"):
            text = values.pop(stem)
            if ":" in text:
                family = uapi.AF_INET6
            try:
                hi, lo = addresses.parse(text)
            except ValueError:
                hi, lo = addresses.OPAQUE_HI, opaque.setdefault(text, len(opaque))
            values[f"{stem}_hi"], values[f"{stem}_lo"] = hi, lo
        values.setdefault("family", family)
        for name, column in columns.items():
            column.append(values.pop(name, None))
        assert not values, f"no such column: {', '.join(values)}"
    frame = pl.DataFrame(columns, schema=dict(SCHEMA))
    return FlowTable(frame, pl.Series("opaque", list(opaque), dtype=pl.String))


def table(*rows: Mapping[str, Any], netns: str = "host", **fields: Any) -> Table:
    """A table that was read; ``fields`` as in ``values.Table``. ``count`` is what is in it."""
    fields.setdefault("namespace", Namespace(netns))
    fields.setdefault("count", len(rows))
    return Table(flows=flows(*rows), **fields)


def evidence(*tables: Table, **fields: Any) -> Evidence:
    """A node with these tables, seen live on a kernel that clamps unless told otherwise."""
    given: dict[str, Any] = {
        "node": "node17",
        "source": "live",
        "kernel": "6.12.48",
        "taken_at": TAKEN_AT,
    }
    return Evidence(tables=tables, **(given | fields))


def sockets(*ends: tuple[str, int, str, int] | tuple[str, int], proto: str = "tcp") -> Sockets:
    """Sockets ``(local, port, remote, port)``, ESTABLISHED, or ``(local, port)``, LISTEN."""
    columns: dict[str, list[Any]] = {name: [] for name in _SOCKET_SCHEMA}
    for end in ends:
        local, local_port, *peer = end
        remote, remote_port = peer or ("0.0.0.0", 0)  # noqa: S104  # what a listener shows
        local_hi, local_lo = addresses.parse(str(local))
        remote_hi, remote_lo = addresses.parse(str(remote))
        values = {
            "l4proto": _PROTOCOLS[proto],
            "state": 1 if peer else 10,
            "local_hi": local_hi,
            "local_lo": local_lo,
            "remote_hi": remote_hi,
            "remote_lo": remote_lo,
            "local_port": local_port,
            "remote_port": remote_port,
            "uid": 0,
            "inode": 1,
        }
        for name, column in columns.items():
            column.append(values[name])
    return Sockets(pl.DataFrame(columns, schema=_SOCKET_SCHEMA))
