"""Contradictions among the keys of what is shared, kept and repeated: `cache`, `shared`, `invalidates`, `idempotency`.

A part of `lint`. What it refuses would give somebody an answer that is not his, or would never do what its author hoped. Fallbacks are
looked at by `standins`; what needs a WSDL, by `names`.
"""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING, Final

from sidecar.model import Protocol
from sidecar.plan import EVERY
from sidecar.settings import tags
from sidecar.settings.build import is_every
from sidecar.settings.findings import written
from sidecar.settings.quantities import spoken, spoken_size

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from sidecar.plan import OperationPlan
    from sidecar.settings.answers import Cache, Idempotency
    from sidecar.settings.complaints import Loc
    from sidecar.settings.findings import Findings
    from sidecar.settings.schema import Backend, Operation, Settings

_USUAL_HEADERS: Final = frozenset({"authorization"})  # what identity.headers has where nobody wrote it
# A question that is shared is asked anew, with headers of its own: these say how, and not what.
_OURS: Final = frozenset(
    {"accept-encoding", "connection", "content-encoding", "content-length", "content-type", "expect", "host", "soapaction", "te",
     "transfer-encoding", "upgrade"}
)  # fmt: skip
_WHO: Final = frozenset({"authorization", "cookie", "proxy-authorization"})
_SHARED_REMEDY: Final = "say whose identity asks, as in shared: {as: {NAME: VALUE}}, drop or leader"


def lint(settings: Settings, lines: dict[str, tuple[OperationPlan, ...]], check: Findings) -> None:
    """Add every contradiction to `check`; `lines` are those of each backend."""
    for name, backend in settings.backends.items():
        waits = {line.pattern: line.timeout_s for line in lines[name]}
        for pattern, rule in backend.operations.items():
            at: Loc = ("backends", name, "operations", pattern)
            _needs_safe(rule, at, check)
            if rule.cache is not None:
                _times(rule.cache, waits.get(pattern), (*at, "cache"), check)
                _size(rule.cache, settings, (*at, "cache"), check)
                _key(rule, backend, (*at, "cache"), check)
                _negative(rule.cache, backend, (*at, "cache", "negative", "states"), check)
            _shared(rule, backend, at, check)
            _invalidates(rule, backend, at, check)
            if rule.idempotency is not None:
                _idempotency(rule, rule.idempotency, backend, (*at, "idempotency"), check)
                _forgotten(rule.idempotency, waits.get(pattern), (*at, "idempotency"), check)


def against(
    backend: Backend,
    at: Loc,
    parameters: Mapping[str, frozenset[str] | None],
    ruled: Mapping[str, list[str]],
    check: Findings,
) -> None:
    """Say which operations with `shared: true` take an identity, by the `parameters` of a WSDL; or that nobody can tell.

    `ruled` are the WSDL's operations by the line that rules them; both are empty where there is none.
    """
    who = backend.identity.params
    for pattern, rule in backend.operations.items():
        if rule.shared is not True or not who:
            continue
        loc: Loc = (*at, "operations", pattern, "shared")
        known = [(name, parameters[name]) for name in ruled.get(EVERY if is_every(pattern) else pattern, ())]
        taken = next(
            ((name, each) for name, names in known for each in who if names is not None and each in names), None
        )
        if taken is not None:
            what = f"{taken[0]} takes an identity, {taken[1]}: its answers are not everybody's"
            check.add("E313", loc, what, _SHARED_REMEDY)
        elif not known or any(names is None for _, names in known):
            what = f"no WSDL says whether {pattern} takes one of identity.params: {', '.join(who)}"
            check.add("W415", loc, what, f"where it takes one, {_SHARED_REMEDY}")


def _needs_safe(rule: Operation, at: Loc, check: Findings) -> None:
    for key in ("cache", "shared"):
        if not written(rule, key):
            continue
        if not rule.safe:
            what = "needs safe: true: an answer that somebody else got says nothing of what was done for this caller"
            check.add("E313", (*at, key), what, "where it changes nothing write safe: true, else take it out", key=True)
        if rule.stream:
            what = "contradicts stream: true: a reply that is passed on while it comes is not held"
            check.add("E301", (*at, key), what, "take one out", key=True)


