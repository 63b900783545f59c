"""The frozen Plan: what settings makes of the YAML and what stages take. Durations in seconds, sizes in bytes.

Nothing here reads files or knows YAML. A reload builds a new Plan; state that outlives it is keyed by the names in it.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from sidecar.model import Executed
from sidecar.policy.breaking import Rule as BreakerRule
from sidecar.policy.budget import RetryRule
from sidecar.policy.passes import PassRule
from sidecar.policy.queue import CLASSES, ClassRule, QueueRule
from sidecar.policy.room import Rule as RoomRule
from sidecar.policy.tags import EVERYTHING, names, of_write, plain
from sidecar.signatures import NO_SIGNATURES, Signatures

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sidecar.model import Protocol, Refusal
    from sidecar.policy.injection import Fault
    from sidecar.policy.rates import RateRule

EVERY = "*"
_BREAKER, _RETRY = BreakerRule(), RetryRule()  # the usual ones
SPARE = "+spare"  # behind a backend's name: no name of the settings has such a sign


@dataclass(frozen=True, slots=True)
class TlsPlan:
    """Certificate files of a listener."""

    cert_file: str
    key_file: str


@dataclass(frozen=True, slots=True)
class ListenPlan:
    """Where the public listener is: host and port (0: any free one), or a unix socket."""

    host: str = "127.0.0.1"
    port: int = 8080
    unix: str | None = None
    tls: TlsPlan | None = None


@dataclass(frozen=True, slots=True)
class CorsPlan:
    """Who may read: exact origins (`null` only where listed)."""

    origins: frozenset[str] = frozenset()
    credentials: bool = False
    max_age_s: int = 7200  # what Chromium caps it at


@dataclass(frozen=True, slots=True)
class ClientsPlan:
    """Which hops (networks, or `unix`) are trusted to name the address behind them, in which header."""

    trust: tuple[str, ...] = ()
    header: str = "X-Forwarded-For"


@dataclass(frozen=True, slots=True)
class LimitsPlan:
    """The process's own bounds."""

    connections: int = 10_000
    buffered_bytes: int = 256 * 1024 * 1024  # all bodies and replies held at once
    per_backend: float = 0.5  # of the buffered bytes and of the connections
    cached_bytes: int = 64 * 1024 * 1024  # answers that are kept
    request_body_bytes: int = 1024 * 1024
    reply_body_bytes: int = 16 * 1024 * 1024
    header_bytes: int = 32 * 1024  # one line or field; aiohttp's 8190 refuses what browsers send
    keep_alive_s: float = 75.0
    header_timeout_s: float = 10.0
    body_timeout_s: float = 30.0


@dataclass(frozen=True, slots=True)
class DrainPlan:
    """How long it takes to go: `delay_s` still serving, `timeout_s` for what is in flight."""

    delay_s: float = 5.0
    timeout_s: float = 20.0


@dataclass(frozen=True, slots=True)
class AdminPlan:
    """Where operators look and give orders: host and port, or a unix socket. `token` None: nobody can change anything.

    `written` where the settings name it: what nobody asked for may be missing where its port is taken.
    """

    host: str = "127.0.0.1"
    port: int = 8081
    unix: str | None = None
    token: str | None = field(default=None, repr=False)
    written: bool = False


@dataclass(frozen=True, slots=True)
class DebugPlan:
    """What a request must show that is to be told what decided, or to go wrong."""

    token: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class MetricsPlan:
    """A listener for the metrics alone; where there is none they are on the admin listener."""

    host: str = "127.0.0.1"
    port: int = 9100


@dataclass(frozen=True, slots=True)
class CallerPlan:
    """Callers known by their networks; a trusted one may name its people in Sidecar-Client."""

    name: str
    networks: tuple[str, ...]
    trusted: bool = False
    client_class: str | None = None  # None: as the operation's


@dataclass(frozen=True, slots=True)
class TracePlan:
    """Where spans go (the `otel` extra): `endpoint` None is nowhere. `sample` is the part (0 to 1) of the calls that
    nobody else decided on.
    """

    endpoint: str | None = None
    sample: float = 1.0


@dataclass(frozen=True, slots=True)
class TimeoutsPlan:
    """The bounds of one attempt."""

    connect_s: float = 2.0
    first_byte_s: float | None = None  # None: 10 s where the operation is safe, else 60 s
    total_s: float | None = None  # None: 15 s where safe, else 60 s


@dataclass(frozen=True, slots=True)
class UpstreamTlsPlan:
    """How a backend's certificate is checked."""

    ca_file: str | None = None
    min_version: str | None = None  # "1.0" … "1.3"; None: the library's default
    server_name: str | None = None
    verify: bool = True


