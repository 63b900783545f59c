"""`sidecar introspect`: what an XML-RPC backend says of its own methods, as a start for `signatures:` in the settings.

Every answer is optional: servers say [], "", "signatures not supported", or a fault, and then the method stands in a comment. It asks
system.listMethods, methodSignature and methodHelp and nothing else, one call at a time, within bounds of time, count and size; it
follows no redirect and no proxy of the environment.
"""

from __future__ import annotations

import http.client
import re
import socket
import ssl
import sys
import threading
import time
from contextlib import closing, contextmanager, suppress
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

import click

from sidecar.cli.remote import AddressError, NotReachedError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from urllib.parse import SplitResult

_CALL_S: Final = 5.0  # one step of one call: what takes longer is not well
_REPLY_BYTES: Final = 1024 * 1024  # names of 10 000 methods
_PIECE_BYTES: Final = 65_536
_NAMED: Final = 10_000  # methods that are printed at all
_HELP: Final = 500  # characters: as many as `text:` may have
_PARAMS: Final = 100  # as many as `params:` may have
_PLAIN: Final = re.compile(r"[A-Za-z][A-Za-z0-9_]*(\.[A-Za-z0-9_]+)+|[A-Za-z][A-Za-z0-9_]{5,}")  # no word of YAML
_METHOD: Final = re.compile(r"[^\s<>&\"'\x00-\x1f\x7f]{1,255}")
# What servers call the types, in lower case; whatever else they say is any.
_TYPES: Final = {
    **{name: name for name in ("int", "i8", "double", "string", "boolean", "base64", "nil", "struct", "array")},
    **dict.fromkeys(("i1", "i2", "i4", "integer"), "int"),
    **dict.fromkeys(("datetime.iso8601", "datetime"), "dateTime"),
    **dict.fromkeys(("float",), "double"),
    **dict.fromkeys(("bool",), "boolean"),
    **dict.fromkeys(("void", "none", "null"), "nil"),
}

Told = list[list[str]]
"""The signatures of one method: of each the type that it returns, then those of its parameters."""


@click.command("introspect")
@click.argument("url", metavar="URL")
@click.option("--timeout", "timeout_s", type=click.FloatRange(1, 600), default=30.0, show_default=True, help="Seconds.")
@click.option("--most", type=click.IntRange(1, 2000), default=500, show_default=True, help="Methods that are asked about.")  # fmt: skip
def command(url: str, timeout_s: float, most: int) -> None:
    """Ask the XML-RPC backend at URL for its methods, and print a start for `signatures:` in the settings.

    These are calls that change nothing, and a backend that does not offer them says so.
    """
    try:
        with _asking(url, timeout_s) as backend:
            lines = _lines(url, backend, most)
    except AddressError as error:
        raise click.UsageError(str(error)) from error
    except NotReachedError as error:
        click.echo(str(error), err=True)
        sys.exit(1)
    click.echo("\n".join(lines))


def _lines(url: str, backend: _Backend, most: int) -> list[str]:
    said = backend.ask("system.listMethods")
    names = [name for name in said if isinstance(name, str)] if isinstance(said, list) else []
    known = sorted({name for name in names if _METHOD.fullmatch(name) and not name.lower().startswith("system.")})
    if not known:
        raise NotReachedError(f"{_bare(url)} names no methods: write their signatures yourself")
    parts = [_entry(name, backend) if at < most else _unsaid(name, "not asked") for at, name in enumerate(known)]
    told = sum(not part[0].lstrip().startswith("#") for part in parts)
    return [
        f"# What {_bare(url)} says of its methods: {told} of {len(known)} with their types. Read it before you use it:",
        "# what the parameters are called is never told, and types may be wrong. It belongs below backends.NAME.",
        "signatures:" if told else "signatures: {}",
        *(line for part in parts[:_NAMED] for line in part),
    ]


def _entry(name: str, backend: _Backend) -> list[str]:
    """Return the lines of one method."""
    if backend.left_s() <= 0:
        return _unsaid(name, "not asked, the time was up")
    told = _told(backend.ask("system.methodSignature", name))
    text = _help(backend.ask("system.methodHelp", name))
    if not told:
        return _unsaid(name, text or "nothing is told")
    (returns, *params), optional_from, others = _one_of(told)
    lines = [f"  {_key(name)}:"]
    if params:
        listed = (
            f"      - {{name: p{at}, type: {kind}{_optional(at, optional_from)}}}" for at, kind in enumerate(params)
        )
        lines += ["    params:", *listed]
    lines.append(f"    returns: {returns}")
    if text:
        lines.append(f"    text: {_quoted(text)}")
    return lines + [f"    # or: ({', '.join(other[1:])}) returns {other[0]}" for other in others]


def _optional(at: int, optional_from: int) -> str:
    return ", optional: true" if at >= optional_from else ""


def _unsaid(name: str, why: str) -> list[str]:
    return [f"  # {_key(name)}: {{params: [], returns: any}}  # {why}"]


def _told(said: Any) -> Told:
    """Read what methodSignature says: a list of lists of words, or one such list."""
    if not isinstance(said, list):
        return []
    lists = [said] if all(isinstance(each, str) for each in said) else said
    return [
        [_TYPES.get(kind.strip().lower(), "any") for kind in each]
        for each in lists
        if isinstance(each, list) and 0 < len(each) <= _PARAMS and all(isinstance(kind, str) for kind in each)
    ]


