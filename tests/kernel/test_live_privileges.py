"""What is read of this node without all privileges: what is missing is said, and what would open it."""

from __future__ import annotations

import json
import os
import subprocess
import sys

from kernel.examining import ALONE
from kernel.processes import process_in
from kernel.scratch import Netns, sh


def as_user(uid: int, *prefix: str) -> dict[str, object]:
    words = [*prefix, sys.executable, "-c", ALONE, str(uid)]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(words, env=environment, capture_output=True, text=True, check=True)
    report: dict[str, object] = json.loads(done.stdout)
    return report


def test_an_ordinary_user(full: Netns) -> None:
    """Counts, limits, settings, counters and sockets need nothing; the rest names what it needs."""
    with process_in(full.name, "ht-web"):
        report = as_user(65534)

    assert report["user"] == "nobody"
    tables, told = report["tables"], report["gaps"]
    assert isinstance(tables, dict)
    assert isinstance(told, list)
    count, limit, settings, readings, flows, skipped, sockets = tables["host"]
    assert limit == int(sh("sysctl", "-n", "net.netfilter.nf_conntrack_max"))
    assert settings > 30
    assert readings == 2
    assert not skipped
    assert sockets is not None
    # An empty table is known to be empty; any other is not ours to read.
    assert (flows == 0) if count == 0 else (flows is None)
    (inside,) = [values for name, values in tables.items() if name == "ht-web"]
    assert inside[:6] == [1_500, limit, 0, 2, None, False]
    needs = {what: needed for what, needed, _ in told}
    three = ["CAP_NET_ADMIN", "CAP_SYS_ADMIN", "CAP_SYS_PTRACE"]
    assert three in [needed for what, needed in needs.items() if what.startswith("entries of ")]
    assert three[1:] in [needed for what, needed in needs.items() if what.startswith("sockets of ")]
    assert needs[f"table of {full.name}"] == three[:2]
    if count:
        assert needs["entries of this node"] == ["CAP_NET_ADMIN"]
    assert all(tells for _, _, tells in told)


def test_an_ordinary_user_in_a_container() -> None:
    """Root in a user namespace reads its own table, which is never called the node's."""
    report = as_user(0, "unshare", "-Urnpf", "--mount-proc")
    tables = report["tables"]
    assert isinstance(tables, dict)
    assert "host" not in tables
    assert tables["self"][4] == 0


def test_root_without_the_capability(full: Netns) -> None:
    """As in most containers: the file is root's to read, if the table is small."""
    path = os.pathsep.join(sys.path)
    drop = ("setpriv", "--bounding-set=-net_admin", "--inh-caps=-net_admin")
    words = ("env", f"PYTHONPATH={path}", *drop, sys.executable, "-c", ALONE, "0", "self")
    report = json.loads(full.run(*words))
    assert report["tables"]["self"][4] == 1_500
    (needs,) = [needed for what, needed, _ in report["gaps"] if what.startswith("TCP flags")]
    assert needs == ["CAP_NET_ADMIN"]
