"""The vocabulary of the settings file: every key that this version acts on, with its default, its bounds and a line of help.

Pydantic holds it because it reports all faults at once and writes the JSON Schema. Nothing here compares two keys; `lint` does. A key that
is settled but not yet built stands in LATER of its block, so that a file written for a later version is told so.
"""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import ConfigDict, Field

from sidecar.model import Protocol
from sidecar.policy.injection import MOST
from sidecar.settings import shapes
from sidecar.settings.answers import Cache, Fallback, Idempotency, Shared
from sidecar.settings.protection import Breaker, Classes, ClassName, Debug, Injection, Limit, Probe, Queue, Rate, Retry
from sidecar.settings.quantities import Share, Size, Span
from sidecar.settings.rooms import Room, Zone
from sidecar.settings.rules import Fault, Result
from sidecar.settings.section import Section, amount
from sidecar.settings.signatures import Named
from sidecar.settings.tags import Tag


class Tls(Section):
    """Certificate of the listener."""

    cert_file: shapes.FileName = Field(description="PEM file with the certificate and its chain")
    key_file: shapes.FileName = Field(description="PEM file with the private key, without a passphrase")


class Listen(Section):
    """Where callers connect."""

    host: shapes.Host = Field(
        default="127.0.0.1", description="address or name to bind; 0.0.0.0 or :: is every address"
    )
    port: int = Field(default=8080, ge=0, le=65535, description="port to bind; 0 takes any free one and says which")
    unix: shapes.FileName | None = Field(default=None, description="path of a unix socket, in place of host and port")
    tls: Tls | None = Field(
        default=None, description="speak https with these files; a backend's tls is backends.NAME.tls"
    )


class Cors(Section):
    """Which pages of other origins may read answers, and write."""

    origins: list[shapes.WebOrigin] = Field(
        default_factory=list,
        description="exact origins, as in https://shop.example; 'null' only where a sandboxed page needs it",
    )
    credentials: bool = Field(default=False, description="let pages send cookies and HTTP authentication")
    max_age: Annotated[float, Span("0s", "24h")] = amount(
        default="2h", description="how long a browser keeps a preflight's answer; Chromium caps it at 2h"
    )


class Clients(Section):
    """Who counts as one client."""

    trust: list[shapes.Hop] = Field(
        default_factory=list,
        description="proxies before us whose word on the client's address counts: addresses, networks, 'unix' for our socket",
    )
    header: shapes.Header = Field(
        default="X-Forwarded-For",
        description="the header in which they say it; Forwarded is read as RFC 7239 has it, others as a list of addresses",
    )


class Limits(Section):
    """Bounds of this process; a backend's own are backends.NAME.limit (calls at once) and backends.NAME.queue (calls that wait)."""

    connections: int = Field(
        default=10_000,
        ge=10,
        le=1_000_000,
        description="callers' connections at once; calls at a backend: backends.NAME.limit",
    )
    buffered: Annotated[int, Size("1MiB", "64GiB")] = amount(
        default="256MiB", description="bytes of all request and reply bodies held at once, over all backends"
    )
    per_backend: Annotated[float, Share("1%", "100%")] = amount(
        default="50%", description="the part of connections and of buffered that one backend's calls may take"
    )
    cached: Annotated[int, Size("1MiB", "64GiB")] = amount(
        default="64MiB",
        description="bytes of all answers that are kept; one operation's share is cache.share, bodies in flight are buffered",
    )
    request_body: Annotated[int, Size("1KiB", "1GiB")] = amount(
        default="1MiB", description="largest body of one request"
    )
    reply_body: Annotated[int, Size("1KiB", "4GiB")] = amount(
        default="16MiB",
        description="largest body of one reply; one with stream: true is not held and not bounded by it",
    )
    header_line: Annotated[int, Size("1KiB", "256KiB")] = amount(
        default="32KiB", description="longest request line and longest header field"
    )
    keep_alive: Annotated[float, Span("1s", "1h")] = amount(
        default="75s",
        description="how long a caller's idle connection is kept; towards a backend: backends.NAME.pool_idle",
    )
    header_timeout: Annotated[float, Span("100ms", "5m")] = amount(
        default="10s", description="from the first byte of a request until its headers are complete"
    )
    body_timeout: Annotated[float, Span("100ms", "1h")] = amount(
        default="30s", description="from the headers of a request until its body is complete"
    )


class Drain(Section):
    """How this process goes when it is told to."""

    delay: Annotated[float, Span("0s", "5m")] = amount(
        default="5s", description="go on serving for so long after the signal, until load balancers have noticed"
    )
    timeout: Annotated[float, Span("0s", "1h")] = amount(
        default="20s",
        description="then wait for calls in flight for so long; one call's own bound is operations.NAME.timeout",
    )


