"""Commands that are broken over lines still do the same."""

from __future__ import annotations

import subprocess

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from halftrack.reporters.layout import Page
from halftrack.reporters.shell_lines import shell_lines

PAGE = Page(80)
WORDS = st.lists(
    st.one_of(
        st.text("abc/=.", min_size=1, max_size=90),
        st.text('ab "$\\|', max_size=90).map(lambda text: f"'{text}'"),
        st.text("ab '|", max_size=90).map(lambda text: f'"{text}"'),
        st.text("ab", max_size=5).map(lambda text: f"{text}\\ {text}\\'\\\\"),
    ),
    min_size=1,
    max_size=8,
)


NESTED = (
    '"$({ conntrack -L -f ipv4 -p tcp --state ESTABLISHED -s "${ADDR_1:?}" --orig-port-src 80 2>/dev/null || '
    "echo failed; } | grep -vcF '[UNREPLIED] and more words that are long enough to be broken')\""
)


def words_of(command: str) -> list[str]:
    """The words that sh makes of a command's arguments."""
    done = subprocess.run(
        ["sh", "-c", f'show() {{ for word; do printf "%s\\0" "$word"; done; }}\nshow {command}'],
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.split("\0")


@settings(max_examples=60, deadline=None)
@given(WORDS)
@example(["'" + "a b" * 60 + "'"])
@example(['"' + "a b" * 60 + '"'])
@example(["a" * 300])
@example(["'a'" * 100])
@example(["'one\ntwo " + "three " * 30 + "'", "four"])
@example([f'"$(printf %s "{"a b" * 40}" \'{"c d" * 40}\' ${{HOME:-{"x" * 60}}})"'])
def test_the_shell_joins_what_was_broken(words: list[str]) -> None:
    command = " ".join(words)

    lines = shell_lines(command, PAGE, " " * 8)

    assert words_of("\n".join(lines)) == words_of(command)


@pytest.mark.parametrize(
    "command",
    [
        "sysctl -w net.netfilter.nf_conntrack_max=524288",
        "nsenter -t 4711 -n sh -c '" + "conntrack -D -p tcp -s 203.0.113.73 --sport 80; " * 5 + "'",
        "mkdir -p /etc/sysctl.d\necho one > " + "/etc/" * 40 + "two",
    ],
)
def test_lines_fit(command: str) -> None:
    assert all(len(line) <= 80 for line in shell_lines(command, PAGE, " " * 8))


def test_a_short_command_stands_as_it_is() -> None:
    assert shell_lines("uname -r", PAGE, "  ") == ["  uname -r"]


def test_a_command_that_cannot_be_shown_is_not_shown_changed() -> None:
    (line,) = shell_lines("ip netns exec 'a\x1bb' true", PAGE, "  ")

    assert line.strip().startswith("#")


def test_a_long_comment_goes_on_as_a_comment() -> None:
    lines = shell_lines("# " + "word " * 40, PAGE, "  ")

    assert len(lines) > 1
    assert all(line.startswith("  # ") for line in lines)


def test_a_command_inside_a_command_keeps_its_quotes() -> None:
    command = f"test {NESTED} = 0 && conntrack -D -s 192.0.2.1"

    lines = shell_lines(command, PAGE, " " * 11)

    assert max(map(len, lines)) <= 80
    assert subprocess.run(["sh", "-n", "-c", "\n".join(lines)], check=False).returncode == 0
    assert "'[UNREPLIED] and more words" in "\n".join(lines)


def test_a_document_goes_into_its_file_unchanged() -> None:
    body = 'rule "${A:-x}" ' + "--with words " * 12 + "'quoted  blanks'"
    unit = "ExecStart=/bin/sh -c '" + "do this; " * 12 + "'"
    command = f"cat <<EOF\n{body}\nEOF\ncat <<'END'\n{unit}\nEND\necho done"
    lines = shell_lines(command, PAGE, " " * 8)

    def output(script: str) -> str:
        return subprocess.run(["sh", "-c", script], capture_output=True, text=True, check=True).stdout

    assert output("\n".join(lines)) == output(command)
    assert max(len(line) for line in lines if "ExecStart" not in line) <= 80


def test_a_chain_of_nft_is_broken_inside_its_braces() -> None:
    chain = "chain notrack_udp_53_prerouting { type filter hook prerouting priority raw; policy accept; }"
    lines = shell_lines(f"nft -f - <<'EOF'\n  {chain}\nEOF", PAGE, " " * 8)

    assert max(map(len, lines)) <= 80
    assert " ".join(" ".join(lines[1:-1]).split()) == chain


def test_a_remark_behind_a_command_is_never_continued() -> None:
    assert shell_lines("ADDR_1=    # the address shown as xx.xx.xx.73 in the dump", Page(40), "    ") == [
        "    # the address shown as xx.xx.xx.73",
        "    # in the dump",
        "    ADDR_1=",
    ]
    quoted = "echo 'not # a remark' and some more words for a long line"
    assert shell_lines(quoted, Page(40), "")[0].startswith("echo 'not # a remark'")
