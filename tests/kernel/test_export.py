"""``export --textfile`` on the real kernel: what it writes, and that it never takes a container for the node."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from halftrack.evidence import uapi
from kernel.filling import fill
from kernel.inject import End, Entries, inject
from kernel.scratch import Netns, scratch_netns
from unit.promtool import lint, values

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.kernel

IN_A_CONTAINER = ("unshare", "--pid", "--fork", "--mount-proc")


@pytest.fixture(scope="module")
def netns() -> Iterator[Netns]:
    """Thirty entries that were answered, and two hundred that only the server's packets made."""
    with scratch_netns("export") as made:
        fill(made, 30)
        for number in range(200):
            ports = 40_000 + number
            ends = (
                End(bytes([192, 0, 2, 7]), bytes([198, 51, 100, 9]), 80, ports),
                End(bytes([198, 51, 100, 9]), bytes([192, 0, 2, 7]), ports, 80),
            )
            inject(
                made.path,
                Entries(*ends, timeout=300_000, state=uapi.TCP_CONNTRACK_ESTABLISHED, tcp_flags=(0x0A, 0x0A)),
            )
        yield made


def export(
    netns: Netns, folder: Path, *words: str, inside: tuple[str, ...] = ()
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["ip", "netns", "exec", netns.name, *inside, sys.executable, "-m", "halftrack", "export", *words],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
        umask=0o077,  # of whoever starts it: node_exporter is to read the file all the same
        env={**os.environ, "HALFTRACK_RUN_DIR": str(folder / "run")},
    )


def test_one_scan_into_a_file_and_the_document_beside(netns: Netns, tmp_path: Path) -> None:
    target = tmp_path / "halftrack.prom"
    target.write_text("old")
    done = export(netns, tmp_path, "--netns", "self", "--textfile", str(target))

    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    lint(target.read_text())
    found = values(target.read_text())
    assert found["halftrack_up"] == 1
    assert found['halftrack_entries{netns="self",protocol="tcp",kind="answered"}'] == 30
    assert found['halftrack_entries{netns="self",protocol="tcp",kind="one_sided"}'] == 200
    assert found['halftrack_stuck_entries{symptom="one-sided",owner="unknown",service="tcp/80"}'] == 200
    assert 'netns="host"' not in target.read_text()
    assert stat.S_IMODE(target.stat().st_mode) == 0o644
    assert sorted(one.name for one in tmp_path.iterdir()) == ["halftrack.prom", "run"]

    last = tmp_path / "run/last.json"
    document = json.loads(last.read_bytes())
    assert document["schema"] == "halftrack.diagnosis/1"
    assert document["findings"][0]["entries"] == 200
    assert stat.S_IMODE(last.stat().st_mode) == 0o640


def test_a_containers_table_is_not_the_nodes(netns: Netns, tmp_path: Path) -> None:
    target = tmp_path / "halftrack.prom"
    done = export(netns, tmp_path, "--textfile", str(target), inside=IN_A_CONTAINER)

    assert done.returncode == 77
    assert done.stderr.count("\n") == 1
    assert "not the" in done.stderr
    found = values(target.read_text())
    assert found["halftrack_up"] == 0
    assert found['halftrack_gap{what="not the network namespace of the node"}'] == 1
    assert not any("entries" in series for series in found)
    assert not (tmp_path / "run").exists()


def test_a_container_that_asks_for_its_own_table_gets_it_by_that_name(netns: Netns, tmp_path: Path) -> None:
    done = export(netns, tmp_path, "--netns", "self", "--textfile", "-", inside=IN_A_CONTAINER)
    assert done.returncode == 0
    assert values(done.stdout)['halftrack_entries{netns="self",protocol="tcp",kind="one_sided"}'] == 200


def test_a_scan_that_fails_leaves_no_old_numbers(netns: Netns, tmp_path: Path) -> None:
    target = tmp_path / "halftrack.prom"
    target.write_text("halftrack_entries 5\n")
    done = export(netns, tmp_path, "--netns", "nowhere-at-all", "--textfile", str(target))
    assert done.returncode == 64
    found = values(target.read_text())
    assert (found["halftrack_up"], found['halftrack_gap{what="no such namespace"}']) == (0, 1)
    assert not any("entries" in series for series in found)


def test_metrics_without_the_document_are_done_in_part(netns: Netns, tmp_path: Path) -> None:
    (tmp_path / "run").write_text("a file, where a directory is to be")
    target = tmp_path / "halftrack.prom"
    done = export(netns, tmp_path, "--netns", "self", "--textfile", str(target))
    assert done.returncode == 76
    assert done.stderr.count("\n") == 1
    assert values(target.read_text())["halftrack_up"] == 1


@pytest.mark.parametrize(("name", "code"), [("no/such/place.prom", 74), ("no/such/place", 74), (".", 64)])
def test_a_file_that_cannot_be_written_is_one_line(
    netns: Netns, tmp_path: Path, name: str, code: int
) -> None:
    done = export(netns, tmp_path, "--netns", "self", "--textfile", str(tmp_path / name))
    assert done.returncode == code
    assert done.stderr.count("\n") == 1


def test_a_file_that_node_exporter_does_not_read_is_said_to_be_none(netns: Netns, tmp_path: Path) -> None:
    done = export(netns, tmp_path, "--netns", "self", "--textfile", str(tmp_path / "halftrack.txt"))
    assert (done.returncode, done.stderr.count("\n")) == (0, 1)
    assert "end in .prom" in done.stderr
    assert values((tmp_path / "halftrack.txt").read_text())["halftrack_up"] == 1


def test_a_name_with_a_slash_behind_it_is_judged_by_the_file_that_it_makes(
    netns: Netns, tmp_path: Path
) -> None:
    done = export(netns, tmp_path, "--netns", "self", "--textfile", f"{tmp_path}/halftrack.prom/")
    assert (done.returncode, done.stderr) == (0, "")
    assert values((tmp_path / "halftrack.prom").read_text())["halftrack_up"] == 1


COMING_AND_GOING = """
import ctypes, os, random, select, sys, time
unshare = ctypes.CDLL(None).unshare
living = set()
while not select.select([sys.stdin], [], [], 0.002)[0]:
    while len(living) < 100:
        pid = os.fork()
        if pid == 0:
            unshare(0x40000000)  # CLONE_NEWNET
            time.sleep(random.random() / 2)
            os._exit(0)
        living.add(pid)
    living -= {pid for pid in living if os.waitpid(pid, os.WNOHANG)[0]}
for pid in living:
    os.waitpid(pid, 0)
"""


def test_namespaces_that_come_and_go_meanwhile_are_no_trouble(tmp_path: Path) -> None:
    """A hundred at a time, each for half a second at most: most of what was found is gone when it is visited."""
    target = tmp_path / "halftrack.prom"
    with subprocess.Popen([sys.executable, "-c", COMING_AND_GOING], stdin=subprocess.PIPE) as churn:
        done = subprocess.run(
            [sys.executable, "-m", "halftrack", "export", "--textfile", str(target)],
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
            env={**os.environ, "HALFTRACK_RUN_DIR": str(tmp_path / "run")},
        )
        assert churn.poll() is None
        assert churn.stdin is not None
        churn.stdin.close()
        assert churn.wait(30) == 0
    assert (done.returncode, done.stderr) == (0, "")
    lint(target.read_text())
    found = values(target.read_text())
    assert found["halftrack_up"] == 1
    assert len(found) <= 120
    assert json.loads((tmp_path / "run/last.json").read_bytes())["schema"] == "halftrack.diagnosis/1"
