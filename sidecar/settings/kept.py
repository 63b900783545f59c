"""Checked settings of what is shared, kept and said in a backend's place, to the plans of it. A part of `build`; it cannot fail.

Names of files are read by whoever hands in `Bodies`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypeAlias

from sidecar import plan as plans

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sidecar.settings.answers import Cache, Fallback, Idempotency
    from sidecar.settings.complaints import Loc

    Bodies: TypeAlias = "Callable[[Loc, str], bytes]"

# What an adapter is told of a body that it makes a reply of.
JSON: Final = "application/json"
XML: Final = "text/xml"


def unread(_loc: Loc, _name: str) -> bytes:
    """Read no file: for whoever asks for nothing that is in one."""
    return b""


def cache_of(cache: Cache | None) -> plans.CachePlan | None:
    """Return how long answers are worth keeping."""
    if cache is None:
        return None
    negative = cache.negative
    return plans.CachePlan(
        ttl_s=cache.ttl,
        swr_s=cache.stale_while_revalidate,
        grace_s=cache.grace,
        error_s=cache.stale_if_error,
        soft_s=cache.soft_timeout,
        jitter=cache.jitter,
        ahead=cache.refresh_ahead,
        tags=tuple(cache.tags),
        strict=cache.consistency == "strict",
        origin=cache.freshness == "origin",
        vary=tuple(dict.fromkeys(name.lower() for name in cache.vary)),
        params=tuple(sorted(cache.params.items())),
        ignore=frozenset(cache.ignore_origin),
        negative_s=negative.ttl if negative is not None else 0.0,
        negative=frozenset(negative.states) if negative is not None else frozenset(),
        public=cache.public,
        browser_s=cache.browser if cache.browser is not None else cache.ttl,
        entry_bytes=cache.max_entry,
        share=cache.share,
        waiters=cache.waiters,
    )


def shared_of(shared: bool | str | dict[str, dict[str, str]] | None) -> plans.SharedPlan | None:
    """Return whose identity asks; true is `open`, as `answers.Shared` calls it."""
    if shared is None:
        return None
    if isinstance(shared, dict):
        return plans.SharedPlan("as", tuple(sorted(shared["as"].items())))
    return plans.SharedPlan("open" if shared is True else str(shared))


def fallbacks_of(pattern: str, rules: Sequence[Fallback], bodies: Bodies) -> tuple[plans.FallbackPlan, ...]:
    """Return what is said in place of failures, in the order in which it is tried."""
    at: Loc = ("operations", pattern, "fallback")
    return tuple(_fallback((*at, index), rule, bodies) for index, rule in enumerate(rules))


def _fallback(at: Loc, rule: Fallback, bodies: Bodies) -> plans.FallbackPlan:
    on = frozenset(rule.on)
    if rule.data is not None:
        return plans.FallbackPlan(on, "data", rule.data.encode(), JSON)
    if rule.body_file is not None:
        return plans.FallbackPlan(on, "body", bodies((*at, "body_file"), rule.body_file), XML)
    if rule.refuse is not None:
        return plans.FallbackPlan(on, "refuse", text=rule.refuse)
    return plans.FallbackPlan(on, "spare" if rule.spare else "stale")


def idempotency_of(rule: Idempotency | None) -> plans.IdempotencyPlan | None:
    """Return how a second purchase is known."""
    if rule is None:
        return None
    usual = plans.IdempotencyPlan()
    source, name = usual.source, usual.name
    if isinstance(rule.key, dict):
        ((source, name),) = rule.key.items()
    return plans.IdempotencyPlan(source, name, rule.required, rule.ttl, rule.derived)
