"""The evening of an on-sale, looked at beforehand: when the room opens, whether the crowd that is expected fits, how long it will take.

What it says is by the settings, by the limits of this machine and by arithmetic (`crowd`): nobody is asked, and nothing is made.
"""

from __future__ import annotations

import resource
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from sidecar.descriptors import needed
from sidecar.doctor import crowd, host
from sidecar.doctor.report import Finding, Verdict
from sidecar.doctor.web import is_near
from sidecar.durations import about
from sidecar.settings import moments

if TYPE_CHECKING:
    from sidecar.doctor.crowd import Crowd, Evening
    from sidecar.plan import Plan, RoomPlan

_MIB: Final = 1024 * 1024
_DAY_S: Final = 86_400.0
_ROOT: Final = Path("/")
_GONE: Final = frozenset({"tmpfs", "ramfs", "devtmpfs"})  # with the machine
_REMOTE: Final = frozenset(
    {"nfs", "nfs4", "cifs", "smb3", "9p", "fuse.sshfs"}
)  # SQLite's log needs memory that both sides share
_FAST: Final = 5.0  # admissions in a second, below which people think in minutes


def look(plan: Plan, evening: Evening, now: float, root: Path = _ROOT) -> list[Finding]:
    """Return what was found about one room and the crowd that is expected; `now` is in seconds since the epoch."""
    room = next(each for each in plan.rooms if each.name == evening.room)
    expected = crowd.foreseen(room, evening, plan.limits.keep_alive_s)
    found = [
        *_opening(room, now),
        _capacity(room, evening),
        _polls(expected, evening, plan),
        _connections(expected, room, plan),
        _descriptors(expected, plan),
        _memory(expected, evening, plan, root),
        *_sale(expected, evening, room),
        _reached(plan),
        _pages(plan, room),
    ]
    return [Finding(each.check, each.verdict, each.what, each.remedy, f"room {room.name}") for each in found]


def _opening(room: RoomPlan, now: float) -> list[Finding]:
    clock = Finding("clock", Verdict.OK, f"{moments.shown(now, room.timezone)} here, {moments.utc(now)}: is it?")
    if room.opens is None:
        what = "by hand: somebody has to be there, and no lobby gathers before"
        return [Finding("opening", Verdict.WARN, what, "write opens, as in opens: 2026-12-01 09:00"), clock]
    when = f"{moments.shown(room.opens, room.timezone)}, {moments.utc(room.opens)}, {moments.until(room.opens, now)}"
    if room.closes is not None and room.closes <= now:
        return [
            Finding("opening", Verdict.FAIL, f"it has closed, {moments.until(room.closes, now)}", "another day"),
            clock,
        ]
    if room.opens <= now:
        what = f"it has opened, {when}: nobody gathers, and nothing is drawn"
        return [Finding("opening", Verdict.FAIL, what, "another moment, unless it is on"), clock]
    lobby_at = room.opens - room.lobby_s
    lobby = (
        f"the lobby opens {moments.until(lobby_at, now)}"
        if lobby_at > now
        else f"the lobby has been open for {about(now - lobby_at)}"
    )
    found = [Finding("opening", Verdict.OK, f"{when}; {lobby}"), clock]
    if moments.turns(room.opens + _DAY_S, room.opens - _DAY_S, room.timezone):
        what = f"the clocks of {room.timezone} are changed within a day of it: people will come an hour early or late"
        found.append(Finding("opening", Verdict.WARN, what, "say the time with its zone wherever it is announced"))
    elif moments.turns(room.opens, now, room.timezone):
        found.append(Finding("opening", Verdict.OK, f"the clocks of {room.timezone} are changed before that"))
    return found


def _capacity(room: RoomPlan, evening: Evening) -> Finding:
    if evening.visitors > room.capacity:
        what = f"{evening.visitors} are expected, and the room takes {room.capacity}: the others are told overloaded"
        return Finding("capacity", Verdict.FAIL, what, "raise capacity")
    return Finding("capacity", Verdict.OK, f"{evening.visitors} of the {room.capacity} that the room takes")


def _polls(expected: Crowd, evening: Evening, plan: Plan) -> Finding:
    what = f"at most {expected.polls:.0f} in a second while {evening.visitors} wait"
    if expected.last_polls:
        what += f", {expected.last_polls:.0f} between the draw and the opening"
    of = f"one core serves {crowd.POLLS_PER_S} over connections that are kept, {crowd.NEW_POLLS_PER_S} with a new one each"
    remedy = (
        "a longer draw spreads the last poll" if expected.last_polls > expected.polls else "a lower rate or max_active"
    )
    if expected.most_polls > crowd.POLLS_PER_S:
        return Finding("polls", Verdict.FAIL, f"{what}; {of}", remedy)
    if expected.most_polls > crowd.NEW_POLLS_PER_S:
        more = ", and let the server in front speak TLS" if plan.listen.tls is not None else ""
        return Finding("polls", Verdict.WARN, f"{what}; {of}", f"{remedy}; keep connections open{more}")
    return Finding("polls", Verdict.OK, f"{what}; {of}")


