"""Commands: one small file per verb. Each parses, calls and reports; nothing imports them."""
