"""The HTML of a waiting room's page: right without script, and nothing that anybody wrote becomes markup."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import pytest

from sidecar.plan import RoomLook, RoomPlan
from sidecar.web.roomhtml import Frame, document, link
from sidecar.web.roomwords import LANGUAGES
from tests.web.rooms import NOBODY, VIEWS, WAITING

PLAIN = Frame(False, (), 26, "ed", "th")
WIDGET = PLAIN._replace(widget=True, frames=("https://shop.example",))
_VOID = {"meta", "link", "input", "br"}


class _Reader(HTMLParser):
    """What a browser shows of a page that is well-formed: texts that are not hidden, tags, attributes."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[tuple[str, bool]] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self.feed(html)
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        assert len(attrs) == len(dict(attrs))
        if tag not in _VOID:
            self.open.append((tag, "hidden" in dict(attrs) or tag == "head"))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop()[0] == tag

    def handle_data(self, data: str) -> None:
        if not any(hidden for _, hidden in self.open):
            self.texts.extend(data.split())

    @property
    def text(self) -> str:
        return " ".join(self.texts)

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attrs for found, attrs in self.tags if found == tag]


@pytest.mark.parametrize("lang", LANGUAGES)
@pytest.mark.parametrize("name", VIEWS)
def test_every_situation_is_a_page(name: str, lang: str) -> None:
    """Well-formed, in its language, each id once, a place for all that the script may say, no line of script or style."""
    html = document(VIEWS[name]._replace(lang=lang), PLAIN)
    read = _Reader(html)
    assert read.all("html")[0]["lang"] == lang
    ids = [attrs["id"] for _, attrs in read.tags if "id" in attrs]
    assert len(ids) == len(set(ids))
    assert {
        "word",
        "lead",
        "ahead",
        "eta",
        "claim_by",
        "opens",
        "code",
        "message",
        "note",
        "polite",
        "urgent",
        "join",
    } <= set(ids)
    assert re.findall(r"<script(?![^>]* src=)|<style|\son\w+=|\sstyle=|javascript:", html) == []


def test_texts_differ_by_language() -> None:
    """No situation says the same in two languages."""
    for view in VIEWS.values():
        assert len({_Reader(document(view._replace(lang=lang), PLAIN)).text for lang in LANGUAGES}) == len(LANGUAGES)


def test_a_visitor_who_waits_reads_where_he_stands() -> None:
    """Without script: how many, how long, by which code, what happens when he goes, and when it looks again."""
    read = _Reader(document(WAITING, PLAIN))
    assert "You are in the queue" in read.text
    assert "790 people ahead of you" in read.text
    assert "Estimated wait between 4 and 7 minutes" in read.text
    assert "Your place code 7KQ2-9F" in read.text
    assert "You may close this page" in read.text
    assert "This page checks by itself every 26 seconds." in read.text
    assert {"http-equiv": "refresh", "content": "26"} in read.all("meta")
    assert "Leave the queue You lose your place. Yes, leave" in read.text
    assert "Join" not in read.text


def test_times_are_for_machines_too() -> None:
    """A time says which moment it is, whatever the clock in its text."""
    read = _Reader(document(VIEWS["lobby"], PLAIN))
    assert [attrs["datetime"] for attrs in read.all("time")] == ["2026-12-01T08:59:00.000Z", "2026-12-01T09:00:00.000Z"]


def test_forms_post_to_the_verbs() -> None:
    """A form per verb, by POST, hidden where it does nothing."""
    read = _Reader(document(VIEWS["called"], PLAIN))
    forms = {attrs["action"]: attrs for attrs in read.all("form")}
    assert set(forms) == {f"/.sidecar/rooms/hamlet/{verb}" for verb in ("join", "claim", "leave", "release")}
    assert {attrs["method"] for attrs in forms.values()} == {"post"}
    assert ["hidden" in forms[f"/.sidecar/rooms/hamlet/{verb}"] for verb in ("join", "claim", "leave", "release")] == [
        True,
        False,
        False,
        True,
    ]
    assert "Go in now" in read.text
    assert "Your turn lasts until 09:12:30" in read.text


