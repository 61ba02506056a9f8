"""The script's mask under each awk: what it masks, what its check lets pass, and the way back by its map."""

from __future__ import annotations

import ipaddress
import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from halftrack import collecting, masking
from halftrack.evidence.values import LocalAddress
from halftrack.formats import routing
from halftrack.masking import key as maps
from halftrack.masking.names import PLAIN
from leaks import leaks
from unit.masked import FORMS_V4, FORMS_V6, V4, V6
from unit.test_masking_chosen import INSIDE, TEXTS

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

MASK, CHECK = collecting.mask(), collecting.check()
AWKS = {"mawk": ["mawk"], "gawk": ["gawk"], "posix": ["gawk", "--posix"], "busybox": ["busybox", "awk"]}


@pytest.fixture(params=AWKS)
def awk(request: pytest.FixtureRequest) -> list[str]:
    words = AWKS[request.param]
    assert shutil.which(words[0]) is not None, f"no {words[0]} here"
    return words


def run(words: list[str], text: str, *more: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [*words, *more], input=text.encode(), capture_output=True, check=False, timeout=60,
        env={"LC_ALL": "C", "PATH": "/usr/bin:/bin"},
    )  # fmt: skip


def stream(*sections: tuple[str, str], names: str = "", networks: str = "") -> str:
    """As the script prints it: of containers it tells before it tells of networks."""
    parts = ["halftrack-collection 1 MARK"]
    early = [each for each in sections if each[0].startswith("owners/")]
    late = [each for each in sections if each not in early]
    for name, content in (("mask/names", names), *early, ("mask/networks", networks), *late):
        parts += ["", f"MARK begin 1.5 {name}", content, "", f"MARK end 0 {name}"]
    return "\n".join([*parts, "", "MARK complete", ""])


def networks(awk: list[str], text: str) -> str:
    found = run(awk, text, "-v", "job=networks", MASK)
    assert found.returncode == 0, found.stderr
    return "\n".join(sorted({*found.stdout.decode().splitlines()}))


def masked(awk: list[str], place: Path, text: str) -> str:
    """Through the mask and the check, as the script has it."""
    through = run(awk, text, "-v", f"map={place / 'map'}", "-v", f"plain={' '.join(PLAIN)}", MASK)
    assert (through.returncode, through.stderr) == (0, b"")
    checked = run(awk, through.stdout.decode(), CHECK)
    assert (checked.returncode, checked.stderr) == (0, b""), through.stdout.decode()
    assert checked.stdout == through.stdout
    return checked.stdout.decode()


def unmasked(place: Path, text: str) -> str:
    return masking.unmasked_text(text, maps.read((place / "map").read_bytes(), "the map"))[0]


@pytest.mark.parametrize("form", FORMS_V4)
def test_each_spelling_of_ipv4(awk: list[str], tmp_path: Path, form: str) -> None:
    one, other = ipaddress.IPv4Address("192.0.2.1"), ipaddress.IPv4Address("192.0.2.10")
    lines = [str(one), str(other), FORMS_V4[form](one), FORMS_V4[form](other)]
    text = stream(("log/dmesg", "\n".join(lines)), networks=networks(awk, "\n".join(lines)))
    found = masked(awk, tmp_path, text)
    assert leaks(found.encode(), ["192.0.2.1", "192.0.2.10"], ()) == []
    assert "\n".join(lines) in unmasked(tmp_path, found)


@pytest.mark.parametrize("form", FORMS_V6)
def test_each_spelling_of_ipv6(awk: list[str], tmp_path: Path, form: str) -> None:
    one, other = ipaddress.IPv6Address("2001:db8::1"), ipaddress.IPv6Address("2001:db8::10")
    lines = [str(one), str(other), FORMS_V6[form](one), FORMS_V6[form](other)]
    text = stream(("log/dmesg", "\n".join(lines)), networks=networks(awk, "\n".join(lines)))
    found = masked(awk, tmp_path, text)
    assert leaks(found.encode(), ["2001:db8::1", "2001:db8::10"], ()) == []
    assert "\n".join(lines) in unmasked(tmp_path, found)


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.one_of(V4, V6), min_size=1, max_size=8, unique=True), st.data())
def test_no_address_is_left(
    tmp_path: Path, addresses: list[ipaddress.IPv4Address], data: st.DataObject
) -> None:
    words = AWKS[data.draw(st.sampled_from([*AWKS]))]
    lines = [str(each) for each in addresses]
    for each in addresses:
        forms = FORMS_V4 if each.version == 4 else FORMS_V6
        lines.append(data.draw(st.sampled_from([*forms.values()]))(each))
    text = stream(("log/dmesg", "\n".join(lines)), networks=networks(words, "\n".join(lines)))
    found = masked(words, tmp_path, text)
    assert leaks(found.encode(), map(str, addresses), ()) == []
    assert "\n".join(lines) in unmasked(tmp_path, found)


