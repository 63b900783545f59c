"""The facts of a status as a running sidecar gives them: everything that can be in it, at once."""

from __future__ import annotations

from typing import Any

NOW = "2026-12-01T09:00:03.120Z"


def status(**changed: Any) -> dict[str, Any]:
    """Return the facts of a bad night, with some of them changed."""
    return {
        "v": 1,
        "version": "0.1.0",
        "aiohttp": "3.14.5",
        "pid": 1,
        "server_time": NOW,
        "uptime_s": 183_723,
        "ready": True,
        "draining": False,
        "config": {
            "id": "c3f9a1b2d4e5",
            "file": "/etc/sidecar/tickets.yaml",
            "loaded_at": "2026-12-01T06:00:03.120Z",
            "differs_from_disk": True,
            "last_reload": {
                "at": "2026-12-01T08:55:03.120Z",
                "ok": False,
                "by": "signal",
                "actor": None,
                "id": None,
                "text": "1 error",
                "errors": [
                    {
                        "file": "tickets.yaml",
                        "line": 3,
                        "column": 5,
                        "width": 4,
                        "key": "backends.tickets.urll",
                        "code": "E201",
                        "message": "unknown key, did you mean url?",
                        "remedy": "",
                    }
                ],
                "changes": [],
            },
            "history": [
                {"id": "c3f9a1b2d4e5", "loaded_at": "2026-12-01T06:00:03.120Z", "current": True},
                {"id": "a0a0a0a0a0a0", "loaded_at": "2026-11-30T06:00:03.120Z", "current": False},
            ],
        },
        "listeners": {"public": ["http://127.0.0.1:8080"], "admin": ["http://127.0.0.1:8081"], "metrics": []},
        "connections": {"open": 12, "idle": 3, "limit": 10000},
        "buffered": {"bytes": 0, "limit_bytes": 268435456, "peak_bytes": 123},
        "backends": [backend("tickets", pressure="strained", limit=8, queued=31), backend("seats")],
        "overrides": [override()],
        "pauses": [],
        "rooms": [],
        "refusals": {
            "window_s": 300,
            "total": 12,
            "by": [refusal("tickets", "overloaded", "queue", 9), refusal("", "overloaded", "connections", 3)],
        },
        "states": {
            "window_s": 300,
            "by": [
                {"backend": "tickets", "state": "ok", "count": 812},
                {"backend": "tickets", "state": "overloaded", "count": 9},
                {"backend": "seats", "state": "ok", "count": 4},
            ],
        },
        "warnings": [
            {
                "code": "reload_failed",
                "severity": "error",
                "text": "the last reload failed: the settings of 06:00 hold",
                "remedy": "mend tickets.yaml, then `sidecar reload`",
                "since": "2026-12-01T08:55:03.120Z",
                "more": "docs/operations.md#reload-failed",
            }
        ],
        "log": {"dropped": 0},
        **changed,
    }


def backend(name: str, **changed: Any) -> dict[str, Any]:
    """Return one backend's facts."""
    return {
        "name": name,
        "protocol": "soap",
        "path": f"/{name}",
        "pressure": "ok",
        "limit": 16,
        "limit_configured": 16,
        "in_flight": 3,
        "ghosts": 0,
        "queued": 0,
        "queue_size": 500,
        "limiter": {"how": "fixed"},
        "classes": [{"class": "staff", "queued": 0, "eta_s": 0}, {"class": "browse", "queued": 0, "eta_s": 0}],
        "calls_per_s": 12.34,
        "backend_ms_p50": 103.0,
        "backend_ms_p95": None,
        "last_failure": {"state": "backend_unreachable", "reason": "refused", "at": "2026-12-01T08:59:51.120Z"},
        **changed,
    }


def room(name: str = "hamlet", **changed: Any) -> dict[str, Any]:
    """Return how a waiting room stands."""
    return {
        "name": name,
        "state": "open",
        "by_hand": None,
        "opens_at": None,
        "joined": 20_000,
        "waiting": 11_000,
        "called": 12,
        "active": 180,
        "target": 200,
        "pace_per_min": 1200,
        **changed,
    }


def learnt(**changed: Any) -> dict[str, Any]:
    """Return how a limit is found."""
    return {
        "how": "adaptive",
        "min": 1,
        "max": 64,
        "now": 12,
        "held": 12,
        "why": "settle",
        "since": "2026-12-01T08:59:51.120Z",
        "ratio": 1.2,
        "pinned": None,
        **changed,
    }


def override(**changed: Any) -> dict[str, Any]:
    """Return one override's facts."""
    return {
        "id": "o3",
        "noun": "limit",
        "backend": "tickets",
        "value": 8,
        "was": 16,
        "actor": "alice",
        "reason": "a slow disk",
        "since": NOW,
        "until": "2026-12-01T09:09:03.120Z",
        "left_s": 540,
        **changed,
    }


def sign(**changed: Any) -> dict[str, Any]:
    """Return one pause's facts."""
    return {
        "id": "p3f9a1",
        "kind": "pause",
        "target": "backend:tickets",
        "scope": "entry",
        "severity": "warning",
        "texts": {"en": "Back at 9:20", "de": "Um 9:20 Uhr geht es weiter"},
        "next_update_at": "2026-12-01T09:20:00.000Z",
        "actor": "alice",
        "reason": "payments are down",
        "since": NOW,
        "until": "2026-12-01T09:09:03.120Z",
        "left_s": 540,
        "remind_s": None,
        **changed,
    }


def refusal(backend: str, state: str, mechanism: str, count: int) -> dict[str, Any]:
    """Return one line of refusals."""
    return {
        "backend": backend,
        "state": state,
        "mechanism": mechanism,
        "count": count,
        "last_at": "2026-12-01T09:00:00.120Z",
    }
