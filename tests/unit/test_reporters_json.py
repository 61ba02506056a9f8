"""Documents for programs: the diagnosis and its schema, entries, groups."""

from __future__ import annotations

import csv
import io
import json
from typing import TYPE_CHECKING, Any

import jsonschema
import pytest

from halftrack.diagnosis import diagnose
from halftrack.diagnosis.filters import fields, tally
from halftrack.diagnosis.filters.chosen import Chosen
from halftrack.diagnosis.view import view
from halftrack.evidence import uapi
from halftrack.evidence.values import Owner
from halftrack.remedies import advise
from halftrack.reporters import entries, groups
from halftrack.reporters import json as documents
from halftrack.reporters.schema import schema
from unit.flowrows import ASSURED, TAKEN_AT, evidence, one_sided, row, table, udp
from unit.screens import SCREENS

if TYPE_CHECKING:
    import polars as pl

VALIDATOR = jsonschema.Draft202012Validator(schema(), format_checker=jsonschema.FormatChecker())
WEB = Owner(name="we\x1bb\u202e", id="101", runtime="openvz", addresses=("192.0.2.73",))


@pytest.mark.parametrize("name", SCREENS)
def test_every_document_validates(name: str) -> None:
    VALIDATOR.validate(json.loads(documents.pretty(SCREENS[name])))


def test_a_real_diagnosis_validates() -> None:
    rows = [one_sided(dst=f"198.51.100.{n}", dport=1000 + n, left=300_000 + n * 300) for n in range(200)]
    seen = evidence(table(*rows, limit=262_144, buckets=65_536), kernel="2.6.32-042stab092.1")
    document = json.loads(documents.pretty(advise(diagnose(seen), seen)))

    VALIDATOR.validate(document)
    assert document["findings"][0]["symptom"] == "one-sided"
    assert document["taken_at"] == "2026-11-23T03:12:00Z"


def test_the_schema_refuses_what_is_not_such_a_document() -> None:
    document = json.loads(documents.pretty(SCREENS["sick-old"]))
    document["findings"][0]["severity"] = "terrible"

    with pytest.raises(jsonschema.ValidationError):
        VALIDATOR.validate(document)


def shown(*rows: dict[str, Any]) -> Chosen:
    seen = evidence(table(*rows), owners=(WEB,))
    looked = view(seen.tables[0], seen)
    return Chosen("host", looked.flows, looked.opaque, seen.owners, seen.taken_at)


def objects(*rows: dict[str, Any]) -> list[dict[str, Any]]:
    return [json.loads(line) for lines in entries.json_lines(shown(*rows)) for line in lines]


def test_an_entry_has_all_its_fields() -> None:
    (entry,) = objects(
        row(
            "198.51.100.2",
            "192.0.2.73",
            50000,
            80,
            left=431_990,
            mark=7,
            zone=5,
            id=2_213_857_785,
            helper="ftp",
            orig_packets=1,
            orig_bytes=40,
            reply_packets=2,
            reply_bytes=2**64 - 1,
            start_ns=int(TAKEN_AT.timestamp() - 60) * 10**9,
        )
    )

    assert entry == {
        "netns": "host",
        "family": "ipv4",
        "protocol": "tcp",
        "state": "ESTABLISHED",
        "left_s": 431_990,
        "status": ["seen-reply", "assured", "confirmed"],
        "orig": {
            "src": "198.51.100.2",
            "dst": "192.0.2.73",
            "sport": 50000,
            "dport": 80,
            "packets": 1,
            "bytes": 40,
        },
        "reply": {
            "src": "192.0.2.73",
            "dst": "198.51.100.2",
            "sport": 80,
            "dport": 50000,
            "packets": 2,
            "bytes": 2**64 - 1,
        },
        "mark": 7,
        "zone": 5,
        "id": 2_213_857_785,
        "helper": "ftp",
        "started_at": "2026-11-23T03:11:00Z",
        "idle_s": 10,
        "idle_at_least": False,
        "one_sided": False,
        "origin": entry["origin"],
        "owner": {
            "name": WEB.name,
            "id": "101",
            "runtime": "openvz",
            "namespace": None,
            "pod": None,
            "workload": None,
        },
        "service": "tcp/80",
    }


def test_each_protocol_has_what_it_has() -> None:
    ping, gre, igmp, six = objects(
        row(proto="icmp", state=None, orig_type=8, orig_code=0, orig_icmp_id=77, reply_type=0),
        row(proto="gre", state=None, orig_srckey=1, orig_dstkey=2, reply_srckey=2, reply_dstkey=3),
        row(proto=89, state=None),
        row("2001:db8::1", "2001:db8::2", 1, 22, state="TIME_WAIT"),
    )

    assert ping["orig"].items() >= {"type": 8, "code": 0, "id": 77}.items()
    assert "sport" not in ping["orig"]
    assert gre["orig"]["key"] == 2
    assert gre["reply"]["key"] == 3
    assert set(igmp["orig"]) == {"src", "dst", "packets", "bytes"}
    assert igmp["protocol"] == "89"
    assert igmp["state"] is None
    assert (six["family"], six["state"], six["orig"]["src"]) == ("ipv6", "TIME_WAIT", "2001:db8::1")


