"""Masking as it is typed: what is written, what is refused, and that nothing stays behind then."""

from __future__ import annotations

import gzip
import json
import re
import resource
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from halftrack import masking
from halftrack.evidence.values import Gap, Owner
from halftrack.masking import key as maps
from leaks import leaks
from unit import reports
from unit.bundles import packed, whole

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

_ORIGINALS = ["192.0.2.1", "198.51.100.7", "10.88.0.5", "2001:db8::1"]
_NAMES = ["node17", "web", "shop", "nobody"]


@pytest.fixture
def place(tmp_path: Path) -> Path:
    (tmp_path / "plain.tgz").write_bytes(packed(whole()))
    return tmp_path


def halftrack(
    place: Path, *words: str, stdin: bytes | None = None, before: Callable[[], None] | None = None
) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [sys.executable, "-m", "halftrack", *words],
        input=stdin, stdin=subprocess.DEVNULL if stdin is None else None,
        capture_output=True, check=False, timeout=60, cwd=place, preexec_fn=before,
    )  # fmt: skip


def mask(place: Path, *words: str) -> subprocess.CompletedProcess[bytes]:
    return halftrack(place, "collect", "--mask", "--from", "plain.tgz", "-o", "masked.tgz", *words)


def test_what_is_not_masked_is_not_unmasked(place: Path) -> None:
    assert mask(place).returncode == 0
    done = halftrack(place, "unmask", "plain.tgz", "--map", "masked.map", "-o", "back.tgz")
    assert (done.returncode, done.stdout) == (65, b"")
    assert done.stderr == b"halftrack: plain.tgz is not masked: there is nothing to undo\n"
    assert not (place / "back.tgz").exists()


def test_a_text_with_nothing_masked_in_it(place: Path) -> None:
    assert mask(place).returncode == 0
    done = halftrack(place, "unmask", "-", "--map", "masked.map", stdin=b"all is well\n")
    assert (done.returncode, done.stdout) == (0, b"all is well\n")
    assert done.stderr == b"halftrack: stdin has no stand-in of masked.map in it: it stays as it is\n"


def test_a_bundle_without_a_name(place: Path) -> None:
    done = halftrack(place, "collect", "--mask", "--from", "plain.tgz", "-o", "")
    assert (done.returncode, done.stdout) == (64, b"")
    assert done.stderr == b"halftrack: -o FILE: the name is empty\n"
    assert [each.name for each in place.iterdir()] == ["plain.tgz"]


def test_a_bundle_its_map_and_an_answer(place: Path) -> None:
    made = mask(place)
    assert made.returncode == 0, made.stderr
    assert sorted(each.name for each in place.iterdir()) == ["masked.map", "masked.tgz", "plain.tgz"]
    assert {(place / name).stat().st_mode & 0o777 for name in ("masked.map", "masked.tgz")} == {0o600}
    assert b"masked.map" in made.stderr
    assert leaks((place / "masked.tgz").read_bytes(), _ORIGINALS, _NAMES) == []
    assert leaks(made.stdout, _ORIGINALS, _NAMES) == []
    screen = halftrack(place, "doctor", "masked.tgz", "-v")
    assert leaks(screen.stdout, _ORIGINALS, _NAMES) == []
    assert b"stand-ins" in screen.stdout
    back = halftrack(place, "unmask", "-", "--map", "masked.map", stdin=screen.stdout)
    assert back.returncode == 0, back.stderr
    assert b"node17" in back.stdout
    assert b"masked-" not in back.stdout


def test_as_a_document(place: Path) -> None:
    made = json.loads(mask(place, "--json").stdout)
    assert (made["schema"], made["file"], made["map"]) == (
        "halftrack.collected/1", "masked.tgz", "masked.map",
    )  # fmt: skip


