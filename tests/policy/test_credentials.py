"""Places and passes: what we signed for this room is read, anything else is a reason, whatever somebody does to it."""

from __future__ import annotations

import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from random import Random
from typing import TYPE_CHECKING

import hypothesis.strategies as st
import pytest
from hypothesis import given

from sidecar.policy import credentials, tokens
from sidecar.policy.credentials import (
    BIND_BYTES,
    EPOCH_BYTES,
    PassId,
    PlaceId,
    PlaceTexts,
    Why,
    bind_of,
    read_pass,
    room_id,
    sign_pass,
    sign_place,
)
from sidecar.policy.tokens import Key, Keys, Kind, Token

if TYPE_CHECKING:
    from collections.abc import Callable

OLD, NEW = Key("k1", b"o" * 32), Key("k2", b"n" * 32)
KEYS = Keys(NEW, OLD)
ROOM, EPOCH = room_id("hamlet"), b"epoch--1"
PLACE, PASS = PlaceId(1, 70_000), PassId(1, 70_000, 9, 2, b"browser1")
PLACES = st.builds(PlaceId, st.integers(0, 255), st.integers(0, 2**32 - 1))
PASSES = st.builds(
    PassId,
    st.integers(0, 255),
    st.integers(0, 2**32 - 1),
    st.integers(0, 65_535),
    st.integers(0, 65_535),
    st.just(b"") | st.binary(min_size=BIND_BYTES, max_size=BIND_BYTES),
)
Read = PlaceId | PassId | Why


def place(text: str, keys: Keys = KEYS) -> Read:
    """Read a place of this room."""
    return PlaceTexts(keys, ROOM, EPOCH).read(text)


def admitted(text: str, keys: Keys = KEYS) -> Read:
    """Read a pass of this room."""
    return read_pass(keys, ROOM, EPOCH, text)


SIGNED = sign_place(KEYS, ROOM, EPOCH, PLACE), sign_pass(KEYS, ROOM, EPOCH, PASS)
READS: tuple[Callable[[str], Read], ...] = (place, admitted)


@given(PLACES, PASSES)
def test_what_was_signed_is_read(of: PlaceId, shown: PassId) -> None:
    """Every lane, number, turn, wave and browser that there may be."""
    assert place(sign_place(KEYS, ROOM, EPOCH, of)) == of
    assert admitted(sign_pass(KEYS, ROOM, EPOCH, shown)) == shown


def test_one_is_not_the_other() -> None:
    """A place is no pass, a pass no place, and a place in a backend's line neither."""
    line = tokens.sign(KEYS, Token(Kind.PLACE, (ROOM, EPOCH, b"\x01\x00\x01\x11\x70")))
    assert [admitted(SIGNED[0]), place(SIGNED[1]), place(line), admitted(line)] == [Why.OTHER_KIND] * 4


def test_other_rooms_and_replicas_say_so() -> None:
    """Their own reason: of another room, of a room of this name that somebody else keeps; never forged, for it is ours."""
    for read, sign, what in ((place, sign_place, PLACE), (admitted, sign_pass, PASS)):
        other = sign(KEYS, room_id("macbeth"), EPOCH, what)  # type: ignore[operator]  # each with its own
        replica = sign(KEYS, ROOM, b"epoch--2", what)  # type: ignore[operator]  # each with its own
        assert read(other) is Why.OTHER_ROOM
        assert read(replica) is Why.OTHER_REPLICA


def test_an_old_key_counts_until_it_is_taken_out() -> None:
    """Keys are changed in the middle of a sale: what was signed before goes on, and a key that is gone is said to be unknown."""
    for sign, read, what in ((sign_place, place, PLACE), (sign_pass, admitted, PASS)):
        before = sign(Keys(OLD), ROOM, EPOCH, what)  # type: ignore[operator]  # each with its own
        between = sign(KEYS, ROOM, EPOCH, what)  # type: ignore[operator]  # each with its own
        assert [read(before, keys) for keys in (Keys(OLD), KEYS, Keys(NEW))] == [what, what, Why.UNKNOWN_KEY]
        assert [read(between, keys) for keys in (Keys(OLD), KEYS, Keys(NEW))] == [Why.UNKNOWN_KEY, what, what]
        assert read(before, Keys(Key("k1", b"another secret of that name"))) is Why.FORGED