class Admin(Section):
    """Where operators look and give orders: never a public address."""

    host: shapes.Host = Field(default="127.0.0.1", description="address to bind, one that only operators reach")
    port: int = Field(default=8081, ge=0, le=65535, description="port to bind; 0 takes any free one and says which")
    unix: shapes.FileName | None = Field(default=None, description="path of a unix socket, in place of host and port")
    token: shapes.Secret | None = Field(
        default=None,
        description='what whoever changes something must show, from the environment: "${ADMIN_TOKEN}"; without one nobody can',
    )
    token_file: shapes.FileName | None = Field(default=None, description="file that holds the token, in place of token")


class Metrics(Section):
    """A listener for the metrics alone, where the one of admin is out of a scraper's reach."""

    host: shapes.Host = Field(default="127.0.0.1", description="address to bind")
    port: int = Field(default=9100, ge=0, le=65535, description="port to bind; 0 takes any free one and says which")


class Caller(Section):
    """Callers that are known by where they call from."""

    networks: list[shapes.Network] = Field(min_length=1, description="addresses that they call from")
    trusted: bool = Field(
        default=False, description="whether they may name the people behind them in the header Sidecar-Client"
    )
    client_class: ClassName | None = Field(
        default=None, alias="class", description="rank of their calls, in place of the operation's"
    )


class Keys(Section):
    """What places and passes are signed with."""

    file: shapes.FileName = Field(description="file of the keys, one a line; made with rights 0600 where it is missing")


class Reload(Section):
    """When changed settings are taken, besides on SIGHUP and on request."""

    watch: bool = Field(
        default=False,
        description="look every 2s whether the content of the settings' files has changed, and reload (for ConfigMaps)",
    )


class Trace(Section):
    """Spans for OpenTelemetry; needs the extra: pip install '.[otel]' in the project's folder."""

    endpoint: shapes.PublicUrl | None = Field(
        default=None, description="address of an OTLP collector that speaks HTTP, as in http://127.0.0.1:4318"
    )
    sample: Annotated[float, Share("0%", "100%")] = amount(
        default="100%", description="part of the calls that are traced where their caller has not decided"
    )


class UpstreamTls(Section):
    """How an https backend is checked."""

    ca_file: shapes.FileName | None = Field(
        default=None, description="PEM file with the authorities to trust, in place of the system's"
    )
    min_version: Literal["1.0", "1.1", "1.2", "1.3"] | None = Field(
        default=None, description='oldest TLS version, in quotes: "1.2"; old Windows hosts may need "1.0"'
    )
    server_name: shapes.Host | None = Field(
        default=None, description="name that the certificate must carry, where url's host is another"
    )
    verify: bool = Field(default=True, description="false trusts any certificate: only for a test host")


class Timeouts(Section):
    """Bounds of one attempt at a backend. What a caller waits in all is operations.NAME.timeout, in line queue.wait."""

    connect: Annotated[float, Span("10ms", "5m")] = amount(default="2s", description="until a connection stands")
    first_byte: Annotated[float, Span("10ms", "1h")] | None = Field(
        default=None,
        description="from connection to the first byte of the reply; default 10s for safe operations, 60s for others",
    )
    total: Annotated[float, Span("10ms", "1h")] | None = Field(
        default=None,
        description="from connection to the last byte of the reply; default 15s for safe operations, 60s for others",
    )


class Confirm(Section):
    """What is asked after a call whose outcome is not known."""

    operation: shapes.Words = Field(description="a safe operation that the JSON facade exposes")


class Json(Section):
    """How the JSON facade shows values. Who changes it changes what pages read."""

    flatten: bool = Field(
        default=False, description="true: an element that only wraps one array (ArrayOfSeat) is that array"
    )
    camel_case: bool = Field(
        default=False, description="true: names as in JavaScript: iPerf_no is iPerfNo, GetSeatsResult is getSeatsResult"
    )
    stack_traces: bool = Field(
        default=False,
        description="true: a fault's text is told whole; false, its first line, without the stack that .NET adds",
    )


