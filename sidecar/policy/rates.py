"""Rate limits of one backend: which rules a call falls under, and whether all of them let it go.

Asked by the gate, of a caller who would start a flight. Answers `Go`, perhaps with a moment to wait for (a rule that shapes), or `Stop`:
rate_limited. It looks at every rule before it charges any: a call that one of them refuses costs nothing with the others.
"""

from __future__ import annotations

from enum import StrEnum
from hashlib import blake2b
from math import ceil, inf
from typing import TYPE_CHECKING, Final, NamedTuple

from sidecar.model import Refusal
from sidecar.policy.gcra import MOST, Gcra
from sidecar.policy.structured import quoted

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

# A name that a caller invents is kept as a digest: bounded, and a session key or an account's number is not held in a table.
_DIGEST_BYTES: Final = 12
_NAME_CHARACTERS: Final = 64  # of an operation; longer than any that a contract names
_GRAIN: Final = 6  # decimals of a second that mean anything: the clock's microseconds


class Per(StrEnum):
    """Who has a bound of his own under a rule."""

    CLIENT = "client"
    ACCOUNT = (
        "account"  # what the call says in the first of `params` that it has; one that says nothing counts as its client
    )
    OPERATION = "operation"
    BACKEND = "backend"


class Mode(StrEnum):
    """What becomes of a call above the rate."""

    POLICE = "police"  # it is refused
    SHAPE = "shape"  # it waits for its moment, where that comes in time
    OBSERVE = "observe"  # it goes, and is counted as one that would be refused


class RateRule(NamedTuple):
    """One line of `rate:`: `limit` calls in `period_s`, `burst` of them at once (both at least 1).

    `line` is the pattern of the operation line that it stands under, "" where it holds for the whole backend; under a line, `per: backend`
    is one bound for all of the line's calls. Two rules never share what they have counted.
    """

    per: Per
    limit: int
    period_s: float
    burst: int
    mode: Mode = Mode.POLICE
    line: str = ""
    params: tuple[str, ...] = ()

    def __str__(self) -> str:
        where = f" of {self.line}" if self.line else ""
        by = f" ({', '.join(self.params)})" if self.params else ""
        rest = {Mode.POLICE: "", Mode.SHAPE: ", the rest waits", Mode.OBSERVE: ", observed only"}[self.mode]
        return f"{self.limit} in {self.period_s:g} s per {self.per}{by}{where}, {self.burst} at once{rest}"


class Asked(NamedTuple):
    """A call, as far as rates go. `client` "" is nobody: an answer that is renewed behind callers' backs counts for no client's rate.

    `line` is the pattern of its operation's line; `account` what it says in a rule's parameter; `calls` how many it is (a batch).
    `under_way`: of a purchase that has begun. No client's own rate stops it, nor lets it wait; it is charged while there is any of it. All
    other rules bind it: those of the backend and its operations are what these bear, and an account is whatever a call names, a card
    say: one seat must not buy a thousand tries.
    """

    client: str
    operation: str
    line: str
    account: Callable[[str], str | None]
    calls: int = 1
    under_way: bool = False


class Told(NamedTuple):
    """What a client is told of a rule: how many calls are left to him, and in how many seconds it is one more."""

    name: str
    left: int
    next_s: float


class Go(NamedTuple):
    """It may go: at `not_before` (monotonic seconds), which is now unless a rule that shapes lets it wait."""

    not_before: float
    told: tuple[Told, ...] = ()


class RateView(NamedTuple):
    """One rule as people see it: how many keys it knows, and how many calls it has refused, or would have where it only observes."""

    name: str
    rule: str
    mode: str
    keys: int
    refused: int


class Stop(NamedTuple):
    """It may not, and nothing has been charged."""

    refusal: Refusal
    told: tuple[Told, ...] = ()


