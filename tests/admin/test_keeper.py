"""Overrides in time: they end by a timer, a reload changes what they go back to, and what is applied is what is shown."""

from __future__ import annotations

import asyncio

import pytest

from sidecar.admin.audit import Audit
from sidecar.admin.keeper import Keeper, breaking, observing
from sidecar.control import Order, OrderError
from sidecar.policy.overrides import EVERY, Observed
from tests.support.world import LoopClock, Recorder

pytestmark = pytest.mark.virtual

LIMITS = {"tickets": 16, "seats": 4}


class Hall:
    """A keeper, and the limits that hold because of it."""

    def __init__(self) -> None:
        self.log = Recorder()
        self.audit = Audit(LoopClock(), self.log)
        self.observed = Observed()
        self.breakers: dict[str, str | None] = {}
        self.cut_off_s = 0.0
        self.keeper = Keeper(LoopClock(), self.audit, self.apply, observing(self.observe), breaking(self.cut_off))
        self.configured: dict[str, int | str] = dict(LIMITS)
        self.limits = dict(LIMITS)
        self.applied: list[tuple[str, int | None]] = []

    def cut_off(self, backend: str, state: str | None, for_s: float) -> None:
        self.breakers[backend] = state
        self.cut_off_s = for_s

    def apply(self, backend: str, value: int | None) -> None:
        self.applied.append((backend, value))
        if value is not None:
            self.limits[backend] = value
        elif backend in self.configured:
            self.limits[backend] = int(self.configured[backend]) if self.configured[backend] != "learnt" else 0

    def observe(self, backend: str, mechanism: str, on: bool) -> None:
        (self.observed.put if on else self.observed.clear)(backend, mechanism)

    def watch(self, backend: str, mechanism: str, verb: str = "set", for_s: float | None = 60) -> str:
        arguments = {"backend": backend, "mechanism": mechanism}
        order = Order("observe", verb, arguments, "alice", "are they right?", for_s if verb == "set" else None)
        return self.keeper.carry_out(order, self.configured).text

    def set(self, backend: str = "tickets", value: int = 8, for_s: float = 60) -> str:
        order = Order("limit", "set", {"backend": backend, "value": value}, "alice", "a slow disk", for_s)
        verdict = self.keeper.carry_out(order, self.configured)
        assert verdict.ok
        return verdict.text

    def clear(self, backend: str = "tickets") -> str:
        return self.keeper.carry_out(
            Order("limit", "clear", {"backend": backend}, "alice", "done"), self.configured
        ).text


async def test_an_override_holds_and_ends_by_itself() -> None:
    """At its end the settings hold again, and the audit says so in the sidecar's own name."""
    hall = Hall()
    assert hall.set(for_s=60) == "tickets: limit 8 (was 16) for 1m, then 16 again"
    assert hall.limits["tickets"] == 8
    await asyncio.sleep(59.9)
    assert hall.limits["tickets"] == 8
    await asyncio.sleep(0.2)
    assert hall.limits == LIMITS
    assert hall.keeper.view() == []
    [entry] = hall.audit.last(10)
    assert (entry["actor"], entry["noun"], entry["verb"], entry["reason"]) == (
        "sidecar",
        "limit",
        "clear",
        "its end has come",
    )
    assert entry["text"] == "tickets: limit 16 again (was 8)"


async def test_what_is_shown() -> None:
    """Who, why, since when, until when, how long still."""
    hall = Hall()
    hall.set(for_s=600)
    await asyncio.sleep(60)
    assert hall.keeper.view() == [
        {
            "id": "o1",
            "noun": "limit",
            "backend": "tickets",
            "value": 8,
            "was": 16,
            "actor": "alice",
            "reason": "a slow disk",
            "since": "2026-12-01T08:59:00.000Z",  # the wall clock of these tests stands still
            "until": "2026-12-01T09:09:00.000Z",
            "left_s": 540,
        }
    ]
    assert repr(hall.keeper) == "<Keeper <Overrides limit tickets=8>>"
    hall.keeper.close()


