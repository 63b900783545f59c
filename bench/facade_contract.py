"""What the facade is measured with: a box office's contract, its calls and replies in JSON and in XML, at the sizes that are asked for.

A row has eight values and an element that comes again, as reports of ticket systems have them. Nothing here measures.
"""

from __future__ import annotations

from typing import Any, Final

NS: Final = "urn:bench:box"
OPERATION: Final = "GetBox"  # rows, typed one by one
ORDER: Final = "SetOrder"  # takes objects
TABLE: Final = "GetTable"  # a DataSet

_SOAP: Final = "http://schemas.xmlsoap.org/wsdl/soap/"
_TYPES: Final = """
<x:complexType name="Tag"><x:sequence>
  <x:element name="k" type="x:string"/><x:element name="v" type="x:string"/>
</x:sequence></x:complexType>
<x:complexType name="Row"><x:sequence>
  <x:element name="id" type="x:int"/><x:element name="name" type="x:string"/>
  <x:element name="price" type="x:decimal"/><x:element name="date" type="x:dateTime"/>
  <x:element name="ok" type="x:boolean"/><x:element name="n" type="x:long"/>
  <x:element name="desc" type="x:string"/><x:element name="code" type="x:string"/>
  <x:element name="tag" type="t:Tag" minOccurs="0" maxOccurs="unbounded"/>
</x:sequence></x:complexType>
<x:complexType name="Seat"><x:sequence>
  <x:element name="id" type="x:int"/><x:element name="zone" type="x:string"/>
  <x:element name="price" type="x:decimal"/><x:element name="held" type="x:boolean" minOccurs="0"/>
</x:sequence></x:complexType>
<x:element name="GetBox"><x:complexType><x:sequence>
  <x:element name="id" type="x:int"/><x:element name="from" type="x:dateTime" minOccurs="0"/>
  <x:element name="q" type="x:string"/>
</x:sequence></x:complexType></x:element>
<x:element name="GetBoxResponse"><x:complexType><x:sequence>
  <x:element name="row" type="t:Row" minOccurs="0" maxOccurs="unbounded"/>
</x:sequence></x:complexType></x:element>
<x:element name="SetOrder"><x:complexType><x:sequence>
  <x:element name="session" type="x:string"/><x:element name="performance" type="x:int"/>
  <x:element name="mode" type="x:short"/><x:element name="at" type="x:dateTime"/>
  <x:element name="note" type="x:string" minOccurs="0"/><x:element name="total" type="x:decimal"/>
  <x:element name="seat" type="t:Seat" minOccurs="0" maxOccurs="unbounded"/>
</x:sequence></x:complexType></x:element>
<x:element name="SetOrderResponse"><x:complexType><x:sequence>
  <x:element name="number" type="x:int"/>
</x:sequence></x:complexType></x:element>
<x:element name="GetTable"><x:complexType/></x:element>
<x:element name="GetTableResponse"><x:complexType><x:sequence>
  <x:element name="GetTableResult" minOccurs="0"><x:complexType><x:sequence>
    <x:element ref="x:schema"/><x:any/>
  </x:sequence></x:complexType></x:element>
</x:sequence></x:complexType></x:element>
"""
_ROW: Final = {
    "id": 1,
    "name": "Hamlet",
    "price": "12.50",
    "date": "2026-12-01T19:30:00",
    "ok": True,
    "n": "12345678901",
    "desc": "A play of some length",
    "code": "H1",
    "tag": [{"k": "a", "v": "b"}, {"k": "c", "v": "d"}],
}
_COLUMNS: Final = (
    ("perf_no", "int", "1201"),
    ("perf_dt", "dateTime", "2026-12-01T19:30:00-05:00"),
    ("price", "decimal", "45.0000"),
    ("on_sale", "boolean", "true"),
    ("description", "string", "Hamlet, stalls and balcony"),
    ("facility", "string", "Main stage"),
)
_ENVELOPE: Final = (
    '<?xml version="1.0" encoding="utf-8"?><soap:Envelope xmlns:soap="http://schemas.xmlsoap.org/soap/envelope/">'
    "<soap:Body>%s</soap:Body></soap:Envelope>"
)


