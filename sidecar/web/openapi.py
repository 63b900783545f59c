"""A backend's JSON facade as OpenAPI 3.1: what goes in, what comes out, and every state that a call may end in, from the one table.

Stands beside the road, asked when somebody fetches `/{backend}/openapi.json`. It writes what a Description says and adds nothing of its
own about operations; the same description gives the same bytes. Large ones are written in pieces, so that the loop is never held.
"""

from __future__ import annotations

import re
from itertools import takewhile
from typing import TYPE_CHECKING, Any, Final, TypeAlias
from urllib.parse import quote

import orjson

from sidecar.contract import json_schema
from sidecar.policy.deeds import LONGEST
from sidecar.states import ROWS, How, executed, retry_how

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from sidecar.described import Described, Description, JsonSchema
    from sidecar.pieces import Pieces
    from sidecar.states import State

_Entry: TypeAlias = "tuple[tuple[str, ...], str, Any]"
"""One value of the document: the objects that it stands in, its name there, and itself."""

JSON: Final = "application/json"
PROBLEM: Final = "application/problem+json"
_SCHEMAS: Final = "#/components/schemas/"
_FAILURES: Final = 400  # from here on a body is a problem (RFC 9457)
_OK: Final = 200
_KEYED_ALONE: Final = 422  # key_reused: no other state has it
_OF_BODIES: Final = frozenset((413, 415))  # a GET has none
_XML_ALONE: Final = frozenset(("action_mismatch", "doctype_refused"))  # no JSON can be wrong in these ways
_KEPT: Final = ("cached", "stale")  # met where a cache is asked; replayed, where a key is taken
_COMES_BACK: Final = (How.WAIT, How.POLL, How.JOIN)
# The first word of ReserveTicketsEx, HTTPGet, reserve_tickets, tickets.reserve.
_WORD: Final = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|\d+")
_FEW: Final = 16  # components between two yields: some 30 us each


# --- all of it


def openapi(description: Description, *, server: str | None, version: str) -> dict[str, Any]:
    """Return the document. `server` is the address that clients see, None: the one that they got the document from."""
    document: dict[str, Any] = {}
    for where, name, value in _entries(description, server, version):
        inside = document
        for each in where:
            inside = inside.setdefault(each, {})
        inside[name] = value
    return document


def pieces(description: Description, *, server: str | None, version: str) -> Pieces[bytes]:
    """Write the document as JSON, with a yield after each operation and every few components; the same as `openapi` returns."""
    written: list[bytes] = [b"{"]
    at: tuple[str, ...] = ()
    for number, (where, name, value) in enumerate(_entries(description, server, version)):
        written += (_between(at, where) if number else b"", orjson.dumps({name: value})[1:-1])
        at = where
        if where == ("paths",) or number % _FEW == 0:
            yield
    yield  # to put them together is a piece of its own: a megabyte is copied once
    return b"".join((*written, b"}" * (len(at) + 1)))


def _between(at: tuple[str, ...], where: tuple[str, ...]) -> bytes:
    """Return what stands between an entry and the next: the ends of objects, a comma, and the beginnings of others."""
    common = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(at, where, strict=False)))
    return b"}" * (len(at) - common) + b"," + b"".join(orjson.dumps(name) + b":{" for name in where[common:])


def _entries(description: Description, server: str | None, version: str) -> Iterator[_Entry]:
    prefix, ids = _prefix(description.components), {each.name for each in description.operations}
    tags = sorted({tag(each.name) for each in description.operations})
    yield (), "openapi", "3.1.0"
    yield (), "info", _info(description, version)
    yield (), "servers", [{"url": server.rstrip("/") if server else "/"}]
    yield (), "tags", [{"name": each} for each in tags]
    if description.missing:
        yield (), "x-not-offered", dict(sorted(description.missing.items()))
    root = description.path.rstrip("/")
    named = dict(sorted(description.components.items()))
    for each in description.operations:
        item = _Operation(each, prefix, named, ids).item()
        yield ("paths",), f"{root}/json/{quote(each.name, safe='')}", item
    if not description.operations:
        yield (), "paths", {}
    yield from ((("components", "schemas"), name, each) for name, each in named.items())
    yield from _shared(prefix)


def _info(description: Description, version: str) -> dict[str, str]:
    said = (
        f"The operations of `{description.backend}`, a backend that speaks {description.protocol}, as JSON. Every response says in "
        "`Sidecar-State` what happened; treat a state that you do not know by its category."
    )
    return {"title": description.backend, "version": version, "description": said}


def _prefix(taken: Iterable[str]) -> str:
    """Return how our own components begin; longer where a type of the backend begins so, too."""
    prefix = "Sidecar"
    while any(name.startswith(prefix) for name in taken):
        prefix += "_"
    return prefix


