"""Names of real tables and chains, as nft and both kinds of iptables make them."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

from halftrack.kernel import nftables

if TYPE_CHECKING:
    from kernel.scratch import Netns


def loaded(netns: Netns) -> nftables.Names:
    names = netns.call(nftables.names)
    assert names is not None
    return names


def test_nothing_is_loaded_in_a_new_namespace(netns: Netns) -> None:
    assert loaded(netns) == nftables.Names()


@pytest.mark.skipif(shutil.which("nft") is None, reason="needs nft")
def test_tables_and_chains_of_nft(netns: Netns) -> None:
    ruleset = (
        "table inet mine {\nchain guard { }\nchain more { }\n}\ntable ip6 mine { }\ntable bridge b { }\n"
    )
    netns.run("nft", "-f", "-", stdin=ruleset)
    assert loaded(netns).tables == {("inet", "mine"), ("ip6", "mine"), ("bridge", "b")}
    assert loaded(netns).chains == {"guard", "more"}


@pytest.mark.skipif(shutil.which("iptables-nft") is None, reason="needs iptables-nft")
def test_chains_of_iptables_nft(netns: Netns) -> None:
    netns.run("iptables-nft", "-t", "nat", "-N", "KUBE-SERVICES")
    assert ("ip", "nat") in loaded(netns).tables
    assert "KUBE-SERVICES" in loaded(netns).chains


@pytest.mark.skipif(shutil.which("nft") is None, reason="needs nft")
def test_many_chains_are_all_read(netns: Netns) -> None:
    """More than fit into one datagram."""
    chains = {f"KUBE-SVC-{number:016d}" for number in range(3000)}
    netns.run(
        "nft", "-f", "-", stdin="table ip nat {\n" + "".join(f"chain {c} {{ }}\n" for c in chains) + "}\n"
    )
    assert loaded(netns).chains == chains
