"""Checked settings to the frozen Plan: file names become absolute, defaults that depend on one another are worked out, operation lines
are put in the order in which they are tried. It cannot fail.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final
from urllib.parse import urljoin

from sidecar import plan as plans
from sidecar.policy.breaking import Rule as BreakerRule
from sidecar.policy.budget import RetryRule
from sidecar.policy.queue import ClassRule
from sidecar.policy.rates import Mode, Per, RateRule
from sidecar.settings import gathering, injecting, kept
from sidecar.settings.protection import parted
from sidecar.settings.rules import Parameter
from sidecar.settings.schema import Operation
from sidecar.settings.shapes import SQLITE
from sidecar.settings.signatures import signatures_of

if TYPE_CHECKING:
    from sidecar.settings import rules, schema
    from sidecar.settings.complaints import Loc
    from sidecar.settings.files import Files
    from sidecar.settings.protection import Breaker, Debug, Limit, Rate

COMPARISONS: Final = ("eq", "ne", "lt", "le", "gt", "ge")
# What a reader waits for before he reloads; and the bound that this product promises for what may not be cut short.
_SAFE_FIRST_BYTE_S: Final = 10.0
_SAFE_S: Final = 15.0
_UNSAFE_S: Final = 60.0
# What one attempt gets by default: for an operation that is safe, for any other.
USUAL_S: Final = {"first_byte": (_SAFE_FIRST_BYTE_S, _UNSAFE_S), "total": (_SAFE_S, _UNSAFE_S)}


def build(settings: schema.Settings, files: Files) -> plans.Plan:
    """Return the plan; `files` knows where relative file names start."""
    listen, cors, limits, admin = settings.listen, settings.cors, settings.limits, settings.admin
    rooms = gathering.rooms_of(settings, files)
    return plans.Plan(
        listen=plans.ListenPlan(
            listen.host,
            listen.port,
            _file(files, ("listen", "unix"), listen.unix),
            _tls(files, listen.tls),
        ),
        public_url=settings.public_url,
        cors=plans.CorsPlan(frozenset(cors.origins), cors.credentials, int(cors.max_age)),
        clients=plans.ClientsPlan(tuple(settings.clients.trust), settings.clients.header),
        limits=plans.LimitsPlan(
            connections=limits.connections,
            buffered_bytes=limits.buffered,
            per_backend=limits.per_backend,
            cached_bytes=limits.cached,
            request_body_bytes=limits.request_body,
            reply_body_bytes=limits.reply_body,
            header_bytes=limits.header_line,
            keep_alive_s=limits.keep_alive,
            header_timeout_s=limits.header_timeout,
            body_timeout_s=limits.body_timeout,
        ),
        drain=plans.DrainPlan(settings.drain.delay, settings.drain.timeout),
        admin=plans.AdminPlan(
            admin.host,
            admin.port,
            _file(files, ("admin", "unix"), admin.unix),
            _token(files, "admin", admin),
            written="admin" in settings.model_fields_set,
        ),
        metrics=plans.MetricsPlan(settings.metrics.host, settings.metrics.port) if settings.metrics else None,
        debug=_debug(files, settings.debug),
        callers=tuple(
            plans.CallerPlan(name, tuple(caller.networks), caller.trusted, caller.client_class)
            for name, caller in settings.callers.items()
        ),
        classes=tuple(
            ClassRule(name, rank.weight, reserve=rank.reserve)
            for name in type(settings.classes).model_fields
            for rank in (getattr(settings.classes, name),)
        ),
        keys=None if settings.keys is None else str(files.path(("keys", "file"), settings.keys.file)),
        trace=plans.TracePlan(settings.trace.endpoint, settings.trace.sample),
        store=store_of(settings.store, files),
        watch_files=settings.reload.watch,
        sensitive=tuple(dict.fromkeys((*plans.Plan().sensitive, *settings.sensitive))),
        backends=tuple(backend_plan(name, backend, files, rooms) for name, backend in settings.backends.items()),
        rooms=rooms,
    )


def backend_plan(
    name: str, backend: schema.Backend, files: Files, rooms: tuple[plans.RoomPlan, ...] = ()
) -> plans.BackendPlan:
    """Return the plan of one backend; `rooms` are all that there are."""
    tls, at = backend.tls, ("backends", name)
    ca_file = _file(files, (*at, "tls", "ca_file"), tls.ca_file)
    return plans.BackendPlan(
        name=name,
        protocol=backend.protocol,
        path=path_of(name, backend),
        endpoints=endpoints_of(backend),
        spare=backend.urls[1] if backend.urls is not None and len(backend.urls) > 1 else None,
        tls=plans.UpstreamTlsPlan(ca_file, tls.min_version, tls.server_name, tls.verify),
        wsdl=_file(files, (*at, "wsdl"), backend.wsdl),
        expose=tuple(backend.expose) if backend.expose is not None else None,
        json=plans.JsonPlan(backend.json_.flatten, backend.json_.camel_case, backend.json_.stack_traces),
        signatures=signatures_of(backend.signatures, allow_nil=backend.allow_nil, allow_i8=backend.allow_i8),
        deny=tuple(backend.deny),
        strict=backend.strict,
        asmx_get=backend.asmx_get,
        sender_status=backend.soap12_sender_status,
        timeouts=plans.TimeoutsPlan(backend.timeouts.connect, backend.timeouts.first_byte, backend.timeouts.total),
        pool_idle_s=backend.pool_idle,
        ghost_s=backend.ghost,
        limit=limit_of(backend.limit),
        queue_size=backend.queue.size,
        queue_wait_s=backend.queue.wait,
        queue_share=backend.queue.per_client,
        queue_find=tuple(backend.queue.find),
        breaker=breaker_of(backend.breaker),
        probe=None if backend.probe is None else plans.ProbePlan(backend.probe.operation, backend.probe.every),
        retry=RetryRule(backend.retry.budget, backend.retry.attempts) if backend.retry.budget else None,
        multicall_max=backend.multicall_max,
        rates=_rates(backend.rate, ""),
        identity_params=tuple(backend.identity.params),
        identity_headers=tuple(backend.identity.headers),
        operations=lines_of(backend, lambda below, file: files.data((*at, *below), file) or b""),
        faults=tuple(
            plans.FaultRule(rule.state, rule.match.faultcode, rule.match.faultstring, rule.executed)
            for rule in backend.faults
        ),
        results=tuple(rule for result in backend.results for rule in _results(result)),
        inject=injecting.faults_of(backend),
        room_params=gathering.told_apart(rooms, name),
        purchase_s=gathering.purchase_s(rooms, name),
    )


def plan_of_names(name: str, backend: schema.Backend) -> plans.BackendPlan:
    """Return as much of a plan as says which operations are denied, exposed and safe; it reads no file."""
    return plans.BackendPlan(
        name,
        backend.protocol,
        path_of(name, backend),
        endpoints_of(backend),
        expose=tuple(backend.expose) if backend.expose is not None else None,
        deny=tuple(backend.deny),
        operations=lines_of(backend),
    )


def limit_of(limit: Limit) -> int | plans.AdaptivePlan:
    """Return how many calls at once: a number that is written, else what bounds the one that is learnt."""
    if limit.fixed is not None:
        return limit.fixed
    learnt = limit.adaptive
    # A start that nobody wrote gives way to bounds that somebody did.
    return plans.AdaptivePlan(learnt.min, min(max(learnt.start, learnt.min), learnt.max), learnt.max)


def breaker_of(breaker: Breaker) -> BreakerRule | None:
    """Return when a backend is cut off; None where it never is."""
    if breaker.mode == "off":
        return None
    return BreakerRule(
        breaker.failure_rate,
        breaker.slow_rate,
        breaker.slow_after,
        breaker.window,
        breaker.min_calls,
        breaker.open_for,
        breaker.open_max,
        observe=breaker.mode == "observe",
    )


def path_of(name: str, backend: schema.Backend) -> str:
    """Return where a backend is on our listener."""
    return backend.path if backend.path is not None else f"/{name}"


def endpoints_of(backend: schema.Backend) -> tuple[tuple[str, str], ...]:
    """Return the endpoints with absolute addresses (RFC 3986 section 5.2: relative to url)."""
    url = url_of(backend)
    if backend.endpoints is None:
        return (("", url),)
    return tuple((name, urljoin(url, path)) for name, path in backend.endpoints.items())


def url_of(backend: schema.Backend) -> str:
    """Return where the backend itself is: a spare is asked only by who says so."""
    url = backend.url or next(iter(backend.urls or ()), None)
    assert url is not None, "a backend without an address has been told, and cut out"
    return url


def store_of(store: str, files: Files) -> str | None:
    """Return the file of a store, None for memory."""
    name = store.removeprefix(SQLITE)
    return None if name == store else str(files.path(("store",), name))


def lines_of(backend: schema.Backend, bodies: kept.Bodies = kept.unread) -> tuple[plans.OperationPlan, ...]:
    """Return the lines in the order in which they are tried; between equals the one that promises less comes first.

    `bodies` reads the files of fallbacks; whoever asks for times alone needs none.
    """
    rules = dict(backend.operations)
    if not any(is_every(pattern) for pattern in rules):
        rules[plans.EVERY] = Operation()

    def rank(pattern: str) -> tuple[bool, bool, int, bool]:
        glob = is_glob(pattern)
        return is_every(pattern), glob, -len(collapsed(pattern)) if glob else 0, glob and rules[pattern].safe

    order = sorted(rules, key=rank)
    return tuple(_line(pattern, rules[pattern], backend, bodies) for pattern in order)


def usual_s(*, safe: bool) -> float:
    """Return how long a caller waits, and an attempt may take, where nobody wrote a time."""
    return _SAFE_S if safe else _UNSAFE_S


def is_glob(pattern: str) -> bool:
    """Say whether a pattern can match more than its own name."""
    return any(sign in pattern for sign in "*?[")


def is_every(pattern: str) -> bool:
    """Say whether a pattern matches everything."""
    return collapsed(pattern) == plans.EVERY


def collapsed(pattern: str) -> str:
    """Return a pattern without stars that say nothing: `Get**` is `Get*`."""
    while "**" in pattern:
        pattern = pattern.replace("**", "*")
    return pattern


def _line(pattern: str, rule: schema.Operation, backend: schema.Backend, bodies: kept.Bodies) -> plans.OperationPlan:
    """Work out one line's times. What is written wins over what is not; of what is not, the caller's timeout may stretch the attempt."""
    given = backend.timeouts
    usual = usual_s(safe=rule.safe)
    asked_s = rule.timeout or 0.0
    first_usual_s = _SAFE_FIRST_BYTE_S if rule.safe else _UNSAFE_S
    total_s = given.total if given.total is not None else max(usual, asked_s, given.first_byte or 0.0)
    first_s = given.first_byte if given.first_byte is not None else min(max(first_usual_s, asked_s), total_s)
    return plans.OperationPlan(
        pattern=plans.EVERY if is_every(pattern) else pattern,
        safe=rule.safe,
        timeout_s=rule.timeout if rule.timeout is not None else max(usual, total_s),
        attempt_first_byte_s=first_s,
        attempt_total_s=total_s,
        stream=rule.stream,
        client_class=rule.client_class,
        cache=kept.cache_of(rule.cache),
        shared=kept.shared_of(rule.shared),
        invalidates=tuple(rule.invalidates),
        fallback=kept.fallbacks_of(pattern, rule.fallback, bodies),
        idempotency=kept.idempotency_of(rule.idempotency),
        share=rule.limit,
        retry=rule.retry,
        confirm=rule.confirm.operation if rule.confirm is not None else None,
        begins=rule.begins,
        ends=rule.ends,
        rates=_rates(rule.rate, plans.EVERY if is_every(pattern) else pattern),
    )


def _rates(rates: list[Rate], line: str) -> tuple[RateRule, ...]:
    rules = []
    for rate in rates:
        count, period_s = parted(rate.limit)
        params = () if rate.parameter is None else (rate.parameter,)
        rules.append(
            RateRule(Per(rate.per), count, period_s, rate.burst or count, Mode(rate.mode), line=line, params=params)
        )
    return tuple(rules)


def _results(result: rules.Result) -> list[plans.ResultRule]:
    rules = []
    for compare in COMPARISONS:
        than = getattr(result.when, compare)
        if than is not None:
            named = isinstance(than, Parameter)
            text = than.param if isinstance(than, Parameter) else than
            rules.append(plans.ResultRule(result.operation, result.when.path, compare, text, named, result.state))
    return rules


def _debug(files: Files, debug: Debug | None) -> plans.DebugPlan | None:
    token = None if debug is None else _token(files, "debug", debug)
    return None if token is None else plans.DebugPlan(token)


def _token(files: Files, name: str, section: schema.Admin | Debug) -> str | None:
    """Return the token of a block; the file was read by lint, which refuses one that holds none."""
    if section.token_file is None:
        return section.token
    return files.text((name, "token_file"), section.token_file).strip()


def _tls(files: Files, tls: schema.Tls | None) -> plans.TlsPlan | None:
    if tls is None:
        return None
    cert, key = (
        str(files.path(("listen", "tls", each), name))
        for each, name in (("cert_file", tls.cert_file), ("key_file", tls.key_file))
    )
    return plans.TlsPlan(cert, key)


def _file(files: Files, loc: Loc, name: str | None) -> str | None:
    return None if name is None else str(files.path(loc, name))
