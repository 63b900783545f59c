"""Which traceparent is believed: the examples and the rules of the recommendation."""

from __future__ import annotations

import pytest

from sidecar.policy.tracecontext import TraceParent, read

TRACE, PARENT = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
GOOD = f"00-{TRACE}-{PARENT}-01"


@pytest.mark.parametrize(
    ("value", "sampled"),
    [
        (GOOD, True),
        (f"00-{TRACE}-{PARENT}-00", False),
        (f"00-{TRACE}-{PARENT}-03", True),
        (f"00-{TRACE}-{PARENT}-02", False),
    ],
)
def test_a_well_formed_one_is_taken_apart(value: str, sampled: bool) -> None:
    """The lowest bit of the flags is the caller's decision; the others say nothing about it."""
    assert read(value) == TraceParent(value, TRACE, PARENT, sampled)


def test_of_a_later_version_only_what_is_known_is_repeated() -> None:
    """Section 4.3: parse the parts that this version knows, and leave what stands behind them."""
    found = read(f"cc-{TRACE}-{PARENT}-01-what-the-future\nbrings")
    assert found == TraceParent(f"cc-{TRACE}-{PARENT}-01", TRACE, PARENT, True)


@pytest.mark.parametrize(
    "value",
    [
        "",
        GOOD.upper(),
        GOOD + "-more",
        GOOD + "0",
        " " + GOOD,
        GOOD + "\n",
        f"ff-{TRACE}-{PARENT}-01",
        f"00-{'0' * 32}-{PARENT}-01",
        f"00-{TRACE}-{'0' * 16}-01",
        f"00-{TRACE[1:]}-{PARENT}-01",
        f"00-{TRACE}-{PARENT}-1",
        f"00-{TRACE}-{PARENT}-0g",
        f"{GOOD}, {GOOD}",
        f"01-{TRACE}-{PARENT}-01x",
    ],
)
def test_any_other_is_not(value: str) -> None:
    """Letters above f, wrong lengths, zeros and the version that can never be are no trace."""
    assert read(value) is None
