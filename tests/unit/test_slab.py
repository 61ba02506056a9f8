"""Bytes of an entry, from whichever allocator tells it."""

from __future__ import annotations

from pathlib import Path

from halftrack.kernel import slab

SLABINFO = """slabinfo - version: 2.1
# name            <active_objs> <num_objs> <objsize> <objperslab> <pagesperslab>
nf_conntrack_expect      0      0    232   17    1 : tunables    0    0    0 : slabdata 0 0 0
nf_conntrack_ffffffff81a1dfc0    950    960    304   13    1 : tunables    0    0    0 : slabdata 0 0 0
"""


def test_sysfs_first(tmp_path: Path) -> None:
    """The cache's own directory knows what an entry takes, padding included."""
    for name, size in (("nf_conntrack_expect", "232"), ("nf_conntrack", "256")):
        cache = tmp_path / "sys/kernel/slab" / name
        cache.mkdir(parents=True)
        (cache / "slab_size").write_text(f"{size}\n", encoding="ascii")
    assert slab.entry_bytes(tmp_path) == 256


def test_slabinfo_of_an_old_kernel(tmp_path: Path) -> None:
    """Before 4.7 there was a cache per namespace; expectations are not entries."""
    (tmp_path / "proc").mkdir()
    (tmp_path / "proc/slabinfo").write_text(SLABINFO, encoding="ascii")
    assert slab.entry_bytes(tmp_path) == 304


def test_not_readable_is_not_known(tmp_path: Path) -> None:
    assert slab.entry_bytes(tmp_path) is None
