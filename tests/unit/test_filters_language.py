"""The filter language as text: what is understood, how it is shown again, how errors help."""

from __future__ import annotations

import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from halftrack.diagnosis.filters import Filter, parse
from halftrack.diagnosis.filters.terms import AnyOf, Match, Not, Span, Word
from halftrack.diagnosis.filters.vocabulary import FIELDS, SYMPTOMS, WORDS
from halftrack.diagnosis.symptoms import ENTRY_SYMPTOMS
from halftrack.errors import UsageError


@pytest.mark.parametrize(
    ("words", "shown"),
    [
        (["one-sided", "proto=tcp", "idle=2h.."], "one-sided proto=tcp idle=2h.."),
        (["one-sided proto=tcp", "idle>2h"], "one-sided proto=tcp idle=2h1s.."),
        (["idle>=2h"], "idle=2h.."),
        (["left<60s"], "left=..59s"),
        (["left<=60"], "left=..1m"),
        (["age=1d..7d"], "age=1d..7d"),
        (["idle=90m"], "idle=1h30m"),
        (["state=established,syn_sent"], "state=ESTABLISHED,SYN_SENT"),
        (["state!=ESTABLISHED"], "state!=ESTABLISHED"),
        (["not", "state=ESTABLISHED"], "state!=ESTABLISHED"),
        (["not", "state!=ESTABLISHED"], "state=ESTABLISHED"),
        (["not", "not", "nat"], "nat"),
        (["src=10.1.2.3/8"], "src=10.0.0.0/8"),
        (["src=::ffff:192.0.2.1"], "src=192.0.2.1"),
        (["reply.src=2001:DB8::1"], "reply.src=2001:db8::1"),
        (["src=xx.xx.xx.73"], "src=xx.xx.xx.73"),
        (["mark=1/255"], "mark=0x1/0xff"),
        (["mark=0x10"], "mark=0x10"),
        (["proto=17,icmp6,89"], "proto=udp,icmpv6,89"),
        (["port=80..90,443"], "port=80..90,443"),
        (["any:", "assured", "sport=80", ";", "nat"], "any: assured sport=80 ; nat"),
        (["any: assured nat;"], "any: assured nat ;"),
        (["any:assured nat;"], "any: assured nat ;"),
        (["not", "any:", "assured", "nat", ";"], "not any: assured nat ;"),
        (["any:", "nat", ";"], "nat"),
        (['owner="my box, old"'], 'owner="my box, old"'),
        (["SERVICE=TCP/80"], "service=tcp/80"),
        (["One-Sided"], "one-sided"),
        ([], ""),
    ],
)
def test_canonical_text(words: list[str], shown: str) -> None:
    """What was understood is shown in one spelling, which means the same again."""
    found = parse(words)

    assert str(found) == shown
    assert parse([shown]) == found


@pytest.mark.parametrize(
    ("words", "error"),
    [
        (["idle"], "idle=2h.."),
        (["state"], "state=ESTABLISHED"),
        (["one-sidded"], "did you mean one-sided?"),
        (["stat=ESTABLISHED"], "did you mean state=ESTABLISHED?"),
        (["qqq"], "Words: one-sided"),
        (["state="], "empty value"),
        (["state=A,"], "no such state"),
        (["sport=80,"], "empty value"),
        (["sport=,80"], "empty value"),
        (["sport=65536"], "at most 65535"),
        (["sport=http"], "not a number"),
        (["idle=..", "nat"], "a range needs an end"),
        (["idle=2h..1h"], "upside down"),
        (["idle=soon"], "not a duration"),
        (["state>3"], "cannot be compared"),
        (["mark=0x100/0xff"], "matches nothing"),
        (["mark=0x1ffffffff"], "not a mark"),
        (["proto=300"], "numbers go to 255"),
        (["service=80"], "write service=tcp/80"),
        (["symptom=one-side"], "did you mean one-sided?"),
        (["not"], "write not assured"),
        (["any:", "nat"], "has no end"),
        (["any:", ";"], "holds no term"),
        ([";"], "there is none"),
        (['owner="x'], "quotation mark"),
        (["left<0"], "matches nothing"),
        (["not"] * 30 + ["nat"], "nested too deeply"),
        (["nat"] * 2000, "commas"),
        (["\x1b[31m"], "\\x1b[31m"),
    ],
)
def test_errors_show_how_to_write_it(words: list[str], error: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse(words)

    message = str(caught.value)
    assert error in message
    assert message.isprintable()


def test_terms_nest() -> None:
    found = parse(["nat", "any:", "not assured", "idle=..5m", ";"])

    assert found == Filter(
        (Word("nat"), AnyOf((Not(Word("assured")), Match("idle", (Span(None, 300, duration=True),)))))
    )


@given(st.lists(st.text(max_size=30), max_size=6))
def test_any_text_is_a_filter_or_one_clear_error(words: list[str]) -> None:
    try:
        found = parse(words)
    except UsageError:
        return
    assert parse([str(found)]) == found


def test_every_example_in_the_vocabulary_parses() -> None:
    for name, field in FIELDS.items():
        assert str(parse([f"{name}={field.example}"])).startswith(f"{name}=")
    for word in WORDS:
        assert str(parse([word])) == word


def test_the_symptoms_that_can_be_asked_for_are_those_that_exist() -> None:
    assert set(SYMPTOMS) == {symptom.slug for symptom in ENTRY_SYMPTOMS}


def test_parsing_loads_neither_numpy_nor_polars() -> None:
    code = (
        "import sys; from halftrack.diagnosis.filters import parse, selection;"
        "selection(parse(['one-sided', 'src=10.0.0.0/8']));"
        "sys.exit(bool({'numpy', 'polars', 'rich', 'msgspec'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
