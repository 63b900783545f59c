"""What a SOAP request says it wants: its version, its one body element, and every action that it names.

Asked while a request is classified. It answers with a Message or a refusal (malformed, action_mismatch). It reads names
only, never values, and changes nothing.

Versions: `application/soap+xml` carries SOAP 1.2 and nothing else (RFC 3902), every stack refuses a 1.1 envelope there. Under
`text/xml` and `application/xml` both are taken: hand-written clients send 1.2 so, and as every action is checked wherever it
stands, it makes no difference to what runs.
"""

from __future__ import annotations

import re
from itertools import islice
from typing import TYPE_CHECKING, Final, NamedTuple
from urllib.parse import unquote

from adapters.media import SOAP12, media_of
from adapters.soap import addressing
from adapters.soap.fault import SOAP11_NS, SOAP12_NS
from adapters.soap.namespaces import ENCODING11, ENCODING12, WSA
from adapters.xml import local, ns
from sidecar.model import Dialect, Refusal

if TYPE_CHECKING:
    from lxml import etree

    from adapters.soap.contract import Index, Operation
    from sidecar.model import Head

_VERSIONS: Final = {f"{{{SOAP11_NS}}}Envelope": Dialect.SOAP11, f"{{{SOAP12_NS}}}Envelope": Dialect.SOAP12}
_ENCODING_NS: Final = frozenset((ENCODING11, ENCODING12))
_NAME: Final = re.compile(r"[^\W\d][\w.\-]*")
# Header blocks, or the values that an rpc/encoded call refers to; looking at a thousand takes half a millisecond.
_CHILDREN: Final = 1_000
_WSA_ACTION: Final = frozenset(f"{{{space}}}Action" for space in WSA)
_PARTS: Final = re.compile(r"[^\w.\-/#:\\]+")  # what ends a path: ? ; & = and every other sign that no name has
_STEPS: Final = re.compile(r"[/#:\\]")
_ACTION_CHARS: Final = 1_024  # a URI of a contract has a hundred; finding the names in the worst takes 0.5 ms
_WORDS: Final = 16  # each name costs a look at the rules; the actions of 6 387 operations have two words at most


class Message(NamedTuple):
    """A request's envelope. `operation` is the first element of its Body, None where that is empty.

    `own_headers`: it has header blocks besides addressing, so it means what it says to its sender alone.
    """

    dialect: Dialect
    operation: etree._Element | None
    extras: tuple[etree._Element, ...]
    addressed: tuple[str, ...]  # wsa:Action
    own_headers: bool


def read(root: etree._Element, head: Head) -> Message | Refusal:
    """Read an envelope: at most one Header, then exactly one Body, nothing else."""
    version = _VERSIONS.get(root.tag)
    if version is None:
        return _malformed(f"the root is {local(root.tag)[:60]!r}, not an Envelope of SOAP 1.1 or 1.2")
    carried_as_12 = media_of(head).type == SOAP12
    if carried_as_12 and version is Dialect.SOAP11:
        return _malformed("a SOAP 1.1 envelope under application/soap+xml; send it as text/xml")
    space = root.tag[:-8]  # less "Envelope"
    header: etree._Element | tuple[()] = root[0] if len(root) == 2 else ()
    body = root[-1] if len(root) in (1, 2) else None
    if body is None or body.tag != space + "Body" or (len(root) == 2 and root[0].tag != space + "Header"):
        return _malformed("an Envelope holds at most one Header, then exactly one Body, of its own namespace")
    if len(header) > _CHILDREN or len(body) > _CHILDREN:
        return Refusal(
            "malformed", "elements", f"more than {_CHILDREN} elements side by side in the Header or the Body"
        )
    return Message(
        Dialect.SOAP12 if carried_as_12 else Dialect.SOAP11,
        body[0] if len(body) else None,
        tuple(islice(body, 1, None)) if len(body) > 1 else (),
        tuple(each.text.strip() for each in header if each.tag in _WSA_ACTION and each.text) if len(header) else (),
        len(header) > 0 and addressing.bypass(header) != "",
    )


