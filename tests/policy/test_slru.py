"""The segmented LRU: what goes, and in which order, as a naive model with two lists would have it."""

from __future__ import annotations

from dataclasses import dataclass

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from sidecar.policy.slru import PROTECTED, Owned, Slru

A, B, C, D, E = (name.encode() for name in "abcde")


def slru_of(*keys: bytes, room_bytes: int = 100, each_bytes: int = 10) -> Slru[str]:
    slru: Slru[str] = Slru(room_bytes)
    for key in keys:
        assert slru.put(key, key.decode(), each_bytes, "op", 1.0) == []
    return slru


def test_what_is_kept_is_found() -> None:
    """And what is not is None."""
    slru = slru_of(A, B)
    assert (slru.get(A), slru.get(C)) == ("a", None)
    assert (len(slru), slru.held_bytes, slru.room_bytes) == (2, 20, 100)
    assert repr(slru) == "<Slru 2 in 20 of 100 bytes, 10 protected>"


def test_the_oldest_on_probation_goes_first() -> None:
    """In the order in which they came."""
    slru = slru_of(A, B, C, room_bytes=30)
    assert slru.put(D, "d", 10, "op", 1.0) == [A]
    assert slru.put(E, "e", 20, "op", 1.0) == [B, C]


def test_a_hit_protects() -> None:
    """Nobody who comes once drives it out."""
    slru = slru_of(A, room_bytes=30)
    slru.get(A)
    for number in range(20):
        assert slru.put(b"%d" % number, "once", 10, "op", 1.0) is not None
    assert slru.get(A) == "a"


def test_of_the_protected_the_one_asked_for_longest_ago_goes_first() -> None:
    """Once nobody is on probation."""
    slru = slru_of(A, B, C, room_bytes=40)
    for key in (A, B, C, A):
        slru.get(key)
    assert slru.put(D, "d", 30, "op", 1.0) == [B, C]


def test_the_protected_are_at_most_four_fifths() -> None:
    """One more, and the one that was asked for longest ago is on probation again, as the youngest there."""
    slru = slru_of(A, B, C, D, E, room_bytes=50)
    for key in (A, B, C, D, E):
        slru.get(key)
    assert slru.keys() == [A, B, C, D, E]
    assert repr(slru).endswith("40 protected>")
    assert slru.put(b"f", "f", 10, "op", 1.0) == [A]


def test_what_would_fill_the_protected_part_alone_stays_on_probation() -> None:
    """Else each hit on it would turn everybody else out of there."""
    slru = slru_of(A, room_bytes=100)
    slru.get(A)
    assert slru.put(B, "b", 81, "op", 1.0) == []
    slru.get(B)
    assert repr(slru).endswith(" 10 protected>")


def test_too_large_is_refused_and_nothing_changes() -> None:
    """Neither what stands under its key nor anybody else goes."""
    slru = slru_of(A, B)
    assert slru.put(A, "larger", 101, "op", 1.0) is None
    assert slru.put(A, "larger", 51, "op", 0.5) is None
    assert (slru.get(A), slru.held_bytes) == ("a", 20)


def test_no_room_keeps_nothing() -> None:
    """Room 0 is how a cache is switched off."""
    assert slru_of(room_bytes=0).put(A, "a", 1, "op", 1.0) is None


def test_an_owner_at_his_cap_loses_his_own_oldest() -> None:
    """However old another's are, and though there is room."""
    slru = slru_of(A, B)
    for key in (C, D):
        assert slru.put(key, "x", 10, "greedy", 0.25) == []
    assert slru.put(E, "x", 10, "greedy", 0.25) == [C]
    assert slru.owned() == {"op": Owned(2, 20), "greedy": Owned(2, 20)}


def test_an_owner_at_his_cap_loses_those_on_probation_first() -> None:
    """What he is asked for often stays."""
    slru = slru_of(A, B)
    slru.get(A)
    assert slru.put(C, "c", 10, "op", 0.2) == [B]


def test_a_new_value_has_the_place_of_the_old_one() -> None:
    """A refresh does not put on probation what people want."""
    slru = slru_of(A, B, room_bytes=30)
    slru.get(A)
    assert slru.put(A, "new", 12, "op", 1.0) == []
    assert slru.put(C, "c", 10, "op", 1.0) == [B]
    assert (slru.get(A), slru.held_bytes) == ("new", 22)


def test_a_protected_value_that_grows_pushes_others_out_of_there() -> None:
    """The one that was asked for longest ago first, and it stays."""
    slru = slru_of(A, B, room_bytes=100)
    slru.get(A)
    slru.get(B)
    assert slru.put(B, "grown", 75, "op", 1.0) == []
    assert slru.keys() == [A, B]
    assert repr(slru).endswith(" 75 protected>")


def test_a_value_that_outgrew_the_protected_part_loses_its_place() -> None:
    """It is on probation like any that large."""
    slru = slru_of(A)
    slru.get(A)
    assert slru.put(A, "vast", 90, "op", 1.0) == []
    assert repr(slru).endswith(" 0 protected>")


def test_dropped_is_gone() -> None:
    """Once; a second time there is nothing to drop."""
    slru = slru_of(A, B)
    assert slru.drop(A)
    assert not slru.drop(A)
    assert (slru.get(A), slru.held_bytes) == (None, 10)


def test_shedding_takes_an_owners_oldest() -> None:
    """No more than asked for, and harmless where he has nothing."""
    slru = slru_of(A, B, C)
    slru.put(D, "d", 10, "other", 1.0)
    assert slru.shed("op", 2) == [A, B]
    assert slru.shed("op", 2) == [C]
    assert slru.shed("op", 2) == []
    assert slru.keys() == [D]


