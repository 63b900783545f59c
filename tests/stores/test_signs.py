"""What is written of a sign and read back holds to the same moment; whatever is none is said to be none."""

from __future__ import annotations

import json
from typing import Any

import hypothesis.strategies as st
import pytest
from hypothesis import given

from sidecar.model import Notice
from sidecar.policy.pauses import Kind, Scope, Sign, Target, What
from sidecar.stores.signs import read, written

WALL = 1_796_115_600.0
NOTICE = Notice("p3f9a1", "critical", (("en", "Back at 9:20"), ("de-CH", "Um 9:20 „geht“ es weiter")), WALL + 1200)


def sign(**more: Any) -> Sign:
    return Sign(
        "p3f9a1", Kind.PAUSE, Target(What.ROOM, "hamlet"), NOTICE, 40.0, Scope.ALL, actor="alice", reason="x", **more
    )


@pytest.mark.parametrize("end", [{"end": 700.0}, {"until": WALL + 600}, {"remind_s": 900.0}])
def test_it_comes_back_as_it_was(end: dict[str, float]) -> None:
    """In a process whose clock began elsewhere, ten seconds later."""
    made = sign(**end)
    again = read(json.loads(json.dumps(written(made, 100.0, WALL))), 5.0, WALL + 10)
    assert again.left_s(5.0, WALL + 10) == made.left_s(110.0, WALL + 10)
    assert again.since == pytest.approx(made.since - 105.0)
    kept = ("id", "kind", "target", "notice", "scope", "until", "remind_s", "actor", "reason")
    assert [getattr(again, name) for name in kept] == [getattr(made, name) for name in kept]


GOOD = written(sign(end=700.0), 100.0, WALL)


@pytest.mark.parametrize(
    "changed",
    [
        {"id": None},
        {"kind": "paws"},
        {"target": "tickets"},
        {"scope": "some"},
        {"severity": "grave"},
        {"texts": []},
        {"texts": {"en": 1}},
        {"texts": {'en"': "a"}},
        {"next_update": "soon"},
        {"lasts_until": True},
        {"lasts_until": None},  # and nobody knows when it ends
        {"since": "then"},
        {"actor": 1},
    ],
)
def test_what_is_none(changed: dict[str, Any]) -> None:
    """Said with what is wrong."""
    read(GOOD, 0.0, WALL)
    with pytest.raises(ValueError, match=r"."):
        read({**GOOD, **changed}, 0.0, WALL)


JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from(sorted(GOOD)), inner),
)


@given(JSON)
def test_no_garbage_is_a_sign(said: Any) -> None:
    """And none raises anything else."""
    with pytest.raises(ValueError, match=r"."):
        read(said, 0.0, WALL)
