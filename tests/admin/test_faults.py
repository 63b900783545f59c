"""Orders to let calls go wrong: what is asked is what holds, what ends by itself is in the audit, and nothing is without an end."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from sidecar.admin.audit import Audit
from sidecar.admin.faults import Faults
from sidecar.control import Order, OrderError, Verdict
from sidecar.policy.injection import Fault, Kind
from sidecar.stores.injections import MemoryInjections
from tests.support.world import LoopClock, Recorder

pytestmark = pytest.mark.virtual


class Hall:
    """The orders, the store behind them, and what is written down."""

    def __init__(self) -> None:
        clock, log = LoopClock(), Recorder()
        self.audit, self.store = Audit(clock, log), MemoryInjections(clock, log)
        self.faults = Faults(self.store, clock, self.audit)

    def inject(self, for_s: float | None = 60, **said: Any) -> Verdict:
        usual = {
            "backend": "tickets",
            "operation": "GetSeats*",
            "kind": "reset",
            "value": "",
            "share": 1.0,
            "header": "",
        }
        order = Order("fault", "inject", {**usual, **said}, "alice", "a rehearsal", for_s)
        return self.faults.carry_out(order, {"tickets", "seats"})

    def clear(self, name: str = "", backend: str = "tickets") -> Verdict:
        order = Order("fault", "clear", {"backend": backend, "id": name}, "alice", "enough")
        return self.faults.carry_out(order, {"tickets", "seats"})


@pytest.mark.parametrize(
    ("said", "fault"),
    [
        ({}, Fault("GetSeats*", Kind.RESET, 60.0)),
        (
            {"kind": "latency", "value": " 2s~500ms ", "share": 0.1, "operation": " * "},
            Fault("*", Kind.LATENCY, 60.0, 0.1, None, 2.0, 0.5),
        ),
        ({"kind": "error", "value": "503"}, Fault("GetSeats*", Kind.ERROR, 60.0, status=503)),
        (
            {"kind": "truncate", "header": "X-Chaos=y*"},
            Fault("GetSeats*", Kind.TRUNCATE, 60.0, header=("x-chaos", "y*")),
        ),
    ],
)
async def test_what_is_asked_holds(said: dict[str, Any], fault: Fault) -> None:
    """In the name of who gave the order, with his reason; the verdict says it in people's words."""
    hall = Hall()
    verdict = hall.inject(**said)
    [(backend, made, hits)] = hall.store.view()
    assert (backend, made.fault, made.by, made.reason, hits) == ("tickets", fault, "alice", "a rehearsal", 0)
    assert verdict.text == f"tickets: f1 {fault.text}, for 1m"
    assert verdict.facts["fault"] == hall.faults.view()[0]
    hall.store.close()


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ({"kind": "latency"}, "as in 2s"),
        ({"kind": "latency", "value": "0s"}, "from above 0s to 5m"),
        ({"kind": "error", "value": "200"}, "from 400 to 599"),
        ({"value": "2s"}, "reset takes no value"),
        ({"header": "X-Chaos"}, "not NAME=PATTERN"),
        ({"for_s": None}, "must end"),
        ({"for_s": 3601.0}, "within 1h"),
        ({"backend": "gone"}, "no backend 'gone' any more"),
    ],
)
async def test_what_cannot_be_asked(said: dict[str, Any], words: str) -> None:
    """The answer says why; nothing holds."""
    hall = Hall()
    with pytest.raises(OrderError, match=words):
        hall.inject(**said)
    assert hall.store.view() == []


async def test_there_are_only_so_many() -> None:
    """Of one backend; another has room of its own."""
    hall = Hall()
    for _ in range(20):
        hall.inject()
    with pytest.raises(OrderError, match="20 faults hold at tickets already"):
        hall.inject()
    assert hall.inject(backend="seats").ok
    hall.store.close()


async def test_what_is_shown() -> None:
    """As what was changed by hand is; of one that the settings ask for, that they do."""
    hall = Hall()
    hall.inject(for_s=600)
    hall.store.put("seats", Fault("*", Kind.RESET, 900.0))
    await asyncio.sleep(60)
    hall.store.at("tickets").ask(60.0, ("GetSeats",), (), lambda: 0.0)
    first, second = hall.faults.view()
    assert first == {
        "id": "f1",
        "noun": "fault",
        "backend": "tickets",
        "value": "reset on GetSeats*",
        "was": "none",
        "actor": "alice",
        "reason": "a rehearsal",
        "since": "2026-12-01T08:59:00.000Z",  # the wall clock of these tests stands still
        "until": "2026-12-01T09:09:00.000Z",
        "left_s": 540,
        "hits": 1,
    }
    assert (second["actor"], second["reason"], second["left_s"]) == ("settings", "inject: of the settings", 840)
    hall.store.close()


async def test_one_or_all_are_cleared() -> None:
    """By id, or all at a backend; where there is nothing, the answer says what there is."""
    hall = Hall()
    for _ in range(3):
        hall.inject()
    assert hall.clear("f2").text == "tickets: f2 reset on GetSeats* has ended"
    with pytest.raises(OrderError, match="at tickets there holds f1, f3"):
        hall.clear("f2")
    assert hall.clear().facts == {"ended": ["f1", "f3"]}
    with pytest.raises(OrderError, match="at tickets there holds none"):
        hall.clear()
    with pytest.raises(OrderError, match="no backend"):
        hall.clear(backend="gone")
    assert hall.audit.last(10) == [], "an order is written down by who hears it"


async def test_what_ends_by_itself_is_in_the_audit() -> None:
    """In the sidecar's own name, with the reason."""
    hall = Hall()
    hall.inject(for_s=60)
    await asyncio.sleep(61)
    [entry] = hall.audit.last(10)
    assert {key: entry[key] for key in ("actor", "noun", "verb", "reason", "arguments", "text", "ok")} == {
        "actor": "sidecar",
        "noun": "fault",
        "verb": "clear",
        "reason": "its end has come",
        "arguments": {"backend": "tickets", "id": "f1"},
        "text": "tickets: f1 reset on GetSeats* has ended",
        "ok": True,
    }
