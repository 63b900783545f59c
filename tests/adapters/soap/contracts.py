"""Small contracts with one operation, made of a few lines of schema, for the tests of the JSON codec.

`document` has the operation Op, whose elements are Op and OpResponse; `rpc` one whose parts are typed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hypothesis import settings

from adapters import xml
from adapters.soap.encoding import InvalidParams
from adapters.soap.speech import Speech
from sidecar.model import Dialect
from tests.adapters.soap.library import SOAP_NS, WSDL_NS, XSD_NS, schema

if TYPE_CHECKING:
    from adapters.soap.resolver import Options

SOAP12_NS = "http://schemas.xmlsoap.org/wsdl/soap12/"
ENVELOPE = "http://schemas.xmlsoap.org/soap/envelope/"
ENCODING = "http://schemas.xmlsoap.org/soap/encoding/"
XSI = "http://www.w3.org/2001/XMLSchema-instance"
QUALIFIED = 'elementFormDefault="qualified"'


def examples(full: int) -> settings:
    """Return settings with so many examples in `make test-long`, and a hundredth of them, 100 at least, in `make test`."""
    quick = settings.default is None or settings.default.max_examples < 100
    return settings(max_examples=max(100, full // 100) if quick else full, deadline=None)


def sequence(*inside: str, more: str = "", name: str = "") -> str:
    """Return a complex type of a sequence, with what stands beside that."""
    named = f' name="{name}"' if name else ""
    return f"<x:complexType{named}><x:sequence>{''.join(inside)}</x:sequence>{more}</x:complexType>"


def element(name: str, type_: str = "x:string", more: str = "") -> str:
    """Return the declaration of an element."""
    return f'<x:element name="{name}" type="{type_}" {more}/>'


def wrapper(name: str, *inside: str, more: str = "") -> str:
    """Return the declaration of an element with a type of its own."""
    return f'<x:element name="{name}">{sequence(*inside, more=more)}</x:element>'


def extension(name: str, base: str, *inside: str, more: str = "") -> str:
    """Return a type that extends another."""
    return (
        f'<x:complexType name="{name}" {more}><x:complexContent><x:extension base="{base}"><x:sequence>'
        f"{''.join(inside)}</x:sequence></x:extension></x:complexContent></x:complexType>"
    )


def simple(name: str, base: str, *facets: tuple[str, str]) -> str:
    """Return a simple type with facets."""
    inside = "".join(f'<x:{kind} value="{value}"/>' for kind, value in facets)
    return f'<x:simpleType name="{name}"><x:restriction base="{base}">{inside}</x:restriction></x:simpleType>'


def wsdl(
    *schemas: str,
    asked: str = '<w:part name="p" element="t:Op"/>',
    answered: str | None = '<w:part name="p" element="t:OpResponse"/>',
    style: str = "document",
    body: str = 'use="literal"',
    headers: str = "",
    faults: str = "",
    messages: str = "",
    soap: str = SOAP_NS,
) -> bytes:
    """Return a contract with the operation Op."""
    output = '<w:output message="t:OpOut"/>' if answered is not None else ""
    bound = f"<w:output><soap:body {body}/>{headers}</w:output>" if answered is not None else ""
    out = f'<w:message name="OpOut">{answered}</w:message>' if answered is not None else ""
    return f"""<w:definitions xmlns:w="{WSDL_NS}" xmlns:soap="{soap}" xmlns:x="{XSD_NS}" xmlns:t="urn:t" xmlns:u="urn:u"
      xmlns:e="{ENCODING}" targetNamespace="urn:t"><w:types>{"".join(schemas)}</w:types>
     <w:message name="OpIn">{asked}</w:message>{out}{messages}
     <w:portType name="T"><w:operation name="Op"><w:input message="t:OpIn"/>{output}{faults}</w:operation></w:portType>
     <w:binding name="B" type="t:T"><soap:binding transport="http://schemas.xmlsoap.org/soap/http" style="{style}"/>
      <w:operation name="Op"><soap:operation soapAction="urn:t#Op"/><w:input><soap:body {body}/>{headers}</w:input>{bound}
      </w:operation></w:binding>
     <w:service name="S"><w:port name="P" binding="t:B"><soap:address location="http://box/"/></w:port></w:service>
    </w:definitions>""".encode()


def document(*inside: str, more: str = QUALIFIED, options: Options | None = None, **others: Any) -> Speech:
    """Return the speech of a contract in the document style, with one schema."""
    return Speech.of({"http://box/?wsdl": wsdl(schema(*inside, more=more), **others)}, options)


def both(*inside: str, types: str = "", attributes: str = "", options: Options | None = None) -> Speech:
    """Return the speech of a contract whose Op takes and gives the same."""
    wrappers = (wrapper(name, *inside, more=attributes) for name in ("Op", "OpResponse"))
    return document(types, *wrappers, options=options)


def rpc(*parts: tuple[str, str], inside: str = "", encoded: bool = False, soap: str = SOAP_NS) -> Speech:
    """Return the speech of a contract in the rpc style, whose parts are the same both ways."""
    listed = "".join(f'<w:part name="{name}" type="{type_}"/>' for name, type_ in parts)
    use = f'use="encoded" encodingStyle="{ENCODING}"' if encoded else 'use="literal"'
    found = wsdl(schema(inside), asked=listed, answered=listed, style="rpc", body=f'namespace="urn:r" {use}', soap=soap)
    return Speech.of({"http://box/?wsdl": found})


def reply(inside: str, *, header: str = "", more: str = "") -> bytes:
    """Return an envelope, with the prefixes that the tests use."""
    head = f"<e:Header>{header}</e:Header>" if header else ""
    return (
        f'<e:Envelope xmlns:e="{ENVELOPE}" xmlns:t="urn:t" xmlns:u="urn:u" xmlns:i="{XSI}" xmlns:x="{XSD_NS}" '
        f'xmlns:c="{ENCODING}" {more}>{head}<e:Body>{inside}</e:Body></e:Envelope>'
    ).encode()


def answer(inside: str, more: str = "") -> bytes:
    """Return a reply of Op, whose children are in its namespace where they name no other."""
    return reply(f'<OpResponse xmlns="urn:t" {more}>{inside}</OpResponse>')


def told(speech: Speech, inside: str, more: str = "") -> Any:
    """Return what a reply of Op says in JSON."""
    return speech.decode("Op", answer(inside, more))


def sent(speech: Speech, value: Any, dialect: Dialect = Dialect.SOAP11) -> str:
    """Return what stands in the Body of a call, with names as XPath has them; see `outline`."""
    root = xml.parse(speech.encode("Op", value, dialect), charset=None)
    return outline(root.find("{*}Body")[0])  # type: ignore[index]  # an envelope has a Body


def outline(node: Any) -> str:
    """Write an element so that a person reads it: names with `t:`, `u:`, `r:`, `i:`, `c:`, or in Clark notation."""
    inside = (node.text or "") + "".join(outline(child) + (child.tail or "") for child in node)
    attributes = "".join(f' {_short(name)}="{_meant(node, text)}"' for name, text in sorted(node.items()))
    return f"<{_short(node.tag)}{attributes}>{inside}</>" if inside else f"<{_short(node.tag)}{attributes}/>"


_KNOWN = {"urn:t": "t", "urn:u": "u", "urn:r": "r", XSI: "i", ENCODING: "c", XSD_NS: "x", ENVELOPE: "e"}


def _short(name: str) -> str:
    space, plain = xml.ns(name), xml.local(name)
    return f"{_KNOWN[space]}:{plain}" if space in _KNOWN else name


def _meant(node: Any, text: str) -> str:
    """Read the prefix that the encoder made up for a name in an attribute."""
    prefix, colon, plain = text.partition(":")
    space = node.nsmap.get(prefix) if colon else None
    return _short(f"{{{space}}}{plain}") if space else text


def wrong(speech: Speech, value: Any, name: str = "Op") -> list[tuple[str, str, str]]:
    """Return all that is wrong with the JSON of a call."""
    try:
        written = speech.encode(name, value)
    except InvalidParams as said:
        return list(said.errors)
    raise AssertionError(f"nothing is wrong: {written!r}")


def places(speech: Speech, value: Any) -> list[tuple[str, str]]:
    """As `wrong`, without the sentences."""
    return [(at, code) for at, code, _ in wrong(speech, value)]
