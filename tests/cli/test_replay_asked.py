"""What ``halftrack replay`` is told beside the capture: kernel, settings, standard input, interfaces; and what it refuses."""

from __future__ import annotations

import io
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from cli.replays import document
from halftrack.evidence import packets, uapi
from halftrack.replaying import passing
from unit import captures
from unit.captures import CLIENT

if TYPE_CHECKING:
    from cli.conftest import Run


def test_kernel_and_settings_of_a_node_are_read_from_what_it_told(
    run: Run, capture: str, tmp_path: Path
) -> None:
    node = tmp_path / "node.txt"
    node.write_text("2.6.32-042stab092.1\nnet.netfilter.nf_conntrack_tcp_timeout_close = 3600\n", "ascii")
    told = document(run("replay", capture, "--from", str(node), "--json"))
    assert (told["profile"], told["settings_of"], told["given"]) == ("el6-early", str(node), {})
    assert told["settings"]["tcp_timeout_close"] == 3600
    assert told["end"]["by_state"] == {"CLOSE": 2}
    words = ("--from", str(node), "tcp_timeout_close=10", "--kernel", "6.18")
    given = document(run("replay", capture, *words, "--json"))
    assert (given["profile"], given["end"]["by_state"]) == ("6.1", {"ESTABLISHED": 2})
    assert (
        f"--from {node} --explain" in run("replay", capture, "--from", str(node), "tcp_timeout_close=1").out
    )


def test_standard_input_is_read_as_a_file_is(
    run: Run, capture: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    class Stdin:
        buffer = io.BytesIO((tmp_path / "founding.pcap").read_bytes())

    monkeypatch.setattr("sys.stdin", Stdin())
    told = document(run("replay", "-", "--json"))
    assert told["packets"]["file"] == 19
    assert capture not in told["file"]


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (("absent.pcap",), 65, "absent.pcap"),
        (("/",), 65, "is a directory"),
        (("EMPTY",), 65, "is empty"),
        (("TEXT",), 65, "no capture"),
        (("FILE", "tcp_losse=0"), 64, "did you mean tcp_loose?"),
        (("FILE", "tcp_loose"), 64, "SETTING=VALUE"),
        (("FILE", "tcp_loose=x"), 64, "0 to 255"),
        (("FILE", "--kernel", "el77"), 64, "did you mean el7?"),
        (("FILE", "--explain", "99"), 64, "there is no packet 99"),
        (("FILE", "--explain", "0"), 64, "there is no packet 0"),
        (("FILE", "--explain", "1.2.3.4:5-6.7.8.9:10"), 64, "no packet of 1.2.3.4:5-6.7.8.9:10"),
        (("FILE", "--explain", "nonsense"), 64, "is no flow"),
        (("FILE", "--explain", "1.2.3.4:99999-6.7.8.9:10"), 64, "is no flow"),
        (("FILE", "--explain", "1.2.3.4:5-[2001:db8::1]:10"), 64, "one end is IPv4"),
        (("FILE", "--against", "tcp_loose=1"), 0, "tcp_loose=1"),
        (("FILE", "--against", "tcp_losse=0"), 64, "did you mean tcp_loose?"),
        (("FILE", "tcp_loose=0", "--against", "tcp_loose=0"), 64, "nothing that is different"),
        (("FILE", "--against", "tcp_loose=0", "--explain", "1"), 64, "choose one"),
        (("-", "--explain", "1"), 64, "name a file"),
        (("FILE", "--netns", "host"), 64, "--netns"),
        (("FILE", "--assume", "limit=5"), 64, "--assume"),
        (("FILE", "--record", "/"), 64, "directory"),
        (("FILE", "--from", "TEXT"), 65, "tells neither a kernel nor its settings"),
        (("FILE", "--from", "absent.txt"), 65, "absent.txt"),
        (("-", "--from", "-"), 64, "one thing only"),
        (("FILE", "--at", "sideways"), 64, "--at"),
        ((), 64, "name a FILE"),
    ],
)
def test_what_cannot_be_done_is_said_in_one_line(
    run: Run, capture: str, tmp_path: Path, *, words: tuple[str, ...], code: int, told: str
) -> None:
    (tmp_path / "empty").touch()
    (tmp_path / "text").write_text("nothing that a capture begins with\n" * 9, encoding="ascii")
    places = {"FILE": capture, "EMPTY": str(tmp_path / "empty"), "TEXT": str(tmp_path / "text")}
    ran = run("replay", *(places.get(word, word) for word in words))
    assert ran.code == code, ran.err
    assert told in (ran.err if code else ran.out)
    if code:
        assert ran.out == ""
        assert len(ran.err.splitlines()) == 1


