"""Putting entries into a scratch namespace, reading it as evidence, and typing a remedy's commands."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Final

import polars as pl

from halftrack.evidence.values import (
    Evidence,
    Firewall,
    Namespace,
    Table,
)
from halftrack.kernel import ctnetlink

if TYPE_CHECKING:
    from collections.abc import Iterable

    from kernel.scratch import Netns

SERVER: Final = "203.0.113.73"
SERVER6: Final = "2001:db8::73"
ESTABLISHED: Final = "net.netfilter.nf_conntrack_tcp_timeout_established"


def table_of(netns: Netns, *, name: str | None = None, **fields: object) -> Table:
    """The namespace's table as it is, under the way into it that ``ip netns`` gives."""
    flows = ctnetlink.dump(netns_path=netns.path).flows
    namespace = Namespace(name or netns.name, path=netns.path)
    return Table(namespace=namespace, flows=flows, count=len(flows), **fields)


def evidence_of(*tables: Table, **fields: object) -> Evidence:
    given = {"node": "n", "source": "live", "kernel": os.uname().release, "firewall": Firewall(tool="nft")}
    return Evidence(tables=tables, **(given | fields))


def put(netns: Netns, src: str, dst: str, sport: int, dport: int, *more: str, proto: str = "tcp") -> None:
    """An entry through ctnetlink: established, unanswered, days left, unless ``more`` says otherwise."""
    words = [
        "conntrack",
        "-I",
        "-p",
        proto,
        "-s",
        src,
        "-d",
        dst,
        "--sport",
        str(sport),
        "--dport",
        str(dport),
    ]
    if "-t" not in more:
        words += ["-t", "400000"]
    if proto == "tcp" and "--state" not in more:
        words += ["--state", "ESTABLISHED"]
    netns.run(*words, *more)


ANSWERED: Final = ("-u", "SEEN_REPLY,ASSURED")


def paste(commands: Iterable[str], home: Path, *, inside: Netns | None = None, path: str = "") -> None:
    """Type the commands one by one into a shell, with ``/etc`` moved to ``home``."""
    for directory in ("etc/sysctl.d", "etc/modules-load.d", "etc/modprobe.d", "etc/systemd/system"):
        (home / directory).mkdir(parents=True, exist_ok=True)
    before = ["ip", "netns", "exec", inside.name] if inside else []
    for command in commands:
        moved = command.replace("/etc/", f"{home}/etc/")
        done = subprocess.run(
            [*before, "sh", "-c", moved],
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
            env={**os.environ, "PATH": f"{path}:{os.environ['PATH']}" if path else os.environ["PATH"]},
        )
        assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"


def tuples(netns: Netns) -> set[tuple[str, int, int]]:
    """What is left: protocol number and original ports."""
    frame = ctnetlink.dump(netns_path=netns.path).flows.frame
    return set(frame.select(pl.col("l4proto").cast(pl.String), "orig_sport", "orig_dport").iter_rows())


def read_sysctl(netns: Netns, name: str) -> int:
    return int(netns.run("sysctl", "-n", name))


def as_host(netns: Netns, **fields: object) -> Table:
    """The scratch namespace in the place of the node's own: commands come without a way into it."""
    return table_of(netns, name="host", **fields)
