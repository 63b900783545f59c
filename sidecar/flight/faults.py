"""Between grade and attempt, inside the measured span: what goes wrong here on purpose counts as the backend's doing.

Answers what the backend would have answered, or what its connection would have brought: later, an error, nothing, half a reply. An error
and a reset never reach the backend. What a request asks for itself comes before what holds for everybody. Where nothing is to go wrong at a
backend, the stage costs one look.
"""

from __future__ import annotations

import asyncio
from http import HTTPStatus
from typing import TYPE_CHECKING, Final

from sidecar.model import Dialect, Failed, Flight, Injected, Progress, Protocol, Received, Stream
from sidecar.policy.injection import LONGEST_S, MOST, Kind

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from sidecar.model import RawHeaders
    from sidecar.plan import BackendPlan, Scope
    from sidecar.ports import World

    Attempt = Callable[[Flight], Awaitable[Received | Failed]]

DOCUMENT: Final = "?wsdl"  # the line of documents: they are no operation, and no pattern means them
_WHY: Final = "(injected)"
_XML: Final = b"text/xml; charset=utf-8"
_SAID: Final = b"injected fault"
# A backend's fault, in what its caller speaks: SOAP 1.1 section 4.4, SOAP 1.2 part 1 section 5.4, one line as .NET does, XML-RPC.
_FAULTS: Final = {
    Dialect.SOAP11: (
        500,
        _XML,
        b'<?xml version="1.0" encoding="utf-8"?><soap:Envelope xmlns:soap="http://schemas.xmlsoap.org/soap/envelope/"><soap:Body>'
        b"<soap:Fault><faultcode>soap:Server</faultcode><faultstring>%b</faultstring></soap:Fault></soap:Body></soap:Envelope>"
        % _SAID,
    ),
    Dialect.SOAP12: (
        500,
        b"application/soap+xml; charset=utf-8",
        b'<?xml version="1.0" encoding="utf-8"?><soap:Envelope xmlns:soap="http://www.w3.org/2003/05/soap-envelope"><soap:Body>'
        b"<soap:Fault><soap:Code><soap:Value>soap:Receiver</soap:Value></soap:Code><soap:Reason>"
        b'<soap:Text xml:lang="en">%b</soap:Text></soap:Reason></soap:Fault></soap:Body></soap:Envelope>' % _SAID,
    ),
    Dialect.ASMX: (500, b"text/plain; charset=utf-8", b"System.ApplicationException: %b\r\n" % _SAID),
    Dialect.XMLRPC: (
        200,
        _XML,
        b'<?xml version="1.0" encoding="utf-8"?><methodResponse><fault><value><struct><member><name>faultCode</name><value>'
        b"<int>-32500</int></value></member><member><name>faultString</name><value><string>%b</string></value></member>"
        b"</struct></value></fault></methodResponse>" % _SAID,
    ),
}


def applies(scope: Scope) -> bool:
    """For what callers ask; a document is fetched as it is."""
    return scope.one_operation.pattern != DOCUMENT


def build(scope: Scope, world: World, inner: Attempt) -> Attempt:
    """Return the stage."""
    backend, line = scope.one_backend, scope.one_operation
    here, clock, chance, log = world.injections.at(backend.name), world.clock, world.chance, world.log

    def faults(flight: Flight) -> Awaitable[Received | Failed]:
        return distorted(flight) if here.holding else inner(flight)

    def faults_on_request(flight: Flight) -> Awaitable[Received | Failed]:
        return distorted(flight) if here.holding or flight.fault is not None else inner(flight)

    async def distorted(flight: Flight) -> Received | Failed:
        call = flight.call
        hit = flight.fault
        if hit is None:
            names = call.members if call.operation in call.members else (call.operation, *call.members)
            hit = here.ask(clock.now(), names, flight.outbound.headers, chance)
        flight.injected, flight.feigned = "" if hit is None else hit.id, False
        if hit is None:
            return await inner(flight)
        log.event(
            "fault_injected",
            backend=backend.name,
            operation=call.operation,
            client=call.client,
            id=hit.id,
            kind=str(hit.kind),
        )
        match hit.kind:
            case Kind.LATENCY:
                return await _late(hit, flight, inner, line.attempt_first_byte_s)
            case Kind.ERROR:
                flight.track.progress, flight.feigned = Progress.REPLY, True
                return _error(hit.status, flight, backend)
            case Kind.RESET:
                flight.track.progress, flight.feigned = Progress.BODY, True
                return Failed("outcome_unknown", "reset", f"the connection broke {_WHY}", sent=True)
        return _cut(await inner(flight))

    return faults if scope.plan.debug is None else faults_on_request


async def _late(hit: Injected, flight: Flight, inner: Attempt, first_byte_s: float) -> Received | Failed:
    """Begin later; later than the attempt's own bound is a hang, and leaves a ghost for the rest of it."""
    if hit.delay_s < first_byte_s:
        await asyncio.sleep(hit.delay_s)
        return await inner(flight)
    flight.track.progress, flight.feigned = Progress.BODY, True
    await asyncio.sleep(first_byte_s)
    flight.track.ghost = _Hanging(hit.delay_s - first_byte_s)
    return Failed("outcome_unknown", "timeout", f"no first byte within {first_byte_s:g} s {_WHY}", sent=True)


class _Hanging:
    """`model.Ghost` of a call that hangs on purpose: nothing comes of it, later."""

    def __init__(self, left_s: float) -> None:
        self._left_s = left_s

    async def end(self, within_s: float) -> Failed:
        await asyncio.sleep(min(self._left_s, within_s))
        return Failed("outcome_unknown", "timeout", f"no reply came {_WHY}", sent=True)

    def close(self) -> None:
        """Nothing is open."""


def _error(status: int, flight: Flight, backend: BackendPlan) -> Received:
    """Say no as the backend would: with a web server's page, or with a fault in the words of the one who asked."""
    if status:
        phrase = _phrase(status)
        page = f"<html><head><title>{status} {phrase}</title></head><body><h1>{phrase}</h1><p>{_SAID.decode()}</p></body></html>"
        return _received(status, phrase, b"text/html; charset=utf-8", page.encode())
    usual = Dialect.XMLRPC if backend.protocol is Protocol.XMLRPC else Dialect.SOAP11
    status, content_type, body = _FAULTS.get(flight.call.dialect, _FAULTS[usual])
    return _received(status, _phrase(status), content_type, body)


def _received(status: int, phrase: str, content_type: bytes, body: bytes) -> Received:
    headers: RawHeaders = ((b"Content-Type", content_type),)
    return Received(status, phrase, headers, (body,), len(body))


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:  # a number that nobody has given a meaning
        return "Error"


def _cut(came: Received | Failed) -> Received | Failed:
    """Let a reply end half-way; one that is still on its way breaks off after what is here."""
    if isinstance(came, Failed):
        return came
    if came.stream is not None:
        return came._replace(stream=Stream(_broken, came.stream.close))
    left, kept = came.size_bytes // 2, []
    for piece in came.body:
        kept.append(piece[:left])
        left -= len(kept[-1])
    body = tuple(piece for piece in kept if piece)
    return came._replace(body=body, size_bytes=sum(map(len, body)))


async def _broken() -> bytes:
    raise ConnectionResetError(f"the reply broke off {_WHY}")


def describe(scope: Scope) -> str:
    """Say what the settings inject."""
    said = "; ".join(each.text for each in scope.one_backend.inject) or "none"
    own = "" if scope.plan.debug is None else "; a request with the token of debug may ask for its own"
    return f"{said} from the settings; orders may add some, {MOST} in all, each for {LONGEST_S / 60:g} min at most{own}"
