"""What goes wrong around the calls: settings, reloads, the end of the process, who is who. `docs/failures.md` has these rows, too.

None of them is a failure of a call in five dialects, so each says in words what callers get, and names the test that provokes it.
"""

from __future__ import annotations

from dataclasses import dataclass

NOTHING = "nothing changes for them"


@dataclass(frozen=True, slots=True)
class Trouble:
    """One row. `executed` says what becomes of calls under way; `test` is the node that proves it."""

    component: str
    what: str
    callers: str
    executed: str
    notices: str
    acts: str
    test: str


TROUBLES: tuple[Trouble, ...] = (
    Trouble(
        "settings",
        "a changed file is wrong and a reload is asked for",
        NOTHING,
        "as without it",
        "reply and exit code of the order, `config_rejected` in the log, metric, status, banner: with file, line and remedy",
        "whoever wrote the file: `sidecar check FILE`",
        "tests/test_reload.py::test_a_bad_file_changes_nothing_and_says_so",
    ),
    Trouble(
        "settings",
        "a changed file asks for another address to listen on",
        NOTHING,
        "as without it",
        "as above; the keys that need a restart are named",
        "the operator: restart in a quiet hour",
        "tests/test_app_adopt.py::test_an_address_needs_a_restart",
    ),
    Trouble(
        "settings",
        "a new certificate cannot be used",
        "the old certificate goes on",
        "as without it",
        "as above",
        "whoever renews certificates",
        "tests/test_app_adopt.py::test_a_certificate_is_renewed_or_nothing_is",
    ),
    Trouble(
        "settings",
        "the sidecar fails while it takes a new configuration (our bug)",
        NOTHING,
        "as without it",
        "`bug` and `config_rejected` in the log",
        "report the line; the old configuration runs on",
        "tests/test_reload.py::test_what_the_app_cannot_take_changes_nothing",
    ),
    Trouble(
        "settings",
        "a backend's address changes while calls are under way",
        "who is on the way gets the old backend's answer, who comes the new one's",
        "as told by the backend that was asked",
        "`config_reloaded` with what begins anew",
        "nobody",
        "tests/test_app_adopt.py::test_a_backend_with_another_address_is_another_backend",
    ),
    Trouble(
        "the end",
        "the process is told to go under load",
        "an answer, or `draining` with `executed: no`; never half of one",
        "`no` where nothing was sent, `unknown` where the backend has the call when the time is up",
        "`draining`, then `stopped` in the log",
        "nobody; clients come back after `Retry-After`",
        "tests/scenarios/test_s33_sigterm_e2e.py::test_sigterm_under_load",
    ),
    Trouble(
        "who is who",
        "a proxy before us is missing in `clients.trust`",
        "all behind it count as one client; the backend sees no addresses of theirs",
        "as without it",
        "`one_client` in the log, a warning in the status",
        "the operator: `clients.trust`",
        "tests/scenarios/test_clients_e2e.py::test_one_client_who_is_everybody_is_told_in_the_log",
    ),
    Trouble(
        "who is who",
        "a trusted caller writes a malformed `Sidecar-Client`",
        "the call runs as the server's own address",
        "as without it",
        "`client_name_malformed`, once a minute",
        "whoever runs that server",
        "tests/scenarios/test_clients_e2e.py::test_a_name_that_is_none_is_ignored_and_told",
    ),
    Trouble(
        "who is who",
        "a stranger forges addresses or names",
        "nothing: they are ignored and never forwarded",
        "as without it",
        "nothing, or `one_client` where he is nearly everybody",
        "nobody",
        "tests/scenarios/test_clients_e2e.py::test_a_strangers_word_reaches_nobody",
    ),
    Trouble(
        "the backend",
        "says more than it was asked, right after its replies",
        "their own answers: the first connections rest a moment, and it is caught there",
        "as told by the backend",
        "`backend_speaks_unasked`; connections are kept no more for ten minutes",
        "whoever runs the backend",
        "tests/test_upstream.py::test_who_speaks_unasked_is_caught_while_it_rests",
    ),
    Trouble(
        "memory",
        "a client invents element names, a quarter of a million of them",
        "answers as ever",
        "as without it",
        "nothing: names that were read are forgotten again",
        "nobody",
        "tests/adapters/test_dictionary.py::test_a_quarter_of_a_million_invented_names_leave_nothing",
    ),
)