async def test_a_second_order_takes_over_and_the_first_end_means_nothing() -> None:
    """The later end counts, and it goes back to what was before both."""
    hall = Hall()
    hall.set(value=8, for_s=10)
    assert hall.set(value=4, for_s=100) == "tickets: limit 4 (was 16) for 1m 40s, then 16 again"
    await asyncio.sleep(50)
    assert hall.limits["tickets"] == 4
    await asyncio.sleep(51)
    assert hall.limits["tickets"] == 16
    assert hall.applied == [("tickets", 8), ("tickets", 4), ("tickets", None)]


async def test_overrides_of_two_backends_end_one_after_the_other() -> None:
    """One timer serves all, in whatever order they were given."""
    hall = Hall()
    hall.set("tickets", 8, for_s=100)
    hall.set("seats", 2, for_s=10)
    await asyncio.sleep(11)
    assert hall.limits == {"tickets": 8, "seats": 4}
    await asyncio.sleep(100)
    assert hall.limits == LIMITS


async def test_a_limit_that_is_learnt_is_learnt_again() -> None:
    """It goes back to no number: which one, the backend will show."""
    hall = Hall()
    hall.configured["tickets"] = "learnt"
    assert hall.set(value=5, for_s=600) == "tickets: limit 5 (was learnt) for 10m, then learnt again"
    assert hall.keeper.view()[0]["was"] == "learnt"
    assert hall.clear() == "tickets: limit learnt again (was 5)"
    assert hall.applied == [("tickets", 5), ("tickets", None)]


async def test_clearing_ends_it_at_once() -> None:
    """And there is nothing left for the timer to do."""
    hall = Hall()
    hall.set()
    assert hall.clear() == "tickets: limit 16 again (was 8)"
    assert hall.limits == LIMITS
    with pytest.raises(OrderError, match="nothing to clear"):
        hall.clear()
    await asyncio.sleep(100)
    assert hall.applied == [("tickets", 8), ("tickets", None)]


async def test_a_reload_changes_what_was_and_not_the_override() -> None:
    """It holds on, and at its end the new settings do."""
    hall = Hall()
    hall.set(for_s=60)
    hall.configured = {"tickets": 32, "seats": 4}
    hall.keeper.reloaded(hall.configured)
    assert hall.keeper.view()[0]["was"] == 32
    assert hall.applied == [("tickets", 8)], "it holds already"
    await asyncio.sleep(61)
    assert hall.limits["tickets"] == 32


async def test_an_override_of_a_backend_that_is_gone_goes_with_it() -> None:
    """It is taken back at once, so that it does not wait for a backend of that name, and once; the audit tells."""
    hall = Hall()
    hall.set(for_s=60)
    del hall.configured["tickets"]
    hall.keeper.reloaded(hall.configured)
    await asyncio.sleep(100)
    assert hall.applied == [("tickets", 8), ("tickets", None)]
    assert hall.audit.last(1)[0]["reason"] == "its backend is gone from the settings"
    with pytest.raises(OrderError, match="no backend 'tickets' any more"):
        hall.set()


async def test_there_are_only_so_many() -> None:
    """A script that has gone wrong is told; nothing is applied."""
    hall = Hall()
    hall.configured = dict.fromkeys([f"b{number}" for number in range(65)], 16)
    for number in range(64):
        hall.set(f"b{number}")
    with pytest.raises(OrderError, match="64 overrides hold already"):
        hall.set("b64")
    assert len(hall.applied) == 64
    hall.keeper.close()


async def test_an_order_without_an_end_is_none() -> None:
    """Whoever forgets it upstream is stopped here."""
    hall = Hall()
    order = Order("limit", "set", {"backend": "tickets", "value": 8}, "alice", "a slow disk", None)
    with pytest.raises(OrderError, match="must end"):
        hall.keeper.carry_out(order, LIMITS)
    assert hall.applied == []


