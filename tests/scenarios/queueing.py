"""What goes wrong before a waiting room, and what its visitors notice of it: rows of `docs/failures.md` beside those of the calls."""

from __future__ import annotations

from tests.scenarios.trouble import NOTHING, Trouble

_SALE = "tests/scenarios/test_s71_room_e2e.py"
_GATE, _HALL, _MEMORY, _VISITS = (f"tests/hall/test_{name}.py" for name in ("gate", "hall", "memory", "visits"))

QUEUEING: tuple[Trouble, ...] = (
    Trouble(
        "a waiting room",
        "the process is killed in the middle of a sale",
        "the same place, rank and pass; who joined or was called in the last second comes back by his signed place",
        "as in any crash; a purchase under way stays so",
        "`room_recalled` in the log",
        "nobody",
        f"{_SALE}::test_from_the_lobby_to_the_till_through_kills_and_stalls",
    ),
    Trouble(
        "a waiting room",
        "what its store kept is damaged or gone",
        "`waiting` (other_replica): they join again; nothing of it is mixed into the new room",
        "`no`; a purchase under way ends",
        "`room_lost` in the log, `store_failed` for a whole file, with what to do",
        "the operator: look at the disk, tell people in a message",
        f"{_MEMORY}::test_a_damaged_page_is_noticed",
    ),
    Trouble(
        "a waiting room",
        "its disk is full, or another process has the file",
        NOTHING,
        "as without it",
        "`store_failed` in the log, once, and `store_recovered`",
        "the operator: make room, or give each sidecar a file of its own; until then a restart begins the room anew",
        "tests/stores/test_roomfile.py::test_a_full_disk_is_said_once_and_tried_again",
    ),
    Trouble(
        "a waiting room",
        "the process is killed right behind the draw",
        "as by any restart: the rank that they were told is theirs",
        "as without it",
        "`room_recalled` in the log; at the draw `draw_not_written` where the disk was too slow for that",
        "nobody; where that line stands, the operator: look at the disk",
        f"{_MEMORY}::test_a_draw_is_on_disk_before_anybody_is_told_his_rank",
    ),
    Trouble(
        "a waiting room",
        "a second replica with the same keys is asked, and knows nobody of the first one's",
        "`waiting` or `pass_expired` (other_replica); it draws for nobody else's visitor",
        "`no`",
        "the reason in metrics and log of refusals",
        "the operator: a room is one process's; the balancer sends each visitor to where he joined",
        f"{_SALE}::test_a_second_replica_draws_for_nobody_elses_visitor",
    ),
    Trouble(
        "a waiting room",
        "the process stands still for seconds or minutes",
        "they wait for an answer, and lose nothing: no call and no pass runs meanwhile",
        "as without it",
        "`room_stalled` in the log",
        "the operator: look what else runs on the machine",
        f"{_SALE}::test_from_the_lobby_to_the_till_through_kills_and_stalls",
    ),
    Trouble(
        "a waiting room",
        "the machine's clock steps by an hour",
        "nothing changes for them; an opening follows a step that has stood for a minute",
        "as without it",
        "the opening on the board",
        "the operator: mend the clock; a room can be opened by hand",
        f"{_HALL}::test_a_clock_that_steps_opens_nothing_and_ends_no_pass",
    ),
    Trouble(
        "a waiting room",
        "its keys are changed in the middle",
        "places and passes of the old key count while it stands in the file, and polls bring new places; then `unknown_key`",
        "`no`",
        "`config_reloaded` in the log",
        "the operator: leave the old line in until the sale is over",
        f"{_SALE}::test_keys_are_changed_in_the_middle",
    ),
    Trouble(
        "a waiting room",
        "more people come than it holds",
        "`overloaded` (room_full), come back in 30 s; whoever is in notices nothing, and no invite is used up",
        "`no`",
        "the counts on the board, metrics of refusals",
        "the operator: a larger `capacity`, by a reload",
        f"{_VISITS}::test_a_full_room_uses_no_invite_up",
    ),
    Trouble(
        "a waiting room",
        "the backend is cut off during the sale",
        "nobody is called; places and ranks stay, and the forecast grows; when it is back the room fills bit by bit",
        "by the call's own row",
        "the breaker's warnings, a frontier that stands still",
        "as for the breaker",
        f"{_HALL}::test_nobody_is_called_while_the_backend_is_cut_off",
    ),
    Trouble(
        "a waiting room",
        "pages poll in a loop",
        "twenty at once and one a second of each place are answered as told; then `poll_too_soon`, and the place stays",
        "`no`",
        "metrics of refusals",
        "whoever wrote the page: poll when `next_poll_ms` says",
        f"{_VISITS}::test_an_impatient_poll_is_answered_and_a_loop_is_not",
    ),
    Trouble(
        "a waiting room",
        "somebody shows forged, shared or worn out passes and places",
        "`pass_expired` or `waiting` with what is wrong, and the way in",
        "`no`",
        "the reasons in metrics and log of refusals",
        "nobody",
        f"{_GATE}::test_what_is_no_pass_says_why",
    ),
)
