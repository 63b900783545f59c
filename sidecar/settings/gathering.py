"""Checked rooms to their plans: moments become seconds, shares of the lobby give way to what is written, secrets are read.

A part of `build`, and like it it cannot fail. What rooms ask of backends, parameters to read and how long a purchase may take, is worked
out here, too.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sidecar import plan as plans
from sidecar.policy.tags import plain
from sidecar.settings import moments
from sidecar.settings.findings import written
from sidecar.settings.looks import titles
from sidecar.settings.protection import parted

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sidecar.settings.complaints import Loc
    from sidecar.settings.files import Files
    from sidecar.settings.looks import Page
    from sidecar.settings.rooms import Account, Invites, Room
    from sidecar.settings.schema import Settings

DRAW_MOST: Final = 0.5  # of the lobby: who comes in its second half still has half of it to be drawn


def rooms_of(settings: Settings, files: Files) -> tuple[plans.RoomPlan, ...]:
    """Return the plans of all rooms."""
    return tuple(_room(name, room, settings.timezone, files) for name, room in settings.rooms.items())


def told_apart(rooms: Iterable[plans.RoomPlan], backend: str) -> tuple[str, ...]:
    """Return the parameters by which rooms tell a backend's calls apart, and whom a login there lets in."""
    covers = [(room, cover) for room in rooms for cover in room.covers if cover.backend == backend]
    where = [name for _, cover in covers for name, _ in cover.where]
    return tuple(dict.fromkeys([*where, *(room.account.parameter for room, _ in covers if room.account.login)]))


def purchase_s(rooms: Iterable[plans.RoomPlan], backend: str) -> float:
    """Return the longest that a purchase at a backend may take, in seconds."""
    before = (room.purchase_s for room in rooms if any(cover.backend == backend for cover in room.covers))
    return max(before, default=plans.RoomPlan("").purchase_s)


def zone_of(room: Room, timezone: str | None) -> str | None:
    """Return whose clock a room's moments are on; `timezone` is the file's."""
    return room.timezone if room.timezone is not None else timezone


def draw_s(room: Room) -> float:
    """Return how long before it opens the draw is made: a default gives way to a short lobby."""
    return room.draw if written(room, "draw") else min(room.draw, room.lobby * DRAW_MOST)


def _room(name: str, room: Room, timezone: str | None, files: Files) -> plans.RoomPlan:
    at, zone, given = ("rooms", name), zone_of(room, timezone), room.pass_
    idle_s = given.idle if written(given, "idle") else min(given.idle, given.total)
    return plans.RoomPlan(
        name,
        covers=tuple(
            plans.CoverPlan(
                cover.backend,
                tuple(dict.fromkeys(cover.operations)),
                tuple((param, frozenset(map(plain, values))) for param, values in cover.where.items()),
            )
            for cover in room.covers
        ),
        opens=None if room.opens is None else moments.read(room.opens, zone),
        closes=None if room.closes is None else moments.read(room.closes, zone),
        timezone=zone,
        lobby_s=room.lobby,
        draw_s=draw_s(room),
        max_active=room.max_active,
        rate=None if room.rate is None else parted(room.rate),
        claim_s=room.claim,
        pass_idle_s=idle_s,
        pass_total_s=given.total,
        pass_calls=given.calls,
        pass_rate=parted(given.rate),
        purchase_s=room.purchase.window,
        account=_account(room.account, at, files),
        per_address=room.crowd.per_address,
        remedy=room.remedy,
        lanes=tuple((lane, getattr(room.lanes, lane)) for lane in type(room.lanes).model_fields),
        invites=_secret(room.invites, (*at, "invites"), files),
        capacity=room.capacity,
        look=_look(room.page),
    )


def _account(account: Account, at: Loc, files: Files) -> plans.AccountPlan:
    secret = _secret(account, (*at, "account"), files)
    return plans.AccountPlan(account.source, account.parameter or "", secret, account.limit, account.login or "")


def _secret(section: Account | Invites, at: Loc, files: Files) -> str:
    """Return what signs; the file was read by lint, which refuses one that holds none."""
    if section.secret_file is None:
        return section.secret or ""
    return files.text((*at, "secret_file"), section.secret_file).strip()


def _look(page: Page) -> plans.RoomLook:
    theme = page.theme
    chosen = ((name, getattr(theme, name)) for name in type(theme).model_fields)
    return plans.RoomLook(
        title=titles(page.title),
        languages=tuple(dict.fromkeys(page.languages)),
        theme=tuple((name, value) for name, value in chosen if value is not None),
        back=page.back,
        frame=tuple(page.frame),
    )
