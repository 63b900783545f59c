"""The pages of a waiting room as answers: their policy, who may frame them, their files and how much there is of them."""

from __future__ import annotations

import gzip
import re

import pytest

from sidecar.model import Answer, Refusal
from sidecar.plan import RoomLook, RoomPlan
from sidecar.web import roompages
from sidecar.web.roompages import asset, csp, origins, page, theme, unless_known
from tests.web.rooms import LOOK, ROOM, VIEWS, WAITING

SHOP, OTHER = "https://shop.example", "http://localhost:3000"
FILES = ("room.css", "room.js", "said.js", "kept.js", "widget.js", "embed.js", "en.json", "de.json", "fr.json")


def _file(name: str) -> bytes:
    found = asset(name)
    assert isinstance(found, Answer)
    assert found.size_bytes == len(found.body[0])
    return found.body[0]


def _headers(answer: Answer) -> dict[str, str]:
    headers = {name.decode(): value.decode() for name, value in answer.headers}
    assert len(headers) == len(answer.headers)
    return headers


def test_the_policy_lets_nothing_in_from_elsewhere() -> None:
    """No inline script or style, no other host; no frame around the page, and around the widget those of exact origins alone."""
    own = [
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data:",
        "connect-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
    ]
    assert csp(ROOM, {SHOP}, widget=False).decode().split("; ") == [*own, "frame-ancestors 'none'"]
    assert csp(ROOM, {SHOP, OTHER}, widget=True).decode().split("; ") == [*own, f"frame-ancestors {OTHER} {SHOP}"]
    assert csp(ROOM, set(), widget=True).decode().endswith("frame-ancestors 'none'")


@pytest.mark.parametrize(
    "origin",
    [
        "null",
        "*",
        "https://*.example",
        "https://x.example/",
        "https://x; script-src *",
        "https://x\r\nA: b",
        "ftp://x",
        "'self'",
        "",
    ],
)
def test_only_exact_origins_may_frame(origin: str) -> None:
    """A pattern, `null` or anything with a sign that a policy would read is nobody."""
    assert origins(RoomPlan("x", look=RoomLook(frame=(origin, SHOP))), {origin, OTHER}) == (OTHER, SHOP)


def test_headers() -> None:
    """Nobody keeps a page, nobody guesses its type, a stranger is not told where a link stood, and our own forms say who they are."""
    answer = page(WAITING, widget=True, cors_origins={SHOP})
    headers = _headers(answer)
    assert headers.pop("Content-Security-Policy").endswith(f"frame-ancestors {SHOP}")
    assert headers == {
        "Content-Type": "text/html; charset=utf-8",
        "Content-Language": "en",
        "Cache-Control": "no-store",
        "Referrer-Policy": "same-origin",
        "X-Content-Type-Options": "nosniff",
    }
    assert (answer.status, answer.size_bytes) == (200, len(answer.body[0]))


@pytest.mark.parametrize(("asked_s", "refresh"), [(26, "26"), (0, "2"), (10**9, "3600")])
def test_the_page_loads_itself_within_bounds(asked_s: int, refresh: str) -> None:
    """As the room said, but neither without a pause nor never."""
    assert f'content="{refresh}">' in _html(page(WAITING._replace(next_poll_s=asked_s), widget=False))


def test_the_page_stays_where_nothing_comes() -> None:
    """Who has left, or does not want it, is not shown the page again and again."""
    assert "http-equiv" not in _html(page(VIEWS["left, by_choice"], widget=False))
    assert "http-equiv" not in _html(page(WAITING, widget=False, still=True))
    assert "http-equiv" in _html(page(VIEWS["sold_out"], widget=True))


def _html(answer: Answer) -> str:
    return answer.body[0].decode()


def test_files() -> None:
    """Each file has its type, may be kept for a while, and is another one when its content is."""
    types = {name: _headers(asset(name))["Content-Type"] for name in FILES if isinstance(asset(name), Answer)}  # type: ignore[arg-type] - just looked
    assert {name.partition(".")[2]: value for name, value in types.items()} == {
        "css": "text/css; charset=utf-8",
        "js": "text/javascript; charset=utf-8",
        "json": "application/json",
    }
    headers = _headers(theme(LOOK))
    assert headers["Cache-Control"].startswith("public, max-age=")
    assert headers["ETag"] != _headers(theme(RoomLook(theme=(("accent", "#036"),))))["ETag"]
    assert headers["X-Content-Type-Options"] == "nosniff"


def test_who_has_a_file_is_told_so() -> None:
    """A browser that comes with the tag of what there is gets no body, and every header that it keeps the file by."""
    answer = theme(LOOK)
    tag = _headers(answer)["ETag"]
    assert unless_known(answer, ['"other"']) is unless_known(answer, []) is answer
    known = unless_known(answer, [f'"other", W/{tag}'])
    assert (known.status, known.body, known.size_bytes) == (304, (), 0)
    assert {**_headers(known), "Content-Type": "text/css; charset=utf-8"} == _headers(answer)


@pytest.mark.parametrize("name", ["", "nothing.js", "../pages.py", "/etc/passwd", "room.js/", "__init__.py"])
def test_no_other_file(name: str) -> None:
    """A name that is none of the files finds nothing, however it is written."""
    assert isinstance(asset(name), Refusal)


def test_the_page_asks_for_nothing_that_is_not_served() -> None:
    """Each address in the page is one of ours, and each file that a script names is there."""
    html = _html(page(WAITING, widget=True))
    asked = set(re.findall(r'(?:src|href|action)="(/[^"?]*)', html))
    assert {each.removeprefix("/.sidecar/rooms/") for each in asked} == {
        "assets/room.css", "assets/room.js", "hamlet/theme.css", "hamlet", "hamlet/join", "hamlet/claim", "hamlet/leave", "hamlet/release"
    }  # fmt: skip
    for name in re.findall(r'here\("([^"]+)"\)', _file("room.js").decode()):
        assert name in FILES
    assert html.count(f"?v={roompages.EDITION}") == 2


def test_no_script_writes_markup() -> None:
    """What comes from anywhere is text: no script of the page has a way to make markup, code or style out of it."""
    ways = re.compile(
        r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function|srcdoc|createContextualFragment|cssText"
    )
    assert [name for name in FILES if ways.search(_file(name).decode())] == []


def test_messages_go_to_exact_origins() -> None:
    """No script posts a message to whoever may be there."""
    for name in FILES:
        assert re.findall(r'postMessage\([^;]*"\*"', _file(name).decode()) == []


def test_the_weight() -> None:
    """Page, colours, style, texts and scripts together are at most 12 KB as they travel, the widget's and the client left aside."""
    pieces = [_html(page(VIEWS["paused"], widget=False)).encode(), theme(LOOK).body[0]]
    pieces += [_file(name) for name in ("room.css", "room.js", "said.js", "kept.js", "fr.json")]
    weights = [len(gzip.compress(each, 6)) for each in pieces]
    print(weights)
    assert sum(weights) <= 12 * 1024
    assert len(gzip.compress(_file("widget.js"), 6)) < 1536
    assert len(gzip.compress(_file("embed.js"), 6)) < 1536
