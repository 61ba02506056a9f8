"""What the node's files set, in the order in which boot applies it."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from halftrack.evidence.sysctls import SysctlLine
from halftrack.kernel import sysctl_files
from unit.trees import plant

if TYPE_CHECKING:
    from pathlib import Path

MAX = "net.netfilter.nf_conntrack_max"
SYSTEMD = {"run/systemd/system/x": ""}
ASSIGNMENTS = """\
# net.netfilter.nf_conntrack_max = 1
; net.netfilter.nf_conntrack_max = 2
net.netfilter.nf_conntrack_max = 3 \t
-net.netfilter.nf_conntrack_max=4
- net.netfilter.nf_conntrack_max=5
net/netfilter/nf_conntrack_max=6
  net.nf_conntrack_max =
net.ipv4.tcp_keepalive_time\t=\t600
net.ipv4.netfilter.ip_conntrack_max = 7 # no comment
net.netfilter.nf_conntrack_* = 8
-net.netfilter.nf_conntrack_max
sysctl -w net.netfilter.nf_conntrack_max=9
net.ipv4.ip_forward = 1
net/ipv4/conf/eth0.5/conntrack = 10
kernel.x = conntrack
"""


def assigned(root: Path) -> list[tuple[str, str]]:
    return [(line.file, line.value) for line in sysctl_files.read(root)]


def test_directories_names_and_masks(tmp_path: Path) -> None:
    plant(
        tmp_path,
        {
            **SYSTEMD,
            "usr/lib/sysctl.d/50-a.conf": f"{MAX} = 1\n",
            "usr/lib/sysctl.d/60-packaged.conf": f"{MAX} = 2\n",
            "usr/local/lib/sysctl.d/60-packaged.conf": f"{MAX} = 3\n",
            "run/sysctl.d/40-early.conf": f"{MAX} = 4\n",
            "etc/sysctl.d/90-own.conf": f"{MAX} = 5\n",
            "lib/sysctl.d/95-masked.conf": f"{MAX} = 6\n",
            "etc/sysctl.d/95-masked.conf": "-> /dev/null",
            "etc/sysctl.d/README": f"{MAX} = 7\n",
            "lib/sysctl.d/96-emptied.conf": f"{MAX} = 8\n",
            "run/sysctl.d/96-emptied.conf": "",
        },
    )
    assert assigned(tmp_path) == [
        ("/run/sysctl.d/40-early.conf", "4"),
        ("/usr/lib/sysctl.d/50-a.conf", "1"),
        ("/usr/local/lib/sysctl.d/60-packaged.conf", "3"),
        ("/etc/sysctl.d/90-own.conf", "5"),
    ]


def test_systemd_reads_sysctl_conf_only_through_a_link(tmp_path: Path) -> None:
    plant(tmp_path, {**SYSTEMD, "etc/sysctl.conf": f"{MAX}=1\n"})
    assert assigned(tmp_path) == []
    plant(
        tmp_path, {"etc/sysctl.d/99-sysctl.conf": "-> ../sysctl.conf", "etc/sysctl.d/99-z.conf": f"{MAX}=2\n"}
    )
    assert assigned(tmp_path) == [("/etc/sysctl.conf", "1"), ("/etc/sysctl.d/99-z.conf", "2")]


def test_a_link_leads_below_the_root(tmp_path: Path) -> None:
    plant(
        tmp_path,
        {**SYSTEMD, "etc/sysctl.conf": f"{MAX}=1\n", "etc/sysctl.d/99-a.conf": "-> /etc/sysctl.conf"},
    )
    assert assigned(tmp_path) == [("/etc/sysctl.conf", "1")]


def test_procps_reads_sysctl_conf_last_and_red_hat_6_first(tmp_path: Path) -> None:
    plant(
        tmp_path,
        {
            "run/utmp": "",
            "etc/sysctl.conf": f"{MAX}=1\n",
            "etc/sysctl.d/99-sysctl.conf": "-> ../sysctl.conf",
            "etc/sysctl.d/99-z.conf": f"{MAX}=2\n",
        },
    )
    assert assigned(tmp_path) == [("/etc/sysctl.d/99-z.conf", "2"), ("/etc/sysctl.conf", "1")]
    plant(tmp_path, {"etc/rc.d/rc.sysinit": ""})
    assert assigned(tmp_path) == [("/etc/sysctl.conf", "1"), ("/etc/sysctl.d/99-z.conf", "2")]


def test_ufw_writes_its_own_after_all_others(tmp_path: Path) -> None:
    plant(
        tmp_path,
        {
            **SYSTEMD,
            "etc/sysctl.d/99-z.conf": "net.ipv4.tcp_syncookies=1\n",
            "etc/ufw/sysctl.conf": "# ufw\nnet/ipv4/tcp_syncookies=0\n",
            "etc/ufw/ufw.conf": "ENABLED=no\n",
        },
    )
    assert [line.value for line in sysctl_files.read(tmp_path)] == ["1"]
    (tmp_path / "etc/ufw/ufw.conf").write_text("# x\nENABLED=yes\nLOGLEVEL=low\n")
    name = "net.ipv4.tcp_syncookies"
    assert sysctl_files.read(tmp_path)[-1] == SysctlLine("/etc/ufw/sysctl.conf", 2, name, "0")
    plant(
        tmp_path, {"etc/default/ufw": 'IPT_SYSCTL="/etc/ufw/mine.conf"\n', "etc/ufw/mine.conf": f"{name}=2\n"}
    )
    assert sysctl_files.read(tmp_path)[-1] == SysctlLine("/etc/ufw/mine.conf", 1, name, "2")


def test_the_ways_to_write_an_assignment(tmp_path: Path) -> None:
    plant(tmp_path, {**SYSTEMD, "etc/sysctl.d/a.conf": ASSIGNMENTS})
    found = [(line.line, line.name, line.value) for line in sysctl_files.read(tmp_path)]
    assert found == [
        (3, MAX, "3"),
        (4, MAX, "4"),
        (5, MAX, "5"),
        (6, MAX, "6"),
        (7, "net.nf_conntrack_max", ""),
        (8, "net.ipv4.tcp_keepalive_time", "600"),
        (9, "net.ipv4.netfilter.ip_conntrack_max", "7 # no comment"),
        (14, "net.ipv4.conf.eth0/5.conntrack", "10"),
    ]


def test_lines_appended_again_and_again_are_all_kept(tmp_path: Path) -> None:
    plant(tmp_path, {"etc/sysctl.conf": f"{MAX} = 1\n{MAX} = 2\n{MAX} = 1\n"})
    assert [(line.line, line.value) for line in sysctl_files.read(tmp_path)] == [(1, "1"), (2, "2"), (3, "1")]


def test_options_of_the_module_come_first(tmp_path: Path) -> None:
    plant(
        tmp_path,
        {
            **SYSTEMD,
            "etc/sysctl.d/a.conf": f"{MAX}=1\n",
            "etc/modprobe.d/ct.conf": "# options nf_conntrack hashsize=1\n"
            "options nf-conntrack hashsize=65536 \\\n  nf_conntrack_max=9\n"
            "options snd index=1\nalias x nf_conntrack\n",
            "etc/modprobe.d/vz.conf": "options ip_conntrack ip_conntrack_disable_ve0=1\n",
            "usr/lib/modprobe.d/z.conf": "options nf_conntrack 'acct\n",
        },
    )
    assert [(line.file, line.line, line.name, line.value) for line in sysctl_files.read(tmp_path)] == [
        ("/etc/modprobe.d/ct.conf", 2, "options nf_conntrack hashsize", "65536"),
        ("/etc/modprobe.d/ct.conf", 2, "options nf_conntrack nf_conntrack_max", "9"),
        ("/etc/modprobe.d/vz.conf", 1, "options ip_conntrack ip_conntrack_disable_ve0", "1"),
        ("/usr/lib/modprobe.d/z.conf", 1, "options nf_conntrack 'acct", ""),
        ("/etc/sysctl.d/a.conf", 1, MAX, "1"),
    ]


def test_what_is_no_file_is_passed_over(tmp_path: Path) -> None:
    plant(tmp_path, {**SYSTEMD, "etc/sysctl.d/0.conf": "-> 0.conf", "etc/sysctl.d/1.conf": "-> nowhere"})
    os.mkfifo(tmp_path / "etc/sysctl.d/2.conf")
    (tmp_path / "etc/sysctl.d/3.conf").mkdir()
    (tmp_path / "etc/sysctl.d/4.conf").write_bytes(b"\xff\x00" + f"\n{MAX}=\x1b[31m1\n".encode())
    assert assigned(tmp_path) == [("/etc/sysctl.d/4.conf", r"\x1b[31m1")]


def test_nothing_at_all(tmp_path: Path) -> None:
    assert sysctl_files.read(tmp_path / "nowhere") == ()


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50)
@given(text=st.binary(max_size=300))
def test_any_bytes_are_survived(tmp_path: Path, text: bytes) -> None:
    plant(tmp_path, {"etc/sysctl.conf": ""})
    (tmp_path / "etc/modprobe.d").mkdir(exist_ok=True)
    (tmp_path / "etc/sysctl.conf").write_bytes(b"net.conntrack=" + text)
    (tmp_path / "etc/modprobe.d/x.conf").write_bytes(b"options nf_conntrack " + text)
    for line in sysctl_files.read(tmp_path):
        assert (line.name + line.value + line.file).isprintable()


@pytest.mark.parametrize(
    ("files", "runs"),
    [
        ({"run/systemd/system/x": "", "usr/lib/systemd/systemd": ""}, True),
        ({"run/x": "", "usr/lib/systemd/systemd": ""}, False),
        ({"usr/lib/systemd/systemd": ""}, True),
        ({"etc/inittab": ""}, False),
    ],
)
def test_systemd(tmp_path: Path, files: dict[str, str], runs: bool) -> None:
    plant(tmp_path, files)
    assert sysctl_files.uses_systemd(tmp_path) is runs
