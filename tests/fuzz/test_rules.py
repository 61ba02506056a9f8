"""Readers of rules under rulesets that were damaged on the way: never a traceback, and walks that end."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st

from fuzz.mutations import examples, mutated
from halftrack.evidence.rulesets import Save
from halftrack.formats import rules
from halftrack.rulesets import comparing
from halftrack.rulesets.packets import BEGINS, ESTABLISHED, UNTRACKED, Packet
from unit.test_rulesets_listed import OLD

if TYPE_CHECKING:
    from halftrack.evidence.rulesets import Ruleset

_FIXTURES = sorted((Path(__file__).parents[1] / "fixtures/rulesets").iterdir())
CORPUS = {
    kind: [path.read_bytes() for path in _FIXTURES if path.suffix == f".{kind}"]
    for kind in ("json", "nft", "save")
}
_LINES = sorted({line for text in CORPUS["save"] for line in text.splitlines(keepends=True)})


def _judged(found: Ruleset) -> None:
    """Whatever was read can be walked through."""
    assert all(each.isprintable() for each in found.unread)
    walks = comparing.prepared(found)
    for to_here in (True, False):
        one = Packet("ip", 6, daddr=0xFFFF_CB00_7149, dport=80, from_here=False, to_here=to_here)
        for standing in (BEGINS, UNTRACKED):
            told = comparing.first(walks, one, ESTABLISHED, standing)
            assert told is None or told.by.text.isprintable()


@examples
@given(st.sampled_from(CORPUS["json"]).flatmap(mutated), st.sampled_from(CORPUS["nft"]).flatmap(mutated))
def test_a_damaged_listing_of_nft_is_read_or_refused(listing: bytes, text: bytes) -> None:
    _judged(rules.read(listing.decode(errors="replace"), text.decode(errors="replace")))


@examples
@given(st.sampled_from(CORPUS["nft"]).flatmap(mutated))
def test_a_damaged_text_of_nft_alone_is_read_or_refused(text: bytes) -> None:
    _judged(rules.read(None, text.decode(errors="replace")))


@examples
@given(
    st.one_of(
        st.sampled_from(CORPUS["save"]).flatmap(mutated),
        st.lists(st.sampled_from(_LINES), max_size=30).map(b"".join).flatmap(mutated),
    )
)
def test_a_damaged_save_of_iptables_is_read_or_refused(text: bytes) -> None:
    save = Save("iptables-save", "ip", "iptables-legacy", text.decode(errors="replace"))
    _judged(rules.read(None, saves=(save,)))


@examples
@given(mutated(OLD.encode()))
def test_a_damaged_listing_of_iptables_is_read_or_refused(text: bytes) -> None:
    _judged(rules.read(None, listings=(Save("x", "ip", "iptables-legacy", text.decode(errors="replace")),)))


@examples
@given(mutated(b"TCP  CB007149:0050 rr \nUDP  [2001:0db8::1]:0035 wlc persistent 360\nFWM  0000000A wrr\n"))
def test_a_damaged_list_of_services_is_read_or_refused(text: bytes) -> None:
    _judged(rules.read(None, services=text.decode(errors="replace")))
