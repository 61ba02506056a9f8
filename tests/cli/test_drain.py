"""What ``drain`` refuses before anything is touched, on evidence that is given."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from halftrack import live
from halftrack.evidence.values import LocalAddress
from unit.flowrows import evidence, one_sided, row, sockets, table

if TYPE_CHECKING:
    from pathlib import Path

    from cli.conftest import Run
    from halftrack.evidence.values import Evidence

HERE = "192.0.2.1"
PASSING = "203.0.113.5"


def _node(*rows: dict[str, Any], **fields: Any) -> Evidence:
    return evidence(
        table(
            *(one | {"id": number} for number, one in enumerate(rows)),
            sockets=sockets(),
            addresses=(LocalAddress(HERE, 32, "lo"),),
            **fields,
        ),
        kernel="2.6.32-042stab092.1",
    )


@pytest.fixture
def on(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, run: Run) -> Any:
    """``on(evidence, *words)``: the verb on a node that shows this."""
    monkeypatch.setenv("HALFTRACK_STATE_DIR", str(tmp_path))
    monkeypatch.setenv("HALFTRACK_RUN_DIR", str(tmp_path))

    def ran(seen: Evidence, *words: str) -> Any:
        monkeypatch.setattr(live, "examine", lambda *_, **__: seen)
        return run("drain", *words)

    return ran


def _conversations(number: int = 40) -> list[dict[str, Any]]:
    """One direction of connections in use: what an asymmetric path shows."""
    return [
        one_sided(
            PASSING,
            f"198.51.100.{i + 1}",
            dport=50_000 + i,
            orig_packets=400,
            orig_bytes=90_000,
            left=431_990,
        )
        for i in range(number)
    ]


def test_the_traffic_of_an_asymmetric_path_is_refused(on: Any, tmp_path: Path) -> None:
    ran = on(_node(*_conversations()), "one-sided", "--yes", "--expect", "40")
    assert ran.code == 76
    assert "refused: 40 one direction takes another way: they are the traffic" in ran.err
    assert list(tmp_path.iterdir()) == []


def test_what_is_refused_is_told_beside_what_is_not(on: Any) -> None:
    dead = [row(HERE, "198.51.100.200", 40_000 + i) for i in range(3)]
    ran = on(_node(*_conversations(), *dead), "proto=tcp", "--dry-run", "--json")
    judged = {each["fate"]: each for each in json.loads(ran.out)["preview"]["judged"]}
    assert ran.code == 0
    assert (judged["dead"]["entries"], judged["dead"]["seconds"]) == (3, 60)
    assert (judged["traffic"]["entries"], judged["traffic"]["changed"]) == (40, False)


def test_strict_pick_up_is_refused_without_proof(on: Any) -> None:
    strict = {"net.netfilter.nf_conntrack_tcp_loose": "0"}
    passing = [one_sided(PASSING, f"198.51.100.{i + 1}") for i in range(5)]
    ran = on(_node(*passing, settings=strict), "one-sided", "--yes", "--expect", "5")
    assert ran.code == 76
    assert "strict pick-up would not take them in again" in ran.err


def test_what_cannot_be_told_of_the_rules_is_said_and_left_long(on: Any) -> None:
    passing = [one_sided(PASSING, f"198.51.100.{i + 1}") for i in range(5)]
    ran = on(_node(*passing), "one-sided", "--dry-run")
    assert ran.code == 0
    assert "5  left 2 h 4 min at most: alive, or nobody can tell" in ran.out
    assert "5 that never were answered are left as what may live" in ran.out
    assert "what becomes of it cannot be told: the rules of host could not be read" in ran.out


def test_an_assured_entry_takes_the_number_however_few_they_are(on: Any) -> None:
    many = [one_sided(PASSING, f"198.51.100.{i + 1}", left=30) for i in range(99)]
    ran = on(_node(*many, row(HERE, "198.51.100.200")), "src=192.0.2.1", "--yes")
    assert ran.code == 64
    assert "1 entries, 1 of them assured: that takes --yes --expect 1" in ran.err


def test_a_read_only_root_and_assumptions_are_for_looking(on: Any, tmp_path: Path) -> None:
    for words in (("--root", str(tmp_path)), ("--assume", "kernel=2.6.32")):
        assert on(_node(), "one-sided", *words).code == 64


def test_one_namespace_at_a_time(on: Any) -> None:
    for words in (("one-sided", "--netns", "all"), ("one-sided", "netns!=web"), ("one-sided", "netns=a,b")):
        ran = on(_node(), *words)
        assert (ran.code, "one namespace at a time" in ran.err) == (64, True)