def tag(name: str) -> str:
    """Return the first word of an operation's name in lower case: what it does, by which pages sort it."""
    word = _WORD.search(name)
    return word[0].lower() if word else name


def _get_id(name: str, taken: set[str]) -> str:
    """Take an id for an operation's GET that none has yet: its POST has its name."""
    made, number = f"{name}_get", 2
    while made in taken:
        made, number = f"{name}_get{number}", number + 1
    taken.add(made)
    return made


# --- one operation


class _Operation:
    """What stands at an operation's path."""

    def __init__(self, said: Described, prefix: str, named: Mapping[str, JsonSchema], ids: set[str]) -> None:
        self._said, self._prefix, self._named, self._ids = said, prefix, named, ids

    def item(self) -> dict[str, Any]:
        """Return the path's item: GET first, as it is the cheaper one to try."""
        said = self._said
        headers = ["Sidecar-Timeout", "Sidecar-Place", "Sidecar-Pass", "X-Request-Id"]
        item: dict[str, Any] = {"parameters": [_ref("parameters", name) for name in headers]}
        if said.safe and said.queryable:
            parameters = [*self._query(), _ref("parameters", "If-None-Match")]
            item["get"] = self._method(_get_id(said.name, self._ids), parameters, get=True)
        keys = {"taken": [_ref("parameters", "Idempotency-Key")], "needed": [_KEY | {"required": True}]}
        item["post"] = self._method(said.name, keys.get(said.keyed, []), get=False)
        return item

    def _method(self, name: str, parameters: list[dict[str, Any]], *, get: bool) -> dict[str, Any]:
        said = self._said
        method: dict[str, Any] = {"operationId": name, "tags": [tag(said.name)]}
        if said.text:
            method["summary"] = _first(said.text)
            if method["summary"] != said.text.strip().removesuffix("."):
                method["description"] = said.text
        method["x-safe"] = said.safe
        if said.confirm is not None:
            method["x-confirm"] = said.confirm
        if parameters:
            method["parameters"] = parameters
        if not get:
            method["requestBody"] = self._body()
        return method | {"responses": self._responses(get=get)}

    def _body(self) -> dict[str, Any]:
        media: dict[str, Any] = {"schema": self._said.input}
        if self._said.sample is not None:
            media["example"] = self._said.sample
        return {"required": True, "content": {JSON: media}}

    def _query(self) -> Iterator[dict[str, Any]]:
        whole = self._resolved(self._said.input)
        required, sample = whole.get("required", ()), self._said.sample
        for name, schema in whole.get("properties", {}).items():
            parameter: dict[str, Any] = {"name": name, "in": "query", "required": name in required, "schema": schema}
            kind = self._resolved(schema)
            if said := schema.get("description") or kind.get("description"):
                parameter["description"] = said
            if "array" in kind.get("type", ()):  # a word, or a list of words
                parameter |= {"style": "form", "explode": True}
            if isinstance(sample, dict) and sample.get(name) is not None:
                parameter["example"] = sample[name]
            yield parameter

    def _resolved(self, schema: JsonSchema) -> JsonSchema:
        seen: set[str] = set()
        while (to := schema.get("$ref")) is not None and to not in seen:
            seen.add(to)
            schema = self._named.get(to.removeprefix(_SCHEMAS), {})
        return schema

    def _responses(self, *, get: bool) -> dict[str, Any]:
        responses: dict[str, Any] = {}
        for status, rows in _STATUSES.items():
            if status == _OK:
                responses["200"] = self._success(get=get)
                if get:
                    responses["304"] = _ref("responses", "304")
            elif not ((get and status in _OF_BODIES) or (status == _KEYED_ALONE and (get or self._said.keyed == "no"))):
                responses[str(status)] = self._failure(status, rows)
        return responses

    def _success(self, *, get: bool) -> dict[str, Any]:
        said = self._said
        data = {"type": "null"} if said.output is None else said.output
        more: dict[str, Any] = {"properties": {"data": data}}
        example: dict[str, Any] = {"state": "ok", "category": "ok", "executed": "yes"}
        if said.output is not None:
            more["required"] = ["data"]
            example["data"] = said.reply
        media: dict[str, Any] = {"schema": {"allOf": [_ref("schemas", f"{self._prefix}Success"), more]}}
        if said.output is None or said.reply is not None:
            media["example"] = example | {"v": 1}
        headers = (*_EVERYWHERE, "Cache-Status", "Age") if said.cached else _EVERYWHERE
        if get:
            headers = (*headers, "ETag", "Cache-Control")
        without = (() if said.cached else _KEPT) + (("replayed",) if said.keyed == "no" else ())
        states = _lines(row for row in _STATUSES[_OK] if row.name not in without)
        return {"description": states, "headers": _headers(headers), "content": {JSON: media}}

    def _failure(self, status: int, rows: list[State]) -> dict[str, Any]:
        """Return the response of a status: everybody's, but where a fault has details of this operation's own."""
        if self._said.detail is None or all(row.name != "backend_fault" for row in rows):
            return _ref("responses", str(status))
        fault = {"properties": {"fault": {"properties": {"detail": self._said.detail}}}}
        schema = {"allOf": [_ref("schemas", f"{self._prefix}Problem{status}"), fault]}
        return _response(rows) | {"content": {PROBLEM: {"schema": schema}}}


