"""What is new, what stayed, what left: on tables of a few rows."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from halftrack.diagnosis import examine
from halftrack.diagnosis.since import columns, moments
from halftrack.evidence.flows import ADDRESS_COLUMNS, SCHEMA, TUPLE_COLUMNS
from halftrack.evidence.values import Counters, Gap, Input, MaskedBy, Namespace
from unit.flowrows import ASSURED, TAKEN_AT, one_sided, row, table, udp
from unit.rules import saved
from unit.since import HOUR, adds_up, compared, host, moment, of, since, stuck

if TYPE_CHECKING:
    from halftrack.diagnosis.since.document import SinceTable
    from halftrack.evidence.values import Table

ESTABLISHED = "net.netfilter.nf_conntrack_tcp_timeout_established"
CUT = Input(truncated=True, visible=0.5)


def counts(of_table: SinceTable) -> tuple[int | None, int | None, int | None]:
    return of_table.new, of_table.stayed, of_table.left


def pair(one: dict[str, Any], other: dict[str, Any], after_s: int = HOUR, **fields: Any) -> SinceTable:
    """One entry then and one now."""
    return host(since(moment(table(one), **fields), moment(table(other), after_s=after_s, **fields)))


def test_the_same_moment_twice_all_stayed() -> None:
    now = moment(table(*stuck(range(50)), udp(), row(sport=1)))
    found = since(now, now)
    assert (counts(host(found)), found.seconds, host(found).per_minute) == ((0, 52, 0), 0, None)
    assert of(found, "one-sided").course == "same"
    assert of(found, "one-sided").stayed == 50


def test_new_stayed_and_left_add_up() -> None:
    found = since(moment(table(*stuck(range(100)))), moment(table(*stuck(range(30, 150))), after_s=HOUR))
    assert counts(host(found)) == (50, 70, 30)
    assert (host(found).before, host(found).now, host(found).per_minute) == (100, 120, pytest.approx(0.33))
    finding = of(found, "one-sided")
    assert (finding.course, finding.before, finding.now) == ("greater", 100, 120)
    assert (finding.new, finding.stayed, finding.left) == (50, 70, 30)


@pytest.mark.parametrize(
    "other",
    [
        {"sport": 40_001},
        {"dst": "198.51.100.8"},
        {"reply_src": "10.0.0.9"},
        {"reply_dport": 7},
        {"zone": 5},
        {"proto": "udp", "state": None},
    ],
    ids=str,
)
def test_an_entry_is_the_same_where_both_tuples_and_the_zone_are(other: dict[str, Any]) -> None:
    assert counts(pair(row(), row(left=400_000))) == (0, 1, 0)
    assert counts(pair(row(), row(**other))) == (1, 0, 1)


def test_what_a_source_does_not_show_is_taken_as_the_usual() -> None:
    assert counts(pair(row(zone=None, zone_dir=None), row())) == (0, 1, 0)


@pytest.mark.parametrize(
    ("then", "now", "identity"),
    [
        ({"start_ns": 10**18}, {"start_ns": 10**18 + 10**11}, "start"),
        ({"start_ns": None}, {"start_ns": int((TAKEN_AT.timestamp() + 600) * 1e9)}, "start"),
        ({"delta_time": 100}, {"delta_time": 60}, "start"),
        ({"delta_time": 100}, {"delta_time": HOUR + 1_000}, "start"),
        ({"id": 7}, {"id": 8}, "id"),
        ({"state": "TIME_WAIT"}, {"state": "ESTABLISHED"}, "tuple"),
        ({"state": "ESTABLISHED"}, {"state": "SYN_SENT"}, "tuple"),
    ],
    ids=str,
)
def test_a_tuple_used_again_is_one_that_left_and_a_new_one(
    then: dict[str, Any], now: dict[str, Any], identity: str
) -> None:
    found = pair(row(**then), row(**now))
    assert (*counts(found), found.reused, found.identity) == (1, 0, 1, 1, identity)


@pytest.mark.parametrize(
    ("then", "now"),
    [
        ({"start_ns": 10**18}, {"start_ns": 10**18}),
        ({"delta_time": 100}, {"delta_time": HOUR + 101}),
        ({"id": 7}, {"id": 7}),
        ({"state": "ESTABLISHED"}, {"state": "TIME_WAIT"}),
        ({"status": ("confirmed",)}, {"status": ASSURED}),
    ],
    ids=str,
)
def test_the_same_connection_stayed(then: dict[str, Any], now: dict[str, Any]) -> None:
    found = pair(row(**then), row(**now))
    assert (*counts(found), found.reused) == (0, 1, 0, 0)


def test_start_times_of_text_may_name_another_zone() -> None:
    one, other = row(start_ns=10**18), row(start_ns=10**18 + 5 * HOUR * 10**9)
    assert pair(one, other, source="dump").reused == 0
    assert pair(one, other).reused == 1


def test_a_bit_that_an_entry_never_loses_tells_a_new_one() -> None:
    """Where the source shows such bits at all."""
    other = row(sport=2)
    then, now = row(status=ASSURED), row(status=("confirmed",))
    found = host(since(moment(table(then, other)), moment(table(now, other), after_s=9)))
    assert found.reused == 1
    assert pair(then, now).reused == 0


def test_what_should_be_over_is_not_proven_to_be_the_same() -> None:
    found = pair(udp(left=25), udp(left=20))
    assert (counts(found), found.unproven) == ((0, 1, 0), 1)
    assert pair(udp(left=25), udp(left=20), after_s=10).unproven == 0
    stamped = {"start_ns": 10**18}
    assert pair(udp(**stamped), udp(**stamped)).unproven == 0


def test_entries_written_alike_are_as_many_as_both_tables_have() -> None:
    masked = [one_sided("xx.xx.xx.73", "yy.yy.yy.1")] * 5
    then, now = (moment(table(*masked[:n])) for n in (5, 3))
    assert counts(host(since(then, now))) == (0, 3, 2)
    assert counts(host(since(now, then))) == (2, 3, 0)


def test_masked_addresses_count_by_how_they_are_written() -> None:
    then = moment(table(one_sided("a.a.a.a", "b.b.b.b"), one_sided("c.c.c.c", "d.d.d.d")))
    now = moment(table(one_sided("c.c.c.c", "d.d.d.d"), one_sided("e.e.e.e", "b.b.b.b")))
    assert counts(host(since(then, now))) == (1, 1, 1)


def test_what_is_not_seen_has_neither_left_nor_come() -> None:
    whole, cut = moment(table(*stuck(range(100)))), moment(table(*stuck(range(50))), after_s=HOUR, input=CUT)
    found = since(whole, cut)
    assert (counts(host(found)), host(found).unseen_now) == ((0, 50, 0), 50)
    assert of(found, "one-sided").course == "unclear"
    assert of(found, "one-sided").per_minute is None
    assert any("at least" in note for note in found.notes)
    earlier = replace(cut, taken_at=TAKEN_AT - timedelta(hours=1))
    found = since(earlier, whole)
    assert (counts(host(found)), host(found).unseen_before) == ((0, 50, 0), 50)
    assert of(found, "one-sided").course == "unclear"


def test_of_a_cut_source_what_began_since_is_new_for_certain() -> None:
    began = [each | {"delta_time": 60} for each in stuck(range(50, 80))]
    then = moment(table(*stuck(range(50))), input=CUT)
    found = host(since(then, moment(table(*stuck(range(50)), *began), after_s=HOUR)))
    assert (counts(found), found.unseen_before) == ((30, 50, 0), 0)


@pytest.mark.parametrize(
    "lacking",
    [
        {"input": Input(unreadable=3)},
        {"gaps": (Gap("the rest of the entries", "the time was up", (), ("one-sided",), "host"),)},
        {"gaps": (Gap("the rest of it", "cut", (), ("one-sided",)),)},
    ],
    ids=str,
)
def test_what_makes_a_source_not_whole(lacking: dict[str, Any]) -> None:
    now = moment(table(*stuck(range(5))), after_s=HOUR, **lacking)
    assert host(since(moment(table(*stuck(range(9)))), now)).left == 0


def test_a_gap_that_hides_no_entry_does_not() -> None:
    gap = Gap("sockets", "no permission", (), ("orphaned",), "host")
    now = moment(table(*stuck(range(5))), after_s=HOUR, gaps=(gap,))
    assert host(since(moment(table(*stuck(range(9)))), now)).left == 4


def test_growth_is_measured() -> None:
    """The table's times say ten a minute; half an hour says that thirty came, one a minute."""
    limit = {"limit": 2_000}
    before = stuck(range(600), every_s=6)
    then = moment(table(*before, **limit))
    later = [each | {"timeout": each["timeout"] - 1_800} for each in before]
    now = moment(table(*later, *stuck(range(600, 630), every_s=60), **limit), after_s=1_800)
    found = compared(then, now)
    (finding,) = [each for each in found.findings if each.symptom == "one-sided"]
    assert found.since is not None
    assert of(found.since, "one-sided").per_minute == pytest.approx(1)
    ahead = found.tables[0].forecast
    assert ahead is not None
    assert "measured between two moments 30 min apart" in ahead.basis
    assert ahead.net_per_minute == pytest.approx(1, rel=0.1)
    assert finding.groups[0].rate_per_minute == pytest.approx(1, rel=0.2)


