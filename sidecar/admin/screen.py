"""The status as one screen of text: what is wrong first, and what to do; then who is held up by what.

Made from the facts of `GET /status` alone, for `curl`, `sidecar status` and `sidecar top`. It asks nobody, raises nothing whatever the
facts lack (an older or newer sidecar may have sent them), and lets no control character through to a terminal.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from math import isfinite
from textwrap import wrap
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeAlias
from unicodedata import combining, east_asian_width

from sidecar.durations import rough

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    Facts: TypeAlias = Mapping[str, Any]

WIDTH: Final = 80
HEIGHT: Final = 24
_NARROWEST: Final = 40  # below this nothing is readable anyway
_UNKNOWN: Final = "-"
_CLASSES: Final = 32  # more fit on no line
_SENTENCE: Final = 1000  # characters of one that are looked at: two lines of the widest screen


class Piece(NamedTuple):
    """Some text and how it is meant: "", strong, good, warn, bad, faint."""

    text: str
    tone: str = ""


Line: TypeAlias = "tuple[Piece, ...]"


@dataclass(frozen=True, slots=True)
class _Block:
    """Lines that belong together, and how many facts were not even made into lines. Where the screen is short it keeps at least `least`
    lines, and the last of them says how many are left out.
    """

    lines: list[Line]
    least: int
    left_out: int = 0

    @property
    def size(self) -> int:
        return len(self.lines) + (1 if self.left_out else 0)

    def within(self, room: int) -> list[Line]:
        """Return at most `room` lines."""
        if room >= len(self.lines) and not self.left_out:
            return self.lines
        kept = self.lines[: max(0, room - 1)]  # one goes for the line that says so
        left = len(self.lines) - len(kept) + self.left_out
        more = Piece(f"  ... {left} more lines: --format json has them all", "faint")
        return [*kept, (more,)] if room else []


def plain(lines: Iterable[Line]) -> str:
    """Return the lines without tones, each ended."""
    return "".join("".join(piece.text for piece in line).rstrip() + "\n" for line in lines)


def lines(status: Facts, width: int = WIDTH, height: int = HEIGHT) -> list[Line]:
    """Return the screen, at most `height` lines of at most `width` columns."""
    width = max(width, _NARROWEST)
    # In the order in which people need them. No part is made longer than the screen, however much there is.
    blocks = [
        _Block([_head(status, width)], 1),
        _warnings(status, width, height),
        _Block(_settings(status), 2),
        _backends(status, height),
        _rooms(status, height),
        _signs(status, height),
        _overrides(status, height),
        _refusals(status, height),
        _states(status, height),
    ]
    shown = _fit([block for block in blocks if block.lines], height)
    return [clip(line, width) for line in shown]


def _fit(blocks: list[_Block], height: int) -> list[Line]:
    """Return what the screen has room for: what may be left out goes, then the block that has the most to spare gives, so that none
    swallows the others.
    """
    rooms = [block.size for block in blocks]
    if sum(rooms) > height:
        rooms = [room if block.least else 0 for room, block in zip(rooms, blocks, strict=True)]
    while sum(rooms) > height:
        spare = [room - block.least for room, block in zip(rooms, blocks, strict=True)]
        widest = spare.index(max(spare))
        if spare[widest] <= 0:
            break
        rooms[widest] -= 1
    shown = [lines for block, room in zip(blocks, rooms, strict=True) if (lines := block.within(room))]
    gaps = sum(map(len, shown)) + len(shown) - 1 <= height
    found: list[Line] = []
    for lines in shown:
        found += [(), *lines] if found and gaps else lines
    return found[:height]


def _head(status: Facts, width: int) -> Line:
    going = "draining" if status.get("draining") else "ready" if status.get("ready") else "not ready"
    left = (
        Piece(f"sidecar {_text(status.get('version'))}", "strong"),
        Piece("  "),
        Piece(going, "good" if going == "ready" else "warn"),
        Piece(f"  up {_rough(status.get('uptime_s'))}  pid {_text(status.get('pid'))}"),
    )
    at = _text(status.get("server_time")).replace("T", " ")
    at = f"{at[:19]}Z" if at.endswith("Z") else at
    gap = width - sum(_cells(piece.text) for piece in left) - len(at)
    return (*left, Piece(" " * max(2, gap)), Piece(at, "faint"))


def _warnings(status: Facts, width: int, most: int) -> _Block:
    found: list[Line] = []
    warnings = sorted(_list(status, "warnings"), key=lambda each: each.get("severity") != "error")
    for each in warnings[:most]:
        bad = each.get("severity") == "error"
        since = each.get("since")
        at = f" (since {_clock(since)})" if since else ""
        label = Piece("ERROR    ", "bad") if bad else Piece("WARNING  ", "warn")
        for line in _wrapped(f"{_text(each.get('text'))}{at}", width):
            found.append((label, Piece(line, "strong")))
            label = Piece(" " * len(label.text))
        remedy = "; ".join(_text(part) for part in (each.get("remedy"), each.get("more")) if part)
        found += [(Piece(" " * len(label.text)), Piece(line)) for line in _wrapped(remedy, width)]
    return _Block(found, 2, len(warnings[most:]))


def _wrapped(text: str, width: int) -> list[str]:
    """Return a sentence beside its label, on two lines at most."""
    return wrap(text[:_SENTENCE], width - 9, max_lines=2, placeholder=" ...", break_on_hyphens=False)


def _settings(status: Facts) -> list[Line]:
    config, listeners = _dict(status, "config"), _dict(status, "listeners")
    connections, buffered = _dict(status, "connections"), _dict(status, "buffered")
    loaded = _ago(status, config.get("loaded_at"))
    differs = Piece(", the files differ", "warn") if config.get("differs_from_disk") else Piece("")
    where = [*_strings(listeners, "public"), *(f"admin {url}" for url in _strings(listeners, "admin"))]
    where += [f"metrics {url}" for url in _strings(listeners, "metrics")]
    return [
        (
            Piece("settings "),
            Piece(f"{_text(config.get('id'))} loaded {loaded}"),
            differs,
            Piece(f": {_text(config.get('file'))}"),
        ),
        _reload(status, config.get("last_reload")),
        (
            Piece("holds    "),
            Piece(
                f"{_text(connections.get('open'))} connections ({_text(connections.get('idle'))} idle) of "
                f"{_text(connections.get('limit'))}; {_size(buffered.get('bytes'))} of "
                f"{_size(buffered.get('limit_bytes'))} buffered{_kept(_dict(status, 'kept'))}"
            ),
        ),
        (Piece("listens  "), Piece(", ".join(where) or _UNKNOWN)),
    ]


def _kept(kept: Facts) -> str:
    """Return what is kept of answers; nothing where no operation's are."""
    if not kept.get("limit_bytes"):
        return ""
    count, held = _text(kept.get("answers")), _size(kept.get("bytes"))
    return f"; {count} answers kept ({held} of {_size(kept.get('limit_bytes'))})"


