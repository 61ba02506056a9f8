"""Whether a word is a namespace's or an owner's name: for who wrote it where a file was meant."""

from __future__ import annotations

from halftrack import owners
from halftrack.evidence.values import ALL, OWN
from halftrack.kernel import files, namespaces


def is_called(name: str) -> bool:
    """Whether ``--netns`` takes it on the running node; a path is none. Asks runtimes only at the end."""
    if name in (*OWN, ALL):
        return True
    if not name or "/" in name:
        return False
    spaces, _ = namespaces.find()
    if name in [space.name for space in spaces] or files.exists(namespaces.NAMED / name):
        return True
    named, _ = owners.find(spaces)
    return any(name in (one.name, one.id) and one.netns_inode is not None for one in named)
