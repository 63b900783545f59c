"""What a backend itself says of how long its answer is worth keeping: RFC 9111, as a shared cache reads it.

Asked by the cache stage when a reply has come: `of` where the operation's `freshness` is `origin`, `vetoes` where its settings say the
times. A lifetime that the backend does not name is never guessed, and a reply is never kept against its word.

Nothing is ever validated: a call is a POST, and 304 answers GET and HEAD alone (RFC 9110 section 15.4.5). So what may not be given
without asking (no-cache) is not kept.

What callers ask for (Cache-Control in a request) is not read: a fragile backend is not asked because somebody pressed reload.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from email.utils import mktime_tz, parsedate_tz
from typing import TYPE_CHECKING, Final, Literal

from sidecar.policy.directives import DELTA_MAX_S, delta_s, directives, lines, names

if TYPE_CHECKING:
    from sidecar.model import RawHeaders
    from sidecar.policy.directives import Directives
    from sidecar.policy.freshness import Rule

ANY: Final = "*"
# Part of a key or not, these are the same on every shared flight, or missing from it: an answer cannot differ by them. Compressing
# servers name the first on everything (IIS, Apache's mod_deflate).
HARMLESS: Final = frozenset(("accept-encoding", "content-type", "content-length", "soapaction", "host", "origin"))
# Whose rules for caches we know (RFC 9110 section 15), for must-understand. 206 and 304 are parts of an answer.
UNDERSTOOD: Final = frozenset(
    (200, 203, 204, 300, 301, 302, 303, 307, 308, 400, 404, 405, 410, 414, 421, 451, 500, 501, 502, 503, 504)
)
_PARTS: Final = frozenset((206, 304))
_BINDING: Final = ("must-revalidate", "proxy-revalidate", "s-maxage")
_DAY: Final = r"(?:0[1-9]|[12]\d|3[01])"
_MONTH: Final = r"[a-z]{3}"
_TIME: Final = r"(?:[01]\d|2[0-3]):[0-5]\d:(?:[0-5]\d|60)"  # 60: a leap second
# The three forms of RFC 9110 section 5.6.7; anything else, "0" above all, is a time long ago (RFC 9111 section 5.3).
_DATE: Final = re.compile(
    rf"[a-z]{{3}}, {_DAY} {_MONTH} [1-9]\d{{3}} {_TIME} GMT"
    rf"|[a-z]{{6,9}}, {_DAY}-{_MONTH}-\d\d {_TIME} GMT"
    rf"|[a-z]{{3}} {_MONTH} (?:{_DAY}| [1-9]) {_TIME} [1-9]\d{{3}}",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Origin:
    """A backend's word on one reply. Times in seconds.

    `why` says in one word why it may not be kept. `lifetime_s` is counted from the reply's birth, `initial_age_s` before it came;
    None: it names none. `must_revalidate`: never given past it, whatever fails. `swr_s`, `error_s`: its own windows, None: the settings'.
    `vary` are lowered names, or "*". `without` are the lines that must not be given to anybody else, lowered.
    """

    storable: bool
    why: str | None
    lifetime_s: float | None
    initial_age_s: float
    must_revalidate: bool
    swr_s: float | None
    error_s: float | None
    vary: tuple[str, ...] | Literal["*"]
    without: frozenset[bytes] = frozenset()

    def rule(self, rule: Rule) -> Rule:
        """Return the settings' rule as this reply bends it: its lifetime, its windows; none where it must be asked for again."""
        ttl_s = self.lifetime_s or 0.0
        if self.must_revalidate:
            return replace(rule, ttl_s=ttl_s, jitter=0.0, swr_s=0.0, grace_s=0.0, error_s=0.0, soft_s=None)
        return replace(
            rule,
            ttl_s=ttl_s,
            jitter=0.0,
            swr_s=rule.swr_s if self.swr_s is None else self.swr_s,
            error_s=rule.error_s if self.error_s is None else self.error_s,
        )


