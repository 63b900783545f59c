"""A backend's documents as clients get them: ours in every byte, by numbers that last, and there when the backend is not."""

from __future__ import annotations

import asyncio
import re
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from adapters.soap import shelf as module
from adapters.soap.shelf import Shelf
from sidecar.model import Answer, Level, Refusal
from sidecar.tasks import alive
from tests.adapters.soap.library import BACKEND, DOWN, FULL, HTML, Library, operation, schema, types, wsdl
from tests.support.world import LoopClock, Recorder, head, settle

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

pytestmark = pytest.mark.virtual

TARGET = "/Office.asmx?wsdl"
PUBLIC = "https://api.theatre.example"
OURS = f"{PUBLIC}/tickets"
# The order of a client's questions must not matter: a has an import of its own, and so has b.
TREE = {
    TARGET: wsdl(
        types(schema('<x:import namespace="urn:a" schemaLocation="a.xsd"/><x:import schemaLocation="b.xsd"/>'))
    ),
    "/a.xsd": schema('<x:import namespace="urn:c" schemaLocation="c.xsd"/>', target="urn:a").encode(),
    "/b.xsd": schema('<x:import namespace="urn:d" schemaLocation="d.xsd"/>', target="urn:b").encode(),
    "/c.xsd": schema(target="urn:c").encode(),
    "/d.xsd": schema(target="urn:d").encode(),
}
NUMBERS = {"xsd=1": "urn:a", "xsd=2": "urn:b", "xsd=3": "urn:c", "xsd=4": "urn:d"}


class Desk:
    """A shelf without its index, and the words in which a test asks it."""

    def __init__(
        self,
        *endpoints: tuple[str, str],
        file: Path | None = None,
        documents: dict[str, bytes | Refusal] | None = None,
        url: str = BACKEND,
    ) -> None:
        self.library, self.log = Library(**(documents or {})), Recorder()
        where = endpoints or (("", url),)
        self.shelf = Shelf("tickets", "/tickets", where, str(file) if file else None, LoopClock(), self.log)
        self.shelf._stock.bind(self.library.fetch, self.library)

    async def ask(
        self, query: str, *lines: tuple[str, str], endpoint: str = "", base: str | None = PUBLIC, method: str = "GET"
    ) -> Answer | Refusal:
        target = f"/tickets{'/' + endpoint if endpoint else ''}?{query}"
        return await self.shelf.serve(head(method, target, lines), endpoint, base)

    async def body(self, query: str, **options: str) -> bytes:
        answer = await self.ask(query, **options)
        assert isinstance(answer, Answer), answer
        return b"".join(answer.body)

    async def state(self, query: str, **options: str | None) -> str:
        """Return in a few words what comes."""
        got = await self.ask(query, **options)
        grade = got.grade if isinstance(got, Answer) else got
        return " ".join(filter(None, (grade.state, grade.reason)))


def header(answer: Answer | Refusal, name: str) -> str:
    assert isinstance(answer, Answer), answer
    return next(value.decode() for key, value in answer.headers if key.decode().lower() == name.lower())


# What it takes for a document


@pytest.mark.parametrize(
    "query",
    [
        "wsdl",
        "WSDL",
        "Wsdl=",
        "wsdl&foo=1",
        "wsdl=1",
        "xsd=1",
        "XSD=2",
        "xsd=xsd0",
        "xsd",
        "singleWsdl",
        "SINGLEWSDL",
        "disco",
        "wsdl=a.wsdl",
    ],
)
async def test_what_asks_for_a_document(query: str) -> None:
    """However it is spelled, also where there is no such document: a client that mistypes is told by us, not by an operation."""
    assert Desk().shelf.owns(head("GET", f"/tickets?{query}"), "")


