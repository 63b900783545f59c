"""The shop's own server: strict about what it serves and about who may hurt the box office through it."""

from __future__ import annotations

import asyncio
from importlib.resources import files
from typing import TYPE_CHECKING, Any

import pytest

from sidecar.demo.shop import PAGES, Addresses, Shop

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    import aiohttp

    from sidecar.demo.box_office import BoxOffice

SIDECAR = "http://127.0.0.1:1"  # nobody is asked there in these tests
SHOPS_OWN = ("page.js", "application/json")  # how the page speaks to the shop's own doors


@pytest.fixture
async def shop(box: BoxOffice) -> AsyncIterator[Shop]:
    async with Shop(Addresses(SIDECAR, box.control_url, box.url)) as shop:
        yield shop


@pytest.mark.parametrize("path", PAGES)
async def test_every_file_of_the_page_is_served_under_a_strict_policy(
    shop: Shop, http: aiohttp.ClientSession, path: str
) -> None:
    """Scripts and styles come from the shop alone, calls go to the sidecar alone, and nothing may be inline."""
    async with http.get(shop.url + path) as reply:
        assert reply.status == 200
        policy = reply.headers["Content-Security-Policy"]
        text = await reply.text()
    assert "default-src 'none'" in policy
    assert f"connect-src 'self' {SIDECAR};" in policy
    assert "unsafe" not in policy
    assert reply.headers["X-Content-Type-Options"] == "nosniff"
    assert " style=" not in text
    assert "<script>" not in text
    assert "//cdn" not in text


def test_one_module_alone_knows_the_wire() -> None:
    """Headers of the sidecar and its addresses are in wire.js and in no other file of the page."""
    scripts = _scripts()
    words = ("Sidecar-State", "Sidecar-Place", "Idempotency-Key", "Retry-After", "/json/", "application/json")
    wire = scripts.pop("wire.js")
    for word in words:
        assert word in wire
        assert [name for name, text in scripts.items() if word in text and (name, word) != SHOPS_OWN] == [], word


def test_the_page_never_meets_xml() -> None:
    """No file of the page writes or reads an envelope, an action or anything else of the backend's: it speaks JSON alone."""
    scripts = _scripts()
    assert "${place.tickets}/json/${operation}" in scripts["wire.js"]
    for name, text in scripts.items():
        for word in ("envelope", "soapaction", "domparser", "text/xml", "application/xml", "xmlns", "diffgram"):
            assert word not in text.lower(), (name, word)


def _scripts() -> dict[str, str]:
    """Return the page's text, by file."""
    folder = files("sidecar.demo") / "shop"
    return {
        name: (folder / name).read_text() for name, media in PAGES.values() if media in ("text/javascript", "text/html")
    }


async def test_the_page_learns_where_the_sidecar_is(shop: Shop, http: aiohttp.ClientSession) -> None:
    """`/shop.json` names the other origin; `/stats` passes the box office's counts on, and who of the crowd is here."""
    async with http.get(f"{shop.url}/shop.json") as reply:
        assert await reply.json() == {"sidecar": SIDECAR, "tickets": "/tickets", "room": "gala"}
    async with http.get(f"{shop.url}/stats") as reply:
        stats = await reply.json()
    assert (stats["calls"], stats["knee"], stats["sidecar"], stats["crowd"]["here"]) == (0, 20, None, 0)


async def test_a_slider_sends_people(shop: Shop, http: aiohttp.ClientSession) -> None:
    """`/tide` takes a rate, and the crowd that it sends goes through the sidecar."""
    async with http.post(f"{shop.url}/tide", json={"rate": 100, "for_s": 0.5}) as reply:
        assert (reply.status, await reply.json()) == (202, {"rate": 100, "for_s": 0.5})
    async with http.get(f"{shop.url}/stats") as reply:
        assert (await reply.json())["crowd"]["rate"] == 100


async def test_a_button_sends_the_crowd_of_the_on_sale(shop: Shop, http: aiohttp.ClientSession) -> None:
    """`/sale` lets it come to the room behind the sidecar, and `/stats` says what has become of it."""
    wish = shop.addresses.onsale()
    assert (wish.room, wish.tickets) == (f"{SIDECAR}/.sidecar/rooms/gala", f"{SIDECAR}/tickets")
    assert wish.opens_in_s < 0
    async with http.post(f"{shop.url}/sale", json={"people": 2}) as reply:
        assert (reply.status, await reply.json()) == (202, {"people": 2})
    async with http.get(f"{shop.url}/stats") as reply:
        assert (await reply.json())["sale"]["people"] == 2


