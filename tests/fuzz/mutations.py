"""Bytes that nearly make sense: recorded ones with some of them changed, dropped or doubled."""

from __future__ import annotations

import os

from hypothesis import settings
from hypothesis import strategies as st

examples = settings(max_examples=int(os.environ.get("HALFTRACK_FUZZ_EXAMPLES", "150")), deadline=None)


@st.composite
def mutated(draw: st.DrawFn, corpus: bytes) -> bytes:
    """The corpus with up to a dozen edits."""
    data = bytearray(corpus)
    for _ in range(draw(st.integers(0, 12))):
        if not data:
            break
        at = draw(st.integers(0, len(data) - 1))
        match draw(st.sampled_from(["set", "cut", "insert", "copy"])):
            case "set":
                data[at] = draw(st.integers(0, 255))
            case "cut":
                del data[at : at + draw(st.integers(1, 64))]
            case "insert":
                data[at:at] = draw(st.binary(min_size=1, max_size=32))
            case "copy":
                data[at:at] = data[at : at + draw(st.integers(1, 256))]
    return bytes(data)
