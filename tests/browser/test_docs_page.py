"""The documentation page in real headless Chromium: find an operation, read it, send it, see what came of it."""

from __future__ import annotations

import re
import shlex
from typing import TYPE_CHECKING, Literal

import orjson
import pytest
from playwright.sync_api import expect

from sidecar.described import Described, Description
from tests.browser.library import NARROW, WIDE, Library, Reader, Reply, document, good, problem, unfold
from tests.browser.looks import CONTRAST, CUT, keep
from tests.web.descriptions import OFFICE, large

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser


@pytest.fixture
def narrow(chromium: Browser, library: Library) -> Iterator[Reader]:
    context = chromium.new_context(viewport=NARROW)
    reader = Reader(context, library)
    yield reader
    context.close()
    assert reader.complaints == []


# --- finding


def test_the_list_and_the_filter(reader: Reader) -> None:
    """Operations stand under their tags with what they do; words that are typed leave those that have all of them."""
    page = reader.open()
    assert page.locator("nav h2").all_inner_texts() == ["clear", "get", "reserve", "system"]
    assert page.locator("nav li").filter(has_text="ReserveSeats").locator(".mark").inner_text() == "changes something"
    assert page.locator("nav li").filter(has_text="system.list").locator(".mark").inner_text() == "safe"
    page.get_by_label("Find an operation").fill("find seats")
    assert page.locator("nav li:visible .name").all_inner_texts() == ["GetSeats"]
    assert page.locator("nav h2:visible").all_inner_texts() == ["get"]
    assert page.locator("#count").inner_text() == "1 of 5"
    page.get_by_label("Find an operation").fill("nothing of the kind")
    assert page.locator("nav li:visible").count() == 0


def test_by_keyboard_alone(reader: Reader) -> None:
    """Arrows walk through the list, Enter opens, and the focus is then at the operation."""
    page = reader.open()
    page.get_by_label("Find an operation").focus()
    page.keyboard.type("get")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowUp")
    page.keyboard.press("Enter")
    expect(page.locator("main h2")).to_have_text("GetSeats")
    expect(page.locator("main h2")).to_be_focused()
    assert page.locator("nav [aria-current=page] .name").inner_text() == "GetSeats"
    page.go_back()
    expect(page.locator("main h2")).to_have_text("tickets")


@pytest.mark.parametrize("name", ["GetSeats", "system.list%2Fmethods"])
def test_an_address_names_an_operation(reader: Reader, name: str) -> None:
    """A link to the page with an operation's name shows it, whatever signs the name has."""
    page = reader.open(name)
    assert page.locator("main h2").inner_text() == name.replace("%2F", "/")
    assert page.title() == f"{name.replace('%2F', '/')} · tickets"


def test_what_is_not_offered_says_why(reader: Reader) -> None:
    """Who asks for an operation that the facade cannot speak reads the reason, and who asks for none that exists, that."""
    assert "it has two bodies" in reader.open("Admin").locator("main").inner_text()
    page = reader.open("constructor")
    assert "not among the operations" in page.locator("main").inner_text()
    page.evaluate("location.hash = ''")
    page.get_by_text("2 that cannot be called here, and why").click()
    expect(page.locator("main")).to_contain_text("Print: its schema has a type of")


# --- reading


def test_an_operation_is_told_whole(reader: Reader) -> None:
    """What it takes and gives, with bounds and examples, and every state that a call may meet."""
    page = reader.open("GetSeats")
    takes = page.locator(".takes").inner_text()
    assert re.search(r"iPerf_no\s+integer\s+required\s+The performance\.\s+at least\s+1", takes)
    assert re.search(r"class\s+list of Class-of\.Seat\s+Where it is\.\s+one of", takes)
    gives = page.locator(".gives")
    assert "GetSeatsResult" in gives.inner_text()
    gives.get_by_text("Example of a reply").click()
    assert '"price": "12.50"' in gives.locator("pre").inner_text()
    answers = page.locator(".answers").inner_text()
    assert "cached: Answered from memory, within its time" in answers
    assert "overloaded: The backend is at its limit" in answers
    confirm = reader.open("ReserveSeats").locator("article > header")
    assert confirm.get_by_role("link", name="GetSeats").get_attribute("href") == "#GetSeats"
    assert "not marked safe" in confirm.inner_text()


