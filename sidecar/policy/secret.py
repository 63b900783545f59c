"""A secret that somebody has to show, and whether he does: told in the same time whatever is shown.

Asked at the operators' door and of requests that want more than others. It is kept as a digest, so that nothing that prints it shows it.
"""

from __future__ import annotations

from hashlib import sha256
from hmac import compare_digest
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


class Secret:
    """One secret of the settings, a text."""

    __slots__ = ("_digest",)

    def __init__(self, text: str) -> None:
        self._digest = _digest(text)

    def shown_by(self, lines: Sequence[str]) -> bool:
        """Say whether these header lines show it: one line, and nothing else in it."""
        return len(lines) == 1 and compare_digest(_digest(lines[0].strip()), self._digest)


def _digest(text: str) -> bytes:
    """Return bytes of one length for every text: a comparison of them tells neither content nor length."""
    return sha256(text.encode("utf-8", "surrogateescape")).digest()