@pytest.mark.parametrize(
    ("query", "rest"), [("", ""), ("x=wsdl", ""), ("wsdl", "/Reserve"), ("foo&wsdl", ""), ("wsdlx", "")]
)
async def test_what_is_a_call(query: str, rest: str) -> None:
    """Everything else, and everything below the endpoint: an operation may have a parameter of that name."""
    assert not Desk().shelf.owns(head("GET", f"/tickets{rest}?{query}"), rest)


@pytest.mark.parametrize("query", ["wsdl", "WSDL", "Wsdl=", "wsdl&foo=1", "wSdL=&"])
async def test_every_spelling_is_the_same_document(query: str) -> None:
    """And the same fetch."""
    desk = Desk()
    await desk.body("wsdl")
    assert await desk.state(query) == "cached"
    assert desk.library.order == [TARGET]


@pytest.mark.parametrize(
    "query",
    ["wsdl=7", "xsd=1", "xsd=0", "xsd=xsd0", "xsd", "wsdl=a.wsdl", "singlewsdl=1", "xsd=99999", "xsd=²", "disco=1"],
)
async def test_a_document_that_is_none_is_not_found_with_the_remedy(query: str) -> None:
    """The remedy names our own address, from where everything that there is can be found."""
    got = await Desk().ask(query)
    assert isinstance(got, Refusal)
    assert (got.state, got.reason) == ("not_found", "document")
    assert f"{OURS}?wsdl" in str(got.detail)


async def test_without_an_address_of_ours_nothing_is_shown() -> None:
    """Behind a unix socket or on every address it does not know its own; the remedy says what to set."""
    desk = Desk()
    got = await desk.ask("wsdl", base=None)
    assert isinstance(got, Refusal)
    assert (got.state, got.reason) == ("not_found", "document")
    assert "set public_url" in str(got.detail)
    assert desk.library.order == []


# What it shows


async def test_addresses_and_imports_are_ours() -> None:
    """In all documents, of any depth."""
    desk = Desk(documents=dict(TREE))
    root = etree.fromstring(await desk.body("wsdl"))
    assert root.xpath("//@location") == [OURS]
    assert root.xpath("//@schemaLocation") == [f"{OURS}?xsd=1", f"{OURS}?xsd=2"]
    for name, target in NUMBERS.items():
        assert etree.fromstring(await desk.body(name)).get("targetNamespace") == target


@pytest.mark.parametrize("base", ["http://127.0.0.1:8080", "https://api.theatre.example/", "https://[::1]:8443/below"])
async def test_the_public_address_is_the_one_that_it_is_told(base: str) -> None:
    """With a path, with a slash too many; and a document for one address is never shown for another."""
    desk = Desk()
    await desk.body("wsdl")
    assert etree.fromstring(await desk.body("wsdl", base=base)).xpath("//@location") == [base.rstrip("/") + "/tickets"]


async def test_endpoints_of_one_backend_are_told_apart() -> None:
    """Each has its own documents, and each knows where the other one is in public."""
    reports = BACKEND.replace("Office", "Reports")
    both = wsdl().replace(
        b"</w:service>",
        f'<w:port name="R" binding="t:R"><soap:address location="{reports}"/></w:port></w:service>'.encode(),
    )
    desk = Desk(("main", BACKEND), ("reports", reports), documents={TARGET: both, "/Reports.asmx?wsdl": both})
    for endpoint in ("main", "reports"):
        shown = etree.fromstring(await desk.body("wsdl", endpoint=endpoint))
        assert shown.xpath("//@location") == [f"{OURS}/main", f"{OURS}/reports"]
    assert desk.library.order == [TARGET, "/Reports.asmx?wsdl"]