def _times(cache: Cache, timeout_s: float | None, at: Loc, check: Findings) -> None:
    renewed_s = cache.stale_while_revalidate
    for key in ("grace", "stale_if_error"):
        longer_s = getattr(cache, key)
        if written(cache, key) and longer_s <= renewed_s:
            what = (
                f"never applies: up to {spoken(renewed_s)} beyond ttl an old answer is given at once anyway "
                "(stale_while_revalidate)"
            )
            check.add("W405", (*at, key), what, "make it longer, or take it out")
    if cache.soft_timeout is None:
        return
    if not (renewed_s or cache.grace or cache.stale_if_error):
        what = "never applies: there is no old answer to give in its place"
        check.add("W405", (*at, "soft_timeout"), what, "add stale_if_error, or take it out")
    elif timeout_s is not None and cache.soft_timeout >= timeout_s:
        what = f"never applies: its caller waits no longer than {spoken(timeout_s)} in all"
        check.add("W405", (*at, "soft_timeout"), what, "lower it")


def _size(cache: Cache, settings: Settings, at: Loc, check: Findings) -> None:
    share_bytes = int(settings.limits.cached * cache.share)
    if cache.max_entry <= share_bytes:
        return
    loc: Loc = next(((*at, key) for key in ("max_entry", "share") if written(cache, key)), ("limits", "cached"))
    what = (
        f"an answer of max_entry, {spoken_size(cache.max_entry)}, can never be kept: its operation's share of limits.cached is "
        f"{spoken_size(share_bytes)}"
    )
    check.add("E301", loc, what, "lower cache.max_entry, or raise limits.cached or cache.share")


def _key(rule: Operation, backend: Backend, at: Loc, check: Findings) -> None:
    """Refuse a key that takes people for one another, or that differs where answers do not."""
    cache = rule.cache
    assert cache is not None, "asked of operations with a cache alone"
    who = {*backend.identity.params}
    for name in cache.params:
        if name in who:
            what = "says who asks (identity.params): counted in another way, people would get each other's answers"
            check.add("E313", (*at, "params", name), what, "take it out; shared says whether it counts", key=True)
    headers = {name.lower() for name in backend.identity.headers} | _WHO
    for index, header in enumerate(cache.vary):
        if header.lower() in headers:
            what = "says who asks: it counts anyway, unless the operation is shared"
            check.add("E301", (*at, "vary", index), what, "take it out; what says who asks is named in identity")
        elif header.lower() in _OURS:
            what = "says how a call is sent, and a call that may be shared is sent in one way"
            check.add("E301", (*at, "vary", index), what, "take it out")
    gone = {name for name, fold in cache.params.items() if fold == "ignore"}
    gone |= who if rule.shared is not None else set()
    for index, template in enumerate(cache.tags):
        for name in tags.parameters(template):
            if name in gone:
                what = (
                    f"names {check.shown((*at, 'tags', index), name)}, which is not part of the key: the tag would be that of "
                    "whoever asked first"
                )
                check.add("E301", (*at, "tags", index), what, "name a parameter that counts")
    if cache.consistency == "strict" and not cache.tags:
        check.add(
            "E301", (*at, "consistency"), "has nothing to apply to: there are no tags", "add tags, or take it out"
        )


def _negative(cache: Cache, backend: Backend, at: Loc, check: Findings) -> None:
    given = {rule.state for rule in backend.faults} | {rule.state for rule in backend.results}
    for index, state in enumerate(cache.negative.states if cache.negative is not None else ()):
        if state not in given:
            what = f"no rule of faults: or results: gives {state}: nothing is kept for it"
            check.add("W414", (*at, index), what, "add a rule, or take it out")


def _shared(rule: Operation, backend: Backend, at: Loc, check: Findings) -> None:
    if rule.shared is None:
        return
    at = (*at, "shared")
    params, headers = backend.identity.params, backend.identity.headers
    if rule.cache is None and rule.safe:
        remedy = "add cache: with ttl: 0s it keeps nothing and joins calls in flight"
        check.add("E301", at, "has nothing to share: the operation has no cache", remedy, key=True)
    if isinstance(rule.shared, dict):
        for name in rule.shared["as"]:
            _stand_in(name, params, headers, (*at, "as", name), check)
    elif rule.shared is True:
        more = [name for name in headers if name.lower() not in _USUAL_HEADERS]
        if more and written(backend.identity, "headers"):
            what = f"says that it takes no identity, while callers show {', '.join(more)} with every call (identity.headers)"
            check.add("W415", at, what, f"where it makes no difference leave it; else {_SHARED_REMEDY}")
    elif not params and not headers:
        what = f"{rule.shared} has nothing to apply to: identity names no parameter and no header"
        check.add("E301", at, what, "name them in identity, or write shared: true")


