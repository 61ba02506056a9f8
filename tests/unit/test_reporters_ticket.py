"""The reply to a mail: short, plain, and nothing in it that has no source."""

from __future__ import annotations

import io
import re
from typing import TYPE_CHECKING, Final, Literal

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from browser.diagnoses import all_of_them
from halftrack import formats, masking
from halftrack.diagnosis import examine
from halftrack.diagnosis.asking import SCRIPT
from halftrack.diagnosis.document import Ask, Diagnosis, Finding, Gap, Input, ReadAt, Sourced
from halftrack.diagnosis.since.document import Since, SinceFinding, SinceMoment, SinceSetting, SinceTable
from halftrack.live import reports
from halftrack.masking import kinds
from halftrack.remedies import advise
from halftrack.reporters import html, json, ticket
from halftrack.reporters.phrases import notes
from halftrack.reporters.places import place
from halftrack.reporters.ticket import MOST_LINES, WIDTH
from unit import bundles, documents
from unit.anything import node
from unit.documents import diagnosis
from unit.reports import archive, entries, settings, whole
from unit.sick import SICK_OLD

if TYPE_CHECKING:
    from halftrack.evidence.values import Evidence

DRAWN: Final = {
    name: value for name, value in vars(documents).items() if isinstance(value, Diagnosis) and name.isupper()
}
CLAIM: Final = re.compile(r"(?:\[\d+\])+$")
PLANNED: Final = "halftrack plan --from=node.tgz"


def examined(evidence: Evidence) -> Diagnosis:
    judged = examine(evidence)
    return advise(judged.diagnosis, evidence, judged.cases)


def read(data: bytes) -> Diagnosis:
    return examined(formats.read(["-"], stdin=io.BytesIO(data), reported=reports.read))


def parts(text: str) -> dict[str, list[str]]:
    """Paragraphs, by the title above them."""
    found: dict[str, list[str]] = {"": []}
    title = ""
    for line in text.splitlines():
        if re.fullmatch(r"[A-Z][a-z ]+(?: node17\.tgz| stdin)?:", line):
            title = "Read in" if line.startswith("Read in") else line[:-1]
            found[title] = []
        elif line.startswith("  ") and found[title] and title in {"What is the matter", "Not known"}:
            found[title][-1] += f" {line.strip()}"
        elif line:
            found[title].append(line)
    return found


def check(text: str) -> None:
    """What holds of every reply."""
    lines = text.splitlines()
    assert len(lines) <= MOST_LINES
    assert max(map(len, lines)) <= WIDTH
    assert text.isascii()
    assert text.isprintable() or set(text) - {"\n"} <= set(map(chr, range(32, 127)))
    told = parts(text)
    cited = set(re.findall(r"\[(\d+)\]", " ".join(told.get("What is the matter", []))))
    listed = {line.partition("]")[0][1:] for line in told.get("Read in", []) if line.startswith("[")}
    assert cited == listed
    for claim in told.get("What is the matter", []):
        assert claim.startswith("- ")
        assert CLAIM.search(claim), claim


@pytest.mark.parametrize("name", DRAWN)
@pytest.mark.parametrize("planned", [None, PLANNED])
def test_every_screen_that_was_drawn_has_a_reply(name: str, planned: str | None) -> None:
    found = DRAWN[name]
    text = ticket.render(found, planned=planned)
    check(text)
    assert " ".join(text.split()).startswith(
        f"{'PARTIAL' if found.severity == 'ok' and not found.complete else found.severity.upper()} {found.node}:"
    )


@pytest.mark.parametrize("seed", range(20))
def test_any_node_has_one(seed: int) -> None:
    found = examined(node(seed, 400))
    check(ticket.render(found, planned=PLANNED))


REPORTS: Final = {
    "table": entries(40).encode(),
    "table and settings": (settings(40) + entries(40)).encode(),
    "masked": entries(40).replace("203.0.113.", "xx.xx.xx.").encode(),
    "report": archive(whole()),
    "nearly full": archive(whole(sos_commands__kernel__sysctl_=settings(30, 35))),
    "cut": archive(
        {name: text for name, text in whole().items() if "conntrack_-L" not in name}
        | {"sos_strings/conntrack/conntrack_-L_-o_extended.tailed": "0 use=1\n" + entries(30)}
    ),
}


