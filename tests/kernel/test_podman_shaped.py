"""Two real containers with published ports, one behind a rate limit: whose trouble it is, and what it is."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from kernel import podman
from kernel.scratch import sh

_CONTAINERS = """
start --name ht-web --publish 18080:80
start --name ht-beside --publish 18081:81
"""
_PLAY = r"""
import json, pathlib, socket, struct, subprocess, time
import polars as pl
from halftrack import live, owners
from halftrack.diagnosis import COLUMNS, examine
from halftrack.diagnosis.entries import one_sided
from halftrack.evidence.selection import Selection
from halftrack.kernel import ctnetlink, namespaces
from halftrack.kernel.setns import call_in
from halftrack.remedies import advise
from halftrack.reporters import json as document

GIVE_UP_S = time.monotonic() + 90
NODE = "198.51.100.254"
CLIENTS = [f"198.51.100.{n}" for n in range(1, 41)]
STAYING = CLIENTS[-8:]
LEAVING = CLIENTS[:-8]

def run(*words, stdin=None):
    return subprocess.run(words, input=stdin, text=True, check=True, capture_output=True).stdout

def until(done, what):
    while not done():
        assert time.monotonic() < GIVE_UP_S, what
        time.sleep(0.1)

def timeouts(**seconds):
    for name, value in seconds.items():
        path = pathlib.Path(f"/proc/sys/net/netfilter/nf_conntrack_tcp_timeout_{name}")
        path.write_text(str(value))

spaces, _ = namespaces.find()
known, _ = owners.find(spaces, timeout_s=20)
homes = {one.name: (f"/proc/{next(s.pid for s in spaces if s.inode == one.netns_inode)}/ns/net",
                    one.addresses[0]) for one in known}

run("ip", "netns", "add", "clients")
run("ip", "link", "add", "to-clients", "type", "veth", "peer", "name", "eth0", "netns", "clients")
run("ip", "address", "add", NODE + "/24", "dev", "to-clients")
run("ip", "link", "set", "to-clients", "up")
inside = ("ip", "netns", "exec", "clients")
for one in CLIENTS:
    run(*inside, "ip", "address", "add", one + "/24", "dev", "eth0")
run(*inside, "ip", "link", "set", "eth0", "up")
way = "/run/netns/clients"

def visits(name, inner, outer, sources):
    path, address = homes[name]
    listener = call_in(path, lambda: socket.create_server((address, inner), backlog=64))
    made = []
    for source in sources:
        client = call_in(way, lambda: socket.create_connection((NODE, outer), 10, (source, 0)))
        served, _ = listener.accept()
        client.sendall(b"GET")
        served.recv(3)
        made.append((client, served))
    return listener, made

kept = [visits("ht-beside", 81, 18081, CLIENTS)]
web = visits("ht-web", 80, 18080, CLIENTS)
kept.append(web)

# The host's end of the limited container's veth.
index = call_in(homes["ht-web"][0], lambda: int([line for line in run("ip", "-o", "link", "show", "eth0")
                .split("@if")[1].split(":")][0]))
veth = socket.if_indextoname(index)
limit = "tbf rate 60kbit burst 3kb limit 10mb".split()
run("tc", "qdisc", "replace", "dev", veth, "root", "handle", "1:", *limit)

# As on the founding kernel, such entries stay; what has been closed is soon forgotten, to save time.
timeouts(unacknowledged=432_000, max_retrans=432_000)
timeouts(fin_wait=2, close_wait=2, last_ack=2, time_wait=2, close=2)
for client, _ in web[1]:
    if client.getsockname()[0] in STAYING:
        client.setblocking(False)
        client.send(bytes(400_000))
drop = "table inet t { chain c { type filter hook input priority 0; ip daddr { %s } ip saddr %s drop; }\n}\n"
run(*inside, "nft", "-f", "-", stdin=drop % (", ".join(LEAVING), NODE))
for client, served in web[1]:
    if client.getsockname()[0] in LEAVING:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        client.close()  # their RST waits behind the uploads, so that the server does not know

def table():
    return ctnetlink.dump().flows.frame

def forgotten():
    return table().filter(pl.col("orig_dport") == 18080).height <= len(STAYING)

