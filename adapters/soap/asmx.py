"""A call by .NET's HTTP-GET or HTTP-POST binding: the operation below the endpoint's path, its parameters in query or form.

Asked while a request is classified. It answers with names and values or a refusal (invalid_params, too_large, operation_denied).
It never changes the query, and percent-decodes names exactly once, as the server does.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final
from urllib.parse import unquote_plus

from sidecar.model import Refusal

if TYPE_CHECKING:
    from collections.abc import Iterator

_FIELDS: Final = 1_000  # ASP.NET's own bound (aspnet:MaxHttpCollectionKeys); counting that many takes a millisecond
_NAME_CHARS: Final = 8_192  # of all names together: percent-decoding the worst of them takes half a millisecond
_VALUE_CHARS: Final = 4_096  # a longer value compares with nothing in a rule
_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_.~\-]*")
# Names that ask rather than do. Not "Load", "Check" or "Validate": those open sessions and take locks in ticketing APIs.
_READS: Final = ("Get", "List", "Find", "Search", "Query", "Lookup", "Describe", "Count", "Is", "Has")


def operation_of(rest: str) -> str | Refusal:
    """Return the operation's name from `/Op`, in the case that was given."""
    name = rest[1:]
    if _NAME.fullmatch(name):
        return name
    return Refusal("not_found", "path", f"{rest[:60]!r} is no name of an operation")


def may_get(name: str, policy: str, *, safe: bool, known: bool) -> Refusal | None:
    """Say whether HTTP-GET may run an operation: a link, an image or a prefetching browser is enough to send one.

    `deny`, the default: only what the configuration marks `safe: true`. `safe`: also what the WSDL (or the configuration) knows
    and whose name reads like a question. `allow`: everything. HTTP-POST is not asked: it takes intent, as SOAP does.
    """
    if policy == "allow" or safe or (policy == "safe" and known and _asks(name)):
        return None
    hint = "mark it `safe: true` if it only reads, or set asmx_get"
    return Refusal("operation_denied", "asmx_get", f"{name} is not offered by HTTP-GET; send a POST, or {hint}")


def _asks(name: str) -> bool:
    return any(name.startswith(verb) and not name[len(verb) : len(verb) + 1].islower() for verb in _READS)


def parameters(query: str, form: bytes, wanted: frozenset[str]) -> dict[str, str] | Refusal:
    """Return the values of `wanted` names; refuse a name given twice, of which servers take the first, the last or both.

    Names are compared without regard to case, as .NET's NameValueCollection does.
    """
    if query.count("&") + form.count(b"&") >= _FIELDS:
        return Refusal("too_large", detail=f"more than {_FIELDS} parameters")
    seen: set[str] = set()
    values: dict[str, str] = {}
    length = 0
    for raw, value in _pairs(query, form):
        length += len(raw)
        if length > _NAME_CHARS:
            return Refusal(
                "too_large", detail=f"the parameters' names are longer than {_NAME_CHARS} characters together"
            )
        name = unquote_plus(raw)
        low = name.lower()
        if low in seen:
            text = f"{name[:60]} is given more than once"
            return Refusal(
                "invalid_params", "duplicate", text, errors=(("/" + _pointer(name[:60]), "duplicate", text),)
            )
        seen.add(low)
        if name in wanted and len(value) <= _VALUE_CHARS:
            values[name] = unquote_plus(value)
    return values


def _pairs(query: str, form: bytes) -> Iterator[tuple[str, str]]:
    for text in (query, form.decode("latin-1")):  # latin-1: what is not percent-encoded is read byte by byte
        for part in text.split("&") if text else ():
            name, _, value = part.partition("=")
            yield name, value


def _pointer(name: str) -> str:
    return name.replace("~", "~0").replace("/", "~1")  # RFC 6901
