"""The program on a live table, run inside a namespace of the test's own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING

import jsonschema

from halftrack.evidence import uapi
from halftrack.reporters.schema import schema
from kernel.filling import fill
from kernel.inject import End, Entries, inject

if TYPE_CHECKING:
    from kernel.scratch import Netns

ADDRESSES = (bytes([10, 0, 0, 1]), bytes([198, 51, 100, 7]))


def halftrack(netns: Netns, *words: str) -> subprocess.CompletedProcess[str]:
    """The program in the namespace, asked for that namespace alone."""
    return subprocess.run(
        [
            "ip",
            "netns",
            "exec",
            netns.name,
            sys.executable,
            "-m",
            "halftrack",
            "--netns",
            "self",
            *words,
        ],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        env=os.environ | {"COLUMNS": "80", "LANG": "C"},
    )


def one_sided(netns: Netns, count: int) -> None:
    """Entries that never saw a reply, one for each source port."""
    for port in range(1000, 1000 + count):
        server, client = ADDRESSES
        inject(
            netns.path,
            Entries(
                End(server, client, 80, port),
                End(client, server, port, 80),
                timeout=300,
                state=uapi.TCP_CONNTRACK_ESTABLISHED,
                mark=port % 2,
            ),
        )


def test_counts_are_those_of_conntrack(netns: Netns) -> None:
    """With a filter that the kernel applies, one that it cannot, and none."""
    fill(netns, 300)
    one_sided(netns, 20)
    listed = netns.run("conntrack", "-L", "-o", "extended").splitlines()

    def count(*words: str) -> int:
        return int(halftrack(netns, "list", "-q", "--count", *words).stdout)

    assert count() == len(listed) == 320
    assert count("one-sided") == sum("UNREPLIED" in line for line in listed) == 20
    assert count("assured") == sum("ASSURED" in line for line in listed) == 300
    assert count("sport=80", "mark=1") == sum("mark=1 " in line for line in listed) == 10
    assert count("src=10.0.0.0/30") == sum(
        f"6 {line.split()[4]} ESTABLISHED src=10.0.0.{n} " in line for line in listed for n in range(4)
    )


def test_classic_lines_are_those_of_conntrack(netns: Netns) -> None:
    one_sided(netns, 3)

    def sides(text: str) -> list[str]:
        return sorted(line[line.index("src=") : line.index("mark=")] for line in text.splitlines())

    ours = halftrack(netns, "list", "one-sided")

    assert sides(ours.stdout) == sides(netns.run("conntrack", "-L", "-o", "extended"))
    assert ours.stderr == "halftrack: filter: one-sided\n"


def test_entries_as_json_are_what_was_put_in(netns: Netns) -> None:
    one_sided(netns, 1)

    (entry,) = json.loads(halftrack(netns, "list", "--json").stdout)["entries"]

    assert entry["netns"] == "self"
    assert entry["orig"] == {
        "src": "10.0.0.1",
        "dst": "198.51.100.7",
        "sport": 80,
        "dport": 1000,
        "packets": None,
        "bytes": None,
    }
    assert entry["status"] == ["confirmed"]
    assert entry["one_sided"] is True
    assert 290 <= entry["left_s"] <= 300


def test_the_doctor_on_a_live_table(netns: Netns) -> None:
    fill(netns, 3000)
    screen = halftrack(netns, "doctor")
    document = halftrack(netns, "doctor", "--json")

    jsonschema.Draft202012Validator(schema(), format_checker=jsonschema.FormatChecker()).validate(
        json.loads(document.stdout)
    )
    assert screen.returncode == document.returncode < 4
    assert json.loads(document.stdout)["tables"][0]["entries"] == 3000
    assert all(len(line) <= 80 and line.isascii() for line in screen.stdout.splitlines())
    assert screen.stderr == ""


def test_an_empty_table_is_ok_in_three_lines(netns: Netns) -> None:
    ran = halftrack(netns, "doctor")

    assert ran.returncode == 0
    assert ran.stdout.startswith("OK  ")
    assert len(ran.stdout.splitlines()) == 3


AS_NOBODY = (
    "import ctypes, io, os, sys\n"
    "from halftrack.commands.main import run\n"
    "shown, sys.stdout = sys.stdout, io.TextIOWrapper(io.BytesIO())\n"
    # Once before: afterwards not even the interpreter's own modules need be readable.
    "import halftrack.kernel.sockets, halftrack.reporters.json\n"
    "run(['doctor', '--example']), run(['list', '--count'])\n"
    "sys.stdout = shown\n"
    "os.setgroups([]); os.setresgid(65534, 65534, 65534); os.setresuid(65534, 65534, 65534)\n"
    # A process that changed its user may not read its own links unless it says that it may be dumped.
    "ctypes.CDLL(None).prctl(4, 1, 0, 0, 0)\n"
    "sys.exit(run(sys.argv[1:]))\n"
)


def as_nobody(netns: Netns, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["ip", "netns", "exec", netns.name, sys.executable, "-c", AS_NOBODY, "--netns", "self", *words],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def test_an_ordinary_user_gets_what_needs_no_privilege_and_the_gaps_named(netns: Netns) -> None:
    """The doctor says what it can and never OK; a list has nothing to print."""
    fill(netns, 100)

    screen = as_nobody(netns, "doctor")
    document = json.loads(as_nobody(netns, "doctor", "--json").stdout)
    listed = as_nobody(netns, "list", "--count")

    assert screen.returncode == 3, screen
    assert screen.stdout.startswith("PARTIAL  ")
    assert "entries not seen." in " ".join(screen.stdout.split())
    assert "100 of 262,144" in screen.stdout[screen.stdout.index("Table ") :]
    assert "NOT SEEN" in screen.stdout
    assert "CAP_NET_ADMIN" in screen.stdout
    assert "halftrack doctor --netns self" in screen.stdout[screen.stdout.index("sudo ") :]
    assert document["complete"] is False
    assert document["user"] == "nobody"
    assert document["tables"][0]["entries"] == 100
    assert any("CAP_NET_ADMIN" in gap["needs"] for gap in document["gaps"])
    assert (listed.returncode, listed.stdout) == (77, "")
    assert "CAP_NET_ADMIN" in listed.stderr


def test_a_named_namespace_that_may_not_be_opened_is_no_unknown_name(netns: Netns) -> None:
    without = ",".join(f"-{name}" for name in ("sys_admin", "sys_ptrace", "net_admin", "dac_override"))
    ran = subprocess.run(
        ["setpriv", f"--bounding-set={without}", f"--inh-caps={without}",
         sys.executable, "-m", "halftrack", "list", "--count", "--netns", netns.name],
        capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip

    assert ran.returncode == 77, ran.stderr
    assert "CAP_SYS_ADMIN" in ran.stderr