async def test_disco_points_at_us() -> None:
    """.NET's list of documents: contract, help page and schema, by our names."""
    disco = (
        '<discovery xmlns="http://schemas.xmlsoap.org/disco/" xmlns:s="http://schemas.xmlsoap.org/disco/scl/" '
        'xmlns:h="http://schemas.xmlsoap.org/disco/schema/" xmlns:o="http://schemas.xmlsoap.org/disco/soap/">'
        f'<s:contractRef ref="{BACKEND}?wsdl" docRef="{BACKEND}"/><h:schemaRef ref="http://box.theatre.local:9000/d.xsd"/>'
        f'<o:soap address="{BACKEND}" binding="q:B" xmlns:q="urn:t"/></discovery>'
    )
    desk = Desk(documents={**TREE, "/Office.asmx?disco": disco.encode()})
    root = etree.fromstring(await desk.body("disco"))
    assert root.xpath("//@ref | //@docRef | //@address") == [f"{OURS}?wsdl", OURS, f"{OURS}?xsd=4", OURS]


# Numbers


@pytest.mark.parametrize("first", [*NUMBERS, "disco", "singlewsdl"])
async def test_numbers_mean_the_same_whatever_is_asked_first(first: str) -> None:
    """After a restart, and in the sidecar next door: a client may ask here for what it was told of there."""
    desk = Desk(documents=dict(TREE))
    await desk.ask(first)
    for name, target in reversed(NUMBERS.items()):
        assert etree.fromstring(await desk.body(name)).get("targetNamespace") == target


async def test_many_who_ask_for_different_numbers_at_once_agree() -> None:
    """Nobody's question gets between another's answers."""
    desk = Desk(documents=dict(TREE))
    desk.library.takes_s = 0.5
    found = await asyncio.gather(*(desk.body(name) for name in NUMBERS for _ in range(10)))
    assert [etree.fromstring(each).get("targetNamespace") for each in found] == [
        t for t in NUMBERS.values() for _ in range(10)
    ]
    assert set(desk.library.asked.values()) == {1}


async def test_a_document_that_is_missing_at_the_backend_takes_nothing_from_the_others() -> None:
    """It has its number; those after it have theirs."""
    desk = Desk(documents={**TREE, "/a.xsd": HTML})
    assert await desk.state("xsd=1") == "backend_bad_reply html"
    assert etree.fromstring(await desk.body("xsd=2")).get("targetNamespace") == "urn:b"
    assert etree.fromstring(await desk.body("xsd=3")).get("targetNamespace") == "urn:d", "c is named by a alone"


async def test_a_number_waits_for_those_before_it_rather_than_mean_something_else() -> None:
    """While a backend is away in the middle, a later number is not given away."""
    desk = Desk(documents={**TREE, "/a.xsd": DOWN})
    assert await desk.state("xsd=2") == "backend_unreachable refused"
    desk.library.documents["/a.xsd"] = TREE["/a.xsd"]
    await asyncio.sleep(1.1)
    assert etree.fromstring(await desk.body("xsd=3")).get("targetNamespace") == "urn:c"


async def test_an_import_that_cannot_be_shown_spoils_its_own_document_alone() -> None:
    """Its refusal says why; the numbers after it are there."""
    bad = schema(
        '<x:import namespace="urn:c" schemaLocation="http://[box.theatre.local:9000/"/>', target="urn:a"
    ).encode()
    desk = Desk(documents={**TREE, "/a.xsd": bad})
    got = await desk.ask("xsd=1")
    assert isinstance(got, Refusal)
    assert (got.state, got.reason) == ("backend_bad_reply", "not_xml")
    assert "which is not a location" in str(got.detail)
    assert b"urn:b" in await desk.body("xsd=2")


# HTTP