def test_a_type_that_holds_itself_is_opened_step_by_step(reader: Reader) -> None:
    """A named type is made when it is opened, as deep as somebody goes; one that is nothing but another name of itself, too."""
    loop = Described(
        "Turns", {"type": "object", "properties": {"turn": {"$ref": "#/components/schemas/Turn"}}}, None, safe=True
    )
    office = Description("tickets", "/tickets", "soap", (*OFFICE.operations, loop), OFFICE.components)
    page = reader.open("ReserveSeats", document(office))
    seat = page.locator(".takes .tree")
    for depth in range(1, 6):
        assert seat.locator(".member .name", has_text="row").count() == depth
        seat.locator("details:not([open]) > summary", has_text="Seat").first.click()
        expect(seat.locator(".member .name", has_text="row")).to_have_count(depth + 1)
    page.goto(reader.library.url + "#Turns")
    for depth in range(1, 4):
        expect(page.locator(".takes .tree summary")).to_have_count(depth)
        page.locator(".takes .tree details:not([open]) > summary").click()


def test_230_operations_are_quick(reader: Reader) -> None:
    """With as many operations as the largest WSDL that people have, the page stands at once and a filter takes no time; only the
    operation that is looked at is made. The bounds are more than ten times what was measured.
    """
    said = document(large())
    page = reader.open("GetThing229", said)
    assert page.locator("nav li").count() == 230
    assert page.locator("article").count() == 1
    ready = page.evaluate("performance.now()")
    took = page.evaluate(
        """() => {
          const filter = document.getElementById('filter'), began = performance.now();
          for (const words of ['g', 'ge', 'thing1', 'thing12', 'thing 129']) {
            filter.value = words;
            filter.dispatchEvent(new Event('input', { bubbles: true }));
            document.body.offsetHeight;
          }
          return (performance.now() - began) / 5;
        }"""
    )
    print(f"ready after {ready:.0f} ms, a filter takes {took:.1f} ms")
    assert page.locator("nav li:visible .name").all_inner_texts() == ["GetThing129"]
    assert ready < 5000
    assert took < 100


# --- trying


def test_a_safe_operation_is_sent_and_shown(reader: Reader) -> None:
    """The example is edited and sent as it was typed; state, time, headers and the laid-out body come back, a large number unharmed."""
    page = reader.open("GetSeats")
    body = page.get_by_label("Body, as JSON")
    assert orjson.loads(body.input_value()) == {"iPerf_no": 1201, "class": ["stalls"]}
    body.fill('{"iPerf_no": 12345678901234567890}')
    reader.library.reply = Reply(
        200, b'{"state":"cached","category":"ok","executed":"no","data":{"n":12345678901234567890,"none":[],"e":"a\\"{"}}',
        {"Sidecar-State": "cached;age=4", "Content-Type": "application/json", "Age": "4"},
    )  # fmt: skip
    reader.send()
    (called,) = reader.library.calls
    assert (called.method, called.operation) == ("POST", "GetSeats")
    assert called.body == '{"iPerf_no": 12345678901234567890}'
    assert called.headers["content-type"] == "application/json"
    assert "idempotency-key" not in called.headers
    verdict = page.locator(".verdict")
    assert re.search(r"cached\s*HTTP 200 OK\s*\d+ ms\s*nothing was done", verdict.inner_text())
    assert (verdict.get_attribute("role"), verdict.get_attribute("aria-live")) == ("status", "polite")
    assert "Answered from memory, within its time" in page.locator(".result").inner_text()
    shown = page.get_by_role("region", name="Body of the answer").inner_text()
    assert '\n  "data": {\n    "n": 12345678901234567890,\n    "none": [],\n    "e": "a\\"{"\n  }\n}' in shown
    page.locator(".result summary").click()
    expect(page.locator(".result")).to_have_text(re.compile(r"age\s*4"))


