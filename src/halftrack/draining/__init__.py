"""Draining: which entries may be given less time or removed, by what is known of each.

Pure: from a table, its sockets and a filter to a fate for every entry, and, right before anything
is done, whether an entry is still the one that was judged. ``changes.drain`` acts on it.
"""
