"""The nouns that travel the road: heads, exchanges, calls, flights, answers, refusals, replies.

What crosses a task is frozen (Call, Answer, Refusal, Reply); what every call makes anew is a named tuple, which costs a third of a
dataclass to make. The Exchange belongs to its caller's task, a stage writes only the fields that are listed for it. Nothing here does
I/O or knows a library outside the standard one.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum, IntEnum, StrEnum
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, NamedTuple, TypeAlias
from typing import Protocol as Port

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from multidict import MultiMapping

    from sidecar.answers import Entry, Question, Seen

RawHeaders: TypeAlias = tuple[tuple[bytes, bytes], ...]
"""Header lines as they came: order, case and duplicates kept."""


class Dialect(StrEnum):
    """What a caller speaks."""

    SOAP11 = "soap11"
    SOAP12 = "soap12"
    ASMX = "asmx"
    XMLRPC = "xmlrpc"
    JSON = "json"


class Protocol(StrEnum):
    """What a backend speaks."""

    SOAP = "soap"
    XMLRPC = "xmlrpc"


class Executed(StrEnum):
    """Whether the backend did what it was asked to; decides whether a purchase may be repeated."""

    NO = "no"
    YES = "yes"
    UNKNOWN = "unknown"


class Progress(StrEnum):
    """How far a flight has come; from BODY on its effect is in the backend's hands."""

    QUEUED = "queued"
    CONNECTING = "connecting"
    HEAD = "head"  # the request's head may have left, nothing of its body
    BODY = "body"  # the first byte of the body may have left
    REPLY = "reply"  # the first byte of the reply has come


@dataclass(frozen=True, slots=True)
class Peer:
    """Who is at the other end of a connection: `address` is empty on a unix socket."""

    address: str
    tls: bool


class Standing(NamedTuple):
    """What addresses say of a caller. `client` counts as one; `caller` is the line of `callers:` that his address is in, "" none.

    `client_class` is the rank that it gives him, None: as the operation's. `believed`: the hop that his connection comes from is one
    whose word on addresses counts. `named`: a trusted caller has named him, `misnamed`: in a way that is no name.
    """

    client: str
    caller: str = ""
    client_class: str | None = None
    believed: bool = False
    named: bool = False
    misnamed: bool = False


NOBODY: Final = Standing("")
"""Before anybody has asked who it is."""


class Head(NamedTuple):
    """A request line and its header lines, as far as they were understood.

    `target` is the raw request target; `path` and `query` are its two halves, still percent-encoded. `headers` looks names
    up without regard to case (a multidict); `raw` is what came. After a parse error whatever could be recovered is filled in.
    """

    method: str
    target: str
    path: str
    query: str
    headers: MultiMapping[str]
    raw: RawHeaders
    version: tuple[int, int] = (1, 1)

    def all(self, name: str) -> list[str]:
        """Return every value of header `name`, one per line that carried it."""
        lines = self.headers.getall(name, [])
        if "".join(lines).isascii():
            return lines
        wanted = name.lower().encode("latin-1")  # as they came, whatever the listener took them for
        return [value.decode("latin-1") for key, value in self.raw if key.lower() == wanted]


@dataclass(frozen=True, slots=True)
class Ahead:
    """What somebody who has to wait is told of the line: how many calls are before his, and in how many seconds it is his turn.

    `eta_s` is as likely to be too long as too short; nine times of ten it takes less than `eta_high_s`. `reason` says why it is more
    than he was told before. `place` is signed: whoever comes back with it stands where he stood; `place_code` is its short form.
    """

    ahead: int
    eta_s: int
    eta_low_s: int
    eta_high_s: int
    reason: str | None = None
    place: str | None = None
    place_code: str | None = None
    stood: Place | None = None  # for whoever signs places: he was let go from there


@dataclass(frozen=True, slots=True)
class Notice:
    """What an operator says to people: texts by language, the first for whoever reads none of them. `next_update`: wall seconds."""

    id: str
    severity: str  # info | warning | critical
    texts: tuple[tuple[str, str], ...]
    next_update: float | None = None


