"""An XML-RPC endpoint's side of the road: may this request be a call, which methods does it run, what does the reply mean.

Implements `ports.Adapter`. It answers with Classified, Grade or a refusal; it never changes a byte of what passes.
"""

from __future__ import annotations

import re
from collections import Counter
from itertools import islice
from typing import TYPE_CHECKING, Final

from adapters.media import XML, media_of, refuse_media
from adapters.refusals import has_sections, of_xml
from adapters.rules import Rules
from adapters.xml import WHOLE_SIZE_BYTES, XmlRefused, dissolve, parse_in_pieces
from adapters.xmlrpc import codec, kept, multicall, question, sniff
from sidecar.model import Dialect, Refusal
from sidecar.ports import Classified

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from lxml import etree

    from adapters.rules import FaultLike, ResultLike
    from sidecar.answers import Entry, Keying, Question
    from sidecar.model import Answer, Call, Grade, Head, Outbound, RawHeaders

# The specification has letters, digits, `_ . : /`; servers in the wild take more, but no white space, markup or controls.
_METHOD: Final = re.compile(r"[^\s<>&\"'\x00-\x1f\x7f]{1,255}")
_PARAMS: Final = 1_000  # reading that many takes half a millisecond; methods take some dozens
_START_BYTES: Final = 65_536  # where a methodName stands; searching them takes 0.1 ms


class XmlRpcAdapter:
    """One endpoint. `is_declared` says of a method's name whether a line of the configuration other than "*" names it; `wanted` are
    parameters whose values are kept (a position, from "0", or a member's name in any struct), besides those that `results` compare with.
    `path` is the endpoint's own at the backend.
    """

    __slots__ = ("_is_declared", "_most", "_path", "_rules", "_strict", "_wanted")

    def __init__(
        self,
        *,
        faults: Sequence[FaultLike] = (),
        results: Sequence[ResultLike] = (),
        is_declared: Callable[[str], bool] = lambda _: False,
        strict: bool = False,
        multicall_max: int = 50,
        wanted: frozenset[str] = frozenset(),
        path: str | None = None,
    ) -> None:
        self._rules = Rules(faults, results)
        self._is_declared = is_declared
        self._strict = strict
        self._most = multicall_max
        self._wanted = wanted | self._rules.parameters
        self._path = path

    @property
    def edition(self) -> object:
        """Nothing: XML-RPC has no contract that could change."""
        return None

    def accepts(self, head: Head, rest: str) -> Refusal | None:
        """Take POST of XML at the endpoint itself."""
        if rest not in ("", "/"):
            return Refusal("not_found", "path", "nothing lives below an XML-RPC endpoint; post to the endpoint itself")
        if head.method != "POST":
            return Refusal("method_not_allowed", detail=f"{head.method[:40]} is no call; XML-RPC is POST", allow="POST")
        return refuse_media(head, XML, "send XML-RPC as text/xml")

    async def classify(self, head: Head, rest: str, dialect: Dialect, body: bytes) -> Classified | Refusal:
        """Name the method, and those that a multicall runs. `dialect` only says how failures are written."""
        del rest, dialect
        try:
            root = await parse_in_pieces(body, charset=media_of(head).charset)
        except XmlRefused as refused:
            return of_xml(refused)
        named = self._named(root, body)
        if len(body) > WHOLE_SIZE_BYTES:
            await dissolve(root)
        return named

    def _named(self, root: etree._Element, body: bytes) -> Classified | Refusal:
        read = _read(root)
        if isinstance(read, Refusal):
            return read
        method, values = read
        members = multicall.members_of(values, self._most) if multicall.is_multicall(method) else (method,)
        if isinstance(members, Refusal):
            return members
        odd = self._refuse_names((method, *members)) or _refuse_cut(method, body)
        if odd is not None:
            return odd
        kept = _kept(values, self._wanted) if self._wanted else None
        return Classified(method, members or (method,), None, kept, Dialect.XMLRPC)

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
        return sniff.grade(call, status, headers, body, self._rules, safe=safe, partial=partial)

    def question(self, head: Head, rest: str, body: bytes, keying: Keying) -> Question | str:
        """Say what a request asks, free of its caller, or why it is his alone."""
        del rest
        return question.question(head, body, keying, self._path, _read)

    def knock(self, operation: str) -> tuple[Dialect, Outbound] | None:
        """Return a call without parameters."""
        return Dialect.XMLRPC, question.knock(operation, self._path)

    def veto(self, question: Question, answer: Answer) -> str | None:
        """Return why an answer may not be kept: fault, root."""
        del question
        return kept.veto(answer)

    async def replay(
        self, entry: Entry, head: Head, rest: str, body: bytes, dialect: Dialect
    ) -> tuple[RawHeaders, bytes] | None:
        """Return a kept answer, byte for byte: all who call this way read one dialect."""
        del head, rest, body, dialect
        return entry.headers, entry.body

    def stand_in(self, payload: bytes) -> tuple[Dialect, RawHeaders, bytes]:
        """Make a whole reply of a JSON value. Raises ValueError."""
        return kept.stand_in(payload)

    def _refuse_names(self, names: tuple[str, ...]) -> Refusal | None:
        for name in names:
            if not _METHOD.fullmatch(name):
                return Refusal("malformed", "operation", f"{name[:60]!r} is no name of a method")
            if self._strict and not self._is_declared(name) and not multicall.is_multicall(name):
                detail = f"{name[:60]} is not named in the configuration, and the backend is strict"
                return Refusal("operation_denied", "strict", detail)
        return None


def _refuse_cut(method: str, body: bytes) -> Refusal | None:
    """Refuse names that a comment may cut: a parser that stops at the first text node would run another method than we read."""
    if not has_sections(body):
        return None
    start = body[:_START_BYTES].replace(b"\0", b"")  # UTF-16 of ASCII
    if not multicall.is_multicall(method) and re.search(rb">\s*+" + re.escape(method.encode()) + rb"\s*+</", start):
        return None
    return Refusal(
        "malformed", "operation", "comments or processing instructions may cut a method's name; leave them out"
    )


def _read(root: etree._Element) -> tuple[str, list[etree._Element]] | Refusal:
    """Return the method's name and the values of its parameters."""
    if root.tag != "methodCall":
        return Refusal("malformed", "envelope", f"the root is {str(root.tag)[:60]!r}, not a methodCall")
    if [each.tag for each in islice(root, 3)] not in (["methodName"], ["methodName", "params"]) or len(root[0]):
        return Refusal("malformed", "operation", "a methodCall holds one methodName, then at most one params")
    params = root[1] if len(root) == 2 else ()
    if len(params) > _PARAMS:
        return Refusal("malformed", "elements", f"more than {_PARAMS} parameters")
    values = []
    for param in params:
        if param.tag != "param" or len(param) != 1 or param[0].tag != "value":
            return Refusal("malformed", "envelope", "params holds param elements with one value each")
        values.append(param[0])
    return (root[0].text or "").strip(), values


def _kept(values: list[etree._Element], wanted: frozenset[str]) -> dict[str, str]:
    """Return the wanted scalars by position, and by name out of structs; a name that stands twice says nothing."""
    named = [(str(at), value) for at, value in enumerate(values)]
    for value in values:
        if len(named) <= _PARAMS:
            named += codec.members(value) or ()
    times = Counter(name for name, _ in named)
    kept: dict[str, str] = {}
    for name, value in named:
        if name in wanted and times[name] == 1 and (text := codec.scalar(value)) is not None:
            kept[name] = text
    return kept
