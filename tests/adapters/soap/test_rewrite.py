"""Documents as clients see them: our addresses and names, nothing of the backend's, everything else as it was."""

import asyncio
import os
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from urllib.parse import urljoin, urlsplit

import pytest
import zeep
from lxml import etree
from zeep.transports import Transport

from adapters import xml
from adapters.soap import wsdl
from adapters.soap.rewrite import Names, Unshowable, learn, rewrite, rewrite_in_slices

BACKEND = "http://box.theatre.local:9000/Office.asmx"
OURS = "https://api.theatre.example/tickets"
WSA = "http://www.w3.org/2005/08/addressing"
WSA_2004 = "http://schemas.xmlsoap.org/ws/2004/08/addressing"
HEAD = f"""<w:definitions xmlns:w="http://schemas.xmlsoap.org/wsdl/" xmlns:soap="http://schemas.xmlsoap.org/wsdl/soap/"
 xmlns:soap12="http://schemas.xmlsoap.org/wsdl/soap12/" xmlns:http="http://schemas.xmlsoap.org/wsdl/http/"
 xmlns:x="http://www.w3.org/2001/XMLSchema" xmlns:a="{WSA}" xmlns:b="{WSA_2004}" xmlns:t="urn:t" targetNamespace="urn:t">"""


def shown(*parts: str, names: Names | None = None, source: str = BACKEND + "?wsdl", ours: str = OURS) -> str:
    document = HEAD + "".join(parts) + "</w:definitions>"
    return rewrite(document.encode(), names=names or Names(BACKEND), source=source, ours=ours).decode()


def port(inner: str) -> str:
    return f'<w:service name="S"><w:port name="P" binding="t:B">{inner}</w:port></w:service>'


@pytest.mark.parametrize(
    "address",
    [
        '<soap:address location="{}"/>',
        '<soap12:address location="{}"/>',
        '<http:address location="{}"/>',
        "<a:EndpointReference><a:Address>{}</a:Address></a:EndpointReference>",
        "<b:EndpointReference><b:Address>{}</b:Address></b:EndpointReference>",
    ],
)
@pytest.mark.parametrize("stated", [BACKEND, "http://WIN-SRV01/Office.asmx", "http://[host/", ""])
def test_addresses_of_ports_become_ours(address: str, stated: str) -> None:
    """Every kind of address, whatever the backend believes its own to be."""
    text = shown(port(address.format(stated)))
    assert address.format(OURS) in text
    assert not stated or stated not in text


def test_an_address_of_another_endpoint_of_the_same_host_keeps_its_own_place() -> None:
    """Ports are told apart by their path where several endpoints are public."""
    document = HEAD + port('<soap:address location="http://box.theatre.local:9000/Reports.asmx"/>') + "</w:definitions>"
    reports = {"/Reports.asmx": OURS + "/reports"}
    text = rewrite(document.encode(), names=Names(BACKEND), source=BACKEND, ours=OURS, endpoints=reports).decode()
    assert f'location="{OURS}/reports"' in text


def test_imports_of_the_backend_get_numbers_and_keep_them() -> None:
    """Relative, absolute, by another host name of the backend's: one number per document, for good."""
    names = Names(BACKEND)
    text = shown(
        '<w:import location="more.wsdl"/>',
        '<w:types><x:schema><x:import schemaLocation="http://box.theatre.local:9000/Office.asmx?xsd=xsd0"/>'
        '<x:include schemaLocation="?xsd=xsd1"/><x:redefine schemaLocation="http://WIN-SRV01:81/Office.asmx?XSD=xsd0"/>'
        '<x:import namespace="urn:n"/><x:import schemaLocation=""/></x:schema></w:types>',
        port('<soap:address location="http://WIN-SRV01:81/Office.asmx"/>'),
        names=names,
    )
    for name in ("wsdl=1", "xsd=1", "xsd=2"):
        assert f'ocation="{OURS}?{name}"' in text
    assert text.count(f"{OURS}?xsd=1") == 2
    assert names.source("wsdl=1") == "http://box.theatre.local:9000/more.wsdl"
    assert names.source("xsd=1") == BACKEND + "?xsd=xsd0"
    assert names.source("XSD=2") == BACKEND + "?xsd=xsd1"
    assert names.source("xsd=3") is None
    again = shown('<w:import location="other.wsdl"/><w:import location="./more.wsdl"/>', names=names)
    assert again.index("?wsdl=2") < again.index("?wsdl=1")


