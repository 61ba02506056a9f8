"""A machine on which nothing is installed: no Python, no libc, and no network but loopback."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).resolve().parents[2]
_ENTER: Final = """
set -e
ip link set lo up
mount -t proc none "$1/proc"
mount -t sysfs none "$1/sys"
eval "$2"
root=$1 user=$3
shift 3
exec chroot --userspec="$user:$user" "$root" /bin/busybox env -i PATH=/bin HOME=/root "$@"
"""
_APPLETS: Final = (
    *("cat", "chmod", "chown", "cut", "dd", "env", "find", "gzip", "head", "id", "ln", "ls", "mkdir", "mv"),
    *("readlink", "rm", "sh", "sha256sum", "stat", "tail", "tar", "touch", "uname", "wc"),
)


class Bare:
    """``root``: its directory on this machine."""

    def __init__(self, root: Path) -> None:
        for needed in ("busybox", "unshare", "chroot"):
            if shutil.which(needed) is None:
                pytest.skip(f"needs {needed}")
        self.root = root
        for name in ("bin", "dev", "proc", "root", "sys", "tmp", "var"):
            (root / name).mkdir(parents=True)
        (root / "tmp").chmod(0o1777)
        shutil.copy(Path(shutil.which("busybox") or "").resolve(), root / "bin" / "busybox")
        for name in _APPLETS:
            (root / "bin" / name).symlink_to("busybox")
        os.mknod(root / "dev" / "null", 0o20666, os.makedev(1, 3))
        (root / "dev" / "null").chmod(0o666)

    def bring(self, file: Path) -> None:
        """Drop one file on it."""
        shutil.copy(file, self.root / "halftrack")

    def run(self, *words: str, mounting: str = ":", user: int = 0) -> subprocess.CompletedProcess[str]:
        """Run words on it, with a network of its own, and what ``mounting`` adds below ``$1`` in shell."""
        spaces = ("unshare", "--net", "--mount", "--pid", "--ipc", "--uts", "--fork", "--kill-child")
        return subprocess.run(
            [*spaces, "sh", "-c", _ENTER, "sh", str(self.root), mounting, str(user), *words],
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
            stdin=subprocess.DEVNULL,
        )


def refusal(done: subprocess.CompletedProcess[str]) -> tuple[int, str]:
    """Its code and its one line."""
    said = [line for line in done.stderr.splitlines() if line.startswith("halftrack: ")]
    assert len(said) == 1, done.stderr
    assert "Traceback" not in done.stderr
    return done.returncode, said[0]
