"""What is remembered of requests: the same one, under the same contract, and nothing that would give a caller away."""

from __future__ import annotations

import pytest

from sidecar.answers import Seen
from sidecar.model import Call, Dialect, Exchange, Peer
from sidecar.recall import MOST, Recall
from tests.support.world import Body, head

EDITION = object()
LINES = (("Content-Type", "text/xml"), ("SOAPAction", '"a"'))


def exchange(
    body: bytes = b"<a/>",
    *lines: tuple[str, str],
    method: str = "POST",
    target: str = "/tickets",
    rest: str = "",
    endpoint: str = "",
) -> Exchange:
    made = Exchange(head(method, target, lines or LINES), Body(b""), Peer("192.0.2.1", tls=False), 0.0)
    made.body, made.rest, made.endpoint = body, rest, endpoint
    return made


def seen(edition: object = EDITION) -> Seen:
    return Seen(Call("tickets", "", "GetSeats", Dialect.SOAP11, ("GetSeats",)), "Get*", edition)


@pytest.mark.parametrize(
    "other",
    [
        exchange(b"<b/>"),
        exchange(b"<a/>", ("Content-Type", "application/soap+xml"), ("SOAPAction", '"a"')),
        exchange(b"<a/>", ("Content-Type", "text/xml"), ("SOAPAction", '"b"')),
        exchange(b"<a/>", ("Content-Type", "text/xml")),
        exchange(method="GET"),
        exchange(target="/tickets?a=1"),
        exchange(rest="/GetSeats"),
        exchange(endpoint="reports"),
    ],
)
def test_what_reading_looks_at_is_in_the_name(other: Exchange) -> None:
    """Whatever may change which operation runs makes another request."""
    recall = Recall()
    assert recall.name(exchange()) != recall.name(other)


def test_who_asks_is_not() -> None:
    """A header that reading does not look at is no other request."""
    recall = Recall()
    assert recall.name(exchange()) == recall.name(exchange(b"<a/>", *LINES, ("User-Agent", "b")))


def test_a_large_request_is_not_remembered() -> None:
    """Its digest would cost what it saves."""
    recall = Recall()
    assert recall.name(exchange(b"a" * 16_384)) != b""
    assert recall.name(exchange(b"a" * 16_385)) == b""


def test_another_contract_may_mean_something_else() -> None:
    """What was read under the one before is forgotten when a document is read anew."""
    recall, kept = Recall(), seen()
    recall.keep(b"a", kept)
    assert recall.find(b"a", EDITION) is kept
    assert recall.find(b"a", object()) is None
    assert recall.find(b"b", EDITION) is None


def test_it_is_bounded_and_the_oldest_goes() -> None:
    """Whoever was asked for lately stays."""
    recall = Recall()
    for number in range(MOST):
        recall.keep(b"%d" % number, seen())
    recall.find(b"0", EDITION)
    recall.keep(b"new", seen())
    assert len(recall) == MOST
    assert recall.find(b"0", EDITION) is not None
    assert recall.find(b"1", EDITION) is None