def test_the_same_is_found(place: Path) -> None:
    mask(place)
    (place / "answer.json").write_bytes(halftrack(place, "doctor", "masked.tgz", "--json").stdout)
    back = halftrack(place, "unmask", "answer.json", "--map", "masked.map", "-o", "back.json")
    assert (back.returncode, back.stdout) == (0, b"")
    here = json.loads(halftrack(place, "doctor", "plain.tgz", "--json").stdout)
    there = json.loads((place / "back.json").read_bytes())
    assert here["findings"]
    for name in here.keys() - {"seconds", "input"}:
        assert there[name] == here[name], name


def test_a_plan_for_whoever_has_the_map(place: Path) -> None:
    """What a script names are variables in it, since nobody has a stand-in; the map fills them in."""
    mask(place)
    made = halftrack(place, "plan", "drain", "--from", "masked.tgz", "--sh")
    assert made.returncode == 0, made.stderr
    assert leaks(made.stdout, _ORIGINALS, _NAMES) == []
    assert re.search(rb"; unmask fills in ADDR_2\b[^;]*; fill in ADDR_1 first$", made.stderr, re.MULTILINE)
    shown = rb"^ADDR_2='%s'    # the address shown as %s$"
    assert re.search(shown % (b"", rb"2[45]\d\.\S+"), made.stdout, re.MULTILINE)
    back = halftrack(place, "unmask", "-", "--map", "masked.map", stdin=made.stdout).stdout
    assert re.search(shown % (rb"192\.0\.2\.1", rb"192\.0\.2\.1"), back, re.MULTILINE)
    assert b"ADDR_1=''    # the address shown as xx.xx.xx.73" in back, "somebody masked it by hand before"
    assert subprocess.run(["sh", "-n"], input=back, check=False).returncode == 0


@pytest.mark.parametrize(
    ("words", "code", "why"),
    [
        (("collect", "--map", "x"), 64, "go with --mask"),
        (("collect", "--from", "plain.tgz"), 64, "go with --mask"),
        (("collect", "--mask", "--from", "plain.tgz", "-o", "-"), 64, "--map FILE"),
        (("collect", "--mask", "--from", "plain.tgz", "-o", "x", "--map", "x"), 64, "another name"),
        (("collect", "--mask", "--from", "plain.tgz", "-o", "x", "--map", "plain.tgz"), 64, "there already"),
        (("collect", "--mask", "--from", "no.tgz", "-o", "x"), 65, "no.tgz"),
        (("collect", "--mask", "--from", "dump.txt", "-o", "x"), 64, "no collection"),
        (("collect", "--mask", "--from", "plain.tgz", "--listen", "5s"), 64, "--listen"),
        (("collect", "--mask", "--from", "plain.tgz", "-o", "x", "--map", "no/x.map"), 74, "no/x.map"),
        (("collect", "--mask", "--from", "plain.tgz", "-o", "no/x", "--map", "x.map"), 74, "no/x"),
        (("unmask", "plain.tgz", "--map", "no.map"), 65, "no.map"),
        (("unmask", "plain.tgz", "--map", "dump.txt"), 65, "no map"),
        (("unmask", "dump.txt", "--map", "dump.txt"), 65, "no map"),
        (("unmask", "dump.txt"), 64, "--map"),
    ],
)
def test_what_cannot_be(place: Path, words: tuple[str, ...], code: int, why: str) -> None:
    """One line says why, and nothing is left on disk."""
    (place / "dump.txt").write_text(
        "ipv4     2 tcp      6 300 ESTABLISHED src=192.0.2.1 dst=198.51.100.7 sport=1 dport=2 [UNREPLIED]"
        " src=198.51.100.7 dst=192.0.2.1 sport=2 dport=1 use=1\n"
    )
    done = halftrack(place, *words)
    assert (done.returncode, len(done.stderr.splitlines())) == (code, 1), done.stderr
    assert why in done.stderr.decode()
    assert sorted(each.name for each in place.iterdir()) == ["dump.txt", "plain.tgz"]


