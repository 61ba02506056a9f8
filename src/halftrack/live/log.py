"""What the running kernel has logged about connection tracking."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

from halftrack.evidence.values import Gap
from halftrack.formats import kernel_log, log_lines
from halftrack.kernel import kmsg, privileges

if TYPE_CHECKING:
    from datetime import datetime

    from halftrack.evidence.kernel_log import KernelLog

WHAT: Final = "kernel log"


def read(taken_at: datetime) -> tuple[KernelLog | None, tuple[Gap, ...]]:
    """``taken_at``: now. It only supports what other evidence tells, so that without it nothing hides."""
    try:
        text = kmsg.read()
    except PermissionError:
        needs = privileges.missing(privileges.TO_READ_LOG) or privileges.TO_READ_LOG
        return None, (Gap(WHAT, "reading it is not permitted", needs),)
    except OSError as error:
        return None, (Gap(WHAT, f"{kmsg.KMSG}: {error.strerror}"),)
    log = kernel_log.scan([text], str(kmsg.KMSG))
    clock = log_lines.Clock(taken_at, time.monotonic())
    return kernel_log.understood([log], clock), ()
