"""Contradictions of what the JSON facade shows: keys of the other protocol, links that would lead nowhere, answers that caches would mix up.

A part of `lint`.
"""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Final

from sidecar.model import Protocol
from sidecar.settings.build import lines_of
from sidecar.settings.findings import written

if TYPE_CHECKING:
    from sidecar.plan import OperationPlan
    from sidecar.settings.complaints import Loc
    from sidecar.settings.findings import Findings
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


def _confirm(backend: Backend, lines: tuple[OperationPlan, ...], name: str, loc: Loc, check: Findings) -> None:
    line = next(each for each in lines if each.matches(name))
    if not line.safe:
        check.add("E301", loc, f"{name} is not safe: whoever asks what became of a call must not make another")
    elif backend.expose is not None and not any(fnmatchcase(name, pattern) for pattern in backend.expose):
        check.add("E301", loc, f"{name} is not exposed in JSON, so the link would lead nowhere", "add it to expose")


def _has_identity(backend: Backend) -> bool:
    return bool(backend.identity.params or backend.identity.headers)
