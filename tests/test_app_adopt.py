"""Another plan while it runs: what is under way ends on the old road, what comes goes by the new one, and nothing learnt is lost."""

from __future__ import annotations

import asyncio
import ssl
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from sidecar import app as module
from sidecar.app import GoingError, RestartNeededError
from sidecar.listener import ListenError
from sidecar.model import Executed, Grade, Level, Notice
from sidecar.plan import AdminPlan, CorsPlan, LimitsPlan, ListenPlan, MetricsPlan, OperationPlan, Plan, TlsPlan
from sidecar.policy.pauses import EVERYTHING, Kind, Sign
from tests.support import envelopes as env
from tests.support.backend import Backend, Gate, answer
from tests.support.certs import make
from tests.support.client import Client, ask
from tests.support.replies import http
from tests.test_app import CALL, PING, SHOP, indexed, nothing_left, plan, recorded, running, stage, until

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

    from sidecar.pieces import Pieces

    Starts = Callable[..., Awaitable[Backend]]

HELD = http(env.xmlrpc_reply("Ping"), content_type="text/xml")


def changed(before: Plan, name: str, **changes: Any) -> Plan:
    """Return a plan with one backend changed."""
    backends = tuple(replace(each, **changes) if each.name == name else each for each in before.backends)
    return replace(before, backends=backends)


async def test_new_rules_hold_for_who_comes_and_not_for_who_is_under_way(backend: Starts) -> None:
    """A limit clamps, a denial denies; the call that is at the backend comes back as if nothing had been."""
    gate = Gate()
    here = await backend(answer(HELD, gate=gate))
    rpc = replace(
        plan(here.url).backends[1], operations=(OperationPlan(timeout_s=30.0),)
    )  # two reloads take their time
    async with running(plan(here.url, backends=(rpc,))) as app, Client.to(app.urls[0]) as caller:
        await caller.send(CALL)
        await here.journal.arrived(1)
        await app.adopt(changed(app.plan, "rpc", limit=1, queue_size=0))
        assert (app.slots.view("rpc").limit, app.slots.view("rpc").in_flight) == (1, 1)
        assert (await ask(app.urls[0], CALL)).state == "overloaded"
        await app.adopt(changed(app.plan, "rpc", deny=("Ping",)))
        assert (await ask(app.urls[0], CALL)).state == "operation_denied"
        gate.open()
        assert (await caller.response()).state == "ok"
        assert app.slots.view("rpc").in_flight == 0


async def test_what_a_backend_has_taught_stays(backend: Starts) -> None:
    """Connections, documents and pressure are the same as before; nothing is fetched anew."""
    here = await backend(stage)
    async with running(plan(here.url)) as app:
        await indexed(app)
        for _ in range(4):
            await ask(app.urls[0], CALL)
        connections, fetched = len(here.connections), len(here.journal)
        for limit in range(3, 9):
            await app.adopt(changed(app.plan, "soap", limit=limit))
            assert (await ask(app.urls[0], PING)).state == "ok"
            assert (await ask(app.urls[0], CALL)).state == "ok"
        assert len(here.connections) <= connections + 2  # those that rest after their first reply
        assert len(here.journal) == fetched + 12
        assert len(recorded(app).named("indexed")) == 1


async def test_a_backend_with_another_address_is_another_backend(backend: Starts) -> None:
    """Its state begins anew; who was on his way to the old one gets the old one's answer, and then its connections are closed."""
    gate = Gate()
    old, new = await backend(answer(HELD, gate=gate)), await backend(stage)
    before = plan(old.url, backends=plan(old.url).backends[1:])
    async with nothing_left(), running(before) as app, Client.to(app.urls[0]) as caller:
        await caller.send(CALL)
        await old.journal.arrived(1)
        for _ in range(3):
            app.pressure.tell("rpc", Grade("backend_unreachable", Executed.NO, healthy=False), waiting=0)
        assert app.pressure.level("rpc") is Level.DOWN
        quick = replace(plan(new.url).backends[1], ghost_s=0.0)
        await app.adopt(replace(app.plan, backends=(quick,)))
        assert app.slots.view("rpc").in_flight == 0
        assert app.pressure.level("rpc") is Level.OK
        assert (await ask(app.urls[0], CALL)).state == "ok"
        assert len(new.journal) == 1
        gate.open()
        assert (await caller.response()).state == "ok"
        assert len(old.journal) == 1


