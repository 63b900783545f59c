"""Compares the names in a settings file with the backend's WSDL. A misspelt `deny` denies nothing, and nothing else would say so.

It is given what reads a WSDL as a function and knows no XML. Asked by `check` alone: a start never waits for a WSDL.
"""

from __future__ import annotations

from dataclasses import dataclass
from difflib import get_close_matches
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, TypeAlias

from sidecar.model import Protocol
from sidecar.settings.build import COMPARISONS, is_every
from sidecar.settings.complaints import dotted, place_of
from sidecar.settings.problem import Problem
from sidecar.settings.schema import Parameter

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from sidecar.settings.complaints import Loc
    from sidecar.settings.schema import Backend, Settings
    from sidecar.settings.tree import Block


@dataclass(frozen=True, slots=True)
class Contract:
    """What a WSDL offers: operations and the names of their parameters, None where their schema is not at hand."""

    operations: Mapping[str, frozenset[str] | None]


class NoContractError(Exception):
    """A file is no WSDL; the text says why."""


ContractOf: TypeAlias = "Callable[[Path], Contract | None]"
"""Reads a WSDL file. None where documents that it imports are missing, so that nothing can be said; raises NoContractError."""


def compare(settings: Settings, root: Block, folder: Path, contract_of: ContractOf) -> list[Problem]:
    """Return a problem for every name that the WSDL beside the settings has not."""
    problems = []
    for name, backend in settings.backends.items():
        at: Loc = ("backends", name)
        # One file speaks for one endpoint; what the others offer it does not know.
        alone = backend.endpoints is None or len(backend.endpoints) == 1
        if backend.protocol is not Protocol.SOAP or backend.wsdl is None or not (folder / backend.wsdl).is_file():
            continue
        try:
            contract = contract_of(folder / backend.wsdl)
        except NoContractError as error:
            loc = (*at, "wsdl")
            problems.append(Problem("E310", place_of(root, loc, key=False), dotted(loc), f"is no WSDL: {error}", ""))
            continue
        if contract is not None and alone:
            problems += list(_unknown(backend, at, root, contract))
    return problems


def _unknown(backend: Backend, at: Loc, root: Block, contract: Contract) -> Iterator[Problem]:
    named: list[tuple[Loc, str, bool]] = [
        ((*at, "operations", pattern), pattern, True) for pattern in backend.operations
    ]
    for key, patterns in (("deny", backend.deny), ("expose", backend.expose or [])):
        named += [((*at, key, index), pattern, False) for index, pattern in enumerate(patterns)]
    named += [
        ((*at, "results", index, "operation"), rule.operation, False) for index, rule in enumerate(backend.results)
    ]
    for loc, pattern, is_key in named:
        if not is_every(pattern) and not _matching(pattern, contract, any_case="deny" in loc):
            near = get_close_matches(pattern.strip("*"), contract.operations, n=1, cutoff=0.6)
            hint = f", did you mean {near[0]}?" if near else ""
            yield Problem(
                "E309", place_of(root, loc, key=is_key), dotted(loc), f"the WSDL has no operation {pattern!r}{hint}", ""
            )
    for index, rule in enumerate(backend.results):
        for compare_by in COMPARISONS:
            than = getattr(rule.when, compare_by)
            if isinstance(than, Parameter):
                loc = (*at, "results", index, "when", compare_by, "param")
                yield from _parameter(than.param, rule.operation, loc, root, contract)


def _parameter(name: str, pattern: str, loc: Loc, root: Block, contract: Contract) -> Iterator[Problem]:
    known: set[str] = set()
    for operation in _matching(pattern, contract, any_case=False):
        parameters = contract.operations[operation]
        if parameters is None or name in parameters:
            return
        known |= parameters
    if known:
        near = get_close_matches(name, known, n=1, cutoff=0.5)
        hint = f", did you mean {near[0]}?" if near else ""
        yield Problem(
            "E309", place_of(root, loc, key=False), dotted(loc), f"{pattern!r} has no parameter {name!r}{hint}", ""
        )


def _matching(pattern: str, contract: Contract, *, any_case: bool) -> list[str]:
    """Return the operations that a pattern names; `deny` does not look at case."""
    if any_case:
        return [name for name in contract.operations if fnmatchcase(name.lower(), pattern.lower())]
    return [name for name in contract.operations if fnmatchcase(name, pattern)]
