"""Text: a million mixed /proc lines into the flow table, against mawk that only counts some of them.

python -m benchmarks.text [LINES]
"""

from __future__ import annotations

import sys
import tempfile
from functools import partial
from pathlib import Path
from typing import Final

import numpy as np
import polars as pl

from benchmarks.measure import compare, process

_LIMIT: Final = 6.0
_MEGABYTES: Final = 500
_STEP = 250_000
COUNT = """
/ESTABLISHED.*UNREPLIED/ { for (i = 5; i < 9; i++) if ($i ~ /^src=/) { sources[$i]++; break } }
END { for (source in sources) n++; print n }
"""
PARSE = """
import sys
from halftrack.formats.sources import source
from halftrack.formats.table import parse
parsed = parse(source(sys.argv[1]).chunks())
sys.exit(10 * (len(parsed.flows) != int(sys.argv[2])))
"""
_HEX = pl.Series([f"{number:04x}" for number in range(1 << 16)])


def table(count: int, seed: int = 4) -> pl.Series:
    """Lines as the kernel prints them: 60 % one-sided; some translated, marked, counted, timed."""
    random = np.random.default_rng(seed)

    def share(part: float) -> np.ndarray:
        return random.random(count) < part

    def number(low: int, high: int) -> pl.Series:
        return pl.Series(random.integers(low, high, count)).cast(pl.String)

    def optional(chosen: np.ndarray, text: pl.Expr | pl.Series) -> pl.Expr:
        return pl.when(pl.Series(chosen)).then(text).otherwise(pl.lit(""))

    six = share(0.15)
    kind = random.random(count)
    one_sided, tcp, udp = kind < 0.6, kind < 0.8, (kind >= 0.8) & (kind < 0.95)
    here = _addresses(random.integers(0, 60, count) + (203 << 24 | 113 << 8), six)
    there = _addresses(random.integers(1 << 24, 223 << 24, count), six)
    inside = _addresses(random.integers(0, 250, count) + (10 << 24 | 1 << 16), six)
    protocol = (
        pl.when(pl.Series(tcp)).then(pl.lit("tcp      6"))
        .when(pl.Series(udp)).then(pl.lit("udp      17"))
        .when(pl.Series(six)).then(pl.lit("icmpv6   58"))
        .otherwise(pl.lit("icmp     1"))
    )  # fmt: skip
    names = pl.Series(["SYN_SENT", "SYN_RECV", "ESTABLISHED", "TIME_WAIT", "CLOSE_WAIT", "FIN_WAIT", "CLOSE"])
    other_state = names.gather(random.integers(0, len(names), count))
    state = pl.when(pl.Series(one_sided)).then(pl.lit("ESTABLISHED ")).otherwise(other_state + " ")
    low = pl.Series(random.choice([80, 443, 8883], count)).cast(pl.String)
    high = number(1024, 65536)
    icmp = ~tcp & ~udp
    forth = (
        pl.when(pl.Series(icmp)).then("type=8 code=0 id=" + high).otherwise("sport=" + low + " dport=" + high)
    )
    back = (
        pl.when(pl.Series(icmp)).then("type=0 code=0 id=" + high).otherwise("sport=" + high + " dport=" + low)
    )
    counted, timed, translated = share(0.3), share(0.15), share(0.2)
    unreplied = one_sided | (~tcp & share(0.5))
    words = [
        optional(~six, pl.lit("ipv4     2 ")),
        optional(six, pl.lit("ipv6     10 ")),
        protocol,
        " " + number(1, 432000) + " ",
        optional(tcp, state),
        "src=" + here + " dst=" + there + " ",
        forth,
        pl.lit(" "),
        optional(counted, "packets=" + number(1, 3000) + " bytes=" + number(40, 4_000_000) + " "),
        optional(unreplied, pl.lit("[UNREPLIED] ")),
        "src=" + there + " dst=",
        pl.when(pl.Series(translated)).then(inside).otherwise(here),
        pl.lit(" "),
        back,
        pl.lit(" "),
        optional(counted, "packets=" + number(0, 3000) + " bytes=" + number(0, 4_000_000) + " "),
        optional(tcp & ~unreplied, pl.lit("[ASSURED] ")),
        optional(share(0.25), pl.lit("mark=256 ")),
        optional(share(0.9), pl.lit("zone=0 ")),
        optional(timed, "delta-time=" + number(0, 400_000) + " "),
        pl.lit("use=2\n"),
    ]
    return pl.select(pl.concat_str(words)).to_series()


def _addresses(numbers: np.ndarray, six: np.ndarray) -> pl.Series:
    """The same numbers as IPv4 and, where ``six``, as IPv6 in the kernel's full form."""
    octets = [pl.Series(numbers >> shift & 255).cast(pl.String) for shift in (24, 16, 8, 0)]
    four = octets[0] + "." + octets[1] + "." + octets[2] + "." + octets[3]
    ends = _HEX.gather(numbers >> 16), _HEX.gather(numbers & 0xFFFF)
    full = "2001:0db8:0000:" + ends[1] + ":0000:0000:" + ends[0] + ":" + ends[1]
    return pl.select(pl.when(pl.Series(six)).then(full).otherwise(four)).to_series()


def main(count: int = 1_000_000) -> bool:
    """Whether time and memory held."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "nf_conntrack"
        with path.open("w") as file:
            for at in range(0, count, _STEP):
                file.writelines(table(min(_STEP, count - at), seed=at).to_list())
        parse = partial(process, (sys.executable, "-c", PARSE, str(path), str(count)))
        mawk = partial(process, ("mawk", COUNT, str(path)))
        return compare(f"parse {count:,} lines, mawk", parse, mawk, _LIMIT, most_mb=_MEGABYTES)


if __name__ == "__main__":
    sys.exit(not main(*map(int, sys.argv[1:])))
