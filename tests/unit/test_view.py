"""What is concluded about each entry: its service, whose end is whose, its clocks, its origin."""

from __future__ import annotations

from typing import Any

import polars as pl
import pytest

from halftrack.diagnosis.ends import ends
from halftrack.diagnosis.view import View, view
from halftrack.evidence import addresses
from halftrack.evidence.values import Input, LocalAddress, Namespace, Owner, PublishedPort, Table
from unit.flowrows import ASSURED, ONE_SIDED, REPLIED, evidence, flows, one_sided, row, sockets, table, udp

HOST = (LocalAddress("192.0.2.1", 24, "eth0"), LocalAddress("127.0.0.1", 8, "lo"))
PICKED_UP = (0x0A, 0x0A)
SHAKEN = (0x23, 0x23)


def seen(*rows: dict[str, Any], addresses: tuple[LocalAddress, ...] | None = HOST, **fields: Any) -> View:
    kept = {name: fields.pop(name) for name in ("settings", "netns") if name in fields}
    this = table(*rows, addresses=addresses, **kept)
    return view(this, evidence(this, **fields))


def only(this: View, *names: str) -> tuple[Any, ...]:
    return this.flows.select(names).row(0)


def text(this: View, end: str) -> list[str]:
    flows = ends(this.flows.lazy()).collect()
    return addresses.show(flows[f"{end}_hi"], flows[f"{end}_lo"], this.opaque).to_list()


@pytest.mark.parametrize(
    ("entry", "answer"),
    [
        (one_sided(), True),
        (one_sided(state="CLOSE"), True),
        (one_sided(state="SYN_SENT"), False),
        (one_sided(state="SYN_SENT2"), False),
        (one_sided(state=None), False),
        (row(), False),
        (row(status=REPLIED), False),
        (udp(), False),
        (row(proto="sctp", state="ESTABLISHED", status=ONE_SIDED), False),
    ],
)
def test_one_sided_is_tcp_from_established_on_without_a_reply(entry: dict[str, Any], answer: bool) -> None:
    assert only(seen(entry), "one_sided") == (answer,)


def test_a_picked_up_entry_that_begins_with_the_servers_packet() -> None:
    this = seen(one_sided("192.0.2.1", "198.51.100.7", sport=80, dport=1853, flags=PICKED_UP))

    assert only(this, "service", "side") == ("tcp/80", "server")
    assert (text(this, "local"), text(this, "peer")) == (["192.0.2.1"], ["198.51.100.7"])


def test_our_own_client() -> None:
    this = seen(row("192.0.2.1", "198.51.100.7", 40_000, 443, flags=SHAKEN))

    assert only(this, "service", "side") == ("tcp/443", "client")
    assert (text(this, "local"), text(this, "peer")) == (["192.0.2.1"], ["198.51.100.7"])


def test_a_strangers_client_of_our_server() -> None:
    this = seen(row("198.51.100.7", "192.0.2.1", 40_000, 443))

    assert only(this, "service", "side") == ("tcp/443", "server")
    assert (text(this, "local"), text(this, "peer")) == (["192.0.2.1"], ["198.51.100.7"])


def test_where_neither_end_is_ours_the_entry_is_forwarded_and_shown_by_its_server() -> None:
    this = seen(row("203.0.113.1", "198.51.100.7", 40_000, 443))

    assert only(this, "side") == ("forwarded",)
    assert text(this, "local") == ["198.51.100.7"]


def test_a_handshake_that_was_seen_tells_the_direction_whatever_the_ports() -> None:
    this = seen(row("192.0.2.1", "198.51.100.7", 443, 40_000, flags=SHAKEN))

    assert only(this, "service", "side") == ("tcp/40000", "client")


def test_a_port_that_we_listen_on_is_the_service() -> None:
    entry = one_sided("192.0.2.1", "198.51.100.7", sport=31_000, dport=8080, flags=PICKED_UP)
    plain = table(entry, addresses=HOST)
    listening = table(entry, addresses=HOST, sockets=sockets(("0.0.0.0", 31_000)))  # noqa: S104  # any address

    assert only(view(plain, evidence(plain)), "service") == ("tcp/8080",)
    assert only(view(listening, evidence(listening)), "service", "side") == ("tcp/31000", "server")