def _first(text: str) -> str:
    """Return the first sentence of a text, for lists."""
    line = text.strip().partition("\n")[0]
    return line.partition(". ")[0].removesuffix(".")


# --- what operations share


def _states() -> dict[int, list[State]]:
    rows = [row for row in ROWS if row.built and row.origin == "sidecar" and row.name not in _XML_ALONE]
    statuses = sorted({row.status for row in rows})
    return {status: [row for row in rows if row.status == status] for status in statuses}


_STATUSES: Final = _states()
"""The states that a JSON call may meet, by HTTP status."""


def _shared(prefix: str) -> Iterator[_Entry]:
    """Give our own components: they are the same for every backend."""
    failures = {status: rows for status, rows in _STATUSES.items() if status != _OK}
    yield ("components", "schemas"), f"{prefix}Success", _success()
    yield ("components", "schemas"), f"{prefix}Problem", _problem()
    for status, rows in failures.items():
        names = list(dict.fromkeys(row.name for row in rows))
        narrower = {"properties": {"state": {"enum": names}, "status": {"const": status}}}
        schema = {"allOf": [_ref("schemas", f"{prefix}Problem"), narrower]}
        yield ("components", "schemas"), f"{prefix}Problem{status}", schema
    headers = (*_EVERYWHERE, "Cache-Status", "Age", "ETag", "Cache-Control")
    not_modified = {"description": "What you have is what there is.", "headers": _headers(headers)}
    yield ("components", "responses"), "304", not_modified
    for status, rows in failures.items():
        media = {"schema": _ref("schemas", f"{prefix}Problem{status}"), "examples": _examples(rows)}
        kind = PROBLEM if status >= _FAILURES else JSON
        yield ("components", "responses"), str(status), _response(rows) | {"content": {kind: media}}
    yield from ((("components", "headers"), name, each) for name, each in _HEADERS.items())
    yield from ((("components", "parameters"), each["name"], each) for each in _PARAMETERS)


def _success() -> dict[str, Any]:
    said = _envelope()
    states = list(dict.fromkeys(row.name for row in _STATUSES[_OK]))
    properties = {
        "state": {"enum": states, "description": "`ok`: the backend answered this call. " + _AGED},
        "category": {"const": "ok"},
        "executed": said["executed"] | {"description": _EXECUTED},
        "data": {"description": "The operation's result."},
        "freshness": said["freshness"],
        "v": said["v"],
    }
    return {"type": "object", "required": ["state", "category", "executed", "v"], "properties": properties}


_AGED: Final = (
    "`cached`, `stale`: an answer that was kept. `fallback`: one from the settings, as the backend gives none. "
)
_EXECUTED: Final = (
    "Whether the backend executed anything: only `no` means that a purchase may be sent again as it was; "
    "after `unknown` find out first."
)


def _problem() -> dict[str, Any]:
    properties = {name: each for name, each in _envelope().items() if name != "data"}
    properties["executed"] = properties["executed"] | {"description": _EXECUTED}
    properties["fault"] = {
        "type": "object",
        "description": "What the backend said of its own fault, where it was one.",
        "properties": {"detail": {}},
    }
    needed = ["state", "category", "executed", "type", "title", "status", "detail", "instance", "server_time", "v"]
    said = "RFC 9457, with the sidecar's members. One that does not apply is absent; a value that is not known is null."
    return {"description": said, "type": "object", "required": needed, "properties": properties}


def _envelope() -> dict[str, Any]:
    properties: dict[str, Any] = orjson.loads(json_schema())["properties"]
    return properties


def _response(rows: list[State]) -> dict[str, Any]:
    headers = list(_EVERYWHERE)
    if any(row.how in _COMES_BACK or row.how is How.CONFIRM for row in rows):  # confirm is wait for what is safe
        headers.append("Retry-After")
    if any(row.name == "overloaded" for row in rows):
        headers.append("Sidecar-Place")
    if any(row.name == "method_not_allowed" for row in rows):
        headers.append("Allow")
    return {"description": _lines(rows), "headers": _headers(headers)}