def test_a_get_has_fields(reader: Reader) -> None:
    """A safe operation is also sent as a query: a field each, lists line by line, what is empty left out."""
    page = reader.open("GetSeats")
    page.get_by_label("GET, with a query").check()
    assert page.get_by_label("iPerf_no").input_value() == "1201"
    page.get_by_label("class", exact=True).fill('stalls\nthe "gods"')
    reader.send()
    (called,) = reader.library.calls
    assert (called.method, called.body) == ("GET", "")
    assert called.query == [("iPerf_no", "1201"), ("class", "stalls"), ("class", 'the "gods"')]
    errors = [
        {"pointer": "/below", "code": "type", "text": "must be a price"},
        {"pointer": "/another", "code": "unknown", "text": "is not known"},
    ]
    reader.library.reply = problem(400, "invalid_params", "client", errors=errors)
    page.get_by_label("below").fill("much")
    page.click(".try .primary")
    expect(page.get_by_label("below")).to_have_attribute("aria-invalid", "true")
    expect(page.locator(".field", has=page.get_by_label("below")).locator(".wrong")).to_have_text("must be a price")
    assert page.locator(".errors li:visible").all_inner_texts() == ["/another is not known"]


def test_what_changes_something_is_asked_about(reader: Reader) -> None:
    """Nothing leaves before somebody has said yes; Escape and the first button say no, and the first button has the focus."""
    page = reader.open("ReserveSeats")
    page.click(".try .primary")
    dialog = page.get_by_role("dialog", name="This changes something at the backend")
    expect(dialog).to_be_visible()
    expect(dialog.get_by_role("button", name="Do not send")).to_be_focused()
    assert "POST /tickets/json/ReserveSeats" in dialog.inner_text()
    keep(page, "docs-sure")
    page.keyboard.press("Escape")
    expect(page.locator(".verdict")).to_have_text("Not sent.")
    page.get_by_label("Body, as JSON").focus()
    page.keyboard.press("Control+Enter")
    dialog.get_by_role("button", name="Do not send").click()
    assert reader.library.calls == []
    reader.library.reply = good({"ReserveSeatsResult": 1})
    reader.send()
    assert len(reader.library.calls) == 1
    expect(page.locator(".verdict")).to_contain_text("it was done")


def test_the_same_key_until_a_new_one_is_wanted(reader: Reader) -> None:
    """A call that takes a key has one, sent again it is the same one, and a button makes another; without a key none is sent."""
    page = reader.open("ReserveSeats")
    for _ in range(2):
        reader.send()
        page.evaluate("document.querySelector('.verdict').replaceChildren()")
    page.get_by_role("button", name="New key").click()
    reader.send()
    keys = [called.headers["idempotency-key"] for called in reader.library.calls]
    assert keys[0] == keys[1] != keys[2]
    assert re.fullmatch(r'"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"', keys[2])
    page.get_by_label("Idempotency-Key").fill("")
    page.evaluate("document.querySelector('.verdict').replaceChildren()")
    page.click(".try .primary")
    expect(page.locator("#sure-what")).to_contain_text("sent twice, it is done twice")
    page.click("#sure-yes")
    expect(page.locator(".verdict .state")).to_be_visible()
    assert "idempotency-key" not in reader.library.calls[-1].headers
    page.goto(reader.library.url + "#GetSeats")
    expect(page.locator("main h2")).to_have_text("GetSeats")
    assert page.get_by_label("Idempotency-Key").count() == 0


def test_errors_stand_at_their_places(reader: Reader) -> None:
    """Each place that is wrong is named with its line, what is wrong with it, and a button that selects it in the body."""
    page = reader.open("ReserveSeats")
    page.get_by_label("Body, as JSON").fill('{\n  "row": {"a/b": [1,\n "x"]},\n  "@id": "7"\n}')
    errors = [
        {"pointer": "/row/a~1b/1", "code": "type", "text": "must be an integer"},
        {"pointer": "/@id", "code": "type", "text": "must be an integer, too"},
        {"pointer": "/absent", "code": "missing", "text": "is missing"},
    ]
    reader.library.reply = problem(400, "invalid_params", "client", title="A parameter is wrong", errors=errors)
    reader.send()
    assert page.locator(".errors li").all_inner_texts() == [
        "/row/a~1b/1 line 3 must be an integer",
        "/@id line 4 must be an integer, too",
        "/absent line 1 is missing",
    ]
    expect(page.get_by_label("Body, as JSON")).to_have_attribute("aria-invalid", "true")
    page.get_by_role("button", name="/row/a~1b/1").click()
    selected = "(() => { const a = document.activeElement; return a.value.slice(a.selectionStart, a.selectionEnd); })()"
    assert page.evaluate(selected) == '"x"'
    assert "3 places are wrong" in page.locator(".verdict").inner_text()
    keep(page, "docs-errors")