@dataclass(frozen=True, slots=True)
class FaultRule:
    """`faults:` a fault that matches stands for `state`. Globs; an absent one matches anything."""

    state: str
    faultcode: str | None = None
    faultstring: str | None = None
    executed: str | None = None


@dataclass(frozen=True, slots=True)
class ResultRule:
    """`results:` a reply whose value at `path` compares true stands for `state`.

    `path` is the local name of the first element that is meant (ReserveTicketsResult), or names joined by dots.
    `than` is a literal, or the name of a request parameter where `than_param` is True.
    """

    operation: str
    path: str
    compare: str  # eq | ne | lt | le | gt | ge
    than: str
    than_param: bool
    state: str


@dataclass(frozen=True, slots=True)
class CachePlan:
    """How long an operation's answers are worth keeping, and for whom. Ages in seconds since the backend said it.

    Up to `ttl_s` an answer is fresh; `swr_s` longer it is given at once while it is renewed behind; `grace_s` beyond the ttl it is given
    while the backend is strained or down, `error_s` beyond the ttl instead of a failure; `soft_s` is how long a caller waits for a new one
    where an old one could be had. `negative`: states of faults that are kept for `negative_s`. `ignore` are the backend's vetoes that do
    not count (no-store, private, no-cache, max-age, vary). `vary` are request headers that are part of the key, and forwarded.
    `public` and `browser_s` are about JSON by GET alone. `origin`: the backend's own Cache-Control decides (RFC 9111).
    """

    ttl_s: float = 0.0
    swr_s: float = 0.0
    grace_s: float = 0.0
    error_s: float = 0.0
    soft_s: float | None = None
    jitter: float = 0.1
    ahead: float = 0.8  # of the ttl: from then on an answer that is asked for is renewed before it expires; 1 never
    tags: tuple[str, ...] = ()
    strict: bool = False  # what a write has touched is not given any more, not even as stale
    origin: bool = False
    vary: tuple[str, ...] = ()
    params: tuple[tuple[str, str], ...] = ()
    ignore: frozenset[str] = frozenset()
    negative_s: float = 0.0
    negative: frozenset[str] = frozenset()
    public: bool = False  # whatever stands before us may keep a JSON answer for everybody
    browser_s: float = 0.0  # how long browsers may keep one
    entry_bytes: int = 1024 * 1024
    share: float = 0.5  # of limits.cached, which one operation may take
    waiters: int = 10_000  # callers of one flight


@dataclass(frozen=True, slots=True)
class SharedPlan:
    """Whose identity asks a question that many share: `mode` as in `answers.Shared`; for `as`, values by parameter or header."""

    mode: str
    values: tuple[tuple[str, str], ...] = field(default=(), repr=False)


@dataclass(frozen=True, slots=True)
class FallbackPlan:
    """What is said in place of a failure whose state is one of `on`. `kind`: stale | body | spare | refuse.

    `body`: of a reply made beforehand, in the backend's protocol, with `content_type`. `text`: the operator's own words of a refusal.
    """

    on: frozenset[str]
    kind: str
    body: bytes = b""
    content_type: str = ""
    text: str = ""


@dataclass(frozen=True, slots=True)
class IdempotencyPlan:
    """How a second purchase is known. `source`: header | soap_header | param, `name` of it; `required` refuses calls without a key.

    `ttl_s` is how long an outcome is kept; `derived_s` for how long two equal calls of one identity count as one (double clicks).
    """

    source: str = "header"
    name: str = "Idempotency-Key"
    required: bool = False
    ttl_s: float = 86_400.0
    derived_s: float | None = None

    @property
    def parameter(self) -> str:
        """Return under which name the key stands among a call's values; a SOAP header's under one that no parameter has."""
        return f"header {self.name}" if self.source == "soap_header" else self.name


@dataclass(frozen=True, slots=True)
class OperationPlan:
    """One line of `operations:`; `pattern` is a name or a glob."""

    pattern: str = EVERY
    safe: bool = False
    timeout_s: float = 60.0
    attempt_first_byte_s: float = 60.0
    attempt_total_s: float = 60.0
    stream: bool = False
    client_class: str = "browse"
    cache: CachePlan | None = None
    shared: SharedPlan | None = None
    invalidates: tuple[str, ...] = ()
    fallback: tuple[FallbackPlan, ...] = ()
    idempotency: IdempotencyPlan | None = None
    rates: tuple[RateRule, ...] = ()  # each with its `line`: this one's pattern
    share: float | None = None  # of the backend's limit, that its calls may take together
    retry: bool = True  # where it failed and can do no harm
    confirm: str | None = None  # the operation that tells what became of one whose outcome is not known
    begins: str | None = None  # purchase: who gets something by it is under way
    ends: str | None = None  # purchase: who gets through it has finished

    @property
    def bulkhead(self) -> str:
        """Return the key of the share that binds its calls, "" for none."""
        return "" if self.share is None else self.pattern

    def matches(self, name: str) -> bool:
        """Say whether the line is about `name`; which one rules it, the order says."""
        return self.pattern == name or fnmatchcase(name, self.pattern)


