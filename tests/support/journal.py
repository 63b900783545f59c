"""What a scripted backend saw and did: one entry per request, written while it happens.

Stands behind every claim about `executed`: the journal is the other witness. It judges nothing and forgets nothing.
"""

from __future__ import annotations

import asyncio
import hashlib
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, overload

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

# First element below Body, any prefix; comments may stand between. Good enough for a witness, too simple for the product.
_SOAP = re.compile(r"<(?:[\w.-]+:)?Body\b[^>]*>\s*(?:<!--.*?-->\s*)*<(?:[\w.-]+:)?([\w.-]+)", re.DOTALL)
_XMLRPC = re.compile(r"<methodName>\s*([^<\s]+)\s*</methodName>")


@dataclass(slots=True)
class Entry:
    """One request as the backend met it. Times are the loop's, in seconds; None: it never happened."""

    number: int
    connection: int
    reused: bool  # not the first request of its connection
    began_s: float
    head: bytes = b""
    method: str = ""
    target: str = ""
    version: str = ""
    headers: list[tuple[bytes, bytes]] = field(default_factory=list)
    raw_body: bytearray = field(default_factory=bytearray)  # as read by the script, chunk framing taken off
    head_s: float | None = None
    body_s: float | None = None
    executed_s: float | None = None
    replied_s: float | None = None
    ended_s: float | None = None
    reply_sent_bytes: int = 0
    cut: str | None = None  # how the script broke it off: "rst at half_body"
    peer_gone: str | None = None  # "fin" or "rst", while the request was being read, worked on or answered
    peer_gone_s: float | None = None
    error: str | None = None

    @property
    def body(self) -> bytes:
        return bytes(self.raw_body)

    @property
    def head_bytes(self) -> int:
        return len(self.head)

    @property
    def body_bytes(self) -> int:
        return len(self.raw_body)

    @property
    def body_whole(self) -> bool:
        return self.body_s is not None

    @property
    def executed(self) -> bool:
        return self.executed_s is not None

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.raw_body).hexdigest()

    def header(self, name: str) -> str | None:
        """Return the first header of that name, whatever its case; None where there is none."""
        return next((v.decode("latin-1") for k, v in self.headers if k.decode("latin-1").lower() == name.lower()), None)

    @property
    def operation(self) -> str | None:
        """The operation by body element or method name, else (ASMX) by the last segment of the path."""
        return sniff(self.body, self.target)

    def __repr__(self) -> str:
        did = "executed" if self.executed else "not executed"
        gone = f", peer {self.peer_gone}" if self.peer_gone else ""
        cut = f", {self.cut}" if self.cut else ""
        return (
            f"<{self.number} on connection {self.connection}: {self.method} {self.target} {self.operation}, "
            f"{self.body_bytes} B{'' if self.body_whole else ' (not whole)'}, {did}{cut}{gone}>"
        )


def sniff(body: bytes, target: str) -> str | None:
    """Name the operation of a request by its body, else by its path."""
    text = _decoded(body)
    if found := _SOAP.search(text) or _XMLRPC.search(text):
        return found[1]
    return target.partition("?")[0].rsplit("/", 1)[-1] or None


def _decoded(body: bytes) -> str:
    if body.startswith((b"\xff\xfe", b"\xfe\xff")):
        return body.decode("utf-16", "replace")
    return body.decode("utf-8", "replace")


@dataclass(slots=True)
class Connection:
    """One accepted connection; `ended` says who ended it and how."""

    number: int
    opened_s: float
    peer: Any
    requests: int = 0
    closed_s: float | None = None
    ended: str | None = None


class Journal:
    """The entries in order of arrival, and the questions that tests ask of them."""

    def __init__(self) -> None:
        self.entries: list[Entry] = []
        self.running = 0
        self.peak = 0
        self._waiters: list[tuple[Callable[[Journal], bool], asyncio.Future[None]]] = []

    def __iter__(self) -> Iterator[Entry]:
        return iter(self.entries)

    def __len__(self) -> int:
        return len(self.entries)

    @overload
    def __getitem__(self, index: int) -> Entry: ...
    @overload
    def __getitem__(self, index: slice) -> list[Entry]: ...
    def __getitem__(self, index: int | slice) -> Entry | list[Entry]:
        return self.entries[index]

    def __repr__(self) -> str:
        return "\n".join(map(repr, self.entries)) or "(nobody came)"

    @property
    def executed(self) -> list[Entry]:
        return [entry for entry in self.entries if entry.executed]

    @property
    def operations(self) -> list[str | None]:
        return [entry.operation for entry in self.entries]

    def by_header(self, name: str, value: str) -> list[Entry]:
        """Return the entries that carried this header value: how a test finds its own call among many."""
        return [entry for entry in self.entries if entry.header(name) == value]

    def add(self, entry: Entry) -> None:
        self.entries.append(entry)
        self.running += 1
        self.peak = max(self.peak, self.running)
        self.changed()

    def end(self, entry: Entry, now_s: float) -> None:
        entry.ended_s = now_s
        self.running -= 1
        self.changed()

    def changed(self) -> None:
        for predicate, future in self._waiters:
            if not future.done() and predicate(self):
                future.set_result(None)
        self._waiters = [waiter for waiter in self._waiters if not waiter[1].done()]

    async def until(self, predicate: Callable[[Journal], bool], within_s: float = 10.0) -> None:
        """Wait, without polling, until `predicate(journal)` holds; 10 s is for a busy machine, not for a slow test."""
        if predicate(self):
            return
        future = asyncio.get_running_loop().create_future()
        self._waiters.append((predicate, future))
        try:
            async with asyncio.timeout(within_s):
                await future
        except TimeoutError:
            raise AssertionError(f"not within {within_s:g} s; the journal says:\n{self!r}") from None

    async def arrived(self, count: int, within_s: float = 10.0) -> None:
        """Wait until `count` requests are in, bodies whole."""
        await self.until(lambda journal: sum(entry.body_whole for entry in journal) >= count, within_s)

    async def ended(self, count: int, within_s: float = 10.0) -> None:
        """Wait until the backend is done with `count` requests, however they ended."""
        await self.until(lambda journal: sum(entry.ended_s is not None for entry in journal) >= count, within_s)
