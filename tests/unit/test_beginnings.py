"""How entries came to be, counted: what flags prove, what a text lets one infer, what nobody knows."""

from __future__ import annotations

from typing import Any

from halftrack.diagnosis import diagnose
from halftrack.diagnosis.document import Began
from halftrack.reporters import terminal
from unit.flowrows import evidence, one_sided, row, table

PICKED_UP = {"flags": (0x0A, 0x0A)}
SHAKEN = {"flags": (0x23, 0x23)}
CLAMPING = {
    "net.netfilter.nf_conntrack_tcp_timeout_unacknowledged": "300",
    "net.netfilter.nf_conntrack_tcp_timeout_max_retrans": "300",
}


def _began(*rows: dict[str, Any], symptom: str = "one-sided", **fields: Any) -> Began | None:
    found = diagnose(evidence(table(*rows, limit=262_144, **fields))).findings
    return next(each.began for each in found if each.symptom == symptom)


def test_flags_prove_a_pick_up() -> None:
    rows = [one_sided(dport=40_000 + n, left=290, **PICKED_UP) for n in range(5)]
    assert _began(*rows) == Began(picked_up=5, basis="tcp-flags")


def test_more_time_than_this_kernel_gives_proves_an_injection() -> None:
    rows = [one_sided(dport=40_000 + n, **PICKED_UP) for n in range(4)]
    rows.append(one_sided(dport=50_000, left=290, **PICKED_UP))
    assert _began(*rows, settings=CLAMPING) == Began(picked_up=1, injected=4, basis="tcp-flags")


def test_assured_entries_of_a_handshake_and_of_none() -> None:
    rows = [row(sport=40_000 + n, left=420_000, **SHAKEN) for n in range(30)]
    rows += [row(sport=50_000 + n, left=420_000, **PICKED_UP) for n in range(20)]
    rows.append(row(sport=60_000, left=420_000))
    known = Began(picked_up=20, handshake=30, unknown=1, basis="tcp-flags")
    assert _began(*rows, symptom="idle-established") == known


def test_a_text_lets_one_infer_it_of_what_never_was_answered() -> None:
    rows = [one_sided(dport=40_000 + n, orig_packets=1) for n in range(3)]
    assert _began(*rows) == Began(picked_up=3, basis="unanswered")


def test_of_what_was_answered_a_text_tells_nothing() -> None:
    rows = [row(sport=40_000 + n, left=420_000) for n in range(30)]
    assert _began(*rows, symptom="idle-established") == Began(unknown=30)


def test_what_is_no_connection_did_not_begin_as_one() -> None:
    rows = [row(sport=40_000 + n, state="SYN_RECV", status=("confirmed",), left=50) for n in range(60)]
    assert _began(*rows, symptom="half-open") is None


def test_it_stands_on_the_screen_with_what_it_rests_on() -> None:
    proven = evidence(table(*(one_sided(dport=40_000 + n, left=290, **PICKED_UP) for n in range(5))))
    inferred = evidence(table(one_sided()))
    told = "Began: 5 picked up in mid-stream (TCP flags and window scales tell)"
    assert told in terminal.render(diagnose(proven), verbose=True)
    assert "(inferred: never answered, so no handshake" in terminal.render(diagnose(inferred), verbose=True)
