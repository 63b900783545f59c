"""One order as it was posted: what is wrong is said at once, each with its place and what to do."""

from __future__ import annotations

from typing import Any

import hypothesis.strategies as st
import pytest
from hypothesis import given

from sidecar.admin.reading import Known, read
from sidecar.admin.table import TABLE, Row, find
from sidecar.control import Order

# 1 December 2026, 09:00:00 UTC
KNOWN = Known(["tickets", "seats"], ["c3f9a1b2d4e5", "a0a0a0a0a0a0"], 1_796_115_600.0)
WHO = {"actor": "alice", "reason": "a slow disk"}
SET = {**WHO, "backend": "tickets", "value": 8, "for": "10m"}


def row(name: str) -> Row:
    found = find(*name.split())
    assert found is not None
    return found


def wrong(body: dict[str, Any], name: str = "limit set") -> list[tuple[str, str]]:
    """Return pointers and codes of all that is wrong."""
    read_ = read(row(name), body, KNOWN)
    return [] if isinstance(read_, Order) else [(each.pointer, each.code) for each in read_]


def said(body: dict[str, Any], name: str = "limit set") -> str:
    """Return the texts."""
    read_ = read(row(name), body, KNOWN)
    assert not isinstance(read_, Order), read_
    return "\n".join(each.text for each in read_)


def test_a_whole_order() -> None:
    """Everything that was said comes out; texts are stripped, durations are seconds."""
    assert read(row("limit set"), {**SET, "reason": " a slow disk "}, KNOWN) == Order(
        "limit", "set", {"backend": "tickets", "value": 8}, "alice", "a slow disk", 600.0
    )
    assert read(row("config use"), {**WHO, "id": "a0a0a0a0a0a0"}, KNOWN) == Order(
        "config", "use", {"id": "a0a0a0a0a0a0"}, "alice", "a slow disk", None
    )


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({"for": None}, [("/for", "missing")]),
        ({"until": "2026-12-01T10:00:00Z"}, [("/for", "contradiction")]),
        ({"for": "10"}, [("/for", "type")]),
        ({"for": 600}, [("/for", "type")]),
        ({"for": "0s"}, [("/for", "range")]),
        ({"for": "500ms"}, [("/for", "range")]),
        ({"for": "25h"}, [("/for", "range")]),
        ({"value": 0}, [("/value", "range")]),
        ({"value": 10_001}, [("/value", "range")]),
        ({"value": "8"}, [("/value", "type")]),
        ({"value": 8.0}, [("/value", "type")]),
        ({"value": True}, [("/value", "type")]),
        ({"value": None}, [("/value", "missing")]),
        ({"backend": "ticket"}, [("/backend", "unknown")]),
        ({"backend": 1}, [("/backend", "type")]),
        ({"backend": None}, [("/backend", "missing")]),
        ({"actor": None}, [("/actor", "missing")]),
        ({"actor": "  "}, [("/actor", "missing")]),
        ({"actor": ["alice"]}, [("/actor", "type")]),
        ({"actor": "a" * 101}, [("/actor", "too_long")]),
        ({"actor": "alice\nmallory"}, [("/actor", "characters")]),
        ({"reason": "\x1b[2J"}, [("/reason", "characters")]),
        ({"reason": ""}, [("/reason", "missing")]),
        ({"reason": "r" * 301}, [("/reason", "too_long")]),
        ({"a/b~c": 1}, [("/a~1b~0c", "unknown")]),
    ],
)
def test_one_thing_wrong(changed: dict[str, Any], expected: list[tuple[str, str]]) -> None:
    """Each fault is found alone, where it is."""
    body = {key: value for key, value in {**SET, **changed}.items() if value is not None}
    assert wrong(body) == expected


def test_everything_at_once() -> None:
    """Nobody mends an order five times."""
    body = {"backend": "x", "value": 0, "until": "yesterday", "foor": 1}
    assert wrong(body) == [
        ("/foor", "unknown"),
        ("/actor", "missing"),
        ("/reason", "missing"),
        ("/backend", "unknown"),
        ("/value", "range"),
        ("/until", "type"),
    ]


