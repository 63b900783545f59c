"""The report of a demo: each part of the time by itself, and the same figures in words."""

from __future__ import annotations

from typing import Any

from sidecar.demo.account import UNPROTECTED, Account, Mark
from sidecar.demo.tally import Report
from sidecar.demo.voices import Heard

BOX = {"resets": 0, "peak": 22, "executed": {"Checkout": 5}, "orphans": 1, "best_work_per_s": 200.0}
MARKS = (
    Mark(10.0, 0, 0.0, {"tickets": 8, "boxrpc": 4}),
    Mark(15.0, 500, 600.0, {"tickets": 15, "boxrpc": 4}),
    Mark(20.0, 1500, 1600.0, {"tickets": 17, "boxrpc": 4}),
    Mark(21.0, 1600, 1700.0, {"tickets": 16, "boxrpc": 4}),
)


def _account(**more: Any) -> Account:
    crowd = Report(people=40, served=30, nothing=4)
    for part, count in ((0, 100), (1, 300), (2, 7)):
        for _ in range(count):
            crowd.count("json", Heard("ok", True, None, None), part)
    crowd.count("json", Heard("overloaded", False, None, None, "queue_wait", 3.0))
    about = {
        "for_s": 10.0,
        "cut_short": False,
        "protected": True,
        "rates": (75.0, 150.0),
        "marks": MARKS,
        "crowd": crowd,
        "box": BOX,
    }
    return Account(**{**about, **more})


def test_rates_are_of_each_part_of_the_time() -> None:
    """Good answers, calls and work executed, against the best that the house can do; the time after the last arrival is a part, too."""
    first, second, after = _account().json()["parts"]
    assert first == {
        "people_per_s": 75.0,
        "goodput_per_s": 20.0,
        "executed_per_s": 100.0,
        "share_of_best": 0.6,
        "limits": {"tickets": 15, "boxrpc": 4},
    }
    assert (second["goodput_per_s"], second["executed_per_s"], second["share_of_best"]) == (60.0, 200.0, 1.0)
    assert (after["people_per_s"], after["goodput_per_s"]) == (0.0, 7.0)


def test_the_sums_stand_on_top() -> None:
    """Goodput counts while people come; who was served, who got nothing, why people were refused, falls and the highest in flight."""
    said = _account().json()
    assert said["goodput_per_s"] == 40.0
    assert (said["people"], said["served"], said["got_nothing"]) == (40, 30, 4)
    assert said["refused"] == {"overloaded/queue_wait": 1}
    assert (said["falls"], said["highest_in_flight"]) == (0, 22)
    assert set(said["wait_s"]) == {"p50", "p95", "p99", "max"}


def test_one_that_was_cut_short_counts_what_was() -> None:
    """The part that was begun goes as far as it went; nothing is divided by time that never came."""
    said = _account(cut_short=True, marks=(MARKS[0], Mark(12.0, 100, 100.0))).json()
    assert [part["people_per_s"] for part in said["parts"]] == [75.0]
    assert said["parts"][0]["executed_per_s"] == 50.0
    assert said["goodput_per_s"] == 50.0
    still = _account(cut_short=True, marks=(MARKS[0], MARKS[0])).json()
    assert still["goodput_per_s"] == still["parts"][0]["share_of_best"] == 0.0


def test_words_say_the_same() -> None:
    """A row for each part, and what became of people; that nothing stood in between is said first."""
    said = _account().words()
    assert "30 were served, 4 got nothing;" in said
    assert "fell 0 times" in said
    assert "tickets 17, boxrpc 4" in said
    assert UNPROTECTED not in said
    crowd = Report(left_out=3, sent_home=2)
    bare = _account(
        protected=False, crowd=crowd, marks=[Mark(each.at, each.executed, each.work) for each in MARKS]
    ).words()
    assert bare.startswith(UNPROTECTED)
    assert "0 got nothing, 3 found no room to ask, 2 still stood there at the end" in bare
    assert "tickets" not in bare
