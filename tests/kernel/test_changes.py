"""Changes on the real kernel, as a user types them: what holds, what drifts, what is refused."""

from __future__ import annotations

import contextlib
import json
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import msgspec
import pytest

from halftrack.changes import fixing, spaces
from halftrack.changes.applying import Stopped
from halftrack.plans.actions import AddRules, Persist, SetBuckets, SetSysctl, TimeoutPolicy, Where
from kernel import changing
from kernel.changing import ESTABLISHED, LOOSE, Site
from kernel.scratch import scratch_netns, sh

MAX_RETRANS = "net.netfilter.nf_conntrack_tcp_timeout_max_retrans"

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def read_only(site: Site) -> Iterator[Site]:
    sh("mount", "--bind", str(site.etc), str(site.etc))
    try:
        sh("mount", "-o", "remount,ro,bind", str(site.etc))
        yield site
    finally:
        sh("umount", str(site.etc))


def setting(site: Site, name: str, after: str, before: str | None = None) -> SetSysctl:
    return SetSysctl(where=site.where, name=name, before=before, after=after)


@pytest.mark.parametrize(("words", "lasting"), [((), True), (("--until-reboot",), False)])
@pytest.mark.parametrize("kept", [True, False])
def test_it_is_said_to_last_where_something_of_it_does(
    site: Site, words: tuple[str, ...], *, lasting: bool, kept: bool
) -> None:
    plan = site.plan(changing.settings(site), *([changing.lasting(site)] if kept else []))
    done = site.halftrack("fix", str(plan), "--yes", *words)
    assert done.returncode == 0, done.stderr
    [change] = json.loads(site.halftrack("changes", "--json").stdout)["changes"]
    assert change["lasting"] == (lasting and kept)


def test_a_change_is_shown_until_it_is_undone(site: Site) -> None:
    before = site.state()
    plan = site.plan(changing.settings(site), changing.lasting(site))
    done = site.halftrack("fix", str(plan), "--yes")
    assert done.returncode == 0, done.stderr
    assert "Change 1 done. It holds over a reboot. Back: halftrack undo 1" in done.stdout
    assert site.value(ESTABLISHED) == "8000"
    assert (site.etc / "modules-load.d/halftrack.conf").read_text().splitlines()[-1] == "nf_conntrack"
    listed = site.halftrack("changes").stdout
    assert listed.rstrip().endswith("holds")
    assert all(len(line) <= 80 for line in listed.splitlines())
    undone = site.halftrack("undo", "--yes")
    assert undone.returncode == 0, undone.stderr
    assert site.state() == before
    assert site.halftrack("changes").stdout.rstrip().endswith("undone")
    assert "\n  undone: asked for\n" in site.halftrack("changes", "1").stdout
    again = site.halftrack("undo")
    assert (again.returncode, "there is no change that could be undone" in again.stderr) == (64, True)


def test_what_does_not_hold_any_more_is_refused_by_name_before_anything_is_changed(site: Site) -> None:
    before = site.state()
    plan = site.plan((setting(site, LOOSE, "0"),), (setting(site, ESTABLISHED, "7440", before="86400"),))
    done = site.halftrack("fix", str(plan), "--yes")
    assert done.returncode == 76
    assert f"{ESTABLISHED} in {site.netns.name} is 432000 and not 86400 as planned" in done.stderr
    assert site.state() == before
    assert not (site.base / "state").exists()


def test_nothing_is_asked_where_nobody_can_answer(site: Site) -> None:
    before = site.state()
    plan = site.plan(changing.settings(site))
    assert site.halftrack("fix", str(plan)).returncode == 64
    assert site.halftrack("fix", str(plan), "--no-input").returncode == 64
    assert site.state() == before


def test_what_is_in_force_already_is_no_change(site: Site) -> None:
    done = site.halftrack("fix", str(site.plan((setting(site, LOOSE, site.value(LOOSE)),))), "--yes")
    assert (done.returncode, "nothing to do" in done.stderr) == (0, True)
    assert not (site.base / "state").exists()


