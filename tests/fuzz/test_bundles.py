"""Bundles, and what the collecting script prints, with bytes of them changed: an answer or one error."""

from __future__ import annotations

import gzip
import io

from hypothesis import given
from hypothesis import strategies as st

from fuzz.answers import answered
from fuzz.mutations import examples, mutated
from halftrack import formats
from halftrack.errors import UnreadableInput
from halftrack.live import collected
from unit.bundles import packed, whole
from unit.reports import entries

_BUNDLE = gzip.decompress(packed(whole()))
_SECTIONS = {
    "about": "kernel 6.1.0\nnode n\nown 9\nfirst 9\nuptime 77.5\nuser 0\ntaken_at 2026-11-23T03:12:00Z\n",
    "namespaces": "/proc/1/ns:\nlrwxrwxrwx 1 root root 0 Nov 23 03:12 net -> net:[9]\n",
    "ns/9/about": "inode 9\nwhere own\ncount 3\nread yes\ncomm init\n",
    "ns/9/1/stat/nf_conntrack": "entries searched insert_failed drop\n00000003 0 0 0\n",
    "ns/9/entries/nf_conntrack": entries(3),
    "ns/9/settings": "net/netfilter/nf_conntrack_max:300\n",
    "ns/9/net/tcp": "  sl  local_address rem_address   st\n"
    "   0: 0100007F:0050 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 44 1\n",
    "ns/9/addresses": "1: lo    inet 127.0.0.1/8 scope host lo\n",
    "ns/9/save/iptables-legacy": "*filter\n:INPUT DROP [0:0]\n-A INPUT -p tcp -j ACCEPT\nCOMMIT\n",
    "file/etc/sysctl.conf": "net.netfilter.nf_conntrack_max = 1\n",
    "ns/ve101/about": "inode ve101\nwhere 500\ncount 1\nread yes\ncomm httpd\n",
    "late": "9\n",
    "missing": "ss\n",
}
_COLLECTION = b"".join(
    (
        b"halftrack-collection 1 w0rd\n",
        *(
            f"\nw0rd begin 5.0 {name}\n{text}\nw0rd end 0 {name}\n".encode()
            for name, text in _SECTIONS.items()
        ),
        b"\nw0rd complete\n",
    )
)


def said(content: bytes) -> list[str]:
    try:
        evidence = formats.read(["-"], stdin=io.BytesIO(content), collected=collected.read)
    except UnreadableInput as error:
        return [str(error)]
    answered(evidence)
    return [evidence.node, *evidence.input.notes, *(gap.what for gap in evidence.gaps)]


def test_as_they_are_both_are_understood() -> None:
    for content in (_BUNDLE, _COLLECTION):
        assert formats.read(["-"], stdin=io.BytesIO(content), collected=collected.read).tables


@examples
@given(mutated(_BUNDLE), st.booleans())
def test_any_bundle_gives_an_answer_or_one_error(content: bytes, zipped: bool) -> None:
    given_ = gzip.compress(content, mtime=0) if zipped else content
    assert all(text.isprintable() for text in said(given_))


@examples
@given(mutated(_COLLECTION), st.booleans())
def test_any_collection_gives_an_answer_or_one_error(content: bytes, zipped: bool) -> None:
    given_ = gzip.compress(content, mtime=0) if zipped else content
    assert all(text.isprintable() for text in said(given_))
