"""What an established entry that was never answered proves: a packet in mid-stream has passed these rules."""

from __future__ import annotations

import pytest

from halftrack.evidence import uapi
from halftrack.kernel import ctnetlink
from kernel.arrivals import arrive, tracked_netns

_FIN, _SYN, _PSH, _ACK = 0x01, 0x02, 0x08, 0x10


@pytest.mark.parametrize("last", [_ACK, _PSH | _ACK, _FIN | _ACK])
def test_no_packets_of_one_direction_establish_what_a_syn_began(last: int) -> None:
    with tracked_netns("syn") as netns:
        netns.call(lambda: arrive(50, 0.5, ((False, _SYN), (False, last), (False, _PSH | _ACK))))
        flows = ctnetlink.dump(netns_path=netns.path).flows.frame
        assert len(flows)
        assert set(flows["state"]) == {uapi.TCP_CONNTRACK_SYN_SENT}


@pytest.mark.parametrize("first", [_ACK, _PSH | _ACK])
def test_one_packet_in_mid_stream_does(first: int) -> None:
    with tracked_netns("mid") as netns:
        netns.call(lambda: arrive(50, 0.5, ((True, first),)))
        flows = ctnetlink.dump(netns_path=netns.path).flows.frame
        assert len(flows)
        assert set(flows["state"]) == {uapi.TCP_CONNTRACK_ESTABLISHED}
        assert not any(status & uapi.IPS_SEEN_REPLY for status in flows["status"])
