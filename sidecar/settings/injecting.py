"""`inject:`, what goes wrong at a backend on purpose: what contradicts itself there, and what it amounts to in the plan.

A part of `lint` and of `build`. What stands in the settings holds from when they are taken, for as long as it says, and no longer than an
hour: who wants a backend to fail for good switches it off.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sidecar.policy.injection import FAULT, LATENCY_MAX_S, Fault, Kind, header_of
from sidecar.settings.quantities import spoken

if TYPE_CHECKING:
    from sidecar.settings.complaints import Loc
    from sidecar.settings.findings import Findings
    from sidecar.settings.protection import Injection
    from sidecar.settings.schema import Backend


def lint(backend: Backend, at: Loc, check: Findings) -> None:
    """Add what contradicts itself to `check`."""
    seen: dict[Fault, int] = {}
    for index, injection in enumerate(backend.inject):
        here: Loc = (*at, "inject", index)
        if _kinds(injection, here, check) and _amounts(injection, here, check):
            first = seen.setdefault(_fault(injection), index)
            if first != index:
                where = check.beside((*at, "inject", first), here)
                check.add("E307", here, f"says what inject[{first}] in {where} says", "take one out")


def _kinds(injection: Injection, here: Loc, check: Findings) -> bool:
    kinds = _said(injection)
    if len(kinds) == 1:
        return True
    what = f"says {' and '.join(kinds)}: one goes wrong at a time" if kinds else "says nothing that goes wrong"
    check.add("E308", here, what, f"write one of {', '.join(Kind)}")
    return False


def _amounts(injection: Injection, here: Loc, check: Findings) -> bool:
    latency_s, jitter_s = injection.latency, injection.jitter
    if jitter_s is None:
        return True
    if latency_s is None:
        check.add(
            "E301", (*here, "jitter"), "belongs to latency, and nothing comes later here", "take it out", key=True
        )
        return False
    if jitter_s > latency_s:
        what = f"a latency of {spoken(latency_s)} cannot take {spoken(jitter_s)}"
        check.add("E301", (*here, "jitter"), what, "lower it, or raise latency")
        return False
    if latency_s + jitter_s > LATENCY_MAX_S:
        what = f"with what it gives, a latency may be {spoken(LATENCY_MAX_S)}, not {spoken(latency_s + jitter_s)}"
        check.add("E301", (*here, "jitter"), what, "lower one of the two")
        return False
    return True


def faults_of(backend: Backend) -> tuple[Fault, ...]:
    """Return the plan's; `lint` has found nothing wrong with them."""
    return tuple(_fault(injection) for injection in backend.inject)


def _fault(injection: Injection) -> Fault:
    [kind] = _said(injection)
    return Fault(
        injection.operation,
        kind,
        injection.lasts,
        injection.share,
        None if injection.header is None else header_of(injection.header),
        injection.latency or 0.0,
        injection.jitter or 0.0,
        0 if injection.error in (None, FAULT) else int(injection.error),
    )


def _said(injection: Injection) -> list[Kind]:
    said = (injection.latency is not None, injection.error is not None, injection.reset, injection.truncate)
    return [kind for kind, there in zip(Kind, said, strict=True) if there]
