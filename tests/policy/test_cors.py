"""The policy part of the CORS checklist; what needs a listener or a browser stands with those."""

from __future__ import annotations

import pytest

from sidecar.model import Reply, joined
from sidecar.plan import CorsPlan
from sidecar.policy.cors import ALLOWED_HEADERS, EXPOSED, Cors, dressed, is_preflight, is_public, may_write, merge

SHOP = "https://shop.example"
PLAIN = Cors(CorsPlan(frozenset((SHOP,))), None)
WITH_CREDENTIALS = Cors(CorsPlan(frozenset((SHOP, "null")), credentials=True), "https://api.theatre.example/base")


def lines_of(lines: tuple[tuple[bytes, bytes], ...]) -> dict[str, str]:
    named = [name.decode() for name, _ in lines]
    assert len(named) == len(set(named)), "no line twice"
    return {name.decode(): value.decode() for name, value in lines}


@pytest.mark.parametrize(
    "origin",
    [
        "https://shop.example.evil.example",
        "https://evilshop.example",
        "http://shop.example",
        "https://shop.example:8443",
        "https://SHOP.example",
        "https://shop.example/",
        "null",
        "",
        "*",
    ],
)
def test_1_the_list_is_exact(origin: str) -> None:
    """No prefix, suffix, case, port or scheme is forgiven, and null only where it is listed."""
    verdict = PLAIN.ask([origin])
    assert not verdict.allowed
    assert verdict.headers == ((b"Vary", b"Origin"),)


def test_1_two_origin_lines_are_nobodys() -> None:
    """Not even twice the allowed one; its preflight fails as well."""
    assert not PLAIN.ask([SHOP, SHOP]).allowed
    assert lines_of(PLAIN.preflight([SHOP, SHOP])).keys() == {"Vary", "Sidecar-State"}


def test_1_null_where_it_is_listed() -> None:
    """A sandboxed page is let in by name."""
    assert WITH_CREDENTIALS.ask(["null"]).allowed


def test_2_the_origin_is_echoed_once_with_credentials_where_enabled() -> None:
    """Never a wildcard beside credentials."""
    plain, rich = lines_of(PLAIN.ask([SHOP]).headers), lines_of(WITH_CREDENTIALS.ask([SHOP]).headers)
    assert plain["Access-Control-Allow-Origin"] == rich["Access-Control-Allow-Origin"] == SHOP
    assert "Access-Control-Allow-Credentials" not in plain
    assert rich["Access-Control-Allow-Credentials"] == "true"


def test_2_what_the_backend_says_of_cors_is_taken_off() -> None:
    """Twice the same header fails in a browser, whatever it says."""
    reply = (
        (b"access-control-allow-origin", b"*"),
        (b"ACCESS-CONTROL-EXPOSE-HEADERS", b"X"),
        (b"Timing-Allow-Origin", b"*"),
        (b"Content-Type", b"text/xml"),
    )
    merged = merge(reply, PLAIN.ask([SHOP]).headers)
    assert merged[0] == (b"Content-Type", b"text/xml")
    assert lines_of(merged)["Access-Control-Allow-Origin"] == SHOP
    assert lines_of(merged)["Timing-Allow-Origin"] == SHOP


def test_2_also_where_the_backend_said_vary() -> None:
    """Taking off and merging do not get in each other's way, and the rest of our lines stays."""
    reply = ((b"Access-Control-Allow-Origin", b"*"), (b"Vary", b"Cookie"), (b"ETag", b"1"))
    ours = PLAIN.ask([SHOP]).headers
    assert merge(reply, ours) == ((b"ETag", b"1"), *ours[:-1], (b"Vary", b"Cookie, Origin"))


def test_2_nothing_of_the_backend_survives_for_a_stranger() -> None:
    """A backend that allows everybody allows nobody through us."""
    merged = merge(((b"Access-Control-Allow-Origin", b"*"),), PLAIN.ask(["https://evil.example"]).headers)
    assert merged == ((b"Vary", b"Origin"),)


