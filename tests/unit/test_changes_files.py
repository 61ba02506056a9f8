"""Files and links of our own: whole or not at all, and back to the byte."""

from __future__ import annotations

import errno
import os
from datetime import UTC, datetime
from pathlib import Path

import pytest

from halftrack.changes import admission, folding, operator, persisting, records
from halftrack.changes.writes import Look, Seen, files, links, sysctl
from halftrack.changes.writes.buckets import BucketsWrite
from halftrack.diagnosis.document import Risk
from halftrack.errors import Incomplete, OutputFailed, PermissionMissing, UnreadableInput
from halftrack.kernel import firewall
from halftrack.plans.actions import Persist, SetSysctl, Where
from halftrack.plans.change import Who
from halftrack.plans.document import Effect, Plan, Step

ESTABLISHED = "net.netfilter.nf_conntrack_tcp_timeout_established"


def test_what_was_there_comes_back_with_mode_and_time(tmp_path: Path) -> None:
    path = tmp_path / "x.conf"
    path.write_bytes(b"\xff old \x00")
    path.chmod(0o640)
    os.utime(path, ns=(1_000_000_007, 1_000_000_007))
    write = files.prepare(path, b"new")
    write.do()
    assert (path.read_bytes(), path.stat().st_mode & 0o777, write.look().seen) == (b"new", 0o640, Seen.AFTER)
    write.undo()
    found = path.stat()
    assert (path.read_bytes(), found.st_mode & 0o777, found.st_mtime_ns) == (
        b"\xff old \x00",
        0o640,
        1_000_000_007,
    )
    assert write.look().seen is Seen.BEFORE


def test_somebody_elses_change_is_seen(tmp_path: Path) -> None:
    path = tmp_path / "x.conf"
    write = files.prepare(path, b"new")
    write.do()
    path.write_bytes(b"theirs")
    assert write.look().seen is Seen.OTHER
    write.do()
    path.chmod(0o600)
    assert write.look().seen is Seen.OTHER


def test_a_directory_that_others_use_stays(tmp_path: Path) -> None:
    write = files.prepare(tmp_path / "d/x.conf", b"new")
    write.do()
    (tmp_path / "d/theirs").touch()
    write.undo()
    assert [one.name for one in (tmp_path / "d").iterdir()] == ["theirs"]


def test_links_are_not_followed(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "real/x.conf").write_bytes(b"theirs")
    (tmp_path / "way").symlink_to("real")
    (tmp_path / "x.conf").symlink_to("real/x.conf")
    for path in (tmp_path / "way/x.conf", tmp_path / "x.conf"):
        with pytest.raises(Incomplete, match="not followed"):
            files.prepare(path, b"new")
    assert (tmp_path / "real/x.conf").read_bytes() == b"theirs"


def test_what_is_no_plain_file_is_left_alone(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "x.conf")
    with pytest.raises(Incomplete, match="no plain file"):
        files.prepare(tmp_path / "x.conf", b"new")


@pytest.mark.parametrize(
    ("code", "kind"),
    [(errno.ENOSPC, OutputFailed), (errno.EROFS, PermissionMissing), (errno.EACCES, PermissionMissing)],
)
def test_a_write_that_fails_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int, kind: type[Exception]
) -> None:
    path = tmp_path / "x.conf"
    path.write_bytes(b"old")
    write = files.prepare(path, b"new")

    def fail(_: int) -> None:
        raise OSError(code, os.strerror(code))

    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", fail)
        with pytest.raises(kind, match=r"x\.conf"):
            write.do()
    assert [(one.name, one.read_bytes()) for one in tmp_path.iterdir()] == [("x.conf", b"old")]


def test_what_a_crash_left_beside_a_file_is_cleared_by_undo(tmp_path: Path) -> None:
    write = files.prepare(tmp_path / "x.conf", b"new")
    (tmp_path / ".x.conf.halftrack~").write_bytes(b"ne")
    write.undo()
    assert list(tmp_path.iterdir()) == []


def test_a_link_comes_and_goes(tmp_path: Path) -> None:
    path = tmp_path / "multi-user.target.wants/x.service"
    write = links.prepare(path, "/etc/systemd/system/x.service")
    write.do()
    write.do()
    assert (str(path.readlink()), write.look().seen) == ("/etc/systemd/system/x.service", Seen.AFTER)
    again = links.prepare(path, "/elsewhere")
    again.do()
    assert write.look().seen is Seen.OTHER
    again.undo()
    write.undo()
    assert list(tmp_path.iterdir()) == []


