"""What is said of entries that go, held against what the kernel does with their packets."""

from __future__ import annotations

import contextlib
import socket
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import pytest

from halftrack.evidence.values import Namespace, Table
from halftrack.kernel import ctnetlink, interfaces
from halftrack.live import rules
from halftrack.rulesets import entries
from halftrack.rulesets.entries import own_addresses
from kernel.routed import NEAR, SERVER, SERVER6, Network, routed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from halftrack.rulesets.entries import Judged
    from kernel.scratch import Netns

_PORT: Final = 80
_WAIT_S: Final = 1.0
_FORWARD: Final = "table inet t {{ chain c {{ type filter hook forward priority 0; {rules} }}; }}"
_SYN: Final = "tcp flags & (fin | syn | rst | ack) == syn"


@dataclass(frozen=True, slots=True)
class Case:
    """``to``: where the client connects to. ``later``: rules of nft that come behind the connections.

    ``quoted``: what is said to keep an entry from going; where nothing is, every one may go.
    """

    nft: str = ""
    save: str = ""
    flavour: str = "nft"
    loose: int = 1
    to: tuple[str, int] = (SERVER, _PORT)
    quoted: str = ""
    later: str = ""

    @property
    def expected(self) -> bool:
        return not self.quoted


_CASES: Final = {
    "no rules": Case(_FORWARD.format(rules="ct state new counter;")),  # so that it tracks
    "accept all": Case(_FORWARD.format(rules="ct state new accept; accept;")),
    "established or port": Case(
        _FORWARD.format(
            rules=f"policy drop; ct state established accept; tcp dport {_PORT} accept; tcp sport {_PORT} accept;"
        ),
    ),
    "established or port, sets and jumps": Case(
        "table inet t { set p { type inet_service; elements = { 80, 443 }; };"
        " chain web { ip daddr 10.77.2.2 tcp dport @p accept; ip6 daddr fd77:2::/64 tcp dport @p accept; };"
        " chain back { tcp sport vmap { 80 : accept, 22 : drop }; };"
        " chain c { type filter hook forward priority 0; policy drop;"
        " ct state vmap { established : accept, related : accept }; jump web; goto back; }; }",
    ),
    "new needs SYN": Case(
        _FORWARD.format(
            rules=f"policy drop; ct state established,related accept; {_SYN} ct state new accept;"
        ),
        quoted="policy drop",
    ),
    "SYN of the client's side only": Case(
        _FORWARD.format(
            rules=f"policy drop; ct state established accept; tcp dport {_PORT} ct state new accept;"
        ),
        quoted="policy drop",
    ),
    "invalid is dropped": Case(
        _FORWARD.format(rules="ct state invalid drop; accept;"), quoted="ct state invalid drop"
    ),
    "strict pick-up, invalid is dropped": Case(
        _FORWARD.format(rules="ct state invalid drop; accept;"),
        loose=0,
        quoted="ct state invalid drop",
    ),
    "strict pick-up, nothing is dropped": Case(
        _FORWARD.format(rules="ct state new accept; accept;"), loose=0
    ),
    "translated": Case(
        _FORWARD.format(rules="ct state new accept; accept;")
        + f"\ntable ip n {{ chain p {{ type nat hook prerouting priority -100; tcp dport 8080 dnat to {SERVER}:80; }}; }}",
        to=(NEAR, 8080),
        quoted="its translation would be lost",
    ),
    "translated by rules of later": Case(
        _FORWARD.format(rules="ct state new accept; accept;"),
        later="table ip n { chain p { type nat hook prerouting priority -100; tcp dport 80 dnat to 10.77.2.9; }; }",
        quoted="tcp dport 80 dnat to 10.77.2.9",
    ),
    "not tracked by the raw table": Case(
        "table inet t { chain r { type filter hook prerouting priority -300; tcp dport 80 notrack; tcp sport 80 notrack; };"
        " chain c { type filter hook forward priority 0; policy drop; ct state established,untracked accept; }; }",
    ),
    "iptables, established or port": Case(
        save="*filter\n:FORWARD DROP\n:web -\n-A FORWARD -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT\n"
        "-A FORWARD -p tcp -g web\n-A web -p tcp -m multiport --dports 80,443 -j ACCEPT\n"
        "-A web -p tcp -m tcp --sport 80 -j ACCEPT\nCOMMIT\n",
    ),
    "iptables, new needs SYN": Case(
        save="*filter\n:FORWARD DROP\n-A FORWARD -m state --state RELATED,ESTABLISHED -j ACCEPT\n"
        "-A FORWARD -p tcp -m tcp --syn -m state --state NEW -j ACCEPT\nCOMMIT\n",
        quoted="policy drop",
    ),
    "iptables-legacy, of a container": Case(
        save="*filter\n:FORWARD ACCEPT\n:VE -\n-A FORWARD -j VE\n"
        "-A VE -p tcp -m tcp --dport 25 -j DROP\n-A VE -m state --state ESTABLISHED -j RETURN\n"
        "-A VE -p tcp -m tcp --syn -j RETURN\n-A VE -p tcp -m tcp --tcp-flags FIN,SYN,RST,ACK ACK -j RETURN\n"
        "-A VE -m limit --limit 5/min -j LOG\n-A VE -p tcp -j REJECT --reject-with tcp-reset\nCOMMIT\n",
        flavour="legacy",
        quoted="-j REJECT --reject-with tcp-reset",
    ),
    "iptables-legacy, invalid is dropped": Case(
        save="*filter\n:FORWARD ACCEPT\n-A FORWARD -m state --state INVALID -j DROP\nCOMMIT\n",
        flavour="legacy",
        quoted="-A FORWARD -m state --state INVALID -j DROP",
    ),
    "iptables-legacy, accepted by port": Case(
        save="*filter\n:FORWARD DROP\n-A FORWARD -m state --state ESTABLISHED -j ACCEPT\n"
        "-A FORWARD -p tcp -m tcp --dport 80 -j ACCEPT\n-A FORWARD -p tcp -m tcp --sport 80 -j ACCEPT\nCOMMIT\n",
        flavour="legacy",
    ),
    "iptables, invalid is dropped": Case(
        save="*filter\n:FORWARD ACCEPT\n-A FORWARD -m conntrack --ctstate INVALID -j DROP\nCOMMIT\n",
        quoted="-A FORWARD -m conntrack --ctstate INVALID -j DROP",
    ),
}


