"""What an operator should know of waiting rooms although nothing is wrong: an opening that has passed, a pass that ends before seats
are given up, answers that stay free.

A part of `notes`, and like it it refuses nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sidecar.colours import READABLE, colour, contrast
from sidecar.settings import moments
from sidecar.settings.build import is_glob
from sidecar.settings.complaints import node_at
from sidecar.settings.globs import meet, within
from sidecar.settings.quantities import spoken

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from sidecar.plan import BackendPlan, OperationPlan, Plan, RoomPlan
    from sidecar.settings.complaints import Loc
    from sidecar.settings.schema import Settings
    from sidecar.settings.tree import Block

_PASSED_S: Final = 86_400.0  # an opening stands in the file for the evening and the morning after it
_INVITED: Final = ("fast", "access")


def notes(settings: Settings, plan: Plan, root: Block, now: float) -> Iterator[tuple[str, Loc, str, str]]:
    """Give a warning for everything that is allowed and odd; `now` is in seconds since the epoch."""
    backends = {backend.name: backend for backend in plan.backends}
    for room in plan.rooms:
        at: Loc = ("rooms", room.name)
        yield from _passed(room, at, now)
        yield from _held(room, settings.rooms[room.name].purchase.hold, at)
        yield from _kept(room, backends, at)
        yield from _uninvited(room, root, at)
        yield from _unreadable(room, at)
        if room.remedy is None and room.account.source is not None:
            what = "who is held by account.limit or crowd is not told where to go: there is no remedy"
            yield "W433", (*at, "account"), what, "remedy: an address where people sign in, or whom they can ask"
    if plan.rooms and plan.public_url is None:
        what = "links to the waiting room are relative: a page of another origin, and a SOAP client, cannot follow them"
        yield "W432", ("rooms",), what, "as in public_url: https://api.theatre.example"


def free_lines(backend: BackendPlan, pattern: str) -> Iterator[OperationPlan]:
    """Give the lines with kept answers that can rule an operation of `pattern`."""
    for line in backend.operations:
        if line.cache is not None and (meet(line.pattern, pattern) if is_glob(pattern) else line.matches(pattern)):
            yield line
        if within(pattern, line.pattern):  # the lines below it never get there
            return


def _passed(room: RoomPlan, at: Loc, now: float) -> Iterator[tuple[str, Loc, str, str]]:
    if room.opens is None or now - room.opens <= _PASSED_S or (room.closes is not None and room.closes > now):
        return
    what = f"opened {moments.until(room.opens, now)}, {moments.shown(room.opens, room.timezone)}"
    yield "W430", (*at, "opens"), what, "another day, or take the room out"


def _held(room: RoomPlan, hold_s: float | None, at: Loc) -> Iterator[tuple[str, Loc, str, str]]:
    """Compare with how long the backend holds seats: who has them must be able to pay for them."""
    if hold_s is None:
        return
    if room.purchase_s < hold_s:
        what = (
            f"who has reserved is let through for {spoken(room.purchase_s)} more, and the seats are held for {spoken(hold_s)}: "
            "the last of that time is lost"
        )
        yield "W431", (*at, "purchase", "window"), what, f"at least {spoken(hold_s)} (purchase.hold)"
    if room.pass_total_s < hold_s:
        what = (
            f"a pass ends after {spoken(room.pass_total_s)}, before seats are given up ({spoken(hold_s)}): who has not reserved by "
            "then waits again, and finds those seats gone"
        )
        yield "W431", (*at, "pass", "total"), what, f"at least {spoken(hold_s)} (purchase.hold)"


def _kept(room: RoomPlan, backends: Mapping[str, BackendPlan], at: Loc) -> Iterator[tuple[str, Loc, str, str]]:
    for index, cover in enumerate(room.covers):
        backend = backends[cover.backend]
        lines = [line for pattern in cover.operations for line in free_lines(backend, pattern)]
        if lines:
            named = ", ".join(dict.fromkeys(line.pattern for line in lines))
            what = f"answers of {named} are kept (backends.{backend.name}), and what is kept stays free for all: nobody waits for it"
            yield "W434", (*at, "covers", index, "operations"), what, "name the operations that sell"


def _uninvited(room: RoomPlan, root: Block, at: Loc) -> Iterator[tuple[str, Loc, str, str]]:
    for lane in _INVITED:
        if not room.invites and node_at(root, (*at, "lanes", lane)) is not None:
            what = "nobody can show an invite to this lane: invites has no secret"
            yield "W408", (*at, "lanes", lane), what, "invites: {secret_file: /run/secrets/invites}, or take it out"


def _unreadable(room: RoomPlan, at: Loc) -> Iterator[tuple[str, Loc, str, str]]:
    """Compare the colours of text and background, where both are chosen."""
    theme = dict(room.look.theme)
    if "text" not in theme or "background" not in theme:
        return
    text, background = colour(theme["text"]), colour(theme["background"])
    assert text is not None, "the vocabulary takes colours alone"
    assert background is not None, "as above"
    ratio = contrast(text, background)
    if ratio < READABLE:
        what = (
            f"text on background has a contrast of {ratio:.2f}:1, and people who see badly need {READABLE}:1 (WCAG AA)"
        )
        yield (
            "W435",
            (*at, "page", "theme", "text"),
            what,
            "a darker one on a light background, or a lighter one on a dark",
        )