@pytest.mark.parametrize(
    ("until", "code"),
    [
        ("2026-12-01T09:00:00Z", "past"),
        ("2026-12-01T08:59:59.999Z", "past"),
        ("2026-12-01T10:00:00+02:00", "past"),
        ("2026-12-02T09:00:01Z", "range"),
        ("2026-12-01T10:00:00", "zone"),
        ("2026-12-01 10:00:00", "zone"),
        ("2026-12-01T25:00:00Z", "type"),
        ("2026-02-30T10:00:00Z", "type"),
        ("10:00", "type"),
        ("2026-12-01", "type"),
        ("٢٠٢٦-12-01T10:00:00Z", "type"),
        (1_796_115_600, "type"),
    ],
)
def test_ends_that_are_none(until: Any, code: str) -> None:
    """Over, too far, without a zone, or no time at all."""
    assert wrong({**WHO, "backend": "tickets", "value": 8, "until": until}) == [("/until", code)]


@pytest.mark.parametrize(
    ("until", "for_s"),
    [
        ("2026-12-01T09:10:00Z", 600.0),
        ("2026-12-01t09:10:00z", 600.0),
        ("2026-12-01 09:00:01.500Z", 1.5),
        ("2026-12-01T10:10:00+01:00", 600.0),
        ("2026-12-02T09:00:00Z", 86_400.0),
    ],
)
def test_an_end_as_a_time_of_day(until: str, for_s: float) -> None:
    """With its zone, whatever the zone is."""
    order = read(row("limit set"), {**WHO, "backend": "tickets", "value": 8, "until": until}, KNOWN)
    assert isinstance(order, Order)
    assert order.for_s == for_s


def test_texts_say_what_to_do() -> None:
    """A near name, the names that there are, how to write an end."""
    assert "did you mean tickets?" in said({**SET, "backend": "ticket"})
    assert "there is tickets, seats" in said({**SET, "backend": "zzz"})
    assert "did you mean" not in said({**SET, "backend": "zzz"})
    assert "for how long, as in 10m" in said({**WHO, "backend": "tickets", "value": 8})
    assert "2026-12-01T10:00:00+01:00" in said(
        {**WHO, "backend": "tickets", "value": 8, "until": "2026-12-01T10:00:00"}
    )
    assert "did you mean value?" in said({**SET, "valu": 8})
    assert "a0a0a0a0a0a0" in said({**WHO, "id": "a0a0a0a0a0a1"}, "config use")


def test_an_end_where_none_belongs_is_refused() -> None:
    """Somebody who says how long must not believe that it ends."""
    assert wrong({**WHO, "for": "10m"}, "sidecar drain") == [("/for", "unknown")]


def test_a_reload_needs_no_reason() -> None:
    """The file is the reason; one that is given is kept."""
    assert read(row("config reload"), {"actor": "alice"}, KNOWN) == Order("config", "reload", {}, "alice", "", None)
    order = read(row("config reload"), {"actor": "alice", "reason": "new limits"}, KNOWN)
    assert isinstance(order, Order)
    assert order.reason == "new limits"


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("a0a0a0a0a0a0", []),
        ("a0", []),
        ("c", []),
        ("b", [("/id", "unknown")]),
        ("", [("/id", "unknown")]),
        ("c3f9a1b2d4e5x", [("/id", "unknown")]),
    ],
)
def test_settings_by_the_beginning_of_their_id(name: str, expected: list[tuple[str, str]]) -> None:
    """As far as it takes; whether it means one alone, the app says."""
    assert wrong({**WHO, "id": name}, "config use") == expected


def test_who_is_known_need_not_say_who_he_is() -> None:
    """A default stands in for a missing actor alone; what is said wins, what is said wrongly is wrong."""
    order = read(row("config reload"), {}, KNOWN, "unknown@uid0")
    assert isinstance(order, Order)
    assert order.actor == "unknown@uid0"
    order = read(row("config reload"), {"actor": "alice"}, KNOWN, "unknown@uid0")
    assert isinstance(order, Order)
    assert order.actor == "alice"
    assert not isinstance(read(row("config reload"), {"actor": ""}, KNOWN, "unknown@uid0"), Order)


