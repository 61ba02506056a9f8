"""Scenarios of the lab, captured at their router, together with the table that its kernel had at the end."""

from __future__ import annotations

import contextlib
import socket
import struct
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Self

from halftrack import lab
from halftrack.evidence import uapi
from halftrack.kernel import ctnetlink
from halftrack.lab.parameters import Parameters
from halftrack.lab.scene import FOUNDING, Scene
from kernel.tapping import Tap

if TYPE_CHECKING:
    from collections.abc import Iterator

    import polars as pl

_SECONDS: Final = 240.0
"""Other tests run on this machine."""
_APART_S: Final = 0.02
_SNAP: Final = 94
"""Bytes of a frame that are kept: up to the end of TCP's options in all that the lab sends by IPv4."""
_BITS: Final = uapi.IPS_SEEN_REPLY | uapi.IPS_ASSURED
_ENDS: Final = ("orig_src_hi", "orig_src_lo", "orig_sport", "orig_dst_hi", "orig_dst_lo", "orig_dport")
Standing = dict[tuple[int, ...], tuple[int | None, int, float]]
"""By protocol, ICMP identifier and ends: state, whether answered and assured, and when it will be gone."""


class Steady(Scene):
    """A scene whose router has the same timeouts from beginning to end, so that a replay can have them.

    ``patient``: it takes as long as it takes where a scenario would shorten others.
    """

    def __init__(
        self, parameters: Parameters, timeouts: dict[str, int], *, delay_s: float, patient: bool = False
    ) -> None:
        super().__init__(lambda _: None, parameters, delay_s=delay_s)
        self._patient = patient
        self.timeouts = timeouts | (FOUNDING if parameters.founded else {})

    def __enter__(self) -> Self:
        super().__enter__()
        self.net.router.set(
            {f"netfilter/nf_conntrack_{name}": str(value) for name, value in self.timeouts.items()}
        )
        return self

    @contextlib.contextmanager
    def given(self, why: str, **seconds: int) -> Iterator[None]:
        assert self._patient or seconds.items() <= self.timeouts.items(), why
        yield


@dataclass(frozen=True)
class Played:
    """A capture as a file, with the settings that the router had; its table ``at`` a moment."""

    capture: bytes
    settings: list[str]
    kernel: Standing
    at: float


def played(
    name: str,
    timeouts: dict[str, int],
    *,
    ipv6: bool,
    founded: bool = False,
    interface: str | None = "to-client",
) -> Played:
    """Play a scenario while the router is captured, and look at its table at the end."""
    chosen = lab.find(name)
    parameters = Parameters(ipv6=ipv6, founded=founded, seconds=_SECONDS, background=3)
    with Steady(parameters, timeouts, delay_s=chosen.delay_s) as scene:
        with Tap(scene.net.router.call, interface) as tap:
            chosen.play(scene)
            _datagrams(scene)
            time.sleep(1.0 + 2 * chosen.delay_s)  # the last packets have passed
            at, table = _quietly(scene, tap)
        settings = [f"{name}={value}" for name, value in scene.timeouts.items()]
        return Played(tap.file(at), settings, _standing(table.to_dicts(), at), at)


def _quietly(scene: Scene, tap: Tap) -> tuple[float, pl.DataFrame]:
    """The router's table at a moment around which no packet came."""
    while True:
        at = time.time()
        table = ctnetlink.dump(netns_path=scene.net.router.path).flows.frame
        after = time.time()
        time.sleep(_APART_S)
        if tap.quiet(at - _APART_S, after):
            return at, table
        assert scene.left() > 1


def _datagrams(scene: Scene) -> None:
    """A question by UDP to which nobody listens (an ICMP error comes), and an echo."""
    family = scene.net.family
    six = family == uapi.AF_INET6
    server = scene.net.server_address

    def ask() -> None:
        with socket.socket(family, socket.SOCK_DGRAM) as asking:
            asking.sendto(b"anybody?", (server, 9))
        protocol = socket.IPPROTO_ICMPV6 if six else socket.IPPROTO_ICMP
        kind = 128 if six else 8
        with socket.socket(family, socket.SOCK_RAW, protocol) as echoing:
            body = struct.pack("!HH", 4711, 1)
            checksum = 0 if six else ~(0x0800 + 4711 + 1) & 0xFFFF
            echoing.sendto(struct.pack("!BBH", kind, 0, checksum) + body, (server, 0))

    scene.net.client.call(ask)


def _standing(rows: list[dict[str, Any]], at: float) -> Standing:
    """By tuple: state, whether answered and assured, and when it will be gone (of the kernel's: at the latest)."""
    return {
        (row["l4proto"], row["orig_icmp_id"] or 0, *(row[name] or 0 for name in _ENDS)): (
            row["state"],
            row["status"] & _BITS,
            at + row["timeout"],
        )
        for row in rows
    }


def example() -> bytes:
    """The founding trouble with the kernel's own timeouts: pages come out of the queue when 10 s are over."""
    chosen = lab.find("shaping")
    parameters = Parameters(load=3, seconds=_SECONDS)
    with (
        Steady(parameters, {}, delay_s=chosen.delay_s, patient=True) as scene,
        Tap(scene.net.router.call, "to-client", _SNAP) as tap,
    ):
        chosen.play(scene)
        time.sleep(1.0)  # likewise
        tap.end()
        return tap.file()
