"""A plan on a sample of its table, in a scratch namespace: nothing of the node is changed.

The scratch has no name and no process: see ``kernel.scratch``. What is done there is done by the code
that ``fix`` uses (``applying.Work``, the writes, drains), told another namespace.
"""
