"""Real Podman, in network, mount and process namespaces of a test's own: nothing of it stays behind."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path
from typing import Final

import pytest

_SET_UP: Final = r"""
set -e
mount --make-rprivate /
mount -t tmpfs none /run
if [ -d /var/lib/containers ]; then mount -t tmpfs none /var/lib/containers; fi
if [ -d /sys/fs/cgroup/unified ]; then umount /sys/fs/cgroup/unified; fi
ip link set lo up
mkdir -p "$1/bin" /run/containers/storage
cat > "$1/bin/podman" <<END
#!/bin/sh
exec $(command -v podman) --root "$1/root" --runroot /run/containers/storage --tmpdir /run/libpod \
  --storage-driver vfs --cgroup-manager cgroupfs --network-config-dir "$1/networks" "\$@"
END
chmod +x "$1/bin/podman"
PATH="$1/bin:$PATH"
exec 3>&1 >&2
podman import "$1/image.tar" ht-image
start() {
  podman run --detach --cgroups disabled --ulimit nofile=1024:1024 --ulimit nproc=1000:1000 "$@" ht-image \
    /busybox sleep 300
}
"""
_ASK: Final = '\nexec "$2" -c "$3" >&3\n'
_WORDS: Final = ("unshare", "--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc")


def told(directory: Path, containers: str, program: str) -> str:
    """What a Python program prints beside containers, which ``start NAME-AND-OPTIONS`` makes in shell.

    For it the node is one that has nothing else on it. Skips where no containers can be had.
    """
    for needed in ("podman", "busybox", "unshare"):
        if shutil.which(needed) is None:
            pytest.skip(f"needs {needed}")
    with tarfile.open(directory / "image.tar", "w") as image:
        image.add(Path(shutil.which("busybox") or "").resolve(), "busybox")
    done = subprocess.run(
        (*_WORDS, "sh", "-c", _SET_UP + containers + _ASK, "sh", str(directory), sys.executable, program),
        capture_output=True,
        text=True,
        check=False,
        timeout=180,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    if (
        done.returncode
        and os.environ.get("HALFTRACK_REQUIRE_KERNEL") != "1"
        and "Traceback" not in done.stderr
    ):
        pytest.skip(f"no containers here: {done.stderr.strip().splitlines()[-1:]}")
    assert done.returncode == 0, done.stderr
    return done.stdout