def test_a_body_of_something_else_is_told_briefly() -> None:
    """Thousands of unknown members are not thousands of errors."""
    assert len(wrong({**SET, **{f"x{number}": 1 for number in range(5000)}})) == 10


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)


@given(
    name=st.sampled_from([each.name for each in TABLE]),
    body=st.dictionaries(
        st.sampled_from(["actor", "reason", "for", "until", "backend", "value", "id"]) | st.text(), _JSON
    ),
)
def test_whatever_is_posted_is_an_order_or_a_list_of_faults(name: str, body: dict[str, Any]) -> None:
    """No JSON object makes it stumble, and what comes out is printable and bounded."""
    came = read(row(name), body, KNOWN)
    if isinstance(came, Order):
        assert came.actor
        assert came.actor.isprintable()
        assert came.for_s is None or 1 <= came.for_s <= 86_400
    else:
        assert came
        assert all(each.pointer.startswith("/") and len(each.text) < 1000 for each in came)


FAULT = {**WHO, "backend": "tickets", "operation": "GetSeats*", "kind": "latency", "value": "2s", "for": "15m"}


def test_what_may_be_left_out() -> None:
    """Its default stands; a share is a part of one."""
    order = read(row("fault inject"), FAULT, KNOWN)
    assert isinstance(order, Order)
    assert order.arguments == {
        "backend": "tickets",
        "operation": "GetSeats*",
        "kind": "latency",
        "value": "2s",
        "share": 1.0,
        "header": "",
    }
    assert order.for_s == 900
    some = read(row("fault inject"), {**FAULT, "share": "2.5%", "header": None}, KNOWN)
    assert isinstance(some, Order)
    assert (some.arguments["share"], some.arguments["header"]) == (0.025, "")
    every = read(row("observe set"), {**WHO, "for": "15m"}, KNOWN)
    assert isinstance(every, Order)
    assert every.arguments == {"backend": "*", "mechanism": "all"}


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({"kind": "late"}, [("/kind", "unknown")]),
        ({"kind": 3}, [("/kind", "type")]),
        ({"kind": None}, [("/kind", "missing")]),
        ({"share": "0%"}, [("/share", "range")]),
        ({"share": "100.1%"}, [("/share", "range")]),
        ({"share": "10"}, [("/share", "range")]),
        ({"share": 0.1}, [("/share", "type")]),
        ({"header": "\n"}, [("/header", "characters")]),
        ({"backend": "*"}, [("/backend", "unknown")]),
        ({"for": "61m"}, [("/for", "range")]),
        ({"for": None}, [("/for", "missing")]),
    ],
)
def test_a_fault_that_is_none(changed: dict[str, Any], expected: list[tuple[str, str]]) -> None:
    """Each by its place; one without an end, or beyond the hour, among them."""
    assert wrong({**FAULT, **changed}, "fault inject") == expected


def test_words_are_offered() -> None:
    """Of the few that there are."""
    assert "did you mean latency?; there is latency, error" in said({**FAULT, "kind": "latencies"}, "fault inject")
    assert "up to 100%, not '200%'" in said({**FAULT, "share": "200%"}, "fault inject")
    assert wrong({**WHO, "mechanism": "cache", "for": "1m"}, "observe set") == [("/mechanism", "unknown")]


HELD = Known(["tickets"], [], KNOWN.wall_s, ["hamlet"], ["backend:gone"])
PAUSE = {**WHO, "target": "backend:tickets"}


def pause(**more: Any) -> Order:
    made = read(row("pause set"), {**PAUSE, **more}, HELD)
    assert isinstance(made, Order), made
    return made


def pause_wrong(name: str = "pause set", **more: Any) -> list[tuple[str, str]]:
    made = read(row(name), {**PAUSE, **more}, HELD)
    return [] if isinstance(made, Order) else [(each.pointer, each.code) for each in made]


