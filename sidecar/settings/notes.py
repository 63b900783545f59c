"""What an operator should know although nothing is wrong: warnings about a plan that is not what it seems. Refuses nothing.

Runs last, on a right plan. Each warning says what follows from what, and stands at the key that somebody would change. It is about what
somebody wrote: a file that leaves everything to the defaults is not told of them.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

from sidecar.descriptors import needed
from sidecar.model import Protocol
from sidecar.settings.build import is_glob, usual_s
from sidecar.settings.complaints import dotted, node_at, place_of
from sidecar.settings.doors import EVERYWHERE
from sidecar.settings.globs import meet
from sidecar.settings.problem import Problem
from sidecar.settings.quantities import spoken
from sidecar.settings.report import reach_s, worst_case_s

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from sidecar.plan import BackendPlan, OperationPlan, Plan
    from sidecar.settings.complaints import Loc
    from sidecar.settings.tree import Block


def notes(
    plan: Plan, root: Block, nofile: int | None = None, more: Iterable[tuple[str, Loc, str, str]] = ()
) -> list[Problem]:
    """Return a warning for everything that is allowed and odd; `nofile` is the most file descriptors that the process may have, `more` are
    what others have to say.
    """
    found = [*_all(plan, root, nofile), *more]
    return [
        Problem(code, place_of(root, loc, key=False), dotted(loc), what, remedy) for code, loc, what, remedy in found
    ]


def _all(plan: Plan, root: Block, nofile: int | None) -> Iterator[tuple[str, Loc, str, str]]:
    for backend in plan.backends:
        at: Loc = ("backends", backend.name)
        for line in backend.operations:
            yield from _line(backend, line, (*at, "operations", line.pattern))
        yield from _ties(backend, at)
        yield from _backend(backend, at, plan)
    yield from _drain(plan, root)
    yield from _overdrawn(plan)
    yield from _forgotten(plan)
    # The default cap is no claim about this machine, and `check` may run on another one: `doctor`, log and status judge it where it runs.
    capped = node_at(root, ("limits", "connections")) is not None
    if capped and nofile is not None and nofile < (wanted := needed(plan.limits.connections)):
        what = f"{plan.limits.connections} connections need {wanted} file descriptors, and here a process gets at most {nofile}"
        remedy = f"run it with LimitNOFILE={wanted} (ulimit -n), or lower limits.connections"
        yield "W401", ("limits", "connections"), what, remedy


def _backend(backend: BackendPlan, at: Loc, plan: Plan) -> Iterator[tuple[str, Loc, str, str]]:
    for line in backend.operations:
        if line.stream and backend.exposes(line.pattern):
            what = "stream: true passes replies on unread, and JSON has to read them: it is refused there"
            yield "W408", (*at, "operations", line.pattern, "stream"), what, "take it out of expose, or take stream out"
    if backend.asmx_get == "allow":
        what = "asmx_get: allow lets any link on any page trigger any operation"
        yield "W409", (*at, "asmx_get"), what, "asmx_get: safe allows those that are marked safe"
    if not backend.tls.verify:
        what = "tls.verify: false trusts whoever answers: only for a test host"
        yield "W410", (*at, "tls", "verify"), what, "name its authority with tls.ca_file"
    if backend.protocol is Protocol.SOAP and plan.public_url is None and _is_vague(plan):
        what = "?wsdl is refused until public_url says how clients reach us: the listener's own address is not concrete"
        yield "W411", at, what, "as in public_url: https://api.theatre.example"
    shortest_s = min(line.attempt_total_s for line in backend.operations)
    if backend.ghost_after_s < shortest_s:
        what = (
            f"a call that was given up frees its slot after {spoken(backend.ghost_after_s)}, while the backend may work on it for "
            f"{spoken(shortest_s)} and more: it can get more than {backend.limit_max} calls at once"
        )
        yield "W405", (*at, "ghost"), what, "leave it out: then it is twice the longest total"


def _line(backend: BackendPlan, line: OperationPlan, at: Loc) -> Iterator[tuple[str, Loc, str, str]]:
    longest_s = reach_s(backend, line)
    written = line.timeout_s != max(usual_s(safe=line.safe), line.attempt_total_s)
    if written and line.timeout_s > longest_s:
        what = (
            f"{line.pattern} never waits its whole timeout of {spoken(line.timeout_s)}: an attempt ends after "
            f"timeouts.connect {spoken(backend.timeouts.connect_s)} and timeouts.total {spoken(line.attempt_total_s)}"
        )
        yield "W405", (*at, "timeout"), what, ""
    if line.timeout_s <= backend.queue_wait_s and backend.queue_size:
        wait = spoken(backend.queue_wait_s)
        what = f"{line.pattern} may spend its whole timeout of {spoken(line.timeout_s)} in line: queue.wait is {wait}"
        yield "W405", (*at, "timeout"), what, ""


def _ties(backend: BackendPlan, at: Loc) -> Iterator[tuple[str, Loc, str, str]]:
    """Name the pairs of patterns that are equally long and can match the same operation: the first one rules it."""
    globs = [line for line in backend.operations if is_glob(line.pattern)]
    for index, one in enumerate(globs):
        for other in globs[index + 1 :]:
            if len(one.pattern) == len(other.pattern) and _differ(one, other) and meet(one.pattern, other.pattern):
                what = f"{one.pattern} and {other.pattern} are equally long and can match the same operation: {one.pattern} rules it"
                yield "W407", (*at, "operations", other.pattern), what, "name the operations that are meant"


def _differ(one: OperationPlan, other: OperationPlan) -> bool:
    return replace(one, pattern=other.pattern) != other


def _drain(plan: Plan, root: Block) -> Iterator[tuple[str, Loc, str, str]]:
    """Say that a drain cuts calls, where somebody wrote how long either takes; the usual 20 s of 1 m are in the documents."""
    longest_s = max(worst_case_s(backend, line) for backend in plan.backends for line in backend.operations)
    written = node_at(root, ("drain", "timeout")) is not None or longest_s > usual_s(safe=False)
    if written and longest_s > plan.drain.timeout_s:
        what = (
            f"calls may take {spoken(longest_s)}, and a process that is told to go cuts them "
            f"{spoken(plan.drain.delay_s + plan.drain.timeout_s)} later (drain.delay + drain.timeout)"
        )
        yield "W406", ("drain", "timeout"), what, "raise it, and give the process as long to go"


def _overdrawn(plan: Plan) -> Iterator[tuple[str, Loc, str, str]]:
    """Say where the backends' shares are more than there is: then some of them can leave another less than its own, or nothing."""
    count, share = len(plan.backends), plan.limits.per_backend
    if count * share <= 1:
        return
    greedy = min(count - 1, math.ceil(1 / share))
    left = max(0.0, 1 - greedy * share)
    what = (
        f"limits.per_backend is {share:.0%} for each of {count} backends, {count * share:.0%} together: {greedy} of them can take so "
        f"many connections and buffered bytes that {f'{left:.0%} is' if left else 'nothing is'} left for another; at "
        f"{100 // count}% each has its own"
    )
    yield "W412", ("limits", "per_backend"), what, ""


def _forgotten(plan: Plan) -> Iterator[tuple[str, Loc, str, str]]:
    """Say once, at the first of them, that keys against a second purchase do not outlive the process."""
    keyed = [
        (backend, line) for backend in plan.backends for line in backend.operations if line.idempotency is not None
    ]
    if plan.store is None and keyed:
        backend, line = keyed[0]
        what = "a restart forgets which keys were used, and the purchase that is repeated after it is made twice: store is memory"
        remedy = "as in store: sqlite:/var/lib/sidecar/state.db"
        yield "W416", ("backends", backend.name, "operations", line.pattern, "idempotency"), what, remedy


def _is_vague(plan: Plan) -> bool:
    return plan.listen.unix is not None or plan.listen.host in EVERYWHERE
