"""How packets fare under a namespace's rules: with an entry, without one, untracked.

    packets     a packet as far as it is known, and what the tracker says of it
    conditions  whether a condition holds: yes, no, or one of two kinds of not known
    matching    which rules of a long chain can hold for a packet at all
    walking     two packets that differ in their entry alone, through all chains
    comparing   where they fare differently, and the rule that makes the difference
    entries     the same for many entries of a table
    translations  where translation leads, and what kube-proxy calls it

Pure: from values of ``evidence.rulesets`` to answers that quote the rule they rest on. Nothing is
taken to be harmless that is not understood.
"""
