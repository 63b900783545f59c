"""The controls as values: a wish makes new ones or is refused, and the old ones stay as they were."""

from __future__ import annotations

import pytest

from sidecar.demo.controls import ControlError, Controls


def test_a_wish_changes_what_it_names_and_nothing_else() -> None:
    """Members add up over wishes; `reset` starts from normal, then applies the rest."""
    slow, for_s = Controls().changed({"latency_s": 2, "for_s": 3})
    assert (slow, for_s) == (Controls(latency_s=2), 3)
    both, for_s = slow.changed({"dead": True})
    assert (both, for_s) == (Controls(latency_s=2, dead=True), None)
    assert both.changed({"reset": True, "html": 503})[0] == Controls(html=503)
    assert both.changed({"reset": False})[0] == both


@pytest.mark.parametrize(
    "wish",
    [
        None,
        "dead",
        {"for_s": "5"},
        {"for_s": 3601},
        {"latency_s": 601},
        {"law": 0},
        {"html": True},
        {"knee": -1},
        {"knee": 401},
        {"knee": True},
        {"knee": 2.5},
    ],
)
def test_a_wish_of_the_wrong_kind_is_refused(wish: object) -> None:
    """Types and ranges are checked, and true is no number."""
    with pytest.raises(ControlError):
        Controls().changed(wish)
