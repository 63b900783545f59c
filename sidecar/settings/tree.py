"""YAML 1.2 text to a tree whose every key and value knows its line and column. Built from ruamel's events, so that all duplicate keys
are found, not the first alone, and plain scalars are read by the core schema whatever a directive says: `no` is a word, 22:30 is a word.
It knows nothing of what the keys mean.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.events import (
    AliasEvent,
    DocumentEndEvent,
    DocumentStartEvent,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
    StreamEndEvent,
)

from sidecar.settings.environment import expand
from sidecar.settings.problem import Lines, Place, Problem
from sidecar.settings.veil import is_secret_name, veiled

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

Value: TypeAlias = "str | int | float | bool | None"
Node: TypeAlias = "Scalar | Sequence | Block"

_DEPTH: Final = 24  # the vocabulary goes nine deep
NODES: Final = 50_000  # 500 backends with 50 keys each are 50 000 values; an alias counts as often as it is used
_STR: Final = "tag:yaml.org,2002:str"
_QUOTED: Final = re.compile(r"'[^']*'")
# Spaces that are none to YAML, and signs of no width: they come with texts that were copied from a web page or a mail.
_HALVES: Final = re.compile(
    "[\ud800-\udfff]"
)  # what an escape in double quotes may stand for, and no terminal or disk can take
_INVISIBLE: Final = re.compile("[\ud800-\udfff\u00a0\u1680\u2000-\u200f\u202f\u205f\u2060\u3000\ufeff]")

# YAML 1.2.2 section 10.3.2, the core schema.
_WORDS: Final[Mapping[str, Value]] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
_DECIMAL: Final = re.compile(r"[-+]?[0-9]{1,18}")  # longer ones are account numbers, not counts
_BASED: Final = re.compile(r"0o[0-7]{1,18}|0x[0-9a-fA-F]{1,15}")
_FLOAT: Final = re.compile(r"[-+]?(\.[0-9]{1,18}|[0-9]{1,18}(\.[0-9]{0,18})?)([eE][-+]?[0-9]{1,3})?")


@dataclass(frozen=True, slots=True)
class Scalar:
    """A value. `raw` is what the file says, `value` what it means once references are filled in; `broken` where one could not be."""

    place: Place
    raw: str
    value: Value
    expanded: bool = False
    broken: bool = False
    size: int = 1
    names: tuple[str, ...] = ()  # of the variables that its value came from


@dataclass(frozen=True, slots=True)
class Sequence:
    """A list."""

    place: Place
    items: tuple[Node, ...]
    size: int = 1


@dataclass(frozen=True, slots=True)
class Entry:
    """One key of a block and what stands behind it."""

    place: Place
    node: Node


@dataclass(frozen=True, slots=True)
class Block:
    """A mapping; keys are texts, in the order of the file. `partial` where one of them could not be read."""

    place: Place
    entries: Mapping[str, Entry]
    size: int = 1
    partial: bool = False


@dataclass(slots=True)
class Reading:
    """What came of a text: the tree, None where there is none, and what was wrong on the way."""

    root: Node | None = None
    problems: list[Problem] = field(default_factory=list)


class _StopError(Exception):
    """The rest of the text cannot be made sense of; the problem is on record."""


def read(text: str, environ: Mapping[str, str], file: str = "") -> Reading:
    """Read `text`, which places call `file`; never raises."""
    reading = Reading()
    builder = _Builder(text, environ, reading.problems, file)
    try:
        reading.root = builder.document()
    except _StopError:
        pass
    except MarkedYAMLError as error:
        reading.problems.append(_syntax(error, text, file))
    except YAMLError as error:
        reading.problems.append(_unreadable(error, text, file))
    except ValueError as error:  # ruamel lets some through: an escape beyond Unicode, a version number that is none
        reading.problems.append(Problem("E103", builder.place, "", f"not YAML: {error}"))
    return reading


def plain(node: Node) -> Any:
    """Return `node` as Python's own lists, dicts and values."""
    if isinstance(node, Scalar):
        return node.value
    if isinstance(node, Sequence):
        return [plain(item) for item in node.items]
    return {key: plain(entry.node) for key, entry in node.entries.items()}


