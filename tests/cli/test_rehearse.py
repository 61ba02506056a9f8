"""What ``fix --rehearse`` refuses before anything is made, and what it prints."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import jsonschema
import msgspec
import pytest

from halftrack.changes.rehearsal import rehearsing
from halftrack.plans import rehearsal as document
from halftrack.plans.actions import SetBuckets, SetSysctl
from halftrack.reporters import schema
from halftrack.reporters.rehearsal import render
from kernel.changing import LOOSE, plan

if TYPE_CHECKING:
    from pathlib import Path

    from cli.conftest import Run

STRICT = SetSysctl(name=LOOSE, after="0")


def found(**fields: object) -> document.Rehearsal:
    """A report in which something of everything is told."""
    step = document.RehearsedStep(
        remedy="drain",
        title="drain what is stuck\x1b[2J " + "of a long name " * 8,
        state="failed",
        why="the kernel refused 2 entries",
        did=("drain one-sided: 598 drained",),
        not_done=("hashsize 2: the whole node has one, it is not touched",),
        foretold=document.Foretold(
            entries_freed=6_000, of_sample=600, settles_at=4_100, live_flows_affected=38
        ),
        happened=document.Happened(entries_freed=598, entries_later=1, others=2, settles_at=None),
        agrees=True,
    )
    kept = document.Kept(before=431_999, after=7_440, foretold=7_440, agrees=True)
    talk = document.Connection(
        netns="host",
        service="tcp/80",
        front="203.0.113.73:80",
        back="10.88.0.14:8080",
        client="198.51.100.7",
        entries=600,
        opened=True,
        still=False,
        anew=True,
        kept=kept,
        late=msgspec.structs.replace(kept, after=None, foretold=None, untracked=True, agrees=False),
        why="cut: no answer",
    )
    unopened = msgspec.structs.replace(talk, opened=False, still=None, anew=None, kept=None, late=None)
    return document.Rehearsal(
        **{
            "node": "node17",
            "plan": "0a1b2c3d",
            "plan_node": "node17",
            "at": datetime(2026, 11, 23, 3, 12, tzinfo=UTC),
            "holds": False,
            "against": ("an open connection to tcp/80 was cut", "drain would fail"),
            "refused": (),
            "samples": (
                document.Sample(
                    netns="host",
                    table=262_144,
                    affected=6_000,
                    entries=19_998,
                    entries_affected=600,
                    refused={"the same entry is there already": 2},
                    how="drawn",
                    room="the hash that all namespaces share has 1,024 buckets",
                ),
            ),
            "copied": (
                document.Copied(
                    netns="host",
                    settings=38,
                    rules=tuple(f"nft table inet t{n}" for n in range(6)),
                    left=("x: y",),
                ),
            ),
            "steps": (step, msgspec.structs.replace(step, state="not-reached", happened=None, agrees=None)),
            "connections": (talk, unopened),
            "undone": True,
            "notes": ("entries are copied without counters",),
            "cost": document.Cost(
                seconds=2.1, cpu_s=1.9, memory_bytes=5 << 20, entries=20_000, kernel_bytes=None
            ),
        }
        | fields
    )


def saved(tmp_path: Path, *actions: SetSysctl | SetBuckets, node: str | None = None) -> str:
    path = tmp_path / "plan.json"
    path.write_bytes(msgspec.json.encode(plan(actions, node=node)))
    return str(path)


@pytest.mark.parametrize("more", [("--try", "10m"), ("--no-try",)])
def test_there_is_nothing_to_try(run: Run, tmp_path: Path, more: tuple[str, ...]) -> None:
    ran = run("fix", saved(tmp_path, STRICT), "--rehearse", *more)
    assert (ran.code, ran.out) == (64, "")
    assert "nothing to try" in ran.err


def test_it_asks_nothing(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []
    monkeypatch.setattr(
        rehearsing, "rehearse", lambda made, **_: asked.append(made) or found(holds=True, against=())
    )
    plan = saved(tmp_path, STRICT)
    ran = run("fix", plan, "--rehearse", "--no-input", "--until-reboot", "--unmanaged")
    assert ran.code == 0, ran.err
    assert len(asked) == 1
    assert "goes as predicted" in ran.out
    typed = " ".join(ran.out.replace("\\\n", " ").split())
    assert typed.endswith(f" fix {plan} --try 10m --until-reboot --unmanaged")
    assert "--try" not in run("fix", plan, "--rehearse", "--json").out


def test_what_speaks_against_it_ends_in_76_with_the_report(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rehearsing, "rehearse", lambda *_, **__: found())
    ran = run("fix", saved(tmp_path, STRICT), "--rehearse", "--json")
    assert ran.code == 76
    assert "an open connection to tcp/80 was cut, and 1 more" in ran.err
    assert "--try" not in run("fix", saved(tmp_path, STRICT), "--rehearse").out
    assert json.loads(ran.out)["schema"] == "halftrack.rehearsal/1"


def test_another_nodes_plan_wants_a_word(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rehearsing, "rehearse", lambda *_, **__: found(holds=True, against=()))
    path = saved(tmp_path, STRICT, node="elsewhere")
    assert run("fix", path, "--rehearse").code == 64
    assert run("fix", path, "--rehearse", "--from-elsewhere").code == 0


def test_masked_addresses_come_first(run: Run, tmp_path: Path) -> None:
    made = msgspec.structs.replace(plan((STRICT,)), variables={"ADDR_1": "xx.xx.xx.73"})
    from halftrack.plans.document import identified

    path = tmp_path / "masked.json"
    path.write_bytes(msgspec.json.encode(identified(made)))
    ran = run("fix", str(path), "--rehearse")
    assert ran.code == 76
    assert "ADDR_1" in ran.err


def test_the_document_follows_its_schema() -> None:
    told = json.loads(msgspec.json.encode(found()))
    checker = jsonschema.FormatChecker()
    jsonschema.Draft202012Validator(schema.rehearsal(), format_checker=checker).validate(told)
    del told["holds"]
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.Draft202012Validator(schema.rehearsal()).validate(told)


@pytest.mark.parametrize("width", [40, 60, 80])
@pytest.mark.parametrize("verbose", [True, False])
def test_the_screen_is_narrow_harmless_and_says_all(width: int, *, verbose: bool) -> None:
    text = render(found(), width=width, verbose=verbose)
    assert max(map(len, text.splitlines())) <= width
    assert "\x1b" not in text
    flat = " ".join(text.split())
    for told in (
        "does not go as planned",
        "19,998 of 262,144 entries of host",
        "The kernel refused 2 entries",
        "Not copied: x: y",
        "FAILED: the kernel refused 2 entries",
        "not reached",
        "6,000 freed, up to 38 live connections cut",
        "WAS CUT",
        "NOT as planned",
        "went back exactly",
    ):
        assert told in flat, told
