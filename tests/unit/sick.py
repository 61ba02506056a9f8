"""A sick old node and a sick new one, written by hand, with numbers that add up."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from halftrack.diagnosis.document import (
    Advice,
    Cause,
    Effect,
    EnabledBy,
    Finding,
    Forecast,
    Group,
    Input,
    LiveFlows,
    OwnerName,
    Peer,
    Reason,
    Risk,
    Timeline,
)
from unit.documents import FIVE_DAYS, NOW, diagnosis, table

_DAY: Final = 86_400

ESTABLISHED: Final = "net.netfilter.nf_conntrack_tcp_timeout_established"

RELIEF: Final = Advice(
    remedy="raise-limit",
    kind="relief",
    title="limit 262,144 -> 524,288, +80 MiB: drops stop at once, room for about 4 days of this growth",
    effect=Effect(entries_freed=0),
    risk=Risk(level="low", why=("hides a leak, cures none",), live_flows_affected=0),
    commands=(
        "echo 131072 > /sys/module/nf_conntrack/parameters/hashsize",
        "sysctl -w net.netfilter.nf_conntrack_max=524288",
        (
            "mkdir -p /etc/sysctl.d\n{ grep -vs '^net[.]netfilter[.]nf_conntrack_max[ =]' "
            "/etc/sysctl.d/90-halftrack.conf; echo 'net.netfilter.nf_conntrack_max = 524288'; } > "
            "/etc/sysctl.d/90-halftrack.conf.new && mv /etc/sysctl.d/90-halftrack.conf.new "
            "/etc/sysctl.d/90-halftrack.conf"
        ),
    ),
)

CURE: Final = Advice(
    remedy="shorten-established",
    kind="cure",
    title="established timeout 432000 -> 7440 s",
    arguments={"established": 7440},
    effect=Effect(entries_freed=0, settles_at=4100),
    risk=Risk(
        level="medium",
        why=("live connections that stay silent for longer are forgotten",),
        live_flows_affected=38,
        live_flows=(
            LiveFlows(service="tcp/22", entries=27, example="203.0.113.9:51022 -> 203.0.113.73:22"),
            LiveFlows(service="tcp/3306", entries=11, example="203.0.113.80:40112 -> 203.0.113.81:3306"),
        ),
    ),
    commands=(f"sysctl -w {ESTABLISHED}=7440",),
)

_CLEAR: Final = Advice(
    remedy="drain",
    kind="clear",
    title="214,318 of 214,318 stuck entries removed: none of them was ever answered",
    effect=Effect(entries_freed=214_318),
    risk=Risk(level="low", live_flows_affected=0),
    commands=tuple(f"conntrack -D -p tcp -s 203.0.113.{n} --sport 80" for n in range(73, 82)),
)

SICK_OLD: Final = diagnosis(
    node="node17",
    kernel="2.6.32-042stab092.1",
    source="bundle",
    severity="critical",
    verdict="connection table full, 7 dropped in 10 s; 82 % of it is stuck, mostly web-1's.",
    input=Input(files=("node17.tgz",), lines=271_251, formats=("nf_conntrack",)),
    tables=(
        table(
            entries=262_144,
            stuck=214_318,
            dropped=7,
            dropped_early=46,
            counters_over_s=10,
            reclaimable=4412,
            forecast=Forecast(
                shape="steady",
                net_per_minute=33.0,
                full_at=NOW,
                low=NOW,
                high=NOW,
                settles_at=4100,
                basis="the table is full now",
            ),
        ),
    ),
    findings=(
        Finding(
            id="table-pressure/host",
            symptom="table-pressure",
            severity="critical",
            title="The table is full: 262,144 of 262,144 entries (100 %).",
            entries=262_144,
            remedies=(RELIEF,),
        ),
        Finding(
            id="one-sided/web-1/tcp/80",
            symptom="one-sided",
            severity="critical",
            title="214,318 connections were seen in one direction only and stay up to 5 days.",
            entries=214_318,
            share=0.8176,
            explanation=(
                "Only the server's packets were seen: the client had gone, or its packets take another way."
                " This kernel keeps such an entry 5 days; newer ones 5 min."
            ),
            groups=(
                Group(
                    netns="host",
                    owner=OwnerName(name="web-1", id="101", runtime="openvz"),
                    address="203.0.113.73",
                    service="tcp/80",
                    side="server",
                    entries=196_402,
                    peers=91_733,
                    top_peers=(
                        Peer(address="198.51.100.7", entries=900),
                        Peer(address="198.51.100.8", entries=90),
                    ),
                    idle_min_s=3,
                    idle_max_s=4 * _DAY + 12 * 3600,
                    rate_per_minute=30.2,
                ),
                Group(
                    netns="host",
                    owner=OwnerName(name="shop", id="114", runtime="openvz"),
                    address="203.0.113.80",
                    service="tcp/443",
                    side="server",
                    entries=14_911,
                    peers=8120,
                    idle_min_s=40,
                    idle_max_s=4 * _DAY + 11 * 3600,
                    rate_per_minute=2.3,
                ),
            ),
            more_groups=9,
            timeline=Timeline(
                clock="timeout",
                bucket_s=3600,
                start=NOW - timedelta(hours=109),
                entries=tuple(1900 + (n * 37) % 133 for n in range(109)),
                caveats=("an entry that was refreshed is counted at its last packet",),
            ),
            forecast=Forecast(shape="steady", net_per_minute=33.0, basis="33 a minute over 4 d 12 h"),
            enabled_by=(
                EnabledBy(setting=ESTABLISHED, value="432000", why="what was picked up stays 5 days"),
                EnabledBy(
                    setting="net.netfilter.nf_conntrack_tcp_loose", value="1", why="picks up bare packets"
                ),
            ),
            causes=(
                Cause(
                    cause="slow-path",
                    confidence=0.52,
                    for_=(Reason(what="sockets with rtt > 400 ms", value=1911, source="ss"),),
                    missing=("the shaper's counters: tc -s qdisc show",),
                ),
                Cause(
                    cause="shaping",
                    confidence=0.30,
                    against=(Reason(what="no bursts", source="timeline"),),
                ),
            ),
            remedies=(CURE, _CLEAR),
        ),
        FIVE_DAYS,
    ),
    seconds=1.1,
)

SICK_NEW: Final = diagnosis(
    node="pod-03",
    severity="critical",
    verdict="full at about Mon 23 Nov 03:00 UTC; 78 % of it is without a socket, all mqtt-edge's.",
    tables=(
        table(
            entries=238_907,
            stuck=185_860,
            reclaimable=4412,
            forecast=Forecast(
                shape="steps",
                net_per_minute=43.0,
                full_at=NOW + timedelta(minutes=48),
                low=NOW + timedelta(minutes=47),
                high=NOW + timedelta(minutes=52),
                settles_at=360_000,
                basis="6 steps of 30,722 to 31,265 entries, one every 12 h, the next due in 48 min;"
                " each stays 5 days",
            ),
        ),
        table(netns="web", owner=OwnerName(name="web", id="web", runtime="podman"), entries=41, read=False),
    ),
    findings=(
        Finding(
            id="orphaned/mqtt-edge/tcp/8883",
            symptom="orphaned",
            severity="critical",
            title="185,860 connections are open for the kernel and have no socket left.",
            entries=185_860,
            share=0.778,
            explanation="Answered, established, and no socket is left in the container: they died with it.",
            groups=(
                Group(
                    netns="host",
                    owner=OwnerName(name="mqtt-edge", id="3f2a91c0d7e4aa", runtime="podman"),
                    address="10.88.0.14",
                    service="tcp/8883",
                    side="server",
                    entries=185_860,
                    peers=30_912,
                    idle_min_s=40_000,
                    idle_max_s=2 * _DAY + 23 * 3600,
                ),
            ),
            timeline=Timeline(
                clock="timeout",
                bucket_s=7200,
                start=NOW - timedelta(hours=72),
                entries=tuple(31_000 if n % 6 == 0 else 0 for n in range(36)),
            ),
            forecast=Forecast(shape="steps", basis="6 steps"),
            causes=(Cause(cause="owner-removed", confidence=0.93),),
            remedies=(CURE, _CLEAR),
        ),
    ),
    seconds=0.9,
)
