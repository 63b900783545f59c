"""A WSDL and what it imports, read for a command: from files, of its own folder alone, or fetched from one origin.

No redirect is followed, nothing is read from a disk because a document says so, and documents are bounded in number, bytes and time.
Nothing is called.
"""

from __future__ import annotations

import http.client
import socket
import ssl
import time
from contextlib import closing, suppress
from dataclasses import dataclass, field
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING, Final
from urllib.parse import unquote, urlsplit, urlunsplit

if TYPE_CHECKING:
    from collections.abc import Callable
    from urllib.parse import SplitResult

    from adapters.soap.contract import Index

    Reading = Callable[[str], bytes | None]

WITHIN_S: Final = (
    30.0  # for all documents together: slow ASMX hosts take ten to make a WSDL for the first time after a start
)
DOCUMENTS: Final = 64  # as many, and as large, as the sidecar itself keeps per backend
_BYTES: Final = 32 * 1024 * 1024
_SHOWN: Final = 200  # of what a server says; a Location can have 64 KiB
_PORTS: Final = {"http": 80, "https": 443}
_ITS_OWN: Final = ("wsdl", "singlewsdl")  # queries after which what stands before them is the service itself
_DOCUMENT: Final = (".wsdl", ".xml")
_WSDL: Final = "{http://schemas.xmlsoap.org/wsdl/}definitions"
_WSDL2: Final = "{http://www.w3.org/ns/wsdl}description"
_XMLRPC: Final = "an XML-RPC service has none, and `sidecar introspect URL` asks that one"
_BY_HAND: Final = "or save the WSDL yourself and name the file"


class NoWsdlError(Exception):
    """There is no WSDL to begin with; the text says why, and what to do."""


@dataclass(frozen=True, slots=True)
class Read:
    """What was read: the index, the documents by location, and how the file and the address of the backend are called, None where
    there is none.
    """

    index: Index
    documents: dict[str, bytes]
    file: Path | None
    url: str | None


def is_url(source: str) -> bool:
    """Say whether a source is an address."""
    return source.lower().startswith(("http://", "https://"))


def from_file(file: Path) -> Read:
    """Read a WSDL file with what it imports from its folder or below. Raises NoWsdlError."""
    try:
        str(file).encode()
    except UnicodeEncodeError:
        raise NoWsdlError(f"{str(file)!r} is no name that settings can hold: rename the file") from None
    body = _contents(file, None, _BYTES)
    if isinstance(body, str):
        raise NoWsdlError(f"{file} cannot be read: {body}")
    room = _Room(_BYTES - len(body))

    def beside(location: str) -> bytes | None:
        path = _beside(file.parent, location)
        got = "" if path is None else _contents(path, file.parent, room.left)
        return None if isinstance(got, str) else room.taken(got)

    return Read(*_indexed(str(file), file.name, body, beside), file, None)


def _beside(folder: Path, location: str) -> Path | None:
    """Return where an import may lie: by its relative name; one of the web as the copy that somebody saved; one of a disk nowhere."""
    try:
        parts = urlsplit(location)
    except ValueError:  # a bracket without its twin
        return None
    if parts.query:  # made by a service; the file of that name is another document
        return None
    if parts.scheme in _PORTS:
        return folder / Path(unquote(parts.path)).name
    if parts.scheme or parts.netloc or location.startswith("/"):
        return None
    return folder / unquote(parts.path)


def _contents(path: Path, folder: Path | None, most: int) -> bytes | str:
    """Return a file's bytes, or why there are none; with `folder`, only from inside it once all links are followed."""
    try:
        if folder is not None and not path.resolve().is_relative_to(folder.resolve()):
            return "it leads out of the folder of the WSDL"
        if not path.is_file():  # a pipe would keep us waiting
            return "it is no file"
        with path.open("rb") as file:
            body = file.read(most + 1)
    except (OSError, ValueError, RuntimeError) as error:  # a NUL in a name, links in a circle
        return getattr(error, "strerror", None) or type(error).__name__
    return body if len(body) <= most else f"it is larger than {_BYTES} bytes"


def from_url(source: str, within_s: float) -> Read:
    """Fetch a WSDL with what it imports, all from one origin. Raises NoWsdlError."""
    parts = _parts(source)
    if not parts.query and not parts.path.lower().endswith(_DOCUMENT):
        parts = parts._replace(query="wsdl")
    web = _Web(within_s, time.monotonic() + within_s)
    body = web.get(parts)

    def of_one_origin(location: str) -> bytes | None:
        with suppress(NoWsdlError):
            other = _parts(location)
            if _origin(other) == _origin(parts):
                return web.get(other)
        return None

    found, documents = _indexed(source, urlunsplit(parts), body, of_one_origin)
    service = urlunsplit(parts._replace(query="")) if parts.query.lower() in _ITS_OWN else None
    return Read(found, documents, None, service)


def _parts(url: str) -> SplitResult:
    """Take an address apart. Raises NoWsdlError."""
    try:
        parts = urlsplit(url)
        usable = parts.scheme in _PORTS and bool(parts.hostname) and parts.port != 0
    except ValueError:
        usable = False
    if not usable:
        raise NoWsdlError(f"{url!r} is no http:// or https:// address")
    if "@" in parts.netloc:
        raise NoWsdlError("an address must not carry credentials: save the WSDL yourself and name the file")
    return parts._replace(fragment="")


def _origin(parts: SplitResult) -> tuple[str, str | None, int]:
    return parts.scheme, parts.hostname, parts.port or _PORTS[parts.scheme]