@dataclass(frozen=True, slots=True)
class RoomWord:
    """What a refusal says of a waiting room: its name, its state, when it opens (RFC 3339), and of its caller where he has a place."""

    name: str
    state: str
    opens_at: str | None = None
    queue: tuple[tuple[str, object], ...] = ()  # members of `queue` in JSON, without `kind`


@dataclass(frozen=True, slots=True)
class Refusal:
    """A state that we decided, as a value. `state` is a key of `states.TABLE`, `reason` one of its closed list.

    `executed` None means: as the state's rule says. `retry_after_s` None means: as the state's default says.
    `status` overrides the JSON status (417 for an Expect that we do not know). `errors` are (pointer, code, text).
    `numbers` are for operators, not for callers: what was counted when it was decided, beside the bound.
    """

    state: str
    reason: str | None = None
    detail: str | None = None
    executed: Executed | None = None
    retry_after_s: int | None = None
    status: int | None = None
    allow: str | None = None  # the Allow header of method_not_allowed
    limit_bytes: int | None = None
    errors: tuple[tuple[str, str, str], ...] = ()
    links: tuple[tuple[str, str], ...] = ()  # where a client goes next: poll, …
    members: bytes = (
        b""  # more members of a problem, as a JSON object: what the backend said (fault) or returned (data)
    )
    close: bool = False  # the connection cannot be used any further
    line: Ahead | None = None  # the line in which he could not stand, or stood too long
    notice: Notice | None = None  # the operator's words
    room: RoomWord | None = None  # the room that he has to pass first
    numbers: tuple[tuple[str, float], ...] = field(default=(), compare=False)

    def __hash__(self) -> int:
        """Tell most refusals apart by what differs in most; equality still looks at everything."""
        return hash((self.state, self.reason, self.detail, self.retry_after_s))


class Result(Enum):
    """What came of an attempt, as far as it speaks of the backend's health."""

    OK = "ok"  # it answered; a fault that blames the caller is an answer
    FAILED = "failed"  # a reset, a 5xx without a fault, half a reply, a fault that speaks of overload
    UNREACHABLE = "unreachable"  # no connection: no operation's doing
    SLOW = "slow"  # a good answer that took longer than `slow_after`
    TIMEOUT = "timeout"
    IGNORED = "ignored"  # cancelled, refused by ourselves, a kept connection that was closed: says nothing


@dataclass(frozen=True, slots=True)
class Grade:
    """What a reply means: a state of the table, its reason, and whether the backend is well.

    `healthy` is False for what counts against the backend (a 5xx without a fault, a reset, an overload fault). `text` is the
    backend's own word of a fault, one line, for callers who do not speak its dialect.
    """

    state: str
    executed: Executed
    reason: str | None = None
    healthy: bool = True
    text: str | None = None


class Answer(NamedTuple):
    """What a flight brought back: immutable, free of any caller's headers. `body` is in pieces, `size_bytes` their sum."""

    status: int
    phrase: str
    headers: RawHeaders
    body: tuple[bytes, ...]
    size_bytes: int
    grade: Grade
    backend_s: float = 0.0
    stream: Stream | None = None
    age_s: int | None = None  # of an answer that was kept
    block: bytes = (
        b""  # of one that is given as it was written a moment ago: `headers` with a blank for the request's id
    )
    entry: Entry | None = (
        None  # of a shared flight or of what was kept: callers are told from it, each in his own dialect
    )
    private: bool = (
        False  # of a shared flight: for who asked first alone after all; whoever else waited asks for himself
    )


@dataclass(frozen=True, slots=True)
class Stream:
    """The rest of a reply that is passed on while it comes (`stream: true`); `next` gives b"" at the end, raises OSError when cut."""

    next: Callable[[], Awaitable[bytes]]
    close: Callable[[], None]


Outcome: TypeAlias = Answer | Refusal


