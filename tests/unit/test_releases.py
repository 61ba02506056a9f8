"""Which kernel does what, from the string that uname -r prints."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from halftrack.tcp import releases
from halftrack.tcp.releases import UNKNOWN, Release, features, parse


@pytest.mark.parametrize(
    ("text", "release"),
    [
        ("2.6.32-042stab092.1", Release((2, 6, 32), "openvz6", (92,))),
        ("2.6.18-028stab056", Release((2, 6, 18), "openvz5", (56,))),
        ("2.6.32-504.16.2.el6.x86_64", Release((2, 6, 32), "el6", (504, 16))),
        ("3.10.0-1160.el7.x86_64", Release((3, 10, 0), "el7", (1160,))),
        ("3.10.0-957.12.2.vz7.96.21", Release((3, 10, 0), "virtuozzo7", (957, 12))),
        ("4.18.0-394.el8.x86_64", Release((4, 18, 0), "el8", (394,))),
        ("5.15.0-91-generic", Release((5, 15, 0))),
        ("6.18.44", Release((6, 18, 44))),
        ("7.0-rc3", Release((7, 0, 0))),
    ],
)
def test_a_release_is_taken_apart(text: str, release: Release) -> None:
    assert parse(text) == release


@pytest.mark.parametrize("text", ["", "unknown", "el6", "-5", "99999.1"])
def test_what_is_no_release_is_none(text: str) -> None:
    assert parse(text) is None
    assert features(text) is UNKNOWN


@given(st.text(max_size=60))
def test_any_text_is_a_release_or_none(text: str) -> None:
    assert features(text).clamps_one_sided in {True, False, None}


@pytest.mark.parametrize(
    ("release", "clamps"),
    [
        ("2.6.18-028stab056", False),
        ("2.6.18-398.el5", False),
        ("2.6.32-042stab092.1", False),
        ("2.6.32-042stab100.5", None),
        ("2.6.32-042stab108.1", True),
        ("2.6.32-042stab141.3", True),
        ("2.6.32-431.29.2.el6.x86_64", False),
        ("2.6.32-504.el6.x86_64", None),
        ("2.6.32-504.16.2.el6.x86_64", True),
        ("2.6.32-754.35.1.el6.x86_64", True),
        ("2.6.32-5-amd64", False),
        ("3.2.40", False),
        ("3.2.102", None),
        ("3.9.6", False),
        ("3.10.4", False),
        ("3.10.50", None),
        ("3.10.108", True),
        ("3.10.0-327.el7.x86_64", None),
        ("3.10.0-514.el7.x86_64", True),
        ("3.10.0-693.vz7.37.30", True),
        ("3.11.0", True),
        ("4.18.0-394.el8.x86_64", True),
        ("5.14.0-362.el9.x86_64", True),
        ("6.1.192", True),
        ("6.18.44", True),
        (None, None),
    ],
)
def test_who_cuts_one_sided_entries_short(release: str | None, clamps: bool | None) -> None:
    assert features(release).clamps_one_sided is clamps


def test_an_old_kernel_keeps_what_a_new_one_gives_up() -> None:
    old, new = features("3.10.0-1160.el7.x86_64"), features("6.12.48")

    assert (old.reclaims_closing, new.reclaims_closing) == (False, True)
    assert (old.udp_stream_s, new.udp_stream_s) == (180, 120)
    assert (old.retrans_caps_pickup, new.retrans_caps_pickup) == (False, True)


def test_every_vendor_that_is_recognised_is_judged() -> None:
    """A vendor without trees of its own is judged by its upstream number."""
    assert releases.features("5.14.0-362.el9.x86_64") == releases.features("5.14.0")


@pytest.mark.parametrize(
    ("release", "status", "parts", "delete"),
    [
        ("2.6.32-042stab141.3", False, False, "empties"),
        ("3.10.0-1160.el7.x86_64", False, False, "empties"),
        ("4.18.0-394.el8.x86_64", True, True, "refused"),
        ("5.4.124", False, False, "empties"),
        ("5.6.0", False, None, None),
        ("5.10.13", False, True, "refused"),
        ("5.14.0-427.el9.x86_64", None, True, "refused"),
        ("6.8.1", True, True, "refused"),
        ("6.10.0", True, True, None),
        ("6.12.117", True, True, "compares"),
        ("7.0-rc3", True, True, "compares"),
    ],
)
def test_what_requests_about_all_entries_can_be_narrowed_by(
    release: str, status: bool | None, parts: bool | None, delete: str | None
) -> None:
    found = features(release)
    assert (found.filters_status, found.filters_tuple, found.filtered_delete) == (status, parts, delete)
