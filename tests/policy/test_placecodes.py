"""Codes of places: each leads back to its place, tells nothing of it, and a slip of tongue or finger leads nowhere."""

from __future__ import annotations

from itertools import pairwise
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sidecar.policy.placecodes import LANES, SEQS, PlaceCodes
from sidecar.policy.places import ALPHABET

CODES = PlaceCodes(b"k" * 16)
LANE, SEQ = st.integers(0, LANES - 1), st.integers(0, SEQS - 1)
SAMPLE = [CODES.encode(chance.randrange(LANES), chance.randrange(SEQS)) for chance in map(Random, range(40))]


@given(LANE, SEQ)
def test_a_code_leads_back(lane: int, seq: int) -> None:
    """Four letters, a hyphen, two more, of an alphabet that can be read out; and no two places share one."""
    code = CODES.encode(lane, seq)
    assert (len(code), code[4]) == (7, "-")
    assert set(code) <= {*ALPHABET, "-"}
    assert CODES.decode(code) == (lane, seq)


@pytest.mark.parametrize("code", SAMPLE)
def test_every_wrong_letter_is_noticed(code: str) -> None:
    """Each of the six, for each of the 31 others."""
    letters = code.replace("-", "")
    for at in range(6):
        for wrong in set(ALPHABET) - {letters[at]}:
            assert CODES.decode(letters[:at] + wrong + letters[at + 1 :]) is None


@pytest.mark.parametrize("code", SAMPLE)
def test_every_swap_is_noticed(code: str) -> None:
    """Of neighbours and of any two letters that differ."""
    letters = code.replace("-", "")
    for at in range(6):
        for other in range(at + 1, 6):
            swapped = list(letters)
            swapped[at], swapped[other] = swapped[other], swapped[at]
            assert CODES.decode("".join(swapped)) == (CODES.decode(code) if swapped == list(letters) else None)


@given(LANE, SEQ, st.randoms(use_true_random=False))
def test_as_people_write_it(lane: int, seq: int, chance: Random) -> None:
    """Small letters, O for 0, I and L for 1, hyphens and spaces anywhere or nowhere."""
    written = ""
    for letter in CODES.encode(lane, seq).replace("-", ""):
        as_read = chance.choice({"0": "0Oo", "1": "1IiLl"}.get(letter, letter + letter.lower()))
        written += as_read + chance.choice(["", "", " ", "-", "\t", " - ", "\N{NO-BREAK SPACE}"])
    assert CODES.decode(written) == (lane, seq)


@given(st.text(max_size=80))
def test_whatever_is_typed(text: str) -> None:
    """It is a place or none, never an error."""
    place = CODES.decode(text)
    assert place is None or CODES.decode(CODES.encode(*place)) == place


@pytest.mark.parametrize(
    "text",
    ["", "-", SAMPLE[0][:-1], SAMPLE[0] + "0", SAMPLE[0] + " " * 60, "UUUU-UU", "\u0130\u0131\u017f000", "\u0660" * 6],
)
def test_what_is_no_code(text: str) -> None:
    """Too short, too long, of letters that there are not, in digits of another script."""
    assert CODES.decode(text) is None


def test_neighbours_look_nothing_alike() -> None:
    """A thousand who came one after the other: each letter takes all of its values, and few share a beginning."""
    codes = [CODES.encode(0, seq) for seq in range(1000)]
    assert len(set(codes)) == 1000
    assert all(len({code[at] for code in codes}) == 32 for at in (0, 1, 2, 3, 5, 6))
    assert sum(one[:2] == other[:2] for one, other in pairwise(codes)) < 10  # one is what chance gives


def test_another_key_has_other_codes() -> None:
    """What somebody learnt of one sale is worth nothing in the next; and the same key has the same after a restart."""
    other = PlaceCodes(b"o" * 16)
    assert sum(CODES.encode(0, seq) == other.encode(0, seq) for seq in range(1000)) == 0
    assert CODES.encode(1, 4711) == PlaceCodes(b"k" * 16).encode(1, 4711) == "PTY7-P6"
    assert repr(CODES) == "<PlaceCodes>"


@pytest.mark.parametrize(("lane", "seq"), [(-1, 0), (LANES, 0), (0, -1), (0, SEQS)])
def test_places_that_have_none(lane: int, seq: int) -> None:
    """Rather none than one that leads to somebody else."""
    with pytest.raises(ValueError, match="has no code"):
        CODES.encode(lane, seq)


def test_a_short_key() -> None:
    """It could be found by trying."""
    with pytest.raises(ValueError, match="a key has 16 bytes, not 5"):
        PlaceCodes(b"short")