class Reply(NamedTuple):
    """What a caller gets: status, header lines in order, body in pieces; `close` ends the connection after it.

    `block`: of a reply that is all our own, `headers` as they are sent, joined by whoever knew most of them beforehand; none of them is
    about framing, who may read, or the date. Empty: nobody has.
    """

    status: int
    headers: RawHeaders
    body: tuple[bytes, ...] = ()
    phrase: str = ""
    close: bool = False
    stream: Stream | None = None
    block: bytes = b""


def joined(headers: RawHeaders) -> bytes:
    """Return header lines as they are sent, each with its CRLF."""
    return b"".join(b"%b: %b\r\n" % line for line in headers)


class Call(NamedTuple):
    """One question to a backend: what two callers must share to share an answer.

    `operation` is the name that rules are looked up by; `members` are the operations that will run (more than one for a
    multicall or a Batch). `parameters` are decoded only where a rule needs them. `key` is None for a private call.
    """

    backend: str
    endpoint: str
    operation: str
    dialect: Dialect
    members: tuple[str, ...] = ()
    action: str | None = None  # the canonical SOAPAction to send, None: leave as it came
    parameters: Mapping[str, str] = MappingProxyType({})
    key: bytes | None = None
    client: str = ""


class Outbound(NamedTuple):
    """The request that a flight carries: method, target relative to the backend's origin, header lines, body."""

    method: str
    target: str
    headers: RawHeaders
    body: bytes


class Place(NamedTuple):
    """A place in a line, kept by somebody who was let go. `start_tag`: of the line's virtual time, None where that began anew since.

    `since`: when the place was taken, monotonic seconds of this process.
    """

    start_tag: float | None
    since: float


class Bearer(NamedTuple):
    """Whose a place is, and for what. `call` is a digest of what is asked: the same place is not good for another purchase."""

    backend: str
    client_class: str
    client: str
    call: bytes


class Seat(NamedTuple):
    """What a flight says of itself when it asks for a slot. `until` is the latest moment that a start makes sense, monotonic seconds.

    `bulkhead` is the key of the share that its operation is bound by, "" none. `place`: one that it comes back with. `request_id` and
    `params`, the declared parameters by name, are what it is found by while it waits.
    """

    backend: str
    client: str
    operation: str
    client_class: str
    until: float
    bulkhead: str = ""
    place: Place | None = None
    request_id: str = ""
    params: tuple[tuple[str, str], ...] = ()
    not_before: float = 0.0  # a rate that shapes lets it start from then on, monotonic seconds


@dataclass(eq=False, slots=True)
class Lease:
    """The right to have one call at the backend. Identity counts: two leases are never equal.

    `epoch` is the limiter's when it was granted, `in_flight` the calls at the backend then, ghosts and this one included.
    """

    seat: Seat
    number: int
    ghost: bool = False
    epoch: int = 0
    in_flight: int = 1


class SlotsView(NamedTuple):
    """One backend's slots as people see them. Of the `queued`, a rate lets so many start `later`: no slot would help them."""

    limit: int
    in_flight: int
    ghosts: int
    queued: int
    later: int = 0

    @property
    def full(self) -> bool:
        """Say whether whoever comes now has to wait for a slot."""
        return self.queued > self.later or self.in_flight + self.ghosts >= self.limit


class Level(IntEnum):
    """How a backend fares."""

    OK = 0
    STRAINED = 1
    DOWN = 2


class Account(Port):
    """Bytes held on behalf of one exchange; the sum of all is bounded by `limits.buffered`, each backend's by its share."""

    def take(self, size_bytes: int) -> bool:
        """Book `size_bytes` more, or return False and book nothing."""
        ...

    def give(self, size_bytes: int) -> None:
        """Give back `size_bytes`, at most what is held."""
        ...

    def share(self) -> Account:
        """Name one more holder, and return his handle: what is booked is given back when each of them has closed his own."""
        ...

    def close(self) -> None:
        """Give everything back, as the last holder; harmless when repeated."""
        ...


