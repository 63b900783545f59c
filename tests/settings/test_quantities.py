"""Amounts: what is read, what is refused with which suggestion, and that what we print can be read again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic_core import PydanticCustomError

from sidecar.settings.quantities import Share, Size, Span, spoken, spoken_size

if TYPE_CHECKING:
    from sidecar.settings.quantities import _Amount

SPAN, SIZE, SHARE = Span("10ms", "1h"), Size("1KiB", "1GiB"), Share("1%", "100%")


@pytest.mark.parametrize(
    ("kind", "text", "amount"),
    [
        (SPAN, "250ms", 0.25),
        (SPAN, "1.5s", 1.5),
        (SPAN, "5m", 300),
        (SPAN, "1h", 3600),
        (SPAN, "10ms", 0.01),
        (SIZE, "1024B", 1024),
        (SIZE, "64KiB", 65536),
        (SIZE, "1.5MiB", 1572864),
        (SIZE, "1GiB", 1024**3),
        (SHARE, "50%", 0.5),
        (SHARE, "100%", 1),
    ],
)
def test_amounts(kind: _Amount, text: str, amount: float) -> None:
    """Every unit, and both bounds belong to the range."""
    assert kind.validate(text) == pytest.approx(amount)


@pytest.mark.parametrize(
    ("kind", "value", "meant"),
    [
        (SPAN, 30, "30s"),
        (SPAN, "30", "30s"),
        (SPAN, "30 s", "30s"),
        (SPAN, "30sec", "30s"),
        (SPAN, "5MIN", "5m"),
        (SPAN, 0.5, "0.5s"),
        (SIZE, "64kb", "64KiB"),
        (SIZE, "64M", "64MiB"),
        (SIZE, 1048576, "1MiB"),
        (SHARE, 0.5, "50%"),
        (SHARE, 20, "20%"),
    ],
)
def test_a_wrong_unit_gets_the_right_one_proposed(kind: _Amount, value: Any, meant: str) -> None:
    """A number without its unit is refused, whatever it may have meant; the guess is printed."""
    with pytest.raises(PydanticCustomError, match=f"did you mean {meant}\\?"):
        kind.validate(value)


@pytest.mark.parametrize(
    "value", [True, None, [], "", "s", "1h30m", "-1s", "1e3s", "٣s", "9" * 13 + "s", "64MB/s", "50 %%", "forever"]
)
@pytest.mark.parametrize("kind", [SPAN, SIZE, SHARE], ids=["span", "size", "share"])
def test_what_is_no_amount(kind: _Amount, value: Any) -> None:
    """Nothing else is read, and a truth value is no number here."""
    with pytest.raises(PydanticCustomError):
        kind.validate(value)


@pytest.mark.parametrize(
    ("kind", "text"), [(SPAN, "9ms"), (SPAN, "2h"), (SIZE, "1023B"), (SIZE, "2GiB"), (SHARE, "0%"), (SHARE, "101%")]
)
def test_bounds(kind: _Amount, text: str) -> None:
    """Past a bound the remedy names both."""
    with pytest.raises(PydanticCustomError, match="out of bounds") as caught:
        kind.validate(text)
    assert caught.value.context is not None
    assert kind.low in caught.value.context["remedy"]
    assert kind.high in caught.value.context["remedy"]


@given(st.integers(1, 3_600_000))
def test_what_is_said_can_be_read(milliseconds: int) -> None:
    """A duration in a report could be written into a file, and says the same there."""
    assert Span("0s", "1h").read(spoken(milliseconds / 1000)) == pytest.approx(milliseconds / 1000)


@pytest.mark.parametrize(
    ("seconds", "text"), [(0, "0s"), (0.25, "250ms"), (30, "30s"), (67, "67s"), (60, "1m"), (90, "90s"), (3600, "1h")]
)
def test_durations_are_said_as_people_write_them(seconds: float, text: str) -> None:
    """The largest unit that takes it whole."""
    assert spoken(seconds) == text


@pytest.mark.parametrize(
    ("size", "text"), [(0, "0B"), (1000, "1000B"), (1024, "1KiB"), (1536 * 1024, "1536KiB"), (1024**3, "1GiB")]
)
def test_sizes_are_said_as_people_write_them(size: int, text: str) -> None:
    """As durations."""
    assert spoken_size(size) == text
