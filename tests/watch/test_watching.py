"""Whoever looks on: each thing told once to log, metrics and window, and nobody's name in any of them."""

from __future__ import annotations

import asyncio
import re
from typing import TYPE_CHECKING, Any

import pytest

from sidecar.caller import envelope
from sidecar.model import Answer, Exchange, Executed, Grade, Outcome, Refusal, Reply
from sidecar.tasks import spawn
from sidecar.watch import watching as module
from sidecar.watch.catalogue import METRICS
from sidecar.watch.metrics import Now
from sidecar.watch.watching import Watching
from sidecar.watch.window import BUCKET_S
from tests.support.world import WALL_S, LoopClock, Recorder, Scene

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.virtual

FINE = Answer(200, "OK", ((b"Content-Type", b"text/xml"),), (b"<ok/>",), 5, Grade("ok", Executed.YES))
FULL = Refusal("overloaded", "queue_full", numbers=(("limit", 16),), retry_after_s=7)
TRACE = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


async def passed(outcome: Outcome, peer: str = "192.0.2.1", **how: Any) -> Scene:
    """Let one request pass the envelope."""
    scene = Scene()

    async def inner(exchange: Exchange) -> Outcome:
        exchange.backend = "tickets"
        exchange.flight = how.get("flight")
        exchange.queue_s = 0.5
        return outcome

    await envelope.build(scene.scope(), scene.world, inner)(scene.exchange(peer=peer, headers=how.get("headers", ())))
    return scene


async def test_an_answer_is_told_to_all_three() -> None:
    """A line, a count, a place in the window."""
    scene = await passed(FINE)
    (line,) = scene.log.named("access")
    assert (line["state"], line["backend"], line["bytes_out"]) == ("ok", "tickets", 5)
    assert dict(scene.watch.tally.account("tickets").requests) == {("json", "ok"): 1}
    now = scene.clock.now()
    assert scene.watch.window.states(now)["by"] == [{"backend": "tickets", "state": "ok", "count": 1}]
    assert scene.watch.window.refusals(now, WALL_S)["total"] == 0


async def test_a_refusal_names_its_mechanism_everywhere() -> None:
    """The same word in log, metrics and window, so that one leads to the other."""
    scene = await passed(FULL)
    (line,) = scene.log.named("access")
    assert (line["mechanism"], line["numbers"], line["retry_after"]) == ("queue", {"limit": 16}, 7)
    assert (line["state"], line["reason"], line["executed"]) == ("overloaded", "queue_full", "no")
    assert dict(scene.watch.tally.account("tickets").refusals) == {("overloaded", "queue"): 1}
    (row,) = scene.watch.window.refusals(scene.clock.now(), WALL_S)["by"]  # type: ignore[misc]  # a list of rows
    assert (row["mechanism"], row["count"]) == ("queue", 1)


async def test_a_bug_is_a_refusal_and_counts() -> None:
    """An error of a stage: its caller got internal, its line says bug."""

    async def inner(exchange: Exchange) -> Outcome:
        raise KeyError(exchange)

    scene = Scene()
    await envelope.build(scene.scope(), scene.world, inner)(scene.exchange())
    (line,) = scene.log.named("access")
    assert (line["state"], line["mechanism"]) == ("internal", "bug")


async def test_the_line_counts_only_who_stood_in_it() -> None:
    """A request that never came so far says nothing about waiting."""
    scene = await passed(FINE)
    assert sum(scene.watch.tally.account("tickets").queue_s.counts) == 0
    scene = await passed(FINE, flight=Scene().flight())
    assert scene.watch.tally.account("tickets").queue_s.sum_s == 0.5


async def test_a_caller_is_a_number_in_every_line() -> None:
    """The same in the access line and in an event about him; the address is nowhere."""
    scene = await passed(FINE, peer="192.0.2.77")
    scene.watch.event("late_outcome", backend="tickets", client="192.0.2.77", executed="yes")
    (line,), (late,) = scene.log.named("access"), scene.log.named("late_outcome")
    assert re.fullmatch("[0-9a-f]{12}", str(line["client"]))
    assert line["client"] == late["client"]
    assert "192.0.2.77" not in str(scene.log.events)
    scene.watch.event("late_outcome", client="sidecar")
    assert scene.log.named("late_outcome")[1]["client"] == "sidecar"


async def test_the_trace_is_logged_as_it_came() -> None:
    """Passed on untouched by others, and named here."""
    scene = await passed(FINE, headers=[("traceparent", TRACE)])
    assert scene.log.named("access")[0]["traceparent"] == TRACE


async def test_an_attempt_is_told_to_metrics_and_window() -> None:
    """Once, with its own time."""
    scene = Scene()
    scene.watch.attempted("tickets", Grade("backend_unreachable", Executed.NO, "refused"), 0.25)
    assert dict(scene.watch.tally.account("tickets").attempts) == {"backend_unreachable": 1}
    assert scene.watch.tally.account("tickets").attempt_s.sum_s == 0.25
    now = scene.clock.now()
    assert scene.watch.window.pace(now, "tickets").p50_ms == 250.0
    assert scene.watch.window.last_failure("tickets", now, WALL_S) is not None