async def test_whatever_a_visitor_breaks_heals_by_itself(
    shop: Shop, box: BoxOffice, http: aiohttp.ClientSession
) -> None:
    """A control without a time gets the longest one allowed, a longer one is cut, and healing needs no time."""
    for wish in ({"dead": True}, {"freeze": True, "for_s": 9999}):
        async with http.post(f"{shop.url}/control", json=wish) as reply:
            assert reply.status == 200
        healing = box._back_to_normal
        assert healing is not None
        assert healing.when() - asyncio.get_running_loop().time() <= 30
    async with http.post(f"{shop.url}/control", json={"reset": True}) as reply:
        assert (await reply.json())["dead"] is False
    assert box._back_to_normal is None


@pytest.mark.parametrize(
    ("path", "body", "headers", "text"),
    [
        ("/control", b'{"dead": true}', {"Origin": "http://evil.example"}, "only this page may ask"),
        ("/control", b'{"dead": true}', {"Content-Type": "text/plain"}, "only this page may ask"),
        ("/rush", b"{}", {"Origin": "null"}, "only this page may ask"),
        ("/control", b"{", {}, "the body is not JSON"),
        ("/control", b"[]", {}, "send a JSON object"),
        ("/control", b" " * 5000, {}, "at most 4096 bytes"),
        ("/control", b'{"deaf": true}', {}, "there is no control"),
        ("/rush", b'{"people": 601}', {}, "people must be a number from 1 to 600"),
        ("/rush", b'{"for_s": 11}', {}, "for_s must be a number of seconds up to 10"),
        ("/tide", b'{"rate": 401}', {}, "rate must be a number of people a second from 0 to 400"),
        ("/sale", b'{"people": 20001}', {}, "people must be a number from 1 to 20000"),
        ("/tide", b'{"rate": 1}', {"Origin": "http://evil.example"}, "only this page may ask"),
    ],
)
async def test_what_does_not_fit_is_refused_with_a_reason(
    shop: Shop, box: BoxOffice, http: aiohttp.ClientSession, path: str, body: bytes, headers: dict[str, str], text: str
) -> None:
    """A strange origin, a simple content type, bad JSON and numbers out of range change nothing at the box office."""
    headers = {"Content-Type": "application/json", **headers}
    async with http.post(shop.url + path, data=body, headers=headers) as reply:
        assert reply.status == 400
        assert text in (await reply.json())["error"]
    assert not box.controls.dead
    assert box.stats()["calls"] == 0


@pytest.mark.parametrize(
    ("method", "path", "status"), [("GET", "/../show.py", 404), ("GET", "/nothing", 404), ("PUT", "/", 405)]
)
async def test_nothing_else_is_offered(
    shop: Shop, http: aiohttp.ClientSession, method: str, path: str, status: int
) -> None:
    """Only the listed files are served: no path of the visitor ever names a file."""
    async with http.request(method, shop.url + path) as reply:
        assert reply.status == status


async def test_a_crowd_goes_past_the_sidecar_one_at_a_time(
    shop: Shop, box: BoxOffice, http: aiohttp.ClientSession
) -> None:
    """The shop sends people straight to the box office when told to; a second crowd has to wait for the first."""
    wish: dict[str, Any] = {"people": 5, "for_s": 0.2, "past": True}
    async with http.post(f"{shop.url}/rush", json=wish) as reply:
        assert (reply.status, await reply.json()) == (202, wish)
    async with http.post(f"{shop.url}/rush", json=wish) as reply:
        assert reply.status == 409
    assert shop.tide.last_rush is not None
    report = await shop.tide.last_rush
    assert report.calls == box.stats()["calls"] > 0


async def test_a_box_office_that_is_gone_is_said_so(http: aiohttp.ClientSession) -> None:
    """Without the box office, its doors answer 502 in words."""
    async with Shop(Addresses(SIDECAR, SIDECAR, SIDECAR)) as shop, http.get(f"{shop.url}/stats") as reply:
        assert reply.status == 502
        assert "is it still running?" in (await reply.json())["error"]


async def test_a_port_that_is_taken_leaves_nothing_open() -> None:
    """The reason is said, and no session has been opened that nobody would close."""
    taken = await asyncio.start_server(lambda *_: None, "127.0.0.1", 0)
    async with taken:
        shop = Shop(Addresses("http://h", "http://h", "http://h"), port=taken.sockets[0].getsockname()[1])
        with pytest.raises(OSError, match="cannot listen on"):
            await shop.__aenter__()
    assert not hasattr(shop, "_http")
