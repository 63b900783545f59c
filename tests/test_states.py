"""The table of states is the contract with every client: it is whole, and its rules say what they must."""

from __future__ import annotations

import re

import pytest

from sidecar.model import Executed
from sidecar.states import ROWS, TABLE, Blame, Category, Effect, How, State, executed, find, retry_how

# From the contract: state -> category, JSON status, XML-RPC code, scope. A change here is a change for every client.
CONTRACT = {
    "ok": ("ok", 200, None, ""),
    "cached": ("ok", 200, None, ""),
    "stale": ("ok", 200, None, ""),
    "fallback": ("ok", 200, None, ""),
    "partial": ("ok", 200, None, ""),
    "replayed": ("ok", 200, None, ""),
    "deferred": ("wait", 202, -32061, ""),
    "business_no": ("final", 409, None, ""),
    "sold_out": ("final", 409, None, ""),
    "waiting": ("wait", 429, -32050, "caller"),
    "rate_limited": ("limit", 429, -32057, "caller"),
    "poll_too_soon": ("limit", 429, -32057, "caller"),
    "verify_required": ("client", 403, -32057, "caller"),
    "account_limit": ("client", 403, -32057, "caller"),
    "operation_denied": ("client", 403, -32601, "caller"),
    "origin_denied": ("client", 403, -32601, "caller"),
    "pass_expired": ("wait", 403, -32058, "caller"),
    "paused": ("wait", 503, -32051, "caller"),
    "sale_closed": ("final", 410, -32060, "caller"),
    "overloaded": ("busy", 503, -32052, "backend"),
    "backend_unreachable": ("upstream", 503, -32054, "backend"),
    "draining": ("busy", 503, -32062, "caller"),
    "outcome_unknown": ("upstream", 504, -32053, "backend"),
    "backend_bad_reply": ("upstream", 502, -32063, "backend"),
    "in_progress": ("wait", 409, -32055, "caller"),
    "key_reused": ("client", 422, -32056, "caller"),
    "key_missing": ("client", 400, -32056, "caller"),
    "key_unsupported": ("client", 400, -32056, "caller"),
    "not_found": ("client", 404, -32601, "caller"),
    "method_not_allowed": ("client", 405, -32601, "caller"),
    "unsupported_media": ("client", 415, -32600, "caller"),
    "malformed": ("client", 400, -32700, "caller"),
    "action_mismatch": ("client", 400, -32600, "caller"),
    "doctype_refused": ("client", 400, -32600, "caller"),
    "invalid_params": ("client", 400, -32602, "caller"),
    "too_large": ("client", 413, -32059, "caller"),
    "uri_too_long": ("client", 414, -32059, "caller"),
    "headers_too_large": ("client", 431, -32059, "caller"),
    "body_timeout": ("client", 408, -32300, "caller"),
    "internal": ("upstream", 500, -32603, "caller"),
}


@pytest.mark.parametrize("name", CONTRACT)
def test_the_contract(name: str) -> None:
    """Category, status, fault code and scope are what clients were told."""
    row = TABLE[name]
    assert (row.category.value, row.status, row.xmlrpc, row.scope) == CONTRACT[name]


def test_nothing_else_is_in_the_table() -> None:
    """Besides backend_fault with its two rows and what the browser client says by itself."""
    assert set(TABLE) == {*CONTRACT, "backend_fault", "unreachable", "offline", "aborted"}
    assert {row.name for row in ROWS if row.origin == "browser"} == {"unreachable", "offline", "aborted"}


def test_a_fault_that_blames_the_request_is_another_row() -> None:
    """Its reason decides; without a reason it is the backend's own."""
    assert find("backend_fault", "client").category is Category.FINAL
    assert find("backend_fault", "server").category is Category.UPSTREAM
    assert find("backend_fault", None) is TABLE["backend_fault"] is find("backend_fault", "no such reason")
    assert TABLE["backend_fault"].category is Category.UPSTREAM


def test_an_unknown_state_is_our_bug() -> None:
    """Nobody refuses with a word that is not in the table."""
    with pytest.raises(KeyError):
        find("oops", None)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row.name}-{row.category}")
def test_every_row_is_whole(row: State) -> None:
    """Words of the header's grammar, a title for developers, words for a page, a fault where one can be."""
    assert re.fullmatch(r"[a-z][a-z_]*", row.name)
    assert row.title
    assert row.page
    assert all(re.fullmatch(r"[a-z][a-z_-]*", reason) for reason in row.reasons)
    assert len(set(row.reasons)) == len(row.reasons)
    assert row.scope in ("caller", "backend", "")
    assert (row.xmlrpc is None) == (row.blame in (Blame.NONE, Blame.RELAYED)) or row.origin == "browser"
    assert row.xmlrpc is None or -32768 <= row.xmlrpc <= -32000, "the range that the fault code specification reserves"
    assert row.retry_after_s is None or row.retry_after_s >= 1


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row.name}-{row.category}")
def test_a_safe_operation_is_never_unknown(row: State) -> None:
    """Asking changes nothing: no, except where the backend did answer; in_progress speaks of another call."""
    for sent in (True, False):
        said = executed(row, safe=True, sent=sent)
        assert said is (Executed.YES if row.effect is Effect.YES else Executed.NO)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row.name}-{row.category}")
def test_what_an_unsafe_operation_is_told(row: State) -> None:
    """The rule of its row; what depends on sending is no before it and unknown after it."""
    expected = {
        Effect.NO: (Executed.NO, Executed.NO),
        Effect.YES: (Executed.YES, Executed.YES),
        Effect.UNSAFE_UNKNOWN: (Executed.UNKNOWN, Executed.UNKNOWN),
        Effect.UNKNOWN: (Executed.UNKNOWN, Executed.UNKNOWN),
        Effect.INHERITED: (Executed.NO, Executed.NO),
        Effect.AFTER_SEND_UNKNOWN: (Executed.NO, Executed.UNKNOWN),
    }[row.effect]
    assert tuple(executed(row, safe=False, sent=sent) for sent in (False, True)) == expected


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row.name}-{row.category}")
def test_nobody_is_told_to_wait_and_repeat_what_may_have_happened(row: State) -> None:
    """A purchase with an unknown outcome is confirmed first; what certainly did not happen is never to be confirmed."""
    for safe in (True, False):
        for effect in Executed:
            how = retry_how(row, effect, safe=safe)
            if effect is Executed.UNKNOWN and not safe:
                assert how is not How.WAIT
            if effect is Executed.NO or (safe and row.how is How.CONFIRM):
                assert how is not How.CONFIRM


def test_how_else_is_as_the_row_says() -> None:
    """Fix stays fix, never stays never."""
    assert retry_how(TABLE["malformed"], Executed.NO, safe=False) is How.FIX
    assert retry_how(TABLE["sold_out"], Executed.NO, safe=False) is How.NEVER
    assert retry_how(TABLE["overloaded"], Executed.NO, safe=False) is How.WAIT
    assert retry_how(TABLE["outcome_unknown"], Executed.UNKNOWN, safe=False) is How.CONFIRM
    assert retry_how(TABLE["outcome_unknown"], Executed.NO, safe=True) is How.WAIT


def test_reasons_are_of_one_row_each() -> None:
    """A state's reason finds its row, so no two rows of one state may share one."""
    pairs = [(row.name, reason) for row in ROWS for reason in row.reasons]
    assert len(pairs) == len(set(pairs))
