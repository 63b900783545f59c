"""What has become of a visitor, as lines: his whole story, and nothing that could not stand on a terminal."""

from __future__ import annotations

from typing import Any

import pytest

from sidecar.admin.story import lines

VISITOR: dict[str, Any] = {
    "room": "hamlet",
    "place_code": "7KQ2-9F",
    "lane": "fast",
    "word": "waiting",
    "why": None,
    "rank": 412,
    "ahead": 12,
    "eta_s": 130,
    "missed": 1,
    "claim_by": None,
    "joined_at": "2026-12-01T08:40:00.000Z",
    "moved_from": [{"lane": "main", "place_code": "3MZ1-0A"}],
    "held": None,
    "pass": None,
    "events": [
        {"at": "2026-12-01T09:02:00.000Z", "event": "leave", "why": "operator", "lane": "main"},
        {"at": "2026-12-01T09:03:00.000Z", "event": "call", "why": None, "lane": "fast"},
    ],
}


def test_the_whole_story() -> None:
    """When he came, where he stands, where he stood, and each event with its time."""
    assert lines({"visitor": VISITOR}) == [
        "  came      2026-12-01T08:40:00.000Z",
        "  stands    rank 412 of lane fast, 12 ahead, about 2m 10s to go, 1 call missed",
        "  was       3MZ1-0A in lane main",
        "            2026-12-01T09:02:00.000Z  leave (operator), lane main",
        "            2026-12-01T09:03:00.000Z  call, lane fast",
    ]


@pytest.mark.parametrize(
    ("said", "line"),
    [
        ({"joined_at": None}, "  came      nobody knows when: before the last restart, or within this second"),
        ({"rank": None, "ahead": None, "eta_s": None, "missed": 0}, "  stands    no rank before the draw"),
        (
            {"held": {"left_s": 90, "actor": "alice", "reason": "forty\x1b[2J"}},
            "  held      for 1m 30s yet, by alice: forty?[2J",
        ),
        (
            {"pass": {"since": "A", "idle_at": "B", "total_at": "C", "calls": 2}},
            "  pass      since A, ends B if it is not used, C at the latest; 2 calls under way",
        ),
        (
            {"rank": 1, "ahead": None, "eta_s": None, "missed": 0, "claim_by": "Z"},
            "  stands    rank 1 of lane fast, may claim until Z",
        ),
    ],
)
def test_what_may_be_said_besides(said: dict[str, Any], line: str) -> None:
    """A hold, a pass, a call; and what nobody knows."""
    assert line in lines({"visitor": {**VISITOR, **said}})


@pytest.mark.parametrize(
    "facts", [{}, {"visitor": 3}, {"visitor": {}}, {"visitor": {"held": {}, "events": [1, {}], "pass": {}}}]
)
def test_whatever_is_missing(facts: dict[str, Any]) -> None:
    """Another release may have sent it: it is said as far as it goes."""
    assert all(isinstance(line, str) for line in lines(facts))
