"""Orders on the command line, given to a real admin listener: what is sent, what is printed, and the exit code."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import click
import pytest
from click.testing import CliRunner, Result

from sidecar.admin.table import TABLE, find
from sidecar.cli import COMMANDS, main, orders
from sidecar.control import Order, OrderError, Verdict
from tests.admin.office import TOKEN
from tests.cli.office import standing

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.admin.office import Office

SET = ("limit", "set", "tickets", "8", "--for", "10m", "--reason", "a slow disk")


@pytest.fixture
def office() -> Iterator[Office]:
    """An admin listener that answers."""
    with standing() as opened:
        yield opened


def run(office: Office, *args: str, command: click.Command = main, **env: str) -> Result:
    known = {"SIDECAR_ADMIN": office.url, "SIDECAR_ADMIN_TOKEN": TOKEN, "SIDECAR_ACTOR": "alice@ops", **env}
    return CliRunner().invoke(command, args, env=known)


def test_an_order_is_given(office: Office) -> None:
    """As the table has it; the verdict is printed, and 0 says that it is done."""
    done = run(office, *SET)
    assert (done.exit_code, done.output) == (0, "ok: done\n")
    assert office.control.orders == [
        Order("limit", "set", {"backend": "tickets", "value": 8}, "alice@ops", "a slow disk", 600.0)
    ]


def test_every_order_of_the_table_is_a_command(office: Office) -> None:
    """By its noun and verb; reload, drain and purge by their short names, too. Nothing of the table is left out."""
    group = click.Group("config", commands=orders.commands("config"))
    assert sorted(group.commands) == ["reload", "use"]
    assert run(office, "reload", command=group).exit_code == 0
    assert run(office, "use", "a0a0a0a0a0a0", "--reason", "x", command=group).exit_code == 0
    assert run(office, "limit", "clear", "tickets", "--reason", "x").exit_code == 0
    assert run(office, *SET).exit_code == 0
    assert run(office, "drain", "--reason", "x").exit_code == 0
    assert run(office, "purge", "tickets", "perf:1201", "--reason", "x").exit_code == 0
    assert run(office, "reload").exit_code == 0
    assert run(office, "observe", "--for", "15m", "--reason", "x").exit_code == 0
    assert run(office, "observe", "clear", "--reason", "x").exit_code == 0
    assert run(office, "fault", "inject", "tickets", "Get*", "reset", "--for", "1m", "--reason", "x").exit_code == 0
    assert run(office, "fault", "clear", "tickets", "--reason", "x").exit_code == 0
    assert run(office, "queue", "list").exit_code == 0
    assert run(office, "queue", "promote", "r-1", "--reason", "x").exit_code == 0
    assert run(office, "queue", "drop", "r-1", "--reason", "x").exit_code == 0
    assert run(office, "breaker", "set", "tickets", "cut_off", "--for", "1m", "--reason", "x").exit_code == 0
    assert run(office, "breaker", "clear", "tickets", "--reason", "x").exit_code == 0
    assert run(office, "pause", "backend:tickets", "--reason", "x").exit_code == 0
    assert run(office, "resume", "all", "--reason", "x").exit_code == 0
    assert run(office, "message", "all", "--text", "Back at 9:20", "--reason", "x").exit_code == 0
    assert run(office, "message", "clear", "all", "--reason", "x").exit_code == 0
    office.control.facts = {**office.control.facts, "rooms": [{"name": "hamlet"}]}
    assert run(office, "room", "set", "hamlet", "open", "--remind", "30m", "--reason", "x").exit_code == 0
    assert run(office, "room", "recall", "hamlet", "--reason", "x").exit_code == 0
    assert run(office, "visitor", "find", "hamlet", "7KQ2-9F").exit_code == 0
    assert run(office, "visitor", "move", "hamlet", "7KQ2-9F", "fast", "--reason", "x").exit_code == 0
    assert run(office, "visitor", "release", "hamlet", "7KQ2-9F", "--reason", "x").exit_code == 0
    assert run(office, "visitor", "hold", "hamlet", "7KQ2-9F", "--for", "10m", "--reason", "x").exit_code == 0
    given = [(order.noun, order.verb) for order in office.control.orders]
    assert given == [
        ("config", "reload"),
        ("config", "use"),
        ("limit", "clear"),
        ("limit", "set"),
        ("sidecar", "drain"),
        ("cache", "purge"),
        ("config", "reload"),
        ("observe", "set"),
        ("observe", "clear"),
        ("fault", "inject"),
        ("fault", "clear"),
        ("queue", "list"),
        ("queue", "promote"),
        ("queue", "drop"),
        ("breaker", "set"),
        ("breaker", "clear"),
        ("pause", "set"),
        ("pause", "clear"),
        ("message", "set"),
        ("message", "clear"),
        ("room", "set"),
        ("room", "recall"),
        ("visitor", "find"),
        ("visitor", "move"),
        ("visitor", "release"),
        ("visitor", "hold"),
    ]
    assert {(row.noun, row.verb) for row in TABLE} == set(given)
    assert office.control.orders[5].arguments == {"backend": "tickets", "what": "perf:1201"}
    assert {
        "limit",
        "breaker",
        "reload",
        "drain",
        "purge",
        "observe",
        "fault",
        "queue",
        "pause",
        "resume",
        "message",
        "room",
        "visitor",
    } <= set(COMMANDS)


def test_help_says_it_all() -> None:
    """What it does, what it takes, an example that can be copied."""
    said = CliRunner().invoke(main, ["limit", "set", "--help"]).output
    assert 'sidecar limit set BACKEND 8 --for 10m --reason "its disk is slow"' in said
    assert "from 1s to 24h" in said
    assert "calls at once" in said
    assert "sidecar drain --reason" in CliRunner().invoke(main, ["drain", "--help"]).output
    assert "clear" in CliRunner().invoke(main, ["limit", "--help"]).output
    assert "sidecar reload" in CliRunner().invoke(main, ["reload", "--help"]).output


def test_what_may_be_left_out_is_an_option(office: Office) -> None:
    """What has to be said stands in its place; the help tells both, and an example that can be copied."""
    word = ("fault", "inject", "tickets", "GetSeats*", "latency", "--for", "15m", "--reason", "x")
    assert run(office, *word, "--value", "2s", "--share", "10%", "--header", "X-Chaos=yes").exit_code == 0
    assert office.control.orders[0].arguments == {
        "backend": "tickets",
        "operation": "GetSeats*",
        "kind": "latency",
        "value": "2s",
        "share": 0.1,
        "header": "X-Chaos=yes",
    }
    said = CliRunner().invoke(main, ["fault", "inject", "--help"]).output
    assert 'sidecar fault inject BACKEND OPERATION KIND --for 15m --reason "rehearsal of a slow evening"' in said
    assert "--share SHARE" in said
    assert "from 1s to 1h" in said


CALL = {
    "request_id": "r-1",
    "backend": "tickets",
    "operation": "ReserveTickets",
    "client": "5d0c9a81b2e7",
    "class": "browse",
    "promoted": False,
    "waited_s": 3.2,
    "ahead": 12,
    "eta_s": 4,
    "params": {"iOrder": "4711"},
}


def test_calls_that_wait_are_listed(office: Office) -> None:
    """Two lines each, by an order that says whom it looks for; what callers sent reaches no terminal as it came."""
    evil = {**CALL, "request_id": "r-2\x1b[2J", "promoted": True, "params": "none"}
    office.control.verdict = lambda _: Verdict(True, "2 calls wait like that", {"calls": [CALL, evil, "none"]})
    done = run(
        office,
        "queue",
        "list",
        "--backend",
        "tickets",
        "--client",
        "5d0c9a81b2e7",
        "--request-id",
        "r-1",
        "--param",
        "4711",
    )
    assert (done.exit_code, done.output.splitlines()) == (
        0,
        [
            "ok: 2 calls wait like that",
            "  r-1  tickets ReserveTickets, client 5d0c9a81b2e7, class browse",
            "    waits for 3.2 s, 12 ahead, about 4 s to go  iOrder=4711",
            "  r-2?[2J  tickets ReserveTickets, client 5d0c9a81b2e7, class browse, promoted",
            "    waits for 3.2 s, 12 ahead, about 4 s to go",
        ],
    )
    assert office.control.orders[0].arguments == {
        "backend": "tickets",
        "client": "5d0c9a81b2e7",
        "operation": "",
        "request_id": "r-1",
        "param": "4711",
    }


def test_an_option_of_two_words_is_called_as_it_is_written() -> None:
    """What the sidecar says of `request_id` is said of `--request-id`."""
    row = find("queue", "list")
    assert row is not None
    assert orders._spoken(row, "/request_id") == "--request-id"
    drop = find("queue", "drop")
    assert drop is not None
    assert orders._spoken(drop, "/request_id") == "REQUEST_ID"


@pytest.mark.parametrize(
    ("words", "backend", "mechanism"),
    [
        ((), "*", "all"),
        (("tickets",), "tickets", "all"),
        (("breaker",), "*", "breaker"),
        (("tickets", "rate"), "tickets", "rate"),
        (("rate", "tickets"), "tickets", "rate"),
        (("--backend", "tickets", "--mechanism", "queue"), "tickets", "queue"),
        (("set", "tickets"), "tickets", "all"),
    ],
)
def test_what_is_observed_is_told_by_the_words(
    office: Office, words: tuple[str, ...], backend: str, mechanism: str
) -> None:
    """A backend, a mechanism, both, or nothing for all of it; before or after the options."""
    for verb in ((), ("clear",)) if words[:1] != ("set",) else ((),):
        options = ("--reason", "x") if verb else ("--for", "15m", "--reason", "x")
        for line in (
            ((*verb, *words, *options), (*verb, *options, *words)) if words[:1] != ("set",) else ((*words, *options),)
        ):
            done = run(office, "observe", *line)
            assert (done.exit_code, done.output) == (0, "ok: done\n")
            order = office.control.orders[-1]
            assert (order.verb, order.arguments) == (
                verb[0] if verb else "set",
                {"backend": backend, "mechanism": mechanism},
            )


@pytest.mark.parametrize("words", [("tickets", "seats"), ("rate", "--mechanism", "queue")])
def test_one_of_each_at_a_time(office: Office, words: tuple[str, ...]) -> None:
    """Two backends are two orders."""
    done = run(office, "observe", "--for", "15m", "--reason", "x", *words)
    assert done.exit_code == 2
    assert "at a time" in done.output
    assert office.control.orders == []


def test_the_help_of_observe() -> None:
    """Of the command, with its verbs, and of what it does where none is said."""
    said = CliRunner().invoke(main, ["observe", "--help"]).output
    assert "clear" in said
    assert "[BACKEND] [MECHANISM]" in CliRunner().invoke(main, ["observe", "set", "--help"]).output


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (
            ("observe", "ticket", "--for", "1m", "--reason", "x"),
            "--backend: there is no backend 'ticket', did you mean tickets?",
        ),
        (
            ("fault", "inject", "ticket", "*", "reset", "--share", "0%", "--for", "2h", "--reason", "x"),
            "--share: must be a percentage above 0%",
        ),
        (
            ("limit", "set", "tickets", "8", "--reason", "x"),
            "--for: `limit set` must end: say for how long, as in 10m, or until when",
        ),
        (
            ("limit", "set", "ticket", "8", "--for", "1m", "--reason", "x"),
            "BACKEND: there is no backend 'ticket', did you",
        ),
        (
            ("limit", "set", "tickets", "8", "--until", "2026-12-01T10:00:00", "--reason", "x"),
            "--until: says no time zone",
        ),
    ],
)
def test_what_is_not_understood(office: Office, args: tuple[str, ...], said: str) -> None:
    """2, and each fault by the name that the command line has for it."""
    done = run(office, *args)
    assert done.exit_code == 2
    assert said in done.output
    assert office.control.orders == []


def test_what_click_refuses_is_never_sent(office: Office) -> None:
    """A number that is none, one out of bounds, a missing reason."""
    for args in (
        ("limit", "set", "tickets", "x", "--for", "1m", "--reason", "x"),
        ("limit", "set", "tickets", "0", "--for", "1m", "--reason", "x"),
        ("limit", "set", "tickets", "8", "--for", "1m"),
        ("limit", "sett", "tickets"),
        ("fault", "inject", "tickets", "*", "late", "--for", "1m", "--reason", "x"),
        ("observe", "--mechanism", "cache", "--for", "1m", "--reason", "x"),
    ):
        assert run(office, *args).exit_code == 2
    assert office.audit() == []


def test_who_may_not(office: Office) -> None:
    """1, why, and how the token is given here."""
    done = run(office, *SET, SIDECAR_ADMIN_TOKEN="wrong")
    assert done.exit_code == 1
    assert "[token_wrong]" in done.output
    assert "--token-file" in done.output
    assert "wrong" not in done.output.replace("token_wrong", "")


def test_what_cannot_be_done(office: Office) -> None:
    """1, with the sidecar's own words."""

    def refuse(_order: Order) -> Verdict:
        raise OrderError("nothing to clear")

    office.control.verdict = refuse
    done = run(office, "limit", "clear", "tickets", "--reason", "x")
    assert (done.exit_code, done.output.splitlines()[0]) == (1, "nothing to clear [cannot_be_done]")


