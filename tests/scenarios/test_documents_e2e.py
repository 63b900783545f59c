"""Documents by a real sidecar before a scripted backend: what a client needs before its first call, and never the backend's address.

One backend, whose documents a test may change, asked over real sockets by raw clients and by zeep.
"""

from __future__ import annotations

import asyncio
import time
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest
import zeep
from lxml import etree
from zeep.transports import Transport

from sidecar.demo import wsdl as demo
from tests.adapters.soap.library import operation, schema, types, wsdl
from tests.support import envelopes as env
from tests.support.backend import Gate, ThreadBackend, answer
from tests.support.client import Client, Response, ask
from tests.support.process import SidecarProcess
from tests.support.replies import Reply, html, http
from tests.support.require import wsdl_corpus

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator
    from pathlib import Path

    from tests.support.visit import Visit


PUBLIC = "https://api.theatre.example"
ISSUED = '<x:import namespace="urn:a" schemaLocation="?xsd=xsd0"/>'
PING = env.soap11("Ping", action='"urn:t#Ping"').raw("/box")
WRONG = env.soap11("Ping", action='"urn:t#Reserve"').raw("/box")


class House:
    """A backend with documents by target, and a sidecar before it."""

    def __init__(self, stack: ExitStack, directory: Path) -> None:
        self._stack, self._directory = stack, directory
        self.gate: Gate | None = None  # calls wait at it, documents do not
        self.backend = stack.enter_context(ThreadBackend(self._play))
        self.documents: dict[str, bytes | Reply] = {
            "/box.asmx?wsdl": wsdl(
                types(schema(ISSUED)),
                operation("Ping"),
                operation("Reserve"),
                target=env.NS,
                address=f"{self.backend.url}/box.asmx",
            ),
            "/box.asmx?xsd=xsd0": schema('<x:element name="A"/>', target="urn:a").encode(),
            "/box.asmx?disco": demo.disco(f"{self.backend.url}/box.asmx"),
        }

    def open(self, *, wait: bool = True, listen: dict[str, Any] | None = None, **more: Any) -> SidecarProcess:
        """Start a sidecar whose backend `box` has the settings given; top-level settings in capitals."""
        whole = {name.lower(): more.pop(name) for name in list(more) if name.isupper()}
        backends = {"box": {"protocol": "soap", "url": f"{self.backend.url}/box.asmx", **more}}
        settings = {"public_url": PUBLIC, "backends": backends, **whole}
        if listen is not None:
            settings["listen"] = listen
        return self._stack.enter_context(SidecarProcess(settings, self._directory, wait=wait))

    async def _play(self, visit: Visit) -> None:
        entry = await visit.head()
        if entry.method == "GET":
            found = self.documents.get(entry.target, html(404, "Not Found"))
            await answer(found if isinstance(found, Reply) else http(found), executes=None)(visit)
        else:
            await answer(http(env.soap11_reply(await visit.peek() or "")), gate=self.gate)(visit)

    def fetched(self, target: str) -> int:
        return sum(entry.target == target for entry in self.backend.journal)


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    """Whatever a test starts ends with it; stopping waits for threads, which the loop of the test must not be held by."""
    stack = ExitStack()
    yield House(stack, tmp_path)
    await asyncio.to_thread(stack.close)


async def get(url: str, query: str, *lines: tuple[str, str], path: str = "/box", method: str = "GET") -> Response:
    """Ask for a document on a connection of its own."""
    asked = env.Request(method, b"", ()).raw(f"{path}?{query}", host="somebody.else.example", headers=lines)
    return await ask(url, asked)


def locations(response: Response) -> list[str]:
    """Return every address in a document, once each."""
    assert response.status == 200, response.raw
    return sorted(set(etree.fromstring(response.body).xpath("//@location | //@schemaLocation | //@ref | //@docRef")))


def indexed(sidecar: SidecarProcess) -> None:
    sidecar.wait_line('"event":"indexed"')


async def test_every_document_comes_from_us_with_our_addresses(house: House) -> None:
    """?wsdl, ?xsd=N, ?disco, and a ?singleWsdl that this backend has not got; whatever Host a client sends."""
    sidecar = house.open()
    ours = f"{PUBLIC}/box"
    assert locations(await get(sidecar.url, "wsdl")) == [ours, f"{ours}?xsd=1"]
    assert b'name="A"' in (await get(sidecar.url, "xsd=1")).body
    assert locations(await get(sidecar.url, "disco"))[:2] == [ours, f"{ours}?wsdl"]
    single = await get(sidecar.url, "singleWsdl")
    assert locations(single) == [ours]
    assert b'name="A"' in single.body
    for spelled in ("WSDL", "Wsdl=", "wsdl&foo=1"):
        assert (await get(sidecar.url, spelled)).body == (await get(sidecar.url, "wsdl")).body
    assert house.fetched("/box.asmx?wsdl") == 1
    asked = {entry.target for entry in house.backend.journal}
    assert asked == {"/box.asmx?wsdl", "/box.asmx?xsd=xsd0", "/box.asmx?disco", "/box.asmx?singleWsdl"}
    assert {entry.header("Host") for entry in house.backend.journal} == {urlsplit(house.backend.url).netloc}


