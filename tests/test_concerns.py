"""Each warning is there exactly when its cause is, with a text, a remedy and a place to read on."""

from __future__ import annotations

from typing import Any

import pytest

from sidecar.concerns import concerns
from tests.admin.facts import sign

CALM: dict[str, Any] = {
    "config": {"file": "tickets.yaml", "differs_from_disk": False, "last_reload": None},
    "overrides": [],
    "pauses": [],
    "rooms": [{"name": "hamlet", "by_hand": None}],
    "backends": [
        {
            "name": "tickets",
            "pressure": "ok",
            "last_failure": None,
            "unasked": False,
            "limit": 8,
            "limiter": {"how": "fixed"},
        }
    ],
    "refusals": {"window_s": 300, "total": 5, "by": [{"backend": "tickets", "mechanism": "wait", "count": 5}]},
    "log": {"dropped": 0},
}
FAILED = {"ok": False, "at": "2026-12-01T09:00:00Z", "errors": [{}], "text": "one error"}
HELD = {
    "noun": "limit", "backend": "tickets", "value": 8, "was": 16, "reason": "its disk", "actor": "alice", "since": "then", "until": "soon",
}  # fmt: skip


def config(**changes: Any) -> dict[str, Any]:
    return {"config": {**CALM["config"], **changes}}


def tickets(**changes: Any) -> dict[str, Any]:
    return {"backends": [{**CALM["backends"][0], **changes}]}


def pinned(at: str) -> dict[str, Any]:
    return {"how": "adaptive", "min": 1, "max": 64, "pinned": {"at": at, "since": "then"}}


@pytest.mark.parametrize(
    ("facts", "counts", "open_to_all", "code", "says"),
    [
        (config(last_reload=FAILED, differs_from_disk=True), {}, False, "reload_failed", "1 error in the files"),
        (config(last_reload={**FAILED, "errors": [], "text": "listen.port cannot change"}), {}, False, "reload_failed", "listen.port"),
        (config(differs_from_disk=True), {}, False, "config_differs", "not what runs"),
        (
            {"pauses": [sign(), sign(kind="message", scope=None)]}, {}, False, "paused",
            "backend:tickets is paused for newcomers until 2026-12-01T09:09:03.120Z, by alice: payments are down",
        ),
        (
            {"rooms": [{"name": "hamlet", "by_hand": {"state": "closed", "actor": "alice", "reason": "rain", "since": "then"}}]}, {}, False,
            "room_by_hand", "the state of room hamlet is closed by hand, by alice: rain",
        ),
        (
            {"pauses": [sign(target="all", scope="all", until=None, remind_s=900.0)]}, {}, False, "paused",
            "everything is paused for everybody until somebody resumes it",
        ),
        ({"overrides": [HELD]}, {}, False, "override_active", "the limit of tickets is 8 by hand, not 16"),
        ({"overrides": [{**HELD, "noun": "pause"}]}, {}, False, "override_active", "pause of tickets is 8 by hand, not 16"),
        (
            {"overrides": [{**HELD, "noun": "observe", "value": "queue", "was": "enforce"}]},
            {}, False, "observing", "protection is taken out of tickets: queue may refuse nobody",
        ),
        (
            {"overrides": [{**HELD, "noun": "fault", "value": "reset on *", "was": "none"}]},
            {}, False, "fault_active", "calls of tickets go wrong on purpose: reset on *",
        ),
        (tickets(pressure="down"), {}, False, "backend_down", "tickets cannot be reached"),
        (
            tickets(pressure="down", last_failure={"state": "backend_unreachable", "reason": "refused", "at": "then"}),
            {}, False, "backend_down", "backend_unreachable (refused)",
        ),
        (tickets(limiter=pinned("minimum")), {}, False, "limit_at_minimum", "tickets gets 8 calls at once, the fewest"),
        (tickets(limiter=pinned("maximum")), {}, False, "limit_at_maximum", "the settings hold the limit back"),
        (
            {"refusals": {"window_s": 300, "by": [{"backend": "tickets", "mechanism": "queue", "count": 9}]}},
            {}, False, "queue_full", "the line of tickets is full: 9 calls were refused in the last 5m",
        ),
        (
            {"overrides": [{**HELD, "was": "learnt"}]}, {}, False, "override_active", "the limit of tickets is 8 by hand, not learnt"
        ),
        (tickets(unasked=True), {}, False, "unasked", "more than it is asked for"),
        ({}, {"bugs": 2}, False, "bug", "2 errors of the sidecar's own"),
        ({}, {"nofile_low": 1}, False, "nofile_low", "fewer descriptors"),
        ({"log": {"dropped": 7}}, {}, False, "log_dropped", "7 log lines"),
        ({}, {}, True, "admin_open", "others than this machine"),
    ],
)  # fmt: skip
def test_a_cause_has_its_warning(
    facts: dict[str, Any], counts: dict[str, int], open_to_all: bool, code: str, says: str
) -> None:
    """One, of its code; without the cause there is none."""
    (found,) = concerns({**CALM, **facts}, counts, open_to_all=open_to_all)
    assert found["code"] == code
    assert says in found["text"]
    assert found["remedy"]
    assert found["more"] == f"docs/operations.md#{code.replace('_', '-')}"
    assert concerns(CALM, {}, open_to_all=False) == []


@pytest.mark.parametrize(
    ("noun", "backend", "remedy"),
    [
        ("limit", "tickets", "sidecar limit clear tickets --reason TEXT"),
        ("fault", "tickets", "sidecar fault clear tickets --reason TEXT"),
        ("observe", "*", "sidecar observe clear --reason TEXT"),
    ],
)
def test_the_remedy_is_the_order_that_ends_it(noun: str, backend: str, remedy: str) -> None:
    """To be copied as it stands."""
    held = {"overrides": [{**HELD, "noun": noun, "backend": backend}]}
    (found,) = concerns({**CALM, **held}, {}, open_to_all=False)
    assert f"; {remedy} ends it now" in found["remedy"]
    assert ("every backend" in found["text"]) is (backend == "*")


def test_a_limit_that_is_learnt_is_no_concern() -> None:
    """Wherever it stands, as long as it has not rested at an end for long."""
    assert concerns({**CALM, **tickets(limiter={"how": "adaptive", "pinned": None})}, {}, open_to_all=False) == []


@pytest.mark.parametrize(
    ("breaker", "says"),
    [
        ({"state": "cut off", "left_s": 4}, "tickets failed too often and is cut off for 4s"),
        ({"state": "testing", "left_s": None}, "tickets failed too often and is testing"),
    ],
)
def test_a_backend_that_is_cut_off(breaker: dict[str, Any], says: str) -> None:
    """Said once, whatever its pressure is; a closed breaker, or none, is nobody's concern."""
    (found,) = concerns({**CALM, **tickets(breaker=breaker, pressure="down")}, {}, open_to_all=False)
    assert found["code"] == "backend_down"
    assert says in found["text"]
    for calm in ({"state": "closed", "left_s": None}, None):
        assert concerns({**CALM, **tickets(breaker=calm)}, {}, open_to_all=False) == []