def _one_of(told: Told) -> tuple[list[str], int, Told]:
    """Return the longest, from which parameter on they may be left out, because another ends there, and those that it does not cover."""
    longest = max(told, key=len)
    covered = [each for each in told if each == longest[: len(each)]]
    return longest, min(map(len, covered)) - 1, [each for each in told if each not in covered][:5]


def _help(said: Any) -> str:
    text = " ".join(said.split()) if isinstance(said, str) else ""
    return "".join(sign for sign in text if sign.isprintable())[:_HELP].strip()


def _key(name: str) -> str:
    return name if _PLAIN.fullmatch(name) else _quoted(name)


def _quoted(text: str) -> str:
    """Write a text as JSON does, which YAML 1.2 reads; `$` twice is one to the settings, and none opens a reference."""
    import json  # noqa: PLC0415 - help needs none of this

    return json.dumps(text, ensure_ascii=False).replace("${", "$${")


def _bare(url: str) -> str:
    """Return an address without what may be secret in it."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"


@contextmanager
def _asking(url: str, timeout_s: float) -> Iterator[_Backend]:
    """Give a backend for so long; then whatever is being read of it is cut off."""
    backend = _Backend(url, timeout_s)
    clock = threading.Timer(timeout_s, backend.cut)
    clock.daemon = True
    clock.start()
    try:
        yield backend
    finally:
        clock.cancel()
        backend.close()


class _Backend:
    """One backend, asked call by call over one connection as long as it keeps that."""

    def __init__(self, url: str, timeout_s: float) -> None:
        parts, port = _address(url)
        self._url = _bare(url)
        self._path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        self._until_s = time.monotonic() + timeout_s
        each_s, host = min(timeout_s, _CALL_S), parts.hostname or ""
        self._sock: socket.socket | None = None
        self._connection: http.client.HTTPConnection
        if parts.scheme == "https":
            context = ssl.create_default_context()
            self._connection = http.client.HTTPSConnection(host, port or 443, timeout=each_s, context=context)
        else:
            self._connection = http.client.HTTPConnection(host, port or 80, timeout=each_s)

    def left_s(self) -> float:
        """Return how long it may still be asked."""
        return self._until_s - time.monotonic()

    def cut(self) -> None:
        """End what is being read now; asked from another thread."""
        if self._sock is not None:
            with suppress(OSError):
                self._sock.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Let go of the connection."""
        self._connection.close()

    def ask(self, method: str, *params: str) -> Any:
        """Return what a method returns, None where it says nothing that can be read. Raises NotReachedError where listMethods does not."""
        status, media, body = 0, "", b""
        try:
            status, media, body = self._post(_document(method, params))
        except (OSError, http.client.HTTPException, ValueError) as error:
            self._connection.close()
            if not params:
                reason = "the time was up" if self.left_s() <= 0 else str(error) or type(error).__name__
                raise NotReachedError(f"{self._url} does not answer: {reason}") from error
        if status != http.HTTPStatus.OK and not params:
            elsewhere = " and sends whoever asks elsewhere, which is not followed" if 300 <= status < 400 else ""
            raise NotReachedError(f"{self._url} answers {status}{elsewhere}: is it the right address?")
        return _value(media, body) if status == http.HTTPStatus.OK else None

    def _post(self, document: bytes) -> tuple[int, str, bytes]:
        if self._connection.sock is None:
            self._connection.connect()
        # Where the server closes, the connection lets go of its socket, and the reply still reads from it.
        self._sock = self._connection.sock
        self._connection.request("POST", self._path, document, {"Content-Type": "text/xml"})
        body = b""
        with closing(self._connection.getresponse()) as reply:
            while piece := reply.read1(_PIECE_BYTES):
                body += piece
                if len(body) > _REPLY_BYTES:
                    raise ValueError(f"its answer has more than {_REPLY_BYTES} bytes")
        if self.left_s() <= 0:  # what was cut off looks like an end
            raise TimeoutError("the time was up")
        return reply.status, reply.getheader("Content-Type", ""), body


def _address(url: str) -> tuple[SplitResult, int | None]:
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        parts, port = urlsplit(""), None
    plain = url.isascii() and url.isprintable() and " " not in url
    if not plain or parts.scheme not in ("http", "https") or not parts.hostname or "@" in parts.netloc:
        raise AddressError("URL is no plain http:// or https:// address, as in http://127.0.0.1:9000/RPC2")
    return parts, port


def _document(method: str, params: Sequence[str]) -> bytes:
    from adapters.xmlrpc.values import Given, call  # noqa: PLC0415 - lxml, which help does not need
    from sidecar.pieces import whole  # noqa: PLC0415 - asyncio, as above
    from sidecar.signatures import ANY, Signatures  # noqa: PLC0415 - as above

    given = [Given(value, ANY, (None, at)) for at, value in enumerate(params)]
    return b"".join(whole(call(method, given, Signatures()))[0])


def _value(media: str, body: bytes) -> Any:
    """Return the value of a reply, None where it is a fault or cannot be read."""
    import json  # noqa: PLC0415 - as above

    from adapters.media import parse_media  # noqa: PLC0415 - as above
    from adapters.xml import REPLY_MARKUP, XmlRefused, parse  # noqa: PLC0415 - as above
    from adapters.xmlrpc.telling import Unreadable, result  # noqa: PLC0415 - as above
    from sidecar.pieces import whole  # noqa: PLC0415 - as above
    from sidecar.signatures import ANY  # noqa: PLC0415 - as above

    try:
        root = parse(body, charset=parse_media(media).charset, markup_max=REPLY_MARKUP)
        return json.loads(b"".join(whole(result(root, ANY))))
    except (XmlRefused, Unreadable):
        return None
