"""zeep as a second opinion of the codec: the same JSON value as zeep's own, its request, and what it reads in a reply.

Stands under the oracle test. It finds its way by zeep's types and never by ours, so that a schema that we misread shows. What zeep
cannot tell apart, and where it differs by habit, is levelled by `levelled` and `tree`, and nowhere else.
"""

from __future__ import annotations

import re
from base64 import b64encode
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from itertools import repeat
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urljoin

import zeep
from lxml import etree
from zeep import xsd
from zeep.transports import Transport
from zeep.wsdl.bindings.soap import Soap12Binding, SoapBinding
from zeep.xsd.elements import Any as Wildcard
from zeep.xsd.elements import Choice, Element, Group, builtins
from zeep.xsd.elements.any import AnyAttribute
from zeep.xsd.elements.indicators import Indicator
from zeep.xsd.types import AnySimpleType, ComplexType, ListType
from zeep.xsd.valueobjects import CompoundValue

from adapters.soap.bundled import bundled
from sidecar.model import Dialect

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

BASE: Final = "http://documents.example/"
XSI: Final = "{http://www.w3.org/2001/XMLSchema-instance}"
_XSD: Final = "{http://www.w3.org/2001/XMLSchema}"
_ENCODING: Final = "{http://schemas.xmlsoap.org/soap/encoding/}"
_LOCATION: Final = re.compile(rb'(?:schemaL|\bl)ocation="([^"]+)"')


def family(folder: Path, first: str) -> dict[str, bytes]:
    """Return a WSDL and what it imports of the files beside it, by location."""
    found: dict[str, bytes] = {}
    waiting = [BASE + first]
    while waiting:
        at = waiting.pop(0)
        file = folder / at.removeprefix(BASE)
        if at in found or not at.startswith(BASE) or not file.is_file():
            continue
        found[at] = file.read_bytes()
        waiting += [urljoin(at, location.decode()) for location in _LOCATION.findall(found[at])]
    return found


class Unable(Exception):  # noqa: N818 -- zeep's state, not ours
    """What zeep cannot do with an operation; the text says why."""


class Offline(Transport):
    """zeep's way to documents: those of one family, and the schemas that we have by their namespaces."""

    def __init__(self, documents: Mapping[str, bytes]) -> None:
        super().__init__()
        self._documents = documents

    def load(self, url: str) -> bytes:
        found = self._documents.get(url) or bundled(url)
        if found is None:
            raise Unable(f"{url} is not at hand")
        return found


