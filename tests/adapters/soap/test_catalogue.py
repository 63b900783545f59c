"""The index is made in the background, again when a document changes, and what keeps it from being made is said once."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from adapters.soap import catalogue as module
from adapters.soap.shelf import Shelf
from sidecar.tasks import alive
from tests.adapters.soap.library import BACKEND, DOWN, HTML, Library, operation, schema, types, wsdl
from tests.support.world import LoopClock, Recorder, settle

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

    from sidecar.model import Refusal

pytestmark = pytest.mark.virtual

TARGET = "/Office.asmx?wsdl"


class Office:
    """A shelf that indexes, its library and its log."""

    def __init__(self, *endpoints: tuple[str, str], file: Path | None = None, **documents: bytes | Refusal) -> None:
        self.library, self.log = Library(**documents), Recorder()
        where = endpoints or (("", BACKEND),)
        self.shelf = Shelf("tickets", "/tickets", where, str(file) if file else None, LoopClock(), self.log)

    def open(self) -> None:
        self.shelf.bind(self.library.fetch, self.library)

    def known(self, endpoint: str = "") -> list[str] | None:
        """Return the operations that are known, None where nothing is."""
        index = self.shelf.index(endpoint)
        return None if index is None else [each.name for each in index.operations]


@pytest.fixture
async def office() -> AsyncIterator[Callable[..., Office]]:
    """Make as many as a test wants; all are closed after it, and leave no task."""
    made: list[Office] = []

    def make(*endpoints: tuple[str, str], file: Path | None = None, **documents: bytes | Refusal) -> Office:
        made.append(Office(*endpoints, file=file, **documents))
        made[-1].open()
        return made[-1]

    yield make
    for each in made:
        await each.shelf.close()
    assert alive() == frozenset()


async def test_nobody_waits_for_it(office: Callable[..., Office]) -> None:
    """To open the shelf starts a task and fetches nothing by itself; until the index is there, there is none."""
    here = office(**{TARGET: wsdl(operation("Reserve"))})
    assert here.known() is None
    assert here.library.order == []
    await asyncio.sleep(0.1)
    assert here.known() == ["Reserve"]
    assert [name for name, _ in here.log.events] == ["indexed"]
    assert here.log.named("indexed")[0]["operations"] == 1


async def test_it_is_made_of_everything_that_is_imported(office: Callable[..., Office]) -> None:
    """Through several documents, under whatever host name the backend has for itself; nobody else's are fetched."""
    more = wsdl('<w:import location="deep/er.wsdl"/>', operation("Two"), address="http://WIN-SRV01/Office.asmx")
    here = office(
        **{
            TARGET: wsdl(
                '<w:import location="http://WIN-SRV01/more.wsdl"/><w:import location="http://far.example/a.wsdl"/>',
                operation("One"),
                address="http://WIN-SRV01/Office.asmx",
            ),
            "/more.wsdl": more,
            "/deep/er.wsdl": wsdl(operation("Three"), address=""),
        }
    )
    await asyncio.sleep(0.1)
    assert sorted(here.known() or []) == ["One", "Three", "Two"]
    assert here.library.order == [TARGET, "/more.wsdl", "/deep/er.wsdl"]


async def test_every_ten_minutes_it_is_looked_at_again(office: Callable[..., Office]) -> None:
    """What has not changed is not indexed anew, what has is, and the log says so only where the operations are others."""
    here = office(**{TARGET: wsdl(operation("One"))})
    await asyncio.sleep(599)
    assert here.library.asked[TARGET] == 1
    before = here.shelf.index("")
    await asyncio.sleep(2)
    assert here.library.asked[TARGET] == 2
    assert here.shelf.index("") is before
    here.library.documents[TARGET] = wsdl(operation("One"), more='xmlns:other="urn:o"')
    await asyncio.sleep(600)
    assert here.shelf.index("") is not before
    here.library.documents[TARGET] = wsdl(operation("Two"))
    await asyncio.sleep(600)
    assert here.known() == ["Two"]
    assert [facts["operations"] for facts in here.log.named("indexed")] == [1, 1]


async def test_a_change_in_an_imported_document_counts(office: Callable[..., Office]) -> None:
    """The first one may stay as it is."""
    first = wsdl('<w:import location="more.wsdl"/>')
    here = office(**{TARGET: first, "/more.wsdl": wsdl(operation("One"), address="")})
    await asyncio.sleep(1)
    here.library.documents["/more.wsdl"] = wsdl(operation("Two"), address="")
    await asyncio.sleep(600)
    assert here.known() == ["Two"]


async def test_it_goes_on_trying_while_the_backend_is_away(office: Callable[..., Office]) -> None:
    """In the stock's own rhythm, with one line in the log; when the backend is there, so is the index."""
    here = office(**{TARGET: DOWN})
    await asyncio.sleep(100)
    assert here.known() is None
    # at 0, 1, 3, 8, 23, 53, 83 s
    assert here.library.asked[TARGET] == 7
    assert [name for name, _ in here.log.events] == ["index_waits"]
    assert here.log.named("index_waits")[0]["reason"] == "refused"
    here.library.documents[TARGET] = wsdl(operation("One"))
    await asyncio.sleep(30)
    assert here.known() == ["One"]