def test_drift_is_said_and_nothing_touched_unless_forced(site: Site) -> None:
    site.halftrack(
        "fix", str(site.plan((setting(site, LOOSE, "0"), setting(site, ESTABLISHED, "7440")))), "--yes"
    )
    site.netns.sysctl("nf_conntrack_tcp_timeout_established", 5000)
    assert "DRIFT" in site.halftrack("changes").stdout
    refused = site.halftrack("undo", "1", "--yes")
    assert refused.returncode == 76
    assert "now 5000" in refused.stderr
    assert site.value(LOOSE) == "0"
    assert site.halftrack("undo", "1", "--yes", "--force").returncode == 0
    assert (site.value(LOOSE), site.value(ESTABLISHED)) == ("1", "432000")


def test_a_change_in_the_middle_waits_for_the_later_one(site: Site) -> None:
    for seconds in ("7440", "9000"):
        plan = site.plan((setting(site, ESTABLISHED, seconds),))
        assert site.halftrack("fix", str(plan), "--yes").returncode == 0
    refused = site.halftrack("undo", "1", "--yes")
    assert (refused.returncode, "undo 2 first" in refused.stderr) == (76, True)
    assert site.value(ESTABLISHED) == "9000"
    assert site.halftrack("undo", "2", "--yes").returncode == 0
    assert site.halftrack("undo", "1", "--yes").returncode == 0
    assert site.value(ESTABLISHED) == "432000"


def test_a_namespace_that_is_gone_has_nothing_to_undo(site: Site) -> None:
    with scratch_netns("gone") as other:
        where = Where(netns=other.name, path=other.path, inode=other.inode)
        plan = site.plan((SetSysctl(where=where, name=LOOSE, after="0"),))
        assert site.halftrack("fix", str(plan), "--yes").returncode == 0
    assert site.halftrack("changes").stdout.rstrip().endswith("gone")
    done = site.halftrack("undo", "1", "--yes")
    assert done.returncode == 0
    assert "its place is gone" in done.stderr


def test_a_step_that_does_not_go_is_taken_back_and_earlier_ones_stay(site: Site) -> None:
    plan = site.plan(
        (setting(site, LOOSE, "0"),), (setting(site, ESTABLISHED, "7440"), setting(site, LOOSE, "300"))
    )
    done = site.halftrack("fix", str(plan), "--yes")
    assert done.returncode == 76
    assert "the kernel does not take 300" in done.stderr
    assert "halftrack undo 1" in done.stderr
    assert (site.value(LOOSE), site.value(ESTABLISHED)) == ("0", "432000")
    assert "stopped" in site.halftrack("changes").stdout
    assert site.halftrack("undo", "1", "--yes").returncode == 0
    assert site.value(LOOSE) == "1"


def test_what_nobody_here_may_write_is_refused_before_anything_is_changed(site: Site) -> None:
    before = site.state()
    limit = "net.netfilter.nf_conntrack_max"  # a namespace of one's own may not write it
    plan = site.plan((setting(site, LOOSE, "0"), setting(site, limit, "1000")))
    done = site.halftrack("fix", str(plan), "--yes")
    assert (done.returncode, "nf_conntrack_max may not be written" in done.stderr) == (77, True)
    assert site.state() == before


def test_a_read_only_etc_is_said_before_anything_is_changed(read_only: Site) -> None:
    before = read_only.state()
    plan = read_only.plan(changing.settings(read_only), changing.lasting(read_only))
    done = read_only.halftrack("fix", str(plan), "--yes")
    assert done.returncode == 76
    assert "--until-reboot" in done.stderr
    assert read_only.state() == before
    assert read_only.halftrack("fix", str(plan), "--yes", "--until-reboot").returncode == 0
    assert read_only.value(ESTABLISHED) == "8000"
    assert read_only.files() == before["files"]


def test_a_file_that_cannot_go_back_keeps_no_setting_from_it(site: Site) -> None:
    plan = site.plan(changing.settings(site), changing.lasting(site))
    assert site.halftrack("fix", str(plan), "--yes").returncode == 0
    sh("mount", "--bind", str(site.etc), str(site.etc))
    try:
        sh("mount", "-o", "remount,ro,bind", str(site.etc))
        refused = site.halftrack("undo", "1", "--yes")
    finally:
        sh("umount", str(site.etc))
    assert (refused.returncode, "Read-only file system" in refused.stderr) == (76, True)
    assert (site.value(ESTABLISHED), site.value(LOOSE)) == ("432000", "1")
    assert "undo interrupted" in site.halftrack("changes").stdout
    assert site.halftrack("undo", "1", "--yes").returncode == 0
    assert site.files() == {}


