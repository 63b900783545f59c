"""Pauses and messages as they hold: put up and taken down by order, ended and called to mind by a timer, written down before they count.

Stands beside the pipelines, which come and go; the policy decides, this file looks at the clocks. What an operator has paused is paused
after a reload, a restart and a kill -9; where nothing can be written down, whoever ordered it is told so.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from sidecar.instant import rfc3339
from sidecar.policy.pauses import Kind, Pauses
from sidecar.stores import signs
from sidecar.stores.orders import UnwritableError
from sidecar.tasks import spawn

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from sidecar.model import Notice, Refusal
    from sidecar.policy.pauses import Sign, Target
    from sidecar.ports import Clock, Log
    from sidecar.stores.orders import OrdersFile

SECTION: Final = "pauses"
_BEAT_S: Final = 1.0  # an end that is a time of day moves with the clock: a step of it is seen as soon


class HeldPauses:
    """`ports.Pauses`. `resumed` hears of every target whose pause is over, `told` of every sign that has ended by itself, `changed`
    whenever something may be up, or down, that was not.
    """

    def __init__(
        self,
        clock: Clock,
        log: Log,
        chance: Callable[[], float],
        file: OrdersFile,
        resumed: Callable[[Target], None],
    ) -> None:
        self._clock, self._log, self._chance, self._file, self._resumed = clock, log, chance, file, resumed
        self._policy = Pauses()
        self._ordering = asyncio.Lock()
        self._timer: asyncio.TimerHandle | None = None
        self.active = False
        self.told: Callable[[Sign], None] | None = None
        self.changed: Callable[[], None] = _nobody

    def __repr__(self) -> str:
        return f"<HeldPauses {self._policy!r}>"

    # --- what the road asks

    def ask(self, backend: str, *, under_way: bool) -> Refusal | None:
        """See `ports.Pauses.ask`."""
        clock = self._clock
        return self._policy.ask(clock.now(), clock.wall(), backend, self._chance, under_way=under_way)

    def notices(self, backend: str | None, room: str | None = None) -> Notice | None:
        """See `ports.Pauses.notices`."""
        if not self.active:
            return None
        return self._policy.notices(self._clock.now(), self._clock.wall(), backend, room)

    def room(self, name: str) -> Sign | None:
        """Return what pauses a room: its own pause, else that of everything; None where nothing does."""
        return self._policy.room(self._clock.now(), self._clock.wall(), name) if self.active else None

    def refusal(self, sign: Sign) -> Refusal:
        """Return what somebody is told whom a pause holds up."""
        return self._policy.refusal(self._clock.now(), self._clock.wall(), sign, self._chance())

    # --- what operators order

    async def put(self, sign: Sign) -> str | None:
        """Put a sign up, in place of the one of its kind that is there; None where there are too many already.

        Returns "" where it outlives the process, else why it does not. Raises UnwritableError; then nothing has changed.
        """
        async with self._ordering:
            if not self._policy.has_room(sign.kind, sign.target):
                return None
            others = [each for each in self.view() if (each.kind, each.target) != (sign.kind, sign.target)]
            kept = await self._write([*others, sign])
            self._policy.put(sign)
            self._changed()
        return kept

    async def clear(self, kind: Kind, target: Target) -> tuple[Sign, str] | None:
        """Take a sign down; None where there is none. Returns it, with what `put` returns, and raises as that does."""
        async with self._ordering:
            found = self._policy.find(kind, target)
            if found is None:
                return None
            kept = await self._write([each for each in self.view() if each is not found])
            self._policy.clear(kind, target)
            self._changed()
            self._over(found)
        return found, kept

    def view(self) -> list[Sign]:
        """Return what is up: pauses first, the oldest of each first."""
        return self._policy.view()

    # --- what outlives the process

    def restore(self) -> None:
        """Put up what was up when the process ended, but for what has ended since. Garbage is put aside."""
        now, wall, said = self._clock.now(), self._clock.wall(), self._file.section(SECTION)
        if said is None:
            return
        try:
            if not isinstance(said, list):
                raise ValueError(f"{type(said).__name__} in place of a list")  # noqa: TRY004, TRY301 - garbage, as all that follows
            found = [signs.read(each, now, wall) for each in said]
            for sign in found:
                self._policy.put(sign)
        except ValueError as error:
            self._policy = Pauses()
            self._file.put_aside(f"{SECTION}: {error}")
            return
        for sign in self._policy.view():
            if sign.holds(now, wall):
                self._log.event("pause_restored", **self._facts(sign))
        self._beat()

    async def _write(self, held: Iterable[Sign]) -> str:
        now, wall = self._clock.now(), self._clock.wall()
        return await self._file.write(SECTION, [signs.written(each, now, wall) for each in held] or None)

    async def _write_what_is_left(self) -> None:
        """Write down that something is over. Where that fails, its end stands in the file, and nobody takes it up again."""
        async with self._ordering:
            try:
                await self._write(self.view())
            except UnwritableError as error:
                self._log.event("orders_not_written", why=str(error))

    # --- what time does

    def close(self) -> None:
        """Stop the timer."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _changed(self) -> None:
        self.active = self._policy.active
        self.changed()
        self.close()
        if self.active:
            now, wall = self._clock.now(), self._clock.wall()
            next_s = min(each.left_s(now, wall) for each in self.view())
            self._timer = asyncio.get_running_loop().call_later(max(0.0, min(next_s, _BEAT_S)), self._beat)

    def _beat(self) -> None:
        now, wall = self._clock.now(), self._clock.wall()
        over = self._policy.expired(now, wall)
        for sign in over:
            self._over(sign)
            if self.told is not None:
                self.told(sign)
        if over:
            spawn(self._write_what_is_left(), "orders")
        for sign in self._policy.due(now):
            self._log.event("pause_holds", **self._facts(sign))
        self._changed()

    def _over(self, sign: Sign) -> None:
        if sign.kind is Kind.PAUSE:
            self._resumed(sign.target)

    def _facts(self, sign: Sign) -> dict[str, str]:
        verb = "resume" if sign.kind is Kind.PAUSE else "message clear"
        return {
            "what": sign.kind.value,
            "target": str(sign.target),
            "id": sign.id,
            "since": rfc3339(self._clock.wall() - (self._clock.now() - sign.since)),
            "by": sign.actor,
            "reason": sign.reason,
            "remedy": f"sidecar {verb} {sign.target} --reason TEXT ends it",
        }


def _nobody() -> None:
    """Hear nothing."""
