"""BPF programs that look at packets, by their names: of interfaces (tcx) and of control groups.

What they do nobody can say from outside; some of them limit rates. Asking takes CAP_NET_ADMIN and CAP_BPF,
or root; who is refused, or has no such kernel, sees none.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import platform
import struct
from typing import TYPE_CHECKING, Final

from halftrack.evidence.printable import escaped
from halftrack.kernel import files

if TYPE_CHECKING:
    from collections.abc import Iterator

# include/uapi/linux/bpf.h
_PROG_GET_FD_BY_ID: Final = 13
_OBJ_GET_INFO_BY_FD: Final = 15
_PROG_QUERY: Final = 16
_EFFECTIVE: Final = 1
"""BPF_F_QUERY_EFFECTIVE: also what control groups above have attached."""
_TCX: Final = {46: "bpf", 47: "bpf outwards"}
_CGROUP: Final = {0: "cgroup bpf", 1: "cgroup bpf outwards"}
_SYSTEMDS: Final = "sd_fw_"
"""Systemd's own count packets or refuse addresses, and limit no rate (src/core/bpf-firewall.c)."""
_MOST: Final = 64
_QUERY: Final = struct.Struct("=IIIIQII")
"""target, attach_type, query_flags, attach_flags, prog_ids, prog_cnt."""
_COUNT_AT: Final = 24
_INFO: Final = struct.Struct("=IIQ")
_NAME_AT: Final = 64
_NAME_BYTES: Final = 16
_INFO_BYTES: Final = _NAME_AT + _NAME_BYTES
_ATTRIBUTES: Final = 128
_NUMBERS: Final = {"x86_64": 321, "aarch64": 280, "riscv64": 280, "ppc64le": 361, "s390x": 351}
"""Of the system call, by machine (arch/*/entry/syscalls, asm-generic/unistd.h)."""
_MOUNTS: Final = ("/sys/fs/cgroup", "/sys/fs/cgroup/unified")


def of_interface(index: int) -> tuple[str, ...]:
    """Those attached to an interface of the calling thread's namespace without tc's filters, since 6.6."""
    return tuple(dict.fromkeys(_of(index, _TCX, 0)))


def of_process(pid: int) -> tuple[str, ...]:
    """Those that packets of a process pass, by its control group (version 2) and those above."""
    for line in (files.text(f"/proc/{pid}/cgroup") or "").splitlines():
        number, _, path = line.partition("::")
        if number != "0":
            continue
        for mount in _MOUNTS:
            with contextlib.suppress(OSError, ValueError):
                fd = os.open(mount + path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
                try:
                    return tuple(dict.fromkeys(_of(fd, _CGROUP, _EFFECTIVE)))
                finally:
                    os.close(fd)
    return ()


def _of(target: int, kinds: dict[int, str], flags: int) -> Iterator[str]:
    for attached, words in kinds.items():
        for identifier in _identifiers(target, attached, flags):
            name = _name(identifier)
            if not name.startswith(_SYSTEMDS):
                yield f"{words} {name}" if name else words


def _identifiers(target: int, attached: int, flags: int) -> list[int]:
    found = (ctypes.c_uint32 * _MOST)()
    asked = bytearray(_QUERY.pack(target, attached, flags, 0, ctypes.addressof(found), _MOST, 0))
    try:
        call(_PROG_QUERY, asked)
    except OSError:
        return []
    (count,) = struct.unpack_from("=I", asked, _COUNT_AT)
    return list(found[: min(count, _MOST)])


def _name(identifier: int) -> str:
    """A program's name, made fit for a line; empty where it has none."""
    told = (ctypes.c_uint8 * _INFO_BYTES)()
    try:
        fd = call(_PROG_GET_FD_BY_ID, bytearray(struct.pack("=III", identifier, 0, 0)))
        try:
            call(_OBJ_GET_INFO_BY_FD, bytearray(_INFO.pack(fd, _INFO_BYTES, ctypes.addressof(told))))
        finally:
            os.close(fd)
    except OSError:
        return ""
    raw = bytes(told)[_NAME_AT:].partition(b"\0")[0]
    return escaped(raw.decode("ascii", "replace"))


def call(command: int, attributes: bytearray) -> int:
    """bpf(2); what the kernel writes back is in ``attributes``. Raises OSError."""
    number = _NUMBERS.get(platform.machine())
    if number is None:
        raise OSError(38, "this machine's number of bpf(2) is not known")
    room = ctypes.create_string_buffer(bytes(attributes), _ATTRIBUTES)
    libc = ctypes.CDLL(None, use_errno=True)
    done: int = libc.syscall(number, command, room, len(attributes))
    if done < 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))
    attributes[:] = room.raw[: len(attributes)]
    return done
