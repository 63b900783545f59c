"""What people call a place in a room: `7KQ2-9F`, short enough for the telephone, and wrong where it was misheard.

Five characters carry lane and number, enciphered so that neighbours do not look alike and nobody reads from it how many came before him;
the sixth is a check character over GF(32) that tells every single wrong one and every two that were swapped. It proves nothing: it finds.
"""

from __future__ import annotations

from functools import lru_cache
from hashlib import blake2b
from typing import Final

from sidecar.policy.places import ALPHABET

SEQ_BITS: Final = 23  # eight million people a lane
LANES: Final = 4
_CHARACTERS: Final = 5
_LEFT_BITS, _RIGHT_BITS = 13, 12  # of 25
_LEFT, _RIGHT = (1 << _LEFT_BITS) - 1, (1 << _RIGHT_BITS) - 1
_ROUNDS: Final = 4
_VALUES: Final = {letter: value for value, letter in enumerate(ALPHABET)} | {"O": 0, "I": 1, "L": 1}
_POLYNOMIAL: Final = 0b100101  # x^5 + x^2 + 1, primitive over GF(2)


def encode(key: bytes, lane: int, seq: int) -> str:
    """Return the code of a place. Raises ValueError for one that no code can carry."""
    if not (0 <= lane < LANES and 0 <= seq < 1 << SEQ_BITS):
        raise ValueError(f"place {seq} in lane {lane} has no code")
    number = _enciphered(key, lane << SEQ_BITS | seq)
    values = [number >> 5 * at & 31 for at in range(_CHARACTERS - 1, -1, -1)]
    letters = "".join(ALPHABET[value] for value in (*values, _check(values)))
    return f"{letters[:4]}-{letters[4:]}"


def decode(key: bytes, text: str) -> tuple[int, int] | None:
    """Return lane and number of a code as people write it; None where it is none, or was misheard."""
    letters = [letter for letter in text.upper() if letter not in "- "]
    values = [_VALUES.get(letter, -1) for letter in letters]
    if len(values) != _CHARACTERS + 1 or -1 in values or _check(values[:-1]) != values[-1]:
        return None
    number = 0
    for value in values[:-1]:
        number = number << 5 | value
    plain = _deciphered(key, number)
    return plain >> SEQ_BITS, plain & (1 << SEQ_BITS) - 1


def _enciphered(key: bytes, number: int) -> int:
    left, right = number >> _RIGHT_BITS, number & _RIGHT
    tables = _tables(key)
    for at in range(0, _ROUNDS, 2):
        left ^= tables[at][right]
        right ^= tables[at + 1][left]
    return left << _RIGHT_BITS | right


def _deciphered(key: bytes, number: int) -> int:
    left, right = number >> _RIGHT_BITS, number & _RIGHT
    tables = _tables(key)
    for at in range(_ROUNDS - 2, -1, -2):
        right ^= tables[at + 1][left]
        left ^= tables[at][right]
    return left << _RIGHT_BITS | right


@lru_cache(16)  # a key is a room's; a table set of one is 200 KB and takes 4 ms to make
def _tables(key: bytes) -> tuple[tuple[int, ...], ...]:
    """Return the functions of a Feistel network of 25 bits: from the right half to the left one, and back, in turns."""
    found = []
    for number in range(_ROUNDS):
        size, mask = (_RIGHT + 1, _LEFT) if number % 2 == 0 else (_LEFT + 1, _RIGHT)
        values: list[int] = []
        block = 0
        while len(values) < size:
            piece = blake2b(b"%d %d" % (number, block), key=key).digest()
            values += [int.from_bytes(piece[at : at + 2]) & mask for at in range(0, len(piece), 2)]
            block += 1
        found.append(tuple(values[:size]))
    return tuple(found)


def _check(values: list[int]) -> int:
    """Return the check character: the sum of the characters, each times another power of the field's generator."""
    total = 0
    for value in values:
        total = _doubled(total ^ value)
    return total


def _doubled(value: int) -> int:
    value <<= 1
    return value ^ _POLYNOMIAL if value & 32 else value
