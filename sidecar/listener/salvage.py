"""What can still be read out of a request that the parser gave up: method, target, and the headers that a refusal needs.

Stands beside the parser and sees the same bytes. It may answer with a Head, or with nothing; it keeps a few short lines
and never the rest, and what it kept is looked up, compared, decided on, but never sent back.
"""

from __future__ import annotations

import re
from typing import Final

from multidict import CIMultiDict, CIMultiDictProxy

from sidecar.listener.request import split_target
from sidecar.model import Head

LINE_BYTES: Final = 1024
"""Longest line that is kept: an Origin is at most 8 + 253 + 6 bytes, an Accept of a browser about 150."""

_WANTED: Final = frozenset(
    (
        b"origin",
        b"accept",
        b"accept-language",
        b"access-control-request-method",  # a preflight is answered as one even where its address is too long
        b"content-type",
        b"sidecar-debug",  # whoever may be told what decided wants to know of this, too
        b"soapaction",
        b"x-request-id",
        b"host",
        b"user-agent",
    )
)
_REQUEST_LINE: Final = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]{1,32}) +([!-~]+)(?: .*)?\Z")


class Salvage:
    """Reads header lines as they come, in pieces of any size, and remembers the wanted ones.

    `done` is True once the blank line has passed, or where no header can be expected at all: TLS (RFC 8446 §5.1) and the
    HTTP/2 preface (RFC 9113 §3.4) do not speak in header lines.
    """

    __slots__ = ("_found", "_line", "_long", "_request", "_started", "done")

    def __init__(self) -> None:
        self.done = False
        self._line = bytearray()
        self._long = False
        self._started = False
        self._request: bytes | None = None
        self._found: list[tuple[bytes, bytes]] = []

    def feed(self, data: bytes | bytearray) -> None:
        """Read on. Lines end with LF, a CR before it is dropped: what broke the parser may be just that."""
        if not self._started and data:
            self._started = True
            if data[0] == 0x16 or data.startswith(b"PRI * HTTP/2"):
                self.done = True
        start = 0
        while not self.done and start < len(data):
            end = data.find(b"\n", start)
            self._extend(data[start : len(data) if end < 0 else end])
            if end < 0:
                return
            self._end_line()
            start = end + 1

    def _extend(self, part: bytes | bytearray) -> None:
        room = LINE_BYTES - len(self._line)
        self._line += part[:room]
        self._long = self._long or len(part) > room

    def _end_line(self) -> None:
        line, long = bytes(self._line).rstrip(b"\r"), self._long
        self._line.clear()
        self._long = False
        if self._request is None:
            if line:
                self._request = line
        elif not line and not long:
            self.done = True
        elif not long:
            name, colon, value = line.partition(b":")
            if colon and name.strip().lower() in _WANTED and len(self._found) < 2 * len(_WANTED):
                self._found.append((name.strip(), value.strip(b" \t")))

    def head(self) -> Head | None:
        """Return what was recovered; None where not even a request line was."""
        line = self._request if self._request is not None else bytes(self._line)
        match = _REQUEST_LINE.match(line)
        if match is None and not self._found:
            return None
        method, target = (part.decode("ascii") for part in match.groups()) if match else ("", "/")
        target, path, query = split_target(target)
        pairs = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in self._found]
        return Head(method, target, path, query, CIMultiDictProxy(CIMultiDict(pairs)), tuple(self._found))