class Zeep:
    """zeep's operations by the names that the facade gives them. Raises `Unable` where zeep cannot load the documents."""

    def __init__(self, documents: Mapping[str, bytes]) -> None:
        try:
            self._client = zeep.Client(next(iter(documents)), transport=Offline(documents))
        except Exception as wrong:  # it raises whatever comes
            raise Unable(f"zeep cannot load the documents: {wrong}") from wrong
        self._operations: dict[str, Any] = {}
        for binding in self._client.wsdl.bindings.values():
            for operation in binding.all().values() if isinstance(binding, SoapBinding) else ():
                body = operation.input.body
                self._operations.setdefault(operation.name if body is None else body.qname.localname, operation)

    @property
    def names(self) -> frozenset[str]:
        """The operations that zeep has."""
        return frozenset(self._operations)

    def dialect(self, name: str) -> Dialect:
        """Return the SOAP version of the binding that an operation was first found in."""
        return Dialect.SOAP12 if isinstance(self._of(name).binding, Soap12Binding) else Dialect.SOAP11

    def request(self, name: str, value: Any) -> etree._Element:
        """Return the envelope that zeep sends for a JSON value."""
        message = self._of(name).input
        headers = value.get("$headers") if isinstance(value, dict) else None
        content = {key: each for key, each in value.items() if key != "$headers"} if isinstance(value, dict) else value
        try:
            more = {}
            if headers:
                named = {element.qname.localname: (part, element) for part, element in message.header.type.elements}
                more["_soapheaders"] = {
                    named[key][0]: self._value(each, named[key][1].type) for key, each in headers.items()
                }
            if message.body is None:
                return message.serialize(**more).content
            if isinstance(message.body.type, ComplexType):
                return message.serialize(**self._fields(content, message.body.type), **more).content
            return message.serialize(self._value(content, message.body.type), **more).content
        except Exception as wrong:
            raise Unable(f"zeep cannot write it: {type(wrong).__name__}: {wrong}") from wrong

    def reply(self, name: str, envelope: bytes) -> Any:
        """Return what zeep reads in a reply, as JSON in the facade's convention, before it is `levelled`."""
        operation = self._of(name)
        response = SimpleNamespace(status_code=200, headers={}, content=envelope, encoding="utf-8")
        try:
            found = operation.binding.process_reply(self._client, operation, response)
        except Exception as wrong:
            raise Unable(f"zeep cannot read it: {type(wrong).__name__}: {wrong}") from wrong
        output = operation.output
        if output.body is None:
            return found
        if output.header.type._element:
            blocks = {element.qname.localname: (part, element) for part, element in output.header.type.elements}
            headers = {
                key: self._told(found.header[part], element.type)
                for key, (part, element) in blocks.items()
                if found.header is not None and part in found.header
            }
            body = self._told(found.body, output.body.type)
            return {**(body if isinstance(body, dict) else {}), "$headers": headers}
        return self._rewrapped(found, output.body.type)

    def _of(self, name: str) -> Any:
        if name not in self._operations:
            raise Unable("zeep does not have it")
        return self._operations[name]

    # --- from JSON to zeep's values

    def _value(self, value: Any, kind: Any) -> Any:
        if value is None:
            return xsd.Nil
        if isinstance(kind, ComplexType):
            if kind._array_type:
                return kind([self._value(each, self._item(kind)) for each in value])
            if isinstance(value, dict) and "@type" in value:
                kind = self._named(value["@type"])
            return kind(**self._fields(value, kind))
        if isinstance(kind, ListType):
            return [self._value(each, kind.item_type) for each in value]
        if isinstance(kind, AnySimpleType) and kind.__class__.__name__.startswith("g"):
            return kind.pythonvalue(value)
        return value

    def _named(self, name: str) -> Any:
        if name.startswith("{"):
            return self._client.wsdl.types.get_type(name)
        found = [
            each for each in self._client.wsdl.types.types if each.qname is not None and each.qname.localname == name
        ]
        if len(found) != 1:
            raise Unable(f"zeep has {len(found)} types called {name}")
        return found[0]

    def _item(self, kind: Any) -> Any:
        """Return the type of an item of one of SOAP's arrays."""
        attribute = kind._array_type
        return attribute.array_type if attribute.array_type is not None else kind.elements[0][1].type

    def _fields(self, value: Any, kind: Any) -> dict[str, Any]:
        """Return zeep's keyword arguments of a complex type."""
        found: dict[str, Any] = {}
        for name, attribute in kind.attributes:
            if isinstance(attribute, AnyAttribute):
                continue
            for key in (f"@{attribute.qname.localname}", f"@{attribute.qname.text}"):
                if key in value:
                    found[name] = self._value(value[key], attribute.type)
        for name, part in kind.elements_nested:
            if isinstance(part, Element):  # simple content
                if "$value" in value:
                    found[name] = self._value(value["$value"], part.type)
            else:
                left = {key: list(each) if isinstance(each, list) else [each] for key, each in value.items()}
                found |= self._group(left, name, part, kind.qname.namespace if kind.qname else "")
        return found

    def _group(self, left: dict[str, list[Any]], name: str | None, part: Any, space: str) -> dict[str, Any]:
        """Take what belongs to a sequence, choice, all or group out of `left`."""
        if part.accepts_multiple:
            rounds: list[dict[str, Any]] = []
            while (one := self._round(left, part, space, once=True)) and len(rounds) < 100:
                rounds.append(one)
            return {name or "_value_1": rounds} if rounds else {}
        return self._round(left, part, space, once=False)

    def _round(self, left: dict[str, list[Any]], part: Any, space: str, *, once: bool) -> dict[str, Any]:
        found: dict[str, Any] = {}
        inner = part.child if isinstance(part, Group) else part
        for name, each in inner.elements_nested:
            if isinstance(each, Element):
                found |= self._taken(left, name, each)
            elif isinstance(each, Wildcard):
                if left.get("$any"):
                    given = [_element(*next(iter(one.items())), space) for one in left.pop("$any")]
                    found[name] = given if each.accepts_multiple else given[0]
            else:
                found |= self._group(left, name, each, space)
            if once and found and isinstance(inner, Choice):
                break
        return found

    def _taken(self, left: dict[str, list[Any]], name: str, each: Any) -> dict[str, Any]:
        key = each.qname.localname if each.qname.localname in left else each.qname.text
        given = left.get(key)
        if not given:
            return {}
        many = each.accepts_multiple
        most = len(given) if each.max_occurs == "unbounded" else int(each.max_occurs)
        now, left[key] = given[:most], given[most:]
        values = [self._value(one, each.type) for one in now]
        return {name: values if many else values[0]}

    # --- from zeep's values to JSON

    def _rewrapped(self, found: Any, kind: Any) -> Any:
        """Put what zeep has unwrapped back into its wrappers: it leaves out an only child, and an only child of that."""
        if not isinstance(kind, ComplexType) or kind._array_type:
            return self._told(found, kind)
        if len(kind.elements) != 1 or kind.attributes:
            return self._told(found, kind)
        ((name, child),) = kind.elements
        inner = child.type
        only = (
            inner.elements[0][0]
            if isinstance(inner, ComplexType)
            and not inner._array_type
            and len(inner.elements) == 1
            and not inner.attributes
            else None
        )
        if only is None or child.accepts_multiple or isinstance(found, inner._value_class):
            return self._told_fields({name: found}, kind)
        return {_key(child): None if found is None else self._told_fields({only: found}, inner)}

    def _told(self, found: Any, kind: Any) -> Any:
        if found is None:
            return None
        if isinstance(kind, ComplexType):
            if isinstance(found, list):  # an array of SOAP's
                return [self._told(each, self._item(kind)) for each in found]
            actual = getattr(found, "_xsd_type", kind)
            if any(isinstance(each, builtins.Schema) for _, each in actual.elements):  # a DataSet
                rows = found["_value_1"]
                return None if rows is None else self._told_fields(rows, rows._xsd_type)
            told = self._told_fields(found, actual)
            if actual.qname != kind.qname and actual.qname is not None:
                told["@type"] = actual.qname.localname
            return told
        if isinstance(found, CompoundValue):  # of anyType, by its xsi:type
            return {**self._told_fields(found, found._xsd_type), "@type": found._xsd_type.qname.localname}
        if isinstance(found, etree._Element):
            return _read(found)
        if isinstance(found, list) and isinstance(kind, ListType):
            return [_text(each, kind.item_type) for each in found]
        if isinstance(found, list):
            return [_read(each) if isinstance(each, etree._Element) else each for each in found]
        return _text(found, kind)

    def _told_fields(self, found: Any, kind: Any) -> dict[str, Any]:
        told: dict[str, Any] = {}
        for name, attribute in kind.attributes:
            if isinstance(attribute, AnyAttribute):
                told |= {f"@{key}": each for key, each in (_under(found, name) or {}).items()}
            elif _under(found, name) is not None:
                told[f"@{attribute.name}"] = _text(found[name], attribute.type)
        for name, part in kind.elements_nested:
            if isinstance(part, Element):
                told["$value"] = self._told(found[name], part.type)
            else:
                self._told_group(found, name, part, kind, told)
        return told

    def _told_any(self, item: Any, whole: Any, told: dict[str, Any]) -> None:
        """Take an item of a wildcard; zeep's take elements, too, that the type declares after them, which are read as declared."""
        if not isinstance(item, etree._Element):
            told.setdefault("$any", []).append({"?": item})
            return
        declared = next(
            (each for _, each in whole.elements if isinstance(each, Element) and each.qname.text == item.tag), None
        )
        if declared is None:
            told.setdefault("$any", []).append({item.tag: _read(item)})
            return
        value = self._told(declared.parse(item, self._client.wsdl.types, allow_none=True), declared.type)
        if declared.accepts_multiple:
            told.setdefault(_key(declared), []).append(value)
        else:
            told[_key(declared)] = value

    def _told_group(self, found: Any, name: str | None, part: Any, whole: Any, told: dict[str, Any]) -> None:
        inner = part.child if isinstance(part, Group) else part
        rounds = [found]
        if part.accepts_multiple:
            rounds = _under(found, name or "_value_1") or []
        for one in rounds:
            for key, each in inner.elements_nested:
                if isinstance(each, Indicator):
                    self._told_group(one, key, each, whole, told)
                    continue
                if _under(one, key) is None:
                    continue
                if isinstance(each, Wildcard):
                    given = one[key] if isinstance(one[key], list) else [one[key]]
                    for item in given:
                        self._told_any(item, whole, told)
                    continue
                many = each.accepts_multiple or part.accepts_multiple
                values = one[key] if each.accepts_multiple else [one[key]]
                values = [self._told(value, each.type) for value in values]
                if (
                    not many
                    and sum(other.qname == each.qname for _, other in whole.elements if isinstance(other, Element)) > 1
                ):
                    told[_key(each)] = Last(values[0])
                elif many:
                    told.setdefault(_key(each), []).extend(values)
                else:
                    told[_key(each)] = values[0]


