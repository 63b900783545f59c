"""The ports: what stages ask of the outside, by purpose, in verbs of the domain; and World, which carries them.

Implementations live in listener, upstream, stores, watch and adapters; `app.py` is the one place that knows both sides.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple, Protocol

from sidecar.model import Account, BodySource, Failed, Ghost, Received, Track

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence

    from sidecar.answers import Entry, Keying, Question
    from sidecar.described import Described, JsonSchema
    from sidecar.headcount import Headcount
    from sidecar.model import (
        Ahead,
        Answer,
        Bearer,
        Call,
        Dialect,
        Exchange,
        Executed,
        Flight,
        Grade,
        Head,
        Injected,
        Lane,
        Lease,
        Level,
        Notice,
        Outbound,
        Outcome,
        Place,
        RawHeaders,
        Refusal,
        Reply,
        Result,
        RoomWord,
        Seat,
        SlotsView,
        Standing,
        Waiter,
    )
    from sidecar.states import State

__all__ = [
    "Account",
    "BodySource",
    "Failed",
    "Ghost",
    "Received",
    "Track",
]  # ports that nouns carry; model defines them


class Clock(Protocol):
    """Time in process, monotonic seconds, and wall time for what people read."""

    def now(self) -> float:
        """Return monotonic seconds."""
        ...

    def wall(self) -> float:
        """Return seconds since the epoch."""
        ...


class Memory(Protocol):
    """The bound on all bytes held at once."""

    def account(self, backend: str) -> Account:
        """Open an account under the share of `backend`."""
        ...


@dataclass(frozen=True, slots=True)
class Classified:
    """What an adapter read out of a request. `parameters` holds the lexical values that result rules may name.

    `members` are the names whose rules all apply: the operations of a multicall or Batch, or the one operation, and besides it
    the name that its SOAPAction may stand for. `dialect` is what the request itself speaks, whatever its failures are written in.
    `private_only`: it says what its key could not (security headers, references), so its answer is its sender's alone.
    """

    operation: str
    members: tuple[str, ...]
    action: str | None = None
    parameters: Mapping[str, str] | None = None
    dialect: Dialect | None = None
    private_only: bool = False


class Saying(NamedTuple):
    """What an operator says to people, in one language. `next_update_at`: RFC 3339, None: nobody has said."""

    id: str
    severity: str
    lang: str
    text: str
    next_update_at: str | None = None


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
    links: tuple[tuple[str, str], ...] = ()
    limit_bytes: int | None = None
    sender_status: int = 400
    line: Ahead | None = None
    room: RoomWord | None = None
    message: Saying | None = None
    members: bytes = b""  # what JSON says besides: a JSON object


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
    """One endpoint's protocol, as far as the road needs it. Made by `app.py`, from its backend's plan."""

    @property
    def edition(self) -> object:
        """What is known of the contract, as an object of its own: another one, and requests may mean something else."""
        ...

    def accepts(self, head: Head, rest: str) -> Refusal | None:
        """Say, before the body is read, whether method, path below the endpoint and content type can be a call here."""
        ...

    async def classify(self, head: Head, rest: str, dialect: Dialect, body: bytes) -> Classified | Refusal:
        """Name the operation that the backend would run. Parses the whole body, in pieces above 64 KiB."""
        ...

    def question(self, head: Head, rest: str, body: bytes, keying: Keying) -> Question | str:
        """Say what a request asks, free of its caller; a word (for Cache-Status) where it may not be shared or kept: it says what a
        key cannot, or nobody can prove what it means. Never more than 64 KiB are read. The request has been classified before.
        """
        ...

    def veto(self, question: Question, answer: Answer) -> str | None:
        """Return why an answer to `question` may not be kept, in one word: fault, root, secured, attachment, header; None where it may."""
        ...

    async def replay(
        self, entry: Entry, head: Head, rest: str, body: bytes, dialect: Dialect
    ) -> tuple[RawHeaders, bytes] | None:
        """Return content headers and body of a kept answer for one caller: byte for byte where he speaks as the backend was asked, else
        its payload in his envelope. None where it cannot be said in his dialect. What answers to his own headers (wsa:RelatesTo) is
        made anew.
        """
        ...

    def stand_in(self, payload: bytes) -> tuple[Dialect, RawHeaders, bytes]:
        """Make a whole reply of what an operator wrote: SOAP, the XML of the element that stands in the reply's Body; XML-RPC, JSON.

        Returns its dialect, content headers and body, as `replay` takes them. Raises ValueError with what is wrong.
        """
        ...

    def knock(self, operation: str) -> tuple[Dialect, Outbound] | None:
        """Return a call of `operation` without parameters, made by nobody but us, and its dialect; None where no contract says how."""
        ...

    def grade(
        self,
        call: Call,
        status: int,
        headers: RawHeaders,
        body: tuple[bytes, ...],
        *,
        safe: bool,
        partial: bool = False,
    ) -> Grade:
        """Say what a reply means, by sniffing its first and last 4 KiB; `faults:` and `results:` rules apply.

        `partial`: only its beginning has come (`stream: true`), so nothing is said of its end.
        """
        ...


class Answers(Protocol):
    """What is kept of a backend's answers. It never awaits: a store on disk reads all at its start and writes behind.

    Generations are counted per backend and tag, in one sequence: whatever has been touched since an entry's flight began differs from
    what the entry says. A tag that nobody has touched, or that was forgotten for want of room, has the floor's.
    """

    @property
    def stamp(self) -> int:
        """A number that changes with everything that is touched."""
        ...

    def find(self, key: bytes) -> Entry | None:
        """Return what is kept under `key`, however old; whoever asks often is kept longer."""
        ...

    def keep(self, entry: Entry, share: float) -> bool:
        """Keep it in place of what was there. `share` is the part of all room that its operation may take; False where it cannot."""
        ...

    def drop(self, key: bytes) -> None:
        """Forget what is kept under `key`; harmless when repeated."""
        ...

    def generations(self, backend: str, tags: tuple[str, ...]) -> tuple[int, ...]:
        """Return the generation of each tag now."""
        ...

    def touch(self, backend: str, tags: Iterable[str]) -> None:
        """Note that something has changed what these tags stand for: every entry that carries one is of an older generation now."""
        ...


class DeedState(StrEnum):
    """How far a keyed call has come."""

    RUNNING = "running"  # the backend may have it
    DONE = "done"  # its outcome is known: an answer, or a failure whose effect is "yes" or "unknown"
    LOST = "lost"  # it ran when the process ended: nobody can know


@dataclass(frozen=True, slots=True)
class Deed:
    """One keyed call: whoever comes with the same key is told of it instead of making a second one.

    `id` is what its outcome can be asked by (128 random bits, hex). `fingerprint` is a keyed digest of what was called: another one under
    the same key is a mistake. `who` is a keyed digest of the identity that was shown, b"" where none was. `until` is wall time. `outcome`
    is the answer or refusal in the stage's own format, b"" while there is none, and where it was larger than is kept.
    """

    key: bytes
    id: str
    fingerprint: bytes
    backend: str
    operation: str
    state: DeedState
    until: float
    outcome: bytes = b""
    who: bytes = b""


class Deeds(Protocol):
    """Keyed calls, each kept until it is safe to forget. What has returned is durable where the store is."""

    @property
    def secret(self) -> bytes:
        """What keys and fingerprints are digested with; it lives as long as what is kept."""
        ...

    async def claim(self, deed: Deed) -> Deed | None:
        """Write `deed` down as running and return it, or return the one that stands under its key; None where there is no room."""
        ...

    async def settle(self, deed: Deed) -> None:
        """Replace the deed of that key and id; nothing happens where it is another's by now. It is kept for as long as was said when it
        was claimed; one that still runs then, until it is settled, and as long again or a minute after that.
        """
        ...

    async def release(self, deed: Deed) -> None:
        """Forget it: nothing has happened, the key is free."""
        ...

    async def find(self, id: str) -> Deed | None:  # noqa: A002 - the word that links and bodies use
        """Return the deed of an id."""
        ...


class Notes(Protocol):
    """What is learnt and worth more than a restart: short texts by name, the last of each. A loss costs time, never more."""

    def find(self, name: str) -> str | None:
        """Return what stands under `name`."""
        ...

    def keep(self, name: str, text: str) -> None:
        """Let `text` stand under `name`; a store on disk writes it behind."""
        ...


class Distorting(Protocol):
    """What goes wrong on purpose at one backend."""

    @property
    def holding(self) -> Sequence[object]:
        """What holds: empty, and nobody has to ask."""
        ...

    def ask(
        self, now: float, names: Sequence[str], headers: RawHeaders, chance: Callable[[], float]
    ) -> Injected | None:
        """Return what is to become of an attempt at the operations `names`, None: nothing but what the backend makes of it."""
        ...


class Injections(Protocol):
    """What goes wrong on purpose. What holds outlives pipelines and reloads, and no restart."""

    @property
    def active(self) -> bool:
        """Whether anything holds at any backend."""
        ...

    def at(self, backend: str) -> Distorting:
        """Return what holds at one backend: the same object for as long as the process lives."""
        ...

    def named(self, backend: str, names: Sequence[str], hit: str) -> bytes:
        """Return what a response of the operations `names` says of it (an RFC 8941 list), b"" where nothing holds; `hit` is the id of
        the injection that its own call met.
        """
        ...


class Pauses(Protocol):
    """What operators have put up: pauses, which refuse, and messages, which only speak."""

    @property
    def active(self) -> bool:
        """Whether anything is up at all: where it is not, nobody has to ask."""
        ...

    def ask(self, backend: str, *, under_way: bool) -> Refusal | None:
        """Refuse (paused) whoever wants to start a call while its backend, or everything, is paused; None: he may.

        `under_way`: he has begun a purchase, and only a pause with the scope `all` holds him up.
        """
        ...

    def notices(self, backend: str | None, room: str | None = None) -> Notice | None:
        """Return what is said to whoever has to do with them (None: with none): the most severe, of these the newest."""
        ...


class Places(Protocol):
    """Places in the line that outlast a request: signed, for one bearer and one call, good once."""

    def take(self, bearer: Bearer, text: str, wait_s: float) -> Place | None:
        """Take a place back, worth at most `wait_s`; None where it does not count, which is said in the log."""
        ...

    def give(self, bearer: Bearer, stood: Place, for_s: float) -> tuple[str, str] | None:
        """Sign where somebody stood, good for `for_s`: the token and its short form. None where he has as many as he may."""
        ...


class Asked(NamedTuple):
    """A JSON call as a client of the backend's own protocol would have sent it to the endpoint: content headers and body."""

    headers: RawHeaders
    body: bytes


