"""What contradicts what: checks that look at two keys at once, or at the disk. They see only what has the right shape already.

A contradiction is refused only where somebody wrote it down: defaults give way to what is written (see `build`), they never argue with it.
"""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from importlib.util import find_spec
from ipaddress import ip_network
from typing import TYPE_CHECKING, Final

from pydantic_core import PydanticCustomError

from sidecar.model import Protocol
from sidecar.policy.clients import UNIX
from sidecar.policy.networks import plain
from sidecar.policy.routing import RESERVED
from sidecar.settings.build import COMPARISONS, collapsed, endpoints_of, is_every, lines_of, path_of
from sidecar.settings.complaints import dotted, node_at, place_of
from sidecar.settings.problem import Problem
from sidecar.settings.quantities import spoken, spoken_size
from sidecar.settings.schema import Parameter
from sidecar.settings.shapes import origin_of, secret

if TYPE_CHECKING:
    from pathlib import Path

    from sidecar.settings.complaints import Loc
    from sidecar.settings.schema import Backend, Result, Section, Settings
    from sidecar.settings.tree import Block

# Below a backend's path these are ours, now or later: the JSON facade, its description, its pages.
_TAKEN: Final = frozenset({"json", "docs"})
_SOAP_ONLY: Final = ("wsdl", "asmx_get", "soap12_sender_status")
_ORDERED: Final = frozenset({"lt", "le", "gt", "ge"})
# What spans are made and sent with; without one of them the sidecar could not start.
_OTEL: Final = ("opentelemetry.sdk.trace", "opentelemetry.exporter.otlp.proto.http.trace_exporter")


def lint(settings: Settings, root: Block, folder: Path) -> list[Problem]:
    """Return every contradiction in `settings`; `root` is where they were read from, `folder` what relative file names start at."""
    check = _Check(root, folder)
    _listener(settings, check)
    _clients(settings, check)
    _callers(settings, check)
    _admin(settings, check)
    _trace(settings, check)
    _origins(settings, check)
    _limits(settings, check)
    _paths(settings, check)
    for name, backend in settings.backends.items():
        at: Loc = ("backends", name)
        _address(backend, at, check)
        _protocol(backend, at, check)
        _times(backend, at, check)
        _operations(backend, at, check)
        _faults(backend, at, check)
        for index, result in enumerate(backend.results):
            _result(result, (*at, "results", index), check)
    return check.problems


class _Check:
    """Collects problems of one file."""

    def __init__(self, root: Block, folder: Path) -> None:
        self._root, self._folder = root, folder
        self.problems: list[Problem] = []

    def refuse(self, code: str, loc: Loc, what: str, remedy: str = "", *, key: bool = False) -> None:
        self.problems.append(Problem(code, place_of(self._root, loc, key=key), dotted(loc), what, remedy))

    def line(self, loc: Loc) -> str:
        return f"line {place_of(self._root, loc, key=True).line}"

    def empty(self, loc: Loc) -> bool:
        node = node_at(self._root, loc)
        return node is not None and not getattr(node, "entries", True)

    def token(self, loc: Loc, name: str) -> None:
        """Read a file that holds a token; the message of one that is none says nothing of what is in it."""
        before = len(self.problems)
        self.file(loc, name)
        if len(self.problems) > before:
            return
        try:
            secret((self._folder / name).read_text("utf-8").strip())
        except OSError as error:
            self.refuse("E302", loc, f"cannot be read: {error.strerror}", "let the sidecar's user read it")
        except (ValueError, PydanticCustomError):
            remedy = "it holds 16 to 512 printable characters, as openssl rand -hex 16 makes them"
            self.refuse("E212", loc, "the file holds no token", remedy)

    def file(self, loc: Loc, name: str | None) -> None:
        if name is None:
            return
        found = self._folder / name
        try:
            missing = not found.is_file()
        except (OSError, ValueError):  # a name too long for the disk is the name of no file
            missing = True
        if missing:
            self.refuse(
                "E302", loc, f"there is no file {found}", "relative names start at the folder of the settings file"
            )


def _written(section: Section, key: str) -> bool:
    return key in section.model_fields_set and getattr(section, key) is not None


def _listener(settings: Settings, check: _Check) -> None:
    listen = settings.listen
    for key in ("host", "port"):
        if listen.unix is not None and _written(listen, key):
            check.refuse(
                "E301",
                ("listen", key),
                "contradicts listen.unix: one listener is one or the other",
                "take one out",
                key=True,
            )
    if listen.tls is not None:
        check.file(("listen", "tls", "cert_file"), listen.tls.cert_file)
        check.file(("listen", "tls", "key_file"), listen.tls.key_file)


