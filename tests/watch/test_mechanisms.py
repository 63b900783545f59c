"""Every refusal that the table of states knows has a mechanism, and the list is closed."""

from __future__ import annotations

import pytest

from sidecar.states import ROWS, Category
from sidecar.watch.mechanisms import MECHANISMS, OTHER, mechanism_of

REFUSALS = [
    (row.name, reason)
    for row in ROWS
    if row.built and row.origin == "sidecar" and row.category is not Category.OK
    for reason in (*row.reasons, None)
]


@pytest.mark.parametrize(("state", "reason"), REFUSALS)
def test_every_state_that_is_built_has_its_word(state: str, reason: str | None) -> None:
    """Who adds a state adds the part that refuses with it."""
    assert mechanism_of(state, reason) in set(MECHANISMS) - {OTHER}


@pytest.mark.parametrize(
    ("state", "reason", "word"),
    [
        ("overloaded", "queue_full", "queue"),
        ("overloaded", "pushed_out", "queue"),
        ("overloaded", "queue_wait", "wait"),
        ("overloaded", "client_cap", "client"),
        ("overloaded", "dropped", "operator"),
        ("overloaded", "deadline", "deadline"),
        ("overloaded", "connections", "connections"),
        ("overloaded", "buffered", "buffered"),
        ("overloaded", "deeds", "deeds"),
        ("in_progress", None, "key"),
        ("malformed", "xml", "parse"),
        ("too_large", "body", "size"),
        ("no such state", None, OTHER),
    ],
)
def test_the_reason_counts_where_it_says_more(state: str, reason: str | None, word: str) -> None:
    """A full line and a full house are mended at different screws."""
    assert mechanism_of(state, reason) == word