def test_what_lives_shorter_than_the_time_between_comes_faster() -> None:
    before = moment(table(*(udp(sport=n) for n in range(2_000))))
    now = moment(table(*(udp(sport=n) for n in range(2_000, 4_000))), after_s=10 * HOUR)
    assert of(since(before, now), "unreplied-udp").per_minute == pytest.approx(2_000 * 60 / 30, rel=0.1)


def test_after_a_fix_it_settles_where_what_comes_takes_it() -> None:
    """The old entries have days left by the old setting: their clock is lost, the pace is measured."""
    before = stuck(range(2_000), every_s=90)
    then = moment(table(*before, limit=9_000, settings={ESTABLISHED: "432000"}))
    later = [each | {"timeout": each["timeout"] - HOUR} for each in before]
    came = [each | {"timeout": 7_440 - 36 * n} for n, each in enumerate(stuck(range(2_000, 2_100)))]
    fixed = table(*later, *came, limit=9_000, settings={ESTABLISHED: "7440"})
    found = compared(then, moment(fixed, after_s=HOUR))
    assert found.since is not None
    (setting,) = found.since.settings
    assert (setting.setting, setting.before, setting.now) == (ESTABLISHED, "432000", "7440")
    ahead = found.tables[0].forecast
    assert ahead is not None
    assert ahead.settles_at == pytest.approx(100 * 7_440 / HOUR, rel=0.05)