class Operation(Section):
    """Rules for the operations that a pattern names."""

    LATER: ClassVar[frozenset[str]] = frozenset({"defer"})
    safe: bool = Field(
        default=False, description="true: it changes nothing, however often it runs. Nobody can check this for you"
    )
    timeout: Annotated[float, Span("10ms", "1h")] | None = Field(
        default=None,
        description="what a caller waits in all, line and attempts included; default 15s where safe, else 60s, never below timeouts.total",
    )
    stream: bool = Field(
        default=False, description="pass the reply on while it comes: for reports larger than limits.reply_body"
    )
    client_class: ClassName = Field(
        default="browse", alias="class", description="rank of its callers, kept with every call"
    )
    cache: Cache | None = Field(
        default=None, description="keep its answers, and join calls in flight; needs safe: true"
    )
    shared: Shared = Field(
        default=None,
        validate_default=False,
        description="let people with different identities share an answer, and say whose identity asks; true only where it takes none",
    )
    invalidates: list[Tag] = Field(
        default_factory=list,
        max_length=20,
        description="tags of the answers that it makes old, once it may have been done",
    )
    fallback: list[Fallback] = Field(
        default_factory=list, max_length=20, description="what is said in place of a failure; rules are tried in order"
    )
    idempotency: Idempotency | None = Field(default=None, description="keys against a second purchase")
    limit: Annotated[float, Share("1%", "100%")] | None = Field(
        default=None, description="the part of the backend's limit that its calls may take together, at least one"
    )
    rate: list[Rate] = Field(
        default_factory=list, max_length=10, description="how often it may be asked, as backends.NAME.rate"
    )
    retry: bool = Field(default=True, description="false: never made once more after a failure, however safe")
    confirm: Confirm | None = Field(
        default=None,
        description="what tells what became of a call whose outcome is not known: JSON callers get a link to it",
    )
    begins: Literal["purchase"] | None = Field(
        default=None,
        description="purchase: whoever gets something by it is under way, and not stopped half-way, for a window of 20m",
    )
    ends: Literal["purchase"] | None = Field(
        default=None, description="purchase: whoever gets through it has bought, and is a caller like any other again"
    )


class Identity(Section):
    """What people show a backend: who shows something else is another client, once the backend has answered it well."""

    params: list[shapes.Words] = Field(
        default_factory=list,
        max_length=20,
        description="parameters that hold a session key; each request's body is then parsed. In XML-RPC a struct's member or a position",
    )
    headers: list[shapes.Header] = Field(
        default_factory=lambda: ["Authorization"],
        max_length=20,
        description="headers that hold credentials; [] where many people share one account",
    )


class Backend(Section):
    """One fragile host: one limit, one line, whatever it serves."""

    # That one of the two is there is said by `complaints`, which tells a missing key from a misspelt one.
    model_config = ConfigDict(json_schema_extra={"anyOf": [{"required": ["url"]}, {"required": ["urls"]}]})
    LATER: ClassVar[frozenset[str]] = frozenset({"cache", "timezone"})
    protocol: Protocol = Field(strict=False, description="what the backend speaks: soap or xmlrpc")
    url: shapes.Url | None = Field(
        default=None, description="address of the backend, or with endpoints what their paths are relative to; or urls"
    )
    urls: list[shapes.Url] | None = Field(
        default=None,
        min_length=1,
        max_length=2,
        description="in place of url: its address, and a spare that only a fallback with spare: true asks",
    )
    path: shapes.Path | None = Field(default=None, description="where it is on our listener; default / and its name")
    endpoints: dict[shapes.Name, shapes.Reference] | None = Field(
        default=None,
        min_length=1,
        description="several services of one host under one limit: name (below path) and path (relative to url)",
    )
    tls: UpstreamTls = Field(default_factory=UpstreamTls, description="how an https backend is checked")
    wsdl: shapes.FileName | None = Field(
        default=None, description="WSDL file; left out, the backend's own ?wsdl is read"
    )
    expose: list[shapes.Pattern] | None = Field(
        default=None,
        description="operations that the JSON facade shows; default the safe ones. Native calls are ruled by deny alone",
    )
    json_: Json = Field(default_factory=Json, alias="json", description="how the JSON facade shows values")
    signatures: Named = Field(
        default_factory=dict,
        description="what methods take and return, for the JSON facade and its pages: xmlrpc has no contract",
    )
    allow_nil: bool = Field(
        default=False, description="xmlrpc: JSON's null is sent as <nil/>, an extension; else it is refused"
    )
    allow_i8: bool = Field(
        default=False,
        description="xmlrpc: integers beyond 32 bits are sent as <i8>, an extension; else they are refused",
    )
    deny: list[shapes.Pattern] = Field(
        default_factory=list, description="operations that nobody may call, in no dialect, whatever their case"
    )
    strict: bool = Field(
        default=False, description="refuse operations that neither the WSDL nor a line of operations names"
    )
    timeouts: Timeouts = Field(default_factory=Timeouts, description="bounds of one attempt")
    pool_idle: Annotated[float, Span("0s", "10m")] = amount(
        default="4s",
        description="how long an idle connection to the backend is kept: below the backend's own keep-alive (Apache: 5s)",
    )
    ghost: Annotated[float, Span("100ms", "2h")] | None = Field(
        default=None, description="how long a call that was given up may hold its slot; default twice the longest total"
    )
    limit: Limit = Field(default_factory=Limit, description="calls at once")
    queue: Queue = Field(default_factory=Queue, description="calls that wait")
    breaker: Breaker = Field(default_factory=Breaker, description="when a backend that fails is cut off for a while")
    probe: Probe | None = Field(default=None, description="a call of our own that shows whether it lives")
    retry: Retry = Field(default_factory=Retry, description="calls that are made once more")
    rate: list[Rate] = Field(default_factory=list, max_length=10, description="how often it may be asked")
    asmx_get: Literal["deny", "safe", "allow"] = Field(
        default="deny",
        description="ASMX operations by GET: none, those marked safe, or all; any page can trigger a GET",
    )
    soap12_sender_status: Literal[400, 500] = Field(
        default=400,
        description="HTTP status of our own SOAP 1.2 Sender faults: 400 by the standard, 500 for clients that need it",
    )
    multicall_max: int = Field(default=50, ge=1, le=10_000, description="calls in one system.multicall or SOAP Batch")
    operations: dict[shapes.Pattern, Operation] = Field(
        default_factory=dict, description='rules per operation: exact name, else the longest pattern, else "*"'
    )
    identity: Identity = Field(
        default_factory=Identity, description="what tells one client from another, besides addresses"
    )
    faults: list[Fault] = Field(
        default_factory=list, max_length=500, description="what faults stand for; the first that matches"
    )
    results: list[Result] = Field(
        default_factory=list, max_length=500, description="what values in replies stand for; the first that matches"
    )
    inject: list[Injection] = Field(
        default_factory=list,
        max_length=MOST,
        description="calls that go wrong on purpose, for a rehearsal; each ends by itself; the first that means a call",
    )


