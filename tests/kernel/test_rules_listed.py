"""Rules of iptables as it lists them and as it saves them: what the listing tells for certain, the save does."""

from __future__ import annotations

import shlex
import subprocess
from collections import defaultdict
from typing import TYPE_CHECKING, Final

import pytest

from halftrack.formats.rules import xtables, xtables_list

if TYPE_CHECKING:
    from halftrack.evidence.rulesets import Chain, Rule
    from kernel.scratch import Netns

_RULES: Final = {
    "filter": """-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A INPUT -m conntrack ! --ctstate NEW -j DROP
-A INPUT -m state --state INVALID -j DROP
-A INPUT -i lo -j ACCEPT
-A INPUT ! -i eth0 -j ACCEPT
-A FORWARD -i br-+ ! -o br-1 -j sub
-A FORWARD -s 10.0.0.0/8 ! -d 192.0.2.0/24 -p tcp -m tcp --dport 22 -j ACCEPT
-A INPUT -p tcp -m tcp --dport 80:90 --sport 1024: -j DROP
-A INPUT -p tcp -m tcp ! --dport 80 -j DROP
-A INPUT ! -p udp -j sub
-A INPUT -p tcp -m tcp --tcp-flags FIN,SYN,RST,ACK SYN -j ACCEPT
-A INPUT -p tcp -m tcp ! --tcp-flags FIN,SYN,RST,ACK SYN -m conntrack --ctstate NEW -j DROP
-A INPUT -p tcp --syn -j ACCEPT
-A INPUT -p tcp -m multiport --dports 22,80:90,443 -j ACCEPT
-A INPUT -p tcp -m multiport ! --dports 22,23 -j ACCEPT
-A INPUT -p tcp -m multiport --sports 22,23 -j ACCEPT
-A INPUT -p tcp -m multiport --ports 22,23 -j ACCEPT
-A INPUT -p icmp -m icmp --icmp-type 8 -j ACCEPT
-A INPUT -p icmp -m icmp ! --icmp-type 8 -j ACCEPT
-A INPUT -p udp -m udp --sport 53 -j ACCEPT
-A INPUT -m addrtype --dst-type LOCAL -j ACCEPT
-A INPUT -m addrtype ! --dst-type LOCAL -j ACCEPT
-A INPUT -m addrtype --src-type LOCAL --dst-type UNICAST -j ACCEPT
-A INPUT -m connmark --mark 0x1/0xff -j ACCEPT
-A INPUT -m connmark ! --mark 0x1 -j ACCEPT
-A INPUT -m mark --mark 0x1/0x1 -j ACCEPT
-A INPUT -m comment --comment "a /* b ctstate NEW" -j ACCEPT
-A INPUT -m limit --limit 5/min -j ACCEPT
-A INPUT -m iprange --src-range 10.0.0.1-10.0.0.9 -j ACCEPT
-A INPUT -m iprange ! --dst-range 10.0.0.1-10.0.0.9 -j ACCEPT
-A OUTPUT -m owner --uid-owner 0 -j ACCEPT
-A INPUT -m statistic --mode random --probability 0.5 -j ACCEPT
-A INPUT -m statistic --mode nth --every 3 --packet 0 -j ACCEPT
-A INPUT -m mac --mac-source 00:11:22:33:44:55 -j ACCEPT
-A INPUT -m helper --helper ftp -j ACCEPT
-A INPUT -m conntrack --ctstatus ASSURED -j ACCEPT
-A INPUT -m conntrack --ctstate DNAT -j ACCEPT
-A INPUT -m connlimit --connlimit-above 5 -j DROP
-A INPUT -m hashlimit --hashlimit-above 5/sec --hashlimit-name x -j DROP
-A INPUT -m recent --set --name y -j DROP
-A INPUT -m string --algo bm --string "ctstate NEW" -j DROP
-A INPUT -m policy --dir in --pol ipsec -j ACCEPT
-A INPUT -m length --length 5:10 -j ACCEPT
-A INPUT -m ttl --ttl-eq 5 -j ACCEPT
-A INPUT -m pkttype --pkt-type broadcast -j DROP
-A INPUT -m connbytes --connbytes 5 --connbytes-dir both --connbytes-mode packets -j DROP
-A INPUT -f -j DROP
-A INPUT -j LOG --log-prefix "x ctstate NEW " --log-level 4
-A INPUT -j NFLOG --nflog-group 5
-A INPUT -p tcp -j REJECT --reject-with tcp-reset
-A INPUT -j REJECT --reject-with icmp-port-unreachable
-A INPUT -j RETURN
-A INPUT -j sub
-A INPUT -g sub
-A INPUT -s 192.0.2.7
-A INPUT -p 47 -j ACCEPT
-A INPUT -p sctp -m sctp --dport 5 -j ACCEPT
-A INPUT -s 10.0.0.0/255.0.255.0 -j DROP""",
    "nat": """-A PREROUTING -p tcp -m tcp --dport 80 -j DNAT --to-destination 10.0.0.1:8080
-A PREROUTING -p tcp -m tcp --dport 81 -j REDIRECT --to-ports 8081
-A POSTROUTING -s 10.0.0.0/8 ! -o docker0 -j MASQUERADE
-A POSTROUTING -p tcp -j MASQUERADE --to-ports 1024-2048 --random
-A POSTROUTING -j SNAT --to-source 192.0.2.1 --random
-A PREROUTING -d 10.1.0.0/16 -j NETMAP --to 10.2.0.0/16""",
    "raw": """-A PREROUTING -p tcp -m tcp --dport 80 -j CT --notrack
-A PREROUTING -p tcp -m tcp --dport 21 -j CT --helper ftp
-A PREROUTING -j CT --zone 5
-A PREROUTING -j TRACE""",
    "mangle": """-A PREROUTING -j CONNMARK --restore-mark
-A PREROUTING -j CONNMARK --save-mark
-A PREROUTING -j CONNMARK --set-mark 5
-A PREROUTING -j MARK --set-mark 5
-A PREROUTING -j MARK --or-mark 0x10
-A FORWARD -p tcp --tcp-flags SYN,RST SYN -j TCPMSS --clamp-mss-to-pmtu
-A PREROUTING -j TOS --set-tos 0x10
-A PREROUTING -p tcp -j TPROXY --on-port 5 --tproxy-mark 1""",
}
_IPV6: Final = (
    ("10.0.0.0/255.0.255.0", "2001:db8::/32"), ("10.0.0.0/8", "2001:db8::/32"), ("10.1.0.0/16", "2001:db8::/64"),
    ("192.0.2.0/24", "2001:db9::/48"), ("10.2.0.0/16", "2001:dba::/64"), ("192.0.2.7", "2001:db8::7"),
    ("10.0.0.1-10.0.0.9", "2001:db8::1-2001:db8::9"), ("10.0.0.1:8080", "[2001:db8::1]:8080"),
    ("10.0.0.1", "2001:db8::1"), ("192.0.2.1", "2001:db8::5"), ("icmp-port", "icmp6-port"),
    ("-p icmp -m icmp", "-p ipv6-icmp -m icmp6"), ("--icmp-type", "--icmpv6-type"),
)  # fmt: skip
_VAGUE: Final = frozenset({"entry", "packet"})
_FEW: Final = 12
"""Rules of which the listing may leave more open than the save does."""


