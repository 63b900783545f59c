"""How a problem looks: the line, the caret under the right characters, and nothing that must not reach a log."""

from __future__ import annotations

import pytest

from sidecar.settings.problem import Lines, Place, Problem, SettingsError


def said(source: str, place: Place) -> list[str]:
    return SettingsError("f.yaml", [Problem("E999", place, "a.b", "is odd", "mend it")], source).text().split("\n")


def test_a_problem_as_people_see_it() -> None:
    """File, place, key, what, code; the line; a caret as wide as the fault; the remedy."""
    assert said("a:\n  b: odd\n", Place(2, 6, 3)) == [
        "f.yaml:2:6 a.b: is odd [E999]",
        "    2 |   b: odd",
        "      |      ^^^",
        "       mend it",
    ]


def test_tabs_stay_tabs_under_the_line() -> None:
    """However wide a terminal makes them, the caret stands below the fault."""
    assert said("\tb: odd", Place(1, 5, 3))[2] == "      | \t   ^^^"


def test_a_long_line_is_cut_around_the_fault() -> None:
    """A generated file of one line must not bury its problem."""
    lines = said("x" * 5000 + "ODD" + "y" * 5000, Place(1, 5001, 3))
    at = lines[2].index("^")
    assert lines[1][at : at + 3] == "ODD"
    assert max(map(len, lines)) < 200


def test_problems_come_in_the_order_of_the_file() -> None:
    """Whatever found them first."""
    problems = [Problem("E3", Place(3), "c", "x"), Problem("E1", Place(1), "a", "x"), Problem("E2", Place(2), "b", "x")]
    assert [problem.key for problem in SettingsError("f", problems).problems] == ["a", "b", "c"]


def test_machines_get_the_same_facts() -> None:
    """One flat object a problem."""
    (fact,) = SettingsError("f", [Problem("E1", Place(3, 2, 4), "k", "w", "r")]).facts()
    assert fact == {
        "file": "f",
        "line": 3,
        "column": 2,
        "width": 4,
        "key": "k",
        "code": "E1",
        "message": "w",
        "remedy": "r",
    }


def test_the_shown_line_is_masked() -> None:
    """The one line that certainly holds the secret is the one that is shown."""
    assert "pass" not in "\n".join(said("url: http://joe:pass@h/x", Place(1, 6, 19)))


@pytest.mark.parametrize(
    ("text", "index", "place"),
    [
        ("ab\ncd", 0, Place(1, 1)),
        ("ab\ncd", 4, Place(2, 2)),
        ("ab\r\ncd", 4, Place(2, 1)),
        ("ab\rcd", 3, Place(2, 1)),
        ("a\u2028b", 2, Place(1, 3)),
        ("ab", 2, Place(1, 3)),
        ("ab\n", 3, Place(2, 1)),
    ],
)
def test_places(text: str, index: int, place: Place) -> None:
    """Lines end where editors end them."""
    assert Lines(text).place(index) == place


def test_a_place_ends_with_its_line() -> None:
    """A block scalar's caret does not run into nowhere."""
    assert Lines("ab: |\n  long").place(4, 50) == Place(1, 5, 1)