def test_the_names_that_every_backend_has_are_there_before_any_document() -> None:
    """`?wsdl`, `?singleWsdl` and `?disco` are the backend's own, however a client spells them; importing one renames nothing."""
    names = Names(BACKEND)
    assert names.source("wsdl") == BACKEND + "?wsdl"
    assert names.source("singlewsdl") == BACKEND + "?singleWsdl"
    assert names.source("DISCO") == BACKEND + "?disco"
    assert f'location="{OURS}?wsdl"' in shown('<w:import location="?WSDL"/>', names=names)
    assert set(names.known) == {"wsdl", "singlewsdl", "disco"}


@pytest.mark.parametrize(
    "location",
    [
        "http://schemas.xmlsoap.org/soap/encoding/",
        "http://www.w3.org/2001/xml.xsd",
        "urn:somewhere",
        "https://box.theatre.local.evil.example/a",
    ],
)
def test_imports_of_somebody_else_stay(location: str) -> None:
    """What is not the backend's is not ours to serve."""
    assert f'schemaLocation="{location}"' in shown(
        f'<w:types><x:schema><x:import schemaLocation="{location}"/></x:schema></w:types>'
    )


def test_a_file_on_the_backends_disk_is_not_shown_and_not_read_from_ours() -> None:
    """A `file:` location gets a number like any other, and its source is a path at the backend."""
    names = Names(BACKEND)
    text = shown('<w:import location="file:///C:/inetpub/secret/a.wsdl"/>', names=names)
    assert "inetpub" not in text
    assert names.source("wsdl=1") == "http://box.theatre.local:9000/C:/inetpub/secret/a.wsdl"


def test_only_the_configured_origin_is_ever_fetched() -> None:
    """Whatever host the backend names for its own, the request goes where the configuration says, or nowhere."""
    names = Names(BACKEND)
    names.learn("http://WIN-SRV01:81/Office.asmx")
    assert names.at_backend("http://win-srv01:81/Office.asmx?xsd=0") == BACKEND + "?xsd=0"
    assert names.at_backend("http://169.254.169.254/latest") is None
    assert names.at_backend("urn:t") is None


def test_documents_beside_a_local_wsdl_are_named_too() -> None:
    """With a WSDL from a file, locations without a host are names of files beside it."""
    names = Names(BACKEND)
    text = shown('<w:import location="sub/more.wsdl"/>', names=names, source="tickets/box.wsdl")
    assert f"{OURS}?wsdl=1" in text
    assert names.source("wsdl=1") == "tickets/sub/more.wsdl"


def test_relative_paths_of_asmx_operations_are_never_touched() -> None:
    """`http:operation/@location` is below whatever address the client uses."""
    operation = (
        '<w:binding name="B" type="t:P"><w:operation name="O"><http:operation location="{}"/></w:operation></w:binding>'
    )
    for location in ("/GetSeats", BACKEND + "/GetSeats"):
        assert f'location="{location}"' in shown(operation.format(location))


DISCO = f"""<?xml version="1.0" encoding="utf-16"?><discovery xmlns="http://schemas.xmlsoap.org/disco/">
 <contractRef ref="{BACKEND}?wsdl" docRef="{BACKEND}" xmlns="http://schemas.xmlsoap.org/disco/scl/"/>
 <schemaRef ref="{BACKEND}?schema=all" xmlns="http://schemas.xmlsoap.org/disco/schema/"/><discoveryRef ref="sub.disco"/>
 <soap address="{BACKEND}" xmlns:q1="urn:t" binding="q1:B" xmlns="http://schemas.xmlsoap.org/disco/soap/"/></discovery>"""