class BodySource(Port):
    """The body of a request that may still be on its way: the listener's half of a caller's connection."""

    @property
    def declared_bytes(self) -> int | None:
        """The Content-Length, None where the body is chunked."""
        ...

    def at_hand(self, limit_bytes: int, account: Account) -> bytes | Refusal | None:
        """As `read`, where nothing has to be waited for; None where it has."""
        ...

    async def read(self, limit_bytes: int, account: Account) -> bytes | Refusal:
        """Answer an Expect, take the body whole, at most `limit_bytes`, every piece booked on `account`.

        Refuses with too_large, body_timeout, malformed (bad chunk, truncated), overloaded (buffered). Callable once.
        """
        ...


class Ghost(Port):
    """A call that we gave up while the backend works on it. Its connection stays open and is read, bounded."""

    async def end(self, within_s: float) -> Received | Failed:
        """Wait for the late reply, FIN or RST, at most `within_s`; the connection is done with afterwards."""
        ...

    def close(self) -> None:
        """Give up the connection at once."""
        ...


class Received(NamedTuple):
    """A reply: complete, or with the rest of its body in `stream`."""

    status: int
    phrase: str
    headers: RawHeaders
    body: tuple[bytes, ...]
    size_bytes: int
    stream: Stream | None = None


@dataclass(frozen=True, slots=True)
class Failed:
    """An attempt without a usable reply: `state` and `reason` of the table, `sent` where a byte of the body may have left.

    `stale` where the connection had served before and no byte of a reply came: the backend may just have closed it.
    """

    state: str
    reason: str
    detail: str
    sent: bool
    stale: bool = False


class Injected(NamedTuple):
    """What is made of one attempt on purpose: by which injection, its kind, how much later it begins (seconds), with which HTTP status
    an error comes (0: as a fault of the protocol).
    """

    id: str
    kind: str
    delay_s: float = 0.0
    status: int = 0


class Leave(NamedTuple):
    """What the token of `debug:` gives leave for: to be told what decided; `fault`, which goes wrong with the caller's own attempts."""

    fault: Injected | None = None


@dataclass(eq=False, slots=True)
class Track:
    """What an attempt reports of itself while it runs. `abandoned` is set by whoever cancels it: nothing is sent any more."""

    progress: Progress = Progress.QUEUED
    abandoned: bool = False
    ghost: Ghost | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Waiter:
    """A caller who waits for a flight: who he is, his class and its weight, and until when he waits (monotonic seconds)."""

    client: str
    client_class: str
    until: float
    weight: float = 0.0


class Pledge(Port):
    """What a waiter holds: a future for the outcome, None where his own time ran out first."""

    def done(self) -> bool:
        """Say whether it is kept or given up."""
        ...

    def set_result(self, result: Outcome | None, /) -> None:
        """Keep it."""
        ...


class Work(Port):
    """A flight's task."""

    def cancel(self) -> bool:
        """Break it off."""
        ...


@dataclass(eq=False, slots=True)
class Flight:
    """One call on its way to the backend, owned by its own task.

    Written by: flights (`waiters`, `owner`, `best`, `told`, `seat`, `account`), queue (`queue_s`, `lease`), attempt (`track`),
    span (`backend_s`), grade (`stale`, `refused`), faults (`injected`, `feigned`), coalesce (`fault`), retry (`fresh`). `question`,
    `tags` and `generations` are of a shared flight: what it asks, what its answer depends on, and the generations of that before it began.
    """

    call: Call
    outbound: Outbound
    safe: bool
    seat: Seat
    account: Account
    started_at: float
    track: Track = field(default_factory=Track)
    waiters: dict[Waiter, Pledge] = field(default_factory=dict)
    owner: Waiter | None = None
    best: Waiter | None = None  # of those who wait the one in whose class it stands
    told: int = 0  # waiters that the outcome was handed to
    task: Work | None = None
    stale: bool = False  # the last attempt met a connection that the backend may just have closed
    fresh: bool = False  # the next attempt opens a new one
    refused: bool = False  # the last attempt was answered 429 or 503: the backend itself has had too much
    lease: Lease | None = None
    attempts: int = 0
    injected: str = ""  # the id of what was injected into its last attempt
    feigned: bool = False  # nothing of the last attempt has left: what was injected stood for the backend
    fault: Injected | None = None  # what its caller wants to go wrong with it; never of a shared one
    over: bool = False  # its outcome stands
    queue_s: float = 0.0
    backend_s: float = 0.0
    question: Question | None = None
    tags: tuple[str, ...] = ()
    generations: tuple[int, ...] = ()
    ends: list[Callable[[Outcome], None]] = field(
        default_factory=list
    )  # told of its outcome, and again of a ghost's late one

    @property
    def sent(self) -> bool:
        """Whether a byte of the body may have left."""
        return self.track.progress in (Progress.BODY, Progress.REPLY)


