"""What a backend answers when it is asked for a document, told from a document by its first and last bytes."""

from __future__ import annotations

import gzip

import pytest

from adapters.soap.reader import Reader
from sidecar.model import Call, Dialect, Executed, Grade
from tests.adapters.soap.library import schema, wsdl
from tests.support.world import head

CALL = Call("tickets", "", "?wsdl", Dialect.JSON)
DISCO = b'<discovery xmlns="http://schemas.xmlsoap.org/disco/"><contractRef ref="?wsdl"/></discovery>'
XHTML = b'<?xml version="1.0"?><!DOCTYPE html PUBLIC "-//W3C//DTD XHTML 1.0" "x"><html xmlns="http://www.w3.org/1999/xhtml"></html>'


def grade(body: bytes, status: int = 200, *headers: tuple[bytes, bytes]) -> Grade:
    cut = len(body) // 2
    pieces = (body[:cut], body[cut:]) if body else ()
    return Reader().grade(CALL, status, headers, pieces, safe=True)


@pytest.mark.parametrize(
    "body",
    [
        wsdl(),
        schema().encode(),
        DISCO,
        b"\xef\xbb\xbf" + wsdl(),
        b'<?xml version="1.0" encoding="utf-8"?>\n<!-- by hand -->\n' + wsdl(),
        ('<?xml version="1.0" encoding="utf-16"?>' + wsdl().decode()).encode("utf-16"),
    ],
)
def test_documents_are_taken(body: bytes) -> None:
    """WSDL, schema, disco; with a mark, a declaration, a comment, in UTF-16."""
    assert grade(body) == Grade("ok", Executed.NO)


@pytest.mark.parametrize(
    ("body", "status", "reason"),
    [
        (b"", 200, "empty"),
        (b"<!DOCTYPE html><html><body>Runtime Error</body></html>", 200, "html"),
        (XHTML, 200, "html"),
        (b"<HTML>log in</HTML>", 200, "html"),
        (wsdl(), 404, "http"),
        (wsdl(), 500, "http"),
        (wsdl(), 302, "http"),
        (b"<a/>", 200, "root"),
        (b'<definitions xmlns="urn:other"/>', 200, "root"),
        (wsdl()[:-10], 200, "truncated"),
        (b"not a document", 200, "not_xml"),
        (b"\x16\x03\x01\x02", 200, "not_xml"),
    ],
)
def test_what_is_no_document_is_a_bad_reply(body: bytes, status: int, reason: str) -> None:
    """With its reason, and nothing executed, whatever it was."""
    seen = grade(body, status)
    assert (seen.state, seen.reason, seen.executed) == ("backend_bad_reply", reason, Executed.NO)


def test_less_than_was_promised_is_truncated() -> None:
    """A Content-Length counts, even where what came closes its root."""
    assert grade(wsdl(), 200, (b"Content-Length", b"99999")).reason == "truncated"
    assert grade(gzip.compress(wsdl())[:-20], 200, (b"Content-Encoding", b"gzip")).reason == "truncated"


@pytest.mark.parametrize(("status", "healthy"), [(404, True), (403, True), (500, False), (503, False)])
def test_only_a_5xx_counts_against_the_backend(status: int, healthy: bool) -> None:
    """A backend without a WSDL is not a sick one."""
    assert grade(b"<html/>", status).healthy is healthy


async def test_it_never_stands_in_a_callers_way() -> None:
    """The other verbs of an adapter are nobody's to ask."""
    with pytest.raises(NotImplementedError):
        Reader().accepts(head(), "")
    with pytest.raises(NotImplementedError):
        await Reader().classify(head(), "", Dialect.SOAP11, b"")
