"""``halftrack replay`` as a user types it, on captures made packet by packet."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl
import pytest

from cli.replays import document
from halftrack.evidence import uapi
from halftrack.evidence.flows import SCHEMA
from unit import captures, stories
from unit.captures import CLIENT, SERVER

if TYPE_CHECKING:
    from cli.conftest import Run

_FLOW = f"{CLIENT}:40000-{SERVER}:80"


def test_the_screen_says_what_is_left_and_how_to_go_on(run: Run, capture: str) -> None:
    ran = run("replay", capture)
    assert ran.code == 0
    lines = ran.out.splitlines()
    assert " ".join(" ".join(lines[:2]).split()).startswith(f"{capture}: 4 entries left, 2 one-sided")
    assert max(map(len, lines)) <= 80 or len(capture) > 60
    assert f"replay {capture} --explain 16" in ran.out
    assert "#17        [2001:db8:1::2]:80-[2001:db8::1]:40000, 5 min left" in ran.out


def test_the_document_has_the_table_its_size_over_time_and_what_was_left_out(run: Run, capture: str) -> None:
    told = document(run("replay", capture, "--json"))
    assert told["schema"] == "halftrack.replay/1"
    assert told["packets"]["file"] == 19
    assert told["flows"] == {"made": 6, "opened": 4, "picked_up": 2, "reopened": 0}
    assert told["end"]["by_state"] == {"ESTABLISHED": 2}
    assert [entry["left_s"] for entry in told["entries"]][:2] == [300, 300]
    assert [entry["id"] for entry in told["entries"]] == [16, 17, 13, 15]
    assert [entry["one_sided"] for entry in told["entries"]] == [True, True, False, False]
    points = told["timeline"]
    assert [point["at_s"] for point in points] == [*map(float, range(1, 15)), 14.2]
    assert [point["entries"] for point in points] == [2, 2, 2, 4, 4, 4, 4, 4, 4, 4, 2, 2, 2, 2, 4]
    assert (points[-1], told["end"]) == (told["end"], points[-1])
    assert told["peak"]["entries"] == 4
    assert told["skipped"] == {}
    assert (told["explained"], told["against"]) == (None, None)


def test_a_kernel_without_the_clamp_keeps_them_for_five_days(run: Run, capture: str) -> None:
    told = document(run("replay", capture, "--kernel", "openvz6-early", "--json"))
    assert [entry["left_s"] for entry in told["entries"]][:2] == [432_000, 432_000]
    assert (told["kernel"], told["profile"]) == ("2.6.32-042stab092.1", "el6-early")


@pytest.mark.parametrize("name", ["", "nf_conntrack_", "net.netfilter.nf_conntrack_"])
def test_settings_are_those_of_sysctl(run: Run, capture: str, name: str) -> None:
    told = document(run("replay", capture, f"{name}tcp_loose=0", f"{name}tcp_timeout_close=1h", "--json"))
    assert told["given"] == {"tcp_loose": 0, "tcp_timeout_close": 3600}
    assert told["settings"]["tcp_timeout_close"] == 3600
    assert told["end"]["by_state"] == {"CLOSE": 2}


def test_a_limit_makes_entries_give_way(run: Run, capture: str) -> None:
    told = document(run("replay", capture, "max=1", "--json"))
    assert told["limit"] == 1
    assert told["peak"]["entries"] == 1


def test_what_a_full_table_dropped_is_among_the_first_that_is_said(run: Run) -> None:
    lines = run("replay", "--example", "max=10").out.splitlines()
    assert "        207 packets dropped: the table was full." in lines[:4]
    assert "dropped" not in run("replay", "--example").out


@pytest.mark.parametrize(
    "asked",
    [
        _FLOW,
        f"{SERVER}:80-{CLIENT}:40000",
        f"{CLIENT}:40000,{SERVER}:80",
        "16",
        "#1",
    ],
)
def test_a_flow_is_told_in_the_four_steps_of_the_founding_case(run: Run, capture: str, asked: str) -> None:
    ran = run("replay", capture, "--kernel", "openvz6-early", "--explain", asked)
    assert ran.code == 0, ran.err
    story = " ".join(ran.out.partition("What happened")[2].partition("Packet by packet")[0].split())
    steps = (
        "The client resets the connection (RST ACK): ESTABLISHED -> CLOSE",
        "11.000 s: Its entry is gone",
        "14.000 s (#16): A late packet of the server's arrives (ACK, 1,448 bytes)",
        "It is picked up (tcp_loose): a new entry, ESTABLISHED, one-sided",
        "it lives 5 days",
        "The client never answered",
    )
    places = [story.find(step) for step in steps]
    assert -1 not in places, story
    assert places == sorted(places)
    assert f"#{asked.strip('#')}" in ran.out if asked.strip("#").isdigit() else True


def test_what_was_told_is_in_the_document_too(run: Run, capture: str) -> None:
    told = document(run("replay", capture, "--explain", "16", "--json"))["explained"]
    assert told["client"] == f"{CLIENT}:40000"
    assert told["asked"] == 16
    assert [packet["number"] for packet in told["packets"]] == [1, 3, 5, 7, 9, 11, 16, 18]
    late = next(packet for packet in told["packets"] if packet["number"] == 16)
    assert (late["event"], late["old"], late["new"], late["verdict"]) == (
        "picked-up",
        None,
        "ESTABLISHED",
        "new",
    )
    assert late["expired_s"] == pytest.approx(3.0)
    assert late["one_sided"] is True
    assert [turn["number"] for turn in told["story"]] == [1, 3, 5, 11, None, 16, 16, None]


def test_other_flows_are_told_as_well(run: Run, capture: str) -> None:
    assert "echo request" in run("replay", capture, "--explain", "15").out
    six = run("replay", capture, "--explain", "[2001:db8::1]:40000-[2001:db8:1::2]:80")
    assert "#17" in six.out
    assert "UDP, 3 bytes" in run("replay", capture, "--explain", f"{CLIENT}:5353-{SERVER}:53").out


def test_the_example_is_the_founding_case_as_the_lab_captured_it(run: Run) -> None:
    told = document(run("replay", "--example", "--kernel", "openvz6-early", "--json"))
    late = [entry for entry in told["entries"] if entry["one_sided"]]
    assert len(late) == told["end"]["one_sided"] == told["flows"]["picked_up"] == 17
    assert {entry["orig"]["sport"] for entry in late} == {80}
    assert min(entry["left_s"] for entry in late) > 431_900
    (group,) = told["one_sided"]
    assert (group["end"].endswith(":80"), group["sent"], group["entries"], group["peers"]) == (
        True,
        True,
        17,
        14,
    )
    strict = document(run("replay", "--example", "tcp_loose=0", "--json"))
    assert strict["one_sided"] == []
    assert strict["end"]["one_sided"] == 0
    story = document(run("replay", "--example", "--explain", str(late[0]["id"]), "--json"))["explained"][
        "story"
    ]
    assert "resets the connection" in story[3]["text"]
    assert "its entry is gone" in story[4]["text"]
    assert "a late packet of the server's" in story[5]["text"]
    assert "it is picked up" in story[6]["text"]


def test_what_was_cut_short_is_answered_as_far_as_it_goes(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "cut.pcap"
    path.write_bytes(stories.file(stories.founding())[:-20])
    for words in ((), ("--json",), ("--explain", "7")):
        ran = run("replay", str(path), *words)
        assert ran.code == 76
        assert "picked" in ran.out
        assert ran.err == f"halftrack: answered without the rest of {path}: it was not read to its end\n"


@pytest.mark.parametrize("frames", [[], [captures.ethernet(bytes(28), 0x0806)] * 3], ids=["none", "no-ip"])
def test_a_capture_without_packets_for_a_tracker_leaves_nothing(
    run: Run, tmp_path: Path, frames: list[bytes]
) -> None:
    path = tmp_path / "quiet.pcap"
    path.write_bytes(captures.pcap(frames))
    told = document(run("replay", str(path), "--json"))
    assert (told["entries"], told["end"]["entries"]) == ([], 0)
    assert (told["begins_at"] is None) == (not frames)
    assert told["skipped"] == ({"not-ip": 3} if frames else {})
    assert "no entry is left" in " ".join(run("replay", str(path)).out.split())
    assert "No flow has another entry" in run("replay", str(path), "--against", "tcp_loose=0").out


def test_a_copy_is_explained_by_its_flow_and_said_to_be_one(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "any.pcapng"
    both = [captures.interface(101), captures.interface(101)]
    seen = [captures.enhanced(captures.ip4(captures.tcp()), at=at) for at in (0, 1)]
    path.write_bytes(b"".join([captures.section(), *both, *seen]))
    assert "NOTE" not in run("replay", str(path), "--explain", "1").out
    told = document(run("replay", str(path), "--explain", "2", "--json"))
    assert [packet["number"] for packet in told["explained"]["packets"]] == [1]
    assert "Packet 2 itself passes no tracker here" in told["notes"][-1]


def test_two_settings_stand_side_by_side(run: Run, capture: str) -> None:
    ran = run("replay", capture, "--against", "tcp_loose=0")
    assert ran.code == 0
    assert "2 flows with another entry at the end" in ran.out
    assert "ESTABLISHED one-sided, 5 min left" in ran.out
    told = document(run("replay", capture, "--against", "tcp_loose=0", "--json"))["against"]
    assert told["given"] == {"tcp_loose": 0}
    assert told["end"]["entries"] == 2
    assert told["differing"] == 2
    assert [(each["number"], each["there"]) for each in told["differences"]] == [(16, None), (17, None)]


def test_two_kernels_stand_side_by_side(run: Run, capture: str) -> None:
    told = document(run("replay", capture, "--against", "kernel=openvz6-early", "--json"))["against"]
    assert told["kernel"] == "2.6.32-042stab092.1"
    assert {each["there"]["left_s"] for each in told["differences"]} == {432_000}


def test_the_entries_are_recorded_as_parquet(run: Run, capture: str, tmp_path: Path) -> None:
    into = tmp_path / "left.parquet"
    ran = run("replay", capture, "--record", str(into), "--json")
    assert ran.code == 0
    frame = pl.read_parquet(into)
    assert dict(frame.schema) == dict(SCHEMA)
    assert frame["id"].to_list() == [16, 17, 13, 15]
    assert frame.filter(pl.col("l4proto") == uapi.IPPROTO_ICMP)["orig_type"].to_list() == [8]
    assert frame["start_ns"][0] == 1_790_000_014_000_000_000
    assert into.stat().st_mode & 0o777 == 0o600


def test_requests_that_nobody_answers_are_grouped_by_whom_they_ask(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "requests.pcap"
    asked = [stories.Story(sport).c(sport / 1e5, stories.ACK, 100) for sport in range(40_000, 40_005)]
    path.write_bytes(stories.file(*asked))
    told = document(run("replay", str(path), "--json"))
    assert told["one_sided"] == [
        {"end": f"{SERVER}:80", "protocol": "tcp", "sent": False, "entries": 5, "peers": 1}
    ]
    assert f"to {SERVER}:80" in run("replay", str(path)).out


def test_recorded_otherwise_they_are_a_bundle_that_the_doctor_examines(
    run: Run, capture: str, tmp_path: Path
) -> None:
    into = tmp_path / "left.tgz"
    assert run("replay", capture, "--kernel", "openvz6-early", "--record", str(into)).code == 0
    assert run("list", "one-sided", "--count", "--from", str(into)).out == "2\n"
    told = json.loads(run("doctor", str(into), "--json").out)
    assert told["kernel"] == "2.6.32-042stab092.1"
    assert told["tables"][0]["entries"] == 4
