"""What the longest piece of work that the parser does at once takes here and now: the measure for all other work on the loop.

A bound in milliseconds would measure who else wants the machine; this takes longer by as much as what it is compared with.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from adapters.xml import parse
from tests.support.timing import best_s

if TYPE_CHECKING:
    from collections.abc import Callable

_WORST: Final = b"<r>" + b"<a/>" * 16_000 + b"</r>"  # 1.3 ms where 2 are allowed


def parses(work: Callable[[], object]) -> float:
    """Return how many of the parser's longest pieces `work` is worth; 1.5 are the 2 ms that one piece of work may take."""
    return best_s(work) / one_parse_s()


def one_parse_s() -> float:
    """Return what the longest of the parser's pieces takes now, in seconds of CPU time."""
    return best_s(lambda: parse(_WORST, charset=None))
