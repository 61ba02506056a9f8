"""The kernel's numbers under the kernel's names."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from halftrack.evidence import uapi

HEADERS = Path("/usr/include/linux/netfilter")
ENUM = re.compile(r"enum \w+ \{(.*?)\n\};", re.DOTALL)
# An alias of the member before it has an equals sign.
MEMBER = re.compile(r"^\t(\w+)(?!.*=)", re.MULTILINE)


@pytest.mark.parametrize(
    ("prefix", "names"),
    [
        ("TCP_CONNTRACK", uapi.TCP_STATES),
        ("SCTP_CONNTRACK", uapi.SCTP_STATES),
        ("CT_DCCP", uapi.DCCP_STATES),
    ],
)
def test_states_and_their_numbers(prefix: str, names: tuple[str, ...]) -> None:
    assert [getattr(uapi, f"{prefix}_{name}") for name in names] == list(range(len(names)))


@pytest.mark.skipif(not HEADERS.is_dir(), reason="needs the kernel's headers")
def test_attributes_are_those_of_the_headers() -> None:
    text = (HEADERS / "nfnetlink_conntrack.h").read_text(encoding="utf-8")
    known = {
        name: number for members in ENUM.findall(text) for number, name in enumerate(MEMBER.findall(members))
    }
    ours = {name: getattr(uapi, name) for name in dir(uapi) if name.startswith(("CTA_", "IPCTNL_"))}
    assert len(ours) > 40
    assert ours == {name: known[name] for name in ours}
