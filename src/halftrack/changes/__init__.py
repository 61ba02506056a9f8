"""Changes: carrying plans out on the running node, journaled, verified, undoable.

The only room that writes to the system. Every single write is a value (``writes``) that is on
disk before it is done.
"""
