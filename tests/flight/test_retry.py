"""The guarded retry: once, for what is safe, and only where the connection was to blame."""

from __future__ import annotations

from dataclasses import replace

import pytest

from sidecar.flight import retry
from sidecar.model import Answer, Executed, Flight, Grade, Outcome, Progress, Refusal, Waiter
from tests.support.world import Scene

pytestmark = pytest.mark.virtual

FINE = Answer(200, "OK", (), (), 0, Grade("ok", Executed.YES))
LOST = Refusal("outcome_unknown", "closed", executed=Executed.NO)


class Attempts:
    """What comes of one attempt after the other, and how each was asked for."""

    def __init__(self, *outcomes: tuple[Outcome, bool]) -> None:
        self.outcomes, self.asked = list(outcomes), list[tuple[bool, Progress]]()

    async def __call__(self, flight: Flight) -> Outcome:
        self.asked.append((flight.fresh, flight.track.progress))
        outcome, flight.stale = self.outcomes.pop(0)
        flight.track.progress = Progress.BODY
        return outcome


async def run(attempts: Attempts, *, waited_for: bool = True) -> tuple[Outcome, Scene]:
    scene = Scene()
    flight = scene.flight("GetSeats")
    flight.track.progress = Progress.CONNECTING
    if waited_for:
        flight.waiters[Waiter("ada", "browse", 99.0)] = _Pledge()
    return await retry.build(scene.scope("GetSeats"), scene.world, attempts)(flight), scene


class _Pledge:
    def done(self) -> bool:
        return False

    def set_result(self, result: Outcome | None, /) -> None:
        raise AssertionError("the stage tells nobody")


async def test_a_stale_connection_is_tried_again_on_a_new_one() -> None:
    """Once, and it is logged."""
    attempts = Attempts((LOST, True), (FINE, False))
    outcome, scene = await run(attempts)
    assert outcome is FINE
    assert attempts.asked == [(False, Progress.CONNECTING), (True, Progress.CONNECTING)]
    assert [name for name, _ in scene.log.events] == ["retry"]


async def test_it_is_not_tried_a_third_time() -> None:
    """Whatever the second attempt met."""
    outcome, _ = await run(Attempts((LOST, True), (LOST, True)))
    assert outcome is LOST


@pytest.mark.parametrize(
    "first",
    [(FINE, False), (LOST, False), (replace(LOST, state="overloaded"), False)],
    ids=["ok", "lost", "overloaded"],
)
async def test_nothing_else_is_tried_again(first: tuple[Outcome, bool]) -> None:
    """An answer is an answer, and a lost reply on a new connection may mean that the backend works."""
    attempts = Attempts(first)
    outcome, scene = await run(attempts)
    assert outcome is first[0]
    assert len(attempts.asked) == 1
    assert scene.log.events == []


async def test_a_call_that_nobody_waits_for_is_not_made_twice() -> None:
    """Its caller hung up after the body was sent."""
    attempts = Attempts((LOST, True))
    outcome, _ = await run(attempts, waited_for=False)
    assert outcome is LOST


async def test_it_is_built_for_what_is_safe_alone() -> None:
    """A purchase is never sent twice."""
    scene = Scene()
    assert retry.applies(scene.scope("GetSeats"))
    assert not retry.applies(scene.scope("Reserve"))
    assert "once" in retry.describe(scene.scope("GetSeats"))
