"""Real-life rulesets of tests/fixtures/rulesets, and packets to send through them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from halftrack.evidence import addresses
from halftrack.evidence.rulesets import Save
from halftrack.formats import rules
from halftrack.rulesets import comparing
from halftrack.rulesets.packets import ACK, Packet

if TYPE_CHECKING:
    from halftrack.evidence.rulesets import Ruleset
    from halftrack.rulesets.comparing import Difference
    from halftrack.rulesets.packets import Standing

FIXTURES: Final = Path(__file__).parents[1] / "fixtures/rulesets"
NFT: Final = ("firewalld", "kube-proxy", "policy-drop")
SAVES: Final = ("docker", "kube-proxy", "openvz", "ufw")


def text(name: str) -> str:
    return (FIXTURES / name).read_text(encoding="utf-8")


def nft(name: str) -> Ruleset:
    return rules.read(text(f"{name}.json"), text(f"{name}.nft"))


def saved(lines: str, family: str = "ip") -> Ruleset:
    """``lines``: of iptables-save, or the name of a fixture."""
    content = text(f"{lines}.save") if lines in SAVES else lines
    return rules.read(None, saves=(Save("iptables-save", family, "iptables-legacy", content),))


def number(address: str) -> int:
    hi, lo = addresses.parse(address)
    return hi << 64 | lo


def packet(src: str | None, dst: str | None, sport: int | None, dport: int | None, **more: Any) -> Packet:
    """Of TCP, in mid-stream, forwarded and without a mark unless said otherwise."""
    given = {"flags": ACK, "from_here": False, "to_here": False, "unmarked": True} | more
    return Packet(
        "ip6" if ":" in (src or dst or "") else "ip",
        6,
        None if src is None else number(src),
        None if dst is None else number(dst),
        sport,
        dport,
        **given,
    )


def difference(found: Ruleset, one: Packet, standing: Standing, without: Standing) -> Difference | None:
    return comparing.first(comparing.prepared(found), one, standing, without)
