"""The cache stage on the whole road: who is told what, how often the backend is asked, and what it sees."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from sidecar.model import Dialect, Executed, Grade, Level, Progress
from sidecar.plan import SharedPlan
from tests.support.people import People, Said, cached, reply
from tests.support.world import REFUSED, RESET, SAFE, UNSAFE, settle

pytestmark = pytest.mark.virtual


async def test_the_second_who_asks_is_told_from_memory() -> None:
    """Marked so, with its age, never to be kept by anybody behind us; the backend is not asked again."""
    people = People(cached())
    first = await people.asked(by=reply(b"<ok>1</ok>", (b"X-Backend", b"1"), (b"Cache-Control", b"max-age=5")))
    await asyncio.sleep(3.4)
    second = await people.asked(by=reply(b"<ok>2</ok>"))
    assert (first.state, second.state) == ("ok;executed=yes", "cached;age=3;executed=no")
    assert first.body == second.body == b"<ok>1</ok>"
    assert (first.header("Cache-Status"), second.header("Cache-Status")) == (
        "sidecar; fwd=uri-miss; stored",
        "sidecar; hit; ttl=6",
    )
    assert (first.header("Age"), second.header("Age")) == (None, "3")
    assert {each.header("Cache-Control") for each in (first, second)} == {"no-store"}
    assert {each.header("X-Backend") for each in (first, second)} == {"1"}
    assert len(people.asks) == 1


async def test_what_is_asked_is_a_function_of_the_key_alone() -> None:
    """Headers that are not in the key stay behind, and the words are in the question's order, whoever asked first."""
    seen = []
    for headers in (
        (),
        (("User-Agent", "x"), ("X-Forwarded-For", "1.2.3.4"), ("X-Odd", "1"), ("Traceparent", "00-ab")),
    ):
        people = People(cached())
        await people.asked("GetSeats event=1 zone=2", *headers)
        await people.asked("GetSeats zone=2 event=1", *headers)
        assert len(people.asks) == 1
        seen.append(people.asks[0].outbound)
    assert seen[0] == seen[1]


@pytest.mark.parametrize("header", [("Authorization", "Basic a"), ("Accept-Language", "de")])
async def test_headers_that_are_in_the_key(header: tuple[str, str]) -> None:
    """Whoever shows something else asks something else, and the backend sees what was shown."""
    people = People(cached(vary=("Accept-Language",)))
    for value in (header[1], header[1], "another", None):
        await people.asked("GetSeats event=1", *(((header[0], value),) if value is not None else ()))
    assert [dict(ask.outbound.headers).get(header[0].lower().encode()) for ask in people.asks] == [
        header[1].encode(),
        b"another",
        None,
    ]


async def test_a_cookie_that_is_not_keyed_keeps_its_call_private() -> None:
    """It may decide what the backend says, so it is asked as it came, and nobody else is told."""
    people = People(cached())
    for _ in range(2):
        said = await people.asked("GetSeats event=1", ("Cookie", "a=1"))
        assert said.header("Cache-Status") == "sidecar; fwd=bypass; detail=cookie"
    assert [dict(ask.outbound.headers)[b"Cookie"] for ask in people.asks] == [b"a=1", b"a=1"]


@pytest.mark.parametrize(
    ("mode", "values", "calls", "sent"),
    [
        (None, (), 2, [b"GetSeats event=1 key=ada", b"GetSeats event=1 key=bob"]),
        ("as", (("key", "service"),), 1, [b"GetSeats event=1 key=service"]),
        ("drop", (), 1, [b"GetSeats event=1"]),
        ("leader", (), 1, [b"GetSeats event=1 key=ada"]),
    ],
)
async def test_whose_identity_asks(
    mode: str | None, values: tuple[tuple[str, str], ...], calls: int, sent: list[bytes]
) -> None:
    """Two sessions ask the same: keyed apart, or one call with the service's, nobody's or the first one's session."""
    shared = None if mode is None else SharedPlan(mode, values)
    people = People(cached(shared=shared), identity_params=("key",))
    for who in ("ada", "bob"):
        await people.asked(f"GetSeats event=1 key={who}")
    assert len(people.asks) == calls
    assert [ask.outbound.body for ask in people.asks] == sent


