"""The vocabulary of what stands between a crowd and a backend: `limit`, `queue`, `classes`, `breaker`, `probe`, `retry`, `rate`,
of what goes wrong on purpose: `inject`, and of who may look behind an answer: `debug`.

A part of `schema`, and like it without judgement: what contradicts what is said by `guarding`. A rate is a text, read here whole, so that
the message names what is wrong with it.
"""

from __future__ import annotations

import re
from typing import Annotated, Final, Literal, TypeAlias

from pydantic import AfterValidator, Field, PlainValidator, WithJsonSchema

from sidecar.policy.injection import FAULT, STATUS_HIGH, STATUS_LOW, Kind, header_of, worded
from sidecar.settings import shapes
from sidecar.settings.quantities import Share, Span, wrong
from sidecar.settings.section import Section, amount

Mode: TypeAlias = Literal["enforce", "observe", "off"]
_MODE: Final = "enforce; observe: let everything pass and count what would have been refused; off: is not there"
ClassName: TypeAlias = Literal["staff", "checkout", "browse", "batch"]


class Adaptive(Section):
    """Between which bounds a backend's limit is learnt from how long its calls take."""

    min: int = Field(default=1, ge=1, le=10_000, description="never fewer calls at once")
    start: int = Field(default=8, ge=1, le=10_000, description="calls at once before anything is known")
    max: int = Field(
        default=64, ge=1, le=10_000, description="never more calls at once, however fast the backend answers"
    )


class Limit(Section):
    """How many calls the backend gets at once. limits.connections bounds callers, queue.size those who wait."""

    adaptive: Adaptive = Field(
        default_factory=Adaptive, description="learn how many calls at once the backend bears; the default"
    )
    fixed: int | None = Field(
        default=None,
        ge=1,
        le=10_000,
        description="calls at once, ghosts included, where somebody has load-tested it; in place of adaptive",
    )


class Queue(Section):
    """The line before a backend."""

    size: int = Field(
        default=500,
        ge=0,
        le=100_000,
        description="calls that may wait for one of the slots of limit; one more is answered overloaded",
    )
    wait: Annotated[float, Span("0s", "10m")] = amount(
        default="5s", description="longest time in line; operations.NAME.timeout may end it earlier"
    )
    per_client: Annotated[float, Share("0.1%", "100%")] = amount(
        default="10%", description="the part of size that one client's calls may take while others wait, at least one"
    )
    find: list[shapes.Words] = Field(
        default_factory=list,
        max_length=10,
        description="parameters by whose values an operator finds a call that waits, an order number say; none that says who asks",
    )


class Class(Section):
    """How much of a backend the calls of a class get while others wait for it, too."""

    weight: int = Field(ge=1, le=1000, description="share of the slots, in proportion to the others' weights")
    reserve: Annotated[float, Share("0%", "90%")] = amount(
        default="0%", description="the part of a backend's limit that this class can always have at once"
    )


class Classes(Section):
    """The ranks of calls. Each gets its share while others wait, and what is left over where nobody does."""

    underway: Class = Field(
        default_factory=lambda: Class(weight=20),
        description="whoever has begun a purchase and got something (operations.NAME.begins); nothing else puts a call in it",
    )
    staff: Class = Field(default_factory=lambda: Class(weight=16), description="the people at the counter")
    checkout: Class = Field(default_factory=lambda: Class(weight=8), description="whoever is about to buy")
    browse: Class = Field(default_factory=lambda: Class(weight=4), description="whoever looks; the usual class")
    batch: Class = Field(default_factory=lambda: Class(weight=1), description="reports, exports: nobody waits for them")


class Breaker(Section):
    """When a backend that fails is cut off for a while, and how it is tried again."""

    mode: Mode = Field(default="enforce", description=_MODE)
    failure_rate: Annotated[float, Share("1%", "100%")] = amount(
        default="50%", description="cut off where so many of the calls of window have failed"
    )
    slow_rate: Annotated[float, Share("1%", "100%")] = amount(
        default="80%",
        description="cut off where so many were slower than slow_after, and the limit stands at its minimum",
    )
    slow_after: Annotated[float, Span("10ms", "1h")] = amount(default="5s", description="what counts as slow")
    window: Annotated[float, Span("1s", "10m")] = amount(default="30s", description="which calls are counted")
    min_calls: int = Field(default=10, ge=1, le=10_000, description="fewer calls than that prove nothing")
    open_for: Annotated[float, Span("100ms", "10m")] = amount(
        default="5s", description="how long it is cut off at first; longer by half each time that the trial fails"
    )
    open_max: Annotated[float, Span("100ms", "1h")] = amount(default="2m", description="never longer than that")


class Probe(Section):
    """A call of our own that shows whether the backend lives, besides the callers'."""

    operation: shapes.Words = Field(description="an operation that changes nothing and takes no parameters")
    every: Annotated[float, Span("1s", "1h")] = amount(default="10s", description="time between two of them")


