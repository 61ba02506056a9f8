"""``python -m benchmarks``: every ratio, printed; exit code 1 where one missed its limit."""

from __future__ import annotations

import os
import sys

from benchmarks import (
    affected,
    captures,
    collecting,
    drain,
    dump,
    export,
    node,
    replay,
    text,
    tracker,
    whatif,
)

held = text.main()
held &= captures.main()
held &= tracker.main()
held &= whatif.main()
held &= replay.main()
if os.geteuid():
    print("not root: benchmarks of the live table left out")
else:
    held &= node.main()
    held &= affected.main()
    held &= dump.main()
    held &= collecting.main()
    held &= drain.main()
    held &= export.main()
    dump.growth()
sys.exit(not held)
