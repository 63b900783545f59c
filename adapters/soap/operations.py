"""Operations put together from the collected parts of a WSDL: binding, port type, messages and schema in one value each.

Stands between `definitions` and the `Index`. What does not fit together is told to `Definitions.problem`; an operation
is never lost for it, only the detail.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final, NamedTuple
from urllib.parse import urlsplit

from lxml import etree

from adapters.soap import namespaces
from adapters.soap.contract import Binding, Endpoint, Kind, Operation
from adapters.soap.definitions import Definitions
from adapters.soap.schema import Component, Parameter, Typed
from adapters.xml import local, ns

__all__ = ["Assembly", "Side", "Wire"]

_WSDL: Final = f"{{{namespaces.WSDL}}}"
_INPUT: Final = f"{_WSDL}input"
_OUTPUT: Final = f"{_WSDL}output"
_FAULT: Final = f"{_WSDL}fault"
_TEXT: Final = 2_000  # characters of documentation, which people read on a page
_SOAP: Final = {namespaces.SOAP11_BINDING: Kind.SOAP11, namespaces.SOAP12_BINDING: Kind.SOAP12}
_HTTP: Final = {"GET": Kind.HTTP_GET, "POST": Kind.HTTP_POST}
_EXTENSIONS: Final = tuple(f"{{{space}}}{name}" for space in _SOAP for name in ("body", "header"))
_SLICE: Final = 8  # operations between two yields: 0.6 ms


class Part(NamedTuple):
    """A part of a message: `element` or `type` in Clark notation."""

    name: str
    element: str | None
    type: str | None


class _Promise(NamedTuple):
    """An operation of a port type: names of its messages, None where it has no such side."""

    name: str
    input_name: str | None
    input: str | None
    output: str | None
    faults: tuple[str, ...] = ()  # their messages
    text: str = ""  # its documentation


class Side(NamedTuple):
    """The input or output of an operation in a SOAP binding, as its extension elements describe it."""

    parts: tuple[str, ...] = ()  # what soap:body lists; empty means all
    namespace: str = ""
    headers: tuple[tuple[str, str], ...] = ()  # part and element
    encoded: bool = False


class Wire(NamedTuple):
    """How a SOAP binding carries an operation: the names of its messages, and what it says of each side."""

    kind: Kind
    rpc: bool
    input: str | None
    output: str | None
    faults: tuple[str, ...]
    asked: Side
    answered: Side
    text: str


class _Carrier(NamedTuple):
    """A binding element, understood: what it carries and for whom."""

    component: Component
    kind: Kind
    rpc: bool
    name: str
    port_type: str
    paths: frozenset[str]


@dataclass(slots=True)
class _Draft:
    """An operation while its bindings are still being found."""

    name: str
    body: str | None
    reply: str | None
    parameters: tuple[Parameter, ...] | None
    results: tuple[Typed, ...] | None = None
    bindings: list[Binding] = field(default_factory=list)
    wire: Wire | None = None  # SOAP 1.1's where there is one

    def bound(self, binding: Binding) -> bool:
        return any(each.name == binding.name for each in self.bindings)


@dataclass(slots=True)
class Assembly:
    """Makes `endpoints` and `operations` out of definitions, step by step."""

    of: Definitions
    endpoints: list[Endpoint] = field(default_factory=list)
    _drafts: dict[tuple[str, str], _Draft] = field(default_factory=dict)
    _names: dict[str, list[_Draft]] = field(default_factory=dict)
    _port_types: dict[str, dict[str, list[_Promise]]] = field(default_factory=dict)
    _messages: dict[str, tuple[Part, ...]] = field(default_factory=dict)

    def steps(self) -> Iterator[None]:
        """Do the work, giving control back after each millisecond of it."""
        carriers = list(self._carriers())
        yield
        for name, component in self.of.port_types.items():
            yield from self._promises(name, component)
        abstract = self.of.port_types.keys() - {carrier.port_type for carrier in carriers}
        # SOAP first: an ASMX path has no input element of its own, it is the SOAP operation of that name.
        carriers.sort(key=lambda carrier: carrier.kind in _HTTP.values())
        work = [self._carried(carrier) for carrier in carriers]
        work += [self._abstract(name) for name in self.of.port_types if name in abstract]
        count = 0
        for operations in work:
            for _ in operations:
                count += 1
                if count % _SLICE == 0:
                    yield

    def operations(self) -> Iterator[Operation]:
        """Give what the steps have found, in the order of the documents."""
        for each in self._drafts.values():
            yield Operation(each.name, each.body, each.reply, each.parameters, tuple(each.bindings), each.results)

    def wires(self) -> Iterator[tuple[str, str | None, Wire | None]]:
        """Give each operation's name, its input element and its wire, in the same order; None where no SOAP binding carries it."""
        for each in self._drafts.values():
            yield each.name, each.body, each.wire

    def parts(self, message: str | None) -> tuple[Part, ...]:
        """Return the parts of a message, none where it is not at hand."""
        return self._message(message)

    # Endpoints and bindings

    def _carriers(self) -> Iterator[_Carrier]:
        ports = [
            (service, port, service.resolve(port.get("binding", "")))
            for service in self.of.services
            for port in service.element.iterfind(f"{_WSDL}port")
        ]
        paths: dict[str, set[str]] = {}
        for _, port, binding in ports:
            if (address := _address(port)) is not None:
                paths.setdefault(binding, set()).add(_path(address))
        kinds = {}
        for name, component in self.of.bindings.items():
            kind, rpc = self._kind(component)
            kinds[name] = kind
            if kind is None:
                self.of.problem(f"binding {name} is neither SOAP nor HTTP; its operations are not seen through it")
                continue
            port_type = component.resolve(component.element.get("type", ""))
            yield _Carrier(component, kind, rpc, name, port_type, frozenset(paths.get(name, ())))
        for service, port, binding in ports:
            self._endpoint(service, port, binding, kinds.get(binding))

    def _endpoint(self, service: Component, port: etree._Element, binding: str, kind: Kind | None) -> None:
        name, address = port.get("name", ""), _address(port)
        if kind is None or address is None:
            missing = "an address" if address is None else f"a binding that is known ({binding})"
            self.of.problem(f"port {name} has not {missing}")
            return
        self.endpoints.append(Endpoint(service.element.get("name", ""), name, kind, address, _path(address), binding))

    def _kind(self, component: Component) -> tuple[Kind | None, bool]:
        for child in component.element:
            space = ns(child.tag)
            if local(child.tag) != "binding":
                continue
            if space in _SOAP:
                return _SOAP[space], child.get("style") == "rpc"
            if space == namespaces.HTTP_BINDING:
                return _HTTP.get(child.get("verb", "").upper()), False
        return None, False

    # Operations

    def _carried(self, carrier: _Carrier) -> Iterator[None]:
        carry = self._http if carrier.kind in _HTTP.values() else self._soap
        for element in carrier.component.element.iterfind(f"{_WSDL}operation"):
            promise = self._promised(carrier, element)
            carry(carrier, carrier.component.at(element), promise)
            yield

    def _abstract(self, port_type: str) -> Iterator[None]:
        for promises in self._named(port_type).values():
            for promise in promises:
                body, reply = (self._element(message, Side()) for message in (promise.input, promise.output))
                self._add(promise.name, body, reply, Binding(Kind.ABSTRACT, port_type), ())
                yield

    def _soap(self, carrier: _Carrier, bound: Component, promise: _Promise) -> None:
        rpc, action, sides = carrier.rpc, None, {_INPUT: Side(), _OUTPUT: Side()}
        for child in bound.element:
            if child.tag in sides:
                sides[child.tag] = self._side(bound, child)
            elif local(child.tag) == "operation":
                rpc, action = child.get("style", "rpc" if rpc else "") == "rpc", child.get("soapAction")
        asked, answered = sides[_INPUT], sides[_OUTPUT]
        binding = Binding(
            carrier.kind,
            carrier.name,
            carrier.paths,
            rpc=rpc,
            action=action,
            input_headers=tuple([element for _, element in asked.headers]),
            output_headers=tuple([element for _, element in answered.headers]),
            encoded=asked.encoded or answered.encoded,
        )
        body: str | None
        reply: str | None
        if rpc:  # the call is wrapped in an element of the operation's name (WSDL 1.1 §3.5)
            body = _clark(asked.namespace, promise.name)
            reply = promise.output and _clark(answered.namespace, f"{promise.name}Response")
        else:
            body, reply = self._element(promise.input, asked), self._element(promise.output, answered)
        draft = self._add(promise.name, body, reply, binding, self._message(promise.input))
        if draft.wire is None or carrier.kind is Kind.SOAP11:
            names = promise.input, promise.output, promise.faults
            draft.wire = Wire(carrier.kind, rpc, *names, asked, answered, promise.text)

    def _http(self, carrier: _Carrier, bound: Component, promise: _Promise) -> None:
        asked = bound.element.find(f"{{{namespaces.HTTP_BINDING}}}operation")
        location = "" if asked is None else asked.get("location", "")
        name = location.strip("/") or promise.name
        binding = Binding(
            carrier.kind,
            carrier.name,
            carrier.paths,
            location=location or f"/{name}",
            inputs=tuple(part.name for part in self._message(promise.input)),
            output=self._root(bound, promise),
        )
        known = self._names.get(name)
        if known:
            known[0].bindings.append(binding)
        else:
            reply = self._element(promise.output, Side())
            self._add(name, None, reply, binding, self._message(promise.input))

    def _root(self, bound: Component, promise: _Promise) -> tuple[Typed, ...] | None:
        """Return the element that a reply by path has for a root, () where it is empty, None where it may be anything."""
        parts = self._message(promise.output)
        side = bound.element.find(_OUTPUT)
        said = () if side is None else tuple(local(child.tag) for child in side)
        if not parts and not said:
            return ()
        element = parts[0].element if len(parts) == 1 and said == ("mimeXml",) else None
        typed = None if element is None else self.of.schemas.typed(element)
        return None if typed is None else (typed,)

    def _add(self, name: str, body: str | None, reply: str | None, binding: Binding, parts: Iterable[Part]) -> _Draft:
        """Keep one operation per input element; two of one binding that share it are told apart by their names."""
        twin = (body or "", name)
        key, named = ((body, ""), local(body)) if body is not None and not binding.rpc else (twin, name)
        draft = self._drafts.get(twin) or self._drafts.get(key)
        if draft is not None and draft.bound(binding):
            self.of.problem(f"operations {draft.name} and {name} of {binding.name} have the same input {body}")
            key, named, draft = twin, name, None
        if draft is None:
            results = self.of.schemas.children(reply) if reply is not None and not binding.rpc else None
            draft = self._drafts[key] = _Draft(named, body, reply, self._parameters(body, binding, parts), results)
            self._names.setdefault(named, []).append(draft)
        draft.bindings.append(binding)
        return draft

    def _parameters(self, body: str | None, binding: Binding, parts: Iterable[Part]) -> tuple[Parameter, ...] | None:
        if body is None or binding.rpc:
            simple = self.of.schemas.simple
            return tuple(
                Parameter(part.name, simple(part.type) if part.type else None, clark=part.name) for part in parts
            )
        return self.of.schemas.parameters(body)

    # Port types and messages

    def _promises(self, port_type: str, component: Component) -> Iterator[None]:
        found = self._port_types[port_type] = {}
        for count, element in enumerate(component.element.iterfind(f"{_WSDL}operation"), 1):
            promise = _promise(component.at(element))
            found.setdefault(promise.name, []).append(promise)
            if count % _SLICE == 0:
                yield

    def _named(self, port_type: str) -> Mapping[str, list[_Promise]]:
        if port_type not in self._port_types:
            self.of.problem(f"portType {port_type} is not defined in any document at hand")
            self._port_types[port_type] = {}
        return self._port_types[port_type]

    def _promised(self, carrier: _Carrier, element: etree._Element) -> _Promise:
        """Find the port type's operation; overloaded ones are told apart by their input's name (WSDL 1.1 §2.5)."""
        name = element.get("name", "")
        found = self._named(carrier.port_type).get(name, [])
        if len(found) > 1:
            side = element.find(_INPUT)
            asked = None if side is None else side.get("name")
            found = [each for each in found if each.input_name == asked] or found
        if found:
            return found[0]
        self.of.problem(f"operation {name} of {carrier.name} is not in {carrier.port_type}")
        return _Promise(name, None, None, None)

    def _message(self, name: str | None) -> tuple[Part, ...]:
        if name is None:
            return ()
        if name not in self._messages:
            component = self.of.messages.get(name)
            if component is None:
                self.of.problem(f"message {name} is not defined in any document at hand")
            self._messages[name] = () if component is None else tuple(_parts_of(component))
        return self._messages[name]

    def _element(self, message: str | None, side: Side) -> str | None:
        """Return the element that stands in the Body: the part that `soap:body` lists, or the first not in a header."""
        parts = self._message(message)
        if len(parts) > 1:
            hidden = {part for part, _ in side.headers}
            listed = [part for part in parts if part.name in side.parts]
            parts = tuple(listed or [part for part in parts if part.name not in hidden])
        return next((part.element for part in parts if part.element), None)

    def _side(self, bound: Component, element: etree._Element) -> Side:
        listed: tuple[str, ...] = ()
        namespace = ""
        headers = []
        encoded = False
        for child in element.iter(*_EXTENSIONS):  # they may stand inside mime:multipartRelated
            if local(child.tag) == "body":
                listed, namespace = tuple(child.get("parts", "").split()), child.get("namespace", "")
                encoded = child.get("use") == "encoded"
                continue
            named = child.get("part", "")
            parts = self._message(bound.scope.resolve(child, child.get("message", "")))
            header = next((part.element for part in parts if part.name == named), None)
            if header:
                headers.append((named, header))
            else:
                self.of.problem(f"header part {named} of {bound.element.get('name')} is not an element")
        return Side(listed, namespace, tuple(headers), encoded)


