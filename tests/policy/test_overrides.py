"""What was changed by hand: it ends by itself, it remembers what was before, and a machine tries every order of orders."""

from __future__ import annotations

import hypothesis.strategies as st
import pytest
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from sidecar.policy.overrides import EVERY, LONGEST_S, MOST, Observed, Override, Overrides


def put(
    here: Overrides, now: float = 0, backend: str = "tickets", value: int = 8, was: int = 16, for_s: float = 600
) -> Override:
    made = here.put(now, "limit", backend, value, was, for_s, "alice", "a slow disk")
    assert made is not None
    return made


def test_an_override_holds_until_its_end_and_no_longer() -> None:
    """It is there to the last moment before its end; at the end it is returned once, with what was before."""
    here = Overrides()
    made = put(here, now=100, for_s=60)
    assert (made.since, made.until, here.next_end) == (100, 160, 160)
    assert here.expired(159.9) == []
    assert here.find("limit", "tickets") is made
    assert here.expired(160) == [made]
    assert here.expired(160) == []
    assert here.find("limit", "tickets") is None
    assert here.next_end is None


def test_a_second_takes_the_place_of_the_first_and_remembers_what_was_before_both() -> None:
    """Nobody's morning starts with the number of somebody's first try."""
    here = Overrides()
    first = put(here, value=8, was=16)
    second = put(here, now=10, value=4, was=8)
    assert (second.value, second.was, second.id != first.id) == (4, 16, True)
    assert here.view() == [second]


def test_one_is_cleared_before_its_time() -> None:
    """Clearing returns what ended; clearing again returns nothing and harms nobody."""
    here = Overrides()
    made = put(here)
    assert here.clear("limit", "tickets") == [made]
    assert here.clear("limit", "tickets") == []
    assert here.expired(1e9) == []


def test_there_are_only_so_many() -> None:
    """One more than the bound is not taken; replacing one of them is."""
    here = Overrides(most=2)
    put(here, backend="a")
    put(here, backend="b")
    assert here.put(0, "limit", "c", 1, 2, 60, "alice", "") is None
    assert put(here, backend="b", value=3).value == 3
    assert MOST == 64


@pytest.mark.parametrize("for_s", [0, -1, LONGEST_S + 1, float("inf"), float("nan")])
def test_no_override_is_without_an_end(for_s: float) -> None:
    """Never, already over, and longer than a day are errors of whoever asks."""
    with pytest.raises(ValueError, match="ends within 86400 s"):
        put(Overrides(), for_s=for_s)


def test_a_reload_changes_what_was_and_not_the_override() -> None:
    """New settings move what it goes back to; an override of a backend that is gone goes with it."""
    here = Overrides()
    put(here, backend="tickets", value=8, was=16)
    gone = put(here, backend="seats")
    other = here.put(0, "pause", "seats", 1, 0, 60, "alice", "")
    assert here.rebase("limit", {"tickets": 32}) == [gone]
    kept = here.find("limit", "tickets")
    assert kept is not None
    assert (kept.value, kept.was) == (8, 32)
    assert here.find("pause", "seats") is other, "another noun has settings of its own"


def test_parts_of_one_backend_are_told_apart() -> None:
    """Each has its own end; whoever names every backend or every part means each that there is, the next to end first."""
    here = Overrides()
    made = [
        here.put(0, "observe", backend, part, "enforce", for_s, "alice", "", part)
        for backend, part, for_s in (("tickets", "queue", 30), ("tickets", "rate", 20), (EVERY, "rate", 10))
    ]
    limit = put(here)
    assert here.find("observe", "tickets", "queue") is made[0]
    assert here.find("observe", "tickets") is None
    assert here.clear("observe", "seats", EVERY) == []
    assert here.clear("observe", "tickets", "queue") == [made[0]]
    assert here.clear("observe", EVERY, "rate") == [made[2], made[1]]
    assert here.clear("observe", EVERY, EVERY) == []
    assert here.view() == [limit]


