"""On a live node: what is named as the source of a number holds that number."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from kernel.draining import sick_netns

if TYPE_CHECKING:
    from kernel.scratch import Netns


def _document(netns: Netns) -> dict[str, list[dict[str, object]]]:
    done = subprocess.run(
        [sys.executable, "-m", "halftrack", "doctor", "--netns", netns.path, "--json"],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
        timeout=120,
    )
    assert done.returncode in (1, 2), done.stderr
    document: dict[str, list[dict[str, object]]] = json.loads(done.stdout)
    return document


def test_files_of_proc_hold_what_was_read_there() -> None:
    with sick_netns("sources") as netns:
        document = _document(netns)
        (name,) = {str(each["netns"]) for each in document["tables"] if each["stuck"]}
        own = {str(each["what"]): each for each in document["sources"] if each["netns"] == name}
        held = 0
        for what, each in own.items():
            for place in each["at"]:
                if what.startswith("net.") or what in {"limit", "buckets", "count"}:
                    path = place["file"]
                    assert path.startswith("/proc/sys/"), what
                    text = netns.call(lambda path=path: Path(path).read_text("ascii"))
                    assert " ".join(text.split()) == str(each["value"]), path
                    held += 1
        assert held > 20
        assert own["entries"]["at"] == [
            {"file": "ctnetlink: IPCTNL_MSG_CT_GET", "first_line": None, "last_line": None}
        ]
        assert "/proc/net/stat/nf_conntrack" in json.dumps(own["drop"])
