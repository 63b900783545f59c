"""What a plan amounts to, for `sidecar check`: where each backend is, the worst case that a caller may meet, a sentence per operation line.

Reads the plan alone; judges nothing (`notes` does).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sidecar.model import Protocol
from sidecar.plan import EVERY
from sidecar.settings import openings, purchases, sharers
from sidecar.settings.quantities import spoken

if TYPE_CHECKING:
    from sidecar.plan import AdaptivePlan, BackendPlan, CallerPlan, OperationPlan, Plan


def worst_case_s(backend: BackendPlan, line: OperationPlan) -> float:
    """Return the longest that a caller of `line` waits for an answer of any kind, in seconds."""
    return min(line.timeout_s, reach_s(backend, line))


def facts(plan: Plan, now: float) -> dict[str, object]:
    """Return what machines read; `now` is in seconds since the epoch."""
    callers = {caller.name: _caller(caller) for caller in plan.callers}
    told: dict[str, object] = {"backends": [_backend(backend) for backend in plan.backends], "callers": callers}
    return {**told, "rooms": openings.facts(plan, now)} if plan.rooms else told


def text(plan: Plan, now: float) -> str:
    """Return what people read; `now` is in seconds since the epoch."""
    said = []
    for backend in plan.backends:
        longest = max(backend.operations, key=lambda line: worst_case_s(backend, line))
        said.append(f"{backend.name} ({backend.protocol})")
        said += [f"  {_route(backend, name)} -> {url}" for name, url in backend.endpoints]
        said.append(f"  in JSON at {backend.path}/json: {backend.exposed}")
        said.append(f"  {_line_up(backend)}")
        if len(backend.operations) > 1:  # the only line says its own
            said.append(
                f"  worst case: an answer within {spoken(worst_case_s(backend, longest))} ({sum_of(backend, longest)}), "
                f"for {longest.pattern}"
            )
        said += [f"  {line.pattern}: {sentence(backend, line)}" for line in backend.operations]
    said += [f"callers from {', '.join(caller.networks)} ({caller.name}): {_caller(caller)}" for caller in plan.callers]
    return "\n".join((*said, *openings.text(plan, now)))


def sentence(backend: BackendPlan, line: OperationPlan) -> str:
    """Return who rules an operation, whether it is safe, who shares its answers, and how long its caller waits."""
    if backend.denies(line.pattern):
        return "denied to everybody, in every dialect, by deny"
    if backend.strict and line.pattern == EVERY and backend.protocol is Protocol.XMLRPC:
        return "refused: strict, and no line names them"
    kind = "safe" if line.safe else "may change something"
    known = ", only what the WSDL names" if backend.strict and line.pattern == EVERY else ""
    streamed = ", replies passed on while they come" if line.stream else ""
    said = "; ".join((sharers.clauses(backend, line), *purchases.clauses(backend, line)))
    return (
        f"{kind}, class {line.client_class}{streamed}{known}; {said}; "
        f"an answer within {spoken(worst_case_s(backend, line))} ({sum_of(backend, line)})"
    )


def _caller(caller: CallerPlan) -> str:
    """Return what is different for callers of these networks."""
    kind = (
        f"class {caller.client_class}, whatever the operation's is"
        if caller.client_class
        else "class as the operation's"
    )
    return kind + (", may name the people behind them in Sidecar-Client" if caller.trusted else "")


def sum_of(backend: BackendPlan, line: OperationPlan) -> str:
    """Return how a worst case comes about."""
    wait, connect = spoken(backend.queue_wait_s), spoken(backend.timeouts.connect_s)
    parts = f"{wait} in line + {connect} to connect + {spoken(line.attempt_total_s)} for the reply"
    whole_s = reach_s(backend, line)
    if line.timeout_s < whole_s:
        return f"{parts} = {spoken(whole_s)}, cut short by its timeout of {spoken(line.timeout_s)}"
    return parts


def reach_s(backend: BackendPlan, line: OperationPlan) -> float:
    """Return how long the line, a connection and a reply can take together, in seconds."""
    return backend.queue_wait_s + backend.timeouts.connect_s + line.attempt_total_s


def _route(backend: BackendPlan, endpoint: str) -> str:
    return backend.path + (f"/{endpoint}" if endpoint else "")


def limit_in_words(backend: BackendPlan) -> str:
    """Return how many calls at once, as people read it."""
    if isinstance(backend.limit, int):
        return str(backend.limit)
    learnt = backend.limit
    return f"{learnt.minimum} to {learnt.maximum}, as it is found to bear (at first {learnt.start}),"


def _line_up(backend: BackendPlan) -> str:
    return (
        f"at most {limit_in_words(backend)} calls at once; {backend.queue_size} more may wait, each at most "
        f"{spoken(backend.queue_wait_s)}; a call given up keeps its slot for at most {spoken(backend.ghost_after_s)}"
    )


def _limit(limit: int | AdaptivePlan) -> dict[str, int]:
    if isinstance(limit, int):
        return {"fixed": limit}
    return {"min": limit.minimum, "start": limit.start, "max": limit.maximum}


def _backend(backend: BackendPlan) -> dict[str, object]:
    return {
        "name": backend.name,
        "protocol": backend.protocol.value,
        "endpoints": {_route(backend, name): url for name, url in backend.endpoints},
        "limit": _limit(backend.limit),
        "queue_size": backend.queue_size,
        "queue_wait_s": backend.queue_wait_s,
        "connect_s": backend.timeouts.connect_s,
        "ghost_s": backend.ghost_after_s,
        "worst_case_s": max(worst_case_s(backend, line) for line in backend.operations),
        "deny": list(backend.deny),
        "expose": None if backend.expose is None else list(backend.expose),
        "operations": [
            {
                "pattern": line.pattern,
                "safe": line.safe,
                "timeout_s": line.timeout_s,
                "first_byte_s": line.attempt_first_byte_s,
                "total_s": line.attempt_total_s,
                "worst_case_s": worst_case_s(backend, line),
                "sentence": sentence(backend, line),
            }
            for line in backend.operations
        ],
    }
