"""Pressure and identities in memory: kept by backend, read by the clock."""

from __future__ import annotations

import asyncio

import pytest

from sidecar.model import Executed, Grade, Level
from sidecar.policy.identities import AGE_S
from sidecar.stores.memory import MemoryIdentities, MemoryPressure
from tests.support.world import LoopClock, tickets

pytestmark = pytest.mark.virtual


async def test_pressure_is_kept_by_backend_and_read_by_the_clock() -> None:
    """One backend's trouble is no other's, and time passes by itself."""
    pressure = MemoryPressure(LoopClock())
    pressure.tell("tickets", Grade("outcome_unknown", Executed.UNKNOWN, healthy=False), waiting=0)
    assert pressure.level("tickets") is Level.STRAINED
    assert pressure.level("other") is Level.OK
    await asyncio.sleep(5)
    assert pressure.level("tickets") is Level.OK


async def test_pressure_of_a_name_that_means_another_backend_begins_anew() -> None:
    """What the old one did says nothing about it."""
    pressure = MemoryPressure(LoopClock())
    for _ in range(3):
        pressure.tell("tickets", Grade("backend_unreachable", Executed.NO, healthy=False), waiting=0)
    assert pressure.level("tickets") is Level.DOWN
    pressure.forget("tickets")
    assert pressure.level("tickets") is Level.OK


async def test_identities_are_kept_by_backend_and_age_by_the_clock() -> None:
    """Known to one backend is not known to another."""
    identities = MemoryIdentities(LoopClock(), b"key")
    identities.bound([tickets(), tickets(name="members")])
    identities.tell("tickets", "192.0.2.7", b"ada", well=True, roomy=False)
    assert identities.ask("tickets", "192.0.2.7", b"ada").startswith("identity:")
    assert identities.ask("members", "192.0.2.7", b"ada") == "192.0.2.7"
    await asyncio.sleep(AGE_S)
    assert identities.ask("tickets", "192.0.2.7", b"ada") == "192.0.2.7"


async def test_a_new_plan_keeps_what_was_learnt_unless_people_show_something_else() -> None:
    """A backend that is gone takes its table with it."""
    identities = MemoryIdentities(LoopClock(), b"key")
    identities.bound([tickets(), tickets(name="members")])
    for backend in ("tickets", "members"):
        identities.tell(backend, "192.0.2.7", b"ada", well=True, roomy=False)
    identities.bound([tickets(limit=7), tickets(name="members", identity_params=("SessionKey",))])
    assert identities.ask("tickets", "192.0.2.7", b"ada") != "192.0.2.7"
    assert identities.ask("members", "192.0.2.7", b"ada") == "192.0.2.7"
    identities.bound([tickets()])
    assert repr(identities) == "<MemoryIdentities tickets: <Identities 1 of 20000, shown by 1 addresses>>"
    identities.tell("members", "192.0.2.7", b"ada", well=True, roomy=False)
    assert identities.ask("members", "192.0.2.7", b"ada") == "192.0.2.7", "its last calls end in peace"
    for _ in range(2):
        identities.forget("tickets")
    identities.bound([tickets()])
    assert identities.ask("tickets", "192.0.2.7", b"ada") == "192.0.2.7"
