"""Node or container, told from what /proc shows."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from halftrack.kernel import namespaces, privileges

INITIAL = {
    "net": privileges.INITIAL_NETWORK,
    "pid": privileges.INITIAL_PIDS,
    "cgroup": privileges.INITIAL_CGROUPS,
}
OLD_HOST = {**INITIAL, "net": 4026531956}
CONTAINER = {"net": 4026532177, "pid": 4026532180, "cgroup": 4026532181}


def tree(root: Path, processes: dict[str, dict[str, int]], *files: str) -> Path:
    """A /proc of links to namespaces, and some files beside."""
    for process, spaces in processes.items():
        for kind, inode in spaces.items():
            link = root / "proc" / process / "ns" / kind
            link.parent.mkdir(parents=True, exist_ok=True)
            link.symlink_to(f"{kind}:[{inode}]")
    for file in files:
        (root / file).parent.mkdir(parents=True, exist_ok=True)
        (root / file).write_text("1\n", encoding="ascii")
    return root


MAX = "proc/sys/net/netfilter/nf_conntrack_max"
FIRST = "proc/sys/net/nf_conntrack_max"


@pytest.mark.parametrize(
    ("processes", "files", "contained"),
    [
        ({"self": INITIAL, "1": INITIAL}, (), False),
        ({"self": INITIAL, "1": INITIAL}, (".dockerenv",), False),
        ({"self": OLD_HOST, "1": OLD_HOST}, (MAX, FIRST), False),
        ({"self": OLD_HOST, "1": OLD_HOST}, (), False),
        ({"self": CONTAINER, "1": CONTAINER}, (MAX,), True),
        ({"self": CONTAINER, "1": CONTAINER}, (), True),
        ({"self": {**CONTAINER, "net": INITIAL["net"]}}, (), False),
        ({"self": {**INITIAL, "net": 4026532177}, "1": INITIAL}, (MAX, ".dockerenv"), False),
        ({"self": {**CONTAINER, "pid": INITIAL["pid"]}, "1": INITIAL}, (MAX, "run/.containerenv"), True),
        ({}, ("proc/vz/veinfo",), True),
        ({}, ("proc/vz/veinfo", "proc/bc/0"), False),
        ({}, (), False),
    ],
    ids=[
        "host",
        "machine from a container image",
        "host before 6.18",
        "host without conntrack",
        "container",
        "container without conntrack",
        "container on the node's network",
        "ip netns exec on such a machine",
        "container among the node's processes",
        "OpenVZ container",
        "OpenVZ host",
        "no namespaces at all",
    ],
)
def test_whose_table(
    tmp_path: Path, processes: dict[str, dict[str, int]], files: tuple[str, ...], *, contained: bool
) -> None:
    """A marker file alone proves nothing, nor does one namespace."""
    assert privileges.in_container(tree(tmp_path, processes, *files)) is contained


@pytest.mark.parametrize(
    ("processes", "names"),
    [
        ({"self": OLD_HOST, "1": OLD_HOST}, ["host"]),
        ({"self": CONTAINER, "1": CONTAINER}, ["self"]),
        ({"self": {**INITIAL, "net": 7}, "1": OLD_HOST, "9": {**INITIAL, "net": 7}}, ["self", "host"]),
        # The node's own /proc, mounted into a container.
        ({"self": CONTAINER, "1": OLD_HOST}, ["self", "host"]),
        ({}, ["host"]),
    ],
)
def test_names(tmp_path: Path, processes: dict[str, dict[str, int]], names: list[str]) -> None:
    """``host`` is the node's first process's; a container's own never is."""
    found, _ = namespaces.find(tree(tmp_path, processes))
    assert [one.name for one in found] == names


def test_the_nodes_first_process_may_keep_its_links_to_itself(tmp_path: Path) -> None:
    """Kernel threads show in the node's own /proc alone, and statistics tell who shares a namespace."""
    root = tree(tmp_path, {"self": CONTAINER}, "proc/self/net/stat/x", "proc/1/net/stat/x", "proc/2/comm")
    (root / "proc/2/comm").write_text("kthreadd\n", encoding="ascii")
    (root / "proc/1/ns").write_text("", encoding="ascii")
    found, _ = namespaces.find(root)
    assert [one.name for one in found] == ["self", "host"]


def test_a_virtuozzo_container_is_self(tmp_path: Path) -> None:
    found, _ = namespaces.find(tree(tmp_path, {}, "proc/vz/veinfo", "proc/1/comm"))
    assert [one.name for one in found] == ["self"]


def test_processes_that_are_hidden_are_a_gap(tmp_path: Path) -> None:
    """Mounted with hidepid=2, /proc lacks even process 1."""
    _, gaps = namespaces.find(tree(tmp_path, {"self": CONTAINER, "77": CONTAINER}))
    assert [gap.what for gap in gaps] == ["namespaces of other users' processes"]


def test_mounts_of_namespaces(tmp_path: Path) -> None:
    """Names come from mountinfo, whatever program mounted them and wherever; other mounts are none."""
    root = tree(tmp_path, {"self": OLD_HOST, "1": OLD_HOST})
    lines = [
        "30 20 0:4 net:[4026532201] /run/netns/blue rw shared:2 - nsfs nsfs rw",
        "31 20 0:4 net:[4026532201] /run/docker/netns/0123456789ab rw - nsfs nsfs rw",
        "32 20 0:4 net:[4026532202] /run/user/1000/netns/a\\040b rw - nsfs nsfs rw",
        "33 20 0:4 mnt:[4026532203] /run/snapd/ns/x.mnt rw - nsfs nsfs rw",
        "34 20 0:4 / /proc rw - proc proc rw",
        "net:[1] garbage - nsfs",
    ]
    (root / "proc/self/mountinfo").write_text("\n".join(lines), encoding="ascii")
    found, gaps = namespaces.find(root)
    named = {one.name: one.path for one in found if one.name != "host"}
    if os.geteuid() == 0:
        assert named == {"blue": "/run/netns/blue", "a-b": "/run/user/1000/netns/a b"}
    else:
        assert [gap.what for gap in gaps] == ["table of a-b", "table of blue"]


def test_mounts_that_may_not_be_entered_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Apart from the words, too: names that only stand in words are not known to be masked."""
    monkeypatch.setattr(privileges, "missing", tuple)
    root = tree(tmp_path, {"self": OLD_HOST, "1": OLD_HOST})
    lines = [f"30 20 0:4 net:[402653220{at}] /run/netns/n{at} rw - nsfs nsfs rw" for at in range(10)]
    (root / "proc/self/mountinfo").write_text("\n".join(lines), encoding="ascii")
    found, gaps = namespaces.find(root)
    assert [one.name for one in found] == ["host"]
    assert [(gap.what, gap.netns) for gap in gaps] == [
        *((f"table of n{at}", f"n{at}") for at in range(8)),
        ("tables of 2 more named namespaces", None),
    ]


@pytest.mark.parametrize("target", ["net:[x]", "net:[12", "net", "", "net:[99999999999]", "/proc/1/ns/net"])
def test_no_number(target: str) -> None:
    assert privileges.number_in(target) is None


def test_capabilities_by_name() -> None:
    held = privileges.effective()
    missing = privileges.missing(privileges.TO_READ_OTHERS)
    for name, bit in privileges.CAPABILITY_BITS.items():
        assert (name in missing) is not bool(held >> bit & 1)
