"""From pydantic's errors to sentences with a place. What each sentence says is in the golden files; here is how places are found."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from sidecar.settings.complaints import broken, complaints, dotted, node_at, place_of
from sidecar.settings.problem import Place
from sidecar.settings.schema import Settings
from sidecar.settings.tree import Block, plain, read

SOURCE = """\
listen: {port: x}
cors:
  origins:
    - https://a.example
drain:
backends:
  t: {protocol: soap}
"""


def root_of(source: str = SOURCE) -> Block:
    root = read(source, {}).root
    assert isinstance(root, Block)
    return root


@pytest.mark.parametrize(
    ("loc", "key", "place"),
    [
        (("listen", "port"), False, Place(1, 16, 1)),
        (("listen", "port"), True, Place(1, 10, 4)),
        (("cors",), False, Place(2, 1, 4)),
        (("cors", "origins", 0), False, Place(4, 7, 17)),
        (("drain",), False, Place(5, 1, 5)),
        (("backends", "t", "url"), True, Place(7, 3, 1)),
        (("nowhere",), True, Place(1, 1, 1)),
        (("cors", "origins", 9), False, Place(3, 3, 7)),
    ],
)
def test_places(loc: Any, key: bool, place: Place) -> None:
    """A value's own place, a block's key, and for what is not written the block that it is missing in."""
    found = place_of(root_of(), loc, key=key)
    assert (found.line, found.column) == (place.line, place.column)


def test_nodes() -> None:
    """None where nothing stands."""
    root = root_of()
    assert node_at(root, ("cors", "origins", 0)) is not None
    assert node_at(root, ("cors", "origins", 1)) is None
    assert node_at(root, ("listen", "port", "deeper")) is None


@pytest.mark.parametrize(
    ("loc", "text"),
    [
        ((), ""),
        (("a", "b"), "a.b"),
        (("a", 0, "b"), "a[0].b"),
        (("backends", "t", "operations", "x.y*"), 'backends.t.operations."x.y*"'),
    ],
)
def test_dotted(loc: Any, text: str) -> None:
    """As people write where a key is."""
    assert dotted(loc) == text


def errors_of(root: Block) -> list[Any]:
    with pytest.raises(ValidationError) as caught:
        Settings.model_validate(plain(root))
    return list(caught.value.errors(include_url=False, include_input=False))


def test_what_cannot_be_used() -> None:
    """An unknown key spoils itself alone; a wrong value its backend, or its block of the file."""
    root = root_of(
        "listen: {port: x}\nzebra: 1\nbackends:\n  a: {protocol: x, url: http://h/}\n  b: {protocol: soap, url: http://h/, odd: 1}\n"
    )
    _, unusable = complaints(errors_of(root), root)
    assert sorted(unusable) == [("backends", "a"), ("backends", "b", "odd"), ("listen",), ("zebra",)]


def test_consequences_of_a_broken_value_are_left_out() -> None:
    """Its own problem is on record already."""
    root = root_of(
        "listen: {port: '${NOWHERE}'}\nbackends: {a: {protocol: soap, url: '${NOWHERE}', faults: ['${NOWHERE}']}}"
    )
    problems, _ = complaints(errors_of(root), root)
    assert problems == []
    assert set(broken(root)) == {("listen",), ("backends", "a")}


def test_an_error_that_nobody_foresaw_still_has_a_place() -> None:
    """Should a later pydantic say something new, people get its word and the key's help line."""
    root = root_of()
    (problem,), _ = complaints([{"type": "brand_new", "loc": ("listen", "port"), "msg": "?"}], root)
    assert (problem.place.line, problem.key, problem.what) == (1, "listen.port", "brand new")
    assert "port to bind" in problem.remedy


@pytest.mark.parametrize("value", ["hunter2", "12345678", "'hunter2'"])
def test_a_message_about_a_secret_does_not_repeat_it(value: str) -> None:
    """Whatever is found wrong with it, today or in a later version."""
    root = root_of(f"admin: {{token: {value}}}")
    for kind, context in (
        ("less_than_equal", {"le": 5}),
        ("string_type", {}),
        ("literal_error", {"expected": "'hunter3'"}),
    ):
        (problem,), _ = complaints([{"type": kind, "loc": ("admin", "token"), "ctx": context}], root)
        assert value.strip("'") not in problem.what + problem.remedy


def test_a_misspelt_key_is_not_missing_as_well() -> None:
    """One fault, one problem: the key that it was meant to be is not told again."""
    root = root_of("backends: {t: {protocl: soap, url: 'http://h/x'}}")
    problems, _ = complaints(errors_of(root), root)
    assert [(problem.code, problem.key) for problem in problems] == [("E201", "backends.t.protocl")]