def test_two_ephemeral_ports_name_no_service() -> None:
    assert only(seen(udp(sport=51_413, dport=49_001)), "service") == (None,)


def test_protocols_without_ports_are_their_own_service() -> None:
    this = seen(
        row(proto="icmp", state=None, orig_type=8, orig_code=0, orig_icmp_id=7),
        row(proto="gre", state=None),
        row(proto=112, state=None),
    )

    assert this.flows["service"].to_list() == ["icmp", "gre", None]


def test_translation_shows_the_container_and_the_client_that_asked() -> None:
    """A published port: the node's address in the middle is nobody's end."""
    web = Owner("web-1", "3f2a", "podman", ("10.88.0.14",), 4_026_532_001)
    this = seen(
        row("198.51.100.7", "192.0.2.1", 40_000, 8080, reply_src="10.88.0.14", reply_sport=80),
        owners=(web,),
    )

    assert only(this, "service", "side", "owner") == ("tcp/80", "server", 0)
    assert (text(this, "local"), text(this, "peer")) == (["10.88.0.14"], ["198.51.100.7"])


def test_masquerading_shows_the_container_that_asked() -> None:
    web = Owner("web-1", "3f2a", "podman", ("10.88.0.14",), 4_026_532_001)
    this = seen(row("10.88.0.14", "198.51.100.7", 40_000, 443, reply_dst="192.0.2.1"), owners=(web,))

    assert only(this, "service", "side", "owner") == ("tcp/443", "client", 0)
    assert (text(this, "local"), text(this, "peer")) == (["10.88.0.14"], ["198.51.100.7"])


def test_between_the_node_and_a_container_the_container_counts() -> None:
    web = Owner("web-1", "3f2a", "podman", ("10.88.0.14",), 4_026_532_001)
    this = seen(row("192.0.2.1", "10.88.0.14", 40_000, 80), owners=(web,))

    assert only(this, "side", "owner") == ("server", 0)


def test_a_published_port_that_a_proxy_serves_is_the_containers() -> None:
    web = Owner("web-1", "3f2a", "docker", ("172.17.0.2",), None, (PublishedPort("tcp", 8080, 80),))
    this = seen(row("198.51.100.7", "192.0.2.1", 40_000, 8080), owners=(web,))

    assert only(this, "service", "owner") == ("tcp/8080", 0)


def test_an_address_of_two_owners_names_neither() -> None:
    owners = (Owner("a", "1", "podman", ("10.0.0.2",)), Owner("b", "2", "podman", ("10.0.0.2",)))
    this = seen(row("198.51.100.7", "10.0.0.2", 40_000, 80), owners=owners)

    assert only(this, "side", "owner") == ("server", None)


def test_a_containers_own_table_knows_its_own_addresses_only() -> None:
    web = Owner("web-1", "3f2a", "podman", ("10.88.0.14",), 4_026_532_001)
    inside = table(
        row("192.0.2.1", "10.88.0.14", 40_000, 80),
        row("10.88.0.14", "192.0.2.1", 40_000, 53, proto="udp", state=None),
        namespace=Namespace("web-1", 4_026_532_001, owner=web),
        addresses=(LocalAddress("10.88.0.14", 16, "eth0"), LocalAddress("127.0.0.1", 8, "lo")),
    )
    host = Table(Namespace("host"), addresses=HOST)
    this = view(inside, evidence(host, inside, owners=(web,)))

    assert this.flows["side"].to_list() == ["server", "client"]
    assert this.flows["owner"].to_list() == [0, 0]


def test_loopback_of_another_namespace_is_not_ours() -> None:
    other = Table(Namespace("ns1"), addresses=(LocalAddress("127.0.0.2", 8, "lo"),))
    this = table(row("198.51.100.7", "127.0.0.2", 40_000, 80), addresses=HOST)

    assert only(view(this, evidence(this, other)), "side") == ("forwarded",)


def test_many_owned_addresses_all_find_their_owner() -> None:
    """More than fit a hash without two of them meeting."""
    owners = tuple(
        Owner(
            f"c{number}", str(number), "podman", (f"10.{number >> 8}.{number & 255}.9", f"fd00::{number:x}")
        )
        for number in range(1, 3_000)
    )
    rows = [row("198.51.100.7", owner.addresses[number % 2]) for number, owner in enumerate(owners)]
    this = seen(*rows, owners=owners)

    assert this.flows["owner"].to_list() == list(range(len(owners)))