async def test_a_number_is_good_in_a_sidecar_that_has_just_started(house: House) -> None:
    """A client holds a WSDL from the one before."""
    sidecar = house.open()
    assert b'name="A"' in (await get(sidecar.url, "xsd=1")).body


async def test_http_of_a_document(house: House) -> None:
    """Its state, its type, its ETag; 304 for whoever has it; HEAD with the same head and no body; a POST is a call."""
    sidecar = house.open()
    whole = await get(sidecar.url, "wsdl")
    assert whole.state in ("ok", "cached")
    assert whole.header("Content-Type") == "text/xml; charset=utf-8"
    tag = whole.header("ETag") or ""
    again = await get(sidecar.url, "wsdl", ("If-None-Match", tag))
    assert (again.status, again.body, again.header("ETag"), again.state) == (304, b"", tag, "cached")
    head = await get(sidecar.url, "wsdl", method="HEAD")
    assert (head.status, head.body, head.header("Content-Length")) == (200, b"", str(len(whole.body)))
    assert head.header("ETag") == tag
    posted = await ask(sidecar.url, env.soap11("Ping", action='"urn:t#Ping"').raw("/box?wsdl"))
    assert (posted.status, posted.state) == (200, "ok")


@pytest.mark.parametrize("query", ["xsd=7", "wsdl=3", "xsd=xsd0", "xsd=types.xsd"])
async def test_a_document_that_is_none_says_where_to_start(house: House, query: str) -> None:
    """In the JSON shape, for nobody said what else he reads; the backend is not asked for it."""
    sidecar = house.open()
    found = await get(sidecar.url, query)
    assert (found.status, found.state) == (404, "not_found")
    assert found.header("Content-Type") == "application/problem+json"
    assert f"{PUBLIC}/box?wsdl" in found.json()["detail"]
    assert house.fetched(f"/box.asmx?{query}") <= 1, "only what the WSDL itself names"


async def test_without_public_url_the_listen_address_is_shown(house: House) -> None:
    """Where that is one that a client can be told; never what it says in Host."""
    sidecar = house.open(PUBLIC_URL=None)
    assert locations(await get(sidecar.url, "wsdl")) == [f"{sidecar.url}/box", f"{sidecar.url}/box?xsd=1"]


@pytest.mark.parametrize("where", ["every address", "unix"])
async def test_without_any_address_the_remedy_is_said(house: House, where: str, tmp_path: Path) -> None:
    """Every address and a unix socket are none that a client can be told; calls pass all the same."""
    unix = tmp_path / "s"
    listen = {"unix": str(unix)} if where == "unix" else {"host": "0.0.0.0"}
    sidecar = house.open(PUBLIC_URL=None, listen=listen, wait=False)
    sidecar.wait_line('"event":"started"')
    client = Client(unix=unix) if where == "unix" else Client("127.0.0.1", sidecar.port)
    async with client:
        found = await client.exchange(b"GET /box?wsdl HTTP/1.1\r\nHost: a\r\n\r\n")
        assert (found.status, found.state) == (404, "not_found")
        assert "set public_url" in found.json()["detail"]
        called = await client.exchange(PING)
        assert called.state == "ok"


async def test_a_fetch_takes_a_slot_and_stands_in_line_like_a_call(house: House) -> None:
    """With one slot and a call in it, a document waits; fifty clients who wait for it are one fetch."""
    house.gate = Gate()
    sidecar = house.open(limit={"fixed": 1})
    await asyncio.to_thread(indexed, sidecar)
    async with asyncio.TaskGroup() as group:
        calling = group.create_task(ask(sidecar.url, PING))
        await asyncio.to_thread(house.backend.call, house.backend.journal.until(_called))
        reading = [group.create_task(get(sidecar.url, "disco")) for _ in range(50)]
        done, _ = await asyncio.wait(reading, timeout=0.3)
        assert not done
        assert house.fetched("/box.asmx?disco") == 0
        house.gate.open()
    assert calling.result().state == "ok"
    assert {each.result().status for each in reading} == {200}
    assert house.fetched("/box.asmx?disco") == 1
    assert house.backend.journal.peak == 1


