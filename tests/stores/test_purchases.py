"""Purchases under way, apart for each backend, kept over a reload, and over a restart where notes are kept; keys are nobody's to read."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from sidecar.model import Standing
from sidecar.plan import OperationPlan
from sidecar.policy.identities import session
from sidecar.stores.notes import MemoryNotes
from sidecar.stores.purchases import MemoryPurchases
from tests.support.world import Recorder, Scene, tickets

if TYPE_CHECKING:
    from sidecar.model import Exchange

SALE = tickets(operations=(OperationPlan("Reserve", begins="purchase"), OperationPlan()))
SECRET = b"a test's secret"
ADA = (b"\x01" * 16,)
BOB = (b"\x02" * 16,)


class HandClock:
    """Time that the test moves."""

    def __init__(self, at: float = 100.0, wall_s: float = 1_800_000_000.0) -> None:
        self.at, self.wall_s = at, wall_s

    def now(self) -> float:
        """Return it."""
        return self.at

    def wall(self) -> float:
        """Return it as people read it."""
        return self.wall_s

    def pass_s(self, seconds: float) -> None:
        """Let both go on."""
        self.at += seconds
        self.wall_s += seconds


def purchases(clock: HandClock, notes: MemoryNotes | None = None, log: Recorder | None = None) -> MemoryPurchases:
    made = MemoryPurchases(clock, log or Recorder(), SECRET, notes, most=2)
    made.bound((SALE,))
    made.recall((SALE,))
    return made


@pytest.mark.virtual
async def test_a_customer_is_known_by_what_he_shows() -> None:
    """Another session, another backend, another secret: other keys, and the session is in none. Nothing shown, nothing known."""
    scene = Scene()
    exchange = scene.exchange()
    exchange.backend, exchange.shown = "tickets", session("s-77")
    (key,) = scene.purchases.keys_of(exchange)
    assert key == scene.purchases.key("tickets", session("s-77"))
    others = {
        scene.purchases.key("tickets", session("s-78")),
        scene.purchases.key("reports", session("s-77")),
        MemoryPurchases(scene.clock, scene.log, b"another").key("tickets", session("s-77")),
    }
    assert key not in others
    assert len(others) == 3
    assert b"s-77" not in key
    exchange.shown = b""
    assert scene.purchases.keys_of(exchange) == ()


@pytest.mark.virtual
async def test_an_account_of_a_server_is_not_its_people() -> None:
    """Whom a trusted caller has named is himself behind its Authorization line; a session key is one person's, whatever he is called."""
    scene = Scene()

    def key(shown: bytes, standing: Standing) -> tuple[bytes, ...]:
        exchange: Exchange = scene.exchange()
        exchange.backend, exchange.shown, exchange.standing = "tickets", shown, standing
        return scene.purchases.keys_of(exchange)

    ada, bob = (Standing(name, named=True) for name in ("ada", "bob"))
    shop = b"header Authorization Basic shop"
    assert len({key(shop, ada), key(shop, bob), key(shop, Standing("192.0.2.1"))}) == 3
    assert key(session("s-77"), ada) == key(session("s-77"), bob) == key(session("s-77"), Standing("192.0.2.1"))


@pytest.mark.virtual
async def test_a_pass_is_a_key_as_well() -> None:
    """Alone, or beside a session; whoever hands out passes says which."""
    scene = Scene()
    exchange = scene.exchange()
    exchange.backend = "tickets"
    scene.purchases.passes = lambda _: (b"pass",)
    assert scene.purchases.keys_of(exchange) == (b"pass",)
    exchange.shown = session("s-77")
    assert scene.purchases.keys_of(exchange) == (scene.purchases.key("tickets", session("s-77")), b"pass")


