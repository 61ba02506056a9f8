"""Rules that remedies load do what they say, for nft and for both flavours of iptables."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Final

import polars as pl
import pytest

from halftrack.evidence.values import (
    Firewall,
)
from halftrack.plans.lasting import UNIT
from halftrack.remedies import (
    notrack,
    timeout_policy,
)
from unit.situations import situation

if TYPE_CHECKING:
    from kernel.scratch import Netns
from kernel.remedying import ANSWERED, SERVER, SERVER6, as_host, evidence_of, paste, put, table_of, tuples
from kernel.talking import established_left, flavour, talk

FLAVOURS: Final = pytest.mark.parametrize("tool", ["nft-native", "nft", "legacy"])


@pytest.fixture
def tracking(netns: Netns) -> Netns:
    """The namespace with two addresses, tracking, and rules that want a known connection."""
    netns.run("ip", "address", "add", f"{SERVER}/32", "dev", "lo")
    netns.run("ip", "-6", "address", "add", f"{SERVER6}/128", "dev", "lo", "nodad")
    netns.run(
        "nft",
        "add table inet t; add chain inet t c { type filter hook input priority 0; }; "
        "add rule inet t c ct state new",
    )
    return netns


@FLAVOURS
@pytest.mark.parametrize("address", [SERVER, SERVER6])
@pytest.mark.parametrize("on_node", [True, False])
def test_a_service_without_tracking_works_and_makes_no_entry(
    tracking: Netns, tmp_path: Path, tool: str, address: str, *, on_node: bool
) -> None:
    put(tracking, address, "198.51.100.1" if address == SERVER else "2001:db8:1::1", 8_080, 50_000)
    path = flavour(tool, tmp_path)
    table = table_of(tracking, name="host" if on_node else None)
    firewall = Firewall(tool="nft" if tool == "nft-native" else "iptables", systemd=True)
    found = notrack.advise(situation(evidence_of(table, firewall=firewall)))
    assert found is not None
    for _ in range(2):  # typed twice it does no harm
        paste(found.commands, tmp_path, inside=tracking if on_node else None, path=path)
    ends = (*talk(tracking, address, 8_080), *talk(tracking, address, 9_090))
    for end in ends:
        end.close()
    ports = {dport for _, _, dport in tuples(tracking)}
    assert 9_090 in ports
    assert 8_080 not in ports


@pytest.mark.parametrize("address", [SERVER, SERVER6])
@pytest.mark.parametrize("on_node", [True, False])
def test_a_policy_gives_new_connections_of_the_service_its_own_timeout(
    tracking: Netns, tmp_path: Path, address: str, *, on_node: bool
) -> None:
    put(tracking, "198.51.100.1", SERVER, 50_000, 8_883, *ANSWERED)
    path = flavour("nft-native", tmp_path)
    table = table_of(tracking, name="host" if on_node else None)
    here = situation(
        evidence_of(table, firewall=Firewall(tool="nft", systemd=True)), "orphaned", pl.lit(value=True)
    )
    found = timeout_policy.advise(here)
    assert found is not None
    for _ in range(2):
        paste(found.commands, tmp_path, inside=tracking if on_node else None, path=path)
    ends = (*talk(tracking, address, 8_883), *talk(tracking, address, 9_090))
    left = established_left(tracking)
    for end in ends:
        end.close()
    assert 7_400 < left[8_883] <= 7_440
    assert left[9_090] > 400_000


@pytest.mark.skipif(shutil.which("nfct") is None, reason="nfct is not installed")
@pytest.mark.parametrize("tool", ["nft", "legacy"])
def test_a_policy_by_iptables(tracking: Netns, tmp_path: Path, tool: str) -> None:
    put(tracking, "198.51.100.1", SERVER, 50_000, 8_883, *ANSWERED)
    here = situation(
        evidence_of(table_of(tracking), firewall=Firewall(tool="iptables")), "orphaned", pl.lit(value=True)
    )
    found = timeout_policy.advise(here)
    assert found is not None
    path = flavour(tool, tmp_path)
    for _ in range(2):
        paste(found.commands, tmp_path, path=path)
    ends = talk(tracking, SERVER, 8_883)
    left = established_left(tracking)
    for end in ends:
        end.close()
    assert 7_400 < left[8_883] <= 7_440


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd-analyze is not installed")
def test_the_unit_is_one_that_systemd_accepts(netns: Netns, tmp_path: Path) -> None:
    put(netns, SERVER, "198.51.100.1", 80, 50_000)
    table = as_host(netns)
    for tool in ("nft", "iptables"):
        firewall = Firewall(tool=tool, systemd=True)
        found = notrack.advise(situation(evidence_of(table, firewall=firewall)))
        assert found is not None
        [unit] = [command for command in found.commands if UNIT in command and "cat >" in command]
        paste([unit], tmp_path)
        checked = subprocess.run(
            ["systemd-analyze", "verify", "--man=no", str(tmp_path / "etc/systemd/system" / UNIT)],
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        assert UNIT not in checked.stderr, checked.stderr
        written = (tmp_path / "etc/systemd/system" / UNIT).read_text("ascii")
        assert not re.search(r"(?<!\$)\$(?!\$)", written), "systemd expands a single $ itself"
