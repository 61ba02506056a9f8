"""BPF programs of interfaces and of control groups, by their names."""

from __future__ import annotations

import contextlib
import ctypes
import os
import secrets
import socket
import struct
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from halftrack.kernel import bpf, queues, traffic_control

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kernel.scratch import Netns

_PROG_LOAD, _PROG_ATTACH = 5, 8
_SCHED_CLS, _CGROUP_SKB = 3, 8
_CGROUP_EGRESS, _TCX_EGRESS = 1, 47
_LETS_PASS = bytes.fromhex("b700000001000000 9500000000000000")
"""r0 = 1; exit."""
_UNIFIED = (Path("/sys/fs/cgroup/unified"), Path("/sys/fs/cgroup"))


@contextlib.contextmanager
def _loaded(kind: int, name: str) -> Iterator[int]:
    code, license_ = ctypes.create_string_buffer(_LETS_PASS), ctypes.create_string_buffer(b"GPL")
    pointers = (ctypes.addressof(code), ctypes.addressof(license_))
    words = struct.pack("=IIQQIIQII16s", kind, 2, *pointers, 0, 0, 0, 0, 0, name.encode())
    fd = bpf.call(_PROG_LOAD, bytearray(words))
    try:
        yield fd
    finally:
        os.close(fd)


def _attach(target: int, fd: int, where: int) -> None:
    bpf.call(_PROG_ATTACH, bytearray(struct.pack("=IIIIII", target, fd, where, 0, 0, 0)))


def _skip_without_bpf() -> None:
    try:
        with _loaded(_SCHED_CLS, "probe"):
            return
    except OSError as error:
        pytest.skip(f"no BPF here: {error}")


def test_a_program_without_a_filter_of_tc_is_named(netns: Netns) -> None:
    _skip_without_bpf()
    netns.run("ip", "link", "add", "out0", "type", "veth", "peer", "name", "in0")
    index = netns.call(lambda: socket.if_nametoindex("out0"))
    with _loaded(_SCHED_CLS, "slow_down") as fd:
        try:
            netns.call(lambda: _attach(index, fd, _TCX_EGRESS))
        except OSError as error:
            pytest.skip(f"no tcx here: {error}")
        found = queues.shaping(netns.call(lambda: traffic_control.with_programs(traffic_control.read())))

    by_name = {each.name: each.programs for each in found.interfaces}
    assert by_name["out0"] == ("bpf outwards slow_down",)
    assert by_name["in0"] == ()


def test_a_program_of_a_control_group_is_named_by_a_process_in_it() -> None:
    _skip_without_bpf()
    root = next((one for one in _UNIFIED if (one / "cgroup.procs").exists()), None)
    if root is None:
        pytest.skip("needs control groups of version 2")
    group = root / f"ht-{os.getpid()}-{secrets.token_hex(3)}"
    inner = group / "inner"
    inner.mkdir(parents=True)
    pid = os.fork()
    if not pid:
        os.read(os.pipe()[0], 1)  # until it is killed
    try:
        (inner / "cgroup.procs").write_text(str(pid), encoding="ascii")
        assert bpf.of_process(pid) == ()
        fd = os.open(group, os.O_RDONLY)
        with _loaded(_CGROUP_SKB, "few_a_second") as program:
            _attach(fd, program, _CGROUP_EGRESS)
            os.close(fd)
            assert bpf.of_process(pid) == ("cgroup bpf outwards few_a_second",)
    finally:
        os.kill(pid, 9)
        os.waitpid(pid, 0)
        inner.rmdir()
        group.rmdir()


def test_what_looks_at_what_goes_out_is_told_from_what_comes_in(netns: Netns) -> None:
    netns.run("ip", "link", "add", "out0", "type", "veth", "peer", "name", "in0")
    netns.run("tc", "qdisc", "add", "dev", "out0", "clsact")
    for way in ("ingress", "egress"):
        netns.run(
            "tc", "filter", "add", "dev", "out0", way, "bpf", "bytecode", "1,6 0 0 0,", "classid", "1:1"
        )
    found = queues.shaping(netns.call(traffic_control.read))
    (entrance,) = [queue for queue in found.queues if queue.parent == "ingress"]
    assert sorted(each.partition(" ")[0] for each in entrance.filters) == ["bpf", "bpf"]
    assert [each.endswith(" outwards") for each in sorted(entrance.filters)] == [False, True]


def test_nothing_that_is_not_there() -> None:
    assert bpf.of_interface(2**31 - 1) == ()
    assert bpf.of_process(2**22 + 1) == ()
