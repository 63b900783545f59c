"""The road as a whole: order, what is left out, what explain prints, and how a stage is added."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from sidecar import pipeline, tasks
from sidecar.caller import coalesce
from sidecar.model import Answer, Failed, Head, Notice, Protocol, Refusal, Result
from sidecar.plan import Plan, ProbePlan
from sidecar.policy.pauses import Kind, Scope, Sign, Target, What
from tests.support import keyed
from tests.support.world import OK, REFUSED, RESET, PlainAdapter, Scene, settle, state_of, tickets

if TYPE_CHECKING:
    from sidecar.model import Received
    from sidecar.ports import Adapter
    from tests.support.world import Ask

SAFE = """\
tickets.GetSeats: ruled by 'Get*', safe
caller lane
  cors        no other origin may read
  envelope    every outcome in the caller's dialect, Sidecar-State on it
  route       /tickets
  documents   ?wsdl from the backend, kept and served stale
  pages       /tickets/openapi.json /tickets/docs /tickets/types.ts
  facade      JSON for the safe operations
  decode      bodies up to 1048576 bytes
  identity    a client is known by Authorization (header), once the backend has answered it well
  idempotency takes no key
  place       who was let go comes back to where he stood: worth at most 5 s
  coalesce    private flights; a caller waits at most 4 s
  gates       what an operator has paused
flight lane
  queue       2 at once; 3 may wait, each at most 5 s; a call given up keeps its slot for up to 120 s
  retry       once, if a kept connection turned out to be closed before any reply
  breaker     a backend that fails, or an operation of it, is cut off for a while, then tested with a few calls
  span        time and grade of every attempt, to the pressure gauge and to the limit
  grade       0 rules for faults, 0 for results
  faults      none from the settings; orders may add some, 20 in all, each for 60 min at most
  attempt     connect 2 s, first byte 10 s, total 15 s"""

UNSAFE = """\
tickets.DestroyCache: ruled by '*', may change something; DENIED in every dialect
caller lane
  cors        no other origin may read
  envelope    every outcome in the caller's dialect, Sidecar-State on it
  route       /tickets
  pages       /tickets/openapi.json /tickets/docs /tickets/types.ts
  facade      JSON for the safe operations
  decode      bodies up to 1048576 bytes; deny DestroyCache
  identity    a client is known by Authorization (header), once the backend has answered it well
  idempotency takes no key
  place       who was let go comes back to where he stood: worth at most 5 s
  coalesce    private flights; a caller waits at most 60 s
  gates       what an operator has paused
flight lane
  queue       2 at once; 3 may wait, each at most 5 s; a call given up keeps its slot for up to 120 s
  retry       never
  breaker     a backend that fails, or an operation of it, is cut off for a while, then tested with a few calls
  span        time and grade of every attempt, to the pressure gauge and to the limit
  grade       0 rules for faults, 0 for results
  faults      none from the settings; orders may add some, 20 in all, each for 60 min at most
  attempt     connect 2 s, first byte 60 s, total 60 s"""


def test_the_chain_of_a_safe_operation() -> None:
    """Word for word what an operator reads."""
    assert pipeline.describe(Plan(backends=(tickets(protocol=Protocol.SOAP),)), "tickets", "GetSeats") == SAFE


def test_the_chain_of_an_unsafe_operation() -> None:
    """No retry; and XML-RPC has no documents."""
    plan = Plan(backends=(tickets(deny=("DestroyCache",)),))
    assert pipeline.describe(plan, "tickets", "DestroyCache") == UNSAFE


def test_an_unknown_backend_is_answered_with_the_known_ones() -> None:
    """For whoever mistyped it."""
    with pytest.raises(LookupError, match="no backend 'seats'; the backends are: tickets"):
        pipeline.describe(Plan(backends=(tickets(),)), "seats", "GetSeats")
    with pytest.raises(LookupError, match="are: none"):
        pipeline.describe(Plan(), "seats", "GetSeats")


def test_every_stage_is_a_file_of_its_own_with_the_same_two_functions() -> None:
    """What pipeline folds."""
    for stage in (*pipeline.CALLER, *pipeline.FLIGHT):
        assert callable(stage.build)
        assert callable(stage.describe)


def test_a_stage_is_added_by_one_name(monkeypatch: pytest.MonkeyPatch) -> None:
    """From its own file; explain shows it in its place, where it applies."""
    at = pipeline.CALLER.index(coalesce)
    monkeypatch.setattr(pipeline, "CALLER", (*pipeline.CALLER[:at], keyed, *pipeline.CALLER[at:]))
    plan = Plan(backends=(tickets(protocol=Protocol.SOAP),))
    lines = pipeline.describe(plan, "tickets", "GetSeats").splitlines()
    assert lines[12:14] == [
        "  keyed       shared by X-Key",
        "  coalesce    private flights; a caller waits at most 4 s",
    ]
    assert "keyed" not in pipeline.describe(plan, "tickets", "Reserve")


@pytest.mark.virtual
async def test_an_added_stage_works(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two callers of one key share one call; of an operation that may change something they do not."""
    at = pipeline.CALLER.index(coalesce)
    monkeypatch.setattr(pipeline, "CALLER", (*pipeline.CALLER[:at], keyed, *pipeline.CALLER[at:]))
    for operation, calls in (("GetSeats", 1), ("Reserve", 2)):
        scene = Scene()
        road = pipeline.build(scene.plan, scene.world)
        callers = [
            asyncio.get_running_loop().create_task(
                road(scene.exchange(f"{operation} 1".encode(), headers=(("X-Key", "k"),)))
            )
            for _ in range(2)
        ]
        await settle()
        assert len(scene.upstream.asks) == calls
        for ask in scene.upstream.asks:
            ask.answer()
        assert {state_of(await caller) for caller in callers} == {"ok;executed=yes"}


