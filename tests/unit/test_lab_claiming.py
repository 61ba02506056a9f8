"""Numbers of labs: no two at once have the same one."""

from __future__ import annotations

import os

from halftrack.lab import claiming

MOST = 5_000_000
"""So many that nobody else's lab meets those of this test."""


def test_a_number_that_is_taken_is_passed_over_until_it_is_free() -> None:
    wanted = 1_000_000 + os.getpid() * 4
    one, held = claiming.claim(wanted, MOST)
    other, next_held = claiming.claim(wanted, MOST)
    assert held is not None
    assert next_held is not None
    assert (one, other) == (wanted % MOST, (wanted + 1) % MOST)
    held.close()
    again, third = claiming.claim(wanted, MOST)
    assert again == one
    for each in (next_held, third):
        assert each is not None
        each.close()


def test_where_none_is_free_the_wanted_one_has_to_do() -> None:
    most = 3
    claims = [claiming.claim(number, most) for number in range(most)]
    number, held = claiming.claim(1, most)
    assert (number, held) == (1, None)
    for _, each in claims:
        if each is not None:
            each.close()
