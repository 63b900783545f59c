"""JSON that becomes bytes on the way says what it would have said at once, in pieces that hold nobody up."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.soap.growing import Growing, Meter, Rows, Texts, large, long
from tests.adapters.soap.contracts import examples

if TYPE_CHECKING:
    from collections.abc import Generator


def whole(steps: Generator[None, None, Any]) -> Any:
    """Do it at once, and read what came of it."""
    while True:
        try:
            next(steps)
        except StopIteration as done:
            return orjson.loads(orjson.dumps(done.value))


VALUES = st.recursive(st.none() | st.integers(0, 9) | st.text(max_size=3), lambda inner: st.lists(inner, max_size=3))
PUTS = st.lists(
    st.tuples(st.sampled_from("abc"), VALUES, st.sampled_from([0, 1, 63, 64, 65, 999, 1000, 5000])), max_size=12
)


@examples(2_000)
@given(PUTS, st.sets(st.sampled_from("abc")))
def test_an_object_is_what_was_put_into_it(puts: list[tuple[str, Any, int]], many: set[str]) -> None:
    """Arrays by the schema, and what comes again; however heavy each is said to be."""
    grown, expected = Growing({"front": 1}), dict[str, Any](front=1)
    again: set[str] = set()
    for key, value, weight in puts:
        grown.put(key, value, weight, many=key in many)
        if key in many or key in again:
            expected.setdefault(key, []).append(value)
        elif key in expected:
            again.add(key)
            expected[key] = [expected[key], value]
        else:
            expected[key] = value
    assert len(grown) == len(expected)
    assert whole(grown.finished()) == expected


@pytest.mark.parametrize("count", [0, 1, 64, 65, 128, 10_000])
def test_an_object_of_many_members_is_whole(count: int) -> None:
    """Of few it is an object still, of many it is bytes."""
    grown = Growing()
    for each in range(count):
        grown.put(f'k"{each}', [each], 2)
    assert whole(grown.finished()) == {f'k"{each}': [each] for each in range(count)}


@pytest.mark.parametrize("count", [0, 1, 64, 65, 999, 1001, 200_000])
def test_an_array_is_whole(count: int) -> None:
    """Whatever its length, also where its last piece was just closed."""
    rows = Rows()
    for each in range(count):
        rows.append(each, 1)
    assert whole(rows.finished()) == [*range(count)]


def test_a_text_is_whole_and_says_when_it_is_blank() -> None:
    """Between many children, as before the first."""
    for count in (0, 1, 5000):
        texts = Texts("a")
        for _ in range(count):
            texts.append(" b")
        assert texts.whole() == "a" + " b" * count
    blank = Texts(None)
    blank.append("\n  ")
    assert blank.whole() == ""
    assert Texts(None).whole() == ""


def test_a_long_text_is_escaped_in_pieces() -> None:
    """It is the text that it was."""
    text = '"\\\n\x01é😀' * 20_000
    assert whole(long(text)) == text
    assert sum(1 for _ in long(text)) > 3


def test_tables_become_bytes_with_those_inside_them() -> None:
    """A DataSet's rows, nested ones, what was before, and a table without rows."""
    found = {
        "T": [{"n": each, "inner": [{"k": None}] * 3} for each in range(2500)],
        "none": [],
        "$before": {"T": [{"n": 0}]},
    }
    expected = orjson.loads(orjson.dumps(found))
    assert whole(large(found, {"@type": "x"})) == {"@type": "x", **expected}


def test_a_turn_is_due_when_enough_was_read() -> None:
    """Not before, and not twice."""
    meter = Meter()
    assert [*meter.turn()] == []
    meter.spent += 250
    assert [*meter.turn()] == [None]
    assert [*meter.turn()] == []
