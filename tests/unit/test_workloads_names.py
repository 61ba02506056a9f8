"""Names as metrics have them: the same from one replica and one release to the next."""

from __future__ import annotations

import pytest

from halftrack.diagnosis import workloads
from halftrack.diagnosis.document import OwnerName, TableSummary


@pytest.mark.parametrize(
    ("name", "stem"),
    [
        ("web", "web"),
        ("web-1", "web"),
        ("shop_web_12", "shop_web"),
        ("web-7d9f8b6c5b-x2k4q", "web"),
        ("fluentd-x8k2z", "fluentd"),
        ("db-0", "db"),
        ("web.3.k1x2y3z4a5b6c7d8e9f0g1h2i", "web"),
        ("cni-8f6a2c1e-0b3d-4c5e-9f7a-1b2c3d4e5f60", "cni"),
        ("ct-17856-beface", "ct"),
        ("app-9f86d081884c", "app"),
        ("web-cache", "web-cache"),
        ("cafe-decade", "cafe-decade"),
        ("payments-gw", "payments-gw"),
        ("101", "101"),
        ("9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08", "unnamed"),
        ("-1", "unnamed"),
        ("", "unnamed"),
    ],
)
def test_what_is_made_up_at_the_end_of_a_name_is_cut_off(name: str, stem: str) -> None:
    assert workloads.stem(name) == stem


def test_what_the_runtime_knows_comes_first() -> None:
    pod = OwnerName(
        name="shop/web-1", id="1", runtime="kubernetes", namespace="shop", pod="web-1", workload="web"
    )
    assert workloads.of_owner(pod) == "shop/web"
    assert workloads.of_table(TableSummary(netns="shop/web-1", owner=pod)) == "shop/web"


def test_a_pod_of_no_workload_goes_by_its_name() -> None:
    pod = OwnerName(name="shop/web-1", id="1", runtime="kubernetes", namespace="shop", pod="web-1")
    assert workloads.of_owner(pod) == "shop/web"


def test_a_namespace_without_owner_goes_by_its_own_name() -> None:
    assert workloads.of_table(TableSummary(netns="runner-48213")) == "runner"
