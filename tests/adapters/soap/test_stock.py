"""A backend's documents are fetched once for all, kept while they are good, and left alone after a failure."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from adapters.soap import stock as module
from adapters.soap.stock import Found, Stock
from sidecar.model import Level, Refusal
from sidecar.tasks import alive
from tests.adapters.soap.library import BACKEND, DOWN, FULL, HTML, SLOW, Library, schema, wsdl
from tests.support.world import LoopClock, Recorder, settle

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.virtual

FIRST = BACKEND + "?wsdl"
TARGET = "/Office.asmx?wsdl"
XSD = "/Office.asmx?xsd=xsd0"


class Desk:
    """A stock, its library and its log."""

    def __init__(self, file: Path | None = None, **documents: bytes | Refusal) -> None:
        self.library, self.log = Library(**documents), Recorder()
        self.stock = Stock("tickets", {"": BACKEND}, None if file is None else str(file), LoopClock(), self.log)
        self.stock.bind(self.library.fetch, self.library)

    async def get(self, source: str = FIRST) -> str:
        """Return in a few words what comes: a state with its reason, and whether there is a document."""
        found = await self.stock.get("", source)
        if isinstance(found, Found):
            return " ".join(filter(None, (found.grade.state, found.grade.reason)))
        return f"no: {found.state} {found.reason} in {found.retry_after_s}"

    async def body(self, source: str) -> bytes | str | None:
        found = await self.stock.get("", source)
        return found.kept.body if isinstance(found, Found) else found.detail


async def test_a_document_is_kept_for_a_minute_and_then_fetched_anew() -> None:
    """Clients refetch it at every start; the backend changes it with a release."""
    desk = Desk()
    assert await desk.get() == "ok"
    await asyncio.sleep(59.9)
    assert await desk.get() == "cached"
    assert desk.library.asked[TARGET] == 1
    await asyncio.sleep(0.2)
    assert await desk.get() == "ok"
    assert desk.library.asked[TARGET] == 2


async def test_fifty_who_ask_at_once_make_one_fetch() -> None:
    """The thundering herd of an on-sale is one call to the backend."""
    desk = Desk()
    gate = desk.library.hold()
    async with asyncio.TaskGroup() as group:
        asking = [group.create_task(desk.get()) for _ in range(50)]
        await settle()
        gate.set()
    assert {each.result() for each in asking} == {"ok"}
    assert desk.library.asked[TARGET] == 1


async def test_it_is_fetched_on_when_who_asked_has_left() -> None:
    """A hang-up does not throw away what the next one wants."""
    desk = Desk()
    gate = desk.library.hold()
    async with asyncio.TaskGroup() as group:
        asking = group.create_task(desk.get())
        await settle()
        asking.cancel()
    gate.set()
    await asyncio.sleep(0.1)
    assert await desk.get() == "cached"
    assert desk.library.asked[TARGET] == 1


@pytest.mark.parametrize(
    ("refusal", "steps"),
    [(DOWN, [1, 2, 5, 15, 30, 30]), (HTML, [1, 2, 5, 15, 60, 300, 300]), (FULL, [1, 2, 5, 15, 30])],
)
async def test_a_failed_document_is_left_alone_for_longer_and_longer(refusal: Refusal, steps: list[int]) -> None:
    """Soon after a restart, seldom in an outage, hardly ever where the backend has no such document."""
    desk = Desk(**{TARGET: refusal})
    for number, step_s in enumerate(steps, 1):
        assert await desk.get() == f"no: {refusal.state} {refusal.reason} in None"
        assert desk.library.asked[TARGET] == number
        await asyncio.sleep(step_s - 0.6)
        assert await desk.get() == f"no: {refusal.state} {refusal.reason} in 1"
        assert desk.stock.wait_s() == pytest.approx(0.6)
        assert desk.library.asked[TARGET] == number
        await asyncio.sleep(0.7)
        assert desk.stock.wait_s() == 0.0


async def test_each_document_has_a_back_off_of_its_own_which_a_success_ends() -> None:
    """One missing schema does not hold up the others."""
    desk = Desk(**{TARGET: DOWN, XSD: schema().encode()})
    await desk.get()
    await asyncio.sleep(1.1)
    await desk.get()
    assert await desk.get(BACKEND + "?xsd=xsd0") == "ok"
    desk.library.documents[TARGET] = wsdl()
    await asyncio.sleep(2.1)
    assert await desk.get() == "ok"
    desk.library.documents[TARGET] = DOWN
    await asyncio.sleep(60)
    assert await desk.get() == "stale backend-down"
    await asyncio.sleep(1.1)
    await desk.get()
    assert desk.library.asked[TARGET] == 5, "the count of failures began anew"


@pytest.mark.parametrize(
    ("refusal", "reason"),
    [(DOWN, "backend-down"), (HTML, "backend-down"), (SLOW, "backend-slow"), (FULL, "overloaded")],
)
async def test_what_is_kept_is_served_stale_with_the_reason(refusal: Refusal, reason: str) -> None:
    """A client that starts while the backend is away gets what was last known."""
    desk = Desk()
    await desk.get()
    await asyncio.sleep(61)
    desk.library.documents[TARGET] = refusal
    assert await desk.get() == f"stale {reason}"
    assert await desk.get() == f"stale {reason}", "also while it is left alone"
    assert desk.library.asked[TARGET] == 2


@pytest.mark.parametrize("level", [Level.STRAINED, Level.DOWN])
async def test_a_strained_backend_is_not_asked_for_what_is_kept(level: Level) -> None:
    """Documents are the first to go without."""
    desk = Desk()
    await desk.get()
    await asyncio.sleep(61)
    desk.library.level_now = level
    assert await desk.get() == "stale backend-slow"
    assert desk.library.asked[TARGET] == 1
    desk.library.level_now = Level.OK
    assert await desk.get() == "ok"


async def test_a_strained_backend_is_asked_for_what_nobody_has() -> None:
    """There is nothing else to give."""
    desk = Desk()
    desk.library.level_now = Level.DOWN
    assert await desk.get() == "ok"


async def test_nobody_waits_long_for_a_newer_one() -> None:
    """After two seconds the kept one will do; the newer is there for the next."""
    desk = Desk()
    await desk.get()
    await asyncio.sleep(61)
    desk.library.takes_s = 10.0
    before = asyncio.get_running_loop().time()
    assert await desk.get() == "stale revalidating"
    assert asyncio.get_running_loop().time() - before == pytest.approx(2.0)
    await asyncio.sleep(9)
    assert await desk.get() == "cached"
    assert desk.library.asked[TARGET] == 2


@pytest.mark.parametrize("bad", [b"<w:definitions", b"<!DOCTYPE a><a/>", wsdl().replace(b"<w:service", b"<q:service")])
async def test_what_cannot_be_read_never_takes_the_place_of_what_can(bad: bytes) -> None:
    """A half-deployed backend does not spoil what is kept, and the log says once what is wrong."""
    desk = Desk(**{TARGET: bad})
    assert (await desk.get()).startswith("no: backend_bad_reply not_xml")
    await asyncio.sleep(1.1)
    await desk.get()
    assert len(desk.log.named("document_unreadable")) == 1
    desk.library.documents[TARGET] = wsdl()
    await asyncio.sleep(2.1)
    assert await desk.get() == "ok"
    desk.library.documents[TARGET] = bad
    await asyncio.sleep(61)
    assert await desk.get() == "stale backend-down"
    assert len(desk.log.named("document_unreadable")) == 2, "a new trouble, a new line"


async def test_what_is_kept_is_bounded_in_number() -> None:
    """A backend that invents documents is served and does not grow us; the log says so."""
    desk = Desk(**{f"/{n}.xsd": schema().encode() for n in range(70)})
    for n in range(70):
        assert await desk.get(f"http://box.theatre.local:9000/{n}.xsd") == "ok"
    assert await desk.get("http://box.theatre.local:9000/63.xsd") == "cached"
    assert await desk.get("http://box.theatre.local:9000/64.xsd") == "ok", "given, and not kept"
    assert "64 documents" in repr(desk.stock)
    assert len(desk.log.named("document_not_kept")) == 6


async def test_what_is_kept_is_bounded_in_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    """A document that grows beyond the bound gives up the place that it had."""
    monkeypatch.setattr(module, "BYTES", 3 * len(wsdl()))
    desk = Desk(**{XSD: wsdl() * 1, "/big": wsdl("<!--" + "x" * 3 * len(wsdl()) + "-->")})
    assert [await desk.get(), await desk.get(BACKEND + "?xsd=xsd0")] == ["ok", "ok"]
    assert await desk.get("http://box.theatre.local:9000/big") == "ok"
    assert "2 documents" in repr(desk.stock)
    desk.library.documents[TARGET] = desk.library.documents["/big"]
    await asyncio.sleep(61)
    assert await desk.get() == "ok"
    assert "1 documents" in repr(desk.stock)


async def test_failures_that_are_remembered_are_bounded() -> None:
    """Neither do documents that are not there."""
    desk = Desk()
    for n in range(200):
        await desk.get(f"http://box.theatre.local:9000/{n}")
    assert "128 failed" in repr(desk.stock)


async def test_close_breaks_off_what_is_fetched() -> None:
    """No task is left."""
    desk = Desk()
    desk.library.hold()
    async with asyncio.TaskGroup() as group:
        asking = group.create_task(desk.get())
        await settle()
        await asyncio.gather(*desk.stock.close(), return_exceptions=True)
        await settle()
    assert asking.cancelled()
    assert alive() == frozenset()


# A file in the place of the backend's own WSDL


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A WSDL with a schema beside it and one below, and something outside that is nobody's business."""
    here = tmp_path / "config"
    (here / "types").mkdir(parents=True)
    (here / "tickets.wsdl").write_bytes(wsdl())
    (here / "a b.xsd").write_text(schema(target="urn:a"))
    (here / "types" / "b.xsd").write_text(schema(target="urn:b"))
    (tmp_path / "secret.xsd").write_text(schema(target="urn:secret"))
    return here