def test_without_addresses_the_end_that_occurs_most_is_ours() -> None:
    server = seen(*(row(f"198.51.100.{n}", "192.0.2.1") for n in range(1, 9)), addresses=None)
    client = seen(*(row("192.0.2.1", f"198.51.100.{n}") for n in range(1, 9)), addresses=None)

    assert set(server.flows["side"]) == {"server"}
    assert set(client.flows["side"]) == {"client"}
    assert set(text(server, "local")) == set(text(client, "local")) == {"192.0.2.1"}


def test_without_addresses_what_is_hidden_by_translation_is_ours() -> None:
    this = seen(
        row("10.0.0.5", "198.51.100.7", 40_000, 443, reply_dst="192.0.2.1"),
        row("203.0.113.9", "192.0.2.1", 40_000, 443, reply_src="10.0.0.6", reply_sport=8443),
        addresses=None,
    )

    assert text(this, "local") == ["10.0.0.5", "10.0.0.6"]
    assert this.flows["side"].to_list() == ["client", "server"]


def test_a_masked_spelling_beside_a_clear_one_is_no_translation() -> None:
    rows = [one_sided("xx.xx.xx.73", f"yy.yy.yy.{n}") for n in (6, 254)]
    clear = one_sided("xx.xx.xx.73", "46.202.252.61", reply_src="yy.yy.yy.61")
    this = seen(*rows, clear, addresses=None)

    assert set(text(this, "local")) == {"xx.xx.xx.73"}
    assert set(this.flows["side"]) == {"server"}


def test_ipv6_ends() -> None:
    this = seen(
        row("2001:db8::7", "2001:db8::1", 40_000, 443),
        row("198.51.100.7", "192.0.2.1", 40_000, 443),
        addresses=(*HOST, LocalAddress("2001:db8::1", 64, "eth0")),
    )

    assert this.flows["side"].to_list() == ["server", "server"]
    assert text(this, "local") == ["2001:db8::1", "192.0.2.1"]


@pytest.mark.parametrize(
    ("entry", "idle"),
    [
        (row(left=431_000), 1_000),
        (row(left=432_001), None),  # more than the setting gives: it was changed since
        (row(left=200), None),  # unacknowledged data, or silent for five days
        (row(left=200, flags=(0x33, 0x23)), 100),  # unacknowledged data: 300 s
        (row(left=200, flags=SHAKEN), None),
        (row(left=None), None),
        (row(left=431_000, status=(*ASSURED, "offload")), None),
        (row(left=431_000, status=(*ASSURED, "fixed-timeout")), None),
        (row(state="TIME_WAIT", left=100), 20),
        (row(state="SYN_SENT", left=100, status=ONE_SIDED), 20),
        (row(state="SYN_SENT2", left=100, status=ONE_SIDED), None),
        (udp(left=25), 5),
        (udp(left=25, status=ASSURED), 95),
        (row(proto="icmp", state=None, left=20), 10),
        (row(proto=112, state=None, left=590), 10),
        (row(proto="sctp", state="ESTABLISHED", left=100), None),
        (row(proto="dccp", state="OPEN", left=100), None),
    ],
)
def test_silence_is_the_timeout_at_the_last_packet_less_what_is_left(
    entry: dict[str, Any], idle: int | None
) -> None:
    assert only(seen(entry), "idle_s") == (idle,)


def test_silence_follows_the_settings_of_the_table() -> None:
    settings = {"net.netfilter.nf_conntrack_tcp_timeout_established": "7440"}

    assert only(seen(row(left=7_000), settings=settings), "idle_s") == (440,)


def test_an_established_timeout_below_the_short_ones_leaves_no_doubt() -> None:
    settings = {"net.netfilter.nf_conntrack_tcp_timeout_established": "200"}

    assert only(seen(row(left=150), settings=settings), "idle_s") == (50,)


def test_an_assumed_setting_counts() -> None:
    given = Input(assumed={"net.netfilter.nf_conntrack_tcp_timeout_established": "7440"})

    assert only(seen(row(left=7_000), input=given), "idle_s") == (440,)


