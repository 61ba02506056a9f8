"""UDP, GRE, ICMP and a protocol that nobody knows, through kernel and model, while seconds pass."""

from __future__ import annotations

import dataclasses
import random
import struct
import time
from typing import TYPE_CHECKING, Final

import pytest

from halftrack.evidence import uapi
from halftrack.kernel import ctnetlink
from halftrack.tcp.settings import Policy, Settings
from halftrack.tcp.tracker import EXEMPT, Step, Tracker
from kernel.campaigns import PROFILE
from kernel.comparing import LATE_S, UNSURE_S, Disturbed, agreeing
from kernel.crafting import Made
from kernel.wire import CLIENTS, SERVER, packet, segment, tracked_wire

if TYPE_CHECKING:
    from kernel.wire import Wire

_UNHEARD_OF: Final = 253
_FLOWS: Final = 400
_PROTOCOLS: Final = (uapi.IPPROTO_UDP, uapi.IPPROTO_GRE, uapi.IPPROTO_ICMP, _UNHEARD_OF)
_LONG: Final = Settings(udp=40, udp_stream=70, icmp=50, gre=60, gre_stream=90, generic=80)
_SHORT: Final = Settings(udp=2, udp_stream=3, icmp=1, gre=3, gre_stream=2, generic=2)


def _body(protocol: int, *, by_client: bool) -> bytes:
    if protocol == uapi.IPPROTO_UDP:
        return struct.pack("!HHHH", *((5000, 53) if by_client else (53, 5000)), 8, 0)
    if protocol == uapi.IPPROTO_GRE:
        return struct.pack("!HH", 0, 0x0800)
    if protocol == uapi.IPPROTO_ICMP:
        return struct.pack("!BBHHH", 8 if by_client else 0, 0, 0, 77, 1)
    return b"something"


def _step(tracker: Tracker, now: float, protocol: int, client: int, *, by_client: bool) -> Step:
    source, target = (client, SERVER) if by_client else (SERVER, client)
    if protocol == uapi.IPPROTO_ICMP:
        return tracker.icmp(now, source, target, 8 if by_client else 0, ident=(77, 0))
    return tracker.datagram(now, protocol, source, target)


def _compare(wire: Wire, tracker: Tracker) -> int:
    before = time.monotonic()
    frame = ctnetlink.dump(netns_path=wire.netns.path).flows.frame
    after = time.monotonic()
    names = ("l4proto", "orig_src_lo", "orig_dst_lo", "status", "orig_packets", "reply_packets", "timeout")
    kernel = {
        (protocol, source & 0xFFFF_FFFF, target & 0xFFFF_FFFF): (status, packets, replies, left)
        for protocol, source, target, status, packets, replies, left in frame.select(names).iter_rows()
    }
    compared = 0
    for entry in tracker:
        theirs = kernel.pop((entry.key[0], entry.source, entry.target), None)
        if before - UNSURE_S < entry.deadline < after + UNSURE_S:
            continue
        if entry.deadline < after:
            assert theirs is None
            continue
        assert theirs is not None
        assert theirs[:3] == (entry.status, entry.packets_original, entry.packets_reply)
        assert entry.deadline - after - 1.1 <= theirs[3] <= entry.deadline - before + 0.1
        compared += 1
    assert not kernel
    return compared


@pytest.mark.parametrize("settings", [_LONG, _SHORT], ids=["long", "short"])
def test_kernel_and_model_agree_about_protocols_without_connections(settings: Settings) -> None:
    assert agreeing(lambda: _exchange(settings)) > 1000


def _exchange(settings: Settings) -> int:
    """Entries compared while all protocols talk. Raises Disturbed."""
    choose = random.Random(7)  # noqa: S311  # the same ones for the same seed
    tracker, compared = Tracker(PROFILE, settings), 0
    with tracked_wire("datagrams") as wire:
        wire.apply(settings)
        deadlines: dict[tuple[int, int], float] = {}
        for _ in range(20):
            for number in range(_FLOWS):
                protocol, client = _PROTOCOLS[number % len(_PROTOCOLS)], CLIENTS + number
                by_client = choose.random() < 0.6
                now = time.monotonic()
                end = deadlines.get((protocol, client), 0.0)
                if abs(end - now) < UNSURE_S or _is_nearly_a_stream(tracker, protocol, client, now):
                    continue
                source, target = (client, SERVER) if by_client else (SERVER, client)
                body = _body(protocol, by_client=by_client)
                verdict = wire.send(packet(protocol, source, target, body))
                if time.monotonic() - now > LATE_S:
                    raise Disturbed("a packet took too long")
                step = _step(tracker, now, protocol, client, by_client=by_client)
                assert step.verdict == verdict, (protocol, step)
                if step.timeout is not None:
                    deadlines[protocol, client] = now + step.timeout
            compared += _compare(wire, tracker)
            time.sleep(0.3)  # entries of all ages are compared
    return compared


def _is_nearly_a_stream(tracker: Tracker, protocol: int, client: int, now: float) -> bool:
    """Whether nobody can say on which side of the two seconds the kernel will be."""
    if protocol != uapi.IPPROTO_UDP:
        return False
    entry = tracker.exchange(protocol, client, SERVER)
    return entry is not None and abs(now - entry.created - 2) < UNSURE_S


def test_what_rules_exempt_is_untracked_and_leaves_no_entry() -> None:
    with tracked_wire("exempt") as wire:
        syn = Made(by_client=True, flags=2, seq=1, ack=0, window=100, length=0, options=b"")
        assert wire.send(segment((CLIENTS, 4000), (SERVER, 81), syn)) == EXEMPT.verdict
        assert not len(ctnetlink.dump(netns_path=wire.netns.path).flows)


def test_settings_of_one_protocol_leave_the_others_alone() -> None:
    settings = dataclasses.replace(_LONG, icmp=33)
    tracker = Tracker(settings=settings)
    with tracked_wire("one") as wire:
        wire.apply(settings)
        for protocol in _PROTOCOLS:
            body = _body(protocol, by_client=True)
            wire.send(packet(protocol, CLIENTS, SERVER, body))
            _step(tracker, time.monotonic(), protocol, CLIENTS, by_client=True)
        assert _compare(wire, tracker) == len(_PROTOCOLS)


_POLICY: Final = """\
table ip services {
  ct timeout slow { protocol udp; l3proto ip; policy = { unreplied : 44, replied : 66 }; }
  chain attach {
    type filter hook prerouting priority filter;
    udp dport 53 ct timeout set "slow"
    udp sport 53 ct timeout set "slow"
  }
}
"""


def test_a_policy_for_udp_means_the_same_to_both() -> None:
    tracker, policy = Tracker(PROFILE, _LONG), Policy(single=44, stream=66)
    udp, timeouts = uapi.IPPROTO_UDP, []
    with tracked_wire("policy") as wire:
        wire.apply(_LONG)
        wire.netns.run("nft", "-f", "-", stdin=_POLICY)
        for by_client, pause in ((True, 0.0), (False, 3.0), (True, 0.0)):
            source, target = (CLIENTS, SERVER) if by_client else (SERVER, CLIENTS)
            wire.send(packet(udp, source, target, _body(udp, by_client=by_client)))
            timeouts.append(tracker.datagram(time.monotonic(), udp, source, target, policy=policy).timeout)
            assert _compare(wire, tracker) == 1
            time.sleep(pause)
    assert timeouts == [44, 44, 66]