ERROR = {
    "file": "tickets.yaml",
    "line": 3,
    "column": 5,
    "width": 4,
    "key": "backends.tickets.urll",
    "code": "E201",
    "message": "unknown key, did you mean url?",
    "remedy": "say url",
}


def test_a_reload_that_works_says_what_changed(office: Office) -> None:
    """Each key, and what takes effect only later."""
    changes = [
        {"key": "backends.tickets.limit", "before": 16, "after": 8, "effect": "applied"},
        {"key": "listen.port", "before": 8080, "after": 8090, "effect": "restart"},
        {"key": "backends.seats.url", "before": "a", "after": "b", "effect": "resets"},
    ]
    office.control.verdict = lambda _: Verdict(True, "settings b1b1", {"id": "b1b1", "changes": changes})
    done = run(office, "reload")
    assert done.exit_code == 0
    assert done.output == (
        "ok: settings b1b1\n"
        "  backends.tickets.limit: 16 -> 8\n"
        "  listen.port: 8080 -> 8090; takes effect with the next start\n"
        "  backends.seats.url: a -> b; what it had learnt starts anew\n"
    )


def test_a_reload_of_wrong_settings_is_78_with_every_error(office: Office) -> None:
    """As `sidecar check` prints them."""
    second = {**ERROR, "line": 9, "key": "", "message": "no backend", "remedy": ""}
    office.control.verdict = lambda _: Verdict(False, "2 errors", {"errors": [ERROR, second]})
    done = run(office, "reload")
    assert done.exit_code == 78
    assert done.output == (
        "2 errors\n"
        "tickets.yaml:3:5 backends.tickets.urll: unknown key, did you mean url? [E201]\n"
        "       say url\n"
        "tickets.yaml:9:5: no backend [E201]\n"
        "       nothing has changed\n"
    )


