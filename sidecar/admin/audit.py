"""Who changed what, and who tried to: append-only, the last ones in memory, every one a line of the log (event `audit`).

Told by the listener of every order and every refused attempt, and by the keeper when an override ends by itself. Nothing is ever taken
out of it but by its bound, and a flood of wrong tokens pushes no order out: attempts have a list of their own.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any, Final

from sidecar.instant import rfc3339
from sidecar.policy.strangers import Strangers

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sidecar.ports import Clock, Log

# A year of quiet nights; with its texts an entry is below two kilobytes, so the whole is below one megabyte.
KEPT: Final = 500
REFUSED_KEPT: Final = 100
_TEXT_CHARS: Final = 500


class Audit:
    """One per process; it outlives reloads."""

    def __init__(self, clock: Clock, log: Log) -> None:
        self._clock, self._log = clock, log
        self._number = 0
        self._done: deque[dict[str, Any]] = deque(maxlen=KEPT)
        self._refused: deque[dict[str, Any]] = deque(maxlen=REFUSED_KEPT)
        self._strangers = Strangers()

    def note(
        self,
        noun: str,
        verb: str,
        *,
        actor: str,
        reason: str = "",
        arguments: Mapping[str, Any] | None = None,
        ok: bool,
        text: str,
        peer: str = "",
    ) -> None:
        """Write down one order and what came of it. `peer` is where it came from, "" from within."""
        facts = {"actor": actor, "reason": reason, "noun": noun, "verb": verb, "arguments": dict(arguments or {})}
        self._write(self._done, {**facts, "ok": ok, "text": text[:_TEXT_CHARS], "peer": peer})

    def refuse(self, code: str, peer: str) -> None:
        """Write down an attempt that was turned away before anybody looked at what it asked: the first at once, then a count a minute."""
        noticed = self._strangers.tell(self._clock.now(), (f"{code} from {peer}",))
        if noticed is not None:
            times = f", {noticed.count} times since the last line" if noticed.count > 1 else ""
            self._write(self._refused, {"ok": False, "refused": code, "text": f"{noticed.origin}{times}", "peer": peer})

    def last(self, count: int) -> list[dict[str, Any]]:
        """Return the last entries, the newest first."""
        both = sorted((*self._done, *self._refused), key=lambda entry: -entry["n"])
        return both[:count]

    def _write(self, where: deque[dict[str, Any]], facts: dict[str, Any]) -> None:
        self._number += 1
        where.append({"n": self._number, "at": rfc3339(self._clock.wall()), **facts})
        self._log.event("audit", **facts)
