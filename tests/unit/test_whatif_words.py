"""What is asked of ``whatif``, and what is not understood."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from halftrack.errors import UsageError
from halftrack.whatif import parse
from halftrack.whatif.words import MOST_VALUES, VALUES, Rule


@pytest.mark.parametrize(
    "word",
    [
        "tcp_timeout_established=7440",
        "tcp_timeout_established=2h4m",
        "nf_conntrack_tcp_timeout_established=7440",
        "net.netfilter.nf_conntrack_tcp_timeout_established=7440",
        "net/netfilter/nf_conntrack_tcp_timeout_established=7440",
        "net.ipv4.netfilter.ip_conntrack_tcp_timeout_established=7440",
    ],
)
def test_a_setting_under_any_of_its_names(word: str) -> None:
    assert parse([word]).settings == {"tcp_timeout_established": 7_440}


@pytest.mark.parametrize("word", ["max=1000", "nf_conntrack_max=1000", "net.netfilter.nf_conntrack_max=1000"])
def test_the_limit(word: str) -> None:
    assert parse([word]).settings == {"max": 1_000}


def test_several_at_once() -> None:
    asked = parse(["tcp_loose=0", "notrack:tcp/80", "udp_timeout=10"])
    assert asked.settings == {"tcp_loose": 0, "udp_timeout": 10}
    assert asked.rules == (Rule("tcp/80"),)
    assert asked.shown == {"tcp_loose": 0, "notrack:service=tcp/80": "all", "udp_timeout": 10}


@pytest.mark.parametrize(
    ("word", "rule"),
    [
        ("notrack:udp/53", Rule("udp/53")),
        ("notrack:service=tcp/80", Rule("tcp/80")),
        ("notrack:service=tcp/80,address=203.0.113.73", Rule("tcp/80", "203.0.113.73")),
        ("timeout-policy:service=tcp/8883,established=2h", Rule("tcp/8883", None, 7_200)),
    ],
)
def test_rules_in_the_words_of_plans(word: str, rule: Rule) -> None:
    assert parse([word]).rules == (rule,)


def test_a_range_in_even_ratios() -> None:
    sweep = parse(["tcp_timeout_established=600..86400"]).sweep
    assert sweep is not None
    assert len(sweep.values) == VALUES
    assert (sweep.values[0], sweep.values[-1]) == (600, 86_400)
    ratios = [after / before for before, after in zip(sweep.values, sweep.values[1:], strict=False)]
    assert max(ratios) == pytest.approx(min(ratios), rel=0.01)


def test_a_range_in_steps() -> None:
    sweep = parse(["tcp_timeout_established=10m..1h:10m"]).sweep
    assert sweep is not None
    assert sweep.values == (600, 1_200, 1_800, 2_400, 3_000, 3_600)


@given(st.integers(1, 20_000_000), st.integers(1, 20_000_000))
def test_a_range_ascends_from_end_to_end(one: int, other: int) -> None:
    first, last = sorted((one, other))
    if first == last:
        return
    sweep = parse([f"udp_timeout={first}..{last}"]).sweep
    assert sweep is not None
    assert (sweep.values[0], sweep.values[-1]) == (first, last)
    assert all(a < b for a, b in zip(sweep.values, sweep.values[1:], strict=False))
    assert len(sweep.values) <= VALUES


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ([], "what is to be different"),
        (["tcp_timeout_establishd=60"], "did you mean tcp_timeout_established=60"),
        (["established=60"], "did you mean tcp_timeout_established=60"),
        (["tcp_timeout_established"], "write tcp_timeout_established=432000"),
        (["tcp_timeout_established=0"], "1 s to"),
        (["tcp_timeout_established=-1"], "1 s to"),
        (["tcp_timeout_established=999999999999"], "1 s to"),
        (["tcp_loose=7"], "0 to 1"),
        (["tcp_loose=0..1"], "write tcp_loose=0"),
        (["tcp_max_retrans=256"], "0 to 255"),
        (["nf_conntrack_max=4294967296"], "0 to 2147483647"),
        (["udp_timeout=1", "udp_timeout=2"], "given twice"),
        (["udp_timeout=1..9", "tcp_loose=0", "icmp_timeout=1..9"], "one range at a time"),
        (["udp_timeout=9..1"], "write udp_timeout=1..9"),
        (["udp_timeout=1..9:0"], "1 s to"),
        (["udp_timeout=1..90000:1"], f"2 to {MOST_VALUES} values"),
        (["udp_timeout=1..2..3"], "is no range"),
        (["notrack:tcp/99999"], "write notrack:service="),
        (["notrack"], "which service"),
        (["timeout-policy:tcp/80"], "how long"),
        (["notrak:tcp/80"], "did you mean notrack:tcp/80"),
        (["\x1b[2J=1"], "SETTING=VALUE"),
        (["=1"], "SETTING=VALUE"),
    ],
)
def test_what_is_not_understood_says_how_to_write_it(words: list[str], told: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse(words)
    assert told in str(caught.value)
    assert "\x1b" not in str(caught.value)


@given(st.lists(st.text(), min_size=1, max_size=3))
def test_anything_is_understood_or_refused(words: list[str]) -> None:
    try:
        asked = parse(words)
    except UsageError:
        return
    assert asked.shown
