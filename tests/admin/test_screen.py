"""One screen: what is wrong first, nothing past its edges, whatever the facts are."""

from __future__ import annotations

import re
from typing import Any

import hypothesis.strategies as st
import pytest
from hypothesis import given

from sidecar.admin.screen import Piece, clip, lines, plain
from tests.admin.facts import backend, learnt, override, refusal, room, sign, status

WAITING = [
    {"class": "staff", "queued": 2, "eta_s": 0},
    {"class": "checkout", "queued": 0, "eta_s": 1},
    {"class": "browse", "queued": 31, "eta_s": 4},
]
WHOLE = """\
sidecar 0.1.0  ready  up 2d 3h  pid 1                       2026-12-01 09:00:03Z
ERROR    the last reload failed: the settings of 06:00 hold (since 08:55:03Z)
         mend tickets.yaml, then `sidecar reload`;
         docs/operations.md#reload-failed
settings c3f9a1b2d4e5 loaded 3h ago, the files differ: /etc/sidecar/tickets.yaml
reload   FAILED 5m ago, by signal; 1 error, tickets.yaml:3 backends.tickets.urll
holds    12 connections (3 idle) of 10000; 0 B of 256 MiB buffered
listens  http://127.0.0.1:8080, admin http://127.0.0.1:8081
BACKEND          PRESSURE    LIMIT IN FLIGHT GHOSTS    QUEUE     /S  P50MS   P95
tickets          strained   8 (16)         3      0   31/500   12.3    103     -
  last failure: backend_unreachable (refused) 12s ago
seats            ok             16         3      0    0/500   12.3    103     -
CHANGED BY HAND
  limit tickets 8 (was 16)  ends in 9m (09:09:03Z)  alice: a slow disk
REFUSED in the last 5m: 12
  tickets            overloaded             queue                 9  3s ago
  (no backend)       overloaded             connections           3  3s ago
ANSWERED in the last 5m
  tickets: ok 812, overloaded 9
  seats: ok 4
"""


def text(facts: dict[str, Any], width: int = 80, height: int = 24) -> str:
    return plain(lines(facts, width, height))


def test_a_bad_night_on_one_screen() -> None:
    """Everything that issue and operators ask for, on 80 columns."""
    assert text(status()) == WHOLE


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ({"limiter": learnt(), "limit": 12}, [12, "learnt in 1..64: settle 12s ago"]),
        ({"limiter": learnt(why="start", since=None), "limit": 12}, [12, "learnt in 1..64: start"]),
        ({"limiter": learnt(), "limit": 5}, ["5 (12)", "learnt in 1..64: settle 12s ago"]),
        (
            {"limiter": learnt(), "limit": 12, "classes": WAITING},
            [12, "learnt in 1..64: settle 12s ago; in line: staff 2 (0s), browse 31 (4s)"],
        ),
        ({"classes": WAITING}, [16, "in line: staff 2 (0s), browse 31 (4s)"]),
        ({}, [16]),
        ({"limiter": None, "classes": None}, [16]),
        ({"classes": [{"queued": 3}]}, [16, "in line: - 3 (-)"]),
    ],
)
def test_how_a_limit_comes_about_and_who_waits(said: dict[str, Any], shown: list[Any]) -> None:
    """In a line of its own below the backend: of a number that nobody waits for there is nothing to say."""
    line, *below = text(status(backends=[backend("tickets", **said)]), 120).split("BACKEND ")[1].splitlines()[1:]
    limit, *rest = shown
    assert f" {limit} " in line
    assert below[: len(rest)] == [f"  {each}" for each in rest]
    assert below[len(rest)] == "CHANGED BY HAND" or not below[len(rest)]


def test_where_there_is_room_there_is_air() -> None:
    """Blank lines stand between the parts as soon as they fit."""
    quiet = text(status(warnings=[], overrides=[]))
    assert quiet.count("\n\n") == 4
    assert len(quiet.splitlines()) <= 24


def test_a_quiet_day() -> None:
    """A reload that went well, nothing by hand, nothing refused, no backend under strain."""
    config = {
        **status()["config"],
        "differs_from_disk": False,
        "last_reload": {"at": "2026-12-01T08:00:03.120Z", "ok": True, "by": "order", "actor": "alice", "errors": []},
    }
    said = text(
        status(
            config=config,
            warnings=[],
            overrides=[],
            backends=[backend("tickets")],
            refusals={"window_s": 300, "total": 0, "by": []},
            states={},
        )
    )
    assert "reload   ok 1h ago, by order alice\n" in said
    assert "differ" not in said
    assert "CHANGED BY HAND" not in said
    assert "last failure" not in said, "an old failure of a backend that is well is no news"
    assert "REFUSED in the last 5m: 0\n" in said


