"""The demo's operations in each of its SOAP and ASMX bindings, asked of its own faces without a socket.

Every answer comes from a house of its own that is made the same way, so that two bindings answer from the same state.
"""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urlencode

from sidecar.demo import asmx, soap
from sidecar.demo.ask import Ask, Reply
from sidecar.demo.inventory import SEASON, House, Sorry
from sidecar.demo.operations import OPERATIONS
from sidecar.model import Answer, Dialect, Executed, Grade
from tests.adapters.corpus import head
from tests.demo.speak import API, FORM, SOAP11, SOAP12, envelope

if TYPE_CHECKING:
    from sidecar.demo.operations import Operation, Outcome
    from sidecar.model import Head, Outbound

KEY = House(Random(1), lambda: 0.0, SEASON).open_session()  # what the first session of every such house is called
BINDINGS = ("soap11", "soap12", "asmx_get", "asmx_post")
SOAP = ("soap11", "soap12")


class Request(NamedTuple):
    """One request as an adapter sees it: below which path it stands, and its body."""

    head: Head
    rest: str
    body: bytes


def arguments(operation: Operation, **others: str) -> dict[str, str]:
    """Return values for all parameters: the session, a performance of the season, one of everything else."""
    known = {"iPerformanceNumber": str(SEASON[0].number), "cSummaryOnly": "Y", "OrderNumber": "0", "iRows": "3"}
    values = {
        param.name: KEY if "session" in param.name.lower() else known.get(param.name, "1") for param in operation.params
    }
    return {**values, **others}


def request(binding: str, name: str, args: dict[str, str]) -> Request:
    """Write a call in one binding."""
    if binding == "soap11":
        lines = ((b"Content-Type", b"text/xml; charset=utf-8"), (b"SOAPAction", f'"{API}{name}"'.encode()))
        return Request(head("POST", "/tickets", lines), "", envelope(name, args, SOAP11))
    if binding == "soap12":
        media = f'application/soap+xml; charset=utf-8; action="{API}{name}"'.encode()
        return Request(head("POST", "/tickets", ((b"Content-Type", media),)), "", envelope(name, args, SOAP12))
    if binding == "asmx_get":
        return Request(head("GET", f"/tickets/{name}?{urlencode(args)}", ()), f"/{name}", b"")
    lines = ((b"Content-Type", FORM.encode()),)
    return Request(head("POST", f"/tickets/{name}", lines), f"/{name}", urlencode(args).encode())


def answer(asked: Request) -> Reply:
    """Return what the demo says to a call in any binding."""
    if asked.rest:
        return _run(asmx.read(asked.rest[1:], asked.head.query or asked.body.decode()))
    return _run(soap.read(asked.body, asked.head.headers["Content-Type"], asked.head.all("SOAPAction")))


def answer_to(outbound: Outbound) -> Reply:
    """Return what the demo says to a question."""
    return answer(Request(head(outbound.method, outbound.target, outbound.headers), "", outbound.body))


def kept(reply: Reply, state: str = "ok") -> Answer:
    """Return a reply as a flight brings it back."""
    lines = ((b"Content-Type", reply.media.encode()), *((k.encode(), v.encode()) for k, v in reply.headers.items()))
    return Answer(reply.status, "", lines, (reply.body,), len(reply.body), Grade(state, Executed.NO))


def _run(asked: Ask | Reply) -> Reply:
    if isinstance(asked, Reply):
        return asked
    house = House(Random(1), lambda: 0.0, SEASON)
    house.open_session()
    results: list[Outcome | Sorry] = []
    for step in asked.steps:
        try:
            results.append(step.operation.run(house, step.args))
        except Sorry as sorry:
            results.append(sorry)
    return asked.render(results)


BY_NAME = {operation.name: operation for operation in OPERATIONS}
DIALECTS = {"soap11": Dialect.SOAP11, "soap12": Dialect.SOAP12, "asmx_get": Dialect.ASMX, "asmx_post": Dialect.ASMX}