async def test_an_etag_is_the_documents_and_304_answers_whoever_has_it() -> None:
    """RFC 9110 §13.1.2: one of several, weak or not, a star; and it changes with the document alone."""
    desk = Desk()
    first = await desk.ask("wsdl")
    tag = header(first, "ETag")
    assert re.fullmatch('"[0-9a-f]{32}"', tag)
    assert header(first, "Content-Type") == "text/xml; charset=utf-8"
    assert header(first, "Cache-Control") == "no-cache"
    for known in (tag, f'"other", W/{tag}', "*"):
        again = await desk.ask("wsdl", ("If-None-Match", known))
        assert isinstance(again, Answer)
        assert (again.status, again.body, again.size_bytes) == (304, (), 0)
        assert header(again, "ETag") == tag
    two = await desk.ask("wsdl", ("If-None-Match", '"other"'), ("If-None-Match", tag))
    assert isinstance(two, Answer)
    assert two.status == 304
    assert header(await desk.ask("wsdl", ("If-None-Match", '"other"')), "ETag") == tag
    await asyncio.sleep(61)
    assert header(await desk.ask("wsdl"), "ETag") == tag, "fetched again, and the same"
    desk.library.documents[TARGET] = wsdl(target="urn:new")
    await asyncio.sleep(61)
    assert header(await desk.ask("wsdl"), "ETag") != tag


async def test_head_is_answered_like_get() -> None:
    """The listener leaves the body away; its length is the same."""
    desk = Desk()
    one, other = await desk.ask("wsdl"), await desk.ask("wsdl", method="HEAD")
    assert isinstance(one, Answer)
    assert isinstance(other, Answer)
    assert (one.status, one.size_bytes) == (other.status, other.size_bytes)


async def test_the_age_of_what_is_kept_is_told() -> None:
    """None for what has just come; whole seconds afterwards, also when it is stale."""
    desk = Desk()
    desk.library.takes_s = 0.2
    ages = []
    for wait_s in (0, 30.5, 40):
        await asyncio.sleep(wait_s)
        if wait_s == 40:
            desk.library.documents[TARGET] = DOWN
        got = await desk.ask("wsdl")
        assert isinstance(got, Answer)
        ages.append((got.grade.state, got.age_s))
    assert ages == [("ok", None), ("cached", 30), ("stale", 70)]


@pytest.mark.parametrize(
    ("refusal", "said"),
    [(DOWN, "backend_unreachable refused"), (FULL, "overloaded queue_full"), (HTML, "backend_bad_reply html")],
)
async def test_without_a_kept_one_the_fetchs_own_refusal_is_the_answer(refusal: Refusal, said: str) -> None:
    """It says when to come back; and what the backend was asked executed nothing."""
    desk = Desk(documents={TARGET: refusal})
    assert await desk.state("wsdl") == said
    again = await desk.ask("wsdl")
    assert isinstance(again, Refusal)
    assert again.retry_after_s == 1
    assert desk.library.asked[TARGET] == 1


async def test_nobody_waits_for_ever() -> None:
    """A set of documents that trickles in is given up after a minute, and is there for the next one."""
    desk = Desk(documents=dict(TREE))
    desk.library.takes_s = 25.0
    before = asyncio.get_running_loop().time()
    assert await desk.state("xsd=4") == "overloaded deadline"
    assert asyncio.get_running_loop().time() - before == pytest.approx(60.0)
    await asyncio.sleep(20)
    assert b"urn:b" in await desk.body("xsd=2")


# One showing for all who ask, within bounds


async def test_fifty_who_ask_at_once_make_one_fetch_and_one_showing(monkeypatch: pytest.MonkeyPatch) -> None:
    """A WSDL of a megabyte takes 30 ms to rewrite; a crowd of clients that start must not take fifty times as long."""
    calls = []
    whole = module.rewrite_in_slices

    async def counted(*args: object, **options: object) -> bytes:
        calls.append(args)
        return await whole(*args, **options)

    monkeypatch.setattr(module, "rewrite_in_slices", counted)
    desk = Desk()
    found = await asyncio.gather(*(desk.body("wsdl") for _ in range(50)))
    assert len(set(found)) == 1
    assert (len(calls), desk.library.asked[TARGET]) == (1, 1)


async def test_what_was_shown_is_kept_within_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    """Past it a document is shown anew each time, and is the same."""
    desk = Desk(documents=dict(TREE))
    one = await desk.body("wsdl")
    monkeypatch.setattr(module, "BYTES", len(one) + 10)
    first = await desk.body("xsd=1")
    assert list(desk.shelf._shown) == [("", "wsdl", PUBLIC)]
    assert await desk.body("xsd=1") == first


