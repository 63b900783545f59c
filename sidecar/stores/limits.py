"""The limits that are learnt, by backend: made, bounded anew, written down and found again after a restart.

Stands under the slots store, which asks for the limiter of each plan. What is learnt stays while an operator's number holds in its place,
and goes on from there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import orjson

from sidecar.policy.adaptive import Adaptive
from sidecar.policy.limiter import Fixed
from sidecar.stores.notes import MemoryNotes

if TYPE_CHECKING:
    from sidecar.plan import BackendPlan
    from sidecar.policy.limiter import Limiter
    from sidecar.ports import Clock, Notes

_NOTE: Final = "limit "


class Limits:
    """`notes` outlive the process, or do not."""

    def __init__(self, clock: Clock, notes: Notes | None = None) -> None:
        self._clock, self._notes = clock, notes or MemoryNotes()
        self._learnt: dict[str, Adaptive] = {}
        self._whom: dict[str, str] = {}  # by name: which backend it is learnt about

    def __repr__(self) -> str:
        return f"<Limits {' '.join(f'{name}: {learnt.limit}' for name, learnt in self._learnt.items())}>"

    def of(self, plan: BackendPlan, by_hand: int | None) -> Limiter:
        """Return what says how many calls a backend gets; `by_hand`: a number in place of the plan's."""
        if isinstance(plan.limit, int):
            self.forget(plan.name)
            return Fixed(plan.limit if by_hand is None else by_hand)
        learnt = self._learnt.get(plan.name)
        if learnt is None:
            learnt = self._learnt[plan.name] = Adaptive(plan.limit.minimum, plan.limit.start, plan.limit.maximum)
            self._whom[plan.name] = f"{plan.protocol} {plan.endpoints}"
            self._recall(plan.name, learnt)
        else:
            learnt.bound(plan.limit.minimum, plan.limit.maximum)
        return learnt if by_hand is None else Fixed(by_hand)

    def find(self, backend: str) -> Adaptive | None:
        """Return what is learnt about a backend; None where a number is written."""
        return self._learnt.get(backend)

    def forget(self, backend: str) -> None:
        """Begin anew under a name that means another backend now."""
        self._learnt.pop(backend, None)
        self._whom.pop(backend, None)

    def remember(self) -> None:
        """Hand what has been learnt to the notes."""
        for name, learnt in self._learnt.items():
            note = {"of": self._whom[name], "at": self._clock.wall(), "state": learnt.state()}
            self._notes.keep(_NOTE + name, orjson.dumps(note).decode())

    def _recall(self, name: str, learnt: Adaptive) -> None:
        """Let a limit begin with what an earlier process has found out about the same backend."""
        try:
            note = orjson.loads(self._notes.find(_NOTE + name) or "")
            whom, at, state = note["of"], float(note["at"]), note["state"]
        except (ValueError, TypeError, KeyError):
            return
        if whom == self._whom[name]:
            # A clock that was set back makes it no younger than it can be.
            learnt.restore(state, max(0.0, self._clock.wall() - at))
