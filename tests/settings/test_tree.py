"""YAML to a tree: the core schema, places, duplicates, and bounds on what a file can make of memory."""

from __future__ import annotations

from typing import Any

import pytest

from sidecar.settings.problem import Place
from sidecar.settings.tree import Block, Scalar, core, joined, plain, read


def tree(text: str) -> Any:
    reading = read(text, {})
    assert reading.problems == []
    assert reading.root is not None
    return plain(reading.root)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("no", "no"),
        ("off", "off"),
        ("y", "y"),
        ("22:30", "22:30"),
        ("1_000", "1_000"),
        ("010", 10),
        ("0o10", 8),
        ("0x10", 16),
        ("1e3", 1000.0),
        ("-.5", -0.5),
        ("1.", 1.0),
        ("1.2.3", "1.2.3"),
        ("TRUE", True),
        ("False", False),
        ("~", None),
        ("Null", None),
        ("nULL", "nULL"),
        ("2026-12-01", "2026-12-01"),
        ("9" * 30, "9" * 30),
        (".inf", ".inf"),
        ("0x", "0x"),
        ("=", "="),
    ],
)
def test_the_core_schema(text: str, value: object) -> None:
    """YAML 1.2.2 section 10.3.2: what looks odd in 1.1 is a word here. Infinities and endless digits are words, too: no key wants them."""
    assert core(text) == value
    assert type(core(text)) is type(value)
    assert tree(f"a: {text}") == {"a": value}


def test_quotes_make_texts() -> None:
    """Whatever stands in them."""
    assert tree("""{a: "1", b: 'true', c: !!str 5, d: ! 6}""") == {"a": "1", "b": "true", "c": "5", "d": "6"}


def test_places_are_of_keys_and_values() -> None:
    """Counted from one, with their widths."""
    root = read("ab:\n  cd: efg\n", {}).root
    assert isinstance(root, Block)
    inner = root.entries["ab"].node
    assert isinstance(inner, Block)
    entry = inner.entries["cd"]
    assert (entry.place, entry.node.place) == (Place(2, 3, 2), Place(2, 7, 3))


def test_all_duplicates_are_found_and_the_first_stays() -> None:
    """Not only the first of them."""
    reading = read("a: 1\na: 2\nb: {c: 1, c: 2, c: 3}\n", {})
    assert [(problem.code, problem.key, problem.place.line) for problem in reading.problems] == [
        ("E104", "a", 2),
        ("E104", "b.c", 3),
        ("E104", "b.c", 3),
    ]
    assert reading.root is not None
    assert plain(reading.root) == {"a": 1, "b": {"c": 1}}


def test_aliases_share_what_they_name() -> None:
    """An anchor is YAML's own way to say a thing once."""
    assert tree("a: &x {b: 1}\nc: *x") == {"a": {"b": 1}, "c": {"b": 1}}


def test_a_key_may_be_an_alias() -> None:
    """It is the text that it names."""
    assert tree("a: &x hello\n*x : 1") == {"a": "hello", "hello": 1}


def test_a_reference_that_cannot_be_filled_is_marked() -> None:
    """So that nobody complains about what it would have been."""
    root = read("a: ${NOWHERE}", {}).root
    assert isinstance(root, Block)
    node = root.entries["a"].node
    assert isinstance(node, Scalar)
    assert node.broken


@pytest.mark.parametrize(
    "text",
    [
        "[" * 100_000,
        "{a: " * 100_000,
        "- " * 50_000,
        "a: &a [*a]",
        "a: &x [1, *x]",
        "\n".join(f"- &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" if n else "- &a0 [x]" for n in range(30)),
    ],
    ids=["brackets", "braces", "dashes", "itself", "inside itself", "laughs"],
)
def test_no_file_makes_much_of_little(text: str) -> None:
    """Depth and expansion are bounded while the tree grows: what would be deep or large is refused, and nothing of it is left to use."""
    reading = read(text, {})
    assert reading.problems
    assert {problem.code for problem in reading.problems} <= {"E103", "E105", "E108"}
    assert reading.root is None or reading.root.size < 10


def test_nothing_is_no_tree() -> None:
    """An empty file, or one of comments."""
    assert read("", {}).root is None
    assert read("# x\n", {}).root is None


@pytest.mark.parametrize(
    ("path", "key", "whole"),
    [("", "a", "a"), ("a", "b", "a.b"), ("a", "b c", 'a."b c"'), ("a", "Get*", "a.Get*"), ("a", "x.y", 'a."x.y"')],
)
def test_dotted_names(path: str, key: str, whole: str) -> None:
    """A key with a dot in it is quoted, as XML-RPC's are."""
    assert joined(path, key) == whole
