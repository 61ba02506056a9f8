"""A scratch network as a whole node: nothing else of the machine is seen from within.

It has process numbers, mounts and a name of its own; what looks at every process and every network
namespace, as the collecting script does, sees the node and its containers alone.
"""

from __future__ import annotations

import contextlib
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from kernel.dressing import NAME, fill, on_terminal

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from kernel.scratch import Netns

_LONGEST_S: Final = 900
"""Nothing of a test that was killed stays for longer."""
_SSH: Final = '#!/bin/sh\nshift\nexec "$@"\n'
"""Whoever types ``ssh NODE COMMAND`` is on the node already."""
LIMIT: Final = 262_144
"""Entries and buckets. The kernel has one limit for all namespaces; what is seen is to be the same anywhere."""
_SEAL: Final = f"""
set -e
hostname "$1"
root=$2
shift 2
names=
while [ $# -gt 0 ]; do
  nsenter --net="$2" sleep {_LONGEST_S} </dev/null >/dev/null 2>&1 &
  until [ -e /proc/$!/ns/net ] && [ "$(readlink /proc/$!/ns/net)" != "$(readlink /proc/1/ns/net)" ]; do
    sleep 0.05
  done
  names="$names $1:$!"
  shift 2
done
grep -o ' /run/netns/[^ ]*' /proc/self/mountinfo | sort -u |
  while read -r mount; do umount -l "$mount" 2>/dev/null || :; done
for directory in etc run var/lib; do mount --rbind "$root/$directory" "/$directory"; done
for name in $names; do
  : > "/run/netns/${{name%:*}}"
  mount --bind "/proc/${{name#*:}}/ns/net" "/run/netns/${{name%:*}}"
done
for directory in /proc/sys/net/*/; do
  mkdir -p "$root/net/${{directory#/proc/sys/net/}}"
  mount --bind "$directory" "$root/net/${{directory#/proc/sys/net/}}"
done
: > "$root/net/nf_conntrack_max"
for name in nf_conntrack_max netfilter/nf_conntrack_max netfilter/nf_conntrack_buckets; do
  mkdir -p "$root/limits/netfilter"
  echo {LIMIT} > "$root/limits/$name"
  mount --bind "$root/limits/$name" "$root/net/$name"
done
mount --bind "$root/limits/netfilter/nf_conntrack_buckets" /sys/module/nf_conntrack/parameters/hashsize
mount --rbind "$root/net" /proc/sys/net
echo ready
exec sleep {_LONGEST_S}
"""
"""Arguments: the node's name, the root, then name and namespace of each container.

``net.nf_conntrack_max`` is there in a node's first network namespace alone: by it a node is told from a
container, which this is otherwise. Files stand in for the limit and the buckets, so that they are no setting
of this machine. ``sysctl -a`` loses its way in what stands there; it can be asked by name.
"""


@dataclass(frozen=True)
class Sealed:
    """``first``: its process 1, as it is called outside; ``home``: where somebody types."""

    first: int
    home: Path

    def typed(self, line: str) -> tuple[int, str]:
        """What somebody sees on a terminal who types it to a shell, and the exit code."""
        inside = f'cd "$0" && PATH=$0/bin:$PATH && {line}'
        enter = ("nsenter", "--target", str(self.first), "--mount", "--uts", "--net", "--pid", "--")
        return on_terminal((*enter, "sh", "-c", inside, str(self.home)), self.home)


@contextlib.contextmanager
def sealed(netns: Netns, root: Path, containers: Mapping[str, Netns]) -> Iterator[Sealed]:
    """The namespace as a node with these containers; ``root``: an empty directory for its files."""
    fill(root)
    program = root / "home/bin/ssh"
    program.parent.mkdir()
    program.write_text(_SSH, encoding="utf-8")
    program.chmod(0o755)
    named = [word for name, space in containers.items() for word in (name, space.path)]
    own = ("unshare", "--mount", "--uts", "--pid", "--fork", "--kill-child", "--mount-proc")
    with subprocess.Popen(
        ["ip", "netns", "exec", netns.name, *own, "sh", "-c", _SEAL, "sh", NAME, str(root), *named],
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            assert process.stdout is not None
            if process.stdout.readline() != "ready\n":
                raise RuntimeError("the node did not come up")
            children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text("ascii").split()
            yield Sealed(int(children[0]), root / "home")
        finally:
            process.kill()
