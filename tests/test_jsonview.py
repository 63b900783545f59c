"""What a JSON caller is told of an answer: one shape, a tag that holds, and no member that does not apply."""

from __future__ import annotations

import json

import pytest

from sidecar.jsonview import entity_tag, matches, problem_of, success
from sidecar.model import Answer, Executed, Grade


@pytest.mark.parametrize(
    ("grade", "members"),
    [
        (Grade("ok", Executed.YES), {"state": "ok", "executed": "yes"}),
        (Grade("partial", Executed.YES, "result_rule"), {"state": "partial", "executed": "yes"}),
        (Grade("cached", Executed.NO), {"state": "cached", "executed": "no"}),
        (
            Grade("stale", Executed.NO, "backend-down"),
            {"state": "stale", "executed": "no", "freshness": {"reason": "backend-down"}},
        ),
        (
            Grade("fallback", Executed.UNKNOWN, "outcome_unknown"),
            {"state": "fallback", "executed": "unknown", "freshness": {"reason": "outcome_unknown"}},
        ),
    ],
)
def test_a_success(grade: Grade, members: dict[str, object]) -> None:
    """Why it is not the backend's word of now is said of what stands in for that alone."""
    assert json.loads(success(grade, b"[1]")) == {**members, "category": "ok", "data": [1], "v": 1}


def test_a_tag_is_of_the_bytes() -> None:
    """Equal bodies have one tag, others another; it is strong."""
    assert entity_tag(b"a") == entity_tag(b"a") != entity_tag(b"b")
    assert entity_tag(b"a").startswith(b'"')


@pytest.mark.parametrize(
    ("lines", "has"),
    [
        (['"t"'], True),
        (['W/"t"'], True),
        (['"x", "t"'], True),
        (['"x"', '"t"'], True),
        (["*"], True),
        (['"x"'], False),
        (["t"], False),
        (['"t'], False),
        ([""], False),
        ([], False),
    ],
)
def test_who_has_it_already(lines: list[str], has: bool) -> None:
    """A list, a star, several lines, compared weakly (RFC 9110 section 13.1.2)."""
    assert matches(lines, b'"t"') is has


def test_a_failure_of_the_backend() -> None:
    """Its grade's state and words, and when the backend wants to see him again."""
    answer = Answer(
        500, "", ((b"Retry-After", b"7"),), (), 0, Grade("backend_fault", Executed.UNKNOWN, "server", text="no")
    )
    refusal = problem_of(answer, b'{"fault":{}}')
    assert (refusal.state, refusal.reason, refusal.detail) == ("backend_fault", "server", "no")
    assert (refusal.executed, refusal.retry_after_s, refusal.members) == (Executed.UNKNOWN, 7, b'{"fault":{}}')
