"""What contradicts what: checks that look at two keys at once, or at the disk. They see only what has the right shape already.

A contradiction is refused only where somebody wrote it down: defaults give way to what is written (see `build`), they never argue with it.
"""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from importlib.util import find_spec
from typing import TYPE_CHECKING, Final

from sidecar.model import Protocol
from sidecar.policy.routing import JSON, PAGES, RESERVED
from sidecar.settings import admitting, doors, exposing, guarding, injecting, keeping, purchases, standins
from sidecar.settings.build import COMPARISONS, collapsed, endpoints_of, is_every, lines_of, path_of, url_of
from sidecar.settings.findings import Findings, written
from sidecar.settings.quantities import spoken, spoken_size
from sidecar.settings.rules import Parameter
from sidecar.settings.shapes import SQLITE, origin_of

if TYPE_CHECKING:
    from sidecar.settings.complaints import Loc
    from sidecar.settings.files import Files
    from sidecar.settings.findings import RootOf
    from sidecar.settings.problem import Problem
    from sidecar.settings.rules import Result
    from sidecar.settings.schema import Backend, Settings
    from sidecar.settings.tree import Block

# Below a backend's path these are ours, now or later: the JSON facade, its description, its pages.
_TAKEN: Final = frozenset({JSON, *PAGES})
_SOAP_ONLY: Final = ("wsdl", "asmx_get", "soap12_sender_status")
_ORDERED: Final = frozenset({"lt", "le", "gt", "ge"})
# What spans are made and sent with; without one of them the sidecar could not start.
_OTEL: Final = ("opentelemetry.sdk.trace", "opentelemetry.exporter.otlp.proto.http.trace_exporter")


def lint(
    settings: Settings, root: Block, files: Files, root_of: RootOf | None = None, *, volatile: bool = False
) -> list[Problem]:
    """Return every contradiction in `settings`; `root` is where they were read from, `files` finds what they name, `root_of` reads XML.

    `volatile`: somebody said that what rooms know may be lost with the process.
    """
    check = Findings(root, files, root_of)
    doors.lint(settings, check)
    _trace(settings, check)
    _limits(settings, check)
    _paths(settings, check)
    keeping.lint(settings, {name: lines_of(backend) for name, backend in settings.backends.items()}, check)
    standins.lint(settings, check)
    guarding.classes(settings.classes, check)
    admitting.lint(settings, check, volatile=volatile)
    if settings.store.startswith(SQLITE):
        check.folder(("store",), settings.store.removeprefix(SQLITE))
    for name, backend in settings.backends.items():
        at: Loc = ("backends", name)
        _address(backend, at, check)
        _protocol(backend, at, check)
        guarding.lint(backend, at, check)
        injecting.lint(backend, at, check)
        exposing.lint(backend, at, check)
        purchases.lint(backend, at, check)
        _times(backend, at, check)
        _operations(backend, at, check)
        _faults(backend, at, check)
        for index, result in enumerate(backend.results):
            _result(result, (*at, "results", index), check)
    return check.problems


def _trace(settings: Settings, check: Findings) -> None:
    if settings.trace.endpoint is None or all(_installed(module) for module in _OTEL):
        return
    # Never by name alone: PyPI's `sidecar` is an unrelated project.
    remedy = 'pip install ".[otel]", in the folder of this project'
    check.add("E320", ("trace", "endpoint"), "needs the extra that is not installed here", remedy, key=True)


def _installed(module: str) -> bool:
    try:
        return find_spec(module) is not None
    except ModuleNotFoundError:  # nor is what it lies in
        return False


def _limits(settings: Settings, check: Findings) -> None:
    limits = settings.limits
    share_bytes = int(limits.buffered * limits.per_backend)
    for key in ("reply_body", "request_body"):
        size = getattr(limits, key)
        if size > share_bytes:
            at = key if written(limits, key) else "buffered" if written(limits, "buffered") else "per_backend"
            what = (
                f"a {key} of {spoken_size(size)} can never be held: one backend's share of limits.buffered is "
                f"{spoken_size(share_bytes)}"
            )
            check.add(
                "E301", ("limits", at), what, f"lower limits.{key}, or raise limits.buffered or limits.per_backend"
            )
    shared = len(settings.backends) > 1  # a single backend may have all of them
    callers = int(limits.connections * limits.per_backend) if shared else limits.connections
    there_are = (
        f"one backend's share of limits.connections is {callers}" if shared else f"limits.connections is {callers}"
    )
    remedy = "raise limits.connections" + (" or limits.per_backend" if shared else "")
    for name, backend in settings.backends.items():
        calls: Loc = ("backends", name)
        size, fixed = backend.queue.size, backend.limit.fixed
        limit = backend.limit.adaptive.max if fixed is None else fixed
        which: Loc = ("adaptive", "max") if fixed is None else ("fixed",)
        if written(backend.limit if fixed is not None else backend.limit.adaptive, str(which[-1])) and limit > callers:
            what = f"{limit} calls at once can never be reached: {there_are}"
            check.add("E301", (*calls, "limit", *which), what, remedy)
        elif written(backend.queue, "size") and limit + size > callers:
            what = f"{size} can never wait behind {limit} at once, for each holds a connection: {there_are}"
            check.add("E301", (*calls, "queue", "size"), what, f"lower it, or {remedy}")


