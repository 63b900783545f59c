"""What a plan amounts to, for `sidecar check`: the worst case that a caller may meet, a sentence per operation line, and what an operator
should know although nothing is wrong. Reads the plan alone; judges nothing.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from sidecar.model import Protocol
from sidecar.plan import EVERY
from sidecar.settings.build import usual_s
from sidecar.settings.quantities import spoken

if TYPE_CHECKING:
    from sidecar.plan import BackendPlan, OperationPlan, Plan

_EVERYWHERE = frozenset({"0.0.0.0", "::"})  # noqa: S104 - compared with, not bound


def worst_case_s(backend: BackendPlan, line: OperationPlan) -> float:
    """Return the longest that a caller of `line` waits for an answer of any kind, in seconds."""
    return min(line.timeout_s, _reach_s(backend, line))


def facts(plan: Plan) -> dict[str, object]:
    """Return what machines read."""
    return {"backends": [_backend(backend, plan) for backend in plan.backends], "notes": _notes(plan)}


def text(plan: Plan) -> str:
    """Return what people read."""
    said = []
    for backend in plan.backends:
        longest = max(backend.operations, key=lambda line: worst_case_s(backend, line))
        said.append(f"{backend.name} ({backend.protocol})")
        said += [f"  {_route(backend, name)} -> {url}" for name, url in backend.endpoints]
        said.append(f"  {_line_up(backend)}")
        said.append(
            f"  worst case: an answer within {spoken(worst_case_s(backend, longest))} ({sum_of(backend, longest)}), "
            f"for {longest.pattern}"
        )
        said += [f"  {line.pattern}: {sentence(backend, line)}" for line in backend.operations]
        said += [f"  note: {note}" for note in _backend_notes(backend, plan)]
    said += [f"note: {note}" for note in _notes(plan)]
    return "\n".join(said)


def sentence(backend: BackendPlan, line: OperationPlan) -> str:
    """Return who rules an operation, whether it is safe, who shares its answers, and how long its caller waits."""
    if backend.denies(line.pattern):
        return "denied to everybody, in every dialect, by deny"
    if backend.strict and line.pattern == EVERY and backend.protocol is Protocol.XMLRPC:
        return "refused: strict, and no line names them"
    kind = "safe" if line.safe else "may change something"
    known = ", only what the WSDL names" if backend.strict and line.pattern == EVERY else ""
    streamed = ", replies passed on while they come" if line.stream else ""
    return (
        f"{kind}, class {line.client_class}{streamed}{known}; no caller shares an answer with another; "
        f"an answer within {spoken(worst_case_s(backend, line))} ({sum_of(backend, line)})"
    )


def sum_of(backend: BackendPlan, line: OperationPlan) -> str:
    """Return how a worst case comes about."""
    wait, connect = spoken(backend.queue_wait_s), spoken(backend.timeouts.connect_s)
    parts = f"{wait} in line + {connect} to connect + {spoken(line.attempt_total_s)} for the reply"
    reach_s = _reach_s(backend, line)
    if line.timeout_s < reach_s:
        return f"{parts} = {spoken(reach_s)}, cut short by its timeout of {spoken(line.timeout_s)}"
    return parts


def _reach_s(backend: BackendPlan, line: OperationPlan) -> float:
    return backend.queue_wait_s + backend.timeouts.connect_s + line.attempt_total_s


def _route(backend: BackendPlan, endpoint: str) -> str:
    return backend.path + (f"/{endpoint}" if endpoint else "")


def _line_up(backend: BackendPlan) -> str:
    return (
        f"at most {backend.limit} calls at once; {backend.queue_size} more may wait, each at most "
        f"{spoken(backend.queue_wait_s)}; a call given up keeps its slot for at most {spoken(backend.ghost_after_s)}"
    )


def _backend(backend: BackendPlan, plan: Plan) -> dict[str, object]:
    return {
        "name": backend.name,
        "protocol": backend.protocol.value,
        "endpoints": {_route(backend, name): url for name, url in backend.endpoints},
        "limit": backend.limit,
        "queue_size": backend.queue_size,
        "queue_wait_s": backend.queue_wait_s,
        "connect_s": backend.timeouts.connect_s,
        "ghost_s": backend.ghost_after_s,
        "worst_case_s": max(worst_case_s(backend, line) for line in backend.operations),
        "deny": list(backend.deny),
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
        "notes": _backend_notes(backend, plan),
    }


def _backend_notes(backend: BackendPlan, plan: Plan) -> list[str]:
    notes = [note for line in backend.operations for note in _line_notes(backend, line)]
    notes += _ties(backend)
    if backend.expose is not None:
        notes.append("expose is for the JSON facade, which this version has not; nothing is exposed by it yet")
    if backend.asmx_get == "allow":
        notes.append("asmx_get: allow lets any link on any page trigger any operation")
    if not backend.tls.verify:
        notes.append("tls.verify: false trusts whoever answers: only for a test host")
    if backend.protocol is Protocol.SOAP and plan.public_url is None and _is_vague(plan):
        notes.append(
            "?wsdl is refused until public_url says how clients reach us: the listener's own address is not concrete"
        )
    return notes


def _line_notes(backend: BackendPlan, line: OperationPlan) -> list[str]:
    notes = []
    reach_s = _reach_s(backend, line)
    written = line.timeout_s != max(usual_s(safe=line.safe), line.attempt_total_s)
    if written and line.timeout_s > reach_s:
        notes.append(
            f"{line.pattern} never waits its whole timeout of {spoken(line.timeout_s)}: an attempt ends after "
            f"timeouts.connect {spoken(backend.timeouts.connect_s)} and timeouts.total {spoken(line.attempt_total_s)}"
        )
    if line.timeout_s <= backend.queue_wait_s and backend.queue_size:
        notes.append(
            f"{line.pattern} may spend its whole timeout of {spoken(line.timeout_s)} in line: queue.wait is longer"
        )
    return notes


def _ties(backend: BackendPlan) -> list[str]:
    """Name the pairs of patterns that are equally long and can match the same operation: the first one rules it."""
    globs = [
        line for line in backend.operations if any(sign in line.pattern for sign in "*?") and "[" not in line.pattern
    ]
    return [
        f"{one.pattern} and {other.pattern} are equally long and can match the same operation: {one.pattern} rules it"
        for index, one in enumerate(globs)
        for other in globs[index + 1 :]
        if len(one.pattern) == len(other.pattern) and _differ(one, other) and _meet(one.pattern, other.pattern)
    ]


def _differ(one: OperationPlan, other: OperationPlan) -> bool:
    return (one.safe, one.timeout_s, one.stream, one.client_class) != (
        other.safe,
        other.timeout_s,
        other.stream,
        other.client_class,
    )


def _meet(one: str, other: str) -> bool:
    """Say whether a name exists that both globs match, found by walking both at once."""
    seen: set[tuple[int, int]] = set()
    ahead = [(0, 0)]
    while ahead:
        here = ahead.pop()
        if here in seen:
            continue
        seen.add(here)
        left, right = one[here[0] :], other[here[1] :]
        if not left.strip("*") and not right.strip("*"):
            return True
        if left[:1] == "*":
            ahead += [(here[0] + 1, here[1])] + ([(here[0], here[1] + 1)] if right else [])
        if right[:1] == "*":
            ahead += [(here[0], here[1] + 1)] + ([(here[0] + 1, here[1])] if left else [])
        if left and right and "*" not in (left[0], right[0]) and ("?" in (left[0], right[0]) or left[0] == right[0]):
            ahead.append((here[0] + 1, here[1] + 1))
    return False


def _notes(plan: Plan) -> list[str]:
    notes = _overdrawn(plan)
    if plan.backends:
        longest_s = max(worst_case_s(backend, line) for backend in plan.backends for line in backend.operations)
        if longest_s > plan.drain.timeout_s:
            notes.append(
                f"calls may take {spoken(longest_s)}, and drain.timeout cuts them after {spoken(plan.drain.timeout_s)}; this "
                f"process is gone {spoken(plan.drain.delay_s + plan.drain.timeout_s)} after its signal"
            )
    return notes


def _overdrawn(plan: Plan) -> list[str]:
    """Say where the backends' shares are more than there is: then some of them can leave another less than its own, or nothing."""
    count, share = len(plan.backends), plan.limits.per_backend
    if count * share <= 1:
        return []
    greedy = min(count - 1, math.ceil(1 / share))
    left = max(0.0, 1 - greedy * share)
    return [
        (
            f"limits.per_backend is {share:.0%} for each of {count} backends, {count * share:.0%} together: {greedy} of them can take so "
            f"many connections and buffered bytes that {f'{left:.0%} is' if left else 'nothing is'} left for another; at "
            f"{100 // count}% each has its own"
        )
    ]


def _is_vague(plan: Plan) -> bool:
    return plan.listen.unix is not None or plan.listen.host in _EVERYWHERE
