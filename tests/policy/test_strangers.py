"""The silent failure of CORS becomes a line of the log: told at once, then once a minute, from a bounded table."""

from __future__ import annotations

from sidecar.policy.strangers import AGAIN_S, ORIGINS_MAX, OTHERS, SHOWN_CHARS, Noticed, Strangers, shown

EVIL = "https://evil.example"


def test_the_first_request_is_told_at_once() -> None:
    """An operator who tries his page looks into the log right after it."""
    assert Strangers().tell(0.0, [EVIL]) == Noticed(EVIL, 1)


def test_a_page_in_a_loop_is_one_line_a_minute_with_its_count() -> None:
    """What came in between is counted, not lost."""
    strangers = Strangers()
    strangers.tell(5.0, [EVIL])
    assert [strangers.tell(5.0 + second, [EVIL]) for second in range(1, 60)] == [None] * 59
    assert strangers.tell(5.0 + AGAIN_S, [EVIL]) == Noticed(EVIL, 60)


def test_each_origin_has_its_own_line() -> None:
    """One loud page does not hide another."""
    strangers = Strangers()
    strangers.tell(0.0, [EVIL])
    assert strangers.tell(0.1, ["null"]) == Noticed("null", 1)


def test_the_table_is_bounded() -> None:
    """Whoever makes up origins shares one line; those that were known keep theirs."""
    strangers = Strangers()
    for number in range(ORIGINS_MAX):
        strangers.tell(0.0, [f"https://{number}.example"])
    assert strangers.tell(0.0, [EVIL]) == Noticed(OTHERS, 1)
    assert strangers.tell(0.0, ["https://more.example"]) is None
    assert strangers.tell(AGAIN_S, [EVIL]) == Noticed(OTHERS, 2)
    assert strangers.tell(AGAIN_S, ["https://0.example"]) == Noticed("https://0.example", 1)


def test_what_is_shown_is_short_and_printable() -> None:
    """A header is a stranger's text."""
    assert shown(["https://a.example", "b\x1b[2J"]) == "https://a.example, b?[2J"
    assert len(shown(["x" * 5000])) == SHOWN_CHARS
