"""Contradictions at the doors of the process: listeners, who may give orders there, whose word on addresses counts, pages of other origins.

A part of `lint`. What it refuses would either not start or let in whom nobody meant to let in.
"""

from __future__ import annotations

from ipaddress import ip_address, ip_network
from typing import TYPE_CHECKING, Final

from sidecar.policy.clients import UNIX
from sidecar.policy.networks import plain
from sidecar.settings.complaints import dotted
from sidecar.settings.findings import written

if TYPE_CHECKING:
    from sidecar.settings.complaints import Loc
    from sidecar.settings.findings import Findings
    from sidecar.settings.protection import Debug
    from sidecar.settings.schema import Admin, Listen, Metrics, Settings

_SHOWN_IN: Final = "sidecar-debug"
EVERYWHERE: Final = frozenset({"0.0.0.0", "::"})  # noqa: S104 - compared with, not bound


def lint(settings: Settings, check: Findings) -> None:
    """Add every contradiction to `check`."""
    _listener(settings, check)
    _addresses(settings, check)
    _tokens(settings, check)
    _believed(settings, check)
    _callers(settings, check)
    _origins(settings, check)
    if written(settings.trace, "sample") and settings.trace.endpoint is None:
        check.add("E301", ("trace", "sample"), "has nothing to sample", "name an endpoint, or take it out", key=True)


def is_loopback(host: str) -> bool:
    """Say whether only this machine reaches `host`; of a name that is not localhost nobody knows."""
    try:
        return ip_address(host.partition("%")[0]).is_loopback
    except ValueError:
        return host.lower().rstrip(".") == "localhost"


def _listener(settings: Settings, check: Findings) -> None:
    listen = settings.listen
    _one_or_the_other(listen, "listen", check)
    if listen.tls is not None:
        check.file(("listen", "tls", "cert_file"), listen.tls.cert_file)
        check.file(("listen", "tls", "key_file"), listen.tls.key_file)


def _one_or_the_other(section: Listen | Admin, name: str, check: Findings) -> None:
    for key in ("host", "port"):
        if section.unix is not None and written(section, key):
            what = f"contradicts {name}.unix: one listener is one or the other"
            check.add("E301", (name, key), what, "take one out", key=True)


def _addresses(settings: Settings, check: Findings) -> None:
    """Refuse two listeners at one address; a default gives way to what is written, and it is said that it does."""
    doors: dict[str, Listen | Metrics | Admin] = {"listen": settings.listen, "admin": settings.admin}
    if settings.metrics is not None:
        doors["metrics"] = settings.metrics
    names = list(doors)
    for index, one in enumerate(names):
        for other in names[index + 1 :]:
            if not _same(doors[one], doors[other]):
                continue
            # Of two, the one that has a say in it is blamed; of admin's and metrics', the later in the table of keys.
            blamed, by = (other, one) if doors[other].model_fields_set else (one, other)
            key = next((key for key in ("unix", "port", "host") if key in doors[blamed].model_fields_set), None)
            at: Loc = (blamed, key) if key is not None else (blamed,)
            if "admin" in (one, other) and "admin" not in settings.model_fields_set:
                what = f"is where admin listens by default, port {settings.admin.port}: there will be no admin listener"
                check.add("W404", at, what, "give admin another port, as in admin: {port: 8082}")
            else:
                check.add("E311", at, f"is where {by} listens", "give each listener its own port or socket")


def _same(one: Listen | Metrics | Admin, other: Listen | Metrics | Admin) -> bool:
    unix, their_unix = getattr(one, "unix", None), getattr(other, "unix", None)
    if unix is not None or their_unix is not None:
        return unix == their_unix
    if one.port != other.port or one.port == 0:
        return False
    return one.host == other.host or not EVERYWHERE.isdisjoint((one.host, other.host))


def _tokens(settings: Settings, check: Findings) -> None:
    admin, debug = settings.admin, settings.debug
    _one_or_the_other(admin, "admin", check)
    orders = _token(admin, "admin", check)
    if admin.unix is None and not is_loopback(admin.host):
        _exposed(admin, check)
    if debug is None:
        return
    # Where nothing of it is left, a key of it is unknown, and that has been told.
    left = bool(debug.model_fields_set) or check.empty(("debug",))
    if left and debug.token is None and debug.token_file is None:
        check.add("E203", ("debug",), "names no token to show", "add token_file, or take it out", key=True)
    told = _token(debug, "debug", check)
    if told is not None and told == orders:
        what = "is the token of admin, too: it passes whatever stands before us, and whoever sees it there could give orders"
        check.add("E301", ("debug", "token" if debug.token is not None else "token_file"), what, "make another")
    _sent_on(settings, check)


