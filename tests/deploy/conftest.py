"""What is carried to nodes: built once, and tried where there is nothing else."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from deploy.bare import ROOT, Bare

if TYPE_CHECKING:
    from collections.abc import Iterator


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents and "onefile" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.kernel)
            if os.geteuid() and os.environ.get("HALFTRACK_REQUIRE_KERNEL") != "1":
                item.add_marker(pytest.mark.skip(reason="needs root"))


@pytest.fixture(scope="session")
def memory() -> Iterator[Path]:
    """A directory for some hundreds of megabytes that come and go, in memory where there is such a place."""
    place = Path("/dev/shm")  # noqa: S108  # a directory of its own in it
    with tempfile.TemporaryDirectory(prefix="ht-deploy-", dir=place if place.is_dir() else None) as name:
        Path(name).chmod(0o711)  # others build there, too
        yield Path(name)


@pytest.fixture(scope="session")
def onefile(memory: Path) -> Path:
    """The one file, as ``make onefile`` builds it; or, by HALFTRACK_ONEFILE, one that is there."""
    if built := os.environ.get("HALFTRACK_ONEFILE"):
        return Path(built)
    build = [sys.executable, str(ROOT / "deploy/onefile/build.py"), str(memory / "dist")]
    environment = {**os.environ, "TMPDIR": str(memory)}
    done = subprocess.run(build, capture_output=True, text=True, check=False, timeout=600, env=environment)
    assert done.returncode == 0, done.stderr
    return Path(done.stdout.strip())


@pytest.fixture(scope="session")
def tree(memory: Path, onefile: Path) -> Path:
    """The same, unpacked to stay."""
    into = memory / "halftrack"
    done = subprocess.run(
        [str(onefile), "--unpack", str(into)], capture_output=True, text=True, check=False, timeout=300
    )
    assert (done.returncode, done.stdout.strip()) == (0, f"{into}/bin/halftrack"), done.stderr
    return into


@pytest.fixture
def bare(memory: Path) -> Iterator[Bare]:
    """A root with BusyBox in it, a few devices, and nothing else."""
    made = Bare(memory / "root")
    yield made
    shutil.rmtree(made.root)
