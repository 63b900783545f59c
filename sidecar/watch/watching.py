"""Everybody who looks on, behind one door: what happens goes to the log, to the metrics and to the window of the last minutes.

Implements `ports.Watch` and `ports.Log`. It outlives every configuration and changes nothing on the road. Whatever leaves by it says who
asked by a pseudonym only: stages name a client as they know him, and his name ends here.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final, Protocol, TypeAlias, TypeVar

from sidecar.watch import line, names
from sidecar.watch.lag import LoopLag
from sidecar.watch.mechanisms import mechanism_of
from sidecar.watch.metrics import CONTENT_TYPE, Exposition
from sidecar.watch.pseudonyms import Pseudonyms
from sidecar.watch.tally import Tally
from sidecar.watch.window import Window

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from sidecar.model import Exchange, Executed, Grade, Refusal, Reply
    from sidecar.ports import Clock
    from sidecar.watch.metrics import Now

T = TypeVar("T")

_Attempted: TypeAlias = "tuple[float, str, str, str | None, float]"

# Counting as many, and writing their lines, takes a third of a millisecond; whoever reads counts first.
_UNCOUNTED: Final = 128


class Sink(Protocol):
    """Where lines go: `ports.Log`, and lines that are written already."""

    def event(self, name: str, **facts: object) -> None:
        """Write one line."""
        ...

    def write(self, lines: bytes, count: int = 1) -> None:
        """Take whole lines, and how many they are."""
        ...

    def later(self, settle: Callable[[], None]) -> None:
        """Call `settle` before lines are written out, soon: somebody has put lines aside."""
        ...


class Watching:
    """One process's. `key` makes the pseudonyms of two processes agree; without one they are this process's own."""

    __slots__ = ("_asked", "_clock", "_pseudonyms", "_sink", "_tally", "_uncounted", "_window", "lag")

    def __init__(self, clock: Clock, sink: Sink, key: bytes | None = None) -> None:
        self._clock, self._sink = clock, sink
        self._pseudonyms = Pseudonyms(key)
        self._tally = Tally()
        self._window = Window(clock.now())
        self._uncounted: list[line.Facts | _Attempted] = []
        self._asked = False  # whether the sink will let lines be written by itself
        self.lag = LoopLag()

    @property
    def tally(self) -> Tally:
        """The numbers since the start, all that was told in them."""
        self._count()
        return self._tally

    @property
    def window(self) -> Window:
        """The last minutes, all that was told in them."""
        self._count()
        return self._window

    def passed(
        self,
        exchange: Exchange,
        reply: Reply,
        state: str,
        reason: str | None,
        effect: Executed,
        refusal: Refusal | None,
    ) -> None:
        """See `ports.Watch.passed`."""
        trace = line.traceparent_of(exchange) if "traceparent" in exchange.head.headers else None
        self.note(exchange, reply, state, reason, effect, refusal, trace)

    def note(
        self,
        exchange: Exchange,
        reply: Reply,
        state: str,
        reason: str | None,
        effect: Executed,
        refusal: Refusal | None,
        traceparent: str | None,
    ) -> None:
        """As `passed`, told which trace it belongs to."""
        clock = self._clock
        self._uncounted.append(
            line.facts_of(clock.now(), clock.wall(), exchange, reply, state, reason, effect, refusal, traceparent)
        )
        if len(self._uncounted) >= _UNCOUNTED:
            self._count()
        elif not self._asked:
            self._asked = True
            self._sink.later(self._count)

    def attempted(self, backend: str, grade: Grade, seconds: float) -> None:
        """See `ports.Watch.attempted`."""
        # Not the grade itself: it has the backend's words, and they may quote anything.
        self._uncounted.append((self._clock.now(), backend, grade.state, grade.reason, seconds))
        if len(self._uncounted) >= _UNCOUNTED:  # callers may hang up, so that none of theirs passes
            self._count()

    def _count(self) -> None:
        """Count what was put aside, and write its lines. Many at a time: one by one each would find the processor's caches full of
        something else, which costs three times as much as the work.
        """
        self._asked = False
        tally, window, pseudonym = self._tally, self._window, self._pseudonyms.of
        kinds: dict[line.Kind, list[line.Facts]] = {}
        lines = []
        for told in self._uncounted:
            if told[0] >= window.next_s and kinds:  # these belong to the time that is over
                self._count_kinds(kinds)
                kinds = {}
            if len(told) == 5:
                now, backend, state, reason, seconds = told
                tally.attempted(backend, state, seconds)
                window.attempted(now, backend, state, reason, seconds)
            else:
                alike = kinds.get(told[1])
                if alike is None:
                    alike = kinds[told[1]] = []
                alike.append(told)
                lines.append(line.written(told, pseudonym(told[2])))
        self._count_kinds(kinds)
        self._uncounted.clear()
        if lines:
            self._sink.write("".join(lines).encode(), len(lines))

    def _count_kinds(self, kinds: dict[line.Kind, list[line.Facts]]) -> None:
        """Count requests, all of a kind at once."""
        for (backend, _, dialect, _, state, reason, _, _, waited, refused), alike in kinds.items():
            mechanism = "" if refused is None else mechanism_of(state, reason)
            total_s = [facts[7] for facts in alike]
            queue_s = [facts[5] for facts in alike] if waited else ()
            self._tally.passed(backend, dialect, state, mechanism, total_s, queue_s)
            self._window.passed(alike[-1][0], backend, state, mechanism, len(alike))

    def over_requests(self, inner: T) -> T:
        """Nobody traces."""
        return inner

    def over_attempts(self, inner: T) -> T:
        """Nobody traces."""
        return inner

    def event(self, name: str, **facts: object) -> None:
        """See `ports.Log.event`: counted, the client's name taken off, a caller's words cleaned."""
        self._count()  # lines stand in the order of what they tell
        self._tally.event(name, facts)
        client, operation = facts.get("client"), facts.get("operation")
        if isinstance(client, str):
            facts["client"] = self._pseudonyms.of(client)
        if isinstance(operation, str):
            facts["operation"] = names.operation(operation)
        self._sink.event(name, **facts)

    def pseudonym(self, client: str) -> str:
        """Return what a client is called wherever people read."""
        return self._pseudonyms.of(client)

    def glance(self, backends: Iterable[str]) -> dict[str, Any]:
        """Return what the status shows of the last minutes: `refusals`, `states`, and `backends` by name with their pace."""
        now, wall_s, window = self._clock.now(), self._clock.wall(), self.window
        paces = {name: window.pace(now, name) for name in backends}
        return {
            "refusals": window.refusals(now, wall_s),
            "states": window.states(now),
            "backends": {
                name: {
                    "calls_per_s": pace.calls_per_s,
                    "backend_ms_p50": pace.p50_ms,
                    "backend_ms_p95": pace.p95_ms,
                    "last_failure": window.last_failure(name, now, wall_s),
                }
                for name, pace in paces.items()
            },
        }

    def exposition(self, now: Callable[[], Now]) -> tuple[str, bytes]:
        """Return the metrics as they are served: content type and text. `now` gives what is looked at, not counted."""
        return CONTENT_TYPE, b"".join(Exposition(self.tally, now).pieces())

    async def expose(self, now: Callable[[], Now]) -> tuple[str, bytes]:
        """As `exposition`, with a turn of the loop after each metric: dozens of backends would hold it for too long."""
        pieces = []
        for piece in Exposition(self.tally, now).pieces():
            pieces.append(piece)
            await asyncio.sleep(0)
        return CONTENT_TYPE, b"".join(pieces)
