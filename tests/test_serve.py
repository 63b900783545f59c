"""One process's life: signals, orders, reloads, the listener of operators, and the end, all of it without a process of its own."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import threading
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest

from sidecar import serve as module
from sidecar.app import App
from sidecar.listener import ListenError
from sidecar.model import Protocol
from sidecar.plan import AdaptivePlan, AdminPlan, BackendPlan, DrainPlan, OperationPlan, Plan
from sidecar.policy.injection import Fault, Kind
from sidecar.policy.limiter import Sample
from sidecar.serve import Process, serve
from sidecar.settings.loaded import Loaded
from sidecar.settings.problem import Place, Problem, SettingsError
from sidecar.watch.limits import End, LimitWatch, Pinned
from tests.listener.hall import until
from tests.support import envelopes as env
from tests.support.backend import Gate, answer
from tests.support.client import Client, ask
from tests.support.replies import http
from tests.test_app import CALL, PING, nothing_left, plan, stage

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable
    from pathlib import Path

    from tests.support.backend import Backend

    Starts = Callable[..., Awaitable[Backend]]

TOKEN = "0123456789abcdef0123"


def loaded(made: Plan, name: str = "first") -> Loaded:
    """Return a plan as if it had been read; its admin listener takes a free port."""
    admin = AdminPlan(port=0, token=TOKEN, written=True) if made.admin == AdminPlan() else made.admin
    return Loaded(replace(made, admin=admin), name, (), ())


async def served(made: Plan) -> int:
    """Serve a plan that does not change."""
    return await serve(loaded(made), lambda: loaded(made))


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What `serve` would do to the whole process, noted instead: its limits and its collector are the tests' too."""
    did: list[str] = []
    monkeypatch.setattr(module, "raise_limit", lambda connections, _: did.append(f"descriptors for {connections}"))
    monkeypatch.setattr(module.heap, "settle", lambda: did.append("settled"))
    return did


async def test_serve_runs_until_it_is_told_and_comes_back_with_0(
    backend: Callable[..., Awaitable[Backend]], told: list[str], capfd: pytest.CaptureFixture[str]
) -> None:
    """The signal's own way is walked; tests/scenarios sends real ones to a real process."""
    here = await backend(stage)
    async with nothing_left():
        loop = asyncio.get_running_loop()
        loop.call_later(0.2, os.kill, os.getpid(), signal.SIGTERM)
        try:
            assert await served(plan(here.url)) == 0
        finally:
            for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
                loop.remove_signal_handler(number)
    assert told == ["descriptors for 100", "settled"]
    out = capfd.readouterr().out
    assert [name for name in ("started", "draining", "stopped") if f'"event":"{name}"' in out] == [
        "started", "draining", "stopped",
    ]  # fmt: skip


async def test_a_second_signal_does_not_wait_for_the_drain(
    backend: Callable[..., Awaitable[Backend]], told: list[str], capfd: pytest.CaptureFixture[str]
) -> None:
    """Not for its delay, nor for who is under way."""
    here = await backend(stage)
    async with nothing_left(), asyncio.timeout(10):
        loop = asyncio.get_running_loop()
        for after_s in (0.2, 0.4):
            loop.call_later(after_s, os.kill, os.getpid(), signal.SIGINT)
        try:
            assert await served(plan(here.url, drain=DrainPlan(60.0, 60.0))) == 0
        finally:
            for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
                loop.remove_signal_handler(number)
    assert '"event":"stopped"' in capfd.readouterr().out
    assert told


@pytest.mark.parametrize(
    ("error", "remedy"), [(ListenError("listen: taken. Stop it."), False), (OSError(24, "Too many"), True)]
)
async def test_serve_says_why_it_cannot_and_comes_back_with_1(
    monkeypatch: pytest.MonkeyPatch, told: list[str], capfd: pytest.CaptureFixture[str], error: OSError, remedy: bool
) -> None:
    """With the remedy, whoever has it."""

    async def fails(_: App, **__: str) -> None:
        raise error

    monkeypatch.setattr(App, "start", fails)
    try:
        assert await served(Plan()) == 1
    finally:
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            asyncio.get_running_loop().remove_signal_handler(number)
    out = capfd.readouterr().out
    assert '"event":"cannot_listen"' in out
    assert ('"remedy"' in out) is remedy
    assert told == ["descriptors for 10000"]


