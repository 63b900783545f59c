"""The table: it knows what a dict would know, however many come, and no call pays for all of them."""

from __future__ import annotations

from hashlib import blake2b

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sidecar.policy.hashtable import Tally

# Few, so that they meet again; and of the same slot or the same segment.
KEYS = st.one_of(st.integers(0, 5), st.integers(0, 3).map(lambda low: 1 << 63 | low), st.integers(0, 2**64 - 1))
VALUES = st.integers(0, 2**32 - 1)


def key_of(number: int) -> int:
    return int.from_bytes(blake2b(b"%d" % number, digest_size=8).digest())


@given(st.lists(st.tuples(KEYS, VALUES, st.booleans())), st.lists(KEYS))
def test_it_is_a_dict(deeds: list[tuple[int, int, bool]], asked: list[int]) -> None:
    """What was put last is found, sums are sums, and who is not there is 0."""
    tally, known = Tally(), dict[int, int]()
    for key, value, adds in deeds:
        number = key or 1
        if adds:
            more = value % 1000 if known.get(number, 0) < 2**31 else -(value % 1000)
            known[number] = known.get(number, 0) + more
            assert tally.add(key, more) == known[number]
        else:
            known[number] = value
            tally.put(key, value)
    assert len(tally) == len(known)
    for key in (*asked, *known):
        assert tally.get(key) == known.get(key or 1, 0)


@pytest.mark.unmeasured
@pytest.mark.parametrize("count", [20_000, pytest.param(200_000, marks=pytest.mark.long)])
def test_it_grows(count: int) -> None:
    """Through many splits nobody is lost, and none is found who was not put in."""
    tally = Tally()
    for number in range(count):
        tally.put(key_of(number), number + 1)
    assert len(tally) == count
    assert all(tally.get(key_of(number)) == number + 1 for number in range(count))
    assert not any(tally.get(key_of(number)) for number in range(count, count + 5000))
    for number in range(0, count, 7):
        assert tally.add(key_of(number), 5) == number + 6


def test_it_grows_by_parts() -> None:
    """Whoever comes makes two segments of one at most, and the others stay as they are; a key takes 35 bytes at most."""
    tally = Tally()
    before = set(tally._directory)
    for number in range(3000):
        tally.put(key_of(number), 1)
        after = set(tally._directory)
        assert (len(after - before), len(before - after)) in ((0, 0), (2, 1))
        before = after
    assert repr(tally).startswith("<Tally 3000 keys by ")
    assert len(before) * 512 * 12 < 3000 * 35


def test_eight_bytes_are_a_key() -> None:
    """As a hash comes, without being made a number by its owner."""
    tally = Tally()
    tally.put((5).to_bytes(8), 7)
    assert (tally.get(5), tally.get(b"\0" * 7 + b"\5"), tally.get(b"\5" + b"\0" * 7)) == (7, 7, 0)


@pytest.mark.parametrize("key", [2**64, -1, b"nine bytes"])
def test_what_is_no_key(key: int | bytes) -> None:
    """A longer hash was cut by nobody: two of them could be taken for one."""
    with pytest.raises(ValueError, match="a key has 64 bits"):
        Tally().get(key)


@pytest.mark.parametrize("value", [-1, 2**32])
def test_what_is_no_value(value: int) -> None:
    """And nothing has changed by it, neither for a key that is there nor for one that is not."""
    tally = Tally()
    tally.put(1, 5)
    for key in (1, 2):
        with pytest.raises(OverflowError):
            tally.put(key, value)
        with pytest.raises(OverflowError):
            tally.add(key, value - tally.get(key))
    assert (tally.get(1), tally.get(2), len(tally)) == (5, 0, 1)


def test_keys_that_are_no_hashes() -> None:
    """Who forgot to hash hears so, instead of filling the memory with empty segments."""
    tally = Tally()
    for number in range(384):  # as many as a segment takes
        tally.put(number << 40 | 1, 1)
    with pytest.raises(OverflowError, match="they are no hashes"):
        tally.put(384 << 40 | 1, 1)
