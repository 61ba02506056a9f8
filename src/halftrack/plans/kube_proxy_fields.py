"""What kube-proxy sets at its every start, and where in its configuration that stands.

Section ``conntrack`` of ``KubeProxyConfiguration`` (``kubeproxy.config.k8s.io/v1alpha1``), and the
flags that mean the same. A value of 0 leaves the kernel's setting alone.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import Final

FIELDS: Final = MappingProxyType(
    {
        "tcp_timeout_established": ("tcpEstablishedTimeout", "--conntrack-tcp-timeout-established"),
        "tcp_timeout_close_wait": ("tcpCloseWaitTimeout", "--conntrack-tcp-timeout-close-wait"),
        "udp_timeout": ("udpTimeout", "--conntrack-udp-timeout"),
        "udp_timeout_stream": ("udpStreamTimeout", "--conntrack-udp-timeout-stream"),
        "tcp_be_liberal": ("tcpBeLiberal", "--conntrack-tcp-be-liberal"),
        "max": ("min", "--conntrack-min"),
    }
)
"""Setting (``nf_conntrack_`` stripped) to the field and the flag."""


def spelled(setting: str, number: int) -> str:
    """The value as its field and its flag take it."""
    if "timeout" in setting:
        return f"{number}s"
    return str(bool(number)).lower() if setting == "tcp_be_liberal" else str(number)


def go_duration(seconds: int) -> str:
    """As Go prints it, and kubectl shows it: ``1h0m0s``."""
    minutes, second = divmod(seconds, 60)
    hours, minute = divmod(minutes, 60)
    if hours:
        return f"{hours}h{minute}m{second}s"
    return f"{minute}m{second}s" if minute else f"{second}s"
