"""What operators have put up: pauses, which refuse, and messages, which only speak; at everything, at a backend, at a room.

Asked by the gate before a flight, by whoever tells people how things stand, and by the timer that ends them. It answers `paused` with the
operator's words; it owns no clock and ends nothing by itself: a sign whose end has come simply counts no more.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from math import ceil, inf
from typing import TYPE_CHECKING, Final, NamedTuple

from sidecar.model import Notice, Refusal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

# A sidecar has a handful of backends and rooms; more signs at once are a script that has gone wrong.
MOST: Final = 64
REMIND_S: Final = 900.0  # a pause that nobody has ended in a quarter of an hour may be one that somebody has forgotten
# Nobody is told to come back sooner: a pause is not over in a blink. Nor later: it may be over before it was said to be.
SOONEST_S: Final = 5
LATEST_S: Final = 300
_SPREAD: Final = 0.5  # of the wait, on top of it: who was sent away together does not come back together
# Waits are told in few different numbers, so that a refusal is written once for the thousands who get it.
_STEPS: Final = 10
_GRAIN_S: Final = 5
_UNKNOWN_S: Final = 15.0  # how long until there is news, where nobody has said


class Kind(StrEnum):
    """What a sign does; the nouns of the orders."""

    PAUSE = "pause"  # it refuses, and may say why
    MESSAGE = "message"  # it only speaks


class What(StrEnum):
    """What a sign is put up at; the reasons of `paused`."""

    EVERYTHING = "everything"
    BACKEND = "backend"
    ROOM = "room"


class Target(NamedTuple):
    """Where a sign is put up. `name` is of a backend or a room, "" for everything."""

    what: What
    name: str = ""

    def __str__(self) -> str:
        return ALL if self.what is What.EVERYTHING else f"{self.what}:{self.name}"


ALL: Final = "all"  # how orders name everything
EVERYTHING: Final = Target(What.EVERYTHING)


def target_of(text: str) -> Target | None:
    """Read a target as orders name it: `all`, `backend:NAME`, `room:NAME`; None where it is none."""
    if text == ALL:
        return EVERYTHING
    what, _, name = text.partition(":")
    return Target(What(what), name) if what in (What.BACKEND, What.ROOM) and name else None


class Scope(StrEnum):
    """Whom a pause holds up."""

    ENTRY = "entry"  # newcomers: who has begun a purchase and got something ends it
    ALL = "all"  # everybody


SEVERITIES: Final = ("info", "warning", "critical")


@dataclass(frozen=True, slots=True)
class Sign:
    """One pause or message. It has one of three ends: `end`, monotonic seconds, where it was said for how long; `until`, wall seconds,
    where a time of day was said, whatever becomes of the clock; `remind_s` where nobody knows: so often it is said that it still holds.
    `since` is monotonic. `notice` has no texts where a pause is without words.
    """

    id: str
    kind: Kind
    target: Target
    notice: Notice
    since: float
    scope: Scope = Scope.ENTRY
    end: float | None = None
    until: float | None = None
    remind_s: float | None = None
    actor: str = ""
    reason: str = ""

    @property
    def words(self) -> Notice | None:
        """What it says to people, None where it says nothing."""
        return self.notice if self.notice.texts else None

    def left_s(self, now: float, wall: float) -> float:
        """Return for how long it holds yet, in seconds; infinite where nobody knows."""
        if self.end is not None:
            return self.end - now
        return inf if self.until is None else self.until - wall

    def holds(self, now: float, wall: float) -> bool:
        """Say whether its end has not come."""
        return self.left_s(now, wall) > 0


class Pauses:
    """The pure policy of one process; `most` is how many signs there may be at once. `active` is False where none is."""

    __slots__ = ("_most", "_refusals", "_reminded", "_signs", "active")

    def __init__(self, most: int = MOST) -> None:
        self._most = most
        self._signs: dict[tuple[Kind, Target], Sign] = {}
        self._reminded: dict[str, float] = {}  # by id: when, monotonic seconds
        self._refusals: dict[tuple[str, int], Refusal] = {}  # as they are, for whom the same is told
        self.active = False

    def __repr__(self) -> str:
        return f"<Pauses {' '.join(f'{each.kind} {each.target}' for each in self.view()) or 'none'}>"

    def has_room(self, kind: Kind, target: Target) -> bool:
        """Say whether one more may be put up there."""
        return (kind, target) in self._signs or len(self._signs) < self._most

    def put(self, sign: Sign) -> None:
        """Put a sign up, in place of the one of its kind that is there. Raises ValueError where there are too many."""
        if not self.has_room(sign.kind, sign.target):
            raise ValueError(f"{self._most} signs are up already")
        self._signs[sign.kind, sign.target] = sign
        self._changed()

    def clear(self, kind: Kind, target: Target) -> Sign | None:
        """Take one down; None where there is none."""
        found = self._signs.pop((kind, target), None)
        self._changed()
        return found

    def find(self, kind: Kind, target: Target) -> Sign | None:
        """Return the sign that is up, though its end may have come."""
        return self._signs.get((kind, target))

    def view(self) -> list[Sign]:
        """Return all: pauses first, the oldest of each first."""
        return sorted(self._signs.values(), key=lambda each: (each.kind is not Kind.PAUSE, each.since))

    def expired(self, now: float, wall: float) -> list[Sign]:
        """Take down those whose end has come, and return them."""
        over = [each for each in self.view() if not each.holds(now, wall)]
        for each in over:
            del self._signs[each.kind, each.target]
        self._changed()
        return over

    def due(self, now: float) -> list[Sign]:
        """Return those of which it is time to say that they still hold; it counts as said."""
        found = [
            each
            for each in self.view()
            if each.remind_s is not None and now - self._reminded.get(each.id, each.since) >= each.remind_s
        ]
        self._reminded |= {each.id: now for each in found}
        return found

    def _changed(self) -> None:
        self.active = bool(self._signs)
        self._refusals.clear()
        ids = {each.id for each in self._signs.values()}
        self._reminded = {name: at for name, at in self._reminded.items() if name in ids}

    def ask(
        self, now: float, wall: float, backend: str, chance: Callable[[], float], *, under_way: bool
    ) -> Refusal | None:
        """Refuse whoever wants to call a backend while it, or everything, is paused. `under_way`: he has begun a purchase.

        `chance` (0 to 1) is asked for whoever is refused alone.
        """
        if not self.active:
            return None
        found = self._up(now, wall, Kind.PAUSE, (EVERYTHING, Target(What.BACKEND, backend)))
        held = [each for each in found if each.scope is Scope.ALL or not under_way]
        return self.refusal(now, wall, max(held, key=_rank), chance()) if held else None

    def room(self, now: float, wall: float, name: str) -> Sign | None:
        """Return what pauses a room: its own sign, else that of everything."""
        return next(self._up(now, wall, Kind.PAUSE, (Target(What.ROOM, name), EVERYTHING)), None)

    def refusal(self, now: float, wall: float, sign: Sign, chance: float) -> Refusal:
        """Return what somebody is told whom a pause holds up; the same object for all who are told the same."""
        after_s = _after_s(_news_s(sign, now, wall), chance)
        made = self._refusals.get((sign.id, after_s))
        if made is None:
            made = self._refusals[sign.id, after_s] = Refusal(
                "paused", sign.target.what.value, _detail(sign), retry_after_s=after_s, notice=sign.words
            )
        return made

    def notices(self, now: float, wall: float, backend: str | None, room: str | None) -> Notice | None:
        """Return what is said to whoever has to do with a backend and a room (None: with none): the most severe, of these the newest."""
        if not self.active:
            return None
        targets = [EVERYTHING]
        targets += [] if backend is None else [Target(What.BACKEND, backend)]
        targets += [] if room is None else [Target(What.ROOM, room)]
        said = [each for kind in Kind for each in self._up(now, wall, kind, targets) if each.words is not None]
        return max(said, key=_rank).words if said else None

    def _up(self, now: float, wall: float, kind: Kind, targets: Iterable[Target]) -> Iterator[Sign]:
        signs = self._signs
        return (sign for each in targets if (sign := signs.get((kind, each))) is not None and sign.holds(now, wall))


def _rank(sign: Sign) -> tuple[int, float]:
    return SEVERITIES.index(sign.notice.severity), sign.since


def _news_s(sign: Sign, now: float, wall: float) -> float:
    """Return in how many seconds there is news: what was promised, or the end if that is earlier."""
    promised = sign.notice.next_update
    ahead = [] if promised is None else [promised - wall]
    ahead.append(sign.left_s(now, wall))
    return min((each for each in ahead if 0 < each < inf), default=_UNKNOWN_S)


def _after_s(news_s: float, chance: float) -> int:
    """Return when somebody is told to come back: with the news or after it, within bounds, and not all at once."""
    longest_s = LATEST_S / (1 + _SPREAD)
    wait_s = min(max(ceil(news_s / _GRAIN_S) * _GRAIN_S, SOONEST_S), longest_s)
    return ceil(wait_s * (1 + _SPREAD * int(chance * _STEPS) / _STEPS))


def _detail(sign: Sign) -> str:
    what = "everything" if sign.target.what is What.EVERYTHING else f"{sign.target.what} {sign.target.name}"
    more = "" if sign.scope is Scope.ALL else "; a purchase that has begun may be ended"
    return f"{what} is paused by the operator{more}"
