"""Turns what pydantic found into problems with a place, a sentence and a remedy. The one place that knows pydantic's words for errors."""

from __future__ import annotations

from dataclasses import replace
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any, Final, get_args

from sidecar.settings import tree
from sidecar.settings.problem import Problem
from sidecar.settings.schema import Settings
from sidecar.settings.section import Section
from sidecar.settings.tree import Block, Scalar, joined
from sidecar.settings.veil import is_secret_name, masked

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import TypeAlias

    from sidecar.settings.problem import Place
    from sidecar.settings.tree import Node

    Loc: TypeAlias = "tuple[int | str, ...]"

_KEY: Final = "[key]"  # how pydantic marks an error that is about a mapping's key
_SHOWN: Final = 60  # characters of a value that a message repeats


def complaints(errors: Sequence[Any], root: Block) -> tuple[list[Problem], list[Loc]]:
    """Return the problems behind `errors`, and what cannot be used because of them. Consequences of a broken value are left out."""
    problems: list[Problem] = []
    unusable: list[Loc] = []
    meant = {(*loc[:-1], near) for loc in _of_kind("extra_forbidden", errors) if (near := _nearest(loc))}
    for error in errors:
        loc: Loc = tuple(error["loc"])
        unusable.append(loc if error["type"] == "extra_forbidden" else _around(loc))
        misspelt = error["type"] == "missing" and (loc in meant or _is_partial(root, loc[:-1]))
        if not misspelt and not _is_broken(root, loc):
            problems.append(_problem(error, loc, root))
    return problems, unusable


def addressless(data: Any) -> list[dict[str, Any]]:
    """Return an error, as pydantic would tell it, for each backend that has neither url nor urls: it knows no key in place of another."""
    backends = data.get("backends") if isinstance(data, dict) else None
    return [
        {"type": "missing", "loc": ("backends", name, "url")}
        for name, backend in (backends.items() if isinstance(backends, dict) else ())
        if isinstance(backend, dict) and backend.get("url") is None and backend.get("urls") is None
    ]


def _of_kind(kind: str, errors: Sequence[Any]) -> list[Loc]:
    return [tuple(error["loc"]) for error in errors if error["type"] == kind]


def broken(root: Block) -> list[Loc]:
    """Return what cannot be used because a value in it could not be read."""
    return [_around(loc) for loc in _broken_below(root, ())]


def _broken_below(node: Node, loc: Loc) -> Iterator[Loc]:
    if isinstance(node, Scalar):
        if node.broken:
            yield loc
    elif isinstance(node, tree.Sequence):
        for index, item in enumerate(node.items):
            yield from _broken_below(item, (*loc, index))
    else:
        for key, entry in node.entries.items():
            yield from _broken_below(entry.node, (*loc, key))


def _around(loc: Loc) -> Loc:
    """Return the part of the file that one wrong value spoils: a backend or a room whole, else a block of the file."""
    return loc[:2] if loc[:1] in (("backends",), ("rooms",)) else loc[:1]


def place_of(root: Block, loc: Loc, *, key: bool) -> Place:
    """Return where `loc` stands: its key or its value; where it is not written, the key of the nearest block around it."""
    node: Node = root
    place: Place | None = None
    for index, step in enumerate(loc):
        last = index == len(loc) - 1
        if isinstance(node, Block) and (entry := node.entries.get(str(step))) is not None:
            # A block begins somewhere below its key, and nothing begins nowhere: people look for the key.
            vague = isinstance(entry.node, Block) or (isinstance(entry.node, Scalar) and not entry.node.raw)
            place = entry.place if (last and key) or vague or not last else entry.node.place
            node = entry.node
        elif isinstance(node, tree.Sequence) and isinstance(step, int) and step < len(node.items):
            node = node.items[step]
            place = node.place
        else:
            break
    return place or replace(root.place, width=0)  # what is written nowhere has no line to show


def node_at(root: Block, loc: Loc) -> Node | None:
    """Return what stands at `loc`, None where nothing does."""
    node: Node | None = root
    for step in loc:
        if isinstance(node, Block):
            entry = node.entries.get(str(step))
            node = entry.node if entry is not None else None
        elif isinstance(node, tree.Sequence) and isinstance(step, int) and step < len(node.items):
            node = node.items[step]
        else:
            return None
    return node


def dotted(loc: Loc) -> str:
    """Return `loc` as people write it: backends.tickets.faults[0].state."""
    text = ""
    for step in loc:
        text = f"{text}[{step}]" if isinstance(step, int) else joined(text, step)
    return text


def _is_partial(root: Block, loc: Loc) -> bool:
    """Say whether a key of the block at `loc` could not be read: then the missing one may be that one."""
    node = node_at(root, loc)
    return isinstance(node, Block) and node.partial


def _is_broken(root: Block, loc: Loc) -> bool:
    node = node_at(root, loc)
    return isinstance(node, Scalar) and node.broken


def _problem(error: Any, loc: Loc, root: Block) -> Problem:
    kind, context = error["type"], error.get("ctx") or {}
    if loc and loc[-1] == _KEY:
        loc = loc[:-1]
        where, shown = place_of(root, loc, key=True), repr(str(loc[-1]))
    else:
        about_key = kind in ("extra_forbidden", "missing")
        where, shown = place_of(root, loc, key=about_key), _quoted(node_at(root, loc))
    if kind == "settings":
        code, what, remedy = context["code"], context["what"], context["remedy"]
    elif kind == "extra_forbidden":
        code, what, remedy = _unknown(loc)
    else:
        code, what, remedy = _sentence(kind, context, loc, node_at(root, loc))
    node = node_at(root, loc)
    hidden = isinstance(node, Scalar) and node.value is not None and is_secret_name(_last(loc))
    if kind != "extra_forbidden" and (hidden or (isinstance(node, Scalar) and node.expanded)):
        what = what.partition(", did you mean")[0]  # a suggestion is made of the value, and the value may be a secret
        shown = "this value" if hidden else shown
    return Problem(code, where, dotted(loc), what.replace("{value}", shown), remedy)


