"""shaping: what queues and policers hold back or drop."""

from __future__ import annotations

import dataclasses

from halftrack.diagnosis.causes import limiters
from halftrack.diagnosis.document import LIKELY
from halftrack.evidence.shaping import Queue, RateSetting
from unit.causecases import (
    against,
    contained,
    first,
    shaped,
    tbf,
    told,
    trouble,
    weighed,
)


class TestShaping:
    def test_bytes_held_back_all_the_while(self) -> None:
        one = trouble(shaping=shaped(tbf(backlog=60_000)))
        assert first(one) == "shaping"
        found = weighed(one, "shaping")
        assert "bytes held back by tbf 400kbit on eth0 of host all the while" in told(found)
        assert not found.missing

    def test_bytes_held_back_for_a_moment(self) -> None:
        """A busy limit has a queue now and then."""
        one = trouble(shaping=shaped(tbf(backlog=3_000), before=(tbf(),)))
        found = weighed(one, "shaping")
        assert "bytes held back now" in told(found)
        assert found.confidence < weighed(trouble(shaping=shaped(tbf(backlog=3_000))), "shaping").confidence

    def test_packets_dropped_between_two_readings(self) -> None:
        one = trouble(shaping=shaped(tbf(drops=4), before=(tbf(drops=1),)))
        found = weighed(one, "shaping")
        assert 3 in [reason.value for reason in found.for_]
        assert found.confidence >= LIKELY

    def test_what_it_once_dropped_counts_too(self) -> None:
        """The entries are days old; the limit may have been met then."""
        found = weighed(trouble(shaping=shaped(tbf(drops=250))), "shaping")
        assert 0.2 in [reason.value for reason in found.for_]
        assert found.confidence >= LIKELY

    def test_that_the_rate_is_reached_does_not_make_it_likely(self) -> None:
        """It is what a limit is for."""
        now = weighed(trouble(shaping=shaped(tbf(overlimits=470), before=(tbf(overlimits=400),))), "shaping")
        once = weighed(trouble(shaping=shaped(tbf(overlimits=400))), "shaping")
        rarely = weighed(trouble(shaping=shaped(tbf(overlimits=2))), "shaping")
        assert 70 in [reason.value for reason in now.for_]
        assert 0.4 in [reason.value for reason in once.for_]
        assert "under 1 %" in told(rarely)
        assert rarely.confidence < once.confidence < LIKELY
        assert now.confidence < LIKELY

    def test_a_limit_that_was_never_met_speaks_against_it(self) -> None:
        found = weighed(trouble(shaping=shaped(tbf(drops=0, overlimits=0))), "shaping")
        assert "has ever held back" in against(found)

    def test_no_limit_anywhere_speaks_against_it(self) -> None:
        plain = shaped(Queue(2, "fq_codel", "0:", "root", drops=3, backlog=100))
        found = weighed(trouble(shaping=plain), "shaping")
        assert "rate limits on the way" in against(found)
        assert found.confidence < weighed(trouble(), "shaping").confidence

    def test_what_a_discipline_and_its_class_count_counts_once(self) -> None:
        root = Queue(2, "htb", "1:", "root", sent_packets=100, drops=6, overlimits=10)
        leaf = dataclasses.replace(root, handle="1:10", is_class=True, rate=125_000, ceil=125_000)
        way = limiters.of(trouble(shaping=shaped(root, leaf)))
        assert way is not None
        (limiter,) = way.limiters
        assert (limiter.what, limiter.lost_share, limiter.slowed_share) == ("htb 1mbit", 6 / 106, 10 / 106)

    def test_a_queue_made_anew_has_no_rise(self) -> None:
        other = Queue(2, "htb", "2:", "root", drops=1)
        way = limiters.of(trouble(shaping=shaped(tbf(overlimits=500), before=(other,))))
        assert way is not None
        assert (way.limiters[0].slowed, way.limiters[0].standing) == (0, 0)

    def test_a_rate_that_a_container_was_given(self) -> None:
        """Of the owner, or of the node; never another container's."""
        one = contained()
        settings = (
            RateSetting("/etc/vz/vz.conf", 3, "RATE", "venet0:1:500", None),
            RateSetting("/etc/vz/conf/1.conf", 9, "RATE", "venet0:1:300", "1"),
            RateSetting("/etc/vz/conf/2.conf", 9, "RATE", "venet0:1:200", "2"),
        )
        evidence = dataclasses.replace(one.view.evidence, rate_settings=settings)
        found = weighed(
            dataclasses.replace(one, view=dataclasses.replace(one.view, evidence=evidence)), "shaping"
        )
        assert [(r.value, r.source) for r in found.for_ if "configuration" in r.what] == [
            ("venet0:1:500", "/etc/vz/vz.conf:3"),
            ("venet0:1:300", "/etc/vz/conf/1.conf:9"),
        ]

    def test_a_program_that_may_limit_is_named(self) -> None:
        """Then no rate limit is no evidence."""
        filtered = Queue(2, "clsact", "ffff:", "ingress", filters=("bpf", "u32 mirred"))
        found = weighed(trouble(shaping=shaped(filtered)), "shaping")
        assert "which may limit it: bpf on eth0 of host" in told(found)
        assert not found.against
        assert found.confidence == weighed(trouble(), "shaping").confidence

    def test_programs_that_may_limit_are_named_whatever_they_are_attached_to(self) -> None:
        """To an interface or to the owner's control group: nobody can say what they do."""
        one = contained()
        near, home = one.view.evidence.tables
        last = home.shaping[-1]
        (eth,) = last.interfaces
        by_hand = dataclasses.replace(eth, programs=("bpf outwards slow_down",))
        shaping = dataclasses.replace(last, interfaces=(by_hand,), programs=("cgroup bpf few_a_second",))
        tables = near, dataclasses.replace(home, shaping=(home.shaping[0], shaping))
        evidence = dataclasses.replace(one.view.evidence, tables=tables)
        seen = dataclasses.replace(one, view=dataclasses.replace(one.view, evidence=evidence))
        found = told(weighed(seen, "shaping"))
        assert "bpf outwards slow_down on eth0 of web-1, cgroup bpf few_a_second of web-1" in found
        assert "rate limits on the way" in against(weighed(one, "shaping"))
        assert "rate limits on the way" not in against(weighed(seen, "shaping"))

    def test_a_policer_counts_as_a_limit(self) -> None:
        policed = Queue(
            2, "ingress", "ffff:", "ingress", filters=("matchall police",), drops=700, sent_packets=300
        )
        found = weighed(trouble(shaping=shaped(policed)), "shaping")
        assert "ingress matchall police on eth0" in told(found)
