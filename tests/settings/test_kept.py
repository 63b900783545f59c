"""From what is shared and kept to its plans. The whole of it is the golden file `answers`; here is what it may leave open."""

from __future__ import annotations

from typing import Any

import pytest

from sidecar import plan as plans
from sidecar.answers import Shared
from sidecar.settings import kept
from sidecar.settings.answers import Cache, Fallback, Idempotency


def test_what_is_not_written_is_not_planned() -> None:
    """A stage that is off is not built."""
    assert kept.cache_of(None) is kept.shared_of(None) is kept.idempotency_of(None) is None
    assert kept.fallbacks_of("a", [], kept.unread) == ()


def test_defaults_are_the_plans_own() -> None:
    """Two places say them; this is why they cannot part."""
    assert kept.cache_of(Cache.model_validate({"ttl": "0s"})) == plans.CachePlan()
    assert kept.idempotency_of(Idempotency.model_validate({"key": "header"})) == plans.IdempotencyPlan()


@pytest.mark.parametrize(
    ("written", "mode"),
    [(True, Shared.OPEN), ("drop", Shared.DROP), ("leader", Shared.LEADER), ({"as": {"b": "1", "a": "2"}}, Shared.AS)],
)
def test_modes_are_those_of_the_nouns(written: Any, mode: Shared) -> None:
    """Whatever the file calls them."""
    plan = kept.shared_of(written)
    assert plan is not None
    assert Shared(plan.mode) is mode
    assert plan.values == ((("a", "2"), ("b", "1")) if mode is Shared.AS else ())


def test_the_order_in_the_file_is_no_other_key() -> None:
    """Whoever sorts his parameters loses no answer."""
    one, other = (
        kept.cache_of(Cache.model_validate({"ttl": "1s", "params": params, "vary": vary}))
        for params, vary in (({"a": "int", "b": "set"}, ["X-A"]), ({"b": "set", "a": "int"}, ["x-a"]))
    )
    assert one == other


def test_bodies_are_asked_for_where_they_are_named() -> None:
    """With the place of the key, below its backend."""
    asked: list[tuple[object, ...]] = []

    def read(loc: tuple[int | str, ...], name: str) -> bytes:
        asked.append((loc, name))
        return b"<a/>"

    rules = [{"on": ["overloaded"], "stale": True}, {"on": ["overloaded"], "body_file": "a.xml"}]
    found = kept.fallbacks_of("Get", [Fallback.model_validate(rule) for rule in rules], read)
    assert asked == [(("operations", "Get", "fallback", 1, "body_file"), "a.xml")]
    assert [(rule.kind, rule.body) for rule in found] == [("stale", b""), ("body", b"<a/>")]
