"""systemd itself as the first process of namespaces of a test's own, on an overlay of this machine's files."""

from __future__ import annotations

import secrets
import shutil
import subprocess
from pathlib import Path
from typing import Final

import pytest

from deploy.bare import ROOT

UNITS: Final = ROOT / "deploy" / "systemd"
SYSTEMD: Final = "/lib/systemd/systemd"
_BOOT: Final = r"""
set -e
mount --make-rprivate /
over=$1/over root=$1/over/root
export root
mkdir "$over"
mount -t tmpfs none "$over"
mkdir "$over/upper" "$over/work" "$root"
mount -t overlay -o "lowerdir=/,upperdir=$over/upper,workdir=$over/work" none "$root"
mount -t proc none "$root/proc"
# Of the kernel's settings only those of a network belong to this one.
mount --bind "$root/proc/sys" "$root/proc/sys"
mount -o remount,bind,ro "$root/proc/sys"
mount --bind /proc/sys/net "$root/proc/sys/net"
mount -t sysfs none "$root/sys"
mount -t cgroup2 none "$root/sys/fs/cgroup"
mount --rbind /dev "$root/dev"
for name in run tmp var/lib/prometheus var/lib/halftrack; do
    mkdir -p "$root/$name"
    mount -t tmpfs none "$root/$name"
done
mkdir -p "$root/told" "$root/var/lib/prometheus/node-exporter"
mount --bind "$1/told" "$root/told"
rm -rf "$root/opt/halftrack" "$root/usr/local/bin/halftrack"
if [ -n "$2" ]; then
    mkdir -p "$root/opt/halftrack"
    mount --bind "$2" "$root/opt/halftrack"
    ln -s /opt/halftrack/bin/halftrack "$root/usr/local/bin/halftrack"
fi
rm -rf "$root/etc/systemd/system"
cp -r "$1/units" "$root/etc/systemd/system"
# None of this machine's services, and none that a boot begins with.
mount -t tmpfs none "$root/lib/systemd/system"
mount -t tmpfs none "$root/lib/systemd/system-generators"
for name in sysinit basic timers sockets paths network shutdown multi-user; do
    printf '[Unit]\nDefaultDependencies=no\n' >"$root/lib/systemd/system/$name.target"
done
ip link set lo up
sh -c "$3"
# It is not to set a machine up.
export container=other
exec chroot "$root" /lib/systemd/systemd --system --unit=ht-test.service --log-target=console --show-status=no
"""
_DRIVER: Final = """
[Unit]
DefaultDependencies=no
SuccessAction=exit-force
SuccessActionExitStatus=0
FailureAction=exit-force
FailureActionExitStatus=1
[Service]
Type=oneshot
ExecStart=/bin/sh -e /told/script
StandardOutput=file:/told/said
StandardError=file:/told/complaints
TimeoutStartSec=120s
"""


def told(
    directory: Path,
    tree: Path | None,
    script: str,
    *,
    before: str = ":",
    own_network: bool = True,
    **more: str,
) -> str:
    """What a script prints that runs as root beside our units; ``before`` is run by shell before the boot.

    ``tree`` lies in /opt/halftrack there, with our units; without it there is neither. ``more``: other units, by name with ``_`` for what no name of
    Python's may have. The node's own network is for what only looks: nothing else is the node's to Halftrack.
    """
    if not Path(SYSTEMD).exists():
        pytest.fail("needs systemd (scripts/debian-packages)")
    (directory / "told").mkdir(parents=True, exist_ok=True)
    if tree is None:
        (directory / "units").mkdir()
    else:
        shutil.copytree(UNITS, directory / "units")
    (directory / "told" / "script").write_text(script, encoding="utf-8")
    for name, text in {**more, "ht_test": _DRIVER}.items():
        (directory / "units" / f"{name.replace('_', '-')}.service").write_text(text, encoding="utf-8")
    group = Path("/sys/fs/cgroup/unified")
    group = (group if group.is_dir() else group.parent) / f"ht-{secrets.token_hex(4)}"
    group.mkdir()
    words = (
        "unshare",
        *(("--net",) if own_network else ()),
        "--mount",
        "--uts",
        "--ipc",
        "--cgroup",
        "--pid",
        "--fork",
        "--kill-child",
    )
    entering = f'echo $$ > {group}/cgroup.procs; exec "$@"'
    try:
        done = subprocess.run(
            [
                "sh",
                "-c",
                entering,
                "sh",
                *words,
                "sh",
                "-c",
                _BOOT,
                "sh",
                str(directory),
                str(tree or ""),
                before,
            ],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=240,
        )
    finally:
        for one in sorted((one for one in group.rglob("*") if one.is_dir()), reverse=True):
            one.rmdir()
        group.rmdir()
    complaints = directory / "told" / "complaints"
    said = complaints.read_text(encoding="utf-8") if complaints.exists() else ""
    assert done.returncode == 0, (said, done.stderr[-4000:])
    return (directory / "told" / "said").read_text(encoding="utf-8")