def picked_up():
    return table().select(one_sided().sum()).item() >= len(LEAVING) // 2

until(forgotten, "the closed connections to be forgotten")
for client, served in web[1]:
    if client.fileno() < 0:
        served.setblocking(False)
        served.send(bytes(3_000))
until(picked_up, "late pages to be picked up")
timeouts(fin_wait=120, close_wait=60, last_ack=30, time_wait=120, close=10)

def diagnosis():
    seen = live.examine(selection=Selection(columns=COLUMNS), in_depth=True)
    judged = examine(seen)
    return advise(judged.diagnosis, seen, judged.cases)

shaped = diagnosis()
for one in STAYING:
    run("conntrack", "-D", "-p", "tcp", "-s", one, "--orig-port-dst", "18081")
until(lambda: (found := diagnosis().tables[0].sockets) and not found.untold, "everybody to be silent")
flushed = diagnosis()
client, served = kept[0][1][-1]
served.sendall(b"x")
client.settimeout(1)
try:
    heard = client.recv(1).decode()
except TimeoutError:
    heard = ""
print(json.dumps([*(json.loads(document.compact(one)) for one in (shaped, flushed)), heard]))
"""


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> list[Any]:
    """What the doctor says while late pages wait, and when the other container's entries are gone."""
    found: list[Any] = json.loads(podman.told(tmp_path_factory.mktemp("podman"), _CONTAINERS, _PLAY))
    assert not Path("/run/netns/clients").exists()
    assert "CNI-" not in sh("nft", "list", "ruleset")
    return found


@pytest.fixture
def diagnosis(played: list[Any]) -> dict[str, Any]:
    found: dict[str, Any] = played[0]
    return found


@pytest.fixture
def finding(diagnosis: dict[str, Any]) -> dict[str, Any]:
    """The one that is about stuck entries."""
    found: dict[str, Any]
    (found,) = [each for each in diagnosis["findings"] if each["groups"]]
    return found


def test_the_limited_container_is_named_and_no_other(
    diagnosis: dict[str, Any], finding: dict[str, Any]
) -> None:
    assert finding["symptom"] == "one-sided"
    assert finding["entries"] >= 16
    (group,) = finding["groups"]
    assert (group["owner"]["name"], group["owner"]["runtime"]) == ("ht-web", "podman")
    assert (group["service"], group["side"], group["entries"]) == ("tcp/80", "server", finding["entries"])
    assert group["address"].startswith("10.88.")
    assert diagnosis["verdict"].endswith("all ht-web's, nothing dropped.")
    assert diagnosis["gaps"] == []


def test_the_rate_limit_is_the_cause_and_shown(finding: dict[str, Any]) -> None:
    first, *others = finding["causes"]
    assert first["cause"] == "shaping"
    assert first["confidence"] > 0.5
    assert max(each["confidence"] for each in others) <= 0.5
    assert [each["what"] for each in first["for"] if "tbf 60kbit on veth" in each["what"]]


def test_the_remedy_is_what_lets_such_entries_stay(finding: dict[str, Any]) -> None:
    prefix = "sysctl -w net.netfilter.nf_conntrack_tcp_timeout_"
    first = finding["remedies"][0]
    assert (first["remedy"], first["kind"]) == ("cap-unacknowledged", "cure")
    assert first["commands"] == [f"{prefix}unacknowledged=300", f"{prefix}max_retrans=300"]


def test_connections_of_a_published_port_lose_their_way_with_their_entries(played: list[Any]) -> None:
    """What the container says goes out under its own address, and its client hears nothing."""
    _, flushed, heard = played
    both = flushed["tables"][0]["sockets"]
    lost = [group for group in both["groups"] if group["outcome"] == "loses-translation"]
    assert [(group["owner"]["name"], group["service"], group["side"]) for group in lost] == [
        ("ht-beside", "tcp/81", "server")
    ]
    assert lost[0]["sockets"] == 8
    assert both["without_entry"] == 8
    assert both["with_entry"] >= 32
    assert heard == ""
    (finding,) = [each for each in flushed["findings"] if each["symptom"] == "forgotten"]
    assert (finding["severity"], finding["entries"]) == ("warning", 8)