def test_a_call_stands_in_the_title() -> None:
    """A tab among others shows whose turn it is."""
    assert "<title>● It is your turn · Hamlet</title>" in document(VIEWS["called"], PLAIN)
    assert "<title>You are in the queue · Hamlet</title>" in document(WAITING, PLAIN)


def test_the_operators_message_and_what_is_next() -> None:
    """His words with their lines, how grave they are, and when there are more."""
    html = document(VIEWS["paused"], PLAIN)
    assert "The box office has a fault.\nWe are on it." in html
    assert 'data-severity="warning"' in html
    assert "Next news today, 09:30 (London time)" in _Reader(html).text
    assert 'data-severity="info"' in document(WAITING._replace(message=("x\" onload='", "y")), PLAIN)


def test_a_page_that_stays_as_it_is() -> None:
    """Without a time for it the page does not load itself, and has a link to do so."""
    html = document(WAITING, PLAIN._replace(refresh_s=None))
    assert "http-equiv" not in html
    assert "Check again" in _Reader(html).text


def test_a_widget_without_script_has_a_window() -> None:
    """No cookie is kept for a form in another site's frame: a link leads to the page itself; links leave the frame."""
    read = _Reader(document(VIEWS["admitted"], WIDGET))
    assert {"class": "button", "href": "/.sidecar/rooms/hamlet", "target": "_blank"} in read.all("a")
    assert [attrs["target"] for attrs in read.all("a") if attrs.get("id") in ("back", "remedy")] == ["_top", "_top"]
    assert read.all("main")[0]["data-frames"] == "https://shop.example"


EVIL = "\"'></h1></title><script>alert(1)</script><img src=x onerror=alert(1)>&lt;{n}"


def test_nothing_becomes_markup() -> None:
    """A hostile title, message, code, zone or address is text, and the page has the tags that it always has."""
    look = RoomLook(title=(("en", EVIL),), back=f"https://x.example/{EVIL.replace(' ', '')}", frame=(EVIL,))
    room = RoomPlan(EVIL, timezone=EVIL, look=look, remedy=EVIL)
    view = WAITING._replace(room=room, code=EVIL, message=(EVIL, EVIL), visitor="waiting", reason=EVIL, eta_reason=EVIL)
    html = document(view, WIDGET)
    read, plain = (
        _Reader(html),
        _Reader(document(WAITING._replace(message=("info", "x"), eta_reason="stalled"), WIDGET)),
    )
    assert [tag for tag, _ in read.tags] == [tag for tag, _ in plain.tags]
    assert [sorted(set(attrs) - {"href"}) for _, attrs in read.tags] == [
        sorted(set(attrs) - {"href"}) for _, attrs in plain.tags
    ]
    assert html.count("&lt;script&gt;") >= 5


@pytest.mark.parametrize(
    ("address", "good"),
    [
        ("https://shop.example/buy?x=1#y", True),
        ("/shop", True),
        ("HTTP://x.example", True),
        ("javascript:alert(1)", False),
        ("data:text/html,x", False),
        ("//x.example", False),
        ("/\\x.example", False),
        ("https://x.example/ x", False),
        (" javascript:1", False),
        ("", False),
        (None, False),
    ],
)
def test_an_address_leads_to_a_page(address: str | None, good: bool) -> None:
    """Only the web's own schemes and our own paths become links."""
    assert link(address) == (address if good else None)
    view = NOBODY._replace(visitor="admitted", back=address, room=RoomPlan("x"))
    (back,) = [attrs for attrs in _Reader(document(view, PLAIN)).all("a") if attrs.get("id") == "back"]
    assert (back.get("href"), "hidden" in back) == (address if good else None, not good)
