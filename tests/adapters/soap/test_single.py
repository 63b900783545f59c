"""One document means what many meant: every name in it resolves to what it did, and what cannot be said in one is refused."""

from __future__ import annotations

import asyncio
import io
import re
import time
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest
import zeep
from lxml import etree
from zeep.transports import Transport

from adapters.soap import wsdl as wsdls
from adapters.soap.names import Names
from adapters.soap.single import Single, Unshowable
from adapters.xml import XmlRefused
from tests.adapters.soap.library import BACKEND, XSD_NS, operation, schema, types, wsdl
from tests.support.require import wsdl_corpus
from tests.support.timing import best_s

if TYPE_CHECKING:
    from collections.abc import Callable

FIRST = BACKEND + "?wsdl"
AT = "http://box.theatre.local:9000/"


async def merged(first: bytes, *, documents_max: int = 64, bytes_max: int = 10**6, **others: bytes | str) -> bytes:
    """Return the one document of `first` and those that lie beside it by the names of the keywords."""
    single = Single(Names(BACKEND), FIRST, documents_max=documents_max, bytes_max=bytes_max)
    await single.add(FIRST, first)
    while (wanted := single.wanted) is not None:
        found = others[wanted.removeprefix(AT).partition(".")[0]]
        await single.add(wanted, found.encode() if isinstance(found, str) else found)
    try:
        return await single.whole()
    finally:
        await single.release()


def imports(*names: str) -> str:
    """Return the types of a WSDL that imports these schemas, each of the namespace urn:NAME."""
    return types(schema(*(f'<x:import namespace="urn:{name}" schemaLocation="{name}.xsd"/>' for name in names)))


def schemas(document: bytes) -> dict[str, list[str]]:
    """Return the names of the components by the namespace of their schema; fail where a location is left."""
    root = etree.fromstring(document)
    assert root.xpath("//@schemaLocation") == []
    found: dict[str, list[str]] = {}
    for each in root.iter(f"{{{XSD_NS}}}schema"):
        names = [child.get("name") for child in each if child.get("name")]
        found.setdefault(each.get("targetNamespace", ""), []).extend(names)
    return found


def means(document: bytes, name: str, attribute: str = "type") -> str:
    """Return, in Clark notation, what the prefixed name in the attribute of the element called `name` stands for."""
    root = etree.parse(io.BytesIO(document))
    (element,) = root.xpath(f"//*[@name='{name}'][@{attribute}]")
    prefix, _, local = element.get(attribute).rpartition(":")
    space = element.nsmap.get(prefix or None)
    return f"{{{space}}}{local}" if space else local


async def test_a_wsdl_that_imports_nothing_is_the_single_one_as_it_came() -> None:
    """Byte for byte."""
    body = wsdl("<!-- ours -->", imports())
    assert await merged(body) is body


async def test_imported_schemas_stand_beside_the_others() -> None:
    """With imports of their own, once each, in a circle; the import stays, its location goes."""
    a = schema('<x:import namespace="urn:b" schemaLocation="b.xsd"/><x:element name="A" type="t:T"/>', target="urn:a")
    b = schema('<x:import namespace="urn:a" schemaLocation="a.xsd"/><x:element name="B"/>', target="urn:b")
    found = await merged(wsdl(imports("a", "b")), a=a, b=b)
    assert schemas(found) == {"urn:t": [], "urn:a": ["A"], "urn:b": ["B"]}
    assert found.count(b'<x:import namespace="urn:b"/>') == 2
    assert means(found, "A") == "{urn:a}T"


async def test_prefixes_inside_of_values_keep_their_meaning() -> None:
    """The same prefix for another namespace, another prefix for the same: what libxml2 would mix up."""
    a = (
        f'<s:schema xmlns:s="{XSD_NS}" xmlns:x="urn:b" xmlns:w="urn:a" xmlns="urn:c" targetNamespace="urn:a">'
        '<s:element name="One" type="x:T"/><s:element name="Two" type="w:T"/><s:element name="Three" type="T"/>'
        '<s:element name="Four" type="s:int"/></s:schema>'
    )
    found = await merged(wsdl(imports("a")), a=a)
    assert [means(found, name) for name in ("One", "Two", "Three", "Four")] == [
        "{urn:b}T", "{urn:a}T", "{urn:c}T", f"{{{XSD_NS}}}int",
    ]  # fmt: skip


