"""Tells a document from what else a backend may answer when it is asked for its WSDL: error pages, half a file, nothing.

In the flight lane, in the place of an endpoint's adapter, for the sidecar's own fetches alone. It sniffs and never parses;
whether a document is well-formed is found out by whoever keeps it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from adapters import peek
from adapters.soap import namespaces
from sidecar.model import Executed, Grade

if TYPE_CHECKING:
    from sidecar.answers import Entry, Keying, Question
    from sidecar.model import Answer, Call, Dialect, Head, Outbound, RawHeaders, Refusal
    from sidecar.ports import Classified

# What may be kept and shown; anything else that is XML is a fault, a page, or another protocol.
_ROOTS: Final = frozenset(
    {
        (namespaces.WSDL.encode(), b"definitions"),
        (namespaces.XSD.encode(), b"schema"),
        (namespaces.DISCO.encode(), b"discovery"),
    }
)


class Reader:
    """`ports.Adapter` for documents alone."""

    @property
    def edition(self) -> object:
        """Nothing that changes."""
        return None

    def accepts(self, head: Head, rest: str) -> Refusal | None:
        """Never asked: no caller's request comes here."""
        raise NotImplementedError

    async def classify(self, head: Head, rest: str, dialect: Dialect, body: bytes) -> Classified | Refusal:
        """Never asked either."""
        raise NotImplementedError

    def question(self, head: Head, rest: str, body: bytes, keying: Keying) -> Question | str:
        """Nor this: the shelf keeps documents by itself."""
        raise NotImplementedError

    def veto(self, question: Question, answer: Answer) -> str | None:
        """Nor this."""
        raise NotImplementedError

    async def replay(
        self, entry: Entry, head: Head, rest: str, body: bytes, dialect: Dialect
    ) -> tuple[RawHeaders, bytes] | None:
        """Nor this."""
        raise NotImplementedError

    def stand_in(self, payload: bytes) -> tuple[Dialect, RawHeaders, bytes]:
        """Nor this: nobody writes documents in a backend's place."""
        raise NotImplementedError

    def knock(self, operation: str) -> tuple[Dialect, Outbound] | None:
        """Nor this: nobody probes with a document."""
        raise NotImplementedError

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
        """Take a 200 with the root of a WSDL, a schema or a disco document; a 5xx alone counts against the backend."""
        del call, safe, partial
        reason = _wrong(status, peek.look(headers, body))
        if reason is None:
            return Grade("ok", Executed.NO)
        return Grade("backend_bad_reply", Executed.NO, reason, healthy=status < 500)


def _wrong(status: int, seen: peek.Look) -> str | None:
    """Return why this is no document, None where it looks like one."""
    if not seen.size_bytes:
        return "empty"
    if seen.cut:
        return "truncated"
    root = peek.root_of(seen.head)
    if root is None:
        return peek.what_it_is(seen)
    if root.local.lower() == b"html":
        return "html"
    if status != 200:
        return "http"
    if (root.namespace, root.local) not in _ROOTS:
        return "root"
    return None if peek.closes(seen, root) else "truncated"
