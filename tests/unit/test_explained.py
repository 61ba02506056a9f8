"""One entry explained, on rows of a table: how it came, what each packet would do, when it goes."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import jsonschema
import msgspec
import pytest

from halftrack.diagnosis.explained import explain
from halftrack.diagnosis.filters.chosen import Chosen
from halftrack.diagnosis.view import view
from halftrack.evidence import uapi
from halftrack.evidence.sysctls import PREFIX
from halftrack.reporters import entries, schema
from halftrack.reporters.entry import text
from unit.flowrows import ASSURED, ONE_SIDED, REPLIED, TAKEN_AT, evidence, one_sided, row, table, udp

if TYPE_CHECKING:
    from halftrack.diagnosis.explained.document import Explained, Origin, Outcome

OLD = "2.6.32-042stab092.1"
NEW = "6.18.44"
SETTINGS = {
    PREFIX + "tcp_timeout_established": "432000",
    PREFIX + "tcp_timeout_unacknowledged": "300",
    PREFIX + "tcp_timeout_max_retrans": "300",
}
VALIDATOR = jsonschema.Draft202012Validator(schema.entry())


def explained(entry: dict[str, Any], kernel: str | None = NEW, **settings: str) -> Explained:
    """What is said of a row; valid by its schema, and fit for a screen."""
    read = {**SETTINGS, **{PREFIX + name: value for name, value in settings.items()}}
    seen = evidence(table(entry, settings=read), kernel=kernel)
    frame = view(seen.tables[0], seen).flows
    opaque = seen.tables[0].flows.opaque
    shown = msgspec.json.decode(next(entries.json_lines(Chosen("host", frame, opaque))).item())
    found = explain(seen, seen.tables[0], frame.row(0, named=True), shown, matching=1)
    VALIDATOR.validate(msgspec.json.decode(msgspec.json.encode(found)))
    for width in (40, 80):
        assert max(map(len, text(found, width=width).splitlines())) <= width
    return found


def origins(found: Explained) -> dict[str, Origin]:
    return {one.origin: one for one in found.origins}


def possible(found: Explained) -> list[str]:
    return [one.origin for one in found.origins if one.possible]


def outcome(found: Explained, by: str, kind: str) -> Outcome:
    """The only one of a packet."""
    (told,) = next(one.outcomes for one in found.next if (one.packet.by, one.packet.kind) == (by, kind))
    return told


def came_to(found: Explained, by: str, kind: str) -> tuple[str | None, int | None, str]:
    told = outcome(found, by, kind)
    return told.state, told.timeout_s, told.verdict


def test_a_one_sided_entry_of_an_old_kernel_was_picked_up() -> None:
    found = explained(one_sided(left=363_312), kernel=OLD)

    assert possible(found) == ["pick-up", "injected"]
    assert (
        "no ordinary packets lead from a handshake to ESTABLISHED, never answered"
        in origins(found)["handshake"].why
    )
    assert [(one.by, one.kind) for one in origins(found)["pick-up"].history] == [("orig", "ack")]
    assert (found.left_s, found.goes_at) == (363_312, TAKEN_AT + timedelta(seconds=363_312))
    assert came_to(found, "orig", "data") == ("ESTABLISHED", 432_000, "new")
    assert came_to(found, "reply", "ack") == ("ESTABLISHED", 432_000, "established")
    assert outcome(found, "reply", "ack").seen_reply
    assert outcome(found, "reply", "rst").gone
    assert outcome(found, "reply", "rst").event == "forgotten"


def test_a_kernel_that_cuts_it_short_cannot_have_given_it_days() -> None:
    found = explained(one_sided(left=363_312))

    assert possible(found) == ["injected"]
    assert "at most 300 s left, and has 363,312 s" in origins(found)["pick-up"].why
    assert "timeout policy" in origins(found)["injected"].why


def test_flags_of_a_pick_up_are_evidence() -> None:
    found = explained(one_sided(left=250, flags=(0x0A, 0x0A)))

    assert possible(found) == ["pick-up", "injected"]
    assert "0x0a/0x0a, no window scale" in origins(found)["pick-up"].why
    assert came_to(found, "orig", "ack") == ("ESTABLISHED", 300, "new")
    assert ("reply", "ack") in {(one.by, one.kind) for one in found.waits_for}


def test_flags_of_a_handshake_are_evidence_and_a_rst_has_to_be_exact() -> None:
    found = explained(row(left=431_990, flags=(0x23, 0x23)))

    assert possible(found) == ["handshake"]
    assert "0x23/0x23, window scales 7/7" in origins(found)["handshake"].why
    assert came_to(found, "orig", "data") == ("ESTABLISHED", 300, "established")
    assert outcome(found, "orig", "data").rule == "unacknowledged"
    assert came_to(found, "reply", "fin") == ("FIN_WAIT", 120, "established")
    assert came_to(found, "reply", "rst") == ("CLOSE", 10, "established")
    assert came_to(found, "reply", "rst-near") == ("ESTABLISHED", 10, "established")
    assert came_to(found, "reply", "rst-far") == ("ESTABLISHED", None, "invalid")
    assert came_to(found, "reply", "rst-old") == ("ESTABLISHED", None, "invalid")
    assert [one.kind for one in found.waits_for if one.by == "orig"] == ["fin"]


def test_counters_tell_what_flags_would() -> None:
    answered = row(state="FIN_WAIT", left=50, status=REPLIED, orig_packets=1, reply_packets=1)
    found = explained(answered)

    assert "takes more than the 1 packet and 1 answer" in origins(found)["handshake"].why
    assert possible(found) == ["pick-up", "injected"]
    assert "1 packet and 1 answer" in origins(found)["pick-up"].why
    assert possible(explained({**answered, "orig_packets": 2})) == ["handshake", "pick-up", "injected"]
    assert any("from state, status and counters" in note for note in found.notes)


def test_without_picking_up_there_is_no_pick_up() -> None:
    found = explained(one_sided(left=250), tcp_loose="0")

    assert possible(found) == ["injected"]
    data = next(one.outcome for one in found.afterwards if one.kind == "data")
    assert (data.gone, data.event, data.verdict) == (True, "not-picked-up", "invalid")


def test_what_the_table_does_not_tell_has_several_outcomes() -> None:
    """Whether a SYN opens a closed entry anew depends on who sent the RST."""
    found = explained(row(state="CLOSE", left=9, flags=(0x23, 0x23)))
    syn = next(one for one in found.next if (one.packet.by, one.packet.kind) == ("orig", "syn"))

    assert {one.event for one in syn.outcomes} == {"reopened", "ignored"}
    for one in syn.outcomes:
        assert one.origins == ("handshake",)
        assert one.history[-1].kind == "rst"
        assert one.history[-1].by == ("orig" if one.event == "reopened" else "reply")


def test_its_own_settings_decide_and_those_not_read_are_named() -> None:
    found = explained(row(left=5_000, flags=(0x23, 0x23)), tcp_timeout_close="77")

    assert came_to(found, "orig", "rst") == ("CLOSE", 77, "established")
    assert "tcp_timeout_close" not in found.assumed
    assert found.assumed["tcp_timeout_fin_wait"] == 120
    assert found.assumed["tcp_loose"] == 1


def test_a_kernel_that_is_not_known_is_guessed_by_its_table_and_said() -> None:
    found = explained(one_sided(left=363_312), kernel=None)

    assert found.rules_of == "el6-early"
    assert any("kernel is not known" in note for note in found.notes)


@pytest.mark.parametrize(("kernel", "timeout"), [(OLD, 180), (NEW, 30)])
def test_an_exchange_is_a_stream_at_once_or_after_two_seconds(kernel: str, timeout: int) -> None:
    found = explained(udp(left=30, status=REPLIED), kernel=kernel)
    answers = next(one.outcomes for one in found.next if one.packet.by == "reply")

    assert timeout in {one.timeout_s for one in answers}
    assert all(one.verdict == "established" for one in answers)
    assert [one.kind for one in found.afterwards] == ["packet"]


def test_an_echo_waits_for_its_answer() -> None:
    echo = row(proto="icmp", state=None, sport=None, dport=None, left=20, status=ONE_SIDED)
    found = explained({**echo, "orig_type": 8, "orig_code": 0, "orig_icmp_id": 7, "reply_type": 0})

    assert [(one.by, one.kind) for one in found.waits_for] == [("reply", "answer")]
    assert {one.kind: one.outcome.event for one in found.afterwards} == {
        "request": "opened",
        "answer": "not-an-opening",
    }


@pytest.mark.parametrize(
    ("entry", "note"),
    [
        (row(proto="sctp", state="ESTABLISHED"), "not modelled"),
        (row(left=None, status=(*ASSURED, "offload")), "flow table"),
        (row(proto="icmp", state=None, left=3), "type is not told"),
        (row(status=(*ASSURED, "fixed-timeout")), "time is fixed"),
        ({**row(), "state": 200}, "none that the tracker knows"),
    ],
)
def test_what_is_left_out_is_said(entry: dict[str, Any], note: str) -> None:
    assert any(note in told for told in explained(entry).notes)


def test_a_fixed_time_is_not_moved() -> None:
    found = explained(row(status=(*ASSURED, "fixed-timeout"), left=400))

    assert {one.timeout_s for each in found.next for one in each.outcomes} == {None}


def test_a_handshake_assures_what_it_establishes() -> None:
    found = explained(row(left=250, status=REPLIED, flags=(0x0A, 0x2A)))

    assert (
        "no ordinary packets lead from a handshake to ESTABLISHED, answered"
        in origins(found)["handshake"].why
    )
    assert possible(found) == ["pick-up", "injected"]


@pytest.mark.parametrize(("kernel", "flags"), [(None, (0xFF, 0x00)), ("2.6.18", None), (NEW, None)])
def test_no_entry_is_without_an_answer(kernel: str | None, flags: tuple[int, int] | None) -> None:
    for number, state in enumerate(uapi.STATE_NAMES[uapi.IPPROTO_TCP][1:]):
        status = (ONE_SIDED, REPLIED, ASSURED)[number % 3]
        found = explained(row(state=state, status=status, flags=flags, left=20), kernel=kernel)
        assert possible(found)
        assert all(each.outcomes for each in found.next)