def _paths(settings: Settings, check: Findings) -> None:
    if check.empty(("backends",)):
        check.add("E203", ("backends",), "no backend is named", "as in tickets: {protocol: soap, url: ...}", key=True)
    seen: dict[str, str] = {}
    for name, backend in settings.backends.items():
        path = path_of(name, backend)
        at: Loc = ("backends", name, "path") if backend.path is not None else ("backends", name)
        if path == RESERVED or path.startswith(RESERVED + "/"):
            check.add("E304", at, f"{RESERVED} is the sidecar's own", "choose another path")
        for other, owner in seen.items():
            if path != other and not path.startswith(other + "/") and not other.startswith(path + "/"):
                continue
            where = f"that backends.{owner} has in {check.beside(('backends', owner), at)}"
            if path == other:
                check.add("E304", at, f"is the path {where}", "give each its own, as in path: /tickets")
            else:
                theirs = check.shown(("backends", owner, "path"), other)
                what = (
                    f"{check.shown(at, path)} lies on one road with the path {theirs} {where}: "
                    "operations and endpoints live below a path"
                )
                check.add("E304", at, what, "choose paths of which none begins with another")
        seen[path] = name


def _address(backend: Backend, at: Loc, check: Findings) -> None:
    origin = origin_of(url_of(backend))
    for name, url in endpoints_of(backend):
        if name.lower() in _TAKEN:
            check.add(
                "E304",
                (*at, "endpoints", name),
                "this name is the sidecar's own below a path",
                "choose another",
                key=True,
            )
        if origin_of(url) != origin:
            shown = check.shown((*at, "url"), f"{origin[0]}://{origin[1]}:{origin[2]}")
            remedy = "one backend is one host, with one limit: make the other a backend of its own"
            check.add(
                "E305",
                (*at, "endpoints", name),
                f"is not on the origin of url, {shown}",
                remedy,
            )
    if standins.is_plain(backend) and "tls" in backend.model_fields_set and backend.tls.model_fields_set:
        check.add(
            "E301", (*at, "tls"), "has nothing to check: url is http", "write https in url, or take it out", key=True
        )
    check.file((*at, "tls", "ca_file"), backend.tls.ca_file)
    if backend.protocol is Protocol.SOAP:
        check.file((*at, "wsdl"), backend.wsdl)


def _protocol(backend: Backend, at: Loc, check: Findings) -> None:
    if backend.protocol is not Protocol.XMLRPC:
        return
    for key in _SOAP_ONLY:
        if written(backend, key):
            check.add("E301", (*at, key), "belongs to SOAP, and this backend speaks xmlrpc", "take it out", key=True)
    if backend.strict and all(is_every(pattern) for pattern in backend.operations):
        what = "would refuse every call: XML-RPC has no WSDL, and no line of operations names any"
        check.add("E301", (*at, "strict"), what, "name the operations, or take it out")


def _times(backend: Backend, at: Loc, check: Findings) -> None:
    times, queue = backend.timeouts, backend.queue
    if times.first_byte is not None and times.total is not None and times.first_byte > times.total:
        what = (
            f"the first byte may come after {spoken(times.first_byte)}, but the last must after {spoken(times.total)}"
        )
        check.add("E306", (*at, "timeouts", "first_byte"), what, "lower it, or raise timeouts.total")
    lines = lines_of(backend)
    for pattern, rule in backend.operations.items():
        if rule.timeout is not None and rule.timeout <= times.connect:
            what = f"its caller gives up after {spoken(rule.timeout)}, and the connection alone may take {spoken(times.connect)}"
            check.add("E306", (*at, "operations", pattern, "timeout"), what, "raise it, or lower timeouts.connect")
    longest_s = max(line.timeout_s for line in lines)
    if written(queue, "wait") and queue.size and queue.wait >= longest_s:
        what = (
            f"a call may wait {spoken(queue.wait)} in line, but no caller waits longer than {spoken(longest_s)} in all"
        )
        check.add("E306", (*at, "queue", "wait"), what, "lower it, or raise the timeouts of the operations")


def _operations(backend: Backend, at: Loc, check: Findings) -> None:
    seen: dict[str, str] = {}
    for pattern in backend.operations:
        first = seen.setdefault(collapsed(pattern), pattern)
        if first != pattern:
            loc: Loc = (*at, "operations", pattern)
            what = f"matches what '{first}' matches in {check.beside((*at, 'operations', first), loc)}"
            check.add("E307", loc, what, "keep one of the two", key=True)
    for index, pattern in enumerate(backend.expose or ()):
        if pattern in backend.deny:
            check.add("E301", (*at, "expose", index), "is denied to everybody by deny", "take it out of one of the two")


def _faults(backend: Backend, at: Loc, check: Findings) -> None:
    seen: dict[tuple[str | None, str | None], int] = {}
    for index, rule in enumerate(backend.faults):
        loc: Loc = (*at, "faults", index)
        if rule.match.faultcode is None and rule.match.faultstring is None:
            if check.empty((*loc, "match")):  # else a key of it is unknown, and that has been told
                remedy = "name a faultcode or a faultstring"
                check.add("E308", (*loc, "match"), "would match every fault", remedy, key=True)
            continue
        first = seen.setdefault((rule.match.faultcode, rule.match.faultstring), index)
        if first != index:
            where = check.beside((*at, "faults", first), loc)
            check.add("E307", loc, f"is never reached: faults[{first}] in {where} matches the same", "take one out")


def _result(result: Result, loc: Loc, check: Findings) -> None:
    used = [key for key in COMPARISONS if getattr(result.when, key) is not None]
    if len(used) != 1:
        what = "needs a comparison" if not used else f"has more than one comparison: {', '.join(used)}"
        check.add("E308", (*loc, "when"), what, f"write exactly one of {', '.join(COMPARISONS)}", key=True)
        return
    than = getattr(result.when, used[0])
    if used[0] in _ORDERED and not isinstance(than, Parameter) and not _is_number(than):
        check.add(
            "E308", (*loc, "when", used[0]), "only numbers have an order", "write a number, or compare with eq or ne"
        )


def _is_number(text: str) -> bool:
    try:
        return Decimal(text.strip()).is_finite()
    except InvalidOperation:
        return False
