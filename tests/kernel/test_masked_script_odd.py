"""The script masks nodes that call things in an odd way: other scripts, digits of addresses, by MAC address."""

from __future__ import annotations

import gzip
import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest

from halftrack import collecting
from halftrack.masking.names import PLAIN
from kernel.collecting import alone
from kernel.draining import sick_netns
from kernel.masking import doctor, said
from kernel.running import piped
from leaks import leaks

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from kernel.scratch import Netns

MAC = "02:0a:ac:1b:00:7e"
BRIDGE_MAC = "02:0a:ac:1b:00:05"
ADDRESSES = ("203.0.113.9", "2001:db8:7::9", "192.0.2.44")
CONTAINERS = ("über-ost", "日本", "fe80", "acme-db8")
_INTERFACES = (
    f"link add enx{MAC.replace(':', '')} address {MAC} type veth peer name inner",
    f"link add br-nat address {BRIDGE_MAC} type bridge",
    "link set inner master br-nat",
    f"link set enx{MAC.replace(':', '')} up",
    "link set inner up",
    "link set br-nat up",
    "address add 203.0.113.9/24 dev br-nat",
    "address add 2001:db8:7::9/64 dev br-nat nodad",
)
_RULES = f"""
table inet ours {{
  chain in {{
    type filter hook input priority 0;
    ether saddr {MAC.upper()} accept comment "über-ost, 日本 and fe80 at {MAC.upper()}"
    ip saddr 192.0.2.44 accept comment "acme-db8"
  }}
}}
"""


@pytest.fixture(scope="module")
def odd() -> Iterator[Netns]:
    with sick_netns("odd") as netns:
        for words in _INTERFACES:
            netns.run("ip", *words.split())
        netns.run("nft", "-f", "-", stdin=_RULES)
        yield netns


@pytest.mark.parametrize("awk", ["mawk", "gawk", "busybox"])
def test_nothing_is_left_and_it_says_the_same(odd: Netns, tmp_path: Path, awk: str) -> None:
    (tmp_path / "awk").symlink_to(str(shutil.which(awk)))
    made = " ".join(f"/var/lib/lxc/{each}" for each in CONTAINERS)
    before = f"mount -t tmpfs none /var/lib && mkdir -p {made} || exit 9\nPATH={tmp_path}:$PATH\n"
    done = subprocess.run(
        alone(["dash", "-s"], odd.name), input=before.encode() + collecting.script(PLAIN), capture_output=True,
        check=False, timeout=180, env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "HOME": str(tmp_path),
        "HALFTRACK_BETWEEN": "1", "HALFTRACK_MAP": str(tmp_path / "map")},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert leaks(done.stdout, ADDRESSES, ("acme-db8", odd.name), [MAC, BRIDGE_MAC]) == []
    sent = gzip.decompress(done.stdout)
    assert [each for each in CONTAINERS if not each.isascii() and each.encode() in sent] == []
    (tmp_path / "masked").write_bytes(done.stdout)
    back = piped("unmask", "masked", "--map", "map", "-o", "back", cwd=tmp_path)
    assert back.returncode == 0, back.stderr
    (tmp_path / "there.json").write_bytes(doctor("masked", tmp_path))
    text = piped("unmask", "there.json", "--map", "map", cwd=tmp_path)
    assert said(text.stdout) == said(doctor("back", tmp_path))