async def test_each_dialect_has_its_own_envelope_around_one_answer() -> None:
    """One call for all of them; the one who speaks as the backend was asked gets its bytes."""
    people = People(cached())
    told = []
    for dialect in (Dialect.SOAP11, Dialect.SOAP12, Dialect.ASMX):
        people.scene.dialect = dialect
        told.append((await people.asked()).body)
    assert told == [b"<ok/>", b"<soap12><ok/></soap12>", b"<asmx><ok/></asmx>"]
    assert len(people.asks) == 1


async def test_a_copy_for_another_dialect_takes_room_too() -> None:
    """What is kept weighs what it holds, so that `limits.cached` bounds all of it."""
    people = People(cached())
    await people.asked(by=reply(b"<ok>" + b"1" * 1000 + b"</ok>"))
    before = people.scene.answers.view().held_bytes
    people.scene.dialect = Dialect.SOAP12
    for _ in range(3):
        await people.asked()
    assert people.scene.answers.view().held_bytes == before + len(b"<soap12><ok></ok></soap12>") + 1000
    assert people.scene.answers.view().entries == 1


async def test_what_cannot_be_said_in_a_dialect_is_asked_in_it() -> None:
    """As if there were no cache."""
    people = People(cached())
    await people.asked()
    people.scene.dialect = Dialect.XMLRPC
    assert (await people.asked()).state == "ok;executed=yes"
    assert len(people.asks) == 2


async def test_what_must_not_be_keyed_passes() -> None:
    """With the caller's own bytes, and why."""
    people = People(cached())
    for _ in range(2):
        said = await people.asked("GetSeats private event=1")
        assert said.header("Cache-Status") == "sidecar; fwd=bypass; detail=headers"
    assert [ask.outbound.body for ask in people.asks] == [b"GetSeats private event=1"] * 2


async def test_renewed_behind() -> None:
    """Past its time an answer is given at once, while one call renews it for the next."""
    people = People(cached(swr_s=60.0))
    await people.asked(by=reply(b"<ok>1</ok>"))
    await asyncio.sleep(11)
    old = [Said(await people.asking()) for _ in range(3)]
    assert {each.state for each in old} == {"stale;age=11;reason=revalidating;executed=no"}
    assert len(people.asks) == 2
    people.asks[1].answer(reply(b"<ok>2</ok>"))
    await settle()
    new = await people.asked()
    assert (new.state, new.body, len(people.asks)) == ("cached;age=0;executed=no", b"<ok>2</ok>", 2)
    assert people.scene.memory.held_bytes == 0


@pytest.mark.parametrize("failure", [REFUSED, RESET, reply(b"<html/>"), reply(b"<fault/>", status=500)])
async def test_stale_beats_nothing(failure: object) -> None:
    """Whatever way the backend fails, within stale_if_error the old answer is given, marked; beyond, the failure."""
    people = People(cached(error_s=60.0))
    await people.asked(by=reply(b"<ok>1</ok>"))
    await asyncio.sleep(20)
    said = await people.asked(by=failure)  # type: ignore[arg-type]  # one of both
    assert said.state.startswith("stale;age=20;reason=backend-")
    assert said.body == b"<ok>1</ok>"
    await asyncio.sleep(60)
    assert (await people.asked(by=failure)).state.split(";")[0] not in ("stale", "cached")  # type: ignore[arg-type]  # one of both


async def test_a_backend_that_fails_is_not_asked_by_everybody() -> None:
    """A key whose renewal has failed rests for a while: whoever may have the old answer gets it at once."""
    people = People(cached(swr_s=300.0))
    await people.asked()
    await asyncio.sleep(11)
    people.scene.upstream.auto = lambda _: REFUSED
    for _ in range(20):
        await people.asking()
        await settle()
    assert len(people.asks) == 2


