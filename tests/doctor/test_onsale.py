"""Go or no-go for an on-sale: each check with the verdict that it may give, and a remedy wherever it is not ok."""

from __future__ import annotations

import resource
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from sidecar.doctor import onsale
from sidecar.doctor.crowd import Evening
from sidecar.doctor.report import Finding, Verdict
from sidecar.model import Protocol
from sidecar.plan import (
    BackendPlan,
    ClientsPlan,
    CorsPlan,
    CoverPlan,
    LimitsPlan,
    Plan,
    RoomLook,
    RoomPlan,
)
from sidecar.settings.moments import read

if TYPE_CHECKING:
    from pathlib import Path

OK, WARN, FAIL = Verdict
NOW = read("2026-11-29 03:00Z", None)
OPENS = read("2026-12-01 09:00Z", None)
MIB = 1024 * 1024
BACKEND = BackendPlan("t", Protocol.SOAP, "/t", (("", "http://h/x"),), limit=16)
ROOM = RoomPlan("hamlet", covers=(CoverPlan("t"),), opens=OPENS, timezone="Europe/London")
PLAN = Plan(
    backends=(BACKEND,),
    rooms=(ROOM,),
    public_url="https://api.example",
    cors=CorsPlan(frozenset({"https://shop.example"})),
    limits=LimitsPlan(connections=30_000),
)
EVENING = Evening("hamlet", 20_000, 1200)


def machine(root: Path, mib: int = 4000) -> Path:
    (root / "proc").mkdir(parents=True)
    (root / "proc/meminfo").write_text(f"MemTotal: {mib * 1024} kB\n")
    return root


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(resource, "getrlimit", lambda _: (1024, 100_000))
    return machine(tmp_path)


def one(root: Path, check: str, plan: Plan = PLAN, evening: Evening = EVENING, now: float = NOW) -> Finding:
    (found,) = [each for each in onsale.look(plan, evening, now, root) if each.check == check]
    assert (found.remedy == "") is (found.verdict is OK)
    return found


def with_room(**changes: object) -> Plan:
    return replace(PLAN, rooms=(replace(ROOM, **changes),))  # type: ignore[arg-type]  # names of the room's fields


def test_go(root: Path) -> None:
    """A room that is as it should be: nothing but ok, each about the room, with the numbers that people plan by."""
    found = onsale.look(PLAN, EVENING, NOW, root)
    assert {(each.verdict, each.about) for each in found} == {(OK, "room hamlet")}
    said = "\n".join(each.what for each in found)
    for words in (
        "Tue 2026-12-01 09:00 GMT, 2026-12-01T09:00:00Z, in 2 days; the lobby opens in 2 days",
        "20000 of the 1000000",
        "333 between the draw and the opening",
        "1200 seats are 600 orders of 2, at 40 admissions in a minute (max_active 200, 5 minutes each)",
        "sold in about 20 minutes; the longest wait is about 15 minutes",
        "about 19400 of 20000 (97%) will find nothing left",
        "may join or embed the widget: https://shop.example",
    ):
        assert words in said


@pytest.mark.parametrize(
    ("changes", "now", "verdict", "said"),
    [
        ({}, OPENS - 600, OK, "the lobby has been open for 20 minutes"),
        ({}, OPENS, FAIL, "it has opened"),
        ({}, OPENS + 7200, FAIL, "2 hours ago"),
        ({"closes": OPENS + 3600}, OPENS + 7200, FAIL, "it has closed, 1 hour ago"),
        ({"opens": None}, NOW, WARN, "by hand"),
    ],
)
def test_opening(root: Path, changes: dict[str, object], now: float, verdict: Verdict, said: str) -> None:
    """Ahead of us, with the lobby before it; what has passed is a no-go."""
    found = one(root, "opening", with_room(**changes), now=now)
    assert found.verdict is verdict
    assert said in found.what


@pytest.mark.parametrize(
    ("opens", "verdict", "said"),
    [("2027-03-28 09:00", WARN, "within a day of it"), ("2027-06-01 09:00", OK, "are changed before that")],
)
def test_clocks_that_are_changed(root: Path, opens: str, verdict: Verdict, said: str) -> None:
    """On the very day people come at the wrong hour; long before, it is worth a word."""
    plan = with_room(opens=read(opens, "Europe/London"))
    first, second = [each for each in onsale.look(plan, EVENING, NOW, root) if each.check == "opening"]
    assert (first.verdict, second.verdict) == (OK, verdict)
    assert said in second.what


