"""Contradictions of what the JSON facade shows: keys of the other protocol, links that lead nowhere, answers that caches would mix up.

A part of `lint`.
"""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Final

from sidecar.model import Protocol
from sidecar.plan import EVERY
from sidecar.settings.build import is_every, lines_of, plan_of_names
from sidecar.settings.findings import written

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sidecar.plan import OperationPlan
    from sidecar.settings.complaints import Loc
    from sidecar.settings.findings import Findings
    from sidecar.settings.names import Contract
    from sidecar.settings.schema import Backend

_XMLRPC_ONLY: Final = ("signatures", "allow_nil", "allow_i8")


def lint(backend: Backend, at: Loc, check: Findings) -> None:
    """Add every contradiction of one backend to `check`."""
    if backend.protocol is Protocol.SOAP:
        for key in _XMLRPC_ONLY:
            if written(backend, key):
                what = "belongs to xmlrpc, and this backend speaks soap"
                check.add("E301", (*at, key), what, "take it out: the WSDL says it", key=True)
    lines = lines_of(backend)
    for pattern, rule in backend.operations.items():
        if rule.confirm is not None:
            loc: Loc = (*at, "operations", pattern, "confirm", "operation")
            _confirm(backend, lines, rule.confirm.operation, loc, check)
        if rule.cache is not None and rule.cache.public and rule.shared is None and _has_identity(backend):
            what = "lets caches give one person's answer to another: each identity has its own, and a cache knows none"
            remedy = "write shared, which says whose identity asks for all, or take public out"
            check.add("E301", (*at, "operations", pattern, "cache", "public"), what, remedy)


def against(
    name: str, backend: Backend, contract: Contract | None, ruled: Mapping[str, list[str]], check: Findings
) -> None:
    """Say which operations that are exposed JSON cannot call, and which fixed answers are no replies, by one endpoint's WSDL."""
    if contract is None or contract.json is None:
        return
    at, plan = ("backends", name), plan_of_names(name, backend)
    for operation in contract.operations:
        if plan.exposes(operation) and (why := contract.json.unspoken(operation)):
            where: Loc = (*at, "expose") if backend.expose is not None else at
            remedy = "put the document that defines it beside the WSDL, or do not expose it; native calls pass"
            check.add("W419", where, f"{operation} cannot be called in JSON: {why}", remedy)
    for pattern, rule in backend.operations.items():
        mine = [each for each in ruled.get(EVERY if is_every(pattern) else pattern, ()) if each in contract.operations]
        for index, each in enumerate(rule.fallback):
            if each.data is None:
                continue
            why = next((why for one in mine if (why := contract.json.unfit(one, each.data))), "")
            if why:
                loc: Loc = (*at, "operations", pattern, "fallback", index, "data")
                check.add(
                    "E315", loc, f"is no reply that the WSDL has: {why}", f"{plan.path}/docs shows what one looks like"
                )


def _confirm(backend: Backend, lines: tuple[OperationPlan, ...], name: str, loc: Loc, check: Findings) -> None:
    line = next(each for each in lines if each.matches(name))
    if not line.safe:
        check.add("E301", loc, f"{name} is not safe: whoever asks what became of a call must not make another")
    elif backend.expose is not None and not any(fnmatchcase(name, pattern) for pattern in backend.expose):
        check.add("E301", loc, f"{name} is not exposed in JSON, so the link would lead nowhere", "add it to expose")


def _has_identity(backend: Backend) -> bool:
    return bool(backend.identity.params or backend.identity.headers)
