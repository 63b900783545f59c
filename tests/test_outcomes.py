"""Outcomes as bytes: what was written is read again, and what cannot be read is said to be so, never guessed."""

from __future__ import annotations

import orjson
import pytest

from sidecar.model import Answer, Dialect, Executed, Grade, Outcome, Refusal
from sidecar.outcomes import LARGEST_BYTES, freeze, thaw, unknown
from sidecar.ports import DeedState
from tests.stores.entries import deed_of

HEADERS = ((b"Content-Type", b"text/xml"), (b"X-Name", b"M\xfcller"))
BODY = b"<ok>\n\x00\xff</ok>"
ANSWER = Answer(200, "", HEADERS, (BODY,), len(BODY), Grade("ok", Executed.YES))
FAULT = Answer(500, "", (), (b"",), 0, Grade("backend_fault", Executed.UNKNOWN, "server"))


@pytest.mark.parametrize("outcome", [ANSWER, FAULT], ids=["answer", "fault"])
@pytest.mark.parametrize("dialect", list(Dialect))
def test_an_answer_is_read_as_it_was_written(outcome: Answer, dialect: Dialect) -> None:
    """Status, lines byte for byte, body with whatever is in it, and what the backend did."""
    assert thaw(freeze(outcome, dialect)) == (outcome, dialect)


def test_an_answer_in_pieces_is_one() -> None:
    """However it came."""
    pieces = Answer(200, "", (), (b"<o", b"k/>"), 5, Grade("ok", Executed.YES))
    found = thaw(freeze(pieces, Dialect.SOAP11))
    assert found is not None
    assert isinstance(found[0], Answer)
    assert found[0].body == (b"<ok/>",)


def test_what_signs_somebody_in_is_not_kept() -> None:
    """What is kept stands in a file, and says what was done: no cookie, no word on signing in, nothing that is a connection's own."""
    gone = (
        (b"Set-Cookie", b"session=s1"),
        (b"set-cookie2", b"session=s1"),
        (b"WWW-Authenticate", b"Basic"),
        (b"Authentication-Info", b'rspauth="s1"'),
        (b"Proxy-Authenticate", b"Basic"),
        (b"Connection", b"X-Own"),
        (b"X-Own", b"1"),
        (b"Keep-Alive", b"timeout=5"),
    )
    kept = freeze(ANSWER._replace(headers=(*gone, *HEADERS)), Dialect.SOAP11)
    assert thaw(kept) == (ANSWER, Dialect.SOAP11)
    assert b"session" not in kept
    assert b"s1" not in kept


@pytest.mark.parametrize("more", [0, 1])
@pytest.mark.parametrize("effect", [Executed.YES, Executed.UNKNOWN])
def test_an_answer_that_is_too_large(more: int, effect: Executed) -> None:
    """Up to the bound it is kept whole; beyond, what it did, which is what counts: an empty answer would be no answer."""
    pieces = (b"x" * LARGEST_BYTES, b"x" * more)
    found = thaw(freeze(Answer(200, "", (), pieces, LARGEST_BYTES + more, Grade("ok", effect)), Dialect.SOAP11))
    assert found is not None
    outcome = found[0]
    assert isinstance(outcome, Refusal) is bool(more)
    if isinstance(outcome, Refusal):
        assert (outcome.state, outcome.reason, outcome.executed) == ("outcome_unknown", "untold", effect)


@pytest.mark.parametrize(
    "outcome",
    [
        Refusal("outcome_unknown", "reset", "the connection was closed", Executed.UNKNOWN),
        Refusal("backend_bad_reply", "html", "a page"),
    ],
)
def test_a_refusal_is_read_as_it_was_written(outcome: Outcome) -> None:
    """With what it says of effect, or that it says nothing."""
    assert thaw(freeze(outcome, Dialect.XMLRPC)) == (outcome, Dialect.XMLRPC)


GOOD = freeze(ANSWER, Dialect.SOAP11)
HEAD = orjson.loads(GOOD[4:].partition(b"\n")[0])


def _with(**changes: object) -> bytes:
    return b"SCO1" + orjson.dumps({**HEAD, **changes}) + b"\n"


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"SCO1",
        b"SCO2" + GOOD[4:],
        GOOD[:20],
        b"SCO1[]\n",
        b"SCO1null\n",
        _with(dialect="latin"),
        _with(status="many"),
        _with(headers=[["a"]]),
        _with(headers=None),
        _with(executed="perhaps"),
        _with(refusal={}),
        _with(refusal={"state": "overloaded", "reason": None, "detail": "", "executed": "perhaps"}),
    ],
)
def test_what_cannot_be_read_is_nothing(data: bytes) -> None:
    """Another version, or damaged anywhere: whoever asks is told that nobody knows, and nothing raises."""
    assert thaw(data) is None


@pytest.mark.parametrize(
    ("state", "reason", "word"),
    [(DeedState.LOST, "cut", "when the sidecar ended"), (DeedState.DONE, "untold", "could not be kept")],
)
def test_an_outcome_that_is_not_there(state: DeedState, reason: str, word: str) -> None:
    """Why nobody knows it: nobody saw the end of the call, or what it brought has been lost since."""
    said = unknown(deed_of(state=state))
    assert (said.state, said.reason, said.executed) == ("outcome_unknown", reason, Executed.UNKNOWN)
    assert said.detail is not None
    assert word in said.detail
