"""Which foreign origins ask, and how often: the one CORS failure that shows nowhere, because the page's console is not the operator's.

Told by the cors stage of every request of a disallowed origin. It says when a line of the log is due; it refuses nobody and keeps
a bounded table of short texts.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

ORIGINS_MAX: Final = 64  # a shop has a few test hosts; more at once are somebody playing with the header
AGAIN_S: Final = 60.0  # a page in a loop asks a thousand times a second: one line a minute says as much
SHOWN_CHARS: Final = 268  # "https://" and a host of 253 characters with its port; longer is no origin
OTHERS: Final = "(others)"


@dataclass(frozen=True, slots=True)
class Noticed:
    """A line that is due: `count` requests of `origin` since the last one."""

    origin: str
    count: int


class Strangers:
    """One table of one stage."""

    __slots__ = ("_seen",)

    def __init__(self) -> None:
        self._seen: dict[str, tuple[float, int]] = {}  # when last told, how many came since

    def tell(self, now: float, origins: Sequence[str]) -> Noticed | None:
        """Note one request with these Origin lines; return what is to be logged, None where it was said a moment ago."""
        origin = shown(origins)
        if origin not in self._seen and len(self._seen) >= ORIGINS_MAX:
            origin = OTHERS
        told_at, count = self._seen.get(origin, (now - AGAIN_S, 0))
        if now - told_at < AGAIN_S:
            self._seen[origin] = (told_at, count + 1)
            return None
        self._seen[origin] = (now, 0)
        return Noticed(origin, count + 1)


def shown(origins: Sequence[str]) -> str:
    """Return Origin lines as people read them in a log: joined, printable, bounded."""
    joined = ", ".join(origins)[:SHOWN_CHARS]
    return "".join(each if each.isprintable() else "?" for each in joined)
