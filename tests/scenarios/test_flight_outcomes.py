"""What many who ask the same are told, however their one call ends, whoever leaves meanwhile and whatever was known before.

The whole road on made-up time, with the backend in the test's hands: it counts its calls and how many of them ran at once.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import pytest

from sidecar import tasks
from sidecar.model import Failed, Progress
from tests.support.people import People, Said, cached, reply
from tests.support.world import RESET, Ask, LateReply, settle

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sidecar.model import Received

pytestmark = pytest.mark.virtual

CALLERS: Final = 4  # the leader and three who follow him
LIMIT: Final = 2  # fewer than callers: whoever has to ask for himself may have to stand in line
TTL_S: Final = 10.0
OLD, NEW, PROBED = b"<ok>old</ok>", b"<ok>new</ok>", b"<ok>probed</ok>"
LARGE = b"<ok>%b</ok>" % (b"x" * 2_000)
NO_S: Final = 5.0  # how long a no is kept where it is
COOKIE = (b"Set-Cookie", b"session=s1")
BLOCKED_S: Final = 1.0  # how long a flight stands in line before it is refused
LEFT: Final = {"nobody": (), "the leader": (0,), "one follower": (2,), "all": (0, 1, 2, 3)}


@pytest.fixture(autouse=True)
def nothing_is_left() -> Iterator[None]:
    """Whatever happened, no task of ours outlives the test."""
    yield
    assert [task.get_name() for task in tasks.alive()] == []


@dataclass(frozen=True)
class End:
    """One way in which a flight ends.

    `told` is what those who stayed hear where nothing was known before; `failed` (a reason of `stale`) what they hear of an old answer
    in its place, None where the outcome is told. `kept`: entry, mark (not to be asked together), or nothing.
    """

    name: str
    play: Callable[[Stage], object]
    told: str
    failed: str | None = None
    body: bytes | None = None
    kept: str = "nothing"
    plan: dict[str, Any] = field(default_factory=dict)
    calls: int = 1
    bug: bool = False


class Stage:
    """Four who ask the same, at a backend that has been asked once; those who stay are told by `end`."""

    def __init__(self, end: End) -> None:
        plan = {"ttl_s": TTL_S, "error_s": 600.0, "entry_bytes": 1_000} | end.plan
        self.people = People(cached(**plan), limit=LIMIT, queue_wait_s=BLOCKED_S)
        self.ghosts: list[LateReply] = []
        self.blockers: list[asyncio.Task[Any]] = []

    @property
    def upstream(self) -> Any:
        return self.people.scene.upstream

    @property
    def reads(self) -> list[Ask]:
        """The calls of the question; those of the blockers are not among them."""
        return [ask for ask in self.people.asks if ask.outbound.body.startswith(b"GetSeats")]

    async def block(self) -> None:
        """Let others take every slot."""
        self.blockers = [self.people.asking(f"Reserve event={n}", who=f"b{n}") for n in range(LIMIT)]
        await settle()

    async def unblock(self) -> None:
        for ask in self.people.asks:
            if ask not in self.reads:
                ask.answer()
        await asyncio.gather(*self.blockers)

    def answer(self, result: Received | Failed) -> None:
        """End the call that is there, and every later one, so."""
        self.upstream.auto = lambda _: result
        for ask in self.reads:
            ask.answer(result)

    def haunt(self) -> None:
        """Let the call time out, its connection still open."""
        self.ghosts.append(LateReply())
        self.reads[-1].haunt(self.ghosts[-1])

    def bug(self) -> None:
        self.people.scene.adapter.bug = ZeroDivisionError("of a test")
        self.answer(reply(NEW))

    def kill(self) -> None:
        """Cancel the flight's own task, as a shutdown does."""
        flight = self.people.exchanges[-1].flight
        assert flight is not None
        assert flight.task is not None
        flight.task.cancel()


