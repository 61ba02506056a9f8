"""Stories of flows: each turn that an entry takes is told, and nothing else."""

from __future__ import annotations

import io
import re

import pytest

from halftrack.commands import replay_run
from unit import stories
from unit.captures import CLIENT, SERVER, ip4, udp
from unit.stories import ACK, FIN_ACK, PSH_ACK, RST, RST_ACK, SYN, SYN_ACK, Story

_TCP = f"{CLIENT}:40000-{SERVER}:80"
_UDP = f"{CLIENT}:5353-{SERVER}:53"
_OPENED = (
    r"0 #1 the client opens a connection \(SYN\): a new entry, 2 min: .*tcp_timeout_syn_sent",
    r"0.01 #2 the server answers \(SYN ACK\): SYN_SENT -> SYN_RECV, 1 min: .*",
    r"0.02 #3 the connection is established: SYN_RECV -> ESTABLISHED, 5 days: .*",
)
_PICKED_UP = r"it is picked up \(tcp_loose\): a new entry, ESTABLISHED, one-sided, .* it lives {}: .*"


def told(
    *tellers: Story,
    words: tuple[str, ...] = (),
    kernel: str | None = None,
    flow: str = _TCP,
    others: tuple[tuple[float, bytes], ...] = (),
) -> list[str]:
    """The turns, each as moment, packet and text."""
    wanted = replay_run.wanted(
        "-", words, kernel=kernel, node=None, at="all", interface=None, against=(), explained=flow
    )
    run = replay_run.Run(wanted, io.BytesIO(stories.file(*tellers, others=others)))
    run.work()
    explained = run.document(with_entries=False).explained
    assert explained is not None
    return [
        f"{turn.at_s:.6g} {'-' if turn.number is None else f'#{turn.number}'} {turn.text}"
        for turn in explained.story
    ]


def is_told(found: list[str], *patterns: str) -> None:
    assert len(found) == len(patterns), found
    for text, pattern in zip(found, patterns, strict=True):
        assert re.fullmatch(pattern, text), (text, pattern)


def test_an_orderly_close() -> None:
    story = Story().opened().c(1, PSH_ACK, 100).s(1.1, PSH_ACK, 1000).c(1.2, ACK)
    story.s(2, FIN_ACK).c(2.1, ACK).c(3, FIN_ACK).s(3.1, ACK)
    is_told(
        told(story),
        *_OPENED,
        r"2 #7 the server closes \(FIN ACK\): ESTABLISHED -> FIN_WAIT, 2 min: .*",
        r"2.1 #8 the client acknowledges \(ACK\): FIN_WAIT -> CLOSE_WAIT, 1 min: .*",
        r"3 #9 the client closes as well \(FIN ACK\): CLOSE_WAIT -> LAST_ACK, 30 s: .*",
        r"3.1 #10 the server acknowledges \(ACK\): LAST_ACK -> TIME_WAIT, 2 min: .*",
        r"3.1 - the capture ends, the entry stays in TIME_WAIT for 2 min more\.",
    )


def test_a_half_close_that_ran_out_ends_in_a_picked_up_ack() -> None:
    story = Story().opened().s(1, FIN_ACK).c(1.1, ACK).c(70, FIN_ACK).s(70.1, ACK)
    is_told(
        told(story),
        *_OPENED,
        r"1 #4 the server closes .*",
        r"1.1 #5 the client acknowledges .*",
        r"61.1 - its entry is gone: CLOSE_WAIT was given 1 min .*, nothing came",
        r"70 #6 a late packet of the client's arrives \(FIN ACK\): belongs to no entry and cannot begin one",
        r"70.1 #7 a late packet of the server's arrives \(ACK\): no entry knows its connection any more",
        "70.1 #7 " + _PICKED_UP.format("5 min"),
        r"70.1 - the capture ends, .* 5 min more\. The client never answered: one-sided\.",
    )


def test_without_picking_up_the_late_packet_is_all() -> None:
    found = told(stories.founding(), words=("tcp_loose=0",))
    assert re.fullmatch(
        r"14 #7 a late packet of the server's arrives \(ACK, 1,448 bytes\): belongs to no entry, and picking up"
        r" is off \(tcp_loose=0\)",
        found[-1],
    )