@asynccontextmanager
async def running(made: Plan, load: Callable[[], Loaded] | None = None) -> AsyncIterator[Process]:
    """Run a process for the length of a block, and see it end with 0 and nothing left."""
    async with nothing_left():
        process = Process(loaded(made), load or (lambda: loaded(made)))
        task = asyncio.get_running_loop().create_task(process.run())
        try:
            await until(lambda: bool(process.admin.urls))
            yield process
        finally:
            process.asked.set()
            try:
                assert await task == 0
            finally:
                for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
                    asyncio.get_running_loop().remove_signal_handler(number)


async def order(process: Process, path: str, **body: Any) -> tuple[int, dict[str, Any]]:
    """Give one order, and return the status and the verdict."""
    headers = {"Authorization": f"Bearer {TOKEN}"}
    whole = {"actor": "alice", "reason": "a test", **body}
    async with (
        aiohttp.ClientSession() as session,
        session.post(f"{process.admin.urls[0]}/admin/v1/{path}", json=whole, headers=headers) as reply,
    ):
        return reply.status, await reply.json()


async def look(process: Process, path: str) -> str:
    """Return what the admin listener shows."""
    async with aiohttp.ClientSession() as session, session.get(f"{process.admin.urls[0]}{path}") as reply:
        assert reply.status == 200
        return await reply.text()


async def status(process: Process) -> dict[str, Any]:
    """Return the facts of the status."""
    facts: dict[str, Any] = json.loads(await look(process, "/status?format=json"))
    return facts


async def test_orders_reach_the_sidecar(backend: Starts, told: list[str]) -> None:
    """A limit by hand holds, is shown with who, why and until when, and is cleared; metrics and settings are shown."""
    here = await backend(stage)
    async with running(plan(here.url)) as process:
        assert (await order(process, "limit/set", backend="rpc", value=7, **{"for": "10m"}))[0] == 200
        assert process.app.slots.view("rpc").limit == 7
        facts = await status(process)
        (held,) = facts["overrides"]
        assert {name: held[name] for name in ("backend", "value", "was", "actor", "reason")} == {
            "backend": "rpc", "value": 7, "was": 2, "actor": "alice", "reason": "a test",
        }  # fmt: skip
        assert [each["code"] for each in facts["warnings"]] == ["override_active"]
        assert 'sidecar_limit{backend="rpc"} 7.0' in await look(process, "/metrics")
        assert "sidecar_overrides 1.0" in await look(process, "/metrics")
        assert (await order(process, "limit/clear", backend="rpc"))[0] == 200
        assert process.app.slots.view("rpc").limit == 2
        assert json.loads(await look(process, "/admin/v1/config"))["settings"] == []
        assert (await order(process, "limit/set", backend="nobody", value=7, **{"for": "10m"}))[0] == 400


async def test_the_status_tells_what_is(backend: Starts, told: list[str]) -> None:
    """Who is served, how fast, what was refused and why; every member that the screen and the dashboard read."""
    here = await backend(stage)
    async with running(plan(here.url)) as process:
        for _ in range(3):
            assert (await ask(process.app.urls[0], CALL)).state == "ok"
        assert (await ask(process.app.urls[0], CALL.replace(b"Ping", b"<ng>"))).state == "malformed"
        facts = await status(process)
        assert facts["listeners"] == {"public": process.app.urls, "admin": list(process.admin.urls), "metrics": []}
        assert (facts["ready"], facts["draining"], facts["config"]["id"]) == (True, False, "first")
        soap, rpc = facts["backends"]
        assert (soap["name"], rpc["name"], rpc["limit"], rpc["in_flight"], rpc["pressure"]) == (
            "soap",
            "rpc",
            2,
            0,
            "ok",
        )
        assert rpc["calls_per_s"] > 0
        assert rpc["backend_ms_p50"] is not None
        assert {"backend": "rpc", "state": "ok", "count": 3} in facts["states"]["by"]
        refused = [row for row in facts["refusals"]["by"] if row["state"] == "malformed"]
        assert [(row["backend"], row["count"]) for row in refused] == [("rpc", 1)]
        assert facts["warnings"] == []
        text = await look(process, "/status")
        assert "rpc" in text


