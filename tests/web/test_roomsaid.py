"""What a waiting room's page tells: each situation has words of its own, and nothing is told that does not hold in it."""

from __future__ import annotations

import pytest

from sidecar.plan import RoomPlan
from sidecar.web.roomsaid import View, said, situation
from sidecar.web.roomwords import LANGUAGES, WORDS
from tests.web.rooms import NOBODY, OPENS, VIEWS, WAITING

VISITORS = (
    "lobby", "waiting", "parked", "called", "admitted", "needs_action", "expired", "forfeited", "left", "released", None
)  # fmt: skip
STATES = ("scheduled", "lobby", "drawing", "open", "paused", "sold_out", "closed")


@pytest.mark.parametrize("lang", LANGUAGES)
@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("visitor", VISITORS)
def test_every_word_in_every_room_and_language_is_told(lang: str, state: str, visitor: str | None) -> None:
    """Whatever a visitor and his room are, there is a headline and a sentence."""
    told = said(NOBODY._replace(lang=lang, state=state, visitor=visitor))
    assert len(told.headline) > 4
    assert len(told.lead) > 10


@pytest.mark.parametrize("lang", LANGUAGES)
def test_situations_are_told_apart(lang: str) -> None:
    """No two visitors' words, in the room state that goes with them, are told in the same way; nor are two reasons of one."""
    told = {name: said(view._replace(lang=lang)) for name, view in VIEWS.items()}
    alike = {name.partition(", ")[0]: (each.headline, each.lead) for name, each in told.items()}
    assert len(set(alike.values())) == len(alike)
    reasons = [(each.headline, each.lead) for name, each in told.items() if ", " in name and "waiting" not in name]
    assert len(set(reasons)) == len(reasons)


def test_the_views_of_the_tests_are_all_situations() -> None:
    """Every text that there is for a situation is reached by one of the views."""
    reached = {
        f"{each.situation}.{view.reason}" if view.reason else each.situation
        for view in VIEWS.values()
        for each in [said(view)]
    }
    texts = set(WORDS["en"]._texts["said"])
    assert texts - reached == {"left"}  # it is always by choice
    assert reached - texts == {"left.by_choice"}


@pytest.mark.parametrize(
    ("state", "visitor", "where"),
    [
        ("open", "waiting", "waiting"),
        ("paused", "waiting", "paused"),
        ("paused", "parked", "paused"),
        ("paused", "lobby", "paused"),
        ("paused", "called", "called"),
        ("paused", "admitted", "admitted"),
        ("paused", "needs_action", "needs_action"),
        ("sold_out", "waiting", "sold_out"),
        ("sold_out", "admitted", "admitted"),
        ("closed", "released", "released"),
        ("closed", "expired", "closed"),
        ("drawing", "lobby", "drawing"),
        ("drawing", None, "join_drawing"),
        ("scheduled", None, "scheduled"),
    ],
)
def test_whose_word_counts(state: str, visitor: str | None, where: str) -> None:
    """Who is called or admitted may finish in any room; who stands in line is told first what has become of the room."""
    assert situation(state, visitor) == where


def test_where_one_stands() -> None:
    """How many are ahead and how long it may take, and what a closed page costs: nothing."""
    told = said(WAITING)
    assert (told.number, told.label, told.eta, told.code) == (
        "790",
        "people ahead of you",
        "between 4 and 7 minutes",
        "7KQ2-9F",
    )
    assert told.note is not None
    assert "You may close this page: you keep your place" in told.note
    assert told.actions == ("leave",)


@pytest.mark.parametrize("reason", ["not_open", "paused", "too_early", "stalled", "of another release"])
def test_an_estimate_that_is_not_known_says_why(reason: str) -> None:
    """Never a number, never nothing; a reason that the page does not know is told as not known."""
    told = said(WAITING._replace(eta_reason=reason))
    assert told.eta is not None
    assert "known" in told.eta
    assert said(WAITING._replace(eta_low_s=None)).eta == "not known right now"


def test_nobody_is_counted_where_it_is_not_known() -> None:
    """A number that is not known is not there; it is not 0."""
    assert said(WAITING._replace(ahead=None)).number is None
    assert said(VIEWS["lobby"]).number is None
    assert said(VIEWS["called"]._replace(ahead=3)).number is None
    assert said(WAITING._replace(ahead=0)).number == "0"


def test_moments_are_those_that_are_to_come() -> None:
    """Before it opens: the lobby, the draw, the opening. Called: until when. Later none of them."""
    named = {name: set(said(view).moments) for name, view in VIEWS.items()}
    assert named["scheduled"] == {"lobby", "draw", "opens"}
    assert named["join_lobby"] == named["lobby"] == {"draw", "opens"}
    assert named["drawing"] == {"opens"}
    assert (named["called"], named["admitted"], named["paused"]) == ({"claim_by"}, {"pass_until"}, {"next"})
    assert named["waiting"] == named["sold_out"] == named["closed"] == set()
    moments = said(VIEWS["scheduled"]).moments
    assert moments["opens"] == ("Tuesday 1 December 2026, 09:00 (London time)", OPENS)
    assert moments["lobby"] == ("Tuesday 1 December 2026, 08:30 (London time)", OPENS - 1800)
    assert said(VIEWS["called"]).moments["claim_by"].text == "09:12:30"


@pytest.mark.parametrize(
    ("name", "actions"),
    [
        ("scheduled", ()),
        ("join_lobby", ("join",)),
        ("join_paused", ("join",)),
        ("lobby", ("leave",)),
        ("called", ("claim", "leave")),
        ("admitted", ("back", "release")),
        ("needs_action, sign_in", ("remedy", "leave")),
        ("expired, idle", ("join",)),
        ("released, purchase", ()),
        ("sold_out", ()),
        ("closed", ()),
    ],
)
def test_what_one_may_do(name: str, actions: tuple[str, ...]) -> None:
    """A button is there where it does something."""
    assert said(VIEWS[name]).actions == actions


def test_a_way_that_leads_nowhere_is_none() -> None:
    """Without an address there is neither a remedy nor a way on."""
    bare = View(RoomPlan("x"), "open", OPENS, "en")
    assert said(bare._replace(visitor="needs_action")).actions == ("leave",)
    assert said(bare._replace(visitor="admitted")).actions == ("release",)
    assert said(bare._replace(visitor="admitted", back="/shop")).actions == ("back", "release")
