"""Kernels by the words that somebody types."""

from __future__ import annotations

import pytest

from halftrack.errors import UsageError
from halftrack.tcp import kernels, profiles


def test_every_profile_goes_by_its_name() -> None:
    for profile in profiles.ALL:
        assert kernels.find(profile.name).profile is profile, profile.name


@pytest.mark.parametrize(
    ("name", "profile"),
    [
        ("6.18", profiles.PRESENT),
        ("EL7", profiles.EL7),
        ("openvz6", profiles.EL6),
        ("openvz6-early", profiles.EL6_EARLY),
        ("openvz5", profiles.V2_6_18),
        ("el5", profiles.V2_6_18),
        ("2.6.32-042stab092.1", profiles.EL6_EARLY),
        ("3.10.0-1160.el7.x86_64", profiles.EL7),
        ("6.18.44", profiles.PRESENT),
    ],
)
def test_vendors_and_releases_are_understood(name: str, profile: profiles.Profile) -> None:
    assert kernels.find(name).profile is profile


@pytest.mark.parametrize(
    ("name", "told"), [("el77", "did you mean el7"), ("", "uname -r"), ("\x1b[1m", "uname")]
)
def test_what_is_no_kernel_is_refused(name: str, told: str) -> None:
    with pytest.raises(UsageError, match=told) as raised:
        kernels.find(name)
    assert "\x1b" not in str(raised.value)
