"""The collecting script reads only: what it and all that it calls ask of the kernel, as strace sees it."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

import pytest

from kernel.collecting import SHELLS, alone, collected
from kernel.draining import sick_netns

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from kernel.scratch import Netns

_CALLS = (
    "open,openat,openat2,creat,mkdir,mkdirat,unlink,unlinkat,rename,renameat,renameat2,link,linkat,symlink,\
symlinkat,truncate,ftruncate,chmod,fchmod,fchmodat,chown,mknod,mknodat,mount,umount2,init_module,finit_module,\
delete_module,execve,sendto,sendmsg,sendmmsg,setsockopt"
)
_CHANGING = re.compile(
    r"\b(?:creat|mkdir(?:at)?|unlink(?:at)?|rename(?:at2?)?|(?:sym)?link(?:at)?|f?truncate|f?chmod(?:at)?|chown"
    r"|mknod(?:at)?|mount|umount2|init_module|finit_module|delete_module)\("
)
_FOR_WRITING = re.compile(
    r'\bopen(?:at2?)?\((?:AT_FDCWD, )?"(?P<path>[^"]*)", [^)]*(?:O_WRONLY|O_RDWR|O_CREAT)'
)
_MESSAGE = re.compile(r"nlmsg_len=[1-9]\d*, nlmsg_type=(?P<type>[^,]+), nlmsg_flags=(?P<flags>[^,]+)")
_READING = re.compile(r"GET|SOCK_DIAG_BY_FAMILY|NLMSG_DONE|0xa10 ")
"""0xa10: NFT_MSG_GETGEN, which strace has no name for."""
_LOADERS = ("modprobe", "insmod", "sysctl")


@pytest.fixture(scope="module")
def sick() -> Iterator[Netns]:
    with sick_netns("traced") as netns:
        netns.run("nft", "add table inet ours; add chain inet ours in { type filter hook input priority 0; }")
        netns.run("iptables", "-A", "INPUT", "-m", "conntrack", "--ctstate", "INVALID", "-j", "DROP")
        yield netns


@pytest.mark.parametrize("shell", SHELLS)
def test_nothing_is_changed(sick: Netns, shell: str, tmp_path: Path) -> None:
    log = tmp_path / "log"
    traced = ["strace", "-f", "-qq", "-s", "200", "-e", f"trace={_CALLS}", "-o", str(log), *SHELLS[shell]]
    done = collected(alone(traced, sick.name), {**os.environ, "TMPDIR": str(tmp_path / "none")})
    assert done.returncode == 0, done.stderr
    lines = log.read_text("utf-8", "replace").splitlines()
    assert any('"/proc/net/' in line or "/proc/net/" in line for line in lines)
    assert [line for line in lines if _CHANGING.search(line)] == []
    written = {found["path"] for line in lines if (found := _FOR_WRITING.search(line))}
    assert written <= {"/dev/null", "/dev/tty"}
    sent = [found for line in lines for found in _MESSAGE.finditer(line)]
    assert sent
    assert [each[0] for each in sent if not _READING.search(each["type"])] == []
    assert [
        each[0] for each in sent if re.search("NLM_F_(?:CREATE|REPLACE|EXCL|APPEND)", each["flags"])
    ] == []
    called = {found[1] for line in lines if (found := re.search(r'execve\("([^"]+)"', line))}
    assert not [path for path in called if path.rpartition("/")[2] in _LOADERS]