def test_less_room_turns_out_the_oldest() -> None:
    """And demotes whom the protected part has no place for any more."""
    slru = slru_of(A, B, C, D)
    for key in (C, D):
        slru.get(key)
    assert slru.resize(25) == [A, B]
    assert slru.keys() == [C, D]
    assert repr(slru) == "<Slru 2 in 20 of 25 bytes, 20 protected>"
    assert slru.resize(20) == []
    assert repr(slru) == "<Slru 2 in 20 of 20 bytes, 10 protected>"
    assert slru.resize(1000) == []


@dataclass
class Held:
    key: bytes
    value: int
    size_bytes: int
    owner: str


class Oracle:
    """The same as two lists, oldest first, searched from end to end."""

    def __init__(self, room_bytes: int) -> None:
        self.room_bytes = room_bytes
        self.probation: list[Held] = []
        self.protected: list[Held] = []

    def all(self) -> list[Held]:
        return self.probation + self.protected

    def bytes_of(self, owner: str | None = None) -> int:
        return sum(held.size_bytes for held in self.all() if owner in (None, held.owner))

    def find(self, key: bytes) -> Held | None:
        return next((held for held in self.all() if held.key == key), None)

    def remove(self, held: Held) -> bytes:
        (self.probation if held in self.probation else self.protected).remove(held)
        return held.key

    def demote(self) -> None:
        while sum(held.size_bytes for held in self.protected) > int(PROTECTED * self.room_bytes):
            self.probation.append(self.protected.pop(0))

    def get(self, key: bytes) -> int | None:
        held = self.find(key)
        if held is None:
            return None
        earns = held.size_bytes <= int(PROTECTED * self.room_bytes)
        line = self.protected if held in self.protected or earns else self.probation
        self.remove(held)
        line.append(held)
        self.demote()
        return held.value

    def put(self, key: bytes, value: int, size_bytes: int, owner: str, share: float) -> list[bytes] | None:
        most = min(self.room_bytes, int(share * self.room_bytes))
        if size_bytes > most:
            return None
        new, line = Held(key, value, size_bytes, owner), self.probation
        if before := self.find(key):
            if before in self.protected and size_bytes <= int(PROTECTED * self.room_bytes):
                line = self.protected
            self.remove(before)
        gone = []
        while self.bytes_of(owner) + size_bytes > most:
            gone.append(self.remove(next(held for held in self.all() if held.owner == owner)))
        while self.bytes_of() + size_bytes > self.room_bytes:
            gone.append(self.remove(self.all()[0]))
        line.append(new)
        self.demote()
        return gone

    def shed(self, owner: str, most: int) -> list[bytes]:
        return [self.remove(held) for held in [held for held in self.all() if held.owner == owner][:most]]

    def resize(self, room_bytes: int) -> list[bytes]:
        self.room_bytes = room_bytes
        gone = []
        while self.bytes_of() > room_bytes:
            gone.append(self.remove(self.all()[0]))
        self.demote()
        return gone


KEYS = st.sampled_from([b"%d" % number for number in range(12)])
OWNERS = st.sampled_from(["browse", "report", "seats"])


class SlruMachine(RuleBasedStateMachine):
    """Every step on both, and both agree on what went and on what is left, in its order."""

    def __init__(self) -> None:
        super().__init__()
        self.slru: Slru[int] = Slru(100)
        self.oracle = Oracle(100)
        self.count = 0

    @rule(key=KEYS)
    def get(self, key: bytes) -> None:
        assert self.slru.get(key) == self.oracle.get(key)

    @rule(key=KEYS, size_bytes=st.integers(1, 60), owner=OWNERS, share=st.sampled_from([0.0, 0.2, 0.5, 1.0]))
    def put(self, key: bytes, size_bytes: int, owner: str, share: float) -> None:
        self.count += 1
        gone = self.slru.put(key, self.count, size_bytes, owner, share)
        assert gone == self.oracle.put(key, self.count, size_bytes, owner, share)
        if gone is not None:
            assert self.oracle.bytes_of(owner) <= share * self.oracle.room_bytes

    @rule(key=KEYS)
    def drop(self, key: bytes) -> None:
        held = self.oracle.find(key)
        assert self.slru.drop(key) is (held is not None)
        if held is not None:
            self.oracle.remove(held)

    @rule(owner=OWNERS, most=st.integers(0, 3))
    def shed(self, owner: str, most: int) -> None:
        assert self.slru.shed(owner, most) == self.oracle.shed(owner, most)

    @rule(room_bytes=st.integers(0, 150))
    def resize(self, room_bytes: int) -> None:
        assert self.slru.resize(room_bytes) == self.oracle.resize(room_bytes)

    @invariant()
    def both_agree(self) -> None:
        assert self.slru.keys() == [held.key for held in self.oracle.all()]
        assert self.slru.held_bytes == self.oracle.bytes_of() <= self.slru.room_bytes == self.oracle.room_bytes
        assert len(self.slru) == len(self.oracle.all())
        owners = {held.owner for held in self.oracle.all()}
        assert {owner: owned.size_bytes for owner, owned in self.slru.owned().items()} == {
            owner: self.oracle.bytes_of(owner) for owner in owners
        }
        assert repr(self.slru).endswith(f" {sum(held.size_bytes for held in self.oracle.protected)} protected>")


TestSlru = SlruMachine.TestCase
