"""What somebody has changed by hand, until when: one override for each noun and backend, bounded in number and in time.

Asked by whoever carries out orders and by the timer that ends them. It knows what was in force before, so that everything that was
changed at night is as it was written in the morning; it changes nothing by itself.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

# What is to hold for longer than a day belongs in the settings, where the next person finds it.
LONGEST_S: Final = 86_400.0
# A sidecar has a handful of backends and operators; more at once are a script that has gone wrong.
MOST: Final = 64


@dataclass(frozen=True, slots=True)
class Override:
    """`value` holds in place of `was` (what the settings say) from `since` to `until`, monotonic seconds."""

    id: str
    noun: str
    backend: str
    value: int
    was: int
    actor: str
    reason: str
    since: float
    until: float


class Overrides:
    """The pure policy of one process; `most` is how many there may be at once."""

    __slots__ = ("_most", "_number", "_standing")

    def __init__(self, most: int = MOST) -> None:
        self._most, self._number = most, 0
        self._standing: dict[tuple[str, str], Override] = {}

    def __repr__(self) -> str:
        return f"<Overrides {' '.join(f'{each.noun} {each.backend}={each.value}' for each in self.view()) or 'none'}>"

    def put(
        self, now: float, noun: str, backend: str, value: int, was: int, for_s: float, actor: str, reason: str
    ) -> Override | None:
        """Let `value` hold for `for_s` seconds (above 0, at most a day); None where there are too many already.

        A second one for the same noun and backend takes the place of the first and goes back to what was before both.
        Raises ValueError for an end that nobody may ask for: whoever hears orders has checked it.
        """
        if not 0 < for_s <= LONGEST_S:
            raise ValueError(f"an override ends within {LONGEST_S:g} s, not after {for_s:g} s")
        before = self._standing.get((noun, backend))
        if before is None and len(self._standing) >= self._most:
            return None
        self._number += 1
        was = was if before is None else before.was
        made = Override(f"o{self._number}", noun, backend, value, was, actor, reason, now, now + for_s)
        self._standing[noun, backend] = made
        return made

    def clear(self, noun: str, backend: str) -> Override | None:
        """End one before its time and return it; None where there is none."""
        return self._standing.pop((noun, backend), None)

    def expired(self, now: float) -> list[Override]:
        """Forget those whose end has come, and return them: each `was` is to hold again."""
        over = [each for each in self._standing.values() if each.until <= now]
        for each in over:
            del self._standing[each.noun, each.backend]
        return over

    def rebase(self, noun: str, configured: Mapping[str, int]) -> list[Override]:
        """Take what new settings say. An override stands and goes back to the new value; those of backends that are gone go, and are
        returned.
        """
        gone = []
        for key, each in list(self._standing.items()):
            if each.noun != noun:
                continue
            if each.backend in configured:
                self._standing[key] = replace(each, was=configured[each.backend])
            else:
                gone.append(self._standing.pop(key))
        return gone

    def find(self, noun: str, backend: str) -> Override | None:
        """Return the one that holds."""
        return self._standing.get((noun, backend))

    def view(self) -> list[Override]:
        """Return all, the next to end first."""
        return sorted(self._standing.values(), key=lambda each: each.until)

    @property
    def next_end(self) -> float | None:
        """When the next one ends, monotonic seconds."""
        return min((each.until for each in self._standing.values()), default=None)
