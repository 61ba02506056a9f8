"""Changes whose answers nobody reads, and plans that hold what cannot be carried out."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from halftrack.plans.actions import Drain, SetSysctl, Where
from kernel import changing
from kernel.changing import ESTABLISHED, LOOSE, Site


def unread(site: Site, *words: str) -> subprocess.CompletedProcess[str]:
    """With a pipe for standard output that nobody reads."""
    reading, writing = os.pipe()
    os.close(reading)
    try:
        return subprocess.run(
            [sys.executable, "-m", "halftrack", *words],
            stdin=subprocess.DEVNULL,
            stdout=writing,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
            timeout=60,
            env=site.environment,
        )
    finally:
        os.close(writing)


def test_a_plan_that_nobody_could_read_is_not_carried_out_in_silence(site: Site) -> None:
    before = site.state()
    plan = site.plan(changing.settings(site))
    done = unread(site, "fix", str(plan), "--yes")
    assert (done.returncode, "nothing was changed" in done.stderr) == (74, True)
    assert site.state() == before


def test_a_way_back_is_not_lost_with_its_description(site: Site) -> None:
    before = site.state()
    assert site.halftrack("fix", str(site.plan(changing.settings(site))), "--yes").returncode == 0
    assert unread(site, "undo", "--yes").returncode == 0
    assert site.state() == before


def test_what_did_not_hold_is_no_success_whoever_reads(site: Site) -> None:
    """The kernel refuses the second value; its plan fits into the pipe before that is closed."""
    plan = site.plan(
        (
            SetSysctl(where=site.where, name=LOOSE, after="0"),
            SetSysctl(where=site.where, name=ESTABLISHED, after="2147483647"),
        )
    )
    command = [sys.executable, "-m", "halftrack", "fix", str(plan), "--yes"]
    with subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=site.environment,
    ) as made:
        assert made.stdout is not None
        made.stdout.readline()
        made.stdout.close()
        assert made.wait(60) == 76
    assert site.value(LOOSE) == "1"


@pytest.mark.parametrize(
    ("drain", "said"),
    [
        (Drain(filter=()), "does not say which entries"),
        (Drain(filter=("nonsense=1",)), "no field of a filter"),
        (Drain(filter=("proto=udp",), seconds=-5), "would leave entries -5 s"),
        (Drain(filter=("proto=udp",), where=Where(netns="not-there")), "no namespace not-there"),
    ],
)
def test_a_drain_that_cannot_be_run_is_refused_before_anything_is_changed(
    site: Site, drain: Drain, said: str
) -> None:
    before = site.state()
    done = site.halftrack("fix", str(site.plan(changing.settings(site), (drain,))), "--yes")
    assert (done.returncode, said in done.stderr) == (76, True), done.stderr
    assert site.state() == before
    assert not (site.base / "state").exists()


def test_of_a_drain_alone_no_way_back_is_promised(site: Site) -> None:
    drain = Drain(filter=("proto=udp",), where=site.where)
    done = site.halftrack("fix", str(site.plan((drain,))), "--yes")
    assert done.returncode == 0, done.stderr
    assert "Undo: none." in done.stdout
    assert done.stdout.endswith("Change 1 done.\nDrained 0 entries\n")


def test_a_way_into_a_namespace_that_is_none_is_not_opened(site: Site, tmp_path: Path) -> None:
    """A pipe would wait for a writer for ever, and opening a device may do something."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    where = Where(netns="x", path=str(pipe))
    done = site.halftrack("fix", str(site.plan((SetSysctl(where=where, name=LOOSE, after="0"),))), "--yes")
    assert (done.returncode, "cannot be entered" in done.stderr) == (76, True)


def test_json_that_ends_in_depths_is_no_plan(site: Site) -> None:
    plan = site.plan(changing.settings(site))
    deep = "[" * 100_000 + "]" * 100_000
    plan.write_text(plan.read_text("utf-8").replace('"notes":[]', f'"x":{deep},"notes":[]'), "utf-8")
    done = site.halftrack("fix", str(plan), "--yes")
    assert (done.returncode, "holds no plan" in done.stderr) == (65, True), done.stderr