def _reload(status: Facts, last: Any) -> Line:
    if not isinstance(last, dict):
        return Piece("reload   "), Piece("none since the start")
    by = " ".join(_text(part) for part in (last.get("by"), last.get("actor")) if part)
    errors = _list(last, "errors")
    went = Piece("ok", "good") if last.get("ok") else Piece("FAILED", "bad")
    said = f" {_ago(status, last.get('at'))}, by {by or _UNKNOWN}"
    if errors:
        first = errors[0]
        place = f"{_text(first.get('file'))}:{_text(first.get('line'))}"
        said += f"; {len(errors)} error{'s' if len(errors) > 1 else ''}, {place} {_text(first.get('key'))}"
    return Piece("reload   "), went, Piece(said)


_TONES: Final = {"ok": "good", "strained": "warn", "down": "bad"}
_RANKS: Final = {"down": 0, "strained": 1, "ok": 2}


def _backends(status: Facts, most: int) -> _Block:
    title = f"{'BACKEND':<16} {'PRESSURE':<9}{'LIMIT':>8}{'IN FLIGHT':>10}{'GHOSTS':>7}{'QUEUE':>9}{'/S':>7}{'P50MS':>7}{'P95':>6}"
    found: list[Line] = [(Piece(title, "faint"),)]
    backends = sorted(_list(status, "backends"), key=lambda each: _RANKS.get(str(each.get("pressure")), 0))
    for each in backends[:most]:
        pressure, limit, usual = _text(each.get("pressure")), each.get("limit"), _usual(each)
        shown = _text(limit) if limit == usual else f"{_text(limit)} ({_text(usual)})"
        queue = f"{_text(each.get('queued'))}/{_text(each.get('queue_size'))}"
        found.append(
            (
                Piece(f"{_short(_text(each.get('name')), 16):<16} ", "strong"),
                Piece(f"{pressure:<9}", _TONES.get(pressure, "warn")),
                Piece(f"{shown:>8}", "" if limit == usual else "warn"),
                Piece(f"{_text(each.get('in_flight')):>10}"),
                Piece(f"{_text(each.get('ghosts')):>7}", "warn" if each.get("ghosts") else ""),
                Piece(f"{queue:>9}", "warn" if each.get("queued") else ""),
                Piece(f"{_number(each.get('calls_per_s'), 1):>7}"),
                Piece(f"{_number(each.get('backend_ms_p50'), 0):>7}{_number(each.get('backend_ms_p95'), 0):>6}"),
            )
        )
        found += _line(status, each)
        last = each.get("last_failure")
        if isinstance(last, dict) and pressure != "ok":
            reason = f" ({_text(last.get('reason'))})" if last.get("reason") else ""
            said = f"  last failure: {_text(last.get('state'))}{reason} {_ago(status, last.get('at'))}"
            found.append((Piece(said, "bad"),))
    return _Block(found if backends else [], 3, len(backends[most:]))