class _Ruled:
    """A rule with what it has counted, and what is asked of it at every call made beforehand."""

    __slots__ = ("key", "name", "numbers", "observes", "own", "polices", "refused", "rule", "said", "table")

    def __init__(self, name: str, rule: RateRule, most: int) -> None:
        self.name, self.refused = name, 0
        self.table = Gcra(rule.limit, rule.period_s, rule.burst, most)
        self.take(rule)

    def take(self, rule: RateRule) -> None:
        """Be this rule from now on, but for what was counted."""
        self.rule, self.key = rule, _key_of(rule)
        self.polices, self.observes = rule.mode is Mode.POLICE, rule.mode is Mode.OBSERVE
        self.own = rule.per in (Per.CLIENT, Per.ACCOUNT) and not self.observes
        self.said = f"more than the rate allows: {rule}"
        self.numbers = (("limit", rule.limit), ("period_s", rule.period_s), ("burst", rule.burst))


def _key_of(rule: RateRule) -> Callable[[Asked], str | None]:
    """Return what says under which name a call counts, None where the rule is not about it."""
    match rule.per:
        case Per.BACKEND:
            return lambda _: ""
        case Per.OPERATION:
            return lambda asked: _short(asked.operation)
        case Per.CLIENT:
            return lambda asked: asked.client or None
    params = rule.params

    def account(asked: Asked) -> str | None:
        if asked.client:
            for name in params:
                if said := asked.account(name):
                    return "=" + _digest(said)
        return asked.client or None

    return account


class Rates:
    """The policy of one backend. `most`: keys that each rule knows at a time."""

    __slots__ = ("_by_line", "_most", "_policies", "_ruled")

    def __init__(self, most: int = MOST) -> None:
        self._most = most
        self._ruled: dict[str, _Ruled] = {}
        self._by_line: dict[str, tuple[_Ruled, ...]] = {"": ()}
        self._policies: dict[str, bytes] = {"": b""}

    def __repr__(self) -> str:
        return f"<Rates {' '.join(f'{name}={len(each.table)}' for name, each in self._ruled.items()) or 'none'}>"

    def bound(self, now: float, rules: Iterable[RateRule]) -> None:
        """Take the rules of a plan. One that is as it was but for its numbers goes on with what it has counted."""
        before, self._ruled = self._ruled, {}
        for rule in rules:
            name = _name(rule, self._ruled)
            each = before.get(name)
            if each is None or each.rule.params != rule.params:
                each = _Ruled(name, rule, self._most)
            elif each.rule != rule:
                each.take(rule)
                each.table.bound(now, rule.limit, rule.period_s, rule.burst)
            self._ruled[name] = each
        everywhere = tuple(each for each in self._ruled.values() if not each.rule.line)
        lines = dict.fromkeys(each.rule.line for each in self._ruled.values() if each.rule.line)
        self._by_line = {"": everywhere}
        for line in lines:
            self._by_line[line] = (*everywhere, *(each for each in self._ruled.values() if each.rule.line == line))
        self._policies = {
            line: rate_limit_policy(each.rule for each in ruled).encode() for line, ruled in self._by_line.items()
        }

    def view(self) -> tuple[RateView, ...]:
        """Return each rule, in the order of the settings."""
        return tuple(
            RateView(each.name, str(each.rule), each.rule.mode.value, len(each.table), each.refused)
            for each in self._ruled.values()
        )

    def policy(self, line: str) -> bytes:
        """Return the RateLimit-Policy header of a line's calls, empty where no client has a rate of his own."""
        return self._policies.get(line) or self._policies[""]

    def ask(self, now: float, asked: Asked, within_s: float = 0.0) -> Go | Stop:
        """Let a call go or not, and charge it where it goes. `within_s`: how long it can wait for a rule that shapes.

        Each rule counts it at the moment from which that rule lets it go; it starts when the last of them does. Of several rules that
        refuse the one is named that does so for longest, so that whoever comes back then is not refused by another.
        """
        ruled = self._by_line.get(asked.line) or self._by_line[""]
        start, worst, refuses = now, now, None
        keyed = []
        for each in ruled:
            key = each.key(asked)
            if key is None:
                continue
            due = each.table.due(now, key, asked.calls)
            if each.observes and due > now:
                each.refused += 1  # and is not charged, as it would not be
                continue
            if asked.under_way and due > now and each.rule.per is Per.CLIENT:
                continue
            keyed.append((each, key))
            if due > worst and (each.polices or due - now > within_s):
                worst, refuses = due, each
            start = max(start, due)
        if refuses is not None:
            return self._stop(now, asked, refuses, worst, keyed)
        for each, key in keyed:
            each.table.take(now, key, asked.calls)
        return Go(start, _told(now, keyed))

    def _stop(self, now: float, asked: Asked, refuses: _Ruled, due: float, keyed: list[tuple[_Ruled, str]]) -> Stop:
        refuses.refused += 1
        if due == inf:
            detail = f"{asked.calls} calls in one, which are never let go at once: {refuses.said}; send fewer at a time"
            return Stop(Refusal("too_large", detail=detail, numbers=refuses.numbers), _told(now, keyed))
        refusal = Refusal(
            "rate_limited",
            refuses.rule.per.value,
            refuses.said,
            retry_after_s=max(1, _seconds(due - now)),
            numbers=(*refuses.numbers, ("retry_after_ms", ceil((due - now) * 1000))),
        )
        return Stop(refusal, _told(now, keyed, refuses))