def test_a_disco_document_points_at_us_and_comes_in_utf_8() -> None:
    """Contract, page, schema, further disco and address; the declaration says what the bytes are."""
    body = rewrite(DISCO.encode("utf-16"), names=Names(BACKEND), source=BACKEND + "?disco", ours=OURS)
    assert body.startswith(b"<?xml version='1.0' encoding='utf-8'?>")
    text = body.decode()
    for expected in (
        f'ref="{OURS}?wsdl"',
        f'docRef="{OURS}"',
        f'ref="{OURS}?xsd=1"',
        f'ref="{OURS}?disco=1"',
        f'address="{OURS}"',
    ):
        assert expected in text
    assert "theatre.local" not in text


def test_identifiers_stay_byte_for_byte() -> None:
    """Namespaces and actions may look like the backend's address; a client must send them back as they are."""
    space = "http://box.theatre.local:9000/ns"
    text = shown(
        f'<w:types><x:schema targetNamespace="{space}" xmlns:own="{space}"><x:import namespace="{space}"/>'
        f'<x:simpleType name="U"><x:restriction base="x:string"><x:enumeration value="{space}"/></x:restriction>'
        f"</x:simpleType></x:schema></w:types>",
        f'<w:binding name="B" type="t:P"><w:operation name="O"><soap:operation soapAction="{space}#O"/></w:operation></w:binding>',
    )
    assert text.count(space) == 5


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("see http://box.theatre.local:9000/Office.asmx?op=O, please", f"see {OURS} please"),
        ("see //BOX.theatre.local/x", f"see {OURS}"),
        ("with https://user:pw@box.theatre.local/x", f"with {OURS}"),
        ("on box.theatre.local:9000.", "on api.theatre.example."),
        ("on box.theatre.local.", "on api.theatre.example."),
        ("mybox.theatre.local and box.theatre.local.example", "mybox.theatre.local and box.theatre.local.example"),
        ("the theatre's box", "the theatre's box"),
    ],
)
def test_documentation_mentions_our_address_instead(text: str, expected: str) -> None:
    """URLs, host and port, and bare host names in any text, also between elements; nothing that merely resembles them."""
    found = shown(f"<w:documentation>{text}</w:documentation>{text}")
    assert f"<w:documentation>{expected}</w:documentation>{expected}<" in found


@pytest.mark.parametrize(
    ("backend", "text", "expected"),
    [
        ("http://tickets:9000/s", "tickets, http://tickets/x and tickets:9000", f"tickets, {OURS} and api.theatre.example"),
        ("http://10.0.0.5:9000/s", "10.0.0.5 10.0.0.51 http://10.0.0.5:9000/", f"api.theatre.example 10.0.0.51 {OURS}"),
        ("http://[fd00::5]:9000/s", "[fd00::5]:9000 http://[fd00::5]:9000/s", f"api.theatre.example {OURS}"),
        ("http://api.theatre.example:9000/s", "http://api.theatre.example:9000/s api.theatre.example:9000", f"{OURS} api.theatre.example"),
        ("http://api.theatre.example:9000/s", "api.theatre.example https://api.theatre.example/", "api.theatre.example https://api.theatre.example/"),
        ("http://api.theatre.example/s", "http://api.theatre.example/s", "http://api.theatre.example/s"),
    ],
)  # fmt: skip
def test_what_is_an_address_depends_on_the_host(backend: str, text: str, expected: str) -> None:
    """A name without a dot is a word; the public host on another port is the backend, on the same port it is us."""
    found = shown(f"<w:documentation>{text}</w:documentation>", names=Names(backend), source=backend + "?wsdl")
    assert f">{expected}<" in found


def test_a_backend_on_the_default_port_of_our_host_is_told_from_us_by_our_port() -> None:
    """`http://h/` is the backend's where we are `http://h:8080/`."""
    names, ours = Names("http://h.example:80/s"), "http://h.example:8080/t"
    found = shown(
        "<w:documentation>http://h.example/s http://h.example:80/s http://h.example:8080/t</w:documentation>",
        names=names,
        ours=ours,
    )
    assert f">{ours} {ours} {ours}<" in found


