"""The script of a plan on a node that drops: room at once, counted before and after."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest

from halftrack.plans.actions import Persist, SetBuckets, SetSysctl
from halftrack.plans.script import script
from kernel.scripting import NODE, SHELLS, Node, node_in
from unit.plans import plan, step

if TYPE_CHECKING:
    from kernel.scratch import Netns

HASHSIZE: Final = "/sys/module/nf_conntrack/parameters/hashsize"
LIMIT: Final = "/proc/sys/net/netfilter/nf_conntrack_max"
DROPS: Final = "/proc/net/stat/nf_conntrack"
STAT: Final = """\
entries  clashres found new invalid ignore delete chainlength insert insert_failed drop early_drop icmp_error
000000ff  00000000 00000000 00000000 00000000 00000000 00000000 00000001 00000000 00000000 0000000a 000000ff 00000000
000000ff  00000000 00000000 00000000 00000000 00000000 00000000 00000001 00000000 00000000 00000001 00000001 00000000
"""


@pytest.fixture
def node(netns: Netns, tmp_path: Path) -> Node:
    for name, text in (("hashsize", "65536\n"), ("limit", "262144\n"), ("stat", STAT)):
        (tmp_path / name).write_text(text, "ascii")
    return node_in(netns, tmp_path)


def over(node: Node) -> tuple[str, ...]:
    """What is one value of the whole machine is covered by files, for the script alone.

    ``ip netns exec`` gives it mounts of its own.
    """
    files = {"hashsize": HASHSIZE, "limit": LIMIT}
    mounts = [f"mount --bind {node.root}/{name} {path}" for name, path in files.items()]
    return ("sh", "-ec", "; ".join([*mounts, 'exec "$@"']), "sh")


RELIEF = plan(
    step(
        "relief",
        SetBuckets(before=65_536, after=131_072),
        SetSysctl(name="net.netfilter.nf_conntrack_max", before="262144", after="524288"),
        Persist(settings={"net.netfilter.nf_conntrack_max": "524288"}, hashsize=131_072),
        title="limit 262,144 -> 524,288, +80 MiB",
    ),
    node=NODE,
)


@pytest.mark.parametrize("shell", SHELLS)
def test_room_is_made_and_goes_back(node: Node, shell: tuple[str, ...]) -> None:
    real = Path(HASHSIZE).read_text("ascii"), Path(LIMIT).read_text("ascii")
    before = node.files()
    text = script(RELIEF)
    done = node.run(text, "relief", shell=shell, before=over(node))
    assert done.returncode == 0, done.stdout + done.stderr
    assert [line.partition(": ")[2] for line in done.stdout.splitlines()] == [
        "checking: hashsize is 65536 as planned ... yes",
        "checking: net.netfilter.nf_conntrack_max is 262144 as planned ... yes",
        "hashsize 65536 -> 131072 ... 131072",
        "net.netfilter.nf_conntrack_max 262144 -> 524288 ... 524288",
        "wrote /etc/sysctl.d/90-halftrack-relief.conf",
        "/etc/sysctl.d/90-halftrack-relief.conf; read at boot here: yes",
        "wrote /etc/modprobe.d/halftrack.conf",
        "waited 0 s: dropped +0 (was +0), thrown out early +0 (was +0)",
    ]
    assert (node.root / "limit").read_text("ascii") == "524288\n"
    back = node.run(text, "back", "relief", shell=shell, before=over(node))
    assert back.returncode == 0, back.stderr
    assert node.files() == before
    assert (Path(HASHSIZE).read_text("ascii"), Path(LIMIT).read_text("ascii")) == real


def test_buckets_are_never_made_fewer(node: Node) -> None:
    """Where the plan could not see how many there are."""
    made = plan(step("relief", SetBuckets(after=1_024), Persist(hashsize=1_024)), node=NODE)
    before = node.files()
    done = node.run(script(made), "relief", before=over(node))
    assert done.returncode == 0, done.stderr
    assert (node.root / "hashsize").read_text("ascii") == "65536\n"
    written = node.root / "etc/modprobe.d/halftrack.conf"
    assert written.read_text("ascii") == "options nf_conntrack hashsize=65536\n"
    back = node.run(script(made), "back", before=over(node))
    assert back.returncode == 0, back.stderr
    assert node.files() == before


@pytest.mark.parametrize("shell", SHELLS)
def test_drops_are_summed_over_processors_in_hexadecimal(node: Node, shell: tuple[str, ...]) -> None:
    text = script(RELIEF).replace(DROPS, str(node.root / "stat"))
    library = text[: text.index('main "$@"')]
    done = node.run(f'{library}\nread_drops && echo "$dropped $early"\n', shell=shell)
    assert done.stdout == "11 256\n", done.stderr


def test_a_value_that_does_not_hold_stops_there_and_says_how_to_go_back(node: Node) -> None:
    """The limit is read-only in a namespace of its own: the kernel refuses it."""
    if node.netns.call(lambda: Path(LIMIT).stat().st_mode) & 0o200:
        pytest.skip("this kernel lets a namespace set the limit")
    now = node.netns.run("cat", LIMIT).strip()
    made = plan(
        step("relief", SetSysctl(name="net.netfilter.nf_conntrack_tcp_loose", before="1", after="0")),
        step("relief", SetSysctl(name="net.netfilter.nf_conntrack_max", before=now, after=str(int(now) + 1))),
        node=NODE,
    )
    before = node.state()
    done = node.run(script(made), "relief")
    assert done.returncode == 76
    assert f"net.netfilter.nf_conntrack_max {now} -> {int(now) + 1} did not hold: it is {now}" in done.stderr
    assert "What was done before it goes back with: sh" in done.stderr
    assert node.state() != before
    node.do(made, "back")
    assert node.state() == before


def test_two_at_once_are_refused_and_a_lock_left_by_a_dead_one_is_not(node: Node) -> None:
    made = plan(step("cure", SetSysctl(name="net.netfilter.nf_conntrack_tcp_loose", after="0")), node=NODE)
    node.do(made, "cure")
    lock = next((node.root / "var/lib/halftrack-script").iterdir()) / "lock"
    lock.mkdir()
    (lock / "pid").write_text(f"{os.getpid()}\n", "ascii")
    done = node.run(script(made), "back")
    assert done.returncode == 75
    assert f"runs here already (process {os.getpid()})" in done.stderr
    (lock / "pid").write_text("999999999\n", "ascii")
    node.do(made, "back")
