"""The room as a page for browsers without a script: forms that lead back to it, and the cookies that keep place and pass."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from sidecar.hall.cookies import cookies
from sidecar.model import Answer
from sidecar.plan import AccountPlan, RoomLook
from tests.hall.sale import FIREFOX, HAMLET, Sale
from tests.support.world import WALL_S

if TYPE_CHECKING:
    from sidecar.model import Outcome

pytestmark = pytest.mark.virtual

FORM = "application/x-www-form-urlencoded"
LOBBY = replace(HAMLET, opens=WALL_S + 1200.0)


class Browser:
    """A browser without a script: it keeps cookies, follows a 303, and reads a page."""

    def __init__(self, sale: Sale, language: str = "en") -> None:
        self.sale, self.language = sale, language
        self.jar: dict[str, str] = {}
        self.set: list[str] = []

    async def send(self, verb: str, body: bytes = b"do=1", *, method: str = "POST") -> Answer:
        cookie = "; ".join(f"{name}={value}" for name, value in self.jar.items())
        outcome = await self.sale.request(
            verb,
            body if method == "POST" else None,
            method=method,
            media=FORM,
            User_Agent=FIREFOX,
            Accept_Language=self.language,
            **({"Cookie": cookie} if cookie else {}),
        )
        assert isinstance(outcome, Answer), outcome
        self.set = [value.decode() for name, value in outcome.headers if name == b"Set-Cookie"]
        for line in self.set:
            name, _, value = line.partition(";")[0].partition("=")
            if value:
                self.jar[name] = value
            else:
                self.jar.pop(name, None)
        return outcome

    async def page(self) -> str:
        answer = await self.send("", method="GET")
        assert answer.status == 200
        return b"".join(answer.body).decode()


async def test_forms_lead_back_to_the_page() -> None:
    """303 to the room, with the place in a cookie of its path alone; the page shows it, and a claim keeps the pass."""
    sale = Sale(replace(HAMLET, look=RoomLook(back="https://shop.example/buy")))
    browser = Browser(sale)
    answer = await browser.send("join")
    headers = {name: value for name, value in answer.headers if name != b"Set-Cookie"}
    assert (answer.status, headers[b"Location"]) == (303, b"/.sidecar/rooms/hamlet")
    [line] = browser.set
    assert line.startswith("sidecar-hamlet=")
    assert line.endswith("; Path=/.sidecar/rooms/hamlet; Max-Age=86400; HttpOnly; SameSite=Lax")
    code = sale.house.code(sale.house.place_of(browser.jar["sidecar-hamlet"]))
    assert code in await browser.page()
    await browser.send("join")
    assert sale.house.room.joined == 1, "a second press of the button is no second place"
    await sale.go(1.0)
    assert "claim" in await browser.page()
    await browser.send("claim")
    assert set(browser.jar) == {"sidecar-hamlet", "sidecar-hamlet-pass"}
    page = await browser.page()
    assert f"https://shop.example/buy#sidecar-pass={browser.jar['sidecar-hamlet-pass']}" in page
    await browser.send("release")
    assert browser.jar == {}


async def test_over_https_cookies_are_of_https_alone() -> None:
    """Where people come so."""
    sale = Sale(LOBBY)
    sale.house.is_https = True
    browser = Browser(sale)
    await browser.send("join")
    assert browser.set[0].endswith("; Secure")


async def test_who_leaves_loses_the_cookie() -> None:
    """And the page asks him in again."""
    browser = Browser(Sale(LOBBY))
    await browser.send("join")
    await browser.send("leave")
    assert browser.jar == {}
    assert 'action="/.sidecar/rooms/hamlet/join"' in await browser.page()


async def test_a_form_that_gets_nothing_shows_the_page_all_the_same() -> None:
    """Before the lobby, with a cookie that is none, or without one; who is held up is told what to do."""
    browser = Browser(Sale(replace(HAMLET, opens=WALL_S + 7200.0)))
    for verb in ("join", "leave", "claim", "release"):
        answer = await browser.send(verb)
        assert (answer.status, browser.set) == (303, [])
    browser.jar = {"sidecar-hamlet": "x"}
    assert "hamlet" in await browser.page()
    sale = Sale(replace(HAMLET, account=AccountPlan("parameter", "customer")))
    await Browser(sale).send("join", b"account=7")
    told = await Browser(sale).send("join", b"account=7")
    assert told.status == 200
    assert HAMLET.remedy in b"".join(told.body).decode()


async def test_a_stranger_may_not_send_forms() -> None:
    """A page of another origin joins nobody."""
    outcome: Outcome = await Sale(LOBBY).request("join", b"do=1", method="POST", media=FORM, may_write=False)
    assert not isinstance(outcome, Answer)
    assert outcome.state == "origin_denied"


@pytest.mark.parametrize(
    ("language", "lang"),
    [("de-AT, en;q=0.5", "de"), ("it", "en"), ("", "en"), ("fr;q=0.2, en;q=0.1", "fr"), ("*", "en")],
)
async def test_the_page_is_in_the_readers_language(language: str, lang: str) -> None:
    """Of those that the room has; its first for whoever reads none."""
    assert f'lang="{lang}"' in await Browser(Sale(LOBBY), language).page()


async def test_the_parts_of_the_page() -> None:
    """The widget may be framed by the shop, files are known by their tags, and a page is asked for by GET."""
    sale = Sale(LOBBY)
    widget = await sale.request("widget")
    assert isinstance(widget, Answer)
    assert b"https://shop.example" in dict(widget.headers)[b"Content-Security-Policy"]
    for verb, room in (("theme.css", ""), ("room.css", "assets")):
        found = await sale.request(verb, room=room)
        assert isinstance(found, Answer)
        again = await sale.request(verb, room=room, If_None_Match=dict(found.headers)[b"ETag"].decode())
        assert isinstance(again, Answer)
        assert again.status == 304


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("sidecar-hamlet=a; sidecar-lear=b", {"place": "a"}),
        ("sidecar-hamlet=a; sidecar-hamlet-pass=p", {"place": "a", "pass": "p"}),
        ("x", {}),
        ("", {}),
        ("sidecar-hamlet=" + "a" * 9000, {}),
        ('a[b]={"c":"d"}; ; =; sidecar-hamlet=a;sidecar-hamlet-pass=', {"place": "a"}),
    ],
)
async def test_cookies_of_one_room(line: str, found: dict[str, str]) -> None:
    """By their names; what is too long or no cookie line is none."""
    exchange = Sale(LOBBY).exchange("GET", "/", [("Cookie", line)] if line else [])
    assert cookies(exchange, "hamlet") == found
