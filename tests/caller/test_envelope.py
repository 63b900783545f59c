"""The envelope: nothing leaves without a state, an id and the truth about what happened."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from sidecar.caller import envelope
from sidecar.model import (
    Answer,
    Dialect,
    Exchange,
    Executed,
    Grade,
    Notice,
    Outcome,
    Progress,
    Refusal,
    Reply,
    Stream,
    joined,
)
from sidecar.policy.pauses import EVERYTHING, Kind, Sign, Target, What
from sidecar.states import ROWS
from tests.support.world import Pieces, Scene, state_of

if TYPE_CHECKING:
    from collections.abc import Sequence

pytestmark = pytest.mark.virtual

FINE = Answer(200, "OK", ((b"Content-Type", b"text/xml"),), (b"<ok/>",), 5, Grade("ok", Executed.YES))


def value(reply: Reply, name: bytes) -> str | None:
    found = [given.decode() for key, given in reply.headers if key == name]
    assert len(found) < 2, f"{name!r} stands twice"
    return found[0] if found else None


async def said(
    outcome: Outcome | Exception,
    *,
    headers: tuple[tuple[str, str], ...] = (),
    dialect: Dialect = Dialect.SOAP11,
    queue_s: float = 0.0,
    backend_s: float = 0.0,
    sent: bool = False,
    safe: bool = False,
    up: Sequence[Sign] = (),
    backend: str = "tickets",
) -> tuple[Reply, Scene]:
    scene = Scene()
    scene.dialect = dialect
    for sign in up:
        await scene.pauses.put(sign)

    async def inner(exchange: Exchange) -> Outcome:
        exchange.queue_s, exchange.backend_s, exchange.safe, exchange.backend = queue_s, backend_s, safe, backend
        exchange.flight = scene.flight(safe=safe)
        exchange.flight.track.progress = Progress.BODY if sent else Progress.HEAD
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    reply = await envelope.build(scene.scope(), scene.world, inner)(scene.exchange(headers=headers))
    scene.pauses.close()
    return reply, scene


async def test_an_answer_is_relayed_with_its_state() -> None:
    """Body, status and phrase are the backend's; the state and the id are ours."""
    reply, scene = await said(FINE, queue_s=0.012, backend_s=0.103)
    assert (reply.status, reply.phrase, reply.body) == (200, "OK", FINE.body)
    assert state_of(reply) == "ok;executed=yes"
    assert value(reply, b"X-Request-Id") == "id-1"
    assert value(reply, b"Server-Timing") == "queue;dur=12.0, backend;dur=103.0"
    (line,) = scene.log.named("access")
    assert (line["state"], line["executed"], line["status"], line["request_id"]) == ("ok", "yes", 200, "id-1")


async def test_it_says_who_asks_before_and_that_he_was_answered_after() -> None:
    """Whoever stands further in may know better; whoever counts requests is told what was known at the end."""
    _, scene = await said(FINE, headers=(("X-Client", "ada"),))
    (exchange,) = scene.answered
    assert exchange.standing.client == exchange.client == "ada"
    assert re.fullmatch("[0-9a-f]{12}", str(scene.log.named("access")[0]["client"])), "a log names nobody"
    assert len((await said(KeyError("a bug")))[1].answered) == 1


async def test_a_relayed_fault_says_when_to_come_back() -> None:
    """Unless the backend says so itself, or waiting is wrong."""
    fault = FINE._replace(status=500, grade=Grade("backend_fault", Executed.NO, "server"))
    assert value((await said(fault, safe=True))[0], b"Retry-After") == "5"
    told = fault._replace(headers=((b"retry-after", b"77"),))
    reply, _ = await said(told, safe=True)
    assert [given for name, given in reply.headers if name.lower() == b"retry-after"] == [b"77"]
    unknown = fault._replace(grade=Grade("backend_fault", Executed.UNKNOWN, "server"))
    assert value((await said(unknown))[0], b"Retry-After") is None, "a purchase is confirmed first"


async def test_what_was_kept_says_its_age() -> None:
    """In the header and in the state."""
    reply, _ = await said(FINE._replace(age_s=42, grade=Grade("stale", Executed.NO, "backend-down")))
    assert value(reply, b"Age") == "42"
    assert state_of(reply) == "stale;age=42;reason=backend-down;executed=no"


async def test_a_json_caller_gets_the_backends_fault_as_a_problem() -> None:
    """With the backend's words; what is no failure, and what streams, stays the backend's own."""
    grade = Grade("backend_fault", Executed.UNKNOWN, "server", text="The seat map is locked")
    fault = FINE._replace(status=500, grade=grade)
    reply, _ = await said(fault, dialect=Dialect.JSON)
    assert reply.status == 502
    assert b"The seat map is locked" in reply.body[0]
    assert (await said(fault))[0].status == 500
    assert (await said(FINE, dialect=Dialect.JSON))[0].body == FINE.body
    pieces = Pieces()
    streamed = fault._replace(stream=Stream(pieces.next, pieces.close))
    assert (await said(streamed, dialect=Dialect.JSON))[0].stream is streamed.stream


@pytest.mark.parametrize("given", ["abcdefgh", "0f8fad5b-d9cb-469f-a165-70867728950e", "a" * 128])
async def test_a_well_formed_id_is_taken_over(given: str) -> None:
    """So that one id runs through everybody's logs."""
    assert value((await said(FINE, headers=(("X-Request-Id", given),)))[0], b"X-Request-Id") == given


