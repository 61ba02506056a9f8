"""What the node's files set about connection tracking, in the order in which boot applies it.

systemd reads sysctl.d only; ``/etc/sysctl.conf`` counts there where a link in sysctl.d leads to it.
procps' ``sysctl --system`` reads it last. Red Hat's boot scripts before systemd (initscripts 9 and
earlier) read it first. ufw applies a file of its own after all of them. Module options come
before everything: a key exists once its module is loaded.
"""

from __future__ import annotations

import contextlib
import os
import re
import shlex
from typing import TYPE_CHECKING, Final

from halftrack.evidence.printable import escaped
from halftrack.evidence.sysctls import SysctlLine
from halftrack.kernel import dropins, files

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_RELEVANT: Final = re.compile(r"conntrack|\.tcp_keepalive_|\.tcp_syncookies$")
_MODULES: Final = ("nf_conntrack", "ip_conntrack")
_SYSCTL_CONF: Final = "/etc/sysctl.conf"
_UFW_DEFAULT: Final = "/etc/ufw/sysctl.conf"
_GLOB: Final = re.compile(r"[*?\[]")
_SHELL_ASSIGNMENT: Final = re.compile(r"^\s*(\w+)=[\"']?([^\"'\n]*)", re.MULTILINE)
_LONGEST: Final = 256


def read(root: Path) -> tuple[SysctlLine, ...]:
    """Assignments about connection tracking, keepalive and SYN cookies; the last one of a name wins.

    Names are dotted whichever way they were written. Every duplicate is kept. A module's option
    is called ``options nf_conntrack hashsize``.
    """
    lines = list(_module_options(root))
    for file in _files(root):
        lines.extend(_assignments(file))
    return tuple(lines)


def uses_systemd(root: Path) -> bool:
    """Whether systemd runs here. A tree without ``/run`` is judged by what is installed."""
    with contextlib.suppress(OSError), os.scandir(root / "run") as entries:
        if next(entries, None) is not None:
            return files.is_directory(root / "run/systemd/system")
    return any(files.exists(root / path) for path in ("usr/lib/systemd/systemd", "lib/systemd/systemd"))


def ufw_is_enabled(root: Path) -> bool:
    file = dropins.read(root, "/etc/ufw/ufw.conf")
    return _shell_variables(file).get("ENABLED", "").strip().lower() == "yes"


def _shell_variables(file: dropins.File | None) -> dict[str, str]:
    return dict(_SHELL_ASSIGNMENT.findall(file.text)) if file else {}


def _files(root: Path) -> Iterator[dropins.File]:
    listed = dropins.files(root, "sysctl.d")
    if not uses_systemd(root):
        main = dropins.read(root, _SYSCTL_CONF)
        own = [main] if main else []
        rest = [file for file in listed if main is None or file.path != main.path]
        early = files.exists(root / "etc/rc.d/rc.sysinit")
        listed = [*own, *rest] if early else [*rest, *own]
    yield from listed
    if ufw_is_enabled(root):
        defaults = dropins.read(root, "/etc/default/ufw")
        named = _shell_variables(defaults).get("IPT_SYSCTL", "").strip()
        file = dropins.read(root, named or _UFW_DEFAULT)
        if file is not None:
            yield file


def _assignments(file: dropins.File) -> Iterator[SysctlLine]:
    for number, line in enumerate(file.text.splitlines(), 1):
        stripped = line.strip()
        # Without a value a name with a dash takes itself out of the patterns above it.
        name, equals, value = stripped.partition("=")
        if not equals or stripped.startswith(("#", ";")):
            continue
        name = _dotted(name.strip().removeprefix("-").strip())
        if _RELEVANT.search(name) and not _GLOB.search(name) and " " not in name:
            yield _line(file, number, name, value.strip())


def _line(file: dropins.File, number: int, name: str, value: str) -> SysctlLine:
    return SysctlLine(escaped(file.path, _LONGEST), number, escaped(name, _LONGEST), escaped(value, _LONGEST))


def _dotted(name: str) -> str:
    """Slashes separate where the first separator is one; then a dot is part of a word, like ``eth0/5``."""
    first = re.search(r"[./]", name)
    if first is not None and first[0] == "/":
        return name.translate(str.maketrans("./", "/."))
    return name


def _module_options(root: Path) -> Iterator[SysctlLine]:
    """``options nf_conntrack hashsize=…`` (modprobe.d(5)), continued lines as one, dashes as underscores."""
    for file in dropins.files(root, "modprobe.d"):
        begun, first = "", 1
        for number, line in enumerate(file.text.splitlines(), 1):
            first = first if begun else number
            begun += line
            if begun.endswith("\\"):
                begun = f"{begun[:-1]} "
                continue
            words, begun = _words(begun), ""
            if len(words) < 3 or words[0] != "options" or words[1].replace("-", "_") not in _MODULES:
                continue
            for word in words[2:]:
                option, _, value = word.partition("=")
                name = f"options {words[1].replace('-', '_')} {option.replace('-', '_')}"
                yield _line(file, first, name, value)


def _words(line: str) -> list[str]:
    if line.lstrip().startswith("#"):
        return []
    try:
        return shlex.split(line)
    except ValueError:
        return line.split()
