"""Speed, as ratios against references measured in the same run. Helpers of the tests are made use of."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))
