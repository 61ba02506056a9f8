"""The text of a drain: each number is said once, and what did not happen is not mentioned."""

from __future__ import annotations

from halftrack.draining.outcome import Judged, Outcome, Preview
from halftrack.reporters import draining


def test_a_preview_says_what_happens_to_which_entries_and_why() -> None:
    shown = Preview(
        netns="host",
        filter="one-sided sport=80",
        mode="retime",
        matching=1_210,
        changed=1_200,
        assured=0,
        table=50_000,
        share=0.024,
        judged=(
            Judged(fate="dead", why="no socket left", entries=1_200, changed=True, seconds=60),
            Judged(fate="handshake", why="connections being opened", entries=10, changed=False),
        ),
        notes=("look twice",),
    )
    assert draining.preview(shown).splitlines() == [
        "filter: one-sided sport=80",
        "table: host, 50,000 entries",
        "matching: 1,210 entries",
        "      1,200  left 1 min at most: no socket left",
        "         10  left alone: connections being opened",
        "note: look twice",
    ]


def test_what_was_retimed_is_told_apart_by_what_became_of_it() -> None:
    done = Outcome(
        retimed=100,
        spoke=3,
        unproven=2,
        gone=1,
        restored=4,
        went=5,
        healed=6,
        file="/x/drained.conntrack",
        put_back="ip netns exec web-1 conntrack -R /x/drained.conntrack",
        seconds=1.25,
    )
    assert draining.report(done).splitlines() == [
        "re-timed 100 entries in 1.2 s",
        "  looked at again: 85 have no more than that",
        "  4 saved themselves: a packet came",
        "  5 are gone already",
        "  6 woke up in that very moment and were given back what they had",
        "  3 spoke or changed before their turn: left alone",
        "  2 not proven dead any more: left alone",
        "  1 went by themselves before their turn",
        "kept: /x/drained.conntrack",
        "conntrack puts in again what it can: ip netns exec web-1 conntrack -R /x/drained.conntrack",
    ]


def test_what_was_removed_and_what_stopped_it() -> None:
    done = Outcome(
        removed=10, went=9, restored=3, healed=2, not_reached=7, refused=1, reasons={"Busy": 1}, stopped=True
    )
    assert draining.report(done).splitlines() == [
        "removed 10 entries in 0.0 s",
        "  looked at again: 9 are gone",
        "  1 are there again: new connections with the same addresses and ports",
        "  2 woke up in that very moment and were given back what they had",
        "  1 refused by the kernel",
        "  7 not reached",
        "    1: Busy",
        "stopped; the same command goes on with what is left",
    ]
