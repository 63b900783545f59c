"""Things live from plan to plan for as long as they would be made of the same."""

from __future__ import annotations

from itertools import count

from sidecar.kept import Kept
from sidecar.pieces import whole


def test_what_is_made_of_the_same_is_the_same() -> None:
    """A changed making makes it anew, an absent name is gone, and nothing has changed until the renewal is taken."""
    numbers = count()
    kept: Kept[str] = Kept()

    def make(name: str) -> str:
        return f"{name}{next(numbers)}"

    first = whole(kept.renew({"a": 1, "b": 1}, make))
    assert (first.now, first.new, first.gone) == ({"a": "a0", "b": "b1"}, ["a0", "b1"], [])
    assert kept.all() == []
    kept.take(first)
    second = whole(kept.renew({"a": 2, "c": 1}, make))
    assert (second.now, second.new, second.gone) == ({"a": "a2", "c": "c3"}, ["a2", "c3"], ["a0", "b1"])
    third = whole(kept.renew({"a": 1, "b": 1}, make))
    assert (third.now, third.new, third.gone) == ({"a": "a0", "b": "b1"}, [], [])
    kept.take(second)
    assert (kept["a"], kept.all()) == ("a2", ["a2", "c3"])
