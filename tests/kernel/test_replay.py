"""Real traffic through the lab's router, captured there and replayed: the same table as the kernel's own."""

from __future__ import annotations

import json
import re
import struct
from typing import TYPE_CHECKING, Any, Final

import pytest

from cli.conftest import process
from halftrack.evidence import addresses, uapi
from halftrack.lab.scene import ENDING
from kernel.replaying import Played, Standing, played

if TYPE_CHECKING:
    from pathlib import Path

_SLACK_S: Final = 2.0


def replayed(played: Played, path: Path, *words: str) -> dict[str, Any]:
    path.write_bytes(played.capture)
    ran = process("replay", str(path), *played.settings, "--json", *words)
    assert ran.returncode == 0, ran.stderr
    told = json.loads(ran.stdout)
    assert isinstance(told, dict)
    return told


def _of_document(told: dict[str, Any], first: float) -> Standing:
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


@pytest.mark.parametrize("at", ["all", "in"])
def test_a_router_captured_on_all_of_its_interfaces_is_replayed_as_it_was(tmp_path: Path, at: str) -> None:
    """Each packet was captured as it came and as it left, and passed the tracker once."""
    seen = played("half-close", ENDING, ipv6=False, interface=None)
    told = replayed(seen, tmp_path / "any.pcap", "--at", at)
    assert same(told, seen) >= 16
    left_out = told["skipped"]["copy" if at == "all" else "other-way"]
    assert left_out >= told["packets"]["passed"] - 10


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
