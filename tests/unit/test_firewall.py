"""Which tool holds the rules, who else writes them, and whether settings reach the module at boot."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from halftrack.kernel import firewall, nftables
from unit.trees import plant, process

if TYPE_CHECKING:
    from pathlib import Path

BOTH = {"usr/sbin/nft": "", "usr/sbin/iptables": ""}


@pytest.mark.parametrize(
    ("files", "tool"),
    [
        ({}, None),
        ({"usr/sbin/nft": ""}, "nft"),
        ({"sbin/iptables": ""}, "iptables"),
        (BOTH, "nft"),
        (BOTH | {"proc/net/ip_tables_names": "filter\nnat\n"}, "iptables"),
        (BOTH | {"proc/net/ip_tables_names": ""}, "nft"),
        (BOTH | {"etc/iptables/rules.v4": ""}, "iptables"),
        (BOTH | {"etc/ufw/ufw.conf": "ENABLED=yes\n"}, "iptables"),
        (BOTH | {"etc/firewalld/firewalld.conf": "FirewallBackend=iptables\n"}, "iptables"),
        (BOTH | {"etc/firewalld/firewalld.conf": "FirewallBackend=nftables\n"}, "nft"),
        (
            BOTH
            | {
                "etc/iptables/rules.v4": "",
                "etc/systemd/system/sysinit.target.wants/nftables.service": "-> /lib/nftables.service",
            },
            "nft",
        ),
    ],
)
def test_the_tool_by_what_is_set_up(tmp_path: Path, files: dict[str, str], tool: str | None) -> None:
    assert firewall.detect(plant(tmp_path, files)).tool == tool


@pytest.mark.parametrize(
    ("tables", "tool"),
    [
        ({("ip", "filter"), ("ip", "nat"), ("ip6", "filter"), ("bridge", "filter")}, "iptables"),
        ({("ip", "filter"), ("inet", "filter")}, "nft"),
        ({("inet", "firewalld")}, "nft"),
        (set(), "nft"),
    ],
)
def test_the_tool_by_what_is_loaded(tmp_path: Path, tables: set[tuple[str, str]], tool: str) -> None:
    root = plant(tmp_path, BOTH)
    assert firewall.tool(root, nftables.Names(frozenset(tables))) == tool


@pytest.mark.parametrize(
    ("tables", "chains", "slugs"),
    [
        ({("ip", "nat")}, {"KUBE-SERVICES", "PREROUTING"}, ("kube-proxy",)),
        ({("ip", "kube-proxy")}, set(), ("kube-proxy",)),
        ({("ip", "filter")}, {"KUBE-FIREWALL"}, ()),
        ({("ip", "nat")}, {"DOCKER", "NETAVARK_FORWARD"}, ("docker", "podman")),
        ({("inet", "firewalld")}, {"filter_INPUT"}, ("firewalld",)),
        ({("ip", "filter")}, {"ufw-user-input"}, ("ufw",)),
        ({("inet", "incus")}, set(), ("incus",)),
        (set(), set(), ()),
    ],
)
def test_managers_by_what_is_loaded(
    tmp_path: Path, tables: set[tuple[str, str]], chains: set[str], slugs: tuple[str, ...]
) -> None:
    assert firewall.managers(tmp_path, nftables.Names(frozenset(tables), frozenset(chains))) == slugs


def test_managers_by_process_and_file(tmp_path: Path) -> None:
    process(tmp_path, 1, comm="init\n")
    process(tmp_path, 20, comm="kube-proxy\n")
    process(tmp_path, 21, comm="conmon\n")
    process(tmp_path, 22, 7, comm="dockerd\n")
    plant(tmp_path, {"proc/vz/version": "6.1.x\n", "proc/30/status": "", "etc/ufw/ufw.conf": "ENABLED=yes\n"})
    assert firewall.detect(tmp_path).managers == ("kube-proxy", "ufw", "podman", "virtuozzo")


def test_who_copies_entries_is_known_where_processes_can_be_seen(tmp_path: Path) -> None:
    assert firewall.detect(tmp_path).copiers is None
    process(tmp_path, 1, comm="init\n")
    assert firewall.detect(tmp_path).copiers == ()
    process(tmp_path, 40, 7, comm="conntrackd\n")  # of another network namespace
    assert firewall.detect(tmp_path).copiers == ()
    process(tmp_path, 41, comm="conntrackd\n")
    assert firewall.detect(tmp_path).copiers == ("conntrackd",)


@pytest.mark.parametrize(
    ("files", "early"),
    [
        ({}, None),
        ({"sys/module/nf_conntrack/parameters/hashsize": "1", "proc/modules": "xfs 1 0 - Live 0x0\n"}, True),
        ({"sys/module/nf_conntrack/parameters/hashsize": "1"}, True),
        ({"sys/module/nf_conntrack/x": "", "proc/modules": "nf_conntrack 1 0 - Live 0x0\n"}, False),
        ({"sys/module/xfs/x": "", "proc/modules": "xfs 1 0 - Live 0x0\n"}, False),
        (
            {
                "sys/module/nf_conntrack/x": "",
                "proc/modules": "nf_conntrack 1 0 - Live 0x0\n",
                "usr/lib/modules-load.d/ct.conf": "# conntrack\nnf_conntrack\n",
            },
            True,
        ),
        ({"sys/module/xfs/x": "", "etc/modules": "loop\nnf_conntrack_ftp\n"}, True),
        ({"sys/module/xfs/x": "", "etc/modules": "# nf_conntrack\n"}, False),
        (
            {
                "sys/module/xfs/x": "",
                "usr/lib/modules-load.d/ct.conf": "nf_conntrack\n",
                "etc/modules-load.d/ct.conf": "-> /dev/null",
            },
            False,
        ),
    ],
)
def test_whether_the_module_is_there_before_its_settings(
    tmp_path: Path,
    files: dict[str, str],
    early: bool | None,
) -> None:
    assert firewall.detect(plant(tmp_path, files)).module_loaded_at_boot is early


def test_whether_systemd_runs_is_not_guessed(tmp_path: Path) -> None:
    assert firewall.detect(tmp_path).systemd is None
    assert firewall.detect(plant(tmp_path, {"run/systemd/system/x": ""})).systemd is True
