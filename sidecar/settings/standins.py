"""Contradictions of `fallback:` and of the spare that it may ask: states that would hide a deed, answers in the wrong protocol, bodies that
are none.

A part of `lint`. Whether a body is the one that the WSDL describes is asked by `names`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sidecar.model import Protocol
from sidecar.plan import EVERY
from sidecar.settings.build import is_every, url_of
from sidecar.settings.findings import NoDocumentError
from sidecar.settings.quantities import spoken_size
from sidecar.settings.shapes import origin_of
from sidecar.states import TABLE, Effect

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sidecar.settings.answers import Fallback
    from sidecar.settings.complaints import Loc
    from sidecar.settings.findings import Findings
    from sidecar.settings.schema import Backend, Operation, Settings

KINDS: Final = ("stale", "data", "body_file", "spare", "refuse")
_ALWAYS: Final = ("data", "body_file", "refuse")  # they never fail, so nothing after them is tried
_ENVELOPES: Final = (
    "{http://schemas.xmlsoap.org/soap/envelope/}Envelope",
    "{http://www.w3.org/2003/05/soap-envelope}Envelope",
)


def lint(settings: Settings, check: Findings) -> None:
    """Add every contradiction to `check`."""
    for name, backend in settings.backends.items():
        at: Loc = ("backends", name)
        _urls(backend, at, check)
        for pattern, rule in backend.operations.items():
            settled: set[str] = set()
            for index, each in enumerate(rule.fallback):
                loc: Loc = (*at, "operations", pattern, "fallback", index)
                _on(rule, each, loc, check)
                if settled.issuperset(each.on):
                    what = "is never reached: what stands before it answers in each of these states"
                    check.add("E307", loc, what, "put it first, or take it out")
                if len(kinds := [kind for kind in KINDS if getattr(each, kind) is not None]) != 1:
                    _one_of(kinds, loc, check)
                    continue
                _kind(kinds[0], rule, each, backend, loc, check)
                if kinds[0] == "body_file":
                    _body(each, settings.limits.reply_body, (*loc, "body_file"), check)
                settled |= set(each.on) if kinds[0] in _ALWAYS else set()


def against(
    backend: Backend, at: Loc, roots: Mapping[str, str | None], ruled: Mapping[str, list[str]], check: Findings
) -> None:
    """Say which bodies are not the reply that the WSDL describes: `roots` are the elements of replies by operation, `ruled` the operations
    by the line that rules them.
    """
    for pattern, rule in backend.operations.items():
        replies = {name: roots.get(name) for name in ruled.get(EVERY if is_every(pattern) else pattern, ())}
        for index, each in enumerate(rule.fallback):
            loc: Loc = (*at, "operations", pattern, "fallback", index, "body_file")
            root = check.root(loc, each.body_file) if each.body_file is not None else None
            other = next((name for name, reply in replies.items() if reply not in (None, root)), None)
            if root is not None and root not in _ENVELOPES and other is not None:
                what = f"its root is {root}, and a reply of {other} has {replies[other]}"
                check.add("E315", loc, what, "one file for one operation, with the element that its reply has")


def _urls(backend: Backend, at: Loc, check: Findings) -> None:
    if backend.urls is None:
        return
    if backend.url is not None:
        check.add(
            "E301",
            (*at, "urls"),
            "contradicts url: the first of urls is the backend's address",
            "take one out",
            key=True,
        )
    elif len(backend.urls) > 1:
        primary, spare = backend.urls
        if backend.endpoints is not None:
            what = "a spare stands for one address, and this backend has endpoints"
            check.add("E301", (*at, "urls", 1), what, "take one out, or make each endpoint a backend of its own")
        elif spare == primary:
            check.add("E301", (*at, "urls", 1), "is the address that it is a spare for", "name another one")
        if not any(rule.spare for line in backend.operations.values() for rule in line.fallback):
            remedy = "add fallback: [{on: [backend_unreachable], spare: true}] to an operation"
            check.add("W414", (*at, "urls", 1), "is never asked: no fallback has spare: true", remedy)


def is_plain(backend: Backend) -> bool:
    """Say whether nothing of a backend, its spare included, is reached by TLS."""
    return all(origin_of(url)[0] == "http" for url in (url_of(backend), *(backend.urls or ())))


def _on(rule: Operation, each: Fallback, at: Loc, check: Findings) -> None:
    for index, state in enumerate(each.on):
        if not rule.safe and TABLE[state].effect is not Effect.NO:
            what = f"the operation is not safe, and on {state} the backend may have done it: an answer in its place would hide that"
            check.add(
                "E314", (*at, "on", index), what, "take it out; where the operation changes nothing write safe: true"
            )


def _one_of(kinds: list[str], at: Loc, check: Findings) -> None:
    what = "says nothing" if not kinds else f"says more than one thing: {', '.join(kinds)}"
    check.add(
        "E203" if not kinds else "E301", at, what, f"write exactly one of {', '.join(KINDS)}; rules are tried in order"
    )


def _is_object(data: str) -> bool:
    return data.lstrip().startswith("{")


def _kind(kind: str, rule: Operation, each: Fallback, backend: Backend, at: Loc, check: Findings) -> None:
    loc: Loc = (*at, kind)
    if kind == "stale" and rule.cache is None:
        check.add(
            "E301", loc, "there is no old answer: the operation has no cache", "add cache, or take it out", key=True
        )
    if kind == "data" and backend.protocol is Protocol.SOAP and not _is_object(each.data or ""):
        what = "is no object, and a SOAP reply holds an element: JSON has an object of what stands in it"
        check.add("E301", loc, what, "as in data: {GetSeatsResult: 3}", key=True)
    if kind == "body_file" and backend.protocol is Protocol.XMLRPC:
        check.add(
            "E301", loc, "belongs to SOAP, and this backend speaks xmlrpc", "write the answer into data", key=True
        )
    if kind == "spare" and len(backend.urls or ()) < 2:
        remedy = "add the second one, as in urls: [http://10.0.0.1/a.asmx, http://10.0.0.2/a.asmx]"
        check.add("E301", loc, "there is no spare: urls has no second address", remedy, key=True)


def _body(each: Fallback, most_bytes: int, at: Loc, check: Findings) -> None:
    assert each.body_file is not None, "asked of rules with a file alone"
    data = check.data(at, each.body_file)
    if data is None:
        return
    if len(data) > most_bytes:
        what = f"the file is larger than limits.reply_body, {spoken_size(most_bytes)}"
        check.add("E315", at, what, "is this the right file?")
        return
    remedy = "the file holds the one element that stands in the Body of the reply"
    try:
        root = check.document(data)
    except NoDocumentError as error:
        check.add("E315", at, f"is no XML: {error}", remedy)
        return
    if root in _ENVELOPES:
        check.add("E315", at, "is a whole envelope, which is made for each caller in his own SOAP version", remedy)