class Offered(NamedTuple):
    """What an endpoint says of its operations: each, the named types that they use, and why some cannot be offered, by operation."""

    operations: tuple[Described, ...]
    components: Mapping[str, JsonSchema]
    missing: Mapping[str, str]


class Facade(Protocol):
    """One endpoint's JSON side: between JSON and the backend's own protocol, both ways. It knows no caller and keeps no answer."""

    @property
    def edition(self) -> object:
        """What is known of the contract, as an object of its own."""
        ...

    @property
    def form(self) -> object:
        """Stands for how values are shown in JSON: where it differs, so does what was made of an answer."""
        ...

    def knows(self, name: str) -> bool:
        """Say whether the endpoint has an operation of that name; True while nobody can tell."""
        ...

    async def ask(self, name: str, body: bytes | None, query: str) -> Asked | Refusal:
        """Write a call: of the JSON in `body`, or, where that is None (GET), of `query`.

        Refuses malformed (no JSON), invalid_params with an error per place, operation_denied where its schema is not understood,
        backend_unreachable while nobody knows the contract yet.
        """
        ...

    async def tell(self, name: str, headers: RawHeaders, body: bytes) -> bytes | Refusal:
        """Read a good reply: the JSON of the member `data`. Refuses backend_bad_reply."""
        ...

    async def fault(self, name: str, headers: RawHeaders, body: bytes) -> bytes:
        """Read a fault: the JSON object of a problem's member `fault`, b"" where the reply says nothing more than its grade does."""
        ...

    async def answer(self, name: str, data: bytes) -> tuple[Dialect, RawHeaders, bytes] | Refusal:
        """Write a reply of the backend's own protocol, as an operator worded its JSON: dialect, content headers, body.

        Refuses as `ask` does.
        """
        ...

    async def describe(self, offered: Callable[[str], bool]) -> Offered | Refusal:
        """Describe the operations that are `offered`; refuses backend_unreachable while nobody knows them."""
        ...


