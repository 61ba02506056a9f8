"""Commands that hang, fail, or print what nobody wants."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from halftrack.owners import untrusted
from halftrack.owners.node import parse_json
from halftrack.owners.process import NoAnswer, run
from unit.trees import command


def soon(seconds: float = 10.0) -> float:
    return time.monotonic() + seconds


def test_the_output_of_a_command() -> None:
    assert run(["/bin/sh", "-c", "echo said; echo aside >&2"], soon()) == b"said\n"


def test_a_hanging_command_is_killed_with_its_children(tmp_path: Path) -> None:
    pids = tmp_path / "pids"
    script = f"sleep 300 & echo $! > {pids}; echo $$ >> {pids}; wait"
    with pytest.raises(NoAnswer, match=r"^sh did not answer in time$"):
        run(["/bin/sh", "-c", script], soon(2))
    left = [Path(f"/proc/{pid}/stat") for pid in pids.read_text().split()]
    assert len(left) == 2
    patience = soon(30)
    while any(map(_runs, left)) and time.monotonic() < patience:
        time.sleep(0.01)  # a signal reaches them in their turn
    assert not any(map(_runs, left))


def _runs(state: Path) -> bool:
    try:
        return state.read_text().rpartition(")")[2].split()[0] not in "ZX"
    except (FileNotFoundError, ProcessLookupError):
        return False


def test_a_command_that_closed_its_output_and_goes_on_is_late_too() -> None:
    with pytest.raises(NoAnswer, match="did not answer"):
        run(["/bin/sh", "-c", "exec >&- 2>&-; sleep 300"], soon(0.3))


def test_a_child_that_keeps_the_output_open_is_not_waited_for() -> None:
    deadline = soon(60)
    assert run(["/bin/sh", "-c", "sleep 300 & echo said"], deadline) == b"said\n"
    assert time.monotonic() < deadline


def test_output_without_end_is_cut_off() -> None:
    with pytest.raises(NoAnswer, match="yes printed more than 1 MiB"):
        run(["yes"], soon(), most=1 << 20)


def test_a_failing_command_tells_its_last_line() -> None:
    with pytest.raises(NoAnswer, match=r"sh failed \(exit 3\): cannot \\x1b\[31m$"):
        run(["/bin/sh", "-c", "echo first >&2; printf 'cannot \\033[31m\\n\\n' >&2; exit 3"], soon())


def test_a_command_that_only_breaks_lines_fails_without_a_reason() -> None:
    with pytest.raises(NoAnswer, match=r"sh failed \(signal 9\)$"):
        run(["/bin/sh", "-c", "echo >&2; kill -9 $$"], soon())


def test_a_long_complaint_does_not_block() -> None:
    with pytest.raises(NoAnswer, match="exit 1"):
        run(["/bin/sh", "-c", "head -c 1000000 /dev/zero >&2; exit 1"], soon())


def test_what_is_no_command(tmp_path: Path) -> None:
    (tmp_path / "broken").write_text("#!/nowhere/at/all\n")
    (tmp_path / "broken").chmod(0o755)
    with pytest.raises(NoAnswer, match="broken could not be started: No such file"):
        run([str(tmp_path / "broken")], soon())


def test_no_command_is_pointed_at_another_machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("DOCKER_HOST", "tcp://203.0.113.9:2375")
    monkeypatch.setenv("CONTAINER_HOST", "ssh://203.0.113.9")
    command(tmp_path, "show", "env")
    told = run([str(tmp_path / "show")], soon()).decode()
    assert "203.0.113.9" not in told
    assert f"PATH={os.environ['PATH']}" in told


@pytest.mark.parametrize("printed", ["{", "podman: warning\n[]", "[" * 100_000, "1" * 10_000])
def test_garbage_is_no_answer(printed: str) -> None:
    with pytest.raises(NoAnswer, match="what podman printed is not JSON"):
        parse_json(printed, "podman")


@given(st.text())
def test_names_are_always_fit_for_a_line(name: str) -> None:
    shown = untrusted.printable(name)
    assert shown.isprintable()
    assert len(shown) <= untrusted.LONGEST_NAME


def test_hostile_names_lose_their_teeth() -> None:
    assert untrusted.printable("web\x1b[2J\n\u202etxt\ud800") == r"web\x1b[2J\n\u202etxt\ud800"
    assert untrusted.printable("x" * 200) == "x" * 125 + "..."


def test_only_addresses_that_tell_somebody_apart() -> None:
    given = ["10.0.0.5/24", "fe80::1%eth0", "2001:DB8::5/64", "127.0.0.1", "::", "-", "", "1" * 999]
    assert list(untrusted.addresses(given)) == ["10.0.0.5", "2001:db8::5"]


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=10,
)


@given(json_values)
def test_any_value_is_read_as_the_type_that_is_wanted(value: object) -> None:
    assert isinstance(untrusted.text(value), str)
    assert isinstance(untrusted.mapping(value), dict)
    assert isinstance(untrusted.items(value), list)
    assert all(isinstance(each, str) for each in untrusted.strings(value))
    assert untrusted.number(value, 9) in {None, 1, 2, 3, 4, 5, 6, 7, 8, 9}
