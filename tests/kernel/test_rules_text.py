"""Rules as nft prints them, with and without JSON: one ruleset, whichever of the two is read."""

from __future__ import annotations

import random
import subprocess
from typing import TYPE_CHECKING, Final

import pytest

from halftrack.formats.rules import nft

if TYPE_CHECKING:
    from kernel.scratch import Netns

_PLACE: Final = """
table inet a {
  set s4 { type ipv4_addr; flags interval; elements = { 10.0.0.0/8, 192.0.2.1-192.0.2.9, 198.51.100.7 } }
  set dyn { type ipv4_addr; flags dynamic,timeout; timeout 5m; }
  set ports { type inet_service; elements = { 80, 443, 1000 } }
  set pairs { type ipv4_addr . inet_service; elements = { 192.0.2.1 . 80, 192.0.2.2 . 443 } }
  set noted { type ipv4_addr; elements = { 192.0.2.1 comment "a } b", 192.0.2.2 } }
  map verdicts { type inet_service : verdict; elements = { 22 : accept, 23 : drop, 24 : jump other } }
  map ends { type ipv4_addr . inet_service : ipv4_addr . inet_service
             elements = { 192.0.2.1 . 80 : 10.0.0.1 . 8080 } }
  counter named { packets 0 bytes 0 }
  chain other { comment "a { brace"; ct state invalid counter drop comment "why } not"; return; }
  chain filter { type filter hook input priority filter + 10; policy drop; }
  chain nat { type nat hook prerouting priority dstnat; }
  chain post { type nat hook postrouting priority srcnat - 5; policy accept; }
  chain raw { type filter hook prerouting priority raw; policy accept; }
  chain mangle { type route hook output priority mangle; policy accept; }
}
table ip6 b { chain f { type filter hook forward priority 5; policy accept; ct state new drop; }; }
table ip asleep { flags dormant; chain q { type filter hook input priority 0; policy accept; drop; }; }
"""
_MATCHES: Final = (
    "ct state established,related", "ct state { new, untracked }", "ct state invalid", "ct state != new",
    "ct state != { new, established }", "ct status dnat", "ct status snat,dnat", "ct mark 0x1",
    "ct mark & 0xff == 0x2", "ct mark and 0xff != 0x2", "ct direction original", "ct label 5",
    "ct original ip saddr 10.0.0.1", "ct reply proto-dst 80", "ct count over 20", "ct expiration > 5m",
    "meta mark & 0x4000 == 0x4000", "meta mark 5", "tcp flags syn", "tcp flags != syn",
    "tcp flags & (fin|syn|rst|ack) == syn", "tcp flags & (fin|syn) == fin|syn", "tcp flags { syn, syn|ack }",
    "tcp dport 22", "tcp dport { 22, 80-90, 443 }", "tcp dport != 22", "tcp dport 1024-65535",
    "tcp dport != { 22, 23 }", "tcp sport > 1024", "udp dport < 1024", "th dport 53", "tcp dport @ports",
    "ip saddr 10.0.0.0/8", "ip saddr != 10.0.0.0/8", "ip saddr 192.0.2.1-192.0.2.9", "ip saddr @s4",
    "ip saddr != @s4", "ip daddr @noted", "ip saddr @dyn", "ip saddr . tcp dport @pairs",
    "ip daddr . tcp dport { 192.0.2.1 . 80, 192.0.2.3 . 81 }", "ip6 saddr 2001:db8::/32",
    "ip6 daddr { 2001:db8::1, fe80::/10 }", "ip protocol icmp", "ip protocol { tcp, udp }",
    "meta l4proto { tcp, udp }", "meta l4proto tcp", "meta l4proto 47", "meta nfproto ipv4",
    "meta protocol ip6", 'iifname "lo"', 'iifname { "lo", "eth0*" }', 'oifname "veth-1*"', "iif lo",
    "icmp type echo-request", "icmp type { echo-request, destination-unreachable }",
    "icmpv6 type { nd-neighbor-solicit, nd-router-advert }", "fib daddr type local",
    "fib saddr type != local", "fib daddr type { local, broadcast }", "fib saddr . iif oif missing",
    "fib daddr . iif type local", "meta skuid 0", "meta pkttype broadcast", "numgen random mod 2 == 0",
    "socket transparent 1", "ip dscp cs1", "ip ttl 5", "ip frag-off & 0x1fff != 0", "exthdr frag exists",
    "ether saddr 00:11:22:33:44:55", "vlan id 5", 'meta hour "10:00"-"12:00"', 'meta day "Monday"',
    "limit rate 5/second", "limit rate over 400/minute burst 10 packets", "limit rate 10 mbytes/second",
    "quota over 25 mbytes", "tcp option maxseg size > 500", "@th,0,16 0x50", "jhash ip saddr mod 2 == 0",
)  # fmt: skip
_ALONG: Final = (
    "counter", 'counter name "named"', 'log prefix "x { y " level info flags all', "log group 5",
    "log flags tcp sequence,options", "ct mark set meta mark", "ct mark set ct mark | 0x10",
    "meta mark set ct mark", "meta mark set ct mark and 0xff", "meta mark set 0x10",
    "meta mark set meta mark | 0x4000", "meta mark set tcp dport map { 80 : 0x1, 81 : 0x2 }",
    "tcp option maxseg size set rt mtu", "ip dscp set cs2", "ip saddr set 192.0.2.1",
    "add @dyn { ip saddr }", "update @dyn { ip saddr timeout 1m limit rate 10/second }",
)  # fmt: skip
_ENDS: Final = (
    "accept", "drop", "return", "continue", "jump other", "goto other", "reject with icmpx admin-prohibited",
    "reject with tcp reset", "queue num 1 bypass", 'accept comment "told # handle 7"',
    "tcp dport vmap { 22 : accept, 80 : jump other, 81-90 : goto other }", "tcp dport vmap @verdicts",
    "ip saddr vmap { 10.0.0.0/8 : drop, * : accept }", "meta l4proto vmap { tcp : jump other, udp : accept }",
    'iifname . tcp dport vmap { "lo" . 80 : accept }', "ct state vmap { established : accept, invalid : drop }",
    "numgen inc mod 3 vmap { 0 : jump other, 1 : drop }", "dup to 192.0.2.1",
)  # fmt: skip
_ELSEWHERE: Final = {
    "raw": ("tcp dport 80 notrack", "ct zone set 5", "ip saddr 10.0.0.1 udp dport 53 notrack"),
    "nat": (
        "tcp dport 80 dnat ip to 10.0.0.1:8080", "dnat ip to ip daddr . tcp dport map @ends",
        "tcp dport 81 redirect to :8081", "dnat ip to numgen random mod 2 map { 0 : 10.0.0.1, 1 : 10.0.0.2 }",
    ),
    "post": (
        'oifname "eth0" masquerade random', "ip saddr 10.0.0.0/8 snat ip to 192.0.2.1-192.0.2.5",
        "meta mark 0x4000 masquerade fully-random,persistent", "masquerade",
    ),
    "mangle": ("meta mark set 1", "ip daddr 10.0.0.1 meta mark set ct mark"),
}  # fmt: skip
_COMBINED: Final = 60
_SEED: Final = 20_261_127