class Booklet(Protocol):
    """The pages of one backend: what it offers in JSON, for people and for programs."""

    async def page(self, name: str, head: Head) -> Answer | Refusal:
        """Return a page by its name (openapi.json, docs, types.ts)."""
        ...


class Documents(Protocol):
    """A backend's WSDL and schemas as we show them."""

    @property
    def reader(self) -> Adapter:
        """What grades the backend's own documents when they are fetched."""
        ...

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

    def release(self, lease: Lease, *, used: bool = True) -> None:
        """Give a slot back; harmless when repeated. One in which no attempt was made is not `used`: nothing is learnt of it."""
        ...

    def tell(self, lease: Lease, operation: str, seconds: float, *, dropped: bool) -> None:
        """Note how long an attempt took, for what learns how much the backend bears. `dropped`: it was too much, or nobody answered."""
        ...

    def haunt(self, lease: Lease) -> bool:
        """Turn a slot into a ghost's: kept until `release`. False where ghosts hold limit - 1 slots: then it has been released."""
        ...

    def view(self, backend: str) -> SlotsView:
        """Return the counts of one backend."""
        ...

    def stands(self, seat: Seat) -> tuple[Ahead, int] | None:
        """Return how long a call that waits does so yet, with where it stands, and in how many seconds its caller is to be back where he
        leaves now; None where it does not wait.
        """
        ...

    def outlook(self, seat: Seat) -> Ahead | None:
        """Return how long such a call would wait if it came now; None of a backend that is not there."""
        ...


