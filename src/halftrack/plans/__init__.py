"""Plans as values: ordered steps that can be read, carried to another node, applied and undone.

``planning`` makes them of a diagnosis and its evidence, ``changes`` carries them out. Nothing here
touches a system.
"""
