"""What a SOAP request asks, free of its caller: one digest for all who ask the same, and the one request that stands for them.

Asked by the stages that share and keep answers, once a request is classified. It answers with a Question, or the word for why this
request is its sender's alone: headers, addressing, comments, href, attachment, large, body, batch, qname, binding. It proves
that two bindings mean the same by the WSDL; without one the caller's own version and action are part of the question.

What the digest does not hold: backend, endpoint and the settings it was made by. Whoever makes a key of it adds them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from lxml import etree

from adapters.keying import Unshareable, digest_of, rules_of
from adapters.media import media_of
from adapters.refusals import has_sections
from adapters.soap import addressing, batch, envelope
from adapters.soap.canonical import PREFIX, has_text, markup, start_of
from adapters.soap.fault import SOAP11_NS, SOAP12_NS
from adapters.soap.namespaces import ENCODING11, ENCODING12
from adapters.soap.parameters import Part, part_of, streams
from adapters.soap.ways import Way
from adapters.xml import WHOLE_SIZE_BYTES, XmlRefused, local, parse
from sidecar.answers import Keying, Question
from sidecar.model import Dialect, Outbound, Refusal

if TYPE_CHECKING:
    from collections.abc import Callable

    from adapters.soap.contract import Index, Operation
    from adapters.soap.ways import Ways
    from sidecar.model import Head
    from sidecar.ports import Classified

    Classify = Callable[[envelope.Message, str], Classified | Refusal]

SCHEMA: Final = "soap 1"  # of the digest: whoever changes what a stream holds changes it
SPACES: Final = {Dialect.SOAP11: SOAP11_NS, Dialect.SOAP12: SOAP12_NS}
_VERSIONS: Final = {f"{{{space}}}Envelope": dialect for dialect, space in SPACES.items()}
# Each bounds a millisecond: an element costs 4 us, an attribute 2, a prefix 0.2 for each element in its scope, a colon in a text 0.1.
# The widest operation of 6 387 has 60 parameters.
_TAGS, _SIGNS, _SCOPES, _COLONS = 256, 256, 6_144, 4_096
_ENCODINGS: Final = (ENCODING11.encode(), ENCODING12.encode())
_WHITE: Final = " \t\r\n"


def by_envelope(
    head: Head, body: bytes, keying: Keying, index: Index | None, ways: Ways, classify: Classify
) -> Question | str:
    """Ask what an envelope asks. `classify` names the operations that a message runs, as it did before."""
    if len(body) > WHOLE_SIZE_BYTES or _is_crowded(body):
        return "large"
    media = media_of(head)
    if media.type.startswith("multipart/"):
        return "attachment"
    if has_sections(body):
        return "comments"
    if keying.alone:
        index = None  # a contract comes late, and goes: what is known again must not depend on it
    try:
        root = parse(body, charset=media.charset)
        message = _alone(root, head, classify, keying.aside)
        if isinstance(message, str):
            return message
        element = message.operation
        assert element is not None, "a message without an operation is its sender's alone"
        found = None if index is None else index.by_body(element.tag, ways.path, _claim(message, head))
        way = None if index is None or found is None or _is_encoded(body) else ways.find(index, found)
        if way is not None and message.dialect not in way.alike:
            return "binding"
        by_header = not keying.alone and len(root) == 2 and len(root[0]) > 0
        if by_header and (way is None or way.dialect is not Dialect.SOAP11):
            return addressing.ADDRESSING  # such a backend may go by its headers, and the question has none
        way = way or Way(ways.path or "/", message.dialect, _own_action(message.dialect, head), ())
        start, parts = _parts(element)
        start[1:1] = _encoding_style(root, element)
        return question(way, start, parts, keying, found, head.query)
    except XmlRefused:
        return "body"
    except Unshareable as reason:
        return reason.word


def question(
    way: Way, start: list[str], parts: list[Part], keying: Keying, operation: Operation | None, query: str = ""
) -> Question:
    """Put a question together: the tokens of the operation's start tag, its parameters, and the query that an endpoint may go by."""
    made = streams(start, parts, rules_of(keying), operation)
    action = "" if way.action is None else f"={way.action}"
    how = ["alone"] if keying.alone else [way.dialect, action]
    digest = digest_of([SCHEMA, *how, query, *made.keyed])
    text = (
        f'<?xml version="1.0" encoding="utf-8"?><{PREFIX}:Envelope xmlns:{PREFIX}="{SPACES[way.dialect]}"><{PREFIX}:Body>'
        f"{markup(made.sent)}</{PREFIX}:Body></{PREFIX}:Envelope>"
    )
    target = f"{way.path}?{query}" if query else way.path
    request = Outbound("POST", target, way.headers, text.encode())
    expects = (operation.reply or "") if operation is not None else ""
    return Question(digest, request, way.dialect, made.texts, made.identified, expects)