def test_the_map_of_another_bundle_is_refused(place: Path) -> None:
    assert mask(place).returncode == 0
    own = (place / "masked.map").read_text()
    head, number, *rest = own.splitlines()
    assert re.fullmatch(r"map\t[0-9a-f]{32}\t1", number)
    others = {
        "the same stand-ins under another number": own.replace(number, f"map\t{'5' * 32}\t1"),
        "without one": "\n".join([head, *rest[:-1], f"end {len(rest) - 1}", ""]),
        "empty": "halftrack-map 1\naddress\t192.0.2.1\t250.1.2.3\nend 1\n",
    }
    for what, content in others.items():
        (place / "other.map").write_text(content)
        done = halftrack(place, "unmask", "masked.tgz", "--map", "other.map", "-o", "back.tgz")
        assert (done.returncode, done.stderr) == (
            65, b"halftrack: other.map is not the map of masked.tgz: nothing was replaced\n",
        ), what  # fmt: skip
        assert not (place / "back.tgz").exists()


def test_bundles_of_before_maps_had_numbers(place: Path) -> None:
    """They are known by their addresses, as they were; two of them tell nothing of each other."""
    found, key = masking.masked(whole())
    old = replace(found, input=replace(found.input, masked_by=None))
    for name, its in (("a", replace(key, by=None)), ("b", maps.Key({1: 2}))):
        (place / f"{name}.tgz").write_bytes(packed(old))
        (place / f"{name}.map").write_bytes(its.written())
    back = halftrack(place, "unmask", "a.tgz", "--map", "a.map", "-o", "back.tgz")
    assert back.returncode == 0, back.stderr
    other = halftrack(place, "unmask", "a.tgz", "--map", "b.map", "-o", "back2.tgz")
    assert (other.returncode, len(other.stderr.splitlines())) == (65, 1)
    since = halftrack(place, "doctor", "a.tgz", "--since", "b.tgz")
    assert (since.returncode, len(since.stderr.splitlines())) == (64, 1)
    assert b"are of two maps" in since.stderr


def test_a_map_is_used_again_for_another_moment(place: Path) -> None:
    """Stand-ins stay, what is new has its own, and the two moments are compared before anything is unmasked."""
    assert mask(place).returncode == 0
    before = (place / "masked.map").read_bytes()
    later = whole()
    later = replace(
        later,
        taken_at=(later.taken_at or datetime.now(UTC)) + timedelta(minutes=30),
        owners=(*later.owners, Owner("newcomer", "9f" * 32, "podman", ("10.88.0.77",))),
    )
    (place / "plain.tgz").write_bytes(packed(later))
    made = halftrack(
        place, "collect", "--mask", "--from", "plain.tgz", "-o", "later.tgz", "--map", "masked.map"
    )
    assert made.returncode == 0, made.stderr
    assert b"used again" in made.stderr
    assert leaks((place / "later.tgz").read_bytes(), [*_ORIGINALS, "10.88.0.77"], [*_NAMES, "newcomer"]) == []
    lines = (place / "masked.map").read_bytes().splitlines()
    assert {*lines} >= {each for each in before.splitlines() if not each.startswith((b"map\t", b"end "))}
    assert lines[1].endswith(b"\t2")
    since = halftrack(place, "doctor", "later.tgz", "--since", "masked.tgz", "--json")
    assert since.returncode in {0, 1, 2}, since.stderr
    here = halftrack(place, "doctor", "plain.tgz", "--json")
    said = json.loads(since.stdout)["since"]
    assert said["tables"][0]["stayed"] > 0
    assert not any("stand-ins" in note for note in said["notes"]), "nothing has to be taken on trust"
    for name in ("masked.tgz", "later.tgz"):
        back = halftrack(place, "unmask", name, "--map", "masked.map", "-o", f"back-{name}")
        assert back.returncode == 0, back.stderr
    again = halftrack(place, "doctor", "back-later.tgz", "--json")
    assert json.loads(again.stdout)["findings"] == json.loads(here.stdout)["findings"]

    (place / "old.map").write_bytes(before)
    done = halftrack(place, "unmask", "later.tgz", "--map", "old.map", "-o", "x")
    assert (done.returncode, len(done.stderr.splitlines())) == (65, 1), "a copy of before lacks what is new"


