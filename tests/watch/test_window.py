"""The last minutes: what leaves the window is gone, what is in it is counted, whatever the traffic."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sidecar.watch.window import BUCKET_S, BUCKETS, SAMPLES, WINDOW_S, Pace, Window

NOON_S = 1_796_126_400.0  # 1 December 2026, 12:00:00 UTC
OK, REFUSED = ("ok", None), ("backend_unreachable", "refused")


def counted(window: Window, now: float) -> list[tuple[object, ...]]:
    refusals = window.refusals(now, NOON_S)
    assert refusals["window_s"] == WINDOW_S
    rows = refusals["by"]
    assert isinstance(rows, list)
    assert refusals["total"] == sum(row["count"] for row in rows)
    return [(row["backend"], row["state"], row["mechanism"], row["count"]) for row in rows]


def test_refusals_are_counted_by_kind_the_most_first() -> None:
    """What passed is no refusal."""
    window = Window(0.0)
    for now in range(5):
        window.passed(now, "tickets", "overloaded", "queue")
    window.passed(5, "tickets", "overloaded", "deadline")
    window.passed(5, "", "malformed", "parse")
    window.passed(5, "tickets", "ok", "")
    assert counted(window, 6) == [
        ("tickets", "overloaded", "queue", 5),
        ("", "malformed", "parse", 1),
        ("tickets", "overloaded", "deadline", 1),
    ]


def test_the_last_one_is_told_in_wall_time() -> None:
    """Four seconds before the reading, whatever the monotonic clock says."""
    window = Window(100.0)
    window.passed(101.0, "tickets", "overloaded", "queue")
    window.passed(126.0, "tickets", "overloaded", "queue")
    (row,) = window.refusals(130.0, NOON_S)["by"]  # type: ignore[misc]  # a list of rows
    assert row["last_at"] == "2026-12-01T11:59:56.000Z"
    assert row["count"] == 2


def test_what_is_older_than_the_window_is_gone() -> None:
    """Within a bucket of five minutes."""
    window = Window(0.0)
    window.passed(1.0, "tickets", "overloaded", "queue")
    assert len(counted(window, WINDOW_S - 1)) == 1
    assert counted(window, WINDOW_S + BUCKET_S) == []


def test_a_quiet_night_is_one_step() -> None:
    """The first reading after it neither loops over it nor remembers what was before."""
    window = Window(0.0)
    window.passed(1.0, "tickets", "overloaded", "queue")
    window.passed(1e9, "tickets", "draining", "drain")
    assert counted(window, 1e9) == [("tickets", "draining", "drain", 1)]
    assert len(window._ring) == BUCKETS


@given(st.lists(st.floats(0, 400), max_size=60), st.floats(0, 1000))
def test_nothing_is_counted_twice_or_lost(times: list[float], later: float) -> None:
    """What is surely inside counts, what is surely outside does not; between them lies one bucket."""
    window = Window(0.0)
    for now in sorted(times):
        window.passed(now, "tickets", "overloaded", "queue")
    now = max(times, default=0.0) + later
    total = window.refusals(now, NOON_S)["total"]
    assert isinstance(total, int)
    inside = sum(now - at <= WINDOW_S - BUCKET_S for at in times)
    assert inside <= total <= sum(now - at <= WINDOW_S for at in times)


def test_states_are_summed_over_mechanisms() -> None:
    """By backend, the most first."""
    window = Window(0.0)
    for mechanism in ("queue", "deadline"):
        window.passed(1.0, "tickets", "overloaded", mechanism)
    window.passed(1.0, "tickets", "ok", "")
    window.passed(1.0, "a", "ok", "")
    assert window.states(2.0) == {
        "window_s": WINDOW_S,
        "by": [
            {"backend": "a", "state": "ok", "count": 1},
            {"backend": "tickets", "state": "overloaded", "count": 2},
            {"backend": "tickets", "state": "ok", "count": 1},
        ],
    }


def test_the_pace_of_a_steady_backend() -> None:
    """Ten calls a second of 100 ms, one in ten of a second."""
    window = Window(0.0)
    for call in range(1200):
        window.attempted(call / 10, "tickets", *OK, 1.0 if call % 10 == 0 else 0.1)
    pace = window.pace(119.9, "tickets")
    assert pace.calls_per_s == pytest.approx(10.0, rel=0.02)
    assert (pace.p50_ms, pace.p95_ms) == (100.0, 1000.0)


def test_a_backend_that_nobody_calls_has_no_times() -> None:
    """None is not known, never 0; and half a minute after the last call there is no pace any more."""
    window = Window(0.0)
    assert window.pace(5.0, "tickets") == Pace(0.0, None, None)
    window.attempted(5.0, "tickets", *OK, 0.1)
    assert window.pace(6.0, "tickets").p50_ms == 100.0
    assert window.pace(46.0, "tickets") == Pace(0.0, None, None)


def test_the_first_seconds_are_not_diluted() -> None:
    """Twenty calls in two seconds are ten a second, although no half minute has passed."""
    window = Window(50.0)
    for call in range(20):
        window.attempted(50 + call / 10, "tickets", *OK, 0.1)
    assert window.pace(52.0, "tickets").calls_per_s == 10.0


def test_times_are_bounded_by_number() -> None:
    """At more calls than it keeps, the last ones count."""
    window = Window(0.0)
    for call in range(SAMPLES * 3):
        window.attempted(1.0, "tickets", *OK, 9.0 if call < SAMPLES * 2 else 0.1)
    assert window.pace(2.0, "tickets").p95_ms == 100.0


def test_the_last_failure_is_the_backends_own() -> None:
    """What it answered is none; later answers do not wipe it out."""
    window = Window(0.0)
    assert window.last_failure("tickets", 0.0, NOON_S) is None
    window.attempted(1.0, "tickets", "backend_fault", "server", 0.1)
    assert window.last_failure("tickets", 1.0, NOON_S) is None
    window.attempted(2.0, "tickets", *REFUSED, 0.1)
    window.attempted(3.0, "tickets", *OK, 0.1)
    assert window.last_failure("tickets", 12.0, NOON_S) == {
        "state": "backend_unreachable",
        "reason": "refused",
        "at": "2026-12-01T11:59:50.000Z",
    }


def test_backends_that_left_the_plan_are_forgotten() -> None:
    """Their counts run out by themselves, their pace has nobody to show it."""
    window = Window(0.0)
    for name in ("old", "new"):
        window.attempted(1.0, name, *REFUSED, 0.1)
        window.passed(1.0, name, "backend_unreachable", "upstream")
    window.keep(frozenset({"new"}))
    assert window.last_failure("old", 2.0, NOON_S) is None
    assert window.pace(2.0, "old").p50_ms is None
    assert window.last_failure("new", 2.0, NOON_S) is not None
    assert len(counted(window, 2.0)) == 2
