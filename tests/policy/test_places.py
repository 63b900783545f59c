"""Places: given back once, by their bearer, for their call; hoarded, shared, copied, forged or kept too long they are worth nothing."""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from itertools import count

import hypothesis.strategies as st
import pytest
from hypothesis import given
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from sidecar.model import Bearer
from sidecar.policy import tokens
from sidecar.policy.places import Issued, Place, Places, Why, place_code
from sidecar.policy.tokens import Key, Keys

KEY, NEXT = Key("k1", b"1" * 32), Key("k2", b"2" * 32)
EPOCH, LATER = b"epoch--1", b"epoch--2"
ADA = Bearer("tickets", "checkout", "identity:ada", b"\x07" * 16)
NOW = 1_796_115_600.0


class Office:
    """Places with nonces that count up."""

    def __init__(self, epoch: bytes = EPOCH, keys: Keys | None = None, per_client: int = 50, most: int = 1000) -> None:
        self.places = Places(keys or Keys(KEY), epoch, per_client=per_client, most=most)
        self._nonces = count(1)

    def issue(
        self, now: float = NOW, bearer: Bearer = ADA, since: float = NOW, tag: float = 3.5, for_s: float = 30.0
    ) -> Issued | Why:
        """Give a place."""
        nonce = next(self._nonces).to_bytes(8)
        return self.places.issue(now, bearer, since=since, tag=tag, until=now + for_s, nonce=nonce)

    def text(self, now: float = NOW, bearer: Bearer = ADA, for_s: float = 30.0) -> str:
        """Give a place where there is no doubt of it."""
        issued = self.issue(now, bearer, for_s=for_s)
        assert isinstance(issued, Issued)
        return issued.text


def test_a_place_comes_back_as_it_was_given() -> None:
    """Since when he waits, and where he stood."""
    office = Office()
    issued = office.issue(since=NOW - 5, tag=-0.25)
    assert isinstance(issued, Issued)
    assert issued.until == NOW + 30
    assert repr(office.places) == "<Places 1 of 1000 out, held by 1 clients>"
    assert office.places.redeem(NOW + 2, issued.text, ADA) == Place(issued.code, NOW - 5, -0.25)
    assert repr(office.places) == "<Places 0 of 1000 out, held by 0 clients>"


def test_replay() -> None:
    """The second time it is used up, and so it stays."""
    office = Office()
    text = office.text()
    assert isinstance(office.places.redeem(NOW, text, ADA), Place)
    assert [office.places.redeem(NOW + later, text, ADA) for later in (0, 29)] == [Why.USED] * 2


@pytest.mark.parametrize(
    ("other", "why"),
    [
        (ADA._replace(client="identity:bob"), Why.OTHER_CLIENT),
        (ADA._replace(call=b"\x08" * 16), Why.OTHER_CALL),
        (ADA._replace(backend="reports"), Why.OTHER_BACKEND),
        (ADA._replace(client_class="staff"), Why.OTHER_CLASS),
    ],
)
def test_share(other: Bearer, why: Why) -> None:
    """In other hands or for another thing it is worth nothing, and its bearer loses nothing by it."""
    office = Office()
    text = office.text()
    assert office.places.redeem(NOW, text, other) is why
    assert isinstance(office.places.redeem(NOW, text, ADA), Place)


def test_hoard_500() -> None:
    """Who asks for five hundred gets as many as he may hold; one that comes back makes room for one, and so does one that is over."""
    office = Office(per_client=50)
    given = [office.issue() for _ in range(500)]
    texts = [each.text for each in given if isinstance(each, Issued)]
    assert len(texts) == 50
    assert given[50:] == [Why.TOO_MANY] * 450
    assert isinstance(office.issue(bearer=ADA._replace(client="bob")), Issued)
    assert isinstance(office.issue(bearer=ADA._replace(backend="reports")), Why), "he is the same client there"
    assert isinstance(office.places.redeem(NOW, texts[7], ADA), Place)
    assert [isinstance(office.issue(), Issued) for _ in range(2)] == [True, False]
    assert isinstance(office.issue(NOW + 30), Issued)
    assert len(office.places) == 1