def _clients(settings: Settings, check: _Check) -> None:
    for index, hop in enumerate(settings.clients.trust):
        at: Loc = ("clients", "trust", index)
        if hop == UNIX and settings.listen.unix is None:
            check.refuse("E301", at, "trusts our unix socket, and there is none", "take it out, or set listen.unix")
        elif hop != UNIX and ip_network(hop).prefixlen == 0:
            what = "trusts everybody: whoever calls could name any address as his own"
            check.refuse("E303", at, what, "list the networks that your proxies are in")


def _callers(settings: Settings, check: _Check) -> None:
    seen: dict[str, Loc] = {}
    for name, caller in settings.callers.items():
        for index, network in enumerate(caller.networks):
            at: Loc = ("callers", name, "networks", index)
            key = str(plain(network))
            first = seen.setdefault(key, at)
            if first != at:
                what = f"is {key}, which {dotted(first)} has in {check.line(first)}: nobody could tell whose it is"
                check.refuse("E307", at, what, "keep one of the two; of two that overlap the smaller one wins")
            elif caller.trusted and ip_network(network).prefixlen == 0:
                what = "trusts everybody: whoever calls could name himself anybody"
                check.refuse("E303", at, what, "list the addresses of the servers that speak for others")


def _admin(settings: Settings, check: _Check) -> None:
    admin = settings.admin
    for key in ("host", "port"):
        if admin.unix is not None and _written(admin, key):
            what = "contradicts admin.unix: one listener is one or the other"
            check.refuse("E301", ("admin", key), what, "take one out", key=True)
    if admin.token_file is None:
        return
    if admin.token is not None:
        check.refuse("E301", ("admin", "token_file"), "contradicts admin.token", "take one out", key=True)
    check.token(("admin", "token_file"), admin.token_file)


def _trace(settings: Settings, check: _Check) -> None:
    if settings.trace.endpoint is None or all(_installed(module) for module in _OTEL):
        return
    remedy = 'pip install "sidecar[otel]"'
    check.refuse("E320", ("trace", "endpoint"), "needs the extra that is not installed here", remedy, key=True)


def _installed(module: str) -> bool:
    try:
        return find_spec(module) is not None
    except ModuleNotFoundError:  # nor is what it lies in
        return False


def _origins(settings: Settings, check: _Check) -> None:
    cors = settings.cors
    if not cors.credentials:
        return
    if "null" in cors.origins:
        what = "'null' is every sandboxed page of anybody: with credentials each could act as the visitor"
        check.refuse("E303", ("cors", "origins", cors.origins.index("null")), what, "take out null, or credentials")
    if not cors.origins and settings.public_url is None:
        check.refuse(
            "E301",
            ("cors", "credentials"),
            "has no origin to apply to",
            "list the pages' origins in cors.origins",
            key=True,
        )


def _limits(settings: Settings, check: _Check) -> None:
    limits = settings.limits
    share_bytes = int(limits.buffered * limits.per_backend)
    for key in ("reply_body", "request_body"):
        size = getattr(limits, key)
        if size > share_bytes:
            at = key if _written(limits, key) else "buffered" if _written(limits, "buffered") else "per_backend"
            what = (
                f"a {key} of {spoken_size(size)} can never be held: one backend's share of limits.buffered is "
                f"{spoken_size(share_bytes)}"
            )
            check.refuse(
                "E301", ("limits", at), what, f"lower limits.{key}, or raise limits.buffered or limits.per_backend"
            )
    callers = int(limits.connections * limits.per_backend)
    for name, backend in settings.backends.items():
        if _written(backend.limit, "fixed") and backend.limit.fixed > callers:
            what = f"{backend.limit.fixed} calls at once can never be reached: one backend's share of limits.connections is {callers}"
            check.refuse(
                "E301", ("backends", name, "limit", "fixed"), what, "raise limits.connections or limits.per_backend"
            )


def _paths(settings: Settings, check: _Check) -> None:
    if check.empty(("backends",)):
        check.refuse(
            "E203", ("backends",), "no backend is named", "as in tickets: {protocol: soap, url: ...}", key=True
        )
    seen: dict[str, str] = {}
    for name, backend in settings.backends.items():
        path = path_of(name, backend)
        at: Loc = ("backends", name, "path") if backend.path is not None else ("backends", name)
        if path == RESERVED or path.startswith(RESERVED + "/"):
            check.refuse("E304", at, f"{RESERVED} is the sidecar's own", "choose another path")
        for other, owner in seen.items():
            where = f"that backends.{owner} has in {check.line(('backends', owner))}"
            if path == other:
                check.refuse("E304", at, f"is the path {where}", "give each its own, as in path: /tickets")
            elif path.startswith(other + "/") or other.startswith(path + "/"):
                what = (
                    f"{path} lies on one road with the path {other} {where}: operations and endpoints live below a path"
                )
                check.refuse("E304", at, what, "choose paths of which none begins with another")
        seen[path] = name