def test_errors_that_the_text_has_already_are_printed_once(office: Office) -> None:
    """The sidecar, which has the file, shows its lines and carets."""
    text = "tickets.yaml:3:5 backends.tickets.urll: unknown key [E201]\n    3 |     urll: x\n      |     ^^^^"
    office.control.verdict = lambda _: Verdict(False, text, {"errors": [ERROR]})
    done = run(office, "reload")
    assert done.exit_code == 78
    assert done.output == f"{text}\n       nothing has changed\n"


def test_a_reload_that_fails_otherwise_is_1(office: Office) -> None:
    """A port that is taken is no error of the file."""
    office.control.verdict = lambda _: Verdict(False, "the certificate cannot be read", {})
    done = run(office, "reload")
    assert (done.exit_code, done.output.splitlines()[0]) == (1, "the certificate cannot be read")


@pytest.mark.parametrize(
    ("args", "verdict", "code"),
    [
        (SET, Verdict(True, "done", {"x": 1}), 0),
        (("limit", "set", "tickets", "8", "--reason", "x"), None, 2),
        (("reload",), Verdict(False, "1 error", {"errors": [ERROR]}), 78),
        (("reload",), Verdict(False, "no", {}), 1),
    ],
)
def test_for_machines(office: Office, args: tuple[str, ...], verdict: Any, code: int) -> None:
    """One JSON document on standard output, with the same exit code."""
    office.control.verdict = lambda _: verdict
    done = run(office, *args, "--format", "json")
    assert done.exit_code == code
    facts = json.loads(done.stdout)
    assert facts["ok"] is (code == 0)
    assert done.stderr == ""


