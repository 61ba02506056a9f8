"""Real traffic through the lab's router, captured there and replayed: the same table as the kernel's own."""

from __future__ import annotations

import contextlib
import json
import re
import socket
import struct
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Self

import pytest

from cli.conftest import process
from halftrack import lab
from halftrack.evidence import addresses, uapi
from halftrack.kernel import ctnetlink
from halftrack.lab.parameters import Parameters
from halftrack.lab.scene import ENDING, FOUNDING, Scene
from kernel.tapping import Tap

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import polars as pl


_SECONDS: Final = 240.0
"""Other tests run on this machine."""
_SLACK_S: Final = 2.0
_APART_S: Final = 0.02
_BITS: Final = uapi.IPS_SEEN_REPLY | uapi.IPS_ASSURED
_ENDS: Final = ("orig_src_hi", "orig_src_lo", "orig_sport", "orig_dst_hi", "orig_dst_lo", "orig_dport")


class Steady(Scene):
    """A scene whose router has the same timeouts from beginning to end, so that a replay can have them."""

    def __init__(self, parameters: Parameters, timeouts: dict[str, int], *, delay_s: float) -> None:
        super().__init__(lambda _: None, parameters, delay_s=delay_s)
        self.timeouts = timeouts | (FOUNDING if parameters.founded else {})

    def __enter__(self) -> Self:
        super().__enter__()
        self.net.router.set(
            {f"netfilter/nf_conntrack_{name}": str(value) for name, value in self.timeouts.items()}
        )
        return self

    @contextlib.contextmanager
    def given(self, why: str, **seconds: int) -> Iterator[None]:
        assert seconds.items() <= self.timeouts.items(), why
        yield


@dataclass(frozen=True)
class Played:
    """A capture as a file, with the settings that the router had; its table ``at`` a moment."""

    capture: bytes
    settings: list[str]
    kernel: dict[tuple[int, ...], tuple[int | None, int, float]]
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
            time.sleep(1.0 + 2 * chosen.delay_s)
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


def _standing(rows: list[dict[str, Any]], at: float) -> dict[tuple[int, ...], tuple[int | None, int, float]]:
    """By tuple: state, whether answered and assured, and when it will be gone (of the kernel's: at the latest)."""
    return {
        (row["l4proto"], row["orig_icmp_id"] or 0, *(row[name] or 0 for name in _ENDS)): (
            row["state"],
            row["status"] & _BITS,
            at + row["timeout"],
        )
        for row in rows
    }


def replayed(played: Played, path: Path, *words: str) -> dict[str, Any]:
    path.write_bytes(played.capture)
    ran = process("replay", str(path), *played.settings, "--json", *words)
    assert ran.returncode == 0, ran.stderr
    told = json.loads(ran.stdout)
    assert isinstance(told, dict)
    return told


def _of_document(told: dict[str, Any], first: float) -> dict[tuple[int, ...], tuple[int | None, int, float]]:
    found = {}
    end = first + told["duration_s"]
    for entry in told["entries"]:
        orig = entry["orig"]
        state = entry["state"]
        key = (
            next(number for number, name in uapi.PROTOCOL_NAMES.items() if name == entry["protocol"]),
            orig.get("id", 0),
            *addresses.parse(orig["src"]),
            orig.get("sport", 0),
            *addresses.parse(orig["dst"]),
            orig.get("dport", 0),
        )
        status = sum(
            bit
            for bit, name in ((uapi.IPS_SEEN_REPLY, "seen-reply"), (uapi.IPS_ASSURED, "assured"))
            if name in entry["status"]
        )
        found[key] = (None if state is None else uapi.TCP_STATES.index(state), status, end + entry["left_s"])
    return found


def same(told: dict[str, Any], played: Played) -> int:
    """How many entries both have. What ran out about when the kernel was looked at may be on either side."""
    first = struct.unpack_from("!II", played.capture, 24)
    ours = _of_document(told, first[0] + first[1] / 1e9)
    differing = []
    for key in {*ours, *played.kernel}:
        here, there = ours.get(key), played.kernel.get(key)
        if here is None or there is None:
            gone = (here or there)[2]
            if gone > played.at + _SLACK_S:
                differing.append((key, here, there))
        elif here[:2] != there[:2] or abs(here[2] - there[2]) > _SLACK_S:
            differing.append((key, here, there))
    assert not differing
    return len(ours.keys() & played.kernel.keys())


@pytest.mark.parametrize("ipv6", [False, True], ids=["ipv4", "ipv6"])
@pytest.mark.parametrize(
    ("name", "timeouts"),
    [("half-close", ENDING), ("slow-path", {"tcp_timeout_close": 1}), ("open-client", ENDING)],
)
def test_the_replayed_table_is_the_kernels_own(
    tmp_path: Path, name: str, timeouts: dict[str, int], *, ipv6: bool
) -> None:
    seen = played(name, timeouts, ipv6=ipv6)
    told = replayed(seen, tmp_path / "router.pcap")
    assert same(told, seen) >= 3
    assert told["whole"]
    assert told["packets"]["icmp_errors"] >= 1


def test_the_founding_case_is_told_in_the_four_steps_of_its_article(tmp_path: Path) -> None:
    """The client closes, its entry goes, a late packet comes, a one-sided entry with the full time is booked."""
    seen = played("founding", ENDING, ipv6=False, founded=True)
    path = tmp_path / "founding.pcap"
    told = replayed(seen, path)
    assert same(told, seen) >= 16
    late = [entry for entry in told["entries"] if entry["one_sided"]]
    assert len(late) >= 4
    assert min(entry["left_s"] for entry in late) > 431_000
    number = str(late[0]["id"])
    ran = process("replay", str(path), *seen.settings, "--explain", number)
    assert ran.returncode == 0, ran.stderr
    words = " ".join(ran.stdout.decode().partition("Packet by packet")[0].split())
    story = [
        r"The client resets the connection \(RST( ACK)?\): ESTABLISHED -> CLOSE",
        r"Its entry is gone: CLOSE was given 2 s",
        rf"\(#{number}\): A late packet of the server's arrives \(.*ACK, [0-9,]+ bytes\)",
        rf"\(#{number}\): It is picked up \(tcp_loose\): a new entry, ESTABLISHED, one-sided",
        r"it lives 5 days",
        r"The client never answered: one-sided",
    ]
    assert re.search(".*".join(story), words), words
