"""Compares the names in a settings file with the backend's WSDL. A misspelt `deny` denies nothing, and nothing else would say so.

It is given what reads a WSDL as a function and knows no XML. Asked by `check` alone: a start never waits for a WSDL.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Final, Protocol, TypeAlias

from sidecar import model
from sidecar.settings import exposing, keeping, standins, tags
from sidecar.settings.build import COMPARISONS, endpoints_of, is_every, lines_of
from sidecar.settings.findings import Findings, near
from sidecar.settings.rules import Parameter

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from pathlib import Path

    from sidecar.settings.complaints import Loc
    from sidecar.settings.files import Files
    from sidecar.settings.findings import RootOf
    from sidecar.settings.problem import Problem
    from sidecar.settings.rooms import Cover
    from sidecar.settings.schema import Backend, Operation, Settings
    from sidecar.settings.tree import Block


@dataclass(frozen=True, slots=True)
class Contract:
    """What a WSDL offers: operations with the names of their parameters, of the elements in their replies, and of the reply's own, as
    {namespace}name.

    None stands for names that nobody knows, because their schema is not at hand or leaves them open.
    """

    operations: Mapping[str, frozenset[str] | None]
    replies: Mapping[str, frozenset[str] | None] = field(default_factory=dict)
    roots: Mapping[str, str | None] = field(default_factory=dict)
    json: InJson | None = None


class InJson(Protocol):
    """What a WSDL says of its operations in JSON. Asked only where the settings expose any: it takes a while to know."""

    def unspoken(self, operation: str) -> str:
        """Return why an operation cannot be called in JSON, "" where it can."""
        ...

    def unfit(self, operation: str, data: str) -> str:
        """Return why JSON is no reply of an operation, "" where it is one."""
        ...


_LISTED: Final = 5  # operations that one message names


class NoContractError(Exception):
    """A file is no WSDL; the text says why."""


ContractOf: TypeAlias = "Callable[[Path], Contract | None]"
"""Reads a WSDL file. None where documents that it imports are missing, so that nothing can be said; raises NoContractError."""


def compare(
    settings: Settings,
    root: Block,
    files: Files,
    contract_of: ContractOf,
    wsdls: Mapping[str, Path],
    root_of: RootOf | None = None,
) -> list[Problem]:
    """Return a problem for every name that the WSDLs at hand have not.

    They are those that the settings name, or, by backend or `backend/endpoint`, those in `wsdls`; "" is the only SOAP backend. One file
    speaks for one endpoint: where another endpoint has none, a name may be right all the same, and nothing is said.
    """
    check = Findings(root, files, root_of)
    soap = [name for name, backend in settings.backends.items() if backend.protocol is model.Protocol.SOAP]
    if "" in wsdls and len(soap) == 1:
        wsdls = {name or soap[0]: path for name, path in wsdls.items()}
    for name, path in wsdls.items():
        if what := _foreign(name, path, settings):
            remedy = f"SOAP backends: {', '.join(soap) or 'none'}"
            check.add("E310", ("backends",), f"--wsdl {name or path}: {what}", remedy, key=True)
    for name, backend in settings.backends.items():
        if backend.protocol is model.Protocol.SOAP:
            contracts = [_contract(path, name, check, contract_of) for path in _files(name, backend, files, wsdls)]
            whole = _together(contracts)
            ruled = _ruled(backend, whole)
            if whole is not None:
                names = _Names(backend, ("backends", name), whole, check)
                names.compare()
                for loc, cover in _covers(settings, name):
                    names.covered(loc, cover)
                standins.against(backend, ("backends", name), whole.roots, ruled, check)
            for one in contracts:
                exposing.against(name, backend, one, ruled, check)
            keeping.against(backend, ("backends", name), whole.operations if whole is not None else {}, ruled, check)
        else:
            keeping.against(backend, ("backends", name), {}, {}, check)
    return check.problems


def _covers(settings: Settings, backend: str) -> Iterator[tuple[Loc, Cover]]:
    for name, room in settings.rooms.items():
        for index, cover in enumerate(room.covers):
            if cover.backend == backend:
                yield ("rooms", name, "covers", index), cover


def _ruled(backend: Backend, contract: Contract | None) -> dict[str, list[str]]:
    """Return the operations of a WSDL by the line that rules them; a pattern rules what no longer one does."""
    lines = [line.pattern for line in lines_of(backend)]
    ruled: dict[str, list[str]] = {}
    for name in contract.operations if contract is not None else ():
        ruled.setdefault(next(line for line in lines if fnmatchcase(name, line)), []).append(name)
    return ruled


def _foreign(name: str, path: Path, settings: Settings) -> str:
    """Return why a WSDL from the command line speaks for nobody, "" where it does."""
    backend, _, endpoint = name.partition("/")
    found = settings.backends.get(backend)
    if not name:
        return "say whose it is, as in --wsdl tickets=tickets.wsdl"
    if found is None:
        return f"there is no backend {backend}"
    if found.protocol is not model.Protocol.SOAP:
        return f"{backend} speaks {found.protocol.value}, which has no WSDL"
    if endpoint and endpoint not in (found.endpoints or {}):
        return f"{backend} has no endpoint {endpoint}"
    return "" if path.is_file() else f"there is no file {path}"


def _files(name: str, backend: Backend, files: Files, wsdls: Mapping[str, Path]) -> list[Path | None]:
    """Return the WSDL file of each endpoint, None where there is none."""
    own = None if backend.wsdl is None else files.path(("backends", name, "wsdl"), backend.wsdl)
    endpoints = [endpoint for endpoint, _ in endpoints_of(backend)]
    if name in wsdls:  # somebody says that it speaks for the whole backend
        return [wsdls[name]]
    return [wsdls.get(f"{name}/{endpoint}", own if len(endpoints) == 1 else None) for endpoint in endpoints]


def _contract(path: Path | None, name: str, check: Findings, contract_of: ContractOf) -> Contract | None:
    if path is None or not path.is_file():
        return None
    try:
        return contract_of(path)
    except NoContractError as error:
        check.add("E310", ("backends", name, "wsdl"), f"is no WSDL: {error}")
        return None


def _together(contracts: Iterable[Contract | None]) -> Contract | None:
    """Return what all offer, None where one of them is not known."""
    operations: dict[str, frozenset[str] | None] = {}
    replies: dict[str, frozenset[str] | None] = {}
    for contract in contracts:
        if contract is None:
            return None
        for known, more in ((operations, contract.operations), (replies, contract.replies)):
            for name, names in more.items():
                before = known.get(name, frozenset())
                known[name] = None if names is None or before is None else names | before
    roots: dict[str, str | None] = {}
    for contract in contracts:
        for name, root in contract.roots.items() if contract is not None else ():
            roots[name] = root if roots.get(name, root) == root else None
    return Contract(operations, replies, roots)


class _Names:
    """The names of one backend."""

    def __init__(self, backend: Backend, at: Loc, contract: Contract, check: Findings) -> None:
        self._backend, self._at, self._contract, self._check = backend, at, contract, check

    def compare(self) -> None:
        backend, at = self._backend, self._at
        for pattern, rule in backend.operations.items():
            self._operation((*at, "operations", pattern), pattern, key=True)
            self._kept((*at, "operations", pattern), pattern, rule)
        for key, patterns in (("deny", backend.deny), ("expose", backend.expose or [])):
            for index, pattern in enumerate(patterns):
                self._operation((*at, key, index), pattern)
        for index, injection in enumerate(backend.inject):
            self._operation((*at, "inject", index, "operation"), injection.operation)
        for index, name in enumerate(backend.identity.params):
            self._shown_by_nobody((*at, "identity", "params", index), name)
        for index, result in enumerate(backend.results):
            loc: Loc = (*at, "results", index)
            self._operation((*loc, "operation"), result.operation)
            said = self._check.shown((*loc, "operation"), result.operation)
            for compare_by in COMPARISONS:
                than = getattr(result.when, compare_by)
                if isinstance(than, Parameter):
                    self._parameter((*loc, "when", compare_by, "param"), than.param, result.operation, said)
            self._path((*loc, "when", "path"), result.when.path, result.operation, said)

    def covered(self, at: Loc, cover: Cover) -> None:
        """Compare what a room stands before: a pattern that names nothing protects nothing."""
        for index, pattern in enumerate(cover.operations):
            self._operation((*at, "operations", index), pattern)
        covered = [name for pattern in cover.operations for name in self._matching(pattern, any_case=False)]
        known = {name: self._contract.operations[name] for name in dict.fromkeys(covered)}
        for param in cover.where:
            loc: Loc = (*at, "where", param)
            without = [name for name, params in known.items() if params is not None and param not in params]
            if not without:
                continue
            if len(without) == len(known):
                names = {name for params in known.values() for name in params or ()}
                self._missing(loc, "none of these operations has a parameter", param, names, 0.5, key=True)
            else:
                listed = ", ".join(without[:_LISTED]) + (
                    f" and {len(without) - _LISTED} more" if without[_LISTED:] else ""
                )
                what = f"{listed} {'has' if len(without) == 1 else 'have'} no such parameter: all calls of it wait, whatever they are about"
                self._check.add("W436", loc, what, "name the operations that have it", key=True)

    def _operation(self, loc: Loc, pattern: str, *, key: bool = False) -> None:
        if is_every(pattern) or self._matching(pattern, any_case="deny" in loc):
            return
        shown = self._check.shown(loc, pattern)
        hint = near(pattern.strip("*"), self._contract.operations, 0.6) if shown == pattern else ""
        self._check.add("E309", loc, f"the WSDL has no operation {shown!r}{hint}", key=key)

    def _kept(self, at: Loc, pattern: str, rule: Operation) -> None:
        """Compare the parameters that count in a key, in a tag, as an identity, as a key against a second purchase."""
        cache, keys = rule.cache, rule.idempotency
        if rule.confirm is not None:
            self._operation((*at, "confirm", "operation"), rule.confirm.operation)
        if cache is not None:
            for name in cache.params:
                self._parameter((*at, "cache", "params", name), name, pattern, pattern, key=True)
        for below, templates in (
            (("cache", "tags"), cache.tags if cache is not None else []),
            (("invalidates",), rule.invalidates),
        ):
            for index, template in enumerate(templates):
                for name in tags.parameters(template):
                    self._parameter((*at, *below, index), name, pattern, pattern)
        for name in rule.shared["as"] if isinstance(rule.shared, dict) else ():
            if name in self._backend.identity.params:  # a header is in no WSDL
                self._parameter((*at, "shared", "as", name), name, pattern, pattern, key=True)
        if keys is not None and isinstance(keys.key, dict) and "param" in keys.key:
            self._parameter((*at, "idempotency", "key", "param"), keys.key["param"], pattern, pattern)

    def _parameter(self, loc: Loc, name: str, pattern: str, said: str, *, key: bool = False) -> None:
        known = self._of_all(pattern, self._contract.operations)
        if known and name not in known:
            self._missing(loc, f"{said!r} has no parameter", name, known, 0.5, key=key)

    def _shown_by_nobody(self, loc: Loc, name: str) -> None:
        known = self._of_all("*", self._contract.operations)
        if known and name not in known:
            self._missing(loc, "no operation has a parameter", name, known, 0.5)

    def _path(self, loc: Loc, path: str, pattern: str, said: str) -> None:
        known = self._of_all(pattern, self._contract.replies)
        unknown = next((step for step in path.split(".") if step not in known), None)
        if known and unknown is not None:
            self._missing(loc, f"no reply of {said!r} has an element", unknown, known, 0.6)

    def _missing(
        self, loc: Loc, what: str, name: str, known: Iterable[str], cutoff: float, *, key: bool = False
    ) -> None:
        shown = name if key else self._check.shown(loc, name)
        hint = near(name, known, cutoff) if shown == name else ""
        self._check.add("E309", loc, f"{what} {shown!r}{hint}", key=key)

    def _of_all(self, pattern: str, where: Mapping[str, frozenset[str] | None]) -> frozenset[str]:
        """Return the names that operations of `pattern` have, nothing where one of them is not known."""
        found: set[str] = set()
        for operation in self._matching(pattern, any_case=False):
            names = where.get(operation)
            if names is None:
                return frozenset()
            found |= names
        return frozenset(found)

    def _matching(self, pattern: str, *, any_case: bool) -> list[str]:
        """Return the operations that a pattern names; `deny` does not look at case."""
        names = self._contract.operations
        if any_case:
            return [name for name in names if fnmatchcase(name.lower(), pattern.lower())]
        return [name for name in names if fnmatchcase(name, pattern)]
