"""What an XML-RPC request asks, free of its caller: one digest for all who ask the same, and the one request that stands for them.

Asked by the stages that share and keep answers, once a request is classified. It answers with a Question, or the word for why this
request is its sender's alone: comments, large, body, batch, struct, type.

Parameters are named by position ("0") or by member in any struct that is a parameter, as rules name them elsewhere. One that is left
out from between others leaves an empty string in its place: positions mean something. What the digest does not hold: backend,
endpoint and the settings it was made by.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final, NamedTuple

from adapters.keying import Unshareable, digest_of, rules_of
from adapters.media import media_of
from adapters.refusals import has_sections
from adapters.xml import WHOLE_SIZE_BYTES, XmlRefused, parse
from adapters.xmlrpc import codec, multicall
from adapters.xmlrpc.canonical import EMPTY, escape, is_odd, markup, scalar, text_of, tokens_of
from sidecar.answers import Keying, Question, Shared
from sidecar.model import Dialect, Outbound

if TYPE_CHECKING:
    from collections.abc import Callable

    from lxml import etree

    from adapters.keying import Rules
    from sidecar.model import Head, RawHeaders, Refusal

SCHEMA: Final = "xmlrpc 1"  # of the digest: whoever changes what a stream holds changes it
_TAGS: Final = 1_024  # so many take a millisecond; a call has 30, one with a list of a hundred seats 400
_HEADERS: Final[RawHeaders] = ((b"Content-Type", b"text/xml"),)


class _Part(NamedTuple):
    """A value that a name stands for: what the key holds of it, and what is sent."""

    keyed: list[str]
    sent: list[str]


_GONE: Final = _Part([], [])


def question(
    head: Head,
    body: bytes,
    keying: Keying,
    path: str | None,
    read: Callable[[etree._Element], tuple[str, list[etree._Element]] | Refusal],
) -> Question | str:
    """Ask what a methodCall asks. `read` names its method and values, as it did before."""
    if len(body) > WHOLE_SIZE_BYTES or body.count(b"<") > _TAGS:
        return "large"
    if has_sections(body):
        return "comments"
    try:
        root = parse(body, charset=media_of(head).charset)
        found = read(root)
        if not isinstance(found, tuple) or is_odd(root):
            return "body"
        method, values = found
        return "batch" if multicall.is_multicall(method) else _asked(method, values, rules_of(keying), path, head.query)
    except XmlRefused:
        return "body"
    except Unshareable as reason:
        return reason.word


def knock(method: str, path: str | None) -> Outbound:
    """Return a call of `method` without parameters."""
    return _asked(method, [], rules_of(Keying()), path, "").request


def _asked(method: str, values: list[etree._Element], rules: Rules, path: str | None, query: str) -> Question:
    texts: dict[str, str] = {}
    shown: list[bool] = []
    times: Counter[str] = Counter()

    def part(name: str, tokens: list[str]) -> _Part:
        """Apply the rules to one value; note what it says."""
        times[name] += 1
        shown.append(name in rules.identity and text_of(tokens) != "")
        if rules.ignores(name):
            return _GONE
        text = text_of(tokens)
        if text is not None and (folded := rules.folded(name, text)) != text:
            tokens, text = [tokens[0], folded], folded
        made = _asked_by(name, tokens, rules)
        if text is not None and made.keyed == tokens:
            texts[name] = text
        return made

    parts = [_value(str(at), value, rules, part) for at, value in enumerate(values)]
    while parts and parts[-1] is _GONE:
        parts.pop()
    parts = [each if each is not _GONE else _Part([*EMPTY], [*EMPTY]) for each in parts]
    keyed = [SCHEMA, query, method]
    for each in parts:
        keyed += each.keyed
    kept = {name: text for name, text in texts.items() if times[name] == 1}
    target = f"{path or '/'}?{query}" if query else path or "/"
    request = Outbound("POST", target, _HEADERS, _document(method, [each.sent for each in parts]))
    return Question(digest_of(keyed), request, Dialect.XMLRPC, kept, any(shown))


def _value(name: str, value: etree._Element, rules: Rules, part: Callable[[str, list[str]], _Part]) -> _Part:
    members = codec.members(value)
    if members is None or name in rules.folds or name in rules.identity:
        tokens = tokens_of(value, any_order=rules.sorts(name))
        made = part(name, tokens)
        if members is None or made.keyed != tokens:
            return made
    keyed, sent = ["s"], ["s"]
    if len({inner for inner, _ in members}) < len(members):
        raise Unshareable("struct")
    for inner, inside in sorted(members, key=lambda each: each[0]):
        found = part(inner, tokens_of(inside, any_order=rules.sorts(inner)))
        if found is not _GONE:
            keyed += ("m" + inner, *found.keyed)
            sent += ("m" + inner, *found.sent)
    return _Part([*keyed, "/"], [*sent, "/"])


def _asked_by(name: str, tokens: list[str], rules: Rules) -> _Part:
    """Take an identity out of the key, and put in what is sent in its place: with the caller's type, which so is part of the key."""
    if rules.mode is None or name not in rules.identity:
        return _Part(tokens, tokens)
    if rules.mode is Shared.LEADER:
        return _Part(["l"], tokens)
    if rules.mode is Shared.DROP or name not in rules.stand_in:
        return _GONE
    kind = tokens[0][1:] if text_of(tokens) is not None else "string"
    return _Part(["a" + kind], scalar(kind, rules.stand_in[name]))


def _document(method: str, values: list[list[str]]) -> bytes:
    params = "".join(f"<param>{markup(each)}</param>" for each in values)
    named = escape(method).encode("ascii", "xmlcharrefreplace").decode()
    inside = f"<methodName>{named}</methodName>" + (f"<params>{params}</params>" if params else "")
    return f'<?xml version="1.0"?><methodCall>{inside}</methodCall>'.encode()