def _under(found: Any, name: str) -> Any:
    """Return what a dict or a value of zeep's, which has no `get`, holds under a name."""
    return found[name] if name in found else None  # noqa: SIM401 -- it is no dict


def _key(element: Any) -> str:
    return element.qname.localname


def _text(found: Any, kind: Any) -> Any:
    """Return a value of a simple type as the facade would: numbers as they are, everything else in its lexical form."""
    if isinstance(found, (bool, int, float, Decimal)):
        return found
    if isinstance(found, bytes):
        return b64encode(found).decode("ascii")
    if isinstance(found, list):
        return [_text(each, getattr(kind, "item_type", kind)) for each in found]
    return found if isinstance(found, str) else kind.xmlvalue(found)


def _element(name: str, value: Any, space: str) -> etree._Element:
    """Make what a wildcard holds: a name without a namespace has that of the type around it, `{}name` has none."""
    element = etree.Element(name.removeprefix("{}") if name.startswith("{") else f"{{{space}}}{name}")
    element.text = value
    return element


def _read(element: etree._Element) -> Any:
    if not len(element):
        return element.text
    told: dict[str, Any] = {}
    for child in element:
        told.setdefault(etree.QName(child).localname, []).append(_read(child))
    return {key: each[0] if len(each) == 1 else each for key, each in told.items()}


