"""Byte corpora: raw requests as real clients send them, raw replies as real backends do, and what must be made of each.

`requests/` and `replies/` hold whole HTTP messages; `requests.golden` and `replies.golden` what the adapters say of them. After a
wanted change `python -m tests.adapters.corpus` writes the golden files anew; their diff is what is reviewed.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from multidict import CIMultiDict

from adapters.dialects import dialect_of
from adapters.soap.adapter import SoapAdapter
from adapters.soap.wsdl import index_one
from adapters.xmlrpc.adapter import XmlRpcAdapter
from sidecar.demo.wsdl import wsdl
from sidecar.model import Call, Dialect, Head, Protocol, Refusal
from sidecar.plan import FaultRule, ResultRule

if TYPE_CHECKING:
    from adapters.soap.wsdl import Index
    from sidecar.model import Grade, RawHeaders
    from sidecar.ports import Adapter, Classified

HERE = Path(__file__).parent
SAFE = frozenset(("GetSeats", "HelloWorld", "tickets.seats"))
WANTED = frozenset(("sSessionKey", "iPerformanceNumber", "2", "count"))
MOST = 5
FAULTS = (
    FaultRule("business_no", faultstring="*is not on sale*"),
    FaultRule("overloaded", faultcode="Server", faultstring="Timeout expired*", executed="unknown"),
    FaultRule("business_no", faultcode="Locked"),
    FaultRule("sold_out", faultcode="410"),
)
RESULTS = (
    ResultRule("ReserveTickets*", "ReserveTicketsResult", "eq", "0", False, "sold_out"),
    ResultRule("ReserveTickets*", "ReserveTicketsResult", "lt", "iNumberOfSeats", True, "partial"),
    ResultRule("tickets.*", "left", "eq", "0", False, "sold_out"),
    ResultRule("tickets.*", "params.param.value.int", "le", "0", False, "sold_out"),
)


@dataclass(frozen=True)
class Message:
    """One HTTP message of the corpus."""

    name: str
    line: str
    raw: RawHeaders
    body: bytes

    @property
    def protocol(self) -> Protocol:
        """What the backend in question speaks."""
        return Protocol.XMLRPC if self.name.startswith("xmlrpc/") else Protocol.SOAP

    @property
    def head(self) -> Head:
        """The request's head, as the listener makes it."""
        return head(self.line.split()[0], self.line.split()[1], self.raw)


def head(method: str, target: str, raw: RawHeaders) -> Head:
    """Make a head out of its parts."""
    path, _, query = target.partition("?")
    names = CIMultiDict((name.decode("latin-1"), value.decode("latin-1")) for name, value in raw)
    return Head(method, target, path, query, names, raw)


def load(kind: str) -> dict[str, Message]:
    """Read all messages of a kind, `requests` or `replies`, by name."""
    files = sorted((HERE / kind).rglob("*.http"))
    return {(name := f"{path.parent.name}/{path.stem}"): _message(name, path.read_bytes()) for path in files}


def _message(name: str, data: bytes) -> Message:
    before, _, body = data.partition(b"\r\n\r\n")
    line, *lines = before.split(b"\r\n")
    raw = tuple((key, value.strip()) for key, _, value in (each.partition(b":") for each in lines))
    return Message(name, line.decode("latin-1"), raw, body)


@cache
def demo_index() -> Index:
    """The index of the demo's own WSDL: twelve operations and a Batch, four bindings."""
    return index_one(wsdl("http://backend.example/box.asmx", single=True))


def soap(*, known: bool = False, strict: bool = False, asmx_get: str = "deny") -> SoapAdapter:
    """Make a SOAP adapter with the corpus's rules, `known` with a WSDL."""
    return SoapAdapter(
        demo_index if known else lambda: None,
        faults=FAULTS,
        results=RESULTS,
        asmx_get=asmx_get,
        is_safe=SAFE.__contains__,
        strict=strict,
        multicall_max=MOST,
        wanted=WANTED,
        path="/box.asmx",
    )