def plain(root: str, head: Head) -> Message | None:
    """Return the message of an envelope without a header whose operation is read elsewhere; None where `read` would refuse it."""
    version = _VERSIONS.get(root)
    carried_as_12 = media_of(head).type == SOAP12
    if version is None or (carried_as_12 and version is Dialect.SOAP11):
        return None
    return Message(Dialect.SOAP12 if carried_as_12 else Dialect.SOAP11, None, (), (), own_headers=False)


def _malformed(detail: str) -> Refusal:
    return Refusal("malformed", "envelope", detail)


def refuse_boxcar(message: Message, index: Index | None) -> Refusal | None:
    """Refuse a second operation in the Body, which servers drop without a word (Axis, PHP, gSOAP and ASMX run the first).

    What may follow are the values that an rpc/encoded call refers to (SOAP 1.1 section 5.4.1): they carry a plain `id`, and
    are called like no operation. A first element that says of itself to be such a value is no operation (section 5.6, root="0").
    """
    if message.operation is not None and any(
        local(str(name)) == "root" and ns(str(name)) in _ENCODING_NS and value.strip() in ("0", "false")
        for name, value in message.operation.items()
    ):
        return Refusal("malformed", "boxcar", "the first element of the Body must be the operation")
    for extra in message.extras:
        if extra.get("id") is None or (index is not None and index.by_body(extra.tag) is not None):
            return Refusal(
                "malformed", "boxcar", f"a second element {local(extra.tag)[:60]!r} in the Body; send one call"
            )
    return None


def actions(message: Message, head: Head) -> tuple[str, ...] | Refusal:
    """Return every action that the request names, once each: SOAPAction, the `action` parameter (1.2), wsa:Action."""
    header = unquoted(head.headers.get("SOAPAction", ""))
    if '"' in header:  # two lines that a proxy before us made one (RFC 9110 section 5.3), or worse
        return Refusal("malformed", "duplicate_header", "SOAPAction holds more than one value; send one")
    named = tuple(dict.fromkeys((*lasting(message, head), *([header] if header else ()))))
    if any(len(each) > _ACTION_CHARS or len(words(each)) > _WORDS for each in named):
        most = f"{_ACTION_CHARS} characters or {_WORDS} names"
        return Refusal("malformed", "operation", f"an action of more than {most}; send the contract's")
    return named


def lasting(message: Message, head: Head) -> tuple[str, ...]:
    """Return the actions that reach the backend as they are: all but the SOAPAction line, for which a contract may have another."""
    said = media_of(head).parameters.get("action", "")
    return (*message.addressed, said) if said else message.addressed


def unquoted(action: str) -> str:
    """SOAPAction is a quoted URI (SOAP 1.1 section 6.1.1); some clients leave the quotes out, or send them empty."""
    return action.strip().strip('"').strip()


def words(action: str, name: str = "") -> tuple[str, ...]:
    """Return the names that a server may read out of an action besides `name`, in order, none where it holds none.

    Servers dispatch on the end of its URI, and do not agree where that is: behind a last slash, before a query or parameters,
    percent-decoded or not, past a dot. Naming too many errs on the safe side: each name only adds its own rules. Where there are
    more than `_WORDS` the rest is not looked at, and `actions` refuses.
    """
    found: dict[str, None] = {}
    for part in _PARTS.split(unquote(action)):
        word = _STEPS.split(part.strip("/#:\\."))[-1]
        if word == name or not _NAME.fullmatch(word):
            continue
        pieces = () if name and word.endswith("." + name) else word.split(".")
        found |= dict.fromkeys((word, *(each for each in pieces if _NAME.fullmatch(each))))
        if len(found) > _WORDS:
            break
    return tuple(found)


def check_action(action: str, operation: Operation | None, name: str, index: Index | None) -> tuple[str, ...] | Refusal:
    """Check one action against the body's operation: empty where they agree, or where the action says nothing.

    Refuses what is known to belong to another operation. Returns the names that it may stand for where nobody can tell.
    """
    others = words(action, name)
    if index is not None:
        known = index.by_action(action) or tuple(each for word in others for each in index.by_name(word))
        if known:
            agrees = operation is not None and any(each is operation for each in known)
            return () if agrees else _mismatch(action, name)
    return others


def _mismatch(action: str, name: str) -> Refusal:
    return Refusal(
        "action_mismatch",
        detail=f"SOAPAction {action[:120]!r} names another operation than the body, {name[:60]!r}; make them agree",
    )
