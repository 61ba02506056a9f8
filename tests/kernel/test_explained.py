"""What is said of an entry's next packets comes true: each is sent, to a copy of the entry of its own."""

from __future__ import annotations

import ipaddress
import json
import platform
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest

from halftrack.diagnosis.explained.document import ENDS
from halftrack.diagnosis.explained.origins import put_in
from halftrack.diagnosis.explained.seen import Seen
from halftrack.evidence import uapi
from halftrack.tcp import prospects, table
from kernel.campaigns import STEADY
from kernel.foretold import OPTIONS, Copies, happened
from kernel.wire import tracked_wire

if TYPE_CHECKING:
    from collections.abc import Iterator

    from halftrack.diagnosis.explained.document import Explained, Prospect
    from halftrack.tcp.prospects import Packet

    _Sent = tuple[Prospect, int, Packet, str]

_ASSURED = uapi.IPS_CONFIRMED | uapi.IPS_SEEN_REPLY | uapi.IPS_ASSURED
_SHAKEN = "orig syn, reply syn-ack, orig ack"
_PICKED_UP = "orig ack"


_BY_SERVER = ("orig syn", _SHAKEN, _PICKED_UP, f"{_PICKED_UP}, reply ack, reply ack", f"{_SHAKEN}, reply rst")


@pytest.fixture(scope="module")
def copies() -> Iterator[Copies]:
    with tracked_wire("foretold") as wire:
        wire.apply(STEADY)
        yield Copies(wire)


@pytest.mark.parametrize(
    ("origin", "history"),
    [
        ("handshake", "orig syn"),
        ("handshake", "orig syn, reply syn"),
        ("handshake", "orig syn, reply syn-ack"),
        ("handshake", _SHAKEN),
        ("handshake", f"{_SHAKEN}, orig data"),
        ("handshake", f"{_SHAKEN}, orig data, reply data, orig ack"),
        ("handshake", f"{_SHAKEN}, orig data, reply data-crossing"),
        ("handshake", f"{_SHAKEN}, orig data, reply fin-crossing, orig ack"),
        ("handshake", f"{_SHAKEN}, orig fin"),
        ("handshake", f"{_SHAKEN}, reply fin, orig ack"),
        ("handshake", f"{_SHAKEN}, reply fin, orig ack, orig fin"),
        ("handshake", f"{_SHAKEN}, reply fin, orig ack, orig fin, reply ack"),
        ("handshake", f"{_SHAKEN}, reply rst"),
        ("handshake", f"{_SHAKEN}, orig rst"),
        ("pick-up", _PICKED_UP),
        ("pick-up", "orig data, orig data"),
        ("pick-up", "orig data, orig data, reply ack"),
        ("pick-up", "orig data, orig data, reply ack, reply data, orig data"),
        ("pick-up", f"{_PICKED_UP}, reply ack"),
        ("pick-up", f"{_PICKED_UP}, reply ack, reply ack"),
        ("pick-up", f"{_PICKED_UP}, reply ack, reply ack, orig data"),
        ("pick-up", f"{_PICKED_UP}, orig fin"),
        ("pick-up", f"{_PICKED_UP}, reply ack, reply fin, orig ack"),
        ("pick-up", f"{_PICKED_UP}, orig fin, reply fin, orig ack"),
    ],
)
def test_each_packet_does_to_a_live_entry_what_was_said(copies: Copies, origin: str, history: str) -> None:
    for copies.by_server in (False, True) if history in _BY_SERVER else (False,):
        began = time.monotonic()
        said = copies.explained(copies.play(history))
        assert origin in {one.origin for one in said.origins if one.possible}
        assert len(said.next) == 2 * len(prospects.KINDS)
        _hold(copies, history, said, began)


@pytest.mark.parametrize("status", [uapi.IPS_CONFIRMED, _ASSURED], ids=["never answered", "assured"])
def test_it_comes_true_of_what_a_tool_has_put_in(copies: Copies, status: int) -> None:
    copies.by_server = False
    began = time.monotonic()
    numbers = copies.put_in(
        21,
        timeout=90_000,
        status=status,
        state=uapi.TCP_CONNTRACK_ESTABLISHED,
        tcp_flags=(0x0A, 0x0A),
        wscale=(0, 0),
    )
    said = copies.explained(numbers[0])
    assert [one.origin for one in said.origins if one.possible] == ["injected"]
    assert said.left_s is not None
    like = put_in(
        Seen(uapi.IPPROTO_TCP, uapi.TCP_CONNTRACK_ESTABLISHED, status, said.left_s, flags=(0x0A, 0x0A))
    )
    sent = []
    for number, prospect in zip(numbers[1:], said.next, strict=True):
        direction = ENDS.index(prospect.packet.by)
        packet = prospects.following(like.entry, direction, prospect.packet.kind, OPTIONS)
        sent.append((prospect, number, packet, copies.send(number, direction, packet)))
    _came_true(copies, said.left_s, sent, began)


def test_the_program_explains_a_live_entry_under_the_settings_of_its_namespace(copies: Copies) -> None:
    copies.by_server = True
    number = copies.play("orig data")
    client, server = (str(ipaddress.IPv4Address(end[0])) for end in copies.ends(number)[::-1])
    words = (
        "list",
        f"src={server}",
        f"dst={client}",
        "--netns",
        copies.wire.netns.path,
        "--explain",
        "--json",
    )
    ran = subprocess.run(
        [sys.executable, "-m", "halftrack", *words], capture_output=True, check=True, timeout=60
    )
    told = json.loads(ran.stdout)
    assert (told["matching"], told["kernel"], told["assumed"]) == (1, platform.release(), {})
    assert told["entry"]["origin"] == "pick-up"
    assert [one["origin"] for one in told["origins"] if one["possible"]] == ["pick-up", "injected"]
    assert told["goes_at"] is not None
    answers = [one for one in told["next"] if one["packet"] == {"by": "reply", "kind": "ack"}]
    assert {one["timeout_s"] for one in answers[0]["outcomes"]} == {STEADY.tcp[table.UNACK]}


def _hold(copies: Copies, history: str, said: Explained, began: float) -> None:
    assert said.left_s is not None
    sent = []
    for prospect in said.next:
        number = copies.play(history)
        entry = copies.entry(number)
        assert entry is not None
        direction = ENDS.index(prospect.packet.by)
        kind, ends = prospect.packet.kind, copies.where[number]
        packet = prospects.following(entry, direction, kind, OPTIONS, ends=ends)
        sent.append((prospect, number, packet, copies.send(number, direction, packet)))
    _came_true(copies, said.left_s, sent, began)


def _came_true(copies: Copies, left_s: int, sent: list[_Sent], began: float) -> None:
    rows = copies.rows()
    elapsed = time.monotonic() - began
    for prospect, number, packet, verdict in sent:
        real = happened(packet, verdict, rows.get(number))
        assert any(real.is_(one, left_s, elapsed) for one in prospect.outcomes), (prospect, real)