def test_what_is_no_link_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "x").touch()
    with pytest.raises(Incomplete, match="no symbolic link"):
        links.prepare(tmp_path / "x", "/elsewhere")


@pytest.mark.parametrize(
    "name", ["", ".", "..", "net..x", "net/../x", "/net/x", "net.x y", "net.\u00e9", "net.x\n", "a" * 300]
)
def test_only_names_of_sysctls_lead_to_files(name: str) -> None:
    with pytest.raises(UnreadableInput, match="no name of a sysctl"):
        sysctl.path_of(name)


def test_a_name_leads_to_its_file() -> None:
    assert sysctl.path_of(ESTABLISHED) == Path("/proc/sys/net/netfilter/nf_conntrack_tcp_timeout_established")


def test_a_drop_in_keeps_the_lines_of_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HALFTRACK_ETC_DIR", str(tmp_path))
    path = tmp_path / "sysctl.d/90-halftrack.conf"
    path.parent.mkdir()
    path.write_bytes(b"# by hand\n-net/netfilter/nf_conntrack_tcp_timeout_established = 5\nvm.x = 1\n\xff")
    for wanted in (Persist(settings={ESTABLISHED: "7440"}),):
        for write in persisting.writes(wanted):
            write.do()
        assert persisting.writes(wanted) == []
    assert path.read_bytes() == b"# by hand\nvm.x = 1\n\xff\n" + f"{ESTABLISHED} = 7440\n".encode()


def test_what_kube_proxy_sets_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    def plan(name: str, netns: str) -> Plan:
        action = SetSysctl(where=Where(netns=netns), name=name, after="1")
        step = Step(
            remedy="shorten-established",
            kind="cure",
            title="",
            target="",
            before="",
            after="",
            undo="",
            verify="",
            effect=Effect(),
            risk=Risk(level="low"),
            actions=(action,),
        )
        return Plan(node="n", source="live", steps=(step,))

    monkeypatch.setattr(firewall, "managers", lambda *_: ("kube-proxy",))
    with pytest.raises(Incomplete, match="--unmanaged"):
        admission.unowned(plan(ESTABLISHED, "host"))
    admission.unowned(plan(ESTABLISHED, "pod"))
    admission.unowned(plan("net.netfilter.nf_conntrack_tcp_loose", "host"))
    monkeypatch.setattr(firewall, "managers", lambda *_: ())
    admission.unowned(plan(ESTABLISHED, "host"))


def test_the_size_of_the_hash_goes_and_comes_back(tmp_path: Path) -> None:
    parameter = tmp_path / "hashsize"
    parameter.write_text("65536\n", encoding="ascii")
    write = BucketsWrite(before=65536, after=131072, path=str(parameter))
    assert write.look().seen is Seen.BEFORE
    write.do()
    assert write.look() == Look(Seen.AFTER, "131072")
    parameter.write_text("100352", encoding="ascii")
    assert write.look().seen is Seen.OTHER
    write.undo()
    assert write.look() == Look(Seen.BEFORE, "65536")
    parameter.unlink()
    write.undo()
    assert write.look().seen is Seen.GONE


@pytest.mark.parametrize(("begun_s", "counts"), [(50.0, False), (150.0, True), (None, True)])
def test_keep_counts_from_a_connection_opened_after_the_change(
    monkeypatch: pytest.MonkeyPatch, begun_s: float | None, *, counts: bool
) -> None:
    at = datetime(2026, 11, 23, tzinfo=UTC)
    who = Who(user="root", uid=0, ssh="192.0.2.1 50000 192.0.2.2 22")
    begun = records.Begun(at=at, number=1, who=who, plan=Plan(node="n", source="live"), boot="b")
    folded = folding.fold((begun, records.Applied(at=at, done_s=100.0)))
    now = operator.Connection("192.0.2.1 50001 192.0.2.2 22", "192.0.2.1", 50001, "192.0.2.2", 22, begun_s)
    monkeypatch.setattr(operator, "connection", lambda: now)
    assert (operator.not_new(folded)[0] is None) is counts