@pytest.mark.parametrize(
    "origins", [[], [SHOP], ["https://evil.example"], [SHOP, SHOP]], ids=["none", "ours", "evil", "two"]
)
def test_3_vary_stands_on_every_answer(origins: list[str]) -> None:
    """Also where nobody asked from another origin: a cache must not give that answer to a page."""
    assert (b"Vary", b"Origin") in PLAIN.ask(origins).headers


@pytest.mark.parametrize(
    ("theirs", "merged"),
    [
        ([b"Accept-Encoding"], b"Accept-Encoding, Origin"),
        ([b"accept-encoding, ORIGIN"], b"accept-encoding, ORIGIN"),
        ([b"A", b"B,,a"], b"A, B, Origin"),
        ([b"*"], b"*"),
        ([b" "], b"Origin"),
    ],
)
def test_3_vary_is_merged_never_overwritten(theirs: list[bytes], merged: bytes) -> None:
    """Into one line, first spelling kept; a star says everything."""
    out = merge(tuple((b"vary", value) for value in theirs), PLAIN.ask([]).headers)
    assert out == ((b"Vary", merged),)


def test_4_who_may_write() -> None:
    """A request without Origin is no page's and may; a listed page may; a stranger may not."""
    assert PLAIN.ask([]).allowed
    assert PLAIN.ask([SHOP]).allowed
    assert not PLAIN.ask(["https://evil.example"]).allowed


def test_5_what_a_page_can_read_is_spelt_out() -> None:
    """With credentials a star would be a header of that name."""
    exposed = lines_of(PLAIN.ask([SHOP]).headers)["Access-Control-Expose-Headers"]
    assert exposed == EXPOSED
    for name in (
        "Sidecar-State",
        "Retry-After",
        "X-Request-Id",
        "Server-Timing",
        "Cache-Status",
        "Age",
        "Date",
        "ETag",
    ):
        assert name in exposed.split(", ")
    assert "*" not in exposed


def test_6_timings_can_be_read_too() -> None:
    """The same echo, so that slow and queued can be told apart in the field."""
    assert lines_of(PLAIN.ask([SHOP]).headers)["Timing-Allow-Origin"] == SHOP


def test_8_to_11_a_preflight_says_everything_at_once() -> None:
    """Methods, headers by name, how long it holds, and what it depends on."""
    lines = lines_of(WITH_CREDENTIALS.preflight([SHOP]))
    assert lines["Access-Control-Allow-Origin"] == SHOP
    assert lines["Access-Control-Allow-Credentials"] == "true"
    assert lines["Access-Control-Allow-Methods"] == "GET, HEAD, POST, OPTIONS"
    assert lines["Access-Control-Max-Age"] == "7200"
    assert lines["Vary"] == "Origin, Access-Control-Request-Method, Access-Control-Request-Headers"
    allowed = lines["Access-Control-Allow-Headers"].split(", ")
    assert "*" not in allowed
    for name in (
        "Content-Type",
        "SOAPAction",
        "Authorization",
        "Idempotency-Key",
        "Sidecar-Place",
        "Sidecar-Pass",
        "Sidecar-Timeout",
        "X-Request-Id",
        "Prefer",
    ):
        assert name in allowed
    assert ", ".join(allowed) == ALLOWED_HEADERS


def test_8_a_strangers_preflight_gets_no_permission() -> None:
    """But the same Vary, so that no cache answers a listed page with it."""
    assert lines_of(PLAIN.preflight(["https://evil.example"])).keys() == {"Vary", "Sidecar-State"}


def test_our_own_address_may_read() -> None:
    """The pages under public_url are the sidecar's own; its path is no part of the origin."""
    assert WITH_CREDENTIALS.ask(["https://api.theatre.example"]).allowed
    assert not PLAIN.ask(["https://api.theatre.example"]).allowed


def test_an_error_before_the_origin_was_read() -> None:
    """With one listed origin it can only be that one, else whoever it was may read it, and nobody's cookies with it."""
    assert PLAIN.unknown() == PLAIN.ask([SHOP])
    lines = lines_of(WITH_CREDENTIALS.unknown().headers)
    assert lines["Access-Control-Allow-Origin"] == "*"
    assert "Access-Control-Allow-Credentials" not in lines
    assert not WITH_CREDENTIALS.unknown().allowed