UNKNOWN = "outcome_unknown;reason={};executed=no"
ENDS = (
    End("storable", lambda s: s.answer(reply(NEW)), "ok;executed=yes", body=NEW, kept="entry"),
    End("too large to keep", lambda s: s.answer(reply(LARGE)), "ok;executed=yes", body=LARGE),
    End("ttl 0", lambda s: s.answer(reply(NEW)), "ok;executed=yes", body=NEW, plan={"ttl_s": 0.0}),
    End(
        "a listed no",
        lambda s: s.answer(reply(b"<no/>")),
        "business_no;reason=fault_rule;executed=no",
        kept="entry",
        plan={"negative": frozenset(("business_no",)), "negative_s": NO_S},
    ),
    End("a no", lambda s: s.answer(reply(b"<no/>")), "business_no;reason=fault_rule;executed=no"),
    End("reset", lambda s: s.answer(RESET), UNKNOWN.format("reset"), failed="backend-slow"),
    End(
        "a fault",
        lambda s: s.answer(reply(b"<fault/>")),
        "backend_fault;reason=server;executed=no",
        failed="backend-down",
    ),
    End("timeout", Stage.haunt, UNKNOWN.format("timeout"), failed="backend-slow"),
    End(
        "malformed",
        lambda s: s.answer(reply(b"<html>")),
        "backend_bad_reply;reason=html;executed=no",
        failed="backend-down",
    ),
    End("no slot", lambda _: None, "overloaded;reason=queue_wait;executed=no", failed="overloaded", calls=0),
    End("private", lambda s: s.answer(reply(NEW, COOKIE)), "ok;executed=yes", body=NEW, kept="mark"),
    End("killed", Stage.kill, "internal;executed=no", failed="backend-down"),
    End("a bug of ours", Stage.bug, "internal;executed=no", failed="backend-down", bug=True),
    End("hangs", lambda _: None, UNKNOWN.format("timeout"), failed="backend-slow"),
)


@pytest.mark.parametrize("before", ["none", "stale"])
@pytest.mark.parametrize("left", LEFT)
@pytest.mark.parametrize("end", ENDS, ids=lambda end: end.name.replace(" ", "-"))
async def test_one_call_for_all(end: End, left: str, before: str) -> None:
    """One call, or as many as are alone after all, never more at once than the limit; who stayed is told the truth; what is kept is due."""
    stage = Stage(end)
    people = stage.people
    if before == "stale":
        await people.asked(by=reply(OLD))
        await asyncio.sleep(TTL_S * 2)
    known = len(stage.reads)
    if end.name == "no slot":
        await stage.block()
    callers = [people.asking(who=f"p{n}") for n in range(CALLERS)]
    await settle()
    assert len(stage.reads) - known == end.calls
    if end.calls:
        stage.reads[-1].reach(Progress.BODY)
    for number in LEFT[left]:
        callers[number].cancel()
        await settle()
    end.play(stage)
    stayed = [caller for number, caller in enumerate(callers) if number not in LEFT[left]]
    told = [Said(await caller) for caller in stayed]
    await settle()
    alone = end.kept == "mark"
    followers = len(stayed) - (0 not in LEFT[left])  # who asked first has it, whether he is there to hear it or not
    assert len(stage.reads) - known == (1 + followers if alone else end.calls)
    assert stage.upstream.peak <= LIMIT
    assert {each.state for each in told} <= {_told(end, before)}
    wanted = OLD if before == "stale" and end.failed else end.body
    assert wanted is None or {each.body for each in told} <= {wanted}
    await _clear_up(stage, end)
    assert await _kept(stage) == _wanted(end, left, before)
    assert bool(people.scene.log.bugs) == end.bug
    assert people.scene.memory.held_bytes == 0
    assert people.scene.view == f"0+0 of {LIMIT}, 0 queued"


def _told(end: End, before: str) -> str:
    if before == "none" or end.failed is None:
        return end.told
    waited_s = {"hangs": 4, "no slot": BLOCKED_S}.get(end.name, 0)
    return f"stale;age={TTL_S * 2 + waited_s:.0f};reason={end.failed};executed=no"


