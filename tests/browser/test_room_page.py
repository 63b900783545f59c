"""The waiting room's page in real headless Chromium: without script, with it, and for every eye and hand."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final, Literal

import pytest
from playwright.sync_api import expect

from sidecar.web.roompages import page as answer
from sidecar.web.roomsaid import said
from sidecar.web.roomwords import LANGUAGES
from tests.browser.foyer import FORGETFUL, HASTE, Foyer, Guest
from tests.browser.looks import CONTRAST, CUT, keep
from tests.web.rooms import LOOK, NOBODY, ROOM, VIEWS, WAITING

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

    from sidecar.web.roomsaid import View

CALLED, ADMITTED = VIEWS["called"], VIEWS["admitted"]

# What stands on a page, apart from what a clock changes; of a document, or of HTML that is only read.
SHOWN = """html => {
  const doc = html === null ? document : new DOMParser().parseFromString(html, "text/html");
  const said = [doc.title];
  const walk = (node) => {
    for (const child of node.childNodes) {
      if (child.nodeType === 3) { if (child.data.trim()) said.push(child.data.trim()); continue; }
      if (child.hidden || child.matches(".unseen, noscript, [role=timer], #plain")) continue;
      for (const name of ["href", "datetime"]) if (child.hasAttribute(name)) said.push(child.getAttribute(name));
      walk(child);
    }
  };
  walk(doc.body);
  return said;
}"""

# Each text that a screen reader is told, in order.
LISTEN = """() => {
  window.told = [];
  for (const id of ["polite", "urgent"])
    new MutationObserver(() => told.push([id, document.getElementById(id).textContent]))
      .observe(document.getElementById(id), { childList: true, characterData: true, subtree: true });
}"""

PLACE = "() => JSON.parse(localStorage.getItem('sidecar-page:hamlet')).place"

NAMES = """() => {
  const bad = [], ids = [...document.querySelectorAll("[id]")].map((node) => node.id);
  for (const node of document.querySelectorAll("button, a, summary"))
    if (!node.textContent.trim()) bad.push(`no words: ${node.outerHTML.slice(0, 80)}`);
  for (const id of ids) if (ids.indexOf(id) !== ids.lastIndexOf(id)) bad.push(`twice: ${id}`);
  for (const node of document.querySelectorAll("[aria-labelledby]"))
    if (!ids.includes(node.getAttribute("aria-labelledby"))) bad.push("a label that is not there");
  const levels = [...document.querySelectorAll("h1, h2, h3")].map((node) => Number(node.tagName[1]));
  levels.forEach((level, i) => { if (level > (levels[i - 1] ?? 0) + 1) bad.push(`h${level} after h${levels[i - 1]}`); });
  if (levels.filter((level) => level === 1).length !== 1) bad.push("not one h1");
  for (const [id, live] of [["polite", "polite"], ["urgent", "assertive"]])
    if (document.getElementById(id).getAttribute("aria-live") !== live) bad.push(`${id} is not live`);
  if (document.querySelectorAll("[aria-live]").length !== 2) bad.push("more that is live");
  for (const node of document.querySelectorAll("button, .button, summary")) {
    const box = node.getBoundingClientRect();
    if (box.height && (box.height < 24 || box.width < 24)) bad.push(`small: ${node.textContent}`);
  }
  return bad;
}"""


_PATIENCE_S: Final = 10.0  # for a page on a busy machine; a look takes a few milliseconds


def _html(view: View) -> str:
    return answer(view, widget=False).body[0].decode()


def _shown(page: Page, html: str | None = None) -> Any:
    return page.evaluate(SHOWN, html)


def _agreed(page: Page, html: str) -> bool:
    """Say whether the page comes to show what the server would: a countdown may move on between two looks."""
    end = time.monotonic() + _PATIENCE_S
    while (agreed := _shown(page) == _shown(page, html)) is False and time.monotonic() < end:
        page.wait_for_timeout(20)
    return agreed


# --- without script


def test_without_script_a_visitor_gets_in(chromium: Browser, foyer: Foyer) -> None:
    """He joins, waits, comes when he is called, and gives his turn back, by forms and pages that load themselves alone; each form
    says that it is the page's own.
    """
    foyer.reset(NOBODY, join=WAITING._replace(next_poll_s=2), claim=ADMITTED, release=VIEWS["released, by_choice"])
    context = chromium.new_context(java_script_enabled=False, viewport={"width": 390, "height": 800})
    page = context.new_page()
    page.goto(foyer.room)
    page.get_by_role("button", name="Join the queue").click()
    expect(page.locator("#ahead")).to_have_text("790 people ahead of you")
    keep(page, "room-plain")
    foyer.view = CALLED
    expect(page.get_by_role("heading", name="It is your turn")).to_be_visible()  # nobody did anything
    page.get_by_role("button", name="Go in now").click()
    expect(page.get_by_role("link", name="Go on")).to_have_attribute("href", "https://shop.example/buy")
    page.get_by_role("button", name="I have finished").click()
    expect(page.get_by_role("heading", name="You have finished")).to_be_visible()
    assert foyer.verbs == ["join", "claim", "release"]
    assert {each.headers["origin"] for each in foyer.asked} == {foyer.url}
    assert {each.headers["content-type"] for each in foyer.asked} == {"application/x-www-form-urlencoded"}
    context.close()


def test_without_script_leaving_is_asked_about(chromium: Browser, foyer: Foyer) -> None:
    """The button that costs the place is not in sight until somebody looks for it; the page need not load itself."""
    foyer.reset(WAITING, leave=VIEWS["left, by_choice"])
    context = chromium.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(foyer.room)
    expect(page.get_by_role("button", name="Yes, leave")).to_be_hidden()
    page.get_by_text("Leave the queue").click()
    page.get_by_role("button", name="Yes, leave").click()
    expect(page.get_by_role("heading", name="You have left the queue")).to_be_visible()
    foyer.view = WAITING
    page.get_by_role("link", name="Check again").click()
    page.get_by_role("link", name="Stop checking by itself").click()
    expect(page).to_have_url(foyer.room + "?still")
    assert page.locator("meta[http-equiv]").count() == 0
    context.close()


# --- with script


@pytest.mark.parametrize("lang", LANGUAGES)
def test_script_and_server_say_the_same(guest: Guest, lang: str) -> None:
    """In every situation the script makes of a reply what the server's own page says, word for word."""
    page = guest.open(WAITING._replace(lang=lang))
    for name, view in VIEWS.items():
        if view.visitor is not None:
            guest.meet(view._replace(lang=lang))
            assert _agreed(page, _html(view._replace(lang=lang))), name


