"""Orders to pause, to resume and to speak: what is asked is what holds, and what ends by itself is in the audit."""

from __future__ import annotations

import asyncio
import re
from typing import Any

import pytest

from sidecar.admin.audit import Audit
from sidecar.admin.pausing import Pausing
from sidecar.control import Order, OrderError, Verdict
from sidecar.stores.orders import OrdersFile, UnwritableError
from sidecar.stores.pauses import HeldPauses
from tests.support.world import WALL_S, LoopClock, Recorder

pytestmark = pytest.mark.virtual

NO_PLACE = ". A restart ends this: the settings name no `store: sqlite` and no `keys.file` beside which it could be written down"


class Hall:
    """The orders, what holds them, and what is written down."""

    def __init__(self) -> None:
        clock, self.log = LoopClock(), Recorder()
        self.audit, self.file = Audit(clock, self.log), OrdersFile(None, self.log)
        self.held = HeldPauses(clock, self.log, lambda: 0.0, self.file, lambda _: None)
        self.pausing = Pausing(self.held, clock, self.audit, UnwritableError)

    async def order(self, name: str = "pause set", for_s: float | None = 600.0, **said: Any) -> Verdict:
        noun, verb = name.split()
        end = {name: said.pop(name) for name in ("until", "remind_s") if name in said}
        usual = {"scope": "entry"} if noun == "pause" else {}
        usual |= {"severity": "warning", "next_update": "", "text": {"en": "Back at 9:20"}} if verb == "set" else {}
        arguments = {"target": "backend:tickets", **usual, **said}
        return await self.pausing.carry_out(Order(noun, verb, arguments, "alice", "payments", for_s, **end))


async def test_what_is_asked_holds_and_is_shown() -> None:
    """Where, whom, what is said, who, why, since when and until when."""
    hall = Hall()
    done = await hall.order(next_update="2026-12-01T09:20:00.000Z", scope="all", severity="critical")
    assert done.text == f"backend tickets: paused for everybody, for 10m{NO_PLACE}"
    [shown] = hall.pausing.view()
    assert re.fullmatch("p[0-9a-f]{6}", shown.pop("id"))
    assert shown == {
        "kind": "pause",
        "target": "backend:tickets",
        "scope": "all",
        "severity": "critical",
        "texts": {"en": "Back at 9:20"},
        "next_update_at": "2026-12-01T09:20:00.000Z",
        "actor": "alice",
        "reason": "payments",
        "since": "2026-12-01T09:00:00.000Z",
        "until": "2026-12-01T09:10:00.000Z",
        "left_s": 600,
        "remind_s": None,
    }
    assert hall.held.ask("tickets", under_way=True) is not None
    hall.held.close()


@pytest.mark.parametrize(
    ("said", "text"),
    [
        ({"target": "all"}, "everything: paused for newcomers, for 10m"),
        (
            {"target": "room:hamlet", "for_s": None, "remind_s": 900.0},
            "room hamlet: paused for newcomers, until somebody ends it; a reminder every 15m",
        ),
        ({"for_s": 600.0, "until": WALL_S + 600}, "backend tickets: paused for newcomers, for 10m"),
    ],
)
async def test_what_the_verdict_says(said: dict[str, Any], text: str) -> None:
    """Where, whom, for how long; and what a restart does to it."""
    hall = Hall()
    assert (await hall.order(**said)).text == text + NO_PLACE
    hall.held.close()


async def test_a_message_holds_nobody_up() -> None:
    """It has a name, and goes when it is told to."""
    hall = Hall()
    done = await hall.order("message set")
    [shown] = hall.pausing.view()
    assert done.text == f"backend tickets: message {shown['id']}, for 10m{NO_PLACE}"
    assert (shown["kind"], shown["scope"]) == ("message", None)
    assert hall.held.ask("tickets", under_way=False) is None
    over = await hall.order("message clear", None)
    assert over.text == f"backend tickets: message {shown['id']} is gone{NO_PLACE}"
    assert over.facts == {"ended": shown["id"]}


async def test_it_is_resumed_once() -> None:
    """Resuming what nobody has paused says what is paused."""
    hall = Hall()
    await hall.order(target="all")
    with pytest.raises(OrderError, match="no pause at backend:tickets to clear; there is all"):
        await hall.order("pause clear", None)
    assert (await hall.order("pause clear", None, target="all")).text.startswith("everything: goes on, slowly at first")
    with pytest.raises(OrderError, match="there is none"):
        await hall.order("pause clear", None, target="all")


async def test_what_ends_by_itself_is_in_the_audit() -> None:
    """In the sidecar's own name."""
    hall = Hall()
    await hall.order(for_s=60.0)
    await asyncio.sleep(61)
    [entry] = hall.audit.last(5)
    assert (entry["noun"], entry["verb"], entry["actor"], entry["reason"]) == (
        "pause",
        "clear",
        "sidecar",
        "its end has come",
    )
    assert entry["text"] == "backend tickets: goes on, slowly at first"
    assert entry["arguments"]["target"] == "backend:tickets"


async def test_a_disk_that_is_full_fails_the_order(monkeypatch: pytest.MonkeyPatch) -> None:
    """With what to do meanwhile; nothing holds."""
    hall = Hall()

    async def full(*_: object) -> str:
        raise UnwritableError("/x.orders could not be written: No space left on device; make room on its disk")

    monkeypatch.setattr(OrdersFile, "write", full)
    with pytest.raises(OrderError, match=r"No space left on device; make room .* sidecar breaker set"):
        await hall.order()
    assert hall.pausing.view() == []


async def test_there_is_a_bound() -> None:
    """Whoever wants one too many is told to clear one."""
    hall = Hall()
    for number in range(64):
        await hall.order(target=f"room:r{number}")
    with pytest.raises(OrderError, match="64 pauses and messages"):
        await hall.order()
    hall.held.close()