def test_what_is_not_known_is_null() -> None:
    (entry,) = objects(row(status=(*ASSURED, "offload"), left=None))

    assert entry["left_s"] is None
    assert entry["idle_s"] is None
    assert entry["started_at"] is None
    assert entry["orig"]["packets"] is None


def test_a_text_that_says_how_old_an_entry_is_gives_its_start() -> None:
    (entry,) = objects(row(delta_time=60))

    assert entry["started_at"] == "2026-11-23T03:11:00Z"


def test_hostile_names_stay_what_they_are_and_harm_no_terminal() -> None:
    chosen = shown(one_sided("192.0.2.73", 'x"\\\x9b\x7f\n', helper="\x1b]0;x\x07"))
    (lines,) = entries.json_lines(chosen)
    (entry,) = [json.loads(line) for line in lines]

    assert entry["orig"]["dst"] == 'x"\\\x9b\x7f\n'
    assert entry["owner"]["name"] == WEB.name
    assert lines[0].isprintable()


def test_csv_has_the_same_columns_and_one_line_an_entry() -> None:
    chosen = shown(one_sided("192.0.2.73", 'x",\n'), udp())
    (frame,) = entries.flat(chosen)
    lines = list(csv.DictReader(io.StringIO(frame.write_csv())))

    assert tuple(frame.columns) == entries.COLUMNS
    assert [line["protocol"] for line in lines] == ["tcp", "udp"]
    assert lines[0]["orig_dst"] == 'x",?'
    assert lines[0]["status"] == "confirmed"


def counted(by: str, *rows: dict[str, Any]) -> pl.DataFrame:
    seen = evidence(table(*rows), owners=(WEB,))
    looked = view(seen.tables[0], seen)
    names = fields.counted(by)
    return tally.count([Chosen("host", looked.flows, looked.opaque, seen.owners)], names)


ROWS = (
    one_sided("192.0.2.73", "198.51.100.1"),
    one_sided("192.0.2.73", "198.51.100.2"),
    row("198.51.100.2", "192.0.2.73", 50000, 80),
    udp("192.0.2.9", "203.0.113.53"),
    row("192.0.2.9", "203.0.113.5", proto="icmp", state=None),
)


@pytest.mark.parametrize(
    ("by", "keys"),
    [
        ("state", [["ESTABLISHED", 3, 2], [None, 2, 0]]),
        ("proto,netns", [["tcp", "host", 3, 2], ["icmp", "host", 1, 0], ["udp", "host", 1, 0]]),
        ("src", [["192.0.2.73", 2, 2], ["192.0.2.9", 2, 0], ["198.51.100.2", 1, 0]]),
        ("dport", [[60440, 2, 2], [53, 1, 0], [80, 1, 0], [None, 1, 0]]),
        ("mark,zone", [[0, 0, 5, 2]]),
        ("service", [["tcp/80", 3, 2], ["icmp", 1, 0], ["udp/53", 1, 0]]),
        ("owner", [[WEB.name, 3, 2], [None, 2, 0]]),
        ("netns", [["host", 5, 2]]),
    ],
)
def test_counting_by_fields(by: str, keys: list[list[Any]]) -> None:
    assert [list(each) for each in counted(by, *ROWS).rows()] == keys


def test_counts_as_a_document() -> None:
    names = ("owner", "dport")
    document = json.loads(groups.document(counted("owner,dport", *ROWS), names, 5))

    assert document["schema"] == "halftrack.groups/1"
    assert document["by"] == ["owner", "dport"]
    assert document["total"] == 5
    assert document["groups"][0] == {"key": [WEB.name, 60440], "entries": 2, "one_sided": 2}


@pytest.mark.parametrize("ascii_only", [True, False])
def test_counts_as_a_table_keep_hostile_names_off_the_terminal(*, ascii_only: bool) -> None:
    text = groups.text(counted("owner,dport", *ROWS), ("owner", "dport"), ascii_only=ascii_only)

    assert all(line.isprintable() for line in text.splitlines())
    assert text.splitlines()[0].split() == ["owner", "dport", "entries", "one-sided"]
    assert len(set(map(len, text.splitlines()))) == 1


def test_no_counts_are_still_a_document_and_a_table() -> None:
    nothing = counted("src")

    assert json.loads(groups.document(nothing, ("src",), 0))["groups"] == []
    assert groups.text(nothing, ("src",), ascii_only=True).split() == ["src", "entries", "one-sided"]
    assert groups.csv(nothing, ("src",)) == "src,entries,one_sided\n"


def test_states_that_the_kernel_may_add_are_shown_by_number() -> None:
    number = len(uapi.TCP_STATES)
    (entry,) = objects(row() | {"state": number})

    assert entry["state"] == str(number)
