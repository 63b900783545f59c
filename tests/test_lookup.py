"""What became of a keyed call, by its id: told to whoever shows its key or its identity, and to nobody else."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import orjson
import pytest

from sidecar.lookup import PREFIX, Lookup
from sidecar.model import Answer, Dialect, Executed, Grade, Outcome, Refusal
from sidecar.outcomes import freeze
from sidecar.policy.deeds import key_of, who_is
from sidecar.ports import Deed, DeedState
from tests.support.world import Scene

if TYPE_CHECKING:
    from collections.abc import Sequence

pytestmark = pytest.mark.virtual

KEY = ("Idempotency-Key", '"a1"')
ID = "0" * 32
DONE = Answer(200, "OK", (), (b"<card>4111</card>",), 17, Grade("ok", Executed.YES))


async def desk(outcome: Outcome | bytes | None, *who: bytes) -> tuple[Scene, Lookup]:
    """Return a scene in which one call is known: it runs where `outcome` is None."""
    scene = Scene()
    deed = Deed(
        key=key_of(scene.deeds.secret, "tickets", "a1"),
        id=ID,
        fingerprint=b"f",
        backend="tickets",
        operation="Reserve",
        state=DeedState.RUNNING,
        until=scene.clock.wall() + 60.0,
        who=who_is(scene.deeds.secret, who),
    )
    await scene.deeds.claim(deed)
    if outcome is not None:
        kept = outcome if isinstance(outcome, bytes) else freeze(outcome, Dialect.SOAP11)
        await scene.deeds.settle(replace(deed, state=DeedState.DONE if kept else DeedState.LOST, outcome=kept))
    return scene, Lookup(scene.deeds, {"tickets": ("Authorization",)})


async def look(
    scene: Scene, lookup: Lookup, *headers: tuple[str, str], method: str = "GET", which: str = ID
) -> Outcome:
    lines: Sequence[tuple[str, str]] = headers
    return await lookup(scene.exchange(b"", method=method, target=PREFIX + which, headers=lines))


async def test_a_call_under_way() -> None:
    """Said as such, with where to ask again."""
    told = await look(*await desk(None), KEY)
    assert isinstance(told, Refusal)
    assert (told.state, told.links) == ("in_progress", (("poll", PREFIX + ID),))


async def test_a_call_that_is_done() -> None:
    """Its state, its effect and its status; of what the backend wrote nothing, for that may be anything."""
    told = await look(*await desk(DONE), KEY)
    assert isinstance(told, Answer)
    assert told.grade == Grade("replayed", Executed.YES)
    assert orjson.loads(told.body[0]) == {
        "state": "replayed",
        "category": "ok",
        "executed": "yes",
        "first": {"state": "ok", "reason": None, "status": 200},
        "backend": "tickets",
        "operation": "Reserve",
        "v": 1,
    }
    assert (b"Cache-Control", b"no-store") in told.headers


async def test_a_call_whose_outcome_nobody_knew() -> None:
    """The failure that its caller was told."""
    lost = Refusal("outcome_unknown", "reset", "the connection was closed", Executed.UNKNOWN)
    assert await look(*await desk(lost), KEY) == lost


@pytest.mark.parametrize(("kept", "reason"), [(b"", "cut"), (b"of another version", "untold")])
async def test_a_call_whose_outcome_is_not_there(kept: bytes, reason: str) -> None:
    """It ran when the process ended, or what was kept of it cannot be read: nobody can know."""
    told = await look(*await desk(kept), KEY)
    assert isinstance(told, Refusal)
    assert (told.state, told.reason, told.executed) == ("outcome_unknown", reason, Executed.UNKNOWN)


ADA = b"header Authorization Basic YTpi"


@pytest.mark.parametrize(
    ("headers", "who", "may"),
    [
        ((KEY,), ADA, True),
        ((("Authorization", "Basic YTpi"),), ADA, True),
        ((("Authorization", "Basic YTpi"),), b"", False),
        ((("Authorization", "Basic b3RoZXI="),), ADA, False),
        ((("Idempotency-Key", "a2"),), ADA, False),
        ((("Idempotency-Key", ""),), ADA, False),
        ((), ADA, False),
        ((), b"", False),
    ],
)
async def test_who_may_know(headers: tuple[tuple[str, str], ...], who: bytes, may: bool) -> None:
    """To anybody else there is nothing at that address, not even a no."""
    shown = (who,) if who else ()
    told = await look(*await desk(DONE, *shown), *headers)
    assert isinstance(told, Answer) is may
    if isinstance(told, Refusal):
        assert told == await look(*await desk(DONE, *shown), KEY, which="f" * 32)


async def test_a_part_of_an_identity_is_not_it() -> None:
    """An account that many share, with a session besides: whoever shows the account alone may be any of them."""
    told = await look(*await desk(DONE, b"param session s1", ADA), ("Authorization", "Basic YTpi"))
    assert isinstance(told, Refusal)
    assert told.state == "not_found"


async def test_it_is_read_and_nothing_else() -> None:
    """HEAD is a GET without its body; anything else is told what goes."""
    assert isinstance(await look(*await desk(DONE), KEY, method="HEAD"), Answer)
    refused = await look(*await desk(DONE), KEY, method="POST")
    assert isinstance(refused, Refusal)
    assert (refused.state, refused.allow) == ("method_not_allowed", "GET, HEAD")