@dataclass(frozen=True, slots=True)
class AdaptivePlan:
    """A limit that is learnt: calls at once between `minimum` and `maximum`; it begins at `start`."""

    minimum: int = 1
    start: int = 8
    maximum: int = 64


@dataclass(frozen=True, slots=True)
class JsonPlan:
    """How values are shown in JSON: wrappers around one array left out, names as in JavaScript, faults with all their text."""

    flatten: bool = False
    camel_case: bool = False
    stack_traces: bool = False


@dataclass(frozen=True, slots=True)
class ProbePlan:
    """A call of our own, an operation without parameters, every so often."""

    operation: str
    every_s: float = 10.0


@dataclass(frozen=True, slots=True)
class BackendPlan:
    """One backend. `endpoints` maps a name ("" the only one) to its absolute URL; all lie on one origin."""

    name: str
    protocol: Protocol
    path: str  # on our listener, without a trailing slash
    endpoints: tuple[tuple[str, str], ...]
    spare: str | None = None  # the second of `urls`: asked where a fallback says so
    tls: UpstreamTlsPlan = UpstreamTlsPlan()
    wsdl: str | None = None
    expose: tuple[str, ...] | None = None  # what the JSON facade shows; None: the safe ones
    json: JsonPlan = JsonPlan()
    signatures: Signatures = NO_SIGNATURES
    deny: tuple[str, ...] = ()
    strict: bool = False
    asmx_get: str = "deny"  # deny | safe | allow
    sender_status: int = 400  # HTTP status of our SOAP 1.2 Sender faults (`soap12_sender_status`)
    timeouts: TimeoutsPlan = TimeoutsPlan()
    pool_idle_s: float = 4.0  # Apache closes after 5
    ghost_s: float | None = None  # None: twice the longest total
    limit: int | AdaptivePlan = AdaptivePlan()  # calls at once: as many, or as many as it is found to bear
    queue_size: int = 500
    queue_wait_s: float = 5.0
    queue_share: float = 0.1  # of queue_size, that one client's calls may take while others wait
    breaker: BreakerRule | None = _BREAKER  # None: never cut off
    probe: ProbePlan | None = None
    retry: RetryRule | None = _RETRY  # None: no call is made once more
    queue_find: tuple[str, ...] = ()  # parameters by which an operator finds a call that waits
    multicall_max: int = 50  # members of one multicall or Batch
    identity_params: tuple[str, ...] = ()  # parameters and headers by which a client is known; the first that is there
    identity_headers: tuple[str, ...] = ("Authorization",)
    rates: tuple[RateRule, ...] = ()
    operations: tuple[OperationPlan, ...] = (OperationPlan(),)  # most specific first, "*" last
    faults: tuple[FaultRule, ...] = ()
    results: tuple[ResultRule, ...] = ()
    inject: tuple[Fault, ...] = ()  # what goes wrong on purpose, from when these settings are taken
    room_params: tuple[str, ...] = ()  # parameters by which rooms tell its calls apart
    purchase_s: float = 1200.0  # how long who has begun a purchase may take to end it: the longest of its rooms

    def operation(self, name: str) -> OperationPlan:
        """Return the line that rules `name`: exact, then the longest pattern, then "*" (settings sorted them so)."""
        for line in self.operations:
            if line.matches(name):
                return line
        raise LookupError(f"backend {self.name} has no line for {name}: settings always adds one for '*'")

    def exposes(self, name: str) -> bool:
        """Say whether the JSON facade and its pages offer `name`: what `expose` names, else what is safe; never what is denied."""
        if self.denies(name):
            return False
        if self.expose is None:
            return self.operation(name).safe
        return any(fnmatchcase(name, pattern) for pattern in self.expose)

    @property
    def exposed(self) -> str:
        """Say what the JSON facade offers."""
        return "the safe operations" if self.expose is None else ", ".join(self.expose) or "nothing"

    def confirming(self, line: OperationPlan, refusal: Refusal, *, executed: Executed) -> Refusal:
        """Add where to ask what became of a call whose outcome is not known, if the settings name an operation for that."""
        if line.confirm is None or executed is not Executed.UNKNOWN:
            return refusal
        return replace(refusal, links=(*refusal.links, ("confirm", f"{self.path}/json/{line.confirm}")))

    def denies(self, name: str) -> bool:
        """Say whether `deny:` names `name`, without regard to case: ASMX paths are not sensitive to it everywhere."""
        return any(fnmatchcase(name.lower(), pattern.lower()) for pattern in self.deny)

    def changes(self, line: OperationPlan, members: tuple[str, ...], parameters: Mapping[str, str]) -> tuple[str, ...]:
        """Return the tags of what a call changes. Of several in one, whose parameters nobody reads apart: everything, if any does."""
        if len(members) > 1:
            return (EVERYTHING,) if any(self.operation(name).invalidates for name in members) else ()
        return of_write(line.invalidates, parameters) if line.invalidates else ()

    @property
    def queue_rule(self) -> QueueRule:
        """Return what bounds the line."""
        bulkheads = {line.pattern: line.share for line in self.operations if line.share is not None}
        return QueueRule(self.queue_size, self.queue_wait_s, self.queue_share, bulkheads=bulkheads)

    @property
    def limit_max(self) -> int:
        """Return the most calls that it can ever get at once."""
        return self.limit.maximum if isinstance(self.limit, AdaptivePlan) else self.limit

    @property
    def invalidating(self) -> bool:
        """Say whether any of its operations changes what is kept."""
        return any(line.invalidates for line in self.operations)

    @property
    def identity(self) -> tuple[object, ...]:
        """What makes a backend another one, of which nothing is true that was learnt under its name."""
        return self.name, self.protocol, self.endpoints

    @property
    def spare_plan(self) -> BackendPlan | None:
        """Return the spare as a backend of its own: with as many slots, and none of its troubles are this one's."""
        if self.spare is None:
            return None
        return replace(self, name=self.name + SPARE, endpoints=(("", self.spare),), spare=None)

    @property
    def all_rates(self) -> tuple[RateRule, ...]:
        """Return its own rules and those of its operations' lines."""
        return (*self.rates, *(rule for line in self.operations for rule in line.rates))

    @property
    def wanted_params(self) -> frozenset[str]:
        """Return the parameters of calls whose values rules ask for: who asks, what a write changes, which call it is."""
        wanted = {*self.identity_params, *self.queue_find, *self.room_params}
        wanted.update(name for rule in self.all_rates for name in rule.params)
        for line in self.operations:
            wanted |= names(line.invalidates)
            if line.idempotency is not None and line.idempotency.source != "header":
                wanted.add(line.idempotency.parameter)
        return frozenset(wanted)

    @property
    def ghost_after_s(self) -> float:
        """Return how long a slot is kept for a call that we have given up, in seconds."""
        return self.ghost_s if self.ghost_s is not None else 2 * max(line.attempt_total_s for line in self.operations)


