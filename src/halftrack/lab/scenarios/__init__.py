"""One file each, named after the scenario."""