# Where the two may differ without either being wrong


@dataclass(frozen=True)
class Node:
    """An element as it is compared: namespaces for prefixes, attributes without order, no white space around children."""

    tag: str
    attributes: tuple[tuple[str, str], ...]
    text: str
    children: tuple[Node, ...]


def tree(element: etree._Element, *, encoded: bool) -> Node:
    """Return an element to compare.

    Left out: xsi:type of XML Schema's own types (the facade says what an anyType holds), and, where the message is `encoded`, every
    xsi:type, arrayType and encodingStyle, which zeep never sends.
    """
    attributes = dict(element.attrib)
    if named := attributes.pop(f"{XSI}type", None):
        clark = _clark(element, named)
        if not encoded and not clark.startswith(_XSD):
            attributes[f"{XSI}type"] = clark
    if encoded:
        attributes = {key: each for key, each in attributes.items() if "}" not in key or key.startswith(XSI)}
    children = tuple(tree(child, encoded=encoded) for child in element)
    text = "" if children else element.text or ""
    return Node(
        element.tag, tuple(sorted(attributes.items())), _clark(element, text) if ":" in text else text, children
    )


def _clark(element: etree._Element, text: str) -> str:
    """Resolve a QName by the prefixes at hand, and leave alone what is none."""
    prefix, _, plain = text.rpartition(":")
    space = element.nsmap.get(prefix or None)
    return f"{{{space}}}{plain}" if space else text


