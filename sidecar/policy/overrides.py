"""What somebody has changed by hand, until when: one override for each noun, backend and part of it, bounded in number and in time.

Asked by whoever carries out orders and by the timer that ends them. It knows what was in force before, so that everything that was
changed at night is as it was written in the morning; it changes nothing by itself. What is only observed is a table of its own, for
those who ask on every call.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Mapping

# What is to hold for longer than a day belongs in the settings, where the next person finds it.
LONGEST_S: Final = 86_400.0
# A sidecar has a handful of backends and operators; more at once are a script that has gone wrong.
MOST: Final = 64
# In place of a backend's name, or of a part: all of them, those included that come later. No name of the settings has such a sign.
EVERY: Final = "*"

Value: TypeAlias = "int | str"


@dataclass(frozen=True, slots=True)
class Override:
    """`value` holds in place of `was` (what the settings say) from `since` to `until`, monotonic seconds.

    `part` tells several of one noun and backend apart, "" where there is but one.
    """

    id: str
    noun: str
    backend: str
    value: Value
    was: Value
    actor: str
    reason: str
    since: float
    until: float
    part: str = ""


class Overrides:
    """The pure policy of one process; `most` is how many there may be at once."""

    __slots__ = ("_most", "_number", "_standing")

    def __init__(self, most: int = MOST) -> None:
        self._most, self._number = most, 0
        self._standing: dict[tuple[str, str, str], Override] = {}

    def __repr__(self) -> str:
        return f"<Overrides {' '.join(f'{each.noun} {each.backend}={each.value}' for each in self.view()) or 'none'}>"

    def put(
        self,
        now: float,
        noun: str,
        backend: str,
        value: Value,
        was: Value,
        for_s: float,
        actor: str,
        reason: str,
        part: str = "",
    ) -> Override | None:
        """Let `value` hold for `for_s` seconds (above 0, at most a day); None where there are too many already.

        A second one for the same noun, backend and part takes the place of the first and goes back to what was before both.
        Raises ValueError for an end that nobody may ask for: whoever hears orders has checked it.
        """
        if not 0 < for_s <= LONGEST_S:
            raise ValueError(f"an override ends within {LONGEST_S:g} s, not after {for_s:g} s")
        before = self._standing.get((noun, backend, part))
        if before is None and len(self._standing) >= self._most:
            return None
        self._number += 1
        was = was if before is None else before.was
        made = Override(f"o{self._number}", noun, backend, value, was, actor, reason, now, now + for_s, part)
        self._standing[noun, backend, part] = made
        return made

    def clear(self, noun: str, backend: str, part: str = "") -> list[Override]:
        """End those of a noun before their time, and return them; `EVERY` for a backend or a part means each that there is."""
        over = [
            each
            for each in self.view()
            if each.noun == noun and backend in (EVERY, each.backend) and part in (EVERY, each.part)
        ]
        return self._drop(over)

    def expired(self, now: float) -> list[Override]:
        """Forget those whose end has come, and return them: each `was` is to hold again."""
        return self._drop([each for each in self._standing.values() if each.until <= now])

    def rebase(self, noun: str, configured: Mapping[str, Value]) -> list[Override]:
        """Take what new settings say. An override stands and goes back to the new value; those of backends that are gone go, and are
        returned. One of every backend is none of one.
        """
        mine = [each for each in self._standing.values() if each.noun == noun and each.backend != EVERY]
        for each in mine:
            if each.backend in configured:
                self._standing[noun, each.backend, each.part] = replace(each, was=configured[each.backend])
        return self._drop([each for each in mine if each.backend not in configured])

    def _drop(self, over: list[Override]) -> list[Override]:
        for each in over:
            del self._standing[each.noun, each.backend, each.part]
        return over

    def find(self, noun: str, backend: str, part: str = "") -> Override | None:
        """Return the one that holds."""
        return self._standing.get((noun, backend, part))

    def view(self) -> list[Override]:
        """Return all, the next to end first."""
        return sorted(self._standing.values(), key=lambda each: each.until)

    @property
    def next_end(self) -> float | None:
        """When the next one ends, monotonic seconds."""
        return min((each.until for each in self._standing.values()), default=None)


class Observed:
    """Which mechanisms may only count what they would refuse, by backend; `EVERY` for either means all. It knows no time: whoever
    lets it hold ends it, too.
    """

    __slots__ = ("_held",)

    def __init__(self) -> None:
        self._held: frozenset[tuple[str, str]] = frozenset()

    def __repr__(self) -> str:
        return (
            f"<Observed {' '.join(f'{backend}.{mechanism}' for backend, mechanism in sorted(self._held)) or 'nothing'}>"
        )

    def put(self, backend: str, mechanism: str) -> None:
        """Let a mechanism of a backend count, and refuse nobody."""
        self._held |= {(backend, mechanism)}

    def clear(self, backend: str, mechanism: str) -> None:
        """Let it refuse again, unless another entry takes it in; harmless where it does."""
        self._held -= {(backend, mechanism)}

    def ask(self, backend: str, mechanism: str) -> bool:
        """Say whether a mechanism may refuse nobody at a backend now. Where nothing is observed, this costs one look."""
        held = self._held
        return bool(held) and (
            (backend, mechanism) in held
            or (backend, EVERY) in held
            or (EVERY, mechanism) in held
            or (EVERY, EVERY) in held
        )
