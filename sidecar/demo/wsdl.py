"""The box office's own WSDL: four bindings over one table of operations, its types partly in an imported schema.

It stands behind the road, at `/box.asmx?wsdl`, `?singleWsdl`, `?xsd=1` and `?disco`. It writes into every address the
host that it was asked under, as ASMX does; that is what a proxy in front must rewrite.
Shape: WSDL 1.1 section 3 (SOAP), 4 (HTTP GET and POST) and 5 (MIME) bindings; WSDL 1.1 binding for SOAP 1.2 (W3C, 2006).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sidecar.demo.operations import CHECKOUT_HEADER, LINE_HEADER, OPERATIONS, PERFORMANCE
from sidecar.demo.soap import NS, PROLOGUE, TYPES

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sidecar.demo.dataset import Column
    from sidecar.demo.operations import Operation, Param

HTTP = "http://schemas.xmlsoap.org/soap/http"
DATASET = '<s:complexType><s:sequence><s:element ref="s:schema" /><s:any /></s:sequence></s:complexType>'
HEADERS = (LINE_HEADER, CHECKOUT_HEADER)

Message = tuple[str, str]  # its name, its parts


def wsdl(address: str, *, single: bool) -> bytes:
    """Return the WSDL; `single` puts the imported schema inside."""
    location = "" if single else f' schemaLocation="{address}?xsd=1"'
    types = f"<wsdl:types>{_schema(location)}{_types_schema() if single else ''}</wsdl:types>"
    messages = "".join(f'<wsdl:message name="{name}">{parts}</wsdl:message>' for name, parts in _messages())
    ports = "".join(_port_type(binding) for binding in ("Soap", "HttpGet", "HttpPost"))
    bindings = (
        _soap_binding("BoxOfficeSoap", "soap")
        + _soap_binding("BoxOfficeSoap12", "soap12")
        + _http_binding("Get")
        + _http_binding("Post")
    )
    return (
        f'{PROLOGUE}<wsdl:definitions xmlns:soap="http://schemas.xmlsoap.org/wsdl/soap/" xmlns:soap12="http://schemas.xmlsoap.org/wsdl/soap12/"'
        f' xmlns:http="http://schemas.xmlsoap.org/wsdl/http/" xmlns:mime="http://schemas.xmlsoap.org/wsdl/mime/"'
        f' xmlns:s="http://www.w3.org/2001/XMLSchema" xmlns:t="{TYPES}" xmlns:tns="{NS}" xmlns:wsdl="http://schemas.xmlsoap.org/wsdl/"'
        f' targetNamespace="{NS}">{types}{messages}{ports}{bindings}{_service(address)}</wsdl:definitions>'
    ).encode()


def xsd() -> bytes:
    """Return the imported schema: the character type and the typed records."""
    return (PROLOGUE + _types_schema()).encode()


def disco(address: str) -> bytes:
    """Return the discovery document that old .NET tools ask for."""
    return (
        f'{PROLOGUE}<discovery xmlns="http://schemas.xmlsoap.org/disco/">'
        f'<contractRef ref="{address}?wsdl" docRef="{address}" xmlns="http://schemas.xmlsoap.org/disco/scl/" />'
        f'<soap address="{address}" xmlns:q1="{NS}" binding="q1:BoxOfficeSoap" xmlns="http://schemas.xmlsoap.org/disco/soap/" />'
        f'<soap address="{address}" xmlns:q2="{NS}" binding="q2:BoxOfficeSoap12" xmlns="http://schemas.xmlsoap.org/disco/soap/" />'
        f"</discovery>"
    ).encode()


def _types_schema() -> str:
    return (
        f'<s:schema xmlns:s="http://www.w3.org/2001/XMLSchema" elementFormDefault="qualified" targetNamespace="{TYPES}">'
        f'<s:simpleType name="char"><s:restriction base="s:unsignedShort" /></s:simpleType>'
        f'<s:complexType name="Performance"><s:sequence>{_members(PERFORMANCE)}</s:sequence></s:complexType>'
        f'<s:element name="Performance" type="t:Performance" xmlns:t="{TYPES}" /></s:schema>'
    )


def _schema(location: str) -> str:
    elements = "".join(_request(op) + _response(op) for op in OPERATIONS)
    headers = "".join(
        f'<s:element name="{name}" type="tns:{name}" />'
        f'<s:complexType name="{name}"><s:sequence>{_members(columns)}</s:sequence></s:complexType>'
        for name, columns in HEADERS
    )
    many = _many("Performance", "t:Performance", ref=True)
    roots = (
        f'<s:complexType name="ArrayOfPerformance"><s:sequence>{many}</s:sequence></s:complexType>'
        f'<s:element name="ArrayOfPerformance" nillable="true" type="tns:ArrayOfPerformance" />'
        f'<s:element name="string" nillable="true" type="s:string" /><s:element name="int" type="s:int" />'
        f'<s:element name="DataSet" nillable="true">{DATASET}</s:element>'
    )
    return (
        f'<s:schema elementFormDefault="qualified" targetNamespace="{NS}">'
        f'<s:import namespace="{TYPES}"{location} />{elements}{_batch_types()}{headers}{roots}</s:schema>'
    )


def _request(op: Operation) -> str:
    return _wrapper(op.name, "".join(_param(param) for param in op.params))


def _response(op: Operation) -> str:
    kind = {"string": "s:string", "int": "s:int", "ArrayOfPerformance": "tns:ArrayOfPerformance"}.get(op.result)
    name = f"{op.name}Result"
    if op.result == "DataSet":
        inner = f'<s:element minOccurs="0" maxOccurs="1" name="{name}">{DATASET}</s:element>'
    else:
        inner = (
            f'<s:element minOccurs="{int(kind == "s:int")}" maxOccurs="1" name="{name}" type="{kind}" />'
            if kind
            else ""
        )
    return _wrapper(f"{op.name}Response", inner)


def _wrapper(name: str, inner: str) -> str:
    content = f"<s:complexType><s:sequence>{inner}</s:sequence></s:complexType>" if inner else "<s:complexType />"
    return f'<s:element name="{name}">{content}</s:element>'


def _param(param: Param) -> str:
    kind = "t:char" if param.type == "char" else f"s:{param.type}"
    return f'<s:element minOccurs="{int(param.required)}" maxOccurs="1" name="{param.name}" type="{kind}" />'


def _members(columns: Iterable[Column]) -> str:
    return "".join(_one(column.name, column.type) for column in columns)


def _many(name: str, kind: str, *, ref: bool = False) -> str:
    what = f'ref="{kind}"' if ref else f'name="{name}" nillable="true" type="{kind}"'
    return f'<s:element minOccurs="0" maxOccurs="unbounded" {what} />'


def _batch_types() -> str:
    asked, number = _one("RequestId", "int", least=1), _one("ResponseInt", "int", least=1, more=' nillable="true"')
    data = f'<s:element minOccurs="0" maxOccurs="1" name="ResponseDataSet">{DATASET}</s:element>'
    said = _one("ResponseError", "string") + _one("ResponseStr", "string") + data + number
    members = {
        "ArrayOfBatchRequest": _many("BatchRequest", "tns:BatchRequest"),
        "BatchRequest": asked + _one("Operation", "string") + _one("Arguments", "string"),
        "ArrayOfBatchResponse": _many("BatchResponse", "tns:BatchResponse"),
        "BatchResponse": asked + said,
    }
    request = '<s:element minOccurs="0" maxOccurs="1" name="requests" type="tns:ArrayOfBatchRequest" />'
    response = '<s:element minOccurs="0" maxOccurs="1" name="BatchResult" type="tns:ArrayOfBatchResponse" />'
    types = (f'<s:complexType name="{n}"><s:sequence>{m}</s:sequence></s:complexType>' for n, m in members.items())
    return _wrapper("Batch", request) + _wrapper("BatchResponse", response) + "".join(types)


def _one(name: str, kind: str, *, least: int = 0, more: str = "") -> str:
    return f'<s:element minOccurs="{least}" maxOccurs="1" name="{name}"{more} type="s:{kind}" />'


def _messages() -> Iterable[Message]:
    for name in _soap_names():
        yield f"{name}SoapIn", f'<wsdl:part name="parameters" element="tns:{name}" />'
        yield f"{name}SoapOut", f'<wsdl:part name="parameters" element="tns:{name}Response" />'
    for op in OPERATIONS:
        if op.header:
            yield f"{op.name}{op.header[0]}", f'<wsdl:part name="{op.header[0]}" element="tns:{op.header[0]}" />'
        for verb in ("Get", "Post"):
            yield (
                f"{op.name}Http{verb}In",
                "".join(f'<wsdl:part name="{param.name}" type="s:string" />' for param in op.params),
            )
            yield (
                f"{op.name}Http{verb}Out",
                "" if op.result == "void" else f'<wsdl:part name="Body" element="tns:{op.result}" />',
            )


def _soap_names() -> list[str]:
    return [*(op.name for op in OPERATIONS), "Batch"]  # a batch takes a structure, which the HTTP bindings cannot carry


def _port_type(binding: str) -> str:
    about = {op.name: op.about for op in OPERATIONS} | {"Batch": "Runs several operations in one call."}
    names = _soap_names() if binding == "Soap" else [op.name for op in OPERATIONS]
    operations = "".join(
        f'<wsdl:operation name="{name}"><wsdl:documentation>{about[name]}</wsdl:documentation>'
        f'<wsdl:input message="tns:{name}{binding}In" /><wsdl:output message="tns:{name}{binding}Out" /></wsdl:operation>'
        for name in names
    )
    return f'<wsdl:portType name="BoxOffice{binding}">{operations}</wsdl:portType>'


def _soap_binding(name: str, prefix: str) -> str:
    headers = {op.name: op.header[0] for op in OPERATIONS if op.header}

    def one(op: str) -> str:
        header = (
            f'<{prefix}:header message="tns:{op}{headers[op]}" part="{headers[op]}" use="literal" />'
            if op in headers
            else ""
        )
        return (
            f'<wsdl:operation name="{op}"><{prefix}:operation soapAction="{NS}{op}" style="document" />'
            f'<wsdl:input><{prefix}:body use="literal" /></wsdl:input>'
            f'<wsdl:output><{prefix}:body use="literal" />{header}</wsdl:output></wsdl:operation>'
        )

    operations = f'<{prefix}:binding transport="{HTTP}" />' + "".join(map(one, _soap_names()))
    return f'<wsdl:binding name="{name}" type="tns:BoxOfficeSoap">{operations}</wsdl:binding>'


def _http_binding(verb: str) -> str:
    given = "<http:urlEncoded />" if verb == "Get" else '<mime:content type="application/x-www-form-urlencoded" />'
    said = {True: "", False: '<mime:mimeXml part="Body" />'}
    operations = "".join(
        f'<wsdl:operation name="{op.name}"><http:operation location="/{op.name}" /><wsdl:input>{given}</wsdl:input>'
        f"<wsdl:output>{said[op.result == 'void']}</wsdl:output></wsdl:operation>"
        for op in OPERATIONS
    )
    name = f"BoxOfficeHttp{verb}"
    operations = f'<http:binding verb="{verb.upper()}" />{operations}'
    return f'<wsdl:binding name="{name}" type="tns:{name}">{operations}</wsdl:binding>'


def _service(address: str) -> str:
    ports = "".join(
        f'<wsdl:port name="BoxOffice{name}" binding="tns:BoxOffice{name}"><{prefix}:address location="{address}" /></wsdl:port>'
        for name, prefix in (("Soap", "soap"), ("Soap12", "soap12"), ("HttpGet", "http"), ("HttpPost", "http"))
    )
    return f'<wsdl:service name="BoxOffice">{ports}</wsdl:service>'
