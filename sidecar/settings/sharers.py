"""Who shares answers with whom, in words for `sidecar check`: one clause for each line of operations. A part of `report`.

Reads the plan alone. What it says is what the key is made of: whoever differs in none of it gets the same answer.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sidecar.settings.quantities import spoken

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from sidecar.plan import BackendPlan, CachePlan, FallbackPlan, IdempotencyPlan, OperationPlan

NOBODY = "no caller shares an answer with another"


def clauses(backend: BackendPlan, line: OperationPlan) -> str:
    """Return who shares, until when, what a write makes old, and what stands for a failure or for a second purchase."""
    said = [NOBODY] if line.cache is None else list(_cached(backend, line, line.cache))
    if line.invalidates:
        said.append(f"what carries {listed(line.invalidates)} is old after it")
    said += [_stand_in(rule) for rule in line.fallback]
    if line.idempotency is not None:
        said.append(_twice(line.idempotency))
    return "; ".join(said)


def _cached(backend: BackendPlan, line: OperationPlan, cache: CachePlan) -> Iterator[str]:
    yield f"{_who(backend, line)}{_instead(backend, line)}"
    yield _how_long(cache)
    if cache.vary:
        yield f"the headers {listed(cache.vary)} count"
    if ignored := [name for name, fold in cache.params if fold == "ignore"]:
        yield f"{listed(ignored)} {'does' if len(ignored) == 1 else 'do'} not count"
    if cache.negative:
        yield f"a no ({listed(sorted(cache.negative))}) is kept for {spoken(cache.negative_s)}"


def _who(backend: BackendPlan, line: OperationPlan) -> str:
    who = (*backend.identity_params, *backend.identity_headers)
    if line.shared is not None or not who:
        return "everybody who asks the same shares one answer"
    return (
        f"each identity ({listed(who, 'or')}) has its own answers, and who shows none shares with those who show none"
    )


def _how_long(cache: CachePlan) -> str:
    if not cache.ttl_s and not cache.origin:
        return "nothing is kept, only calls in flight are joined"
    fresh = f"it is kept for {spoken(cache.ttl_s)}"
    if cache.origin:
        fresh = f"it is kept for as long as the backend says, where it says nothing for {spoken(cache.ttl_s)}"
    older = [
        f"{spoken(more_s)} more {when}"
        for more_s, when in (
            (cache.swr_s, "while it is renewed"),
            (cache.grace_s, "while the backend is strained or down"),
            (cache.error_s, "in place of a failure"),
        )
        if more_s
    ]
    return ", ".join((fresh, *older))


def _instead(backend: BackendPlan, line: OperationPlan) -> str:
    if line.shared is None or line.shared.mode == "open":
        return ""
    if line.shared.mode == "as":
        names = [name for name, _ in line.shared.values]
        return f", asked with the service's own {listed(names)} in place of the caller's"
    who = listed((*backend.identity_params, *backend.identity_headers), "or")
    return f", asked without {who}" if line.shared.mode == "drop" else f", asked with the {who} of whoever asks first"


def _stand_in(rule: FallbackPlan) -> str:
    told = {
        "stale": "the last answer, however old",
        "body": "a fixed answer",
        "data": "a fixed answer",
        "spare": "the spare's answer",
        "refuse": "a refusal in your words",
    }
    return f"on {listed(sorted(rule.on), 'or')} {told[rule.kind]}"


def _twice(rule: IdempotencyPlan) -> str:
    where = {"header": "header", "soap_header": "SOAP header", "param": "parameter"}[rule.source]
    said = f"a call with the same {rule.name} ({where}) gets the first one's answer for {spoken(rule.ttl_s)}"
    said += ", and without one it is refused" if rule.required else ""
    return said + (f"; equal calls of one identity are one for {spoken(rule.derived_s)}" if rule.derived_s else "")


def listed(names: Iterable[str], last: str = "and") -> str:
    """Return names as a sentence has them: a, b and c."""
    *before, end = names
    return f"{', '.join(before)} {last} {end}" if before else end
