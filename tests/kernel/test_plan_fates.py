"""A plan says of silent connections what the rules of their namespace do to each when it speaks again."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from kernel.remedying import ANSWERED, SERVER, put
from kernel.running import halftrack

if TYPE_CHECKING:
    from pathlib import Path

    from kernel.scratch import Netns

_PEER = "198.51.100.1"
_NFT = """
table inet f { chain c { type filter hook forward priority 0; policy drop;
  ct state established,related accept; tcp dport 22 accept; tcp sport 22 accept; }; }
"""
_SAVE = """*filter
:FORWARD DROP [0:0]
-A FORWARD -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A FORWARD -p tcp -m tcp --dport 22 -j ACCEPT
-A FORWARD -p tcp -m tcp --sport 22 -j ACCEPT
COMMIT
"""


def _flows(netns: Netns, home: Path) -> dict[str, dict[str, Any]]:
    done = halftrack("plan", "shorten-established", "--netns", netns.path, "--json", home=home)
    assert done.returncode == 0, done.stderr
    [step] = json.loads(done.stdout)["steps"]
    return {each["service"]: each for each in step["risk"]["live_flows"]}


@pytest.mark.parametrize(
    ("tool", "quoted"),
    [
        ("nft", "inet f c: policy drop"),
        ("iptables-nft", "ip filter FORWARD: policy drop"),
        ("iptables-legacy", "ip filter FORWARD: policy drop"),
    ],
)
def test_silent_connections_are_told_by_what_the_rules_do(
    netns: Netns, tmp_path: Path, tool: str, quoted: str
) -> None:
    netns.sysctl("nf_conntrack_tcp_timeout_established", 432_000)
    for service in (22, 8_883):
        for number in range(3):
            put(netns, _PEER, SERVER, 50_000 + number, service, *ANSWERED)
    nobody = _flows(netns, tmp_path)
    assert {each["outcome"] for each in nobody.values()} == {"picked-up-again"}
    if tool == "nft":
        netns.run("nft", "-f", "-", stdin=_NFT)
    else:
        netns.run(f"{tool}-restore", stdin=_SAVE)
    found = _flows(netns, tmp_path)
    assert (found["tcp/22"]["outcome"], found["tcp/22"]["by"]) == ("picked-up-again", None)
    assert (found["tcp/8883"]["outcome"], found["tcp/8883"]["by"]) == ("dropped", quoted)
    assert found["tcp/8883"]["entries"] == 3
    shown = halftrack("plan", "shorten-established", "--netns", netns.path, home=tmp_path).stdout
    assert quoted in " ".join(shown.split())