@pytest.mark.parametrize("name", REPORTS)
def test_what_was_sent_has_one(name: str) -> None:
    """Numbers that stand there stand in the document; places are those that it names."""
    found = read(REPORTS[name])
    text = ticket.render(found, planned=PLANNED)
    check(text)
    document = json.pretty(found).decode()
    for number in re.findall(r"\d{1,3}(?:,\d{3})+", text):
        assert number in document or number.replace(",", "") in document, number
    places = {place(at) for each in (*found.sources, *found.findings, *_reasons(found)) for at in each.at}
    for line in parts(text)["Read in"]:
        cited = line.partition("]")[2].strip()
        assert cited in places or cited.startswith("not in what was read"), cited


def _reasons(found: Diagnosis) -> list[object]:
    return [
        reason
        for finding in found.findings
        for cause in finding.causes
        for reason in (*cause.for_, *cause.against)
    ]


def test_of_a_report_it_names_members_and_lines() -> None:
    text = ticket.render(read(REPORTS["report"]), planned=PLANNED)
    assert "The table holds 30 entries of 262,144 (under 1 %). [1][2]" in text
    assert "[1]  sos_commands/kernel/sysctl_-a:4\n[2]  sos_commands/kernel/sysctl_-a:5\n" in text
    assert "sos_commands/conntrack/conntrack_-L_-o_extended:1-30" in text
    assert "    sh fix.sh\n" in text
    assert "unmask" not in text, "only what we masked ourselves has a map of ours"


def test_stand_ins_are_undone_where_the_map_is_and_what_comes_of_it_runs_on_the_node() -> None:
    masked = msgspec.structs.replace(
        SICK_OLD, source="bundle", input=msgspec.structs.replace(SICK_OLD.input, masked="substituted")
    )
    steps = parts(ticket.render(masked, planned=PLANNED))["What to do"]
    undone = steps.index("    halftrack unmask fix.sh --map masked.map > filled.sh")
    assert steps[undone - 1].endswith("Where the map is, here called masked.map:")
    assert steps[undone + 1].startswith("As root on the node (or ")
    assert steps[undone + 2] == "    sh filled.sh"


def test_who_replies_is_told_what_writes_the_files_that_go_with_it() -> None:
    found = read(REPORTS["report"])
    commands = list(ticket.attached(found, program="halftrack", planned=PLANNED))
    assert commands[0] == f"{PLANNED} --sh -o fix.sh"
    well = msgspec.structs.replace(found, findings=(), ask=None)
    assert list(ticket.attached(well, program="halftrack", planned=PLANNED)) == []
    assert f"{PLANNED} --sh -o fix.sh" not in ticket.attached(found, program="halftrack", planned=None)


def test_two_moments_are_told_with_both_sources() -> None:
    """And another moment is not asked for where one was given."""
    then = SinceMoment(name="monday.txt", source="dump", severity="warning", complete=True)
    now = msgspec.structs.replace(then, name="node.tgz")
    between = Since(
        moments=(then, now),
        order="given",
        tables=(SinceTable(netns="host", before=2_048, now=1_024, new=24, stayed=1_000, left=1_048),),
        findings=(
            SinceFinding(
                id="one-sided/x", symptom="one-sided", course="gone", title="Stuck.", before=9, now=0
            ),
        ),
        settings=(SinceSetting(setting="net.netfilter.nf_conntrack_max", before="1", now="2"),),
    )
    text = ticket.render(msgspec.structs.replace(SICK_OLD, since=between), planned=PLANNED)
    check(text)
    told = " ".join(text.split())
    assert "- Since monday.txt. Entries 2,048 -> 1,024: 24 new, 1,000 stayed, 1,048 left. [" in told
    assert "- Gone: one-sided/x" in told
    assert "- Changed: " in told
    assert re.search(r"^\[\d\]  monday\.txt$", text, re.MULTILINE)


def test_a_long_path_is_broken_between_its_parts() -> None:
    inside = "sos_commands/networking/namespaces/web_shop_of_the_customer/ip_netns_exec_web_shop_sysctl_-a"
    found = diagnosis(
        sources=(Sourced(what="count", value=7, netns="host", at=(ReadAt(file=inside, first_line=1_234),)),)
    )
    text = ticket.render(found)
    first, last = inside.rsplit("/", 1)
    assert f"[1]  {first}/\n     {last}:1234\n" in text


