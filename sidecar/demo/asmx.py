"""The HTTP-GET and HTTP-POST face of the same ASMX service: `/box.asmx/Operation?name=value`.

It stands behind the road. It answers bare XML results; a missing parameter is a 500 in plain text, an unknown operation a
500 in HTML, as .NET does. It knows no SOAP headers, so what an operation says there is lost to its callers.
Habits: System.Web.Services (HttpServerProtocol, ValueCollectionParameterReader).
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import parse_qsl
from xml.sax.saxutils import escape

from sidecar.demo.ask import Ask, ParameterError, Reply, Step, integer
from sidecar.demo.inventory import Sorry
from sidecar.demo.operations import BY_NAME
from sidecar.demo.soap import NS, PRIVATE, PROLOGUE, content

if TYPE_CHECKING:
    from sidecar.demo.operations import Args, Operation, Outcome, Param


def read(name: str, query: str) -> Ask | Reply:
    """Read a call to operation `name`, its parameters urlencoded in `query` (the URL's, or the form body's)."""
    if (operation := BY_NAME.get(name)) is None:
        return unrecognised(name)
    given = dict(parse_qsl(query, keep_blank_values=True))
    try:
        args: Args = {param.name: _typed(param, given.get(param.name)) for param in operation.params}
    except ParameterError as bad:
        reason = (
            f"Missing parameter: {bad.name}."
            if bad.text is None
            else f"Cannot convert {bad.text} to System.Int32.\nParameter name: {bad.name}"
        )
        return _plain(reason)
    return Ask((Step(operation, args),), lambda results: _write(operation, results[0]))


def _typed(param: Param, text: str | None) -> str | int:
    if text is None:  # here even text must be given: the reader binds by name and has no defaults
        raise ParameterError(param.name, None)
    if param.type == "int":
        return integer(param.name, text)
    if param.type == "char" and len(text) != 1:
        raise ParameterError(param.name, text)
    return text


def _write(operation: Operation, result: Outcome | Sorry) -> Reply:
    if isinstance(result, Sorry):
        return _plain(f"BoxOffice.{result.kind}: {result.text}\n   at BoxOffice.Api.{operation.name}()")
    if result.value is None:
        return Reply(200, "text/xml; charset=utf-8", b"", PRIVATE)  # a void method answers nothing at all
    root = "DataSet" if operation.result == "DataSet" else operation.result
    text = f'{PROLOGUE}\r\n<{root} xmlns="{NS}">{content(operation.name + "Result", result.value)}</{root}>'
    return Reply(200, "text/xml; charset=utf-8", text.encode(), PRIVATE)


def _plain(text: str) -> Reply:
    return Reply(500, "text/plain; charset=utf-8", f"{text}\r\n".encode(), PRIVATE)


def unrecognised(name: str) -> Reply:
    """Return the page for a path or body that no operation takes."""
    text = escape(f"Request format is unrecognized for URL unexpectedly ending in '/{name}'.")
    page = f"<html><head><title>Runtime Error</title></head><body><h1>Server Error in '/' Application.</h1><h2>{text}</h2></body></html>"
    return Reply(500, "text/html; charset=utf-8", page.encode(), PRIVATE)