class _Builder:
    """Eats events, grows nodes. Its recursion is bounded by _DEPTH."""

    def __init__(self, text: str, environ: Mapping[str, str], problems: list[Problem], file: str) -> None:
        self._text, self._environ, self._problems = text, environ, problems
        self._lines = Lines(text, file)
        self._events: Iterator[Any] = YAML(typ="safe", pure=True).parse(text)
        self._anchors: dict[str, Node] = {}
        self._count = 0
        self.place = Place(file=file)

    def document(self) -> Node | None:
        """Return the one document of the stream."""
        next(self._events)
        if isinstance(event := next(self._events), StreamEndEvent):
            return None
        if event.version is not None and tuple(event.version) != (1, 2):
            self._complain("E105", self._place(event), "", "settings are YAML 1.2", "delete the %YAML line")
        root = self._node(next(self._events), "", 0)
        assert isinstance(next(self._events), DocumentEndEvent)
        if isinstance(event := next(self._events), DocumentStartEvent):
            self._complain(
                "E105",
                self._place(event),
                "",
                "a second document begins here",
                "one file, one document: delete the '---'",
            )
        return root

    def _node(self, event: Any, path: str, depth: int) -> Node:
        self.place = place = self._place(event)
        if depth > _DEPTH:
            self._complain("E108", place, path, f"nested more than {_DEPTH} deep", "")
            raise _StopError
        if isinstance(event, AliasEvent):
            node = self._alias(event, path)
        else:
            if event.tag and event.tag not in (_STR, "!"):
                tag = "its tag" if _is_secret(path) else f"the tag {event.tag}"
                self._complain("E105", place, path, f"{tag} is not taken", "delete it")
            if isinstance(event, ScalarEvent):
                node = self._scalar(event, path)
            elif isinstance(event, SequenceStartEvent):
                node = self._sequence(place, path, depth)
            else:
                assert isinstance(event, MappingStartEvent)
                node = self._block(place, path, depth)
            if event.anchor is not None:
                self._anchors[event.anchor] = node
        self._count += node.size if isinstance(event, AliasEvent) else 1
        if self._count > NODES:
            self._complain("E108", place, path, f"more than {NODES} values", "")
            raise _StopError
        return node

    def _alias(self, event: Any, path: str) -> Node:
        node = self._anchors.get(event.anchor)
        if node is not None:
            return node
        name = "…" if _is_secret(path) else event.anchor.rstrip(":")
        remedy = f'a pattern that begins with * needs quotes: "*{name}"'
        self._complain("E105", self._place(event), path, f"*{name} refers to an anchor that is not above it", remedy)
        return Scalar(self._place(event), "", None, broken=True)

    def _sequence(self, place: Place, path: str, depth: int) -> Sequence:
        items: list[Node] = []
        while not isinstance(event := next(self._events), SequenceEndEvent):
            items.append(self._node(event, f"{path}[{len(items)}]", depth + 1))
        return Sequence(place, tuple(items), 1 + sum(item.size for item in items))

    def _block(self, place: Place, path: str, depth: int) -> Block:
        entries: dict[str, Entry] = {}
        partial = False
        while not isinstance(event := next(self._events), MappingEndEvent):
            key, where = self._key(event, path, depth), self._place(event)
            below = path if key is None else joined(path, key)
            node = self._node(next(self._events), below, depth + 1)
            if key is None:
                partial = True
            elif (first := entries.get(key)) is not None:
                remedy = f"it stands first in line {first.place.line}: keep one of the two"
                self._complain("E104", where, below, "this key is written twice", remedy)
            elif key == "<<":
                self._complain("E105", where, below, "'<<' is YAML 1.1", "write the keys out")
                partial = True
            else:
                entries[key] = Entry(where, node)
        return Block(place, entries, 1 + sum(1 + entry.node.size for entry in entries.values()), partial)

    def _key(self, event: Any, path: str, depth: int) -> str | None:
        """Return a key as it is written, None where it is none: 1201 and true are names here."""
        if isinstance(event, ScalarEvent):
            self._count += 1
            if (odd_sign := _INVISIBLE.search(event.value)) is None:
                return str(event.value)
            what = f"an invisible character, U+{ord(odd_sign[0]):04X}, is part of this key"
            self._complain("E103", self._place(event), path, what, "delete it; indent with plain spaces")
            return None
        odd = self._node(event, path, depth + 1)
        if isinstance(odd, Scalar):
            return None if odd.broken else odd.raw
        remedy = "was a value with braces meant to be quoted?"
        self._complain("E105", self._place(event), path, "a key must be a plain text", remedy)
        return None

    def _scalar(self, event: Any, path: str) -> Scalar:
        place = self._place(event)
        done = expand(event.value, self._environ)
        for fault in done.faults:
            self._complain(fault.code, self._inside(event, fault.nth, fault.width), path, fault.what, fault.remedy)
        if (half := _HALVES.search(done.text)) is not None:
            what = f"U+{ord(half[0]):04X} is half of a character"
            self._complain("E103", place, path, what, 'write the whole one, as in "\\U0001F3AD"')
            return Scalar(place, event.value, None, done.changed, broken=True, names=done.names)
        is_text = event.style is not None or event.tag is not None
        value: Value = done.text if is_text else core(done.text)
        return Scalar(place, event.value, value, done.changed, broken=bool(done.faults), names=done.names)

    def _inside(self, event: Any, nth: int, width: int) -> Place:
        """Return where the nth reference of a scalar stands in the file; a folded or escaped one is found by searching."""
        index = event.start_mark.index
        for _ in range(nth + 1):
            found = self._text.find("${", index, event.end_mark.index)
            if found < 0:
                return self._place(event)
            index = found + 2
        return self._lines.place(index - 2, width)

    def _place(self, event: Any) -> Place:
        return self._lines.place(event.start_mark.index, event.end_mark.index - event.start_mark.index)

    def _complain(self, code: str, place: Place, path: str, what: str, remedy: str) -> None:
        self._problems.append(Problem(code, place, path, what, remedy))


