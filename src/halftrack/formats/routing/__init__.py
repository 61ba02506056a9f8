"""Routes and policy rules as ip(8) and ``/proc`` show them, and which way answers take by them.

routes      lines of ``ip route``, with or without ``show table all``
proc        ``/proc/net/route`` and ``/proc/net/ipv6_route``
rules       lines of ``ip rule``
ways        what the kernel would do with a packet, as far as that is decided by these
reading     all of it as the routing of one namespace
"""

from halftrack.formats.routing.reading import CUT, is_text_of, read

__all__ = ["CUT", "is_text_of", "read"]
