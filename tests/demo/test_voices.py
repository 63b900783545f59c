"""What people say in each dialect, and what they understand of an answer."""

from __future__ import annotations

import pytest

from sidecar.demo.voices import DIALECTS, UNMARKED, hear, say


@pytest.mark.parametrize(
    ("status", "state", "body", "state_word", "good", "key", "number"),
    [
        (200, "ok", b"<r>" + b"A" * 40 + b"</r>", "ok", True, "A" * 40, None),
        (200, "stale;age=42", b"<int>3</int>", "stale", True, None, 3),
        (200, "ok", b'<int xmlns="x">50001</int>', "ok", True, None, 50001),
        (
            200,
            "overloaded",
            b"<methodResponse><fault><value/></fault></methodResponse>",
            "overloaded",
            False,
            None,
            None,
        ),
        (500, None, b"<soap:Fault>", UNMARKED, False, None, None),
    ],
)
def test_what_a_person_understands(
    status: int, state: str | None, body: bytes, state_word: str, good: bool, key: str | None, number: int | None
) -> None:
    """The state without its parameters, whether to go on, and the key or number needed for the next step."""
    heard = hear(status, {} if state is None else {"Sidecar-State": state}, body)
    assert (heard.state, heard.good, heard.key, heard.number) == (state_word, good, key, number)


@pytest.mark.parametrize(
    ("headers", "reason", "after_s", "place"),
    [
        ({}, None, None, None),
        (
            {"Sidecar-State": "overloaded;reason=queue_wait;executed=no", "Retry-After": "7", "Sidecar-Place": "p1.x"},
            "queue_wait",
            7.0,
            "p1.x",
        ),
        ({"Sidecar-State": "outcome_unknown;executed=unknown", "Retry-After": "7"}, None, None, None),
        ({"Sidecar-State": "overloaded;executed=no", "Retry-After": "Mon, 01 Jun 2026 00:00:00 GMT"}, None, None, None),
        ({"Retry-After": "7"}, None, None, None),
    ],
)
def test_whether_and_when_to_come_back(
    headers: dict[str, str], reason: str | None, after_s: float | None, place: str | None
) -> None:
    """Only where it is sure that nothing happened, and somebody said in how many seconds."""
    heard = hear(503, headers, b"")
    assert (heard.reason, heard.after_s, heard.place) == (reason, after_s, place)


def test_a_json_caller_asks_for_problem_documents() -> None:
    """The JSON-accepting dialect is SOAP 1.1 with its own Accept; the others leave Accept alone."""
    accepts = {dialect: say(dialect, "HelloWorld", {}).headers.get("Accept") for dialect in DIALECTS}
    assert accepts == {dialect: "application/problem+json" if dialect == "json" else None for dialect in DIALECTS}