def knock(operation: str, index: Index, ways: Ways) -> tuple[Dialect, Outbound] | None:
    """Return a call of the operation that is called so, with no parameter; None where no SOAP binding says how it is asked."""
    for found in index.by_name(operation):
        way = ways.find(index, found)
        if way is not None and found.body is not None:
            asked = question(way, start_of(etree.Element(found.body)), [], Keying(), found)
            return asked.dialect, asked.request
    return None


def _alone(root: etree._Element, head: Head, classify: Classify, aside: str) -> envelope.Message | str:
    """Read an envelope that runs one operation and says no more than its Body's element; else the word for what it does."""
    message = envelope.read(root, head)
    if isinstance(message, Refusal) or message.operation is None or message.extras:
        return "body"
    if message.own_headers and (word := addressing.bypass(each for each in root[0] if local(each.tag) != aside)):
        return word
    if message.dialect is not _VERSIONS[root.tag] or _says_more(root, message.operation):
        return "body"
    named = classify(message, message.operation.tag)
    if isinstance(named, Refusal):
        return "body"
    return "batch" if len(named.members) != 1 or batch.is_batch(named.operation) else message


def _claim(message: envelope.Message, head: Head) -> str | None:
    """Return the first of what `envelope.actions` names: all have been judged before."""
    said = envelope.lasting(message, head)
    return said[0] if said else envelope.unquoted(head.headers.get("SOAPAction", "")) or None


def _own_action(dialect: Dialect, head: Head) -> str | None:
    if dialect is Dialect.SOAP12:
        return media_of(head).parameters.get("action")
    line = head.headers.get("SOAPAction")
    return None if line is None else envelope.unquoted(line)


def _parts(element: etree._Element) -> tuple[list[str], list[Part]]:
    """Read an operation's element: its start tag, with its text where it has no children, and its parameters."""
    if len(element):
        if has_text(element):
            raise Unshareable("body")
        return start_of(element), [part_of(each) for each in element]
    text = element.text or ""
    return [*start_of(element, (text,)), *(["t" + text] if text else [])], []


def _says_more(root: etree._Element, operation: etree._Element) -> bool:
    """Say whether an envelope holds what its Body's element does not: attributes, text."""
    texts = [operation.tail, root.text]
    for each in root:
        texts += (each.text, each.tail)
    if "".join(filter(None, texts)).strip(_WHITE):
        return True
    style = f"{root.tag[:-8]}encodingStyle"  # 8: len("Envelope")
    names = [*root.keys(), *(name for each in root for name in each.keys())]  # noqa: SIM118 -- an element is no dict
    return bool(names) and any(name != style for name in names)


def _encoding_style(root: etree._Element, operation: etree._Element) -> tuple[str, ...]:
    """Return the encoding that holds for an operation whose own tag does not say it (SOAP 1.1 section 4.1.1)."""
    name = f"{root.tag[:-8]}encodingStyle"
    style = root[-1].get(name, root.get(name))
    return () if style is None or operation.get(name) is not None else ("a" + name, style)


def _is_crowded(body: bytes) -> bool:
    """Say whether a document has more tags or attributes than can be looked at in one go."""
    text = body.replace(b"\0", b"") if b"\0" in body[:4] else body  # UTF-16 of ASCII
    tags = text.count(b"<")
    if tags > _TAGS or text.count(b"=") > _SIGNS or text.count(b":") > _COLONS:
        return True
    return tags * text.count(b"xmlns:") > _SCOPES


def _is_encoded(body: bytes) -> bool:
    """Say whether a message may use SOAP's own encoding, which each version spells in its own way; UTF-16 is not looked into."""
    return b"\0" in body[:4] or b"encodingStyle" in body or any(space in body for space in _ENCODINGS)