def test_what_is_not_stuck_drifts() -> None:
    def open_ones(count: int, after_s: int = 0) -> Any:
        return moment(table(*(row(sport=n) for n in range(1, count)), limit=4_000), after_s=after_s)

    found = compared(open_ones(1_000), open_ones(3_000, after_s=600))
    ahead = found.tables[0].forecast
    assert ahead is not None
    assert ahead.full_at is not None
    assert found.taken_at is not None
    assert (ahead.full_at - found.taken_at).total_seconds() == pytest.approx(300, rel=0.05)
    assert "200 more a minute, measured over 10 min" in ahead.basis
    calm = compared(open_ones(1_000), open_ones(1_020, after_s=600)).tables[0].forecast
    assert calm is not None
    assert calm.full_at is None


def test_findings_gone_and_new() -> None:
    then = moment(table(*stuck(range(2_000)), limit=9_000))
    now = moment(table(*(udp(sport=n) for n in range(3_000)), limit=9_000), after_s=HOUR)
    course = {each.symptom: each.course for each in since(then, now).findings}
    assert (course["one-sided"], course["unreplied-udp"]) == ("gone", "new")


def test_an_entry_that_became_so_was_there() -> None:
    answered = [row(f"192.0.2.{n}", sport=80, dport=n, left=431_990) for n in range(1, 200)]
    quiet = [each | {"timeout": 300_000} for each in answered]
    found = of(since(moment(table(*answered)), moment(table(*quiet), after_s=40 * HOUR)), "idle-established")
    assert (found.joined, found.new, found.course) == (199, 0, "new")
    back = of(since(moment(table(*quiet)), moment(table(*answered), after_s=60)), "idle-established")
    assert (back.released, back.left, back.course) == (199, 0, "gone")


