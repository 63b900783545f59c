"""What every answer carries, and how a refusal reads."""

from __future__ import annotations

import json

from sidecar.admin import answers
from sidecar.admin.door import NO_TOKEN, Denied
from sidecar.admin.reading import Wrong


def test_every_answer_is_kept_by_nobody_and_read_by_no_other_origin() -> None:
    """Security headers stand on good and bad answers; no CORS header stands on any."""
    for said in (answers.facts({"a": 1}), answers.problem(404, "x", "y", "z"), answers.answer(200, b"", answers.TEXT)):
        assert said.headers["Cache-Control"] == "no-store"
        assert said.headers["X-Content-Type-Options"] == "nosniff"
        assert "default-src 'none'" in said.headers["Content-Security-Policy"]
        assert not [name for name in said.headers if name.lower().startswith("access-control")]


def test_a_refusal_says_what_to_do() -> None:
    """A stable code, a text, a remedy; 401 names the scheme."""
    said = answers.denied(Denied(401, "token_missing", "this needs a token", "send it"))
    assert said.headers["WWW-Authenticate"].startswith("Bearer")
    assert json.loads(said.body) == {  # type: ignore[arg-type] # a body of ours is bytes
        "v": 1,
        "ok": False,
        "status": 401,
        "code": "token_missing",
        "text": "this needs a token",
        "remedy": "send it",
    }
    assert "WWW-Authenticate" not in answers.denied(NO_TOKEN).headers


def test_all_faults_of_an_order_stand_in_one_answer() -> None:
    """For machines as a list with pointers, for people as one text."""
    said = json.loads(answers.not_understood([Wrong("/a", "missing", "say a"), Wrong("/b", "type", "be b")]).body)  # type: ignore[arg-type] # as above
    assert said["errors"] == [
        {"pointer": "/a", "code": "missing", "text": "say a"},
        {"pointer": "/b", "code": "type", "text": "be b"},
    ]
    assert said["text"] == "/a: say a; /b: be b"
