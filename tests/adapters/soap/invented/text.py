"""A contract as the documents that say it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sidecar.model import Dialect
from tests.adapters.soap.contracts import ENCODING, SOAP12_NS
from tests.adapters.soap.invented.model import MANY, PREFIXES, Field, Group, R, Simple, T, Type, U, W
from tests.adapters.soap.invented.simple import NAMED
from tests.adapters.soap.library import SOAP_NS, WSDL_NS, XSD_NS

if TYPE_CHECKING:
    from tests.adapters.soap.invented.contract import Contract


class Text:
    """The documents of one contract."""

    def __init__(self, contract: Contract) -> None:
        self._of = contract

    @property
    def schemas(self) -> dict[str, str]:
        """The schemas by namespace."""
        return {space: self._schema(space) for space in (T, U)}

    def _schema(self, space: str) -> str:
        other = U if space == T else T
        inside = "".join(self._complex(each) for each in self._of.types if each.space == space)
        inside += "".join(self._element(each, top=True) for each in self._of.elements[space])
        for where, group in self._of.groups:
            if where == space:
                inside += f'<x:group name="{group.named}">{self._group(Group("sequence", group.parts))}</x:group>'
        if space == U:
            inside += "".join(self._of.global_attributes)
        else:
            inside += NAMED
            if self._of.style == "document":
                for name in ("Op", "OpResponse"):
                    said, body = (
                        (f' type="{_prefixed(self._of.root)}"', "")
                        if self._of.root.name
                        else ("", self._complex(self._of.root))
                    )
                    inside += f'<x:element name="{name}"{said}>{body}</x:element>'
        form = ' elementFormDefault="qualified"' if self._of.forms[space] else ""
        imports = f'<x:import namespace="{other}" schemaLocation="{other}"/>'
        if self._of.style == "encoded":
            imports += f'<x:import namespace="{ENCODING}"/>'
        own = f'xmlns:x="{XSD_NS}" xmlns:t="{T}" xmlns:u="{U}" targetNamespace="{space}"'
        return f"<x:schema {own}{form}>{imports}{inside}</x:schema>"

    def _complex(self, made: Type) -> str:
        more = f' name="{made.name}"' if made.name else ""
        more += ' abstract="true"' if made.abstract else ""
        more += ' mixed="true"' if made.mixed else ""
        attributes = "".join(each.said for each in made.attributes)
        attributes += f'<x:anyAttribute namespace="{W}" processContents="lax"/>' if made.any_attribute else ""
        if made.kind == "array":
            item = made.value.named if isinstance(made.value, Simple) else _prefixed(made.value)
            inside = (
                f'<x:complexContent><x:restriction base="e:Array" xmlns:e="{ENCODING}"><x:attribute ref="e:arrayType" '
                f'w:arrayType="{item}[]" xmlns:w="{WSDL_NS}"/></x:restriction></x:complexContent>'
            )
        elif made.kind == "valued":
            inside = (
                f'<x:simpleContent><x:extension base="{made.value.named}">{attributes}</x:extension></x:simpleContent>'
            )
        else:
            wild = f'<x:any namespace="{made.wild}" processContents="skip" minOccurs="0" maxOccurs="4"/>'
            inside = self._group(made.group, wild if made.wild else "") + attributes
            if made.base is not None:
                base = _prefixed(made.base)
                inside = f'<x:complexContent><x:extension base="{base}">{inside}</x:extension></x:complexContent>'
        return f"<x:complexType{more}>{inside}</x:complexType>"

    def _group(self, group: Group | None, more: str = "") -> str:
        assert group is not None, "asked of types that have one"
        times = _times(group)
        if group.named:
            return f'<x:group ref="{PREFIXES[self._space_of(group)]}:{group.named}"{times}/>'
        inside = "".join(self._group(each) if isinstance(each, Group) else self._element(each) for each in group.parts)
        return f"<x:{group.kind}{times}>{inside}{more}</x:{group.kind}>"

    def _space_of(self, group: Group) -> str:
        return next(space for space, each in self._of.groups if each.named == group.named)

    def _element(self, made: Field, *, top: bool = False) -> str:
        times = "" if top else _times(made)
        if made.ref and not top:
            return f'<x:element ref="{PREFIXES[made.space]}:{made.plain}"{times}/>'
        more = made.more + (' nillable="true"' if made.nillable else "")
        if isinstance(made.type, Simple):
            named, inside = made.type.said
        elif made.type.name:
            named, inside = f' type="{_prefixed(made.type)}"', ""
        else:
            named, inside = "", self._complex(made.type)
        return f'<x:element name="{made.plain}"{named}{times}{more}>{inside}</x:element>'

    @property
    def wsdl(self) -> bytes:
        """The document."""
        space = SOAP_NS if self._of.dialect is Dialect.SOAP11 else SOAP12_NS
        more = "" if self._of.style == "document" else f' namespace="{R}"'
        more += f' encodingStyle="{ENCODING}"' if self._of.style == "encoded" else ""
        use = "encoded" if self._of.style == "encoded" else "literal"
        messages = head = ""
        if self._of.header is not None:
            messages += f'<w:message name="Head"><w:part name="h" element="t:{self._of.header.plain}"/></w:message>'
            head = '<s:header message="t:Head" part="h" use="literal"/>'
        for name in ("Op", "OpResponse"):
            parts = f'<w:part name="p" element="t:{name}"/>' if self._of.style == "document" else self._rpc_parts()
            messages += f'<w:message name="{name}In">{parts}</w:message>'
        fault = '<w:fault name="F" message="t:OpIn"/>' if self._of.style == "document" else ""
        sides = f'<s:body use="{use}"{more}/>{head}'
        style = "document" if self._of.style == "document" else "rpc"
        return (
            f'<w:definitions xmlns:w="{WSDL_NS}" xmlns:s="{space}" xmlns:x="{XSD_NS}" xmlns:t="{T}" xmlns:u="{U}" '
            f'targetNamespace="{T}"><w:types>{"".join(self.schemas.values())}</w:types>{messages}<w:portType name="T">'
            '<w:operation name="Op"><w:input message="t:OpIn"/><w:output message="t:OpResponseIn"/>'
            f"{fault}</w:operation>"
            f'</w:portType><w:binding name="B" type="t:T"><s:binding style="{style}" '
            'transport="http://schemas.xmlsoap.org/soap/http"/><w:operation name="Op"><s:operation soapAction="a"/>'
            f"<w:input>{sides}</w:input><w:output>{sides}</w:output></w:operation></w:binding>"
            '<w:service name="S"><w:port name="P" binding="t:B"><s:address location="http://b.example/"/></w:port>'
            "</w:service></w:definitions>"
        ).encode()

    def _rpc_parts(self) -> str:
        said = ""
        for each in self._of.root.fields:
            named = each.type.named if isinstance(each.type, Simple) else _prefixed(each.type)
            said += f'<w:part name="{each.plain}" type="{named}"/>'
        return said


def _prefixed(made: Type) -> str:
    return f"{PREFIXES.get(made.space, 'x')}:{made.name}"


def _times(made: Field | Group) -> str:
    more = f' minOccurs="{made.fewest}"' if made.fewest != 1 else ""
    if made.most != 1:
        most = "unbounded" if made.most == MANY else made.most
        more += f' maxOccurs="{most}"'
    return more
