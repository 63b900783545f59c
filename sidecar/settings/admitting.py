"""Contradictions of waiting rooms: moments that are none, calls that two rooms claim, accounts that nobody could know, places that a
restart would lose.

A part of `lint`. What is only odd is said by `evenings`.
"""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING, Final

from sidecar.policy.tags import plain
from sidecar.settings import moments
from sidecar.settings.complaints import dotted
from sidecar.settings.findings import near, written
from sidecar.settings.gathering import DRAW_MOST, zone_of
from sidecar.settings.globs import meet
from sidecar.settings.quantities import spoken
from sidecar.settings.rooms import signing

if TYPE_CHECKING:
    from sidecar.settings.complaints import Loc
    from sidecar.settings.findings import Findings
    from sidecar.settings.looks import Page
    from sidecar.settings.rooms import Account, Cover, Invites, Room
    from sidecar.settings.schema import Settings

MEMORY: Final = "memory"
_OURS: Final = frozenset({"assets"})  # below /.sidecar/rooms/ beside the rooms


def lint(settings: Settings, check: Findings, *, volatile: bool = False) -> None:
    """Add every contradiction to `check`; `volatile`: somebody said that places may be lost with the process."""
    _zone(settings.timezone, ("timezone",), check)
    for name, room in settings.rooms.items():
        at: Loc = ("rooms", name)
        if name.lower() in _OURS:
            check.add("E304", at, "this name is the sidecar's own below /.sidecar/rooms", "choose another", key=True)
        _opening(room, settings.timezone, at, check)
        _durations(room, at, check)
        for index, cover in enumerate(room.covers):
            _cover(settings, cover, (*at, "covers", index), check)
        _account(settings, room, at, check)
        _secret(room.account, (*at, "account"), check)
        _secret(room.invites, (*at, "invites"), check)
        _page(room.page, (*at, "page"), check)
    _claimed_twice(settings, check)
    _survival(settings, check, volatile=volatile)


def _zone(name: str | None, at: Loc, check: Findings) -> bool:
    """Say whether a zone can be asked for its clock; one that is not named can."""
    try:
        if name is not None:
            moments.zone_of(name)
    except moments.MomentError as error:
        _told(error, at, name or "", check)
        return False
    return True


def _told(error: moments.MomentError, at: Loc, text: str, check: Findings) -> None:
    shown, what, remedy = check.shown(at, text), str(error), error.remedy
    if shown != text:  # it came out of the environment, and both repeat it
        what, remedy = what.partition(", did you mean")[0], ""
    code = "E214" if isinstance(error, moments.ZoneError) else "E316"
    check.add(code, at, what.replace("{value}", repr(shown)), remedy)


def _opening(room: Room, timezone: str | None, at: Loc, check: Findings) -> None:
    """Read both moments on their clock; what has no clock, because the zone is wrong, has been told."""
    if not _zone(room.timezone, (*at, "timezone"), check):
        return
    read: dict[str, float] = {}
    for key, text in (("opens", room.opens), ("closes", room.closes)):
        if text is None:
            continue
        try:
            read[key] = moments.read(text, zone_of(room, timezone))
        except moments.ZoneError:
            continue  # the file's, which is told once
        except moments.MomentError as error:
            _told(error, (*at, key), text, check)
    if len(read) > 1 and read["closes"] <= read["opens"]:
        what = f"is not after opens, {check.shown((*at, 'opens'), room.opens or '')}: nobody would be admitted"
        check.add("E301", (*at, "closes"), what, "a later one, or take it out: then it is closed by hand")


def _durations(room: Room, at: Loc, check: Findings) -> None:
    most_s = room.lobby * DRAW_MOST
    if written(room, "draw") and room.draw > most_s:
        what = f"the draw would be made {spoken(room.draw)} before opens, in the first half of a lobby of {spoken(room.lobby)}"
        check.add("E301", (*at, "draw"), what, f"at most {spoken(most_s)}, or a longer lobby")
    given = room.pass_
    if written(given, "idle") and given.idle > given.total:
        what = f"a pass cannot be idle for {spoken(given.idle)}: it ends after {spoken(given.total)} (pass.total)"
        check.add("E306", (*at, "pass", "idle"), what, "lower it, or raise pass.total")
    if room.opens is None:
        for key in ("lobby", "draw"):
            if written(room, key):
                what = (
                    "is counted back from opens, and there is none: opened by hand, the lobby is opened by hand as well"
                )
                check.add("W408", (*at, key), what, "take it out, or write opens")


def _cover(settings: Settings, cover: Cover, at: Loc, check: Findings) -> None:
    if cover.backend in settings.backends or check.there(("backends", cover.backend)):  # a wrong one has been told
        return
    loc = (*at, "backend")
    shown = check.shown(loc, cover.backend)
    hint = near(cover.backend, settings.backends, 0.5) if shown == cover.backend else ""
    remedy = f"backends: {', '.join(settings.backends) or 'none'}"
    check.add("E317", loc, f"there is no backend {shown}{hint}", remedy)


def _login(account: Account, loc: Loc, check: Findings) -> None:
    """What a login teaches about a session has two halves: which call it is, and where in it the account stands."""
    if account.login is not None and account.parameter is None:
        what = f"is missing: which parameter of {account.login} names the account?"
        check.add("E203", (*loc, "parameter"), what, "as in parameter: sUID", key=True)
    if account.login is None and account.parameter is not None:
        what = "has no effect: no operation is named that signs in"
        check.add("E301", (*loc, "parameter"), what, "login: its name, as in LoginEx2; or take it out", key=True)


