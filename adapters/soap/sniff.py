"""What a reply of a SOAP or ASMX backend means, told from its head and its tail without parsing it.

In the flight lane, asked by the grade stage. It answers with a Grade: ok, a backend's fault, an HTTP error passed on, or a bad
reply. It never refuses a well-formed reply for its size or its elements.

Errors without a SOAP message, decided here: a 401 is passed on (its challenge is for the client); a redirect is a bad reply (it
would lead the client around us); any other error page, empty or foreign body is a bad reply, which a client reads better as our
fault than as HTML. ASMX has no faults: its errors are text or XML with a status, so they are passed on, unless they are HTML.

A member's failure inside the reply of a Batch is no fault of the whole: the whole is ok, and what it did is unknown unless it only
reads. It shows as an element with content whose name ends in Fault, Error (Tessitura: ResponseError) or Exception.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from adapters import peek, replies
from adapters.media import parse_media
from adapters.rules import OK, Rules, bad_reply, fault, http_error
from adapters.soap import batch
from adapters.soap.fault import SOAP11_NS, SOAP12_NS
from sidecar.model import Dialect, Grade

if TYPE_CHECKING:
    from sidecar.model import Call, RawHeaders

ENVELOPES: Final = {SOAP11_NS.encode(): Dialect.SOAP11, SOAP12_NS.encode(): Dialect.SOAP12}
_FAULT_WITHIN_BYTES: Final = 4_096  # of the Body: a Fault is its first and only child (SOAP 1.1 section 4.4)
_TAG_END: Final = rb"""(?:[^<>"']++|"[^"]*+"|'[^']*+')*+>"""
_FIRST_CHILD: Final = re.compile(_TAG_END + rb"(?s:\s++|<!--.*?-->|<\?.*?\?>)*+<(?:[^\s<>/:!?]++:)?Fault[\s/>]")
_ANY_BODY: Final = re.compile(rb"<(?:[^\s<>/:!?]++:)?Body(?=[\s/>])")
# Raised before any operation runs: who sent the message must change it (SOAP 1.1 section 4.4.1, SOAP 1.2 part 1 section 5.4.6).
_CLIENT_CODES: Final = frozenset(("Client", "Sender", "VersionMismatch", "MustUnderstand", "DataEncodingUnknown"))
_EMPTY_IS_FINE: Final = frozenset((202, 204))  # one-way operations (WS-I Basic Profile 1.1, R2714)
_FAILED: Final = re.compile(
    rb"""<[^\s<>/!?"'=]++(?:(?<=Fault)|(?<=Error)|(?<=Exception))(?:\s""" + _TAG_END[:-1] + rb""")?+(?<!/)>(?!\s*+</)"""
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
    silent: bool,
) -> Grade:
    """Grade a reply. `partial`: its end is still on the way. `silent`: the operation has no reply message."""
    several = not safe and batch.runs_others((call.operation, *call.members))
    seen = replies.begin(status, headers, body, safe=safe, partial=partial, several=several)
    if isinstance(seen, Grade):
        return seen
    if not seen.size_bytes:
        return _of_nothing(call, status, safe=safe, silent=silent)
    of_form = _of_parts if seen.media.startswith("multipart/") else _of_document
    verdict = of_form(call, status, seen, rules, safe=safe)
    return replies.of_several(verdict, seen, _FAILED) if several else verdict


def _of_nothing(call: Call, status: int, *, safe: bool, silent: bool) -> Grade:
    """A void method of ASMX answers nothing at all; in SOAP only a one-way operation may."""
    if status in _EMPTY_IS_FINE or (status < 300 and (silent or call.dialect is Dialect.ASMX)):
        return OK
    return bad_reply("empty", status, safe=safe)


def _of_document(call: Call, status: int, seen: peek.Look, rules: Rules, *, safe: bool) -> Grade:
    root = peek.root_of(seen.head)
    if root is not None and root.local == b"Envelope" and root.namespace in ENVELOPES:
        return _of_envelope(call, status, seen, root, rules, safe=safe)
    if _is_html(seen, root):
        return bad_reply("html", status, safe=safe)
    if call.dialect in (Dialect.SOAP11, Dialect.SOAP12):
        return bad_reply(peek.what_it_is(seen) if root is None else "root", status, safe=safe)
    return _of_asmx(call, status, seen, root, rules, safe=safe)


def _is_html(seen: peek.Look, root: peek.Root | None) -> bool:
    if root is None:
        return peek.what_it_is(seen) == "html"
    return root.local.lower() == b"html" or (seen.media == "text/html" and not root.namespace)


def _of_envelope(call: Call, status: int, seen: peek.Look, root: peek.Root, rules: Rules, *, safe: bool) -> Grade:
    if not peek.closes(seen, root):
        return bad_reply("truncated", status, safe=safe)
    at = body_at(seen.head, root)
    if at < 0:
        whole = seen.size_bytes <= peek.HEAD_BYTES and seen.tail is not None
        return (
            bad_reply("root", status, safe=safe)
            if whole or root.empty
            else _of_message(call, status, seen, rules, safe)
        )
    found = _FIRST_CHILD.match(seen.head, at, at + _FAULT_WITHIN_BYTES)
    if found is not None:
        return _of_fault(seen, found.end(), ENVELOPES[root.namespace], rules, safe=safe)
    return _of_message(call, status, seen, rules, safe)


def _of_message(call: Call, status: int, seen: peek.Look, rules: Rules, safe: bool) -> Grade:
    """A message without a Fault; under an error status it is passed on, for its client may know how to read it."""
    if status >= 400:
        return http_error(status, safe=safe)
    return rules.of_result(call, lambda path: peek.text_at(seen.head, path), safe=safe)


def body_at(head: bytes, root: peek.Root) -> int:
    """Return where the Body's start tag has its attributes, past the Header; -1 where it is not within the head."""
    prefix = root.prefix
    closed = head.find(b"</" + prefix + b"Header", root.end)
    start = closed if closed > 0 and _begins_with(head, root.end, b"<" + prefix + b"Header") else root.end
    opening = b"<" + prefix + b"Body"
    at = head.find(opening, start)
    if at >= 0 and head[at + len(opening) : at + len(opening) + 1] in (b">", b" ", b"/", b"\r", b"\n", b"\t"):
        return at + len(opening)
    found = _ANY_BODY.search(head, start)
    return found.end() if found else -1


def _begins_with(head: bytes, start: int, what: bytes) -> bool:
    return head[start : start + 256].lstrip().startswith(what)  # 256: more white space than anybody indents with


def _of_fault(seen: peek.Look, at: int, version: Dialect, rules: Rules, *, safe: bool) -> Grade:
    codes = fault_codes(seen.head, at, version)
    who = "client" if codes and codes[0].rpartition(":")[2].partition(".")[0] in _CLIENT_CODES else "server"
    text = peek.text_at(seen.head, "faultstring" if version is Dialect.SOAP11 else "Reason.Text", at) or ""
    verdict = fault(who, text, safe=safe)
    if not rules.judge_faults:
        return verdict
    both = dict.fromkeys(each for code in codes for each in (code, code.rpartition(":")[2]))
    return rules.of_fault(verdict, tuple(both), text, safe=safe)


def fault_codes(head: bytes, at: int, version: Dialect) -> tuple[str, ...]:
    """Return the codes of a fault that begins at `at`: one in SOAP 1.1, the Value and those of its Subcodes in SOAP 1.2."""
    if version is Dialect.SOAP11:
        code = peek.text_at(head, "faultcode", at)
        return () if code is None else (code,)
    end = head.find(
        b"Reason", at
    )  # the codes stand before it (part 1 section 5.4); a Detail may hold a Value of its own
    return peek.all_texts_at(head[at : end if end > 0 else None], "Value")


def _of_asmx(call: Call, status: int, seen: peek.Look, root: peek.Root | None, rules: Rules, *, safe: bool) -> Grade:
    if status >= 400:
        # 500 is how .NET says that a method threw: the application answered, the backend is well.
        verdict = http_error(status, safe=safe, healthy=status < 500 or status == 500)
        return rules.of_fault(verdict, (), peek.clean(seen.head), safe=safe) if rules.judge_faults else verdict
    if root is None:
        # A method that writes its own reply (text, JSON) is none of ours; one that began like a document was cut in its root.
        return bad_reply("truncated", status, safe=safe) if peek.what_it_is(seen) == "truncated" else OK
    if not peek.closes(seen, root):
        return bad_reply("truncated", status, safe=safe)
    return rules.of_result(call, lambda path: _asmx_value(call, seen.head, root, path), safe=safe)


def _asmx_value(call: Call, head: bytes, root: peek.Root, path: str) -> str | None:
    """`OpResult` of the SOAP reply is the root itself here, which .NET names after its type (`<int>3</int>`)."""
    name, _, rest = path.partition(".")
    if name != f"{call.operation}Result":
        return peek.text_at(head, path)
    return peek.text_at(head, rest or root.local.decode("utf-8", "replace"))


def _of_parts(call: Call, status: int, seen: peek.Look, rules: Rules, *, safe: bool) -> Grade:
    """An MTOM or SwA reply: the message is the first part (RFC 2387 section 3.2), the end is the closing boundary."""
    boundary = b"--" + parse_media(seen.content_type).parameters.get("boundary", "").encode("latin-1")
    at = seen.head.find(boundary)
    start = seen.head.find(b"\r\n\r\n", at)
    if len(boundary) == 2 or at < 0 or start < 0:
        return bad_reply("not_xml", status, safe=safe)
    if seen.tail is not None and boundary + b"--" not in seen.tail:
        return bad_reply("truncated", status, safe=safe)
    return _of_document(call, status, seen._replace(head=seen.head[start + 4 :], tail=None, media=""), rules, safe=safe)
