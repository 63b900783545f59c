"""Members stand in the order of the content model, and what it misses or cannot place is told."""

from __future__ import annotations

from typing import Any

import pytest

from adapters.soap.contents import Contents, length
from adapters.soap.job import Job, Prefixes
from adapters.soap.types import MANY, Complex, Group, Leaf, Member, Scalar, Wild

TEXT = Scalar("string")
A, B, C, D = range(4)


def members(*many: int) -> tuple[Member, ...]:
    """Return four members, a to d; those whose places are named are arrays."""
    return tuple(
        Member(name, name, TEXT, many=at in many, most=MANY if at in many else 1) for at, name in enumerate("abcd")
    )


def written(content: Group, value: dict[str, Any], *many: int, wild: bool = False) -> tuple[str, list[tuple[str, str]]]:
    """Return what is written, one word each, and what is wrong."""
    made = Complex("{urn:t}T", members(*many), content, wild=wild)
    job, found = Job(Prefixes()), []
    for order, index in Contents(made).order(value, job, None):
        key = "$any" if order is None else made.members[order].key
        found.append(str(value[key] if index is None else value[key][index]))
    return " ".join(found), [(at, code) for at, code, _ in job.errors]


def sequence(*parts: Any, fewest: int = 1, most: int = 1) -> Group:
    return Group("sequence", parts, fewest, most)


def choice(*parts: Any, fewest: int = 1, most: int = 1) -> Group:
    return Group("choice", parts, fewest, most)


@pytest.mark.parametrize(
    ("content", "value", "many", "expected", "errors"),
    [
        pytest.param(sequence(Leaf(B), Leaf(A)), {"a": 1, "b": 2}, (), "2 1", [], id="a sequence as it is declared"),
        pytest.param(Group("all", (Leaf(A), Leaf(B))), {"b": 2, "a": 1}, (), "1 2", [], id="all"),
        pytest.param(
            sequence(Leaf(A), sequence(Leaf(B), Leaf(C, 0))), {"a": 1, "b": 2}, (), "1 2", [], id="groups in groups"
        ),
        pytest.param(
            sequence(Leaf(A, 0, 1), Leaf(B, 0, 1), Leaf(A, 0, 1)), {"a": [1, 2], "b": 3}, (A,), "1 3 2", [], id="twice"
        ),
        pytest.param(
            sequence(Leaf(A), Leaf(B), most=MANY), {"a": [1, 2], "b": [4, 5]}, (A, B), "1 4 2 5", [], id="in turns"
        ),
        pytest.param(
            sequence(Leaf(A), Leaf(B, 1, MANY), most=MANY),
            {"a": [1, 2], "b": [3, 4, 5]},
            (A, B),
            "1 3 4 2 5",
            [],
            id="an array in turns",
        ),
        pytest.param(
            sequence(Leaf(A), Leaf(B, 2, 2), most=MANY),
            {"a": [1, 2], "b": [3, 4]},
            (A, B),
            "1 3 2 4",
            [("/b", "length")],
            id="too few for all turns",
        ),
        pytest.param(
            sequence(sequence(Leaf(A), Leaf(B), most=2)), {"a": [1, 2, 3]}, (A,), "1 2", [("/b", "missing")], id="no b"
        ),
        pytest.param(choice(Leaf(A), Leaf(B)), {"b": 2}, (), "2", [], id="a choice"),
        pytest.param(choice(Leaf(A), Leaf(B)), {"a": 1, "b": 2}, (), "1", [("/b", "choice")], id="two of a choice"),
        pytest.param(choice(Leaf(A), Leaf(B)), {}, (), "", [("", "missing")], id="none of a choice"),
        pytest.param(choice(Leaf(A), Leaf(B, 0)), {}, (), "", [], id="none of a choice that may be empty"),
        pytest.param(choice(Leaf(A), Leaf(B), fewest=0), {}, (), "", [], id="none of a choice that may be left out"),
        pytest.param(
            choice(sequence(Leaf(A), Leaf(B)), sequence(Leaf(A), Leaf(C))), {"a": 1, "c": 3}, (), "1 3", [], id="best"
        ),
        pytest.param(
            choice(sequence(Leaf(A), Leaf(B)), Leaf(C)), {"b": 1}, (), "1", [("/a", "missing")], id="half a branch"
        ),
        pytest.param(
            choice(Leaf(A), Leaf(B), most=MANY),
            {"b": [3], "a": [1, 2]},
            (A, B),
            "1 2 3",
            [],
            id="a choice that repeats",
        ),
        pytest.param(
            choice(Leaf(A), Leaf(B), most=2), {"a": [1, 2, 3]}, (A,), "1 2", [("/a", "choice")], id="more than repeats"
        ),
        pytest.param(
            sequence(Leaf(A), choice(Leaf(B), sequence(Leaf(C), Leaf(D, 0))), most=MANY),
            {"a": [1, 2], "b": [3], "c": [4]},
            (A, B, C),
            "1 3 2 4",
            [],
            id="a choice in a sequence that repeats",
        ),
        pytest.param(
            sequence(Leaf(A, 1, MANY), choice(Leaf(B))), {"a": []}, (A,), "", [("", "missing")], id="[] is there"
        ),
        pytest.param(sequence(Leaf(A), Leaf(B, 0, MANY)), {"a": 1, "b": 5}, (B,), "1", [("/b", "type")], id="no array"),
        pytest.param(choice(Leaf(A, 0, MANY)), {"a": 5}, (A,), "", [("/a", "type")], id="no array in a choice"),
        pytest.param(sequence(), {}, (), "", [], id="nothing"),
        pytest.param(
            sequence(Leaf(A), sequence(Leaf(B), Leaf(C), fewest=0)),
            {"a": 1, "b": 2},
            (),
            "1 2",
            [("/c", "missing")],
            id="begun",
        ),
    ],
)
def test_members_stand_where_the_model_has_them(
    content: Group, value: dict[str, Any], many: tuple[int, ...], expected: str, errors: list[tuple[str, str]]
) -> None:
    """Whatever order JSON has them in."""
    assert written(content, value, *many) == (expected, errors)


