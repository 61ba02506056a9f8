"""A dump that may not, cannot or shall not go to its end; and conditions a kernel takes literally."""

from __future__ import annotations

import subprocess
import sys
import time
from typing import TYPE_CHECKING

import numpy as np
import polars as pl
import pytest

from halftrack.evidence import uapi
from halftrack.evidence.selection import Selection
from halftrack.kernel import ctnetlink
from kernel.inject import End, Entries, inject
from kernel.tables import CLIENT, SERVER, one_of_everything

if TYPE_CHECKING:
    from kernel.scratch import Netns


def test_without_the_capability_the_error_names_it(netns: Netns) -> None:
    code = (
        "from halftrack.kernel import ctnetlink\n"
        "from halftrack.errors import PermissionMissing\n"
        "try:\n    ctnetlink.dump()\n"
        "except PermissionMissing as error:\n    print(error)\n"
    )
    words = ("setpriv", "--bounding-set=-net_admin", "--inh-caps=-net_admin", sys.executable, "-c", code)
    assert "CAP_NET_ADMIN" in netns.run(*words)


def test_a_namespace_that_is_gone_is_an_os_error() -> None:
    with pytest.raises(FileNotFoundError):
        ctnetlink.begin(netns_path="/run/netns/ht-there-is-none")


def test_a_dump_stopped_by_its_deadline_says_that_it_is_incomplete(netns: Netns) -> None:
    inject(netns.path, *one_of_everything())
    stopped = ctnetlink.dump(netns_path=netns.path, deadline=time.monotonic() - 1)
    assert not stopped.complete
    assert ctnetlink.dump(netns_path=netns.path, deadline=time.monotonic() + 60).complete


def test_a_table_larger_than_all_buffers_is_read_whole(netns: Netns) -> None:
    count = 150_000
    src = (0x0A000000 + np.arange(count) // 50_000).astype(np.uint32)
    ports = np.arange(count) % 50_000 + 10_000
    inject(netns.path, Entries(End(src, SERVER, ports, 80), End(SERVER, src, 80, ports),
                               count=count, timeout=3600, state=3))  # fmt: skip
    found = ctnetlink.dump(netns_path=netns.path)
    assert (len(found.flows), found.unreadable, found.complete) == (count, 0, True)
    frame = found.flows.frame
    assert frame.select("orig_src_lo", "orig_sport").n_unique() == count
    assert frame["reply_dport"].equals(frame["orig_sport"].alias("reply_dport"))


@pytest.mark.parametrize(
    ("selection", "wanted"),
    [
        (Selection(mark=0xDEADBEEF, mark_mask=0xFF), pl.col("mark") & 0xFF == 0xEF),
        (
            Selection(status=uapi.IPS_SEEN_REPLY | uapi.IPS_ASSURED, status_mask=uapi.IPS_SEEN_REPLY),
            pl.col("status") & uapi.IPS_SEEN_REPLY != 0,
        ),
    ],
    ids=["mark", "status"],
)
def test_bits_outside_a_mask_hide_nothing(netns: Netns, selection: Selection, wanted: pl.Expr) -> None:
    inject(netns.path, *one_of_everything())
    everything = ctnetlink.dump(netns_path=netns.path).flows.frame.filter(wanted)
    chosen = ctnetlink.dump(selection, netns_path=netns.path).flows.frame.filter(wanted)
    assert everything.height > 0
    assert sorted(chosen["id"]) == sorted(everything["id"])


def test_reading_leaves_the_callers_namespace_alone(netns: Netns) -> None:
    before = subprocess.run(("readlink", "/proc/self/ns/net"), capture_output=True, check=True).stdout
    inject(netns.path, Entries(End(CLIENT, SERVER, 1, 80), End(SERVER, CLIENT, 80, 1), state=3))
    assert len(ctnetlink.dump(netns_path=netns.path).flows) == 1
    after = subprocess.run(("readlink", "/proc/self/ns/net"), capture_output=True, check=True).stdout
    assert before == after