@pytest.mark.virtual
@pytest.mark.parametrize(
    ("result", "safe", "unsafe"),
    [
        (OK, "ok;executed=yes", "ok;executed=yes"),
        (REFUSED, "backend_unreachable;reason=refused;executed=no", "backend_unreachable;reason=refused;executed=no"),
        (RESET, "outcome_unknown;reason=reset;executed=no", "outcome_unknown;reason=reset;executed=unknown"),
    ],
    ids=["ok", "refused", "reset"],
)
async def test_one_call_down_the_whole_road(result: Received | Failed, safe: str, unsafe: str) -> None:
    """From the request's bytes to the state in the reply, nothing held afterwards."""
    for operation, expected in (("GetSeats", safe), ("Reserve", unsafe)):
        scene = Scene()
        scene.upstream.auto = lambda _: result
        exchange = scene.exchange(f"{operation} 1".encode())
        assert state_of(await pipeline.build(scene.plan, scene.world)(exchange)) == expected
        assert exchange.account is not None
        exchange.account.close()
        await settle()
        assert scene.memory.held_bytes == 0
        assert scene.view == "0+0 of 2, 0 queued"
        assert tasks.alive() == frozenset()


@pytest.mark.virtual
async def test_a_stale_connection_is_retried_for_what_is_safe_alone() -> None:
    """The whole road: two attempts of a question, the second on a new connection; one of a purchase."""
    stale = Failed("outcome_unknown", "closed", "gone", sent=True, stale=True)

    def backend(ask: Ask) -> Received | Failed:
        return OK if ask.limits.fresh else stale

    for operation, expected in (
        ("GetSeats", "ok;executed=yes"),
        ("Reserve", "outcome_unknown;reason=closed;executed=unknown"),
    ):
        scene = Scene()
        scene.upstream.auto = backend
        reply = await pipeline.build(scene.plan, scene.world)(scene.exchange(f"{operation} 1".encode()))
        assert state_of(reply) == expected


class Shelf:
    """As much of a shelf as the fetcher needs."""

    def __init__(self) -> None:
        self._reader = PlainAdapter()

    @property
    def reader(self) -> Adapter:
        return self._reader

    def owns(self, head: Head, rest: str) -> bool:
        return False

    async def serve(self, head: Head, endpoint: str, listen_url: str | None) -> Answer | Refusal:
        raise AssertionError("nobody asks")


def fetching(**changes: object) -> tuple[Scene, object]:
    backend = tickets(protocol=Protocol.SOAP, **changes)
    scene = Scene(backend, documents={"tickets": Shelf()})
    return scene, pipeline.fetcher(scene.plan, backend, scene.world)


@pytest.mark.virtual
async def test_a_document_is_fetched_in_a_slot_and_shared() -> None:
    """Whoever asks for the same one meanwhile joins; the path may be another of the same origin; nothing stays booked."""
    scene, fetch = fetching()
    assert callable(fetch)
    asking = [asyncio.get_running_loop().create_task(fetch("", "wsdl")) for _ in range(3)]
    await settle()
    assert scene.view == "1+0 of 2, 0 queued"
    (ask,) = scene.upstream.asks
    assert (ask.outbound.method, ask.outbound.target) == ("GET", "/Tickets.asmx?wsdl")
    assert ask.account.take(100)
    ask.answer()
    outcomes = [await task for task in asking]
    assert all(isinstance(outcome, Answer) for outcome in outcomes)
    assert scene.memory.held_bytes == 0
    elsewhere = asyncio.get_running_loop().create_task(fetch("", "/other.xsd?a=1"))
    await settle()
    assert scene.upstream.asks[1].outbound.target == "/other.xsd?a=1"
    scene.upstream.asks[1].answer(REFUSED)
    assert isinstance(await elsewhere, Refusal)


@pytest.mark.virtual
async def test_a_document_that_does_not_come_is_given_up() -> None:
    """After half a minute, whatever the backend does."""
    scene, fetch = fetching()
    assert callable(fetch)
    began = scene.clock.now()
    outcome = await fetch("", "wsdl")
    assert isinstance(outcome, Refusal)
    assert outcome.reason == "deadline"
    assert scene.clock.now() - began == pytest.approx(30.0)
    await settle()
    assert scene.view == "0+0 of 2, 0 queued"


@pytest.mark.virtual
@pytest.mark.parametrize(("scope", "asked"), [(Scope.ENTRY, 1), (Scope.ALL, 0)])
async def test_what_we_ask_for_ourselves_is_held_up_with_everybody(scope: Scope, asked: int) -> None:
    """Documents and probes go on while newcomers are held up; a pause of everybody is one of ours, too."""
    scene, fetch = fetching(probe=ProbePlan("GetSeats", 10.0))
    assert callable(fetch)
    scene.upstream.auto = lambda _: OK
    probe = pipeline.prober(scene.plan, scene.backend, scene.world)
    assert probe is not None
    notice = Notice("p1", "warning", ())
    await scene.pauses.put(Sign("p1", Kind.PAUSE, Target(What.BACKEND, "tickets"), notice, 0.0, scope, end=1e6))
    outcome = await fetch("", "wsdl")
    assert isinstance(outcome, Answer) is bool(asked)
    assert asked or (isinstance(outcome, Refusal) and outcome.state == "paused")
    assert (await probe() is Result.IGNORED) is not bool(asked)
    assert len(scene.upstream.asks) == 2 * asked
    scene.pauses.close()
