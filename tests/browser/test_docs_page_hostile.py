"""The documentation page over documents and answers that are hostile, have holes, or are none, in real headless Chromium."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import orjson
import pytest
from playwright.sync_api import expect

from tests.browser.library import Reader, Reply, document, problem, unfold
from tests.browser.looks import CUT

if TYPE_CHECKING:
    from playwright.sync_api import Page

EVIL = "<img src=x onerror=\"document.title='1'\"><script>document.title='1'</script>"


# --- without a document, and with a bad one


def test_no_document_is_a_state(reader: Reader) -> None:
    """While the backend's contract is not known the page says so, and asks again when it is told to."""
    page = reader.page
    again = {"how": "wait", "after_s": 5}
    reader.library.document = problem(503, "backend_unreachable", "upstream", title="No contract", retry=again)
    page.goto(reader.library.url)
    alert = page.get_by_role("alert")
    expect(alert).to_contain_text("backend_unreachable")
    assert re.search(r"Come back\s+in 5 s", alert.inner_text())
    reader.library.say(document())
    page.get_by_role("button", name="Read it again").click()
    expect(page.locator("nav li")).to_have_count(5)


OFTEN = frozenset({"odd"})  # tried in every run; the others in the long one
HOLES = {
    "empty": {"paths": {}},
    "nulls": {
        "paths": {
            "/a/json/X": None,
            "/a/json/Y": {"post": 7},
            "/b": {"post": {}},
            "/a/json/..": {"post": {}},
            "/a/json/%": 1,
        }
    },
    "odd": {
        "info": [],
        "tags": [None, 3],
        "x-not-offered": {"A": None},
        "components": 3,
        "paths": {
            "//x.example/json/Op": {
                "parameters": [None, {"$ref": "#/nowhere"}, {"$ref": "http://x.example/"}],
                "post": {
                    "tags": 3,
                    "requestBody": {"$ref": "#"},
                    "responses": {"200": 7, "400": {"headers": 3, "description": []}},
                },
            }
        },
    },
    "loops": {
        "components": {
            "schemas": {
                "A": {"$ref": "#/components/schemas/A"},
                "B": {"allOf": [{"$ref": "#/components/schemas/B"}], "properties": {"own": {}}},
            }
        },
        "paths": {
            "/tickets/json/Op": {
                "post": {
                    "requestBody": {
                        "content": {
                            "application/json": {
                                "schema": {
                                    "type": "object",
                                    "required": ["a", "b", "c"],
                                    "properties": {
                                        "a": {"$ref": "#/components/schemas/A"},
                                        "b": {"$ref": "#/components/schemas/B"},
                                        "c": {"type": "array", "minItems": 1, "items": True},
                                        "d": False,
                                    },
                                }
                            }
                        }
                    }
                }
            }
        },
    },
}


@pytest.mark.parametrize(
    "said",
    [pytest.param(said, id=name, marks=() if name in OFTEN else pytest.mark.long) for name, said in HOLES.items()],
)
def test_documents_with_holes(reader: Reader, said: dict[str, Any]) -> None:
    """Whatever the document holds or lacks, the page stands, and an operation of it is called below the page's own address only."""
    page = reader.open("", said)
    for link in page.locator("nav li a").all():
        link.click()
        unfold(page)
        reader.send()
        assert reader.library.calls[-1].operation == "Op"
    text = page.locator("body").inner_text()
    assert [word for word in ("undefined", "NaN", "[object") if word in text] == []


def evil() -> dict[str, Any]:
    """Return a document in which every word is hostile."""
    word: dict[str, Any] = {"type": "string", "description": EVIL, "pattern": EVIL, "enum": [EVIL], "default": EVIL}
    schema = {
        "type": "object",
        "description": EVIL,
        "title": EVIL,
        "required": [EVIL],
        "additionalProperties": {"$ref": f"#/components/schemas/{EVIL}"},
        "properties": {EVIL: word | {"examples": [EVIL]}, "__proto__": {"type": EVIL}, "constructor": {"const": EVIL}},
    }
    parameter = {"name": EVIL, "description": EVIL, "schema": word, "example": EVIL}
    key = {"name": "Idempotency-Key", "in": "header", "description": EVIL}
    answer = {"application/json": {"schema": schema, "example": EVIL}}
    good = {"description": f"- `{EVIL}`: {EVIL}", "headers": {EVIL: {"description": EVIL}}, "content": answer}
    method = {
        "operationId": EVIL,
        "summary": EVIL,
        "description": f"{EVIL}\n- {EVIL} `{EVIL}`",
        "tags": [EVIL],
        "x-safe": True,
        "x-confirm": EVIL,
        "parameters": [parameter | {"in": "query"}, parameter | {"in": "header"}, key],
        "requestBody": {
            "content": {"application/json": {"schema": schema, "example": {EVIL: EVIL, "__proto__": EVIL}}}
        },
        "responses": {EVIL: {"description": EVIL}, "200": good},
    }
    names = (EVIL.replace("/", "%2F"), "__proto__", "javascript:alert(1)")
    return {
        "openapi": "3.1.0",
        "info": {"title": EVIL, "version": EVIL, "description": EVIL},
        "tags": [{"name": EVIL, "description": EVIL}],
        "servers": [{"url": "https://elsewhere.example/"}],
        "x-not-offered": {EVIL: EVIL, "__proto__": EVIL},
        "paths": {f"/tickets/json/{name}": {"get": method, "post": method} for name in names},
        "components": {"schemas": {EVIL: schema}},
    }


