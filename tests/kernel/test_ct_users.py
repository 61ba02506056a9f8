"""What of a namespace's rules asks for tracking, by the kernel's own word: whether it tracks a packet."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

import pytest

from halftrack.evidence.tracking import Tracking
from halftrack.evidence.uapi import AF_INET, AF_INET6
from halftrack.formats.rules import tracking
from halftrack.kernel import ct_users, scratch, sysctl, tools
from halftrack.kernel.links import Links

if TYPE_CHECKING:
    from collections.abc import Iterator

_ASKING = {
    "a state": "table inet t {\n chain c {\n type filter hook output priority 0\n ct state new\n }\n}\n",
    "another source": "table ip t {\n chain c {\n type nat hook postrouting priority 100\n snat to 127.0.0.1\n }\n}\n",
    "redirection": "table ip t {\n chain c {\n type nat hook output priority -100\n tcp dport 9 redirect\n }\n}\n",
    "a limit of connections": (
        "table ip t {\n chain c {\n type filter hook output priority 0\n ct count over 9 drop\n }\n}\n"
    ),
    "a limit in a set": (
        "table ip t {\n set s {\n type ipv4_addr\n size 9\n flags dynamic\n }\n"
        " chain c {\n type filter hook output priority 0\n add @s { ip daddr ct count over 9 } drop\n }\n}\n"
    ),
}
_OTHERS = {
    "nothing": "",
    "ports, counters and refusals": (
        "table inet t {\n counter n {\n }\n chain c {\n type filter hook output priority 0\n"
        " tcp dport 9 counter name n reject\n }\n}\n"
    ),
    "an empty chain of nat": "table ip t {\n chain c {\n type nat hook output priority -100\n }\n}\n",
    "notrack": "table ip t {\n chain c {\n type filter hook output priority -300\n notrack\n }\n}\n",
}


@pytest.fixture
def place() -> Iterator[scratch.Netns]:
    with scratch.Netns() as netns:
        Links(netns.path).close()  # loopback is up
        yield netns


def tracks(place: scratch.Netns) -> bool:
    """Whether a packet there makes an entry."""

    def send() -> int:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
            one.sendto(b"?", ("127.0.0.1", 7))
        return sysctl.count() or 0

    return place.call(send) > 0


def as_sent(place: scratch.Netns) -> Tracking:
    """What the text of the rules tells of the same."""
    listing = place.call(lambda: tools.run(["nft", "-a", "list", "ruleset"]))
    return tracking.of(listing, (), {"ip": "", "ip6": ""}, None)


@pytest.mark.parametrize("rules", _ASKING.values(), ids=_ASKING.keys())
def test_rules_that_make_the_kernel_track_are_found(place: scratch.Netns, rules: str) -> None:
    place.call(lambda: tools.run(["nft", "-f", "-"], rules))
    found = place.call(ct_users.read)
    sent = as_sent(place)
    assert tracks(place)
    assert found is not None
    assert found.ipv4 == sent.ipv4 == "a rule of table t, chain c"
    assert (found.ipv6 is None) is (sent.ipv6 is None) is ("inet" not in rules)


@pytest.mark.parametrize("rules", _OTHERS.values(), ids=_OTHERS.keys())
def test_rules_that_do_not_are_not(place: scratch.Netns, rules: str) -> None:
    place.call(lambda: tools.run(["nft", "-f", "-"], rules))
    found = place.call(ct_users.read)
    assert not tracks(place)
    assert found == as_sent(place) == Tracking()


def test_rules_for_the_other_family_are_told_apart(place: scratch.Netns) -> None:
    rules = _ASKING["a state"].replace("inet", "ip6")
    place.call(lambda: tools.run(["nft", "-f", "-"], rules))
    found = place.call(ct_users.read)
    assert not tracks(place)
    assert found == Tracking(ipv6="a rule of table t, chain c")


@pytest.mark.parametrize("flavour", ["nft", "legacy"])
@pytest.mark.parametrize(
    ("words", "asks"),
    [
        ("-A OUTPUT -m conntrack --ctstate NEW", True),
        ("-t nat -A POSTROUTING -j SNAT --to-source 127.0.0.1", True),
        ("-A OUTPUT -p tcp --dport 9 -j REJECT", False),
    ],
)
def test_rules_of_iptables(place: scratch.Netns, flavour: str, words: str, *, asks: bool) -> None:
    program = f"iptables-{flavour}"
    if tools.find(program) is None:
        pytest.skip(f"{program} is not installed")
    try:
        place.call(lambda: tools.run([program, *words.split()]))
    except tools.Refused as error:
        pytest.skip(f"{program} has no tables here: {error}")
    found = place.call(ct_users.read)
    assert tracks(place) is asks
    assert found is not None
    assert found.asked(AF_INET) is asks
    assert found.asked(AF_INET6) is False
    place.call(lambda: tools.run([program, *(words.replace("-A", "-D")).split()]))
    assert place.call(ct_users.read) == Tracking()