def test_attributes_of_any_kind_are_looked_through() -> None:
    """A policy reference, a hint, a default: an address is replaced wherever it stands."""
    found = shown(
        f'<w:types><x:schema><x:element name="e" default="{BACKEND}"/></x:schema></w:types>',
        '<p:Ref xmlns:p="urn:p" URI="box.theatre.local:9000"/>',
    )
    assert f'default="{OURS}"' in found
    assert 'URI="api.theatre.example"' in found


def test_addresses_outside_of_ports_are_somebodys_data() -> None:
    """A `wsa:Address` that is not in a port and not the backend's stays as it is; the backend's own is replaced."""
    found = shown("<a:Address>http://www.w3.org/2005/08/addressing/anonymous</a:Address>")
    assert "<a:Address>http://www.w3.org/2005/08/addressing/anonymous</a:Address>" in found
    assert BACKEND not in shown(f"<a:Address>{BACKEND}</a:Address>")


@pytest.mark.parametrize(
    ("parts", "why"),
    [
        ('<w:import location="http://[oops/"/>', "which is not a location"),
        ("".join(f'<w:import location="{n}.wsdl"/>' for n in range(600)), "more than 512"),
        ("".join(port(f'<soap:address location="http://h{n}/"/>') for n in range(600)), "more than 512 host names"),
    ],
)
def test_what_cannot_be_shown_says_why(parts: str, why: str) -> None:
    """A document that would leak, or grow us without end, is refused with the reason."""
    with pytest.raises(Unshowable, match=why):
        shown(parts)


@pytest.mark.parametrize("body", [b"<html", b"<!DOCTYPE html><html/>"])
def test_what_is_no_xml_is_refused(body: bytes) -> None:
    """The parser's refusal comes through."""
    with pytest.raises(xml.XmlRefused):
        rewrite(body, names=Names(BACKEND), source=BACKEND, ours=OURS)


