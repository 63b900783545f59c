"""Which part of the sidecar refused: a closed list of words, from state and reason. An operator turns a different screw for each.

Asked for every refusal by log, metrics and window. It answers with one word; what it does not know is `other`, never a new word.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

OTHER: Final = "other"

# Word -> what it means, for the reference.
MECHANISMS: Final[Mapping[str, str]] = {
    "queue": "the line before the backend is full: who came was refused, or pushed out a lesser one",
    "wait": "no slot came free within `queue.wait`",
    "client": "one client has as many calls in line as `queue.per_client` lets him, and others wait",
    "operator": "somebody has taken the call out of the line by hand",
    "deadline": "no slot came free before the call's own deadline",
    "connections": "all of `limits.connections`, or of this backend's share of them, are in use",
    "buffered": "`limits.buffered`, or this backend's share of it, is used up",
    "breaker": "`breaker:` spares a backend, or an operation of it, that failed too often",
    "rate": "`rate:` says that this was asked too often",
    "upstream": "the backend was asked, or could not be, and gave no usable answer",
    "pause": "an operator has paused everything, the backend or the room",
    "room": "a waiting room stands before the call, or holds who wants in: `rooms:`",
    "drain": "this sidecar is going away",
    "deeds": "as many keyed calls are remembered as there is room for: none is made that could not be told from its repetition",
    "key": "a key against a second purchase is missing, not taken, stands for another call, or its first call is under way",
    "deny": "`deny:`, `strict:` or `asmx_get:` says no to the operation",
    "origin": "a page of an origin that is not in `cors.origins` tried to write",
    "route": "nothing lives at the address, or it does not take the method",
    "media": "content type, encoding, charset or sign-in of a kind that is not taken",
    "parse": "the request cannot be read, or contradicts itself",
    "size": "the body, the address or a header is larger than its limit",
    "slow": "the request did not arrive in time",
    "bug": "an error of the sidecar's own",
    OTHER: "a state that no version of this list knows",
}

_BY_STATE: Final[Mapping[str, str]] = {
    "overloaded": "queue",
    "backend_unreachable": "upstream",
    "rate_limited": "rate",
    "outcome_unknown": "upstream",
    "backend_bad_reply": "upstream",
    "backend_fault": "upstream",
    "business_no": "upstream",
    "sold_out": "upstream",
    "paused": "pause",
    "waiting": "room",
    "pass_expired": "room",
    "sale_closed": "room",
    "account_limit": "room",
    "verify_required": "room",
    "poll_too_soon": "room",
    "draining": "drain",
    "in_progress": "key",
    "key_reused": "key",
    "key_missing": "key",
    "key_unsupported": "key",
    "operation_denied": "deny",
    "origin_denied": "origin",
    "not_found": "route",
    "method_not_allowed": "route",
    "unsupported_media": "media",
    "malformed": "parse",
    "action_mismatch": "parse",
    "doctype_refused": "parse",
    "invalid_params": "parse",
    "too_large": "size",
    "uri_too_long": "size",
    "headers_too_large": "size",
    "body_timeout": "slow",
    "internal": "bug",
}

# Where the reason says more than the state.
_BY_REASON: Final[Mapping[tuple[str, str | None], str]] = {
    ("overloaded", "queue_wait"): "wait",
    ("overloaded", "client_cap"): "client",
    ("overloaded", "dropped"): "operator",
    ("overloaded", "deadline"): "deadline",
    ("overloaded", "connections"): "connections",
    ("overloaded", "buffered"): "buffered",
    ("overloaded", "deeds"): "deeds",
    ("backend_unreachable", "cut_off"): "breaker",
}


def mechanism_of(state: str, reason: str | None) -> str:
    """Return the word for a refusal of this state and reason."""
    return _BY_REASON.get((state, reason)) or _BY_STATE.get(state, OTHER)
