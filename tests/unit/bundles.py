"""A bundle of evidence that has something in every field."""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import fields, is_dataclass, replace
from typing import Any

import polars as pl

from halftrack.evidence import tcp_sockets
from halftrack.evidence.events import Events
from halftrack.evidence.flows import DRAINED
from halftrack.evidence.kernel_log import KernelLog, Lines, Stamp
from halftrack.evidence.provenance import Origin
from halftrack.evidence.routing import DefaultRoute, Routing, WayBack
from halftrack.evidence.rulesets import Save
from halftrack.evidence.shaping import Interface, Queue, RateSetting, Shaping
from halftrack.evidence.stack import StackCounters
from halftrack.evidence.sysctls import Replaced, SysctlLine
from halftrack.evidence.tracking import Tracking
from halftrack.evidence.values import (
    Counters,
    Evidence,
    Firewall,
    Front,
    Gap,
    Input,
    LocalAddress,
    Namespace,
    Owner,
    PublishedPort,
    Table,
)
from halftrack.formats import bundle
from halftrack.formats import rules as rulesets
from unit.flowrows import TAKEN_AT, flows, one_sided, row, sockets, udp

_RULES = """*filter
:INPUT DROP [0:0]
:ours - [0:0]
-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A INPUT -s 192.0.2.0/24 -p tcp -m tcp --dport 80:90 -j ours
COMMIT
"""


_OWNER = Owner("web", "4f5e", "podman", ("10.88.0.5",), 4_026_531_840, (PublishedPort("tcp", 8080, 80),))


def whole() -> Evidence:
    """Something in every field."""
    seen = flows(
        one_sided(mark=5, helper="ftp", labels="3,17", start_ns=1_700_000_000_000_000_000, flags=(8, 0)),
        one_sided(src="xx.xx.xx.73"),
        udp(left=None),
        row(src="2001:db8::1", dst="2001:db8::2", zone=7),
    )
    told = pl.DataFrame({"taken_s": [0, 7, 0, 0], "ago_s": [0, 9, 0, 0]}, schema=dict(DRAINED))
    seen = replace(seen, lines=pl.Series("line", [3, 4, 9, 11], dtype=pl.UInt32), drained=told)
    tcp = pl.DataFrame({name: [1, None] for name in tcp_sockets.SCHEMA}, schema=dict(tcp_sockets.SCHEMA))
    table = Table(
        namespace=Namespace("host", 4_026_531_833, "/proc/1/ns/net", 1, _OWNER),
        count=4,
        limit=262_144,
        buckets=65_536,
        settings={"net.netfilter.nf_conntrack_tcp_loose": "1"},
        replaced=(
            Replaced("net.netfilter.nf_conntrack_tcp_timeout_established", "432000", TAKEN_AT, "7440"),
        ),
        counters=(Counters(1.5, {"drop": 3}), Counters(2.5, {"drop": 9})),
        flows=seen,
        unreadable=1,
        sockets=sockets(("192.0.2.1", 80, "198.51.100.7", 60_440)),
        addresses=(LocalAddress("192.0.2.1", 24, "eth0"),),
        expired=2,
        tcp=tcp_sockets.TcpSockets(tcp, whole=False),
        stack=(StackCounters(1.5, {"TcpExt.ListenDrops": 4}),),
        shaping=(
            Shaping(
                1.5,
                (Interface(2, "eth0", "veth", 9, link_elsewhere=True, link_netns=5),),
                (Queue(2, "tbf", "1:", "root", rate=1),),
                ("x",),
            ),
        ),
        routing=Routing(
            (WayBack("192.0.2.1", "198.51.100.7", None),),
            (DefaultRoute(2, "eth0", None, 0, 254),),
            3,
            {"eth0": 1},
        ),
        rules=rulesets.read(None, saves=(Save("iptables-save", "ip", "iptables-nft", _RULES),), services="x"),
        tracking=Tracking("table ip filter", "table ip6 filter", ("the rules of nftables: late",)),
        read_from={
            "net.netfilter.nf_conntrack_tcp_loose": (Origin("sysctl.txt", 7, 7),),
            "counters": (Origin("first"), Origin("second", 1, 3)),
        },
        events=Events(30.0, 5, 4, 3, 2.5, flows(one_sided()), kept_all=False, overruns=1, unreadable=2),
    )
    return Evidence(
        node="node17",
        source="live",
        kernel="6.18.44",
        taken_at=TAKEN_AT,
        tables=(table, Table(Namespace("empty"), skipped=True)),
        owners=(_OWNER,),
        gaps=(Gap("sockets", "not permitted", ("root",), ("orphans",), "host"),),
        fronts=(
            Front("tcp", 80, (("10.88.0.5", 8080),), "192.0.2.1", "shop/web:http", whole=False, past=True),
        ),
        input=Input(notes=("something",)),
        sysctl_lines=(SysctlLine("/etc/sysctl.conf", 3, "net.ipv4.ip_forward", "1"),),
        firewall=Firewall("nft", ("docker",), ("conntrackd",), systemd=True, module_loaded_at_boot=False),
        rate_settings=(RateSetting("/etc/vz/conf", 1, "RATE", "1", None),),
        in_container=True,
        user="nobody",
        entry_bytes=320,
        machine="4f5e",
        up_s=77,
        log=KernelLog(
            ("/dev/kmsg",),
            Stamp(0.5, TAKEN_AT),
            (Lines("table-full", 3, Stamp(1.5), Stamp(9.25, TAKEN_AT), "/dev/kmsg:9", "full", 7, "101", 80),),
        ),
        seconds=1.25,
        read_from={"kernel": (Origin("uname(2)"),)},
    )


def packed(evidence: Evidence) -> bytes:
    file = io.BytesIO()
    bundle.write(evidence, "a test", file)
    return file.getvalue()


def plain(value: Any) -> Any:
    """For comparing: frames as what is in them."""
    if isinstance(value, (pl.DataFrame, pl.Series)):
        return (
            value.to_frame().to_dict(as_series=False)
            if isinstance(value, pl.Series)
            else (dict(value.schema), value.rows())
        )
    if is_dataclass(value) and not isinstance(value, type):
        return {each.name: plain(getattr(value, each.name)) for each in fields(value)}
    if isinstance(value, Mapping):
        return {key: plain(each) for key, each in value.items()}
    return [plain(each) for each in value] if isinstance(value, tuple) else value
