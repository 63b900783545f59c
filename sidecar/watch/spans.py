"""Spans for OpenTelemetry: one of a server for every request, one of a client for every attempt, sent in batches from a thread.

Stands before `Watching` where the settings say where spans go; imported only then. It changes one header on the way to the backend, so that
the backend's own spans hang below ours; it never waits for a collector, and what a slow one does not take is dropped.
"""

from __future__ import annotations

import asyncio
import logging
import os
from contextlib import suppress
from threading import Thread
from typing import TYPE_CHECKING, Final

from opentelemetry import context as contexts
from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.sampling import ParentBased, TraceIdRatioBased

from sidecar import __version__
from sidecar.model import Answer, Executed
from sidecar.policy import tracecontext
from sidecar.states import Category, find
from sidecar.watch import line, names

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from sidecar.model import Exchange, Flight, Grade, Head, Lane, Outbound, Outcome, RawHeaders, Refusal, Reply
    from sidecar.watch.watching import Watching

_PATH: Final = "/v1/traces"  # OTLP/HTTP; the settings name the collector, as all its senders do
# Half a second of a busy sidecar's spans; 2 MB. Above it the newest push the oldest out.
_QUEUE: Final = 2048
_BATCH: Final = 512
_EVERY_MS: Final = 2000
_SEND_S: Final = 5.0  # a collector on the same host takes milliseconds
_CLOSE_S: Final = 2.0  # what it has not taken by then goes with the process
_COMPLAIN_S: Final = 60.0
_SHOWN_CHARS: Final = 300
_OWN_TRACE: Final = (b"traceparent",)
_WHOLE_TRACE: Final = (b"traceparent", b"tracestate")
# What a person who looks at traces calls an error: the request was fine, and was not served.
_ERRORS: Final = (Category.UPSTREAM, Category.BUSY)

# What the SDK says is for us to pass on: on standard error it would be lines that are no JSON, one for each batch.
_SDK: Final = logging.getLogger("opentelemetry")
_SDK.propagate = False
_SDK.addHandler(logging.NullHandler())


class Tracing:
    """`ports.Watch` with spans; everything else it passes on. `sample` is the part of the calls that nobody else decided on."""

    def __init__(self, watching: Watching, endpoint: str, sample: float) -> None:
        self._watching = watching
        self._complaints = _Complaints(watching, endpoint)
        self._exporter = OTLPSpanExporter(endpoint.rstrip("/") + _PATH, timeout=_SEND_S)
        self._provider = TracerProvider(
            sampler=ParentBased(TraceIdRatioBased(sample)),
            resource=Resource.create(
                {"service.name": os.environ.get("OTEL_SERVICE_NAME", "sidecar"), "service.version": __version__}
            ),
            shutdown_on_exit=False,
        )
        self._provider.add_span_processor(
            BatchSpanProcessor(
                self._exporter, max_queue_size=_QUEUE, max_export_batch_size=_BATCH, schedule_delay_millis=_EVERY_MS
            )
        )
        self._tracer = self._provider.get_tracer("sidecar", __version__)

    async def close(self) -> None:
        """Send what is left, for as long as a collector deserves."""
        loop, sent = asyncio.get_running_loop(), asyncio.Event()

        def send() -> None:
            self._provider.shutdown()
            with suppress(RuntimeError):  # the loop did not wait
                loop.call_soon_threadsafe(sent.set)

        # A thread of its own: the loop's would be waited for at its end.
        Thread(target=send, name="spans", daemon=True).start()
        try:
            await asyncio.wait_for(sent.wait(), _CLOSE_S)
        except TimeoutError:
            # Nor is it tried again, beside whatever else this process has to do.
            self._exporter.shutdown()  # type: ignore[no-untyped-call]  # the SDK's
        self._complaints.close()

    def passed(
        self,
        exchange: Exchange,
        reply: Reply,
        state: str,
        reason: str | None,
        effect: Executed,
        refusal: Refusal | None,
    ) -> None:
        """See `ports.Watch.passed`."""
        span = trace.get_current_span()
        traceparent = line.traceparent_of(exchange)
        if span.is_recording():
            call = exchange.call
            span.update_name(_name(exchange.backend, "" if call is None else call.operation))
            span.set_attributes(_what(exchange.backend, "" if call is None else call.operation, exchange.dialect))
            span.set_attributes(_how(state, reason, effect))
            span.set_attribute("http.request.method", names.method(exchange.head.method))
            span.set_attribute("http.response.status_code", reply.status)
            span.set_attribute("sidecar.request_id", exchange.request_id)
            _judge(span, state, reason)
            traceparent = traceparent or _text(span.get_span_context())
        self._watching.note(exchange, reply, state, reason, effect, refusal, traceparent)

    def attempted(self, backend: str, grade: Grade, seconds: float) -> None:
        """See `ports.Watch.attempted`."""
        self._watching.attempted(backend, grade, seconds)

    def over_requests(self, inner: Callable[[Exchange], Awaitable[Reply]]) -> Callable[[Exchange], Awaitable[Reply]]:
        """Return `inner` in a span of a server."""

        async def traced(exchange: Exchange) -> Reply:
            span = self._tracer.start_span("request", _parent(exchange.head), trace.SpanKind.SERVER)
            token = contexts.attach(trace.set_span_in_context(span))
            try:
                return await inner(exchange)
            finally:
                contexts.detach(token)
                span.end()

        return traced

    def over_attempts(self, inner: Lane) -> Lane:
        """Return `inner` in a span of a client. Its parent is the request whose task the flight was born in."""

        async def traced(flight: Flight) -> Outcome:
            call = flight.call
            span = self._tracer.start_span(_name(call.backend, call.operation), kind=trace.SpanKind.CLIENT)
            flight.outbound = _told(flight.outbound, span)
            try:
                outcome = await inner(flight)
                if span.is_recording():
                    state, reason, effect = _came_of(outcome)
                    span.set_attributes(_what(call.backend, call.operation, call.dialect))
                    span.set_attributes(_how(state, reason, effect))
                    span.set_attribute("sidecar.attempt", flight.attempts)
                    _judge(span, state, reason)
                return outcome
            finally:
                span.end()

        return traced


