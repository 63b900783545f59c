"""The audit: nothing is lost but by its bound, and no flood of attempts pushes an order out."""

from __future__ import annotations

import pytest

from sidecar.admin.audit import KEPT, REFUSED_KEPT, Audit
from tests.support.world import Recorder


class Clock:
    """A clock that a test sets."""

    def __init__(self) -> None:
        self.at = 1000.0

    def now(self) -> float:
        return self.at

    def wall(self) -> float:
        return 1_796_115_600.0 + self.at - 1000.0


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def log() -> Recorder:
    return Recorder()


@pytest.fixture
def audit(clock: Clock, log: Recorder) -> Audit:
    return Audit(clock, log)


def note(audit: Audit, text: str = "done", *, ok: bool = True) -> None:
    audit.note(
        "limit",
        "set",
        actor="alice",
        reason="a slow disk",
        arguments={"backend": "tickets", "value": 8},
        ok=ok,
        text=text,
        peer="127.0.0.1",
    )


def test_an_order_is_an_entry_and_a_line(audit: Audit, log: Recorder) -> None:
    """Who, why, what, whence and what came of it; with a time in memory, where the log has its own."""
    note(audit, "no such thing", ok=False)
    facts = {
        "actor": "alice",
        "reason": "a slow disk",
        "noun": "limit",
        "verb": "set",
        "arguments": {"backend": "tickets", "value": 8},
        "ok": False,
        "text": "no such thing",
        "peer": "127.0.0.1",
    }
    assert audit.last(10) == [{"n": 1, "at": "2026-12-01T09:00:00.000Z", **facts}]
    assert log.events == [("audit", facts)]


def test_the_newest_comes_first_and_only_so_many_are_kept(audit: Audit, log: Recorder) -> None:
    """Memory is bounded; the log has had them all."""
    for number in range(KEPT + 5):
        note(audit, str(number))
    last = audit.last(10_000)
    assert [entry["text"] for entry in last[:2]] == [str(KEPT + 4), str(KEPT + 3)]
    assert len(last) == KEPT
    assert audit.last(3) == last[:3]
    assert len(log.events) == KEPT + 5


def test_a_long_text_is_cut(audit: Audit) -> None:
    """A verdict may list a hundred errors; an entry is a line."""
    note(audit, "x" * 10_000)
    assert len(audit.last(1)[0]["text"]) == 500


def test_refused_attempts_are_counted_not_copied(audit: Audit, clock: Clock, log: Recorder) -> None:
    """The first at once, then one line a minute with how many there were."""
    for _ in range(100):
        audit.refuse("token_wrong", "10.1.2.3")
    audit.refuse("origin_denied", "10.1.2.3")
    assert [entry["text"] for entry in audit.last(10)] == ["origin_denied from 10.1.2.3", "token_wrong from 10.1.2.3"]
    clock.at += 60
    audit.refuse("token_wrong", "10.1.2.3")
    newest = audit.last(1)[0]
    assert newest["text"] == "token_wrong from 10.1.2.3, 100 times since the last line"
    assert (newest["ok"], newest["refused"], newest["peer"]) == (False, "token_wrong", "10.1.2.3")
    assert len(log.named("audit")) == 3


def test_a_flood_of_attempts_pushes_no_order_out(audit: Audit, clock: Clock) -> None:
    """From however many addresses, for however long."""
    note(audit)
    for minute in range(20):
        clock.at = 1000.0 + 61 * minute
        for number in range(100):
            audit.refuse("token_wrong", f"10.0.0.{number}")
    last = audit.last(10_000)
    assert last[-1]["actor"] == "alice"
    assert len(last) <= 1 + REFUSED_KEPT
