"""Answers from what is known, where the settings allow it: fresh, or stale and openly so. Stands before coalescing.

Answers cached and stale; what it does not know it asks for further in, once for everybody, and tells each caller in his own dialect. What
cannot be keyed passes as if there were no cache. It never lets a caller who has waited make a second call, and never gives somebody
else's answer: whatever the backend is to see is in the key.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from sidecar.answers import Ready
from sidecar.asking import Asking
from sidecar.forms import kept_form
from sidecar.model import NOBODY, Answer, Exchange, Executed, Grade, Level, Outcome, Refusal
from sidecar.patience import patience_s
from sidecar.policy import cachestatus
from sidecar.policy.freshness import Decision, Fetch, Rest, Rule, Stage, after, decide, if_failed, lifetime
from sidecar.policy.recovery import Pace
from sidecar.tasks import spawn

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from sidecar.answers import Entry
    from sidecar.model import Dialect
    from sidecar.plan import Scope
    from sidecar.ports import World

RESTS: Final = 10_000
"""Keys whose last renewal failed: each is a few hundred bytes, and whoever is pushed out is only tried again sooner."""
BEHIND: Final = 0.1
"""The part of a backend's limit that renewals behind the callers' backs may take: people who wait come first."""
PROBE_S: Final = 1.0
"""How far apart renewals are while the backend is down; one refused connection a second is nothing to a host that comes up."""
_FORMAT: Final = b"1"  # of the key: whoever changes how it is made changes this
# What an old answer is better than. A caller's own doing is none of it, nor a no that the backend means.
_FAILURES: Final = frozenset(
    ("backend_unreachable", "outcome_unknown", "backend_bad_reply", "backend_fault", "overloaded", "internal")
)


def applies(scope: Scope) -> bool:
    """Where the settings let answers be shared."""
    return scope.one_operation.cache is not None


def build(
    scope: Scope, world: World, inner: Callable[[Exchange], Awaitable[Outcome]]
) -> Callable[[Exchange], Awaitable[Outcome]]:
    """Return the stage."""
    cache = _Cache(scope, world, inner)
    return cache.answer if scope.plan.debug is None else cache.answer_unless_spoilt


class _Cache:
    """The stage of one operation line. What it keeps between calls may be lost at any time: which keys rest, which are being renewed."""

    def __init__(self, scope: Scope, world: World, inner: Callable[[Exchange], Awaitable[Outcome]]) -> None:
        self._world, self._inner = world, inner
        self._backend, self._line = scope.one_backend, scope.one_operation
        cache = self._line.cache
        assert cache is not None, "applies says so"
        self._plan = cache
        ages = (cache.ttl_s, cache.swr_s, cache.grace_s, cache.error_s, cache.soft_s)
        self._rule = Rule(*ages, cache.jitter, cache.ahead, cache.strict, cache.negative_s)
        self._pace = Pace(cache.ttl_s)
        self._adapters = {name: world.adapters[self._backend.name, name] for name, _ in self._backend.endpoints}
        self._asking = Asking(scope, world)
        self._rests: OrderedDict[bytes, Rest] = OrderedDict()
        self._probed_at = float("-inf")
        self._unsaid: OrderedDict[tuple[bytes, Dialect], None] = OrderedDict()  # answers that have no form in a dialect
        self._behind: dict[bytes, tuple[asyncio.Task[Outcome], tuple[int, ...]]] = {}
        self._behind_most = max(1, int(self._backend.limit_max * BEHIND))

    # --- the plot

    def answer_unless_spoilt(self, exchange: Exchange) -> Awaitable[Outcome]:
        """Answer, unless his call is to go wrong on purpose: nobody else shall have a part in it."""
        spoilt = exchange.leave is not None and exchange.leave.fault is not None
        return self._alone(exchange, "fault") if spoilt else self.answer(exchange)

    async def answer(self, exchange: Exchange) -> Outcome:
        """Answer from what is known, or ask."""
        if (ready := self._ready(exchange)) is not None:
            return ready
        key = self._asking.key_of(exchange)
        if isinstance(key, str):
            exchange.cache_status = cachestatus.bypassed(key)
            return await self._inner(exchange)
        if self._unsaid and exchange.call is not None and (key, exchange.call.dialect) in self._unsaid:
            return await self._alone(exchange, "dialect")  # he would wait for what cannot be said to him
        entry = exchange.kept = self._world.answers.find(key)
        if entry is None:
            return await self._ask(exchange, key, None)
        decision = self._decide(entry)
        if decision.stage is Stage.PASS:
            exchange.kept = None
            return await self._alone(exchange, "private")
        if decision.fetch is Fetch.BEHIND:
            self._renew(exchange, key)
        if decision.give and decision.fetch in (Fetch.NO, Fetch.BEHIND):
            answer = await self._kept(exchange, entry, decision.reason)
            if decision.stage is Stage.FRESH:
                self._make_ready(exchange, entry, answer)
            return answer
        if decision.fetch is Fetch.FIRST and self._rule.soft_s is not None:
            return await self._soon(exchange, key, entry, self._rule.soft_s)
        return await self._ask(exchange, key, entry)

    def _ready(self, exchange: Exchange) -> Answer | None:
        """Return what an identical caller was told within this second, if it still holds."""
        seen = exchange.seen
        if seen is None or not seen.plain or self._asking.shows_more(exchange):
            return None
        answers = self._world.answers
        entry = answers.find(seen.key)
        if entry is None or (ready := entry.ready) is None:
            return None
        if ready.stamp != answers.stamp or self._world.clock.now() >= ready.until:
            return None
        exchange.kept, exchange.cache_status = entry, ready.cache_status
        return ready.answer

    def _make_ready(self, exchange: Exchange, entry: Entry, answer: Outcome) -> None:
        """Keep a fresh answer as it is written, until the second is over or it is not merely fresh any more.

        Only where it is given byte for byte: what is said in another dialect, or to the caller's own header, is his.
        """
        seen = exchange.seen
        if seen is None or not seen.key or self._plan.origin or not isinstance(answer, Answer) or answer.age_s is None:
            return
        seen.plain = (
            answer.headers is entry.headers and answer.body[0] is entry.body and not self._asking.shows_more(exchange)
        )
        if not seen.plain:
            return
        until = min(entry.at + answer.age_s + 1.0, entry.at + self._lifetime_s(entry) * min(1.0, self._rule.ahead))
        headers, block = kept_form(answer.headers, answer.grade, answer.age_s, exchange.cache_status)
        written = answer._replace(headers=headers, block=block)
        entry.ready = Ready(until, self._world.answers.stamp, written, exchange.cache_status)

    def _ready_to_ask(self, exchange: Exchange, key: bytes) -> None:
        """Have the question itself, where only its key was remembered; whoever follows nobody is about to call the backend."""
        if self._world.flights.find(key) is None:
            self._pace.asked(self._world.clock.now())
        if exchange.question is None:
            question = self._asking.question_of(exchange)
            assert not isinstance(question, str), "it had a key before, under the same contract"
            exchange.question = question

    def _decide(self, entry: Entry) -> Decision:
        world = self._world
        touched = world.answers.generations(entry.backend, entry.tags) != entry.generations
        rest, now = self._rests.get(entry.key), world.clock.now()
        resting = rest is not None and rest.until > now
        level = self._level(entry, now, resting=resting)
        return decide(
            entry.age_s(now),
            self._lifetime_s(entry),
            self._rule_of(entry),
            level,
            touched,
            entry.negative,
            entry.passing,
            entry.hits,
            resting or not self._pace.may(now),
        )

    def _level(self, entry: Entry, now: float, *, resting: bool) -> Level:
        """Return how the backend fares; now and then somebody is sent although it is down, for nobody else may see it come back."""
        level = self._world.pressure.level(entry.backend)
        if level is Level.DOWN:
            self._pace.down(now)
        if level is Level.DOWN and not resting and now >= self._probed_at + PROBE_S:
            self._probed_at = now
            return Level.STRAINED
        return level

    def _lifetime_s(self, entry: Entry) -> float:
        if entry.lifetime_s is not None:
            return entry.lifetime_s
        return lifetime(self._rule.ttl_s, self._rule.jitter, entry.key)

    def _rule_of(self, entry: Entry) -> Rule:
        if entry.stale_s is None:
            return self._rule
        swr_s, error_s = entry.stale_s
        return replace(self._rule, swr_s=swr_s, error_s=error_s, grace_s=min(self._rule.grace_s, error_s))

    async def _ask(self, exchange: Exchange, key: bytes, entry: Entry | None) -> Outcome:
        assert exchange.call is not None, "decode names the call"
        self._ready_to_ask(exchange, key)
        exchange.call = exchange.call._replace(key=key)
        outcome = await self._inner(exchange)
        return await self._told(exchange, outcome, entry)

    async def _told(self, exchange: Exchange, outcome: Outcome, entry: Entry | None) -> Outcome:
        """Tell a caller what a flight brought, or, where it failed and that is allowed, what was known before."""
        self._note(exchange, outcome)
        failed = _failure(outcome)
        if failed is not None and entry is not None and self._allowed_on_failure(entry):
            status = outcome.status if isinstance(outcome, Answer) else None
            exchange.cache_status = cachestatus.stale(status, detail="stale-if-error")
            return await self._kept(exchange, entry, after(failed), status=False)
        forwarded = cachestatus.missed if entry is None else cachestatus.stale
        if exchange.question is None:  # it was one caller's alone, and this is another: he has asked for himself
            exchange.cache_status = forwarded(collapsed=False)
            return outcome
        if not isinstance(outcome, Answer):
            exchange.cache_status = forwarded(collapsed=True if exchange.joined else None)
            return outcome
        if outcome.entry is None:
            return await self._large(exchange, outcome, forwarded(collapsed=True if exchange.joined else None))
        stored = not outcome.private and self._world.answers.find(outcome.entry.key) is outcome.entry
        exchange.cache_status = forwarded(stored=stored, collapsed=True if exchange.joined else None)
        return await self._said(exchange, outcome.entry, outcome.grade, None)

    async def _large(self, exchange: Exchange, answer: Answer, status: bytes) -> Outcome:
        """Tell an answer that is too large to be kept, and so to be said in another dialect than it came in."""
        question, call = exchange.question, exchange.call
        if question is None or call is None or call.dialect is not question.dialect:
            return await self._alone(exchange, "large")
        exchange.cache_status = status
        return answer

    def _allowed_on_failure(self, entry: Entry) -> bool:
        answers = self._world.answers
        touched = answers.generations(entry.backend, entry.tags) != entry.generations
        age_s = entry.age_s(self._world.clock.now())
        return not (entry.passing or entry.negative) and if_failed(
            age_s, self._lifetime_s(entry), self._rule_of(entry), touched
        )

    def _note(self, exchange: Exchange, outcome: Outcome) -> None:
        """Remember which questions the backend fails to answer, so that not everybody who could have the old answer asks again."""
        key, flight = exchange.call.key if exchange.call is not None else None, exchange.flight
        if key is None or flight is None or flight.owner is not exchange.waiter:
            return  # one of those who waited does so: the owner is the one who is left where the others have gone
        if _failure(outcome) is None:
            self._rests.pop(key, None)
            return
        rest = self._rests.setdefault(key, Rest())
        rest.failed(self._world.clock.now(), self._world.chance())
        self._rests.move_to_end(key)
        if len(self._rests) > RESTS:
            self._rests.popitem(last=False)

    async def _soon(self, exchange: Exchange, key: bytes, entry: Entry, soft_s: float) -> Outcome:
        """Wait a little for a new answer, then give the old one; the flight goes on behind."""
        task = self._renew(exchange, key)
        if task is None:
            return await self._kept(exchange, entry, "backend-slow")
        own_s = patience_s(exchange, soft_s) or 0.0  # who says nonsense is told so where he asks for himself
        done, _ = await asyncio.wait((task,), timeout=min(soft_s, own_s))
        if not done:
            return await self._kept(exchange, entry, "backend-slow")
        outcome = task.result()
        if isinstance(outcome, Answer) and outcome.private:
            return await self._alone(exchange, "private")
        return await self._told(exchange, outcome, entry)

    async def _alone(self, exchange: Exchange, why: str) -> Outcome:
        """Pass by: the caller's own bytes, his own answer."""
        assert exchange.call is not None, "decode names the call"
        exchange.call, exchange.question = exchange.call._replace(key=None), None
        exchange.cache_status = cachestatus.bypassed(why)
        return await self._inner(exchange)

    # --- what is said

    async def _kept(self, exchange: Exchange, entry: Entry, reason: str | None, *, status: bool = True) -> Outcome:
        """Give what is kept, marked with its age, and with why where it is not fresh."""
        now = self._world.clock.now()
        age_s = int(entry.age_s(now))
        given = Grade("cached" if reason is None else "stale", Executed.NO, reason)
        grade = entry.grade if entry.negative else given
        if status:
            left_s = self._lifetime_s(entry) - entry.age_s(now)
            exchange.cache_status = cachestatus.hit(left_s, reason)
        return await self._said(exchange, entry, grade, age_s)

    async def _said(self, exchange: Exchange, entry: Entry, grade: Grade, age_s: int | None) -> Outcome:
        assert exchange.call is not None, "decode names the call"
        copies = len(entry.wrapped)
        said = await self._adapters[entry.endpoint].replay(
            entry, exchange.head, exchange.rest, exchange.body, exchange.call.dialect
        )
        if said is None:
            self._unsaid[entry.key, exchange.call.dialect] = None
            if len(self._unsaid) > RESTS:
                self._unsaid.popitem(last=False)
            return await self._alone(exchange, "dialect")
        if len(entry.wrapped) > copies:
            self._weigh(entry)
        headers, body = said
        if headers is not entry.headers:
            headers = (*headers, *(line for line in entry.headers if not line[0].lower().startswith(b"content-")))
        if age_s is not None and self._plan.origin:
            headers = tuple(line for line in headers if line[0].lower() != b"age")  # ours says more
        return Answer(entry.status, "", headers, (body,), len(body), grade, age_s=age_s, entry=entry)

    def _weigh(self, entry: Entry) -> None:
        """Count a copy that was made of an answer for another dialect: it takes room, too."""
        answers = self._world.answers
        if answers.find(entry.key) is entry:
            answers.keep(entry, self._plan.share)

    # --- renewing behind the callers' backs

    def _renew(self, exchange: Exchange, key: bytes) -> asyncio.Task[Outcome] | None:
        """Ask anew on nobody's behalf: once for a key, and never more at once than a part of what the backend can bear."""
        generations = self._world.answers.generations(self._backend.name, exchange.tags)
        if (under_way := self._behind.get(key)) is not None:
            task, since = under_way
            return task if since == generations else None  # it asked before a write went through: it is not this one's
        if len(self._behind) >= self._behind_most:
            return None
        self._ready_to_ask(exchange, key)
        task = spawn(self._renewal(self._ours(exchange, key), key), f"renewal {self._backend.name}")
        self._behind[key] = task, generations
        return task

    async def _renewal(self, ours: Exchange, key: bytes) -> Outcome:
        try:
            outcome = await self._inner(ours)
        except Exception as bug:  # noqa: BLE001 - nobody waits who could be told: it is noted, and the next one asks
            self._world.log.event("bug", where="renewal", operation=self._line.pattern, error=bug)
            outcome = Refusal("internal", executed=Executed.NO)
        finally:
            del self._behind[key]
            if ours.account is not None:
                ours.account.close()
        self._note(ours, outcome)
        return outcome

    def _ours(self, exchange: Exchange, key: bytes) -> Exchange:
        """Return an exchange of nobody's, which asks what a caller's asks."""
        assert exchange.call is not None, "decode names the call"
        now = self._world.clock.now()
        return replace(
            exchange,
            standing=NOBODY,
            client="sidecar",
            received_at=now,
            body_at=now,
            account=self._world.memory.account(self._backend.name),
            done=[],
            call=exchange.call._replace(client="sidecar", key=key),
            flight=None,
            joined=False,
            ours=True,
        )


def _failure(outcome: Outcome) -> str | None:
    """Return the state of an outcome that an old answer is better than; a caller's own doing, or a business answer, is none."""
    if isinstance(outcome, Answer):
        return None if outcome.grade.healthy and outcome.grade.state != "backend_fault" else outcome.grade.state
    return outcome.state if outcome.state in _FAILURES else None


def describe(scope: Scope) -> str:
    """Say for how long answers are kept, and for whom."""
    line = scope.one_operation
    cache = line.cache
    assert cache is not None, "applies says so"
    times = [f"fresh for {cache.ttl_s:g} s"] if not cache.origin else ["fresh for as long as the backend says"]
    for name, seconds in (("renewed behind", cache.swr_s), ("grace", cache.grace_s), ("on failure", cache.error_s)):
        if seconds:
            times.append(f"{name} {seconds:g} s")
    shared = "each identity has its own" if line.shared is None else f"shared: {line.shared.mode}"
    return f"{', '.join(times)}; {shared}"