@pytest.fixture(scope="module")
def network() -> Iterator[Network]:
    with routed() as made:
        yield made


def _judged(router: Netns, loose: int, clients: list[int]) -> Judged:
    """As a drain does it, of the entries of these clients' ports: late packets of earlier ones make more."""

    def read() -> Judged:
        table = Table(Namespace("r"), addresses=interfaces.addresses())
        flows = ctnetlink.dump().flows.frame
        tcp = flows.filter((flows["l4proto"] == 6) & flows["orig_sport"].is_in(clients))
        return entries.judged(rules.here(), tcp, own_addresses(table), loose=bool(loose), closing=True)

    return router.call(read)


def _load(router: Netns, case: Case) -> None:
    router.run("nft", "flush", "ruleset")
    for tool in ("iptables", "ip6tables"):
        router.run(f"{tool}-legacy-restore", stdin="*filter\n:FORWARD ACCEPT\nCOMMIT\n")
    if case.nft:
        router.run("nft", "-f", "-", stdin=case.nft)
    if case.save:
        for tool in ("iptables", "ip6tables"):
            router.run(f"{tool}-{case.flavour}-restore", stdin=case.save)
    router.run("conntrack", "-F")


def _arrives(network: Network, case: Case, to: tuple[str, int], served: str) -> list[bool]:
    """Whether what each end sends, and then closes with, comes to the other one though its entry went."""
    family = socket.AF_INET6 if ":" in served else socket.AF_INET
    listener = network.server.call(lambda: socket.create_server((served, _PORT), family=family))
    pairs = []
    with listener, contextlib.ExitStack() as stack:
        for _ in range(4):
            one = network.client.call(lambda: socket.create_connection(to, timeout=10))
            other, _ = listener.accept()
            stack.enter_context(one)
            stack.enter_context(other)
            one.sendall(b"a")
            assert other.recv(1) == b"a"
            other.sendall(b"b")
            assert one.recv(1) == b"b"
            pairs.append((one, other))
        if case.later:
            network.router.run("nft", "-f", "-", stdin=case.later)
        judged = _judged(network.router, case.loose, [one.getsockname()[1] for one, _ in pairs])
        assert len(judged.which) in {0, 4}
        assert judged.which.is_null().all() == case.expected, judged.reasons
        assert case.expected or any(case.quoted in why for why in judged.why()), judged.reasons
        network.router.run("conntrack", "-F")
        arrived = []
        for number, (sender, receiver) in enumerate([pairs[0], pairs[1][::-1], pairs[2], pairs[3][::-1]]):
            receiver.settimeout(_WAIT_S)
            if number < 2:
                sender.sendall(b"x")
            else:
                sender.shutdown(socket.SHUT_WR)
            with contextlib.suppress(TimeoutError, ConnectionError):
                arrived.append(receiver.recv(1) == (b"x" if number < 2 else b""))
                continue
            arrived.append(False)
        return arrived


@pytest.mark.parametrize(
    ("name", "served"),
    [
        (name, served)
        for name in _CASES
        for served in (SERVER, SERVER6)
        if ":" not in served or not name.startswith("translated")  # which is of IPv4
    ],
)
def test_the_kernel_does_with_a_packet_what_is_said_of_it(network: Network, name: str, served: str) -> None:
    case = _CASES[name]
    to = case.to if ":" not in served else (served, _PORT)
    _load(network.router, case)
    network.router.sysctl("nf_conntrack_tcp_loose", case.loose)
    arrived = _arrives(network, case, to, served)
    assert all(arrived) == case.expected, arrived
