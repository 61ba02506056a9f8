"""injected: entries that no packet moves, by what is counted, by their time, by what their sockets say."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

import pytest

from halftrack.diagnosis.causes import replies, weigh_all
from halftrack.evidence import uapi
from halftrack.evidence.values import Firewall
from unit.caserows import V4, case, one_sided
from unit.causecases import against, first, sockets, told, weighed

if TYPE_CHECKING:
    from halftrack.diagnosis.case import Case
    from halftrack.diagnosis.document import Cause

_COUNT = 20
_TALKING = {"last_data_sent_ms": 300, "last_data_recv_ms": 200, "last_ack_recv_ms": 250}


def of_living(idle_s: int, *, client: bool = False, **socket: Any) -> Case:
    """Entries of which each has its socket, as old a kernel as gives them days."""
    ends: dict[str, Any] = {"orig_sport": 50_000, "orig_dport": 80} if client else {"reply_sport": 80}
    frame = one_sided(
        _COUNT,
        idle_s=[idle_s] * _COUNT,
        local_src=not client,
        peer_lo=range(V4 + 1, V4 + 1 + _COUNT),
        **ends,
        **({"reply_sport": 80, "reply_dport": 50_000} if client else {}),
    )
    return case("one-sided", frame, tcp=sockets(_COUNT, **socket))


@pytest.mark.parametrize("client", [False, True], ids=["server heard", "client heard"])
def test_sockets_that_talk_while_the_entries_are_silent_have_another_way_for_both_halves(
    *, client: bool
) -> None:
    one = of_living(60, client=client, **_TALKING)
    found = replies.of(one)
    assert found is not None
    assert found.elsewhere == found.sockets == _COUNT
    assert first(one) == "injected"
    assert "see nothing of what their sockets send and hear" in told(weighed(one, "injected"))
    rest = {cause.cause: cause for cause in weigh_all(one)}
    for name in ("asymmetric-path", "direct-return"):
        if name in rest:
            assert "see nothing of what their sockets send and hear" in against(rest[name])


@pytest.mark.parametrize(
    ("idle_s", "socket"),
    [
        (0, _TALKING),  # the entries are heard of as often
        (4, _TALKING),  # readings apart
        (60, {**_TALKING, "state": 8}),
        (60, {}),  # an old kernel that does not tell
    ],
)
def test_what_may_have_passed_here_was_not_put_there(idle_s: int, socket: dict[str, Any]) -> None:
    one = of_living(idle_s, **socket)
    found = replies.of(one)
    assert found is not None
    assert found.elsewhere == 0
    assert "injected" not in {cause.cause for cause in weigh_all(one)}


def test_what_follows_half_a_handshake_passes_and_is_not_seen() -> None:
    """Behind direct return the SYN alone is of the entry: silence of that entry tells nothing."""
    frame = one_sided(
        _COUNT,
        state=uapi.TCP_CONNTRACK_SYN_SENT,
        one_sided=False,
        idle_s=[60] * _COUNT,
        local_src=False,
        peer_lo=range(V4 + 1, V4 + 1 + _COUNT),
        orig_sport=50_000,
        orig_dport=80,
        reply_sport=80,
    )
    one = case("half-open", frame, tcp=sockets(_COUNT, **_TALKING))
    found = replies.of(one)
    assert found is not None
    assert (found.answered, found.elsewhere) == (_COUNT, 0)
    assert first(one) == "direct-return"


def test_a_program_that_copies_entries_is_named_where_it_runs() -> None:
    def asked(*copiers: str, looked: bool = True) -> Cause:
        one = of_living(60, **_TALKING)
        firewall = Firewall(copiers=copiers if looked else None)
        evidence = dataclasses.replace(one.view.evidence, firewall=firewall)
        view = dataclasses.replace(one.view, evidence=evidence)
        return weighed(dataclasses.replace(one, view=view), "injected")

    running, none, unknown = asked("conntrackd"), asked(), asked(looked=False)
    assert "copies entries of another node: conntrackd" in told(running)
    assert running.confidence > none.confidence == unknown.confidence
    assert "whether conntrackd runs" in " ".join(unknown.missing)
    assert "conntrackd" not in " ".join(none.missing)
