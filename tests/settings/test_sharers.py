"""Who shares answers with whom, in words: every clause, and that each says what the plan does."""

from __future__ import annotations

from pathlib import Path

import pytest

from sidecar.settings.load import load_text
from sidecar.settings.sharers import NOBODY, clauses


def said(rest: str, identity: str = "", safe: str = "safe: true, ") -> str:
    source = f"backends: {{t: {{protocol: soap, urls: [http://h/x, http://i/x], {identity}operations: {{Get: {{{safe}{rest}}}}}}}}}"
    backend = load_text(source, "x.yaml", Path("/"), {}).backends[0]
    return clauses(backend, backend.operation("Get"))


KEY = "identity: {params: [sKey]}, "


@pytest.mark.parametrize(
    ("rest", "identity", "text"),
    [
        ("cache: {ttl: 30s}", "identity: {params: [sKey], headers: []}, ",
         "each identity (sKey) has its own answers, and who shows none shares with those who show none; it is kept for 30s"),
        ("cache: {ttl: 30s}", "identity: {headers: []}, ", "everybody who asks the same shares one answer; it is kept for 30s"),
        ("cache: {ttl: 30s}, shared: true", KEY, "everybody who asks the same shares one answer; it is kept for 30s"),
        ("cache: {ttl: 1s}, shared: {as: {sKey: secret}}", KEY,
         "everybody who asks the same shares one answer, asked with the service's own sKey in place of the caller's; it is kept for 1s"),
        ("cache: {ttl: 30s}, shared: drop", KEY,
         "everybody who asks the same shares one answer, asked without sKey or Authorization; it is kept for 30s"),
        ("cache: {ttl: 30s}, shared: leader", KEY,
         "everybody who asks the same shares one answer, asked with the sKey or Authorization of whoever asks first; it is kept for 30s"),
    ],
)  # fmt: skip
def test_who_shares(rest: str, identity: str, text: str) -> None:
    """Whose identity asks, and for how long."""
    assert said(rest, identity) == text


@pytest.mark.parametrize(
    ("rest", "text"),
    [
        ("cache: {ttl: 30s, stale_while_revalidate: 1m, grace: 1h, stale_if_error: 2h}",
         "kept for 30s, 1m more while it is renewed, 1h more while the backend is strained or down, 2h more in place of a failure"),
        ("cache: {ttl: 0s}", "nothing is kept, only calls in flight are joined"),
        ("cache: {ttl: 0s, freshness: origin}", "kept for as long as the backend says, where it says nothing for 0s"),
        ("cache: {ttl: 30s, vary: [Accept-Language, X-A]}", "the headers accept-language and x-a count"),
        ("cache: {ttl: 30s, params: {a: ignore, b: int}}", "a does not count"),
        ("cache: {ttl: 30s, params: {a: ignore, b: ignore}}", "a and b do not count"),
        ("cache: {ttl: 30s, negative: {ttl: 2s, states: [sold_out]}}", "a no (sold_out) is kept for 2s"),
        ("cache: {ttl: 1s}, fallback: [{on: [overloaded], stale: true}, {on: [overloaded, backend_fault], refuse: Later}]",
         "on overloaded the last answer, however old; on backend_fault or overloaded a refusal in your words"),
        ("fallback: [{on: [overloaded], spare: true}]", "on overloaded the spare's answer"),
    ],
)  # fmt: skip
def test_what_is_kept_and_said_instead(rest: str, text: str) -> None:
    """A clause for each, and none for what nobody wrote."""
    assert text in said(rest)


@pytest.mark.parametrize(
    ("rest", "text"),
    [
        ("invalidates: ['a:{n}', b]", "what carries a:{n} and b is old after it"),
        ("idempotency: {key: header}", "a call with the same Idempotency-Key (header) gets the first one's answer for 24h"),
        ("idempotency: {key: {param: sRef}, required: true, ttl: 1h}",
         "a call with the same sRef (parameter) gets the first one's answer for 1h, and without one it is refused"),
        ("idempotency: {key: {soap_header: Id}, derived: 30s}",
         "a call with the same Id (SOAP header) gets the first one's answer for 24h; equal calls of one identity are one for 30s"),
    ],
)  # fmt: skip
def test_what_changes_something(rest: str, text: str) -> None:
    """Nobody shares it, and what a second one gets is said."""
    assert said(rest, KEY, safe="") == f"{NOBODY}; {text}"


def test_a_secret_is_not_said() -> None:
    """`check` prints into logs."""
    assert "hunter2" not in said("cache: {ttl: 1s}, shared: {as: {sKey: hunter2}}", KEY)
