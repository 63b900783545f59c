"""Assertions: what a shop signed for now and for this room is heard; anything else is refused with its reason, and nothing else happens."""

from __future__ import annotations

import hmac
import json
from base64 import urlsafe_b64encode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sidecar.policy.assertions import LEEWAY_S, MOST_CHARACTERS, MOST_S, Claims, Why, read

SECRET = b"s" * 32
NOW = 1_796_115_600.0
ROOM = "hamlet"
HEADER = {"alg": "HS256", "typ": "JWT"}
FINE = {"sub": "ada", "exp": NOW + 300}


def spelled(raw: bytes) -> str:
    return urlsafe_b64encode(raw).rstrip(b"=").decode()


def signed(claims: object = FINE, header: object = HEADER, secret: bytes = SECRET, digest: str = "sha256") -> str:
    head, body = (spelled(each if isinstance(each, bytes) else json.dumps(each).encode()) for each in (header, claims))
    return f"{head}.{body}.{spelled(hmac.digest(secret, f'{head}.{body}'.encode(), digest))}"


def judged(text: str, wall: float = NOW) -> Claims | Why:
    return read(SECRET, text, wall, ROOM)


def test_what_a_shop_says_is_heard() -> None:
    """Account, lane and the invite's name, each where it is said."""
    invite = {"lane": "fast", "jti": "i-17", "exp": NOW + 60, "nbf": NOW - 5, "aud": [ROOM, "lear"], "more": {"x": 1}}
    assert judged(signed()) == Claims("ada", None, None, NOW + 300)
    assert judged(signed(invite)) == Claims(None, "fast", "i-17", NOW + 60)
    assert judged(signed({"exp": NOW + 0.5, "aud": ROOM, "sub": "Zoë"})) == Claims("Zoë", None, None, NOW + 0.5)


def test_the_example_of_the_rfc() -> None:
    """RFC 7515, appendix A.1: its key, its line ends, its signature; only its time is over."""
    text = (
        "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9"
        ".eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ"
        ".dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
    )
    key = "0323354b2b0fa5bc837e0665777ba68f5ab328e6f054c928a90f84b2d2502ebfd3fb5a92d20647ef968ab4c377623d223d2e2172052e4f08c0cd9af567d080a3"
    assert read(bytes.fromhex(key), text, 1300819380 - 60, ROOM) == Claims(None, None, None, 1300819380)
    assert read(bytes.fromhex(key), text, NOW, ROOM) is Why.EXPIRED


@pytest.mark.parametrize(
    ("claims", "why"),
    [
        ({"sub": "ada"}, Why.NO_END),
        ({"sub": "ada", "exp": None}, Why.NO_END),
        ({"exp": NOW}, Why.EXPIRED),
        ({"exp": NOW - 0.001}, Why.EXPIRED),
        ({"exp": -1e300}, Why.EXPIRED),
        ({"exp": NOW + MOST_S + LEEWAY_S + 1}, Why.TOO_LONG),
        ({"exp": 10**30}, Why.TOO_LONG),
        ({"exp": NOW + MOST_S + LEEWAY_S}, None),
        ({"exp": NOW + 9, "nbf": NOW + LEEWAY_S}, None),
        ({"exp": NOW + 9, "nbf": NOW + LEEWAY_S + 1}, Why.TOO_EARLY),
        ({"exp": NOW + 9, "nbf": "now"}, Why.MALFORMED),
        ({"exp": str(NOW + 9)}, Why.MALFORMED),
        ({"exp": True}, Why.MALFORMED),
        ({"exp": [NOW + 9]}, Why.MALFORMED),
        ({"exp": NOW + 9, "aud": "lear"}, Why.OTHER_AUDIENCE),
        ({"exp": NOW + 9, "aud": ["lear"]}, Why.OTHER_AUDIENCE),
        ({"exp": NOW + 9, "aud": []}, Why.OTHER_AUDIENCE),
        ({"exp": NOW + 9, "aud": None}, Why.OTHER_AUDIENCE),
        ({"exp": NOW + 9, "aud": "hamlet2"}, Why.OTHER_AUDIENCE),
        ({"exp": NOW + 9, "aud": {"hamlet": 1}}, Why.OTHER_AUDIENCE),
        ({"exp": NOW + 9, "sub": ""}, Why.MALFORMED),
        ({"exp": NOW + 9, "sub": 7}, Why.MALFORMED),
        ({"exp": NOW + 9, "sub": "a" * 256}, Why.MALFORMED),
        ({"exp": NOW + 9, "lane": ["fast"]}, Why.MALFORMED),
        ({"exp": NOW + 9, "jti": {}}, Why.MALFORMED),
        ({"exp": NOW + 9, "sub": None}, None),
        ([], Why.MALFORMED),
        ("ada", Why.MALFORMED),
        (b"{", Why.MALFORMED),
        (b'{"exp": NaN}', Why.MALFORMED),
        (b'{"exp": 1e999}', Why.MALFORMED),
        (b'{"exp": 1, "sub": "\xff"}', Why.MALFORMED),
        (b'{"exp": 1, "sub": "\\ud800"}', Why.MALFORMED),
        (b"[" * 1000, Why.MALFORMED),
        (b"", Why.MALFORMED),
    ],
    ids=str,
)
def test_what_is_signed_is_judged(claims: object, why: Why | None) -> None:
    """A true signature under what makes no sense, or counts at another time or in another place, is worth nothing."""
    said = judged(signed(claims))
    assert isinstance(said, Claims) if why is None else said is why


