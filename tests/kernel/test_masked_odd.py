"""A node whose names look like digits of addresses or are of other letters, with MAC addresses all over."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
from typing import TYPE_CHECKING, Any, Final

import pytest

from kernel.draining import SERVER, sick_netns, stuck
from kernel.masking import doctor, said
from kernel.running import piped
from kernel.scratch import scratch_netns
from leaks import leaks

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from kernel.scratch import Netns

HOST: Final = "static.dev"
NAMES: Final = ("main", "db8", "fe80", "über-ost", "10-0-0-1", "日本")
"""Of its namespaces."""
WORDS: Final = (HOST, "static", *NAMES, "Acme", "Globex", "Hooli")
MAC: Final = "02:0a:ac:1b:00:7e"
OF_BRIDGE: Final = "02:0a:ac:1b:00:05"
ADDRESSES: Final = (
    SERVER, "64:ff9b::c633:6421", "198.51.100.33", "2002:c633:6437::1", "198.51.100.55", "203.0.113.201",
    "203.0.113.202", "192.0.2.44", "10.66.9.1", "198.51.100.9", "198.51.100.10",
)  # fmt: skip
_RULES: Final = f"""
table inet ours {{
  set peers {{
    type ipv4_addr; flags interval
    elements = {{ 203.0.113.201-203.0.113.202 comment "Acme at {MAC.upper()}" }}
  }}
  chain in {{
    type filter hook input priority 0;
    ip6 saddr 64:ff9b::c633:6421 accept comment "nat64 of Globex: 64:FF9B::198.51.100.33"
    ip6 saddr 2002:c633:6437::/48 drop comment "6to4 2002:C633:6437::1 main dev"
    ip6 saddr fe80::/10 accept comment "fe80, not fe80::/10 of 8000.2:a:ac:1b:0:7e"
    ether saddr {MAC} accept comment "{MAC.upper()} is Hooli's 02-0A-AC-1B-00-7E"
    ip saddr @peers ct state invalid counter drop comment "static.dev, db8 and 日本, über-ost too"
    ip saddr 192.0.2.44 accept
  }}
}}
"""
_LINKS: Final = (
    f"link add enx020aac1b007e address {MAC} type veth peer name other",
    f"link add br-main address {OF_BRIDGE} type bridge",
    "link set other master br-main", "link set enx020aac1b007e up", "link set other up", "link set br-main up",
    f"address add {SERVER}/24 dev enx020aac1b007e",
    "address add 64:ff9b::198.51.100.33/96 dev enx020aac1b007e nodad", "address add 10.66.9.1/24 dev br-main",
    "route add default via 203.0.113.202 dev enx020aac1b007e",
    "-6 route add 2002:c633:6437::/48 dev br-main",
)  # fmt: skip
_ALONE: Final = """
mount -t tmpfs none /mnt
for each in $NAMED; do touch "/mnt/${each%%=*}"; mount --bind "/run/netns/${each#*=}" "/mnt/${each%%=*}"; done
umount -R /run/netns; mount -t tmpfs none /run/netns
for each in $NAMED; do
  name=${each%%=*}
  touch "/run/netns/$name"; mount --bind "/mnt/$name" "/run/netns/$name"; umount "/mnt/$name"
done
umount /mnt; hostname "$HOST"
exec "$@"
"""


class Node:
    """``own``: where its first process lives; ``named``: by the names that only this node sees."""

    def __init__(self, own: Netns, named: dict[str, Netns]) -> None:
        self.own, self.named = own, named

    def collect(self, place: Path, *words: str) -> subprocess.CompletedProcess[bytes]:
        named = " ".join(f"{name}={netns.name}" for name, netns in self.named.items())
        begin = f"NAMED='{named}'; HOST={HOST}; {_ALONE}"
        alone: Sequence[str] = ("ip", "netns", "exec", self.own.name, "unshare", "-mupf", "--mount-proc")
        return subprocess.run(
            [*alone, "sh", "-ec", begin, "sh", sys.executable, "-m", "halftrack", "collect", *words],
            stdin=subprocess.DEVNULL, capture_output=True, check=False, timeout=120, cwd=place,
        )  # fmt: skip


@pytest.fixture(scope="module")
def node() -> Iterator[Node]:
    with contextlib.ExitStack() as stack:
        own = stack.enter_context(sick_netns("odd"))
        named = {name: stack.enter_context(scratch_netns(f"odd{at}")) for at, name in enumerate(NAMES)}
        for words in _LINKS:
            own.run("ip", *words.split())
        own.run("nft", "-f", "-", stdin=_RULES)
        stuck(named["fe80"], 1_200, port=8_883, server="198.51.100.9")
        stuck(named["über-ost"], 1_300, port=25, server="198.51.100.10")
        yield Node(own, named)


@pytest.fixture(scope="module")
def place(node: Node, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """With a bundle that is not masked."""
    found = tmp_path_factory.mktemp("odd")
    made = node.collect(found, "-o", "plain.tgz")
    assert made.returncode == 0, made.stderr
    return found


def _said(document: bytes) -> Any:
    """A shell takes letters of any script as they are; only where the doctor knows the name it is quoted."""
    return json.loads(json.dumps(said(document)).replace(r"'\u00fcber-ost'", r"\u00fcber-ost"))


def test_the_scanner_finds_what_is_there(place: Path) -> None:
    macs = (MAC, OF_BRIDGE)
    found = leaks((place / "plain.tgz").read_bytes(), ADDRESSES, WORDS, macs, ["über-ost"])
    assert {each.partition(" as ")[0] for each in found} == {*ADDRESSES, *WORDS, *macs}


@pytest.mark.parametrize("source", ["live", "plain"])
def test_nothing_is_left_and_the_doctor_says_the_same(node: Node, place: Path, source: str) -> None:
    file, key = f"{source}-masked.tgz", f"{source}-masked.map"
    made = (
        node.collect(place, "--mask", "-o", file)
        if source == "live"
        else piped("collect", "--mask", "--from", "plain.tgz", "-o", file, cwd=place)
    )
    assert made.returncode == 0, made.stderr
    hidden = (ADDRESSES, WORDS, (MAC, OF_BRIDGE), ["über-ost"])
    assert leaks((place / file).read_bytes(), *hidden) == []
    there = doctor(file, place)
    assert leaks(there, *hidden) == []
    (place / "there.json").write_bytes(there)
    back = piped("unmask", "there.json", "--map", key, cwd=place)
    assert back.returncode == 0, back.stderr
    plain, found = _said(doctor("plain.tgz", place)), _said(back.stdout)
    if source == "plain":
        assert found == plain
    # A bridge may ask for groups meanwhile, which is one more entry that nothing is found of.
    entries = [(each["id"], each["entries"]) for each in found["findings"]]
    assert entries == [(each["id"], each["entries"]) for each in plain["findings"]]
    assert [number for _, number in entries][:3] == [2_200, 1_300, 1_200]

    done = piped("unmask", file, "--map", key, "-o", f"{source}-back.tgz", cwd=place)
    assert done.returncode == 0, done.stderr
    assert _said(doctor(f"{source}-back.tgz", place)) == found