def test_what_is_no_json_is_not_sent(reader: Reader) -> None:
    """A slip of the pen is told at the field, without a call and without a question."""
    page = reader.open("ReserveSeats")
    page.get_by_label("Body, as JSON").fill('{"row": ')
    page.click(".try .primary")
    expect(page.locator(".fields .wrong").first).to_contain_text("This is no JSON, and was not sent")
    expect(page.get_by_label("Body, as JSON")).to_be_focused()
    assert (reader.library.calls, page.locator("#sure").is_visible()) == ([], False)


@pytest.mark.parametrize(
    ("name", "executed"), [("GetSeats", "nothing was done"), ("ReserveSeats", "it may have been done")]
)
def test_a_connection_that_fails_is_a_state(reader: Reader, name: str, executed: str) -> None:
    """Where fetch itself fails, the page says so as a state, and of what is not safe that nobody knows whether it was done."""
    page = reader.open(name)
    reader.library.reply = None
    reader.send()
    verdict = page.locator(".verdict").inner_text()
    assert "unreachable" in verdict
    assert executed in verdict
    assert ("find out what became of it" in page.locator(".result").inner_text()) is (name == "ReserveSeats")


def test_a_call_can_be_left(reader: Reader) -> None:
    """Who does not want to wait stops waiting; a second call is not sent while the first one is under way."""
    page = reader.open("GetSeats")
    reader.library.hold()
    page.click(".try .primary")
    expect(page.locator(".verdict")).to_have_text("Sent, waiting for the answer.")
    page.locator(".try .primary").click(force=True)
    page.get_by_role("button", name="Stop waiting").click()
    expect(page.locator(".verdict .state")).to_have_text("aborted")
    assert len(reader.library.calls) == 1
    reader.library.release()


def test_come_back_is_told(reader: Reader) -> None:
    """A refusal says in how many seconds to come back, the longest of what header and body say, and why."""
    page = reader.open("GetSeats")
    refusal = problem(
        503, "overloaded", "busy", "queue_full", detail="The line is full.", retry={"how": "wait", "after_s": 4}
    )
    reader.library.reply = Reply(503, refusal.body, {**refusal.headers, "Retry-After": "9"})
    reader.send()
    result = page.locator(".result").inner_text()
    assert re.search(r"Reason\s+queue_full\s+Come back\s+in 9 s", result)
    assert "The line is full." in result


def test_the_command_is_what_would_be_sent(reader: Reader) -> None:
    """The line to copy is one command to a shell, with the body and headers that the form has now, whatever signs are in them."""
    page = reader.open("ReserveSeats")
    page.get_by_label("Body, as JSON").fill('{\n  "row": "it\'s $(reboot) `x`",\n  "@id": 1.0\n}')
    page.get_by_label("Idempotency-Key").fill('a"b')
    words = shlex.split(page.get_by_role("region", name="The command").inner_text())
    assert words[:2] == ["curl", "-i"]
    assert words[2] == reader.library.url.replace("/docs", "/json/ReserveSeats")
    assert 'Idempotency-Key: "a\\"b"' in words
    assert words[-2:] == ["--data-raw", '{"row":"it\'s $(reboot) `x`","@id":1.0}']


def test_what_was_typed_is_there_when_one_comes_back(reader: Reader) -> None:
    """Looking at another operation costs neither the body nor the result."""
    page = reader.open("GetSeats")
    page.get_by_label("Body, as JSON").fill("{}")
    reader.send()
    page.locator("nav").get_by_role("link", name="ReserveSeats").click()
    expect(page.locator("main h2")).to_have_text("ReserveSeats")
    page.go_back()
    expect(page.locator("main h2")).to_have_text("GetSeats")
    assert page.get_by_label("Body, as JSON").input_value() == "{}"
    assert page.locator(".verdict .state").inner_text() == "ok"


# --- for every eye and every hand


