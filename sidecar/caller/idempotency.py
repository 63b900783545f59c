"""A second purchase is known by its key: whoever comes again with it is told of the first, and the backend is not asked twice.

Answers replayed, in_progress, key_reused, key_missing, key_unsupported, and outcome_unknown for a call that ran when the process ended.
What certainly did nothing frees its key; what was done, or may have been, is kept before its caller hears of it.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Final, NamedTuple

from sidecar.answers import Entry, Fold, Keying
from sidecar.forms import effect_of
from sidecar.model import Answer, Exchange, Executed, Grade, Outcome, Refusal
from sidecar.outcomes import freeze, thaw, unknown
from sidecar.policy.deeds import LONGEST, digest, given, is_sensitive, key_of, who_is
from sidecar.policy.identities import everything
from sidecar.policy.routing import RESERVED
from sidecar.ports import Deed, DeedState
from sidecar.tasks import spawn

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from sidecar.model import Call, Dialect, Flight
    from sidecar.plan import IdempotencyPlan, Scope
    from sidecar.ports import World

HEADER: Final = "Idempotency-Key"


def build(
    scope: Scope, world: World, inner: Callable[[Exchange], Awaitable[Outcome]]
) -> Callable[[Exchange], Awaitable[Outcome]]:
    """Return the stage; without rules of its own an operation only says that it takes no key."""
    plan = scope.one_operation.idempotency
    if plan is None:
        return partial(_unkeyed, inner)
    return _Keyed(scope, plan, world, inner).answer


def _unkeyed(inner: Callable[[Exchange], Awaitable[Outcome]], exchange: Exchange) -> Awaitable[Outcome]:
    return _unsupported() if HEADER in exchange.head.headers else inner(exchange)


async def _unsupported() -> Outcome:
    detail = "this operation is not made safe to repeat by a key (operations.NAME.idempotency): it was not called"
    return Refusal("key_unsupported", detail=detail)


class _Claim(NamedTuple):
    """What a call would be written down as. `follows`: its caller can ask by an id later, with the key or with the headers he shows."""

    deed: Deed
    follows: bool


class _Keyed:
    """The stage of one operation line."""

    def __init__(
        self, scope: Scope, plan: IdempotencyPlan, world: World, inner: Callable[[Exchange], Awaitable[Outcome]]
    ) -> None:
        self._plan, self._world, self._inner = plan, world, inner
        self._backend, self._line = scope.one_backend, scope.one_operation
        self._sensitive = scope.plan.sensitive
        self._adapters = {name: world.adapters[self._backend.name, name] for name, _ in self._backend.endpoints}

    async def answer(self, exchange: Exchange) -> Outcome:
        """Claim the key, then call; or tell of the call that has it."""
        claim = self._claim(exchange)
        if not isinstance(claim, _Claim):
            return claim if claim is not None else await self._inner(exchange)
        deed = claim.deed
        stands = await self._world.deeds.claim(deed)
        if stands is None:
            return Refusal("overloaded", "deeds", "no room to remember one more call by its key: it was not made")
        if stands.id != deed.id:
            return await self._told(exchange, stands, claim)
        task = spawn(self._carried(exchange, claim), f"deed {self._backend.name}")
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            flight = exchange.flight
            if not task.done() and (flight is None or not flight.sent):
                task.cancel()  # nothing has left: the call leaves the line with its caller, and the key is free
            else:
                self._touch(exchange)  # who hangs up reads next, and it may be done by then
            raise

    def _touch(self, exchange: Exchange) -> None:
        assert exchange.call is not None, "decode names the call"
        call, backend = exchange.call, self._backend
        self._world.answers.touch(backend.name, backend.changes(self._line, call.members, call.parameters))

    # --- what the key is

    def _claim(self, exchange: Exchange) -> _Claim | Refusal | None:
        call = exchange.call
        assert call is not None, "decode names the call"
        key = self._given(exchange, call)
        if isinstance(key, Refusal):
            return key
        secret, backend = self._world.deeds.secret, self._backend
        shown = everything(call.parameters, exchange.head, backend.identity_params, backend.identity_headers)
        who = who_is(secret, shown)
        if key is not None:
            name, ttl_s = key_of(secret, backend.name, key), self._plan.ttl_s
        elif self._plan.derived_s is not None and who:
            name, ttl_s = self._derived(exchange, call, who), self._plan.derived_s
        else:
            return self._missing()
        deed = Deed(
            key=name,
            id=self._world.new_secret(),
            fingerprint=self._fingerprint(exchange, call),
            who=who,
            backend=backend.name,
            operation=call.operation,
            state=DeedState.RUNNING,
            until=self._world.clock.wall() + ttl_s,
        )
        return _Claim(deed, key is not None or not any(map(call.parameters.get, backend.identity_params)))

    def _given(self, exchange: Exchange, call: Call) -> str | Refusal | None:
        plan = self._plan
        if HEADER in exchange.head.headers and (plan.source != "header" or plan.name.lower() != HEADER.lower()):
            return Refusal("key_unsupported", detail=f"this operation takes its key as {plan.source} {plan.name}")
        if plan.source == "header":
            lines = exchange.head.all(plan.name) if plan.name in exchange.head.headers else []
        else:
            value = call.parameters.get(plan.parameter)
            lines = [value] if value else []
        if not lines:
            return None
        return given(lines) or Refusal(
            "malformed", "http", f"{plan.name} is one key of 1 to {LONGEST} printable characters"
        )

    def _missing(self) -> Refusal | None:
        if not self._plan.required:
            return None
        return Refusal(
            "key_missing",
            detail=f"send {self._plan.name} ({self._plan.source}), the same one whenever you repeat the call",
        )

    def _derived(self, exchange: Exchange, call: Call, who: bytes) -> bytes:
        """Return the name of a call without a key: nothing is left out of it, for whoever differs in anything may be another customer."""
        name = self._backend.name.encode()
        return digest(self._world.deeds.secret, b"derived", name, who, call.operation.encode(), *_raw(exchange))

    def _fingerprint(self, exchange: Exchange, call: Call) -> bytes:
        """Return a digest of what is called, over decoded parameters: neither spelling nor anything secret is in it."""
        adapter = self._adapters[exchange.endpoint]
        keying = Keying(alone=True, aside=self._plan.name if self._plan.source == "soap_header" else "")
        asked = adapter.question(exchange.head, exchange.rest, exchange.body, keying)
        if not isinstance(asked, str):
            left_out = sorted(name for name in asked.parameters if self._is_left_out(name))
            keying = replace(keying, params=tuple((name, Fold.IGNORE) for name in left_out))
            asked = adapter.question(exchange.head, exchange.rest, exchange.body, keying)
        what = _raw(exchange) if isinstance(asked, str) else (asked.digest,)
        return digest(self._world.deeds.secret, call.operation.encode(), *what)

    def _is_left_out(self, name: str) -> bool:
        own = self._plan.source == "param" and name == self._plan.name
        return own or name in self._backend.identity_params or is_sensitive(name, self._sensitive)

    # --- the call

    async def _carried(self, exchange: Exchange, claim: _Claim) -> Outcome:
        """Make the call, and keep what came of it before anybody hears of it."""
        deed = claim.deed
        try:
            outcome = await self._inner(exchange)
        except BaseException:
            await asyncio.shield(spawn(self._broken_off(exchange, deed), "deed"))
            raise
        flight = exchange.flight
        self._follow(exchange, deed)
        if flight is None or flight.over or not flight.sent:  # one that has not left is ended with its last waiter
            await self._settle(exchange, deed, outcome)
        if isinstance(outcome, Refusal) and self._effect(outcome) is Executed.UNKNOWN:
            outcome = replace(outcome, links=_poll(deed, claim))
        return outcome

    async def _broken_off(self, exchange: Exchange, deed: Deed) -> None:
        """See to a call whose caller has left, or whose stage has a bug: its flight may still say what came of it."""
        flight = exchange.flight
        if flight is None or not flight.sent:
            await self._world.deeds.release(deed)
            return
        self._follow(exchange, deed)
        if flight.over:
            detail = "the sidecar failed after the first call with this key was sent: find out before you repeat it"
            await self._settle(exchange, deed, Refusal("internal", detail=detail, executed=Executed.UNKNOWN))

    def _follow(self, exchange: Exchange, deed: Deed) -> None:
        """Let whoever asks later be told what becomes of a call whose caller has given up, and the backend has not."""
        flight = exchange.flight
        if flight is not None and flight.sent and (not flight.over or flight.track.ghost is not None):
            flight.ends.append(partial(self._resolve, exchange, deed, flight))

    def _resolve(self, exchange: Exchange, deed: Deed, flight: Flight, outcome: Outcome) -> None:
        del flight
        spawn(self._settle(exchange, deed, outcome), "deed")

    async def _settle(self, exchange: Exchange, deed: Deed, outcome: Outcome) -> None:
        feigned = exchange.flight is not None and exchange.flight.feigned
        if feigned or self._effect(outcome) is Executed.NO:
            await self._world.deeds.release(
                deed
            )  # what was injected is over some time, and the backend knows nothing of the call
            return
        assert exchange.call is not None, "decode names the call"
        kept = _without_words(outcome) if isinstance(outcome, Answer) else outcome
        done = replace(deed, state=DeedState.DONE, outcome=freeze(kept, exchange.call.dialect))
        await self._world.deeds.settle(done)

    def _effect(self, outcome: Outcome) -> Executed:
        return outcome.grade.executed if isinstance(outcome, Answer) else effect_of(outcome, safe=self._line.safe)

    # --- who comes again

    async def _told(self, exchange: Exchange, stands: Deed, claim: _Claim) -> Outcome:
        poll, mine = _poll(stands, claim), claim.deed
        if stands.fingerprint != mine.fingerprint:
            return Refusal("key_reused", detail="this key stands for another call: it was not made")
        if stands.who != mine.who:
            return _told_another(stands)
        if stands.state is DeedState.RUNNING:
            return Refusal("in_progress", detail="the first call with this key is under way", links=poll)
        found = thaw(stands.outcome) if stands.state is DeedState.DONE else None
        if found is None:
            return replace(unknown(stands), links=poll)
        outcome, dialect = found
        if isinstance(outcome, Refusal):
            return replace(outcome, links=poll)
        return await self._again(exchange, outcome, dialect, stands, claim)

    async def _again(
        self, exchange: Exchange, outcome: Answer, dialect: Dialect, stands: Deed, claim: _Claim
    ) -> Outcome:
        assert exchange.call is not None, "decode names the call"
        grade = Grade("replayed", outcome.grade.executed, text=outcome.grade.text)
        entry = Entry(
            key=stands.key,
            backend=stands.backend,
            endpoint=exchange.endpoint,
            operation=stands.operation,
            dialect=dialect,
            at=self._world.clock.now(),
            status=outcome.status,
            headers=outcome.headers,
            body=b"".join(outcome.body),
            grade=grade,
        )
        said = await self._adapters[exchange.endpoint].replay(
            entry, exchange.head, exchange.rest, exchange.body, exchange.call.dialect
        )
        if said is None:
            detail = "the first call with this key was made in another dialect: ask in that one for its answer"
            return Refusal("outcome_unknown", "untold", detail, outcome.grade.executed, links=_poll(stands, claim))
        headers, body = said
        return Answer(outcome.status, "", headers, (body,), len(body), grade)


def _raw(exchange: Exchange) -> tuple[bytes, ...]:
    """Return a call as it was written: an ASMX call stands in path and query, and has no body."""
    return exchange.rest.encode(), exchange.head.query.encode(), exchange.body


def _poll(stands: Deed, claim: _Claim) -> tuple[tuple[str, str], ...]:
    """Return where to ask; nothing where it would never answer, as a GET carries no parameter that says who asks."""
    return (("poll", f"{RESERVED}/operations/{stands.id}"),) if claim.follows else ()


def _told_another(stands: Deed) -> Refusal:
    """Tell whoever shows another identity no outcome; nor that nothing was done, for he may have signed in anew, and would buy again."""
    if stands.state is DeedState.RUNNING:
        return Refusal("in_progress", detail="a call with this key is under way")
    detail = "a call with this key was made by somebody who showed another identity: look it up before you repeat it"
    return Refusal("outcome_unknown", "identity", detail, Executed.UNKNOWN)


def _without_words(outcome: Answer) -> Outcome:
    """Return what is kept of a reply: of a fault that may have come after the deed not its words, which like to quote what was sent."""
    if outcome.grade.executed is Executed.YES:
        return outcome
    detail = "the backend answered the first call with this key with a fault, and may have done it: find out before you repeat it"
    return Refusal("outcome_unknown", "fault", detail, Executed.UNKNOWN)


def describe(scope: Scope) -> str:
    """Say what is taken."""
    plan = scope.one_operation.idempotency
    if plan is None:
        return "takes no key"
    derived = (
        f"; two equal calls of one identity within {plan.derived_s:g} s are one" if plan.derived_s is not None else ""
    )
    return (
        f"a key in {plan.source} {plan.name}{', required' if plan.required else ''}, kept for {plan.ttl_s:g} s{derived}"
    )