async def test_what_was_merged_counts_within_the_same_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    """A single WSDL is kept as it was made and as it is shown; where there is no room for both, or for either, it is made anew."""
    roomy = Desk(documents=dict(TREE))
    whole = await roomy.body("singleWsdl")
    made_bytes = len(roomy.shelf._singles[""][1])
    assert roomy.shelf._held_bytes == made_bytes + len(whole)
    both_bytes = made_bytes + len(whole)
    for limit_bytes, singles, shown in ((both_bytes, 1, 1), (both_bytes - 1, 1, 0)):
        desk = Desk(documents=dict(TREE))
        monkeypatch.setattr(module, "BYTES", limit_bytes)
        for _ in range(2):
            assert await desk.body("singleWsdl") == whole
            assert (len(desk.shelf._singles), len(desk.shelf._shown)) == (singles, shown)


async def test_close_leaves_no_task() -> None:
    """Whatever was fetched, shown or merged at that moment."""
    desk = Desk(documents=dict(TREE))
    desk.shelf.bind(desk.library.fetch, desk.library)
    desk.library.hold()
    async with asyncio.TaskGroup() as group:
        asking = [group.create_task(desk.ask(query)) for query in ("wsdl", "singleWsdl", "xsd=1")]
        await settle()
        await desk.shelf.close()
    assert all(each.cancelled() for each in asking)
    assert alive() == frozenset()


# ?singleWsdl


SINGLE = "/Office.asmx?singleWsdl"


async def test_the_backends_own_single_wsdl_is_shown_where_it_has_one() -> None:
    """WCF has. Nothing else is fetched for it."""
    desk = Desk(documents={SINGLE: wsdl(operation("Own"))})
    assert b'name="Own"' in await desk.body("singleWsdl")
    assert desk.library.order == [SINGLE]
    assert etree.fromstring(await desk.body("singlewsdl")).xpath("//@location") == [OURS]


@pytest.mark.parametrize("refusal", [HTML, Refusal("backend_bad_reply", "http"), Refusal("backend_bad_reply", "empty")])
async def test_one_is_made_where_the_backend_has_none(refusal: Refusal) -> None:
    """ASMX answers a page or a 500; the question is not asked again for every client."""
    desk = Desk(documents={**TREE, SINGLE: refusal})
    for _ in range(3):
        root = etree.fromstring(await desk.body("singleWsdl"))
        assert root.xpath("//@schemaLocation") == []
        assert sorted(root.xpath("//@targetNamespace")) == ["urn:a", "urn:b", "urn:c", "urn:d", "urn:t", "urn:t"]
        assert root.xpath("//@location") == [OURS]
    assert desk.library.asked[SINGLE] == 1


async def test_a_single_wsdl_is_as_old_as_its_oldest_part() -> None:
    """And as stale."""
    desk = Desk(documents=dict(TREE))
    desk.library.takes_s = 0.1
    assert await desk.state("singleWsdl") == "ok"
    tag = header(await desk.ask("singleWsdl"), "ETag")
    assert await desk.state("singleWsdl") == "cached"
    await asyncio.sleep(61)
    desk.library.documents["/c.xsd"] = DOWN
    got = await desk.ask("singleWsdl")
    assert isinstance(got, Answer)
    assert (got.grade.state, got.grade.reason, got.age_s) == ("stale", "backend-down", 61)
    assert header(got, "ETag") == tag


async def test_a_single_wsdl_that_changes_in_a_part_is_another() -> None:
    """It is made of what its parts are now."""
    desk = Desk(documents=dict(TREE))
    before = await desk.body("singleWsdl")
    desk.library.documents["/d.xsd"] = schema('<x:element name="New"/>', target="urn:d").encode()
    await asyncio.sleep(61)
    after = await desk.body("singleWsdl")
    assert b"New" in after
    assert b"New" not in before


