"""What a WSDL promises, as values: endpoints, operations, and by which binding and action each operation is reached.

`wsdl` makes an `Index`; routing, the dialects and the settings' check ask it. It is frozen and holds no XML.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from adapters.soap.schema import Parameter, Typed

__all__ = ["Binding", "Endpoint", "Index", "Kind", "Operation"]


class Kind(StrEnum):
    """How a binding carries an operation; `abstract` is a port type that no binding carries."""

    SOAP11 = "soap11"
    SOAP12 = "soap12"
    HTTP_GET = "http-get"
    HTTP_POST = "http-post"
    ABSTRACT = "abstract"


@dataclass(frozen=True, slots=True)
class Binding:
    """One way to one operation. `paths` are those of the endpoints that offer it, empty where no service does.

    Of the HTTP bindings: `inputs` are the names that query or form hold, `output` the element that a reply has for a root; both None
    where the WSDL says it in a way that is not understood, `output` () where a reply holds nothing.
    """

    kind: Kind
    name: str
    paths: frozenset[str] = frozenset()
    rpc: bool = False
    action: str | None = None  # SOAPAction as the WSDL has it, which may be the empty string
    location: str | None = None  # of the HTTP bindings, as in `/GetSeats`
    input_headers: tuple[str, ...] = ()
    output_headers: tuple[str, ...] = ()
    encoded: bool = False  # of a SOAP binding: what it carries is not literal (SOAP 1.1 section 5)
    inputs: tuple[str, ...] | None = None
    output: tuple[Typed, ...] | None = None


@dataclass(frozen=True, slots=True)
class Operation:
    """What a backend is asked to do, named by its input element; `body` and `reply` are in Clark notation.

    Two namespaces may hold the same name: what is kept per operation is kept under `body`. `parameters` is None
    where their schema is not at hand, and empty where there are none. `results` are the children of `reply`, in the same way.
    """

    name: str
    body: str | None
    reply: str | None
    parameters: tuple[Parameter, ...] | None
    bindings: tuple[Binding, ...]
    results: tuple[Typed, ...] | None = None

    def binding(self, kind: Kind, path: str | None = None) -> Binding | None:
        """Return how this operation is reached by `kind`, at the endpoint `path` where several differ."""
        found = [each for each in self.bindings if each.kind is kind]
        here = [each for each in found if path in each.paths]
        return next(iter(here or found), None)

    def action(self, kind: Kind, path: str | None = None) -> str | None:
        """Return the canonical SOAPAction, None where this operation has no such binding."""
        binding = self.binding(kind, path)
        return None if binding is None else binding.action


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A port of a service; `address` is the backend's own and is never shown to a client."""

    service: str
    port: str
    kind: Kind
    address: str
    path: str
    binding: str


@dataclass(frozen=True, slots=True)
class Index:
    """All that is known of a backend's contract, with what could not be understood and which documents are missing."""

    target: str
    endpoints: tuple[Endpoint, ...]
    operations: tuple[Operation, ...]
    problems: tuple[str, ...]
    wanted: tuple[str, ...]  # locations that imports and includes name and nobody has given
    _bodies: Mapping[str, tuple[Operation, ...]] = field(repr=False, default_factory=dict)
    _names: Mapping[str, tuple[Operation, ...]] = field(repr=False, default_factory=dict)
    _actions: Mapping[str, tuple[Operation, ...]] = field(repr=False, default_factory=dict)
    _locations: Mapping[str, tuple[Operation, ...]] = field(repr=False, default_factory=dict)

    def by_body(self, body: str, path: str | None = None, action: str | None = None) -> Operation | None:
        """Return the operation whose input element this is.

        Where several have it (ONVIF, across bindings), the endpoint decides, then the action; a path that the WSDL
        does not know decides nothing, for a backend may stand behind another address than it believes.
        """
        found = self._bodies.get(body, ())
        if len(found) > 1 and path is not None:
            found = tuple(o for o in found if any(path in b.paths for b in o.bindings)) or found
        if len(found) > 1 and action is not None:
            found = tuple(o for o in found if any(action == b.action for b in o.bindings)) or found
        return found[0] if found else None

    def by_action(self, action: str) -> tuple[Operation, ...]:
        """Return all that share a SOAPAction: none, one, or (Magento, VMware) every operation there is."""
        return self._actions.get(action, ())

    def by_location(self, location: str) -> Operation | None:
        """Return the operation of an ASMX path below the endpoint, as in `/GetSeats`; names are case-sensitive."""
        found = self._locations.get(location, ())
        return found[0] if found else None

    def by_name(self, name: str) -> tuple[Operation, ...]:
        """Return all operations of this name: more than one only across namespaces or bindings."""
        return self._names.get(name, ())