async def test_a_reload_is_a_verdict_for_everybody(
    backend: Starts, told: list[str], capfd: pytest.CaptureFixture[str]
) -> None:
    """By signal or by order: reply, log, metric, status and audit say the same; a bad file changes nothing, the last good one returns."""
    here = await backend(stage)
    first = plan(here.url)
    narrow = replace(first, backends=tuple(replace(each, limit=1) for each in first.backends))
    answers: list[Loaded | SettingsError] = [loaded(narrow, "second")]
    wrong = SettingsError("tickets.yaml", [Problem("E201", Place(3, 5), "backends.rpc.limt", "unknown key", "limit?")])

    def load() -> Loaded:
        if isinstance(answers[0], SettingsError):
            raise answers[0]
        return answers[0]

    async with running(first, load) as process:
        code, verdict = await order(process, "config/reload")
        assert (code, verdict["ok"], process.app.slots.view("rpc").limit) == (200, True, 1)
        answers[0] = wrong
        os.kill(os.getpid(), signal.SIGHUP)
        await until(lambda: process.reloads.counts[False] == 1)
        assert process.app.slots.view("rpc").limit == 1
        facts = await status(process)
        assert facts["config"]["last_reload"]["errors"] == wrong.facts()
        assert facts["warnings"][0]["code"] == "reload_failed"
        assert "sidecar_config_last_reload_successful 0.0" in await look(process, "/metrics")
        audit = await look(process, "/admin/v1/audit")
        assert '"signal"' in audit
        code, verdict = await order(process, "config/use", id="first")
        assert (code, verdict["ok"], process.app.slots.view("rpc").limit) == (200, True, 2)
        assert [each["code"] for each in (await status(process))["warnings"]] == []
    out = capfd.readouterr().out
    assert "config_rejected" in out
    assert "backends.rpc.limt" in out


async def test_a_limit_by_hand_outlives_a_reload(backend: Starts, told: list[str]) -> None:
    """It goes back to what the new settings say; one of a backend that is gone goes with it."""
    here = await backend(stage)
    first = plan(here.url)
    wide = replace(first, backends=(replace(first.backends[1], limit=5),))
    async with running(first, lambda: loaded(wide, "second")) as process:
        for name in ("rpc", "soap"):
            await order(process, "limit/set", backend=name, value=7, **{"for": "10m"})
        await order(process, "config/reload")
        (held,) = (await status(process))["overrides"]
        assert (held["backend"], held["was"]) == ("rpc", 5)
        assert process.app.slots.view("rpc").limit == 7
        await order(process, "limit/clear", backend="rpc")
        assert process.app.slots.view("rpc").limit == 5


