"""Who may buy now: the passes of a waiting room that are out, each with its times, its calls under way and its pace.

Asked at the gate of every call that a room covers. A pass is renewed by its use up to a total; it is good for few calls at once and for a
bounded pace, for a handful of calls is a purchase and a hundred are a script. What is not among those that are out does not pass: it fails
closed, and says why.
"""

from __future__ import annotations

from dataclasses import dataclass
from heapq import heapify, heappop, heappush, heapreplace
from typing import TYPE_CHECKING, Final

from sidecar.model import Refusal
from sidecar.policy.credentials import PlaceId

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sidecar.policy.credentials import PassId

_SOON_S: Final = 1  # whoever calls too often with a pass comes back in a moment
# Ends of passes that were given back stay among the others until they are so many times as many, and worth the sweeping.
_LEFT_TIMES: Final = 2
_LEFT_LEAST: Final = 64
_GRAIN_S: Final = 1e-6  # ten tenths of a second are not quite one in floating point


@dataclass(frozen=True, slots=True)
class PassRule:
    """Bounds of every pass: seconds without use, seconds in all, calls at once, and so many calls in so many seconds."""

    idle_s: float = 120.0
    total_s: float = 600.0
    calls: int = 4
    rate: tuple[int, float] = (10, 1.0)


@dataclass(eq=False, slots=True)
class Active:
    """A pass that is out. `idle_at` and `total_at`: when it ends, in the room's seconds. `calls` are under way with it."""

    place: PlaceId
    turn: int
    wave: int
    bind: bytes
    since: float
    idle_at: float
    total_at: float
    calls: int = 0
    tat: float = 0.0
    sessions: tuple[bytes, ...] = ()

    @property
    def ends_at(self) -> float:
        """When it ends if it is not used; a call under way holds it, up to its total."""
        return self.total_at if self.calls else min(self.idle_at, self.total_at)