class Rates(Protocol):
    """What everybody has called lately, under each rule of `rate:`."""

    def ask(
        self, backend: str, line: str, call: Call, client: str, within_s: float, *, under_way: bool = False
    ) -> tuple[float | Refusal, RawHeaders]:
        """Let a call go and charge it, or refuse it (rate_limited, too_large) and charge nothing. No client's own rate stops one of a
        purchase that is `under_way`.

        Returns the moment from which it may start (monotonic seconds, at most `within_s` from now) or the refusal, and the header lines
        in which the caller is told of his rates. `line` is the pattern of its operation's line; `client` "" is nobody.
        """
        ...


class Breakers(Protocol):
    """Which backends, and which operations of them, are spared for a while. What is passed about is the implementation's own."""

    def peek(self, backend: str, operation: str, *, safe: bool) -> Refusal | None:
        """Say at the door what `ask` would say; changes nothing."""
        ...

    def is_closed(self, backend: str, operation: str) -> bool:
        """Say whether nothing is amiss: a failed call is made once more only then."""
        ...

    def ask(self, backend: str, operation: str, *, safe: bool, lease_s: float, of: object = None) -> object | None:
        """Let an attempt through, for `lease_s` at most, or refuse it; None where there is no breaker. What is let through is told once.

        `of` is whom the name meant when the call began: what becomes of one at a backend that has gone says nothing of its successor.
        """
        ...

    def tell(self, passed: object, result: Result, seconds: float) -> None:
        """Say what came of an attempt that was let through, and how long it took."""
        ...

    def probe(self, backend: str) -> object:
        """Let a probe through, whatever the state."""
        ...

    def probed(self, backend: str, permit: object, result: Result) -> str:
        """Say what came of it; returns the state after it."""
        ...


class Retries(Protocol):
    """What each backend's callers have earned: calls that may be made once more."""

    def earned(self, backend: str) -> None:
        """Note that a call went well at the first attempt."""
        ...

    def take(self, backend: str, attempts: int) -> float | None:
        """Take one off the budget after so many attempts; returns the seconds to back off, None where there is none."""
        ...

    def expected_s(self, backend: str, operation: str) -> float:
        """Return how long such a call takes at present, in seconds."""
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
class AttemptLimits:
    """Bounds of one attempt, in seconds and bytes. `fresh` asks for a connection that never served before."""

    connect_s: float
    first_byte_s: float
    total_s: float
    reply_bytes: int
    stream: bool = False
    fresh: bool = False


class Upstream(Protocol):
    """One backend's connections. What the HTTP library raises never passes this seam: everything comes back as a value."""

    async def send(
        self, outbound: Outbound, limits: AttemptLimits, track: Track, account: Account
    ) -> Received | Failed:
        """Make one attempt; cancelling it before the body is sent leaves nothing at the backend."""
        ...

    async def close(self) -> None:
        """Close every connection."""
        ...


class Rooms(Protocol):
    """The waiting rooms, as calls meet them."""

    def ask(self, exchange: Exchange) -> Refusal | None:
        """Let a call through the rooms that stand before it, or say why not. What is let through is booked on its pass."""
        ...

    def learn(self, exchange: Exchange) -> None:
        """Note that a call which signs somebody in went well."""
        ...


class Flights(Protocol):
    """The flights under way: where callers and flights meet."""

    def find(self, key: bytes | None) -> Flight | None:
        """Return the flight that a caller with `key` may join."""
        ...

    async def fly(self, flight: Flight, lane: Lane, waiter: Waiter) -> Outcome | None:
        """Start `flight` on `lane` unless it flies already, and wait; None where the waiter's own deadline came first."""
        ...

    def dismiss(self, flight: Flight, refusal: Refusal) -> bool:
        """Refuse the flight's owner alone; True where a follower owns it now and the flight goes on."""
        ...


