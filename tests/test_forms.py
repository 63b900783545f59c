"""Refusals made once and kept: the same bytes as made anew, and nothing of one caller in the next one's."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import orjson
import pytest

from adapters.json.problem import problem
from adapters.soap.fault import asmx, soap11, soap12
from adapters.xmlrpc.fault import xmlrpc
from sidecar.forms import Form, effect_of, form_of, state_item
from sidecar.model import Ahead, Executed, Notice, Refusal, joined

if TYPE_CHECKING:
    from sidecar.ports import Facts, Rendered, Renderer

DENIED = Refusal("operation_denied", "deny", "DestroyCache is not offered here")
BUSY = Refusal("overloaded", "queue_full", "100% of the line is taken")
WRITERS = {"soap11": soap11, "soap12": soap12, "asmx": asmx, "xmlrpc": xmlrpc, "json": problem}


def form(refusal: Refusal, render: Renderer = problem, *, safe: bool = False) -> Form:
    return form_of(refusal, render, safe=safe, sender_status=400)


@pytest.mark.parametrize("render", WRITERS.values(), ids=WRITERS.keys())
@pytest.mark.parametrize("refusal", [DENIED, BUSY], ids=["denied", "busy"])
def test_a_filled_form_is_what_its_writer_writes(refusal: Refusal, render: Renderer) -> None:
    """Id and time in their places, everything else as it is, a percent sign too."""
    seen: list[Facts] = []

    def listening(facts: Facts) -> Rendered:
        seen.append(facts)
        return render(facts)

    filled = form(refusal, listening).filled(b"id-0001", "2026-12-01T09:00:00.000Z")
    (blank,) = seen
    facts = replace(blank, request_id="id-0001", server_time="2026-12-01T09:00:00.000Z")
    assert filled == render(facts).body


def test_a_form_is_made_once() -> None:
    """For all callers who are refused for the same reason in the same dialect."""
    calls: list[str] = []

    def counting(facts: Facts) -> Rendered:
        calls.append(facts.state.name)
        return problem(facts)

    assert form(DENIED, counting) is form(DENIED, counting)
    assert form(DENIED, counting, safe=True) is not form(DENIED, counting)
    assert len(calls) == 2


NOTICE = Notice("p1", "warning", (("en", "Back at 9:20"), ("de", "Um 9:20 %b geht es weiter")), 1_796_116_800.0)
PAUSED = Refusal("paused", "everything", "everything is paused", retry_after_s=20, notice=NOTICE)


@pytest.mark.parametrize("render", WRITERS.values(), ids=WRITERS.keys())
def test_a_notice_is_told_in_one_language_and_its_form_is_kept(render: Renderer) -> None:
    """By notice, language and time to come back: a pause in the middle of a sale meets thousands a second."""
    kept = [form_of(PAUSED, render, safe=False, sender_status=400, reads=reads) for reads in (0, 1)]
    for reads, text in enumerate((b"Back at 9:20", b"Um 9:20 %b geht es weiter")):
        assert text in kept[reads].filled(b"id-0001", "2026-12-01T09:00:00.000Z")
        assert (b"Content-Language", (b"en", b"de")[reads]) in kept[reads].before
        same = replace(PAUSED)  # another call's, equal
        assert form_of(same, render, safe=False, sender_status=400, reads=reads) is kept[reads]
    later = form_of(replace(PAUSED, retry_after_s=25), render, safe=False, sender_status=400)
    assert (b"Retry-After", b"25") in later.after
    other = form_of(replace(PAUSED, notice=replace(NOTICE, id="p2")), render, safe=False, sender_status=400)
    assert other is not kept[0]


def test_a_notice_without_words_says_nothing() -> None:
    """Nobody reads an empty sentence."""
    made = form(replace(PAUSED, notice=replace(NOTICE, texts=())))
    assert "message" not in orjson.loads(made.filled(b"id-0001", "2026-12-01T09:00:00.000Z"))
    assert not [name for name, _ in made.before if name == b"Content-Language"]


def test_the_next_update_is_a_time_of_day() -> None:
    """As people and programs read it."""
    said = orjson.loads(form(PAUSED).filled(b"id-0001", "2026-12-01T09:00:00.000Z"))
    assert said["message"] == {
        "id": "p1", "severity": "warning", "lang": "en", "text": "Back at 9:20", "next_update_at": "2026-12-01T09:20:00.000Z",
    }  # fmt: skip


def test_a_backends_own_words_are_not_kept() -> None:
    """Its fault may quote a card number: what it said to one caller goes when he has got it."""
    quoting = Refusal("backend_fault", "server", "card 4992739871600001 was declined")
    once = form_of(quoting, problem, safe=False, sender_status=400, ours=False)
    again = form_of(quoting, problem, safe=False, sender_status=400, ours=False)
    assert once is not again
    assert once == again


def test_callers_share_nothing_but_the_form() -> None:
    """Each gets his own id."""
    first, second = (form(DENIED).filled(name, "now") for name in (b"id-ada", b"id-bob"))
    assert orjson.loads(first)["instance"] == "id-ada"
    assert orjson.loads(second)["instance"] == "id-bob"
    assert b"id-ada" not in second


@pytest.mark.parametrize(
    "refusal",
    [
        Refusal("malformed", "xml", "x" * 1000),
        Refusal("invalid_params", None, "two of them", errors=(("/a", "type", "must be an integer"),)),
    ],
    ids=["long", "errors"],
)
def test_what_quotes_a_caller_is_not_kept(refusal: Refusal) -> None:
    """Strangers' words would fill the memory, and are never the same twice."""
    assert form(refusal) is not form(refusal)
    assert form(refusal) == form(refusal)


