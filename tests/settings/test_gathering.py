"""Rooms as plans: what gives way to what is written, whose secret is whose, and what backends are asked for. The whole is golden/rooms."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from sidecar.plan import CoverPlan, Plan, RoomPlan, covering
from sidecar.settings.build import build
from sidecar.settings.files import Files
from sidecar.settings.gathering import purchase_s, told_apart
from sidecar.settings.schema import Settings

BACKENDS = {name: {"protocol": "soap", "url": f"http://{name}/x"} for name in ("t", "u", "v")}


def plan_of(folder: Path = Path("/"), timezone: str | None = None, **rooms: Any) -> Plan:
    given = {"backends": BACKENDS, "rooms": rooms} | ({"timezone": timezone} if timezone else {})
    return build(Settings.model_validate(given), Files(folder))


@pytest.mark.parametrize(
    ("room", "draw_s", "idle_s"),
    [
        ({}, 60, 120),
        ({"lobby": "30s"}, 15, 120),
        ({"lobby": "0s"}, 0, 120),
        ({"lobby": "30s", "draw": "10s"}, 10, 120),
        ({"pass": {"total": "1m"}}, 60, 60),
        ({"pass": {"total": "1m", "idle": "30s"}}, 60, 30),
    ],
)
def test_defaults_give_way(room: dict[str, Any], draw_s: float, idle_s: float) -> None:
    """A draw is in the second half of the lobby and a pass ends no later than it ends, where nobody wrote otherwise."""
    (plan,) = plan_of(a={"covers": [{"backend": "t"}], **room}).rooms
    assert (plan.draw_s, plan.pass_idle_s) == (draw_s, idle_s)


def test_the_rooms_clock_comes_before_the_files() -> None:
    """Two rooms of one file may be in two cities."""
    opens = {"covers": [{"backend": "t"}], "opens": "2026-12-01 09:00"}
    one, other = plan_of(timezone="Europe/London", a=opens, b={**opens, "timezone": "America/New_York"}).rooms
    assert (one.timezone, other.timezone) == ("Europe/London", "America/New_York")
    assert one.opens is not None
    assert other.opens == one.opens + 5 * 3600


def test_secrets_from_files(tmp_path: Path) -> None:
    """Without the line break that every editor adds, and shown to nobody."""
    for name in ("shop", "invites"):
        (tmp_path / name).write_text(f"{name}-0123456789abcdef0123456789\n")
    covers = [{"backend": "t"}]
    account = {"from": "assertion", "secret_file": "shop"}
    (room,) = plan_of(tmp_path, a={"covers": covers, "account": account, "invites": {"secret_file": "invites"}}).rooms
    assert room.account.secret == "shop-0123456789abcdef0123456789"
    assert room.invites == "invites-0123456789abcdef0123456789"
    assert "0123456789" not in repr(room)


def test_what_backends_are_asked_for() -> None:
    """The parameters of all covers, each once; the longest window of the rooms before it, the usual one where there is none."""
    plan = plan_of(
        a={"covers": [{"backend": "t", "where": {"i": [1]}}, {"backend": "u"}], "purchase": {"window": "5m"}},
        b={"covers": [{"backend": "t", "where": {"j": [1], "i": [2]}}], "purchase": {"window": "30m"}},
    )
    t, u, v = plan.backends
    assert (t.room_params, u.room_params, v.room_params) == (("i", "j"), (), ())
    assert (t.purchase_s, u.purchase_s, v.purchase_s) == (1800, 300, 1200)
    assert t.wanted_params >= {"i", "j"}
    assert told_apart(plan.rooms, "nowhere") == ()
    assert purchase_s((), "t") == RoomPlan("").purchase_s


def test_a_login_teaches_whose_a_session_is() -> None:
    """Which call signs in, and where the account stands in it: every backend that is covered reads that parameter, too."""
    account = {"from": "session", "login": "LoginEx2", "parameter": "sUID"}
    covers = [{"backend": "t", "where": {"iPerf": [1]}}, {"backend": "u"}]
    plan = plan_of(a={"covers": covers, "account": account})
    assert (plan.rooms[0].account.login, plan.rooms[0].account.parameter) == ("LoginEx2", "sUID")
    assert [told_apart(plan.rooms, name) for name in ("t", "u", "v")] == [("iPerf", "sUID"), ("sUID",), ()]
    assert [backend.room_params for backend in plan.backends] == [("iPerf", "sUID"), ("sUID",), ()]
    (other,) = plan_of(a={"covers": covers, "account": {"from": "parameter", "parameter": "iCustomer"}}).rooms
    assert told_apart([other], "u") == ()


def test_rooms_before_an_operation() -> None:
    """All that may stand before a call, whatever its parameters are."""
    plan = plan_of(
        a={"covers": [{"backend": "t", "operations": ["Reserve*"], "where": {"i": [1]}}]},
        b={"covers": [{"backend": "t", "operations": ["Reserve*"], "where": {"i": [2]}}]},
        c={"covers": [{"backend": "u"}]},
    )
    assert [room.name for room in covering(plan, "t", "ReserveTickets")] == ["a", "b"]
    assert [room.name for room in covering(plan, "u", "Anything")] == ["c"]
    assert covering(plan, "t", "GetSeats") == []
    assert plan.rooms[2].covers == (CoverPlan("u"),)


def test_values_in_one_spelling() -> None:
    """As calls are compared with them."""
    (room,) = plan_of(a={"covers": [{"backend": "t", "where": {"i": ["007", "+7", " A"]}}]}).rooms
    assert room.covers[0].where == (("i", frozenset({"7", "a"})),)