@dataclass(frozen=True, slots=True)
class CoverPlan:
    """Which calls of a backend a room stands before: patterns of operations, and the values that parameters must have, if any are named.

    Values are in one spelling (`policy.tags.plain`), and case tells no operations apart, as in `deny:`: a backend may take 01201 for 1201.
    """

    backend: str
    operations: tuple[str, ...] = (EVERY,)
    where: tuple[tuple[str, frozenset[str]], ...] = ()

    def means(self, name: str, parameters: Mapping[str, str]) -> bool:
        """Say whether it is about a call of `name` with these values. One whose value cannot be read is meant: nobody slips by."""
        low = name.lower()
        if not any(fnmatchcase(low, pattern.lower()) for pattern in self.operations):
            return False
        return all(parameters.get(param) is None or plain(parameters[param]) in values for param, values in self.where)


@dataclass(frozen=True, slots=True)
class AccountPlan:
    """Whose account a visitor is: `source` session | parameter | assertion, None: nobody asks. `limit`: places of one account."""

    source: str | None = None
    parameter: str = ""  # that holds the account: of a call that signs in, or of what is sent on joining
    secret: str = field(default="", repr=False)  # of assertions, HS256
    limit: int = 1
    login: str = ""  # pattern of the operations that sign in, for a session


@dataclass(frozen=True, slots=True)
class RoomLook:
    """How a room's page looks. Texts by language; `theme` by the name of a CSS variable. `back`: where who is admitted goes on."""

    title: tuple[tuple[str, str], ...] = ()
    languages: tuple[str, ...] = ("en", "de", "fr")
    theme: tuple[tuple[str, str], ...] = ()
    back: str | None = None
    frame: tuple[str, ...] = ()  # origins that may embed the widget, besides those of cors


