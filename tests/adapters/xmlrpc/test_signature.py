"""Signatures: parameters by name in their order, queries as values, and the schemas that say what goes in and comes out."""

from __future__ import annotations

from typing import Any

import pytest

from adapters.xmlrpc.signature import arranged, described, queried, sample_of, schema_of
from adapters.xmlrpc.values import WRONG_MOST, Given, call
from sidecar.pieces import whole
from sidecar.signatures import ANY, Kind, Member, Signature, Signatures, Type

STRING, INT = Type(Kind.STRING), Type(Kind.INT)
RESERVE = Signature(
    "tickets.reserve",
    (
        Member("session", STRING, text="whose"),
        Member("seats", INT),
        Member("note", STRING, optional=True),
        Member("row", STRING, optional=True),
    ),
    Type(Kind.STRUCT, (Member("id", INT), Member("until", Type(Kind.DATETIME), optional=True))),
    "Reserve seats.",
)


def test_names_become_positions() -> None:
    """In the order of the signature, each with its place in the body; trailing optional ones may be away."""
    params, wrong = whole(arranged(RESERVE, {"seats": 2, "session": "a"}))
    assert params == [Given("a", STRING, (None, "session")), Given(2, INT, (None, "seats"))]
    assert wrong == []


@pytest.mark.parametrize(
    ("body", "errors"),
    [
        ({}, [("/session", "missing"), ("/seats", "missing")]),
        ({"sesion": "a", "seats": 2}, [("/sesion", "unknown"), ("/session", "missing")]),
        ({"session": "a", "seats": 2, "row": "A"}, [("/note", "missing")]),
        (["a"], [("/1", "missing")]),
        (["a", 2, "n", "A", 5], [("/4", "unknown")]),
        ("a", [("", "type")]),
        (None, [("", "type")]),
    ],
)
def test_what_does_not_fit(body: Any, errors: list[tuple[str, str]]) -> None:
    """All of it is told, with the place."""
    assert [(pointer, code) for pointer, code, _ in whole(arranged(RESERVE, body))[1]] == errors


def test_a_misspelt_name_is_recognised() -> None:
    """The remedy is the right one."""
    [first, _] = whole(arranged(RESERVE, {"sesion": "a", "seats": 2}))[1]
    assert first[2] == "no parameter of that name, did you mean 'session'?"


def test_a_call_of_nothing_but_wrong_names() -> None:
    """Its list of errors ends, and each is short."""
    wrong = whole(arranged(RESERVE, {f"{at}{'x' * 1_000}": 1 for at in range(1_000)}))[1]
    assert len(wrong) == WRONG_MOST + 2
    assert max(len(pointer) for pointer, _, _ in wrong) < 300


def test_positions_are_taken_too() -> None:
    """By the signature's types; without a signature, whatever they are."""
    assert whole(arranged(RESERVE, ["a", 2]))[0] == [Given("a", STRING, (None, 0)), Given(2, INT, (None, 1))]
    assert whole(arranged(None, [{"a": 1}]))[0] == [Given({"a": 1}, ANY, (None, 0))]
    assert whole(arranged(None, []))[0] == []


def test_names_need_a_signature() -> None:
    """Nobody else knows their order."""
    [(pointer, code, text)] = whole(arranged(None, {"a": 1}))[1]
    assert (pointer, code) == ("", "type")
    assert "send an array" in text
    assert whole(arranged(None, [1] * 1_001))[1][0][:2] == ("/1000", "unknown")


EVERY = Signature("m", tuple(Member(kind.value, Type(kind)) for kind in Kind))


def test_a_query_is_read_by_type() -> None:
    """What it says is what a body would say."""
    query = "int=-5&i8=9007199254740993&double=12.50&string=a%26%C3%A9+b&boolean=true&dateTime=2026-12-01T09:00:00&base64=AAEC"
    found, wrong = queried(EVERY, query)
    assert wrong == []
    assert found == {
        "int": -5,
        "i8": "9007199254740993",
        "double": "12.50",
        "string": "a&é b",
        "boolean": True,
        "dateTime": "2026-12-01T09:00:00",
        "base64": "AAEC",
    }
    assert queried(EVERY, "boolean=0")[0] == {"boolean": False}
    assert queried(EVERY, "") == ({}, [])
    assert queried(None, "") == ([], [])


