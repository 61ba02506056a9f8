"""Running the script of a plan in a scratch namespace, with /etc, /var and /run of its own."""

from __future__ import annotations

import json
import os
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from halftrack.plans.script import script

if TYPE_CHECKING:
    from pathlib import Path

    from halftrack.plans.document import Plan
    from kernel.scratch import Netns

SHELLS: Final = (("dash",), ("busybox", "sh"), ("bash", "--posix"))
NODE: Final = os.uname().nodename


@dataclass(frozen=True, slots=True)
class Node:
    """A place to run scripts in: the namespace, and the directory where its files are."""

    netns: Netns
    root: Path

    def run(
        self,
        text: str,
        *words: str,
        shell: tuple[str, ...] = ("dash",),
        by_stdin: bool = False,
        before: tuple[str, ...] = (),
    ) -> subprocess.CompletedProcess[str]:
        """The script as a file, or as ``ssh node sh -s`` has it; ``before``: a program that runs the shell."""
        name = self.root / "fix.sh"
        name.write_text(text, "ascii")
        given = [*shell, "-s", *words] if by_stdin else [*shell, str(name), *words]
        return subprocess.run(
            ["ip", "netns", "exec", self.netns.name, *before, *given],
            input=text if by_stdin else "",
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
            env={**os.environ, "HALFTRACK_ROOT": str(self.root), "HALFTRACK_WAIT": "0"},
        )

    def do(self, plan: Plan, *words: str) -> str:
        """A run that has to succeed; what it said."""
        done = self.run(script(plan), *words)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def files(self) -> dict[str, tuple[int, bytes]]:
        """Everything under the root but the script's own records: mode and content."""
        found = {}
        for path in sorted(self.root.rglob("*")):
            name = str(path.relative_to(self.root))
            if not name.startswith(("fix.sh", "var/lib")):
                status = path.lstat()
                found[name] = (status.st_mode, path.read_bytes() if path.is_file() else b"")
        return found

    def rules(self) -> str:
        """All of nft's but the empty chains that iptables leaves in tables it has once used."""
        listed = json.loads(self.netns.run("nft", "-j", "list", "ruleset"))["nftables"]
        tables = [each for each in self.netns.run("nft", "list", "tables").splitlines() if "inet" in each]
        return json.dumps([tables, *(each["rule"]["expr"] for each in listed if "rule" in each)])

    def state(self) -> tuple[object, ...]:
        """All that a plan may change: settings, rules of each kind, files."""
        saved = [
            line
            for tool in ("iptables-save", "ip6tables-save")
            for line in self.netns.run(tool).splitlines()
            if line.startswith("-A") or (line.startswith(":") and " - " in line)
        ]
        settings = self.netns.run("sysctl", "-a", "--pattern", r"nf_conntrack_(tcp|udp|log|chk)")
        return settings, self.rules(), tuple(saved), self.files()


def node_in(netns: Netns, root: Path, *, systemd: bool = True) -> Node:
    for directory in ("etc/sysctl.d", "var/lib", "run/systemd/system" if systemd else "etc/rc.d"):
        (root / directory).mkdir(parents=True)
    return Node(netns, root)