def test_the_board_and_server_say_the_same(chromium: Browser, foyer: Foyer) -> None:
    """What a room's board tells those who have no place is what the server's own page tells them, word for word."""
    context = chromium.new_context()
    context.add_init_script(HASTE)
    guest = Guest(context, foyer)
    page = guest.open(NOBODY)
    for name, view in VIEWS.items():
        if view.visitor is None:
            foyer.view = view
            expect(page).to_have_title(f"{said(view).headline} · Hamlet")
            assert _shown(page) == _shown(page, _html(view)), name
    context.close()
    assert guest.complaints == []


def test_changes_are_said_and_ticks_are_not(guest: Guest) -> None:
    """Who cannot see it hears what is new once: another situation, half as many ahead, an estimate that comes or goes, the
    operator's words; not every number, and no clock.
    """
    page = guest.open(WAITING)
    assert page.locator("#polite, #urgent").all_inner_texts() == ["", ""]  # it stands there already
    page.evaluate(LISTEN)
    for ahead in (789, 700, 500):
        guest.meet(WAITING._replace(ahead=ahead))
    assert page.evaluate("told") == []
    guest.meet(WAITING._replace(ahead=390))
    guest.meet(WAITING._replace(ahead=389, eta_reason="stalled"))
    guest.meet(WAITING._replace(ahead=388))
    guest.meet(WAITING._replace(ahead=387, message=("info", "Doors at seven.")))
    guest.meet(WAITING._replace(ahead=386, message=("info", "Doors at seven.")))
    guest.meet(VIEWS["paused"]._replace(message=None))
    guest.meet(CALLED)
    assert page.evaluate("told") == [
        ["polite", "390 people ahead of you."],
        ["polite", "Estimated wait: not known, nobody is being let in right now."],
        ["polite", "Estimated wait: between 4 and 7 minutes."],
        ["polite", "Message from the organiser: Doors at seven."],
        ["polite", "The queue is paused. Nobody is being let in at the moment. You keep your place. 790 people ahead of you."],
        ["polite", ""],
        ["urgent", "It is your turn. Press the button before the time is up, or the next person is let in instead of you."],
    ]  # fmt: skip
    page.evaluate("told = []")
    guest.meet(VIEWS["parked"])
    guest.meet(CALLED)  # once more: the same words are said again
    assert [region for region, text in page.evaluate("told") if text] == ["polite", "urgent"]
    before = page.locator("#claim_by [role=timer]").inner_text()
    expect(page.locator("#claim_by [role=timer]")).not_to_have_text(before)
    assert [region for region, text in page.evaluate("told") if text] == ["polite", "urgent"]


