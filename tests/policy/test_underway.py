"""Purchases under way: who is, until when, how many of his calls at once, and never more than there is room for."""

from __future__ import annotations

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from sidecar.policy.underway import CALLS, KEYS, MOST, PAGES, Purchase, Underway

ADA, BOB, PASS, LATER = (bytes([number]) * 16 for number in range(1, 5))


def test_from_its_beginning_to_the_end_of_its_window() -> None:
    """Not a moment longer, and only for whoever shows what was shown."""
    table = Underway()
    assert table.find(0.0, (ADA,)) is None
    table.begin(0.0, (ADA,), 1200.0)
    assert table.find(1199.9, (BOB, ADA)) is not None
    assert table.find(1199.9, (BOB,)) is None
    assert table.find(1200.0, (ADA,)) is None


def test_nothing_moves_its_end_and_whoever_begins_again_afterwards_has_a_new_one() -> None:
    """Seats added in the last minute are under way for that minute; a customer who comes again tomorrow is not punished for today."""
    table = Underway()
    first = table.begin(0.0, (ADA,), 1200.0)
    assert table.begin(1140.0, (ADA,), 2340.0) is first
    assert table.find(1200.0, (ADA,)) is None
    again = table.begin(1300.0, (ADA,), 2500.0)
    assert (again is first, table.find(2499.0, (ADA,))) == (False, again)
    assert len(table) == 1


def test_two_calls_at_once_and_no_third() -> None:
    """Whatever key each of them shows; one that has ended makes room."""
    table = Underway()
    table.begin(0.0, (ADA, PASS), 10.0)
    entered = [table.enter(1.0, (key,)) for key in (ADA, PASS, ADA)]
    assert [each is not None for each in entered] == [True, True, False]
    assert entered[0] is not None
    entered[0].calls -= 1
    assert table.enter(1.0, (PASS,)) is not None
    assert table.enter(10.0, (ADA,)) is None
    assert CALLS == 2


def test_it_ends_by_any_key_and_for_all_of_them() -> None:
    """Whoever pays may show his session alone; what his pass is worth is over, too."""
    table = Underway()
    purchase = table.begin(0.0, (ADA, PASS), 10.0)
    other = table.begin(0.0, (BOB,), 10.0)
    assert table.end(1.0, (LATER, ADA)) == [purchase]
    assert table.find(1.0, (ADA, PASS)) is None
    assert table.find(1.0, (BOB,)) is other
    assert table.end(1.0, (ADA,)) == []


def test_a_session_that_changes_on_the_way_is_known_by_what_stays() -> None:
    """Who signs in has another key, and the pass of before: a further seat makes both names of one purchase, up to a bound."""
    table = Underway()
    first = table.begin(0.0, (ADA, PASS), 100.0)
    assert table.begin(1.0, (LATER, PASS), 101.0) is first
    assert table.find(1.0, (LATER,)) is first
    for number in range(9):
        table.begin(2.0, (b"%d" % number, PASS), 102.0)
    assert len(first.keys) == KEYS
    assert table.find(99.0, (b"8",)) is None
    assert len(table) == 1


def test_two_purchases_do_not_become_one() -> None:
    """Who shows the keys of two is of the first; neither gets the other's end."""
    table = Underway()
    one, two = table.begin(0.0, (ADA,), 10.0), table.begin(0.0, (BOB,), 20.0)
    assert table.begin(1.0, (ADA, BOB), 30.0) is one
    assert table.find(11.0, (ADA, BOB)) is two
    assert table.find(20.0, (ADA, BOB)) is None


def test_a_doubt_is_worth_as_much_until_it_is_gone() -> None:
    """Then it was right, or the purchase is over; one that is known of otherwise stays."""
    table = Underway()
    doubted = table.begin(0.0, (ADA,), 10.0, sure=False)
    assert table.find(1.0, (ADA,)) is doubted
    assert "in doubt" in repr(doubted)
    assert table.settle(doubted, got=False)
    assert table.find(1.0, (ADA,)) is None
    doubted = table.begin(0.0, (ADA,), 10.0, sure=False)
    assert not table.settle(doubted, got=True)
    assert table.find(1.0, (ADA,)) is doubted
    table.begin(2.0, (ADA,), 12.0, sure=False)
    assert not table.settle(doubted, got=False)
    assert table.find(3.0, (ADA,)) is doubted


def test_of_two_doubts_the_last_decides() -> None:
    """And a doubt about one that is over, or was let go, touches nobody."""
    table = Underway(most=1)
    doubted = table.begin(0.0, (ADA,), 10.0, sure=False)
    table.begin(1.0, (ADA,), 11.0, sure=False)
    assert not table.settle(doubted, got=False)
    assert table.find(1.0, (ADA,)) is doubted
    table.begin(2.0, (BOB,), 12.0)
    again = table.begin(3.0, (ADA,), 13.0)
    assert not table.settle(doubted, got=False)
    assert table.find(4.0, (ADA,)) is again


def test_where_there_is_no_more_room_those_nearest_their_end_go() -> None:
    """They have the least left to lose, and it is counted."""
    table = Underway(most=2)
    table.begin(0.0, (ADA,), 50.0)
    table.begin(0.0, (BOB,), 20.0)
    table.begin(0.0, (PASS,), 40.0)
    assert [table.find(1.0, (key,)) is not None for key in (ADA, BOB, PASS)] == [True, False, True]
    assert (len(table), table.let_go) == (2, 1)
    table.begin(45.0, (LATER,), 60.0)
    assert (len(table), table.let_go) == (2, 1), "what was over anyway is no loss"
    assert repr(table) == "<Underway 2 of 2, known by 2 keys>"
    assert MOST == 100_000


