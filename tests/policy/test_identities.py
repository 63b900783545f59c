"""Who is known by what he shows: only once the backend has answered it well, for a while, and never too many."""

from __future__ import annotations

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from sidecar.policy.identities import AGE_S, MOST, PER_ADDRESS, Identities, everything
from tests.adapters.corpus import head

ADA, BOB = b"Basic ada", b"Basic bob"
HOME, OFFICE = "192.0.2.7", "198.51.100.0"


def test_until_it_is_answered_well_its_sender_is_his_address() -> None:
    """And so is whoever shows nothing."""
    table = Identities(b"key")
    assert table.ask(0.0, HOME, None) == HOME
    assert table.ask(0.0, HOME, ADA) == HOME
    table.tell(0.0, HOME, ADA, well=False)
    assert table.ask(0.0, HOME, ADA) == HOME
    assert len(table) == 0


def test_what_was_answered_well_is_one_client_wherever_it_comes_from() -> None:
    """Two people of one household are two, and one of them in the train is still the same."""
    table = Identities(b"key")
    table.tell(0.0, HOME, ADA, well=True)
    table.tell(0.0, HOME, BOB, well=True)
    ada, bob = table.ask(1.0, HOME, ADA), table.ask(1.0, HOME, BOB)
    assert ada != bob
    assert table.ask(1.0, OFFICE, ADA) == ada
    assert table.ask(1.0, HOME, None) == HOME


def test_it_ages_unless_it_is_answered_well_again() -> None:
    """Being asked for is not enough: a key that the backend forgot would live for ever."""
    table = Identities(b"key")
    table.tell(0.0, HOME, ADA, well=True)
    ada = table.ask(AGE_S - 1, HOME, ADA)
    assert ada != HOME
    assert table.ask(AGE_S, HOME, ADA) == HOME
    table.tell(AGE_S + 5, OFFICE, ADA, well=True)
    assert table.ask(2 * AGE_S, OFFICE, ADA) == ada
    table.tell(2 * AGE_S, OFFICE, ADA, well=True)
    assert table.ask(3 * AGE_S - 1, OFFICE, ADA) == ada


def test_said_no_it_is_forgotten() -> None:
    """A password that was changed makes nobody a client of his own any more."""
    table = Identities(b"key")
    table.tell(0.0, HOME, ADA, well=True)
    table.tell(1.0, HOME, ADA, well=False)
    assert table.ask(1.0, HOME, ADA) == HOME
    assert (len(table), repr(table)) == (0, f"<Identities 0 of {MOST}, shown by 0 addresses>")


def test_nothing_that_is_shown_can_be_read_in_the_table() -> None:
    """Only what a secret key makes of it; another process makes something else."""
    table, other = Identities(b"key"), Identities(b"another")
    for each in (table, other):
        each.tell(0.0, HOME, ADA, well=True)
    name = table.ask(0.0, HOME, ADA)
    assert name != other.ask(0.0, HOME, ADA)
    assert name.startswith("identity:")
    held = repr([getattr(table, slot) for slot in table.__slots__ if slot != "_key"])
    assert name in held
    assert "ada" not in held


def test_one_address_holds_only_so_many() -> None:
    """Where a backend answers well whatever is shown to it, inventions make no more clients than that; others are not hindered."""
    table = Identities(b"key")
    for number in range(PER_ADDRESS + 50):
        table.tell(0.0, HOME, b"%d" % number, well=True)
    assert len(table) == PER_ADDRESS
    assert table.ask(1.0, HOME, b"0") != HOME
    assert table.ask(1.0, HOME, b"%d" % PER_ADDRESS) == HOME
    table.tell(1.0, OFFICE, ADA, well=True)
    assert table.ask(1.0, OFFICE, ADA) != OFFICE
    # those that it holds live on, and one that is gone makes room
    table.tell(2.0, HOME, b"0", well=True)
    table.tell(2.0, HOME, b"1", well=False)
    table.tell(2.0, HOME, BOB, well=True)
    assert table.ask(2.0, HOME, BOB) != HOME


def test_a_known_caller_holds_as_many_as_it_likes() -> None:
    """The shop's own server asks for all of its people from one address."""
    table = Identities(b"key")
    for number in range(PER_ADDRESS * 3):
        table.tell(0.0, HOME, b"%d" % number, well=True, roomy=True)
    assert len(table) == PER_ADDRESS * 3