def test_before_the_draw_there_is_no_number_to_say(guest: Guest) -> None:
    """In the lobby nothing is announced by a poll that says what the one before said; the draw is."""
    page = guest.open(VIEWS["lobby"])
    page.evaluate(LISTEN)
    for _ in range(3):
        guest.meet(VIEWS["lobby"])
    assert page.evaluate("told") == []
    guest.meet(VIEWS["drawing"])
    assert page.evaluate("told") == [
        ["polite", "Places are being drawn. Your place will be shown here when the sale opens."]
    ]


def test_an_estimate_that_grows_says_why(guest: Guest) -> None:
    """More than a fifth longer than before, with nobody more ahead, is explained; when it is better again, no longer."""
    page = guest.open(WAITING)
    expect(page.locator("#slower")).to_be_hidden()
    guest.meet(WAITING._replace(ahead=780, eta_low_s=400.0, eta_high_s=600.0))
    expect(page.locator("#slower")).to_be_visible()
    guest.meet(WAITING._replace(ahead=770, eta_low_s=300.0, eta_high_s=400.0))
    expect(page.locator("#slower")).to_be_hidden()


def test_who_is_called_finds_the_button(guest: Guest) -> None:
    """The title of the tab changes and the button has the focus; one press, and the way on, with the pass, stands there."""
    page = guest.open(WAITING, claim=ADMITTED)
    assert page.title() == "You are in the queue · Hamlet"
    guest.meet(CALLED)
    expect(page.get_by_role("button", name="Go in now")).to_be_focused()
    assert page.title() == "● It is your turn · Hamlet"
    keep(page, "room-called")
    guest.foyer.token = "v1.pass"
    page.keyboard.press("Enter")
    expect(page.get_by_role("link", name="Go on")).to_have_attribute(
        "href", "https://shop.example/buy#sidecar-pass=hamlet:v1.pass"
    )
    expect(page.get_by_role("heading", name="You can go in now")).to_be_focused()
    assert guest.foyer.verbs == ["join", "claim"]
    assert page.evaluate("stub.asked") == {"claim": "manual", "language": "en"}


def test_who_is_in_without_his_pass_gets_it_again(guest: Guest) -> None:
    """Come back where the browser has kept nothing but the cookie of the page: it claims by itself, once, and the way on has the pass."""
    guest.foyer.reset(ADMITTED, claim=ADMITTED)
    guest.foyer.token = "v1.pass"
    page = guest.open()
    expect(page.get_by_role("link", name="Go on")).to_have_attribute(
        "href", "https://shop.example/buy#sidecar-pass=hamlet:v1.pass"
    )
    assert guest.foyer.verbs == ["join", "claim"]


def test_focus_is_left_where_it_is(guest: Guest) -> None:
    """Whatever else changes, whoever is somewhere on the page stays there; a button pressed twice is pressed once."""
    page = guest.open(WAITING)
    page.get_by_text("Leave the queue").focus()
    for view in (WAITING._replace(ahead=3), VIEWS["paused"], VIEWS["parked"], VIEWS["needs_action, crowd"]):
        guest.meet(view)
        expect(page.get_by_text("Leave the queue")).to_be_focused()