def _address(backend: Backend, at: Loc, check: _Check) -> None:
    origin = origin_of(backend.url)
    for name, url in endpoints_of(backend):
        if name.lower() in _TAKEN:
            check.refuse(
                "E304",
                (*at, "endpoints", name),
                "this name is the sidecar's own below a path",
                "choose another",
                key=True,
            )
        if origin_of(url) != origin:
            remedy = "one backend is one host, with one limit: make the other a backend of its own"
            check.refuse(
                "E305",
                (*at, "endpoints", name),
                f"is not on the origin of url, {origin[0]}://{origin[1]}:{origin[2]}",
                remedy,
            )
    if origin[0] == "http" and "tls" in backend.model_fields_set and backend.tls.model_fields_set:
        check.refuse(
            "E301", (*at, "tls"), "has nothing to check: url is http", "write https in url, or take it out", key=True
        )
    check.file((*at, "tls", "ca_file"), backend.tls.ca_file)
    if backend.protocol is Protocol.SOAP:
        check.file((*at, "wsdl"), backend.wsdl)


def _protocol(backend: Backend, at: Loc, check: _Check) -> None:
    if backend.protocol is not Protocol.XMLRPC:
        return
    for key in _SOAP_ONLY:
        if _written(backend, key):
            check.refuse("E301", (*at, key), "belongs to SOAP, and this backend speaks xmlrpc", "take it out", key=True)
    if backend.strict and all(is_every(pattern) for pattern in backend.operations):
        what = "would refuse every call: XML-RPC has no WSDL, and no line of operations names any"
        check.refuse("E301", (*at, "strict"), what, "name the operations, or take it out")


def _times(backend: Backend, at: Loc, check: _Check) -> None:
    times, queue = backend.timeouts, backend.queue
    if times.first_byte is not None and times.total is not None and times.first_byte > times.total:
        what = (
            f"the first byte may come after {spoken(times.first_byte)}, but the last must after {spoken(times.total)}"
        )
        check.refuse("E306", (*at, "timeouts", "first_byte"), what, "lower it, or raise timeouts.total")
    lines = lines_of(backend)
    for pattern, rule in backend.operations.items():
        if rule.timeout is not None and rule.timeout <= times.connect:
            what = f"its caller gives up after {spoken(rule.timeout)}, and the connection alone may take {spoken(times.connect)}"
            check.refuse("E306", (*at, "operations", pattern, "timeout"), what, "raise it, or lower timeouts.connect")
    longest_s = max(line.timeout_s for line in lines)
    if _written(queue, "wait") and queue.size and queue.wait >= longest_s:
        what = (
            f"a call may wait {spoken(queue.wait)} in line, but no caller waits longer than {spoken(longest_s)} in all"
        )
        check.refuse("E306", (*at, "queue", "wait"), what, "lower it, or raise the timeouts of the operations")


def _operations(backend: Backend, at: Loc, check: _Check) -> None:
    seen: dict[str, str] = {}
    for pattern in backend.operations:
        first = seen.setdefault(collapsed(pattern), pattern)
        if first != pattern:
            where = check.line((*at, "operations", first))
            check.refuse(
                "E307",
                (*at, "operations", pattern),
                f"matches what '{first}' matches in {where}",
                "keep one of the two",
                key=True,
            )
    for index, pattern in enumerate(backend.expose or ()):
        if pattern in backend.deny:
            check.refuse(
                "E301", (*at, "expose", index), "is denied to everybody by deny", "take it out of one of the two"
            )


def _faults(backend: Backend, at: Loc, check: _Check) -> None:
    seen: dict[tuple[str | None, str | None], int] = {}
    for index, rule in enumerate(backend.faults):
        loc: Loc = (*at, "faults", index)
        if rule.match.faultcode is None and rule.match.faultstring is None:
            check.refuse(
                "E308", (*loc, "match"), "would match every fault", "name a faultcode or a faultstring", key=True
            )
            continue
        first = seen.setdefault((rule.match.faultcode, rule.match.faultstring), index)
        if first != index:
            where = check.line((*at, "faults", first))
            check.refuse("E307", loc, f"is never reached: faults[{first}] in {where} matches the same", "take one out")


def _result(result: Result, loc: Loc, check: _Check) -> None:
    used = [key for key in COMPARISONS if getattr(result.when, key) is not None]
    if len(used) != 1:
        what = "needs a comparison" if not used else f"has more than one comparison: {', '.join(used)}"
        check.refuse("E308", (*loc, "when"), what, f"write exactly one of {', '.join(COMPARISONS)}", key=True)
        return
    than = getattr(result.when, used[0])
    if used[0] in _ORDERED and not isinstance(than, Parameter) and not _is_number(than):
        check.refuse(
            "E308", (*loc, "when", used[0]), "only numbers have an order", "write a number, or compare with eq or ne"
        )


def _is_number(text: str) -> bool:
    try:
        return Decimal(text.strip()).is_finite()
    except InvalidOperation:
        return False