def test_hostile_texts_are_text(reader: Reader) -> None:
    """Markup in names and descriptions of a WSDL, and in an answer, is shown as it is written; nothing of it becomes an element or runs."""
    page = reader.open("", evil())
    body = {"state": EVIL, "title": EVIL, "detail": EVIL, "message": {"text": EVIL}, "executed": "__proto__", "category": EVIL,
            "errors": [{"pointer": EVIL, "text": EVIL}], EVIL: EVIL}  # fmt: skip
    reader.library.reply = Reply(400, orjson.dumps(body), {"Content-Type": "application/json", "X-Evil": EVIL})
    assert page.locator("nav li").count() == 3
    seen = 0
    for link in page.locator("nav li a").all():
        link.click()
        unfold(page)
        reader.send()
        seen += page.locator("body").inner_text().count(EVIL)
        page.get_by_label("GET, with a query").check()
    assert seen > 60
    assert page.locator("img, main script, iframe, [onerror]").count() == 0
    assert all(href.startswith("#") or href.endswith("/tickets/openapi.json") for href in hrefs(page))
    assert page.title() != "1"
    assert page.evaluate(CUT) == []
    assert [called.operation for called in reader.library.calls] == [EVIL, "__proto__", "javascript:alert(1)"]


def hrefs(page: Page) -> list[str]:
    found: list[str] = page.eval_on_selector_all("a", "all => all.map(a => a.getAttribute('href'))")
    return found


def test_the_policy_holds_where_the_page_would_not(reader: Reader) -> None:
    """Were markup ever written into the page, the policy would still run none of it and fetch nothing from elsewhere."""
    page = reader.open("GetSeats")
    page.evaluate(
        "html => { document.getElementById('main').innerHTML = html; }", EVIL + "<style>body{color:red}</style>"
    )
    page.evaluate("fetch('http://127.0.0.1:9/').catch(() => {})")
    assert page.title() == "GetSeats · tickets"
    said = " ".join(reader.complaints)
    reader.complaints.clear()
    assert "connect-src" in said
    assert "script-src" in said or "unsafe-inline" in said


# --- answers


@pytest.mark.thinned(3)
@pytest.mark.parametrize(
    "reply",
    [
        pytest.param(Reply(502, b"<html>bad gateway", {"Content-Type": "text/html"}), id="html", marks=pytest.mark.long),
        pytest.param(Reply(200, b"", {"Sidecar-State": "ok"}), id="empty", marks=pytest.mark.long),
        pytest.param(Reply(200, b'{"state": 7, "errors": [null, 3, {}], "retry": []}', {"Content-Type": "application/json"}), id="odd"),
        pytest.param(Reply(200, b"[" * 100_000, {"Content-Type": "application/json"}), id="broken", marks=pytest.mark.long),
        pytest.param(Reply(200, b"[" * 5000 + b"]" * 5000, {"Content-Type": "application/json"}), id="deep"),
        pytest.param(Reply(200, b'"' + b"x" * 5_000_000 + b'"', {"Content-Type": "application/json"}), id="huge"),
    ],
)  # fmt: skip
def test_answers_that_are_none(reader: Reader, reply: Reply) -> None:
    """Whatever comes is shown, cut where it is too long to be read, and the page goes on."""
    page = reader.open("GetSeats")
    reader.library.reply = reply
    reader.send()
    assert f"HTTP {reply.status}" in page.locator(".verdict").inner_text()
    text = page.locator(".try").inner_text()
    assert len(text) < 700_000
    assert [word for word in ("undefined", "NaN", "[object") if word in text] == []
    assert page.evaluate(CUT) == []
