"""A plan with every kind of action, and words that would be code where nobody quotes them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hypothesis import strategies as st

from halftrack.plans.actions import (
    AcceptIn,
    AddRules,
    ByHand,
    Drain,
    Persist,
    SetBuckets,
    SetSysctl,
    TimeoutPolicy,
    Untracked,
    Where,
)
from halftrack.plans.document import NotChosen
from unit.plans import ESTABLISHED, one_sided, plan, step

if TYPE_CHECKING:
    from halftrack.plans.document import Plan

POLICY = TimeoutPolicy(port=8_883, timeouts={"established": 7_440}, published=(18_883,))

SILENT = one_sided(
    address_at="orig_dst", port_at="orig_dport", proof="silent", silent_below_s=430_000, longest_s=429_000
)


def everything(text: str = "it's", address: str = "203.0.113.73") -> Plan:
    """A plan with every kind of action, and a text wherever it holds free text."""
    others = AcceptIn(tool="nft", table="filter", chain="input")
    untracked = Untracked(
        protocol="tcp", port=80, address="$ADDR_1", accept=("INPUT", "OUTPUT"), by_hand=(others,)
    )
    return plan(
        step("relief", SetBuckets(before=65_536, after=131_072), title=text),
        step(
            "relief",
            SetSysctl(name="net.netfilter.nf_conntrack_max", before="262144", after="524288"),
            Persist(settings={"net.netfilter.nf_conntrack_max": "524288"}, module=True, hashsize=131_072),
        ),
        step(
            "cure",
            SetSysctl(
                where=Where(netns=text, path="/run/netns/blue"),
                name=ESTABLISHED,
                before="432000",
                after="7440",
            ),
            SetSysctl(name="net.netfilter.nf_conntrack_tcp_loose", after="0"),
            *(AddRules(tool=tool, rule=rule) for tool in ("nft", "iptables") for rule in (untracked, POLICY)),
            Persist(rules=True),
            ByHand(manager=text, lines=(text, text)),
            notes=(text,),
        ),
        step(
            "clear",
            Drain(filter=(text,)),
            Drain(filter=("one-sided",), selections=(one_sided(address), SILENT)),
        ),
        node=text,
        variables={"ADDR_1": text},
        not_chosen=(NotChosen(remedy=text, why=text),),
        notes=(text,),
    )


HOSTILE = st.one_of(
    st.text(),
    st.lists(
        st.sampled_from(["'", '"', "`", "$(", ")", "\n", "\r", ";", "&", "|", "\\", "touch canary", "${", "}", "#", "END", "\x00"])
    ).map("".join),
)  # fmt: skip

BAD = "x'; touch canary; '"