async def test_names_of_no_namespace_stay_so_below_a_default_namespace() -> None:
    """A schema without a namespace is put below a WSDL that declares one for names without a prefix."""
    bare = f'<x:schema xmlns:x="{XSD_NS}"><x:element name="Bare" type="T"/><x:simpleType name="T"/></x:schema>'
    body = wsdl(types(schema('<x:import schemaLocation="bare.xsd"/>')), more='xmlns="urn:around"')
    found = await merged(body, bare=bare)
    assert schemas(found)[""] == ["Bare", "T"]
    assert means(found, "Bare") == "T"


async def test_included_schemas_become_part_of_their_includer() -> None:
    """Through several, in a circle, once; imports stand before all components."""
    a = schema('<x:include schemaLocation="b.xsd"/><x:element name="A" type="t:B"/>')
    b = schema(
        '<x:include schemaLocation="a.xsd"/><x:import namespace="urn:c" schemaLocation="c.xsd"/>'
        '<x:import namespace="urn:far"/><x:complexType name="B"/>'
    )
    c = schema('<x:element name="C"/>', target="urn:c")
    own = schema('<x:element name="Own"/>').replace(
        "<x:element", '<x:include schemaLocation="a.xsd"/><x:include schemaLocation="b.xsd"/><x:element'
    )
    found = await merged(wsdl(types(own)), a=a, b=b, c=c)
    assert {space: sorted(names) for space, names in schemas(found).items()} == {
        "urn:t": ["A", "B", "Own"],
        "urn:c": ["C"],
    }
    assert means(found, "A") == "{urn:t}B"
    children = [etree.QName(each).localname for each in etree.fromstring(found).find(f".//{{{XSD_NS}}}schema")]
    assert children == [*["import"] * 2, "element", "complexType", "element"]


async def test_a_schema_without_a_namespace_takes_its_includers() -> None:
    """XSD 1.0 §4.2.1: into each that includes it, also through another like it."""
    bare = f'<x:schema xmlns:x="{XSD_NS}"><x:include schemaLocation="barer.xsd"/><x:element name="Bare" type="T"/></x:schema>'
    barer = f'<x:schema xmlns:x="{XSD_NS}"><x:simpleType name="T"/></x:schema>'
    two = [schema('<x:include schemaLocation="bare.xsd"/>', target=target) for target in ("urn:t", "urn:u")]
    found = await merged(wsdl(types(*two)), bare=bare, barer=barer)
    assert {space: sorted(names) for space, names in schemas(found).items()} == {
        "urn:t": ["Bare", "T"],
        "urn:u": ["Bare", "T"],
    }
    named = etree.fromstring(found).xpath("//*[@name='Bare']")
    assert [each.nsmap[None] for each in named] == ["urn:t", "urn:u"]


async def test_what_is_included_and_imported_is_there_once() -> None:
    """Whichever comes first."""
    a = schema('<x:element name="A"/>')
    own = schema('<x:include schemaLocation="a.xsd"/>')
    other = schema('<x:import namespace="urn:t" schemaLocation="a.xsd"/>', target="urn:u")
    for both in ((own, other), (other, own)):
        assert schemas(await merged(wsdl(types(*both)), a=a)) == {"urn:t": ["A"], "urn:u": []}


async def test_defaults_of_an_included_schema_are_written_down() -> None:
    """Its local elements and attributes stay as qualified as they were; what says so itself, or refers, is left."""
    a = schema(
        '<x:complexType name="T"><x:sequence><x:element name="e"/><x:element name="f" form="qualified"/><x:element ref="t:g"/>'
        '</x:sequence><x:attribute name="h"/></x:complexType>'
    )
    own = schema('<x:include schemaLocation="a.xsd"/>', more='elementFormDefault="qualified"')
    root = etree.fromstring(await merged(wsdl(types(own)), a=a))
    forms = [
        (each.get("name"), each.get("form")) for each in root.iter(f"{{{XSD_NS}}}element", f"{{{XSD_NS}}}attribute")
    ]
    assert forms == [("e", "unqualified"), ("f", "qualified"), (None, None), ("h", None)]