def test_each_backend_has_its_own_and_a_reload_takes_nothing() -> None:
    """Not even one that says nothing of purchases any more; a backend that is gone is forgotten, and one that is another begins anew."""
    made = purchases(HandClock())
    made.begun("tickets", ADA, 60.0, sure=True)
    assert made.is_going("tickets", ADA)
    assert not made.is_going("reports", ADA)
    assert made.enter("reports", ADA) is None
    plain = tickets()
    made.bound((plain,))
    made.bound((SALE,))
    assert made.is_going("tickets", ADA)
    assert repr(made) == "<MemoryPurchases tickets: <Underway 1 of 2, known by 1 keys>>"
    made.forget("tickets")
    assert (made.is_going("tickets", ADA), made.count("tickets")) == (False, 0)
    made.begun("tickets", ADA, 60.0, sure=True)
    made.bound(())
    made.forget("tickets")
    doubted = made.begun("tickets", ADA, 60.0, sure=False)
    made.settled("tickets", doubted, got=True)
    made.ended("tickets", ADA)
    assert (made.is_going("tickets", ADA), made.count("tickets")) == (False, 0)


def test_two_calls_at_once() -> None:
    """A third is anybody's, until one of them has ended."""
    made = purchases(HandClock())
    made.begun("tickets", ADA, 60.0, sure=True)
    one, two = made.enter("tickets", ADA), made.enter("tickets", ADA)
    assert one is not None
    assert two is not None
    assert made.enter("tickets", ADA) is None
    made.leave(one)
    assert made.enter("tickets", ADA) is not None


def test_whoever_waits_for_the_end_is_told_all_keys() -> None:
    """Those that were shown at the end, and those of the beginning: he may have paid without his pass."""
    made = purchases(HandClock())
    told: list[tuple[str, tuple[bytes, ...]]] = []
    made.on_end = lambda backend, keys: told.append((backend, keys))
    made.begun("tickets", (*ADA, b"pass"), 60.0, sure=True)
    made.ended("tickets", ADA)
    made.ended("tickets", BOB)
    assert told == [("tickets", (*ADA, b"pass")), ("tickets", BOB)]
    assert not made.is_going("tickets", (b"pass",))


def test_it_outlives_the_process_by_wall_time() -> None:
    """With all its keys and the end that it had; what was over, or ended, does not come back."""
    notes, clock = MemoryNotes(), HandClock()
    made = purchases(clock, notes)
    made.begun("tickets", (*ADA, b"pass"), 1200.0, sure=True)
    clock.pass_s(300.0)
    again = purchases(HandClock(7.0, clock.wall_s), notes)
    assert again.is_going("tickets", (b"pass",))
    later = purchases(HandClock(7.0, clock.wall_s + 899.0), notes)
    assert later.is_going("tickets", ADA)
    assert not purchases(HandClock(7.0, clock.wall_s + 900.0), notes).is_going("tickets", ADA)
    again.ended("tickets", ADA)
    assert not purchases(HandClock(7.0, clock.wall_s), notes).is_going("tickets", ADA)


def test_a_doubt_that_is_gone_is_gone_from_the_notes() -> None:
    """Nobody comes under way by a restart."""
    notes, clock = MemoryNotes(), HandClock()
    made = purchases(clock, notes)
    doubted = made.begun("tickets", ADA, 60.0, sure=False)
    assert purchases(clock, notes).is_going("tickets", ADA)
    made.settled("tickets", doubted, got=False)
    assert not purchases(clock, notes).is_going("tickets", ADA)


def test_a_clock_that_is_set_meanwhile_moves_no_end() -> None:
    """What was written by the old one is written anew within seconds; a restart finds each end where it was."""
    for step_s in (3600.0, -3600.0):
        notes, clock = MemoryNotes(), HandClock()
        made = MemoryPurchases(clock, Recorder(), SECRET, notes)
        made.bound((SALE,))
        for number in range(100):
            made.begun("tickets", (number.to_bytes(16, "big"),), 600.0, sure=True)
        clock.wall_s += step_s
        for _ in range(4):
            made.pulse()
        clock.pass_s(599.0)
        assert purchases(HandClock(7.0, clock.wall_s), notes).is_going("tickets", ((99).to_bytes(16, "big"),))
        clock.pass_s(1.0)
        assert purchases(HandClock(7.0, clock.wall_s), notes).count("tickets") == 0


