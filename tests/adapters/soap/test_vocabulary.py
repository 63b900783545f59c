"""Which names a reply may hold: those of its schema, as deep as it goes, and nothing where a schema leaves it open."""

from __future__ import annotations

from pathlib import Path

import pytest

from adapters.soap.vocabulary import reply_names
from adapters.soap.wsdl import index

WSDL = """<definitions xmlns="http://schemas.xmlsoap.org/wsdl/" xmlns:t="urn:t" xmlns:s="http://www.w3.org/2001/XMLSchema"
 xmlns:soap="http://schemas.xmlsoap.org/wsdl/soap/" targetNamespace="urn:t">
 <types><s:schema targetNamespace="urn:t" elementFormDefault="qualified">
  <s:element name="Get"><s:complexType/></s:element>
  {}
 </s:schema></types>
 <message name="In"><part name="parameters" element="t:Get"/></message>
 <message name="Out"><part name="parameters" element="t:GetResponse"/></message>
 <portType name="P"><operation name="Get"><input message="t:In"/><output message="t:Out"/></operation></portType>
 <binding name="B" type="t:P"><soap:binding transport="http://schemas.xmlsoap.org/soap/http"/><operation name="Get">
  <soap:operation soapAction="urn:t/Get"/><input><soap:body use="literal"/></input><output><soap:body use="literal"/></output>
 </operation></binding>
 <service name="S"><port name="P" binding="t:B"><soap:address location="http://h/x"/></port></service>
</definitions>"""
AROUND = {"Envelope", "Body", "GetResponse"}
INLINE = '<s:element name="GetResponse"><s:complexType><s:sequence>{}</s:sequence></s:complexType></s:element>'


def names(schema: str) -> frozenset[str] | None:
    documents = {"": WSDL.format(schema).encode()}
    return reply_names(documents, index(documents))["Get"]


@pytest.mark.parametrize(
    ("schema", "found"),
    [
        (INLINE.format('<s:element name="R" type="s:int"/>'), {"R"}),
        (INLINE.format(""), set()),
        (
            INLINE.format('<s:element name="R" type="t:R"/>')
            + '<s:complexType name="R"><s:sequence><s:element name="A" type="s:string"/>'
            '<s:element name="Again" type="t:R"/></s:sequence></s:complexType>',
            {"R", "A", "Again"},
        ),
        (
            (
                '<s:element name="GetResponse" type="t:R"/><s:complexType name="R"><s:complexContent><s:extension base="t:Base">'
                '<s:sequence><s:element name="A" type="t:Code"/></s:sequence></s:extension></s:complexContent></s:complexType>'
                '<s:complexType name="Base"><s:choice><s:element name="B" type="s:int"/></s:choice></s:complexType>'
                '<s:simpleType name="Code"><s:restriction base="s:string"/></s:simpleType>'
            ),
            {"A", "B"},
        ),
        (
            INLINE.format('<s:element name="R" type="t:Base"/>')
            + '<s:complexType name="Base"><s:sequence/></s:complexType><s:complexType name="More"><s:complexContent>'
            '<s:extension base="t:Base"><s:sequence><s:element name="M" type="s:int"/></s:sequence></s:extension>'
            "</s:complexContent></s:complexType>",
            {"R", "M"},  # xsi:type may put the one in place of the other
        ),
        (
            INLINE.format('<s:element ref="t:Shared"/><s:group ref="t:G"/>') + '<s:element name="Shared" type="s:int"/>'
            '<s:group name="G"><s:sequence><s:element name="InG" type="s:int"/></s:sequence></s:group>',
            {"Shared", "InG"},
        ),
        (
            INLINE.format(
                '<s:element name="L"><s:simpleType><s:restriction base="s:string"/></s:simpleType></s:element>'
            ),
            {"L"},
        ),
    ],
    ids=["one", "none", "types and themselves", "derived", "in place of its base", "references and groups", "inline"],
)
def test_names(schema: str, found: set[str]) -> None:
    """And those that stand around every reply."""
    assert names(schema) == AROUND | found


@pytest.mark.parametrize(
    "schema",
    [
        INLINE.format("<s:any/>"),
        INLINE.format('<s:element name="R"/>'),
        INLINE.format('<s:element name="R" type="s:anyType"/>'),
        INLINE.format('<s:element name="R" type="t:Absent"/>'),
        INLINE.format('<s:element ref="s:schema"/>'),  # a DataSet
        INLINE.format('<s:group ref="t:Absent"/>'),
        INLINE.format('<s:element name="R" type="s:int"/>')
        + '<s:element name="X" substitutionGroup="t:Y" type="s:int"/>',
        '<s:element name="Other" type="s:int"/>',
    ],
    ids=[
        "any",
        "untyped",
        "anyType",
        "no such type",
        "a schema inside",
        "no such group",
        "substitution",
        "no such element",
    ],
)
def test_what_nobody_knows(schema: str) -> None:
    """A name that may be right is never called wrong."""
    assert names(schema) is None


def test_a_wsdl_of_the_tests() -> None:
    """The box office's: literal and RPC, of which the second wraps its reply in an element of no schema."""
    folder = Path(__file__).resolve().parents[2] / "interop" / "wsdl"
    for file, known in (("boxoffice.wsdl", True), ("boxoffice-rpc.wsdl", False)):
        documents = {file: (folder / file).read_bytes()}
        found = reply_names(documents, index(documents))
        assert found
        assert any(each is not None for each in found.values()) is known


def test_a_document_that_is_not_well_formed() -> None:
    """Beside a right one: what it would have held is open."""
    documents = {"": WSDL.format(INLINE.format('<s:element name="R" type="t:R"/>')).encode(), "b": b"<a"}
    assert reply_names(documents, index(documents)) == {"Get": None}