async def test_imported_wsdls_of_the_same_namespace_are_joined() -> None:
    """With their schemas, through several, once; a schema that is imported as a WSDL is one."""
    more = wsdl(
        '<w:import location="again.wsdl"/>', '<w:import location="Office.asmx?WSDL"/>', "<w:documentation/>",
        imports("a"), operation("Two"), address="",
    )  # fmt: skip
    again = wsdl('<w:import location="more.wsdl"/>', operation("Three"), address="").replace(
        b'<w:service name="S"></w:service>', b""
    )
    first = wsdl('<w:import location="more.wsdl"/><w:import location="a.xsd"/>', operation("One"))
    found = await merged(first, more=more, again=again, a=schema('<x:element name="A"/>', target="urn:a"))
    assert b"w:import" not in found
    assert schemas(found) == {"urn:t": [], "urn:a": ["A"]}
    assert {each.name for each in wsdls.index_one(found).operations} == {"One", "Two", "Three"}


async def test_what_is_somebody_elses_stays_where_it_is() -> None:
    """A schema of the W3C is not ours to serve; its import stays, also when it comes from an imported WSDL."""
    far = '<x:import namespace="urn:far" schemaLocation="http://far.example/a.xsd"/>'
    first = wsdl('<w:import location="more.wsdl"/><w:import location="http://far.example/c.wsdl"/>', types(schema(far)))
    found = await merged(first, more=wsdl('<w:import location="http://far.example/b.wsdl"/>', address=""))
    assert sorted(etree.fromstring(found).xpath("//@schemaLocation | //@location")) == [
        BACKEND, "http://far.example/a.xsd", "http://far.example/b.wsdl", "http://far.example/c.wsdl",
    ]  # fmt: skip


A = 'blockDefault="#all"'


@pytest.mark.parametrize(
    ("first", "others", "why"),
    [
        (wsdl('<w:import location="a.wsdl"/>'), {"a": wsdl(target="urn:u")}, "several namespaces \\(urn:t, urn:u\\)"),
        (wsdl(types(schema('<x:redefine schemaLocation="a.xsd"/>'))), {"a": schema()}, "xsd:redefine"),
        (
            wsdl(types(schema('<x:include schemaLocation="a.xsd"/>'))),
            {"a": schema(target="urn:u")},
            "includes one of urn:u",
        ),
        (wsdl(types(schema('<x:include schemaLocation="a.xsd"/>'))), {"a": schema(more=A)}, "different blockDefault"),
        (wsdl(types(schema('<x:include schemaLocation="a.xsd"/>'))), {"a": wsdl()}, "definitions, which is no schema"),
        (wsdl(imports("http://[/")), {}, "not a location"),
        (wsdl('<w:import location="http://[/"/>'), {}, "not a location"),
        (schema().encode(), {}, "schema, not wsdl:definitions"),
    ],
)
async def test_what_one_document_cannot_hold_is_refused_with_the_reason(
    first: bytes, others: dict[str, bytes | str], why: str
) -> None:
    """Better no document than one that means something else."""
    with pytest.raises(Unshowable, match=why):
        await merged(first, **others)


async def test_the_bounds_hold() -> None:
    """In documents, in bytes that come in, and in bytes that many includes of one schema would make."""
    with pytest.raises(Unshowable, match="more than one document"):
        await merged(wsdl(imports("a", "b")), a=schema(target="urn:a"), b=schema(target="urn:b"), documents_max=2)
    with pytest.raises(Unshowable, match="more than one document"):
        await merged(wsdl(imports("a")), a=schema(target="urn:a"), bytes_max=len(wsdl(imports("a"))) + 10)
    bare = f'<x:schema xmlns:x="{XSD_NS}">{"<x:element/>" * 200}</x:schema>'
    many = types(*(schema('<x:include schemaLocation="bare.xsd"/>', target=f"urn:{n}") for n in range(50)))
    with pytest.raises(Unshowable, match="comes to more"):
        await merged(wsdl(many), bare=bare, bytes_max=len(wsdl(many)) + len(bare) + 10)