async def test_a_backend_that_is_gone_is_gone_for_who_comes(backend: Starts) -> None:
    """Its path leads nowhere, its background work ends, its calls under way are answered; one that is added serves at once."""
    here = await backend(stage)
    whole = plan(here.url)
    async with nothing_left(), running(replace(whole, backends=whole.backends[:1])) as app:
        await indexed(app)
        assert (await ask(app.urls[0], CALL)).state == "not_found"
        await app.adopt(replace(whole, backends=whole.backends[1:]))
        assert (await ask(app.urls[0], PING)).state == "not_found"
        assert (await ask(app.urls[0], CALL)).state == "ok"
        await app.adopt(whole)
        assert (await ask(app.urls[0], PING)).state == "ok"


def briefly(_: Plan) -> Pieces[float]:
    """Return a time after which nobody can be on the way any more, for tests that cannot wait for it."""
    yield
    return 0.3


async def test_who_no_plan_needs_is_closed_in_time(backend: Starts, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not at once, for somebody may be on the way to it; then its kept connections end."""
    monkeypatch.setattr(module, "_longest_s", briefly)
    here, there = await backend(stage), await backend(stage)
    async with running(plan(here.url)) as app:
        await indexed(app)
        await ask(app.urls[0], CALL)
        await app.adopt(plan(there.url))
        assert len(app._retired) == 3  # two upstreams and a shelf
        await until(lambda: not app._retired)


async def test_who_is_still_answered_is_answered_to_the_end(backend: Starts, monkeypatch: pytest.MonkeyPatch) -> None:
    """However long he reads: a reply that streams takes as long as its reader. Then what has retired is closed."""
    monkeypatch.setattr(module, "_longest_s", briefly)
    monkeypatch.setattr(module, "_BUSY_S", 0.05)
    gate = Gate()
    here, there = await backend(answer(HELD, gate=gate)), await backend(stage)
    patient = (OperationPlan(timeout_s=5.0, attempt_first_byte_s=5.0, attempt_total_s=5.0),)
    before = plan(here.url, backends=(replace(plan(here.url).backends[1], operations=patient),))
    async with nothing_left(), running(before) as app, Client.to(app.urls[0]) as caller:
        await caller.send(CALL)
        await here.journal.arrived(1)
        await app.adopt(replace(before, backends=plan(there.url).backends[1:]))
        await asyncio.sleep(0.5)
        assert len(app._retired) == 1
        gate.open()
        assert (await caller.response()).state == "ok"
        await until(lambda: not app._retired)


async def test_who_no_plan_needs_keeps_no_connections(backend: Starts) -> None:
    """The idle ones end at once: after many reloads descriptors would run out. The one that carries a call ends with it."""
    gate = Gate()
    here, there = await backend([answer(HELD), answer(HELD, gate=gate)]), await backend(stage)
    before = plan(here.url, backends=plan(here.url).backends[1:])
    async with running(before) as app, Client.to(app.urls[0]) as caller:
        assert (await caller.exchange(CALL)).state == "ok"
        await asyncio.sleep(0.05)  # until its first connection has rested
        await caller.send(CALL)
        await here.journal.arrived(2)
        assert here.open_connections == 1
        await app.adopt(replace(before, backends=plan(there.url).backends[1:]))
        gate.open()
        assert (await caller.response()).state == "ok"
        await until(lambda: here.open_connections == 0)
        assert app._retired, "though its time has not come"


async def test_idle_connections_of_who_is_replaced_end_at_once(backend: Starts) -> None:
    """Nobody can be on the way on them."""
    here, there = await backend(answer(HELD)), await backend(stage)
    before = plan(here.url, backends=plan(here.url).backends[1:])
    async with running(before) as app:
        for rest_s in (0.0, 0.05):  # while its first connection rests, and when it is kept
            assert (await ask(app.urls[0], CALL)).state == "ok"
            await asyncio.sleep(rest_s)
            assert here.open_connections == 1
            await app.adopt(replace(before, backends=plan(there.url).backends[1:]))
            await until(lambda: here.open_connections == 0)
            await app.adopt(before)


async def test_a_name_that_comes_back_for_another_backend_begins_anew(backend: Starts) -> None:
    """Not with the slots and the bad name of the one that had it before; for the same one, with what it has taught."""
    gate = Gate()
    here, there = await backend(answer(HELD, gate=gate)), await backend(stage)
    whole = plan(here.url)
    before = replace(whole, backends=whole.backends[1:])
    async with running(before) as app, Client.to(app.urls[0]) as caller:
        await caller.send(CALL)
        await here.journal.arrived(1)
        for _ in range(3):
            app.pressure.tell("rpc", Grade("backend_unreachable", Executed.NO, healthy=False), waiting=0)
        nobody = replace(before, backends=())
        await app.adopt(nobody)
        await app.adopt(before)
        assert (app.slots.view("rpc").in_flight, app.pressure.level("rpc")) == (1, Level.DOWN)
        await app.adopt(nobody)
        await app.adopt(replace(before, backends=plan(there.url).backends[1:]))
        assert (app.slots.view("rpc").in_flight, app.pressure.level("rpc")) == (0, Level.OK)
        assert (await ask(app.urls[0], CALL)).state == "ok"
        gate.open()
        assert (await caller.response()).state == "ok"


async def test_of_names_that_are_gone_nothing_stays(backend: Starts, monkeypatch: pytest.MonkeyPatch) -> None:
    """Once nobody who came before can ask for it; of those that are there, all does."""
    monkeypatch.setattr(module, "_longest_s", briefly)
    here = await backend(stage)
    whole = plan(here.url)
    async with running(whole) as app:
        for number in range(5):
            other = replace(whole.backends[1], name=f"rpc{number}", path=f"/rpc{number}")
            await app.adopt(replace(whole, backends=(*whole.backends, other)))
        await app.adopt(whole)
        await until(lambda: not app._retired)
        assert set(app._learnt_of) == set(app.slots._lines) == {"soap", "rpc"}


async def test_who_is_told_to_go_takes_nothing_new(backend: Starts) -> None:
    """What was being built then is let go of: it would never be closed."""
    here, there = await backend(stage), await backend(stage)
    async with nothing_left(), running(plan(here.url)) as app:
        before = app.plan
        app._going = True
        with pytest.raises(GoingError):
            await app.adopt(plan(there.url))
        assert app.plan is before
        await until(lambda: not app._retired)


async def test_many_backends_are_taken_in_turns(backend: Starts) -> None:
    """Others have theirs many times meanwhile."""
    here = await backend(stage)
    rpc = plan(here.url).backends[1]
    many = tuple(replace(rpc, name=f"rpc{number}", path=f"/rpc{number}") for number in range(100))
    async with running(plan(here.url)) as app:
        taking = asyncio.get_running_loop().create_task(app.adopt(replace(app.plan, backends=many)))
        turns = 0
        while not taking.done():
            await asyncio.sleep(0)
            turns += 1
        await taking
        assert turns > 10
        assert (await ask(app.urls[0], CALL.replace(b"/rpc", b"/rpc99"))).state == "ok"


async def test_limits_and_origins_change_for_connections_that_stand(backend: Starts) -> None:
    """A kept connection meets the new rules with its next request."""
    here = await backend(stage)
    async with running(plan(here.url)) as app, Client.to(app.urls[0]) as client:
        assert (await client.exchange(CALL)).state == "ok"
        limits = LimitsPlan(connections=100, header_bytes=4096, request_body_bytes=10, buffered_bytes=1_000_000)
        await app.adopt(replace(app.plan, limits=limits, cors=CorsPlan(frozenset({"https://new.example"}))))
        asked = env.xmlrpc("Ping").raw("/rpc", headers=[("Origin", "https://new.example")])
        found = await client.exchange(asked)
        assert (found.state, found.header("Access-Control-Allow-Origin")) == ("too_large", "https://new.example")
        assert app.memory.limit_bytes == 1_000_000
        assert (await ask(app.urls[0], b"GET / HTTP/1.1\r\nHost: a\r\nOrigin: " + SHOP.encode() + b"\r\n\r\n")).header(
            "Access-Control-Allow-Origin"
        ) is None


@pytest.mark.parametrize(
    ("changes", "key"),
    [
        ({"listen": ListenPlan(port=1)}, "listen.port"),
        ({"listen": ListenPlan(host="::1", port=0)}, "listen.host"),
        ({"listen": ListenPlan(port=0, unix="/s")}, "listen.unix"),
        ({"listen": ListenPlan(port=0, tls=TlsPlan("a", "b"))}, "listen.tls"),
        ({"admin": AdminPlan(port=1)}, "admin.port"),
        ({"admin": AdminPlan(host="::1")}, "admin.host"),
        ({"admin": AdminPlan(unix="/s")}, "admin.unix"),
        ({"metrics": MetricsPlan()}, "metrics"),
    ],
)
async def test_an_address_needs_a_restart(backend: Starts, changes: dict[str, Any], key: str) -> None:
    """It is refused by its name, and nothing of the plan is taken."""
    here = await backend(stage)
    async with nothing_left(), running(plan(here.url)) as app:
        before = app.plan
        with pytest.raises(RestartNeededError, match=rf"^{key} cannot change"):
            await app.adopt(changed(replace(before, **changes), "rpc", deny=("Ping",)))
        assert app.plan is before
        assert (await ask(app.urls[0], CALL)).state == "ok"


async def test_a_certificate_is_renewed_or_nothing_is(backend: Starts, tmp_path: Path) -> None:
    """A new file serves the next handshake; a broken one changes nothing, and what had been made for the new plan is closed."""
    here, there = await backend(stage), await backend(stage)
    certs = make(tmp_path)
    secure = plan(here.url, listen=ListenPlan(port=0, tls=TlsPlan(str(certs.cert_file), str(certs.key_file))))
    async with nothing_left(), running(secure) as app:
        other = make(tmp_path)  # the same files, of another authority
        await app.adopt(changed(app.plan, "rpc", deny=("Nothing",)))
        with pytest.raises(ssl.SSLCertVerificationError):
            await ask(app.urls[0], CALL, ssl=certs.client)
        certs = other
        assert (await ask(app.urls[0], CALL, ssl=certs.client)).state == "ok"
        certs.key_file.write_bytes(b"nonsense")
        before = app.plan
        with pytest.raises(ListenError, match="belong together"):
            await app.adopt(replace(app.plan, backends=plan(there.url).backends))
        assert app.plan is before
        await until(lambda: not app._retired)
        assert (await ask(app.urls[0], CALL, ssl=certs.client)).state == "ok"
        assert not len(there.journal)


async def test_an_operators_limit_stands_until_he_takes_it_back(backend: Starts) -> None:
    """A reload changes what it will be afterwards, not the limit that was set by hand."""
    here = await backend(stage)
    async with running(plan(here.url)) as app:
        app.limit("rpc", 7)
        assert app.slots.view("rpc").limit == 7
        await app.adopt(changed(app.plan, "rpc", limit=5))
        assert app.slots.view("rpc").limit == 7
        app.limit("rpc", None)
        assert app.slots.view("rpc").limit == 5


@pytest.mark.unmeasured
async def test_many_plans_under_load_fail_nobody(backend: Starts) -> None:
    """Plans change two hundred times while eight callers call without a pause: everybody gets an answer."""
    here = await backend(stage)
    async with nothing_left(), running(plan(here.url)) as app:
        over = asyncio.Event()
        said: list[str | None] = []

        async def caller() -> None:
            async with Client.to(app.urls[0]) as client:
                while not over.is_set():
                    said.append((await client.exchange(CALL)).state)

        async with asyncio.TaskGroup() as group:
            for _ in range(8):
                group.create_task(caller())
            for number in range(200):
                await app.adopt(changed(app.plan, "rpc", limit=8 + number % 5, pool_idle_s=3.0 + number % 2))
                await asyncio.sleep(0.002)
            over.set()
        assert set(said) == {"ok"}


async def test_what_is_paused_stays_so_and_is_written_where_the_new_settings_say(
    backend: Starts, tmp_path: Path
) -> None:
    """Another file of keys: the next process looks beside that."""
    here = await backend(stage)
    async with running(replace(plan(here.url), keys=str(tmp_path / "first"))) as app:
        sign = Sign("p1", Kind.PAUSE, EVERYTHING, Notice("p1", "warning", ()), app.clock.now(), remind_s=900.0)
        await app.pauses.put(sign)
        await app.adopt(replace(app.plan, keys=str(tmp_path / "second")))
        assert (await ask(app.urls[0], CALL)).state == "paused"
        await until((tmp_path / "second.orders").exists)
    async with running(replace(plan(here.url), keys=str(tmp_path / "second"))) as app:
        assert (await ask(app.urls[0], CALL)).state == "paused"
