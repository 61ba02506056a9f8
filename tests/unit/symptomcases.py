"""Nodes that show one symptom or another, and what is found on them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from halftrack.diagnosis import cases, diagnose
from halftrack.evidence.values import (
    Evidence,
    LocalAddress,
    Namespace,
    Owner,
    Sockets,
    Table,
)
from unit.flowrows import evidence, row, sockets, table

if TYPE_CHECKING:
    from halftrack.diagnosis.document import Finding

HOST = (LocalAddress("192.0.2.1", 24, "eth0"), LocalAddress("10.88.0.1", 16, "podman0"))
DAYS = 363_312
QUIET = 432_000 - 8_000
"""Left of an entry that has been silent for longer than a keepalive."""
ESTABLISHED = "net.netfilter.nf_conntrack_tcp_timeout_established"
UNACKNOWLEDGED = "net.netfilter.nf_conntrack_tcp_timeout_unacknowledged"
MAX_RETRANS = "net.netfilter.nf_conntrack_tcp_timeout_max_retrans"
MQTT = Owner("mqtt-edge", "3f2a91c0d7e4", "podman", ("10.88.0.14",), 4_026_532_001)


def found(*tables: Table, **fields: Any) -> dict[str, Finding]:
    """Findings of a node by symptom, at most one each."""
    findings = diagnose(evidence(*tables, **fields)).findings
    by_symptom = {finding.symptom: finding for finding in findings}
    assert len(by_symptom) == len(findings)
    return by_symptom


def entries(this: Evidence) -> dict[str, int]:
    return {case.symptom: case.rows.height for case in cases(this)}


def node(*rows: dict[str, Any], inside: Sockets | None, **fields: Any) -> Evidence:
    """A node with one container, whose sockets are ``inside``."""
    host = table(*rows, addresses=HOST, sockets=sockets(("192.0.2.1", 22)), limit=262_144)
    container = Table(
        Namespace("mqtt-edge", MQTT.netns_inode, owner=MQTT),
        addresses=(LocalAddress("10.88.0.14", 16, "eth0"),),
        sockets=inside,
        skipped=True,
    )
    return evidence(host, container, owners=(MQTT,), **fields)


def served(client: str, port: int, **columns: Any) -> dict[str, Any]:
    """A connection to the container through the node's published port."""
    given = {"reply_src": "10.88.0.14", "reply_sport": 1883, "left": QUIET} | columns
    return row(client, "192.0.2.1", port, 8883, **given)


LISTENER = ("0.0.0.0", 1883)  # noqa: S104  # any address