def _called(journal: Any) -> bool:
    return any(entry.method == "POST" and entry.body_whole for entry in journal)


async def test_a_backend_that_is_dead_from_the_start(house: House) -> None:
    """The start does not wait for it, each question gets its state; once it lives, it is indexed, and actions are judged."""
    await asyncio.to_thread(house.backend.call, house.backend.backend.stop())
    began = time.monotonic()
    sidecar = await asyncio.to_thread(house.open)
    assert time.monotonic() - began < 10
    found = await get(sidecar.url, "wsdl", ("Accept", "application/json"))
    assert (found.status, found.state) == (503, "backend_unreachable")
    assert found.json()["executed"] == "no"
    assert int(found.header("Retry-After") or 0) >= 1
    assert str(house.backend.backend.port) not in found.text
    dead = await ask(sidecar.url, WRONG)
    assert (dead.status, dead.state) == (500, "backend_unreachable")
    await asyncio.to_thread(house.backend.call, house.backend.backend.start())
    called = await ask(sidecar.url, PING)
    assert called.state == "ok", "calls never wait for an index"
    await asyncio.to_thread(indexed, sidecar)
    assert sum('"event":"index_waits"' in line for line in sidecar.lines) == 1
    executed = len(house.backend.journal.executed)
    judged = await ask(sidecar.url, WRONG)
    assert judged.state == "action_mismatch"
    assert len(house.backend.journal.executed) == executed
    await asyncio.sleep(0)
    assert (await get(sidecar.url, "wsdl")).status == 200


async def test_what_is_kept_outlives_the_backend(house: House) -> None:
    """A client that starts while it is away bootstraps."""
    sidecar = house.open()
    await asyncio.to_thread(indexed, sidecar)
    await asyncio.to_thread(house.backend.call, house.backend.backend.stop())
    for query in ("wsdl", "xsd=1", "singleWsdl"):
        found = await get(sidecar.url, query)
        assert (found.status, found.state) == (200, "cached")
        assert int(found.header("Age") or -1) >= 0


async def test_a_wsdl_file_is_found_beside_the_configuration(house: House, tmp_path: Path) -> None:
    """Wherever the process was started; its imports lie beside it, nothing outside is read, and the backend is not asked."""
    folder = tmp_path / "wsdl"
    folder.mkdir()
    (tmp_path / "secret.xsd").write_text(schema(target="urn:secret"))
    inside = '<x:import namespace="urn:a" schemaLocation="a.xsd"/><x:import namespace="urn:s" schemaLocation="../secret.xsd"/>'
    (folder / "box.wsdl").write_bytes(
        wsdl(types(schema(inside)), operation("Ping"), operation("Reserve"), target=env.NS)
    )
    (folder / "a.xsd").write_text(schema('<x:element name="A"/>', target="urn:a"))
    sidecar = house.open(wsdl="wsdl/box.wsdl")
    await asyncio.to_thread(indexed, sidecar)
    assert locations(await get(sidecar.url, "wsdl")) == [f"{PUBLIC}/box", f"{PUBLIC}/box?xsd=1", f"{PUBLIC}/box?xsd=2"]
    assert b'name="A"' in (await get(sidecar.url, "xsd=1")).body
    secret = await get(sidecar.url, "xsd=2")
    assert (secret.status, secret.state) == (404, "not_found")
    assert str(tmp_path) not in secret.text
    assert len(house.backend.journal) == 0
    judged = await ask(sidecar.url, WRONG)
    assert judged.state == "action_mismatch"


# zeep, which only knows our address


class Watched(Transport):  # type: ignore[misc]  # zeep has no types
    """zeep's own way to documents, watched: ours over HTTP, somebody else's from beside the vendor's files."""

    def __init__(self, ours: str, elsewhere: Callable[[str], bytes]) -> None:
        super().__init__()
        self._ours, self._elsewhere = ours, elsewhere
        self.seen: dict[str, bytes] = {}

    def load(self, url: str) -> bytes:
        if not url.startswith(self._ours):
            return self._elsewhere(url)
        self.seen[url] = super().load(url)
        return self.seen[url]


