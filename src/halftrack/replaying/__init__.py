"""Packets of a capture through the tracker's rules: the table that a node with these rules would hold.

    ruling      whose rules: a kernel, its settings, a limit; asked: settings as they are typed
    ends        a packet's ends as the tracker is told them
    passing     which packets pass the tracker at all; copies: those that were captured more than once
    tracking    packets in, entries and counts out
    timeline    the table's size over time
    table       the entries as a flow table; grouping: whose the one-sided ones are
    flows       which flow somebody means; following: what becomes of its packets, one by one
    telling     that in words; story: of the flow, turn by turn
    comparing   two replays of the same packets side by side
    document    all of it as one document; result puts it together
    evidence    the table at the end, for whatever reads tables

Pure: frames of packets come in (``halftrack.evidence.packets``), and nothing here reads a file or a clock.
"""