def test_who_i_am(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    """The user at this host, unless said otherwise; a number without a name is unknown, and gives orders all the same."""
    monkeypatch.setattr("socket.gethostname", lambda: "here")
    monkeypatch.setattr("getpass.getuser", lambda: "bob")
    run(office, "reload", SIDECAR_ACTOR="")
    run(office, "reload", "--actor", "carol")

    def nameless() -> str:
        raise OSError

    monkeypatch.setattr("getpass.getuser", nameless)
    run(office, "reload", SIDECAR_ACTOR="")
    assert [order.actor for order in office.control.orders] == ["bob@here", "carol", "unknown@here"]


def test_a_pause_is_a_sentence(office: Office) -> None:
    """A text for each language, one without is English; the end may be left out; what is wrong is said by its option."""
    texts = ("--text", "en=Back at 9:20", "--text", "de-CH=Um 9:20 = gleich")
    assert run(office, "pause", "all", *texts, "--next-update", "20m", "--reason", "x").exit_code == 0
    given = office.control.orders[0]
    assert given.arguments["text"] == {"en": "Back at 9:20", "de-CH": "Um 9:20 = gleich"}
    assert (given.arguments["scope"], given.for_s, given.remind_s) == ("entry", None, 900.0)
    assert run(office, "message", "all", "--text", "a = b", "--for", "1m", "--reason", "x").exit_code == 0
    assert office.control.orders[1].arguments["text"] == {"en": "a = b"}
    assert run(office, "message", "all", "--reason", "x").exit_code == 2
    wrong = run(office, "pause", "all", "--text", "en=" + "a" * 501, "--remind", "1s", "--reason", "x")
    assert wrong.exit_code == 2
    assert "--text en: must be one line" in wrong.output
    assert "--remind: may be from 1m" in wrong.output
    said = CliRunner().invoke(main, ["pause", "--help"]).output
    assert 'sidecar pause TARGET --text en="Back at 9:20" --for 15m' in said
    assert "--remind DURATION" in said