async def test_a_file_stands_in_for_the_backends_wsdl(folder: Path) -> None:
    """What it refers to is read from beside it and below; the backend is not asked."""
    desk = Desk(folder / "tickets.wsdl")
    assert desk.stock.first == "tickets.wsdl"
    assert await desk.body("tickets.wsdl") == wsdl()
    assert b"urn:a" in await desk.body("a%20b.xsd")
    assert b"urn:b" in await desk.body("types/b.xsd")
    assert b"urn:a" in await desk.body("types/../a%20b.xsd")
    assert not desk.library.asked


@pytest.mark.parametrize(
    "source", ["../secret.xsd", "%2e%2e/secret.xsd", "types/../../secret.xsd", "link.xsd", "a\0b", "types"]
)
async def test_nothing_outside_the_folder_is_read(folder: Path, source: str) -> None:
    """Neither by dots, nor by their escapes, nor by a link; and no folder is a document."""
    (folder / "link.xsd").symlink_to(folder.parent / "secret.xsd")
    desk = Desk(folder / "tickets.wsdl")
    assert (await desk.get(source)).startswith("no: not_found document")
    assert "put it there" in str(await desk.body(source))
    assert not desk.library.asked
    assert [facts["error"] for facts in desk.log.named("wsdl_unreadable")] != []


