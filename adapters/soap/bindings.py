"""Which calls by .NET's HTTP-GET and HTTP-POST bindings are the same question as an envelope, and what element answers them.

Asked as `question` is. It answers with the envelope's own question where the WSDL proves that both mean the same, and with the word
"asmx" everywhere else. It takes nothing that .NET reads otherwise in a query than in XML (dates with a zone, enumerations, "1" for
true).

The proof: a literal document binding of SOAP; the names of query or form are those of the element's parameters, all of them simple
types of XML Schema itself or .NET's char, none repeated; and the reply's root has the type of the one child of the SOAP reply's element.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final
from urllib.parse import unquote_to_bytes

from adapters.keying import digest_of, rules_of
from adapters.media import media_of
from adapters.soap.contract import Kind
from adapters.soap.namespaces import XSD
from adapters.soap.parameters import Part, simple, streams
from adapters.soap.question import SCHEMA, question
from adapters.xml import ns
from sidecar.answers import Question
from sidecar.model import Dialect, Outbound

if TYPE_CHECKING:
    from adapters.soap.contract import Index, Operation
    from adapters.soap.schema import Parameter, Typed
    from adapters.soap.ways import Way, Ways
    from sidecar.answers import Keying
    from sidecar.model import Head

ASMX: Final = "asmx"
_VERBS: Final = {"GET": Kind.HTTP_GET, "POST": Kind.HTTP_POST}
_INTEGER: Final = re.compile(r"-?[0-9]+")
_DECIMAL: Final = re.compile(r"-?[0-9]+(?:\.[0-9]+)?")
# What both of .NET's readers (System.Web.Services.Protocols.ScalarFormatter, XmlConvert) read alike; the rest of each type is left out.
_ALIKE: Final = {
    **dict.fromkeys(
        ("byte", "short", "int", "long", "unsignedByte", "unsignedShort", "unsignedInt", "unsignedLong"), _INTEGER
    ),
    **dict.fromkeys(("decimal", "float", "double"), _DECIMAL),
    "boolean": re.compile("true|false"),
    "dateTime": re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}"),
    "string": re.compile("[\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]*"),  # XML 1.0 section 2.2, Char
}
_BYTES: Final = 8_192  # decoding the worst of them takes half a millisecond; IIS takes a quarter of it in a query
_CHAR: Final = re.compile(r"[\x20-\x7e]")


def by_path(head: Head, rest: str, body: bytes, keying: Keying, index: Index | None, ways: Ways) -> Question | str:
    """Ask what a call by path asks."""
    if len(body) > _BYTES or len(head.query) > _BYTES:
        return "large"
    if keying.alone:
        return _alone(head, rest, body, keying)
    kind = _VERBS.get(head.method)
    operation = None if index is None else index.by_location(rest)
    if index is None or operation is None or kind is None or operation.body is None:
        return ASMX
    way = proven(index, operation, kind, ways)
    values = _values(head, body, len(operation.parameters or ()))
    if way is None or values is None or values.keys() != {each.name for each in operation.parameters or ()}:
        return ASMX
    parts: list[Part] = []
    for each in operation.parameters or ():
        text = _as_in_xml(each, values[each.name])
        if text is None:
            return ASMX
        parts.append(simple(each.clark, text))
    return question(way, ["e" + operation.body], parts, keying, operation)


def _alone(head: Head, rest: str, body: bytes, keying: Keying) -> Question | str:
    """Say what a call by path is known again by: its names and values, in any order, and no contract."""
    raw = head.query.encode() if head.method == "GET" else body
    values = _values(head, body, raw.count(b"&") + 1 if raw else 0)
    if values is None:
        return ASMX
    parts = [Part(name, values[name], [f"l{name}", values[name]], None) for name in sorted(values)]
    made = streams([f"e{rest}"], parts, rules_of(keying), None)
    request = Outbound(head.method, rest, (), b"")  # never sent
    return Question(digest_of([SCHEMA, "alone", *made.keyed]), request, Dialect.ASMX, made.texts)


def proven(index: Index, operation: Operation, kind: Kind, ways: Ways) -> Way | None:
    """Return how an operation is asked in SOAP instead, None where nobody proves that it is the same."""
    binding = operation.binding(kind, ways.path)
    way = ways.find(index, operation)
    if way is None or way.rpc or binding is None or answer(operation, kind, ways.path) is None:
        return None
    known = operation.parameters
    if known is None or binding.inputs is None or sorted(binding.inputs) != sorted(each.name for each in known):
        return None
    return way if all(not each.many and (_is_plain(each) or _is_char(each)) for each in known) else None


def answer(operation: Operation, kind: Kind, path: str | None) -> tuple[Typed, Typed] | tuple[()] | None:
    """Return the child of the SOAP reply and the root that stands for it by path, () where neither holds anything; None: not the same."""
    binding = operation.binding(kind, path)
    if binding is None or binding.output is None or operation.results is None:
        return None
    if not binding.output and not operation.results:
        return ()
    if len(operation.results) != 1 or len(binding.output) != 1 or operation.results[0].type != binding.output[0].type:
        return None
    return operation.results[0], binding.output[0]


def _is_plain(parameter: Parameter) -> bool:
    return ns(parameter.declared) == XSD and parameter.type in _ALIKE


def _is_char(parameter: Parameter) -> bool:
    """Know .NET's char, which XML holds as its number and a query as itself."""
    return parameter.declared.endswith("}char") and parameter.type == "unsignedShort" and ns(parameter.declared) != XSD


def _as_in_xml(parameter: Parameter, text: str) -> str | None:
    if _is_char(parameter):
        return str(ord(text)) if _CHAR.fullmatch(text) else None
    return text if _ALIKE[parameter.type or ""].fullmatch(text) else None


def _values(head: Head, body: bytes, many: int) -> dict[str, str] | None:
    """Read query or form, None where two readers may differ: names twice or without a value, bytes that are no UTF-8, .NET's %uXXXX.

    None too where there are not as many as are wanted.
    """
    query = head.query.encode()
    raw, spare = (query, body) if head.method == "GET" else (body, query)
    if spare or not raw.isascii() or media_of(head).charset not in (None, "utf-8"):
        return None
    if (raw.count(b"&") + 1 if raw else 0) != many:
        return None
    values: dict[str, str] = {}
    for pair in raw.split(b"&") if raw else ():
        name, equals, value = pair.replace(b"+", b" ").partition(b"=")
        key, text = _decoded(name), _decoded(value)
        if not equals or not key or text is None or key in values:
            return None
        values[key] = text
    return values


def _decoded(raw: bytes) -> str | None:
    if re.search(rb"%(?![0-9A-Fa-f]{2})", raw):
        return None
    try:
        return unquote_to_bytes(raw).decode()
    except UnicodeDecodeError:
        return None
