"""What somebody wants planned, read from words."""

from __future__ import annotations

import subprocess
import sys

import pytest

from halftrack import planning, remedies
from halftrack.errors import UsageError
from halftrack.planning.wanted import REMEDIES


def test_every_remedy_can_be_named() -> None:
    assert set(REMEDIES) == {each.REMEDY for each in remedies.REMEDIES}


@pytest.mark.parametrize(
    ("word", "arguments"),
    [
        ("strict-pickup", {}),
        ("shorten-established:established=86400", {"established": 86_400}),
        ("shorten-established:established=2h", {"established": 7_200}),
        (
            "timeout-policy:service=tcp/8883,established=7440",
            {"service": "tcp/8883", "established": 7_440},
        ),
        ("cap-unacknowledged:unacknowledged=5m,max-retrans=300", {"unacknowledged": 300, "max_retrans": 300}),
        ("raise-limit:limit=524288", {"limit": 524_288}),
        ("notrack:service=udp/53,address=2001:db8::1", {"service": "udp/53", "address": "2001:db8::1"}),
        (
            "notrack:service=tcp/80,address=::ffff:192.0.2.1",
            {"service": "tcp/80", "address": "192.0.2.1"},
        ),
        (
            "notrack:service=tcp/80,address=xx.xx.xx.73",
            {"service": "tcp/80", "address": "xx.xx.xx.73"},
        ),
    ],
)
def test_remedies_with_their_arguments(word: str, arguments: dict[str, str | int]) -> None:
    [wanted] = planning.parse([word])
    assert wanted.remedy == word.partition(":")[0]
    assert wanted.arguments == arguments


@pytest.mark.parametrize(
    "word", ["one-sided/web-1/tcp/80", "orphaned", "one-sided/2001:db8::1/tcp/80", "settings/host"]
)
def test_findings_by_id(word: str) -> None:
    [wanted] = planning.parse([word])
    assert (wanted.finding, wanted.remedy, wanted.number) == (word, None, None)


def test_a_finding_by_its_number() -> None:
    assert planning.parse(["2"])[0].number == 2


@pytest.mark.parametrize(
    ("word", "shown"),
    [
        ("strict-pikcup", "did you mean strict-pickup"),
        ("1,2", "'1,2' is one word: write 1 2"),
        ("syncookies, 3", "write syncookies 3"),
        ("1,", "'1,' is no remedy and no finding"),
        ("everything", "a finding: its number or its id"),
        ("strict-pickup:tcp_loose=0", "strict-pickup takes no arguments"),
        ("shorten-established:", "write shorten-established:established=7440"),
        ("shorten-established:established", "write shorten-established:established=7440"),
        ("shorten-established:established=0", "write shorten-established:established=7440"),
        ("shorten-established:established=-5", "write shorten-established:established=7440"),
        ("shorten-established:established=99999999999", "write shorten-established:established=7440"),
        ("timeout-policy:service=8883", "write timeout-policy:service=tcp/8883"),
        ("timeout-policy:service=tcp/99999", "write timeout-policy:service=tcp/8883"),
        ("timeout-policy:port=80", "timeout-policy:service=tcp/8883,established=7440"),
        ("raise-limit:limit=1,limit=2", "given limit twice"),
        ("raise-limit:limit=2h", "write raise-limit:limit=524288"),
        ("notrack:address=10.0.0.0/8", "write notrack:address=203.0.113.73"),
        ("timeout-policy:service=udp/53,established=60", "write timeout-policy:service=tcp/8883"),
        ("notrack:address=$(id)", "write notrack:address=203.0.113.73"),
        ("\x1b[2J", "'\\x1b[2J'"),
        ("", "''"),
    ],
)
def test_errors_show_how_to_write_it(word: str, shown: str) -> None:
    with pytest.raises(UsageError) as error:
        planning.parse([word])
    assert shown in str(error.value)
    assert str(error.value).isprintable()


def test_reading_them_loads_neither_numpy_nor_polars() -> None:
    code = (
        "import sys; from halftrack import planning; planning.parse(['1', 'strict-pickup']);"
        "sys.exit(any(name in sys.modules for name in ('numpy', 'polars')))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False, timeout=60).returncode == 0
