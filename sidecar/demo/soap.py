"""The SOAP face, 1.1 and 1.2, with the habits of an ASMX service.

It stands behind the road, at `/box.asmx`. It runs the operation that SOAPAction names, whatever the body says, and
fills what the body lacks with .NET's defaults; its faults carry stack traces. It never refuses a header it does not know.
Habits: System.Web.Services (SoapServerProtocol), as observed on Mono.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import parse_qsl
from xml.sax.saxutils import escape

from lxml import etree

from sidecar.demo.ask import Ask, ParameterError, Reply, Step, integer
from sidecar.demo.dataset import DataSet, Table, Value, cells, lexical
from sidecar.demo.inventory import Sorry
from sidecar.demo.operations import BY_NAME, Outcome

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sidecar.demo.operations import Args, Operation

NS = "http://boxoffice.example/api/"
TYPES = "http://boxoffice.example/types/"
SOAP11 = "http://schemas.xmlsoap.org/soap/envelope/"
SOAP12 = "http://www.w3.org/2003/05/soap-envelope"
PROLOGUE = '<?xml version="1.0" encoding="utf-8"?>'
PRIVATE = {"Cache-Control": "private, max-age=0", "X-AspNet-Version": "4.0.30319"}
BATCH_MAX = 50


class Fault(Exception):  # noqa: N818 - it is SOAP's own word
    """A fault found while reading; `code` is Client or Server and is translated for SOAP 1.2."""

    def __init__(self, code: str, text: str) -> None:
        super().__init__(text)
        self.code = code
        self.text = text


def read(body: bytes, media: str, actions: Sequence[str]) -> Ask | Reply:
    """Read a POST; `actions` are the SOAPAction header lines as they came, of which the last one counts."""
    kind, _, params = media.partition(";")
    if (kind := kind.strip().lower()) not in ("text/xml", "application/soap+xml"):
        return Reply(
            415, "text/html; charset=utf-8", b"<html><body><h2>415 - Unsupported Media Type</h2></body></html>", PRIVATE
        )
    version = SOAP12 if kind == "application/soap+xml" else SOAP11
    try:
        root = etree.fromstring(body, _parser())
    except (etree.XMLSyntaxError, ValueError):
        return Reply(400, "text/html; charset=utf-8", b"", PRIVATE)
    if root.getroottree().docinfo.internalDTD is not None:  # ASMX prohibits DTDs and says so with an empty 400
        return Reply(400, "text/html; charset=utf-8", b"", PRIVATE)
    try:
        action = _action12(params) if version == SOAP12 else actions[-1] if actions else None
        return _ask(root, version, action)
    except Fault as fault:
        return write_fault(version, fault.code, fault.text)


def _parser() -> etree.XMLParser:
    return etree.XMLParser(resolve_entities=False, no_network=True, remove_comments=True, remove_pis=True)


def _action12(params: str) -> str | None:
    for param in params.split(";"):
        name, _, value = param.strip().partition("=")
        if name.lower() == "action":
            return value
    return None


def _ask(root: etree._Element, version: str, action: str | None) -> Ask:
    if root.tag != f"{{{version}}}Envelope":
        raise Fault("VersionMismatch", "Possible SOAP version mismatch: Envelope namespace was unexpected.")
    body = root.find(f"{{{version}}}Body")
    first = next(iter(body), None) if body is not None else None
    name = _named_by(action, first)
    if name == "Batch":
        return _batch(first, version)
    operation = BY_NAME[name]
    step = Step(operation, _args(operation, first))
    return Ask((step,), lambda results: _write(version, operation, results[0]))


def _named_by(action: str | None, first: etree._Element | None) -> str:
    """Return the operation to run: the action's where there is one, else the body's. The two need not agree."""
    if action is not None:
        value = action.strip().strip('"')
        name = value.removeprefix(NS)
        if not value.startswith(NS) or (name not in BY_NAME and name != "Batch"):
            raise Fault("Client", f"Server did not recognize the value of HTTP Header SOAPAction: {value}.")
        return name
    tag = etree.QName(first) if first is not None else None
    if tag is None or tag.namespace != NS or (tag.localname not in BY_NAME and tag.localname != "Batch"):
        raise Fault("Client", f"Server did not recognize the request element {tag.text if tag else '(none)'}.")
    return tag.localname


def _args(operation: Operation, first: etree._Element | None) -> Args:
    # where action and body disagree, the wrapper is not the expected one and .NET reads nothing out of it
    given = (
        {}
        if first is None or first.tag != f"{{{NS}}}{operation.name}"
        else {child.tag: child.text or "" for child in first}
    )
    try:
        return {p.name: _typed(p.name, p.type, given.get(f"{{{NS}}}{p.name}")) for p in operation.params}
    except ParameterError as bad:
        trace = _trace(
            "System.FormatException", "Input string was not in a correct format.", "System.Number.ParseInt32(String s)"
        )
        raise Fault(
            "Client",
            f"Server was unable to read request. ---> There is an error in XML document, at {bad.name}. ---> {trace}",
        ) from None


def _typed(name: str, kind: str, text: str | None) -> str | int:
    if kind == "string":
        return text or ""
    if text is None:
        return 0 if kind == "int" else "\0"
    number = integer(name, text)
    if kind == "char":  # the .NET serializer writes a char as its number
        if not 0 <= number < 2**16:
            raise ParameterError(name, text)
        return chr(number)
    return number


def _batch(first: etree._Element | None, version: str) -> Ask:
    """Read the nested calls: each names an operation and carries its arguments as a query string."""
    requests = [] if first is None else first.findall(f"{{{NS}}}requests/{{{NS}}}BatchRequest")
    if len(requests) > BATCH_MAX:
        raise Fault("Client", f"A batch holds at most {BATCH_MAX} requests, not {len(requests)}")
    steps, ids = [], []
    for request in requests:
        name = request.findtext(f"{{{NS}}}Operation") or ""
        if (operation := BY_NAME.get(name)) is None:
            raise Fault("Client", f"The batch names no operation of this service: {name}")
        given = dict(parse_qsl(request.findtext(f"{{{NS}}}Arguments") or "", keep_blank_values=True))
        try:
            args: Args = {
                p.name: integer(p.name, given.get(p.name, "0")) if p.type == "int" else given.get(p.name, "")
                for p in operation.params
            }
        except ParameterError as bad:
            raise Fault("Client", f"Server was unable to read request. ---> {bad}") from None
        steps.append(Step(operation, args))
        ids.append(request.findtext(f"{{{NS}}}RequestId") or "0")
    return Ask(tuple(steps), lambda results: _write_batch(version, steps, ids, results))


def _write(version: str, operation: Operation, result: Outcome | Sorry) -> Reply:
    if isinstance(result, Sorry):
        return write_fault(version, _blame(result), _exception(result))
    inner = (
        ""
        if result.value is None
        else f"<{operation.name}Result>{content(operation.name + 'Result', result.value)}</{operation.name}Result>"
    )
    return _envelope(
        version,
        f'<{operation.name}Response xmlns="{NS}">{inner}</{operation.name}Response>',
        _header(operation, result),
    )


def _write_batch(version: str, steps: list[Step], ids: list[str], results: list[Outcome | Sorry]) -> Reply:
    answers = "".join(
        f"<BatchResponse><RequestId>{escape(id_)}</RequestId>{_batched(step.operation, result)}</BatchResponse>"
        for step, id_, result in zip(steps, ids, results, strict=True)
    )
    return _envelope(version, f'<BatchResponse xmlns="{NS}"><BatchResult>{answers}</BatchResult></BatchResponse>', "")


def _batched(operation: Operation, result: Outcome | Sorry) -> str:
    nil = '<ResponseInt xsi:nil="true" />'
    if isinstance(result, Sorry):
        return f"<ResponseError>{escape(result.text)}</ResponseError>{nil}"
    if isinstance(result.value, int):
        return f"<ResponseInt>{result.value}</ResponseInt>"
    if isinstance(result.value, DataSet):
        return f"<ResponseDataSet>{content(operation.name + 'Result', result.value)}</ResponseDataSet>{nil}"
    return f"<ResponseStr>{'' if result.value is None else content(operation.name + 'Result', result.value)}</ResponseStr>{nil}"


def content(name: str, value: str | int | DataSet | Table) -> str:
    """Return what stands inside a result element called `name`."""
    if isinstance(value, DataSet):
        return value.xml(name)
    if isinstance(value, Table):
        rows = (f'<{value.name} xmlns="{TYPES}">{cells(value.columns, row)}</{value.name}>' for row in value.rows)
        return "".join(rows)
    return lexical(value)


def _header(operation: Operation, result: Outcome) -> str:
    if operation.header is None or result.header is None:
        return ""
    name, columns = operation.header
    members: tuple[Value, ...] = tuple(result.header[column.name] for column in columns)
    return f'<soap:Header><{name} xmlns="{NS}">{cells(columns, members)}</{name}></soap:Header>'


def _envelope(version: str, body: str, header: str, status: int = 200) -> Reply:
    media = "application/soap+xml" if version == SOAP12 else "text/xml"
    text = (
        f'{PROLOGUE}<soap:Envelope xmlns:soap="{version}" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"'
        f' xmlns:xsd="http://www.w3.org/2001/XMLSchema">{header}<soap:Body>{body}</soap:Body></soap:Envelope>'
    )
    return Reply(status, f"{media}; charset=utf-8", text.encode(), PRIVATE)


def write_fault(version: str, code: str, text: str) -> Reply:
    """Return a fault; HTTP 500 in both versions, as ASMX does even for a Sender's fault."""
    if version == SOAP12:
        value = {"Client": "Sender", "Server": "Receiver"}.get(code, code)
        reason = f'<soap:Reason><soap:Text xml:lang="en">{escape(text)}</soap:Text></soap:Reason>'
        body = f"<soap:Fault><soap:Code><soap:Value>soap:{value}</soap:Value></soap:Code>{reason}<soap:Detail /></soap:Fault>"
    else:
        body = f"<soap:Fault><faultcode>soap:{code}</faultcode><faultstring>{escape(text)}</faultstring><detail /></soap:Fault>"
    return _envelope(version, body, "", 500)


def _blame(sorry: Sorry) -> str:
    return "Client" if sorry.kind == "SessionException" else "Server"


def _exception(sorry: Sorry) -> str:
    return "Server was unable to process request. ---> " + _trace(
        f"BoxOffice.{sorry.kind}", sorry.text, "BoxOffice.Api.Invoke(Object[] args)"
    )


def _trace(kind: str, text: str, where: str) -> str:
    """Return an exception the way .NET prints one into a faultstring."""
    return f"{kind}: {text}\n   at {where}\n   --- End of inner exception stack trace ---"