@pytest.mark.parametrize("at", [0, 1])
def test_cut_anywhere_it_is_nothing(at: int) -> None:
    """After each character, and after each byte with what was left spelled well."""
    text, read = SIGNED[at], READS[at]
    raw = urlsafe_b64decode(text + "=" * (-len(text) % 4))
    for end in range(len(text)):
        assert read(text[:end]) in (Why.MALFORMED, Why.FORGED, Why.UNKNOWN_KEY)
    for end in range(len(raw)):
        assert read(spelled(raw[:end])) in (Why.MALFORMED, Why.FORGED, Why.UNKNOWN_KEY)
        assert read(spelled(raw[end + 1 :])) in (Why.MALFORMED, Why.FORGED, Why.UNKNOWN_KEY)


@pytest.mark.parametrize("at", [0, 1])
def test_every_bit_counts(at: int) -> None:
    """Each of them, flipped alone."""
    text, read = SIGNED[at], READS[at]
    raw = urlsafe_b64decode(text + "=" * (-len(text) % 4))
    for bit in range(8 * len(raw)):
        flipped = bytearray(raw)
        flipped[bit // 8] ^= 1 << bit % 8
        assert read(spelled(bytes(flipped))) in (Why.MALFORMED, Why.FORGED, Why.UNKNOWN_KEY)


def spelled(raw: bytes) -> str:
    """Write bytes as a token is written."""
    return urlsafe_b64encode(raw).rstrip(b"=").decode()


@given(st.text(max_size=80) | st.text("AQEJCazIabcdef-_=", max_size=80))
def test_any_other_text_is_a_reason(text: str) -> None:
    """Never an exception, never a way in."""
    assert isinstance(place(text), Why)
    assert isinstance(admitted(text), Why)


@pytest.mark.parametrize("count", [3000, pytest.param(1_000_000, marks=[pytest.mark.long, pytest.mark.unmeasured])])
def test_random_ones_are_no_way_in(count: int) -> None:
    """Of right length, with the right head and key and fields, the MAC guessed; and ours with some bytes changed."""
    rng = Random(count)
    raws = [urlsafe_b64decode(text + "=" * (-len(text) % 4)) for text in SIGNED]
    for number in range(count):
        raw, read = bytearray(raws[number % 2]), READS[number % 2]
        match number % 3:
            case 0:
                raw[-16:] = rng.randbytes(16)
            case 1:
                for _ in range(rng.randint(1, 4)):
                    raw[rng.randrange(len(raw))] ^= rng.randint(1, 255)
            case _:
                raw = bytearray(rng.randbytes(rng.randint(0, 90)))
        if bytes(raw) != raws[number % 2]:
            assert isinstance(read(spelled(bytes(raw))), Why)


@given(st.lists(st.binary(max_size=20), max_size=6), st.sampled_from([Kind.ROOM, Kind.PASS]))
def test_what_we_signed_in_another_form_is_read_with_care(fields: list[bytes], kind: Kind) -> None:
    """Of another release: more fields or fewer, longer or shorter ones, behind our own room and epoch or not."""
    for more in ((), (ROOM,), (ROOM, EPOCH)):
        text = tokens.sign(KEYS, Token(kind, (*more, *fields)))
        found = place(text) if kind is Kind.ROOM else admitted(text)
        if not isinstance(found, Why):
            assert (*more, *fields)[:2] == (ROOM, EPOCH)
            again = (
                sign_place(KEYS, ROOM, EPOCH, found)
                if isinstance(found, PlaceId)
                else sign_pass(KEYS, ROOM, EPOCH, found)
            )
            assert again == text, "a credential has one form"


def test_macs_are_compared_in_constant_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """By `compare_digest`, and by nothing else: where it says yes, a wrong MAC is right, and what it is given are whole MACs."""
    compared: list[tuple[bytes, bytes]] = []

    def compare(one: bytes, other: bytes) -> bool:
        compared.append((one, other))
        return True

    monkeypatch.setattr(hmac, "compare_digest", compare)
    for text, read, what in zip(SIGNED, READS, (PLACE, PASS), strict=True):
        raw = urlsafe_b64decode(text + "=" * (-len(text) % 4))
        assert read(spelled(raw[:-16] + bytes(16))) == what
    assert [len(one) for pair in compared for one in pair] == [16] * 4
    assert [one for one, _ in compared] == [bytes(16)] * 2


def test_the_form_is_what_it_is() -> None:
    """A release that wrote it otherwise could not read what people hold in their hands."""
    assert place(tokens.sign(KEYS, Token(2, (ROOM, EPOCH, bytes.fromhex("0100011170"))))) == PLACE
    fields = (ROOM, EPOCH, bytes.fromhex("010001117000090002"), b"browser1")
    assert admitted(tokens.sign(KEYS, Token(3, fields))) == PASS
    assert len(ROOM) == 8
    assert len(EPOCH) == EPOCH_BYTES
    assert room_id("hamlet") != room_id("hamlet ")
    assert max(map(len, SIGNED)) < 100, "a header line and a cookie hold it"


def test_browsers_are_told_apart() -> None:
    """By what they show; one that shows nothing is bound to none. Bytes that are no text are something, too."""
    assert bind_of() == bind_of("") == bind_of("", " ") == b""
    assert len(bind_of("Mozilla/5.0")) == BIND_BYTES
    assert len({bind_of("a"), bind_of("b"), bind_of("a", "b"), bind_of("b", "a"), bind_of("\udcff")}) == 5


def test_reasons_are_those_of_tokens_and_two_more() -> None:
    """So that whatever a token says has a word here."""
    assert {each.value for each in tokens.Why} | {"other_room", "other_replica"} == {
        each.value for each in credentials.Why
    }


@given(PLACES)
def test_a_place_of_the_current_key_is_told_by_how_it_begins(of: PlaceId) -> None:
    """Whoever holds one of an older key, of another room or of another replica is to be given another one; nobody else is."""
    old, texts = Keys(OLD), PlaceTexts(KEYS, ROOM, EPOCH)
    assert texts.is_current(sign_place(KEYS, ROOM, EPOCH, of))
    assert not texts.is_current(sign_place(old, ROOM, EPOCH, of))
    assert not texts.is_current(sign_place(KEYS, room_id("macbeth"), EPOCH, of))
    assert not texts.is_current(sign_place(KEYS, ROOM, b"epoch--2", of))


@pytest.mark.parametrize("fields", [(b"short", b""), (b"123456789", b"no browser"), (b"0123456789", b"")])
def test_ours_of_another_size_is_malformed(fields: tuple[bytes, bytes]) -> None:
    """Signed by us, for this room: a name that is not as long as names are names nobody."""
    assert admitted(tokens.sign(KEYS, Token(Kind.PASS, (ROOM, EPOCH, *fields)))) is Why.MALFORMED
    assert place(tokens.sign(KEYS, Token(Kind.ROOM, (ROOM, EPOCH, fields[0] + b"more")))) is Why.MALFORMED
    assert place(tokens.sign(KEYS, Token(Kind.ROOM, (ROOM, EPOCH)))) is Why.MALFORMED


def test_texts_of_places_are_shown_with_what_they_are_for() -> None:
    shown = repr(PlaceTexts(KEYS, ROOM, EPOCH))
    assert shown == f"<PlaceTexts of {ROOM.hex()}, epoch {EPOCH.hex()}, {KEYS!r}>"