def test_the_table_is_swept_in_passing() -> None:
    """A few of those that are over for each that begins."""
    table = Underway()
    for number in range(100):
        table.begin(0.0, (b"%d" % number,), 10.0)
    for number, left in enumerate((69, 38, 7, 4)):
        table.begin(11.0, (b"new %d" % number,), 20.0)
        assert len(table) == left


def test_what_is_written_down_can_be_taken_in_again() -> None:
    """Page by page, with all keys; what is over is not, and nothing is doubted any more."""
    table, another = Underway(), Underway()
    first = table.begin(0.0, (ADA, PASS), 50.0)
    table.begin(0.0, (BOB,), 20.0, sure=False)
    table.begin(0.0, (LATER,), 9.0)
    seen = [each for page in range(PAGES) for each in table.view(10.0, page)]
    assert sorted(seen) == [((ADA, PASS), 50.0), ((BOB,), 20.0)]
    assert table.view(10.0, first.page) == [((ADA, PASS), 50.0)]
    another.restore(10.0, [*seen, ((), 30.0), ((LATER,), 9.5)])
    assert len(another) == 2
    restored = another.find(49.0, (PASS,))
    assert isinstance(restored, Purchase)
    assert (restored.sure, restored.keys) == (True, [ADA, PASS])


class UnderwayMachine(RuleBasedStateMachine):
    """Begin, enter, leave, settle and end in any order, beside a model that is a plain list."""

    def __init__(self) -> None:
        super().__init__()
        self.table = Underway(most=4)
        self.now = 0.0
        self.held: list[tuple[Purchase, float]] = []  # what must be found by all of its keys, until when
        self.calls: list[Purchase] = []

    key = st.sampled_from([bytes([number]) * 16 for number in range(7)])
    keys = st.lists(key, min_size=1, max_size=3, unique=True).map(tuple)

    def _going(self, key: bytes) -> Purchase | None:
        return next((each for each, until in self.held if until > self.now and key in each.keys), None)

    @rule(step_s=st.sampled_from([0.0, 0.3, 1.0, 4.0, 11.0]))
    def pass_time(self, step_s: float) -> None:
        self.now += step_s
        self.held = [(each, until) for each, until in self.held if until > self.now]

    @rule(keys=keys, window_s=st.sampled_from([2.0, 5.0, 10.0]), sure=st.booleans())
    def begin(self, keys: tuple[bytes, ...], window_s: float, sure: bool) -> None:
        before, gone = next(filter(None, map(self._going, keys)), None), self.table.let_go
        purchase = self.table.begin(self.now, keys, self.now + window_s, sure=sure)
        if before is not None:
            assert purchase is before
            return
        if self.table.let_go != gone:
            nearest = min(int(until) for _, until in self.held)
            lost = [each for each in self.held if self.table.find(self.now, each[0].keys) is not each[0]]
            assert [int(until) for _, until in lost] == [nearest]
            self.held.remove(lost[0])
        self.held.append((purchase, self.now + window_s))

    @rule(keys=keys)
    def enter(self, keys: tuple[bytes, ...]) -> None:
        going = next(filter(None, map(self._going, keys)), None)
        entered = self.table.enter(self.now, keys)
        assert (entered is not None) is (going is not None and self.calls.count(going) < CALLS)
        if entered is not None:
            assert entered is going
            self.calls.append(entered)

    @rule()
    def leave(self) -> None:
        if self.calls:
            self.calls.pop().calls -= 1

    @rule(keys=keys)
    def end(self, keys: tuple[bytes, ...]) -> None:
        going = list(dict.fromkeys(filter(None, map(self._going, keys))))
        assert self.table.end(self.now, keys) == going
        self.held = [each for each in self.held if each[0] not in going]

    @rule(got=st.booleans())
    def settle(self, got: bool) -> None:
        doubted = next((each for each, _ in self.held if each.doubts), None)
        if doubted is not None:
            last = doubted.doubts == 1 and not doubted.sure and not got
            assert self.table.settle(doubted, got=got) is last
            self.held = [each for each in self.held if not (last and each[0] is doubted)]

    @invariant()
    def agrees(self) -> None:
        for each, until in self.held:
            assert until == each.until
            assert all(self.table.find(self.now, (key,)) is each for key in each.keys)
            assert (tuple(each.keys), until) in self.table.view(self.now, each.page)
        assert len(self.held) <= len(self.table) <= 4
        assert sum(len(self.table.view(self.now, page)) for page in self.table.pages) == len(self.held)


TestUnderwayMachine = UnderwayMachine.TestCase


@pytest.mark.unmeasured
def test_no_single_call_pays_for_a_full_table() -> None:
    """Beginning in a table of a hundred thousand, most of them over in the same second, looks at a few of them."""
    table = Underway()
    for number in range(MOST):
        table.begin(0.0, (number.to_bytes(16, "little"),), 10.0)
    before = len(table)
    table.begin(20.0, (b"new",), 30.0)
    assert before - len(table) <= 32


def test_a_name_of_a_purchase_that_is_over_is_free() -> None:
    """Whoever shows a second key that belonged to an earlier purchase has it for his own."""
    table = Underway()
    for number in range(100):  # more than are swept in passing
        table.begin(0.0, (b"old %d" % number,), 5.0)
    last = table.begin(10.0, (b"new", *(b"old %d" % number for number in (97, 98, 99))), 20.0)
    assert all(table.find(10.0, (b"old %d" % number,)) is last for number in (97, 98, 99))