async def test_an_event_counts_and_its_words_are_cleaned() -> None:
    """A caller chose the operation's name; what is no text is left alone."""
    scene = Scene()
    scene.watch.event("retry", backend="tickets", operation='Get"Seats\n', why="stale connection")
    scene.watch.event("bug", where="here", operation=None)
    assert scene.log.named("retry") == [{"backend": "tickets", "operation": "Get?Seats?", "why": "stale connection"}]
    assert scene.log.named("bug") == [{"where": "here", "operation": None}]
    assert scene.watch.tally.account("tickets").retries == 1
    assert scene.watch.tally.bugs == 1


async def test_where_nobody_traces_nothing_stands_between() -> None:
    """The very function that was given."""
    watching = Watching(LoopClock(), Recorder())
    assert watching.over_requests(passed) is passed
    assert watching.over_attempts(passed) is passed


async def test_the_metrics_are_its_tally() -> None:
    """As they are served."""
    scene = await passed(FINE)
    kind, text = scene.watch.exposition(Now)
    assert kind.startswith("text/plain")
    assert b'sidecar_requests_total{backend="tickets",dialect="json",state="ok"} 1.0\n' in text
    assert await scene.watch.expose(Now) == (kind, text)


async def test_a_glance_is_what_the_status_shows() -> None:
    """Every backend that is asked for, whether anything is known of it or not."""
    scene = await passed(FULL)
    scene.watch.attempted("tickets", Grade("backend_unreachable", Executed.NO, "refused"), 0.25)
    seen = scene.watch.glance(["tickets", "new"])
    assert seen["refusals"]["by"] == [
        {
            "backend": "tickets", "state": "overloaded", "mechanism": "queue", "count": 1,
            "last_at": "2026-12-01T09:00:00.000Z",
        }
    ]  # fmt: skip
    assert seen["states"]["by"] == [{"backend": "tickets", "state": "overloaded", "count": 1}]
    failure = {"state": "backend_unreachable", "reason": "refused", "at": "2026-12-01T09:00:00.000Z"}
    assert seen["backends"] == {
        "tickets": {"calls_per_s": 1.0, "backend_ms_p50": 250.0, "backend_ms_p95": 250.0, "last_failure": failure},
        "new": {"calls_per_s": 0.0, "backend_ms_p50": None, "backend_ms_p95": None, "last_failure": None},
    }


async def test_what_is_put_aside_is_counted_before_anybody_reads() -> None:
    """And at once where it has become much; nothing is counted twice."""
    watching = Watching(LoopClock(), Recorder())
    for number in range(1, 3 * module._UNCOUNTED):
        watching.attempted("tickets", Grade("ok", Executed.YES), 0.1)
        if number % 100 == 0:
            assert watching.tally.account("tickets").attempts["ok"] == number
            assert watching.tally.account("tickets").attempts["ok"] == number


async def test_what_nobody_reads_does_not_pile_up() -> None:
    """A sidecar that nobody scrapes holds a bounded number of uncounted requests."""
    scene = Scene()

    async def inner(_exchange: Exchange) -> Outcome:
        return FINE

    ask = envelope.build(scene.scope(), scene.world, inner)
    for _ in range(2 * module._UNCOUNTED):
        await ask(scene.exchange())
        assert len(scene.watch._uncounted) < module._UNCOUNTED
    for _ in range(2 * module._UNCOUNTED):
        scene.watch.attempted("tickets", Grade("ok", Executed.YES), 0.1)
        assert len(scene.watch._uncounted) < module._UNCOUNTED
    assert scene.watch.tally.account("tickets").attempts["ok"] == 2 * module._UNCOUNTED


async def test_reading_the_metrics_lets_others_in_between() -> None:
    """With many backends it takes milliseconds, and nobody waits for all of them."""
    scene, turns = await passed(FINE), 0
    going = True

    async def others() -> None:
        nonlocal turns
        while going:
            turns += 1
            await asyncio.sleep(0)

    task = spawn(others(), "others")
    await scene.watch.expose(Now)
    going = False
    await task
    assert turns >= len(METRICS)


class Patient(Recorder):
    """A log that lets lines wait."""

    def later(self, settle: Callable[[], None]) -> None:
        del settle


async def test_what_was_put_aside_counts_in_its_own_time() -> None:
    """Also where a bucket of the window ended meanwhile: each request is in the one that it passed in."""
    scene = Scene()
    watch = Watching(scene.clock, Patient())
    for _ in range(3):
        exchange = scene.exchange()
        exchange.backend, exchange.request_id = "tickets", "abcdefgh-1"
        watch.passed(exchange, Reply(503, (), (b"no",)), "overloaded", "queue_full", Executed.NO, FULL)
        await asyncio.sleep(BUCKET_S * 0.75)
    assert len(watch._uncounted) == 3
    buckets = [sum(count.count for count in bucket.counts.values()) for bucket in watch.window._ring]
    assert buckets == [2, 1]
    assert watch.tally.account("tickets").refusals["overloaded", "queue"] == 3