def _loaded(netns: Netns, tool: str) -> None:
    """Every rule of the above that this kernel and this iptables take."""
    taken = refused = 0
    for table, lines in _RULES.items():
        netns.run(tool, "-t", table, "-N", "sub")
        for line in lines.splitlines():
            for four, six in _IPV6 if tool.startswith("ip6") else ():
                line = line.replace(four, six)  # noqa: PLW2901  # of the other family
            words = ("ip", "netns", "exec", netns.name, tool, "-t", table, *shlex.split(line))
            done = subprocess.run(words, capture_output=True, check=False, timeout=60)
            taken, refused = taken + (done.returncode == 0), refused + (done.returncode != 0)
    assert taken > 3 * refused


def _by_position(chain: Chain) -> dict[int, list[Rule]]:
    found = defaultdict(list)
    for rule in chain.rules:
        found[rule.position].append(rule)
    return found


def _certain(rule: Rule) -> set[str]:
    return {repr(each) for each in rule.conditions if each.field not in _VAGUE}


@pytest.mark.parametrize("tool", ["iptables-nft", "iptables-legacy", "ip6tables-nft", "ip6tables-legacy"])
def test_a_listing_tells_what_a_save_tells(netns: Netns, tool: str) -> None:
    """Or less: then it says that nobody knows whether the rule holds."""
    _loaded(netns, tool)
    family = "ip6" if tool.startswith("ip6") else "ip"
    saved = {each.name: each for each in xtables.tables(netns.run(f"{tool}-save"), family, "iptables-legacy")}
    for flags in ("-nvL", "-vnxL", "-nL"):
        vaguer = 0
        for name in _RULES:
            text = netns.run(tool, "-t", name, flags)
            [listed] = xtables_list.tables(text, family, "iptables-legacy")
            assert listed.name == name
            assert listed.chains.keys() == saved[name].chains.keys()
            for called, chain in saved[name].chains.items():
                other = listed.chains[called]
                assert chain.base == other.base
                mine, yours = _by_position(chain), _by_position(other)
                assert mine.keys() == yours.keys()
                for position, rules in mine.items():
                    for one, two in zip(rules, yours[position], strict=True):
                        assert (one.action, one.target) == (two.action, two.target)
                        if set(map(repr, one.conditions)) == set(map(repr, two.conditions)):
                            continue
                        vaguer += 1
                        unknown = {each.field for each in two.conditions} & _VAGUE
                        assert unknown, (one, two)
                        assert _certain(two) <= _certain(one) or "entry" in unknown, (one, two)
        assert vaguer <= _FEW or flags == "-nL"