def of(
    status: int,
    headers: RawHeaders,
    now_wall: float,
    keyed: frozenset[str] = frozenset(),
    ignore: frozenset[str] = frozenset(),
) -> Origin:
    """Read a reply that came at `now_wall` (seconds since the epoch). `keyed` are the request headers in the key, lowered.

    `ignore` are words that do not count (no-store, private, no-cache, max-age, vary), by the operator's leave.
    """
    said = directives(headers)
    vary = _vary(headers)
    why = _why(status, headers, said, vary, keyed, ignore)
    said = said or {}
    lifetime_s = _lifetime_s(headers, said, now_wall)
    return Origin(
        storable=why is None and lifetime_s is not None,
        why=why or ("lifetime" if lifetime_s is None else None),
        lifetime_s=lifetime_s,
        initial_age_s=_initial_age_s(headers, now_wall),
        must_revalidate=any(word in said for word in _BINDING),
        swr_s=_window_s(said, "stale-while-revalidate"),
        error_s=_window_s(said, "stale-if-error"),
        vary=vary,
        without=frozenset().union(*(names(said[word]) or () for word in ("no-cache", "private") if word in said)),
    )


def vetoes(headers: RawHeaders, ignore: frozenset[str], keyed: frozenset[str] = frozenset()) -> str | None:
    """Return the word by which a backend forbids to keep its reply, None where it does not. `ignore` and `keyed` as for `of`."""
    said = directives(headers)
    word = _forbids(headers, said, _vary(headers), keyed, ignore)
    if word is None and said is not None and "max-age" not in ignore and _is_over_at_once(said):
        return "max-age"
    return word


def _why(
    status: int,
    headers: RawHeaders,
    said: Directives | None,
    vary: tuple[str, ...] | Literal["*"],
    keyed: frozenset[str],
    ignore: frozenset[str],
) -> str | None:
    # What it forbids comes first: a reply that is nobody else's is so whatever its status.
    if (word := _forbids(headers, said, vary, keyed, ignore)) is not None:
        return word
    if status < 200 or status in _PARTS:
        return "status"
    if said is not None and "must-understand" in said and status not in UNDERSTOOD:
        return "status"
    return None


def _forbids(
    headers: RawHeaders,
    said: Directives | None,
    vary: tuple[str, ...] | Literal["*"],
    keyed: frozenset[str],
    ignore: frozenset[str],
) -> str | None:
    """Whoever gets somebody else's cookie is somebody else: that one is never waived."""
    if lines(headers, b"set-cookie") or lines(headers, b"set-cookie2"):
        return "set-cookie"
    if said is None:
        return "malformed"
    if "no-store" in said and "no-store" not in ignore:
        return "no-store"
    for word in ("private", "no-cache"):
        if word in said and word not in ignore and names(said[word]) is None:
            return word
    if "vary" not in ignore and (vary == ANY or not keyed.union(HARMLESS).issuperset(vary)):
        return "vary"
    return None


def _is_over_at_once(said: Directives) -> bool:
    word = "s-maxage" if "s-maxage" in said else "max-age"
    return word in said and not delta_s(said[word][0])


def _lifetime_s(headers: RawHeaders, said: Directives, now_wall: float) -> float | None:
    """Return the freshness lifetime (RFC 9111 section 4.2.1): of several the first counts, and what cannot be read is none at all."""
    for word in ("s-maxage", "max-age"):
        if word in said:
            return float(delta_s(said[word][0]) or 0)
    expires = lines(headers, b"expires")
    if not expires:
        return None
    until, date = _wall(expires[0]), _date(headers)
    return 0.0 if until is None else min(max(0.0, until - (now_wall if date is None else date)), float(DELTA_MAX_S))


def _initial_age_s(headers: RawHeaders, now_wall: float) -> float:
    """Return the age on arrival (RFC 9111 section 4.2.3): the larger of what it says and of what its date says, in whole seconds.

    Of several ages the first counts, and what is none is passed over (section 5.1).
    """
    ages = lines(headers, b"age")
    said_s = delta_s(ages[0].partition(",")[0].strip(" \t")) if ages else None
    date = _date(headers)
    return float(max(0, said_s or 0, 0 if date is None else int(now_wall) - int(date)))


def _window_s(said: Directives, word: str) -> float | None:
    seconds = delta_s(said[word][0]) if word in said else None
    return None if seconds is None else float(seconds)


def _date(headers: RawHeaders) -> float | None:
    dates = lines(headers, b"date")
    return _wall(dates[0]) if dates else None


def _wall(text: str) -> float | None:
    parsed = parsedate_tz(text) if _DATE.fullmatch(text.strip(" \t")) else None
    return None if parsed is None else float(mktime_tz(parsed))  # a year and a day that any calendar has


def _vary(headers: RawHeaders) -> tuple[str, ...] | Literal["*"]:
    found = [part.strip(" \t").lower() for line in lines(headers, b"vary") for part in line.split(",")]
    return ANY if ANY in found else tuple(dict.fromkeys(filter(None, found)))
