"""Contradictions among the keys of what protects a backend: `limit`, `classes`, `breaker`, `probe`, `rate`.

A part of `lint`. What it refuses could never take effect, or would do the opposite of what its author hoped.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sidecar.settings.build import lines_of
from sidecar.settings.findings import written
from sidecar.settings.protection import parted
from sidecar.settings.quantities import spoken

if TYPE_CHECKING:
    from sidecar.settings.complaints import Loc
    from sidecar.settings.findings import Findings
    from sidecar.settings.protection import Classes, Rate
    from sidecar.settings.schema import Backend

_RESERVED_MOST: Final = 0.9  # what is reserved by all together leaves the rest for whoever has nothing reserved


def classes(ranks: Classes, check: Findings) -> None:
    """Refuse reserves that leave nothing for the others."""
    names = [name for name in type(ranks).model_fields if getattr(ranks, name).reserve > 0]
    together = sum(getattr(ranks, name).reserve for name in names)
    if together > _RESERVED_MOST:
        what = f"{', '.join(names)} reserve {together:.0%} of every backend's limit together"
        check.add("E301", ("classes", names[-1], "reserve"), what, "90% at most, so that the others get some of it")


def lint(backend: Backend, at: Loc, check: Findings) -> None:
    """Add every contradiction of one backend to `check`."""
    _limit(backend, at, check)
    _breaker(backend, at, check)
    _probe(backend, at, check)
    _rates(backend.rate, (*at, "rate"), check)
    for pattern, rule in backend.operations.items():
        _rates(rule.rate, (*at, "operations", pattern, "rate"), check)


def _limit(backend: Backend, at: Loc, check: Findings) -> None:
    """Refuse bounds of a learnt limit that exclude each other, or that a fixed one makes void."""
    limit = backend.limit
    if limit.fixed is not None:
        if written(limit, "adaptive"):
            what = "is not learnt: fixed, beside it, says how many calls the backend gets at once"
            check.add("E301", (*at, "limit", "adaptive"), what, "keep one of the two", key=True)
        return
    low, start, high = limit.adaptive.min, limit.adaptive.start, limit.adaptive.max
    here: Loc = (*at, "limit", "adaptive")
    if low > high:
        which = "min" if written(limit.adaptive, "min") else "max"
        check.add("E301", (*here, which), f"min {low} is above max {high}", "lower min, or raise max")
    elif written(limit.adaptive, "start") and not low <= start <= high:
        check.add("E301", (*here, "start"), f"{start} is not between min {low} and max {high}", "choose one between")


def _breaker(backend: Backend, at: Loc, check: Findings) -> None:
    breaker, here = backend.breaker, (*at, "breaker")
    if breaker.open_for > breaker.open_max:
        which = "open_for" if written(breaker, "open_for") else "open_max"
        what = f"it is cut off for {spoken(breaker.open_for)} at first, and never for longer than {spoken(breaker.open_max)}"
        check.add("E306", (*here, which), what, "lower open_for, or raise open_max")
    longest_s = max(line.attempt_total_s for line in lines_of(backend))
    if written(breaker, "slow_after") and breaker.slow_after >= longest_s:
        what = f"no call is ever that slow: an attempt ends after {spoken(longest_s)}"
        check.add("E306", (*here, "slow_after"), what, "lower it, or raise timeouts.total")


def _probe(backend: Backend, at: Loc, check: Findings) -> None:
    if backend.probe is None:
        return
    name = backend.probe.operation
    if name in backend.deny:
        check.add(
            "E301", (*at, "probe", "operation"), "is denied to everybody by deny", "take it out of one of the two"
        )
        return
    line = next(each for each in lines_of(backend) if each.matches(name))
    if not line.safe:
        what = f"{check.shown((*at, 'probe', 'operation'), name)} is not safe, and nobody would ask for what it does"
        remedy = f"where it changes nothing, as in operations: {{{name}: {{safe: true}}}}"
        check.add("E301", (*at, "probe", "operation"), what, remedy)


def _rates(rates: list[Rate], at: Loc, check: Findings) -> None:
    seen: dict[tuple[str, str | None], int] = {}
    for index, rate in enumerate(rates):
        here: Loc = (*at, index)
        if rate.per == "account" and rate.parameter is None:
            check.add("E308", here, "names no parameter, so every account is the same", "as in parameter: iCustomerNo")
        elif rate.per != "account" and rate.parameter is not None:
            what = f"counts for nothing: the rate is per {rate.per}"
            check.add("E301", (*here, "parameter"), what, "write per: account, or take it out", key=True)
        _, period_s = parted(rate.limit)
        first = seen.setdefault((rate.per, f"{rate.parameter} {period_s}"), index)
        if first != index:
            where = check.beside((*at, first), here)
            what = f"counts what [{first}] in {where} counts, over the same time"
            check.add("E307", here, what, "keep the lower one")