@dataclass(slots=True)
class _Web:
    """Fetches documents until the time is up, `until_s` of the monotonic clock, or all bytes are taken."""

    within_s: float
    until_s: float
    room: _Room = field(default_factory=lambda: _Room(_BYTES))

    def get(self, parts: SplitResult) -> bytes:
        """Ask for one document; whoever is silent, or drips, is left when the time is up. Raises NoWsdlError."""
        shown, said, sockets = repr(urlunsplit(parts)), list[bytes | NoWsdlError](), list[socket.socket]()
        connection = self._connection(parts)
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")

        def ask() -> None:
            try:
                with closing(connection):
                    connection.connect()
                    sockets.append(connection.sock)  # a reply that ends with its connection takes it from there
                    said.append(_answer(connection, target, shown, self.room.left))
            except NoWsdlError as error:
                said.append(error)
            except (OSError, http.client.HTTPException, ValueError) as error:  # ValueError: a target that is none
                said.append(NoWsdlError(f"{shown} cannot be had: {_why(error)}; is the address right? {_BY_HAND}"))

        # A thread, for a resolver and a drop every second can be bounded in no other way; a daemon, so that it holds nobody up.
        thread = Thread(target=ask, name="init", daemon=True)
        thread.start()
        thread.join(max(0.0, self.until_s - time.monotonic()))
        got = said[0] if said else None
        if isinstance(got, bytes):
            self.room.taken(got)
            return got
        if got is None:
            for sock in sockets:
                with suppress(OSError):  # gone just now
                    sock.shutdown(socket.SHUT_RDWR)
            got = NoWsdlError(f"{shown} did not come within {self.within_s:g} s: --timeout gives it longer, {_BY_HAND}")
        raise got

    def _connection(self, parts: SplitResult) -> http.client.HTTPConnection:
        host, port = parts.hostname or "", parts.port or _PORTS[parts.scheme]
        if parts.scheme == "http":
            return http.client.HTTPConnection(host, port, timeout=self.within_s)
        return http.client.HTTPSConnection(host, port, timeout=self.within_s, context=ssl.create_default_context())


def _why(error: Exception) -> str:
    if isinstance(error, http.client.IncompleteRead):
        return "it ended early"
    if isinstance(error, http.client.HTTPException):
        return f"what answers speaks no HTTP ({type(error).__name__})"
    return getattr(error, "strerror", None) or str(error) or type(error).__name__


def _answer(connection: http.client.HTTPConnection, target: str, shown: str, most: int) -> bytes:
    """Return a document. Raises NoWsdlError, and whatever http.client raises."""
    # It follows no redirect, knows no proxy of the environment and unpacks nothing: all three are wanted.
    connection.request("GET", target, headers={"Accept": "*/*", "Accept-Encoding": "identity", "Connection": "close"})
    with connection.getresponse() as reply:
        if 300 <= reply.status < 400:
            where = reply.getheader("Location", "")[:_SHOWN]
            raise NoWsdlError(f"{shown} leads elsewhere, to {where!r}: name that address if it is the one you mean")
        if reply.status != 200:
            what = f"{shown} answers with status {reply.status}: is it the service's address?"
            raise NoWsdlError(f"{what} {_XMLRPC}; {_BY_HAND}")
        if reply.getheader("Content-Encoding", "identity").lower() != "identity":
            raise NoWsdlError(f"{shown} comes packed, which nobody asked for: save the WSDL yourself and name the file")
        body = b"" if (reply.length or 0) > most else reply.read(most + 1)
        if len(body) > most or (reply.length or 0) > most:
            raise NoWsdlError(f"{shown} is too large: a WSDL and what it imports may have {_BYTES} bytes")
        if reply.length:  # what is still to come: read(n) says nothing of a reply that ends early
            raise http.client.IncompleteRead(body, reply.length)
        return body


@dataclass(slots=True)
class _Room:
    """How many bytes may still be read."""

    left: int

    def taken(self, body: bytes) -> bytes:
        self.left -= len(body)
        return body


def _indexed(shown: str, first: str, body: bytes, read: Reading) -> tuple[Index, dict[str, bytes]]:
    """Index a WSDL with all that `read` gives of what it imports. Raises NoWsdlError."""
    from adapters.soap.wsdl import index  # noqa: PLC0415 - lxml; help needs none of this

    _rooted(shown, body)
    documents, asked = {first: body}, {first}
    while True:
        found = index(documents)
        more = [location for location in found.wanted if location not in asked][: DOCUMENTS - len(asked)]
        if not more:
            break
        asked.update(more)
        documents |= {location: got for location in more if (got := read(location)) is not None}
    if not found.operations:
        raise NoWsdlError(f"{shown} names no operation; does the WSDL import another that could not be read?")
    return found, documents


def _rooted(shown: str, body: bytes) -> None:
    """Say what a document is that is no WSDL. Raises NoWsdlError."""
    from sidecar.cli.contracts import root_of  # noqa: PLC0415 - as above
    from sidecar.settings.findings import NoDocumentError  # noqa: PLC0415 - as above

    try:
        root = root_of(body)
    except NoDocumentError as error:
        raise NoWsdlError(f"{shown} is no WSDL: {error}; {_XMLRPC}") from None
    if root == _WSDL2:
        raise NoWsdlError(f"{shown} is a WSDL 2.0: only 1.1 is read, which most services offer as well")
    if root != _WSDL:
        raise NoWsdlError(f"{shown} is no WSDL: it begins with {root!r}; {_XMLRPC}")