def test_faults_and_what_only_observes_stand_with_what_was_changed_by_hand() -> None:
    """With their ends; a fault with how often it has hit, for nothing stood there before."""
    fault = override(noun="fault", value="latency 2s on GetSeats*, 10% of them", was="none", hits=17)
    said = text(status(overrides=[fault, override(noun="observe", backend="*", value="queue", was="enforce")]))
    assert "  fault tickets latency 2s on GetSeats*, 10% of them (17 hit)  ends in 9m" in said
    assert "  observe * queue (was enforce)  ends in 9m (09:09:03Z)  alice: a slow disk\n" in said


def test_draining_is_said_in_the_first_line() -> None:
    """In place of ready."""
    assert text(status(draining=True, ready=False)).splitlines()[0].startswith("sidecar 0.1.0  draining  up")
    assert text(status(ready=False)).splitlines()[0].startswith("sidecar 0.1.0  not ready  up")


def test_what_is_worse_comes_first() -> None:
    """Errors before warnings, backends that are down before those that are strained or well."""
    warnings = [
        {"code": "nofile_low", "severity": "warning", "text": "few descriptors", "remedy": "raise them"},
        {"code": "backend_down", "severity": "error", "text": "tickets is down", "remedy": "look at it"},
    ]
    backends = [backend("well"), backend("strained", pressure="strained"), backend("down", pressure="down")]
    said = text(status(warnings=warnings, backends=backends))
    assert said.index("tickets is down") < said.index("few descriptors")
    assert said.index("\ndown ") < said.index("\nstrained ") < said.index("\nwell ")


def test_no_part_swallows_the_others() -> None:
    """Where there is too much of everything, each part keeps its first lines and says how many are left out."""
    said = text(
        status(
            warnings=status()["warnings"] * 8,
            backends=[backend(f"b{number}", pressure="down") for number in range(20)],
            overrides=[override()] * 9,
            refusals={
                "window_s": 300,
                "total": 999,
                "by": [refusal("tickets", "overloaded", f"m{number}", number) for number in range(30)],
            },
        )
    )
    assert len(said.splitlines()) == 24
    assert said.count("more lines: --format json has them all") == 4
    for part in ("ERROR    the last reload", "b0 ", "CHANGED BY HAND", "REFUSED in the last 5m: 999", "m29"):
        assert part in said


def test_however_much_there_is_a_screen_takes_no_longer() -> None:
    """It is made on the loop that serves callers: what is not shown is not made, and still counted."""

    class Watched(dict[str, Any]):
        """Facts that know whether they were looked at in full."""

        shown = 0

        def get(self, key: str, default: Any = None) -> Any:
            Watched.shown += key in ("remedy", "last_failure", "last_at", "left_s")
            return super().get(key, default)

    def many(one: dict[str, Any]) -> list[dict[str, Any]]:
        return [Watched(one) for _ in range(2000)]

    said = text(
        status(
            warnings=many(status()["warnings"][0]),
            backends=many(backend("b", pressure="down")),
            overrides=many(override()),
            refusals={"window_s": 300, "total": 1, "by": many(refusal("b", "overloaded", "queue", 1))},
            states={"by": [{"backend": f"b{number}", "state": "ok", "count": 1} for number in range(2000)]},
        )
    )
    assert Watched.shown == 24 * 4
    assert len(said.splitlines()) == 24
    assert [int(count) for count in re.findall(r"(\d+) more lines", said)][2] > 1990
    alone = plain(
        lines({"states": {"by": [{"backend": f"b{n}", "state": "ok", "count": 1} for n in range(60)]}}, 80, 50)
    )
    assert "  ... " not in alone, "what may be left out is left out whole"


@pytest.mark.parametrize(("width", "height"), [(80, 24), (40, 10), (20, 5), (200, 60), (80, 1), (80, 3)])
def test_nothing_goes_past_the_edges(width: int, height: int) -> None:
    """Down to 40 columns; below that nobody can read anyway."""
    said = text(status(overrides=[override(reason="舞台" * 100)]), width, height).splitlines()
    assert len(said) <= height
    assert max(map(len, said)) <= max(width, 40)