async def test_grace_while_the_backend_is_down() -> None:
    """Beyond its time an answer serves while the backend is down; one call now and then finds out that it has come back."""
    people = People(cached(grace_s=600.0))
    await people.asked(by=reply(b"<ok>1</ok>"))
    await asyncio.sleep(100)
    for _ in range(3):
        people.scene.pressure.tell("tickets", Grade("backend_unreachable", Executed.NO, healthy=False), waiting=0)
    assert people.scene.pressure.level("tickets") is Level.DOWN
    people.scene.upstream.auto = lambda _: REFUSED
    for _ in range(100):
        assert Said(await people.asking()).state.startswith("stale;age=1")
        await asyncio.sleep(0.1)
    assert 3 <= len(people.asks) <= 7
    await asyncio.sleep(30)
    people.scene.upstream.auto = lambda _: reply(b"<ok>2</ok>")
    told = []
    for _ in range(2):
        told.append(Said(await people.asking()).body)
        await settle()
    assert told == [b"<ok>1</ok>", b"<ok>2</ok>"]


@pytest.mark.unmeasured
@pytest.mark.thinned(2)
@pytest.mark.parametrize("windows", [{"swr_s": 3600.0}, {"grace_s": 3600.0, "error_s": 3600.0}], ids=["swr", "grace"])
async def test_a_backend_that_is_back_is_not_trampled(windows: dict[str, float]) -> None:
    """After half a minute everything is old at once; it is renewed no faster than a fifth above what the backend was used to."""
    people = People(cached(ttl_s=10.0, jitter=0.1, swr_s=windows.pop("swr_s", 5.0), **windows), limit=20)
    auto = people.scene.upstream
    auto.auto = lambda _: reply(b"<ok/>")
    calls: list[int] = []

    async def live(seconds: int, known: int = 50) -> list[int]:
        """Let 50 questions be asked once a second each, five more each second at first; return the backend's calls in each."""
        calls.clear()
        for second in range(seconds):
            before = len(people.asks)
            for number in range(min(50, known + 5 * second)):
                await people.asking(f"GetSeats event={number}")
                await asyncio.sleep(0.02)
            calls.append(len(people.asks) - before)
        return list(calls)

    await live(20, known=5)
    steady = max(await live(30))
    auto.auto = lambda _: REFUSED
    await live(30)
    auto.auto = lambda _: reply(b"<ok/>")
    assert max(await live(30)) <= 1.2 * steady
    assert set(calls[-10:]) != {0}
    told = [Said(await people.asking(f"GetSeats event={number}")).state for number in range(50)]
    assert {state.split(";")[0] for state in told} <= {"cached", "stale"}
    assert all(int(state.split("age=")[1].split(";")[0]) <= 20 for state in told), "everything is new again"


async def test_soft_timeout() -> None:
    """A caller who could have the old answer waits a little for the new one; the flight goes on behind him, and is kept."""
    people = People(cached(soft_s=0.5, error_s=600.0))
    await people.asked(by=reply(b"<ok>1</ok>"))
    await asyncio.sleep(100)
    caller = people.asking()
    said = Said(await caller)
    assert (said.state, said.body) == ("stale;age=100;reason=backend-slow;executed=no", b"<ok>1</ok>")
    people.asks[1].answer(reply(b"<ok>2</ok>"))
    await settle()
    assert (await people.asked()).body == b"<ok>2</ok>"
    assert len(people.asks) == 2


async def test_soft_timeout_in_time() -> None:
    """Where the new answer comes in time it is the one that is told."""
    people = People(cached(soft_s=0.5, error_s=600.0))
    await people.asked(by=reply(b"<ok>1</ok>"))
    await asyncio.sleep(100)
    said = await people.asked(by=reply(b"<ok>2</ok>"))
    assert (said.state, said.body) == ("ok;executed=yes", b"<ok>2</ok>")


async def test_a_fault_is_kept_where_the_settings_say_so() -> None:
    """For its own time, told as the backend's own no; any other fault is asked for each time."""
    people = People(cached(negative=frozenset(("business_no",)), negative_s=5.0))
    for _ in range(2):
        assert (await people.asked(by=reply(b"<no/>"))).state.startswith("business_no")
    assert len(people.asks) == 1
    await asyncio.sleep(6)
    await people.asked(by=reply(b"<fault/>"))
    await people.asked(by=reply(b"<fault/>"))
    assert len(people.asks) == 3