async def test_links_inside_the_folder_are_followed(folder: Path) -> None:
    """Kubernetes mounts its files that way."""
    (folder / "again.xsd").symlink_to(folder / "types" / "b.xsd")
    assert b"urn:b" in await Desk(folder / "tickets.wsdl").body("again.xsd")


@pytest.mark.parametrize(
    ("source", "target"),
    [
        ("tickets.wsdl?xsd=xsd0", XSD),
        ("/schemas/a.xsd", "/schemas/a.xsd"),
        ("other.asmx?wsdl", "/other.asmx?wsdl"),
        ("http://box.theatre.local:9000/Office.asmx?xsd=xsd0", XSD),
    ],
)
async def test_what_only_the_backend_can_have_is_asked_of_it(folder: Path, source: str, target: str) -> None:
    """A WSDL that was saved from the server goes on naming the server's schemas by query, by absolute path, by address."""
    desk = Desk(folder / "tickets.wsdl", **{target: schema().encode()})
    assert await desk.get(source) == "ok"
    assert desk.library.order == [target]


async def test_a_file_that_changes_is_read_again(folder: Path) -> None:
    """Within a minute; one that goes away is kept, for the backend has nothing to do with it."""
    desk = Desk(folder / "tickets.wsdl")
    await desk.get("tickets.wsdl")
    (folder / "tickets.wsdl").write_bytes(wsdl(target="urn:new"))
    assert b"urn:new" not in await desk.body("tickets.wsdl")
    await asyncio.sleep(61)
    assert b"urn:new" in await desk.body("tickets.wsdl")
    (folder / "tickets.wsdl").unlink()
    await asyncio.sleep(61)
    desk.library.level_now = Level.DOWN
    assert await desk.get("tickets.wsdl") == "cached"
    assert len(desk.log.named("wsdl_unreadable")) == 1


async def test_a_missing_file_is_looked_for_every_second(folder: Path) -> None:
    """An operator who puts it there is not made to wait for a back-off; the log says once what is missing."""
    desk = Desk(folder / "tickets.wsdl")
    for _ in range(5):
        assert (await desk.get("late.xsd")).startswith("no: not_found")
        await asyncio.sleep(1.1)
    assert len(desk.log.named("wsdl_unreadable")) == 1
    (folder / "late.xsd").write_text(schema())
    assert await desk.get("late.xsd") == "ok"


async def test_a_file_beyond_the_bound_is_not_read(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody named a disk image."""
    monkeypatch.setattr(module, "BYTES", 100)
    desk = Desk(folder / "tickets.wsdl")
    assert (await desk.get("tickets.wsdl")).startswith("no: not_found")
    assert desk.log.named("wsdl_unreadable")[0]["error"] == "larger than 100 bytes"


async def test_troubles_that_are_remembered_are_bounded(folder: Path) -> None:
    """What was said is forgotten before it grows us, and then said again."""
    desk = Desk(folder / "tickets.wsdl")
    for n in range(129):
        await desk.get(f"{n}.xsd")
    await asyncio.sleep(1.1)
    await desk.get("0.xsd")
    assert len(desk.log.named("wsdl_unreadable")) == 130