def test_what_is_over_is_forgotten_though_nothing_begins() -> None:
    """A few each second."""
    clock = HandClock()
    made = purchases(clock)
    made.begun("tickets", ADA, 60.0, sure=True)
    clock.pass_s(62.0)
    assert made.count("tickets") == 1
    made.pulse()
    assert made.count("tickets") == 0


def test_a_backend_that_is_gone_is_written_down_no_more() -> None:
    """Its last calls still come to their ends."""
    notes = MemoryNotes()
    made = purchases(HandClock(), notes)
    made.begun("tickets", ADA, 60.0, sure=True)
    made.bound(())
    made.ended("tickets", ADA)
    made.begun("tickets", ADA, 60.0, sure=True)
    made.pulse()
    assert len(notes._texts) == 1


def test_a_clock_that_was_set_back_prolongs_nothing_beyond_a_window() -> None:
    """At most as long as one that begins now."""
    notes, clock = MemoryNotes(), HandClock()
    purchases(clock, notes).begun("tickets", ADA, SALE.purchase_s, sure=True)
    back = HandClock(7.0, clock.wall_s - 3600.0)
    again = purchases(back, notes)
    back.pass_s(SALE.purchase_s - 1.0)
    assert again.is_going("tickets", ADA)
    back.pass_s(1.0)
    assert not again.is_going("tickets", ADA)


@pytest.mark.parametrize(
    "damage", ["", "nonsense", "{whom}\nnonsense", "{whom}\nzz 1800000060", "{whom}\n01 never", "x\n{rest}"]
)
def test_what_cannot_be_read_makes_newcomers(damage: str) -> None:
    """And nothing worse: a damaged page, or one of another backend that had the name."""
    notes, clock = MemoryNotes(), HandClock()
    made = purchases(clock, notes)
    made.begun("tickets", ADA, 60.0, sure=True)
    ((name, text),) = notes._texts.items()
    whom, rest = text.split("\n")
    notes.keep(name, damage.format(whom=whom, rest=rest))
    assert purchases(clock, notes).count("tickets") == 0


def test_another_backend_of_that_name_knows_nobody() -> None:
    """Nobody holds a seat there."""
    notes, clock = MemoryNotes(), HandClock()
    purchases(clock, notes).begun("tickets", ADA, 60.0, sure=True)
    moved = replace(SALE, endpoints=(("", "http://127.0.0.1:10/Other.asmx"),))
    made = MemoryPurchases(clock, Recorder(), SECRET, notes)
    made.bound((moved,))
    made.recall((moved,))
    assert made.count("tickets") == 0


def test_nothing_that_is_written_down_can_be_read() -> None:
    """Digests and moments."""
    notes, clock = MemoryNotes(), HandClock()
    made = purchases(clock, notes)
    made.begun("tickets", (made.key("tickets", session("s-77-secret")),), 60.0, sure=True)
    ((name, text),) = notes._texts.items()
    assert name.startswith("underway tickets ")
    assert "s-77" not in text
    assert text.endswith(" 1800000060")


def test_where_there_is_no_room_it_is_said() -> None:
    """Of the first that is let go before his time, and not of each."""
    log, clock = Recorder(), HandClock()
    made = MemoryPurchases(clock, log, SECRET, most=200)
    made.bound((SALE,))
    for number in range(203):
        made.begun("tickets", (b"%d" % number,), 60.0, sure=True)
    assert log.named("purchases_full") == [
        {"backend": "tickets", "most": 200, "let_go": 1},
        {"backend": "tickets", "most": 200, "let_go": 3},
    ]