@pytest.mark.parametrize(
    "given", ["short", "a" * 129, "with space", "-starts-wrong", "evil\u00e9vil\u00e9", "<script>"]
)
async def test_any_other_id_is_not(given: str) -> None:
    """It is repeated in headers, bodies and logs."""
    assert value((await said(FINE, headers=(("X-Request-Id", given),)))[0], b"X-Request-Id") == "id-1"


@pytest.mark.parametrize(
    "row", [row for row in ROWS if row.origin == "sidecar"], ids=lambda row: f"{row.name}-{row.category}"
)
@pytest.mark.parametrize("safe", [True, False])
async def test_every_refusal_has_everything(row: object, safe: bool) -> None:
    """State, id, no-store, nosniff, and Retry-After of at least a second exactly where coming back is the advice."""
    name, reason = row.name, next(iter(row.reasons), None)  # type: ignore[attr-defined]  # a State; parametrize hides it
    reply, _ = await said(Refusal(name, reason), safe=safe)
    text = reply.body[0].decode().split(" ", 5)
    assert state_of(reply).split(";")[0] == name == text[0]
    assert state_of(reply).endswith(f"executed={text[2]}")
    assert value(reply, b"Cache-Control") == "no-store"
    assert value(reply, b"X-Content-Type-Options") == "nosniff"
    assert value(reply, b"Content-Type") == "text/plain"
    assert reply.block == joined(reply.headers)
    how, after = text[3], value(reply, b"Retry-After")
    assert (after is not None) is (how in ("wait", "poll", "join"))
    assert after is None or int(after) >= 1
    if text[2] == "unknown" and not safe:
        assert how != "wait"


async def test_a_refusals_own_words_come_first() -> None:
    """Status, wait, Allow, close and effect where it says them."""
    refusal = Refusal(
        "malformed", "expectation", "words", status=417, allow="GET", close=True, executed=Executed.UNKNOWN
    )
    reply, _ = await said(refusal, queue_s=1.0)
    assert (reply.status, reply.close, value(reply, b"Allow")) == (417, True, "GET")
    assert state_of(reply) == "malformed;reason=expectation;executed=unknown"
    assert value(reply, b"Server-Timing") == "queue;dur=1000.0, backend;dur=0.0"
    assert reply.block == joined(reply.headers)
    assert value((await said(Refusal("overloaded", "queue_full", retry_after_s=9)))[0], b"Retry-After") == "9"


@pytest.mark.parametrize(
    ("sent", "safe", "effect"), [(False, False, "no"), (True, True, "no"), (True, False, "unknown")]
)
async def test_a_bug_is_owned_up_to(sent: bool, safe: bool, effect: str) -> None:
    """After the body was sent it may have happened, whatever broke here."""
    reply, scene = await said(KeyError("secret"), sent=sent, safe=safe)
    assert state_of(reply) == f"internal;executed={effect}"
    assert reply.status == 500
    assert b"secret" not in reply.body[0]
    assert len(scene.log.bugs) == 1


async def test_an_answer_that_cannot_be_written_is_a_bug_too() -> None:
    """A state that is not in the table: the caller gets internal, and its stream is closed."""
    pieces = Pieces()
    broken = FINE._replace(grade=Grade("no such state", Executed.YES), stream=Stream(pieces.next, pieces.close))
    reply, scene = await said(broken, sent=True)
    assert state_of(reply) == "internal;executed=unknown"
    assert pieces.closed == 1
    assert len(scene.log.bugs) == 1


async def test_it_describes_itself() -> None:
    """For explain."""
    assert "Sidecar-State" in envelope.describe(Scene().scope())


TEXTS = (("en", "Slow today"), ("de", "Heute langsam"))
AT_TICKETS = Sign("m1", Kind.MESSAGE, Target(What.BACKEND, "tickets"), Notice("m1", "info", TEXTS), 1000.0, end=9000.0)
AT_ALL = replace(AT_TICKETS, id="m2", target=EVERYTHING, notice=Notice("m2", "critical", TEXTS))
BUSY = Refusal("overloaded", "queue_full")


@pytest.mark.parametrize(
    ("refusal", "up", "backend", "accept", "language"),
    [
        (BUSY, (AT_TICKETS,), "tickets", "", "en"),
        (BUSY, (AT_TICKETS,), "tickets", "de-CH, en;q=0.8", "de"),
        (BUSY, (AT_TICKETS,), "seats", "de", None),
        (BUSY, (), "tickets", "de", None),
        (Refusal("draining"), (AT_TICKETS,), "", "de", None),
        (Refusal("draining"), (AT_ALL,), "", "de", "de"),
        (Refusal("malformed", "xml"), (AT_TICKETS,), "tickets", "de", None),  # a mistake of his own
        (Refusal("sale_closed", "closed"), (AT_TICKETS,), "tickets", "de", None),
        (replace(BUSY, notice=Notice("r1", "info", (("fr", "Bientôt"),))), (AT_ALL,), "tickets", "de", "fr"),
    ],
)
async def test_what_an_operator_says_is_on_refusals(
    refusal: Refusal, up: tuple[Sign, ...], backend: str, accept: str, language: str | None
) -> None:
    """Of that backend and of everything, where waiting is what a caller has to do, in his language; a refusal's own words stay."""
    headers = (("Accept-Language", accept),) if accept else ()
    reply, _ = await said(refusal, headers=headers, up=up, backend=backend)
    assert value(reply, b"Content-Language") == language


async def test_what_an_operator_says_is_not_on_answers() -> None:
    """Whoever gets what he asked for needs no excuse."""
    reply, _ = await said(FINE, up=(AT_ALL,))
    assert value(reply, b"Content-Language") is None