class _Complaints(logging.Handler):
    """What the SDK says of a collector that does not take its spans, as events of ours: now and then, and from the loop's thread."""

    def __init__(self, watching: Watching, endpoint: str) -> None:
        super().__init__(logging.WARNING)
        self._watching, self._endpoint = watching, endpoint
        self._loop = asyncio.get_running_loop()
        self._next_s = float("-inf")
        _SDK.addHandler(self)

    def emit(self, record: logging.LogRecord) -> None:
        text = record.getMessage()[:_SHOWN_CHARS]
        with suppress(RuntimeError):  # after the loop's end nobody listens
            self._loop.call_soon_threadsafe(self._tell, text)

    def _tell(self, text: str) -> None:
        if self._loop.time() < self._next_s:
            return
        self._next_s = self._loop.time() + _COMPLAIN_S
        remedy = "look at trace.endpoint, and whether a collector listens there; calls go on without spans"
        self._watching.event("spans_not_sent", endpoint=self._endpoint, why=text, remedy=remedy)

    def close(self) -> None:
        _SDK.removeHandler(self)
        super().close()


def _parent(head: Head) -> contexts.Context:
    """Return the context that the caller names; where he names none, or two, or an odd one, this request begins a trace."""
    found = None
    if "traceparent" in head.headers and len(given := head.all("traceparent")) == 1:
        found = tracecontext.read(given[0])
    if found is None:
        return contexts.Context()
    remote = trace.SpanContext(
        int(found.trace_id, 16),
        int(found.parent_id, 16),
        is_remote=True,
        trace_flags=trace.TraceFlags(int(found.text[-2:], 16)),
        trace_state=trace.TraceState.from_header(head.all("tracestate")),
    )
    return trace.set_span_in_context(trace.NonRecordingSpan(remote), contexts.Context())


def _told(outbound: Outbound, span: trace.Span) -> Outbound:
    """Return the request with the span as its parent. Who has decided against a trace is repeated untouched (section 4.3)."""
    given = [value for name, value in outbound.headers if name.lower() == b"traceparent"]
    believed = len(given) == 1 and tracecontext.read(given[0].decode("latin-1")) is not None
    if believed and not span.is_recording():
        return outbound
    stale = _OWN_TRACE if believed else _WHOLE_TRACE
    kept: RawHeaders = tuple(each for each in outbound.headers if each[0].lower() not in stale)
    return outbound._replace(headers=(*kept, (b"traceparent", _text(span.get_span_context()).encode())))


def _text(context: trace.SpanContext) -> str:
    return f"00-{context.trace_id:032x}-{context.span_id:016x}-{context.trace_flags & 3:02x}"


def _name(backend: str, operation: str) -> str:
    return f"{backend} {names.operation(operation)}".strip() or "request"


def _what(backend: str, operation: str, dialect: str) -> dict[str, str]:
    return {
        "sidecar.backend": backend,
        "sidecar.operation": names.operation(operation),
        "sidecar.dialect": str(dialect),
    }


def _how(state: str, reason: str | None, effect: Executed) -> dict[str, str]:
    said = {"sidecar.state": state, "sidecar.executed": effect.value}
    return said if reason is None else {**said, "sidecar.reason": reason}


def _judge(span: trace.Span, state: str, reason: str | None) -> None:
    if find(state, reason).category in _ERRORS:
        span.set_status(trace.StatusCode.ERROR)


def _came_of(outcome: Outcome) -> tuple[str, str | None, Executed]:
    if isinstance(outcome, Answer):
        return outcome.grade.state, outcome.grade.reason, outcome.grade.executed
    return outcome.state, outcome.reason, outcome.executed or Executed.UNKNOWN
