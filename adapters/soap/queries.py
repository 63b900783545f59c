"""A call by GET: a query whose names are the members of the operation's object, as JSON would have it.

Asked by the facade for safe operations. It answers with the value that JSON would have held, or raises `InvalidParams` with every name
that is wrong; what needs objects inside objects cannot be said in a query.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final
from urllib.parse import unquote_to_bytes

from adapters.json.pointers import nearest, pointer
from adapters.soap import scalars
from adapters.soap.encoding import InvalidParams
from adapters.soap.types import Scalar

if TYPE_CHECKING:
    from collections.abc import Iterator

    from adapters.soap.types import Member, Signature, Types

_BYTES: Final = 16_384  # a URL that every hop takes has 8 KiB
_PAIRS: Final = 1_000
_ERRORS_MAX: Final = 100
_HINTS: Final = 2  # names for which the nearest is looked up, which may take a millisecond


class Queries:
    """The queries of one operation. `possible` says whether everything that it takes can stand in one."""

    def __init__(self, types: Types, signature: Signature) -> None:
        element = signature.input.element
        made = None if element is None or isinstance(element.type, Scalar) else types[element.type]
        self._takes: dict[str, tuple[Scalar, bool]] = {}
        self.possible = not signature.input.headers and (element is None or made is not None)
        if made is None:
            return
        plain = not (made.value or made.mixed or made.wild or made.anything or made.dataset or made.array)
        self.possible = self.possible and plain and not any(each.required for each in made.attributes)
        for each in made.members:
            simple = _simple(each, types)
            if simple is None:
                self.possible = False
            else:
                self._takes[each.key] = simple

    def value(self, query: str) -> dict[str, Any]:
        """Read a raw query. Raises `InvalidParams`."""
        errors: list[tuple[str, str, str]] = []
        if not self.possible:
            raise InvalidParams([("", "query", "what this operation takes cannot be said in a query: POST it as JSON")])
        if len(query) > _BYTES or query.count("&") > _PAIRS:
            raise InvalidParams([("", "length", "the query is too long: POST it as JSON")])
        found: dict[str, Any] = {}
        for name, text in _pairs(query, errors):
            takes = self._takes.get(name)
            if takes is None:
                hint = nearest(name, self._takes) if len(errors) < _HINTS else ""
                errors.append((pointer((name,)), "unknown", f"is not known here{hint}"))
                continue
            scalar, many = takes
            value = scalars.from_query(scalar, text)
            if many:
                found.setdefault(name, []).append(value)
            elif name in found:
                errors.append((pointer((name,)), "duplicate", "is there twice: send it once"))
            else:
                found[name] = value
        if errors:
            raise InvalidParams(errors)
        return found


def _simple(member: Member, types: Types) -> tuple[Scalar, bool] | None:
    """Return the simple type of a member, whether it is an array; None where it is an object."""
    if isinstance(member.type, Scalar):
        return None if member.type.items else (member.type, member.many)
    inner = types[member.type].array
    if inner is not None and isinstance(inner.type, Scalar) and not member.many:
        return inner.type, True
    return None


def _pairs(query: str, errors: list[tuple[str, str, str]]) -> Iterator[tuple[str, str]]:
    """Give the pairs, until there are errors enough."""
    for pair in filter(None, query.split("&")):
        if len(errors) >= _ERRORS_MAX:
            return
        name, _, value = pair.replace("+", " ").partition("=")
        try:
            yield unquote_to_bytes(name).decode(), unquote_to_bytes(value).decode()
        except UnicodeError:  # also half a surrogate pair, which a server may read a byte as
            shown = name.encode(errors="replace").decode()  # the answer that names it is UTF-8
            errors.append((pointer((shown,)), "characters", "is not UTF-8"))
