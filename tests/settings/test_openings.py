"""What `check` says of waiting rooms: the opening on every clock that somebody may look at, what is covered and what stays free."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from sidecar.settings import openings
from sidecar.settings.load import load_text
from sidecar.settings.moments import read

NOW = read("2026-03-20 09:00Z", None)
HEAD = """\
timezone: Europe/London
store: sqlite:state.db
keys: {file: keys}
backends:
  t: {protocol: soap, url: "http://h/x", operations: {GetSeats: {safe: true, cache: {ttl: 1s}}}}
  u: {protocol: soap, url: "http://h/y", identity: {params: [sKey]}}
rooms:
"""


def told(room: str) -> str:
    plan = load_text(f"{HEAD}  a: {{covers: [{room}}}\n", "x.yaml", Path("/"), {})
    json.dumps(openings.facts(plan, NOW))
    return "\n".join(openings.text(plan, NOW))


@pytest.mark.parametrize(
    ("room", "said"),
    [
        ("{backend: t}], opens: 2026-03-27 19:30", "opens Fri 2026-03-27 19:30 GMT (Europe/London), 2026-03-27T19:30:00Z, in 7 days"),
        ("{backend: t}], opens: 2026-04-01 09:00", "2026-04-01T08:00:00Z, in 12 days, and the clocks are changed before that"),
        ("{backend: t}], opens: 2026-03-20 08:00", "opened Fri 2026-03-20 08:00 GMT (Europe/London), 2026-03-20T08:00:00Z, 1 hour ago"),
        ("{backend: t}], opens: 2026-03-27 19:30", "the lobby opens at 19:00, 30m before; the draw is made at 19:29, 1m before"),
        ("{backend: t}], opens: 2026-03-27 19:30, lobby: 24h", "the lobby opens at Thu 2026-03-26 19:30 GMT, 24h before"),
        ("{backend: t}]", "opens by hand"),
        ("{backend: t}]", "its lobby is opened by hand, too"),
        ("{backend: t}], closes: 2026-03-21 09:00", "closes Sat 2026-03-21 09:00 GMT, 2026-03-21T09:00:00Z, in 1 day"),
        ("{backend: t}], rate: 50/1s, max_active: 90", "admits while fewer than 90 buy, at most 50 in 1s"),
        ("{backend: t}]", "stands before every operation of t\n"),
        ("{backend: t}]", "free for all: answers of GetSeats that are kept"),
        ("{backend: u}]", "free for all: nothing of these backends"),
        ("{backend: u}]", "nobody is asked whose account it is; more than 50 of one address are held"),
        ("{backend: u}], account: {from: parameter, parameter: i, limit: 2}, crowd: {per_address: 0}",
         "accounts are known by the parameter i, 2 places each; no rule for one address"),
        ("{backend: u}], account: {from: session}", "every session is an account, 1 place each"),
        ("{backend: u}], account: {from: session, login: LoginEx2, parameter: sUID}",
         "accounts are known by what LoginEx2 signs in (sUID), 1 place each"),
        ("{backend: t, operations: [A, B], where: {i: [10, 9, x]}}, {backend: u, operations: [C]}]",
         "stands before A and B of t where i is 9, 10 or x; C of u\n"),
        ("{backend: t, operations: [A, B], where: {i: [10]}}, {backend: u, operations: [C]}]",
         "free for all: A and B of t with another i; every other operation of t; every other operation of u"),
    ],
)  # fmt: skip
def test_rooms_in_words(room: str, said: str) -> None:
    """Local, UTC and how far away; who has to wait for what, and who has not."""
    assert said in told(room)


def test_for_machines() -> None:
    """The same in UTC and seconds."""
    plan = load_text(
        f"{HEAD}  a: {{covers: [{{backend: t, where: {{i: [2, 1]}}}}], opens: 2026-03-27 19:30}}\n", "x", Path("/"), {}
    )
    (fact,) = openings.facts(plan, NOW)
    assert fact == {
        "name": "a",
        "opens": "2026-03-27T19:30:00Z",
        "closes": None,
        "timezone": "Europe/London",
        "in_s": 7 * 86_400 + 37_800,
        "lobby_opens": "2026-03-27T19:00:00Z",
        "draws": "2026-03-27T19:29:00Z",
        "covers": [{"backend": "t", "operations": ["*"], "where": {"i": ["1", "2"]}}],
        "free": ["every operation of t with another i", "answers of GetSeats that are kept"],
        "max_active": 200,
    }