Lane: TypeAlias = "Callable[[Flight], Awaitable[Outcome]]"
"""The flight lane of one operation, folded."""


class Gated(NamedTuple):
    """A flight lane behind gates.

    `ask` takes an exchange and until when its caller waits (monotonic seconds), and returns the moment before which the flight must not
    start (in the past: at once) or why there is none.
    """

    ask: Callable[[Exchange, float], float | Refusal]
    lane: Lane


@dataclass(slots=True)
class Exchange:
    """One caller's request on its way through the caller lane.

    Written by: listener (the first block), cors (`cors`, `may_write`), envelope (`request_id` to `client`), debug (`leave`), route
    (`backend`, `endpoint`, `rest`, `facade`), share (`done`), facade (`head`, `source`, `endpoint`, `rest`, for those further in), decode
    (`body` to `seen`), identity (`client`, `shown`, and in `call`), cache (`question` to `cache_status`, and `key` in `call`), purchase
    (`under_way` to `follow`, `client`, and in `call`), place (`place`), coalesce (`flight` to the end).
    """

    head: Head
    source: BodySource
    peer: Peer
    received_at: float  # monotonic seconds

    cors: RawHeaders = ()
    may_write: bool = True  # False: a page of a disallowed origin asks

    request_id: str = ""
    dialect: Dialect = Dialect.JSON
    standing: Standing = NOBODY
    client: str = ""  # as in `standing`, until the backend has answered somebody well
    leave: Leave | None = None  # he has shown the token of `debug:`

    backend: str = ""
    endpoint: str = ""
    rest: str = ""  # what follows the endpoint's own path: "" or one segment with its slash
    facade: str = ""  # what is asked of the JSON side: "json" for a call, or the name of a page; "" for a native call
    sender_status: int = 400

    body: bytes = b""
    body_at: float = 0.0  # monotonic seconds when the last byte of the request had come
    account: Account | None = None
    done: list[Callable[[], None]] = field(default_factory=list)  # called once its connection is free of it
    call: Call | None = None
    safe: bool = False
    seen: Seen | None = None  # what is remembered of an identical request
    question: Question | None = None
    tags: tuple[str, ...] = ()
    generations: tuple[int, ...] = ()
    kept: Entry | None = None  # what is known of its question, however old
    cache_status: bytes = b""  # RFC 9211
    flight: Flight | None = None
    joined: bool = False  # it follows somebody else's flight
    waiter: Waiter | None = None  # as which it waits for its flight
    ours: bool = False  # made by us to renew an answer: nobody waits for it
    rate_limit: RawHeaders = ()  # what its caller is told of his rates; written by gates
    place: Place | None = None  # one that he came back with
    shown: bytes = b""  # what his backend knows him by, as it came: never kept; written by identity
    under_way: bool = False  # he has begun a purchase and got something; written by purchase
    begun_as: tuple[bytes, ...] | None = None  # by what that one is known, where this call may begin another one
    follow: Callable[[Flight, Outcome], None] | None = None  # told of the flight that he starts, as its `ends` are

    queue_s: float = 0.0
    backend_s: float = 0.0
