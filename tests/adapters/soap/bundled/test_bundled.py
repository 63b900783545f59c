"""The bundled schemas are schemas: each compiles by itself, takes what its specification shows and refuses what that forbids."""

from __future__ import annotations

import pytest
from lxml import etree

from adapters import xml
from adapters.soap.bundled import NAMESPACES, bundled
from adapters.soap.namespaces import XSD

ENC, ENV, XML, WSA = NAMESPACES
X = f"{{{XSD}}}"
TEXTS = {"string", "normalizedString", "token", "language", "Name", "NCName", "NMTOKEN", "NMTOKENS", "anyURI", "QName"}
KEYS = {"ID", "IDREF", "IDREFS", "ENTITY", "ENTITIES", "NOTATION", "base64Binary", "hexBinary", "boolean"}
NUMBERS = {
    "float",
    "double",
    "decimal",
    "integer",
    "long",
    "int",
    "short",
    "byte",
    "positiveInteger",
    "negativeInteger",
}
UNSIGNED = {"nonPositiveInteger", "nonNegativeInteger", "unsignedLong", "unsignedInt", "unsignedShort", "unsignedByte"}
TIMES = {"duration", "dateTime", "time", "date", "gYearMonth", "gYear", "gMonthDay", "gDay", "gMonth"}


def root(namespace: str) -> etree._Element:
    body = bundled(namespace)
    assert body is not None
    return xml.parse(body, charset=None)


def names(namespace: str, kind: str) -> set[str | None]:
    return {each.get("name") for each in root(namespace).iterchildren(X + kind)}


def around(namespace: str, declarations: str) -> etree.XMLSchema:
    """Compile a schema of our own that imports a bundled one."""

    class Beside(etree.Resolver):
        def resolve(self, url, public_id, context):
            return self.resolve_string(bundled(url.removeprefix("bundled:")), context)

    parser = etree.XMLParser(no_network=True)
    parser.resolvers.add(Beside())
    prefix = "xml" if namespace == XML else "b"
    text = (
        f'<x:schema xmlns:x="{XSD}" xmlns:{prefix}="{namespace}" targetNamespace="urn:t" xmlns="urn:t" elementFormDefault="qualified">'
        f'<x:import namespace="{namespace}" schemaLocation="bundled:{namespace}"/>{declarations}</x:schema>'
    )
    return etree.XMLSchema(etree.fromstring(text, parser))


def takes(schema: etree.XMLSchema, document: str) -> bool:
    return schema.validate(etree.fromstring(document))


@pytest.mark.parametrize("namespace", NAMESPACES)
def test_each_compiles_by_itself(namespace):
    """No import, so nothing to fetch; its namespace is the one it is asked by; it says what it is written from."""
    found = root(namespace)
    assert etree.XMLSchema(found)
    assert found.get("targetNamespace") == namespace
    assert found.find(f"{X}import") is None
    assert found.find(f"{X}include") is None
    assert b"https://www.w3.org/TR/" in (bundled(namespace) or b"")
    assert not list(found.iter(f"{X}documentation"))


def test_no_other_namespace_is_here():
    """Whoever asks for another one is told so, also by what looks like a path."""
    assert len(NAMESPACES) == len(set(NAMESPACES)) == 4
    for other in ("", XSD, "urn:other", "xml.xsd", "../namespaces.py"):
        assert bundled(other) is None


def test_soap_encoding_has_every_built_in_type():
    """Each is a complex type with simple content, beside Array and Struct; base64 is simple."""
    assert names(ENC, "complexType") == TEXTS | KEYS | NUMBERS | UNSIGNED | TIMES | {"Array", "Struct"}
    assert names(ENC, "simpleType") == {"base64", "arrayCoordinate"}
    assert names(ENC, "attribute") == {"arrayType", "offset", "position", "root"}
    assert names(ENC, "attributeGroup") == {"commonAttributes", "arrayAttributes", "arrayMemberAttributes"}