@pytest.mark.parametrize(
    ("header", "waived"),
    [
        ((b"Set-Cookie", b"a=1"), ()),
        ((b"Cache-Control", b"private, max-age=0"), ("private", "max-age")),
        ((b"Cache-Control", b"no-store"), ("no-store",)),
    ],
)
async def test_an_answer_for_one_alone(header: tuple[bytes, bytes], waived: tuple[str, ...]) -> None:
    """It goes to who asked, whoever waited with him asks for himself, and for two minutes nobody waits with anybody."""
    people = People(cached())
    callers = [people.asking(who=f"p{n}") for n in range(3)]
    await settle()
    assert len(people.asks) == 1
    people.scene.upstream.auto = lambda ask: reply(b"<ok>%d</ok>" % ask.number, header)
    people.asks[0].answer(reply(b"<ok>0</ok>", header))
    told = [Said(await caller) for caller in callers]
    assert sorted(each.body for each in told) == [b"<ok>0</ok>", b"<ok>1</ok>", b"<ok>2</ok>"]
    assert people.scene.view.startswith("0+0 of 2")
    said = await people.asked(by=reply(b"<ok>9</ok>"))
    assert said.header("Cache-Status") == "sidecar; fwd=bypass; detail=private"
    if waived:
        waiving = People(cached(ignore=frozenset(waived)))
        for _ in range(2):
            await waiving.asked(by=reply(b"<ok/>", header))
        assert len(waiving.asks) == 1


@pytest.mark.unmeasured
async def test_ten_thousand_who_ask_the_same() -> None:
    """One call; everybody is told, and all but the first that they followed."""
    people = People(cached())
    callers = [people.asking(who=f"p{n}") for n in range(10_000)]
    while not people.asks:
        await settle()
    await settle()
    people.asks[0].answer(reply(b"<ok>1</ok>"))
    told = [Said(await caller) for caller in callers]
    assert {each.body for each in told} == {b"<ok>1</ok>"}
    assert len(people.asks) == 1
    statuses = [each.header("Cache-Status") for each in told]
    assert statuses.count("sidecar; fwd=uri-miss; stored; collapsed") == 9_999
    assert statuses.count("sidecar; fwd=uri-miss; stored") == 1


async def test_more_than_may_wait() -> None:
    """One too many is told so at once, or has the old answer where there is one."""
    people = People(cached(waiters=2))
    callers = [people.asking(who=f"p{n}") for n in range(3)]
    await settle()
    assert Said(await callers[2]).state == "overloaded;reason=queue_full;executed=no"
    people.asks[0].answer()
    assert [Said(await each).state for each in callers[:2]] == ["ok;executed=yes"] * 2


@pytest.mark.parametrize("answered", [True, False])
async def test_a_write_and_the_reads_around_it(answered: bool) -> None:
    """Who reads after a write is not told what was read before it, nor what a flight from before brings; also where its reply is lost."""
    write = replace(UNSAFE, invalidates=("event:{event}",), timeout_s=5.0)
    people = People(cached(tags=("event:{event}",), timeout_s=60.0), write)
    await people.asked(by=reply(b"<ok>old</ok>"))
    flying = people.asking("GetSeats event=1 zone=2")
    await settle()
    writing = people.asking("Reserve event=1")
    await settle()
    assert len(people.asks) == 3
    people.asks[2].reach(Progress.BODY)
    if answered:
        people.asks[2].answer(reply(b"<ok/>"))
    told = Said(await writing)
    assert told.state.split(";")[0] == ("ok" if answered else "outcome_unknown")
    again = people.asking("GetSeats event=1 zone=2")
    await settle()
    people.asks[1].answer(reply(b"<ok>from before</ok>"))
    assert Said(await flying).body == b"<ok>from before</ok>"
    assert len(people.asks) == 4
    people.asks[3].answer(reply(b"<ok>after</ok>"))
    assert Said(await again).body == b"<ok>after</ok>"
    assert (await people.asked("GetSeats event=1 zone=2")).body == b"<ok>after</ok>"
    assert (await people.asked(by=reply(b"<ok>new</ok>"))).body != b"<ok>from before</ok>"
    if not answered:
        people.asks[2].answer(reply(b"<ok/>"))
        await settle()


async def test_no_cache_no_stage() -> None:
    """An operation without the block shares nothing."""
    people = People(SAFE)
    for _ in range(2):
        assert (await people.asked()).header("Cache-Status") is None
    assert len(people.asks) == 2