def _account(settings: Settings, room: Room, at: Loc, check: Findings) -> None:
    account, loc = room.account, (*at, "account")
    if account.source is None:
        for key in ("limit", "parameter", "login", "secret", "secret_file"):
            if written(account, key):
                remedy = "from: session, parameter or assertion; or take it out"
                check.add(
                    "E301", (*loc, key), "has nothing to apply to: nobody asks whose account it is", remedy, key=True
                )
        return
    if account.source == "session" and not _has_sessions(settings, room):
        names = ", ".join(dict.fromkeys(cover.backend for cover in room.covers))
        what = f"no session can be known: {names} has no identity.params"
        check.add("E301", (*loc, "from"), what, "name the session's parameters there, or use parameter or assertion")
    if account.source == "parameter" and account.parameter is None:
        check.add("E203", (*loc, "parameter"), "is missing", "the parameter whose value names the account", key=True)
    if account.source == "session":
        _login(account, loc, check)
    elif account.source != "parameter" and account.parameter is not None:
        check.add("E301", (*loc, "parameter"), f"has no effect: from is {account.source}", "take it out", key=True)
    if account.source != "session" and account.login is not None:
        check.add("E301", (*loc, "login"), f"has no effect: from is {account.source}", "take it out", key=True)
    signed = account.secret is not None or account.secret_file is not None
    if account.source == "assertion" and not signed:
        what = "is missing: without what the shop signs with everybody could name any account"
        check.add(
            "E203", (*loc, "secret_file"), what, 'secret_file: /run/secrets/shop, or secret: "${SHOP_SECRET}"', key=True
        )
    if account.source != "assertion" and signed:
        key = "secret" if account.secret is not None else "secret_file"
        check.add("E301", (*loc, key), f"signs nothing: from is {account.source}", "take it out", key=True)


def _has_sessions(settings: Settings, room: Room) -> bool:
    """Say whether a session can be known at any backend; at one that is missing or wrong it may."""
    found = [settings.backends.get(cover.backend) for cover in room.covers]
    return any(backend is None or backend.identity.params or written(backend.identity, "headers") for backend in found)


def _secret(section: Account | Invites, at: Loc, check: Findings) -> None:
    """Look at what signs, as at the token of admin."""
    if section.secret_file is not None:
        if section.secret is not None:
            check.add("E301", (*at, "secret_file"), f"contradicts {dotted(at)}.secret", "take one out", key=True)
        check.token(
            (*at, "secret_file"),
            section.secret_file,
            signing,
            "32 to 512 printable characters, as openssl rand -hex 32 makes them",
        )
    if section.secret is not None and check.in_clear((*at, "secret")):
        what = "stands in the file for everybody who reads the file"
        remedy = f'as in secret: "${{{str(at[-1]).upper()}_SECRET}}", or secret_file: /run/secrets/{at[-1]}'
        check.add("W402", (*at, "secret"), what, remedy)


def _page(page: Page, at: Loc, check: Findings) -> None:
    if len(set(page.languages)) < len(page.languages):
        check.add("E307", (*at, "languages"), "names a language twice", "keep one of the two")
    for language in page.title if isinstance(page.title, dict) else ():
        if language not in page.languages:
            what = f"is shown to nobody: languages are {', '.join(page.languages)}"
            check.add("W408", (*at, "title", language), what, "add it there, or take it out", key=True)


def _claimed_twice(settings: Settings, check: Findings) -> None:
    """Refuse two rooms before one call: whose pass it needs would be chance."""
    covers = [
        (name, ("rooms", name, "covers", index), cover)
        for name, room in settings.rooms.items()
        for index, cover in enumerate(room.covers)
    ]
    told: set[tuple[str, str]] = set()
    for (one, first, before), (other, second, cover) in combinations(covers, 2):
        if one == other or (one, other) in told or before.backend != cover.backend or _excluded(before, cover):
            continue
        both = next(((a, b) for a in before.operations for b in cover.operations if meet(a.lower(), b.lower())), None)
        if both is not None:
            told.add((one, other))
            shown = both[1] if both[0] == both[1] else f"{both[1]} and {both[0]}"
            where = f"those of rooms.{one} in {check.beside(first, second)}"
            what = f"calls of {shown} at {cover.backend} can be {where}: whose pass do they need?"
            remedy = "other operations, or a parameter in the where of both, with values that differ"
            check.add("E318", second, what, remedy)


def _excluded(one: Cover, other: Cover) -> bool:
    """Say whether no call can have the values of both."""
    both = ((values, other.where[name]) for name, values in one.where.items() if name in other.where)
    return any(set(map(plain, mine)).isdisjoint(map(plain, theirs)) for mine, theirs in both)


def _survival(settings: Settings, check: Findings, *, volatile: bool) -> None:
    """Refuse rooms whose places a restart would lose."""
    if not settings.rooms:
        return
    if settings.keys is None and not check.there(("keys",)):
        what = "places are signed with a key of this process alone: after a restart nobody's place would count"
        check.add(
            "E319", ("rooms",), what, "keys: {file: /var/lib/sidecar/keys}, which is made where it is missing", key=True
        )
    wrong = check.there(("store",)) and not written(settings, "store")  # that has been told
    if settings.store == MEMORY and not volatile and not wrong:
        what = "where everybody stands is kept in memory: a restart would lose the draw, the line and who is admitted"
        remedy = "store: sqlite:/var/lib/sidecar/state.db, or say --volatile where nothing is lost by that"
        check.add("E319", ("store",) if check.there(("store",)) else ("rooms",), what, remedy, key=True)
