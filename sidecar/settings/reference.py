"""The reference of the settings file as Markdown: every key with its default, its bounds and its line of help, and every code of a problem.

Made from the schema and the table of codes alone; docs/configuration.md is this text.
"""

from __future__ import annotations

from enum import Enum
from types import UnionType
from typing import TYPE_CHECKING, Any, Final, Literal, Union, get_args, get_origin

from pydantic_core import PydanticUndefined

from sidecar.settings.codes import CODES
from sidecar.settings.quantities import Share, Size, Span
from sidecar.settings.rules import Parameter
from sidecar.settings.schema import Settings
from sidecar.settings.section import Section

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from pydantic.fields import FieldInfo

_HEAD: Final = """\
# Configuration

Made by `sidecar schema --format markdown`; `sidecar check FILE` says everything that is wrong with a file at once, and
`sidecar config show FILE --effective` what is in force and where each value comes from. Examples with comments stand in `config/`.

## How files are read

- **YAML 1.2**, UTF-8, one document of at most 4 MiB. `no` and `22:30` are words. A key that is written twice is an error, and so are
  tags and `<<`.
- **Durations** are a number with `ms`, `s`, `m` or `h`, **sizes** with `B`, `KiB`, `MiB` or `GiB`, **shares** with `%`. A number
  without its unit is an error.
- **Times of day** need a zone: `2026-12-01 09:00` is on the clock of `timezone` (the room's, else the file's), `2026-12-01 09:00+01:00`
  and `2026-12-01 08:00Z` name their own. One without either, one that the clock leaves out or shows twice when it is changed, is an error.
- **`${VAR}`** stands for a variable of the environment, `${VAR:-default}` for one that may be unset or empty; `$${` is a literal `${`.
  One that is not set and has no default is an error. Between `{` and `}` a reference needs quotes: `{port: "${PORT}"}`.
- **Secrets** come from the environment or from a file (`token_file`, `secret_file`); the values of `shared: {as: …}` are secrets, too.
  One that stands in a settings file is a warning; none is ever shown.
- **`include:`** takes names and globs, relative to the file that they stand in; so are all other file names. Files are merged key by
  key. A key that two files set is an error, lists do not grow together, and nothing overrides anything. Names that begin with a dot do
  not match a `*`.
- **Precedence**: default < file < environment (where a file refers to it) < flag (`--set KEY=VALUE`).
- **Operation patterns**: the exact name, then the longest pattern, then `"*"`. What begins with `*` needs quotes.

A change of `listen`, `admin`, `metrics` or `store` (but not of a token or a certificate) needs a restart; a change of a backend's
`protocol`, `url` or `endpoints` resets what was learnt about it; a change of what answers are told apart by (`identity`, and an
operation's `shared`, `cache.params` and `cache.vary`) means that those kept so far are not used any more; everything else applies in
place. A room that is taken out or renamed loses its places. `sidecar check NEW --diff OLD`, or `--diff running`, says which.

## Keys
"""
_CODES: Final = """
## Codes

`file:line:column key: what is wrong [code]`. E ends with exit code 78, W is a warning. A code never changes its meaning.

| code | meaning |
|---|---|
"""
_AMOUNTS: Final = {Span: "duration", Size: "size", Share: "share"}
_NOUNS: Final = {str: "text", int: "whole number", bool: "true or false"}
# What a text must be, by the check that it passes in `shapes`.
_SHAPES: Final = {
    "_type": "type: a word or a block",
    "url": "http or https address",
    "public_url": "http or https address",
    "reference": "address or path",
    "web_origin": "origin",
    "network": "address or network",
    "hop": "address, network or unix",
    "host": "address or host name",
    "path": "path",
    "header": "name of a header",
    "pattern": "operation or pattern",
    "words": "text or glob",
    "file_name": "file name",
    "secret": "16 to 512 characters",
    "sentence": "text of at most 500 characters",
    "store": "`memory` or `sqlite:PATH`",
    "rate": "rate, as in `20/1s`",
    "tag": "text with `{PARAMETER}`",
    "_than": "value or `{param: NAME}`",
    "_shared": "`true`, `drop`, `leader` or `{as: {NAME: VALUE}}`",
    "_key": "`header`, `{header: NAME}`, `{soap_header: NAME}` or `{param: NAME}`",
    "_data": "any value",
    "_veto": "`private` \\| `no-store` \\| `no-cache` \\| `max-age` \\| `vary`",
    "_true": "true",
    "moment": "moment, as in `2026-12-01 09:00`",
    "zone": "time zone, as in `Europe/London`",
    "link": "http or https address",
    "embedder": "origin",
    "signing": "32 to 512 characters",
    "colour": 'colour, as in `"#7a1f3d"`',
    "font": "list of fonts",
    "radius": "length, as in `8px`",
    "_title": "text, or texts by language",
    "_values": "list of values",
}
_PLURALS: Final = {
    "list of values": "lists of values",
    "address, network or unix": "addresses, networks or `unix`",
    "name of a header": "names of headers",
    "address or network": "addresses or networks",
    "address or path": "addresses or paths",
    "operation or pattern": "operations or patterns",
    "text or glob": "globs",
    "http or https address": "http or https addresses",
    "text with `{PARAMETER}`": "texts with `{PARAMETER}`",
}
# How the blocks are called whose names are free.
_FREE: Final = {"backends": "NAME", "rooms": "NAME", "callers": "NAME", "operations": "PATTERN"}