def _translated() -> bytes:
    """A SYN as it comes to a translating router and, with another target, as it leaves it."""
    return b"".join(
        [
            captures.section(),
            *(captures.interface(101, captures.option(2, name)) for name in (b"eth0", b"docker0")),
            captures.enhanced(captures.ip4(captures.tcp())),
            captures.enhanced(captures.ip4(captures.tcp(dport=8443), target="172.17.0.2"), at=1),
        ]
    )


def test_one_interface_of_many(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "any.pcapng"
    path.write_bytes(_translated())
    assert document(run("replay", str(path), "--json"))["flows"]["made"] == 2
    told = document(run("replay", str(path), "--interface", "eth0", "--json"))
    assert told["flows"]["made"] == 1
    assert told["skipped"] == {"other-interface": 1}
    assert told["entries"][0]["orig"]["dport"] == 443
    ran = run("replay", str(path), "--interface", "eth7")
    assert ran.code == 64
    assert "it has 0, 1, docker0, eth0" in ran.err


def test_a_packet_that_two_interfaces_showed_passes_once(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "any.pcapng"
    both = [captures.interface(101, captures.option(2, name)) for name in (b"eth0", b"eth1")]
    seen = [captures.enhanced(captures.ip4(captures.tcp()), at=at) for at in (0, 1)]
    path.write_bytes(b"".join([captures.section(), *both, *seen]))
    told = document(run("replay", str(path), "--json"))
    assert told["packets"]["passed"] == 1
    assert told["skipped"] == {"copy": 1}


def test_packets_that_passed_and_packets_left_out_are_all_of_the_file(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "any.pcapng"
    body = captures.udp(payload=bytes(100))
    sent = [
        captures.ip4(captures.tcp()),
        captures.ip4(captures.tcp()[:3]),
        captures.ip4(captures.tcp(443, 443), target=CLIENT),
        captures.ip4(bytes(12), uapi.IPPROTO_SCTP),
        captures.ip4(body[:64], 17, fragment=0x2000),
        captures.ip4(body[64:], 17, fragment=8),
        captures.ip4(body[64:], 17, ident=2, fragment=8),
        captures.ip4(captures.icmp(3, payload=captures.ip4(captures.tcp())), 1),
        captures.ip6(b"", 59),
        captures.ip4(b"", total=1),
        captures.ip4(captures.tcp())[:30],
        b"\0" * 40,
    ]
    path.write_bytes(captures.pcap(sent, 101))
    told = document(run("replay", str(path), "--json"))
    assert told["packets"]["file"] == len(sent)
    assert told["packets"]["passed"] + sum(told["skipped"].values()) == len(sent)
    assert set(told["skipped"]) == {
        "to-itself", "not-modelled", "fragment-of-one", "fragment", "no-transport", "malformed", "cut", "not-ip",
    }  # fmt: skip


def test_the_page_names_each_reason() -> None:
    page = (Path(__file__).parents[2] / "docs/reference/json.md").read_text("utf-8")
    reasons = {*packets.REASONS, *passing.REASONS}
    assert reasons == {reason for reason in reasons if f"`{reason}`" in page}