def _promise(component: Component) -> _Promise:
    name, messages, input_name = component.element.get("name", ""), {}, None
    faults, text = list[str](), ""
    for side in component.element:
        if side.tag == _FAULT:
            faults.append(component.scope.resolve(side, side.get("message", "")))
        elif side.tag == f"{_WSDL}documentation":
            text = " ".join("".join(map(str, side.itertext())).split())[:_TEXT]
        if side.tag in (_INPUT, _OUTPUT):
            messages[side.tag] = component.scope.resolve(side, side.get("message", ""))
            input_name = side.get("name") if side.tag == _INPUT else input_name
    return _Promise(name, input_name, messages.get(_INPUT), messages.get(_OUTPUT), tuple(faults), text)


def _parts_of(component: Component) -> Iterator[Part]:
    for part in component.element.iterfind(f"{_WSDL}part"):
        element, type_ = part.get("element"), part.get("type")
        resolve = component.scope.resolve
        yield Part(part.get("name", ""), element and resolve(part, element), type_ and resolve(part, type_))


def _address(port: etree._Element) -> str | None:
    found = next((c for c in port if local(c.tag) == "address"), None)
    return None if found is None else found.get("location")


def _path(address: str) -> str:
    try:
        return urlsplit(address.strip()).path or "/"
    except ValueError:  # a bracket without its twin; the vendors ship placeholders here
        return "/"


def _clark(namespace: str, name: str) -> str:
    return f"{{{namespace}}}{name}" if namespace else name
