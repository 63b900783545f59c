"""What a reply of an XML-RPC backend means, told from its head and its tail without parsing it.

In the flight lane, asked by the grade stage. It answers with a Grade: ok, a fault, an HTTP error passed on, or a bad reply; it
never refuses a well-formed reply. A fault inside a `system.multicall` belongs to one member, so it is no fault of the whole: the
whole is ok, and what it did is unknown unless it only reads.

Errors without a methodResponse, decided here: a 401 is passed on (its challenge is for the client), everything else is a bad
reply, because clients of XML-RPC throw away the body of any status but 200.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from adapters import peek, replies
from adapters.rules import Rules, bad_reply, fault, http_error
from adapters.xmlrpc import multicall
from sidecar.model import Grade

if TYPE_CHECKING:
    from sidecar.model import Call, RawHeaders

_FAULT: Final = re.compile(rb"(?s:\s++|<!--.*?-->|<\?.*?\?>)*+<fault[\s/>]")
_FAULTED: Final = re.compile(rb"<name>\s*+faultCode\s*+</name>")
_MEMBER: Final = (
    rb"<name>\s*+%s\s*+</name>\s*+<value(?:>\s*+<(?P<type>[^\s<>/]++)>|>)(?P<text>(?s:[^<]++|<!\[CDATA\[.*?\]\]>)*+)<"
)


def grade(
    call: Call,
    status: int,
    headers: RawHeaders,
    body: tuple[bytes, ...],
    rules: Rules,
    *,
    safe: bool,
    partial: bool,
) -> Grade:
    """Grade a reply. `partial`: its end is still on the way."""
    several = not safe and multicall.is_multicall(call.operation)
    seen = replies.begin(status, headers, body, safe=safe, partial=partial, several=several)
    if isinstance(seen, Grade):
        return seen
    if not seen.size_bytes:
        return bad_reply("empty", status, safe=safe)
    verdict = _of_document(call, status, seen, rules, safe=safe)
    return replies.of_several(verdict, seen, _FAULTED) if several else verdict


def _of_document(call: Call, status: int, seen: peek.Look, rules: Rules, *, safe: bool) -> Grade:
    root = peek.root_of(seen.head)
    if root is None or root.name != b"methodResponse":
        return bad_reply(_what_it_is(seen, root), status, safe=safe)
    if not peek.closes(seen, root):
        return bad_reply("truncated", status, safe=safe)
    return _of_response(call, status, seen, root, rules, safe=safe)


def _what_it_is(seen: peek.Look, root: peek.Root | None) -> str:
    if root is None:
        return peek.what_it_is(seen)
    return "html" if root.local.lower() == b"html" else "root"


def _of_response(call: Call, status: int, seen: peek.Look, root: peek.Root, rules: Rules, *, safe: bool) -> Grade:
    if _FAULT.match(seen.head, root.end):
        code, text = (value_at(seen.head, name, root.end) for name in ("faultCode", "faultString"))
        verdict = fault("xmlrpc", text or "", safe=safe)
        if not rules.judge_faults:
            return verdict
        return rules.of_fault(verdict, () if code is None else (code,), text or "", safe=safe)
    if status >= 400:
        return http_error(status, safe=safe)
    return rules.of_result(call, lambda path: value_at(seen.head, path, root.end), safe=safe)


def value_at(head: bytes, path: str, start: int = 0) -> str | None:
    """Return the scalar of the first struct member called `path`, else of the first element so called.

    So `count` is a member, and `int` or `params.param.value.int` the value itself of a method that returns a number.
    """
    found = re.compile(_MEMBER % re.escape(path.encode())).search(head, start)
    if found is not None:
        return peek.clean(found["text"])
    return peek.text_at(head, path, start)