@pytest.mark.parametrize(
    ("documents", "said", "why"),
    [
        ({TARGET: DOWN, SINGLE: DOWN}, "backend_unreachable refused", "Connection refused"),
        ({**TREE, "/c.xsd": DOWN}, "backend_unreachable refused", "Connection refused"),
        ({**TREE, "/c.xsd": HTML}, "backend_bad_reply html", "HTML page"),
        (
            {TARGET: wsdl('<w:import location="a.wsdl"/>'), "/a.wsdl": wsdl(target="urn:u", address="")},
            "backend_bad_reply not_xml",
            "cannot be shown: its WSDLs are of several namespaces",
        ),
    ],
)
async def test_where_none_can_be_made_the_reason_is_said(
    documents: dict[str, bytes | Refusal], said: str, why: str
) -> None:
    """Never half a document."""
    desk = Desk(documents=documents)
    got = await desk.ask("singleWsdl")
    assert isinstance(got, Refusal)
    assert f"{got.state} {got.reason}" == said
    assert why in str(got.detail)


# A file in the place of the backend's WSDL


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A WSDL file with its imports beside it and below."""
    (tmp_path / "types").mkdir()
    (tmp_path / "types" / "a.xsd").write_text(
        schema('<x:include schemaLocation="../b.xsd"/><x:element name="A"/>', target="urn:a")
    )
    (tmp_path / "b.xsd").write_text(schema('<x:element name="B"/>', target="urn:a"))
    out = '<x:import namespace="urn:z" schemaLocation="../secret.xsd"/>'
    made = tmp_path / "tickets.wsdl"
    within = '<x:import namespace="urn:a" schemaLocation="types/a.xsd"/>'
    made.write_bytes(wsdl(types(schema(within, out))))
    made.with_name("types.wsdl").write_bytes(wsdl(types(schema(within))))
    return made


async def test_a_file_is_shown_like_the_backends_own(file: Path) -> None:
    """With our addresses and numbers; its imports come from beside it, and the backend is asked for nothing."""
    desk = Desk(file=file)
    root = etree.fromstring(await desk.body("wsdl"))
    assert root.xpath("//@location") == [OURS]
    assert root.xpath("//@schemaLocation") == [f"{OURS}?xsd=1", f"{OURS}?xsd=2"]
    assert b'name="A"' in await desk.body("xsd=1")
    assert b'name="B"' in await desk.body("xsd=3")
    assert await desk.state("xsd=2") == "not_found document"
    assert desk.library.order == []


async def test_a_file_is_served_while_the_backend_is_down(file: Path) -> None:
    """Nothing about it is stale."""
    desk = Desk(file=file)
    await desk.body("wsdl")
    desk.library.level_now = Level.DOWN
    await asyncio.sleep(3600)
    assert await desk.state("wsdl") == "ok"


async def test_a_single_wsdl_is_made_of_files(file: Path) -> None:
    """Without asking the backend for its own, which the file stands in for; and not where one of them may not be read."""
    desk = Desk(file=file)
    assert await desk.state("singleWsdl") == "not_found document"
    whole = Desk(file=file.with_name("types.wsdl"))
    shown = await whole.body("singleWsdl")
    assert all(word in shown for word in (b'name="A"', b'name="B"'))
    assert desk.library.order == whole.library.order == []


async def test_schemas_that_a_saved_wsdl_names_at_the_backend_are_fetched_there(tmp_path: Path) -> None:
    """.NET's go by query; whoever saves the WSDL alone has not got them."""
    file = tmp_path / "tickets.wsdl"
    file.write_bytes(
        wsdl(
            types(schema('<x:import namespace="urn:a" schemaLocation="http://WIN-SRV01/Office.asmx?xsd=xsd0"/>')),
            address="http://WIN-SRV01/Office.asmx",
        )
    )
    desk = Desk(file=file, documents={"/Office.asmx?xsd=xsd0": schema(target="urn:a").encode()})
    assert b"WIN-SRV01" not in await desk.body("wsdl")
    assert b"urn:a" in await desk.body("xsd=1")
    assert desk.library.order == ["/Office.asmx?xsd=xsd0"]