def _last(loc: Loc) -> str:
    return next((step for step in reversed(loc) if isinstance(step, str)), "")


def _unknown(loc: Loc) -> tuple[str, str, str]:
    section = _section(loc[:-1])
    if str(loc[-1]) in section.LATER:
        return "E202", "not available in this version", "take it out"
    near = _nearest(loc)
    hint = f", did you mean {near}?" if near else ""
    return "E201", f"unknown key{hint}", f"keys here: {', '.join(_keys(section))}"


def _nearest(loc: Loc) -> str:
    """Return the key that was meant by an unknown one, "" where none is like it."""
    word = str(loc[-1]).lower().strip().replace("-", "_")
    near = get_close_matches(word, _keys(_section(loc[:-1])), n=1, cutoff=0.6)
    return near[0] if near else ""


def _sentence(kind: str, context: dict[str, Any], loc: Loc, node: Node | None) -> tuple[str, str, str]:
    """Return code, sentence and remedy of pydantic's own errors."""
    if kind == "missing":
        return "E203", "is missing", _help(loc)
    if kind in ("literal_error", "enum"):
        return _one_of(str(context["expected"]), node)
    if kind in ("greater_than_equal", "less_than_equal"):
        bound = f"at least {context['ge']}" if "ge" in context else f"at most {context['le']}"
        return "E205", f"{{value}} is out of bounds: {bound}", ""
    if kind in ("too_short", "too_long"):
        bound = f"at least {context['min_length']}" if kind == "too_short" else f"at most {context['max_length']}"
        return "E205", f"must have {bound} entries", ""
    if kind == "bool_type":
        value = str(node.value).lower() if isinstance(node, Scalar) else ""
        meant = _TRUTHS.get(value)
        return "E204", "must be true or false" + (f", did you mean {meant}?" if meant else ""), ""
    if kind == "string_type" and isinstance(node, Scalar) and node.value is not None:
        return "E204", f'must be a text, did you mean "{node.raw}" in quotes?', ""
    noun = _NOUNS.get(kind)
    if noun is None:  # a word of pydantic's that no type of ours can cause; better its sentence than none
        return "E204", kind.replace("_", " "), _help(loc)
    if kind == "model_type":
        return "E204", noun, f"keys: {', '.join(_keys(_section(loc)))}"
    return "E204", noun, _help(loc)


_TRUTHS: Final = {
    **dict.fromkeys(("yes", "on", "1", "true"), "true"),
    **dict.fromkeys(("no", "off", "0", "false"), "false"),
}
_NOUNS: Final = {
    "model_type": "must be a block of keys",
    "dict_type": "must be a block of keys",
    "list_type": "must be a list, as in [a, b]",
    "int_type": "must be a whole number",
    "string_type": "must be a text",
}


def _one_of(expected: str, node: Node | None) -> tuple[str, str, str]:
    allowed = [word.strip("'") for word in expected.replace(" or ", ", ").split(", ")]
    value = str(node.value) if isinstance(node, Scalar) else ""
    if isinstance(node, Scalar) and not isinstance(node.value, str) and value in allowed and "'" in expected:
        return "E204", f'must be a text, did you mean "{value}" in quotes?', ""
    if len(allowed) == 1:
        return "E207", f"{{value}} is not {allowed[0]}", ""
    near = get_close_matches(value.lower(), allowed, n=1, cutoff=0.6)
    hint = f", did you mean {near[0]}?" if near else ""
    return "E207", f"{{value}} is not one of {', '.join(allowed)}{hint}", ""


def _quoted(node: Node | None) -> str:
    """Return a value as the file has it: never what a reference expands to, never credentials."""
    if isinstance(node, Block):
        return "a block of keys"
    if isinstance(node, tree.Sequence):
        return "a list"
    if node is None or (node.value is None and not node.raw):
        return "nothing"
    text = repr(masked(node.raw))
    return text if len(text) <= _SHOWN else text[: _SHOWN - 1] + "…'"


def _keys(section: type[Section]) -> list[str]:
    return [field.alias or name for name, field in section.model_fields.items()]


def _help(loc: Loc) -> str:
    """Return the help line of the key at `loc`."""
    if not loc:
        return ""
    key = str(loc[-1])
    fields = _section(loc[:-1]).model_fields
    found = next((field for name, field in fields.items() if (field.alias or name) == key), None)
    return found.description or "" if found is not None else ""


def _section(loc: Loc) -> type[Section]:
    """Return the block of keys that `loc` is, or stands in."""
    section: type[Section] = Settings
    for step in loc:
        fields = section.model_fields
        found = next((field for name, field in fields.items() if (field.alias or name) == step), None)
        inner = _model_in(found.annotation) if found is not None else None
        section = inner or section
    return section


def _model_in(annotation: Any) -> type[Section] | None:
    if isinstance(annotation, type) and issubclass(annotation, Section):
        return annotation
    for argument in get_args(annotation):
        if (found := _model_in(argument)) is not None:
            return found
    return None