class Retry(Section):
    """When a call that failed is made once more, unseen by its caller."""

    budget: Annotated[float, Share("0%", "50%")] = amount(
        default="10%", description="retries at most, as a part of the calls that went well; 0% for none"
    )
    attempts: int = Field(default=2, ge=1, le=5, description="attempts at most for one call, the first included")


_RATE: Final = re.compile(r"([0-9]{1,9})/(.+)")
_PERIOD: Final = Span("1s", "24h")
_COUNT_MAX: Final = 1_000_000


def parted(text: str) -> tuple[int, float]:
    """Return how many in how many seconds; 0 for what cannot be read."""
    found = _RATE.fullmatch(text)
    try:
        return (int(found[1]), _PERIOD.read(found[2])) if found is not None else (0, 0.0)
    except LookupError:
        return 0, 0.0


def rate(text: str) -> str:
    """Check a rate: a count and a time."""
    count, period_s = parted(text)
    if not period_s:
        raise wrong("E206", "{value} is no rate", "a count and a time, as in 20/1s or 300/1m")
    if not 1 <= count <= _COUNT_MAX:
        raise wrong("E205", "{value} is out of bounds", f"the count may be from 1 to {_COUNT_MAX}")
    if not _PERIOD.read(_PERIOD.low) <= period_s <= _PERIOD.read(_PERIOD.high):
        raise wrong("E205", "{value} is out of bounds", f"the time may be from {_PERIOD.low} to {_PERIOD.high}")
    return text


class Rate(Section):
    """How often something may be asked, whatever the backend bears."""

    per: Literal["client", "account", "operation", "backend"] = Field(
        description="who shares it: one client, one account (parameter names it), all calls of one operation, all of the backend"
    )
    limit: Annotated[str, AfterValidator(rate)] = Field(
        description="how often, as in 20/1s: a count up to 1000000, and a time from 1s to 24h"
    )
    burst: int | None = Field(
        default=None, ge=1, le=_COUNT_MAX, description="how many may come at once; default as many as limit names"
    )
    mode: Literal["police", "shape", "observe"] = Field(
        default="police",
        description="police: refuse what is too much; shape: let it wait in line; observe: count what would be refused",
    )
    parameter: shapes.Words | None = Field(
        default=None, description="for account: the parameter whose value names the account"
    )


def _no(value: object) -> str:
    """Read what a backend is to say: an HTTP status that is an error, or the word for a fault of its protocol."""
    text = value if isinstance(value, str) else str(value) if isinstance(value, int) and value is not True else ""
    try:
        status = worded(Kind.ERROR, text)[2] if text else 1
    except ValueError:
        status = 1
    if status and not STATUS_LOW <= status <= STATUS_HIGH:
        remedy = f"a status from {STATUS_LOW} to {STATUS_HIGH}, as in 503, or {FAULT} for one of the protocol"
        raise wrong("E205", "{value} is no error of a backend's", remedy)
    return text


No = Annotated[
    str | None,
    PlainValidator(_no),
    WithJsonSchema({"anyOf": [{"type": "integer", "minimum": STATUS_LOW, "maximum": STATUS_HIGH}, {"const": FAULT}]}),
]


def named(text: str) -> str:
    """Check a header with a pattern for its value."""
    if header_of(text) is None:
        raise wrong("E210", "{value} is no header with a pattern", "as in X-Chaos=yes*")
    return text


class Injection(Section):
    """Calls that go wrong on purpose, for a rehearsal: one of latency, error, reset and truncate. It counts as the backend's own doing."""

    operation: shapes.Pattern = Field(description="operations that are meant: a name or a pattern")
    latency: Annotated[float, Span("1ms", "5m")] | None = Field(
        default=None, description="the call begins so much later"
    )
    jitter: Annotated[float, Span("1ms", "5m")] | None = Field(
        default=None, description="of latency: give or take so much"
    )
    error: No = Field(
        default=None,
        validate_default=False,
        description="the backend says no: an HTTP status as in 503, or fault for one of its protocol; it meets nothing of the call",
    )
    reset: bool = Field(
        default=False, description="the connection breaks with the call sent; the backend meets nothing of it"
    )
    truncate: bool = Field(
        default=False, description="the reply ends half-way; the backend has done what it was asked to"
    )
    share: Annotated[float, Share("0.001%", "100%")] = amount(
        default="100%", description="the part of the calls that it hits"
    )
    header: Annotated[str, AfterValidator(named)] | None = Field(
        default=None, description="only calls that carry this header: NAME=PATTERN"
    )
    lasts: Annotated[float, Span("1s", "1h")] = Field(
        alias="for",
        description="how long, from when these settings are taken; a reload that says the same prolongs nothing",
    )


class Debug(Section):
    """Requests that are told what decided about them (Sidecar-Explain), and may go wrong on purpose (Sidecar-Fault). Left out, none is."""

    token: shapes.Secret | None = Field(
        default=None,
        description='what such a request must show in Sidecar-Debug, from the environment: "${DEBUG_TOKEN}"; another than admin\'s',
    )
    token_file: shapes.FileName | None = Field(default=None, description="file that holds the token, in place of token")