@dataclass(frozen=True, slots=True)
class RoomPlan:
    """A waiting room. Moments in seconds since the epoch, None: by hand. Weights of lanes are shares of admissions."""

    name: str
    covers: tuple[CoverPlan, ...] = ()
    opens: float | None = None
    closes: float | None = None
    timezone: str | None = None  # in which people are told of it
    lobby_s: float = 1800.0
    draw_s: float = 60.0  # before it opens
    max_active: int = 200
    rate: tuple[int, float] | None = None  # admissions in so many seconds at most
    claim_s: float = 150.0
    pass_idle_s: float = 120.0
    pass_total_s: float = 600.0
    pass_calls: int = 4  # at once
    pass_rate: tuple[int, float] = (10, 1.0)
    purchase_s: float = 1200.0
    account: AccountPlan = AccountPlan()
    per_address: int = 50  # places of one address before newcomers are held; 0 no rule
    remedy: str | None = None
    lanes: tuple[tuple[str, int], ...] = (("main", 8), ("fast", 1), ("access", 1))
    invites: str = field(default="", repr=False)  # what signs invites, HS256
    capacity: int = 1_000_000
    look: RoomLook = RoomLook()

    @property
    def rule(self) -> RoomRule:
        """Return what its policy is told."""
        passes = PassRule(self.pass_idle_s, self.pass_total_s, self.pass_calls, self.pass_rate)
        return RoomRule(
            self.name,
            self.opens,
            self.closes,
            self.lobby_s,
            self.draw_s,
            self.max_active,
            self.rate,
            self.claim_s,
            passes,
            self.lanes,
            self.capacity,
        )


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything that a running sidecar is told."""

    listen: ListenPlan = ListenPlan()
    public_url: str | None = None
    cors: CorsPlan = CorsPlan()
    clients: ClientsPlan = ClientsPlan()
    limits: LimitsPlan = LimitsPlan()
    drain: DrainPlan = DrainPlan()
    admin: AdminPlan = AdminPlan()
    metrics: MetricsPlan | None = None
    debug: DebugPlan | None = None  # None: nobody is told, and nothing goes wrong at anybody's request
    callers: tuple[CallerPlan, ...] = ()
    classes: tuple[ClassRule, ...] = CLASSES
    keys: str | None = None  # file of what signs places; None: a key of this process alone
    trace: TracePlan = TracePlan()
    store: str | None = None  # path of the file that makes what is kept outlive the process; None: memory
    watch_files: bool = False  # look every two seconds whether the settings' files have changed
    sensitive: tuple[str, ...] = (
        "*password*",
        "*passwd*",
        "*card*",
        "*cvv*",
        "*cvc*",
        "*session*",
        "*token*",
        "*secret*",
        "*pin*",
    )
    backends: tuple[BackendPlan, ...] = field(default=())
    rooms: tuple[RoomPlan, ...] = ()

    @property
    def hosts(self) -> tuple[BackendPlan, ...]:
        """Return everything that is called: the backends, and their spares."""
        spares = (backend.spare_plan for backend in self.backends)
        return (*self.backends, *(spare for spare in spares if spare is not None))

    @property
    def kept_bytes(self) -> int:
        """The most that answers which are kept may take: nothing where no line keeps any."""
        caches = any(line.cache is not None for backend in self.backends for line in backend.operations)
        return self.limits.cached_bytes if caches else 0


@dataclass(frozen=True, slots=True)
class Scope:
    """What a stage is built for: the whole plan, and, below the stages that split the road, one backend and one line of it."""

    plan: Plan
    backend: BackendPlan | None = None
    operation: OperationPlan | None = None

    @property
    def one_backend(self) -> BackendPlan:
        """The backend; a stage inside `route` always has one."""
        assert self.backend is not None, "a stage that needs a backend stands outside route"
        return self.backend

    @property
    def one_operation(self) -> OperationPlan:
        """The operation's line; a stage inside `decode` always has one."""
        assert self.operation is not None, "a stage that needs an operation stands outside decode"
        return self.operation


def covering(plan: Plan, backend: str, operation: str) -> list[RoomPlan]:
    """Return the rooms that stand before calls of an operation, some or all of them: the values of parameters may decide."""
    return [
        room
        for room in plan.rooms
        if any(cover.backend == backend and cover.means(operation, {}) for cover in room.covers)
    ]