def _connections(expected: Crowd, room: RoomPlan, plan: Plan) -> Finding:
    limit, keep_s = plan.limits.connections, plan.limits.keep_alive_s
    what = (
        f"{expected.connections} at once: whoever polls keeps one for {keep_s:g} s (limits.keep_alive), and "
        f"{room.max_active} buy with {room.pass_calls} each; limits.connections is {limit}"
    )
    if expected.connections <= limit:
        return Finding("connections", Verdict.OK, what)
    remedy = f"limits.connections: {expected.connections}, or a shorter limits.keep_alive, or a longer draw"
    if plan.clients.trust:
        shared = "; where the proxy in front shares its connections among its clients, there are fewer"
        return Finding("connections", Verdict.WARN, what + shared, remedy)
    return Finding("connections", Verdict.FAIL, what, remedy)


def _descriptors(expected: Crowd, plan: Plan) -> Finding:
    """Compare with the most that a process may have: whoever polls needs one, calls at a backend another."""
    callers = min(expected.connections, plan.limits.connections)
    wanted = callers + sum(backend.limit_max for backend in plan.hosts) + needed(0)
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    what = f"{wanted} for this crowd"
    if hard == resource.RLIM_INFINITY or hard >= wanted:
        return Finding("descriptors", Verdict.OK, what)
    remedy = f"LimitNOFILE={wanted} in the unit, --ulimit nofile={wanted} for a container"
    return Finding("descriptors", Verdict.FAIL, f"{what}, a process here may have {hard}", remedy)


def _memory(expected: Crowd, evening: Evening, plan: Plan, root: Path) -> Finding:
    have, of = host.available_bytes(root)
    wanted = host.fixed_bytes(plan) + expected.visitor_bytes
    what = (
        f"{wanted // _MIB} MiB with this crowd: {evening.visitors} visitors and their connections are "
        f"{-(-expected.visitor_bytes // _MIB)} MiB of it"
    )
    if have is None:
        return Finding("memory", Verdict.OK, f"{what}; how much there is cannot be seen")
    if wanted > have:
        remedy = "lower limits.buffered, or allow it more: over its limit the kernel kills it"
        return Finding("memory", Verdict.FAIL, f"{what}; {of} {have // _MIB} MiB", remedy)
    return Finding("memory", Verdict.OK, f"{what}; {of} {have // _MIB} MiB")


def _sale(expected: Crowd, evening: Evening, room: RoomPlan) -> list[Finding]:
    fast = expected.admissions >= _FAST
    speed = (
        f"{expected.admissions:.3g} admissions in a second"
        if fast
        else f"{expected.admissions * 60:.3g} admissions in a minute"
    )
    rate = f"{speed} (max_active {room.max_active}, {about(expected.session_s)} each)"
    wait = f"the longest wait is about {about(expected.longest_wait_s)}"
    if expected.orders is None or expected.sale_s is None:
        return [Finding("sale", Verdict.OK, f"{rate}: {wait}; --seats says how long it takes to sell them")]
    orders = f"{evening.seats} seats are {expected.orders:.0f} orders of {evening.per_order:g}"
    what = f"{orders}, at {rate}: sold in about {about(expected.sale_s)}; {wait}"
    found = [Finding("sale", Verdict.OK, what)]
    if room.opens is not None and room.closes is not None and room.closes - room.opens < expected.sale_s:
        short = f"it closes after {about(room.closes - room.opens)}, before that is sold"
        found.append(Finding("sale", Verdict.WARN, short, "a later closes, a higher max_active or rate"))
    empty = evening.visitors - expected.orders
    if empty > 0:
        share = empty / evening.visitors
        told = f"about {empty:.0f} of {evening.visitors} ({share:.0%}) will find nothing left"
        found.append(Finding("sale", Verdict.OK, f"{told}: have the words ready that they are told (sold_out)"))
    return found


def _reached(plan: Plan) -> Finding:
    """Look whether places and passes, which are worth money, cross the network readable."""
    url = plan.public_url
    if url is None:
        what = "public_url is not set: links to the room are relative, and lead nowhere from a page of the shop"
        return Finding("public_url", Verdict.WARN, what, "set it to our address as clients know it")
    parts = urlsplit(url)
    if parts.scheme == "http" and not is_near(parts.hostname or ""):
        what = f"{url} is plain http: a place or a pass that is read on its way is somebody else's"
        return Finding(
            "public_url", Verdict.FAIL, what, "serve it by https; browsers share one poller among tabs only there, too"
        )
    return Finding("public_url", Verdict.OK, url)


def _pages(plan: Plan, room: RoomPlan) -> Finding:
    named = sorted(plan.cors.origins | set(room.look.frame))
    if not named:
        what = "no page of another origin may join, or embed the widget: people need the room's own page"
        return Finding("origins", Verdict.WARN, what, "list the shop in cors.origins, or lead people to the page")
    return Finding("origins", Verdict.OK, f"may join or embed the widget: {', '.join(named)}")
