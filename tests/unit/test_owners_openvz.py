"""OpenVZ and Virtuozzo, from the kernel, the configuration, and what their tools print."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from halftrack.owners.openvz import OpenVZ
from unit.trees import command, node, plant, prints

if TYPE_CHECKING:
    from pathlib import Path

    from halftrack.owners.runtime import Container

_VEINFO = """       0     0   163
     101     0    32     203.0.113.73  2001:db8:0000:0000:0000:0000:0000:0073
     114     0    18       203.0.113.80
     120     0     9
"""


def openvz(
    tmp_path: Path, *, commands: bool = False, seconds: float = 5.0
) -> tuple[dict[str, Container], str | None]:
    answer = OpenVZ().ask(node(tmp_path, commands=commands, seconds=seconds))
    return {one.id: one for one in answer.containers}, answer.lacks


def test_openvz_from_the_kernel_and_the_configuration(tmp_path: Path) -> None:
    plant(
        tmp_path,
        {
            "proc/vz/veinfo": _VEINFO,
            "etc/vz/conf/101.conf": 'NAME="web-1"\nHOSTNAME="web.example"\nIP_ADDRESS="203.0.113.73"\n',
            "etc/vz/conf/114.conf": 'ORIGIN_SAMPLE="x"\nHOSTNAME="shop.example"\n',
            "etc/vz/conf/130.conf": 'NAME="stopped"\nIP_ADDRESS="203.0.113.99 2001:db8::99"\n',
            "etc/vz/conf/0.conf": 'HOSTNAME="node"\nIP_ADDRESS="203.0.113.1"\n',
            "etc/vz/conf/ve-basic.conf-sample": 'IP_ADDRESS="203.0.113.2"\n',
        },
    )
    found, lacks = openvz(tmp_path)
    assert {key: (one.name, one.addresses) for key, one in found.items()} == {
        "101": ("web-1", ("203.0.113.73", "2001:db8::73")),
        "114": ("shop.example", ("203.0.113.80",)),
        "130": ("stopped", ("203.0.113.99", "2001:db8::99")),
    }
    assert lacks is None


def test_vzlist_with_json(tmp_path: Path, tools: Path) -> None:
    listed = [
        {
            "ctid": 101,
            "name": "web-1",
            "hostname": "web.example",
            "status": "running",
            "ip": ["203.0.113.73"],
        },
        {
            "ctid": 114,
            "hostname": "shop.example",
            "status": "stopped",
            "ip": ["203.0.113.80", "2001:db8::80"],
        },
        {"ctid": 115, "ip": []},
    ]
    prints(tools, "vzlist", json.dumps(listed))
    found, lacks = openvz(tmp_path, commands=True)
    assert {key: (one.name, one.addresses) for key, one in found.items()} == {
        "101": ("web-1", ("203.0.113.73",)),
        "114": ("shop.example", ("203.0.113.80", "2001:db8::80")),
    }
    assert lacks is None


def test_vzlist_of_version_3_knows_only_text(tmp_path: Path, tools: Path) -> None:
    plant(
        tools,
        {
            "told": "       101 web.example my web 1 203.0.113.73 2001:db8::73\n"
            "       114 shop.example -   203.0.113.80\n       115 - - -\n"
        },
    )
    command(
        tools,
        "vzlist",
        f'case "$*" in "-a -H -o veid,"*) exec /bin/cat {tools}/told;; esac; echo "Bad field" >&2; exit 1',
    )
    found, lacks = openvz(tmp_path, commands=True)
    assert {key: (one.name, one.addresses) for key, one in found.items()} == {
        "101": ("my web 1", ("203.0.113.73", "2001:db8::73")),
        "114": ("shop.example", ("203.0.113.80",)),
    }
    assert lacks is None


def test_prlctl_where_vzlist_is_not(tmp_path: Path, tools: Path) -> None:
    uuid = "0b8bd3a6-5b1c-4f0e-8f6e-0123456789ab"
    listed = [
        {
            "uuid": f"{{{uuid}}}",
            "status": "running",
            "ip_configured": "203.0.113.73 2001:db8::73",
            "name": "web-1",
        },
        {"uuid": "x", "status": "stopped", "ip_configured": "-", "name": "win"},
    ]
    prints(tools, "prlctl", json.dumps(listed))
    found, _ = openvz(tmp_path, commands=True)
    assert found[uuid].name == "web-1"
    assert found[uuid].addresses == ("203.0.113.73", "2001:db8::73")


def test_a_hanging_vzlist_leaves_what_the_kernel_says(tmp_path: Path, tools: Path) -> None:
    plant(tmp_path, {"proc/vz/veinfo": _VEINFO})
    command(tools, "vzlist", "exec /bin/sleep 300")
    found, lacks = openvz(tmp_path, commands=True, seconds=0.3)
    assert found["101"].addresses == ("203.0.113.73", "2001:db8::73")
    assert lacks is not None
    assert "vzlist did not answer" in lacks


@pytest.mark.parametrize(
    "garbage", ["\x00\x01\x02", "[1, null, {}]", '{"ctid": 5}', "Container(s) not found", "[[[["]
)
def test_garbage_from_vzlist_names_nobody(tmp_path: Path, tools: Path, garbage: str) -> None:
    prints(tools, "vzlist", garbage)
    found, _ = openvz(tmp_path, commands=True)
    assert found == {}