def test_two_maps_are_two_worlds(place: Path) -> None:
    assert mask(place).returncode == 0
    assert halftrack(place, *["collect", "--mask", "--from", "plain.tgz", "-o", "other.tgz"]).returncode == 0
    done = halftrack(place, "doctor", "other.tgz", "--since", "masked.tgz")
    assert (done.returncode, len(done.stderr.splitlines())) == (64, 1), done.stderr
    assert b"of two maps" in done.stderr
    mixed = halftrack(place, "doctor", "masked.tgz", "--since", "plain.tgz")
    assert (mixed.returncode, len(mixed.stderr.splitlines())) == (64, 1), mixed.stderr
    assert b"masked otherwise" in mixed.stderr


def test_a_map_that_cannot_hold_more_is_as_it_was(place: Path) -> None:
    """Something of the node is called as the stand-ins of that map are."""
    assert mask(place).returncode == 0
    before = (place / "masked.map").read_bytes()
    seen = replace(whole(), gaps=(Gap("sockets of masked-3", "x"),))
    (place / "plain.tgz").write_bytes(packed(seen))
    done = halftrack(
        place, "collect", "--mask", "--from", "plain.tgz", "-o", "later.tgz", "--map", "masked.map"
    )
    assert (done.returncode, len(done.stderr.splitlines())) == (76, 1), done.stderr
    assert (place / "masked.map").read_bytes() == before
    assert not (place / "later.tgz").exists()


def test_what_is_masked_is_not_masked_again(place: Path) -> None:
    mask(place)
    done = halftrack(place, "collect", "--mask", "--from", "masked.tgz", "-o", "x")
    assert done.returncode == 64
    assert b"masked already" in done.stderr


def test_an_answer_that_unpacks_without_end(place: Path) -> None:
    """A letter of a megabyte may hold gigabytes: it is refused before memory is full of it."""
    assert mask(place).returncode == 0
    (place / "answer.gz").write_bytes(gzip.compress(bytes(300 << 20), 1))
    done = halftrack(place, "unmask", "answer.gz", "--map", "masked.map", "-o", "answer.txt")
    assert (done.returncode, len(done.stderr.splitlines())) == (65, 1), done.stderr
    assert b"more than 268,435,456 bytes" in done.stderr
    assert not (place / "answer.txt").exists()


def test_an_answer_whose_end_is_missing_is_not_passed_on_as_whole(place: Path) -> None:
    assert mask(place).returncode == 0
    (place / "answer.gz").write_bytes(gzip.compress(b"see 240.0.0.1\n" * 99, 1)[:-9])
    done = halftrack(place, "unmask", "answer.gz", "--map", "masked.map", "-o", "answer.txt")
    assert (done.returncode, len(done.stderr.splitlines())) == (65, 1), done.stderr
    assert not (place / "answer.txt").exists()


@pytest.mark.parametrize("words", [("collect", "--mask", "--from"), ("unmask",)])
def test_a_map_without_end(place: Path, words: tuple[str, ...]) -> None:
    with (place / "x.map").open("wb") as file:
        file.write(b"halftrack-map 1\nname\t")
        file.truncate(8 << 30)
    done = halftrack(place, *words, "plain.tgz", "--map", "x.map", "-o", "new.tgz")
    assert (done.returncode, len(done.stderr.splitlines())) == (65, 1), done.stderr
    assert b"more than 268,435,456 bytes" in done.stderr
    assert not (place / "new.tgz").exists()


