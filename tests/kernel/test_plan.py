"""Plans of live namespaces: what they carry is what the kernel has, and it can be carried out and back."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

import numpy as np
import pytest

from halftrack.evidence import uapi
from halftrack.kernel import ctnetlink
from kernel.inject import End, Entries, inject
from kernel.running import halftrack
from kernel.scratch import scratch_netns

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from kernel.scratch import Netns

PREFIX = "net.netfilter.nf_conntrack_"
CAPS = ("tcp_timeout_unacknowledged", "tcp_timeout_max_retrans")
STUCK = 1_200


@pytest.fixture
def sick() -> Iterator[Netns]:
    """The founding trouble on this kernel: both caps raised, and five days of one-sided entries."""
    with scratch_netns("plan") as netns:
        for name in CAPS:
            netns.sysctl(f"nf_conntrack_{name}", 432_000)
        clients = np.arange(STUCK, dtype=np.uint32) + np.uint32(0xC6120000)
        server = np.full(STUCK, 0xCB007149, dtype=np.uint32)
        left_s = (1_000 + np.arange(STUCK) * 350).astype(np.uint32)
        inject(
            netns.path,
            Entries(
                End(server, clients, 80, 50_000),
                End(clients, server, 50_000, 80),
                count=STUCK,
                timeout=left_s,
                state=uapi.TCP_CONNTRACK_ESTABLISHED,
            ),
        )
        yield netns


def settings(netns: Netns) -> str:
    return netns.run("sysctl", "-a", "--pattern", "^net.netfilter.nf_conntrack_(tcp|udp|max|buckets)")


def test_a_plan_carries_what_this_namespace_has_and_where_it_is(sick: Netns, tmp_path: Path) -> None:
    done = halftrack("plan", "--json", "--netns", sick.path, home=tmp_path)
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    assert [step["remedy"] for step in document["steps"]] == ["cap-unacknowledged", "drain"]
    changes = [each for each in document["steps"][0]["actions"] if each["action"] == "sysctl"]
    assert {each["name"]: (each["before"], each["after"]) for each in changes} == {
        f"{PREFIX}{name}": ("432000", "300") for name in CAPS
    }
    [drain] = document["steps"][1]["actions"]
    assert drain["filter"] == ["one-sided", "src=203.0.113.73", "sport=80"]
    assert drain["expected"] == STUCK
    for each in (*changes, drain):
        assert each["where"] == {"netns": sick.name, "path": sick.path, "inode": sick.inode}
    assert document["machine"] is not None or not os.path.exists("/etc/machine-id")  # noqa: PTH110  # one call


def test_making_a_plan_changes_nothing(sick: Netns, tmp_path: Path) -> None:
    before = settings(sick)
    assert halftrack("plan", "--netns", sick.path, home=tmp_path).returncode == 0
    assert halftrack("plan", "strict-pickup", "--netns", sick.path, home=tmp_path).returncode == 0
    assert settings(sick) == before
    assert len(ctnetlink.dump(netns_path=sick.path).flows) == STUCK
    assert list(tmp_path.iterdir()) == []


def test_a_plan_is_carried_out_and_its_settings_go_back_exactly(sick: Netns, tmp_path: Path) -> None:
    before = settings(sick)
    plan = tmp_path / "plan.json"
    halftrack("plan", "--netns", sick.path, "-o", str(plan), home=tmp_path)
    foretold = json.loads(plan.read_bytes())["steps"][1]["effect"]["entries_freed"]
    fixed = halftrack("fix", str(plan), "--yes", "--no-try", home=tmp_path)
    assert fixed.returncode == 0, fixed.stdout + fixed.stderr
    for name in CAPS:
        assert f"{PREFIX}{name} = 300\n" in settings(sick)
    left_s = ctnetlink.dump(netns_path=sick.path).flows.frame["timeout"]
    assert foretold == STUCK
    assert (left_s <= 60).sum() == pytest.approx(foretold, rel=0.05)

    undone = halftrack("undo", "--yes", home=tmp_path)
    assert undone.returncode == 0, undone.stdout + undone.stderr
    assert settings(sick) == before


def test_a_plan_whose_values_do_not_hold_any_more_is_refused_by_name(sick: Netns, tmp_path: Path) -> None:
    plan = tmp_path / "plan.json"
    halftrack("plan", "--netns", sick.path, "-o", str(plan), home=tmp_path)
    sick.sysctl("nf_conntrack_tcp_timeout_max_retrans", 600)
    before = settings(sick)
    refused = halftrack("fix", str(plan), "--yes", home=tmp_path)
    assert refused.returncode == 76
    assert "nf_conntrack_tcp_timeout_max_retrans" in refused.stderr
    assert settings(sick) == before