_ENTRIES = """\
ipv4     2 tcp      6 363312 ESTABLISHED src=10.0.0.1 dst=10.0.0.10 sport=80 dport=5 [UNREPLIED] src=10.0.0.10 dst=10.0.0.1 sport=5 dport=80 mark=0 zone=0 use=2
ipv6     10 tcp      6 300 SYN_SENT src=2001:0db8:0000:0000:0000:0000:0000:0001 dst=fd00:0000:0000:0000:0000:0000:0000:0002 sport=1 dport=2 use=1
tcp      6 300 ESTABLISHED src=2001:db8::1 dst=fd00::2 sport=1 dport=2 src=fd00::2 dst=2001:db8::1 sport=2 dport=1 [ASSURED] mark=0 use=1
"""
_SOCKETS = """\
  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100000A:0016 0A00000A:1F90 01 00000000:00000000 00:00000000 00000000     0        0 12345 1 ffff8880
   1: 00000000:0050 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 12346 1 ffff8880
   2: B80D0120000000000000000001000000:0050 0000000000000000FFFF00000100000A:0050 01 00000000:00000000 00:00000000 00000000 0 0 1
"""
_SERVICES = """\
IP Virtual Server version 1.2.1 (size=4096)
TCP  0A000001:0050 rr
  -> 0A00000A:1F90      Masq    1      0          0
"""
_JSON = (
    '{"nftables": [{"metainfo": {"version": "1.0.6"}}, {"rule": {"comment": "of \\"shop\\": 10.0.0.1", "expr":'
    ' [{"match": {"right": {"prefix": {"addr": "10.0.0.0", "len": 24}}}}, {"match": {"right": {"set": ["10.0.0.1",'
    ' {"range": ["10.0.0.10", "10.0.0.20"]}, "2001:db8::1"]}}}]}}]}'
)
_SAVED = (
    '*nat\n:KUBE-SVC-X - [0:0]\n-A OUT -s 10.0.0.0/255.255.255.0 -m comment --comment "shop/cafe:http cluster IP"'
    " -j X\n-A OUT -d 10.0.0.10/32 -m comment --comment Hoch-Tief -i veth-web-10 -j Y\nCOMMIT"
)


def test_each_kind_of_section(awk: list[str], tmp_path: Path) -> None:
    sections = (
        ("about", "kernel 6.1.0\nnode edge7.example.org\nmachine 0123456789abcdef\nfirst 4026531833"),
        (
            "owners/docker",
            f"docker {'4f5e0a1b2c3d'[::-1] * 5}abcd 4711 /proxy 10.0.0.1 2001:db8::1 0.0.0.0:8080->80/tcp 10.0.0.10:90->90/tcp",
        ),
        (
            "owners/podman",
            f"podman {'6' * 64} 4712 acme-db,acme-old pod={'7' * 64}/acme-pod infra 10.0.0.10:53->53/udp",
        ),
        ("owners/vzlist", "101 www.shop.example shopct 10.0.0.20\n0c0ffee0-aaaa-bbbb-cccc-0123456789ab - - 10.0.0.1"),
        (
            "owners/lines",
            (f"/proc/9/cgroup:0::/machine.slice/libpod-{'6' * 64}.scope\n/proc/9/net/fib_trie:  |-- 10.0.0.20\n"
            "/proc/9/net/if_inet6:fd000000000000000000000000000002 02 40 00 80 eth0\n"
            "/var/lib/lxc/lion/config:lxc.uts.name = lion"),
        ),
        ("there", "/run\n/var/log/pods/shopns_web-1_0c0ffee0-aaaa-bbbb-cccc-0123456789ab"),
        ("mounts", "77=/run/netns/web-1\n79=/run/netns/proxy"),
        ("ns/77/about", "inode 77\nwhere /run/netns/web-1\ncount 5\nread yes\ncomm "),
        ("ns/78/about", "inode 78\nwhere 4711\ncount 5\nread yes\ncomm web-10"),
        ("ns/77/1/stat/nf_conntrack", "entries  searched\n0000000a  00000001"),
        ("ns/77/entries/nf_conntrack", _ENTRIES),
        ("ns/77/net/tcp6", _SOCKETS),
        ("ns/77/net/ip_vs", _SERVICES),
        ("ns/77/nft.json", _JSON),
        ("ns/77/save/iptables-nft", _SAVED),
        ("ns/77/settings", "net/ipv4/conf/veth-web-1/rp_filter:1\nnet/netfilter/nf_conntrack_max:5"),
        ("ns/77/tc-class/veth-web-1", "class htb 1:1 root"),
        ("ns/77/addresses", "2: eth0    inet 10.0.0.10/24 brd 10.0.0.255 scope global eth0\\  valid_lft forever"),
        ("ns/77/links", "2: eth0@if5: <UP> mtu 1500 link/ether 02:42:ac:11:00:02 brd ff:ff:ff:ff:ff:ff"),
        ("file/etc/sysctl.conf", "# for ACME only\nnet.ipv4.ip_forward = 1"),
        ("log/dmesg", "Nov 27 edge7 kernel: dropping packet from 10.0.0.1, 4f5e0a1b2c3d of web-1 or WEB-10"),
    )  # fmt: skip
    names = f"edge7.example.org\nedge7\nexample.org\nweb\nweb-1\nweb-10\nshopns\n{'4f5e0a1b2c3d' * 4}"
    rules = "\n".join(content for _, content in sections)
    found = masked(awk, tmp_path, stream(*sections, names=names, networks=networks(awk, rules)))
    originals = ("10.0.0.1", "10.0.0.10", "10.0.0.20", "2001:db8::1", "fd00::2", "10.0.0.255")
    words = (
        "edge7", "example.org", "web", "web-1", "web-10", "shop", "cafe", "Hoch", "Tief", "ACME",
        "4f5e0a1b2c3d", "0123456789abcdef", "d3c2b1a0e5f4", "666666666666", "777777777777", "acme-db", "acme-old",
        "acme-pod", "www.shop.example", "shopct", "lion", "shopns",
    )  # fmt: skip
    assert leaks(found.encode(), originals, words, ["02:42:ac:11:00:02"]) == []
    back = unmasked(tmp_path, found)
    for name, content in sections[1:]:
        if not name.startswith("file/"):
            assert content.replace("WEB-10", "web-10") in back.replace("WEB-10", "web-10"), name
    assert "masked substituted" in found
    assert "mask/" not in found
    assert "cluster IP" in found
    assert "/proxy" not in found, "a word of rules, and here a name"