def test_wide_letters_count_twice() -> None:
    """A terminal gives a CJK letter two columns and an accent none."""
    assert plain([clip((Piece("舞" * 10),), 10)]) == "舞舞舞...\n"
    assert plain([clip((Piece("e\u0301" * 10),), 10)]) == "e\u0301" * 10 + "\n"
    assert plain([clip((Piece("12345678"), Piece("abcdef")), 10)]) == "12345678ab\n"


def test_no_escape_sequence_reaches_a_terminal() -> None:
    """Names and reasons were written by somebody."""
    said = text(
        status(
            backends=[backend("\x1b[31mred", pressure="\x1b]0;title\x07")],
            overrides=[override(reason="\x1b[2J\nnew line", actor="\u202eecila")],
            warnings=[{"severity": "error", "text": "\x1b[2J", "remedy": "\x9b2J"}],
        )
    )
    assert all(each.isprintable() for line in said.splitlines() for each in line)
    assert "?[2J?new line" in said


def test_facts_that_are_missing_are_a_dash() -> None:
    """An older sidecar, or a newer one, is shown as far as it goes."""
    assert text({}).splitlines()[0].startswith("sidecar -  not ready  up -  pid -")
    assert "last failure: - -" in text(status(backends=[backend("x", pressure="down", last_failure={})]))
    assert "(refused)" not in text(status(backends=[backend("x", pressure="down", last_failure={"state": "y"})]))
    assert "loaded soon" in text(status(config={"loaded_at": "soon"}))
    assert "loaded 2026-12-01" in text(status(config={"loaded_at": "2026-12-01"})), "a time without a zone is no age"


def test_sizes() -> None:
    """Bytes as people read them."""
    for count, said in [(0, "0 B"), (2048, "2 KiB"), (1_572_864, "1.5 MiB"), (5 * 1024**3, "5 GiB")]:
        assert f"; {said} of 256 MiB" in text(status(buffered={"bytes": count, "limit_bytes": 268435456}))


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from([*status(), *status()["backends"][0], "by", "count", "text"]), inner, max_size=4
        )
    ),
    max_leaves=20,
)


@given(
    facts=st.dictionaries(st.sampled_from(list(status())), _JSON), width=st.integers(1, 120), height=st.integers(1, 50)
)
def test_whatever_was_sent_is_a_screen(facts: dict[str, Any], width: int, height: int) -> None:
    """Something else may listen on that port; `top` goes on."""
    said = text({**status(), **facts}, width, height)
    assert 1 <= len(said.splitlines()) <= height
    assert all(each.isprintable() for line in said.split("\n") for each in line)


def test_what_is_paused_stands_above_what_is_changed() -> None:
    """Where, whom, since when, until when, by whom, why, and what people read; nothing of it reaches a terminal as it came."""
    said = (
        sign(texts={"en": "Back\x1b[2J"}),
        sign(kind="message", scope=None, target="all", until=None, remind_s=900.0, texts={}),
    )
    shown = text(status(pauses=list(said)), 140, 40).split("PAUSED, SAID\n")[1].splitlines()
    assert shown[:2] == [
        "  pause backend:tickets (entry)  since 09:00:03Z, ends in 9m (09:09:03Z)  alice: payments are down  en: Back?[2J",
        "  message all  since 09:00:03Z, no end, said every 15m  alice: payments are down",
    ]
    assert "PAUSED" not in text(status())


def test_rooms_have_a_line_each() -> None:
    """How it stands, who is in, who waits; where somebody has set it by hand, that is said."""
    open_by_hand = room(by_hand={"state": "open"})
    before = room("lear", state="lobby", opens_at="2026-12-01T10:00:00.000Z", pace_per_min=None)
    shown = text(status(rooms=[open_by_hand, before, {}]), 140, 40).split("ROOMS\n")[1].splitlines()
    assert shown[:3] == [
        "  hamlet           open by hand  180/200 in, 12 called; 11000 wait of 20000, 1200/min",
        "  lear             lobby, opens 10:00:00Z  180/200 in, 12 called; 11000 wait of 20000, -/min",
        "  -                -  -/- in, - called; - wait of -, -/min",
    ]
    assert "ROOMS" not in text(status())
