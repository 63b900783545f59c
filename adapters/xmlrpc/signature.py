"""What a configured signature makes of a call's JSON: named parameters in their order, a query as values; and its JSON Schema.

On the road of a JSON call, between its JSON and `values`. It answers with parameters and errors, or, beside the road, with what the
pages show; without a signature it takes an array and nothing else.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import unquote_plus

from adapters.json.pointers import nearest, pointer
from adapters.xmlrpc.values import PARAMS_MOST, WRONG_MOST, Given
from sidecar.described import Described
from sidecar.signatures import ANY, SIMPLE, Kind

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from adapters.xmlrpc.values import Wrong
    from sidecar.described import JsonSchema
    from sidecar.pieces import Pieces
    from sidecar.signatures import Member, Signature, Type

_FIELDS: Final = 1_000  # of a query, each 1 us: as many parameters as are read of any call
_SHOWN: Final = 255  # characters of a name that nobody knows
_WHOLE_DIGITS: Final = 20  # of 64 bits with a sign; what is longer is refused as a number anyhow


def arranged(signature: Signature | None, body: Any) -> Pieces[tuple[list[Given], list[Wrong]]]:
    """Return the parameters in their order, each with its type and its place in `body`, and what is wrong with their number and names."""
    yield
    if isinstance(body, list):
        return _by_position(signature, body)
    if signature is None:
        what = "no signature of this method is configured: send an array of its parameters, in order"
        return [], [("", "type", what)]
    if not isinstance(body, dict):
        return [], [("", "type", "must be an object of parameters by name, or an array of them in order")]
    return (yield from _by_name(signature, body))


def _by_position(signature: Signature | None, body: list[Any]) -> tuple[list[Given], list[Wrong]]:
    most = PARAMS_MOST if signature is None else len(signature.params)
    if len(body) > most:
        return [], [(pointer((most,)), "unknown", f"more than {most} parameters")]
    params = () if signature is None else signature.params
    given = [Given(value, params[at].type if params else ANY, (None, at)) for at, value in enumerate(body)]
    missing = [
        (pointer((at,)), "missing", f"{param.name} is missing")
        for at, param in enumerate(params)
        if at >= len(body) and not param.optional
    ]
    return given, missing


def _by_name(signature: Signature, body: Mapping[str, Any]) -> Pieces[tuple[list[Given], list[Wrong]]]:
    known = [param.name for param in signature.params]
    wrong: list[Wrong] = []
    for name in body:
        if name not in known and len(wrong) < WRONG_MOST:
            shown = name[:_SHOWN]
            wrong.append((pointer((shown,)), "unknown", f"no parameter of that name{nearest(name, known)}"))
            yield
    last = max((at for at, name in enumerate(known) if name in body), default=-1)
    given: list[Given] = []
    for at, param in enumerate(signature.params):
        if param.name in body:
            given.append(Given(body[param.name], param.type, (None, param.name)))
        elif not param.optional:
            wrong.append((pointer((param.name,)), "missing", "is missing"))
        elif at < last:
            what = f"may be left out only where nothing follows, and {known[last]} is given: parameters go by position"
            wrong.append((pointer((param.name,)), "missing", what))
    return given, wrong


def queried(signature: Signature | None, query: str) -> tuple[Mapping[str, Any] | list[Any], list[Wrong]]:
    """Return the parameters that a query says, as a body would have them, and what is wrong with it."""
    if signature is None:
        what = "no signature of this method is configured, so its parameters have no names: POST an array of them"
        return [], [("", "unknown", what)] if query else []
    if query.count("&") >= _FIELDS:
        return {}, [("", "count", f"more than {_FIELDS} parameters")]
    types = {param.name: param.type for param in signature.params}
    found: dict[str, Any] = {}
    wrong: list[Wrong] = []
    for part in query.split("&") if query else ():
        raw, _, value = part.partition("=")
        try:
            name, text = unquote_plus(raw, errors="strict"), unquote_plus(value, errors="strict")
        except UnicodeDecodeError:
            wrong.append((pointer((raw[:_SHOWN],)), "characters", "is not UTF-8 in percent-encoding"))
            continue
        kind = types.get(name, ANY).kind
        if name in found:
            wrong.append((pointer((name[:_SHOWN],)), "duplicate", "is given more than once"))
        elif name in types and kind not in SIMPLE:
            wrong.append((pointer((name,)), "type", f"is {kind.value}, which no query can say: POST a body of JSON"))
        found[name] = _read(text, kind)
    return found, wrong[:WRONG_MOST]


def _read(text: str, kind: Kind) -> Any:
    """Return a text as JSON would have the value; where it is none, as it is, so that `values` says what it must be."""
    if kind is Kind.BOOLEAN:
        return {"true": True, "1": True, "false": False, "0": False}.get(text, text)
    digits = text.removeprefix("-")
    if kind is Kind.INT and digits.isascii() and digits.isdigit() and len(digits) <= _WHOLE_DIGITS:
        return int(text)
    return text


def described(signature: Signature, rules: Described | None = None, *, nullable: bool) -> Described:
    """Describe a method: an object of its parameters by name. `nullable`: the backend reads and writes <nil/>. `rules` is what the settings
    say of it.
    """
    params = signature.params
    return replace(
        rules or Described(signature.method, {}, None),
        input=_object(params, nullable=nullable, closed=True),
        output=schema_of(signature.returns, nullable=nullable, closed=False),
        queryable=all(param.type.kind in SIMPLE for param in params),
        text=signature.text,
        sample={param.name: sample_of(param.type) for param in params},
        reply=sample_of(signature.returns),
    )


def schema_of(kind: Type, *, nullable: bool, closed: bool) -> JsonSchema:
    """Return the JSON Schema of a type. `closed`: what goes in, where a member that the signature has not is an error."""
    if kind.kind is Kind.ANY:
        return {}
    if kind.kind is Kind.ARRAY:
        schema: JsonSchema = {"type": "array", "items": schema_of(kind.items or ANY, nullable=nullable, closed=closed)}
    elif kind.kind is not Kind.STRUCT:
        schema = (_IN if closed else _OUT)[kind.kind]
    else:
        schema = _object(kind.members, nullable=nullable, closed=closed) if kind.members else {"type": "object"}
    return {**schema, "type": _or_null(schema["type"])} if nullable else schema


def sample_of(kind: Type) -> Any:
    """Return an example of a type: what goes in and what comes out look alike."""
    if kind.kind is Kind.STRUCT:
        return {member.name: sample_of(member.type) for member in kind.members}
    if kind.kind is Kind.ARRAY:
        return [sample_of(kind.items or ANY)]
    return _SAMPLES[kind.kind]


def _object(members: Sequence[Member], *, nullable: bool, closed: bool) -> dict[str, Any]:
    """Return the schema of an object; of a reply it may hold more, as what a backend says is never taken away."""
    properties: dict[str, JsonSchema] = {}
    for member in members:
        schema = schema_of(member.type, nullable=nullable, closed=closed)
        properties[member.name] = {**schema, "description": member.text} if member.text else schema
    made: dict[str, Any] = {"type": "object", "properties": properties}
    if required := [member.name for member in members if not member.optional]:
        made["required"] = required
    return {**made, "additionalProperties": False} if closed else made


def _or_null(types: Any) -> list[str]:
    return list(dict.fromkeys((*([types] if isinstance(types, str) else types), "null")))


_TIME: Final = r"^[0-9]{4}-?[0-9]{2}-?[0-9]{2}T[0-9]{2}:?[0-9]{2}:?[0-9]{2}"
_IN: Final[Mapping[Kind, JsonSchema]] = {
    Kind.INT: {"type": "integer", "minimum": -(2**31), "maximum": 2**31 - 1},
    Kind.I8: {"type": ["integer", "string"], "pattern": "^[+-]?[0-9]{1,19}$", "format": "int64"},
    Kind.DOUBLE: {"type": ["number", "string"], "pattern": r"^[+-]?[0-9]+(\.[0-9]+)?$"},
    Kind.STRING: {"type": "string"},
    Kind.BOOLEAN: {"type": "boolean"},
    Kind.DATETIME: {"type": "string", "pattern": _TIME},
    Kind.BASE64: {"type": "string", "contentEncoding": "base64"},
    Kind.NIL: {"type": "null"},
}
_OUT: Final[Mapping[Kind, JsonSchema]] = {
    **_IN,
    Kind.INT: {"type": "integer"},
    Kind.I8: {"type": ["integer", "string"], "format": "int64"},  # a string beyond what JavaScript's numbers hold
    Kind.DOUBLE: {"type": "number"},
}
_SAMPLES: Final[Mapping[Kind, Any]] = {
    Kind.INT: 1,
    Kind.I8: 1,
    Kind.DOUBLE: 12.5,
    Kind.STRING: "text",
    Kind.BOOLEAN: True,
    Kind.DATETIME: "2026-12-01T09:00:00",
    Kind.BASE64: "AAEC",
    Kind.NIL: None,
    Kind.ANY: "text",
}