async def test_a_pause_outlives_a_reload_and_the_process(backend: Starts, told: list[str], tmp_path: Path) -> None:
    """It is shown, counted and warned of; the next process with the same keys pauses from its first call on, and is resumed."""
    here = await backend(stage)
    made = replace(plan(here.url), keys=str(tmp_path / "keys"))
    async with running(made) as process:
        code, said = await order(process, "pause/set", target="backend:rpc", text={"en": "Back at 9:20"})
        assert (code, said["pause"]["remind_s"], "restart" in said["text"]) == (200, 900.0, False)
        assert (await order(process, "pause/set", target="backend:nobody"))[0] == 400
        assert (await order(process, "config/reload"))[0] == 200
        (held,) = (await status(process))["pauses"]
        assert (held["target"], held["texts"], held["actor"]) == ("backend:rpc", {"en": "Back at 9:20"}, "alice")
        assert [each["code"] for each in (await status(process))["warnings"]] == ["paused"]
        assert 'sidecar_paused{scope="entry",target="backend:rpc"} 1.0' in await look(process, "/metrics")
    async with running(made) as process:
        refused = await ask(process.app.urls[0], CALL)
        assert refused.state == "paused"
        assert "Back at 9:20" in refused.text
        assert (await ask(process.app.urls[0], PING)).state == "ok"
        assert (await order(process, "pause/clear", target="backend:rpc"))[0] == 200
        assert (await order(process, "pause/clear", target="backend:rpc"))[0] == 409
        assert (await ask(process.app.urls[0], CALL)).state == "ok"
        assert (await order(process, "message/set", target="all", text="Slow today", **{"for": "1m"}))[0] == 200
        assert [each["kind"] for each in (await status(process))["pauses"]] == ["message"]
        assert (await status(process))["warnings"] == []


async def test_a_backend_without_a_breaker_takes_no_order_for_one(backend: Starts, told: list[str]) -> None:
    """Nothing would carry it out: it is refused, and the status shows no order."""
    here = await backend(stage)
    first = plan(here.url)
    bare = replace(first, backends=(replace(first.backends[0], breaker=None), *first.backends[1:]))
    async with running(bare) as process:
        name = bare.backends[0].name
        code, said = await order(process, "breaker/set", backend=name, state="cut_off", **{"for": "10m"})
        assert (code, "has no breaker" in json.dumps(said)) == (409, True)
        assert (await status(process))["overrides"] == []


async def test_a_backend_that_an_operator_has_cut_off_stays_so_under_another_url(
    backend: Starts, told: list[str]
) -> None:
    """What he has ordered is of the name, and the status says for how long."""
    here = await backend(stage)
    first = plan(here.url)
    name = first.backends[0].name
    moved = replace(
        first.backends[0], endpoints=tuple((each, url + "?moved") for each, url in first.backends[0].endpoints)
    )
    other = replace(first, backends=(moved, *first.backends[1:]))
    async with running(first, lambda: loaded(other, "second")) as process:
        await order(process, "breaker/set", backend=name, state="cut_off", **{"for": "10m"})
        assert (await order(process, "config/reload"))[0] == 200
        assert 590.0 < process.app.breakers.rest_s(name) <= 600.0
        assert [each["noun"] for each in (await status(process))["overrides"]] == ["breaker"]


async def test_calls_go_wrong_by_order_and_everybody_is_told(backend: Starts, told: list[str]) -> None:
    """The backend meets nothing of it; the response, the status, the metrics and the audit name it until it is cleared."""
    here = await backend(stage)
    async with running(plan(here.url)) as process:
        word = {"operation": "*", "kind": "error", "value": "503"}
        code, verdict = await order(process, "fault/inject", backend="rpc", **word, **{"for": "10m"})
        assert (code, verdict["text"]) == (200, "rpc: f1 error 503 on *, for 10m")
        met = await ask(process.app.urls[0], CALL)
        assert (met.status, met.header("Sidecar-State")) == (200, "backend_bad_reply;reason=html;executed=unknown")
        named = str(met.header("Sidecar-Fault"))
        assert named.startswith("injected;kind=error;id=f1;until=")
        assert named.endswith(";hit")
        assert [each for each in here.journal if each.target == "/rpc"] == []
        facts = await status(process)
        assert [(each["noun"], each["value"], each["hits"]) for each in facts["overrides"]] == [
            ("fault", "error 503 on *", 1)
        ]
        assert "fault_active" in [each["code"] for each in facts["warnings"]]
        shown = await look(process, "/metrics")
        assert "sidecar_overrides 1.0" in shown
        assert 'sidecar_events_total{event="fault_injected"} 1.0' in shown
        assert (await order(process, "fault/clear", backend="rpc"))[1]["ended"] == ["f1"]
        well = await ask(process.app.urls[0], CALL)
        assert (well.status, well.state, well.header("Sidecar-Fault")) == (200, "ok", None)
        assert (await status(process))["overrides"] == []
        audit = json.loads(await look(process, "/admin/v1/audit?last=2"))["audit"]
        assert [(each["verb"], each["actor"], each["ok"]) for each in audit] == [
            ("clear", "alice", True),
            ("inject", "alice", True),
        ]


