"""One client who seems to be everybody: seen at the end of a thousand requests, said once, taken back when it is over."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sidecar.policy.clients import Unheard, Why
from sidecar.policy.crowding import MOST, WINDOW, Crowd, Crowding, Turn

PROXY = Unheard("X-Forwarded-For", "10.0.0.7", Why.STRANGER)


def window(crowding: Crowding, share: int, unheard: Unheard | None = PROXY, *, client: str = "10.0.0.7") -> list[Turn]:
    """Tell a thousand requests, of which `client` makes `share` and a crowd of others the rest; return what was said."""
    said = []
    for number in range(WINDOW):
        who = client if number % WINDOW < share else f"other {number}"
        if crowding.tell(who) and (turn := crowding.look(who, lambda: unheard)) is not None:
            said.append(turn)
    return said


def test_one_episode_is_one_event() -> None:
    """It begins, goes on without a word while its numbers change, and is over; a second one is told again."""
    crowding = Crowding()
    assert window(crowding, 930) == [Turn(Crowd(93, PROXY), begins=True)]
    assert window(crowding, 999) == []
    assert crowding.current == Crowd(99, PROXY)
    assert window(crowding, 300) == [Turn(Crowd(99, PROXY), begins=False)]
    assert crowding.current is None
    assert window(crowding, 300) == []
    assert window(crowding, 1000) == [Turn(Crowd(100, PROXY), begins=True)]


@pytest.mark.parametrize(("share", "crowded"), [(MOST, False), (MOST + 1, True), (WINDOW, True)])
def test_more_than_four_in_five(share: int, crowded: bool) -> None:
    """Of exactly a thousand, whoever of them comes last."""
    assert bool(window(Crowding(), share)) is crowded
    crowding, others = Crowding(), [f"other {number}" for number in range(WINDOW - share)]
    said = [crowding.look(who, lambda: PROXY) for who in (*others, *["10.0.0.7"] * share) if crowding.tell(who)]
    assert bool(said[-1]) is crowded


def test_it_is_said_at_the_end_of_a_thousand() -> None:
    """Not of the first few, and not of an eleven-hundredth."""
    crowding = Crowding()
    said = [crowding.tell("a") and crowding.look("a", lambda: PROXY) for _ in range(WINDOW)]
    assert said[-1] == Turn(Crowd(100, PROXY), begins=True)
    assert not any(said[:-1])


def test_a_busy_client_who_speaks_for_nobody_is_no_crowd() -> None:
    """The shop's server makes most of the calls; that is its right."""
    crowding = Crowding()
    assert window(crowding, 950, None) == []
    assert crowding.current is None


@pytest.mark.parametrize(("carry", "crowded"), [(7, False), (8, True)])
def test_a_single_odd_request_says_nothing(carry: int, crowded: bool) -> None:
    """Half of those that are looked at must carry the header."""
    crowding, looked = Crowding(), 0

    def unheard() -> Unheard | None:
        nonlocal looked
        looked += 1
        return PROXY if looked <= carry else None

    said = [crowding.look("a", unheard) for _ in range(WINDOW) if crowding.tell("a")]
    assert looked == 16, "a few tell as much as two hundred, and each costs"
    assert bool(said[-1]) is crowded


def test_it_asks_to_be_shown_nothing_of_an_ordinary_crowd() -> None:
    """Only the last of a thousand, to count them."""
    crowding = Crowding()
    assert [crowding.tell(f"client {number % 7}") for number in range(WINDOW)] == [False] * (WINDOW - 1) + [True]
    assert crowding.look("client 5", lambda: pytest.fail("nobody makes four in five")) is None


def test_the_usual_word_is_the_one_that_is_told() -> None:
    """Behind one proxy some send more than others."""
    crowding, odd = Crowding(), PROXY._replace(header="Forwarded")
    words = iter([odd, PROXY, PROXY] * 6)
    said = [crowding.look("a", lambda: next(words)) for _ in range(WINDOW) if crowding.tell("a")]
    assert said[-1] == Turn(Crowd(100, PROXY), begins=True)


@pytest.mark.unmeasured
@given(st.lists(st.sampled_from("abc"), min_size=WINDOW, max_size=WINDOW).map(tuple), st.integers(1, 2))
def test_nothing_is_held_beyond_a_thousand(clients: tuple[str, ...], times: int) -> None:
    """Whoever comes, a thousand later it starts anew."""
    crowding = Crowding()
    for client in clients * times:
        if crowding.tell(client):
            crowding.look(client, lambda: None)
    assert crowding._counts == {}


@pytest.mark.parametrize(
    ("unheard", "text", "remedy"),
    [
        (
            PROXY,
            "they carry X-Forwarded-For from 10.0.0.7, which is not in clients.trust",
            "clients: {trust: [10.0.0.7/32]}",
        ),
        (
            Unheard("Forwarded", "2001:db8::1", Why.STRANGER),
            "Forwarded from 2001:db8::1, which is not",
            "trust: [2001:db8::1/128]",
        ),
        (
            Unheard("X-Real-IP", "", Why.STRANGER),
            "X-Real-IP through the unix socket, which is not in",
            "clients: {trust: [unix]}",
        ),
        (
            Unheard("Forwarded", "10.0.0.7", Why.OTHER_HEADER),
            "is in clients.trust, but clients.header names another",
            "clients: {header: Forwarded}",
        ),
        (
            Unheard("X-Forwarded-For", "10.0.0.7", Why.UNREADABLE),
            "but what it says there is no address",
            "into X-Forwarded-For",
        ),
    ],
)
def test_what_people_read(unheard: Unheard, text: str, remedy: str) -> None:
    """What is seen, where it comes from and what to write."""
    crowd = Crowd(93, unheard)
    assert crowd.text.startswith("one client makes 93 % of the last 1000 requests, and they carry ")
    assert text in crowd.text
    assert remedy in crowd.remedy