def test_threads_that_ask_for_the_same_name_get_one() -> None:
    """Names are given by several threads at once without a number twice."""
    names = Names(BACKEND)
    found: list[list[str | None]] = []
    threads = [
        threading.Thread(
            target=lambda: found.append([names.name(f"http://box.theatre.local/{n}", "xsd") for n in range(200)])
        )
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 4
    assert all(each == found[0] for each in found)
    assert len(set(found[0])) == 200


# The vendors' WSDLs, through zeep

PUBLIC = "https://api.theatre.example/tickets"
AT = "http://10.9.8.7:9000/svc/{}"


@pytest.fixture
def folder() -> Path:
    """Return the folder with the vendors' WSDLs."""
    found = os.environ.get("SIDECAR_WSDL_CORPUS")
    if not found:
        pytest.skip("SIDECAR_WSDL_CORPUS names no folder with the vendors' WSDLs")
    return Path(found)


class Shown(Transport):  # type: ignore[misc]  # zeep has no types
    """zeep's way to documents: ours only, each rewritten as a client would get it."""

    def __init__(self, names: Names, fetch: Callable[[str], bytes], elsewhere: Callable[[str], bytes]) -> None:
        super().__init__()
        self.names, self.fetch, self.elsewhere = names, fetch, elsewhere
        self.documents: dict[str, bytes] = {}

    def load(self, url: str) -> bytes:
        if not url.startswith(PUBLIC):
            return self.elsewhere(url)
        source = self.names.source(urlsplit(url).query)
        assert source is not None, f"{url} names no document"
        self.documents[url] = rewrite(self.fetch(source), names=self.names, source=source, ours=PUBLIC)
        return self.documents[url]


@pytest.mark.thinned(2)
@pytest.mark.parametrize(
    ("first", "operations"),
    [
        ("tessitura.wsdl", 229),  # zeep keeps one of the two ReserveTickets
        ("paypal/PayPalSvc.wsdl", 57),
        ("onvif/ptz.wsdl", None),
        ("onvif/events.wsdl", None),
        ("salesforce/partner.wsdl", 57),
        ("fedex/RateService_v24.wsdl", 1),
    ],
)
def test_zeep_loads_the_rewritten_set_and_sees_no_backend(folder: Path, first: str, operations: int | None) -> None:
    """A client that knows only our address loads all documents from us and would call us."""
    here = (folder / first).parent
    backend = AT.format(Path(first).name)
    names = Names(backend)

    def fetch(source: str) -> bytes:
        assert source.startswith("http://10.9.8.7:9000/")
        return (here / Path(urlsplit(source).path).name).read_bytes()

    def elsewhere(url: str) -> bytes:
        # The OASIS and W3C documents that ONVIF's import by URL; they lie beside it.
        name = {"www.w3.org": "xml.xsd"}.get(urlsplit(url).hostname or "", Path(urlsplit(url).path).name)
        found = sorted(each for each in here.iterdir() if each.stem == Path(name).stem or each.name == name)
        return found[0].read_bytes()

    transport = Shown(names, fetch, elsewhere)
    client = zeep.Client(PUBLIC + "?wsdl", transport=transport)
    ports = [each for service in client.wsdl.services.values() for each in service.ports.values()]
    assert ports
    assert {each.binding_options["address"] for each in ports} == {PUBLIC}
    if operations is not None:
        assert len({name for each in ports for name in each.binding._operations}) == operations
    for body in transport.documents.values():
        assert b"10.9.8.7" not in body
    original = fetch(backend)
    addresses = {each.address for each in wsdl.index_one(original).endpoints}
    for address in addresses:
        assert address.encode() not in transport.documents[PUBLIC + "?wsdl"]


def test_nothing_but_addresses_changes_in_tessitura(folder: Path) -> None:
    """Element by element the public WSDL is the backend's, with four addresses of ours and the same index."""
    original = (folder / "tessitura.wsdl").read_bytes()
    public = rewrite(original, names=Names(BACKEND), source=BACKEND + "?wsdl", ours=PUBLIC)
    before, after = etree.fromstring(original), etree.fromstring(public)
    changed = [
        (old.tag, new.attrib["location"])
        for old, new in zip(before.iter(), after.iter(), strict=True)
        if (old.tag, old.text, old.tail, dict(old.attrib)) != (new.tag, new.text, new.tail, dict(new.attrib))
    ]
    assert [location for _, location in changed] == [PUBLIC] * 4
    assert wsdl.index_one(public).operations == tuple(_moved(wsdl.index_one(original)))


def _moved(index: wsdl.Index) -> list[wsdl.Operation]:
    """Return the operations as an index of the public document has them: at our path."""
    paths = frozenset({"/tickets"})
    return [
        replace(each, bindings=tuple(replace(binding, paths=paths) for binding in each.bindings))
        for each in index.operations
    ]


LARGE = (
    HEAD
    + '<w:import location="one.wsdl"/>'
    + '<w:message name="m"><w:part name="p" element="t:E"/></w:message>' * 6_000
)


@pytest.mark.parametrize("tail", ["</w:definitions>", f"<w:documentation>{BACKEND}</w:documentation></w:definitions>"])
async def test_in_slices_it_is_the_same_document_and_others_get_their_turns(tail: str) -> None:
    """The sliced rewriting equals the whole one, with and without remains of the backend, and the loop goes round."""
    document = (LARGE + tail).encode()
    turns = 0

    async def other() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    async with asyncio.TaskGroup() as group:
        task = group.create_task(other())
        sliced = await rewrite_in_slices(document, names=Names(BACKEND), source=BACKEND, ours=OURS)
        task.cancel()
    assert sliced == rewrite(document, names=Names(BACKEND), source=BACKEND, ours=OURS)
    assert turns > 20


async def test_a_document_can_be_learned_before_it_is_shown() -> None:
    """After a restart the numbers exist before any client has asked for the WSDL that names them."""
    names = Names(BACKEND)
    await learn((LARGE + "</w:definitions>").encode(), names=names, source=BACKEND + "?wsdl")
    assert names.source("wsdl=1") == urljoin(BACKEND, "one.wsdl")
