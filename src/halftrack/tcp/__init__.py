"""What the kernel's tracker does, by release: data with its sources, no I/O."""