def markdown() -> str:
    """Return the reference as it stands in docs/configuration.md."""
    return (
        _HEAD
        + "\n".join(_section(Settings, "", set()))
        + "\n"
        + _CODES
        + "".join(f"| {code} | {meaning} |\n" for code, meaning in CODES.items())
    )


def _section(section: type[Section], path: str, seen: set[type[Section]]) -> Iterator[str]:
    """Give one table, and then those of the blocks below it; of blocks that stand in several places only the first."""
    yield f"\n### {path or 'The file'}\n" if path else "\n### At the top\n"
    yield f"{(section.__doc__ or '').strip()}\n"
    yield "| key | takes | default | what it is |\n|---|---|---|---|"
    below: list[tuple[type[Section], str]] = []
    for name, field in section.model_fields.items():
        key = field.alias or name
        inner = _inner(field.annotation)
        yield f"| `{key}` | {_takes(field, inner)} | {_default(field, inner)} | {_cell(field.description or '')} |"
        if inner is not None and inner not in seen:
            seen.add(inner)
            below.append((inner, f"{path}.{key}" if path else key))
    if section.LATER:
        yield f"\nReserved for later versions: {', '.join(f'`{key}`' for key in sorted(section.LATER))}."
    for inner, at in below:
        key = at.rpartition(".")[2]
        yield from _section(inner, f"{at}.{_FREE[key]}" if key in _FREE else at, seen)


def _takes(field: FieldInfo, inner: type[Section] | None) -> str:
    """Return what a key takes, with its bounds."""
    for kind in _kinds(field):
        if (noun := _AMOUNTS.get(type(kind))) is not None:
            return f"{noun}, {kind.low} to {kind.high}"
    bounds = {type(each).__name__: each for each in field.metadata}
    if "Ge" in bounds:
        return f"whole number, {bounds['Ge'].ge} to {bounds['Le'].le}"
    if inner is not None:
        return {dict: "blocks by name", list: "list of blocks"}.get(_outer(field.annotation), "block")
    return _shape(field.metadata) or _cell(_noun(field.annotation))


def _noun(annotation: Any) -> str:
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Literal:
        return " \\| ".join(f"`{each}`" for each in arguments)
    if isinstance(annotation, type) and issubclass(annotation, Enum):
        return " \\| ".join(f"`{each.value}`" for each in annotation)
    if origin is list:
        return f"list of {_many(_noun(arguments[0]))}"
    if origin is dict:
        return f"{_many(_noun(arguments[1]))} by name"
    if origin in (Union, UnionType):
        return " or ".join(dict.fromkeys(_noun(each) for each in arguments if each is not type(None)))
    if (named := _shape(getattr(annotation, "__metadata__", ()))) is not None:
        return named
    return _noun(arguments[0]) if arguments else _NOUNS[annotation]


def _shape(metadata: Iterable[Any]) -> str | None:
    """Return what the check of a text among `metadata` asks of it."""
    names = (getattr(getattr(each, "func", None), "__name__", "") for each in metadata)
    return next((_SHAPES[name] for name in names if name in _SHAPES), None)


def _many(noun: str) -> str:
    if "\\|" in noun:  # words to choose from
        return noun
    return _PLURALS.get(noun, noun.replace(" or ", "s or ") + "s")


def _default(field: FieldInfo, inner: type[Section] | None) -> str:
    if field.is_required():
        return "**required**"
    if inner is not None and _outer(field.annotation) is None:
        return "" if field.default is not None else "none"
    value = field.default if field.default is not PydanticUndefined else None
    if value is None:
        return "" if field.default_factory is None else "none"
    return f"`{str(value).lower() if isinstance(value, bool) else value}`"


def _inner(annotation: Any) -> type[Section] | None:
    """Return the block of keys that an annotation leads to."""
    if isinstance(annotation, type) and issubclass(annotation, Section):
        return annotation if annotation is not Parameter else None
    return next((found for each in get_args(annotation) if (found := _inner(each)) is not None), None)


def _outer(annotation: Any) -> Any:
    return origin if (origin := get_origin(annotation)) in (dict, list) else None


def _kinds(field: FieldInfo) -> Iterator[Any]:
    yield from field.metadata
    for each in get_args(field.annotation):
        yield from getattr(each, "__metadata__", ())


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\\\\|", "\\|")