async def test_what_is_no_xml_is_refused() -> None:
    """The parser's refusal comes through."""
    with pytest.raises(XmlRefused):
        await merged(wsdl(imports("a")), a=b"<html")


async def test_no_slice_holds_the_loop() -> None:
    """A thousand components, included and imported, are joined with a yield every few."""
    inside = "".join(f'<x:element name="e{n}" type="x:int"/>' for n in range(1000))
    first = wsdl(
        types(schema('<x:include schemaLocation="a.xsd"/>', '<x:import namespace="urn:b" schemaLocation="b.xsd"/>'))
    )
    turns = 0

    async def count() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    async with asyncio.TaskGroup() as group:
        counting = group.create_task(count())
        await merged(first, a=schema(inside), b=schema(inside, target="urn:b"))
        counting.cancel()
    assert turns > 50


# The vendors' WSDLs


class Alone(Transport):  # type: ignore[misc]  # zeep has no types
    """zeep's way to documents: one, and no other."""

    def __init__(self, document: bytes) -> None:
        super().__init__()
        self.document = document

    def load(self, url: str) -> bytes:
        assert url == "http://public.example/?singleWsdl", f"{url} was to be inside"
        return self.document


def beside(first: str) -> Callable[[str], bytes]:
    folder = (wsdl_corpus() / first).parent
    return lambda source: (folder / urlsplit(source).path.rpartition("/")[2]).read_bytes()


@pytest.mark.parametrize(
    ("first", "operations"), [("paypal/PayPalSvc.wsdl", 57), ("tessitura.wsdl", 914), ("salesforce/partner.wsdl", 57)]
)
async def test_zeep_needs_nothing_else(first: str, operations: int) -> None:
    """Offline, from the one document: the same operations as from the set, and the same signatures."""
    read = beside(first)
    names = Names(f"http://10.9.8.7:9000/svc/{first.rpartition('/')[2]}")
    start = names.source("wsdl")
    assert start is not None
    single = Single(names, start, documents_max=64, bytes_max=2**25)
    while (wanted := single.wanted) is not None:
        await single.add(wanted, read(wanted))
    found = await single.whole()
    await single.release()
    client = zeep.Client("http://public.example/?singleWsdl", transport=Alone(found))
    whole = zeep.Client(str(wsdl_corpus() / first))
    assert signatures(client) == signatures(whole)
    assert len(signatures(client)) == operations


def signatures(client: zeep.Client) -> list[str]:
    """Return every operation of every port with its parameters, types in full: zeep numbers its prefixes as documents come."""
    return sorted(
        re.sub(
            r"\b(ns\d+):",
            lambda found: f"{{{client.namespaces[found[1]]}}}",
            f"{port.name} {operation.name} {operation.input.signature()} -> {operation.output and operation.output.signature()}",
        )
        for service in client.wsdl.services.values()
        for port in service.ports.values()
        for operation in port.binding.all().values()
    )


@pytest.mark.unmeasured
async def test_paypals_750_kb_hold_the_loop_for_no_longer_than_any_other_work() -> None:
    """The longest step between two yields is less work than parsing the largest of its parts in one go, in the best of three."""
    read = beside("paypal/PayPalSvc.wsdl")
    holds = []
    for _ in range(3):
        names = Names("http://10.9.8.7:9000/svc/PayPalSvc.wsdl")
        single = Single(names, str(names.source("wsdl")), documents_max=64, bytes_max=2**25)
        while (wanted := single.wanted) is not None:
            await single.add(wanted, read(wanted))
        holds.append(await _longest_hold_s(single))
        await single.release()
    largest = read("/svc/eBLBaseComponents.xsd")
    assert min(holds) < best_s(lambda: etree.fromstring(largest), times=6)


async def _longest_hold_s(single: Single) -> float:
    """Measured in the time of this thread: what others do with the core meanwhile holds no loop."""
    longest_s = 0.0

    async def watch() -> None:
        nonlocal longest_s
        while True:
            before = time.thread_time()
            await asyncio.sleep(0)
            longest_s = max(longest_s, time.thread_time() - before)

    async with asyncio.TaskGroup() as group:
        watching = group.create_task(watch())
        await asyncio.sleep(0)
        await single.whole()
        watching.cancel()
    return longest_s
