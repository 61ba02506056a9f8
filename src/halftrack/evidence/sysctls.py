"""How the tracker's settings are called.

Their full names begin alike, and began otherwise in old kernels; one is a parameter of the module.
"""

from __future__ import annotations

from typing import Final

PREFIX: Final = "net.netfilter.nf_conntrack_"
LEGACY_PREFIX: Final = "net.ipv4.netfilter.ip_conntrack_"
"""Up to 2.6.19 the only one; some settings had both names until 4.8 (net/ipv4/netfilter)."""
HASHSIZE: Final = "/sys/module/nf_conntrack/parameters/hashsize"
"""The buckets of the hash, which all namespaces share; the kernel takes another size there."""
