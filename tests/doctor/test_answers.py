"""What an answer to a harmless question says about an address."""

from __future__ import annotations

import pytest

from sidecar.doctor.answers import Answer, judge, question_for
from sidecar.doctor.report import Verdict
from sidecar.model import Protocol
from sidecar.plan import BackendPlan

OK, WARN, FAIL = Verdict
SOAP = BackendPlan("t", Protocol.SOAP, "/t", (("", "http://h/x"),))
LOCAL = BackendPlan("t", Protocol.SOAP, "/t", (("", "http://h/x"),), wsdl="t.wsdl")
RPC = BackendPlan("r", Protocol.XMLRPC, "/r", (("", "http://h/x"),))
SHY = BackendPlan("r", Protocol.XMLRPC, "/r", (("", "http://h/x"),), deny=("system.*",))
WSDL = b'<?xml version="1.0"?><wsdl:definitions xmlns:wsdl="http://schemas.xmlsoap.org/wsdl/"/>'
PAGE = b"<!DOCTYPE html><html><body>Runtime Error</body></html>"
XML, HTML = {"content-type": "text/xml"}, {"content-type": "text/html; charset=utf-8"}


def said(
    backend: BackendPlan, status: int, body: bytes = b"", headers: dict[str, str] = XML, *, probe: bool = False
) -> tuple[Verdict, str, str]:
    return judge(question_for(backend, probe=probe), Answer(status, headers, body, 0.01), backend)


def test_questions_execute_nothing() -> None:
    """A GET for whoever has a WSDL, and for XML-RPC, too, unless a call was allowed; what deny forbids is not asked by us either."""
    assert (question_for(SOAP, probe=True).method, question_for(SOAP, probe=True).query) == ("GET", "?wsdl")
    assert (question_for(RPC, probe=False).method, question_for(RPC, probe=False).body) == ("GET", b"")
    assert b"<methodName>system.listMethods</methodName>" in question_for(RPC, probe=True).body
    assert question_for(SHY, probe=True).method == "GET"


@pytest.mark.parametrize(
    ("backend", "status", "body", "headers", "verdict", "words"),
    [
        (SOAP, 200, WSDL, XML, OK, "with its WSDL"),
        (SOAP, 200, WSDL.decode().encode("utf-16"), XML, OK, "with its WSDL"),
        (SOAP, 200, b'<description xmlns="http://www.w3.org/ns/wsdl"/>', XML, FAIL, "not with a WSDL"),
        (SOAP, 200, b'<w:description xmlns:w="http://www.w3.org/ns/wsdl"/>', XML, OK, "with its WSDL"),
        (SOAP, 200, PAGE, HTML, FAIL, "200 with a page of HTML"),
        (SOAP, 200, PAGE, XML, FAIL, "200 with a page of HTML"),
        (SOAP, 404, b"", XML, FAIL, "404"),
        (SOAP, 405, b"", XML, FAIL, "405"),
        (LOCAL, 404, b"", XML, WARN, "stands in"),
        (LOCAL, 200, PAGE, HTML, WARN, "stands in"),
        (LOCAL, 500, PAGE, HTML, FAIL, "500 with a page of HTML"),
        (SOAP, 503, b"", XML, FAIL, "503"),
        (SOAP, 401, b"", XML, WARN, "who asks"),
        (SOAP, 403, PAGE, HTML, WARN, "who asks"),
        (RPC, 405, b"", XML, OK, "as XML-RPC services do"),
        (RPC, 501, b"", HTML, OK, "as XML-RPC services do"),
        (RPC, 200, b"XML-RPC server accepts POST requests only.", {}, OK, "as XML-RPC services do"),
        (RPC, 200, PAGE, HTML, WARN, "200 with a page of HTML"),
        (RPC, 404, b"", {}, WARN, "404"),
        (RPC, 500, b"", {}, FAIL, "500"),
    ],
)
def test_what_answers_mean(
    backend: BackendPlan, status: int, body: bytes, headers: dict[str, str], verdict: Verdict, words: str
) -> None:
    """A document is what it should be, a page is not; what cannot be known from here is said, and is no failure."""
    got, what, remedy = said(backend, status, body, headers)
    assert got is verdict, what
    assert words in what
    assert bool(remedy) is (verdict is not OK)


@pytest.mark.parametrize(
    ("status", "body", "verdict", "words"),
    [
        (200, b"<?xml version='1.0'?><methodResponse><params>...", OK, "names its methods"),
        (200, b"<methodResponse><fault><value>...", OK, "with a fault"),
        (200, PAGE, FAIL, "not with XML-RPC"),
        (404, b"", FAIL, "404"),
    ],
)
def test_a_probe_knows_more(status: int, body: bytes, verdict: Verdict, words: str) -> None:
    """Asked with a call, an XML-RPC service shows itself by its answer, a fault included."""
    got, what, _ = said(RPC, status, body, probe=True)
    assert got is verdict
    assert words in what


@pytest.mark.parametrize(
    ("location", "shown"),
    [
        ("https://h/login?session=secret#x", "(https://h/login)"),
        ("/login?key=secret", "(/login)"),
        ("https://user:secret@h/", "(https://h/)"),
        ("", "elsewhere"),
        ("http://[bad", "elsewhere"),
        ("http://h/\x1b[31m", "(http://h/?[31m)"),
    ],
)
def test_whoever_sends_us_elsewhere_is_not_followed(location: str, shown: str) -> None:
    """Calls would end there, too. Where to is shown, without what may be secret in it."""
    verdict, what, remedy = said(SOAP, 302, b"", {"location": location})
    assert verdict is FAIL
    assert what.endswith(shown)
    assert "secret" not in what
    assert "backends.t.url" in remedy


def test_a_slow_answer_is_said() -> None:
    """A document costs a healthy backend nothing."""
    slow = judge(question_for(SOAP, probe=False), Answer(200, XML, WSDL, 2.5), SOAP)
    assert slow[0] is WARN
    assert "slow" in slow[2]