def xmlrpc(*, strict: bool = False) -> XmlRpcAdapter:
    """Make an XML-RPC adapter with the corpus's rules."""
    return XmlRpcAdapter(
        faults=FAULTS,
        results=RESULTS,
        strict=strict,
        is_declared=lambda name: name.startswith("tickets."),
        multicall_max=MOST,
        wanted=WANTED,
    )


def decide(adapter: Adapter, message: Message) -> Classified | Refusal:
    """Do what the decode stage does."""
    rest = message.head.path.removeprefix("/tickets")
    refusal = adapter.accepts(message.head, rest)
    return refusal or asyncio.run(adapter.classify(message.head, rest, Dialect.SOAP11, message.body))


def told(outcome: Classified | Refusal) -> str:
    """Write an outcome for the golden file."""
    if isinstance(outcome, Refusal):
        return f"refused {outcome.state}" + (f"/{outcome.reason}" if outcome.reason else "")
    said = [f"{outcome.operation} as {outcome.dialect}"]
    said += [f"runs {' '.join(outcome.members)}"] if outcome.members != (outcome.operation,) else []
    said += [f"action {outcome.action!r}"] if outcome.action is not None else []
    said += [f"values {dict(sorted(outcome.parameters.items()))}"] if outcome.parameters else []
    return "; ".join(said + ["private"] * outcome.private_only)


def request_lines(message: Message) -> list[str]:
    """Say what is made of a request: its dialect, and its operation alone, with a WSDL, and where only the WSDL's names are taken."""
    rest = message.head.path.removeprefix("/tickets")
    lines = [f"dialect {dialect_of(message.head, False, message.protocol, rest)}"]
    if message.protocol is Protocol.XMLRPC:
        adapters: dict[str, Adapter] = {"alone": xmlrpc(), "strict": xmlrpc(strict=True)}
    else:
        adapters = {"alone": soap(), "wsdl": soap(known=True), "strict": soap(known=True, strict=True)}
    outcomes = {name: told(decide(adapter, message)) for name, adapter in adapters.items()}
    return lines + [
        f"{name} {outcome}" for name, outcome in outcomes.items() if name == "alone" or outcome != outcomes["alone"]
    ]


def reply_lines(message: Message) -> list[str]:
    """Say what is made of a reply, asked by an operation that is safe and by one that is not, told at once where nothing differs."""
    dialects = {"asmx": Dialect.ASMX, "xmlrpc": Dialect.XMLRPC}
    kind = message.name.partition("/")[0]
    operation = "tickets.reserve" if kind == "xmlrpc" else "ReserveTickets"
    call = Call("b", "", operation, dialects.get(kind, Dialect.SOAP11), parameters={"iNumberOfSeats": "2"})
    adapter = xmlrpc() if kind == "xmlrpc" else soap()
    status, body = int(message.line.split()[1]), (message.body,) if message.body else ()
    grades = [graded(adapter.grade(call, status, message.raw, body, safe=safe)) for safe in (False, True)]
    return grades[:1] if grades[0] == grades[1] else [grades[0], f"safe {grades[1]}"]


def graded(grade: Grade) -> str:
    """Write a grade for the golden file."""
    reason = f"/{grade.reason}" if grade.reason else ""
    return f"{grade.state}{reason} executed {grade.executed}" + ("" if grade.healthy else " unwell")


LINES = {"requests": request_lines, "replies": reply_lines}


def golden(kind: str) -> dict[str, list[str]]:
    """Read what must be made of each message."""
    sections = (HERE / f"{kind}.golden").read_text().rstrip("\n").split("\n\n")
    return {name: [line.strip() for line in lines] for name, *lines in (each.split("\n") for each in sections)}


def write() -> None:
    """Write the golden files anew."""
    for kind, lines_of in LINES.items():
        sections = ["\n  ".join([name, *lines_of(message)]) for name, message in load(kind).items()]
        (HERE / f"{kind}.golden").write_text("\n\n".join(sections) + "\n")
