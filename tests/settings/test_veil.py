"""Which names hold secrets, and what of a text is blanked: everything that may be one, nothing that an operator has to see."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sidecar.settings.veil import is_secret_name, masked, veiled


@pytest.mark.parametrize(
    "name",
    ["token", "password", "sSessionKey", "iCardNumber", "PIN", "pin", "userPin", "PINCode", "card_pin", "CVV", "ApiKey", "X-Api-Key",
     "DB_PASSWORD", "SERVICE_SESSION", "private_key", "Authorization", "passphrase"],
)  # fmt: skip
def test_secret_names(name: str) -> None:
    """Those of the people's values, and what only operators have."""
    assert is_secret_name(name)


@pytest.mark.parametrize(
    "name",
    ["shipping", "SHOPPING_URL", "GetMapping", "spinner", "pinned_at", "token_file", "key_file", "public_url", "port", "credentials",
     "connections", "path", "operation", "keep_alive"],
)  # fmt: skip
def test_innocent_names(name: str) -> None:
    """*pin* means a PIN, not a part of Shipping; the name of a file is no secret."""
    assert not is_secret_name(name)


def test_own_patterns() -> None:
    """`sensitive:` of the settings counts where it is handed in."""
    assert not is_secret_name("PromoCode")
    assert is_secret_name("PromoCode", ("*promo*code*",))


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("url: http://joe:pass@h/x", "url: http://********@h/x"),
        ("redis://:p@h and ftp://u@h", "redis://**@h and ftp://*@h"),
        ("mail: joe@h", "mail: joe@h"),
        ("http://h/a@b", "http://h/a@b"),
    ],
)
def test_credentials_of_addresses_are_blanked(text: str, shown: str) -> None:
    """Length is kept: a caret below still points right."""
    assert masked(text) == shown
    assert veiled(text) == shown


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("token: abc", "token: ***"),
        ("token:   abc  # why", "token:   ***  * ***"),
        ("token: a, b", "token: ** *"),
        ("{token: abc, port: 1}", "{token: ***, port: 1}"),
        ("{a: [1], token: abc}", "{a: [1], token: ***}"),
        ('"token": "a\\"b c", port: 1', '"token": ***** **, port: 1'),
        ("token: 'it''s'\nport: 1", "token: *******\nport: 1"),
        ("token: |\n  abc\n  def\nport: 1", "token: *\n  ***\n  ***\nport: 1"),
        ("token: >-\n\n  abc\nport: 1", "token: **\n\n  ***\nport: 1"),
        ("token: abc\n  def\nport: 1", "token: ***\n  ***\nport: 1"),
        ("token:\n  abc\nport: 1", "token:\n  ***\nport: 1"),
        ("token: # below\n  abc\nport: 1", "token: # below\n  ***\nport: 1"),
        ("token:\nport: 1", "token:\nport: 1"),
        ("token: [abc, def]\nport: 1", "token: ***** ****\nport: 1"),
        ("tokens:\n- abc\n- def\nport: 1", "tokens:\n* ***\n* ***\nport: 1"),
        ("token: *abc", "token: ****"),
        ('token: "${TOKEN}"', 'token: "${TOKEN}"'),
        ("token: ${TOKEN:-abc}", "token: *************"),
        ("token_file: abc", "token_file: abc"),
        ("tokn: abc", "tokn: ***"),
        ("port: 1 # token: abc", "port: 1 # token: ***"),
        ("GetCardTypes: {safe: true}", "GetCardTypes: {safe: true}"),
        ("GetCardTypes:\n  safe: true\n", "GetCardTypes:\n  safe: true\n"),
        ("session: {password: abc}", "session: {password: ***}"),
        ("token: abc: def", "token: **** ***"),
        ('token: "abc', "token: ****"),
        ("shared: drop", "shared: drop"),
        ("shared: {as: {sUser: abc}}, class: a", "shared: {as: {sUser: ***}}, class: a"),
        ("shared: {az: {sUser: 'a}b', sId: \"${X}\"}}\nport: 1", 'shared: {az: {sUser: *****, sId: "${X}"}}\nport: 1'),
        (
            "shared:\n  as:\n    sUser: abc\n\n    sId: abc\nport: 1",
            "shared:\n  as:\n    sUser: ***\n\n    sId: ***\nport: 1",
        ),
        ("shard: {as: {sUser: abc}}\nport: 1", "shard: {as: {sUser: ***}}\nport: 1"),
        ("shared: {as: abc}\nport: 1", "shared: {as: ***}\nport: 1"),
        ("as: abc\nport: 1", "as: ***\nport: 1"),
        ("shared: {as: {sUser: abc\nport: 1", "shared: {as: {sUser: ***\nport: *"),
        ("token:", "token:"),
        ("token: ", "token: "),
    ],
)
def test_values_of_secret_names_are_blanked(text: str, shown: str) -> None:
    """As far as the value goes, in every way to write one, right or wrong."""
    assert veiled(text) == shown


@given(st.text(alphabet="token: abc\n\t'\"{}[],#|>&*-_$\\"))
def test_widths_and_lines_are_kept(text: str) -> None:
    """Whatever the text is: a caret below its line points at the same place."""
    shown = veiled(text)
    assert len(shown) == len(text)
    assert [len(line) for line in shown.split("\n")] == [len(line) for line in text.split("\n")]
