"""Diagnoses as they are scraped: builders, and a node where everything is there at once."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from halftrack.diagnosis.document import Finding, Forecast, Gap, Group, OwnerName
from halftrack.reporters import prometheus
from unit.documents import NOW, diagnosis, table

if TYPE_CHECKING:
    from collections.abc import Mapping

    from halftrack.diagnosis.document import Diagnosis

LOOSE = {"net.netfilter.nf_conntrack_tcp_loose": "1", "net.netfilter.nf_conntrack_max": "262144"}
KINDS = {
    "tcp": {"answered": 5, "one_sided": 4, "half_open": 3, "closing": 2, "other": 1},
    "udp": {"answered": 7, "other": 6},
    "icmp": {"answered": 9, "other": 8},
    "gre": {"other": 1},
}


def text(found: Diagnosis, settings: Mapping[str, str] = LOOSE, **more: Any) -> str:
    """As it would be scraped."""
    samples = [*prometheus.of(found, settings, **more), *prometheus.aged(2.5)]
    return prometheus.exposition(samples).decode()


def owner(name: str, **more: Any) -> OwnerName:
    return OwnerName(name=name, id=name, runtime="podman", **more)


def finding(symptom: str, groups: list[Group], entries: int | None = None) -> Finding:
    whole = sum(group.entries for group in groups) if entries is None else entries
    return Finding(
        id=symptom, symptom=symptom, severity="warning", title="", entries=whole, groups=tuple(groups)
    )


def group(entries: int, name: str | None, service: str | None = "tcp/80", netns: str = "host") -> Group:
    return Group(
        netns=netns,
        owner=owner(name) if name else None,
        address="203.0.113.7",
        service=service,
        entries=entries,
    )


def crowded(pods: int, owners: int, salt: int = 0) -> Diagnosis:
    """Everything at once: every kind of entry in each namespace, findings of each symptom for each owner."""
    ahead = Forecast(full_at=NOW + timedelta(hours=1), basis="")
    tables = [
        table(
            netns=f"app{number}-{salt:x}f1c2d{number:x}",
            entries=3000 + number,
            reclaimable=5,
            by_kind=KINDS,
            forecast=ahead,
        )
        for number in range(pods)
    ]
    tables += [
        table(netns=f"app{number}-9f1c2d{number:x}", entries=1 + number, by_kind={}, read=False)
        for number in range(pods)
    ]
    symptoms = (
        "one-sided",
        "orphaned",
        "idle-established",
        "half-open",
        "half-closed",
        "unreplied-udp",
        "stale-nat",
    )
    findings = [
        finding(symptom, [group(10 + number, f"app{number}", f"tcp/{1000 + number + salt}")])
        for symptom in symptoms
        for number in range(owners)
    ]
    gaps = tuple(Gap(what=f"kind {number} of {salt}", why="") for number in range(30))
    return diagnosis(
        tables=(
            table(by_kind=KINDS, reclaimable=4, insert_failed_total=0, dropped_early_total=0, forecast=ahead),
            *tables,
        ),
        findings=tuple(findings),
        gaps=gaps,
    )


def inodes(case: Diagnosis) -> dict[str, int]:
    """A namespace each, as the kernel tells them apart."""
    return {one.netns: 4_026_532_000 + number for number, one in enumerate(case.tables)}