@given(st.data())
def test_forge(data: st.DataObject) -> None:
    """Any bits that are changed in any of its bytes make it nothing."""
    office = Office()
    text = office.text()
    raw = bytearray(urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    raw[data.draw(st.integers(0, len(raw) - 1))] ^= data.draw(st.integers(1, 255))
    changed = urlsafe_b64encode(bytes(raw)).rstrip(b"=").decode()
    assert office.places.redeem(NOW, changed, ADA) in (Why.FORGED, Why.MALFORMED, Why.UNKNOWN_KEY)
    assert isinstance(office.places.redeem(NOW, text, ADA), Place)


@given(st.text(max_size=300))
def test_anything_else_is_a_reason(text: str) -> None:
    """Whatever somebody sends."""
    assert isinstance(Office().places.redeem(NOW, text, ADA), Why)


def test_each_reason_of_a_token_is_one_of_a_place() -> None:
    """By the same word."""
    assert {each.value for each in tokens.Why} <= {each.value for each in Why}
    other = tokens.sign(Keys(KEY), tokens.Token(9, ()))
    assert Office().places.redeem(NOW, other, ADA) is Why.OTHER_KIND


@pytest.mark.parametrize("size", [0, 7, 9])
def test_a_list_of_other_fields_is_no_place(size: int) -> None:
    """Though we have signed it: another release may have."""
    times, name = b"t" * 24, b"n" * 12
    fields = (EPOCH, b"n" * size, times, name, name, name, name)
    assert Office().places.redeem(NOW, tokens.sign(Keys(KEY), tokens.Token(1, fields)), ADA) is Why.MALFORMED
    assert Office().places.redeem(NOW, tokens.sign(Keys(KEY), tokens.Token(1, fields[:3])), ADA) is Why.MALFORMED


def test_expired() -> None:
    """Its last moment is not one of its own; then it is over, whether it was used or not."""
    office = Office()
    texts = [office.text() for _ in range(3)]
    assert isinstance(office.places.redeem(NOW + 29.9, texts[0], ADA), Place)
    assert office.places.redeem(NOW + 30, texts[0], ADA) is Why.EXPIRED
    assert office.places.redeem(NOW + 30, texts[1], ADA) is Why.EXPIRED
    assert len(office.places) == 0
    assert office.places.redeem(NOW + 29, texts[2], ADA) is Why.USED, (
        "a clock that is set back brings none of them back"
    )


def test_restart() -> None:
    """In another process's line it has no tag, but it counts, once; its class and its bearer are as before."""
    before, after = Office(), Office(LATER)
    issued = before.issue(since=NOW - 40)
    assert isinstance(issued, Issued)
    assert after.places.redeem(NOW, issued.text, ADA._replace(client="bob")) is Why.OTHER_CLIENT
    place = after.places.redeem(NOW, issued.text, ADA)
    assert place == Place(issued.code, NOW - 40, None)
    assert after.places.redeem(NOW, issued.text, ADA) is Why.USED
    assert after.places.redeem(NOW + 30, issued.text, ADA) is Why.EXPIRED
    assert after.places.redeem(NOW, issued.text, ADA) is Why.EXPIRED, "nor does a clock that is set back"
    late = before.issue(NOW, for_s=31.0)
    assert isinstance(late, Issued)
    assert isinstance(after.places.redeem(NOW, late.text, ADA), Place), "what ends later than that is not over"


def test_after_a_restart_used_ones_are_remembered_in_bounded_number() -> None:
    """Where no more can be, none comes in that could come twice; what is over makes room."""
    before, after = Office(), Office(LATER, most=2)
    texts = [before.text(for_s=for_s) for for_s in (20, 10, 30, 40)]
    assert [isinstance(after.places.redeem(NOW, text, ADA), Place) for text in texts[:2]] == [True, True]
    assert after.places.redeem(NOW, texts[2], ADA) is Why.FULL
    assert isinstance(after.places.redeem(NOW + 10, texts[2], ADA), Place)
    assert after.places.redeem(NOW + 10, texts[0], ADA) is Why.USED
    assert after.places.redeem(NOW + 10, texts[3], ADA) is Why.FULL


def test_key_rotation() -> None:
    """What an older key has signed counts until that key is gone; what is out stays out over the change."""
    office = Office(keys=Keys(KEY))
    old, older = office.text(), office.text()
    office.places.bound(Keys(NEXT, KEY), 3)
    new = office.text()
    assert office.issue() is Why.TOO_MANY
    assert isinstance(office.places.redeem(NOW, old, ADA), Place)
    office.places.bound(Keys(NEXT), 3)
    assert office.places.redeem(NOW, older, ADA) is Why.UNKNOWN_KEY
    assert isinstance(office.places.redeem(NOW, new, ADA), Place)


def test_where_as_many_are_out_as_can_be_known_no_more_are_given() -> None:
    """Rather than one that could be used twice."""
    office = Office(most=3)
    bearers = [ADA._replace(client=name) for name in "abcd"]
    texts = [office.text(bearer=bearer) for bearer in bearers[:3]]
    assert office.issue(bearer=bearers[3]) is Why.FULL
    assert isinstance(office.places.redeem(NOW, texts[0], bearers[0]), Place)
    assert isinstance(office.issue(bearer=bearers[3]), Issued)


def test_who_comes_and_goes_leaves_nothing_behind() -> None:
    """Places that came back before their end take no room for long, however many they are; those that are out still end in their order."""
    office = Office(most=10)
    kept = [office.text(for_s=for_s) for for_s in (30, 20, 10)]
    noted = 0
    for _ in range(100):
        text = office.text(for_s=3600.0)
        noted = max(noted, len(office.places._ends))
        assert isinstance(office.places.redeem(NOW, text, ADA), Place)
    assert noted == 21
    for at_s, out in ((10, 2), (20, 1), (30, 0)):
        assert office.places.redeem(NOW + at_s, "", ADA) is Why.MALFORMED
        assert len(office.places) == out
    assert office.places.redeem(NOW + 30, kept[0], ADA) is Why.EXPIRED
    assert repr(Places(Keys(KEY), EPOCH, per_client=1)) == "<Places 0 of 10000 out, held by 0 clients>"


def test_no_single_call_sweeps_up_a_whole_night() -> None:
    """A hundred at a time; the places that are over do not count meanwhile, they only still take their room."""
    office = Office(per_client=1000)
    texts = [office.text() for _ in range(250)]
    assert office.places.redeem(NOW + 30, texts[0], ADA) is Why.EXPIRED
    assert len(office.places) == 150
    assert office.places.redeem(NOW + 30, texts[-1], ADA) is Why.EXPIRED
    office.issue(NOW + 30)
    assert len(office.places) == 1
    later = Office(LATER)
    for text in (texts := [office.text() for _ in range(150)]):
        later.places.redeem(NOW, text, ADA)
    later.places.redeem(NOW + 30, texts[0], ADA)
    assert len(later.places._spent) == len(later.places._spent_ends) == 50
    later.places.redeem(NOW + 30, texts[0], ADA)
    assert later.places._spent == set()


def test_what_an_age_is_worth() -> None:
    """As much as he has waited, at most what anybody may wait; a clock that was set back makes it nothing, not less."""
    place = Place("", NOW, None)
    assert [place.worth_s(NOW + age, 5.0) for age in (-9, 0, 2, 5, 700)] == [0.0, 0.0, 2.0, 5.0, 5.0]


def test_what_people_call_a_place() -> None:
    """Six letters and figures that nobody confuses, from the first 30 bits."""
    assert place_code(b"\0" * 8) == "0000-00"
    assert place_code(b"\xff\xff\xff\xfc" + b"\0" * 4) == "ZZZZ-ZZ"
    assert place_code((0b00001_00010_00011_00100_00101_00110 << 34).to_bytes(8)) == "1234-56"
    assert place_code((0b01010_10000_10010_10100_10110_11111 << 34).to_bytes(8)) == "AGJM-PZ"


def test_a_token_is_of_one_size_and_shows_nobody() -> None:
    """Whatever the names: it goes into a header line, and its reader learns nothing of anybody from it."""
    office = Office(keys=Keys(Key("k" * 16, b"1" * 32)))
    texts = [office.text(bearer=bearer) for bearer in (ADA, Bearer("b" * 200, "c" * 200, "ä" * 200, b"d" * 200))]
    assert {len(text) for text in texts} == {174}
    raw = urlsafe_b64decode(texts[0] + "==")
    assert not any(name.encode() in raw for name in ADA[:3])


@pytest.mark.parametrize("nonce", [b"", b"x" * 7, b"x" * 9, (1).to_bytes(8)])
def test_a_nonce_is_one_of_its_own(nonce: bytes) -> None:
    """A second place of the same could be used for the first."""
    office = Office()
    office.text()
    with pytest.raises(ValueError, match="8 bytes of its own"):
        office.places.issue(NOW, ADA, since=NOW, tag=0.0, until=NOW + 1, nonce=nonce)
    with pytest.raises(ValueError, match="an epoch has 8 bytes, not 7"):
        Office(epoch=b"x" * 7)


class Holders(RuleBasedStateMachine):
    """Three clients who take, show, share and keep places, over restarts: none counts twice in a process, and all bounds hold."""

    def __init__(self) -> None:
        super().__init__()
        self.now, self.epochs = NOW, 0
        self.nonces = count(1)
        self.known: list[tuple[str, Bearer, float, int]] = []
        self.used: set[str] = set()
        self.restart()

    @rule()
    def restart(self) -> None:
        self.epochs += 1
        self.places = Places(Keys(KEY), self.epochs.to_bytes(8), per_client=2, most=4)
        self.used.clear()

    @rule(client=st.sampled_from("abc"), for_s=st.sampled_from((5.0, 30.0)))
    def take(self, client: str, for_s: float) -> None:
        bearer, until = ADA._replace(client=client), self.now + for_s
        held = [
            text
            for text, whose, end, epoch in self.known
            if epoch == self.epochs and end > self.now and text not in self.used and whose == bearer
        ]
        nonce = next(self.nonces).to_bytes(8)
        issued = self.places.issue(self.now, bearer, since=self.now, tag=1.0, until=until, nonce=nonce)
        if isinstance(issued, Issued):
            assert len(held) < 2
            self.known.append((issued.text, bearer, until, self.epochs))
        else:
            assert issued is (Why.TOO_MANY if len(held) == 2 else Why.FULL)

    @precondition(lambda self: self.known)
    @rule(data=st.data(), client=st.sampled_from("abc"))
    def show(self, data: st.DataObject, client: str) -> None:
        text, bearer, until, epoch = data.draw(st.sampled_from(self.known))
        shown = self.places.redeem(self.now, text, ADA._replace(client=client))
        if client != bearer.client:
            assert shown is Why.OTHER_CLIENT
        elif until <= self.now:
            assert shown is Why.EXPIRED
        elif text in self.used:
            assert shown is Why.USED
        elif isinstance(shown, Place):
            assert (shown.tag is None) is (epoch != self.epochs)
            self.used.add(text)
        else:
            assert shown is Why.FULL
            assert epoch != self.epochs

    @rule(step_s=st.sampled_from((1.0, 5.0, 40.0)))
    def pass_time(self, step_s: float) -> None:
        self.now += step_s

    @invariant()
    def bounds_hold(self) -> None:
        assert len(self.places) <= 4
        assert len(self.places._spent) == len(self.places._spent_ends) <= 4
        assert len(self.places._ends) <= 9
        assert sum(self.places._held.values()) == len(self.places)
        assert all(1 <= held <= 2 for held in self.places._held.values())


TestHolders = Holders.TestCase