def test_a_plan_of_another_node_is_refused_unless_it_is_wanted(site: Site) -> None:
    path = site.plan()
    path.write_bytes(json_of(changing.plan((setting(site, LOOSE, "0"),), node="elsewhere")))
    refused = site.halftrack("fix", str(path), "--yes")
    assert (refused.returncode, "--from-elsewhere" in refused.stderr) == (64, True)
    assert site.value(LOOSE) == "1"
    assert site.halftrack("fix", str(path), "--yes", "--from-elsewhere").returncode == 0
    assert site.value(LOOSE) == "0"


def test_a_plan_that_was_edited_is_no_plan(site: Site) -> None:
    path = site.plan((setting(site, LOOSE, "0"),))
    edited = json.loads(path.read_bytes())
    edited["steps"][0]["actions"][0]["after"] = "1"
    path.write_text(json.dumps(edited))
    done = site.halftrack("fix", str(path), "--yes")
    assert (done.returncode, "changed after it was made" in done.stderr) == (65, True)


@pytest.mark.parametrize(
    "name",
    [
        "net.netfilter/../../../../etc/passwd",
        "/etc/passwd",
        "net.netfilter.nf_conntrack_max\n",
        "kernel.hostname",
        "kernel.core_pattern",
        "net.ipv4.ip_forward",
    ],
)
def test_a_plan_sets_nothing_but_what_it_is_about(site: Site, name: str) -> None:
    """Whoever makes a file can give it a right id: what is in it is not to be believed."""
    before = site.state()
    for action in (setting(site, name, "0"), Persist(settings={name: "0"})):
        done = site.halftrack("fix", str(site.plan((action,))), "--yes")
        assert (done.returncode, "not a sysctl that a plan sets" in done.stderr) == (76, True), done.stderr
    assert site.state() == before


@pytest.mark.parametrize(
    "value", ["-1", "|/tmp/x", "7440\nkernel.modprobe = /tmp/x", "4294967296", "7440 1", ""]
)
def test_a_plan_sets_whole_numbers_only(site: Site, value: str) -> None:
    before = site.state()
    for action in (setting(site, ESTABLISHED, value), Persist(settings={ESTABLISHED: value})):
        done = site.halftrack("fix", str(site.plan((action,))), "--yes")
        assert (done.returncode, "not a value that a plan sets" in done.stderr) == (76, True), done.stderr
    assert site.state() == before


def test_a_value_that_the_kernel_does_not_take_is_named(site: Site) -> None:
    done = site.halftrack("fix", str(site.plan((setting(site, ESTABLISHED, "2147483647"),))), "--yes")
    assert done.returncode == 76
    assert "the kernel does not take 2147483647 for /proc/sys/net/netfilter/nf_conntrack_tcp" in done.stderr


def test_buckets_that_cannot_be_written_from_here_are_refused_first(site: Site) -> None:
    """The size of the hash is the node's: nothing is written to it here."""
    plan = site.plan((setting(site, LOOSE, "0"), SetBuckets(after=1 << 22)))
    done = site.netns.call(lambda: site.halftrack("fix", str(plan), "--yes"))
    assert (done.returncode, "from the node's own network namespace only" in done.stderr) == (77, True)
    assert "nothing was changed" in done.stderr
    assert site.value(LOOSE) == "1"


