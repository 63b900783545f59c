"""What calls take: compared operation by operation, forgotten by use, and read from whatever a file says."""

from __future__ import annotations

import math

import hypothesis.strategies as st
import pytest
from hypothesis import given

from sidecar.policy.baseline import Baselines, Memory, Spell, log_s, worth

TIMES = st.floats(0.001, 100.0)


def spell(**calls: list[float]) -> Spell:
    made = Spell()
    for operation, seconds in calls.items():
        for second in seconds:
            made.add(operation, log_s(second))
    return made


def test_a_time_of_nothing_has_a_logarithm() -> None:
    """A clock that stood still gives a microsecond, not an error."""
    assert log_s(math.e) == pytest.approx(1.0)
    assert log_s(0.0) == log_s(-1.0) == pytest.approx(math.log(1e-6))


def test_a_call_is_as_far_from_the_mean_as_those_before_it_say() -> None:
    """The first of its operation is at no distance; later ones are measured against the mean before them."""
    made = Spell()
    assert made.add("A", 1.0) == 0.0
    assert made.add("A", 3.0) == 2.0
    assert made.add("A", 3.0) == 1.0
    assert made.add("B", 9.0) == 0.0
    assert made.calls == 4
    assert repr(made) == "<Spell of 4 calls, 2 operations>"


def test_twice_as_long_is_the_logarithm_of_two() -> None:
    """A contrast is how much longer, with half the evidence of two equal sides."""
    longer, weight = spell(A=[2.0] * 10).against(spell(A=[1.0] * 10))
    assert longer == pytest.approx(math.log(2))
    assert weight == pytest.approx(5.0)


def test_a_shift_of_the_mix_is_no_contrast() -> None:
    """Many dear calls beside few cheap ones take as long, each, as few dear ones beside many cheap ones."""
    cheap = spell(cheap=[0.1] * 90, dear=[5.0] * 10)
    dear = spell(cheap=[0.1] * 10, dear=[5.0] * 90)
    assert dear.against(cheap).longer == pytest.approx(0.0)
    assert dear.against(cheap).weight == pytest.approx(18.0)


def test_operations_that_one_side_has_not_seen_say_nothing() -> None:
    """Only what both have seen counts; with nothing in common there is no evidence."""
    assert spell(A=[1.0], new=[50.0]).against(spell(A=[1.0], old=[0.1])) == (0.0, 0.5)
    assert spell(A=[1.0]).against(spell(B=[9.0])) == (0.0, 0.0)


def test_merged_is_as_if_counted_together_and_faded_keeps_the_means() -> None:
    """Merging adds calls and sums; fading lowers the weight, not what was seen."""
    one = spell(A=[1.0, 2.0])
    one.merge(spell(A=[3.0], B=[4.0]))
    both = spell(A=[1.0, 2.0, 3.0], B=[4.0])
    assert one.calls == 4
    assert one.against(both) == pytest.approx((0.0, 2.0))
    one.fade(2.0)
    assert one.calls == pytest.approx(2.0)
    assert one.against(both) == pytest.approx((0.0, 1.5 * 3 / 4.5 + 0.5 * 1 / 1.5))


@given(st.lists(TIMES, min_size=1, max_size=20), st.lists(TIMES, min_size=1, max_size=20), st.floats(0.1, 10.0))
def test_a_contrast_has_two_sides_and_no_unit(ours: list[float], theirs: list[float], factor: float) -> None:
    """The other way round it has the other sign, and seconds or minutes make no difference."""
    contrast = spell(A=ours).against(spell(A=theirs))
    assert spell(A=theirs).against(spell(A=ours)).longer == pytest.approx(-contrast.longer, abs=1e-9)
    scaled = spell(A=[s * factor for s in ours]).against(spell(A=[s * factor for s in theirs]))
    assert scaled.longer == pytest.approx(contrast.longer, abs=1e-9)


def test_a_baseline_begins_at_the_first_call_less_the_crowding() -> None:
    """An operation that is met in a crowd is not believed to be slow: what all others suffer is taken off."""
    known = Baselines()
    assert known.seconds("A") == 0.0
    assert known.tell("A", log_s(4.0), crowded_by=math.log(2), learn=False) == pytest.approx(math.log(2))
    assert known.seconds("A") == pytest.approx(2.0)
    assert repr(known) == "<Baselines of 1 operations>"


def test_a_baseline_is_the_mean_of_its_first_calls_and_then_moves_slowly() -> None:
    """Two hundred calls make it, crowded ones less their crowding; later only uncrowded ones move it."""
    known = Baselines()
    known.tell("A", 0.0, crowded_by=0.0, learn=True)
    assert known.tell("A", 1.0, crowded_by=0.5, learn=False) == pytest.approx(1.0)
    assert known.seconds("A") == pytest.approx(math.exp(0.25))
    for _ in range(400):
        known.tell("A", 0.0, crowded_by=0.0, learn=True)
    settled = known.seconds("A")
    assert 1.0 <= settled < 1.01
    assert known.tell("A", 3.0, crowded_by=0.0, learn=False) == pytest.approx(3.0, abs=0.01)
    assert known.seconds("A") == settled, "crowded calls do not move what is known"
    known.tell("A", 1.0, crowded_by=0.0, learn=True)
    assert known.seconds("A") == pytest.approx(settled * math.exp(0.005), rel=1e-3)