async def test_another_trouble_is_another_line(office: Callable[..., Office]) -> None:
    """And one that comes back after it was over, too."""
    here = office(**{TARGET: DOWN})
    await asyncio.sleep(10)
    here.library.documents[TARGET] = HTML
    await asyncio.sleep(60)
    assert [facts["state"] for facts in here.log.named("index_waits")] == ["backend_unreachable", "backend_bad_reply"]


async def test_an_index_outlives_an_outage(office: Callable[..., Office]) -> None:
    """What is known stays known."""
    here = office(**{TARGET: wsdl(operation("One"))})
    await asyncio.sleep(1)
    here.library.documents[TARGET] = DOWN
    await asyncio.sleep(3000)
    assert here.known() == ["One"]


async def test_what_is_there_is_indexed_and_what_is_missing_is_waited_for(office: Callable[..., Office]) -> None:
    """Half a WSDL protects more than none."""
    here = office(**{TARGET: wsdl('<w:import location="more.wsdl"/>', operation("One")), "/more.wsdl": DOWN})
    await asyncio.sleep(0.5)
    assert here.known() == ["One"]
    assert [name for name, _ in here.log.events] == ["indexed", "index_waits"]
    here.library.documents["/more.wsdl"] = wsdl(operation("Two"), address="")
    await asyncio.sleep(10)
    assert sorted(here.known() or []) == ["One", "Two"]


async def test_what_the_backend_has_not_got_is_not_waited_for(office: Callable[..., Office]) -> None:
    """A 404 among the imports is looked at again with everything else."""
    here = office(**{TARGET: wsdl('<w:import location="more.wsdl"/>', operation("One")), "/more.wsdl": HTML})
    await asyncio.sleep(500)
    assert here.known() == ["One"]
    assert here.library.asked["/more.wsdl"] == 1
    here.library.documents["/more.wsdl"] = wsdl(operation("Two"), address="")
    await asyncio.sleep(200)
    assert sorted(here.known() or []) == ["One", "Two"]


async def test_each_endpoint_has_its_own(office: Callable[..., Office]) -> None:
    """One that fails does not keep the other from being known."""
    two = (("main", BACKEND), ("reports", BACKEND.replace("Office", "Reports")))
    here = office(*two, **{TARGET: wsdl(operation("One")), "/Reports.asmx?wsdl": DOWN})
    await asyncio.sleep(0.5)
    assert (here.known("main"), here.known("reports")) == (["One"], None)
    here.library.documents["/Reports.asmx?wsdl"] = wsdl(operation("Two"))
    await asyncio.sleep(5)
    assert (here.known("main"), here.known("reports")) == (["One"], ["Two"])


async def test_a_bug_in_it_is_told_and_does_not_end_the_trying(
    office: Callable[..., Office], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nor does it fill the log."""

    async def bug(_: object) -> None:
        raise ZeroDivisionError

    whole = module.index_in_slices
    monkeypatch.setattr(module, "index_in_slices", bug)
    here = office(**{TARGET: wsdl(operation("One"))})
    await asyncio.sleep(10)
    assert [name for name, _ in here.log.events] == ["bug"]
    monkeypatch.setattr(module, "index_in_slices", whole)
    await asyncio.sleep(2)
    assert here.known() == ["One"]


async def test_a_refusal_of_the_parser_is_told_by_its_own_name(
    office: Callable[..., Office], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It means something else to an operator than a backend that is away."""

    async def refuses(_: object) -> None:
        raise module.XmlRefused("too_deep", "more than 64 levels")

    monkeypatch.setattr(module, "index_in_slices", refuses)
    here = office()
    await asyncio.sleep(10)
    assert here.log.events == [
        ("index_failed", {"backend": "tickets", "endpoint": "", "why": "too_deep: more than 64 levels"})
    ]


async def test_a_file_is_looked_at_every_minute(office: Callable[..., Office], tmp_path: Path) -> None:
    """An operator who changes it need not wait ten; its imports lie beside it, and the backend is not asked."""
    file = tmp_path / "tickets.wsdl"
    file.write_bytes(wsdl('<w:import location="more.wsdl"/>', types(schema()), operation("One")))
    (tmp_path / "more.wsdl").write_bytes(wsdl(operation("Two"), address=""))
    here = office(file=file)
    await asyncio.sleep(1)
    assert sorted(here.known() or []) == ["One", "Two"]
    (tmp_path / "more.wsdl").write_bytes(wsdl(operation("Three"), address=""))
    await asyncio.sleep(121)
    assert sorted(here.known() or []) == ["One", "Three"]
    assert here.library.order == []


async def test_a_reload_replaces_what_fetches_and_starts_nothing_twice(office: Callable[..., Office]) -> None:
    """One task per backend, however often it is bound."""
    here = office(**{TARGET: wsdl(operation("One"))})
    await settle()
    other = Library(**{TARGET: wsdl(operation("Two"))})
    here.shelf.bind(other.fetch, other)
    assert [task.get_name() for task in alive() if task.get_name().startswith("index")] == ["index tickets"]
    await asyncio.sleep(1300)
    assert here.known() == ["Two"]


async def test_a_shelf_that_was_never_opened_closes() -> None:
    """The start may fail before it."""
    await Office().shelf.close()
    assert alive() == frozenset()
