"""``export`` under strace: it asks the kernel, changes nothing, and writes its three files alone."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from typing import TYPE_CHECKING, Final

import pytest

from kernel.filling import fill
from kernel.scratch import scratch_netns

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.kernel

_TRACED: Final = (
    "trace=open,openat,openat2,creat,rename,renameat,renameat2,unlink,unlinkat,truncate,symlink,symlinkat,link,linkat,"
    "sendto,sendmsg,sendmmsg,socket,init_module,finit_module"
)
_CTNETLINK: Final = 1
"""NFNL_SUBSYS_CTNETLINK, the upper byte of a message's type (nfnetlink.h)."""
_ASKING: Final = {
    1: "IPCTNL_MSG_CT_GET",
    4: "IPCTNL_MSG_CT_GET_STATS_CPU",
    5: "IPCTNL_MSG_CT_GET_STATS",
    6: "IPCTNL_MSG_CT_GET_DYING",
    7: "IPCTNL_MSG_CT_GET_UNCONFIRMED",
}
"""uapi/linux/netfilter/nfnetlink_conntrack.h; 0 is NEW, 2 DELETE, 3 GET_CTRZERO, which resets counters."""


@pytest.fixture(scope="module")
def trace(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[str]]:
    """Where its files went, and what the scan did, a call a line."""
    folder = tmp_path_factory.mktemp("traced")
    with scratch_netns("traced") as netns:
        fill(netns, 1_500)
        done = subprocess.run(
            [
                *("strace", "-f", "-qq", "-xx", "-s", "64", "-e", _TRACED, "-e", "signal=none"),
                *("-o", str(folder / "trace"), sys.executable, "-B", "-m", "halftrack"),
                *("export", "--textfile", str(folder / "out.prom")),
            ],
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
            env={**os.environ, "HALFTRACK_RUN_DIR": str(folder / "run")},
        )
    assert done.returncode == 0, done.stderr
    return folder, (folder / "trace").read_text(encoding="utf-8").splitlines()


def _texts(line: str) -> list[str]:
    """The strings of a call; strace prints each byte as \\xNN."""
    found = re.findall(r'"((?:\\x[0-9a-f]{2})*)"', line)
    return [bytes.fromhex(one.replace("\\x", "")).decode("latin-1") for one in found]


def test_nothing_is_opened_to_be_written_but_its_files(trace: tuple[Path, list[str]]) -> None:
    folder, lines = trace
    written = {
        _texts(line)[0]
        for line in lines
        if re.search(r"\b(open|openat|openat2|creat)\(", line)
        and re.search(r"O_WRONLY|O_RDWR|O_CREAT|O_TRUNC|creat\(", line)
    }
    assert written, "its own files are opened so"
    own = (f"{folder}/.out.prom.", f"{folder}/run/.last.json.", f"{folder}/run/.counters.json.")
    ours = [one for one in written if one.startswith(own)]
    assert len(ours) == 3
    others = written - set(ours)
    assert not [one for one in others if not one.startswith("/dev/null")]


def test_nothing_is_named_anew_but_its_files(trace: tuple[Path, list[str]]) -> None:
    folder, lines = trace
    moved = {_texts(line)[-1] for line in lines if re.search(r"\brename(at2?)?\(", line)}
    assert moved == {str(folder / name) for name in ("out.prom", "run/last.json", "run/counters.json")}
    assert not [
        line for line in lines if re.search(r"\b(unlink|truncate|symlink|link)(at)?\(|init_module", line)
    ]


def test_it_asks_for_entries_and_never_makes_or_removes_one(trace: tuple[Path, list[str]]) -> None:
    """strace names a message's type where it knows whose socket it is, else it gives the number."""
    asked = set()
    for line in trace[1]:
        for number, name in re.findall(r"nlmsg_type=(?:(0x[0-9a-f]+)|NFNL_SUBSYS_CTNETLINK<<8\|(\w+))", line):
            if name:
                asked.add(name)
            elif int(number, 16) >> 8 == _CTNETLINK:
                asked.add(_ASKING.get(int(number, 16) & 0xFF, number))
    assert "IPCTNL_MSG_CT_GET" in asked
    assert asked <= set(_ASKING.values())


def test_netlink_alone_is_spoken_and_what_containers_answer_on(trace: tuple[Path, list[str]]) -> None:
    kinds = {found[1] for line in trace[1] if (found := re.search(r"\bsocket\((AF_\w+)", line))}
    assert kinds <= {"AF_NETLINK", "AF_UNIX"}


def test_nothing_below_proc_sys_is_opened_to_be_written(trace: tuple[Path, list[str]]) -> None:
    settings = [line for line in trace[1] if any(text.startswith("/proc/sys") for text in _texts(line))]
    assert settings
    assert not [line for line in settings if "O_RDONLY" not in line]
