"""What `begins: purchase` and `ends: purchase` contradict, and what they do, in words for `sidecar check`: one clause for each line.

A part of `lint` and of `report`. It knows no customer.
"""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Final

from sidecar.settings.build import is_glob
from sidecar.settings.findings import written
from sidecar.settings.quantities import spoken

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sidecar.plan import BackendPlan, OperationPlan
    from sidecar.settings.complaints import Loc
    from sidecar.settings.findings import Findings
    from sidecar.settings.schema import Backend

_KEYS: Final = ("begins", "ends")


def lint(backend: Backend, at: Loc, check: Findings) -> None:
    """Add every contradiction of one backend to `check`."""
    marked = {key: [name for name, rule in backend.operations.items() if getattr(rule, key)] for key in _KEYS}
    for key, names in marked.items():
        for name in names:
            loc: Loc = (*at, "operations", name, key)
            rule = backend.operations[name]
            if rule.safe or rule.cache is not None:
                why = "safe: true: what changes nothing" if rule.safe else "cache: what somebody else was told"
                check.add("E301", loc, f"contradicts {why} is no purchase", "take one of the two out", key=True)
    # Authorization is there by default: it tells nobody from anybody where nobody sends it.
    shows = backend.identity.params or (written(backend.identity, "headers") and backend.identity.headers)
    if marked["begins"] and not shows:
        what = "nobody can tell whose purchase it is when he comes again: the backend has no identity"
        remedy = "name what callers show, as in identity: {params: [sSessionKey]} or {headers: [Authorization]}"
        check.add("W420", (*at, "operations", marked["begins"][0], "begins"), what, remedy)
    if marked["ends"] and not marked["begins"]:
        what = "no operation of this backend begins a purchase: there is none that could end"
        remedy = "write begins: purchase at the operation that gives somebody something to lose, a reservation say"
        check.add("W421", (*at, "operations", marked["ends"][0], "ends"), what, remedy)


def clauses(backend: BackendPlan, line: OperationPlan) -> Iterator[str]:
    """Say what becomes of whoever gets through it."""
    if line.begins:
        nothing = {rule.state for rule in backend.results if _may_meet(line.pattern, rule.operation)} - {"partial"}
        but = f"by a good reply but {', '.join(sorted(nothing))}"
        if not nothing:
            but = "by any good reply, for no rule of results: tells one that got nothing"
        yield (
            f"it begins a purchase: whoever gets something ({but}) is finished first for {spoken(backend.purchase_s)}; "
            "his own rate, a pause for newcomers, a waiting room and a full line do not stop him, two calls at once"
        )
    if line.ends:
        yield "it ends a purchase: whoever gets through it is a newcomer again"


def _may_meet(one: str, other: str) -> bool:
    """Say whether two patterns can mean the same operation; of two globs nobody looks closely."""
    return fnmatchcase(one, other) or fnmatchcase(other, one) or (is_glob(one) and is_glob(other))