def test_what_wildcards_hold_stands_where_the_wildcard_is() -> None:
    """A number of them is no matter."""
    model = sequence(Leaf(A), Wild(0, MANY), Leaf(B, 0))
    assert written(model, {"a": 1, "$any": [7, 8], "b": 2}, wild=True) == ("1 7 8 2", [])
    assert written(model, {"a": 1}, wild=True) == ("1", [])
    assert written(model, {"a": 1, "$any": 7}, wild=True) == ("1", [("/$any", "type")])
    assert written(choice(Leaf(A), Wild()), {"$any": [7]}, wild=True) == ("7", [])
    assert written(choice(Leaf(A), Wild()), {"$any": [7, 8]}, wild=True) == ("7", [("/$any", "choice")])
    assert written(sequence(Leaf(A), Wild(1, 1)), {"a": 1}, wild=True) == ("1", [])


def test_a_plain_sequence_names_what_is_required() -> None:
    """As most types are; no model is asked."""
    made = Complex("T", (Member("a", "a", TEXT, required=True),), sequence(Leaf(A)))
    job = Job(Prefixes())
    assert Contents(made).plain
    assert [*Contents(made).order({}, job, None)] == []
    assert job.errors == [("/a", "missing", "is required")]


def test_a_long_choice_names_some_of_what_could_be_there() -> None:
    """Ten are enough for a person."""
    names = [f"m{each}" for each in range(20)]
    made = Complex("T", tuple(Member(name, name, TEXT) for name in names), choice(*map(Leaf, range(20))))
    job = Job(Prefixes())
    assert [*Contents(made).order({}, job, None)] == []
    assert job.errors[0][2] == f"needs one of: {', '.join(names[:10])}, …"


@pytest.mark.parametrize(
    ("fewest", "most", "said"),
    [
        (1, MANY, "must have at least 1 item"),
        (2, MANY, "must have at least 2 items"),
        (2, 2, "must have 2 items"),
        (1, 1, "must have 1 item"),
        (0, 3, "must have 0 to 3 items"),
    ],
)
def test_how_many_items_are_taken_is_said_in_words(fewest: int, most: int, said: str) -> None:
    """For whoever sent too many."""
    assert length(Member("a", "a", TEXT, True, fewest=fewest, most=most)) == said