def test_the_clock_is_shown(root: Path) -> None:
    """Whoever reads it sees whether it is that late."""
    assert "Sun 2026-11-29 03:00 GMT here, 2026-11-29T03:00:00Z" in one(root, "clock").what


def test_capacity(root: Path) -> None:
    """More people than the room takes."""
    assert one(root, "capacity", with_room(capacity=19_999)).verdict is FAIL
    assert one(root, "capacity", with_room(capacity=20_000)).verdict is OK


@pytest.mark.parametrize(("people", "verdict"), [(20_000, OK), (400_000, WARN), (1_000_000, FAIL)])
def test_polls(root: Path, people: int, verdict: Verdict) -> None:
    """What one core serves, with connections that are kept and with new ones; a longer draw spreads them."""
    found = one(root, "polls", evening=Evening("hamlet", people))
    assert found.verdict is verdict
    assert ("a longer draw" in found.remedy) is (verdict is not OK)
    assert one(root, "polls", with_room(draw_s=900.0), Evening("hamlet", people)).verdict is OK


def test_polls_of_a_fast_sale(root: Path) -> None:
    """Where the waiting polls more than the draw does, a slower sale is the remedy."""
    found = one(root, "polls", with_room(draw_s=900.0, max_active=100_000), Evening("hamlet", 1_000_000))
    assert (found.verdict, "max_active" in found.remedy) == (WARN, True)


def test_connections(root: Path) -> None:
    """Everybody polls within the time that a connection is kept; a proxy in front may share them, nobody knows."""
    found = one(root, "connections", replace(PLAN, limits=LimitsPlan(connections=20_799)))
    assert (found.verdict, "limits.connections: 20800" in found.remedy) == (FAIL, True)
    assert one(root, "connections", replace(PLAN, limits=LimitsPlan(connections=20_800))).verdict is OK
    proxied = replace(PLAN, limits=LimitsPlan(connections=10_000), clients=ClientsPlan(("10.0.0.0/8",)))
    assert one(root, "connections", proxied).verdict is WARN
    brief = replace(PLAN, limits=LimitsPlan(connections=10_000, keep_alive_s=10.0))
    assert one(root, "connections", brief).verdict is OK


def test_descriptors(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One for each caller, one for each call at a backend, and what the process has besides."""
    wanted = 20_800 + 16 + 64
    for hard, verdict in ((wanted, OK), (wanted - 1, FAIL), (resource.RLIM_INFINITY, OK)):
        monkeypatch.setattr(resource, "getrlimit", lambda _, hard=hard: (1024, hard))
        found = one(root, "descriptors")
        assert found.verdict is verdict
        assert str(wanted) in found.what


def test_memory(tmp_path: Path) -> None:
    """The process, bodies, visitors and their connections, against what the machine has."""
    needs = 75 + 256 + 20_000 * 11_120 // MIB
    assert one(machine(tmp_path / "a", needs + 2), "memory").verdict is OK
    assert one(machine(tmp_path / "b", needs - 2), "memory").verdict is FAIL
    assert "cannot be seen" in one(tmp_path / "c", "memory").what


def test_a_sale_that_closes_too_early(root: Path) -> None:
    """Twenty minutes of selling in ten."""
    first, second, _ = [
        each for each in onsale.look(with_room(closes=OPENS + 600), EVENING, NOW, root) if each.check == "sale"
    ]
    assert (first.verdict, second.verdict) == (OK, WARN)
    assert "closes after 10 minutes" in second.what


def test_a_sale_of_nobody_knows_how_many(root: Path) -> None:
    """Without seats it says how long people wait; a fast one is told in seconds."""
    found = one(root, "sale", with_room(max_active=3000), Evening("hamlet", 3000))
    assert "10 admissions in a second" in found.what
    assert "the longest wait is about 5 minutes" in found.what


@pytest.mark.parametrize(
    ("url", "verdict"),
    [(None, WARN), ("http://api.example", FAIL), ("https://api.example", OK), ("http://localhost:8080", OK)],
)
def test_places_do_not_cross_the_network_readable(root: Path, url: str | None, verdict: Verdict) -> None:
    """Whoever reads a pass on its way has it."""
    assert one(root, "public_url", replace(PLAN, public_url=url)).verdict is verdict


def test_pages(root: Path) -> None:
    """The shop's page, or a frame; with neither people need the room's own."""
    alone = replace(PLAN, cors=CorsPlan())
    assert one(root, "origins", alone).verdict is WARN
    framed = replace(alone, rooms=(replace(ROOM, look=RoomLook(frame=("https://shop.example",))),))
    assert one(root, "origins", framed).verdict is OK