@pytest.mark.parametrize(
    ("query", "errors"),
    [
        ("string=a&string=a", [("/string", "duplicate")]),
        ("string=%ff", [("/string", "characters")]),
        ("struct=a&array=b&any=c&nil=", [(f"/{name}", "type") for name in ("struct", "array", "any", "nil")]),
        ("&".join(["a=1"] * 1_001), [("", "count")]),
    ],
)
def test_what_no_query_says(query: str, errors: list[tuple[str, str]]) -> None:
    """Twice, in no charset, or what needs JSON."""
    assert [(pointer, code) for pointer, code, _ in queried(EVERY, query)[1]] == errors
    assert queried(None, "a=1")[1][0][:2] == ("", "unknown")


@pytest.mark.parametrize(
    "query", ["int=5.0", "int=", "int=\u0663", "int=" + "1" * 30, "boolean=yes", "double=1e5", "i8=a"]
)
def test_a_text_that_is_no_such_value(query: str) -> None:
    """It stays a text, so that the one check of values says what it must be."""
    found, wrong = queried(EVERY, query)
    [(name, value)] = found.items()
    assert wrong == []
    kind = Type(Kind(name))
    assert whole(call("m", [Given(value, kind, (None, name))], Signatures()))[1][0][0] == f"/{name}"


def test_the_schema_of_a_method() -> None:
    """Named parameters go in, closed; what comes out may hold more than is said."""
    found = described(RESERVE, nullable=False)
    assert found.input == {
        "type": "object",
        "properties": {
            "session": {"type": "string", "description": "whose"},
            "seats": {"type": "integer", "minimum": -(2**31), "maximum": 2**31 - 1},
            "note": {"type": "string"},
            "row": {"type": "string"},
        },
        "required": ["session", "seats"],
        "additionalProperties": False,
    }
    assert found.output == {
        "type": "object",
        "properties": {"id": {"type": "integer"}, "until": {"type": "string", "pattern": found.output["properties"]["until"]["pattern"]}},
        "required": ["id"],
    }  # fmt: skip
    assert (found.name, found.text, found.queryable) == ("tickets.reserve", "Reserve seats.", True)
    assert not described(EVERY, nullable=False).queryable
    assert described(Signature("m"), nullable=False).input == {
        "type": "object",
        "properties": {},
        "additionalProperties": False,
    }


def test_a_backend_that_knows_nothing_may_say_it() -> None:
    """Then every type may be null, in and out, and only then."""
    assert schema_of(INT, nullable=True, closed=False) == {"type": ["integer", "null"]}
    assert schema_of(Type(Kind.I8), nullable=True, closed=False)["type"] == ["integer", "string", "null"]
    assert schema_of(Type(Kind.NIL), nullable=True, closed=False) == {"type": ["null"]}
    assert schema_of(Type(Kind.STRUCT), nullable=True, closed=True) == {"type": ["object", "null"]}
    assert schema_of(Type(Kind.ARRAY, items=STRING), nullable=False, closed=True) == {
        "type": "array",
        "items": {"type": "string"},
    }
    assert schema_of(ANY, nullable=True, closed=True) == {}


@pytest.mark.parametrize("kind", list(Kind))
def test_an_example_of_each_type_can_be_sent(kind: Kind) -> None:
    """What the pages show is taken as it stands."""
    one = Type(kind, items=INT) if kind is Kind.ARRAY else Type(kind)
    for each in (one, Type(Kind.STRUCT, (Member("a", one),)), Type(Kind.ARRAY, items=one)):
        given = Given(sample_of(each), each, (None, "a"))
        assert whole(call("m", [given], Signatures(allow_nil=True)))[1] == []
