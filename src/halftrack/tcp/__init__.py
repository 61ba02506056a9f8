"""What the kernel's tracker does, by release, as data with its sources; and a model of it. No I/O."""
