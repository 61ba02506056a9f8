"""Masked addresses of a plan are filled in everywhere, or the plan is left as it is."""

from __future__ import annotations

import msgspec
import pytest

from halftrack.plans.actions import Drain
from halftrack.plans.document import Plan, decode
from halftrack.plans.filling import filled
from unit.flowrows import evidence, table
from unit.planned import OLD_KERNEL, SETTINGS, WEB, leak, plan, step


def masked() -> Plan:
    rows = leak(900, server="xx.xx.xx.73")
    return plan(evidence(table(*rows, settings=SETTINGS, limit=1_000), kernel=OLD_KERNEL, source="dump"))


def test_every_mention_is_filled_in_and_the_plan_is_another_one() -> None:
    made = masked()
    whole = filled(made, {"ADDR_1": WEB})
    assert b"$ADDR_1" in msgspec.json.encode(made)
    assert b"ADDR_1" not in msgspec.json.encode(whole)
    [drain] = step(whole, "drain").actions
    assert isinstance(drain, Drain)
    assert drain.filter == ("one-sided", f"src={WEB}", "sport=80")
    assert [each.address for each in drain.selections] == [WEB]
    assert whole.id != made.id
    assert decode(msgspec.json.encode(whole)) == whole


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({"ADDR_2": WEB}, "there is ADDR_1"),
        ({"ADDR_1": "203.0.113"}, "is no address"),
        ({"ADDR_1": "$(id)"}, "is no address"),
        ({"ADDR_1": "203.0.113.0/24"}, "is no address"),
        ({"ADDR_1": "2001:db8::73"}, "stands for an IPv4 address"),
    ],
)
def test_what_cannot_be_is_refused(values: dict[str, str], told: str) -> None:
    with pytest.raises(ValueError, match=told):
        filled(masked(), values)


def test_what_is_not_named_stays_to_be_filled_in() -> None:
    made = masked()
    assert filled(made, {}) == made
