"""The table of keyed calls against a plain dict that is searched from end to end."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from sidecar.ports import DeedState
from sidecar.stores.deeds import _BUCKET_S, _SWEEP, DeedTable, MemoryDeeds
from tests.stores.entries import StillClock, deed_of, key_of

if TYPE_CHECKING:
    from sidecar.ports import Deed

MOST, OUTCOMES_BYTES = 4, 100
NAMES = st.sampled_from("abcdef")
NUMBERS = st.integers(0, 2)


class TableMachine(RuleBasedStateMachine):
    """In whichever order things come: no live deed is lost, none that is over is told of, none is taken past the bounds."""

    def __init__(self) -> None:
        super().__init__()
        self.clock = StillClock()
        self.table = DeedTable(self.clock, MOST, OUTCOMES_BYTES)
        self.held: dict[bytes, tuple[Deed, float]] = {}
        self.said_s: dict[str, float] = {}

    def is_over(self, key: bytes) -> bool:
        deed, until = self.held[key]
        return deed.state is not DeedState.RUNNING and until <= self.clock.now()

    def live(self, key: bytes) -> Deed | None:
        return None if key not in self.held or self.is_over(key) else self.held[key][0]

    def is_its(self, deed: Deed) -> bool:
        return deed.key in self.held and self.held[deed.key][0].id == deed.id

    @property
    def spent_bytes(self) -> int:
        return sum(len(deed.outcome) for deed, _ in self.held.values())

    def put(self, deed: Deed) -> None:
        self.said_s[deed.id] = deed.until - self.clock.wall()
        self.held[deed.key] = (deed, self.clock.now() + self.said_s[deed.id])

    @rule(name=NAMES, number=NUMBERS, for_s=st.sampled_from([5, 70, 500]))
    def claim(self, name: str, number: int, for_s: float) -> None:
        deed = deed_of(name, number, until=self.clock.wall() + for_s)
        if (standing := self.live(deed.key)) is not None:
            assert self.table.under(deed.key) == standing
            return
        self.held.pop(deed.key, None)
        room = len(self.held) < MOST and self.spent_bytes < OUTCOMES_BYTES * 7 / 8
        assert self.table.add(deed) is room
        if room:
            self.put(deed)

    @rule(name=NAMES, number=NUMBERS, size_bytes=st.integers(0, 60), for_s=st.sampled_from([5, 70]))
    def settle(self, name: str, number: int, size_bytes: int, for_s: float) -> None:
        deed = deed_of(name, number, until=self.clock.wall() + for_s, outcome=b"x" * size_bytes, state=DeedState.DONE)
        standing = self.table.replace(deed)
        assert (standing is not None) is self.is_its(deed)
        if standing is not None:
            said, until = self.held[deed.key]
            if said.state is DeedState.RUNNING:
                until = max(until, self.clock.now() + min(60, self.said_s[deed.id]))
            left_bytes = OUTCOMES_BYTES - self.spent_bytes + len(said.outcome)
            deed = replace(deed, outcome=deed.outcome if size_bytes <= left_bytes else b"")
            assert standing == replace(deed, until=max(said.until, self.clock.wall() + until - self.clock.now()))
            self.held[deed.key] = (standing, until)

    @rule(name=NAMES, number=NUMBERS)
    def release(self, name: str, number: int) -> None:
        deed = deed_of(name, number)
        assert self.table.remove(deed) is self.is_its(deed)
        if self.is_its(deed):
            del self.held[deed.key]

    @rule(name=NAMES)
    def restore(self, name: str) -> None:
        deed = deed_of(name, 9, until=self.clock.wall() + 100, state=DeedState.LOST)
        self.table.restore(deed)
        if self.live(deed.key) is None:
            self.put(deed)

    @rule()
    def sweep(self) -> None:
        minute = self.clock.now() // _BUCKET_S
        over = {key for key, (_, until) in self.held.items() if self.is_over(key) and until // _BUCKET_S < minute}
        assert set(self.table.sweep()) == over
        for key in over:
            del self.held[key]

    @rule(seconds=st.sampled_from([1, 30, 65, 400]))
    def wait(self, seconds: float) -> None:
        self.clock.seconds += seconds

    @rule(ahead=st.sampled_from([-86_400, 3_600]))
    def set_the_clock(self, ahead: float) -> None:
        self.clock.ahead += ahead

    @invariant()
    def both_agree(self) -> None:
        assert len(self.table) == len(self.held)
        for name in "abcdef":
            assert self.table.under(key_of(name)) == self.live(key_of(name))
            for number in (0, 1, 2, 9):
                deed = self.live(key_of(name))
                assert self.table.named(f"{name}-{number}") == (
                    deed if deed and deed.id == f"{name}-{number}" else None
                )
        assert self.spent_bytes <= OUTCOMES_BYTES
        assert repr(self.table) == f"<DeedTable {len(self.held)} of {MOST}, {self.spent_bytes} bytes of outcomes>"


TestTable = TableMachine.TestCase


def test_a_sweep_takes_no_more_than_its_part() -> None:
    """However many are over: no single call pays for all of them."""
    clock = StillClock()
    table = DeedTable(clock)
    for number in range(2 * _SWEEP + 10):
        table.add(deed_of(str(number), until=clock.wall() + number, state=DeedState.DONE))
    clock.seconds += 1000
    assert [len(table.sweep()) for _ in range(4)] == [_SWEEP, _SWEEP, 10, 0]


def test_the_table_shows_counts() -> None:
    """No names, no keys."""
    assert repr(MemoryDeeds(StillClock(), most=5)) == "<MemoryDeeds <DeedTable 0 of 5, 0 bytes of outcomes>>"


def test_two_deeds_of_one_id_do_not_break_it() -> None:
    """A damaged file may say so."""
    table = DeedTable(StillClock())
    twins = [replace(deed_of(name), id="same") for name in "ab"]
    for twin in twins:
        table.restore(twin)
    assert [table.remove(twin) for twin in twins] == [True, True]
    assert len(table) == 0