def test_a_caller_who_quotes_a_blank_gets_his_own_id_there() -> None:
    """And nothing of anybody else."""
    tricky = Refusal("malformed", "xml", "what is blank-for-the-id-of-this-request and %(id)b?")
    said = orjson.loads(form(tricky).filled(b"id-ada", "now"))
    assert said["detail"] == "what is id-ada and %(id)b?"


def test_lines_around_the_id() -> None:
    """The state before it, when to come back and what is allowed behind it."""
    lost = form(Refusal("method_not_allowed", detail="read it", allow="GET, HEAD"))
    assert lost.after == ((b"Allow", b"GET, HEAD"),)
    busy = form(BUSY)
    assert (b"Sidecar-State", b"overloaded;reason=queue_full;executed=no") in busy.before
    assert [name for name, _ in busy.after] == [b"Retry-After"]


def test_the_block_is_the_same_lines() -> None:
    """With the id in its place, a percent sign too."""
    made = form(Refusal("method_not_allowed", allow="GET, 100%b"))
    assert made.block % b"id-ada" == joined((*made.before, (b"X-Request-Id", b"id-ada"), *made.after))


def test_an_effect_is_its_own_word_or_its_states() -> None:
    """Nothing was sent: nothing happened."""
    assert effect_of(Refusal("outcome_unknown", "timeout", executed=Executed.UNKNOWN), safe=False) is Executed.UNKNOWN
    assert effect_of(DENIED, safe=False) is Executed.NO


def test_the_item_of_a_kept_answer_has_its_age() -> None:
    """In the order of the contract."""
    assert state_item("stale", "backend-down", "no", 42) == b"stale;age=42;reason=backend-down;executed=no"
    assert state_item("ok", None, "yes") == b"ok;executed=yes"


def test_who_is_refused_is_told_of_the_line() -> None:
    """How many are before him and when it is his turn, as members in JSON and SOAP; a place as a member and as a header, and never kept."""
    ahead = Ahead(790, 130, 100, 170, "limit_cut", "p1.token", "7KQ2-9F")
    waits = Refusal("overloaded", "queue_wait", retry_after_s=26, line=ahead)
    made = form(waits)
    said = orjson.loads(made.filled(b"id-0001", "2026-12-01T09:00:00.000Z"))
    assert said["queue"] == {
        "kind": "call", "place_code": "7KQ2-9F", "place": "p1.token", "ahead": 790,
        "eta_s": 130, "eta_low_s": 100, "eta_high_s": 170, "eta_reason": "limit_cut", "next_poll_ms": 26000,
    }  # fmt: skip
    assert (b"Sidecar-Place", b"p1.token") in made.after
    assert b"<state:queue><state:kind>call</state:kind><state:place_code>7KQ2-9F" in form(waits, soap11).body
    assert form(waits) is not form(waits), "a place is one caller's"
    nowhere = form(Refusal("overloaded", "queue_full", line=Ahead(500, 9, 7, 11)))
    assert "place" not in orjson.loads(nowhere.filled(b"id-0001", "2026-12-01T09:00:00.000Z"))["queue"]
    assert not [name for name, _ in nowhere.after if name == b"Sidecar-Place"]
