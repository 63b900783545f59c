"""Who may read an answer from another origin, and the headers that say so.

Asked by the cors stage for every request, and for errors made before any handler. It never refuses by itself: a page of a
disallowed origin gets the normal status without the header that would let it read (fetch standard, "CORS protocol").
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Final, Protocol
from urllib.parse import urlsplit

from sidecar.model import Reply, joined

if TYPE_CHECKING:
    from collections.abc import Container, Iterable, Mapping, Sequence

    from sidecar.model import RawHeaders

EXPOSED: Final = (
    "Sidecar-State, Sidecar-Place, Sidecar-Pass, Sidecar-Fault, X-Request-Id, Retry-After, Server-Timing, Cache-Status, Age, RateLimit, "
    "RateLimit-Policy, Location, ETag, Date, Idempotency-Key, Preference-Applied"
)
ALLOWED_METHODS: Final = "GET, HEAD, POST, OPTIONS"
# Spelt out: with credentials "*" means a header of that name, and it never covers Authorization.
ALLOWED_HEADERS: Final = (
    "Accept, Accept-Language, Authorization, Content-Type, Idempotency-Key, If-None-Match, Prefer, SOAPAction, "
    "Sidecar-Pass, Sidecar-Place, Sidecar-Timeout, X-Request-Id, traceparent, tracestate"
)

_VARY: Final = (b"Vary", b"Origin")
# A preflight asks for leave and runs nothing.
_PREFLIGHT_STATE: Final = (b"Sidecar-State", b"ok;executed=no")
_PREFLIGHT_VARY: Final = (b"Vary", b"Origin, Access-Control-Request-Method, Access-Control-Request-Headers")
_STRIPPED: Final = b"access-control-"
_ROOMS: Final = "/.sidecar/rooms/"
_PUBLIC_FILES: Final = ("/.sidecar/client.", f"{_ROOMS}assets/")
_PUBLIC_ENDS: Final = ("/board", "/events")
_PUBLIC_LINES: Final = (
    (b"Access-Control-Allow-Origin", b"*"),
    (b"Access-Control-Expose-Headers", b"Sidecar-State, X-Request-Id, Retry-After, ETag, Age, Date"),
    (b"Timing-Allow-Origin", b"*"),
)
_ELSEWHERE: Final = ("cross-site", "same-site")  # another site, or another host of the same one
_DEFAULT_PORTS: Final = {"http": 80, "https": 443}


class Rules(Protocol):
    """What the policy is told (`cors:` in the configuration)."""

    @property
    def origins(self) -> frozenset[str]:
        """Exact serialized origins."""
        ...

    @property
    def credentials(self) -> bool:
        """Whether a page may send cookies."""
        ...

    @property
    def max_age_s(self) -> int:
        """How long a preflight may be remembered."""
        ...


@dataclass(frozen=True, slots=True)
class Verdict:
    """The header lines that a reply gets, also as they are sent, and whether this caller may write (True where no browser asks)."""

    headers: RawHeaders
    block: bytes
    allowed: bool


class Cors:
    """The policy of one plan. Header lines are made once per origin, not per request."""

    __slots__ = ("_foreign", "_native", "_of", "_preflight", "_unknown")

    def __init__(self, plan: Rules, public_url: str | None) -> None:
        own = frozenset(filter(None, (_origin(public_url),)))
        credentials = ((b"Access-Control-Allow-Credentials", b"true"),) if plan.credentials else ()
        self._native = _verdict((_VARY,), allowed=True)
        self._foreign = _verdict((_VARY,), allowed=False)
        self._of = {origin: _verdict(_readable(origin, credentials), allowed=True) for origin in plan.origins | own}
        age = str(plan.max_age_s).encode()
        self._preflight: dict[str, RawHeaders] = {
            origin: (
                (b"Access-Control-Allow-Origin", origin.encode()),
                *credentials,
                (b"Access-Control-Allow-Methods", ALLOWED_METHODS.encode()),
                (b"Access-Control-Allow-Headers", ALLOWED_HEADERS.encode()),
                (b"Access-Control-Max-Age", age),
                _PREFLIGHT_STATE,
                _PREFLIGHT_VARY,
            )
            for origin in plan.origins | own
        }
        # A parse error may come before the Origin line was read: with one configured origin it can only be that one.
        only = next(iter(plan.origins)) if len(plan.origins) == 1 else None
        self._unknown = self._of[only] if only is not None else _verdict(_readable("*", ()), allowed=False)

    def ask(self, origins: Sequence[str]) -> Verdict:
        """Judge a request by its Origin header lines. More than one is nobody's."""
        if not origins:
            return self._native
        if len(origins) > 1:
            return self._foreign
        return self._of.get(origins[0], self._foreign)

    def public(self) -> Verdict:
        """Return the lines of what is for everybody alike: no origin is named and none is told apart, so any cache may keep it."""
        return _PUBLIC

    def unknown(self) -> Verdict:
        """Judge a request whose Origin could not be read: readable by whoever it was, without credentials."""
        return self._unknown

    def preflight(self, origins: Sequence[str]) -> RawHeaders:
        """Return the lines of a preflight's 204, whatever path it asks for."""
        return (
            self._preflight.get(origins[0], (_PREFLIGHT_VARY, _PREFLIGHT_STATE))
            if len(origins) == 1
            else (_PREFLIGHT_VARY, _PREFLIGHT_STATE)
        )


