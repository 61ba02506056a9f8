"""Values: what was seen of a node. No I/O, no judgement."""
