"""Every kind of write that there is: a new one is added here, and the journal can hold it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from halftrack.changes.writes.buckets import BucketsWrite
from halftrack.changes.writes.files import FileWrite
from halftrack.changes.writes.iptables import IptablesWrite
from halftrack.changes.writes.links import LinkWrite
from halftrack.changes.writes.nft import NftWrite
from halftrack.changes.writes.policy import PolicyWrite
from halftrack.changes.writes.sysctl import SysctlWrite

AnyWrite = SysctlWrite | BucketsWrite | FileWrite | LinkWrite | NftWrite | IptablesWrite | PolicyWrite
"""Each is told from the others by its tag, ``write``."""

if TYPE_CHECKING:
    from halftrack.changes.writes import Write

    def _provides(write: AnyWrite) -> Write:
        """Each has what a write has: this is where it would be told if one had not."""
        return write
