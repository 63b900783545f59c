"""What an operator stops, and what may go wrong with it: rows of `docs/failures.md` beside those of the calls."""

from __future__ import annotations

from tests.scenarios.trouble import NOTHING, Trouble

PAUSING: tuple[Trouble, ...] = (
    Trouble(
        "the operator",
        "pauses a backend, a room or everything",
        "`paused` with the operator's words in their dialect and language, and when to come back; kept answers as ever",
        "`no`; what is under way ends, and what was begun is ended where the scope is `entry`",
        "`paused` among the warnings, `sidecar_paused`, `audit`",
        "whoever paused it: `sidecar resume`",
        "tests/scenarios/test_s37_pause_e2e.py::test_every_dialect_says_it",
    ),
    Trouble(
        "the operator",
        "has paused, and the process is killed",
        "`paused` again as soon as it listens, to the same end",
        "as in any crash",
        "`pause_restored` in the log",
        "nobody",
        "tests/scenarios/test_s37_pause_e2e.py::test_a_crash_forgets_nothing",
    ),
    Trouble(
        "the operator",
        "forgets a pause without an end",
        "`paused`",
        "`no`",
        "`pause_holds` in the log, every 15 minutes; `paused` among the warnings",
        "whoever paused it, or who reads the log",
        "tests/stores/test_pauses.py::test_without_an_end_it_is_called_to_mind",
    ),
    Trouble(
        "the operator",
        "pauses, and the disk is full or hangs",
        NOTHING,
        "as without it",
        "reply and exit code of the order, `audit`",
        "the operator: make room, or `sidecar breaker set`, which needs no disk",
        "tests/stores/test_orders.py::test_a_full_disk_fails_the_order_and_changes_nothing",
    ),
    Trouble(
        "the operator",
        "starts it with a file of orders that cannot be read",
        "answers: nothing is paused",
        "as without it",
        "`orders_unreadable` in the log, with the place and what to do",
        "the operator: pause again what is to be paused",
        "tests/scenarios/test_s37_pause_e2e.py::test_a_file_that_says_nonsense_keeps_nobody_from_starting",
    ),
    Trouble(
        "the operator",
        "sets the clock while something is paused",
        NOTHING,
        "as without it",
        "nothing: what was said by how long lasts as long, what was said as a time of day ends then",
        "nobody",
        "tests/stores/test_pauses.py::test_a_clock_that_is_set_moves_only_what_is_a_time_of_day",
    ),
)
