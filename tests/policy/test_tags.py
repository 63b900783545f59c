"""Tags: what a read depends on, what a write changes, and that a write which does not say touches everything."""

from __future__ import annotations

import pytest

from sidecar.policy.tags import EVERYTHING, names, of_operation, of_order, of_read, of_write

PERF = ("perf:{iPerformanceNumber}", "season")


def test_names() -> None:
    """Every parameter that a template names, once."""
    assert names(("a:{x}:{y}", "b:{x}", "c")) == {"x", "y"}


def test_a_read_depends_on_its_backend_and_operation_too() -> None:
    """So operators may purge by them without anybody having written a tag."""
    found = of_read("GetSeats", PERF, {"iPerformanceNumber": "1201"})
    assert found == (EVERYTHING, of_operation("GetSeats"), "perf:1201", "season")


@pytest.mark.parametrize("value", ["1201", " 1201\n", "01201", "+1201"])
def test_read_and_write_of_one_performance_meet(value: str) -> None:
    """However each of them writes the number."""
    read = of_read("GetSeats", PERF, {"iPerformanceNumber": value})
    assert read[2:] == ("perf:1201", "season")
    assert "perf:1201" in of_write(("perf:{iPerformanceNumber}",), {"iPerformanceNumber": "1201"})


def test_case_is_no_difference() -> None:
    """A read whose settings fold it and a write whose do not still meet; and so does an operator's order."""
    assert (
        of_read("Get", ("Unit:{code}",), {"code": "abc"})[2]
        == of_write(("Unit:{code}",), {"code": "ABC"})[0]
        == of_order(" Unit:ABC")
    )


def test_a_read_that_does_not_say_which_is_changed_by_every_write_of_that_form() -> None:
    """Its parameter stands there twice, or not at all; whatever the write calls its own."""
    read = of_read("GetSeats", ("perf:{iPerf}",), {})
    write = of_write(("perf:{iPerformanceNumber}",), {"iPerformanceNumber": "7"})
    assert set(read[2:]) & set(write)
    assert not set(read[2:]) & set(of_write(("unit:{iUnit}",), {"iUnit": "7"}))


def test_a_tag_is_short() -> None:
    """Anybody may send a megabyte in a parameter, and a tag is kept for long."""
    one, other = ({"iPerformanceNumber": text + "x" * 500_000} for text in "ab")
    assert len(of_read("Get", PERF, one)[2]) < 80
    assert of_read("Get", PERF, one)[2] != of_read("Get", PERF, other)[2]
    assert of_read("Get", PERF, one)[2] in of_write(PERF, one)


@pytest.mark.parametrize("parameters", [{}, {"iPerformanceNumber": ""}, {"iPerformanceNumber": " \t"}, {"other": "1"}])
def test_a_write_that_does_not_say_which_touches_everything(parameters: dict[str, str]) -> None:
    """Rather one call too many than an answer from before."""
    assert of_write(PERF, parameters) == (EVERYTHING,)


def test_a_write_touches_what_its_templates_say() -> None:
    """And nothing besides, but what was read without saying which."""
    assert of_write(PERF, {"iPerformanceNumber": "7"})[:2] == ("perf:7", "season")
    assert of_write(("season",), {}) == ("season",)


def test_an_operations_tag_is_nobodys_template() -> None:
    """A control character stands before it, which neither the settings nor an order can write."""
    assert not of_operation("GetSeats").isprintable()
    assert of_operation("GetSeats") not in of_read("GetCart", ("GetSeats", "{x}"), {"x": "GetSeats"})
