"""Ways worked out of what ip(8) and /proc print, against the kernel's own answers, over routes made up."""

from __future__ import annotations

import contextlib
import random
import re
import subprocess
from typing import TYPE_CHECKING, Final

import pytest

from halftrack.evidence.routing import Routing, WayBack
from halftrack.formats import ip_addresses, routing
from halftrack.kernel import routes
from kernel.scratch import scratch_netns

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kernel.scratch import Netns

_INTERFACES: Final = ("one", "two", "three")
_OURS: Final = ("10.79.1.1", "10.79.2.1", "10.79.3.1", "fd79:1::1", "fd79:2::1", "fd79:3::1")
_BROADCAST: Final = "10.79.3.255"
_PEERS: Final = {
    4: ("10.79.1.77", "10.79.2.1", _BROADCAST, "203.0.113.5", "203.0.113.130", "198.51.100.1", "192.0.2.200"),
    6: ("fd79:1::77", "fd79:2::1", "2001:db8:1::5", "2001:db8:2::5", "2001:db8:1:8000::5"),
}
_PREFIXES: Final = {
    4: ("default", "203.0.113.0/24", "203.0.113.128/25", "203.0.113.5", "203.0.0.0/16", "198.51.100.0/24",
        "192.0.2.128/25", "192.0.0.0/8"),
    6: ("default", "2001:db8:1::/48", "2001:db8::/32", "2001:db8:1:8000::/49", "2001:db8:2::5"),
}  # fmt: skip
_TABLES: Final = ("main", "100", "101", "102")
_ENDS: Final = tuple(
    (ours, peer) for six in (4, 6) for ours in _OURS if (":" in ours) == (six == 6) for peer in _PEERS[six]
)


@contextlib.contextmanager
def _node() -> Iterator[Netns]:
    with scratch_netns("ways") as netns:
        for number, name in enumerate(_INTERFACES, 1):
            _done(netns, f"ip link add name {name} type veth peer name {name}-end")
            netns.run("ip", "address", "add", f"10.79.{number}.1/24", "dev", name)
            netns.run("ip", "address", "add", f"fd79:{number}::1/64", "dev", name, "nodad")
            for end in (name, f"{name}-end"):
                netns.run("ip", "link", "set", end, "up")
        yield netns


def _done(netns: Netns, words: str) -> None:
    netns.run(*words.split())


def _some_routes(of: random.Random) -> Iterator[str]:
    for six in (4, 6):
        for to in _PREFIXES[six]:
            for table in of.sample(_TABLES, of.randint(0, 3)):
                number = of.randint(1, 3)
                via = f"10.79.{number}.2" if six == 4 else f"fd79:{number}::2"
                kind = of.choice(("unreachable", "blackhole", "prohibit", "throw", *[""] * 8))
                where = "" if kind else f"via {via} dev {_INTERFACES[number - 1]}"
                metric = of.choice(("", f"metric {of.randint(1, 9) * 100}"))
                yield f"ip -{six} route add {kind} {to} {where} table {table} {metric}"


def _some_rules(of: random.Random) -> Iterator[str]:
    for six in (4, 6):
        for number in range(of.randint(0, 5)):
            ours = of.choice([each for each in _OURS if (":" in each) == (six == 6)])
            side = of.choice(("", f"from {ours}", f"to {of.choice(_PREFIXES[six][1:])}", "iif lo", "iif one"))
            action = of.choice(
                (*(f"lookup {table}" for table in _TABLES), "lookup main suppress_prefixlength 0",
                 "unreachable", "goto 32766", "lookup 100", "lookup 101")
            )  # fmt: skip
            yield f"ip -{six} rule add {of.choice(('', '', 'not'))} {side or 'from all'} pref {number * 10 + 5} {action}"


def _shown(netns: Netns, ip: str = "ip") -> Routing:
    texts = {
        f"{what}/{name}": netns.run(*f"{ip} {flag} {command}".split())
        for what, command in (("routes", "route show table all"), ("ip-rules", "rule list"))
        for name, flag in (("ipv4", "-4"), ("ipv6", "-6"))
    }
    return _read(netns, texts)