def test_a_namespace_that_ends_midway_leaves_what_can_be_undone(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in site.environment.items():
        monkeypatch.setenv(name, value)
    with contextlib.ExitStack() as stack:
        other = stack.enter_context(scratch_netns("ends"))
        where = Where(netns=other.name, path=other.path, inode=other.inode)
        plan = changing.plan(
            (setting(site, LOOSE, "0"),),
            (
                SetSysctl(where=where, name=LOOSE, after="0"),
                SetSysctl(where=where, name=ESTABLISHED, after="7440"),
            ),
        )

        def told(title: str, _: str) -> None:
            if other.name in title:
                stack.close()

        with pytest.raises(Stopped, match="not there any more") as stopped:
            fixing.fix(plan, fixing.Terms(), said=str, told=told)
    assert stopped.value.stands
    assert site.halftrack("undo", "1", "--yes").returncode == 0
    assert site.value(LOOSE) == "1"


def test_a_missing_nft_is_said_before_anything_is_changed(site: Site) -> None:
    before = site.state()
    rule = AddRules(where=site.where, rule=TimeoutPolicy(port=8883, timeouts={"established": 7440}))
    plan = site.plan((setting(site, LOOSE, "0"),), (rule,))
    script = 'mount --bind /dev/null /usr/sbin/nft && exec "$@"'
    command = ["unshare", "--mount", "sh", "-c", script, "sh", sys.executable, "-m", "halftrack"]
    done = subprocess.run(
        [*command, "fix", str(plan), "--yes"],
        env=site.environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert (done.returncode, "nft is not installed here" in done.stderr) == (76, True)
    assert site.state() == before


@pytest.mark.parametrize("wanted", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_who_stops_it_leaves_no_half_step(
    site: Site, monkeypatch: pytest.MonkeyPatch, wanted: signal.Signals
) -> None:
    for name, value in site.environment.items():
        monkeypatch.setenv(name, value)
    plan = changing.plan(
        (setting(site, ESTABLISHED, "7440"),), (setting(site, LOOSE, "0"), setting(site, MAX_RETRANS, "9"))
    )

    def told(title: str, _: str) -> None:
        if LOOSE in title:
            signal.raise_signal(wanted)

    with pytest.raises(Stopped) as stopped:
        fixing.fix(plan, fixing.Terms(), said=str, told=told)
    assert (stopped.value.interrupted, stopped.value.stands) == (True, True)
    assert (site.value(ESTABLISHED), site.value(LOOSE), site.value(MAX_RETRANS)) == ("7440", "1", "300")
    assert site.halftrack("undo", "--yes").returncode == 0
    assert site.value(ESTABLISHED) == "432000"


def json_of(plan: object) -> bytes:
    import msgspec

    return msgspec.json.encode(plan)


def test_from_another_namespace_the_nodes_own_is_named(site: Site) -> None:
    """Refused, so that nothing is written to it."""
    here = site.value(LOOSE)
    plan = site.plan((SetSysctl(where=Where(netns="host"), name=LOOSE, before="7", after="7"),))
    at_home = site.halftrack("fix", str(plan), "--yes").stderr
    elsewhere = site.netns.call(lambda: site.halftrack("fix", str(plan), "--yes").stderr)
    assert f"{LOOSE} is {here} and not 7 as planned" in at_home
    assert f"{LOOSE} in host is {here} and not 7 as planned" in elsewhere


def test_a_namespace_of_the_same_number_is_another(site: Site) -> None:
    space = spaces.find(site.where)
    again = msgspec.structs.replace(space, cookie=(space.cookie or 0) + 1)
    assert space.key != again.key


def test_every_answer_on_changes_can_be_had_as_a_document(site: Site) -> None:
    plan = str(site.plan((setting(site, LOOSE, "0"),)))

    def states(*words: str) -> list[str]:
        done = site.halftrack(*words, "--json")
        assert done.returncode == 0, done.stderr
        return [one["state"] for one in json.loads(done.stdout)["changes"]]

    assert states("fix", plan, "--yes", "--try", "1h") == ["trial"]
    assert states("keep") == ["kept"]
    assert states("fix", plan, "--yes") == []
    assert states("undo", "1", "--yes") == ["undone"]
    assert states("undo", "1", "--yes") == ["undone"]
    assert states("changes") == ["undone"]


@pytest.mark.parametrize("option", [("--root", "/usr"), ("--assume", "limit=1"), ("--netns", "host")])
def test_what_is_for_looking_changes_nothing(site: Site, option: tuple[str, str]) -> None:
    plan = str(site.plan((setting(site, LOOSE, "0"),)))
    assert site.halftrack("fix", plan, "--yes").returncode == 0
    for words in (("undo", "--yes"), ("keep", "1"), ("changes",), ("fix", plan, "--yes")):
        refused = site.halftrack(*option, *words)
        assert (refused.returncode, f"{option[0]} " in refused.stderr) == (64, True), refused.stderr
    assert site.value(LOOSE) == "0"