@pytest.mark.parametrize(
    ("kernel", "lives"), [(None, "5 min"), ("openvz6-early", "5 days"), ("openvz5", "5 days")]
)
def test_how_long_a_picked_up_entry_lives_is_the_kernels_matter(kernel: str | None, lives: str) -> None:
    found = told(stories.founding(), kernel=kernel)
    assert re.fullmatch("14 #7 " + _PICKED_UP.format(lives), found[6])


def test_a_reset_out_of_window_is_not_believed() -> None:
    story = Story().opened()
    story.skip(by_client=True, numbers=500_000)
    found = told(story.c(1, RST).s(2, PSH_ACK, 10))
    assert re.fullmatch(
        r"1 #4 the client ends it, but that is not believed \(RST\): lies beyond .*", found[3]
    )
    assert len(found) == 5


def test_a_reset_as_the_only_answer_removes_the_entry() -> None:
    is_told(
        told(Story().s(0, ACK, 1000).c(0.1, RST)),
        r"0 #1 a packet of the server's in mid-stream \(ACK, 1,000 bytes\): no entry knows its connection",
        "0 #1 " + _PICKED_UP.format("5 min"),
        r"0.1 #2 the client answers with a reset \(RST\): the entry is removed at once",
    )
    assert told(Story().c(0, SYN).s(0.1, RST_ACK))[-1].endswith("the entry is removed at once")


def test_answers_to_what_was_picked_up_are_told_until_it_is_assured() -> None:
    found = told(Story().s(0, ACK, 1000).s(1, ACK, 1000).c(1.5, ACK).c(1.6, ACK).c(1.7, ACK))
    assert re.match(r"1.5 #3 the client answers \(ACK\): both directions were seen", found[2])
    assert re.match(r"1.6 #4 ACK of the client: the entry is assured now", found[3])
    assert len(found) == 5


def test_syns_that_nobody_answers_do_not_prolong() -> None:
    found = told(Story().c(0, SYN).c(1, SYN).c(3, SYN))
    assert found[1:] == ["3 - the capture ends, the entry stays in SYN_SENT for 1 min 57 s more."]


def test_a_closed_connection_opened_anew_is_a_new_entry() -> None:
    story = Story().opened().c(1, FIN_ACK).s(1.1, FIN_ACK).c(1.2, ACK).c(5, SYN).s(5.1, SYN_ACK).c(5.2, ACK)
    found = told(story)
    assert re.match(r"5 #7 the client opens it anew \(SYN\): the closed entry was removed, 2 min", found[6])
    assert "ESTABLISHED for 5 days" in found[-1]


def test_an_entry_that_had_to_give_way_is_not_said_to_stay() -> None:
    found = told(Story().c(0, SYN), words=("max=1",), others=((0.5, ip4(udp(1, 2), 17)),))
    assert found[-1] == "0.5 - the table was full, and its entry had to make room for another one"
    kept = told(Story().opened(), words=("max=1",), others=((0.5, ip4(udp(1, 2), 17)),))
    assert "the entry stays in ESTABLISHED" in kept[-1]


def test_an_exchange_of_datagrams() -> None:
    more = (
        (5.0, ip4(udp(5353, 53, b"x"), 17)),
        (6.0, ip4(udp(53, 5353, b"x"), 17, SERVER, CLIENT)),
        (300.0, ip4(udp(5353, 53, b"x"), 17)),
    )
    is_told(
        told(others=(*stories.datagrams(0), *more), flow=_UDP),
        r"0 #1 the client begins an exchange: UDP, 3 bytes\. A new entry, 30 s: the protocol's timeout",
        r"0.1 #2 the server answers \(UDP, 3 bytes\): both directions were seen, 30 s: .*",
        r"126 - its entry is gone: it was given 2 min \(an exchange: the stream timeout\), nothing came",
        r"300 #6 the client begins an exchange: .*",
        r"300 - the capture ends, the entry stays for 30 s more\.",
    )
