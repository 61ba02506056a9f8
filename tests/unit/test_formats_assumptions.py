"""``--assume``: what a file does not say."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from halftrack import formats
from halftrack.errors import UsageError
from halftrack.formats.moments import moment_of, offset_of
from halftrack.formats.settings import assumed, full_name
from unit.formatted import FIXTURES

FOUNDING = str(FIXTURES / "founding.txt")


def test_everything_that_can_be_assumed() -> None:
    """Kernel, limit, buckets, time and settings arrive in the evidence and are listed as assumed."""
    said = {
        "kernel": "2.6.32-042stab092.1",
        "limit": "262144",
        "buckets": "65536",
        "taken-at": "2026-11-23T03:12:00+01:00",
        "tcp_timeout_established": "432000",
        "nf_conntrack_tcp_loose": "1",
        "net.netfilter.nf_conntrack_acct": "0",
        "net.ipv4.tcp_syncookies": "1",
    }

    evidence = formats.read([FOUNDING], assume=said)

    table = evidence.tables[0]
    assert evidence.kernel == "2.6.32-042stab092.1"
    assert evidence.taken_at == datetime(2026, 11, 23, 2, 12, tzinfo=UTC)
    assert (table.limit, table.buckets) == (262144, 65536)
    assert table.settings == {
        "net.netfilter.nf_conntrack_max": "262144",
        "net.netfilter.nf_conntrack_buckets": "65536",
        "net.netfilter.nf_conntrack_tcp_timeout_established": "432000",
        "net.netfilter.nf_conntrack_tcp_loose": "1",
        "net.netfilter.nf_conntrack_acct": "0",
        "net.ipv4.tcp_syncookies": "1",
    }
    assert evidence.input.assumed == said


def test_nothing_is_filled_in() -> None:
    """What nobody said is not known."""
    evidence = formats.read([FOUNDING])

    assert (evidence.kernel, evidence.taken_at, evidence.tables[0].limit) == (None, None, None)
    assert evidence.tables[0].settings == {}


def test_assumptions_win_over_the_file(tmp_path: Path) -> None:
    """Whoever assumes knows better than what was pasted."""
    path = tmp_path / "table"
    path.write_bytes(b"net.netfilter.nf_conntrack_max = 1000\n" + Path(FOUNDING).read_bytes())

    assert formats.read([str(path)]).tables[0].limit == 1000
    assert formats.read([str(path)], assume={"limit": "2000"}).tables[0].limit == 2000


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("tpc_loose", "1", "known are kernel, limit, buckets, taken-at and sysctls"),
        ("net.netfilter.nf_conntrack_nonsense", "1", "unknown"),
        ("count", "5", "unknown"),
        ("limit", "many", "whole number"),
        ("limit", "-1", "whole number"),
        ("tcp_loose", "", "whole number"),
        ("kernel", "new", "a release is written like"),
        ("taken-at", "yesterday", "a time is written like"),
        ("taken-at", "2026-11-23T03:12:00", "a time is written like"),
    ],
)
def test_what_cannot_be_assumed(key: str, value: str, said: str) -> None:
    """Refused in one line that shows how it is written."""
    with pytest.raises(UsageError, match=said):
        assumed({key: value})


@pytest.mark.parametrize(
    ("name", "full"),
    [
        ("net.ipv4.ip_conntrack_max", "net.netfilter.nf_conntrack_max"),
        ("net.nf_conntrack_max", "net.netfilter.nf_conntrack_max"),
        ("net/netfilter/nf_conntrack_max", "net.netfilter.nf_conntrack_max"),
        ("net.ipv4.netfilter.ip_conntrack_udp_timeout", "net.netfilter.nf_conntrack_udp_timeout"),
        ("net.core.somaxconn", "net.core.somaxconn"),
    ],
)
def test_names_of_every_age(name: str, full: str) -> None:
    """A sysctl has one name in the evidence, whichever kernel it came from."""
    assert full_name(name) == full


@pytest.mark.parametrize(
    "moment", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "0001-01-01T00:00:00Z"]
)
def test_moments_at_the_edge_of_the_calendar_are_none(moment: str) -> None:
    with pytest.raises(UsageError, match="taken-at"):
        assumed({"taken-at": moment})
    assert moment_of(moment) is None


@pytest.mark.parametrize("part", ["day", "hour", "minute", "second"])
def test_a_number_in_a_date_that_goes_on_for_ever_is_no_moment(part: str) -> None:
    line = {"day": "27", "hour": "12", "minute": "00", "second": "01"} | {part: "1" * 5_000}
    text = "Fri Nov {day} {hour}:{minute}:{second} UTC 2026".format(**line)
    assert moment_of(text) is None
    assert offset_of([text]) is None
