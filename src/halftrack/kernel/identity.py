"""Which machine this is, and which of its boots."""

from __future__ import annotations

import hashlib

from halftrack.kernel import files


def machine() -> str | None:
    """A digest of ``/etc/machine-id``, which machine-id(5) asks to keep to oneself; None without one."""
    text = (files.text("/etc/machine-id", 64) or "").strip()
    return hashlib.sha256(f"halftrack {text}".encode()).hexdigest()[:16] if len(text) == 32 else None


def boot() -> str | None:
    """The boot id of the running kernel."""
    return (files.text("/proc/sys/kernel/random/boot_id", 64) or "").strip() or None