def _usual(backend: Facts) -> Any:
    """Return the limit that holds unless somebody says another one by hand: that of the settings, or what is learnt."""
    limiter = _dict(backend, "limiter")
    return limiter.get("now") if limiter.get("how") == "adaptive" else backend.get("limit_configured")


def _line(status: Facts, backend: Facts) -> list[Line]:
    """Return how the limit comes about and who waits; nothing where it is a number and nobody does."""
    limiter, said = _dict(backend, "limiter"), []
    if limiter.get("how") == "adaptive":
        since = f" {_ago(status, limiter.get('since'))}" if limiter.get("since") else ""
        said.append(
            f"learnt in {_text(limiter.get('min'))}..{_text(limiter.get('max'))}: {_text(limiter.get('why'))}{since}"
        )
    classes = [each for each in _list(backend, "classes")[:_CLASSES] if each.get("queued")]
    if classes:
        waits = (
            f"{_text(each.get('class'))} {_text(each.get('queued'))} ({_rough(each.get('eta_s'))})" for each in classes
        )
        said.append(f"in line: {', '.join(waits)}")
    return [(Piece(f"  {'; '.join(said)}"),)] if said else []


def _rooms(status: Facts, most: int) -> _Block:
    """Return how waiting rooms stand, a line each; who gets in, and how many wait for it."""
    found: list[Line] = [(Piece("ROOMS", "faint"),)]
    rooms = _list(status, "rooms")
    for each in rooms[:most]:
        state, hand = _text(each.get("state")), " by hand" if each.get("by_hand") else ""
        numbers = f"{_text(each.get('active'))}/{_text(each.get('target'))} in, {_text(each.get('called'))} called"
        waits = (
            f"{_text(each.get('waiting'))} wait of {_text(each.get('joined'))}, {_text(each.get('pace_per_min'))}/min"
        )
        opens = f", opens {_clock(each.get('opens_at'))}" if state in ("scheduled", "lobby", "drawing") else ""
        name = Piece(f"  {_short(_text(each.get('name')), 16):<16} ", "strong")
        tone = "good" if state == "open" else "warn"
        found.append((name, Piece(f"{state}{hand}", tone), Piece(f"{opens}  {numbers}; {waits}")))
    return _Block(found if rooms else [], 2, len(rooms[most:]))


def _signs(status: Facts, most: int) -> _Block:
    """Return what is paused, and what is said to people."""
    found: list[Line] = [(Piece("PAUSED, SAID", "faint"),)]
    pauses = _list(status, "pauses")
    for each in pauses[:most]:
        scope = f" ({_text(each.get('scope'))})" if each.get("scope") else ""
        texts = _dict(each, "texts")
        said = f"  {next(iter(texts))}: {_text(next(iter(texts.values())))}" if texts else ""
        tone = "bad" if each.get("kind") == "pause" else "warn"
        what = f"  {_text(each.get('kind'))} {_text(each.get('target'))}{scope}"
        by = f"{_text(each.get('actor'))}: {_text(each.get('reason'))}"
        found.append(
            (Piece(what, tone), Piece(f"  since {_clock(each.get('since'))}, {_until(each)}  {by}{_text(said)}"))
        )
    return _Block(found if pauses else [], 2, len(pauses[most:]))


def _until(sign: Facts) -> str:
    if sign.get("until"):
        return f"ends in {_rough(sign.get('left_s'))} ({_clock(sign.get('until'))})"
    return f"no end, said every {_rough(sign.get('remind_s'))}"


def _overrides(status: Facts, most: int) -> _Block:
    found: list[Line] = [(Piece("CHANGED BY HAND", "faint"),)]
    overrides = _list(status, "overrides")
    for each in overrides[:most]:
        what = f"{_text(each.get('noun'))} {_text(each.get('backend'))} {_text(each.get('value'))}{_instead(each)}"
        ends = f"  ends in {_rough(each.get('left_s'))} ({_clock(each.get('until'))})"
        found.append(
            (Piece(f"  {what}", "warn"), Piece(f"{ends}  {_text(each.get('actor'))}: {_text(each.get('reason'))}"))
        )
    return _Block(found if overrides else [], 2, len(overrides[most:]))


def _instead(override: Facts) -> str:
    """Return in place of what it holds; of a fault how often it has hit, for nothing stood there before."""
    hits = override.get("hits")
    return f" (was {_text(override.get('was'))})" if hits is None else f" ({_text(hits)} hit)"


