"""A SOAP endpoint's side of the road: may this request be a call, which operation is it, what does the reply mean.

Implements `ports.Adapter` for SOAP 1.1, SOAP 1.2 and ASMX. It answers with Classified, Grade or a refusal; it never changes a byte
of what passes, and needs no WSDL: without one it goes by the names in the message.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import islice
from typing import TYPE_CHECKING, Final

from adapters.media import FORM, SOAP12, XML, media_of, refuse_media, twice
from adapters.refusals import has_sections, of_xml
from adapters.rules import Rules
from adapters.soap import asmx, batch, bindings, envelope, payload, plain, question, sniff
from adapters.soap import stand_in as replies
from adapters.soap import veto as vetoes
from adapters.soap.contract import Kind
from adapters.soap.ways import Ways
from adapters.xml import WHOLE_SIZE_BYTES, XmlRefused, dissolve, local, parse_in_pieces, reads_ascii
from sidecar.model import Dialect, Refusal
from sidecar.ports import Classified

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from lxml import etree

    from adapters.rules import FaultLike, ResultLike
    from adapters.soap.contract import Index, Operation
    from sidecar.answers import Entry, Keying, Question
    from sidecar.model import Answer, Call, Grade, Head, Outbound, RawHeaders

_ENVELOPES: Final = XML | {SOAP12}
_FORMS: Final = frozenset((FORM,))
_BLOCK: Final = "header "  # before the name of a header block among wanted values: no element has a space in its name
_KINDS: Final = (Kind.SOAP11, Kind.SOAP12)
# Some hundreds of operations, each as a few kinds of client name it; longer names than any contract has are not kept.
_KEPT: Final = 2_048
_KEPT_CHARACTERS: Final = 1_024
_WSDL_S: Final = 2  # a WSDL is read within a second or two of the start where the backend is there at all


class SoapAdapter:
    """One endpoint. `path` is the endpoint's own at the backend: it decides where several bindings share an element.

    `index` gives the WSDL's index, None while there is none. `is_safe` says of an operation's name whether the configuration
    calls it safe, `is_declared` whether a line other than "*" names it; `wanted` are parameters whose values are kept, besides
    those that `results` compare with.
    """

    __slots__ = (
        "_asmx_get",
        "_index",
        "_is_declared",
        "_is_safe",
        "_known",
        "_known_from",
        "_most",
        "_path",
        "_rules",
        "_strict",
        "_wanted",
        "_ways",
    )

    def __init__(
        self,
        index: Callable[[], Index | None] = lambda: None,
        *,
        faults: Sequence[FaultLike] = (),
        results: Sequence[ResultLike] = (),
        asmx_get: str = "deny",
        is_safe: Callable[[str], bool] = lambda _: False,
        is_declared: Callable[[str], bool] = lambda _: False,
        strict: bool = False,
        multicall_max: int = 50,
        wanted: frozenset[str] = frozenset(),
        path: str | None = None,
    ) -> None:
        self._index = index
        self._rules = Rules(faults, results)
        self._asmx_get = asmx_get
        self._is_safe = is_safe
        self._is_declared = is_declared
        self._strict = strict
        self._most = multicall_max
        self._wanted = wanted | self._rules.parameters
        self._path = path
        self._ways = Ways(path)
        self._known: dict[tuple[object, ...], Classified] = {}
        self._known_from: Index | None = None

    @property
    def edition(self) -> object:
        """The index."""
        return self._index()

    def accepts(self, head: Head, rest: str) -> Refusal | None:
        """Take POST of an envelope at the endpoint, and POST of a form or GET at an operation's path below it."""
        below = rest not in ("", "/")
        if head.method == "GET" and below:
            return twice(head)
        if head.method != "POST":
            allow = "GET, POST" if below else "POST"
            return Refusal("method_not_allowed", detail=f"{head.method[:40]} is no call here", allow=allow)
        if below:
            return refuse_media(head, _FORMS, f"a call by path is sent as {FORM}")
        return refuse_media(
            head, _ENVELOPES, "send SOAP as text/xml (1.1) or application/soap+xml (1.2), without attachments"
        )

    async def classify(self, head: Head, rest: str, dialect: Dialect, body: bytes) -> Classified | Refusal:
        """Name the operation. How the request is carried says what it is; `dialect` only says how failures are written."""
        del dialect
        if rest not in ("", "/"):
            return self._by_path(head, rest, body)
        charset = media_of(head).charset
        try:
            if not self._wanted and (named := self._by_plain_names(head, body, charset)) is not None:
                return named
            root = await parse_in_pieces(body, charset=charset)
        except XmlRefused as refused:
            return of_xml(refused)
        named = self._by_body(root, head, body)
        if len(body) > WHOLE_SIZE_BYTES:
            await dissolve(root)
        return named

    def grade(
        self,
        call: Call,
        status: int,
        headers: RawHeaders,
        body: tuple[bytes, ...],
        *,
        safe: bool,
        partial: bool = False,
    ) -> Grade:
        """Say what a reply means; `partial` where its end is still on the way (`stream: true`)."""
        silent = not body and self._is_silent(call)
        return sniff.grade(call, status, headers, body, self._rules, safe=safe, partial=partial, silent=silent)

    def question(self, head: Head, rest: str, body: bytes, keying: Keying) -> Question | str:
        """Say what a request asks, free of its caller, or why it is his alone."""
        index = self._index()
        if rest not in ("", "/"):
            return bindings.by_path(head, rest, body, keying, index, self._ways)

        def classify(message: envelope.Message, tag: str) -> Classified | Refusal:
            return self._names(index, message, tag, head)

        return question.by_envelope(head, body, keying, index, self._ways, classify)

    def knock(self, operation: str) -> tuple[Dialect, Outbound] | None:
        """Return a call without parameters, as the contract has it asked: SOAP 1.1 first."""
        index = self._index()
        return None if index is None else question.knock(operation, index, self._ways)

    def veto(self, question: Question, answer: Answer) -> str | None:
        """Return why an answer may not be kept: fault, root, secured, attachment, header, href."""
        return vetoes.veto(question, answer)

    async def replay(
        self, entry: Entry, head: Head, rest: str, body: bytes, dialect: Dialect
    ) -> tuple[RawHeaders, bytes] | None:
        """Return a kept answer for one caller. How his request was carried says what he speaks, as in `classify`."""
        del dialect
        return await payload.replay(entry, head, rest, body, self._index(), self._path)

    def stand_in(self, payload: bytes) -> tuple[Dialect, RawHeaders, bytes]:
        """Make a whole reply of the element that stands in its Body. Raises ValueError."""
        return replies.stand_in(payload)

    def _by_path(self, head: Head, rest: str, body: bytes) -> Classified | Refusal:
        name = asmx.operation_of(rest)
        if isinstance(name, Refusal):
            return name
        index = self._index()
        found = index.by_location(rest) if index is not None else None
        name = found.name if found is not None else name
        known = found is not None or self._is_declared(name)
        if refused := self._unknown(name, index, known=known):
            return refused
        form = body if head.method == "POST" else b""
        if head.method == "GET" and (refused := self._may_get(name, known=known)):
            return refused
        values = asmx.parameters(head.query, form, self._wanted)
        if isinstance(values, Refusal):
            return values
        members = self._members_by_path(head, form, index) if batch.is_batch(name) else (name,)
        if isinstance(members, Refusal):
            return members
        return Classified(name, members or (name,), None, values, Dialect.ASMX)

    def _may_get(self, name: str, *, known: bool) -> Refusal | None:
        return asmx.may_get(name, self._asmx_get, safe=self._is_safe(name), known=known)

    def _members_by_path(self, head: Head, form: bytes, index: Index | None) -> tuple[str, ...] | Refusal:
        """Return the words that may be operations of a Batch by path. Nobody can tell which are, so each one's rules apply."""
        found = asmx.named_in(head.query, form, self._most)
        if isinstance(found, Refusal):
            return found
        if found and self._strict:
            detail = "nobody can tell what a Batch by path runs, and the backend is strict; send it as an envelope"
            return Refusal("operation_denied", "strict", detail)
        for each in found if head.method == "GET" else ():
            known = self._is_declared(each) or (index is not None and bool(index.by_name(each)))
            if refused := self._may_get(each, known=known):
                return refused
        return found

    def _by_plain_names(self, head: Head, body: bytes, charset: str | None) -> Classified | Refusal | None:
        """Name the operation of the usual small envelope by a look at it; None where a parser has to read it."""
        names = plain.read(body)
        message = None if names is None else envelope.plain(names.root, head)
        if names is None or message is None or not reads_ascii(body, charset):
            return None
        named = self._names(self._index(), message, names.operation, head)
        if isinstance(named, Refusal):
            return named
        if batch.runs_others(named.members):
            return None
        return replace(named, private_only=True) if b"href" in body else named

    def _by_body(self, root: etree._Element, head: Head, body: bytes) -> Classified | Refusal:
        message = envelope.read(root, head)
        if isinstance(message, Refusal):
            return message
        index = self._index()
        if boxcar := envelope.refuse_boxcar(message, index):
            return boxcar
        if message.operation is None:
            claims = envelope.actions(message, head)
            return claims if isinstance(claims, Refusal) else self._by_action(message, claims, index)
        named = self._names(index, message, message.operation.tag, head)
        if isinstance(named, Refusal):
            return named
        if batch.runs_others(named.members):
            members = self._members(named, message.operation, index, body)
            if isinstance(members, Refusal):
                return members
            named = replace(named, members=members)
        # By bytes, because it is cheap: a text that only speaks of href, or UTF-16, is kept private too. A large one is not keyed anyway.
        large = len(body) > WHOLE_SIZE_BYTES
        private = message.own_headers or large or b"href" in body or b"\0" in body[:4]
        if not (private or self._wanted):
            return named
        values = _values(root, message.operation, self._wanted) if self._wanted else None
        return replace(named, parameters=values, private_only=private)

    def _names(self, index: Index | None, message: envelope.Message, tag: str, head: Head) -> Classified | Refusal:
        """Say what the names in a message stand for. The same few come all day: what they say is kept while the index is."""
        if index is not self._known_from:
            self._known, self._known_from = {}, index
        said = (
            tag,
            message.addressed,
            head.headers.get("SOAPAction"),
            head.headers.get("Content-Type"),
            message.dialect,
        )
        known = self._known.get(said)
        if known is None:
            found = self._find_out(index, message, tag, head)
            if isinstance(found, Refusal):
                return found
            known = found
            if len(self._known) < _KEPT and len(str(said)) < _KEPT_CHARACTERS:
                self._known[said] = known
        return known

    def _find_out(self, index: Index | None, message: envelope.Message, tag: str, head: Head) -> Classified | Refusal:
        claims = envelope.actions(message, head)
        if isinstance(claims, Refusal):
            return claims
        found = self._find(index, tag, claims)
        name = found.name if found is not None else local(tag)
        if refused := self._unknown(name, index, known=found is not None or self._is_declared(name)):
            return refused
        action = _canonical(found, self._path) if message.dialect is Dialect.SOAP11 else None
        others: list[str] = []
        lasting = envelope.lasting(message, head)
        for claim in claims:
            verdict = envelope.check_action(claim, found, name, index)
            if isinstance(verdict, Refusal):
                return verdict
            # An action that is replaced on the way cannot mislead anybody, unless it stands elsewhere too.
            if action is None or claim in lasting:
                others += verdict
        return Classified(name, tuple(dict.fromkeys((name, *others))), action, None, message.dialect)

    def _by_action(
        self, message: envelope.Message, claims: tuple[str, ...], index: Index | None
    ) -> Classified | Refusal:
        """Name the operation of an empty Body, as a few contracts have it (12 of 6 387 operations seen): by its one action."""
        known = index.by_action(claims[0]) if index is not None and len(claims) == 1 else ()
        names = (known[0].name,) if len(known) == 1 else envelope.words(claims[0]) if len(claims) == 1 else ()
        if not names or len(known) > 1:
            return Refusal("malformed", "operation", "the Body is empty, and no one action says what is wanted")
        for name in names:
            if refused := self._unknown(name, index, known=bool(known) or self._is_declared(name)):
                return refused
        return Classified(names[0], names, None, None, message.dialect, private_only=True)

    def _find(self, index: Index | None, tag: str, claims: tuple[str, ...]) -> Operation | None:
        return None if index is None else index.by_body(tag, self._path, claims[0] if claims else None)

    def _unknown(self, name: str, index: Index | None, *, known: bool) -> Refusal | None:
        if known or not self._strict:
            return None
        if index is None:  # nobody can say yet what the contract has; a "never" would be believed
            detail = "the WSDL is not read yet, and this backend is strict"
            return Refusal("backend_unreachable", detail=detail, retry_after_s=_WSDL_S)
        return Refusal("operation_denied", "strict", f"{name[:60]} is not in the WSDL, and the backend is strict")

    def _members(
        self, named: Classified, operation: etree._Element, index: Index | None, body: bytes
    ) -> tuple[str, ...] | Refusal:
        known = None if index is None else lambda each: bool(index.by_name(each))
        found = batch.members_of(operation, self._most, known, split_text=has_sections(body))
        if isinstance(found, Refusal):
            return found
        for each in found:
            declared = self._is_declared(each) or (known is not None and known(each))
            if refused := self._unknown(each, index, known=declared):
                return refused
        # A Batch is its members; what only an action calls a Batch may also be what its body says.
        name, *others = named.members
        mine = found if found and batch.is_batch(name) else (name, *found)
        return tuple(dict.fromkeys((*mine, *others)))

    def _is_silent(self, call: Call) -> bool:
        index = self._index()
        found = index.by_name(call.operation) if index is not None else ()
        return bool(found) and all(each.reply is None and each.body is not None for each in found)


def _canonical(operation: Operation | None, path: str | None) -> str | None:
    """Return the SOAPAction of the contract, for a request whose action travels in a header line."""
    if operation is None:
        return None
    return next((action for kind in _KINDS if (action := operation.action(kind, path)) is not None), None)


def _values(root: etree._Element, operation: etree._Element, wanted: frozenset[str]) -> dict[str, str]:
    """Return the texts of the wrapper's simple children that are wanted; one that stands twice says nothing.

    "header NAME" is the text of a header block of that name.
    """
    values: dict[str, str] = {}
    for name in wanted:
        block = name.startswith(_BLOCK)
        place = root[0] if block else operation  # without a Header the first is the Body, which holds no such block
        tag = name.removeprefix(_BLOCK)
        found = [*islice(place.iterchildren(f"{{*}}{tag}"), 2)]  # the search is libxml2's: cheap among 65 000 children
        if block and local(root[0].tag) != "Header":
            continue
        if len(found) == 1 and len(found[0]) == 0 and found[0].get("href") is None:
            values[name] = found[0].text or ""
    return values
