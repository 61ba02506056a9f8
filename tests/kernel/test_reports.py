"""A support report of a sick namespace says what the node says, packed or not, whole or cut."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING, Any

import pytest

from kernel.collecting import doctor, essence
from kernel.draining import SERVER, stuck
from kernel.reporting import packed, report
from kernel.scratch import scratch_netns

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from kernel.scratch import Netns


@pytest.fixture(scope="module")
def sick() -> Iterator[Netns]:
    with scratch_netns("reported") as netns:
        netns.run("ip", "address", "add", f"{SERVER}/32", "dev", "lo")
        netns.run("iptables", "-A", "INPUT", "-m", "conntrack", "--ctstate", "INVALID", "-j", "DROP")
        stuck(netns, 1_500)
        stuck(netns, 700, port=443, first=100_000)
        yield netns


@pytest.fixture(scope="module")
def unpacked(sick: Netns, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return report(tmp_path_factory.mktemp("report"), sick)


def said(*words: str) -> dict[str, Any]:
    """The document without what is of this reading alone."""
    document = doctor(*words)
    del document["seconds"]
    return document


def test_the_same_is_found_as_on_the_node(sick: Netns, unpacked: Path) -> None:
    here, elsewhere = doctor("--netns", sick.name), doctor(str(unpacked))
    assert elsewhere["source"] == "sos"
    assert elsewhere["kernel"] == here["kernel"]
    assert essence(elsewhere, sick.name) == essence(here, sick.name)
    assert essence(here, sick.name)
    [table] = [table for table in elsewhere["tables"] if table["netns"] == sick.name]
    [known] = [table for table in here["tables"] if table["netns"] == sick.name]
    for name in ("entries", "limit", "buckets"):
        assert table[name] == known[name], name


@pytest.mark.parametrize("how", ["", "gz", "bz2", "xz"])
def test_packed_and_unpacked_say_the_same(unpacked: Path, how: str) -> None:
    assert said(str(packed(unpacked, how))) == said(str(unpacked))


def test_packed_by_zstd_and_within_another_archive(unpacked: Path, tmp_path: Path) -> None:
    inner = packed(unpacked, "")
    subprocess.run(["zstd", "-q", "-f", str(inner)], check=True, timeout=60)
    outer = tmp_path / "case.tar"
    subprocess.run(["tar", "-C", inner.parent, "-cf", outer, f"{inner.name}.zst"], check=True, timeout=60)
    assert said(str(outer)) == said(str(inner.with_name(f"{inner.name}.zst"))) == said(str(unpacked))


def test_which_file_told_is_kept(sick: Netns, unpacked: Path) -> None:
    files = said(str(unpacked))["input"]["files"]
    assert f"sos_commands/conntrack/ip_netns_exec_{sick.name}_conntrack_-L_-o_extended" in files
    assert "sos_commands/kernel/sysctl_-a" in files
