"""A masked bundle holds nothing of its node's own, and its doctor says the same, once it is unmasked."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from kernel.masking import ADDRESSES, MAC, doctor, names, said, telling_netns
from kernel.running import piped
from leaks import leaks

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from kernel.scratch import Netns


@pytest.fixture(scope="module")
def sick() -> Iterator[Netns]:
    with telling_netns("web-acme") as netns:
        yield netns


def test_the_scanner_finds_what_is_there(sick: Netns, tmp_path: Path) -> None:
    """Or it would find nothing in what is masked either."""
    assert piped("collect", "--netns", sick.name, "-o", "a.tgz", cwd=tmp_path).returncode == 0
    found = leaks((tmp_path / "a.tgz").read_bytes(), ADDRESSES, names(sick), [MAC], [sick.name])
    assert found.count(sick.name) == 2, "by itself, and in the middle of another"
    assert {each.partition(" as ")[0] for each in found} >= {*ADDRESSES, *names(sick), MAC}


def test_nothing_is_left_and_the_doctor_says_the_same(sick: Netns, tmp_path: Path) -> None:
    assert piped("collect", "--netns", sick.name, "-o", "plain.tgz", cwd=tmp_path).returncode == 0
    made = piped("collect", "--mask", "--from", "plain.tgz", "-o", "masked.tgz", cwd=tmp_path)
    assert made.returncode == 0, made.stderr
    assert (tmp_path / "masked.map").stat().st_mode & 0o777 == 0o600
    assert leaks((tmp_path / "masked.tgz").read_bytes(), ADDRESSES, names(sick), [MAC], [sick.name]) == []
    assert leaks(made.stdout, ADDRESSES, names(sick)) == []

    there = doctor("masked.tgz", tmp_path)
    assert json.loads(there)["input"]["masked"] == "substituted"
    assert leaks(there, ADDRESSES, names(sick)) == []
    (tmp_path / "there.json").write_bytes(there)
    back = piped("unmask", "there.json", "--map", "masked.map", cwd=tmp_path)
    assert said(back.stdout) == said(doctor("plain.tgz", tmp_path))
    assert sum(finding["entries"] for finding in said(back.stdout)["findings"]) >= 2_200

    done = piped("unmask", "masked.tgz", "--map", "masked.map", "-o", "back.tgz", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert said(doctor("back.tgz", tmp_path)) == said(doctor("plain.tgz", tmp_path))
