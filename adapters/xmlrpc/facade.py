"""An XML-RPC endpoint's JSON side: a call as a methodCall, a methodResponse as JSON, and what signatures say of its methods.

Implements `ports.Facade`. It answers with bytes or a refusal: invalid_params and malformed before the backend is touched,
backend_bad_reply for what is no methodResponse. It knows no caller, keeps no answer, and never holds the loop for 2 ms.
"""

from __future__ import annotations

import asyncio
import re
from hashlib import blake2b
from typing import TYPE_CHECKING, Any, Final

import orjson

from adapters import peek
from adapters.json.reading import JsonRefused, read
from adapters.media import media_of_headers
from adapters.rules import said as first_line
from adapters.xml import REPLY_MARKUP, WHOLE_SIZE_BYTES, XmlRefused, dissolve, parse_in_pieces
from adapters.xmlrpc import signature as signed
from adapters.xmlrpc import telling, values
from sidecar.described import Described
from sidecar.model import Dialect, Refusal
from sidecar.pieces import in_turns
from sidecar.ports import Asked, Offered
from sidecar.signatures import ANY, Signatures

if TYPE_CHECKING:
    from collections.abc import Callable

    from lxml import etree

    from adapters.xmlrpc.values import Wrong
    from sidecar.model import RawHeaders
    from sidecar.pieces import Pieces
    from sidecar.signatures import Type

_METHOD: Final = re.compile(r"[^\s<>&\"'\x00-\x1f\x7f]{1,255}")  # as the endpoint's own side takes them
_HEADERS: Final[RawHeaders] = ((b"Content-Type", b"text/xml"),)
_JOINED_BYTES: Final = 1_048_576  # joining more takes a millisecond; from then on Python lets go of its lock for it
_FAULT_BYTES: Final = 65_536  # of a fault's JSON: what is longer is no fault but a report
_TEXT: Final = 4_096  # characters of a fault's text: Python's servers send a traceback
_TOO_MUCH: Final = frozenset(("too_deep", "too_many_elements", "too_many_attributes"))


def _no_rules(name: str) -> Described:
    return Described(name, {}, None)


class XmlRpcFacade:
    """One endpoint. `signatures` are what the settings say of its methods: XML-RPC has no contract."""

    __slots__ = ("_form", "_methods", "_rules", "_speech", "_stack_traces")

    def __init__(
        self,
        signatures: Signatures | None = None,
        rules: Callable[[str], Described] = _no_rules,
        *,
        stack_traces: bool = False,
    ) -> None:
        self._rules, self._stack_traces = rules, stack_traces
        self._speech: Final = signatures or Signatures()
        self._methods: Final = {each.method: each for each in self._speech.methods}
        returned = [(each.method, each.returns) for each in self._speech.methods]
        self._form: Final = blake2b(repr(returned).encode("utf-8", "surrogatepass"), digest_size=16).digest()

    @property
    def edition(self) -> object:
        """The signatures: XML-RPC has no other contract."""
        return self._speech

    @property
    def form(self) -> object:
        """What methods return: it decides how times and bytes look."""
        return self._form

    def knows(self, name: str) -> bool:
        """Say whether a method may have that name: what there is, only the backend knows."""
        return _METHOD.fullmatch(name) is not None

    async def ask(self, name: str, body: bytes | None, query: str) -> Asked | Refusal:
        """Write a methodCall of the JSON in `body`, or, where that is None, of `query`. Refuses malformed and invalid_params."""
        if not self.knows(name):
            return Refusal("malformed", "operation", f"{name[:60]!r} is no name of a method")
        signature = self._methods.get(name)
        wrong: list[Wrong] = []
        if body is None:
            given, wrong = signed.queried(signature, query)
        else:
            try:
                given = await read(body)
            except JsonRefused as no:
                return _misread(no)
        params, misplaced = await in_turns(signed.arranged(signature, given))
        parts, mistaken = await in_turns(values.call(name, params, self._speech))
        wrong += [*misplaced, *mistaken]
        return _wrong(wrong) if wrong else Asked(_HEADERS, await _joined(parts))

    async def tell(self, name: str, headers: RawHeaders, body: bytes) -> bytes | Refusal:
        """Read a methodResponse: the JSON of what it returns. Refuses backend_bad_reply."""
        signature = self._methods.get(name)
        return await self._told(headers, body, telling.result, ANY if signature is None else signature.returns)

    async def fault(self, name: str, headers: RawHeaders, body: bytes) -> bytes:
        """Read a fault: {"code": …, "text": …}, each as far as it is there; b"" where there is none to read."""
        del name
        told = await self._told(headers, body, lambda root, _: telling.failure(root), ANY)
        if isinstance(told, Refusal) or len(told) > _FAULT_BYTES:
            return b""
        said = orjson.loads(told)
        return _fault_of(said, whole=self._stack_traces) if isinstance(said, dict) else b""

    async def answer(self, name: str, data: bytes) -> tuple[Dialect, RawHeaders, bytes] | Refusal:
        """Write a methodResponse that returns what an operator worded as JSON. Refuses malformed and invalid_params."""
        signature = self._methods.get(name)
        try:
            value = await read(data)
        except JsonRefused as no:
            return _misread(no)
        returns = ANY if signature is None else signature.returns
        parts, wrong = await in_turns(values.reply(value, returns, self._speech))
        return _wrong(wrong) if wrong else (Dialect.XMLRPC, _HEADERS, await _joined(parts))

    async def describe(self, offered: Callable[[str], bool]) -> Offered:
        """Describe the methods that have a signature and are `offered`: of others nobody knows what they take."""
        nullable = self._speech.allow_nil
        found = [
            signed.described(each, self._rules(name), nullable=nullable)
            for name, each in self._methods.items()
            if offered(name)
        ]
        return Offered(tuple(found), {}, {})

    async def _told(
        self,
        headers: RawHeaders,
        body: bytes,
        work: Callable[[etree._Element, Type], Pieces[list[bytes]]],
        kind: Type,
    ) -> bytes | Refusal:
        try:
            root = await parse_in_pieces(body, charset=media_of_headers(headers).charset, markup_max=REPLY_MARKUP)
        except XmlRefused as no:
            return _unread(headers, body, no)
        try:
            parts = await in_turns(work(root, kind))
        except telling.Unreadable as no:
            return Refusal("backend_bad_reply", no.reason, no.detail)
        finally:
            if len(body) > WHOLE_SIZE_BYTES:
                await dissolve(root)
        return await _joined(parts)


