"""The dialect of an answer: the first that fits of the contract's list, from whatever is known of a request."""

from __future__ import annotations

import pytest

from adapters.dialects import dialect_of
from sidecar.model import Dialect, Protocol
from tests.adapters.corpus import head

SOAP, XMLRPC = Protocol.SOAP, Protocol.XMLRPC
FORM = "application/x-www-form-urlencoded"

CASES = [
    # Accept, Content-Type, path, json path, protocol, rest, dialect
    ("", "text/xml", "/t/json/Op", True, SOAP, "", "json"),
    ("text/xml", "application/soap+xml", "/.sidecar/states", True, None, "", "json"),
    ("application/json", "text/xml", "/t", False, SOAP, "", "json"),
    ("application/json, text/plain, */*", "text/xml", "/t", False, SOAP, "", "json"),
    ("application/vnd.shop+json", "", "/t", False, None, "", "json"),
    ("application/json, text/xml;q=0.5", "text/xml", "/t", False, SOAP, "", "soap11"),
    ("application/json, application/soap+xml", "application/soap+xml", "/t", False, SOAP, "", "soap12"),
    ("application/json;q=0", "text/xml", "/t", False, SOAP, "", "soap11"),
    ("application/json, text/xml;q=0", "text/xml", "/t", False, SOAP, "", "json"),
    ("application/json;q=x", "text/xml", "/t", False, SOAP, "", "json"),
    ("text/xml, application/problem+json", "text/xml", "/t", False, SOAP, "", "json"),
    ("text/xml, application/problem+json;q=0", "text/xml", "/t", False, SOAP, "", "soap11"),
    ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", "", "/t", False, SOAP, "", "json"),
    ("*/*", 'application/soap+xml; charset=utf-8; action="x"', "/t", False, None, "", "soap12"),
    ("", "Application/SOAP+XML", "/t", False, XMLRPC, "", "soap12"),
    ("", "application/soap+xml", "/t/Op", False, SOAP, "/Op", "soap12"),
    ("", "", "/t/Op", False, SOAP, "/Op", "asmx"),
    ("", "text/xml", "/t/Op", False, SOAP, "/Op", "asmx"),
    ("", "", "/t/", False, SOAP, "/", "json"),
    ("", "", "/t/Op", False, XMLRPC, "/Op", "json"),
    ("", "", "/t.asmx/Op", False, None, "", "asmx"),
    ("", "", "/t.ASMX/Op", False, None, "", "asmx"),
    ("", "", "/t.asmx/", False, None, "", "json"),
    ("", "", "/t.asmx", False, None, "", "json"),
    ("", FORM, "/t", False, None, "", "asmx"),
    ("", "text/xml", "/t", False, XMLRPC, "", "xmlrpc"),
    ("", "application/xml;charset=utf-8", "/t", False, XMLRPC, "", "xmlrpc"),
    ("", "text/xml", "/t", False, SOAP, "", "soap11"),
    ("", "text/xml", "/t", False, None, "", "soap11"),
    ("", "text/plain", "/t", False, SOAP, "", "json"),
    ("", "", "", False, None, "", "json"),
]


@pytest.mark.parametrize("case", CASES)
def test_the_first_line_of_the_contract_that_fits_decides(case):
    """Path and Accept before content type, content type before path of an operation, protocol last, JSON where nothing is known."""
    accept, content_type, path, is_json, protocol, rest, expected = case
    lines = ((b"Accept", accept.encode()), (b"Content-Type", content_type.encode()))
    made = head("POST", path, tuple(line for line in lines if line[1]))
    assert dialect_of(made, is_json, protocol, rest) is Dialect(expected)