def test_by_keyboard_alone(guest: Guest) -> None:
    """Tab reaches what can be done and nothing else, in the order of the page, each with an outline; Enter and Space do it."""
    page = guest.open(NOBODY, join=WAITING, leave=VIEWS["left, by_choice"])
    page.keyboard.press("Tab")
    expect(page.get_by_role("button", name="Join the queue")).to_be_focused()
    outline = page.evaluate("getComputedStyle(document.activeElement).outline")
    assert "solid 3px" in outline
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="You are in the queue")).to_be_focused()
    page.keyboard.press("Tab")
    page.keyboard.press("Space")
    page.keyboard.press("Tab")
    expect(page.get_by_role("button", name="Yes, leave")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="You have left the queue")).to_be_focused()
    assert guest.foyer.verbs == ["join", "leave"]


def test_who_comes_back_has_his_place(guest: Guest) -> None:
    """A place outlives the page that it was given to; who has left has none."""
    page = guest.open(NOBODY, join=WAITING, leave=VIEWS["left, by_choice"])
    page.get_by_role("button", name="Join the queue").click()
    expect(page.locator("#ahead b")).to_have_text("790")
    guest.foyer.view = NOBODY  # no cookie tells the server
    page.reload()
    expect(page.locator("#ahead b")).to_have_text("790")
    assert guest.foyer.asked[-1].headers["sidecar-place"] == "v1.place"
    guest.meet(VIEWS["left, by_choice"])
    assert page.evaluate(PLACE) is None


def test_a_browser_that_keeps_nothing_says_so(chromium: Browser, foyer: Foyer) -> None:
    """Where storage is blocked the visitor is told to leave the page open."""
    foyer.reset(WAITING)
    context = chromium.new_context()
    context.add_init_script(FORGETFUL)
    page = Guest(context, foyer).open()
    expect(page.locator("#note")).to_contain_text("Leave it open, or you lose your place.")
    context.close()


def test_who_has_no_place_sees_the_room_move(chromium: Browser, foyer: Foyer) -> None:
    """The board is looked at until somebody joins: a room that opens, and the operator's words."""
    foyer.reset(VIEWS["join_lobby"]._replace(next_poll_s=1))
    context = chromium.new_context()
    context.add_init_script(HASTE)
    page = Guest(context, foyer).open()
    foyer.view = NOBODY._replace(message=("info", "It has begun."))
    expect(page.get_by_role("heading", name="There is a queue")).to_be_visible()
    expect(page.locator("#message")).to_contain_text("It has begun.")
    assert set(foyer.verbs) == {"board"}
    context.close()


def test_without_the_client_the_page_loads_itself(chromium: Browser, foyer: Foyer) -> None:
    """A file that did not come is no end: the page moves on as it does without script, and its forms work."""
    foyer.reset(WAITING)
    foyer.client = None
    context = chromium.new_context()
    context.add_init_script(HASTE)
    page = context.new_page()
    page.goto(foyer.room)
    page.wait_for_event("load")
    expect(page.get_by_role("link", name="Check again")).to_be_visible()
    assert foyer.loads >= 2
    context.close()


REFUSALS: tuple[tuple[dict[str, Any], str], ...] = (
    ({"state": "sale_closed", "room": {"name": "hamlet", "state": "sold_out"}}, "Sold out"),
    ({"state": "sale_closed"}, "Closed"),
    ({"state": "account_limit"}, "One more step"),
    ({"state": "verify_required", "reason": "sign_in", "links": {"remedy": "/signin"}}, "One more step"),
    ({"state": "pass_expired", "reason": "idle"}, "Your time is up"),
    ({"state": "waiting", "reason": "no_place"}, "There is a queue"),
    ({"state": "paused"}, "The queue is paused"),
    ({"state": "ok"}, "You are in the queue"),
    ({"state": "ok", "queue": {"visitor": "dancing"}, "room": {"state": "constructor"}}, "You are in the queue"),
    ({"state": "of another release", "category": "final"}, "You are in the queue"),
)


def test_a_refusal_is_told(guest: Guest) -> None:
    """What a reply refuses becomes one of the situations, never a page that stands still; only one that says so costs the place."""
    for reply, headline in REFUSALS:
        page = guest.open(WAITING)
        page.evaluate("said => stub.hear(said)", reply)
        expect(page.locator("#word")).to_have_text(headline)
        assert page.evaluate(PLACE) == (None if reply["state"] == "waiting" else "v1.place")