def is_public(path: str) -> bool:
    """Say whether what lives at a path is for pages of any origin: the browser client, the files of pages, and a room's board."""
    if not path.startswith("/.sidecar/"):
        return False
    return path.startswith(_PUBLIC_FILES) or (path.startswith(_ROOMS) and path.endswith(_PUBLIC_ENDS))


def is_preflight(method: str, headers: Container[str]) -> bool:
    """Say whether a browser asks first (fetch standard, "CORS-preflight request"); any other OPTIONS is an ordinary request."""
    return method == "OPTIONS" and "Origin" in headers and "Access-Control-Request-Method" in headers


def may_write(verdict: Verdict, headers: Mapping[str, str]) -> bool:
    """Say whether a request may change something. An image or a link of a stranger's page is a GET without an Origin line; its
    Sec-Fetch-Site tells (W3C Fetch Metadata), where the browser sends one: over https and to loopback.
    """
    if "Origin" in headers:
        return verdict.allowed
    return headers.get("Sec-Fetch-Site", "none") not in _ELSEWHERE


def dressed(reply: Reply, verdict: Verdict) -> Reply:
    """Return `reply` with the lines of `verdict`; one of our own says nothing that they could contradict."""
    status, headers, body, phrase, close, stream, block = reply
    if block:
        return Reply(status, headers + verdict.headers, body, phrase, close, stream, block + verdict.block)
    return Reply(status, merge(headers, verdict.headers), body, phrase, close, stream)


def merge(reply: RawHeaders, ours: RawHeaders) -> RawHeaders:
    """Return `reply`'s lines without any Access-Control-* of the backend, with `ours` added and Vary merged."""
    if not _concerned(next(zip(*reply, strict=True), ())):
        return (*reply, *ours)
    theirs: list[tuple[bytes, bytes]] = []
    varies: list[bytes] = []
    touched = False
    for line in reply:
        lowered = line[0].lower()
        if lowered == b"vary":
            varies.append(line[1])
        elif lowered.startswith(_STRIPPED) or lowered == b"timing-allow-origin":
            touched = True
        else:
            theirs.append(line)
    if not varies:
        return (*(theirs if touched else reply), *ours)
    rest: list[tuple[bytes, bytes]] = []
    for line in ours:
        if line[0] == b"Vary":
            varies.append(line[1])
        else:
            rest.append(line)
    return (*theirs, *rest, (b"Vary", _union(varies)))


@lru_cache(maxsize=128)  # a backend sends its names in one order all day
def _concerned(names: tuple[bytes, ...]) -> bool:
    """Say whether any of these lines is about who may read, or may vary by it."""
    lowered = [name.lower() for name in names]
    return any(name in (b"vary", b"timing-allow-origin") or name.startswith(_STRIPPED) for name in lowered)


def _union(values: Iterable[bytes]) -> bytes:
    seen: dict[bytes, bytes] = {}
    for value in values:
        for name in value.split(b","):
            stripped = name.strip()
            if stripped:
                seen.setdefault(stripped.lower(), stripped)
    return b"*" if b"*" in seen else b", ".join(seen.values())


def _verdict(headers: RawHeaders, *, allowed: bool) -> Verdict:
    return Verdict(headers, joined(headers), allowed)


def _readable(origin: str, credentials: RawHeaders) -> RawHeaders:
    value = origin.encode()
    return (
        (b"Access-Control-Allow-Origin", value),
        *credentials,
        (b"Access-Control-Expose-Headers", EXPOSED.encode()),
        (b"Timing-Allow-Origin", value),
        _VARY,
    )


_PUBLIC: Final = Verdict(_PUBLIC_LINES, joined(_PUBLIC_LINES), allowed=True)


def _origin(url: str | None) -> str | None:
    """Serialize the origin of a URL as browsers do (RFC 6454 section 6.2): lower case, no default port, no user."""
    if not url:
        return None
    parts = urlsplit(url)
    host = parts.hostname or ""
    named = f"[{host}]" if ":" in host else host
    port = "" if parts.port in (None, _DEFAULT_PORTS.get(parts.scheme)) else f":{parts.port}"
    return f"{parts.scheme}://{named}{port}"