def _token(section: Admin | Debug, name: str, check: Findings) -> str | None:
    """Return the token of a block, as far as it has one."""
    found = section.token
    if section.token_file is not None:
        if found is not None:
            check.add("E301", (name, "token_file"), f"contradicts {name}.token", "take one out", key=True)
        found = check.token((name, "token_file"), section.token_file)
    if section.token is not None and check.in_clear((name, "token")):
        what = "stands in the file for everybody who reads the file"
        remedy = f'as in token: "${{{name.upper()}_TOKEN}}", or token_file: /run/secrets/{name}'
        check.add("W402", (name, "token"), what, remedy)
    return found


def _sent_on(settings: Settings, check: Findings) -> None:
    """Refuse to send the token on: a header that is part of a question, or says who asks, goes to the backend."""
    for name, backend in settings.backends.items():
        at: Loc = ("backends", name)
        named: list[tuple[Loc, list[str]]] = [((*at, "identity", "headers"), backend.identity.headers)]
        for pattern, rule in backend.operations.items():
            if rule.cache is not None:
                named.append(((*at, "operations", pattern, "cache", "vary"), rule.cache.vary))
        for loc, headers in named:
            for index, header in enumerate(headers):
                if header.lower() == _SHOWN_IN:
                    what = "carries the token of debug, and would be sent to the backend"
                    check.add("E301", (*loc, index), what, "take it out")


def _exposed(admin: Admin, check: Findings) -> None:
    at: Loc = ("admin", "host")
    if admin.token is None and admin.token_file is None:
        what = f"others than this machine reach {check.shown(at, admin.host)}, and there is no token to show"
        check.add("E312", at, what, "add token_file, or listen on 127.0.0.1 or a unix socket")
    if admin.host in EVERYWHERE:
        what = "admin listens on every address of this machine, those of clients included"
        check.add("W403", at, what, "name the one that operators reach")


def _believed(settings: Settings, check: Findings) -> None:
    """Refuse to believe everybody, and a socket that there is not."""
    for index, hop in enumerate(settings.clients.trust):
        at: Loc = ("clients", "trust", index)
        if hop == UNIX and settings.listen.unix is None:
            check.add("E301", at, "trusts our unix socket, and there is none", "take it out, or set listen.unix")
        elif hop != UNIX and ip_network(hop).prefixlen == 0:
            what = "trusts everybody: whoever calls could name any address as his own"
            check.add("E303", at, what, "list the networks that your proxies are in")


def _callers(settings: Settings, check: Findings) -> None:
    """Refuse callers that nobody could tell apart, and to believe everybody about his people."""
    seen: dict[str, Loc] = {}
    for name, caller in settings.callers.items():
        for index, network in enumerate(caller.networks):
            at: Loc = ("callers", name, "networks", index)
            key = str(plain(network))
            first = seen.setdefault(key, at)
            if first != at:
                where = f"{dotted(first)} has in {check.beside(first, at)}"
                what = f"is {check.shown(at, key)}, which {where}: nobody could tell whose it is"
                check.add("E307", at, what, "keep one of the two; of two that overlap the smaller one wins")
            elif caller.trusted and ip_network(network).prefixlen == 0:
                what = "trusts everybody: whoever calls could name himself anybody"
                check.add("E303", at, what, "list the addresses of the servers that speak for others")


def _origins(settings: Settings, check: Findings) -> None:
    cors = settings.cors
    if not cors.credentials:
        return
    if "null" in cors.origins:
        what = "'null' is every sandboxed page of anybody: with credentials each could act as the visitor"
        check.add("E303", ("cors", "origins", cors.origins.index("null")), what, "take out null, or credentials")
    if not cors.origins and settings.public_url is None:
        what, remedy = "has no origin to apply to", "list the pages' origins in cors.origins"
        check.add("E301", ("cors", "credentials"), what, remedy, key=True)
