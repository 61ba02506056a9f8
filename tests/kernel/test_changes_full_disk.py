"""A disk that fills up at any moment of a change: said, nothing half applied, and undo still works."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from kernel import changing
from kernel.changing import Site
from kernel.scratch import sh

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kernel.scratch import Netns

PAGE = 4096


@pytest.fixture
def site(netns: Netns, tmp_path: Path) -> Iterator[Site]:
    """The state directory is a disk of 16 pages."""
    made = Site(netns, tmp_path)
    made.etc.mkdir()
    state = tmp_path / "state"
    state.mkdir()
    sh("mount", "-t", "tmpfs", "-o", f"size={16 * PAGE}", "none", str(state))
    try:
        yield made
    finally:
        sh("umount", str(state))


def fill(site: Site, left: int) -> Path:
    """Leave so many pages."""
    filler = site.base / "state/filler"
    with filler.open("wb", buffering=0) as file:
        try:
            while True:
                file.write(b"\0" * PAGE)
        except OSError:
            pass
        file.truncate(file.tell() - left * PAGE)
    return filler


@pytest.mark.parametrize("left", range(4))
def test_a_full_disk_leaves_all_or_nothing(site: Site, left: int) -> None:
    before = site.state()
    plan = site.plan(changing.settings(site), changing.lasting(site))
    filler = fill(site, left)
    done = site.halftrack("fix", str(plan), "--yes")
    if done.returncode == 0:
        assert left > 1
    else:
        assert done.returncode in (74, 76)
        assert "No space left" in done.stderr
    listed = site.halftrack("changes")
    assert listed.returncode == 0, listed.stderr
    if site.state() != before:
        undone = site.halftrack("undo", "--yes")
        assert undone.returncode in (0, 76), undone.stderr
    assert site.state() == before
    filler.unlink()
    assert site.halftrack("changes").returncode == 0