class Passes:
    """Those of one room. `now` is the room's own time, which stands still while the room is paused."""

    __slots__ = ("_burst_s", "_by_place", "_by_session", "_ends", "_step_s", "rule", "wave")

    def __init__(self, rule: PassRule) -> None:
        self._by_place: dict[PlaceId, Active] = {}
        self._by_session: dict[bytes, Active] = {}
        # One for each pass that is out, at its end or before it; of those that were taken in some are left for a while.
        self._ends: list[tuple[float, PlaceId, int]] = []
        self.wave = 0
        self.bound(rule)

    def __repr__(self) -> str:
        return f"<Passes {len(self._by_place)} out, wave {self.wave}>"

    def __len__(self) -> int:
        return len(self._by_place)

    def __iter__(self) -> Iterator[Active]:
        return iter(self._by_place.values())

    def bound(self, rule: PassRule) -> None:
        """Take other bounds: they hold for passes that are out from their next use on."""
        self.rule = rule
        self._ends = [(0.0, held.place, held.turn) for held in self]  # each is looked at anew: it may end sooner now
        heapify(self._ends)
        count, period_s = rule.rate
        # The generic cell rate algorithm, as in `gcra`, of one key: what it knows of a pass stands in the pass.
        self._step_s = period_s / count
        self._burst_s = self._step_s * max(count, rule.calls)

    def issue(self, now: float, place: PlaceId, turn: int, bind: bytes) -> Active:
        """Let somebody in. Who is in already keeps the pass that he has: a claim that is sent twice makes one."""
        held = self._by_place.get(place)
        if held is not None:
            return held
        rule = self.rule
        made = Active(place, turn, self.wave, bind, now, now + rule.idle_s, now + rule.total_s)
        self._put(made)
        return made

    def adopt(self, held: Active) -> None:
        """Take one back from before a restart."""
        self._put(held)
        for session in held.sessions:
            self._by_session[session] = held

    def _put(self, held: Active) -> None:
        self._by_place[held.place] = held
        if len(self._ends) > _LEFT_TIMES * len(self._by_place) + _LEFT_LEAST:
            self._ends = [(at, place, turn) for at, place, turn in self._ends if self._is_out(place, turn)]
            heapify(self._ends)
        heappush(self._ends, (held.ends_at, held.place, held.turn))

    def _is_out(self, place: PlaceId, turn: int) -> bool:
        held = self._by_place.get(place)
        return held is not None and held.turn == turn

    def of_place(self, place: PlaceId) -> Active | None:
        """Return the pass of somebody."""
        return self._by_place.get(place)

    def of_session(self, session: bytes) -> Active | None:
        """Return the pass that lives on a backend's session."""
        return self._by_session.get(session)

    def find(self, shown: PassId, bind: bytes | None) -> Active | str:
        """Return the pass that is shown, or the reason why it is none. `bind` None: its bearer speaks for others, and is believed."""
        held = self._by_place.get(PlaceId(shown.lane, shown.seq))
        if shown.wave != self.wave:
            return "wave"
        if held is None:
            return "expired"
        if held.turn != shown.turn:
            return "used"
        if bind is not None and held.bind and held.bind != bind:
            return "other_browser"
        return held

    def live_on(self, held: Active, session: bytes) -> None:
        """Let a pass live on a session: calls that show that one alone pass, too. The last two are kept: a login changes it."""
        if self._by_session.get(session) is held:
            return
        kept = (*(each for each in held.sessions if each != session), session)
        for gone in kept[:-2]:
            if self._by_session.get(gone) is held:
                del self._by_session[gone]
        held.sessions = kept[-2:]
        self._by_session[session] = held

    def enter(self, now: float, held: Active) -> Refusal | None:
        """Let a call through, or say why not; what is let through leaves once."""
        if held.ends_at <= now:
            return Refusal("pass_expired", "idle" if held.total_at > now else "expired", "the pass has run out")
        if held.calls >= self.rule.calls:
            detail = f"{held.calls} calls are under way with this pass; it is good for {self.rule.calls} at once"
            return Refusal("rate_limited", "pass", detail, retry_after_s=_SOON_S)
        tat = max(held.tat, now) + self._step_s
        wait_s = tat - now - self._burst_s
        if wait_s > _GRAIN_S:
            detail = f"this pass is good for {self.rule.rate[0]} calls in {self.rule.rate[1]:g} s"
            return Refusal("rate_limited", "pass", detail, retry_after_s=max(_SOON_S, int(wait_s) + 1))
        held.tat = tat
        held.calls += 1
        held.idle_at = now + self.rule.idle_s
        return None

    def leave(self, now: float, held: Active) -> None:
        """Note the end of a call: the idle time begins anew."""
        held.calls = max(0, held.calls - 1)
        held.idle_at = now + self.rule.idle_s

    def end(self, held: Active) -> bool:
        """Take a pass in; False where it is not out any more."""
        if self._by_place.get(held.place) is not held:
            return False
        del self._by_place[held.place]
        for session in held.sessions:
            if self._by_session.get(session) is held:
                del self._by_session[session]
        return True

    def over(self, now: float, most: int = 200) -> list[tuple[Active, str]]:
        """Look at no more than so many, and take in those whose time is over; returns each with the reason, idle or total."""
        found: list[tuple[Active, str]] = []
        for _ in range(most):
            if not self._ends or self._ends[0][0] > now:
                break
            _, place, turn = self._ends[0]
            held = self._by_place.get(place)
            if held is None or held.turn != turn:
                heappop(self._ends)
            elif held.ends_at > now:
                # A call under way ends at any time, and the idle time begins then: no later than this it is looked at again.
                heapreplace(self._ends, (min(held.ends_at, now + self.rule.idle_s), place, turn))
            else:
                heappop(self._ends)
                self.end(held)
                found.append((held, "idle" if held.total_at > now else "total"))
        return found

    def recall(self) -> list[Active]:
        """Call back every pass of this wave; those that come from now on are of the next."""
        self.wave += 1
        gone = list(self._by_place.values())
        self._by_place.clear()
        self._by_session.clear()
        self._ends.clear()
        return gone
