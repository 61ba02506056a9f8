"""The units, run by systemd itself: what they are kept from, and that they can do their work nevertheless."""

from __future__ import annotations

import configparser
import json
import os
import re
import shlex
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from deploy import systemd

if TYPE_CHECKING:
    from pathlib import Path

UNITS = systemd.UNITS
SERVICES = ("halftrack-textfile.service", "halftrack-export.service")
_SICK = f"""
unshare --net sh -c '"$1" - && touch "$2" && exec sleep 600' sh {sys.executable} "$root/tmp/sick" <<'END' &
from types import SimpleNamespace
from kernel.draining import stuck
stuck(SimpleNamespace(path="/proc/self/ns/net"), 1500)
END
until [ -e "$root/tmp/sick" ]; do sleep 0.1; done
"""
"""A namespace beside the node's with entries that were never answered; its owner is a process."""


def directives(unit: str) -> dict[str, str]:
    parser = configparser.ConfigParser(strict=False, interpolation=None, delimiters=("=",))
    parser.optionxform = str
    parser.read(UNITS / unit, encoding="utf-8")
    return dict(parser["Service"])


@pytest.fixture(autouse=True)
def _paths(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(sys.path))


def test_the_timer_has_a_scan_written_where_node_exporter_reads(memory: Path, tree: Path) -> None:
    said = systemd.told(
        memory / "systemd-textfile",
        tree,
        "systemctl start halftrack-textfile.timer\n"
        "until [ -e $in/halftrack.prom ]; do sleep 0.2; done\n"
        "while systemctl is-active halftrack-textfile.service | grep -qx activating; do sleep 0.1; done\n"
        "rm $in/halftrack.prom\n"
        "systemctl start halftrack-textfile.service\n"
        "cat $in/halftrack.prom /run/halftrack/last.json".replace("$in", "/var/lib/prometheus/node-exporter"),
        before=_SICK,
        own_network=False,
    )
    metrics, _, document = said.partition("\n{")
    assert "\nhalftrack_up 1\n" in f"\n{metrics}\n"
    assert "\nhalftrack_scan_complete 1\n" in metrics
    sick = re.findall(
        r'^halftrack_entries\{netns="([^"]+)",protocol="tcp",kind="one_sided"\} 1500$', metrics, re.MULTILINE
    )
    assert len(sick) == 1, said
    assert {"host", *sick} <= {table["netns"] for table in json.loads("{" + document)["tables"]}


def test_the_service_answers_prometheus(memory: Path, tree: Path) -> None:
    listening = (
        "[Service]\nExecStart=\nExecStart=/usr/local/bin/halftrack export --netns self --listen ${LISTEN}\n"
    )
    said = systemd.told(
        memory / "systemd-http",
        tree,
        "mkdir /run/systemd/system/halftrack-export.service.d\n"
        f"printf {shlex.quote(listening).replace(chr(10), chr(92) + 'n')}"
        " >/run/systemd/system/halftrack-export.service.d/netns.conf\n"
        "systemctl daemon-reload\n"
        "systemctl start halftrack-export.service\n"
        "until grep -sqx 'halftrack_up 1' /told/metrics; do\n"
        " busybox wget -qO /told/metrics http://127.0.0.1:10432/metrics 2>/dev/null || sleep 0.2\n"
        "done\n"
        "systemctl show -p ActiveState -p NRestarts halftrack-export.service\n"
        "systemctl stop halftrack-export.service\n"
        "systemctl show -p Result halftrack-export.service\n"
        "cat /told/metrics",
    )
    assert said.startswith("NRestarts=0\nActiveState=active\nResult=success\n"), said
    assert 'halftrack_entries_limit{netns="' in said


def test_nothing_but_its_two_files_can_be_written(memory: Path, tree: Path) -> None:
    """The same service with another program in it: it tries what an attacker would."""
    trying = (
        "for one in /proc/sys/net/netfilter/nf_conntrack_tcp_loose /etc/x /usr/x /opt/halftrack/x /root/x"
        " /var/lib/halftrack/x /var/lib/prometheus/x /run/x; do"
        " if (echo 1 >$one) 2>/dev/null; then echo written $one; fi; done;"
        " if unshare --mount true 2>/dev/null; then echo new mount namespace; fi;"
        " if mount -t tmpfs none /mnt 2>/dev/null; then echo mounted; fi;"
        " if chown 1000 /run/halftrack 2>/dev/null; then echo chowned; fi;"
        " for one in /run/halftrack/x /var/lib/prometheus/node-exporter/x; do echo 1 >$one; done;"
        " grep -E ^Cap[PB] /proc/self/status"
    )
    for number, name in enumerate(SERVICES):
        text = (UNITS / name).read_text(encoding="utf-8")
        text = re.sub(
            r"^ExecStart=.*$", f"ExecStart=/bin/sh -c '{trying.replace('$', '$$')}'", text, flags=re.MULTILINE
        )
        text = text.replace("Type=exec", "Type=oneshot").replace("Restart=on-failure\n", "")
        text = text.replace("[Service]", "[Service]\nStandardOutput=file:/told/tried\nStandardError=inherit")
        place = memory / f"systemd-tried-{number}"
        systemd.told(place, tree, "systemctl start ht-tried.service", ht_tried=text)
        tried = (place / "told" / "tried").read_text(encoding="utf-8")
        assert "written" not in tried, tried
        assert not {"mounted", "chowned", "new mount namespace"}.intersection(tried.splitlines()), tried
        three = f"{(1 << 12) | (1 << 21) | (1 << 19):016x}"
        assert re.findall(r"^Cap\w+:\s*(\w+)$", tried, re.MULTILINE) == [three, three]


def test_both_are_kept_from_the_same() -> None:
    textfile, export = (directives(one) for one in SERVICES)
    own = {
        "Type",
        "ExecStart",
        "Environment",
        "ReadWritePaths",
        "TimeoutStartSec",
        "Restart",
        "RestartSec",
        "IPAddressDeny",
    }
    assert {k: v for k, v in textfile.items() if k not in own} == {
        k: v for k, v in export.items() if k not in own
    }


def test_systemd_has_nothing_against_them(tmp_path: Path) -> None:
    """verify looks for the program and the manual page, which are not on this machine."""
    done = subprocess.run(
        ["systemd-analyze", "verify", *sorted(map(str, UNITS.iterdir()))],
        capture_output=True,
        text=True,
        check=False,
    )
    said = [
        line
        for line in done.stderr.splitlines()
        if "/usr/local/bin/halftrack" not in line and "man " not in line
    ]
    assert said == []
    for name in SERVICES:
        words = ["systemd-analyze", "security", "--offline=true", "--threshold=35", str(UNITS / name)]
        done = subprocess.run(words, capture_output=True, text=True, check=False, cwd=tmp_path)
        assert done.returncode == 0, done.stdout[-500:]
