"""The forms of single values: a table of what is taken and what is not."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic_core import PydanticCustomError

from sidecar.settings import shapes

if TYPE_CHECKING:
    from collections.abc import Callable

TAKEN: list[tuple[Callable[[str], str], str, str]] = [
    (shapes.url, "http://127.0.0.1:9000/Service.asmx", "http://127.0.0.1:9000/Service.asmx"),
    (shapes.url, "https://[::1]/x%20y", "https://[::1]/x%20y"),
    (shapes.url, "http://old_host", "http://old_host"),
    (shapes.public_url, "https://api.theatre.example/", "https://api.theatre.example"),
    (shapes.public_url, "https://theatre.example/api", "https://theatre.example/api"),
    (shapes.link, "https://shop.example/buy?next=/a%20b&c=1#top", "https://shop.example/buy?next=/a%20b&c=1#top"),
    (shapes.link, "https://shop.example?a=1", "https://shop.example?a=1"),
    (shapes.reference, "Reports.asmx", "Reports.asmx"),
    (shapes.reference, "/services/Reports.asmx", "/services/Reports.asmx"),
    (shapes.reference, "http://127.0.0.1:9000/x", "http://127.0.0.1:9000/x"),
    (shapes.web_origin, "https://shop.example", "https://shop.example"),
    (shapes.web_origin, "http://localhost:3000", "http://localhost:3000"),
    (shapes.web_origin, "http://[::1]:3000", "http://[::1]:3000"),
    (shapes.web_origin, "capacitor://localhost", "capacitor://localhost"),
    (shapes.web_origin, "null", "null"),
    (shapes.network, "10.0.0.0/8", "10.0.0.0/8"),
    (shapes.network, "192.0.2.7", "192.0.2.7/32"),
    (shapes.network, "2001:db8::/32", "2001:db8::/32"),
    (shapes.hop, "10.0.0.0/8", "10.0.0.0/8"),
    (shapes.hop, "unix", "unix"),
    (shapes.host, "::", "::"),
    (shapes.host, "localhost", "localhost"),
    (shapes.host, "fe80::1%eth0", "fe80::1%eth0"),
    (shapes.name, "box-office_2", "box-office_2"),
    (shapes.path, "/Services/Tickets.asmx", "/Services/Tickets.asmx"),
    (shapes.header, "X-Real-IP", "X-Real-IP"),
    (shapes.pattern, "tickets.performances*", "tickets.performances*"),
    (shapes.pattern, "[GH]et?", "[GH]et?"),
    (shapes.words, "*is not on sale*", "*is not on sale*"),
    (shapes.file_name, "certs/a b.pem", "certs/a b.pem"),
]
REFUSED: list[tuple[Callable[[str], str], str]] = [
    (shapes.url, ""),
    (shapes.url, "h/x"),
    (shapes.url, "http:/h/x"),
    (shapes.url, "http://"),
    (shapes.url, "http://h:0/"),
    (shapes.url, "http://h:/"),
    (shapes.url, "http://h:port/"),
    (shapes.url, "http://h/x?"),
    (shapes.url, "http://h/x#a"),
    (shapes.url, "http://u@h/x"),
    (shapes.url, "http://h/a/../b"),
    (shapes.url, "http://h/%zz"),
    (shapes.url, "http://h/a\\b"),
    (shapes.url, "http://h\r\nX: y/"),
    (shapes.url, "http://[::1"),
    (shapes.url, "http://1.2.3/"),
    (shapes.url, "http://höst/"),
    (shapes.public_url, "https://api.theatre.example/?a"),
    (shapes.reference, ""),
    (shapes.reference, "//other/x"),
    (shapes.reference, "../x"),
    (shapes.reference, "x?wsdl"),
    (shapes.web_origin, "*"),
    (shapes.web_origin, "https://shop.example/"),
    (shapes.web_origin, "https://shop.example/app"),
    (shapes.web_origin, "https://shop.example:443"),
    (shapes.web_origin, "https://Shop.example"),
    (shapes.web_origin, "shop.example"),
    (shapes.web_origin, "https://"),
    (shapes.network, "10.0.0.1/8"),
    (shapes.network, "localhost"),
    (shapes.network, "unix"),
    (shapes.hop, "Unix"),
    (shapes.hop, "10.0.0.1/8"),
    (shapes.host, "http://a"),
    (shapes.host, "a:80"),
    (shapes.host, "256.1.1.1"),
    (shapes.host, "a" * 300),
    (shapes.name, "1a"),
    (shapes.name, "a/b"),
    (shapes.name, "a" * 64),
    (shapes.path, "/"),
    (shapes.path, "tickets"),
    (shapes.path, "/a/"),
    (shapes.path, "/a//b"),
    (shapes.path, "/../a"),
    (shapes.path, "/a b"),
    (shapes.path, "/a" * 9),
    (shapes.link, "https://shop.example/a b"),
    (shapes.link, 'https://shop.example/?a="b"'),
    (shapes.link, "https://shop.example/?a='b'"),
    (shapes.link, "https://shop.example/#<b>"),
    (shapes.link, "https://u:p@shop.example/"),
    (shapes.link, "javascript:alert(1)"),
    (shapes.link, "//shop.example"),
    (shapes.header, "X:"),
    (shapes.header, ""),
    (shapes.pattern, ""),
    (shapes.pattern, "a b"),
    (shapes.pattern, "a/b"),
    (shapes.words, ""),
    (shapes.words, "a\nb"),
    (shapes.words, "a" * 201),
    (shapes.file_name, ""),
    (shapes.file_name, "a\0b"),
]


@pytest.mark.parametrize(("check", "text", "kept"), TAKEN, ids=lambda value: getattr(value, "__name__", str(value)))
def test_taken(check: Callable[[str], str], text: str, kept: str) -> None:
    """What people rightly write, and what the plan holds of it."""
    assert check(text) == kept


@pytest.mark.parametrize(("check", "text"), REFUSED, ids=lambda value: getattr(value, "__name__", ascii(value)[:40]))
def test_refused(check: Callable[[str], str], text: str) -> None:
    """Each with a code and a sentence."""
    with pytest.raises(PydanticCustomError) as caught:
        check(text)
    assert caught.value.context is not None
    assert caught.value.context["code"].startswith("E2")
    assert caught.value.context["what"]


CHECKS = sorted({check for check, *_ in TAKEN}, key=lambda check: check.__name__)


@given(st.sampled_from(CHECKS), st.text(max_size=30) | st.from_regex(r"https?://\S{0,20}", fullmatch=True))
def test_no_text_raises_anything_else(check: Callable[[str], str], text: str) -> None:
    """Refused or taken; and what was taken is taken again, unchanged."""
    try:
        kept = check(text)
    except PydanticCustomError:
        return
    assert check(kept) == kept


@pytest.mark.parametrize(("value", "text"), [(0, "0"), (1.5, "1.5"), (True, "true"), (False, "false"), ("x", "x")])
def test_literals_keep_their_lexical_form(value: object, text: str) -> None:
    """A reply says true, not True."""
    assert shapes.literal(value) == text


@pytest.mark.parametrize("value", [None, [], {}])
def test_what_is_no_literal(value: object) -> None:
    """A rule compares with one value."""
    with pytest.raises(PydanticCustomError):
        shapes.literal(value)


def test_origins_are_compared_with_their_ports() -> None:
    """:80 is what http means anyway."""
    assert shapes.origin_of("http://h/x") == shapes.origin_of("http://H:80/y") == ("http", "h", 80)
    assert shapes.origin_of("https://h/") != shapes.origin_of("http://h/")