def blocks(envelope: etree._Element, *, encoded: bool) -> Node:
    """Return an envelope to compare: header blocks in the order of their names, and what is in the Body."""
    parts = {etree.QName(part).localname: part for part in envelope}
    header = sorted((tree(each, encoded=encoded) for each in parts.get("Header", ())), key=lambda node: node.tag)
    body = tuple(tree(each, encoded=encoded) for each in parts["Body"])
    return Node("Envelope", (), "", (Node("Header", (), "", tuple(header)), Node("Body", (), "", body)))


@dataclass(frozen=True)
class Last:
    """What zeep has kept of an element that a type declares in two places: the last one."""

    value: Any


def otherwise(ours: Node, theirs: Node, at: str = "") -> str | None:
    """Return the first place where two elements differ, None where they are the same."""
    at = f"{at}/{ours.tag.rpartition('}')[2]}"
    for what in ("tag", "attributes", "text"):
        if getattr(ours, what) != getattr(theirs, what):
            return f"{at}: {what} {getattr(ours, what)!r} is {getattr(theirs, what)!r} to zeep"
    if found := next(filter(None, map(otherwise, ours.children, theirs.children, repeat(at))), None):
        return found
    if len(ours.children) != len(theirs.children):
        tags = [[child.tag for child in each.children] for each in (ours, theirs)]
        return f"{at}: {tags[0]} are {tags[1]} to zeep"
    return None


def levelled(value: Any) -> Any:
    """Return a JSON value without what zeep does not tell apart: null, absent, "", [] and {} are all nothing to it.

    What the facade shortens, names of types and of what wildcards hold, is compared without namespaces.
    """
    if isinstance(value, dict):
        made = {key: levelled(each) for key, each in value.items()}
        if "@type" in made:
            made["@type"] = made["@type"].rpartition("}")[2]
        if "$any" in made:
            made["$any"] = [{key.rpartition("}")[2]: each for key, each in item.items()} for item in made["$any"]]
        return {key: each for key, each in made.items() if each is not None} or None
    if isinstance(value, list):
        return [levelled(each) for each in value] or None
    if isinstance(value, Last):
        return Last(levelled(value.value))
    return None if value == "" else value


def difference(ours: Any, theirs: Any, at: str = "") -> str | None:
    """Return the first place where two levelled values differ, None where they are the same."""
    if isinstance(ours, dict) and isinstance(theirs, dict):
        for key in dict.fromkeys((*ours, *theirs)):
            if found := difference(ours.get(key), theirs.get(key), f"{at}/{key}"):
                return found
        return None
    if isinstance(ours, list) and isinstance(theirs, list) and len(ours) == len(theirs):
        return next(
            filter(None, (difference(*pair, f"{at}/{n}") for n, pair in enumerate(zip(ours, theirs, strict=True)))),
            None,
        )
    if isinstance(theirs, Last):
        return difference(ours[-1] if isinstance(ours, list) else ours, theirs.value, at)
    return None if _same(ours, theirs) else f"{at or '/'}: {ours!r} is {theirs!r} to zeep"


def _same(ours: Any, theirs: Any) -> bool:
    if ours == theirs and isinstance(ours, bool) == isinstance(theirs, bool):
        return True
    if (
        isinstance(theirs, (int, float, Decimal))
        and not isinstance(theirs, bool)
        and isinstance(ours, (str, int, float))
    ):
        try:
            return Decimal(str(ours)) == Decimal(str(theirs))
        except InvalidOperation:
            return False
    # zeep has a QName as it is written
    return (
        isinstance(ours, str)
        and isinstance(theirs, str)
        and ours[:1] == "{"
        and theirs.endswith(f":{ours.rpartition('}')[2]}")
    )
