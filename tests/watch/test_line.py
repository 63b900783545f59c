"""The access line: always one line of JSON, with the members that an operator reads, and nothing of what a caller only may say."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sidecar.model import Answer, Call, Dialect, Exchange, Executed, Grade, Peer, Refusal, Reply, Stream
from sidecar.watch import line
from tests.support.world import WALL_S, Body, head

if TYPE_CHECKING:
    from collections.abc import Sequence

TRACE = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
OK = Reply(200, ((b"Content-Type", b"text/xml"),), (b"<ok/>", b"\n"))


def asked(
    operation: str | None = "GetSeats",
    *,
    method: str = "POST",
    headers: Sequence[tuple[str, str]] = (),
    may_write: bool = True,
) -> Exchange:
    exchange = Exchange(head(method, "/tickets", headers), Body(b""), Peer("192.0.2.1", tls=False), 0.0)
    exchange.request_id, exchange.backend, exchange.dialect = "abcdefgh-1", "tickets", Dialect.SOAP11
    exchange.body, exchange.queue_s, exchange.backend_s, exchange.may_write = b"12345", 0.01234, 0.1, may_write
    if operation is not None:
        exchange.call = Call("tickets", "", operation, Dialect.SOAP11)
    return exchange


def written(
    exchange: Exchange,
    reply: Reply = OK,
    state: str = "ok",
    reason: str | None = None,
    refusal: Refusal | None = None,
) -> dict[str, Any]:
    traceparent = line.traceparent_of(exchange)
    facts_of = line.facts_of(0.12, WALL_S, exchange, reply, state, reason, Executed.NO, refusal, traceparent)
    text = line.written(facts_of, "0a1b2c3d4e5f")
    assert text.index("\n") == len(text) - 1
    facts: dict[str, Any] = json.loads(text)
    return facts


def test_a_request_whole() -> None:
    """Every member, in the order in which people read."""
    assert list(written(asked(headers=[("traceparent", TRACE)]), reason="result_rule").items()) == [
        ("at", "2026-12-01T09:00:00.000Z"),
        ("event", "access"),
        ("request_id", "abcdefgh-1"),
        ("client", "0a1b2c3d4e5f"),
        ("backend", "tickets"),
        ("operation", "GetSeats"),
        ("dialect", "soap11"),
        ("method", "POST"),
        ("state", "ok"),
        ("reason", "result_rule"),
        ("executed", "no"),
        ("status", 200),
        ("queue_ms", 12.3),
        ("backend_ms", 100.0),
        ("total_ms", 120.0),
        ("bytes_in", 5),
        ("bytes_out", 6),
        ("traceparent", TRACE),
    ]


def test_what_is_not_known_is_null_or_absent() -> None:
    """No operation was named; how long a stream will be nobody knows; no trace, no origin."""

    async def never() -> bytes:
        raise AssertionError

    streamed = Reply(200, (), (b"begin",), stream=Stream(never, lambda: None))
    facts = written(asked(None), streamed)
    assert (facts["operation"], facts["reason"], facts["bytes_out"]) == (None, None, None)
    assert not {"traceparent", "origin", "mechanism"} & set(facts)
    assert written(asked(), Reply(204, ()))["bytes_out"] == 0
    assert written(asked(), Reply(200, (), (b"one",)))["bytes_out"] == 3


def test_an_odd_trace_is_not_repeated() -> None:
    """It is passed on all the same; a log is no place for what came in its stead."""
    assert "traceparent" not in written(asked(headers=[("traceparent", "4111111111111111")]))


def test_a_disallowed_origin_is_named() -> None:
    """Its page reads nothing, so nobody else will tell; an image has no Origin line."""
    assert written(asked(may_write=False, headers=[("Origin", 'https://a"b')]))["origin"] == 'https://a"b'
    assert written(asked(may_write=False))["origin"] == "(cross-site)"


def test_a_refusal_says_who_and_how_much() -> None:
    """The numbers as they were counted, and the wait that was asked for on the wire."""
    refusal = Refusal("overloaded", "queue_full", numbers=(("limit", 16), ("waited_ms", 1.5)))
    facts = written(asked(), Reply(503, ((b"Retry-After", b"5"),)), "overloaded", "queue_full", refusal)
    assert (facts["mechanism"], facts["numbers"], facts["retry_after"]) == ("queue", {"limit": 16, "waited_ms": 1.5}, 5)


def test_a_refusal_without_numbers_names_its_limit() -> None:
    """Where it has one; and where nobody should come back there is no wait."""
    facts = written(asked(), Reply(431, ()), "headers_too_large", refusal=Refusal("headers_too_large", limit_bytes=99))
    assert (facts["numbers"], facts["retry_after"]) == ({"limit": 99}, None)
    assert written(asked(), Reply(400, ()), "malformed", refusal=Refusal("malformed"))["numbers"] == {}


@given(st.text(alphabet=st.characters(exclude_categories=()), min_size=1), st.text(), st.text(max_size=400))
def test_whatever_callers_name_it_stays_one_line_of_json(operation: str, method: str, origin: str) -> None:
    """Quotes, line ends, half characters, a megabyte: cut, cleaned, quoted."""
    exchange = asked(operation, may_write=False)
    exchange.head = exchange.head._replace(method=method, raw=((b"Origin", origin.encode("latin-1", "replace")),))
    facts = written(exchange)
    assert len(facts["operation"]) <= 128
    assert facts["method"] == "other" or facts["method"] == method
    assert facts["state"] == "ok"


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ('Get"Seats\n', "Get?Seats?"),
        ("half \udcff", "half??"),
        ("x" * 500, "x" * 128),
        ("tickets.seats", "tickets.seats"),
    ],
)
def test_an_operations_name_is_cleaned(name: str, shown: str) -> None:
    """What came in its place may be longer than any name, or hold what no name does."""
    assert written(asked(name))["operation"] == shown


@pytest.mark.parametrize(
    ("seconds", "shown"), [(0.0, 0.0), (0.00004, 0.0), (0.00005, 0.1), (0.00996, 10.0), (3600.0, 3_600_000.0)]
)
def test_milliseconds_have_one_digit(seconds: float, shown: float) -> None:
    """Rounded half up."""
    exchange = asked()
    exchange.queue_s = seconds
    assert written(exchange)["queue_ms"] == shown


def test_an_answer_is_no_refusal() -> None:
    """A relayed fault has a state and a reason, and no mechanism of ours."""
    answer = Answer(500, "", (), (b"<fault/>",), 8, Grade("backend_fault", Executed.UNKNOWN, "server"))
    facts = written(asked(), Reply(answer.status, (), answer.body), "backend_fault", "server")
    assert (facts["state"], facts["reason"], facts["status"]) == ("backend_fault", "server", 500)
    assert "mechanism" not in facts