@pytest.mark.parametrize(("before", "moves"), [(199, True), (200, False)])
def test_two_hundred_calls_of_a_crowd_are_the_most_that_a_baseline_learns_from(before: int, moves: bool) -> None:
    """Where it is never quiet something has to be known; from then on a crowd teaches nothing."""
    known = Baselines()
    for _ in range(before):
        known.tell("A", 0.0, crowded_by=0.0, learn=False)
    known.tell("A", 1.0, crowded_by=0.0, learn=False)
    assert (known.seconds("A") > 1.0) is moves


def test_the_longest_unused_operation_is_forgotten() -> None:
    """At most 500 are known; who is asked for stays."""
    known = Baselines()
    for number in range(500):
        known.tell(f"op{number}", 0.0, crowded_by=0.0, learn=True)
    known.tell("op0", 0.0, crowded_by=0.0, learn=True)
    known.tell("one too many", 0.0, crowded_by=0.0, learn=True)
    assert len(known.as_seconds()) == 500
    assert known.seconds("op0") == 1.0
    assert known.seconds("op1") == 0.0


def test_what_was_known_comes_back() -> None:
    """A restored baseline is what it was, and is worth twenty calls."""
    known = Baselines()
    known.restore([("A", 2.0), ("B", 1)])
    assert known.as_seconds() == pytest.approx({"A": 2.0, "B": 1.0})
    known.tell("B", log_s(math.exp(2.1)), crowded_by=0.0, learn=True)
    assert known.seconds("B") == pytest.approx(math.exp(0.1))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        (1, 1.0),
        ("A", "1"),
        ("A", None),
        ("A", True),
        ("A", 0.0),
        ("A", -1),
        ("A", math.nan),
        ("A", math.inf),
        ("A", 86_400.1),
        ("A", 0.9e-6),
        ("A", 1e6),
    ],
)
def test_what_makes_no_sense_is_left_out(name: object, value: object) -> None:
    """A name that is none and a time that cannot be are passed over without a word."""
    known = Baselines()
    known.restore([(name, value), ("B", 1.0)])
    assert known.as_seconds() == {"B": 1.0}


@pytest.mark.parametrize("seconds", [1e-6, 86_400.0])
def test_a_microsecond_and_a_day_make_sense(seconds: float) -> None:
    """The bounds belong to the range."""
    known = Baselines()
    known.restore([("A", seconds)])
    assert known.as_seconds() == pytest.approx({"A": seconds})


def test_no_more_come_back_than_are_kept() -> None:
    """A file of a million names fills no memory."""
    known = Baselines()
    known.restore((f"op{number}", 1.0) for number in range(501))
    assert len(known.as_seconds()) == 500


@pytest.mark.parametrize(
    ("state", "limit", "baselines"),
    [
        ({"limit": 20, "baselines_s": {"A": 1.0}}, 20, [("A", 1.0)]),
        ({"limit": 1}, 1, []),
        ({"limit": 0, "baselines_s": []}, None, []),
        ({"limit": True}, None, []),
        ({"limit": "20"}, None, []),
        ({"limit": 20.0}, None, []),
        ({}, None, []),
        ([], None, []),
        (None, None, []),
    ],
)
def test_a_memory_is_read_from_anything(state: object, limit: int | None, baselines: list[object]) -> None:
    """What is no state gives no limit and no baseline, never an error."""
    memory = Memory.read(state)
    assert memory.limit == limit
    assert list(memory.baselines) == baselines


@pytest.mark.parametrize(
    ("age_s", "part"), [(0, 1.0), (-5, 1.0), (600, 0.75), (1200, 0.625), (math.inf, 0.5), (math.nan, 1.0)]
)
def test_half_of_an_old_limit_is_believed(age_s: float, part: float) -> None:
    """From the whole of a fresh one down to half, halving what is above with every ten minutes."""
    assert worth(age_s) == part


def test_names_that_never_come_again_are_forgotten() -> None:
    """Callers may invent a name for each call: what is kept of them does not grow with their number."""
    spell = Spell()
    for number in range(8_000):
        spell.add(f"Get{number}", 0.1)
        if spell.calls > 480.0:
            spell.fade(400.0)
    assert len(spell._sums) < 3_000


@pytest.mark.parametrize(("to", "kept"), [(1.2, 2), (1.0, 2), (0.9, 1)])
def test_a_name_is_forgotten_below_a_hundredth_of_a_call(to: float, kept: int) -> None:
    """One that came once beside ninety-nine others stays until it weighs less than that; what is left of the rest stays."""
    made = spell(once=[1.0], often=[1.0] * 99)
    made.fade(to)
    assert repr(made) == f"<Spell of {to:.0f} calls, {kept} operations>"