@pytest.fixture
def loaded(netns: Netns) -> Netns:
    """With every rule of the above that this kernel and this nft take, and some of their parts combined."""
    netns.run("nft", _PLACE)
    for family in ("bridge", "arp"):
        _does(netns, f"table {family} c {{ chain f {{ type filter hook input priority filter; drop; }}; }}")
    draw = random.Random(_SEED)  # noqa: S311  # the same rules each time
    lines = [("filter", f"{match} {draw.choice(_ENDS[:2])}") for match in _MATCHES]
    lines += [("filter", along) for along in _ALONG] + [("filter", end) for end in _ENDS]
    lines += [(chain, line) for chain, some in _ELSEWHERE.items() for line in some]
    for _ in range(_COMBINED):
        parts = [*draw.sample(_MATCHES, draw.randint(0, 3)), *draw.sample(_ALONG, draw.randint(0, 2))]
        lines.append(("filter", " ".join([*parts, draw.choice(_ENDS)])))
    taken = sum(_does(netns, f"add rule inet a {chain} {line}") for chain, line in lines)
    assert taken > len(lines) // 2
    return netns


def _does(netns: Netns, command: str) -> bool:
    """Not where kernel or nft lack something."""
    words = ("ip", "netns", "exec", netns.name, "nft", command)
    return subprocess.run(words, capture_output=True, check=False, timeout=60).returncode == 0


@pytest.mark.parametrize("flags", [(), ("-a",), ("-s",)])
def test_text_and_json_are_one_ruleset(loaded: Netns, flags: tuple[str, ...]) -> None:
    by_json = nft.tables(
        loaded.run("nft", "-j", "list", "ruleset"), loaded.run("nft", "-a", "list", "ruleset")
    )
    by_text = nft.tables_of_text(loaded.run("nft", *flags, "list", "ruleset"))
    for one, other in zip(by_json, by_text, strict=True):
        assert (one.family, one.name) == (other.family, other.name)
        assert list(one.chains) == list(other.chains)
        for name, chain in one.chains.items():
            assert chain.base == other.chains[name].base
            texts = [(rule.position, rule.text) for rule in chain.rules]
            if "-s" not in flags:  # without counters
                assert [(rule.position, rule.text) for rule in other.chains[name].rules] == texts
            for mine, yours in zip(chain.rules, other.chains[name].rules, strict=True):
                assert (mine.conditions, mine.action, mine.target) == (
                    yours.conditions,
                    yours.action,
                    yours.target,
                ), (mine, yours)


def test_what_is_not_understood_of_the_text_is_never_taken_for_certain(loaded: Netns) -> None:
    """With -n states are numbers, which are not read: where something else is concluded, it is that nobody
    knows.
    """
    by_json = nft.tables(loaded.run("nft", "-j", "list", "ruleset"))
    by_text = nft.tables_of_text(loaded.run("nft", "-n", "list", "ruleset"))
    vague = {"entry", "packet"}
    for one, other in zip(by_json, by_text, strict=True):
        for name, chain in one.chains.items():
            for mine, yours in zip(chain.rules, other.chains[name].rules, strict=True):
                known = [each for each in yours.conditions if each.field not in vague]
                assert all(each in mine.conditions for each in known), (mine, yours)
                assert yours.action in {mine.action, "unclear"}