class Identities(Protocol):
    """Who is known to each backend by what he shows. Values are never kept, only what is made of them."""

    def ask(self, backend: str, address: str, claimed: bytes) -> str:
        """Return the client's name: the identity's once the backend has answered it well, else `address`."""
        ...

    def tell(self, backend: str, address: str, claimed: bytes, *, well: bool, roomy: bool) -> None:
        """Note that the backend has answered it well, or has said no to it. `roomy`: its sender may hold any number of them."""
        ...


class Purchases(Protocol):
    """Whose purchases are under way, by backend. Keys are digests of what a caller shows; what `enter` and `begun` return is the
    implementation's own.
    """

    def keys_of(self, exchange: Exchange) -> tuple[bytes, ...]:
        """Return by what a caller's purchase is known; nothing where he shows nothing."""
        ...

    def enter(self, backend: str, keys: tuple[bytes, ...]) -> object | None:
        """Let one more call be made as of a purchase under way; None where it is made as anybody's."""
        ...

    def known_by(self, entered: object) -> tuple[bytes, ...]:
        """Return all that the purchase is known by whose call was let in so."""
        ...

    def leave(self, entered: object) -> None:
        """Note that such a call has ended; once."""
        ...

    def begun(self, backend: str, keys: tuple[bytes, ...], window_s: float, *, sure: bool) -> object:
        """Let a purchase be under way for `window_s`, unless it is so already. Not `sure`: nobody knows whether it got anything."""
        ...

    def settled(self, backend: str, doubted: object, *, got: bool) -> None:
        """Say what became of one that was not sure; once."""
        ...

    def ended(self, backend: str, keys: tuple[bytes, ...]) -> None:
        """Let it be over: its customer has got through."""
        ...


class Log(Protocol):
    """Where events go. Never blocks, never raises; values of sensitive names are gone before they come here."""

    def event(self, name: str, **facts: object) -> None:
        """Write one line."""
        ...


class Watch(Protocol):
    """Who looks on: told of every reply and of every attempt, once each. Never blocks, never raises, changes nothing."""

    def passed(
        self,
        exchange: Exchange,
        reply: Reply,
        state: str,
        reason: str | None,
        effect: Executed,
        refusal: Refusal | None,
    ) -> None:
        """Note a request whose reply stands; `refusal` where it was our own doing."""
        ...

    def attempted(self, backend: str, grade: Grade, seconds: float) -> None:
        """Note one attempt at a backend, and how long it took."""
        ...

    def over_requests(self, inner: Callable[[Exchange], Awaitable[Reply]]) -> Callable[[Exchange], Awaitable[Reply]]:
        """Return `inner`, or what traces it. Asked once, when the road is folded: where nobody traces, nothing stands between."""
        ...

    def over_attempts(self, inner: Lane) -> Lane:
        """As `over_requests`, for every attempt."""
        ...


@dataclass(frozen=True, slots=True)
class World:
    """Everything from outside that stages use; made in `app.py`, handed down, frozen."""

    clock: Clock
    log: Log
    watch: Watch
    memory: Memory
    slots: Slots
    rates: Rates
    breakers: Breakers
    retries: Retries
    pressure: Pressure
    rooms: Rooms
    renderers: Mapping[Dialect, Renderer]
    adapters: Mapping[tuple[str, str], Adapter]  # by backend and endpoint
    facades: Mapping[tuple[str, str], Facade]  # the same
    booklets: Mapping[str, Booklet]  # by backend
    documents: Mapping[str, Documents]
    upstreams: Mapping[str, Upstream]
    headcounts: Mapping[str, Headcount]  # requests under way by backend
    flights: Flights
    new_id: Callable[[], str]
    new_secret: Callable[[], str]  # 128 random bits, in hex
    chance: Callable[[], float]  # 0 to 1
    listen_url: Callable[[], str | None]
    draining: Callable[[], bool]
    client_of: Callable[[Head, str], Standing]
    identities: Identities
    purchases: Purchases
    answers: Answers
    deeds: Deeds
    places: Places
    injections: Injections
    pauses: Pauses
    observing: Callable[[str, str], bool]  # of a backend and a mechanism: whether it may count, and refuse nobody
    answered: Callable[[Exchange], None]  # told of every request, once its reply is made
    explained: Callable[
        [Exchange, str, str | None, Executed, Refusal | None], bytes
    ]  # what decided, of whom the token of `debug:` lets see it
    dialect_of: Callable[[Head], Dialect]
    resources: Mapping[str, Callable[[], bytes | Refusal]]  # what lives under the reserved path, as JSON
    lookups: Mapping[str, Callable[[Exchange], Awaitable[Outcome]]]  # the same, by the beginning of the path