def test_where_the_table_is_full_the_longest_silent_goes() -> None:
    """It becomes its address again, as before it was known."""
    table = Identities(b"key", most=2)
    table.tell(0.0, HOME, ADA, well=True)
    table.tell(1.0, HOME, BOB, well=True)
    table.tell(2.0, HOME, ADA, well=True)
    table.tell(3.0, OFFICE, b"cyd", well=True)
    assert len(table) == 2
    assert table.ask(3.0, HOME, BOB) == HOME
    assert table.ask(3.0, HOME, ADA) != HOME


def test_the_table_is_swept_in_passing() -> None:
    """A few of those that are over for each that comes: no single call pays for twenty thousand."""
    table = Identities(b"key")
    for number in range(100):
        table.tell(0.0, f"address {number}", b"%d" % number, well=True)
    for number, left in enumerate((69, 38, 7, 4)):
        table.tell(AGE_S + 1, HOME, b"new %d" % number, well=True)
        assert len(table) == left


@pytest.mark.parametrize("claimed", [b"", b"x" * 40_000])
def test_whatever_is_shown_costs_the_same(claimed: bytes) -> None:
    """A head may be 32 KiB long; what is kept of it is eight bytes."""
    table = Identities(b"key")
    table.tell(0.0, HOME, claimed, well=True)
    assert len(table.ask(0.0, HOME, claimed)) == len("identity:") + 16


class IdentityMachine(RuleBasedStateMachine):
    """Ask and tell in any order, beside a model that is a plain list of who was answered well, the longest silent first."""

    def __init__(self) -> None:
        super().__init__()
        self.table = Identities(b"key", most=4, age_s=10.0, per_address=2)
        self.now = 0.0
        self.held: list[tuple[bytes, str, float]] = []  # what, who showed it first, until when

    shown = st.sampled_from([b"a", b"b", b"c", b"d", b"e", b"f", b"g"])
    addresses = st.sampled_from(["x", "y", "z"])

    @rule(step_s=st.sampled_from([0.0, 0.5, 4.0, 11.0]))
    def pass_time(self, step_s: float) -> None:
        self.now += step_s

    @rule(claimed=shown, address=addresses)
    def ask(self, claimed: bytes, address: str) -> None:
        known = any(each == claimed and until > self.now for each, _, until in self.held)
        assert (self.table.ask(self.now, address, claimed) != address) is known

    @rule(claimed=shown, address=addresses, well=st.booleans(), roomy=st.booleans())
    def tell(self, claimed: bytes, address: str, well: bool, roomy: bool) -> None:
        self.table.tell(self.now, address, claimed, well=well, roomy=roomy)
        mine = next((row for row in self.held if row[0] == claimed), None)
        if mine is not None:
            self.held.remove(mine)
        if not well:
            return
        first = address
        if mine is not None and mine[2] > self.now:
            first = mine[1]
        else:
            self.held = [row for row in self.held if row[2] > self.now]
            if not roomy and sum(holder == address for _, holder, _ in self.held) >= 2:
                return
            self.held = self.held[-3:]
        self.held.append((claimed, first, self.now + 10.0))

    @invariant()
    def it_is_bounded(self) -> None:
        assert len(self.table) == len(self.held) <= 4

    @invariant()
    def it_counts_right(self) -> None:
        counted = {address: count for address, count in self.table._by_address.items() if count}
        assert counted == {holder: sum(row[1] == holder for row in self.held) for _, holder, _ in self.held}


TestIdentityMachine = IdentityMachine.TestCase


def test_all_that_is_shown() -> None:
    """Parameters, then headers, each line of them, with their names; what is empty is not shown, nor is what nobody asks for."""
    lines = ((b"Authorization", b"Basic shop"), (b"X-Account", b"1"), (b"X-Account", b"2"), (b"X-Empty", b""))
    shown = everything(
        {"session": "s1", "user": "", "other": "o"},
        head("POST", "/t", lines),
        ("user", "session", "absent"),
        ("Authorization", "X-Account", "X-Empty", "X-Absent"),
    )
    assert shown == (
        b"param session s1",
        b"header Authorization Basic shop",
        b"header X-Account 1",
        b"header X-Account 2",
    )
    assert everything({}, head("POST", "/t", ()), ("session",), ("Authorization",)) == ()
