"""Who an operator finds, and how he sees them."""

from __future__ import annotations

import hypothesis.strategies as st
import pytest
from hypothesis import given

from sidecar.model import Seat
from sidecar.policy.eta import Quote
from sidecar.policy.finding import Wanted, shown
from sidecar.policy.tiers import Client, Flow, Stage, Tier, Waiting


def waiting(client: str, operation: str = "Reserve", request_id: str = "", *values: str) -> Waiting:
    params = tuple((f"p{number}", value) for number, value in enumerate(values))
    seat = Seat("t", client, operation, "browse", 99.0, "", None, request_id, params)
    return Waiting(seat, 9.0, 9.0, 1.0, Flow(Client(client), Tier("browse")), (0.0, 1.0, 1), 1.0, 9.0)


ADA, BEA, CLEO = (
    waiting("ada", "Reserve", "r1", "4711", "2"),
    waiting("ada", "Checkout", "r2", "4711"),
    waiting("cleo", "Reserve", "r3"),
)


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        (Wanted(), [ADA, BEA, CLEO]),
        (Wanted(client="ada"), [ADA, BEA]),
        (Wanted(operation="Reserve"), [ADA, CLEO]),
        (Wanted(request_id="r2"), [BEA]),
        (Wanted(param="4711"), [ADA, BEA]),
        (Wanted(param="2"), [ADA]),
        (Wanted(param="p0"), []),
        (Wanted(client="ada", operation="Reserve"), [ADA]),
        (Wanted(client="cleo", param="4711"), []),
        (Wanted(client="cleo", request_id="r1"), []),
        (Wanted(client=""), []),
    ],
)
def test_everything_that_is_given_has_to_fit(wanted: Wanted, found: list[Waiting]) -> None:
    """What is not given fits anything; a parameter is found by its value, not by its name."""
    assert list(wanted.among([ADA, BEA, CLEO])) == found


@given(st.sampled_from([None, "ada", "cleo"]), st.sampled_from([None, "Reserve", "Checkout"]))
def test_who_is_found_is_in_line_and_in_its_order(client: str | None, operation: str | None) -> None:
    """A search leaves out and moves nobody."""
    found = list(Wanted(client=client, operation=operation).among([ADA, BEA, CLEO]))
    assert found == [each for each in (ADA, BEA, CLEO) if each in found]


def test_how_one_is_shown() -> None:
    """Whose it is, what for, since when, and what he has been told."""
    view = shown(4.5, ADA, Quote(2, 1.0, 0.5, 1.5))
    assert view[1:] == (
        "ada",
        "browse",
        "Reserve",
        "r1",
        (("p0", "4711"), ("p1", "2")),
        3.5,
        False,
        Quote(2, 1.0, 0.5, 1.5),
    )
    chosen = waiting("dora")
    chosen.stage = Stage.FAST
    assert shown(1.0, chosen, Quote(0, 0.0, 0.0, 0.0)).promoted