def test_no_name_is_left_in_the_middle_of_another(awk: list[str], tmp_path: Path) -> None:
    """Of chains, sets, tables, interfaces and processes; what the packet filter does is no name."""
    sections = (
        ("ns/77/nft", TEXTS["nft"]),
        ("ns/77/save/iptables-nft", TEXTS["a save"]),
        ("ns/77/addresses", "2: brACMEx    inet 10.0.0.10/24 brd 10.0.0.255 scope global brACMEx"),
        ("running", "acmed\nnginx\nconntrackd\nacme-agent\nkube-proxy\nsystemd"),
        ("ns/77/links", "2: brACMEx@if5: <UP> mtu 1500"),
    )
    rules = "\n".join(content for _, content in sections[:3])
    found = masked(
        awk,
        tmp_path,
        stream(*sections, names="acme\nweb-shop\nconn\nconntrackd\nedge7", networks=networks(awk, rules)),
    )
    assert leaks(found.encode(), (), (), inside=INSIDE) == []
    back = unmasked(tmp_path, found)
    for name, content in sections:
        assert content in back, name
    lines = found.splitlines()
    assert {"nginx", "conntrackd", "kube-proxy", "systemd"} <= {*lines}
    assert all(word in found for word in ("CONNMARK", "-j ACCEPT", "--match-set", "-A INPUT", "hook input"))


def test_members_of_networks_stay_together(awk: list[str], tmp_path: Path) -> None:
    nets = [
        "10.0.0.0/8",
        "10.1.0.0/16",
        "10.1.2.0/23",
        "192.0.2.0/30",
        "2001:db8::/32",
        "2001:db8:1::/48",
        "fc00::/7",
    ]
    inside = [
        "10.200.0.1", "10.1.200.1", "10.1.3.255", "10.1.4.0", "11.0.0.1", "192.0.2.3", "192.0.2.4", "2001:db8:2::5",
        "2001:db8:1::5", "2001:db9::1", "fd00::5", "10.0.0.0", "10.1.0.0",
    ]  # fmt: skip
    lines = "\n".join([*nets, *inside])
    found = masked(awk, tmp_path, stream(("log/dmesg", lines), networks=networks(awk, "\n".join(nets))))
    shown = found.partition("log/dmesg\n")[2].split("\n")[: len(nets) + len(inside)]
    theirs = [ipaddress.ip_network(each) for each in shown[: len(nets)]]
    ours = [ipaddress.ip_address(each) for each in shown[len(nets) :]]
    assert len(set(ours)) == len(inside)
    for net, its in zip(nets, theirs, strict=True):
        held = [ipaddress.ip_address(each) in ipaddress.ip_network(net) for each in inside]
        assert [each in its for each in ours] == held, net
    assert lines in unmasked(tmp_path, found)


