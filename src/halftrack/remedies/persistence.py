"""Settings that are to hold over a reboot: whose they are, and the files that say so.

The node's own drop-in is written whole each time, without repeating a key; the module is loaded
at boot before the settings are applied, because systemd passes over keys that do not exist yet
without a word (sysctl.d(5)).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Final

from halftrack.plans.lasting import DROP_IN, MODULES
from halftrack.remedies import place
from halftrack.remedies.shell import comment, word

if TYPE_CHECKING:
    from collections.abc import Mapping

    from halftrack.evidence.sysctls import SysctlLine
    from halftrack.evidence.values import Evidence, Namespace
    from halftrack.remedies.situation import Situation

_PACKAGED: Final = ("/usr/lib/sysctl.d/", "/lib/sysctl.d/", "/usr/local/lib/sysctl.d/")
_LATE: Final = ("/etc/sysctl.conf", "/etc/ufw/sysctl.conf")


@dataclass(frozen=True, slots=True)
class Kept:
    """Commands that make settings last, and what the reader has to know about it."""

    commands: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def set_now(settings: Mapping[str, int], situation: Situation) -> tuple[str, ...]:
    """Commands that set these sysctls (full names) in the table's namespace, in this order."""
    evidence, namespace = situation.evidence, situation.table.namespace
    before = "" if place.settings_are_global(evidence) else place.prefix(namespace, evidence)
    return tuple(f"{before}sysctl -w {name}={value}" for name, value in settings.items())


def keep(settings: Mapping[str, int], situation: Situation, *, module: bool = True) -> Kept:
    """What makes these sysctls (full names) hold after a reboot on this node.

    ``module``: they exist only once the tracker's module is loaded.
    """
    evidence, namespace = situation.evidence, situation.table.namespace
    if evidence.in_container:
        return Kept(notes=("set inside a container it is gone when the container is started anew",))
    if not place.is_host(namespace, evidence) and not place.settings_are_global(evidence):
        return Kept(notes=(_in_namespace(settings, namespace),))
    commands = [_into_drop_in(name, value) for name, value in settings.items()]
    if module:
        commands += load_module(evidence)
    commands += _without_systemd(evidence)
    notes = []
    for line in later(settings, evidence):
        notes.append(f"{line.file}:{line.line} sets {line.name} to {line.value} and is read after ours")
        commands.append(_change(line, settings[dotted(line.name)]))
    return Kept(tuple(dict.fromkeys(commands)), tuple(notes))


def _drop_in_commands(name: str, value: int, path: str) -> str:
    """A command that writes ``path`` whole: its other lines, and this one assignment of ``name``."""
    pattern = f"^{name.replace('.', '[.]')}[ =]"
    where, new = word(path), word(f"{path}.new")
    line = word(f"{name} = {value}")
    return f"{{ grep -vs {word(pattern)} {where}; echo {line}; }} > {new} && mv {new} {where}"


def _into_drop_in(name: str, value: int) -> str:
    return "mkdir -p /etc/sysctl.d\n" + _drop_in_commands(name, value, DROP_IN)


def load_module(evidence: Evidence) -> tuple[str, ...]:
    """What has the tracker's module loaded at boot, before the settings are applied."""
    if place.has_systemd(evidence):
        return (f"mkdir -p /etc/modules-load.d\necho nf_conntrack > {MODULES}",)
    if place.settings_are_global(evidence):
        path = "/etc/sysconfig/modules/halftrack.modules"
        return (f"printf '#!/bin/sh\\nmodprobe nf_conntrack\\n' > {path} && chmod 755 {path}",)
    return ("grep -qsx nf_conntrack /etc/modules || echo nf_conntrack >> /etc/modules",)


def _without_systemd(evidence: Evidence) -> tuple[str, ...]:
    if place.has_systemd(evidence):
        return ()
    if place.settings_are_global(evidence):
        path = "/etc/rc.d/rc.local"
        return (f"grep -qsF {DROP_IN} {path} || echo 'sysctl -e -p {DROP_IN}' >> {path}",)
    return (comment(f"no systemd here: see that the boot scripts read {DROP_IN}"),)


def _in_namespace(settings: Mapping[str, int], namespace: Namespace) -> str:
    flags = " ".join(f"--sysctl {name}={value}" for name, value in settings.items())
    runtime = namespace.owner.runtime if namespace.owner else None
    if runtime in {"podman", "docker"}:
        return f"it goes with the container: start it with {flags}"
    return "it goes with the network namespace: whatever makes the namespace has to set it again"


def later(settings: Mapping[str, int], evidence: Evidence) -> tuple[SysctlLine, ...]:
    """Assignments of the same keys that boot applies after the drop-in, the last of each file."""
    last: dict[tuple[str, str], SysctlLine] = {}
    for line in evidence.sysctl_lines or ():
        name = dotted(line.name)
        if name in settings and line.file != DROP_IN and _is_later(line.file):
            last[line.file, name] = line
    return tuple(line for line in last.values() if line.value.strip() != str(settings[dotted(line.name)]))


def _is_later(file: str) -> bool:
    path = PurePosixPath(file)
    return file in _LATE or path.parent.name != "sysctl.d" or path.name > PurePosixPath(DROP_IN).name


def dotted(name: str) -> str:
    return name.strip().lstrip("-").replace("/", ".")


def _change(line: SysctlLine, value: int) -> str:
    """Change the assignment where it stands; a packaged file is overridden by a changed copy."""
    name = dotted(line.name)
    pattern = re.escape(name).replace(r"\.", "[./]")
    script = word(f"s@^[[:space:]]*-?{pattern}[[:space:]]*=.*@{name} = {value}@")
    if line.file.startswith(_PACKAGED):
        return f"sed -E {script} {word(line.file)} > {word('/etc/sysctl.d/' + PurePosixPath(line.file).name)}"
    return f"sed -i -E {script} {word(line.file)}"