async def test_nothing_goes_wrong_for_ever(backend: Starts, told: list[str]) -> None:
    """An order without an end, or for more than an hour, is refused."""
    here = await backend(stage)
    async with running(plan(here.url)) as process:
        for end in ({}, {"for": "61m"}):
            word = {"backend": "rpc", "operation": "*", "kind": "reset", **end}
            assert (await order(process, "fault/inject", **word))[0] == 400
        assert not process.app.injections.active


async def test_what_the_settings_inject_holds_from_when_they_are_taken(backend: Starts, told: list[str]) -> None:
    """From the start and from a reload; what they do not say any more is over at once."""
    here = await backend(stage)
    first = plan(here.url)
    reset = (Fault("*", Kind.RESET, 600.0),)
    failing = replace(first, backends=tuple(replace(each, inject=reset) for each in first.backends))
    async with running(failing, lambda: loaded(first, "second")) as process:
        held = (await status(process))["overrides"]
        assert [(each["backend"], each["actor"]) for each in held] == [("soap", "settings"), ("rpc", "settings")]
        met = await ask(process.app.urls[0], CALL)
        assert met.header("Sidecar-State") == "outcome_unknown;reason=reset;executed=unknown"
        assert (await order(process, "config/reload"))[0] == 200
        assert (await status(process))["overrides"] == []
        assert (await ask(process.app.urls[0], CALL)).status == 200


async def test_protection_is_taken_out_by_order(backend: Starts, told: list[str]) -> None:
    """Whoever refuses is told to count instead; it is on the status until it is back."""
    here = await backend(stage)
    async with running(plan(here.url)) as process:
        assert (await order(process, "observe/set", backend="rpc", mechanism="queue", **{"for": "15m"}))[0] == 200
        observing = process.app.world.observing
        assert observing("rpc", "queue")
        assert not observing("rpc", "limit")
        assert not observing("soap", "queue")
        facts = await status(process)
        assert [(each["noun"], each["backend"], each["value"]) for each in facts["overrides"]] == [
            ("observe", "rpc", "queue")
        ]
        assert [each["code"] for each in facts["warnings"]] == ["observing"]
        assert (await order(process, "observe/clear"))[0] == 200
        assert not observing("rpc", "queue")
        assert (await order(process, "observe/clear"))[0] == 409


def learning(url: str) -> Plan:
    """Return a plan with one XML-RPC backend whose limit is found, from 1 on, and in whose calls one may look for what is said."""
    lines = (OperationPlan(timeout_s=20.0, attempt_first_byte_s=20.0, attempt_total_s=20.0),)
    found = BackendPlan(
        "rpc",
        Protocol.XMLRPC,
        "/rpc",
        (("", f"{url}/rpc"),),
        limit=AdaptivePlan(1, 1, 64),
        queue_wait_s=20.0,
        queue_size=4,
        queue_share=1.0,
        operations=lines,
    )
    return plan(url, backends=(found,))