@pytest.mark.parametrize("scheme", ["light", pytest.param("dark", marks=pytest.mark.long)])
def test_everything_can_be_read(chromium: Browser, library: Library, scheme: Literal["light", "dark"]) -> None:
    """Every text has the contrast that WCAG AA asks for, in both schemes, before and after a call."""
    context = chromium.new_context(viewport=WIDE, color_scheme=scheme)
    reader = Reader(context, library)
    page = reader.open()
    assert page.evaluate(CONTRAST) == []
    page.locator("nav").get_by_role("link", name="ReserveSeats").click()
    expect(page.locator("main h2")).to_have_text("ReserveSeats")
    errors = [{"pointer": "/row", "code": "type", "text": "must be a string"}]
    replies = (
        problem(400, "invalid_params", "client", errors=errors),
        problem(503, "overloaded", "busy"),
        problem(504, "outcome_unknown", "upstream", executed="unknown"),
        good({"ReserveSeatsResult": 1}),
    )
    for reply in replies:
        library.reply = reply
        page.evaluate("document.querySelector('.verdict').replaceChildren()")
        reader.send()
        assert page.evaluate(CONTRAST) == []
        keep(page, f"docs-{scheme}-{reply.headers['Sidecar-State']}")
    page.click(".try .primary")
    assert page.evaluate(CONTRAST) == []
    context.close()
    assert reader.complaints == []


def test_a_narrow_screen(narrow: Reader) -> None:
    """At 320 px nothing sticks out or scrolls sideways; the list is folded while an operation is read, and a search unfolds it."""
    page = narrow.open()
    assert page.evaluate(CUT) == []
    keep(page, "docs-320-list")
    page.locator("nav").get_by_role("link", name="ReserveSeats").click()
    expect(page.locator("#list")).to_be_hidden()
    unfold(page)
    errors = [{"pointer": "/" + "verylong" * 40, "code": "unknown", "text": "is not known"}]
    narrow.library.reply = problem(400, "invalid_params", "client", detail="word" * 200, errors=errors)
    narrow.send()
    assert [
        each for each in page.evaluate(CUT) if not each.startswith("over: INPUT")
    ] == []  # a field of one line scrolls
    keep(page, "docs-320-operation")
    page.get_by_label("Find an operation").fill("get")
    expect(page.locator("#list")).to_be_visible()
    assert page.get_by_role("button", name="All operations").get_attribute("aria-expanded") == "true"


def test_everything_has_a_name(reader: Reader) -> None:
    """Every field has a label, every button and link words; headings go down step by step, ids are there once, what scrolls can be
    reached by keyboard.
    """
    page = reader.open("GetSeats")
    unfold(page)
    reader.send()
    found = page.evaluate(
        """() => {
          const bad = [];
          for (const field of document.querySelectorAll('input, textarea, select'))
            if (!field.labels.length || !field.labels[0].textContent.trim()) bad.push(`no label: ${field.outerHTML.slice(0, 80)}`);
          for (const node of document.querySelectorAll('button, a, summary'))
            if (!(node.getAttribute('aria-label') || node.textContent).trim()) bad.push(`no words: ${node.outerHTML.slice(0, 80)}`);
          const ids = [...document.querySelectorAll('[id]')].map((node) => node.id);
          for (const id of ids) if (ids.indexOf(id) !== ids.lastIndexOf(id)) bad.push(`twice: ${id}`);
          for (const name of ['aria-labelledby', 'aria-describedby', 'aria-controls', 'for'])
            for (const node of document.querySelectorAll(`[${name}]`))
              for (const id of node.getAttribute(name).split(' ')) if (!ids.includes(id)) bad.push(`${name} leads nowhere: ${id}`);
          let level = 1;
          for (const heading of document.querySelectorAll('h1, h2, h3, h4')) {
            const next = Number(heading.tagName[1]);
            if (next > level + 1) bad.push(`h${level} is followed by h${next}`);
            level = next;
          }
          for (const node of document.querySelectorAll('pre, [role=region]')) if (node.tabIndex < 0) bad.push('cannot be reached');
          return bad;
        }"""
    )
    assert found == []
    assert page.get_by_role("main").count() == page.get_by_role("navigation", name="Operations").count() == 1
    page.keyboard.press("Home")
    page.get_by_role("button", name="Skip to the operation").focus()
    page.keyboard.press("Enter")
    expect(page.locator("main h2")).to_be_focused()