def test_one_of_every_backend_outlives_any() -> None:
    """A reload takes away what is said of one backend; what is said of all stands."""
    here = Overrides()
    everywhere = here.put(0, "observe", EVERY, "all", "enforce", 60, "alice", "", EVERY)
    gone = here.put(0, "observe", "tickets", "all", "enforce", 60, "alice", "", EVERY)
    assert here.rebase("observe", {"seats": "enforce"}) == [gone]
    assert here.view() == [everywhere]


@pytest.mark.parametrize(
    ("held", "asked", "observed"),
    [
        (("tickets", "queue"), ("tickets", "queue"), True),
        (("tickets", "queue"), ("tickets", "rate"), False),
        (("tickets", "queue"), ("seats", "queue"), False),
        (("tickets", EVERY), ("tickets", "rate"), True),
        (("tickets", EVERY), ("seats", "rate"), False),
        ((EVERY, "rate"), ("seats", "rate"), True),
        ((EVERY, "rate"), ("seats", "queue"), False),
        ((EVERY, EVERY), ("seats", "limit"), True),
    ],
)
def test_what_is_observed(held: tuple[str, str], asked: tuple[str, str], observed: bool) -> None:
    """One mechanism of one backend, or all of either; and nothing any more once it is cleared."""
    here = Observed()
    assert not here.ask(*asked)
    here.put(*held)
    here.put("other", "breaker")
    assert here.ask(*asked) is observed
    here.clear(*held)
    here.clear(*held)
    assert not here.ask(*asked)
    assert here.ask("other", "breaker")


def test_what_is_observed_can_be_read() -> None:
    """By a person."""
    here = Observed()
    assert repr(here) == "<Observed nothing>"
    here.put("tickets", "queue")
    here.put(EVERY, "rate")
    assert repr(here) == "<Observed *.rate tickets.queue>"


def test_the_next_to_end_is_shown_first() -> None:
    """People read from the top."""
    here = Overrides()
    put(here, backend="late", for_s=100)
    put(here, backend="soon", for_s=10)
    assert [each.backend for each in here.view()] == ["soon", "late"]
    assert repr(here) == "<Overrides limit soon=8 limit late=8>"
    assert repr(Overrides()) == "<Overrides none>"


class Machine(RuleBasedStateMachine):
    """Whatever is ordered in whatever order, at the end of all ends every backend is as its settings say."""

    BACKENDS = st.sampled_from(["a", "b", "c"])

    def __init__(self) -> None:
        super().__init__()
        self.here, self.now = Overrides(most=2), 0.0
        self.configured = {"a": 10, "b": 20, "c": 30}
        self.effective = dict(self.configured)

    @rule(backend=BACKENDS, value=st.integers(1, 99), for_s=st.sampled_from([1.0, 5.0, LONGEST_S]))
    def put(self, backend: str, value: int, for_s: float) -> None:
        made = self.here.put(self.now, "limit", backend, value, self.effective[backend], for_s, "x", "y")
        if made is not None:
            self.effective[backend] = value

    @rule(backend=BACKENDS)
    def clear(self, backend: str) -> None:
        for ended in self.here.clear("limit", backend):
            self.effective[backend] = ended.was

    @rule(wait_s=st.floats(0, 10))
    def wait(self, wait_s: float) -> None:
        self.now += wait_s
        for ended in self.here.expired(self.now):
            self.effective[ended.backend] = ended.was

    @rule(backend=BACKENDS, value=st.integers(1, 99))
    def reload(self, backend: str, value: int) -> None:
        self.configured[backend] = value
        assert self.here.rebase("limit", self.configured) == []
        if self.here.find("limit", backend) is None:
            self.effective[backend] = value

    @invariant()
    def bounded(self) -> None:
        assert len(self.here.view()) <= 2
        assert all(self.now < each.until <= self.now + LONGEST_S for each in self.here.view())

    @invariant()
    def whoever_is_not_overridden_is_as_written(self) -> None:
        standing = {each.backend: each for each in self.here.view()}
        for backend, value in self.effective.items():
            here = standing.get(backend)
            assert value == (self.configured[backend] if here is None else here.value)
            assert here is None or here.was == self.configured[backend]


TestMachine = Machine.TestCase
