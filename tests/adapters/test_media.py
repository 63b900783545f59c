"""What a head may say of its body: content types are read as they are written, and said once."""

from __future__ import annotations

import pytest

from adapters.media import CHARSETS, parse_media, refuse_media, twice
from tests.adapters.corpus import head


@pytest.mark.parametrize(
    ("value", "kind", "parameters"),
    [
        ("text/xml", "text/xml", {}),
        (" Text/XML ; Charset=UTF-8", "text/xml", {"charset": "UTF-8"}),
        (
            'application/soap+xml;charset="utf-8";action="a;b=\\"c"',
            "application/soap+xml",
            {"charset": "utf-8", "action": 'a;b="c'},
        ),
        ("application/soap+xml; action=urn:x/Op", "application/soap+xml", {"action": "urn:x/Op"}),
        ("text/xml; charset", "text/xml", {}),
        ("text/xml;;", "text/xml", {}),
        ("", "", {}),
        (";charset=utf-8", "", {"charset": "utf-8"}),
    ],
)
def test_a_content_type_is_read_with_its_parameters(value, kind, parameters):
    """Names without regard to case, values unquoted, a semicolon inside quotes is text."""
    assert parse_media(value) == (kind, parameters)


@pytest.mark.parametrize("charset", sorted(CHARSETS))
def test_a_charset_that_is_taken_is_taken_by_the_parser_too(charset):
    """The list before the body and the parser's list must not disagree, or a charset is accepted and then refused."""
    from adapters.xml import XmlRefused, parse  # noqa: PLC0415 - the one place that compares the two

    made = head("POST", "/t", ((b"Content-Type", f"text/xml; charset={charset}".encode()),))
    assert refuse_media(made, frozenset(("text/xml",)), "") is None
    body = "<a/>".encode("utf-16" if charset == "utf-16" else "utf-8")
    try:
        assert parse(body, charset=charset).tag == "a"
    except XmlRefused as refused:
        pytest.fail(f"{charset}: {refused}")


@pytest.mark.parametrize("name", ["Content-Type", "content-type", "SOAPAction", "Content-Length"])
def test_a_line_that_says_what_the_body_is_may_come_once(name):
    """The second of two may be the one that a backend takes."""
    lines = ((name.encode(), b"1"), (b"X", b"2"), (name.upper().encode(), b"1"))
    refused = twice(head("POST", "/t", lines))
    assert refused is not None
    assert (refused.state, refused.reason) == ("malformed", "duplicate_header")
    assert twice(head("POST", "/t", lines[:2])) is None
