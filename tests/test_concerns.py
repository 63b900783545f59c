"""Each warning is there exactly when its cause is, with a text, a remedy and a place to read on."""

from __future__ import annotations

from typing import Any

import pytest

from sidecar.concerns import concerns

CALM: dict[str, Any] = {
    "config": {"file": "tickets.yaml", "differs_from_disk": False, "last_reload": None},
    "overrides": [],
    "backends": [{"name": "tickets", "pressure": "ok", "last_failure": None, "unasked": False}],
    "log": {"dropped": 0},
}
FAILED = {"ok": False, "at": "2026-12-01T09:00:00Z", "errors": [{}], "text": "one error"}
HELD = {
    "backend": "tickets", "value": 8, "was": 16, "reason": "its disk", "actor": "alice", "since": "then", "until": "soon",
}  # fmt: skip


def config(**changes: Any) -> dict[str, Any]:
    return {"config": {**CALM["config"], **changes}}


def tickets(**changes: Any) -> dict[str, Any]:
    return {"backends": [{**CALM["backends"][0], **changes}]}


@pytest.mark.parametrize(
    ("facts", "counts", "open_to_all", "code", "says"),
    [
        (config(last_reload=FAILED, differs_from_disk=True), {}, False, "reload_failed", "1 error in the files"),
        (config(last_reload={**FAILED, "errors": [], "text": "listen.port cannot change"}), {}, False, "reload_failed", "listen.port"),
        (config(differs_from_disk=True), {}, False, "config_differs", "not what runs"),
        ({"overrides": [HELD]}, {}, False, "override_active", "the limit of tickets is 8 by hand, not 16"),
        (tickets(pressure="down"), {}, False, "backend_down", "tickets cannot be reached"),
        (
            tickets(pressure="down", last_failure={"state": "backend_unreachable", "reason": "refused", "at": "then"}),
            {}, False, "backend_down", "backend_unreachable (refused)",
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
