"""Packets of a capture through the tracker's rules: the table that a node with these rules would hold.

    ends        a packet's ends as the tracker is told them
    passing     which packets pass the tracker at all; copies: those that were captured more than once
    tracking    packets in, entries and counts out
    timeline    the table's size over time
    table       the entries as a flow table; grouping: whose the one-sided ones are
    flows       which flow somebody means; following: what becomes of its packets, one by one
    telling     that in words, and the story of the flow
    comparing   two replays of the same packets side by side
    document    all of it as one document

Pure: frames of packets come in (``halftrack.evidence.packets``), and nothing here reads a file or a clock.
"""