def reading(**values: int) -> tuple[Counters, ...]:
    return (Counters(1.0, values),)


def test_counters_between() -> None:
    def at(after_s: int = 0, up_s: int | None = None, **values: int) -> Any:
        return moment(table(udp(), counters=reading(**values)), after_s=after_s, up_s=up_s)

    then = at(drop=5, early_drop=2, found=7, entries=9)
    rose = host(since(then, at(HOUR, drop=12, early_drop=2, found=8, entries=3))).counters
    assert rose == {"drop": 7, "early_drop": 0, "found": 1}
    assert host(since(then, at(HOUR, drop=1, early_drop=0))).counters is None
    assert host(since(then, at(HOUR, up_s=60, drop=12, early_drop=2))).counters is None


def test_rules_that_are_others() -> None:
    def ruled(rule: str, counted: str, after_s: int = 0) -> Any:
        text = f"*raw\n:PREROUTING ACCEPT {counted}\n{counted} -A PREROUTING {rule}\nCOMMIT\n"
        return moment(table(udp(), rules=saved(text)), after_s=after_s)

    then = ruled("-p tcp --sport 80 -j CT --notrack", "[5:900]")
    assert since(then, ruled("-p tcp --sport 80 -j CT --notrack", "[8:1300]", 60)).rules == ()
    (change,) = since(then, ruled("-p tcp --sport 443 -j CT --notrack", "[5:900]", 60)).rules
    assert ([each.rpartition(" -p ")[2] for each in (*change.new, *change.gone)]) == [
        "tcp --sport 443 -j CT --notrack",
        "tcp --sport 80 -j CT --notrack",
    ]


def test_the_order_is_told_by_the_entries_where_no_time_is() -> None:
    rows = stuck(range(30), every_s=60)
    later = [each | {"timeout": each["timeout"] - 900} for each in rows]
    one, other = (replace(moment(table(*each)), taken_at=None) for each in (rows, later))
    assert moments.ordered(one, other) == moments.Ordered(first=True, order="entries", seconds=900)
    assert moments.ordered(other, one) == moments.Ordered(first=False, order="entries", seconds=900)
    nothing = replace(moment(table(udp())), taken_at=None)
    assert moments.ordered(one, nothing) == moments.Ordered(first=True, order="given")
    assert "taken as named" in since(one, nothing).notes[0]


def test_nodes_that_are_visibly_two() -> None:
    one = moment(table(udp()))
    assert (
        moments.differing(one, replace(one, node="node18"))
        == "live and live are of two nodes: node17 and node18"
    )
    assert moments.differing(one, replace(one, node="node17.example.org")) is None
    assert moments.differing(one, replace(one, source="dump", node="other.txt")) is None
    named = replace(one, machine="a")
    assert "two machines" in (moments.differing(named, replace(named, machine="b")) or "")
    assert moments.differing(named, replace(named, node="renamed")) is None
    masked = replace(one, input=Input(masked="visible"))
    assert "masked otherwise" in (moments.differing(one, masked) or "")