@pytest.mark.parametrize(
    ("header", "why"),
    [
        ({"alg": "none"}, Why.ALGORITHM),
        ({"alg": "None"}, Why.ALGORITHM),
        ({"alg": "hs256"}, Why.ALGORITHM),
        ({"alg": "HS512"}, Why.ALGORITHM),
        ({"alg": "RS256"}, Why.ALGORITHM),
        ({"alg": ["HS256"]}, Why.ALGORITHM),
        ({"alg": None}, Why.ALGORITHM),
        ({}, Why.ALGORITHM),
        ({"alg": "HS256", "crit": ["exp"]}, Why.ALGORITHM),
        ({"alg": "HS256", "b64": False, "crit": ["b64"]}, Why.ALGORITHM),
        ({"alg": "HS256", "crit": []}, Why.ALGORITHM),
        ({"alg": "HS256", "jku": "https://evil.example/keys", "jwk": {"kty": "oct", "k": "AA"}, "kid": "../x"}, None),
        (["HS256"], Why.MALFORMED),
        (b"HS256", Why.MALFORMED),
        (b"", Why.MALFORMED),
    ],
    ids=str,
)
def test_one_algorithm(header: object, why: Why | None) -> None:
    """Whoever signs chooses neither how it is checked nor with what: a key that he brings along is not looked at."""
    said = judged(signed(header=header))
    assert isinstance(said, Claims) if why is None else said is why


def test_without_a_signature() -> None:
    """The oldest trick: `none`, with nothing after the second dot; and HS256 with nothing there is forged."""
    none, ours = signed(header={"alg": "none"}), signed()
    assert judged(none.rpartition(".")[0] + ".") is Why.ALGORITHM
    assert judged(ours.rpartition(".")[0] + ".") is Why.FORGED


def test_forgeries() -> None:
    """Another secret, another hash, half of the MAC, another's MAC, or one character that is changed."""
    text = signed()
    head, body, mac = text.split(".")
    half = spelled(hmac.digest(SECRET, f"{head}.{body}".encode(), "sha256")[:16])
    others = [
        signed(secret=b"t" * 32),
        signed(digest="sha512"),
        f"{head}.{body}.{half}",
        f"{head}.{body}.{signed({'sub': 'bob', 'exp': NOW + 300}).split('.')[2]}",
        f"{head}.{spelled(json.dumps({**FINE, 'sub': 'bob'}).encode())}.{mac}",
        f"{head}.{body}.{'A' if mac[0] != 'A' else 'B'}{mac[1:]}",
    ]
    assert [judged(other) for other in others] == [Why.FORGED] * len(others)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda text: text + "=",
        lambda text: text + ".",
        lambda text: "." + text,
        lambda text: text + "\n",
        lambda text: " " + text,
        lambda text: text.replace(".", ".\n", 1),
        lambda text: text.replace(".", ":"),
        lambda text: text.rpartition(".")[0],
        lambda text: text[:-1] + chr(ord(text[-1]) + 1),  # the same bytes, spelled with spare bits
        lambda text: text.replace("e", "\u0435", 1),
        lambda text: text + "A" * MOST_CHARACTERS,
        lambda text: text * 2,
        lambda _text: "",
        lambda _text: "..",
        lambda _text: "\ud800.\ud800.\ud800",
    ],
)
def test_one_spelling(spoil: object) -> None:
    """What is not exactly the compact form is none, even where the bytes would be the same."""
    assert callable(spoil)
    assert judged(spoil(signed())) is Why.MALFORMED


@given(st.one_of(st.text(max_size=100), st.binary(max_size=60).map(lambda raw: ".".join([spelled(raw)] * 3))))
def test_reading_is_total(text: str) -> None:
    """Whatever comes is refused, never an error."""
    assert judged(text) in (Why.MALFORMED, Why.ALGORITHM)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["x", "exp"]), inner, max_size=2),
    max_leaves=5,
)


@given(st.dictionaries(st.sampled_from(["sub", "exp", "nbf", "aud", "lane", "jti", "x"]), JSON))
def test_whatever_is_signed_is_total_too(claims: dict[str, object]) -> None:
    """A shop with a bug gets a reason, and what it gets through has an end that lies within a day."""
    said = judged(signed(claims))
    assert isinstance(said, Why) or NOW < said.until <= NOW + MOST_S + LEEWAY_S


def test_a_short_secret() -> None:
    """With it anybody could sign, after some trying: whoever reads settings has checked it."""
    with pytest.raises(ValueError, match="has 31 bytes; 32 are the least"):
        read(b"s" * 31, signed(), NOW, ROOM)