class Settings(Section):
    """A sidecar's settings."""

    version: Literal[1] = Field(default=1, description="version of this vocabulary")
    include: list[shapes.FileName] = Field(
        default_factory=list,
        description="more files of settings, names or globs, relative to this file; they are merged, and nothing overrides anything",
    )
    listen: Listen = Field(default_factory=Listen, description="where callers connect")
    public_url: shapes.PublicUrl | None = Field(
        default=None, description="our address as clients know it, for WSDL addresses and links; never taken from Host"
    )
    timezone: Zone | None = Field(
        default=None,
        description="whose clock times of day are on, as in Europe/London; a room's own is rooms.NAME.timezone",
    )
    cors: Cors = Field(default_factory=Cors, description="pages of other origins")
    clients: Clients = Field(default_factory=Clients, description="who counts as one client")
    limits: Limits = Field(default_factory=Limits, description="bounds of this process; not of a backend")
    drain: Drain = Field(default_factory=Drain, description="how it goes when told to")
    admin: Admin = Field(default_factory=Admin, description="where operators look and give orders")
    metrics: Metrics | None = Field(
        default=None, description="a listener for the metrics alone; left out, they are on the one of admin"
    )
    debug: Debug | None = Field(
        default=None,
        description="with which token a request is told what decided about it, and may go wrong on purpose; left out, none",
    )
    classes: Classes = Field(default_factory=Classes, description="whose calls come first where some have to wait")
    keys: Keys | None = Field(
        default=None,
        description="what signs places in line; left out, a restart makes those that were given worth less",
    )
    callers: dict[shapes.Name, Caller] = Field(default_factory=dict, description="callers known by their networks")
    reload: Reload = Field(default_factory=Reload, description="when changed settings are taken")
    trace: Trace = Field(default_factory=Trace, description="spans for OpenTelemetry")
    store: shapes.Store = Field(
        default="memory",
        description="where answers and keys are kept: memory, or sqlite:PATH for what must outlive a restart",
    )
    sensitive: list[shapes.Words] = Field(
        default_factory=list,
        description="globs of names whose values are never kept, added to the built-in ones",
    )
    rooms: dict[shapes.Name, Room] = Field(
        default_factory=dict,
        max_length=100,
        description="waiting rooms, by name: calls that need a pass, and who gets one when",
    )
    backends: dict[shapes.Name, Backend] = Field(
        description="what is protected, by name", json_schema_extra={"minProperties": 1}
    )