def test_stand_ins_are_compared_where_one_map_made_them() -> None:
    by = [Input(masked="substituted", masked_by=each) for each in (None, MaskedBy("5" * 32, 1))]
    one, other = (replace(moment(table(udp())), machine="5eed", input=each) for each in by)
    assert "two maps" in (moments.differing(one, other) or "")
    again = replace(other, input=replace(other.input, masked_by=MaskedBy("5" * 32, 2)))
    assert moments.differing(other, again) is None
    elsewhere = replace(other, input=replace(other.input, masked_by=MaskedBy("6" * 32, 1)))
    assert "two maps" in (moments.differing(other, elsewhere) or "")
    reports = [replace(one, source="sos", node=each) for each in ("host0", "host0")]
    assert moments.differing(*reports) is None, "whoever cleans reports keeps one map for all"
    plain = replace(one, input=Input(), machine="77")
    assert "masked otherwise" in (moments.differing(plain, other) or ""), "and not: of two machines"


def test_a_text_is_the_nodes_own_table() -> None:
    inside = table(*stuck(range(500, 520)), namespace=Namespace("web"))
    bundle = moment(table(*stuck(range(20))), inside, source="bundle")
    text = moment(table(*stuck(range(10, 30)), namespace=Namespace("now.txt")), after_s=60, source="dump")
    found = {each.netns: each for each in since(bundle, text).tables}
    assert counts(found["now.txt"]) == (10, 10, 10)
    assert (found["web"].before, found["web"].now) == (20, None)


def test_several_moments() -> None:
    three = [moment(table(*stuck(range(n, 40 + 3 * n))), after_s=60 * n) for n in (0, 5, 10)]
    found = since(*three)
    assert [(each.entries, each.new, each.stayed, each.left) for each in found.moments] == [
        (40, None, None, None),
        (50, 15, 35, 5),
        (60, 15, 45, 5),
    ]
    assert (counts(host(found)), found.seconds) == ((30, 30, 10), 600)


def test_names_take_in_all_that_makes_an_entry_the_same() -> None:
    assert columns.ADDRESSES == ADDRESS_COLUMNS
    assert set(TUPLE_COLUMNS) <= columns.COLUMNS
    assert set(SCHEMA) >= columns.COLUMNS


def test_values_of_findings_add_up() -> None:
    found = of(
        since(moment(table(*stuck(range(9)))), moment(table(*stuck(range(4, 20))), after_s=5)), "one-sided"
    )
    adds_up(found)


RAISED = {
    f"net.netfilter.nf_conntrack_tcp_timeout_{name}": "432000" for name in ("unacknowledged", "max_retrans")
}
LOWERED = dict.fromkeys(RAISED, "300")


def _entries(left: int) -> Table:
    return table(*(one_sided(dst=f"198.51.100.{n}", left=left + n) for n in range(200)), settings=RAISED)


def test_what_was_begun_before_timeouts_were_lowered_was_not_injected() -> None:
    before = moment(_entries(400_000), kernel="6.12.48")
    now = moment(replace(_entries(400_000 - HOUR), settings=LOWERED), after_s=HOUR, kernel="6.12.48")
    alone, both = examine(now).diagnosis.findings[0], compared(before, now).findings[0]
    assert "injected" in {cause.cause for cause in alone.causes if cause.likely}
    assert "injected" not in {cause.cause for cause in both.causes}
    assert "gave it 5 days at an earlier moment: 200 of 200 have up to" in both.explanation


def test_what_has_more_left_than_any_moment_gave_was_injected_after_all() -> None:
    before = moment(_entries(400_000), kernel="6.12.48")
    now = moment(replace(_entries(500_000), settings=LOWERED), after_s=HOUR, kernel="6.12.48")
    assert "injected" in {one.cause for one in compared(before, now).findings[0].causes if one.likely}
