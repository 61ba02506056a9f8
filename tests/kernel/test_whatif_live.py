"""``halftrack whatif`` of the live node: its settings, its rules, and nothing of it changed."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np
import pytest

from halftrack.evidence import uapi
from kernel.changing import Site
from kernel.inject import End, Entries, inject
from kernel.leaking import TODAY, leaked
from kernel.troubles import ANSWERED, set_all

if TYPE_CHECKING:
    from pathlib import Path

    from kernel.scratch import Netns

LIFE_S = TODAY["tcp_timeout_established"]
STUCK, SILENT = 500, 7
RULES = """\
table inet node {
  chain through { type filter hook forward priority filter; ct state invalid counter drop; }
}
"""


def silent(count: int) -> Entries:
    """Answered connections of ssh that have not spoken for three hours."""
    clients = (np.arange(count) + 0x0A010001).astype(np.uint32)
    server = np.full(count, 0xCB007149, dtype=np.uint32)
    ends = End(clients, server, 40_000, 22), End(server, clients, 22, 40_000)
    state = uapi.TCP_CONNTRACK_ESTABLISHED
    return Entries(*ends, count=count, timeout=LIFE_S - 3 * 3_600, state=state, status=ANSWERED)


@pytest.fixture
def site(netns: Netns, tmp_path: Path) -> Site:
    made = Site(netns, tmp_path)
    made.etc.mkdir()
    set_all(netns, TODAY)
    inject(netns.path, leaked((np.arange(STUCK) + 1) * LIFE_S // STUCK))
    inject(netns.path, silent(SILENT))
    netns.run("nft", "-f", "-", stdin=RULES)
    return made


def sysctls(netns: Netns) -> str:
    return netns.run("sysctl", "-a", "--pattern", "nf_conntrack_(tcp|udp|max)")


def test_the_node_is_answered_for_and_left_as_it_is(site: Site) -> None:
    before = sysctls(site.netns)
    words = ("tcp_timeout_established=7440", "tcp_loose=0")
    done = site.halftrack("whatif", *words, "--netns", site.netns.path, "--json")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["source"] == "live"
    assert found["before"] == {"tcp_timeout_established": LIFE_S, "tcp_loose": 1}
    assert found["entries"] == pytest.approx(STUCK + SILENT, abs=5)
    assert found["live_flows_lost"] == SILENT
    [flows] = found["live_flows"]
    assert flows["service"] == "tcp/22"
    assert (flows["outcome"], flows["rules_read"]) == ("dropped", True)
    assert "ct state invalid counter" in flows["by"]
    assert sysctls(site.netns) == before


def test_without_strict_pick_up_its_rules_hurt_nobody(site: Site) -> None:
    words = ("tcp_timeout_established=7440",)
    done = site.halftrack("whatif", *words, "--netns", site.netns.path, "--json")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["live_flows_lost"] == 0
    assert [(flows["entries"], flows["outcome"]) for flows in found["live_flows"]] == [
        (SILENT, "picked-up-again")
    ]
    assert found["settles_at"] == pytest.approx(STUCK * 7_440 / LIFE_S, rel=0.1)
