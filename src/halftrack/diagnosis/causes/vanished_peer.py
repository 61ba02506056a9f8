"""vanished-peer: the other ends went away without a word, one by one.

Power lost, a phone out of reach, a NAT box on the way restarted: no FIN, no RST, and the tracker
keeps an answered connection for days.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from halftrack.diagnosis import entries
from halftrack.diagnosis.causes import facts, frozen, idle_pool, one_way, rst_ignored, silence
from halftrack.diagnosis.causes.weighing import Clue, conclude

if TYPE_CHECKING:
    from halftrack.diagnosis.case import Case
    from halftrack.diagnosis.document import Cause

_FEW_ANSWERED: Final = 0.2


def weigh(case: Case) -> Cause | None:
    if case.symptom not in {"idle-established", "orphaned"}:
        return None
    peers = facts.variety(case.rows.sample("peer_hi", "peer_lo"))
    answered = facts.share(case.rows.sample("status"), entries.assured())
    alive, kept = facts.with_socket(case), idle_pool.kept_open(case)
    many = case.rows.height >= facts.MANY
    known = (case.symptom == "orphaned" or facts.sockets_read(case)) and not one_way.concerned(case)
    here = facts.entries_of(case.view)
    return conclude(
        "vanished-peer",
        0.1,
        (
            Clue("share of the entries that were answered and confirmed", round(answered, 2), here, 0.15)
            if answered >= facts.MOSTLY
            else Clue(
                "share of the entries that were answered: nobody was there to vanish",
                round(answered, 2),
                here,
                -0.6,
            )
            if answered < _FEW_ANSWERED
            else None,
            # A table alone shows as much of people who left their sessions open.
            Clue("different peers per entry", round(peers, 2), here, 0.3, own=known)
            if many and peers >= facts.SPREAD
            else None,
            Clue("few peers hold all of them", round(peers, 2), here, -0.4)
            if many and peers < facts.SPREAD
            else None,
            _when(case),
            frozen.doubt(case),
            rst_ignored.instead(case),
            rst_ignored.timed_out(case),
            # Who never asks after its peers keeps the sockets of those that are gone.
            Clue(
                "share of the entries whose socket still lives: nobody asked",
                round(alive, 2),
                facts.SOCKETS,
                0,
            )
            if alive
            else None,
            Clue("share at services whose clients keep connections open", round(kept, 2), here, -0.4 * kept)
            if alive and kept
            else None,
        ),
        (
            None if facts.sockets_read(case) else "the owner's sockets: ss -tan in its namespace",
            "whether the sockets use keepalive: ss -tno in the owner's namespace",
        ),
    )


def _when(case: Case) -> Clue | None:
    fell = silence.of(case)
    if fell.one_by_one:
        return Clue("they fell silent one by one", fell.shape, fell.source, 0.25)
    if fell.at_once:
        return Clue(f"they fell silent in {fell.moments}", fell.shape, fell.source, -0.7)
    if fell.scattered is not None:
        what = "share of the moment in which most fell silent"
        return Clue(what, round(fell.scattered, 2), fell.source, 0.15)
    return None