def _told(now: float, keyed: list[tuple[_Ruled, str]], refuses: _Ruled | None = None) -> tuple[Told, ...]:
    """Return what a client is told: of his own rates, and of the one that stops him. What is left of a rate that all share would only
    invite all of them at once.
    """
    return tuple([Told(each.name, *each.table.left(now, key)) for each, key in keyed if each.own or each is refuses])


def rate_limit(told: Iterable[Told]) -> str:
    """Write the RateLimit header: what is left, and for how long there is no more of it, in whole seconds (rounded up, so that Retry-After,
    which is rounded likewise, never names an earlier moment). draft-ietf-httpapi-ratelimit-headers-11 section 4.
    """
    return ", ".join(f"{quoted(name)};r={left};t={_seconds(next_s)}" for name, left, next_s in told)


def rate_limit_policy(rules: Iterable[RateRule]) -> str:
    """Write the RateLimit-Policy header of a client's own rates: as many in as many whole seconds as fill the burst (the same draft,
    section 3). A burst that is filled within a second is said as what a second gives.
    """
    named: dict[str, RateRule] = {}
    for rule in rules:
        named[_name(rule, named)] = rule
    return ", ".join(
        f"{quoted(name)};q={int(round(window_s * rule.limit / rule.period_s, _GRAIN))};w={window_s}"
        for name, rule in named.items()
        if rule.per in (Per.CLIENT, Per.ACCOUNT) and rule.mode is not Mode.OBSERVE
        for window_s in (max(1, _seconds(rule.burst * rule.period_s / rule.limit)),)
    )


def _name(rule: RateRule, taken: Iterable[str]) -> str:
    """Return what a rule is called: whose rate it is, of which operations, and the how manieth of its kind."""
    plain = f"{rule.per} {rule.line}".rstrip()
    same = sum(each == plain or each.startswith(plain + " #") for each in taken)
    return f"{plain} #{same + 1}" if same else plain


def _seconds(duration_s: float) -> int:
    """Return whole seconds, rounded up from whole microseconds: 1.0000000000000002 is one."""
    return ceil(round(duration_s, _GRAIN))


def _short(name: str) -> str:
    return name if len(name) <= _NAME_CHARACTERS else "#" + _digest(name)


def _digest(value: str) -> str:
    return blake2b(value.encode("utf-8", "surrogatepass"), digest_size=_DIGEST_BYTES).hexdigest()