@pytest.mark.parametrize(
    ("kernel", "left", "idle"),
    [
        ("2.6.32-042stab092.1", 363_312, 68_688),
        ("2.6.32-042stab092.1", 200, 431_800),
        ("6.12.48", 200, 100),
        (None, 363_312, 68_688),  # days left: this kernel does not clamp
        (None, 200, None),  # one entry proves nothing
    ],
)
def test_silence_of_a_one_sided_entry_depends_on_the_kernel(
    kernel: str | None, left: int, idle: int | None
) -> None:
    assert only(seen(one_sided(left=left), kernel=kernel), "idle_s") == (idle,)


def test_many_one_sided_entries_without_one_that_lasts_show_a_kernel_that_clamps() -> None:
    this = seen(*(one_sided(dport=50_000 + n, left=200 + n) for n in range(20)), kernel=None)

    assert this.clamps is True
    assert this.flows["idle_s"].max() == 100


def test_two_raised_timeouts_bring_the_leak_back_on_a_kernel_that_clamps() -> None:
    settings = {
        "net.netfilter.nf_conntrack_tcp_timeout_unacknowledged": "432000",
        "net.netfilter.nf_conntrack_tcp_timeout_max_retrans": "432000",
    }

    assert only(seen(one_sided(left=363_312), settings=settings), "idle_s") == (68_688,)


def test_age_is_the_stamp_or_what_was_printed() -> None:
    stamp = 1_795_403_520 * 10**9  # a minute before the dump
    this = seen(row(start_ns=stamp - 7 * 10**9, delta_time=1), row(delta_time=5), row())
    taken = int(this.evidence.taken_at.timestamp()) if this.evidence.taken_at else 0

    assert this.flows["age_s"].to_list() == [taken - 1_795_403_520 + 7, 5, None]


def test_age_without_the_time_of_the_dump_is_what_was_printed() -> None:
    assert only(seen(row(start_ns=10**18, delta_time=5), taken_at=None), "age_s") == (5,)


CLAMPED = {
    "net.netfilter.nf_conntrack_tcp_timeout_unacknowledged": "300",
    "net.netfilter.nf_conntrack_tcp_timeout_max_retrans": "300",
}


@pytest.mark.parametrize(
    ("entry", "origin"),
    [
        (row(flags=SHAKEN), "handshake"),
        (row(flags=(0x20, 0x20)), "handshake"),
        (row(flags=(0x2B, 0x2B), wscale=(7, 7)), "handshake"),  # liberal since, by offload
        (row(flags=PICKED_UP), "pick-up"),
        (row(flags=(0x2A, 0x2A)), "pick-up"),
        (row(flags=(0, 0), state="SYN_SENT", status=ONE_SIDED), "handshake"),
        (row(flags=(0, 0)), None),
        (row(), None),
        (udp(), None),
        (one_sided(left=299, flags=PICKED_UP), "pick-up"),
        (one_sided(left=400_000, flags=PICKED_UP), "injected"),
    ],
)
def test_origin_by_the_flags_that_the_tracker_sets(entry: dict[str, Any], origin: str | None) -> None:
    assert only(seen(entry, settings=CLAMPED), "origin") == (origin,)


@pytest.mark.parametrize(
    ("kernel", "settings"), [("6.12.48", {}), ("2.6.32-042stab092.1", CLAMPED), (None, CLAMPED)]
)
def test_nothing_is_called_injected_on_assumptions(kernel: str | None, settings: dict[str, str]) -> None:
    this = seen(one_sided(left=400_000, flags=PICKED_UP), kernel=kernel, settings=settings)

    assert only(this, "origin") == ("pick-up",)


def test_a_table_that_was_not_read_has_no_rows_but_every_column() -> None:
    unread = Table(Namespace("host"), count=5)
    this = view(unread, evidence(unread))

    assert this.flows.height == 0
    assert set(seen(row()).flows.columns) == set(this.flows.columns)


def test_numbers_that_no_kernel_gives_are_survived() -> None:
    """A damaged file may hold any number that fits its column."""
    frame = flows(row(), udp(), row(left=-(2**62)), row(left=2**62)).frame.with_columns(
        state=pl.lit(255, pl.UInt8), status=pl.lit(2**32 - 1, pl.UInt32)
    )
    this = table(row())
    broken = Table(this.namespace, flows=type(this.flows)(frame), addresses=())

    assert view(broken, evidence(broken)).flows.height == 4