def _read(netns: Netns, texts: dict[str, str]) -> Routing:
    addresses = tuple(ip_addresses.parse(netns.run("ip", "-o", "addr", "show")))
    found = routing.read(texts, _ENDS, addresses, {})
    assert found is not None
    return found


def _asked(netns: Netns) -> Routing:
    return netns.call(lambda: routes.read(_ENDS))


@pytest.mark.parametrize("seed", range(12))
def test_what_ip_shows_decides_as_the_kernel_does(seed: int) -> None:
    of = random.Random(seed)  # noqa: S311  # routes, not secrets
    with _node() as netns:
        for words in (*_some_routes(of), *_some_rules(of)):
            with contextlib.suppress(subprocess.CalledProcessError):  # a route that is there already
                _done(netns, words)
        asked, shown = _asked(netns), _shown(netns)
        assert shown.ways == asked.ways
        assert set(shown.defaults) == set(asked.defaults)
        assert shown.rules == asked.rules
        doubtful = _shown(netns, "busybox ip")
        _nothing_wrong(doubtful, asked)


def _nothing_wrong(shown: Routing, asked: Routing) -> None:
    """No connection leads to a broadcast address, of which /proc/net/route tells nothing."""
    told = [(one, other) for one, other in zip(shown.ways, asked.ways, strict=True) if not one.untold]
    assert [pair for pair in told if pair[0] != pair[1] and pair[0].peer != _BROADCAST] == []


def _of_proc(netns: Netns) -> Routing:
    texts = {f"net/{name}": netns.run("cat", f"/proc/net/{name}") for name in ("route", "ipv6_route")}
    return _read(netns, texts | {"net/fib_tables": netns.run("grep", "^[A-Z]", "/proc/net/fib_trie")})


@pytest.mark.parametrize("seed", range(6))
def test_what_proc_shows_is_told_as_far_as_it_decides(seed: int) -> None:
    of = random.Random(seed)  # noqa: S311  # routes, not secrets
    with _node() as netns:
        for words in (each for each in _some_routes(of) if "throw" not in each):
            with contextlib.suppress(subprocess.CalledProcessError):
                _done(netns, re.sub(r"table \d+", "table main", words))
        found = _of_proc(netns)
        assert found.rules is None
        assert not any(way.untold for way in found.ways if ":" not in way.peer)
        _nothing_wrong(found, _asked(netns))

        _done(netns, "ip route add default via 10.79.3.2 table 100")
        _done(netns, "ip -6 route add 2001:db8::/16 via fd79:3::2 table 100")
        _done(netns, "ip rule add from 10.79.3.1 lookup 100")
        _done(netns, "ip -6 rule add from fd79:3::1 lookup 100")
        found = _of_proc(netns)
        assert all(way.untold for way in found.ways if ":" not in way.peer and way.peer not in _OURS)
        _nothing_wrong(found, _asked(netns))


def test_marks_and_next_hops_are_not_guessed() -> None:
    with _node() as netns:
        _done(netns, "ip route add 203.0.113.0/24 nexthop via 10.79.1.2 nexthop via 10.79.2.2")
        _done(netns, "ip route add 198.51.100.0/24 nexthop via 10.79.3.2 nexthop via 10.79.3.3")
        _done(netns, "ip route add default via 10.79.2.2")
        _done(netns, "ip route add default via 10.79.1.2 table 100")
        _done(netns, "ip route add 192.0.2.0/24 via 10.79.2.2 table 100")
        _done(netns, "ip rule add fwmark 0x1 lookup 100 pref 100")
        ways = {(way.local, way.peer): way for way in _shown(netns).ways}
        hop = ways["10.79.1.1", "203.0.113.5"]
        assert (hop.interface, hop.untold) == (None, "policy rule 100 goes by the mark of packets")
        # Marked or not, it leaves there.
        assert ways["10.79.1.1", "192.0.2.200"] == WayBack("10.79.1.1", "192.0.2.200", "two", "one")
        _done(netns, "ip rule del fwmark 0x1 pref 100")
        ways = {(way.local, way.peer): way for way in _shown(netns).ways}
        assert ways["10.79.1.1", "203.0.113.5"].untold == "several next hops"
        assert ways["10.79.1.1", "198.51.100.1"].interface == "three"
