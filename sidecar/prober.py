"""Makes the probes of `probe:`: each backend's by its own schedule, one at a time, beside the callers' slots.

Stands beside the road, which makes the call itself. The policies say when one is due and what it means.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from sidecar.model import Result
from sidecar.policy.breaking import BAD, State
from sidecar.policy.probing import Schedule
from sidecar.tasks import spawn

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from sidecar.ports import Breakers, Clock, Log

# A probe ends by the bounds of its attempt; but those may be a report's. What says nothing for a minute is as good as dead.
_LONGEST_S: Final = 60.0
_WITHIN_S: Final = 120.0  # one that is lost stops nothing for longer


class Prober:
    """The probes of all backends that have one."""

    def __init__(self, clock: Clock, log: Log, breakers: Breakers, chance: Callable[[], float]) -> None:
        self._clock, self._log, self._breakers, self._chance = clock, log, breakers, chance
        self._probes: dict[str, Callable[[], Awaitable[Result]]] = {}
        self._schedules: dict[str, Schedule] = {}
        self._timers: dict[str, asyncio.TimerHandle] = {}

    def __repr__(self) -> str:
        return f"<Prober {' '.join(f'{name}: {schedule!r}' for name, schedule in self._schedules.items())}>"

    def bound(self, probes: Mapping[str, tuple[float, Callable[[], Awaitable[Result]]]]) -> None:
        """Take the probes of a plan: by backend the time between two, and what makes one."""
        now = self._clock.now()
        for name in self._schedules.keys() - probes.keys():
            self._schedules.pop(name)
            self._timers.pop(name).cancel()
        self._probes = {name: probe for name, (_, probe) in probes.items()}
        for name, (every_s, _) in probes.items():
            schedule = self._schedules.get(name)
            if schedule is None:
                self._schedules[name] = Schedule(now, every_s, self._chance)
            else:
                schedule.bound(now, every_s)
            self._set(name)

    def close(self) -> None:
        """Make no more of them."""
        for timer in self._timers.values():
            timer.cancel()
        self._timers.clear()
        self._schedules.clear()

    def _set(self, name: str) -> None:
        if (timer := self._timers.pop(name, None)) is not None:
            timer.cancel()
        within_s = self._schedules[name].wait_s(self._clock.now())
        self._timers[name] = asyncio.get_running_loop().call_later(within_s, self._ring, name)

    def _ring(self, name: str) -> None:
        if self._schedules[name].ask(self._clock.now(), _WITHIN_S):
            spawn(self._probe(name, self._probes[name]), f"probe {name}")
        self._set(name)

    async def _probe(self, name: str, probe: Callable[[], Awaitable[Result]]) -> None:
        permit = self._breakers.probe(name)
        result, bound = Result.IGNORED, asyncio.timeout(_LONGEST_S)
        try:
            async with bound:
                result = await probe()
        except Exception as bug:  # noqa: BLE001 - a probe that fails of ours must not end probing
            if bound.expired():
                result = Result.TIMEOUT
            else:
                self._log.event("bug", where="probe", backend=name, error=bug)
        finally:
            state = State(self._breakers.probed(name, permit, result))
            schedule = self._schedules.get(name)
            if schedule is not None:
                schedule.tell(self._clock.now(), state, bad=result in BAD)
                self._set(name)
