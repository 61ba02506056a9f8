"""long-close-wait: what only one end has closed."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from halftrack.evidence import uapi
from halftrack.evidence.values import Firewall
from unit.caserows import case, rows
from unit.causecases import first, ranked

if TYPE_CHECKING:
    from halftrack.diagnosis.case import Case


class TestHalfClosed:
    SETTING = "net.netfilter.nf_conntrack_tcp_timeout_close_wait"

    def waiting(self, left: int, **settings: str) -> Case:
        frame = rows(200, state=uapi.TCP_CONNTRACK_CLOSE_WAIT, idle_s=[3600 - left] * 200, timeout=left)
        return case("half-closed", frame, settings=settings)

    def test_a_raised_timeout_is_why(self) -> None:
        one = self.waiting(2938, **{self.SETTING: "3600"})
        cause = ranked(one)["long-close-wait"]
        assert first(one) == "long-close-wait"
        assert cause.confidence > 0.9
        assert any(reason.source == f"sysctl {self.SETTING}" for reason in cause.for_)

    def test_its_traces_are_enough(self) -> None:
        one = self.waiting(2938)
        assert first(one) == "long-close-wait"
        assert ranked(one)["long-close-wait"].missing == (f"sysctl {self.SETTING}",)

    def test_more_left_than_the_setting_gives_proves_that_it_was_higher(self) -> None:
        one = self.waiting(2938, **{self.SETTING: "60"})
        cause = ranked(one)["long-close-wait"]
        assert first(one) == "long-close-wait"
        assert any("not raised any more" in reason.what for reason in cause.for_)

    def test_kube_proxy_is_named(self) -> None:
        one = self.waiting(2938)
        evidence = dataclasses.replace(one.view.evidence, firewall=Firewall(managers=("kube-proxy",)))
        managed = dataclasses.replace(one, view=dataclasses.replace(one.view, evidence=evidence))
        values = [reason.value for reason in ranked(managed)["long-close-wait"].for_]
        assert "kube-proxy" in values

    def test_the_default_is_not(self) -> None:
        assert "long-close-wait" not in ranked(self.waiting(30, **{self.SETTING: "60"}))