@pytest.mark.parametrize(
    "line",
    [
        "from 192.0.2.1: no", "x10.0.0.1", "2001:db8::1", "[2001:db8::1]:80", "::ffff:10.0.0.1", "link/ether 02:42:ac:11:00:02",
        "src=2001:0db8:0000:0000:0000:0000:0000:0001 dst",
        "   0: 0100000A:0016 00000000:0000 0A 0", "   0: 00000000:0016 0100000A:0000 0A 0",
        "   2: B80D0120000000000000000001000000:0050 00000000000000000000000000000000:0000 0A",
        "   2: 0000000000000000FFFF00000100000A:0050 00000000000000000000000000000000:0000 0A",
    ],
)  # fmt: skip
def test_what_the_check_stops(awk: list[str], line: str) -> None:
    done = run(awk, f"before\n{line}\nafter\n", CHECK)
    assert (done.returncode, done.stdout) == (3, b"before\n")
    assert b"would have been sent" in done.stderr
    assert line.encode() not in done.stderr


def test_names_that_look_like_stand_ins(awk: list[str], tmp_path: Path) -> None:
    text = stream(("log/dmesg", "masked-1 and Masked-2 and web"), names="masked-1\nMasked-2\nweb")
    found = masked(awk, tmp_path, text)
    assert leaks(found.encode(), (), ["masked-1", "Masked-2", "web"]) == []
    assert "masked-1 and Masked-2 and web" in unmasked(tmp_path, found)


def test_what_came_before_it_was_stopped(awk: list[str], tmp_path: Path) -> None:
    """With no networks told yet it is masked nevertheless."""
    cut = (
        stream(("log/dmesg", "10.0.0.1")).replace("mask/networks", "some/where").partition("MARK complete")[0]
    )
    found = masked(awk, tmp_path, cut)
    assert leaks(found.encode(), ["10.0.0.1"], ()) == []
    assert "10.0.0.1" in unmasked(tmp_path, found)


_RULES = "ipv4\n0:\tfrom all lookup local\n7:\tfrom 10.1.0.0/16 lookup 9\n32766:\tfrom all lookup main\n"
_LOCAL = "local 10.1.2.3 dev one table local proto kernel scope host src 10.1.2.3\n"
_ROUTES = (
    f"{_RULES}10.0.0.0/8 via 192.0.2.254 dev one proto static\n10.9.0.0/16 via 192.0.2.253 dev two proto static\n"
    f"default via 192.0.2.1 dev three proto static\n172.20.0.0/14 via 192.0.2.2 dev four table 9 proto static\n{_LOCAL}"
)
_PEERS = ("10.9.200.7", "10.8.0.1", "10.9.0.1", "203.0.113.9", "172.21.0.9", "172.28.0.1", "192.0.2.254")


def _ways(text: str, ends: Iterable[tuple[str, str]], own: str) -> list[tuple[str | None, str]]:
    found = routing.read({"routes": text}, tuple(ends), (LocalAddress(own, 24, "one"),), {})
    assert found is not None
    return [(way.interface, way.untold) for way in found.ways]


def test_ways_stay_what_they_were(awk: list[str], tmp_path: Path) -> None:
    listed = "".join(f"10.1.2.3 {peer}\n" for peer in _PEERS)
    text = stream(("log/dmesg", listed), ("ns/7/routes", _ROUTES), networks=networks(awk, _ROUTES))
    found = masked(awk, tmp_path, text)
    assert leaks(found.encode(), [*_PEERS, "10.1.2.3", "10.0.0.0", "172.20.0.0"], ()) == []
    _, _, rest = found.partition(" log/dmesg\n")
    ends = [tuple(line.split()) for line in rest.splitlines()[: len(_PEERS)]]
    _, _, rest = found.partition(" ns/7/routes\n")
    there = _ways(rest.partition("\n\nMARK")[0] + "\n", [(ours, peer) for ours, peer in ends], ends[0][0])
    assert there == _ways(_ROUTES, [("10.1.2.3", peer) for peer in _PEERS], "10.1.2.3")
    assert {interface for interface, _ in there} == {"one", "two", "three", "four"}
    assert _ROUTES in unmasked(tmp_path, found)


def test_routes_of_networks_that_are_not_known_are_not_whole(awk: list[str], tmp_path: Path) -> None:
    """Whose members cannot be told by their stand-ins."""
    text = stream(("ns/7/routes", _ROUTES), ("ns/8/routes", _LOCAL), networks=networks(awk, "10.0.0.0/8"))
    found = masked(awk, tmp_path, text)
    assert found.count("and more\n\nMARK end 0 ns/7/routes\n") == found.count("and more") == 1
