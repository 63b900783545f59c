"""Durations as people write them: `250ms`, `30s`, `10m`, `24h`. A number without its unit is none: 30 has been read as ms and as s.

Stands beside settings, the admin listener and the command line, which all speak of durations; it knows no bounds.
"""

from __future__ import annotations

import re
from typing import Final

UNITS_S: Final = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}
_WRITTEN: Final = re.compile(r"([0-9]{1,12}(?:\.[0-9]{1,6})?)(ms|s|m|h)")


def seconds(text: str) -> float:
    """Return what `text` says. Raises LookupError where it is no duration."""
    found = _WRITTEN.fullmatch(text)
    if found is None:
        raise LookupError(text)
    return float(found[1]) * UNITS_S[found[2]]


def spoken(seconds: float) -> str:
    """Return a duration as an operator would write it, to the millisecond."""
    if 0 < seconds < 1:
        return f"{digits(seconds * 1000)}ms"
    for unit in ("h", "m"):
        if seconds and seconds % UNITS_S[unit] == 0:
            return f"{digits(seconds / UNITS_S[unit])}{unit}"
    return f"{digits(seconds)}s"


def rough(seconds: float) -> str:
    """Return about how long, in the two largest units that say something: `2d 3h`, `5m 10s`, `8s`."""
    whole = max(0, int(seconds))
    for unit, size, below, smaller in (("d", 86400, 3600, "h"), ("h", 3600, 60, "m"), ("m", 60, 1, "s")):
        if whole >= size:
            rest = whole % size // below
            return f"{whole // size}{unit} {rest}{smaller}" if rest else f"{whole // size}{unit}"
    return f"{whole}s"


def about(seconds: float) -> str:
    """Return about how long, in one unit, as people say it: `11 days`, `1 hour`, `90 minutes`."""
    for size, unit in ((86_400, "day"), (3600, "hour"), (60, "minute")):
        if round(seconds) == size:
            return f"1 {unit}"
        if round(seconds) >= 2 * size:
            return f"{seconds / size:.0f} {unit}s"
    return f"{seconds:.0f} second{'s' if round(seconds) != 1 else ''}"


def digits(number: float) -> str:
    """Return a number with as many decimals as it has, three at most."""
    return f"{number:.3f}".rstrip("0").rstrip(".")
