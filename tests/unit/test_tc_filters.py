"""What tc(8) says of filters: the same words as the kernel's own answer becomes, and any text."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from halftrack.formats import tc, tc_filters

POLICED = """filter protocol ip pref 49152 u32 chain 0
filter protocol ip pref 49152 u32 chain 0 fh 800: ht divisor 1
filter protocol ip pref 49152 u32 chain 0 fh 800::800 order 2048 key ht 800 bkt 0 flowid :1 not_in_hw
  match 00000000/00000000 at 12
 police 0x1 rate 1Mbit burst 10Kb mtu 2Kb action drop overhead 0b
\tref 1 bind 1
"""
OTHERS = """filter parent ffff: protocol all pref 49151 matchall chain 0
filter protocol all pref 49151 matchall chain 0 handle 0x1
\taction order 1:  police 0x2 rate 2Mbit burst 10Kb mtu 2Kb action drop overhead 0b
filter protocol all pref 49150 bpf chain 0 handle 0x1 limit.o:[tc] direct-action not_in_hw id 7 tag ab jited
filter protocol ip pref 9 flower chain 0 handle 0x1
\taction order 1: mirred (Egress Redirect to device ifb0) stolen
\taction order 2: gact action drop
"""


def test_a_policer_is_told_from_what_only_looks() -> None:
    assert tc_filters.parse(POLICED, outwards=False) == ("u32", "u32 police")
    assert tc_filters.parse(OTHERS, outwards=True) == (
        "matchall outwards",
        "matchall police outwards",
        "bpf limit.o:[tc] outwards",
        "flower mirred gact outwards",
    )


def test_it_is_a_limit_of_the_interface() -> None:
    qdiscs = "qdisc ingress ffff: dev v0 parent ffff:fff1 ----------------\nqdisc noqueue 0: dev v0 root\n"
    found = tc.parse(qdiscs, {}, 0.0, filters={"v0": tc_filters.parse(POLICED, outwards=False), "v1": ("x",)})
    assert [(each.kind, each.filters, each.limits) for each in found.queues] == [
        ("ingress", ("u32", "u32 police"), True),
        ("noqueue", (), False),
    ]


@given(st.text(alphabet="filter protocol ip pref 1 u32\n\t action order 1: police 0x", max_size=200))
def test_any_text(text: str) -> None:
    tc_filters.parse(text, outwards=False)
