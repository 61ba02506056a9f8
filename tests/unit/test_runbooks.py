"""Runbooks: a page for every slug, each readable in a terminal, each command one that exists."""

from __future__ import annotations

import re
import shlex

import pytest

from halftrack import planning, runbooks, whatif
from halftrack.diagnosis import causes, filters, symptoms
from halftrack.errors import UsageError
from halftrack.planning import asked
from halftrack.remedies import REMEDIES
from unit import remedy_pages

TOPICS = runbooks.topics()
PAGES = pytest.mark.parametrize("topic", TOPICS, ids=lambda topic: topic.slug)
HEADINGS = ["## Meaning", "## Impact", "## Diagnosis", "## Mitigation"]
REMEDY_HEADINGS = [f"## {name}" for name in remedy_pages.SECTIONS]
LONGEST = {"remedy": 98}
"""Lines: a remedy says the same also by hand, for nft and for iptables."""
OPTIONS = {"--by", "--top", "--sort", "--from", "-o", "--try", "--for"}
FLAGS = {"--count", "--csv", "--explain", "--jsonl", "--json"}


def slugs(kind: str) -> set[str]:
    return {topic.slug for topic in TOPICS if topic.kind == kind}


def test_every_remedy_has_a_page_and_every_page_a_remedy() -> None:
    assert slugs("remedy") == {remedy.REMEDY for remedy in REMEDIES}


def test_every_symptom_has_a_page_and_every_page_a_symptom() -> None:
    assert slugs("symptom") == {each.slug for each in (*symptoms.ENTRY_SYMPTOMS, *symptoms.CONDITIONS)}


def test_every_cause_has_a_page_and_every_page_a_cause() -> None:
    files = {weigh.__module__.rpartition(".")[2].replace("_", "-") for weigh in causes.CAUSES}
    assert slugs("cause") == files | {"unknown"}


@PAGES
def test_a_page_fits_a_terminal(topic: runbooks.Topic) -> None:
    lines = runbooks.text(topic.slug).splitlines()
    assert len(lines) <= LONGEST.get(topic.kind, 60)
    assert max(map(len, lines)) <= 78
    assert "\n".join(lines).isascii()


@PAGES
def test_a_page_has_its_parts_in_order(topic: runbooks.Topic) -> None:
    lines = runbooks.text(topic.slug).splitlines()
    assert lines[0].startswith("# ")
    assert topic.summary.endswith(".")
    assert len(topic.summary) <= 78
    wanted = REMEDY_HEADINGS if topic.kind == "remedy" else HEADINGS
    assert [line for line in lines if line.startswith("## ")] == wanted
    assert all(remedy_pages.sections(topic.slug).values())


@PAGES
def test_commands_of_ours_are_ones_that_exist(topic: runbooks.Topic) -> None:
    page = remedy_pages.filled(runbooks.text(topic.slug))
    found = re.findall(r"^    (halftrack .*)$|`(halftrack [^`]*)`", page, re.MULTILINE)
    for command in (one or other for one, other in found):
        _, verb, *words = shlex.split(command)
        if verb == "list":
            filters.parse(bare(words))
        elif verb == "drain":
            assert filters.parse([word for word in words if word not in {"--dry-run", "--delete"}]).terms
        elif verb == "explain":
            assert [runbooks.find(word).slug for word in words]
        elif verb in {"plan", "fix"}:
            planning.parse([word for word in bare(words) if not word.endswith(".json")])
        elif verb == "whatif":
            assert whatif.parse(words)
        elif verb in {"undo", "changes", "keep"}:
            assert words == []
        else:
            assert (verb, words) in [("doctor", []), ("doctor", ["-v"]), ("doctor", ["--listen", "30s"])]


@pytest.mark.parametrize(("slug", "needed"), asked.NEEDED.items())
def test_a_remedy_that_has_to_be_told_more_is_shown_with_it(slug: str, needed: tuple[str, ...]) -> None:
    page = remedy_pages.filled(runbooks.text(slug))
    for verb in ("plan", "fix"):
        commands = re.findall(rf"^    halftrack {verb} (.*)$", page, re.MULTILINE)
        shown = [each for command in commands for each in planning.parse(shlex.split(command))]
        assert any(set(needed) <= set(each.arguments) for each in shown)


def bare(words: list[str]) -> list[str]:
    """What is left of a command without its options."""
    kept = []
    rest = iter(words)
    for word in rest:
        if word in OPTIONS:
            next(rest)
        elif word not in FLAGS:
            kept.append(word)
    return kept


@PAGES
def test_names_in_code_marks_that_look_like_topics_are_topics(topic: runbooks.Topic) -> None:
    known = {each.slug for each in TOPICS}
    for name in re.findall(r"`([a-z]+(?:-[a-z]+)+)`", runbooks.text(topic.slug)):
        assert name in known


@pytest.mark.parametrize(
    ("name", "slug"),
    [
        ("five-days", "tcp_timeout_established"),
        ("net.netfilter.nf_conntrack_tcp_timeout_established", "tcp_timeout_established"),
        ("nf_conntrack_tcp_loose", "tcp_loose"),
        ("buckets", "nf_conntrack_buckets"),
        ("net.nf_conntrack_max", "nf_conntrack_max"),
        ("ORPHANED", "orphaned"),
    ],
)
def test_other_names_lead_to_the_page(name: str, slug: str) -> None:
    assert runbooks.find(name).slug == slug


def test_an_unknown_topic_names_what_comes_near() -> None:
    with pytest.raises(UsageError, match="did you mean one-sided"):
        runbooks.text("onesided")


def test_an_unknown_topic_far_from_all_says_where_the_list_is() -> None:
    with pytest.raises(UsageError, match="halftrack explain") as refused:
        runbooks.text("\x1b[31mzzzzqqqq" + "x" * 500)
    assert "\x1b" not in str(refused.value)
    assert len(str(refused.value)) < 200


def test_no_two_topics_answer_to_one_name() -> None:
    names = [name for topic in TOPICS for name in (topic.slug, *topic.aliases)]
    assert len({runbooks.find(name).slug for name in names}) == len(TOPICS)


@pytest.mark.parametrize("slug", sorted(slugs("remedy")))
def test_a_remedy_says_by_hand_what_to_type_and_how_to_go_back(slug: str) -> None:
    for tool in remedy_pages.TOOLS:
        assert remedy_pages.commands(slug, remedy_pages.BY_HAND, tool)
        assert remedy_pages.commands(slug, remedy_pages.BACK, tool)
    assert "`halftrack undo`" in remedy_pages.sections(slug)[remedy_pages.BACK]
    assert "    halftrack " in remedy_pages.sections(slug)[remedy_pages.CHANGED]