# Never the backend's own address


HOSTS = st.sampled_from(
    [
        "box.theatre.local",
        "BOX.theatre.LOCAL",
        "10.9.8.7",
        "localhost",
        "tickets",
        "127.0.0.1",
        "[fd00::7]",
        "xn--bx-fka.example",
    ]
)
WRAPS = st.sampled_from(
    [
        "{}",
        "http://{}",
        "HTTP://{}/",
        "https://{}/Office.asmx?wsdl",
        "//{}/x",
        "http://user:secret@{}/a",
        " see http://{}. ",
        "<http://{}>",
        "({})",
        "mail {},",
    ]
)
PLACES = st.sampled_from(
    [
        "<w:documentation>{}</w:documentation>",
        '<w:documentation title="{}"/>',
        '<w:documentation><a href="{}">x</a> tail {}</w:documentation>',
        '<w:types><x:schema><x:annotation><x:appinfo source="{}"/></x:annotation></x:schema></w:types>',
        '<w:types><x:schema><x:import schemaLocation="{}"/></x:schema></w:types>',
        '<w:import location="{}"/>',
        '<w:service name="T"><w:port name="Q" binding="t:B"><soap:address location="{}"/></w:port></w:service>',
        "<!-- {} -->",
    ]
)


@given(
    host=HOSTS,
    port=st.sampled_from(["", ":9000", ":80"]),
    parts=st.lists(st.tuples(PLACES, WRAPS), min_size=1, max_size=5),
)
def test_no_byte_of_what_goes_out_names_the_backend(host: str, port: str, parts: Sequence[tuple[str, str]]) -> None:
    """Wherever the backend writes its address, in whatever spelling: a document comes without it, or none comes and says so without it."""
    own = f"{host}{port}"
    inside = []
    for place, wrap in parts:
        text = wrap.format(own).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
        inside.append(place.replace("{}", text.replace("--", "-") if place.startswith("<!--") else text))
    shown = asyncio.run(_everything(f"http://{own}/Office.asmx", wsdl(*inside, address=f"http://{own}/Office.asmx")))
    name = host.lower()
    for text in map(str.lower, shown):
        assert f"//{name}" not in text
        assert f"@{name}" not in text
        assert not port or f"{name}{port}" not in text
        if "." in name or ":" in name:  # a bare name is one in people's text; in an attribute it may be an identifier
            assert name not in words_of(text)


def words_of(told: str) -> str:
    """Return what people read of a document; of anything else, all of it."""
    return " ".join(etree.fromstring(told.encode()).itertext()) if told.startswith("<?xml") else told


async def _everything(url: str, document: bytes) -> list[str]:
    """Return all that a client can be told of this backend: documents, their headers, refusals."""
    desk = Desk(documents={TARGET: document}, url=url)
    told = []
    for query in ("wsdl", "singleWsdl", "disco", "wsdl=1", "xsd=1", "xsd=9"):
        got = await desk.ask(query)
        if isinstance(got, Refusal):
            told.append(str(got.detail))
        else:
            told += [value.decode() for _, value in got.headers] + [b"".join(got.body).decode()]
    await desk.shelf.close()
    return told


async def test_a_host_that_another_document_gives_away_is_hidden_in_the_first_one_too() -> None:
    """The machine's name stands as an address in an imported WSDL, and as a word in the one that was shown before."""
    desk = Desk(
        documents={
            TARGET: wsdl('<w:import location="more.wsdl"/><w:documentation>ask win-srv01.lan:81</w:documentation>'),
            "/more.wsdl": wsdl(address="http://WIN-SRV01.lan:81/Office.asmx"),
        }
    )
    await desk.body("wsdl")
    await desk.body("wsdl=1")
    assert b"win-srv01" not in await desk.body("wsdl")