async def _joined(parts: list[bytes]) -> bytes:
    if sum(map(len, parts)) <= _JOINED_BYTES:
        return b"".join(parts)
    return await asyncio.to_thread(b"".join, parts)


def _misread(no: JsonRefused) -> Refusal:
    return Refusal(no.state, no.reason, no.text, errors=((no.pointer, no.code, no.text),))


def _wrong(wrong: list[Wrong]) -> Refusal:
    """Refuse a call with all that is wrong; the sentence is the first one's, with its place."""
    errors = tuple(wrong[: values.WRONG_MOST])
    pointer, code, text = errors[0]
    detail = f"{pointer or 'the body'}: {text}" + (f"; {len(errors) - 1} more in errors" if len(errors) > 1 else "")
    return Refusal("invalid_params", "duplicate" if code == "duplicate" else None, detail, errors=errors)


def _unread(headers: RawHeaders, body: bytes, no: XmlRefused) -> Refusal:
    """Say what came in place of a methodResponse, in the words that its grade would have."""
    seen = peek.look(headers, (body,))
    root = peek.root_of(seen.head)
    if not body:
        reason = "empty"
    elif no.reason in _TOO_MUCH:
        reason = "too_large"
    elif root is None:
        reason = peek.what_it_is(seen) if no.reason == "malformed" else "not_xml"
    elif root.local.lower() == b"html":
        reason = "html"
    else:
        reason = "not_xml" if peek.closes(seen, root) else "truncated"
    return Refusal("backend_bad_reply", reason, f"the reply cannot be read: {no.detail}")


def _fault_of(said: dict[str, Any], *, whole: bool) -> bytes:
    """Tell a fault; not `whole`: its first line, for Python's servers send a traceback below it."""
    found: dict[str, Any] = {}
    code, text = said.get("faultCode"), said.get("faultString")
    if isinstance(code, (int, str)):  # XMLRPC::Lite has words for codes, others send them as i8
        found["code"] = code[:_TEXT] if isinstance(code, str) else code
    if isinstance(text, str) and text:
        found["text"] = text[:_TEXT] if whole else first_line(text)
    return orjson.dumps(found) if found else b""
