"""The vocabulary of what is shared, kept and said in a backend's place: `cache`, `shared`, `fallback`, `idempotency` of an operation.

A part of `schema`, and like it without judgement: what contradicts what is said by `keeping`. A key that takes a word or a block is
checked here whole, so that the message names both.
"""

from __future__ import annotations

import math
from typing import Annotated, Any, Final, Literal

import orjson
from pydantic import AfterValidator, Field, PlainValidator, WithJsonSchema

from sidecar.settings import shapes
from sidecar.settings.quantities import Share, Size, Span, wrong
from sidecar.settings.rules import FAULT_STATES, RESULT_STATES
from sidecar.settings.section import Section, amount
from sidecar.settings.tags import Tag
from sidecar.states import ROWS, TABLE, Category

# A no of the business is the same for whoever asks next; a failure is not, and is never kept.
NEGATIVE_STATES = tuple(
    name for name in dict.fromkeys((*FAULT_STATES, *RESULT_STATES)) if TABLE[name].category is Category.FINAL
)
# What is the backend's doing. A refusal about the caller is for the caller, and a bug of ours is not papered over.
FALLBACK_STATES = (*(row.name for row in ROWS if row.scope == "backend"), "backend_fault")
_SECRET_LENGTH: Final = 4096  # tokens that are signed have a kB
_INT_BITS: Final = 31  # of XML-RPC's int, besides its sign


def _veto(value: object) -> str:
    """Read one word of ignore_origin."""
    if value in _VETOES:
        return str(value)
    if isinstance(value, str) and value.lower() == "set-cookie":
        raise wrong("E207", "{value} is never waived: an answer that sets a cookie is one person's", "take it out")
    raise wrong("E207", f"{{value}} is not one of {', '.join(_VETOES)}", "Set-Cookie always keeps an answer out")


_VETOES: Final = ("private", "no-store", "no-cache", "max-age", "vary")
Veto = Annotated[str, PlainValidator(_veto), WithJsonSchema({"enum": list(_VETOES)})]


def _true(value: bool) -> bool:
    if not value:
        raise wrong("E207", "{value} is not true", "a rule that does nothing is left out")
    return value


Yes = Annotated[bool, AfterValidator(_true), WithJsonSchema({"const": True})]


def _shared(value: object) -> object:
    """Read who shares: true, drop, leader, or the values that are sent in place of the caller's."""
    if value is True or value in ("drop", "leader"):
        return value
    if not isinstance(value, dict) or set(value) != {"as"} or not isinstance(value["as"], dict) or not value["as"]:
        raise wrong("E204", "must be true, drop, leader or {as: {NAME: VALUE}}", _SHARED_AS)
    for text in value["as"].values():
        if not isinstance(text, str) or not 0 < len(text) <= _SECRET_LENGTH or not text.isprintable():
            raise wrong(
                "E204", f"what stands for an identity is a text of 1 to {_SECRET_LENGTH} characters", _SHARED_AS
            )
    return value


_SHARED_AS: Final = 'as in shared: {as: {sWebSessionId: "${SERVICE_SESSION}"}}'
Shared = Annotated[
    bool | str | dict[str, dict[str, str]] | None,
    PlainValidator(_shared),
    WithJsonSchema(
        {
            "anyOf": [
                {"enum": [True, "drop", "leader"]},
                {
                    "type": "object",
                    "properties": {"as": {"type": "object", "additionalProperties": {"type": "string"}}},
                    "required": ["as"],
                    "additionalProperties": False,
                },
            ]
        }
    ),
]


def _key(value: object) -> object:
    """Read where a key against a second purchase stands."""
    if value == "header":
        return value
    if not isinstance(value, dict) or len(value) != 1:
        raise wrong("E204", "must be header, {header: NAME}, {soap_header: NAME} or {param: NAME}", _KEY)
    ((where, name),) = value.items()
    if where not in KEY_SOURCES or not isinstance(name, str):
        raise wrong("E204", "must be header, {header: NAME}, {soap_header: NAME} or {param: NAME}", _KEY)
    (shapes.header if where == "header" else shapes.words)(name)
    return value


KEY_SOURCES: Final = ("header", "soap_header", "param")
_KEY: Final = "as in key: header, or key: {param: sOrderReference}"
KeySource = Annotated[
    str | dict[str, str] | None,
    PlainValidator(_key),
    WithJsonSchema(
        {
            "anyOf": [
                {"const": "header"},
                *(
                    {
                        "type": "object",
                        "properties": {each: {"type": "string"}},
                        "required": [each],
                        "additionalProperties": False,
                    }
                    for each in KEY_SOURCES
                ),
            ]
        }
    ),
]


def _data(value: object) -> str:
    """Read an answer that is written in the settings, and return it as JSON."""
    _sayable(value)
    try:
        return orjson.dumps(value).decode()
    except orjson.JSONEncodeError:
        raise wrong(
            "E204", "holds something that no answer can", "texts, numbers, true, false, lists and blocks"
        ) from None


def _sayable(value: Any) -> None:
    """Refuse what XML-RPC has no word for."""
    if value is None:
        raise wrong("E204", "holds nothing somewhere, and XML-RPC has no word for it", "leave the key out, or write ''")
    if isinstance(value, float) and not math.isfinite(value):
        raise wrong("E204", "holds a number that is none", "write it as a text")
    if isinstance(value, int) and value.bit_length() > _INT_BITS:
        raise wrong("E204", "holds a number that is too large for XML-RPC's int", "write it as a text, in quotes")
    for below in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        _sayable(below)


