"""The line that a plugin of Nagios, Icinga and their kin answers with; nothing heavy is loaded for it.

The form is that of the Monitoring Plugins' guidelines: a text, ``|``, and of each number
``'label'=value[UOM];[warn];[crit];[min];[max]`` with a decimal point, all of it in one line.
"""

from __future__ import annotations

from typing import Final

STATUS: Final = ("OK", "WARNING", "CRITICAL", "UNKNOWN")
"""By exit code."""
UNKNOWN: Final = 3
"""What a plugin ends in where it cannot tell, whatever is the matter."""
_SERVICE: Final = "HALFTRACK"


def line(code: int, text: str, data: str = "") -> str:
    """One line of printable ASCII; nothing in the text may pass for performance data."""
    told = "".join(sign if sign.isascii() and sign.isprintable() else "?" for sign in text).replace("|", "/")
    return f"{_SERVICE} {STATUS[code]} - {told}" + (f" | {data}" if data else "")
