"""What operators do with waiting rooms, and what may go wrong with it: rows of `docs/failures.md` beside those of the calls."""

from __future__ import annotations

from tests.scenarios.trouble import NOTHING, Trouble

_EVENING = "tests/scenarios/test_s72_room_operating_e2e.py"

ROOMING: tuple[Trouble, ...] = (
    Trouble(
        "the operator",
        "pauses a waiting room",
        "calls: `paused` with his words; polls go on, places and passes keep their time",
        "`no`; purchases under way end where the scope is `entry`",
        "the room is `paused` on the screen, `sidecar_paused`, `audit`",
        "whoever paused it: `sidecar resume`",
        f"{_EVENING}::test_a_pause_takes_nothing_from_anybody",
    ),
    Trouble(
        "the operator",
        "calls back the passes of a waiting room",
        "`pass_expired` (wave); who waits notices nothing",
        "`no`; purchases under way end",
        "`audit`, `sidecar_room_visitors_total` of `expired`",
        "nobody: whoever had one joins again",
        f"{_EVENING}::test_an_evening_of_an_operator",
    ),
    Trouble(
        "the operator",
        "has closed a waiting room by hand, and the process is killed",
        "`sale_closed`, as before",
        "as in any crash",
        "`room_restored` in the log, `room_by_hand` among the warnings",
        "nobody",
        f"{_EVENING}::test_no_crash_opens_a_room_that_was_closed_by_hand",
    ),
    Trouble(
        "the operator",
        "would open again a waiting room that is closed",
        NOTHING,
        "as without it",
        "reply and exit code of the order, `audit`",
        "the operator: another sale is another room",
        "tests/hall/test_rooming.py::test_a_room_never_goes_back",
    ),
    Trouble(
        "the operator",
        "closes a waiting room or holds somebody, and the disk is full or hangs",
        NOTHING,
        "as without it",
        "reply and exit code of the order, `audit`",
        "the operator: make room; to stop the sale meanwhile, `sidecar breaker set`, which needs no disk",
        "tests/hall/test_byhand.py::test_what_cannot_be_written_down_is_not_done",
    ),
    Trouble(
        "the operator",
        "forgets somebody whom he holds",
        "he goes on at the end, with the place that he had",
        "as without it",
        "`audit` in the sidecar's own name",
        "nobody",
        "tests/hall/test_rooming.py::test_somebody_is_held_until_an_end",
    ),
)
