"""Limits that are learnt: found again after a restart, of the same backend alone, and never lost to a bad note."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import orjson
import pytest

from sidecar.plan import AdaptivePlan
from sidecar.policy.adaptive import Adaptive
from sidecar.policy.limiter import Fixed
from sidecar.stores.limits import Limits
from sidecar.stores.notes import MemoryNotes
from tests.stores.entries import StillClock
from tests.support.world import tickets

if TYPE_CHECKING:
    from sidecar.plan import BackendPlan

LEARNS = tickets(limit=AdaptivePlan(1, 8, 64))


def remembered(limit: int = 31) -> tuple[StillClock, MemoryNotes]:
    """Return what a process leaves behind that had found `limit`."""
    clock, notes = StillClock(), MemoryNotes()
    limits = Limits(clock, notes)
    learnt = limits.of(LEARNS, None)
    assert isinstance(learnt, Adaptive)
    learnt.restore({"limit": limit, "baselines_s": {}}, 0.0)
    limits.remember()
    return clock, notes


def test_a_restart_begins_with_what_was_found() -> None:
    """Not with the start of the settings."""
    clock, notes = remembered()
    assert Limits(clock, notes).of(LEARNS, None).limit == 31
    assert Limits(clock).of(LEARNS, None).limit == 8


def test_a_clock_that_was_set_back_makes_no_future() -> None:
    """What seems to come from tomorrow counts as of now."""
    clock, notes = remembered()
    clock.ahead -= 86_400.0
    assert Limits(clock, notes).of(LEARNS, None).limit == 31


@pytest.mark.parametrize(
    "plan", [replace(LEARNS, endpoints=(("", "http://127.0.0.1:9/other.asmx"),)), replace(LEARNS, name="other")]
)
def test_another_backend_begins_anew(plan: BackendPlan) -> None:
    """Under another name, or at another address, nothing of it is known."""
    clock, notes = remembered()
    assert Limits(clock, notes).of(plan, None).limit == 8


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "{}", '{"of": 1, "at": "then", "state": 2}', '{"of": "x", "at": null, "state": {}}']
)
def test_a_bad_note_is_no_note(text: str) -> None:
    """Whatever stands there, the limit begins as the settings say."""
    notes = MemoryNotes()
    notes.keep("limit tickets", text)
    assert Limits(StillClock(), notes).of(LEARNS, None).limit == 8


def test_a_state_that_makes_no_sense_is_left_out() -> None:
    """A note of the right form may hold anything."""
    clock, notes = remembered()
    note = orjson.loads(notes.find("limit tickets") or "")
    notes.keep("limit tickets", orjson.dumps({**note, "state": {"limit": "many", "baselines_s": 7}}).decode())
    assert Limits(clock, notes).of(LEARNS, None).limit == 8


def test_a_number_by_hand_holds_and_what_is_learnt_goes_on() -> None:
    """When the override ends, the limit is what it was; a reload only clamps it."""
    limits = Limits(StillClock())
    learnt = limits.of(LEARNS, None)
    assert isinstance(limits.of(LEARNS, 3), Fixed)
    assert limits.of(LEARNS, None) is learnt
    narrow = replace(LEARNS, limit=AdaptivePlan(1, 4, 5))
    assert limits.of(narrow, None) is learnt
    assert learnt.limit == 5
    assert limits.find("tickets") is learnt
    assert repr(limits) == "<Limits tickets: 5>"


def test_a_written_number_learns_nothing() -> None:
    """And forgets what was learnt; so does a name that means another backend."""
    limits = Limits(StillClock())
    limits.of(LEARNS, None)
    assert limits.of(tickets(limit=7), None).limit == 7
    assert limits.of(tickets(limit=7), 9).limit == 9
    assert limits.find("tickets") is None
    limits.of(LEARNS, None)
    limits.forget("tickets")
    assert limits.find("tickets") is None