async def test_a_closed_keeper_leaves_no_timer() -> None:
    """The process ends; nothing is applied afterwards."""
    hall = Hall()
    hall.set(for_s=10)
    hall.keeper.close()
    hall.keeper.close()
    await asyncio.sleep(20)
    assert hall.applied == [("tickets", 8)]


async def test_a_mechanism_observes_and_refuses_again_by_itself() -> None:
    """For its time; then protection is back, and the audit says so."""
    hall = Hall()
    said = hall.watch("tickets", "queue")
    assert said == "tickets: observe queue (was enforce) for 1m, then enforce again"
    assert hall.observed.ask("tickets", "queue")
    assert not hall.observed.ask("tickets", "rate")
    await asyncio.sleep(59.9)
    assert hall.observed.ask("tickets", "queue")
    await asyncio.sleep(0.2)
    assert not hall.observed.ask("tickets", "queue")
    [entry] = hall.audit.last(10)
    assert (entry["noun"], entry["verb"], entry["text"]) == (
        "observe",
        "clear",
        "tickets: observe enforce again (was queue)",
    )
    assert entry["arguments"] == {"backend": "tickets", "mechanism": "queue"}


async def test_all_of_everything_observes() -> None:
    """Every backend, and every mechanism; one that is named besides ends for itself."""
    hall = Hall()
    assert hall.watch(EVERY, "all", for_s=10).startswith("every backend: observe all (was enforce)")
    hall.watch("tickets", "rate", for_s=30)
    assert hall.observed.ask("seats", "limit")
    assert [(each["backend"], each["value"]) for each in hall.keeper.view()] == [("*", "all"), ("tickets", "rate")]
    await asyncio.sleep(11)
    assert not hall.observed.ask("seats", "limit")
    assert hall.observed.ask("tickets", "rate")
    hall.keeper.close()


async def test_clearing_without_a_word_ends_all_that_is_observed() -> None:
    """And no limit; each that has ended is told."""
    hall = Hall()
    hall.set()
    hall.watch("tickets", "queue", for_s=20)
    hall.watch("seats", "rate", for_s=10)
    assert hall.watch(EVERY, "all", "clear") == (
        "seats: observe enforce again (was rate); tickets: observe enforce again (was queue)"
    )
    assert not hall.observed.ask("tickets", "queue")
    assert [each["noun"] for each in hall.keeper.view()] == ["limit"]
    with pytest.raises(OrderError, match="no override `observe` of every backend holds"):
        hall.watch(EVERY, "all", "clear")
    hall.keeper.close()


async def test_what_observes_a_backend_goes_with_it() -> None:
    """And what observes every backend stands, whatever a reload says."""
    hall = Hall()
    hall.watch("tickets", "queue")
    hall.watch(EVERY, "rate")
    del hall.configured["tickets"]
    hall.keeper.reloaded(hall.configured)
    assert not hall.observed.ask("tickets", "queue")
    assert hall.observed.ask("seats", "rate")
    assert [each["was"] for each in hall.keeper.view()] == ["enforce"]
    hall.keeper.close()


async def test_a_backend_is_cut_off_by_hand_and_the_breaker_decides_again_by_itself() -> None:
    """What holds is shown, and ends."""
    hall = Hall()
    order = Order("breaker", "set", {"backend": "tickets", "state": "cut_off"}, "alice", "its database is restored", 60)
    text = hall.keeper.carry_out(order, hall.configured).text
    assert text == "tickets: breaker cut_off (was automatic) for 1m, then automatic again"
    assert hall.breakers == {"tickets": "cut_off"}
    assert hall.cut_off_s == 60, "so that whoever is refused is told when to come back"
    assert hall.keeper.view()[0]["noun"] == "breaker"
    await asyncio.sleep(60.1)
    assert hall.breakers == {"tickets": None}
