"""What a plan makes of settings where one key depends on another. The tables are golden files (times, order_of_lines, endpoints)."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sidecar.settings.build import build, collapsed, is_every, is_glob, usual_s
from sidecar.settings.files import Files
from sidecar.settings.schema import Settings

LENGTHS = st.sampled_from((None, "1s", "5s", "20s", "70s", "10m"))


def line(safe: bool, timeout: str | None, first_byte: str | None, total: str | None):
    times = {key: value for key, value in (("first_byte", first_byte), ("total", total)) if value}
    rule = {"safe": safe} | ({"timeout": timeout} if timeout else {})
    backend = {"protocol": "soap", "url": "http://h/x", "timeouts": times, "operations": {"Op": rule}}
    plan = build(Settings.model_validate({"backends": {"t": backend}}), Files(Path("/")))
    return plan.backends[0].operation("Op")


@given(st.booleans(), LENGTHS, LENGTHS, LENGTHS)
def test_times_agree_with_each_other(
    safe: bool, timeout: str | None, first_byte: str | None, total: str | None
) -> None:
    """What is written holds to the letter; what is not is as usual, or as much longer as what is written needs."""
    seconds = {None: None, "1s": 1, "5s": 5, "20s": 20, "70s": 70, "10m": 600}
    got = line(safe, timeout, first_byte, total)
    if timeout:
        assert got.timeout_s == seconds[timeout]
    else:
        assert got.timeout_s >= max(usual_s(safe=safe), got.attempt_total_s)
    if total:
        assert got.attempt_total_s == seconds[total]
    else:
        assert got.attempt_total_s >= max(usual_s(safe=safe), got.attempt_first_byte_s, seconds[timeout] or 0)
    if first_byte:
        assert got.attempt_first_byte_s == seconds[first_byte]
    else:
        assert got.attempt_first_byte_s <= got.attempt_total_s


def test_what_is_not_safe_gets_a_minute() -> None:
    """Nobody cuts a purchase short by not writing a time."""
    got = line(safe=False, timeout=None, first_byte=None, total=None)
    assert (got.timeout_s, got.attempt_first_byte_s, got.attempt_total_s) == (60, 60, 60)


@pytest.mark.parametrize(
    ("pattern", "glob", "every", "short"),
    [
        ("Get", False, False, "Get"),
        ("Get*", True, False, "Get*"),
        ("Get***", True, False, "Get*"),
        ("**", True, True, "*"),
        ("[ab]", True, False, "[ab]"),
        ("G?t", True, False, "G?t"),
    ],
)
def test_patterns(pattern: str, glob: bool, every: bool, short: str) -> None:
    """What is a glob, what is everything, what says the same more shortly."""
    assert (is_glob(pattern), is_every(pattern), collapsed(pattern)) == (glob, every, short)


def test_a_line_for_everything_is_always_there() -> None:
    """A stage never meets an operation that no line rules; `**` is that line, too."""
    for rules in ({}, {"Get*": {}}, {"**": {"safe": True}}):
        backend = {"protocol": "soap", "url": "http://h/x", "operations": rules}
        plan = build(Settings.model_validate({"backends": {"t": backend}}), Files(Path("/")))
        assert plan.backends[0].operations[-1].pattern == "*"
        assert sum(each.pattern == "*" for each in plan.backends[0].operations) == 1


def test_absolute_file_names_stay() -> None:
    """Only relative ones start at the settings' folder."""
    settings = Settings.model_validate(
        {
            "listen": {"tls": {"cert_file": "/etc/a.pem", "key_file": "b.pem"}},
            "backends": {"t": {"protocol": "soap", "url": "https://h/x", "tls": {"ca_file": "c.pem"}}},
        }
    )
    plan = build(settings, Files(Path("/srv")))
    assert plan.listen.tls is not None
    assert (plan.listen.tls.cert_file, plan.listen.tls.key_file) == ("/etc/a.pem", "/srv/b.pem")
    assert plan.backends[0].tls.ca_file == "/srv/c.pem"
