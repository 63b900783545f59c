"""Keys: what tells two questions apart, what does not, and who is asked for alone."""

from __future__ import annotations

from dataclasses import replace

import pytest

from sidecar.answers import Fold, Keying, Shared
from sidecar.asking import Asking, keying_of
from sidecar.model import Call, Dialect, Exchange
from sidecar.plan import CachePlan, SharedPlan
from tests.support.world import SAFE, Scene, tickets

pytestmark = pytest.mark.virtual
LINE = replace(SAFE, cache=CachePlan(vary=("Accept-Language",)))


def asking(scene: Scene | None = None, **line: object) -> Asking:
    scene = scene or Scene(tickets(identity_params=("key",)))
    return Asking(replace(scene.scope("GetSeats"), operation=replace(LINE, **line)), scene.world)  # type: ignore[arg-type]  # word by word


def exchange(scene: Scene, body: str = "GetSeats event=1", *lines: tuple[str, str]) -> Exchange:
    made = scene.exchange(body.encode(), headers=(("Content-Type", "text/xml"), *lines))
    made.body = body.encode()
    made.call = Call("tickets", "", "GetSeats", Dialect.SOAP11, ("GetSeats",))
    return made


@pytest.mark.parametrize(
    ("body", "lines", "same"),
    [
        ("GetSeats event=1", (("User-Agent", "x"),), True),
        ("GetSeats event=1", (("X-Api-Key", "x"),), True),
        ("GetSeats event=2", (), False),
        ("GetSeats event=1 key=ada", (), False),
        ("GetSeats event=1", (("Accept-Language", "de"),), False),
        ("GetSeats event=1", (("Accept-Language", ""),), False),
        ("GetSeats event=1", (("Authorization", "Basic a"),), False),
    ],
)
async def test_what_is_in_the_key(body: str, lines: tuple[tuple[str, str], ...], same: bool) -> None:
    """Parameters, identities and declared headers, there or not; nothing else."""
    scene = Scene(tickets(identity_params=("key",)))
    keys = asking(scene)
    one, other = keys.key_of(exchange(scene)), keys.key_of(exchange(scene, body, *lines))
    assert isinstance(one, bytes)
    assert (one == other) is same


async def test_a_rule_makes_another_space() -> None:
    """What was kept under other rules is never given."""
    scene = Scene(tickets(identity_params=("key",)))
    lines = (
        {},
        {"cache": CachePlan(vary=("Accept-Language", "X-Tenant"))},
        {"cache": CachePlan(vary=("Accept-Language",), params=(("event", "int"),))},
        {"cache": CachePlan(vary=("Accept-Language",), origin=True)},
        {"shared": SharedPlan("drop")},
        {"shared": SharedPlan("as", (("key", "a"),))},
        {"shared": SharedPlan("as", (("key", "b"),))},
    )
    keys = {asking(scene, **line).key_of(exchange(scene)) for line in lines}
    assert len(keys) == len(lines)


@pytest.mark.parametrize(
    ("shared", "line", "why"),
    [
        (None, ("Cookie", "a=1"), "cookie"),
        (SharedPlan("open"), ("Authorization", "Basic a"), "identity"),
    ],
)
async def test_who_is_asked_for_alone(shared: SharedPlan | None, line: tuple[str, str], why: str) -> None:
    """Whoever shows what is not in the key."""
    scene = Scene(tickets(identity_params=("key",)))
    assert asking(scene, shared=shared).key_of(exchange(scene, "GetSeats event=1", line)) == why


def test_settings_to_keying() -> None:
    """Only what stands in a parameter stands in for one; a header's value is sent by the stage."""
    line = replace(
        LINE, cache=CachePlan(params=(("x", "lower"),)), shared=SharedPlan("as", (("key", "s"), ("Authorization", "b")))
    )
    assert keying_of(("key",), line) == Keying((("x", Fold.LOWER),), ("key",), Shared.AS, (("key", "s"),))