def _stand_in(name: str, params: Iterable[str], headers: Iterable[str], at: Loc, check: Findings) -> None:
    known = [*params, *headers]
    if name not in params and name.lower() not in {header.lower() for header in headers}:
        near = get_close_matches(name, known, n=1, cutoff=0.6)
        hint = f", did you mean {near[0]}?" if near else ""
        what = f"{name} is neither in identity.params nor in identity.headers{hint}"
        check.add("E301", at, what, "what stands for an identity is named in identity", key=True)
    if check.in_clear(at):
        what = "stands in the file for everybody who reads the file"
        check.add("W402", at, what, f'as in {name}: "${{SERVICE_SESSION}}"')


def _invalidates(rule: Operation, backend: Backend, at: Loc, check: Findings) -> None:
    carried = _carried(backend, at[:3])
    at = (*at, "invalidates")
    if rule.safe and rule.invalidates:
        what = "the operation is safe, so it makes no answer old"
        check.add("W417", at, what, "take out one of the two", key=True)
        return
    for index, template in enumerate(rule.invalidates):
        if not any(tags.may_meet(template, each) for each in carried):
            loc: Loc = (*at, index)
            shown = check.shown(loc, template)
            known = [each for each, where in carried.items() if check.in_clear(where)] if shown == template else []
            near = get_close_matches(template, known, n=1, cutoff=0.6)
            hint = f", did you mean {near[0]}?" if near else ""
            what = f"no answer of this backend has a tag like {shown}{hint}"
            check.add("W414", loc, what, "add it to the tags of what it makes old")


def _carried(backend: Backend, at: Loc) -> dict[str, Loc]:
    """Return the tags that answers of a backend carry, and where one of each is written; `at` is the block of its operations."""
    return {
        template: (*at, pattern, "cache", "tags", index)
        for pattern, rule in backend.operations.items()
        for index, template in enumerate(rule.cache.tags if rule.cache is not None else ())
    }


def _idempotency(rule: Operation, keys: Idempotency, backend: Backend, at: Loc, check: Findings) -> None:
    if rule.safe:
        what = "the operation is safe: done twice it is as done once"
        check.add("W417", at, what, "take out one of the two; cache joins equal calls", key=True)
    if rule.stream:
        what = "contradicts stream: true: an outcome that is not held cannot be told again"
        check.add("E301", at, what, "take one out", key=True)
    if keys.key is None and keys.derived is None:
        check.add("E203", (*at, "key"), "is missing", "as in key: header, or derived: 30s for double clicks", key=True)
    if isinstance(keys.key, dict) and "soap_header" in keys.key and backend.protocol is Protocol.XMLRPC:
        check.add("E301", (*at, "key"), "belongs to SOAP, and this backend speaks xmlrpc", "as in key: header")
    if keys.derived is None:
        return
    # Authorization is there by default: it tells nobody from anybody where nobody sends it.
    if not backend.identity.params and not (written(backend.identity, "headers") and backend.identity.headers):
        what = "nobody can tell whose two equal calls are: the backend has no identity"
        remedy = "name what callers show, as in identity: {params: [sSessionKey]} or {headers: [Authorization]}"
        check.add("E301", (*at, "derived"), what, remedy)
    if keys.derived > keys.ttl:
        what = f"two equal calls are one for {spoken(keys.derived)}, while an outcome is kept for {spoken(keys.ttl)}"
        check.add("E306", (*at, "derived"), what, "lower it, or raise ttl")


def _forgotten(keys: Idempotency, timeout_s: float | None, at: Loc, check: Findings) -> None:
    """Say where a call may take longer than its outcome is kept: it is told to its caller, and to nobody who repeats the call."""
    for key in ("derived", "ttl"):
        kept_s = getattr(keys, key)
        if kept_s is not None and timeout_s is not None and kept_s < timeout_s:
            what = (
                f"shorter than its caller waits, {spoken(timeout_s)}: an outcome that comes later than {spoken(kept_s)} is forgotten "
                "as it comes, and whoever repeats the call makes it again"
            )
            check.add("W418", (*at, key), what, f"make it {spoken(timeout_s)} or longer, or lower timeout")
