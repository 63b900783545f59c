"""The ports: what stages ask of the outside, by purpose, in verbs of the domain; and World, which carries them.

Implementations live in listener, upstream, stores, watch and adapters; `app.py` is the one place that knows both sides.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from sidecar.model import (
        Answer,
        Call,
        Dialect,
        Executed,
        Grade,
        Head,
        Lease,
        Level,
        Outbound,
        Progress,
        RawHeaders,
        Refusal,
        Seat,
        SlotsView,
        Stream,
    )
    from sidecar.plan import BackendPlan
    from sidecar.states import State


class Clock(Protocol):
    """Time in process, monotonic seconds, and wall time for what people read."""

    def now(self) -> float:
        """Return monotonic seconds."""
        ...

    def wall(self) -> float:
        """Return seconds since the epoch."""
        ...


class BodySource(Protocol):
    """The body of a request that may still be on its way: the listener's half of a caller's connection."""

    @property
    def declared_bytes(self) -> int | None:
        """The Content-Length, None where the body is chunked."""
        ...

    async def read(self, limit_bytes: int, account: Account) -> bytes | Refusal:
        """Answer an Expect, take the body whole, at most `limit_bytes`, every piece booked on `account`.

        Refuses with too_large, body_timeout, malformed (bad chunk, truncated), overloaded (buffered). Callable once.
        """
        ...


class Account(Protocol):
    """Bytes held on behalf of one exchange; the sum of all is bounded by `limits.buffered`, each backend's by its share."""

    def take(self, size_bytes: int) -> bool:
        """Book `size_bytes` more, or return False and book nothing."""
        ...

    def close(self) -> None:
        """Give everything back; harmless when repeated."""
        ...


class Memory(Protocol):
    """The bound on all bytes held at once."""

    def account(self, backend: str) -> Account:
        """Open an account under the share of `backend`."""
        ...


@dataclass(frozen=True, slots=True)
class Classified:
    """What an adapter read out of a request. `parameters` holds the lexical values that result rules may name."""

    operation: str
    members: tuple[str, ...]
    action: str | None = None
    parameters: Mapping[str, str] | None = None


@dataclass(frozen=True, slots=True)
class Facts:
    """What a failure says in every dialect. Times in whole seconds; None is not known, never 0."""

    state: State
    executed: Executed
    status: int
    how: str
    detail: str
    request_id: str
    server_time: str
    reason: str | None = None
    after_s: int | None = None
    same_key: bool = True
    errors: tuple[tuple[str, str, str], ...] = ()
    limit_bytes: int | None = None
    sender_status: int = 400


@dataclass(frozen=True, slots=True)
class Rendered:
    """A failure in one dialect."""

    status: int
    content_type: str
    body: bytes


class Renderer(Protocol):
    """Writes a failure of ours in one dialect."""

    def __call__(self, facts: Facts) -> Rendered:
        """Return the bytes; never fails."""
        ...


class Adapter(Protocol):
    """One backend's protocol, as far as the road needs it. Made per backend by `app.py`, from its plan."""

    def accepts(self, head: Head, rest: str) -> Refusal | None:
        """Say, before the body is read, whether method, path below the endpoint and content type can be a call here."""
        ...

    async def classify(self, head: Head, rest: str, dialect: Dialect, body: bytes) -> Classified | Refusal:
        """Name the operation that the backend would run. Parses the whole body, in pieces above 64 KiB."""
        ...

    def grade(self, call: Call, status: int, headers: RawHeaders, body: tuple[bytes, ...], *, safe: bool) -> Grade:
        """Say what a complete reply means, by sniffing its first and last 4 KiB; `faults:` and `results:` rules apply."""
        ...


class Documents(Protocol):
    """A backend's WSDL and schemas as we show them."""

    def owns(self, head: Head, rest: str) -> bool:
        """Say whether this GET asks for a document (?wsdl, ?xsd=N, ?singleWsdl, ?disco)."""
        ...

    async def serve(self, head: Head, endpoint: str, listen_url: str | None) -> Answer | Refusal:
        """Return the document, rewritten, with ETag; stale where the backend does not answer."""
        ...


class Slots(Protocol):
    """Who may have a call at the backend, and who waits for it."""

    async def lease(self, seat: Seat) -> Lease | Refusal:
        """Wait in line for a slot. Cancelling leaves the line at once. Refuses overloaded: queue_full, queue_wait or deadline."""
        ...

    def reseat(self, old: Seat, new: Seat) -> None:
        """Let `new` stand where `old` waits: the flight changed its owner. Harmless where `old` does not wait any more."""
        ...

    def release(self, lease: Lease) -> None:
        """Give a slot back; harmless when repeated."""
        ...

    def haunt(self, lease: Lease) -> bool:
        """Turn a slot into a ghost's: kept until `release`. False where ghosts hold limit - 1 slots: then it has been released."""
        ...

    def view(self, backend: str) -> SlotsView:
        """Return the counts of one backend."""
        ...


class Pressure(Protocol):
    """How each backend fares, for whoever may do less: worse at once, better only after five quiet seconds."""

    def level(self, backend: str) -> Level:
        """Return the level now."""
        ...

    def tell(self, backend: str, grade: Grade | None, *, waiting: int) -> None:
        """Note one attempt's grade (None: it never reached the backend), or a change of the line."""
        ...


@dataclass(frozen=True, slots=True)
class Late:
    """A call that we gave up while the backend works on it. `end` waits for reply, FIN or RST, at most `ghost` seconds."""

    end: Callable[[float], object]


class Attempts(Protocol):
    """One backend's connections. Decided facts come back as values; what aiohttp raises never passes this seam."""

    async def send(self, outbound: Outbound, limits: AttemptLimits, track: Track) -> Received | Failed:
        """Make one attempt."""
        ...

    async def close(self) -> None:
        """Close what is idle and what is not."""
        ...


@dataclass(frozen=True, slots=True)
class AttemptLimits:
    """Bounds of one attempt, in seconds and bytes; `retry_safe` allows one guarded retry on a reused connection."""

    connect_s: float
    first_byte_s: float
    total_s: float
    reply_bytes: int
    stream: bool
    ghost_s: float


class Track(Protocol):
    """What an attempt reports of itself while it runs."""

    progress: Progress
    ghost: object | None


@dataclass(frozen=True, slots=True)
class Received:
    """A complete reply."""

    status: int
    phrase: str
    headers: RawHeaders
    body: tuple[bytes, ...]
    size_bytes: int
    stream: Stream | None = None


@dataclass(frozen=True, slots=True)
class Failed:
    """An attempt without a usable reply: `state` and `reason` of the table; `reused` where the connection had served before."""

    state: str
    reason: str
    detail: str
    progress: Progress
    reused: bool = False


class Log(Protocol):
    """Where events go. Never blocks, never raises; values of sensitive names are gone before they come here."""

    def event(self, name: str, **facts: object) -> None:
        """Write one line."""
        ...


@dataclass(frozen=True, slots=True)
class World:
    """Everything from outside that stages use; made in `app.py`, handed down, frozen."""

    clock: Clock
    log: Log
    memory: Memory
    slots: Slots
    pressure: Pressure
    renderers: Mapping[Dialect, Renderer]
    adapters: Mapping[str, Adapter]
    documents: Mapping[str, Documents]
    upstreams: Mapping[str, Attempts]
    new_id: Callable[[], str]
    listen_url: Callable[[], str | None]
    draining: Callable[[], bool]
    client_of: Callable[[BackendPlan, Head, str], str]
