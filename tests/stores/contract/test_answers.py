"""`ports.Answers`, whoever keeps them."""

from __future__ import annotations

import pytest

from sidecar.policy.generations import MOST
from tests.stores.entries import entry_of, facts_of, key_of


def test_what_is_kept_is_found(answers_of) -> None:
    """Whole, and its hits are counted."""
    answers, entry = answers_of(), entry_of(tags=("a",), generations=(0,))
    assert answers.find(entry.key) is None
    assert answers.keep(entry, 0.5)
    found = answers.find(entry.key)
    assert facts_of(found) == facts_of(entry)
    assert found.hits == 1
    assert answers.find(entry.key).hits == 2


def test_a_new_answer_stands_in_place_of_the_old_one(answers_of) -> None:
    """There is never more than one."""
    answers = answers_of()
    answers.keep(entry_of(body=b"old"), 0.5)
    answers.keep(entry_of(body=b"new"), 0.5)
    assert answers.find(key_of("a")).body == b"new"
    assert answers.view().entries == 1


def test_dropped_is_gone(answers_of) -> None:
    """And dropping it again is harmless."""
    answers = answers_of()
    answers.keep(entry_of(), 0.5)
    answers.drop(key_of("a"))
    answers.drop(key_of("a"))
    assert answers.find(key_of("a")) is None


def test_however_old_it_is_found(answers_of) -> None:
    """Whether it may be given is not the store's to say."""
    answers = answers_of()
    answers.keep(entry_of(at=-1e9), 0.5)
    assert answers.find(key_of("a")).age_s(1_000.0) == pytest.approx(1e9 + 1_000)


def test_for_want_of_room_the_oldest_goes(answers_of) -> None:
    """And people can see that."""
    answers = answers_of(10_000)
    for name in "abcd":
        assert answers.keep(entry_of(name, weighs=3_000), 1.0)
    assert [answers.find(key_of(name)) is not None for name in "abcd"] == [False, True, True, True]
    view = answers.view()
    assert (view.entries, view.held_bytes, view.room_bytes, view.evicted) == (3, 9_000, 10_000, 1)


def test_no_operation_takes_more_than_its_share(answers_of) -> None:
    """Its own oldest go, and nobody else's."""
    answers = answers_of(10_000)
    answers.keep(entry_of("old", operation="GetEvents", weighs=2_000), 0.5)
    for name in "abcd":
        answers.keep(entry_of(name, weighs=2_000), 0.5)
    assert [answers.find(key_of(name)) is not None for name in ("old", *"abcd")] == [True, False, False, True, True]
    counts = answers.view().by_operation
    assert counts == {("tickets", "GetEvents"): (1, 2_000), ("tickets", "GetSeats"): (2, 4_000)}


def test_what_has_no_room_is_refused(answers_of) -> None:
    """What stands under its key stays."""
    answers = answers_of(10_000)
    answers.keep(entry_of(body=b"old"), 0.5)
    assert not answers.keep(entry_of(weighs=5_001), 0.5)
    assert answers.find(key_of("a")).body == b"old"
    assert not answers_of(0).keep(entry_of(), 1.0)


def test_a_touch_is_seen_by_whoever_carries_the_tag(answers_of) -> None:
    """By nobody else, and in no other backend."""
    answers = answers_of()
    before = answers.generations("tickets", ("a", "b"))
    assert answers.generations("tickets", ("a", "b")) == before
    answers.touch("tickets", ["a"])
    now = answers.generations("tickets", ("a", "b"))
    assert (now[0] > before[0], now[1] == before[1]) == (True, True)
    assert answers.generations("members", ("a",)) == answers.generations("members", ("b",))
    answers.touch("tickets", ["a"])
    assert answers.generations("tickets", ("a",))[0] > now[0]


def test_a_forgotten_tag_never_makes_an_old_answer_look_current(answers_of) -> None:
    """Twice as many tags as are remembered have been touched since."""
    answers = answers_of()
    untouched = answers.generations("tickets", ("perf:1",))
    answers.touch("tickets", ["perf:1"])
    touched = answers.generations("tickets", ("perf:1",))
    answers.touch("tickets", ["perf:1"])
    answers.touch("tickets", [f"other:{number}" for number in range(2 * MOST)])
    assert answers.generations("tickets", ("perf:1",))[0] > touched[0] > untouched[0]


def test_a_forgotten_backend_keeps_nothing(answers_of) -> None:
    """Nothing of it is found, nothing under way from it is kept, and another backend does not notice."""
    answers = answers_of()
    generations = answers.generations("tickets", ("a",))
    late = entry_of("late", tags=("a",), generations=generations)
    answers.keep(entry_of("old", tags=("a",), generations=generations), 0.5)
    answers.keep(entry_of("bare"), 0.5)
    answers.keep(entry_of("other", backend="members"), 0.5)
    answers.forget("tickets")
    assert answers.find(key_of("old")) is answers.find(key_of("bare")) is None
    assert not answers.keep(late, 0.5)
    assert answers.find(key_of("other")) is not None
    assert answers.view().by_operation.keys() == {("members", "GetSeats")}
    new = answers.generations("tickets", ("a",))
    assert new > generations
    assert answers.keep(entry_of("old", tags=("a",), generations=new, body=b"new"), 0.5)
    assert answers.find(key_of("old")).body == b"new"


def test_a_forgotten_backends_room_comes_back(answers_of) -> None:
    """With the answers that follow."""
    answers = answers_of()
    for number in range(300):
        answers.keep(entry_of(str(number)), 1.0)
    answers.forget("tickets")
    for _ in range(3):
        answers.keep(entry_of("new"), 1.0)
    view = answers.view()
    assert (view.entries, view.held_bytes) == (1, entry_of("new").size_bytes)
    assert view.evicted == 0


def test_less_room_lets_the_oldest_go(answers_of) -> None:
    """In parts, with what is kept from then on."""
    answers = answers_of(3_000_000)
    for number in range(30):
        answers.keep(entry_of(str(number), weighs=100_000), 1.0)
    answers.resize(1_000_000)
    assert answers.view().held_bytes > 2_000_000
    for _ in range(5):
        answers.keep(entry_of("new", weighs=100_000), 1.0)
    view = answers.view()
    assert (view.entries, view.held_bytes, view.room_bytes) == (10, 1_000_000, 1_000_000)
    answers.resize(2_000_000)
    assert answers.keep(entry_of("more", weighs=1_000_000), 1.0)
    assert answers.view().entries == 11


def test_nothing_of_an_answer_shows_in_its_stores_name(answers_of) -> None:
    """A person reads counts, no values."""
    answers = answers_of()
    answers.keep(entry_of(body=b"secret"), 0.5)
    assert "1 in " in repr(answers)
    assert "secret" not in repr(answers)