async def test_a_limit_that_is_learnt_is_shown_as_such(backend: Starts, told: list[str]) -> None:
    """Its range, what it is now and why; a number by hand stands in its place, and at its end it is learnt again."""
    here = await backend(stage)
    async with running(learning(here.url)) as process:
        (rpc,) = (await status(process))["backends"]
        assert (rpc["limit"], rpc["limit_configured"]) == (1, "1..64")
        assert rpc["limiter"] == {
            "how": "adaptive",
            "min": 1,
            "max": 64,
            "now": 1,
            "held": 1,
            "why": "start",
            "since": None,
            "ratio": 1.0,
            "pinned": None,
        }
        assert [each["class"] for each in rpc["classes"]] == ["underway", "staff", "checkout", "browse", "batch"]
        assert "learnt in 1..64: start" in await look(process, "/status")
        _, verdict = await order(process, "limit/set", backend="rpc", value=5, **{"for": "10m"})
        assert verdict["text"] == "rpc: limit 5 (was learnt) for 10m, then learnt again"
        facts = await status(process)
        (rpc,) = facts["backends"]
        assert (rpc["limit"], rpc["limiter"]["now"]) == (5, 1)
        assert facts["warnings"][0]["text"] == "the limit of rpc is 5 by hand, not learnt"
        learnt = process.app.slots.limits.find("rpc")
        assert learnt is not None
        learnt.tell(process.app.clock.now(), Sample("Ping", 0.1, learnt.epoch, 1), waiting=0)
        learnt.bound(3, 64)
        assert (await status(process))["backends"][0]["limiter"]["since"] is not None
        assert 'sidecar_limit_configured{backend="rpc"} 64.0' in await look(process, "/metrics")