Data = Annotated[str | None, PlainValidator(_data), WithJsonSchema({})]


class Negative(Section):
    """Which answers that say no are kept, and how long."""

    ttl: Annotated[float, Span("100ms", "10m")] = amount(default="5s", description="how long a no is kept")
    states: list[Literal[NEGATIVE_STATES]] = Field(  # type: ignore[valid-type]  # the table of states is the list
        min_length=1, description="states of faults: and results: that are kept"
    )


class Cache(Section):
    """How long an operation's answers are worth keeping. Ages count from when the backend said it."""

    ttl: Annotated[float, Span("0s", "720h")] = Field(
        description="how long an answer is fresh; 0s keeps none and only joins calls in flight"
    )
    stale_while_revalidate: Annotated[float, Span("0s", "720h")] = amount(
        default="0s", description="so much longer than ttl it is given at once, and renewed behind"
    )
    grace: Annotated[float, Span("0s", "720h")] = amount(
        default="0s", description="so much longer than ttl it is given while the backend is strained or down"
    )
    stale_if_error: Annotated[float, Span("0s", "720h")] = amount(
        default="0s", description="so much longer than ttl it is given in place of a failure"
    )
    soft_timeout: Annotated[float, Span("10ms", "1h")] | None = Field(
        default=None,
        description="how long a caller waits for a new answer where there is an old one; left out, to the end",
    )
    jitter: Annotated[float, Share("0%", "50%")] = amount(
        default="10%",
        description="part of ttl by which it is longer or shorter, so that answers do not all end at once",
    )
    refresh_ahead: Annotated[float, Share("10%", "100%")] = amount(
        default="80%",
        description="part of ttl after which an answer that is asked for is renewed before it ends; 100% is never",
    )
    tags: list[Tag] = Field(
        default_factory=list, max_length=20, description='what an answer is about, as in "perf:{iPerformanceNumber}"'
    )
    consistency: Literal["soft", "strict"] = Field(
        default="soft",
        description="what a write has touched: soft gives it as stale while it is renewed, strict never again",
    )
    freshness: Literal["fixed", "origin"] = Field(
        default="fixed", description="origin: the backend's Cache-Control decides, and ttl where it says nothing"
    )
    vary: list[shapes.Header] = Field(
        default_factory=list, max_length=10, description="request headers that count in the key, and reach the backend"
    )
    params: dict[shapes.Words, Literal["ignore", "lower", "int", "set"]] = Field(
        default_factory=dict,
        description="how parameters count: ignore (nor does it reach the backend), lower (case), int (007 is 7), set (order)",
    )
    ignore_origin: list[Veto] = Field(
        default_factory=list, max_length=5, description="what the backend says against keeping and that does not count"
    )
    negative: Negative | None = Field(default=None, description="keep answers that say no, too")
    public: bool = Field(
        default=False,
        description="JSON by GET alone: true lets caches between us and browsers keep an answer for everybody, false browsers only",
    )
    browser: Annotated[float, Span("0s", "720h")] | None = Field(
        default=None,
        description="JSON by GET alone: how long browsers, and with public caches, may keep an answer; default ttl",
    )
    max_entry: Annotated[int, Size("1KiB", "1GiB")] = amount(
        default="1MiB", description="largest answer that is kept; largest reply of all: limits.reply_body"
    )
    share: Annotated[float, Share("1%", "100%")] = amount(
        default="50%", description="part of limits.cached that this operation's answers may take"
    )
    waiters: int = Field(
        default=10_000,
        ge=1,
        le=1_000_000,
        description="callers that may wait for one call in flight; one more is overloaded",
    )


class Fallback(Section):
    """What is said in place of a failure: exactly one of stale, data, body_file, spare and refuse."""

    on: list[Literal[FALLBACK_STATES]] = Field(  # type: ignore[valid-type]  # the table of states is the list
        min_length=1, description="states in whose place it is said"
    )
    stale: Yes | None = Field(
        default=None, validate_default=False, description="the last answer that is kept, however old"
    )
    data: Data = Field(
        default=None,
        validate_default=False,
        description="a fixed answer as JSON has it: a value, a list or a block; for soap the object that the reply holds",
    )
    body_file: shapes.FileName | None = Field(
        default=None, description="a fixed answer, for soap: file with the XML that stands in the Body of the reply"
    )
    spare: Yes | None = Field(default=None, validate_default=False, description="the second of urls is asked")
    refuse: shapes.Sentence | None = Field(default=None, description="the failure, with your own words for people")


class Idempotency(Section):
    """How a second purchase is known, and answered like the first."""

    key: KeySource = Field(
        default=None,
        validate_default=False,
        description="where the key stands: header (Idempotency-Key), {header: NAME}, {soap_header: NAME} or {param: NAME}",
    )
    required: bool = Field(default=False, description="refuse calls without a key")
    ttl: Annotated[float, Span("1m", "720h")] = amount(
        default="24h", description="how long an outcome is kept; of answers: cache.ttl"
    )
    derived: Annotated[float, Span("1s", "1h")] | None = Field(
        default=None, description="for so long two equal calls of one identity are one, without a key (double clicks)"
    )
