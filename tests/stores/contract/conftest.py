"""The stores that the suite runs over. A new one is a line here."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

import pytest

from sidecar.stores.answers import MemoryAnswers
from sidecar.stores.deeds import MemoryDeeds
from sidecar.stores.notes import MemoryNotes
from sidecar.stores.sqlite import SqliteStore
from tests.stores.entries import StillClock
from tests.support.world import Recorder

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

STORES = ["memory", "sqlite"]


@pytest.fixture
def clock() -> StillClock:
    """The time of the test."""
    return StillClock()


@pytest.fixture
def log() -> Recorder:
    """What keyed calls had to say."""
    return Recorder()


@pytest.fixture(params=STORES)
def answers_of(
    request: pytest.FixtureRequest, tmp_path: Path, clock: StillClock
) -> Iterator[Callable[..., MemoryAnswers]]:
    """Make a store of so many bytes."""
    with contextlib.ExitStack() as stack:

        def make(size_bytes: int = 1_000_000) -> MemoryAnswers:
            if request.param == "memory":
                return MemoryAnswers(size_bytes)
            store = SqliteStore(tmp_path / "state.db", size_bytes, clock, Recorder())
            stack.callback(store.close)
            return store.answers

        yield make


@pytest.fixture(params=STORES)
def deeds_of(
    request: pytest.FixtureRequest, tmp_path: Path, clock: StillClock, log: Recorder
) -> Iterator[Callable[..., MemoryDeeds]]:
    """Make a store of so many deeds and so many bytes of outcomes."""
    with contextlib.ExitStack() as stack:

        def make(most: int = 1000, outcomes_bytes: int = 1_000_000) -> MemoryDeeds:
            if request.param == "memory":
                return MemoryDeeds(clock, most, outcomes_bytes, log)
            store = SqliteStore(tmp_path / "state.db", 0, clock, log, most_deeds=most, outcomes_bytes=outcomes_bytes)
            stack.callback(store.close)
            return store.deeds

        yield make


@pytest.fixture(params=STORES)
def notes(request: pytest.FixtureRequest, tmp_path: Path, clock: StillClock) -> Iterator[MemoryNotes]:
    """Notes, empty."""
    if request.param == "memory":
        yield MemoryNotes()
        return
    store = SqliteStore(tmp_path / "state.db", 0, clock, Recorder())
    yield store.notes
    store.close()