async def test_a_limit_that_rests_at_an_end_is_warned_of(
    backend: Starts, told: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """With its beginning, as the watch has seen it."""
    here = await backend(stage)
    async with running(learning(here.url)) as process:
        since = process.app.clock.now() - 90.0
        monkeypatch.setattr(LimitWatch, "pinned", lambda _, name: Pinned(End.MINIMUM, since) if name == "rpc" else None)
        facts = await status(process)
        assert facts["backends"][0]["limiter"]["pinned"]["at"] == "minimum"
        (warning,) = facts["warnings"]
        assert warning["code"] == "limit_at_minimum"
        assert warning["since"] == facts["backends"][0]["limiter"]["pinned"]["since"]


def stands(process: Process, in_flight: int, queued: int) -> bool:
    """Say whether so many are at the backend, and so many wait."""
    view = process.app.slots.view("rpc")
    return (view.in_flight, view.queued) == (in_flight, queued)


async def test_who_waits_is_found_moved_and_sent_away(backend: Starts, told: list[str]) -> None:
    """By order alone, with the token; whoever is dropped is told so, in his dialect, and that nothing was executed."""
    gate = Gate()
    here = await backend(answer(http(env.xmlrpc_reply("Ping"), content_type="text/xml"), gate=gate))
    async with running(learning(here.url)) as process, AsyncExitStack() as stack:
        (url,) = process.app.urls
        callers = [await stack.enter_async_context(Client.to(url)) for _ in range(3)]
        for number, caller in enumerate(callers):
            await caller.send(CALL.replace(b"\r\n\r\n", b"\r\nX-Request-Id: caller-%d\r\n\r\n" % number, 1))
            await until(partial(stands, process, 1, number))
        _, said = await order(process, "queue/list")
        assert [each["request_id"] for each in said["calls"]] == ["caller-1", "caller-2"]
        (client,) = {each["client"] for each in said["calls"]}
        assert "127.0.0.1" not in client
        assert (
            len((await order(process, "queue/list", client=client, operation="Ping", backend="rpc"))[1]["calls"]) == 2
        )
        assert (await order(process, "queue/list", client="127.0.0.1"))[1]["calls"] == []
        (rpc,) = (await status(process))["backends"]
        assert {each["class"]: each["queued"] for each in rpc["classes"]}["browse"] == 2
        assert 'sidecar_queued{backend="rpc",class="browse"} 2.0' in await look(process, "/metrics")
        async with aiohttp.ClientSession() as session, session.get(f"{url}/.sidecar/queue/rpc") as reply:
            line = (await reply.json())["queue"]
            assert (reply.status, reply.headers["Sidecar-State"]) == (200, "ok;executed=no")
            assert line["eta_s"] >= 0
            assert 800 <= line["next_poll_ms"] <= 18_000
        async with aiohttp.ClientSession() as session, session.get(f"{url}/.sidecar/queue/soap") as reply:
            assert reply.status == 404
        assert (await order(process, "queue/promote", request_id="caller-2"))[0] == 200
        code, said = await order(process, "queue/drop", request_id="caller-1")
        assert (code, said["calls"][0]["request_id"]) == (200, "caller-1")
        gone = await callers[1].response()
        assert gone.header("Sidecar-State") == "overloaded;reason=dropped;executed=no"
        assert (await order(process, "queue/drop", request_id="caller-1"))[0] == 409
        gate.open()
        for caller in (callers[0], callers[2]):
            assert (await caller.response()).state == "ok"
        audit = json.loads(await look(process, "/admin/v1/audit?last=3"))["audit"]
        assert [(each["verb"], each["reason"]) for each in audit] == [
            ("drop", "a test"),
            ("drop", "a test"),
            ("promote", "a test"),
        ]
        refused = (await status(process))["refusals"]["by"]
        assert [(row["state"], row["mechanism"]) for row in refused if row["backend"] == "rpc"] == [
            ("overloaded", "operator")
        ]


async def test_a_line_that_is_full_is_warned_of(backend: Starts, told: list[str]) -> None:
    """For as long as somebody was refused for it in the last minutes."""
    here = await backend(stage)
    async with running(learning(here.url)) as process:
        process.app.watch.window.passed(process.app.clock.now(), "rpc", "overloaded", "queue", 3)
        (warning,) = (await status(process))["warnings"]
        assert (warning["code"], warning["text"]) == (
            "queue_full",
            "the line of rpc is full: 3 calls were refused in the last 5m",
        )


async def test_an_order_to_go(backend: Starts, told: list[str]) -> None:
    """As SIGTERM; the admin listener says not ready until the end, and a second signal hurries."""
    here = await backend(stage)
    async with running(plan(here.url, drain=DrainPlan(30.0, 30.0))) as process:
        code, verdict = await order(process, "sidecar/drain")
        assert (code, verdict["ok"]) == (200, True)
        await until(lambda: not process.bridge.ready())
        assert (await status(process))["draining"] is True
        async with aiohttp.ClientSession() as session, session.get(f"{process.admin.urls[0]}/readyz") as reply:
            assert reply.status == 503
        os.kill(os.getpid(), signal.SIGTERM)


@pytest.mark.parametrize("written", [True, False])
async def test_a_taken_admin_port(
    backend: Starts, told: list[str], capfd: pytest.CaptureFixture[str], written: bool
) -> None:
    """Whoever asked for that port is told and nothing runs; where nobody did, the sidecar runs without it."""
    here = await backend(stage)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        admin = AdminPlan(port=taken.getsockname()[1], written=written)
        made = Loaded(plan(here.url, admin=admin), "first", (), ())
        async with nothing_left():
            loop = asyncio.get_running_loop()
            process = Process(made, lambda: made)
            if not written:
                loop.call_later(0.3, process.asked.set)
            try:
                assert await process.run() == int(written)
            finally:
                for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
                    loop.remove_signal_handler(number)
    out = capfd.readouterr().out
    assert ('"event":"cannot_listen"' in out) is written
    assert ('"event":"admin_unavailable"' in out) is not written


async def test_warnings_of_the_settings_are_logged_once(
    backend: Starts, told: list[str], capfd: pytest.CaptureFixture[str]
) -> None:
    """At the start, with the place: what `check` says as well."""
    here = await backend(stage)
    warning = Problem("W406", Place(4, 1), "drain.timeout", "calls may take 1m")
    made = replace(loaded(plan(here.url)), warnings=(warning,), file="tickets.yaml")
    async with nothing_left():
        process = Process(made, lambda: made)
        asyncio.get_running_loop().call_later(0.2, process.asked.set)
        try:
            assert await process.run() == 0
        finally:
            for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
                asyncio.get_running_loop().remove_signal_handler(number)
    lines = [json.loads(line) for line in capfd.readouterr().out.splitlines()]
    (said,) = [line for line in lines if line["event"] == "settings_warning"]
    assert (said["code"], said["place"], said["key"]) == ("W406", "tickets.yaml:4", "drain.timeout")
    (started,) = [line for line in lines if line["event"] == "started"]
    assert (started["id"], started["file"]) == (made.id, "tickets.yaml"), "what reloads are compared with"


async def test_the_metrics_count_what_passed(backend: Starts, told: list[str]) -> None:
    """From every part of the app: stages, listener, slots, memory, log; and a second reading sees the same."""
    here = await backend(stage)
    async with running(plan(here.url)) as process:
        (url,) = process.app.urls
        await until(lambda: bool(process.app.watch.tally.account("soap").attempts["ok"]))
        assert (await ask(url, CALL)).state == "ok"
        assert (await ask(url, b"nonsense\r\n\r\n")).state == "malformed"
        process.app.watch.event("retry", backend="rpc")
        kind, text = await process.bridge.exposition()
        again = (await process.bridge.exposition())[1]
    counted = [line for line in text.decode().splitlines() if "_total" in line]
    assert [line for line in again.decode().splitlines() if "_total" in line] == counted
    assert kind.startswith("text/plain")
    lines = text.decode().splitlines()
    for expected in (
        'sidecar_requests_total{backend="rpc",dialect="xmlrpc",state="ok"} 1.0',
        'sidecar_attempts_total{backend="rpc",state="ok"} 1.0',
        'sidecar_attempts_total{backend="soap",state="ok"} 1.0',  # the document that the index is made of
        'sidecar_refusals_total{backend="",mechanism="parse",state="malformed"} 1.0',
        'sidecar_retries_total{backend="rpc"} 1.0',
        'sidecar_limit{backend="rpc"} 2.0',
        'sidecar_limit_configured{backend="soap"} 2.0',
        'sidecar_pressure{backend="rpc"} 0.0',
        "sidecar_draining 0.0",
        "sidecar_bugs_total 0.0",
    ):
        assert expected in lines
    assert any(line.startswith('sidecar_build_info{aiohttp="3.') for line in lines)


async def test_who_hangs_up_while_it_starts_is_heard_when_it_serves(
    backend: Starts, told: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Once: the files may have changed after they were read."""
    here = await backend(stage)
    start = App.start

    async def slowly(app: App, **settings: str) -> None:
        for _ in range(3):
            os.kill(os.getpid(), signal.SIGHUP)
            await asyncio.sleep(0.01)
        await start(app, **settings)

    monkeypatch.setattr(App, "start", slowly)
    async with running(plan(here.url)) as process:
        await until(lambda: process.reloads.counts[True] == 1)
        await asyncio.sleep(0.05)
        assert process.reloads.counts[True] == 1


async def test_many_who_hang_up_at_once_are_two_reloads(backend: Starts, told: list[str]) -> None:
    """The one that runs, and one that reads what may have changed since it began."""
    here = await backend(stage)
    reading, go_on = threading.Event(), threading.Event()
    made = loaded(plan(here.url))

    def load() -> Loaded:
        reading.set()
        go_on.wait(10)
        return made

    async with running(plan(here.url), load) as process:
        os.kill(os.getpid(), signal.SIGHUP)
        await asyncio.to_thread(reading.wait, 10)
        for _ in range(50):
            os.kill(os.getpid(), signal.SIGHUP)
            await asyncio.sleep(0)
        go_on.set()
        await until(lambda: process.reloads.counts[True] == 2)
        await asyncio.sleep(0.05)
        assert process.reloads.counts[True] == 2


async def test_who_goes_takes_no_other_configuration(backend: Starts, told: list[str]) -> None:
    """Neither by signal nor by order; whoever gives the order is told why."""
    here = await backend(stage)
    async with running(plan(here.url, drain=DrainPlan(0.3, 0.3))) as process:
        process.asked.set()
        await until(lambda: not process.bridge.ready())
        os.kill(os.getpid(), signal.SIGHUP)
        for name, arguments in (("reload", {}), ("use", {"id": "first"})):
            code, verdict = await order(process, f"config/{name}", **arguments)
            assert (code, verdict["text"]) == (409, "this sidecar is about to end: it takes no other configuration")
        assert process.reloads.counts == {True: 0, False: 0}