def test_zeep_lives_on_the_demos_single_wsdl_that_the_sidecar_made(tmp_path: Path) -> None:
    """The box office is made to hide its own, as an ASMX that has none; all its operations are there, on all four bindings."""
    with ExitStack() as stack:
        house = House(stack, tmp_path)
        where = f"{house.backend.url}/box.asmx"
        house.documents = {
            "/box.asmx?wsdl": demo.wsdl(where, single=False),
            "/box.asmx?xsd=1": demo.xsd(),
            "/box.asmx?singleWsdl": html(200, "Box Office Web Service"),
        }
        sidecar = house.open(PUBLIC_URL=None)
        ours = f"{sidecar.url}/box"
        transport = Watched(ours, _nowhere)
        made = zeep.Client(f"{ours}?singleWsdl", transport=transport)
        assert list(transport.seen) == [f"{ours}?singleWsdl"]
        whole = zeep.Client(f"{ours}?wsdl", transport=transport)
        assert _operations(made) == _operations(whole)
        assert len(_operations(made)) > 40
        assert _addresses(made) == _addresses(whole) == {ours}


def _nowhere(url: str) -> bytes:
    raise AssertionError(f"{url} is not ours")


def _operations(client: zeep.Client) -> set[tuple[str, str]]:
    ports = [port for service in client.wsdl.services.values() for port in service.ports.values()]
    return {(port.name, name) for port in ports for name in port.binding.all()}


def _addresses(client: zeep.Client) -> set[str]:
    return {
        port.binding_options["address"] for service in client.wsdl.services.values() for port in service.ports.values()
    }


# All that the folder of real WSDLs holds; what zeep cannot load from the vendors' own files it need not load from us.
VENDORS = (
    "tessitura.wsdl",
    "paypal/PayPalSvc.wsdl",
    "salesforce/partner.wsdl",
    "fedex/RateService_v24.wsdl",
    "onvif/ptz.wsdl",
    "onvif/events.wsdl",
    "marketo.wsdl",
    "tradetracker.wsdl",
)
# The first wants the SOAP encoding schema from the net, the second names a type that it has not got.
NOT_ZEEPS = ("tradetracker.wsdl", "marketo.wsdl")


@pytest.fixture(scope="module")
def vendors(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[SidecarProcess, ThreadBackend]]:
    """One backend that serves every file of the folder by its path, with its own address in it, and a sidecar before it."""
    corpus = wsdl_corpus()

    async def play(visit: Visit) -> None:
        entry = await visit.head()
        path = urlsplit(entry.target).path.lstrip("/")
        file = corpus / path
        found = http(file.read_bytes()) if file.is_file() else html(404)
        await answer(found, executes=None)(visit)

    with ThreadBackend(play) as backend:
        backends = {
            _name(first): {"protocol": "soap", "url": f"{backend.url}/{first}", "limit": {"fixed": 4}}
            for first in VENDORS
        }
        with SidecarProcess({"backends": backends}, tmp_path_factory.mktemp("vendors")) as sidecar:
            yield sidecar, backend


def _name(first: str) -> str:
    return first.rpartition("/")[2].partition(".")[0].lower().replace("_", "-")


@pytest.mark.parametrize("first", VENDORS)
def test_a_vendors_wsdl_is_served_whole(first: str, vendors: tuple[SidecarProcess, ThreadBackend]) -> None:
    """With every document that it imports from the backend; the backend's port is in none of them; zeep, where it can, lives on it."""
    sidecar, backend = vendors
    ours = f"{sidecar.url}/{_name(first)}"
    here = (wsdl_corpus() / first).parent

    def elsewhere(url: str) -> bytes:
        # The OASIS and W3C documents that ONVIF's import by URL; they lie beside it.
        name = {"www.w3.org": "xml.xsd"}.get(urlsplit(url).hostname or "", urlsplit(url).path.rpartition("/")[2])
        found = sorted(
            each for each in here.iterdir() if name and (each.stem == name.partition(".")[0] or each.name == name)
        )
        assert found, f"nobody has {url}"
        return found[0].read_bytes()

    transport = Watched(ours, elsewhere)
    if first not in NOT_ZEEPS:
        client = zeep.Client(f"{ours}?wsdl", transport=transport)
        assert _addresses(client) == {ours}
    documents = _all(transport, f"{ours}?wsdl")
    port = str(backend.backend.port).encode()
    assert not [url for url, body in documents.items() if b":" + port in body]
    for each in etree.fromstring(documents[f"{ours}?wsdl"]).iter("{*}address"):
        assert each.get("location") == ours


def _all(transport: Watched, first: str) -> dict[str, bytes]:
    """Follow every location of ours from the first document on, as a client would that is not zeep."""
    pending = [first]
    while pending:
        url = pending.pop()
        if url in transport.seen and url != first:
            continue
        root = etree.fromstring(transport.load(url))
        named = root.xpath(
            "//*[local-name()='import' or local-name()='include']/@*[local-name()='location' or local-name()='schemaLocation']"
        )
        pending += [each for each in named if each.startswith(first.partition("?")[0]) and each not in transport.seen]
    return transport.seen