def _refusals(status: Facts, most: int) -> _Block:
    refusals = _dict(status, "refusals")
    title = f"REFUSED in the last {_rough(refusals.get('window_s'))}: "
    found: list[Line] = [(Piece(title, "faint"), Piece(_text(refusals.get("total")), "strong"))]
    by = sorted(_list(refusals, "by"), key=lambda each: -_count(each))
    for each in by[:most]:
        where = _text(each.get("backend") or "(no backend)")
        said = f"  {_short(where, 18):<18} {_text(each.get('state')):<22} {_text(each.get('mechanism')):<14}"
        found.append((Piece(f"{said} {_count(each):>8}"), Piece(f"  {_ago(status, each.get('last_at'))}", "faint")))
    return _Block(found if refusals else [], 2, len(by[most:]))


def _states(status: Facts, most: int) -> _Block:
    """Return what was answered; it may be left out, for what went wrong stands above."""
    states = _dict(status, "states")
    said: dict[str, list[Facts]] = {}
    for each in _list(states, "by"):
        said.setdefault(_text(each.get("backend") or "(no backend)"), []).append(each)
    title = Piece(f"ANSWERED in the last {_rough(states.get('window_s'))}", "faint")
    found: list[Line] = [(title,)]
    for name, counts in list(said.items())[:most]:
        listed = ", ".join(f"{_text(each.get('state'))} {_count(each)}" for each in counts)
        found.append((Piece(f"  {name}: {listed}"),))
    return _Block(found if said else [], 0, len(said) - most if len(said) > most else 0)


# How one fact is written


def _list(facts: Facts, key: str) -> list[Facts]:
    found = facts.get(key)
    return [each for each in found if isinstance(each, dict)] if isinstance(found, list) else []


def _dict(facts: Facts, key: str) -> Facts:
    found = facts.get(key)
    return found if isinstance(found, dict) else {}


def _strings(facts: Facts, key: str) -> list[str]:
    found = facts.get(key)
    return [_text(each) for each in found] if isinstance(found, list) else []


def _text(value: Any) -> str:
    """Return a value as text that a terminal may have: a name or a reason with an escape sequence in it stays harmless."""
    return _UNKNOWN if value is None else printable(str(value))


def printable(text: str) -> str:
    """Return a text as a terminal may have it."""
    return "".join(each if each.isprintable() else "?" for each in text)


def _number(value: Any, decimals: int) -> str:
    return f"{value:.{decimals}f}" if isinstance(value, (int, float)) else _UNKNOWN


def _count(facts: Facts) -> int:
    found = facts.get("count")
    return found if isinstance(found, int) else 0


def _size(value: Any) -> str:
    if not isinstance(value, (int, float)):
        return _UNKNOWN
    for unit, size in (("GiB", 1024**3), ("MiB", 1024**2), ("KiB", 1024)):
        if value >= size:
            return f"{value / size:.3g} {unit}"
    return f"{value:.0f} B"


def _rough(value: Any) -> str:
    return rough(value) if isinstance(value, (int, float)) and isfinite(value) else _UNKNOWN


def _instant(value: Any) -> datetime | None:
    try:
        return datetime.fromisoformat(str(value))
    except ValueError:
        return None


def _ago(status: Facts, at: Any) -> str:
    """Return how long ago by the sidecar's own clock: this machine's may be another."""
    then, now = _instant(at), _instant(status.get("server_time"))
    if then is None or now is None or (then.tzinfo is None) is not (now.tzinfo is None):
        return _text(at)
    return f"{rough((now - then).total_seconds())} ago"


def _clock(at: Any) -> str:
    """Return the time of day of an instant in UTC, as the head of the screen is."""
    then = _instant(at)
    return _text(at) if then is None else f"{then:%H:%M:%S}{'Z' if then.tzinfo is not None else ''}"


def _cells(text: str) -> int:
    """Return how many columns a terminal takes for it."""
    return sum(0 if combining(each) else 2 if east_asian_width(each) in "WF" else 1 for each in text)


def _short(text: str, width: int) -> str:
    return text if _cells(text) <= width else f"{_cut(text, width - 3)}..."


def _cut(text: str, width: int) -> str:
    taken, cells = "", 0
    for each in text:
        cells += _cells(each)
        if cells > width:
            break
        taken += each
    return taken


def clip(line: Line, width: int) -> Line:
    """Cut a line to the screen: one that wraps would push the next ones off it."""
    left, kept = width, []
    for piece in line:
        if _cells(piece.text) > left:
            kept.append(Piece(_short(piece.text, left) if left > 3 else _cut(piece.text, left), piece.tone))
            break
        kept.append(piece)
        left -= _cells(piece.text)
    return tuple(kept)