@pytest.mark.parametrize("most", [100, 1_200])
def test_a_full_disk(place: Path, most: int) -> None:
    """Before the map was written, and after it."""

    def full() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))

    done = halftrack(
        place, "collect", "--mask", "--from", "plain.tgz", "-o", "masked.tgz", before=full
    )  # fmt: skip
    assert (done.returncode, len(done.stderr.splitlines())) == (74, 1), done.stderr
    assert [each.name for each in place.iterdir()] == ["plain.tgz"]
    assert mask(place).returncode == 0
    assert (place / "masked.map").stat().st_size < 1_200 < (place / "masked.tgz").stat().st_size


def test_what_would_be_left_is_not_written(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where masking misses something, the bundle is refused, and the kind of it is said."""
    from halftrack.commands import main

    really = masking.masked

    def forgetful(evidence: object, known: object) -> object:
        found, key = really(evidence, known)
        return replace(found, gaps=(Gap("of 192.0.2.1", "x"),)), key

    said: list[str] = []
    monkeypatch.setattr("halftrack.masking.masked", forgetful)
    monkeypatch.setattr("halftrack.commands.output.complain", said.append)
    code = main.run(
        ["collect", "--mask", "--from", str(place / "plain.tgz"), "-o", str(place / "masked.tgz")]
    )
    where = "evidence.gaps[0].what in halftrack-bundle.json"
    assert (code, said) == (76, [f"an address at {where} would be left: nothing was written"])
    assert [each.name for each in place.iterdir()] == ["plain.tgz"]


def test_a_report_that_names_no_node(tmp_path: Path) -> None:
    """What it is called then is nobody's name, and stays a word."""
    files = {
        name: text for name, text in reports.whole().items() if "host" not in name and "uname" not in name
    }
    reports.tree(tmp_path, files, "r")
    made = halftrack(tmp_path, "collect", "--mask", "--from", "r", "-o", "masked.tgz")
    assert made.returncode == 0, made.stderr
    assert b"not in the report" in made.stdout
    assert b"report" in halftrack(tmp_path, "doctor", "masked.tgz").stdout.splitlines()[0]


def test_a_report_and_what_its_log_says(tmp_path: Path) -> None:
    """Where what was read is told by the paths of the report, which bear the name of the node."""
    log = (
        "Nov 27 10:00:00 node17 kernel: [    5.000000] begins\n"
        "Nov 27 10:00:01 node17 kernel: [    6.000000] nf_conntrack: nf_conntrack: table full, dropping packet\n"
        "Nov 27 10:00:02 node17 kernel: [    7.0] TCP: request_sock_TCP: Possible SYN flooding on port"
        " 203.0.113.9:80. Sending cookies.\n"
    )
    files = {**reports.whole(), "sos_commands/kernel/dmesg": log, "hostname": "node17.acme.example\n"}
    reports.tree(tmp_path, files, "sosreport-node17-2026-11-27-abcdefg")
    (tmp_path / "sosreport-node17-2026-11-27-abcdefg").rename(tmp_path / "case of Initech")
    made = halftrack(
        tmp_path, "collect", "--mask", "--from", "case of Initech", "-o", "masked.tgz", "--map", "a.map"
    )
    (tmp_path / "case of Initech").rename(tmp_path / "sosreport-node17-2026-11-27-abcdefg")
    assert made.returncode == 0, made.stderr
    originals = ["203.0.113.9", "10.1.0.1", "10.1.0.10"]
    masked = (tmp_path / "masked.tgz").read_bytes()
    assert leaks(masked, originals, ["node17", "acme", "Initech"]) == []
    here = json.loads(halftrack(tmp_path, "doctor", "sosreport-node17-2026-11-27-abcdefg", "--json").stdout)
    (tmp_path / "there.json").write_bytes(halftrack(tmp_path, "doctor", "masked.tgz", "--json").stdout)
    there = json.loads(halftrack(tmp_path, "unmask", "there.json", "--map", "a.map").stdout)
    assert here["findings"]
    assert [each["id"] for each in there["findings"]] == [each["id"] for each in here["findings"]]
    assert there["node"] == here["node"] == "node17.acme.example"
