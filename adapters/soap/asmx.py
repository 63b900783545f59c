"""A call by .NET's HTTP-GET or HTTP-POST binding: the operation below the endpoint's path, its parameters in query or form.

Asked while a request is classified. It answers with names and values or a refusal (invalid_params, too_large, operation_denied).
It never changes the query, and percent-decodes names exactly once, as the server does.
"""

from __future__ import annotations

import re
from html import unescape
from typing import TYPE_CHECKING, Final
from urllib.parse import unquote_plus

from adapters.soap.batch import is_batch
from sidecar.model import Refusal

if TYPE_CHECKING:
    from collections.abc import Iterator

_FIELDS: Final = 1_000  # ASP.NET's own bound (aspnet:MaxHttpCollectionKeys); counting that many takes a millisecond
_NAME_CHARS: Final = 8_192  # of all names together: percent-decoding the worst of them takes half a millisecond
_VALUE_CHARS: Final = 4_096  # a longer value compares with nothing in a rule
_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_.~\-]*")
# What a Batch says in its parameters: its one contract known has an envelope for it, so a long form is nobody's.
# Reading this many takes a millisecond and a half; IIS takes a quarter of it in a query.
_BATCH_CHARS: Final = 8_192
_LAYERS: Final = 4  # of encoding: a form holds a query string of escaped XML, and nobody needs a fourth
_WORD: Final = re.compile(r"[A-Za-z_][\w.\-]*")
_CODE: Final = re.compile(r"[%\\]u([0-9A-Fa-f]{4})")
_NUL: Final = b"\0"  # every other byte of a form in UTF-16
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


def named_in(query: str, form: bytes, most: int) -> tuple[str, ...] | Refusal:
    """Return every word in the parameters of a Batch, once each, in order: any may name an operation.

    How a Batch is written there is nobody's standard (.NET offers its structure in envelopes only), so words are looked for
    below each layer of encoding: percent, .NET's %uXXXX, JSON's escapes, XML's references. `most`: how many there may be.
    """
    if len(query) + len(form) > _BATCH_CHARS:
        return Refusal("too_large", detail=f"a Batch of more than {_BATCH_CHARS} bytes by path; send it as an envelope")
    text = f"{query}&{form.replace(_NUL, b'').decode('latin-1')}"
    names: dict[str, None] = {}
    for _ in range(_LAYERS):
        before, text = text, unescape(unquote_plus(_CODE.sub(lambda found: chr(int(found[1], 16)), text)))
        names |= dict.fromkeys(_WORD.findall(text))
        if text == before:
            break
    else:
        return Refusal("malformed", "operation", f"a Batch in more than {_LAYERS - 1} layers of encoding")
    if "<!" in text or "<?" in text:
        return Refusal("malformed", "operation", "a Batch with comments, CDATA or processing instructions is not taken")
    members = tuple(name for name in names if not is_batch(name))
    if len(members) > most:
        return Refusal("too_large", detail=f"a Batch by path with more than {most} words; send it as an envelope")
    return members


def _pairs(query: str, form: bytes) -> Iterator[tuple[str, str]]:
    for text in (query, form.decode("latin-1")):  # latin-1: what is not percent-encoded is read byte by byte
        for part in text.split("&") if text else ():
            name, _, value = part.partition("=")
            yield name, value


def _pointer(name: str) -> str:
    return name.replace("~", "~0").replace("/", "~1")  # RFC 6901
