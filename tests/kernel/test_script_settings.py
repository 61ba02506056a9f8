"""The script of a plan: settings and files are changed, verified and put back as they were."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from halftrack.plans.actions import Persist, SetSysctl
from halftrack.plans.script import script
from kernel.remedying import ESTABLISHED, read_sysctl
from kernel.scripting import NODE, SHELLS, Node, node_in
from unit.plans import plan, step

if TYPE_CHECKING:
    from pathlib import Path

    from halftrack.plans.document import Plan
    from kernel.scratch import Netns

RETRANS = "net.netfilter.nf_conntrack_tcp_timeout_max_retrans"


def shortened(**fields: object) -> Plan:
    return plan(
        step(
            "cure",
            SetSysctl(name=ESTABLISHED, before="432000", after="7440"),
            SetSysctl(name=RETRANS, after="120"),
            Persist(settings={ESTABLISHED: "7440", RETRANS: "120"}, module=True, hashsize=131_072),
        ),
        node=NODE,
        **fields,
    )


@pytest.fixture
def node(netns: Netns, tmp_path: Path) -> Node:
    return node_in(netns, tmp_path)


@pytest.mark.parametrize("shell", SHELLS)
@pytest.mark.parametrize("by_stdin", [False, True])
def test_what_was_changed_goes_back_exactly(node: Node, shell: tuple[str, ...], by_stdin: bool) -> None:
    drop_in = node.root / "etc/sysctl.d/90-halftrack.conf"
    drop_in.write_bytes(b"# kept\nvm.swappiness = 1\nnet.netfilter.nf_conntrack_tcp_timeout_established=1")
    drop_in.chmod(0o640)
    before = node.state()
    text = script(shortened())
    done = node.run(text, "cure", shell=shell, by_stdin=by_stdin)
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{NODE}: {ESTABLISHED} 432000 -> 7440 ... 7440" in done.stdout
    assert "/etc/sysctl.d/90-halftrack.conf; read at boot here: yes" in done.stdout
    assert (read_sysctl(node.netns, ESTABLISHED), read_sysctl(node.netns, RETRANS)) == (7_440, 120)
    assert drop_in.read_text("ascii").splitlines() == [
        "# kept",
        "vm.swappiness = 1",
        f"{ESTABLISHED} = 7440",
        f"{RETRANS} = 120",
    ]
    assert (node.root / "etc/modules-load.d/halftrack.conf").read_text("ascii") == "nf_conntrack\n"
    assert drop_in.stat().st_mode & 0o777 == 0o640
    again = node.run(text, "cure", shell=shell, by_stdin=by_stdin)
    assert again.returncode == 0, again.stderr
    back = node.run(text, "back", shell=shell, by_stdin=by_stdin)
    assert back.returncode == 0, back.stderr
    assert node.state() == before
    assert not list((node.root / "var/lib").iterdir())


def test_what_is_kept_for_the_way_back_is_for_root_alone(node: Node) -> None:
    node.do(shortened(), "cure")
    kept = list((node.root / "var/lib/halftrack-script").rglob("*"))
    assert kept
    assert not any(path.stat().st_mode & 0o077 for path in kept)


def test_a_value_that_is_not_as_planned_stops_the_whole_part(node: Node) -> None:
    node.netns.sysctl("nf_conntrack_tcp_timeout_established", 86_400)
    before = node.state()
    done = node.run(script(shortened()), "cure")
    assert done.returncode == 76
    assert f"refused: {ESTABLISHED} is 86400, not 432000 as planned" in done.stderr
    assert "nothing was changed" in done.stderr
    assert node.state() == before


def test_what_somebody_changed_since_is_left_unless_told_so(node: Node) -> None:
    before = node.state()
    node.do(shortened(), "cure")
    node.netns.sysctl("nf_conntrack_tcp_timeout_established", 3_600)
    changed = node.state()
    done = node.run(script(shortened()), "back")
    assert done.returncode == 76
    assert f"{ESTABLISHED} was changed since: it is 3600, this script left 7440" in done.stderr
    assert node.state() == changed
    node.do(shortened(), "back", "--force")
    assert node.state() == before


def test_a_file_that_somebody_changed_since_is_left_unless_told_so(node: Node) -> None:
    before = node.state()
    node.do(shortened(), "cure")
    with (node.root / "etc/sysctl.d/90-halftrack.conf").open("a", encoding="ascii") as file:
        file.write("vm.swappiness = 1\n")
    done = node.run(script(shortened()), "back", "cure")
    assert done.returncode == 76
    assert "/etc/sysctl.d/90-halftrack.conf was changed since" in done.stderr
    assert read_sysctl(node.netns, ESTABLISHED) == 7_440
    node.do(shortened(), "back", "cure", "--force")
    assert node.state() == before


def test_no_part_changes_nothing_and_an_unknown_one_is_a_usage_error(node: Node) -> None:
    before = node.state()
    assert f"{ESTABLISHED}: 432000 -> 7440" in node.do(shortened())
    for words in (("reliefs",), ("cure", "relief"), ("back", "back"), ("back", "clear"), ("-x",)):
        assert node.run(script(shortened()), *words).returncode == 64
    assert node.state() == before
    assert not list((node.root / "var/lib").iterdir())


def test_another_node_is_refused_unless_told_so(node: Node) -> None:
    before = node.state()
    for other in (shortened(source="dump"), plan(*shortened().steps, node="node99")):
        done = node.run(script(other), "cure")
        assert done.returncode == 76
        assert "--elsewhere" in done.stderr
        assert node.run(script(other)).stdout.endswith("PART --elsewhere\n") == (other.source == "dump")
    assert node.state() == before
    node.do(plan(*shortened().steps, node="node99"), "--elsewhere", "cure")
    assert read_sysctl(node.netns, ESTABLISHED) == 7_440


def test_without_systemd_rc_local_reads_the_settings(netns: Netns, tmp_path: Path) -> None:
    node = node_in(netns, tmp_path, systemd=False)
    local = tmp_path / "etc/rc.d/rc.local"
    local.write_text("#!/bin/sh\ntouch /var/lock/subsys/local\nexit 0\n", "ascii")
    local.chmod(0o755)
    before = node.state()
    said = node.do(shortened(), "cure")
    assert "read at boot here: yes, by /etc/rc.d/rc.local" in said
    assert local.read_text("ascii").splitlines()[:2] == [
        "#!/bin/sh",
        "modprobe nf_conntrack 2>/dev/null; sysctl -e -p /etc/sysctl.d/90-halftrack.conf",
    ]
    assert local.stat().st_mode & 0o111
    node.do(shortened(), "back")
    assert node.state() == before


def test_a_setting_that_a_later_file_sets_otherwise_is_named(node: Node) -> None:
    late = node.root / "etc/sysctl.d/99-tuned.conf"
    late.write_text("-net/netfilter/nf_conntrack_tcp_timeout_established = 432000\n", "ascii")
    done = node.run(script(shortened()), "cure")
    assert done.returncode == 0
    assert f"/etc/sysctl.d/99-tuned.conf sets {ESTABLISHED} to 432000" in done.stderr


def two_parts() -> Plan:
    loose = "net.netfilter.nf_conntrack_tcp_loose"
    return plan(
        step("relief", SetSysctl(name=loose, after="0"), Persist(settings={loose: "0"}, module=True)),
        step("cure", SetSysctl(name=RETRANS, after="120"), Persist(settings={RETRANS: "120"}, module=True)),
        step("cure", SetSysctl(name=ESTABLISHED, after="7440"), Persist(settings={ESTABLISHED: "7440"})),
        node=NODE,
    )


@pytest.mark.parametrize("systemd", [True, False])
@pytest.mark.parametrize("order", [("relief", "cure"), ("cure", "relief")])
def test_each_part_goes_back_alone(
    netns: Netns, tmp_path: Path, systemd: bool, order: tuple[str, str]
) -> None:
    node = node_in(netns, tmp_path, systemd=systemd)
    if not systemd:
        (tmp_path / "etc/rc.d/rc.local").write_text("#!/bin/sh\ntrue\n", "ascii")
        (tmp_path / "etc/rc.d/rc.local").chmod(0o755)
    before = node.state()
    node.do(two_parts(), "cure")
    cured = node.state()
    node.do(two_parts(), "back")
    node.do(two_parts(), "relief")
    relieved = node.state()
    node.do(two_parts(), "back")
    for part in order:
        node.do(two_parts(), part)
    node.do(two_parts(), "back", "relief")
    assert node.state() == cured
    node.do(two_parts(), "relief")
    node.do(two_parts(), "back", "cure")
    assert node.state() == relieved
    node.do(two_parts(), "back")
    assert node.state() == before
