"""What every face reads with: 32-bit integers or a refusal, and the work of a batch as the sum of its members."""

from __future__ import annotations

import pytest

from sidecar.demo.ask import Ask, ParameterError, Reply, Step, integer
from sidecar.demo.operations import BY_NAME


@pytest.mark.parametrize(
    ("text", "value"), [("0", 0), ("-1", -1), (" 7 ", 7), ("2147483647", 2**31 - 1), ("-2147483648", -(2**31))]
)
def test_integers_of_32_bits_are_read(text: str, value: int) -> None:
    """The bounds are inside, and white space around is no error, as in XML Schema."""
    assert integer("n", text) == value


@pytest.mark.parametrize("text", ["", "x", "1.0", "2147483648", "-2147483649"])
def test_what_is_no_integer_names_its_parameter(text: str) -> None:
    """The error carries the name and the text that came."""
    with pytest.raises(ParameterError, match="parameter iZone cannot be read") as caught:
        integer("iZone", text)
    assert (caught.value.name, caught.value.text) == ("iZone", text)


def test_a_batch_is_as_much_work_as_its_members() -> None:
    """A greeting, a payment and a report in one call: 1 + 2 + 20."""
    steps = tuple(Step(BY_NAME[name], {}) for name in ("HelloWorld", "Checkout", "GetSalesReport"))
    assert Ask(steps, lambda _: Reply(200, "text/plain", b"")).work == 23