def test_no_answer_is_told_once(guest: Guest) -> None:
    """Where nothing comes the last that was known stays, with a word that it may be old; it goes when there is an answer."""
    page = guest.open(WAITING)
    page.evaluate(LISTEN)
    for state in ("unreachable", "offline", "overloaded"):
        page.evaluate("said => stub.hear(said)", {"state": state, "category": "upstream", "executed": "no"})
    expect(page.locator("#trouble")).to_be_visible()
    expect(page.locator("#ahead b")).to_have_text("790")
    assert len(page.evaluate("told")) == 1
    guest.meet(WAITING._replace(ahead=700))
    expect(page.locator("#trouble")).to_be_hidden()


EVIL = "<img src=x onerror=\"document.title='1'\"><script>document.title='1'</script>"


def test_a_hostile_reply_is_text(guest: Guest) -> None:
    """Whatever a reply holds is shown as it is, and an address that is a script is none."""
    view = WAITING._replace(
        room=replace(ROOM, remedy=None), code=EVIL, message=(EVIL, EVIL), reason=EVIL, eta_reason=EVIL
    )
    page = guest.open(view)
    guest.meet(view._replace(visitor="needs_action"), links={"remedy": "javascript:document.title='1'"})
    assert page.locator("#message p").inner_text() == EVIL
    assert page.locator("#code code").inner_text() == EVIL
    assert page.locator("img").count() == 0
    expect(page.locator("#remedy")).to_be_hidden()
    assert page.title() == "One more step · Hamlet"


# --- for every eye and every hand


@pytest.mark.parametrize("scheme", ["light", pytest.param("dark", marks=pytest.mark.long)])
def test_everything_can_be_read(chromium: Browser, foyer: Foyer, scheme: Literal["light", "dark"]) -> None:
    """Every text has the contrast that WCAG AA asks for, in both schemes, whatever colours an operator chose."""
    themes = ((), (("accent", "#ffe000"),), (("background", "#2b1055"), ("text", "#6a5a8a"), ("accent", "#3a2a6a")))
    for number, theme in enumerate(themes):
        if scheme == "dark" and number == 2:
            continue  # a ground that was chosen is the same in both
        room = replace(ROOM, look=replace(LOOK, theme=theme))
        context = chromium.new_context(color_scheme=scheme, viewport={"width": 900, "height": 900})
        guest = Guest(context, foyer)
        page = guest.open(WAITING._replace(room=room))
        for name in ("waiting", "paused", "called", "admitted", "needs_action, crowd", "sold_out"):
            guest.meet(VIEWS[name]._replace(room=room))
            assert page.evaluate(CONTRAST) == []
            assert page.evaluate(NAMES) == []
        guest.meet(VIEWS["paused"]._replace(room=room))
        page.get_by_text("Leave the queue").click()
        assert page.evaluate(CONTRAST) == []
        keep(page, f"room-{scheme}-{number}")
        context.close()
        assert guest.complaints == []


@pytest.mark.parametrize("larger", ["", "200%"])
def test_a_narrow_screen(chromium: Browser, foyer: Foyer, larger: str) -> None:
    """At 320 px (400 % of a desk's window), and at twice the size of text, nothing sticks out or scrolls sideways."""
    context = chromium.new_context(viewport={"width": 640 if larger else 320, "height": 700})
    guest = Guest(context, foyer)
    long = ("critical", "Donaudampfschifffahrtsgesellschaftskapitänsmützenabzeichen " * 3 + "w" * 90)
    for lang in ("de", "fr"):
        page = guest.open(WAITING._replace(lang=lang, ahead=999_999))
        page.evaluate("size => { document.documentElement.style.fontSize = size; }", larger)
        for name in ("waiting, stalled", "paused", "called", "needs_action, crowd", "expired, wave"):
            guest.meet(VIEWS[name]._replace(lang=lang, message=long))
            assert page.evaluate(CUT) == []
        keep(page, f"room-{lang}-{640 if larger else 320}")
    context.close()


def test_nothing_moves_for_who_does_not_want_it(chromium: Browser, foyer: Foyer) -> None:
    """With reduced motion there is no animation at all."""
    foyer.reset(WAITING)
    context = chromium.new_context(reduced_motion="reduce")
    page = Guest(context, foyer).open()
    assert page.evaluate("document.getAnimations().length") == 0
    context.close()
