"""Every message of the byte corpora means what its golden file says, and nothing that is in one is missing in the other."""

from __future__ import annotations

import pytest

from tests.adapters.corpus import LINES, Message, golden, load

MESSAGES = {kind: load(kind) for kind in LINES}
GOLDEN = {kind: golden(kind) for kind in LINES}


@pytest.mark.parametrize("kind", LINES)
def test_every_message_is_in_the_golden_file_and_the_other_way_round(kind: str):
    """A message without an expectation, or an expectation without its message, is a hole."""
    assert list(MESSAGES[kind]) == list(GOLDEN[kind])
    assert len(MESSAGES[kind]) >= 90


@pytest.mark.parametrize("message", MESSAGES["requests"].values(), ids=lambda message: message.name)
def test_a_request_is_classified_as_its_golden_lines_say(message: Message):
    """Dialect, operation, members, action and values are exactly those; what is called bad is refused somewhere."""
    lines = LINES["requests"](message)
    assert lines == GOLDEN["requests"][message.name]
    if "/bad-" in message.name:
        assert any("refused" in line for line in lines) or "runs" in lines[1]


@pytest.mark.parametrize("message", MESSAGES["replies"].values(), ids=lambda message: message.name)
def test_a_reply_is_graded_as_its_golden_lines_say(message: Message):
    """State, reason, executed and health are exactly those; the file's name says the state's kind."""
    lines = LINES["replies"](message)
    assert lines == GOLDEN["replies"][message.name]
    kind = message.name.partition("/")[2].split("-")[0]
    if kind in ("ok", "bad"):
        assert lines[0].startswith({"ok": "ok ", "bad": "backend_bad_reply/"}[kind])