def _lines(rows: Iterable[State]) -> str:
    said: dict[str, list[str]] = {}
    for row in rows:
        said.setdefault(row.name, []).append(row.title)
    return "\n".join(f"- `{name}`: {', or '.join(dict.fromkeys(titles))}" for name, titles in said.items())


def _examples(rows: list[State]) -> dict[str, Any]:
    """Return a problem of each state as an operation that is not safe would meet it."""
    return {row.name: {"summary": row.title, "value": _example(row)} for row in reversed(rows)}


def _example(row: State) -> dict[str, Any]:
    effect = executed(row, safe=False, sent=False)
    how = retry_how(row, effect, safe=False)
    said: dict[str, Any] = {"state": row.name, "category": row.category.value, "executed": effect.value}
    if how:
        again = {"after_s": row.retry_after_s or 1, "same_key": True} if how in _COMES_BACK else {}
        said["retry"] = {"how": how.value} | again
    return said | {
        "type": f"/.sidecar/states#{row.name}",
        "title": row.title,
        "status": row.status,
        "detail": row.title,
        "instance": _ID,
        "server_time": "2026-12-01T09:00:03.120Z",
        "v": 1,
    }


def _ref(kind: str, name: str) -> dict[str, Any]:
    return {"$ref": f"#/components/{kind}/{name}"}


def _headers(names: Iterable[str]) -> dict[str, Any]:
    return {name: _ref("headers", name) for name in names}


def _header(text: str, example: str | int, kind: str = "string", *, required: bool = False) -> dict[str, Any]:
    return {"description": text, "required": required, "schema": {"type": kind}, "example": example}


_EVERYWHERE: Final = ("Sidecar-State", "X-Request-Id", "Server-Timing", "RateLimit", "RateLimit-Policy")
_WHAT: Final = "What happened, whether the backend executed anything, and why: an RFC 8941 item with parameters."
_STATE: Final = "outcome_unknown;reason=timeout;executed=unknown"
_ID: Final = "b7c1f0a2e4d94f6f"
_HEADERS: Final = {
    "Sidecar-State": _header(_WHAT, _STATE, required=True),
    "X-Request-Id": _header("Name this to whoever runs the system: yours where you sent one.", _ID, required=True),
    "Retry-After": _header("Whole seconds after which it makes sense to come back.", 4, "integer"),
    "Server-Timing": _header("Milliseconds in line and at the backend.", "queue;dur=12.0, backend;dur=103.4"),
    "Cache-Status": _header("RFC 9211: whether a kept answer was given, and why not.", "sidecar; hit; ttl=23"),
    "Age": _header("How old the answer is, in seconds.", 7, "integer"),
    "ETag": _header("Names these very bytes: send it in If-None-Match.", '"5f1c9a"'),
    "Cache-Control": _header("For how long browsers may keep the answer.", "private, max-age=30"),
    "RateLimit": _header("What is left of your rate, and for how long.", '"client";r=12;t=1'),
    "RateLimit-Policy": _header("The rate that you have.", '"client";q=40;w=2'),
    "Sidecar-Place": _header("Your place in line: send it when you come back.", "p1.c2lnbmVk"),
    "Allow": _header("The methods that this address takes.", "GET, POST"),
}


def _asked(name: str, text: str, example: str, **schema: Any) -> dict[str, Any]:
    kind = {"type": "string"} | schema
    return {"name": name, "in": "header", "required": False, "description": text, "schema": kind, "example": example}


_PATIENCE: Final = "How long you wait at most, in s or ms; it only ever shortens the operation's own time."
_SECONDS: Final = r"^[0-9]{1,6}(\.[0-9]{1,3})?(ms|s)?$"  # as sidecar.patience reads it
_DEED: Final = "Your name for this deed: sent again with it, it is told and not done again."
_KEY: Final = _asked("Idempotency-Key", _DEED, "sale-7KQ2-9F", minLength=1, maxLength=LONGEST)
_PARAMETERS: Final = (
    _asked("Sidecar-Timeout", _PATIENCE, "2.5s", pattern=_SECONDS),
    _asked("Sidecar-Place", "The place in line that an earlier response gave you.", "p1.c2lnbmVk"),
    _asked("Sidecar-Pass", "The proof that a waiting room has admitted you.", "s1.cGFzcw"),
    _asked("X-Request-Id", "A name of your own for the call: 8 to 128 characters.", _ID),
    _asked("If-None-Match", "The ETag of what you have: 304 where nothing has changed.", '"5f1c9a"'),
    _KEY,
)
