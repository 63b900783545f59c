"""The draw: everybody has one place, nobody had a better chance of a good one, and a stranger can recompute all of them."""

from __future__ import annotations

import json
import re
from collections import Counter
from hashlib import sha256
from math import erfc, exp, isqrt, pi, sqrt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sidecar.policy.draw import SCHEME, SEED_BYTES, Draw, commitment
from tests.house.tree import ROOT

RECORD = (ROOT / "docs/decisions/0018-the-draw.md").read_text()
ARRIVALS = 100_000
SEEDS = [sha256(b"seed %d" % number).digest() for number in range(20)]


def recomputed(seed: bytes, lane: str, drawn: int) -> list[int]:
    """Return every place as the record says it is found, from what the board says alone."""
    a = isqrt(drawn - 1) + 1
    b = -(-drawn // a)
    key = sha256(f"sidecar-draw-1\n{lane}\n".encode() + seed).digest()

    def table(turn: int) -> list[int]:
        stream = b"".join(sha256(key + bytes([turn]) + i.to_bytes(4, "big")).digest() for i in range(a // 8 + 1))
        return [int.from_bytes(stream[4 * i : 4 * i + 4], "big") for i in range(a)]

    tables = [table(turn) for turn in range(12)]
    places = []
    for seq in range(drawn):
        m, walks = seq, True
        while walks:
            x, y = m % a, m // a
            for turn in range(12):
                if turn % 2 == 0:
                    x = (x + tables[turn][y]) % a
                else:
                    y = (y + tables[turn][x]) % b
            m = x + a * y
            walks = m >= drawn
        places.append(m)
    return places


@given(st.binary(min_size=SEED_BYTES, max_size=SEED_BYTES), st.text(max_size=8), st.integers(1, 400))
def test_a_stranger_finds_the_same_places(seed: bytes, lane: str, drawn: int) -> None:
    """Twenty lines from the record give every rank that we give."""
    draw = Draw(seed, lane, drawn)
    assert recomputed(seed, lane, drawn) == [draw.rank(seq) for seq in range(drawn)]


def test_the_example_of_the_record() -> None:
    """What the record prints for others to test against is what comes out."""
    example = json.loads(re.findall(r"```json\n(.*?)```", RECORD, re.DOTALL)[0])
    seed = bytes.fromhex(example["seed"])
    assert example["scheme"] == SCHEME
    assert example["commitment"] == commitment(seed) == "sha256:" + sha256(seed).hexdigest()
    for case in example["draws"]:
        draw = Draw(seed, case["lane"], case["drawn"])
        assert {seq: draw.rank(int(seq)) for seq in case["ranks"]} == case["ranks"]


@pytest.mark.parametrize("drawn", [0, 1, 2, 3, 100])
def test_late_joiners_come_after_everybody(drawn: int) -> None:
    """In the order in which they came, and strictly after who was there; there and back."""
    draw = Draw(SEEDS[0], "main", drawn)
    assert sorted(draw.rank(seq) for seq in range(drawn)) == list(range(drawn))
    assert [draw.rank(seq) for seq in range(drawn, drawn + 50)] == list(range(drawn, drawn + 50))
    assert [draw.seq(draw.rank(seq)) for seq in range(drawn + 50)] == list(range(drawn + 50))


@pytest.mark.unmeasured
@pytest.mark.parametrize("drawn", [2, 3, 4, 5, 7, 9, 12])
def test_small_rooms_are_drawn_evenly(drawn: int) -> None:
    """Over many seeds each arrival has each rank equally often."""
    seeds = 4000
    seen: Counter[tuple[int, int]] = Counter()
    for number in range(seeds):
        draw = Draw(sha256(b"%d" % number).digest(), "main", drawn)
        seen.update((seq, draw.rank(seq)) for seq in range(drawn))
    expected = seeds / drawn
    # Rows and columns of the table are sums that are known: (drawn - 1) squared are free.
    square = sum((seen[seq, rank] - expected) ** 2 / expected for seq in range(drawn) for rank in range(drawn))
    assert survival(square * (drawn - 1) / drawn, (drawn - 1) ** 2) > 1e-4


@pytest.fixture(scope="module")
def drawn_ranks() -> list[list[int]]:
    """Return the ranks of 100 000 arrivals for each of the seeds."""
    return [[draw.rank(seq) for seq in range(ARRIVALS)] for draw in (Draw(seed, "main", ARRIVALS) for seed in SEEDS)]


@pytest.mark.unmeasured
@pytest.mark.parametrize(
    "chosen",
    [
        pytest.param(range(1000), id="first"),
        pytest.param(range(ARRIVALS - 1000, ARRIVALS), id="last"),
        pytest.param(range(0, ARRIVALS, 100), id="every-hundredth"),
        pytest.param(range(0, ARRIVALS, isqrt(ARRIVALS - 1) + 1), id="one-column"),
    ],
)
def test_no_group_is_favoured(drawn_ranks: list[list[int]], chosen: range) -> None:
    """Where the ranks of a group fall is chance: the p-values of chi-square over 20 seeds are themselves uniform (Kolmogorov-Smirnov)."""
    bins = 20
    expected = len(chosen) / bins
    thinner = 1 - len(chosen) / ARRIVALS  # they are drawn without being put back
    p_values = []
    for ranks in drawn_ranks:
        seen = Counter(ranks[seq] * bins // ARRIVALS for seq in chosen)
        square = sum((seen[each] - expected) ** 2 / expected for each in range(bins)) / thinner
        p_values.append(survival(square, bins - 1))
    assert kolmogorov(p_values) > 1e-3
    assert min(p_values) > 1e-4


@pytest.mark.unmeasured
def test_to_come_early_is_worth_nothing(drawn_ranks: list[list[int]]) -> None:
    """Rank and arrival are uncorrelated, for each of the seeds: within 0.01, three deviations of chance among 100 000."""
    for ranks in drawn_ranks:
        apart = sum((seq - rank) ** 2 for seq, rank in enumerate(ranks))
        spearman = 1 - 6 * apart / (ARRIVALS * (ARRIVALS**2 - 1))
        assert abs(spearman) < 0.01


def test_lanes_are_drawn_apart() -> None:
    """One seed serves all lanes of a room, and a place in one says nothing of another."""
    one, other = Draw(SEEDS[0], "main", 1000), Draw(SEEDS[0], "fast", 1000)
    same = sum(one.rank(seq) == other.rank(seq) for seq in range(1000))
    assert same < 10  # one is what chance gives


def test_one_more_arrival_is_no_other_draw() -> None:
    """Who knows the seed cannot try for a better order by slipping somebody in: nearly all keep their ranks."""
    one, other = Draw(SEEDS[0], "main", 99_990), Draw(SEEDS[0], "main", 99_991)
    assert sum(one.rank(seq) != other.rank(seq) for seq in range(10_000)) < 50


def test_the_seed_is_not_shown() -> None:
    """A log line with a draw in it gives nothing away before the hour."""
    assert repr(Draw(SEEDS[0], "main", 5)) == "Draw(lane='main', drawn=5)"
    assert Draw(SEEDS[0], "main", 5) == Draw(SEEDS[0], "main", 5)


def test_what_is_no_draw() -> None:
    """A short seed could be guessed from its commitment; nobody has a number below 0."""
    with pytest.raises(ValueError, match="a seed has 32 bytes, not 5"):
        Draw(b"short", "main", 1)
    with pytest.raises(ValueError, match="-1 is no number"):
        Draw(SEEDS[0], "main", -1)
    draw = Draw(SEEDS[0], "main", 5)
    for ask in (draw.rank, draw.seq):
        with pytest.raises(ValueError, match="-1 is nobody's number"):
            ask(-1)


def survival(square: float, freedom: int) -> float:
    """Return how likely chance gives such a chi-square or a larger one: a sum for even degrees of freedom, for odd ones with erfc."""
    half = square / 2
    if freedom % 2:
        term, total = sqrt(half) * exp(-half) / (sqrt(pi) / 2), erfc(sqrt(half))
        first = 1.5
    else:
        term, total, first = exp(-half), 0.0, 1.0
    for step in range(freedom // 2):
        total += term
        term *= half / (first + step)
    return total


def kolmogorov(values: list[float]) -> float:
    """Return how likely uniform values are as far from uniform as these (Stephens 1970)."""
    count = len(values)
    far = max(max((at + 1) / count - value, value - at / count) for at, value in enumerate(sorted(values)))
    scaled = far * (sqrt(count) + 0.12 + 0.11 / sqrt(count))
    return min(1.0, 2 * sum((-1) ** (k - 1) * exp(-2 * (k * scaled) ** 2) for k in range(1, 101)))


@pytest.mark.parametrize(
    ("square", "freedom", "likely"), [(3.841, 1, 0.05), (5.991, 2, 0.05), (30.144, 19, 0.05), (36.191, 19, 0.01)]
)
def test_the_yardstick(square: float, freedom: int, likely: float) -> None:
    """Chi-square as tables have it; and values in a heap are no uniform ones."""
    assert survival(square, freedom) == pytest.approx(likely, rel=0.001)
    assert kolmogorov([(at + 0.5) / 20 for at in range(20)]) > 0.99
    assert kolmogorov([at / 200 for at in range(20)]) < 1e-6