@pytest.mark.parametrize(
    ("method", "names", "is_one"),
    [
        ("OPTIONS", {"Origin", "Access-Control-Request-Method"}, True),
        ("OPTIONS", {"Origin"}, False),
        ("OPTIONS", {"Access-Control-Request-Method"}, False),
        ("OPTIONS", set(), False),
        ("POST", {"Origin", "Access-Control-Request-Method"}, False),
    ],
)
def test_7_what_is_a_preflight(method: str, names: set[str], is_one: bool) -> None:
    """All three signs; a plain OPTIONS goes on to whoever answers it."""
    assert is_preflight(method, names) is is_one


@pytest.mark.parametrize(
    ("headers", "may"),
    [
        ({}, True),
        ({"Sec-Fetch-Site": "none"}, True),
        ({"Sec-Fetch-Site": "same-origin"}, True),
        ({"Sec-Fetch-Site": "same-site"}, False),
        ({"Sec-Fetch-Site": "cross-site"}, False),
        ({"Sec-Fetch-Site": "cross-site", "Origin": SHOP}, True),
        ({"Sec-Fetch-Site": "same-origin", "Origin": "https://evil.example"}, False),
    ],
    ids=str,
)
def test_4_an_image_of_a_stranger_may_not_write(headers: dict[str, str], may: bool) -> None:
    """A GET without an Origin line is judged by where the browser says it comes from; an Origin line outweighs that."""
    verdict = PLAIN.ask([headers["Origin"]] if "Origin" in headers else [])
    assert may_write(verdict, headers) is may


@pytest.mark.parametrize(
    "reply", [(), ((b"Content-Type", b"text/xml"), (b"Set-Cookie", b"a=b"))], ids=["empty", "usual"]
)
def test_2_a_reply_that_says_nothing_of_cors_keeps_every_line(reply: tuple[tuple[bytes, bytes], ...]) -> None:
    """In its order, with ours behind it."""
    ours = PLAIN.ask([SHOP]).headers
    assert merge(reply, ours) == (*reply, *ours)


def test_2_our_own_reply_gets_the_lines_joined_too() -> None:
    """Where its own are joined already; any other gets them in its list alone. Nothing else of it changes."""
    verdict = PLAIN.ask([SHOP])
    own = ((b"Content-Type", b"text/xml"),)
    ours = Reply(500, own, (b"<x/>",), "Oh", close=True, block=joined(own))
    assert dressed(ours, verdict) == ours._replace(
        headers=(*own, *verdict.headers), block=joined((*own, *verdict.headers))
    )
    theirs = ours._replace(block=b"")
    assert dressed(theirs, verdict) == theirs._replace(headers=merge(own, verdict.headers))


@pytest.mark.parametrize(
    ("path", "public"),
    [
        ("/.sidecar/client.js", True),
        ("/.sidecar/client.d.ts", True),
        ("/.sidecar/rooms/assets/room.css", True),
        ("/.sidecar/rooms/hamlet/board", True),
        ("/.sidecar/rooms/hamlet/events", True),
        ("/.sidecar/rooms/hamlet/place", False),
        ("/.sidecar/rooms/hamlet/join", False),
        ("/.sidecar/rooms/hamlet", False),
        ("/.sidecar/states", False),
        ("/tickets/board", False),
        ("/board", False),
    ],
)
def test_5_what_is_for_pages_of_any_origin(path: str, *, public: bool) -> None:
    """The client, the files of pages, and the board of a room: nothing that is somebody's."""
    assert is_public(path) is public


def test_5_what_is_public_is_the_same_for_everybody() -> None:
    """No origin is named and none told apart, so that one copy serves all, and no cookie is let through."""
    verdict = PLAIN.public()
    headers = dict(verdict.headers)
    assert headers[b"Access-Control-Allow-Origin"] == b"*"
    assert not {b"Vary", b"Access-Control-Allow-Credentials"} & set(headers)
    assert verdict.block == joined(verdict.headers)