def test_one_thing_is_asked_for() -> None:
    text = ticket.render(read(REPORTS["table"]))
    asked = text.partition("Please send next:\n")[2].partition("\n\n")[0].splitlines()
    assert [line for line in asked if line.startswith("    ")] == [f"    {SCRIPT}"]


def test_an_address_that_its_masker_forgot_is_not_repeated() -> None:
    """The note about it quotes it; a reply goes further than what was sent."""
    note = "46.202.252.61 is NOT masked although yy.yy.yy.61 stands for it; 2001:db8::7 neither."
    found = diagnosis(source="dump", complete=False, input=Input(masked="visible", notes=(note,)))
    text = ticket.render(found)
    assert "46.202" not in text
    assert "2001:db8" not in text
    assert "(an address) is NOT masked" in text


@pytest.mark.parametrize(
    ("command", "masked", "times"),
    [
        ("ip netns exec masked-3 conntrack -D -p tcp", "substituted", 1),
        ("conntrack -D -s 241.2.104.1", "substituted", 1),
        ("conntrack -D -s 3fff:0:0:1::9", "substituted", 1),
        ("sysctl -w net.netfilter.nf_conntrack_max=524288", "substituted", 0),
        ("conntrack -D -s 10.241.2.104 # 24 masked-peers", "substituted", 0),
        ("conntrack -D -s 241.2.104.1", "none", 0),
    ],
)
@pytest.mark.parametrize("asks", [True, False])
def test_commands_that_name_stand_ins_are_not_to_be_run_as_they_are(
    command: str, masked: Literal["substituted", "none"], times: int, *, asks: bool
) -> None:
    """Said once in a reply and on a page, wherever such commands stand."""
    ask = Ask(command=command, why="it is not known", settles=())
    findings = () if asks else all_of_them()["full"].findings
    shown = diagnosis(input=Input(masked=masked), findings=with_commands(findings, command), ask=ask)
    told = "Commands here name stand-ins: put back what they stand for"
    assert " ".join(ticket.render(shown).split()).count(told) == times
    assert html.render(shown).count(told) == times


def test_whatever_a_mask_gives_is_known_as_a_stand_in() -> None:
    """Reporters know nothing of masks: what they look for is held against what is made."""
    _, key = masking.masked(bundles.whole())
    given = [*map(kinds.shown, key.addresses.values()), *key.names.values()]
    shown = diagnosis(input=Input(masked="substituted"))
    assert len(given) > 10
    assert [each for each in given if notes.put_back(shown, [f"nsenter {each} true"]) is None] == []


def with_commands(findings: tuple[Finding, ...], command: str) -> tuple[Finding, ...]:
    """All of their remedies typed so."""
    replace = msgspec.structs.replace
    return tuple(
        replace(each, remedies=tuple(replace(its, commands=(command,)) for its in each.remedies))
        for each in findings
    )


def test_a_healthy_one_is_short_and_asks_for_nothing() -> None:
    text = ticket.render(documents.HEALTHY)
    assert "Nothing that has to be done was found." in text
    assert "Please send next" not in text
    assert len(text.splitlines()) < 20


HOSTILE: Final = st.text(st.characters(codec="utf-8"), max_size=800)


@given(HOSTILE, HOSTILE, st.integers(0, 40))
def test_whatever_names_hold_it_stays_short_and_plain(name: str, command: str, gaps: int) -> None:
    sick = msgspec.structs.replace(
        SICK_OLD,
        node=name,
        verdict=f"{name} {command}",
        input=Input(files=(name,), assumed={name: command}, notes=(command, name)),
        gaps=tuple(Gap(what=f"{name}{number}", why=command, needs=(command,)) for number in range(gaps)),
        sources=(Sourced(what="entries", value=1, netns="host", at=(ReadAt(file=command),) * 5),),
        findings=tuple(
            msgspec.structs.replace(each, title=name, explanation=command, at=(ReadAt(file=f"{name}:{n}"),))
            for n, each in enumerate(SICK_OLD.findings)
        ),
        ask=Ask(command="ss -tanpo", why=command, settles=(name,)),
    )
    text = ticket.render(sick, planned=PLANNED)
    assert len(text.splitlines()) <= MOST_LINES
    assert max(map(len, text.splitlines())) <= WIDTH
    assert text.isascii()
    assert set(text) - {"\n"} <= set(map(chr, range(32, 127)))
    assert "ss -tanpo" in text
