"""What a program did, as strace tells it: what it wrote to, what it asked of the kernel's table."""

from __future__ import annotations

import re
from typing import Final

CALLS: Final = (
    "trace=open,openat,openat2,creat,rename,renameat,renameat2,unlink,unlinkat,truncate,symlink,symlinkat,link,linkat,"
    "sendto,sendmsg,sendmmsg,socket,connect,init_module,finit_module"
)
OPTIONS: Final = ("-f", "-qq", "-xx", "-s", "64", "-e", CALLS, "-e", "signal=none")
WITHOUT_PODMAN: Final = (
    *("unshare", "--mount", "sh", "-c"),
    'for each in /run/libpod /run/containers; do [ ! -d "$each" ] || mount -t tmpfs none "$each"; done; exec "$@"',
    "sh",
)
"""Where Podman was used since the boot it is asked for its containers, and writes locks and events of its own."""
_CTNETLINK: Final = 1
"""NFNL_SUBSYS_CTNETLINK, the upper byte of a message's type (nfnetlink.h)."""
ASKING: Final = {
    1: "IPCTNL_MSG_CT_GET",
    4: "IPCTNL_MSG_CT_GET_STATS_CPU",
    5: "IPCTNL_MSG_CT_GET_STATS",
    6: "IPCTNL_MSG_CT_GET_DYING",
    7: "IPCTNL_MSG_CT_GET_UNCONFIRMED",
}
"""uapi/linux/netfilter/nfnetlink_conntrack.h; 0 is NEW, 2 DELETE, 3 GET_CTRZERO, which resets counters."""


def texts(line: str) -> list[str]:
    """The strings of a call; strace prints each byte as \\xNN."""
    found = re.findall(r'"((?:\\x[0-9a-f]{2})*)"', line)
    return [bytes.fromhex(one.replace("\\x", "")).decode("latin-1") for one in found]


def written(lines: list[str]) -> set[str]:
    """Paths opened to be written to."""
    return {
        texts(line)[0]
        for line in lines
        if re.search(r"\b(open|openat|openat2|creat)\(", line)
        and re.search(r"O_WRONLY|O_RDWR|O_CREAT|O_TRUNC|creat\(", line)
    }


def renamed(lines: list[str]) -> set[str]:
    """What something was renamed to."""
    return {texts(line)[-1] for line in lines if re.search(r"\brename(at2?)?\(", line)}


def otherwise_changed(lines: list[str]) -> list[str]:
    """Calls that remove, cut or link files, or load a module."""
    return [line for line in lines if re.search(r"\b(unlink|truncate|symlink|link)(at)?\(|init_module", line)]


def asked(lines: list[str]) -> set[str]:
    """Kinds of ctnetlink's messages that were sent.

    strace names a message's type where it knows whose socket it is, else it gives the number.
    """
    found = set()
    for line in lines:
        for number, name in re.findall(r"nlmsg_type=(?:(0x[0-9a-f]+)|NFNL_SUBSYS_CTNETLINK<<8\|(\w+))", line):
            if name:
                found.add(name)
            elif int(number, 16) >> 8 == _CTNETLINK:
                found.add(ASKING.get(int(number, 16) & 0xFF, number))
    return found


def families(lines: list[str]) -> set[str]:
    """Of the sockets that were made."""
    return {found[1] for line in lines if (found := re.search(r"\bsocket\((AF_\w+)", line))}