def test_soap_encoding_in_use():
    """An array restricted as WSDL 1.1 shows, a value with an id, one that is not of its type."""
    schema = around(
        ENC,
        '<x:element name="n" type="b:int"/><x:element name="s" type="b:Struct"/><x:complexType name="Seats"><x:complexContent>'
        '<x:restriction base="b:Array"><x:attribute ref="b:arrayType"/></x:restriction></x:complexContent></x:complexType>'
        '<x:element name="seats" type="Seats"/>',
    )
    assert takes(schema, '<n xmlns="urn:t" id="a1">5</n>')
    assert takes(schema, '<n xmlns="urn:t" href="#a1">5</n>')
    assert not takes(schema, '<n xmlns="urn:t">five</n>')
    assert not takes(schema, '<n xmlns="urn:t" other="1">5</n>')
    assert takes(schema, f'<seats xmlns="urn:t" xmlns:e="{ENC}" e:arrayType="x:int[1]"/>')
    assert takes(schema, '<s xmlns="urn:t"><any/></s>')


def test_the_envelope():
    """Header at most once and before the Body, a Fault's members without a namespace, mustUnderstand 0 or 1."""
    schema = etree.XMLSchema(root(ENV))
    fault = "<e:Fault><faultcode>e:Server</faultcode><faultstring>no</faultstring><detail><x/></detail></e:Fault>"

    def envelope(inner: str) -> str:
        return f'<e:Envelope xmlns:e="{ENV}">{inner}</e:Envelope>'

    assert takes(schema, envelope(f"<e:Header/><e:Body>{fault}</e:Body>"))
    assert takes(
        schema, envelope('<e:Header><h xmlns="urn:h" e:mustUnderstand="1" e:actor="urn:a"/></e:Header><e:Body/>')
    )
    assert not takes(schema, envelope('<e:Header><h xmlns="urn:h" e:mustUnderstand="true"/></e:Header><e:Body/>'))
    assert not takes(schema, envelope("<e:Body/><e:Header/>"))
    assert not takes(schema, envelope("<e:Header/>"))
    assert not takes(schema, envelope(f"<e:Body>{fault.replace('<faultstring>no</faultstring>', '')}</e:Body>"))
    assert names(ENV, "complexType") == {"Envelope", "Header", "Body", "Fault", "detail"}
    assert names(ENV, "attribute") == {"mustUnderstand", "actor", "encodingStyle"}


def test_the_attributes_of_xml():
    """By reference one by one, and as the group."""
    schema = around(
        XML,
        '<x:element name="t"><x:complexType><x:attributeGroup ref="xml:specialAttrs"/></x:complexType></x:element>'
        '<x:element name="l"><x:complexType><x:attribute ref="xml:lang" use="required"/></x:complexType></x:element>',
    )
    assert takes(schema, '<t xmlns="urn:t" xml:lang="de-AT" xml:space="preserve" xml:base="/a" xml:id="i"/>')
    assert takes(schema, '<l xmlns="urn:t" xml:lang=""/>')
    assert not takes(schema, '<l xmlns="urn:t"/>')
    assert not takes(schema, '<t xmlns="urn:t" xml:space="some"/>')


def test_ws_addressing():
    """An endpoint reference has an address first; the headers' elements are there, and RelatesTo has its relationship."""
    schema = etree.XMLSchema(root(WSA))
    address = f'<w:EndpointReference xmlns:w="{WSA}">%s</w:EndpointReference>'
    assert takes(
        schema,
        address
        % '<w:Address a:b="c" xmlns:a="urn:a">urn:x</w:Address><w:ReferenceParameters><k/></w:ReferenceParameters>',
    )
    assert takes(schema, address % "<w:Address>urn:x</w:Address><w:Metadata><m/></w:Metadata><o xmlns='urn:o'/>")
    assert not takes(schema, address % "<w:Metadata/>")
    assert takes(schema, f'<RelatesTo xmlns="{WSA}" RelationshipType="urn:r">urn:x</RelatesTo>')
    assert not takes(schema, f'<RelatesTo xmlns="{WSA}" Type="urn:r">urn:x</RelatesTo>')
    assert takes(
        schema, f'<ProblemAction xmlns="{WSA}"><Action>urn:a</Action><SoapAction>urn:b</SoapAction></ProblemAction>'
    )
    headers = {"To", "From", "Action", "MessageID", "RelatesTo", "ReplyTo", "FaultTo", "EndpointReference"}
    assert headers <= names(WSA, "element")
    assert {
        "EndpointReferenceType",
        "ReferenceParametersType",
        "MetadataType",
        "AttributedURIType",
        "RelatesToType",
    } <= names(WSA, "complexType")
