"""Whatever bytes come, an adapter answers with a value: mutated requests and replies of the corpus raise nothing."""

from __future__ import annotations

import asyncio

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from adapters.dialects import dialect_of
from sidecar.model import Call, Dialect, Grade, Protocol, Refusal
from sidecar.ports import Classified
from sidecar.states import TABLE, find
from tests.adapters.corpus import head, load, soap, xmlrpc

REQUESTS = list(load("requests").values())
REPLIES = list(load("replies").values())
ADAPTERS = [soap(), soap(known=True), soap(known=True, strict=True, asmx_get="safe"), xmlrpc()]
# What breaks parsers: markup, quotes, encodings' marks, names that something is looked for by.
MARKUP = (
    b"<",
    b">",
    b"</",
    b"<!--",
    b"-->",
    b"<![CDATA[",
    b"]]>",
    b"<?",
    b"&#0;",
    b"&x;",
    b"<!DOCTYPE a>",
    b"xmlns:",
    b"href",
)
SIGNS = (b"\xff\xfe", b"\x00", b"\xc3", b'"', b"'", b":", b"=", b"%", b"&", b"%00", b"\r\n")
NAMES = (b"Envelope", b"Body", b"<soap:Fault>", b"Batch", b"system.multicall")
SHARDS = st.sampled_from((*MARKUP, *SIGNS, *NAMES)) | st.binary(max_size=8)
EDITS = st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 40), SHARDS), max_size=4)


def mutated(data: bytes, edits: list[tuple[float, int, bytes]]) -> bytes:
    """Replace stretches of bytes."""
    for where, length, shard in edits:
        at = int(where * len(data))
        data = data[:at] + shard + data[at + length :]
    return data


def states_reason(state: str, reason: str | None) -> bool:
    """Whether a reason is on its state's closed list."""
    return state in TABLE and (reason is None or reason in find(state, reason).reasons)


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(st.sampled_from(REQUESTS), st.sampled_from(ADAPTERS), EDITS, EDITS, st.integers(0, 12), st.text(max_size=12))
def test_a_mutated_request_is_classified_or_refused(message, adapter, in_body, in_header, line, path):
    """Head and body are changed anywhere; the answer is a value, its state and reason are in the table."""
    raw = list(message.raw)
    name, value = raw[line % len(raw)]
    raw[line % len(raw)] = (name, mutated(value, in_header).replace(b"\r", b"").replace(b"\n", b""))
    made = head(message.line.split()[0], message.line.split()[1] + path, tuple(raw))
    rest = made.path.removeprefix("/tickets")
    assert dialect_of(made, False, message.protocol, rest) in Dialect
    outcome = adapter.accepts(made, rest)
    if outcome is None or message.protocol is Protocol.XMLRPC:
        outcome = asyncio.run(adapter.classify(made, rest, Dialect.JSON, mutated(message.body, in_body)))
    assert isinstance(outcome, Classified | Refusal)
    if isinstance(outcome, Refusal):
        assert states_reason(outcome.state, outcome.reason), outcome
    else:
        assert outcome.operation
        assert all(outcome.members)
        assert outcome.members


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(
    st.sampled_from(REPLIES),
    st.sampled_from(ADAPTERS),
    EDITS,
    st.integers(100, 599),
    st.sampled_from(Dialect),
    st.integers(1, 900),
)
def test_a_mutated_reply_is_graded(message, adapter, edits, status, dialect, size):
    """Any bytes under any status, in pieces: a grade of the table, and never `yes` for what is not ok or partial."""
    body = mutated(message.body, edits)
    pieces = tuple(body[at : at + size] for at in range(0, len(body), size))
    call = Call("b", "", "ReserveTickets", dialect, parameters={"iNumberOfSeats": "2"})
    for safe in (True, False):
        grade = adapter.grade(call, status, message.raw, pieces, safe=safe)
        assert isinstance(grade, Grade)
        assert states_reason(grade.state, grade.reason), grade
        assert (grade.executed == "yes") == (grade.state in ("ok", "partial"))
        assert not (safe and grade.executed == "unknown") or grade.state == "overloaded"