def test_a_pause_needs_no_end_and_then_has_a_reminder() -> None:
    """A quarter of an hour, unless it says how often; by how long and until when are told apart."""
    made = pause()
    assert made.arguments == {
        "target": "backend:tickets",
        "scope": "entry",
        "severity": "warning",
        "next_update": "",
        "text": {},
    }
    assert (made.for_s, made.until, made.remind_s) == (None, None, 900.0)
    assert pause(remind="5m").remind_s == 300.0
    lasting, by_day = pause(**{"for": "10m"}), pause(until="2026-12-01T09:20:00Z")
    assert (lasting.for_s, lasting.until, lasting.remind_s) == (600.0, None, None)
    assert (by_day.for_s, by_day.until, by_day.remind_s) == (1200.0, KNOWN.wall_s + 1200, None)


def test_what_a_pause_says() -> None:
    """By language, or one English sentence; the news as a time of day, however it was said."""
    assert pause(text="Back at 9:20").arguments["text"] == {"en": "Back at 9:20"}
    assert pause(text={"de-CH": " Gleich "}).arguments["text"] == {"de-CH": "Gleich"}
    for said in ("20m", "2026-12-01T09:20:00Z", "2026-12-01T10:20:00+01:00"):
        assert pause(next_update=said).arguments["next_update"] == "2026-12-01T09:20:00.000Z"


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ({"target": None}, [("/target", "missing")]),
        ({"target": "tickets"}, [("/target", "unknown")]),
        ({"target": "backend:seats"}, [("/target", "unknown")]),
        ({"target": "room:lear"}, [("/target", "unknown")]),
        ({"target": "room:hamlet"}, []),
        ({"target": "all"}, []),
        ({"target": "backend:gone"}, []),  # something is up there still
        ({"scope": "some"}, [("/scope", "unknown")]),
        ({"severity": "grave"}, [("/severity", "unknown")]),
        ({"text": 7}, [("/text", "type")]),
        ({"text": {"en": 7}}, [("/text/en", "type")]),
        ({"text": {"e n": "a"}}, [("/text/e n", "language")]),
        ({"text": {"en": "two\nlines"}}, [("/text/en", "characters")]),
        ({"text": {"en": " "}}, [("/text/en", "characters")]),
        ({"text": {"en": "a" * 501}}, [("/text/en", "characters")]),
        ({"text": {f"a{chr(97 + number)}": "a" for number in range(13)}}, [("/text", "too_long")]),
        ({"next_update": "soon"}, [("/next_update", "type")]),
        ({"next_update": "2026-12-01T09:20:00"}, [("/next_update", "zone")]),
        ({"next_update": "2026-12-01T08:59:00Z"}, [("/next_update", "range")]),
        ({"next_update": "169h"}, [("/next_update", "range")]),
        ({"next_update": 7}, [("/next_update", "type")]),
        ({"remind": "5"}, [("/remind", "type")]),
        ({"remind": "10s"}, [("/remind", "range")]),
        ({"remind": "5m", "for": "10m"}, [("/remind", "contradiction")]),
        ({"for": "10m", "until": "2026-12-01T09:20:00Z"}, [("/for", "contradiction")]),
        ({"for": "169h"}, [("/for", "range")]),
        ({"for": "168h"}, []),
        ({"reason": None}, [("/reason", "missing")]),
        ({"colour": "red"}, [("/colour", "unknown")]),
    ],
)
def test_what_is_wrong_with_a_pause(more: dict[str, Any], expected: list[tuple[str, str]]) -> None:
    """Each with its place."""
    assert pause_wrong(**more) == expected


def test_a_message_without_words_is_none() -> None:
    """And `remind` is for orders that may be without an end."""
    assert pause_wrong("message set") == [("/text", "missing")]
    assert pause_wrong("message set", text="") == [("/text", "missing")]
    assert pause_wrong("message set", text={}) == [("/text", "missing")]
    assert pause_wrong("message set", text="a") == []
    assert wrong({**SET, "remind": "5m"}) == [("/remind", "unknown")]