def wsdl(address: str = "http://127.0.0.1/") -> bytes:
    """Return the contract."""
    names = (OPERATION, ORDER, TABLE)
    messages = "".join(
        f'<w:message name="{each}"><w:part name="p" element="t:{each}"/></w:message>'
        for name in names
        for each in (name, f"{name}Response")
    )
    ports = "".join(
        f'<w:operation name="{name}"><w:input message="t:{name}"/><w:output message="t:{name}Response"/></w:operation>'
        for name in names
    )
    body = '<s:body use="literal"/>'
    bound = "".join(
        f'<w:operation name="{name}"><s:operation soapAction="{NS}/{name}"/>'
        f"<w:input>{body}</w:input><w:output>{body}</w:output></w:operation>"
        for name in names
    )
    return (
        f'<w:definitions xmlns:w="http://schemas.xmlsoap.org/wsdl/" xmlns:s="{_SOAP}" xmlns:t="{NS}"'
        f' xmlns:x="http://www.w3.org/2001/XMLSchema" targetNamespace="{NS}">'
        f'<w:types><x:schema targetNamespace="{NS}" elementFormDefault="qualified">{_TYPES}</x:schema></w:types>'
        f'{messages}<w:portType name="T">{ports}</w:portType><w:binding name="B" type="t:T">'
        f'<s:binding transport="http://schemas.xmlsoap.org/soap/http"/>{bound}</w:binding>'
        f'<w:service name="S"><w:port name="P" binding="t:B"><s:address location="{address}"/></w:port></w:service>'
        f"</w:definitions>"
    ).encode()


def rows_reply(size_bytes: int) -> bytes:
    """Return a reply of about that size: rows."""
    tags = "".join(f"<tag><k>{tag['k']}</k><v>{tag['v']}</v></tag>" for tag in _tags())
    values = {**_ROW, "ok": "true"}
    row = (
        "<row>" + "".join(f"<{key}>{value}</{key}>" for key, value in values.items() if key != "tag") + tags + "</row>"
    )
    inside = f'<GetBoxResponse xmlns="{NS}">%s</GetBoxResponse>'
    room = size_bytes - len(_ENVELOPE) - len(inside)
    return (_ENVELOPE % (inside % (row * max(1, room // len(row))))).encode()


def _tags() -> list[dict[str, str]]:
    tags = _ROW["tag"]
    assert isinstance(tags, list), "it is an array"
    return tags


def table_reply(size_bytes: int) -> bytes:
    """Return a reply of about that size: a DataSet with its schema, as .NET writes it."""
    columns = "".join(f'<xs:element name="{name}" type="xs:{type_}" minOccurs="0"/>' for name, type_, _ in _COLUMNS)
    schema = (
        '<xs:schema id="NewDataSet" xmlns="" xmlns:xs="http://www.w3.org/2001/XMLSchema"'
        ' xmlns:msdata="urn:schemas-microsoft-com:xml-msdata"><xs:element name="NewDataSet" msdata:IsDataSet="true">'
        '<xs:complexType><xs:choice minOccurs="0" maxOccurs="unbounded"><xs:element name="Performance"><xs:complexType>'
        f"<xs:sequence>{columns}</xs:sequence></xs:complexType></xs:element></xs:choice></xs:complexType></xs:element></xs:schema>"
    )
    cells = "".join(f"<{name}>{value}</{name}>" for name, _, value in _COLUMNS)
    open_ = (
        f'<GetTableResponse xmlns="{NS}"><GetTableResult>{schema}<diffgr:diffgram xmlns:diffgr='
        '"urn:schemas-microsoft-com:xml-diffgram-v1" xmlns:msdata="urn:schemas-microsoft-com:xml-msdata">'
        '<NewDataSet xmlns="">'
    )
    close = "</NewDataSet></diffgr:diffgram></GetTableResult></GetTableResponse>"
    room, at, rows = size_bytes - len(_ENVELOPE) - len(open_) - len(close), 0, []
    while room > 0:
        row = f'<Performance diffgr:id="Performance{at + 1}" msdata:rowOrder="{at}">{cells}</Performance>'
        rows.append(row)
        room, at = room - len(row), at + 1
    return (_ENVELOPE % (open_ + "".join(rows) + close)).encode()


def small_call() -> dict[str, Any]:
    """Return what `OPERATION` is asked with: three values."""
    return {"id": 5, "from": "2026-12-01T19:30:00", "q": "hello"}


def plain_call() -> dict[str, Any]:
    """Return what `ORDER` is asked with, without its seats: six values."""
    return {
        "session": "3F2504E0-4F89-11D3-9A0C-0305E82C3301",
        "performance": 1201,
        "mode": 3,
        "at": "2026-12-01T19:30:00",
        "note": "two on the aisle",
        "total": "90.00",
    }


def array_call(count: int = 50) -> dict[str, Any]:
    """Return what `ORDER` is asked with: `count` objects beside its values."""
    seats = [{"id": number, "zone": "stalls", "price": "45.00", "held": True} for number in range(count)]
    return {**plain_call(), "seat": seats}