async def _clear_up(stage: Stage, end: End) -> None:
    """Let the backend come to the end of whatever it was asked, without a word that could be kept."""
    stage.people.scene.adapter.bug = None
    await stage.unblock()
    for ask in stage.reads:
        ask.answer(RESET)
    for ghost in stage.ghosts:
        if not ghost.closed:
            ghost.come(RESET)
    await settle()
    if end.name == "no slot":
        await asyncio.sleep(0.1)


async def _kept(stage: Stage) -> str:
    """Say what the next one who asks meets."""
    before = len(stage.reads)
    said = await stage.people.asked(by=reply(PROBED), who="probe")
    status = said.header("Cache-Status") or ""
    if len(stage.reads) == before:
        return "rest" if said.state.startswith("stale") else "entry"
    assert said.body == PROBED
    return "mark" if "detail=private" in status else "nothing"


def _wanted(end: End, left: str, before: str) -> str:
    """A key whose call has failed rests, where the old answer can be given meanwhile; a flight that nobody waited for leaves no trace."""
    if before == "stale" and end.failed and left != "all":
        return "rest"
    return end.kept


@pytest.mark.parametrize("left", LEFT)
@pytest.mark.parametrize(
    "end", [end for end in ENDS if "ttl_s" not in end.plan], ids=lambda end: end.name.replace(" ", "-")
)
async def test_nobody_asks_for_what_is_fresh(end: End, left: str) -> None:
    """However the backend would have failed: it is not asked, and who leaves changes nothing."""
    stage = Stage(end)
    people = stage.people
    await people.asked(by=reply(OLD))
    await asyncio.sleep(TTL_S / 2)
    if end.name == "no slot":
        await stage.block()
    callers = [people.asking(who=f"p{n}") for n in range(CALLERS)]
    for number in LEFT[left]:
        callers[number].cancel()
    told = [Said(await caller) for number, caller in enumerate(callers) if number not in LEFT[left]]
    assert {(each.state, each.body) for each in told} <= {("cached;age=5;executed=no", OLD)}
    assert len(stage.reads) == 1
    await stage.unblock()
    assert await _kept(stage) == "entry"


@pytest.mark.parametrize("before", ["none", "stale"])
@pytest.mark.parametrize("late", [True, False], ids=["answers-late", "never-answers"])
async def test_who_runs_out_of_time_asks_nobody_else(late: bool, before: str) -> None:
    """Each at his own deadline, the leader first or last: one call, and what it brings after all is kept for the next one."""
    stage = Stage(ENDS[0])
    people = stage.people
    if before == "stale":
        await people.asked(by=reply(OLD))
        await asyncio.sleep(TTL_S * 2)
    known = len(stage.reads)
    waits = (1.0, 0.5, 3.0, 2.0)
    callers = [
        people.asking("GetSeats event=1", ("Sidecar-Timeout", f"{wait_s}"), who=f"p{wait_s}") for wait_s in waits
    ]
    await settle()
    stage.reads[-1].reach(Progress.BODY)
    began = people.scene.clock.now()
    for number in sorted(range(len(waits)), key=waits.__getitem__):
        said = Said(await callers[number])
        assert people.scene.clock.now() - began == pytest.approx(waits[number])
        age_s = int(TTL_S * 2 + waits[number])
        old = f"stale;age={age_s};reason=backend-slow;executed=no"
        assert said.state == (old if before == "stale" else UNKNOWN.format("timeout"))
        assert len(stage.reads) - known == 1
    stage.reads[-1].answer(reply(NEW) if late else RESET)
    await settle()
    assert len(stage.reads) - known == 1
    assert await _kept(stage) == ("entry" if late else "rest" if before == "stale" else "nothing")


async def test_an_answer_that_comes_after_its_attempt_was_given_up() -> None:
    """The backend was only slow: what its open connection brings in the end is worth keeping."""
    stage = Stage(ENDS[0])
    caller = stage.people.asking()
    await settle()
    stage.haunt()
    assert Said(await caller).state == UNKNOWN.format("timeout")
    stage.ghosts[0].come(reply(NEW))
    await settle()
    assert await _kept(stage) == "entry"