def _is_secret(path: str) -> bool:
    return is_secret_name(path.rpartition(".")[2].strip('"'))


def joined(path: str, key: str) -> str:
    """Return the dotted path of `key` below `path`."""
    shown = key if re.fullmatch(r"[\w*?-]+", key) else f'"{key}"'
    return f"{path}.{shown}" if path else shown


def core(text: str) -> Value:
    """Return what an unquoted text means."""
    if text in _WORDS:
        return _WORDS[text]
    if _DECIMAL.fullmatch(text):
        return int(text)
    if _BASED.fullmatch(text):
        return int(text, base=0)
    return float(text) if _FLOAT.fullmatch(text) else text


def _syntax(error: MarkedYAMLError, text: str, file: str) -> Problem:
    mark = error.problem_mark or error.context_mark
    unclosed = mark is not None and error.context_mark is not None and mark.index >= len(text.rstrip())
    if unclosed:
        mark = error.context_mark  # the end of the file helps nobody; where the quote or the brace stands does
    place = Lines(text, file).place(mark.index) if mark is not None else Place(file=file)
    what = ", ".join(part for part in (error.context, error.problem) if part)
    if mark is not None and veiled(text)[mark.index : mark.index + 1] == "*":
        what = _QUOTED.sub("'…'", what)  # ruamel repeats what it stumbled over, and here that is a secret
    here = text[mark.index : mark.index + 1] if mark is not None else ""
    if here == "{" and text[: mark.index].endswith("$"):
        here = "${"
    by_words = next((remedy for words, remedy in _BY_WORDS.items() if words in what), "")
    remedy = "what opens here is never closed" if unclosed else _REMEDIES.get(here, by_words)
    return Problem("E103", place, "", f"not YAML: {what}", remedy)


# What ruamel's words most often mean to somebody who meant YAML.
_BY_WORDS: Final = {
    "<block end>": "is this line indented like its neighbours, and does a space follow every colon above it?",
    "expected ','": "is a comma missing here, or a bracket or brace above never closed?",
    "node content": "is there a comma or a colon too many?",
    "escape character": "in double quotes a backslash begins an escape: write two of them, or use single quotes",
}
_REMEDIES: Final = {
    "\t": "indent with spaces",
    "*": 'a pattern that begins with * needs quotes: "*"',
    ":": "is a space missing after a colon, or are quotes missing around a value with a colon in it?",
    "${": 'between { and } a reference needs quotes, as in {port: "${PORT}"}',
    "@": "quote a value that begins with @",
    "%": "quote a value that begins with %",
    "`": "quote a value that begins with `",
}


def _unreadable(error: YAMLError, text: str, file: str) -> Problem:
    found = re.search(r"#x([0-9a-f]{4,})", str(error))
    if found is None:
        return Problem("E103", Place(file=file), "", f"not YAML: {str(error).splitlines()[0]}")
    character = chr(int(found[1], 16))
    return Problem(
        "E103",
        Lines(text, file).place(text.find(character)),
        "",
        f"the control character U+{ord(character):04X} is not taken",
        "delete it, or write it as an escape in double quotes",
    )
