"""How a backend is asked an operation: in which version of SOAP, with which action; and in which other version that means the same.

Under the question, asked for each. It answers from the contract and remembers that while the contract is the same; it reads no message.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from adapters.soap.contract import Kind
from sidecar.model import Dialect

if TYPE_CHECKING:
    from adapters.soap.contract import Binding, Index, Operation
    from sidecar.model import RawHeaders

_KINDS: Final = {Dialect.SOAP11: Kind.SOAP11, Dialect.SOAP12: Kind.SOAP12}


class Way(NamedTuple):
    """How the backend is asked: the endpoint's path, the version, and the action, None where none is sent.

    `alike` are the versions whose callers ask the same.
    """

    path: str
    dialect: Dialect
    action: str | None
    alike: tuple[Dialect, ...]
    rpc: bool = False

    @property
    def headers(self) -> RawHeaders:
        """The header lines that the protocol needs (SOAP 1.1 section 6.1, SOAP 1.2 part 2 section 7.1)."""
        return headers_of(self.dialect, self.action)


def headers_of(dialect: Dialect, action: str | None) -> RawHeaders:
    """Return the header lines of a request in a version of SOAP, with its action, None where none is sent."""
    if dialect is Dialect.SOAP11:
        media = ((b"Content-Type", b"text/xml; charset=utf-8"),)
        return media if action is None else (*media, (b"SOAPAction", b'"' + action.encode() + b'"'))
    said = "" if action is None else '; action="' + action.replace("\\", "\\\\").replace('"', '\\"') + '"'
    return ((b"Content-Type", b"application/soap+xml; charset=utf-8" + said.encode()),)


class Ways:
    """The ways of one endpoint, whose own path at the backend is `path`, None where nobody knows it."""

    __slots__ = ("_from", "_known", "path")

    def __init__(self, path: str | None) -> None:
        self.path = path
        self._known: dict[int, Way | None] = {}
        self._from: Index | None = None

    def find(self, index: Index, operation: Operation) -> Way | None:
        """Return how the contract has an operation of `index` asked, SOAP 1.1 first; None where no SOAP binding says it in literal XML."""
        if index is not self._from:
            self._known, self._from = {}, index
        key = id(operation)  # the index that is held here holds it
        if key not in self._known:
            self._known[key] = _way(operation, self.path or "/")
        return self._known[key]


def _way(operation: Operation, path: str) -> Way | None:
    bound = {dialect: _literal(operation, kind, path) for dialect, kind in _KINDS.items()}
    found = [(dialect, binding) for dialect, binding in bound.items() if binding is not None]
    if not found:
        return None
    mine, binding = found[0]
    action = binding.action or (
        "" if mine is Dialect.SOAP11 else None
    )  # SOAP 1.1 section 6.1.1: the line must be there
    return Way(path, mine, action, tuple(each for each, other in found if other.rpc is binding.rpc), binding.rpc)


def _literal(operation: Operation, kind: Kind, path: str) -> Binding | None:
    """Return the binding of a kind at this endpoint; a path that the WSDL does not know decides nothing."""
    bound = [each for each in operation.bindings if each.kind is kind]
    known = any(path in each.paths for each in operation.bindings)
    return next((each for each in bound if not each.encoded and (not known or path in each.paths)), None)
