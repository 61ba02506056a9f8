"""The image: built by an ordinary user with the words of `make image`, without a registry, and run by Podman."""

from __future__ import annotations

import os
import secrets
import shlex
import shutil
import subprocess
from pathlib import Path
from typing import Final

import pytest

from deploy.bare import ROOT

PACKAGES: Final = "iptables,nftables"
"""What the Containerfile installs is there already: the sandbox that it is built in reaches nothing."""
_SET_UP: Final = r"""
set -e
mount --make-rprivate /
mount -t tmpfs none /run
if [ -d /sys/fs/cgroup/unified ]; then umount /sys/fs/cgroup/unified; fi
ip link set lo up
PATH="$1/bin:$PATH"
cd "$1"
"""
_BUILD: Final = r"""
for file in passwd subuid subgid; do
    cp /etc/$file /run/$file 2>/dev/null || touch /run/$file /etc/$file
    mount --bind /run/$file /etc/$file
done
echo 'ht:x:54321:54321::/run/ht:/bin/sh' >>/run/passwd
echo '54321:200000:65536' | tee -a /run/subuid >>/run/subgid
mkdir -p /run/ht "$1/ht"
chown -R ht:54321 /run/ht "$1/ht" context
as_user() {
    setpriv --reuid 54321 --regid 54321 --clear-groups env HOME=/run/ht XDG_RUNTIME_DIR=/run/ht STORE=ht \
        BUILDAH_ISOLATION=chroot sh -ec "$1"
}
as_user "podman import --quiet base.tar localhost/ht-base; cd context; $BUILD; podman save --output ../ht/image.tar $IMAGE"
podman load --quiet --input ht/image.tar
rm -rf ht base.tar context /dev/shm/libpod_rootless_lock_54321
"""
"""An overlay in memory takes no file of another user's namespace: the image is handed over as an archive."""
_PODMAN: Final = """#!/bin/sh
exec {podman} --root {place}/${{STORE:-root}}/store --runroot /run/${{STORE:-libpod}}/run --tmpdir /run/${{STORE:-libpod}} \\
    --storage-driver overlay --cgroup-manager cgroupfs --network-config-dir /run/${{STORE:-libpod}}/networks "$@"
"""
LIMITS: Final = "--ulimit nofile=1024:1024 --ulimit nproc=1000:1000"


class Image:
    """``name``: for podman run. Its storage is below ``place``; nothing of it runs on."""

    def __init__(self, place: Path, onefile: Path) -> None:
        for needed in ("podman", "mmdebstrap", "newuidmap", "setpriv"):
            if shutil.which(needed) is None:
                pytest.fail(f"needs {needed} (scripts/debian-packages)")
        self.place = place
        self.group = f"ht-{secrets.token_hex(4)}"
        for name in ("bin", "context/dist"):
            (place / name).mkdir(parents=True)
        podman = place / "bin" / "podman"
        podman.write_text(_PODMAN.format(podman=shutil.which("podman"), place=place))
        podman.chmod(0o755)
        shutil.copy(ROOT / ".containerignore", place / "context")
        shutil.copytree(ROOT / "deploy", place / "context" / "deploy")
        shutil.copy(onefile, place / "context" / "dist")
        base = (
            "mmdebstrap",
            "--quiet",
            "--variant=minbase",
            f"--include={PACKAGES}",
            "bookworm",
            f"{place}/base.tar",
        )
        done = subprocess.run(base, capture_output=True, text=True, check=False, timeout=600)
        assert done.returncode == 0, done.stderr
        said = subprocess.run(
            ["make", "--dry-run", "image", "BASE=localhost/ht-base"],
            cwd=ROOT, capture_output=True, text=True, check=True,
        ).stdout.replace("\\\n", " ")  # fmt: skip
        [build] = [line for line in said.splitlines() if line.startswith("podman build ")]
        self.name = shlex.split(build)[shlex.split(build).index("--tag") + 1]
        self.run(f"BUILD={shlex.quote(build)}{_BUILD}")

    def run(self, script: str, *, own_network: bool = True, own_pids: bool = True, code: int = 0) -> str:
        """What a shell script prints that has ``podman`` and this image, in namespaces of its own."""
        own = [
            *(["--net"] if own_network else []),
            *(["--pid", "--fork", "--kill-child", "--mount-proc"] if own_pids else []),
        ]
        try:
            done = subprocess.run(
                ["unshare", "--mount", *own, "sh", "-c", _SET_UP + script, "sh", str(self.place)],
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                check=False,
                timeout=600,
                env={**os.environ, "GROUP": f"/{self.group}", "IMAGE": self.name, "LIMITS": LIMITS},
            )
        finally:
            self._leave()
        assert done.returncode == code, (done.returncode, done.stdout[-2000:], done.stderr[-4000:])
        return done.stdout

    def _leave(self) -> None:
        """Remove the groups of control that its containers were in."""
        groups = Path("/sys/fs/cgroup")
        for one in sorted(
            [*groups.glob(f"{self.group}/**/"), *groups.glob(f"*/{self.group}/**/")], reverse=True
        ):
            one.rmdir()
