"""The browser client in real Chromium: its page on one origin, the room on another, a strict policy, several tabs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.browser.lobby import Lobby, Visitor

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser, BrowserContext


@pytest.fixture(scope="module")
def rooms() -> Iterator[Lobby]:
    with Lobby() as lobby:
        yield lobby


@pytest.fixture
def lobby(rooms: Lobby) -> Lobby:
    """The room as it is for its first visitor."""
    rooms.reset()
    return rooms


@pytest.fixture
def context(chromium: Browser) -> Iterator[BrowserContext]:
    """A browser of one person."""
    context = chromium.new_context()
    yield context
    context.close()


def test_two_tabs_are_one_poller_and_the_one_that_is_left_takes_over(context: BrowserContext, lobby: Lobby) -> None:
    """While one tab asks the other does not, and both are told the same; when it is closed the other asks, with the same place."""
    first = Visitor(context, lobby)
    first.until("room.queue")
    second = Visitor(context, lobby)
    second.until("room.queue && asked >= 2")
    before = first.get("asked")
    second.until("asked >= 4")
    assert first.get("asked") == before
    said = second.get("room.envelope.server_time")
    first.until(f"room.envelope.server_time >= {said!r}")  # a moment later: it is told by the other
    assert first.get("asked") == before
    second.page.close()
    first.until(f"asked >= {before + 2}")
    assert (lobby.joins, first.get("room.place"), first.get("heard")) == (1, "p1", ["waiting"])
    assert first.complaints + second.complaints == []


def test_a_pass_is_every_tabs_and_survives_a_reload(context: BrowserContext, lobby: Lobby) -> None:
    """One tab claims, both call with the pass; after a reload it is still there."""
    first, second = Visitor(context, lobby), Visitor(context, lobby)
    second.until("room.queue")
    lobby.word = "called"
    for tab in (first, second):
        tab.until("room.pass")
        assert tab.call("/tickets/json/Reserve", body={"seats": 2}, key=True)["data"] == 2
    first.page.reload()
    first.until("window.room?.queue")
    assert first.call("/tickets/json/Reserve", body={})["state"] == "ok"
    assert lobby.passes == ["", "pass-1", "pass-1", "pass-1"]
    assert lobby.joins == 1
    assert first.complaints + second.complaints == []


def test_offline_and_back(context: BrowserContext, lobby: Lobby) -> None:
    """Without a network calls and room say so; with it the room asks at once, with the place that it had."""
    tab = Visitor(context, lobby)
    tab.until("room.queue")
    context.set_offline(True)
    tab.until("room.envelope.state === 'offline'")
    said = tab.call("/tickets/json/Reserve", body={}, attempts=1)
    assert (said["state"], said["executed"], said["retry"]["how"]) == ("offline", "no", "wait")
    context.set_offline(False)
    tab.until("room.envelope.state === 'ok'")
    assert (lobby.joins, tab.get("room.place")) == (1, "p1")
    assert tab.get("heard.filter((word) => word !== 'failed')") == ["waiting"]


def test_where_storage_and_locks_are_forbidden_it_works_in_memory(context: BrowserContext, lobby: Lobby) -> None:
    """A sandboxed page has an origin that equals no other: it stands in line all the same, and leaves."""
    tab = Visitor(context, lobby, "/boxed")
    assert tab.get("(() => { try { return localStorage } catch (error) { return error.name } })()") == "SecurityError"
    tab.until("room.queue && asked >= 2")
    assert tab.get("room.leave().then((reply) => reply.queue.visitor)") == "left"
    assert tab.get("heard") == ["waiting", "left", "over"]
    assert tab.complaints == []


def test_what_other_origins_say_is_a_state(context: BrowserContext, lobby: Lobby) -> None:
    """The page of a box on the way, an address of somebody else's, a connection that fails: an envelope each, nothing thrown."""
    tab = Visitor(context, lobby)
    broken = tab.call("/Broken", body={})
    assert (broken["state"], broken["status"], broken["executed"]) == ("backend_bad_reply", 502, "unknown")
    assert tab.call("https://stranger.example/x")["state"] == "malformed"
    for wish, executed, how in (("{body: {}}", "unknown", "confirm"), ("{attempts: 1}", "no", "wait")):
        gone = tab.get(
            f"sidecar('https://stranger.example').call('/x', {wish})"
        )  # the page's policy does not let it out
        assert (gone["state"], gone["executed"], gone["retry"]["how"]) == ("unreachable", executed, how)
