"""The script masks what it sends with what a node has: whichever awk that is, or not at all."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from halftrack import collecting, formats
from halftrack.live import collected as collected_there
from halftrack.masking.names import PLAIN
from kernel.collecting import SHELLS, alone
from kernel.draining import SERVER
from kernel.masking import (
    ADDRESSES,
    MAC,
    OF_ROUTES,
    SERVER_SIX,
    WORDS,
    doctor,
    said,
    telling_netns,
)
from kernel.running import piped
from kernel.sealed import sealed
from leaks import leaks

if TYPE_CHECKING:
    from collections.abc import Iterator

    from halftrack.evidence.routing import Routing
    from kernel.scratch import Netns

SCRIPT = collecting.script(PLAIN)
NODE = "edge7.acme-hosting.example"
AWKS = {"mawk": "mawk", "gawk": "gawk", "busybox": "busybox"}


@pytest.fixture(scope="module")
def sick() -> Iterator[Netns]:
    with telling_netns("web-acme") as netns:
        yield netns


def hidden(netns: Netns) -> tuple[str, ...]:
    return (*WORDS, netns.name, NODE, "edge7", "acme-hosting")


def collected(
    netns: Netns, place: Path, awk: str | None, script: bytes = SCRIPT
) -> subprocess.CompletedProcess[bytes]:
    """``awk``: the program that is called so; None: none is."""
    tools = place / "tools"
    tools.mkdir()
    if awk is None:
        for directory in ("/usr/bin", "/bin", "/usr/sbin", "/sbin"):
            for each in Path(directory).iterdir():
                if "awk" not in each.name and not (tools / each.name).exists():
                    (tools / each.name).symlink_to(each)
        path = str(tools)
    else:
        (tools / "awk").symlink_to(str(shutil.which(awk)))
        path = f"{tools}:{os.environ['PATH']}"
    without = "mount -t tmpfs none /usr/local/sbin; mount -t tmpfs none /usr/sbin; " if awk is None else ""
    words = alone(["unshare", "--uts", "sh", "-c", f"hostname {NODE}; {without}exec dash -s"], netns.name)
    return subprocess.run(
        words, input=script, capture_output=True, check=False, timeout=180,
        env={"PATH": path, "HOME": str(place), "HALFTRACK_BETWEEN": "1", "HALFTRACK_MAP": str(place / "map")},
    )  # fmt: skip


@pytest.mark.parametrize("awk", AWKS)
def test_nothing_is_left_and_the_doctor_says_the_same(sick: Netns, tmp_path: Path, awk: str) -> None:
    done = collected(sick, tmp_path, AWKS[awk])
    assert done.returncode == 0, done.stderr
    (tmp_path / "masked").write_bytes(done.stdout)
    assert f"the map stays here: {tmp_path}/map".encode() in done.stderr
    assert (tmp_path / "map").stat().st_mode & 0o777 == 0o600
    assert leaks(done.stdout, (*ADDRESSES, *OF_ROUTES), hidden(sick), [MAC], [sick.name, "edge7"]) == []
    number = (tmp_path / "map").read_text().splitlines()[1]
    assert re.fullmatch(r"map\t[0-9a-f]{32}\t1", number)
    foreign = (tmp_path / "map").read_text().replace(number, f"map\t{'5' * 32}\t1")
    (tmp_path / "foreign").write_text(foreign)
    refused = piped("unmask", "masked", "--map", "foreign", "-o", "back.tgz", cwd=tmp_path)
    assert (refused.returncode, refused.stderr.count(b"\n")) == (65, 1), refused.stderr
    there = doctor("masked", tmp_path)
    assert leaks(there, (*ADDRESSES, *OF_ROUTES), hidden(sick)) == []
    assert b'"masked":"substituted"' in there.replace(b" ", b"")

    back = piped("unmask", "masked", "--map", "map", "-o", "back.tgz", cwd=tmp_path)
    assert back.returncode == 0, back.stderr
    found = said(doctor("back.tgz", tmp_path))
    (tmp_path / "there.json").write_bytes(there)
    text = piped("unmask", "there.json", "--map", "map", cwd=tmp_path)
    assert said(text.stdout) == found
    assert sum(finding["entries"] for finding in found["findings"]) >= 2_200
    shown = str(found)
    assert all(each in shown for each in (NODE, "203.0.113.73"))


def test_nothing_is_sent_without_an_awk(sick: Netns, tmp_path: Path) -> None:
    done = collected(sick, tmp_path, None)
    assert (done.returncode, done.stdout) == (69, b"")
    assert b"there is no awk here, and nothing is sent unmasked" in done.stderr
    assert not (tmp_path / "map").exists()


def test_nothing_is_sent_where_the_map_cannot_be_written(sick: Netns, tmp_path: Path) -> None:
    """Also where something is there already, or a link leads elsewhere."""
    (tmp_path / "map").symlink_to(tmp_path / "elsewhere")
    done = collected(sick, tmp_path, "mawk")
    assert (done.returncode, done.stdout) == (74, b"")
    assert b"the map cannot be written to" in done.stderr
    assert not (tmp_path / "elsewhere").exists()


@pytest.mark.parametrize("awk", AWKS)
def test_a_disk_that_is_full_for_the_map_is_told(sick: Netns, tmp_path: Path, awk: str) -> None:
    small = tmp_path / "small"
    small.mkdir()
    full = f"mount -t tmpfs -o size=8k none {small} || exit 9\nHALFTRACK_MAP={small}/map\n".encode()
    done = collected(sick, tmp_path, AWKS[awk], full + SCRIPT)
    assert done.returncode == 74, done.stderr
    assert b"the map is not whole" in done.stderr
    assert leaks(done.stdout, ADDRESSES, hidden(sick), [MAC]) == []


@pytest.mark.parametrize(
    ("how", "code", "told"),
    [
        (">/dev/full", 74, b"halftrack-collect: it could not be written"),
        (">&-", 74, b"halftrack-collect: standard output is closed"),
        ("2>&-", 0, b""),
    ],
)
@pytest.mark.parametrize("shell", SHELLS)
def test_what_cannot_be_written(tmp_path: Path, shell: str, how: str, code: int, told: bytes) -> None:
    """What was not sent is never called done; that nobody is told of it is no trouble."""
    words = ["sh", "-c", f'exec "$@" {how}', "sh", *alone(SHELLS[shell])]
    done = subprocess.run(
        words,
        input=SCRIPT,
        capture_output=True,
        check=False,
        timeout=120,
        env={**os.environ, "HALFTRACK_MAP": str(tmp_path / "map"), "HALFTRACK_BETWEEN": "1"},
    )
    assert done.returncode == code
    assert done.stderr.splitlines()[-1:] == ([told] if told else [])
    assert b"No space" not in done.stderr


def test_it_is_fit_for_any_shell() -> None:
    words = ["shellcheck", "-s", "sh", "-S", "warning", "-"]
    done = subprocess.run(words, input=SCRIPT, capture_output=True, check=False, timeout=120)
    assert done.returncode == 0, done.stdout.decode()


def test_as_it_is_typed(tmp_path: Path) -> None:
    assert piped("collect", "--script", "--mask", cwd=tmp_path).stdout == SCRIPT
    told = piped("collect", "--script", "--mask", "-o", "c.sh", cwd=tmp_path)
    assert (tmp_path / "c.sh").read_bytes() == SCRIPT
    assert b"the map stays on the node" in told.stderr
    assert piped("collect", "--script", "--mask", "--map", "x", cwd=tmp_path).returncode == 64


def test_what_is_masked_there_says_what_the_plain_collection_says(sick: Netns, tmp_path: Path) -> None:
    plain = collected(sick, tmp_path, "mawk", collecting.script())
    (tmp_path / "plain").write_bytes(plain.stdout)
    found = {each.partition(" as ")[0] for each in leaks(plain.stdout, OF_ROUTES, ())}
    assert found == {*OF_ROUTES}  # or the scanner would find nothing in what is masked either
    (tmp_path / "tools" / "awk").unlink()
    (tmp_path / "tools").rmdir()
    (tmp_path / "masked").write_bytes(collected(sick, tmp_path, "mawk").stdout)
    piped("unmask", "masked", "--map", "map", "-o", "back.tgz", cwd=tmp_path)
    there, here = (said(doctor(name, tmp_path)) for name in ("back.tgz", "plain"))
    found = essence(there)
    assert found == essence(here)
    assert sum(entries for _, entries, _ in found) >= 2_500
    back, before = (routing_of(tmp_path / name) for name in ("back.tgz", "plain"))
    assert back == before
    assert {(way.expected, way.interface) for way in back.ways} == {("veth-acme", "away")}
    assert {way.local for way in back.ways} == {SERVER, SERVER_SIX}


def routing_of(path: Path) -> Routing:
    evidence = formats.read([str(path)], collected=collected_there.read)
    [found] = [table.routing for table in evidence.tables if table.routing is not None]
    return found


def essence(document: dict[str, Any]) -> list[Any]:
    """Of groups, what somebody goes by and what does not change within seconds."""
    return [
        (finding["symptom"], group["entries"], (group["service"], group["address"], group["side"]))
        for finding in document["findings"]
        for group in finding["groups"]
    ]


def test_by_ssh_the_map_stays_in_the_home_of_whoever_typed_it(sick: Netns, tmp_path: Path) -> None:
    """Which is the test's own: what it plays leaves nothing on the machine that it is played on."""
    with sealed(sick, tmp_path / "node", {}) as node:
        code, shown = node.typed(
            "halftrack collect --script --mask -o c.sh && export HALFTRACK_BETWEEN=1"
            " && ssh node17 sh -s < c.sh > sent"
        )
    assert code == 0, shown
    [left] = (tmp_path / "node/home").glob("halftrack-*.map")
    assert f"the map stays here: {left}" in shown
