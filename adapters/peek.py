"""What can be seen of a reply without parsing it: its first 64 KiB, its last 4 KiB, its root tag, and text at a named element.

Both protocols grade replies with it. It answers with bytes and offsets, costs the same for 100 KB as for 16 MB, and never
refuses anything: what a reply means is said elsewhere.
"""

from __future__ import annotations

import re
import zlib
from functools import lru_cache
from html import unescape
from itertools import islice
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from sidecar.model import RawHeaders

HEAD_BYTES: Final = 65_536  # what rules are looked for in; joining and searching it takes some 30 us
TAIL_BYTES: Final = 4_096  # where the closing tag must be; trailing white space and comments stay far below
_INFLATED_BYTES: Final = 262_144  # inflating them takes half a millisecond, a quarter of what may hold the loop

_LOOKED: Final = 64  # elements of one name, each 0.7 us; the deepest fault seen has three levels

_TAG: Final = rb"""(?:[^<>"']++|"[^"]*+"|'[^']*+')*+>"""  # the rest of a start tag; a quoted value may hold a `>`
# A byte order mark, declaration, comments, white space, a document type: everything that may stand before a root.
_ROOT: Final = re.compile(
    rb"(?s:(?:\xef\xbb\xbf)?(?:\s++|<\?.*?\?>|<!--.*?-->|<!(?!--)[^<>\[]*+>)*+)<([^\s<>/!?'\"=]++)(" + _TAG + rb")"
)
_BEGINS: Final = re.compile(rb"(?:\xef\xbb\xbf)?\s*+<[?!A-Za-z_]")
_NAME: Final = rb"[^\s<>/:!?]++"
_TEXT: Final = rb"(?s:((?:[^<]++|<!\[CDATA\[.*?\]\]>|<!--.*?-->)*+))"
_SECTION: Final = re.compile(r"<!\[CDATA\[(.*?)\]\]>|<!--.*?-->|([^<]+)", re.DOTALL)


class Look(NamedTuple):
    """A reply as far as it was looked at, as UTF-8 or another superset of ASCII.

    `head` is its beginning, `tail` its end, None where it cannot be seen (a long compressed reply). `cut` says that a
    compressed body ended early, is corrupt, or that less came than Content-Length promised; `opaque` that it is in a
    coding that we do not read (br, zstd).
    """

    media: str  # the type of its Content-Type, lower-case, "" where it has none
    content_type: str
    head: bytes
    tail: bytes | None
    size_bytes: int
    cut: bool = False
    opaque: bool = False


class Root(NamedTuple):
    """A document's first start tag: its name as written, its namespace, where it ends, whether it closes itself."""

    name: bytes
    namespace: bytes
    end: int
    empty: bool

    @property
    def prefix(self) -> bytes:
        """The prefix with its colon, empty where there is none."""
        return self.name[: self.name.find(b":") + 1]

    @property
    def local(self) -> bytes:
        """The name without its prefix."""
        return self.name[self.name.find(b":") + 1 :]


def look(headers: RawHeaders, body: tuple[bytes, ...]) -> Look:
    """Look at a complete reply."""
    content_type = coding = b""
    promised: int | None = None
    for name, value in headers:
        size = len(name)
        if size == 12 and name.lower() == b"content-type":  # lengths first: they cost nothing
            content_type = value
        elif size == 16 and name.lower() == b"content-encoding":
            coding = value.strip().lower()
        elif size == 14 and value.isdigit() and name.lower() == b"content-length":
            promised = int(value)
    size_bytes = len(body[0]) if len(body) == 1 else sum(map(len, body))
    kind = content_type.decode("latin-1")
    cut = promised is not None and promised > size_bytes
    media = kind.partition(";")[0].strip().lower()
    if coding and coding != b"identity" and size_bytes:
        return _inflated(Look(media, kind, b"", None, size_bytes, cut), coding, body)
    if size_bytes <= HEAD_BYTES:
        head = tail = body[0] if len(body) == 1 else b"".join(body)
    else:
        head, tail = _first(body, HEAD_BYTES), _last(body, TAIL_BYTES, size_bytes)
    return _in_utf8(Look(media, kind, head, tail, size_bytes, cut))


def root_of(seen: bytes) -> Root | None:
    """Read the root's start tag, None where the bytes do not begin like a document."""
    found = _ROOT.match(seen)
    if found is None:
        return None
    name, attributes = found[1], found[2]
    colon = name.find(b":")
    declared = b"xmlns:" + name[:colon] if colon > 0 else b"xmlns"
    return Root(name, _attribute(attributes, declared), found.end(), attributes.endswith(b"/>"))


def what_it_is(seen: Look) -> str:
    """Name the reason for a reply without a readable root: HTML by its type, a document that ends too early, or no XML."""
    if seen.media in ("text/html", "application/xhtml+xml"):
        return "html"
    return "truncated" if _BEGINS.match(seen.head) else "not_xml"


def closes(seen: Look, root: Root) -> bool:
    """Say whether the root's closing tag stands in the tail; True where the tail cannot be seen."""
    if root.empty or seen.tail is None:
        return True
    at = seen.tail.rfind(b"</" + root.name)
    return at >= 0 and seen.tail[at + 2 + len(root.name) :].lstrip()[:1] == b">"


def shows_all(seen: Look) -> bool:
    """Say whether nothing of the reply is out of sight: its end is known, and lies in its beginning or holds it."""
    return seen.tail is not None and (seen.head.endswith(seen.tail) or seen.tail.endswith(seen.head))


def text_at(seen: bytes, path: str, start: int = 0) -> str | None:
    """Return the text of the first element named `path`: a local name, or several joined by dots, each inside the one before.

    None where there is none, or where it holds elements before any text. A prefix in the reply does not matter.
    """
    end = len(seen)
    if any(name.encode() not in seen for name in path.split(".")):
        return None  # found out at the speed of memory, which most replies without the element are worth
    *outer, last = path.split(".")
    for name in outer:
        found = _opening(name).search(seen, start, end)
        if found is None or found[1] == b"/":
            return None
        start = found.end()
        closing = _closing(name).search(seen, start, end)
        end = closing.start() if closing else end
    found = _opening(last).search(seen, start, end)
    return None if found is None else "" if found[1] == b"/" else _text_of(seen, found.end(), end)


def all_texts_at(seen: bytes, name: str, start: int = 0, most: int = 8) -> tuple[str, ...]:
    """Return the texts of the first `most` elements of a local name, in order (a SOAP 1.2 fault has one Value per level)."""
    texts = []
    for found in islice(_opening(name).finditer(seen, start), _LOOKED):
        text = "" if found[1] == b"/" else _text_of(seen, found.end(), len(seen))
        texts += [text] if text is not None else []
        if len(texts) == most:
            break
    return tuple(texts)


def clean(raw: bytes) -> str:
    """Turn a stretch of character data into text: CDATA opened, comments dropped, references resolved.

    Bytes that are no UTF-8 are read as windows-1252: old servers send it, declared or not, and a rule's glob should match.
    """
    try:
        text = raw.decode()
    except UnicodeDecodeError:
        text = raw.decode("cp1252", "replace")
    if "<" not in text:
        return (unescape(text) if "&" in text else text).strip()
    return "".join(part[1] or unescape(part[2] or "") for part in _SECTION.finditer(text)).strip()


_PLAIN_TEXT: Final = re.compile(_TEXT + rb"<(/?)")


def _text_of(seen: bytes, start: int, end: int) -> str | None:
    """Read character data up to the next tag; None where that tag opens an element and nothing but space came before."""
    found = _PLAIN_TEXT.match(seen, start, end)
    if found is None:
        return clean(seen[start:end]) if end < len(seen) else None
    text = clean(found[1])
    return text if found[2] or text else None


@lru_cache(maxsize=512)  # one per name in the rules
def _opening(name: str) -> re.Pattern[bytes]:
    attributes = rb"""(?:\s(?:[^<>"'/]++|"[^"]*+"|'[^']*+'|/(?!>))*+)?+"""
    return re.compile(rb"<(?:" + _NAME + rb":)?" + re.escape(name.encode()) + attributes + rb"(/?)>")


@lru_cache(maxsize=512)
def _closing(name: str) -> re.Pattern[bytes]:
    return re.compile(rb"</(?:" + _NAME + rb":)?" + re.escape(name.encode()) + rb"\s*+>")


def _attribute(attributes: bytes, name: bytes) -> bytes:
    """Return the value of an attribute in a start tag, empty where it is not there."""
    at = attributes.find(name)
    while at >= 0:
        equals = attributes[at + len(name) :].lstrip()
        if equals[:1] == b"=" and attributes[at - 1 : at].isspace():
            quoted = equals[1:].lstrip()
            return quoted[1:].partition(quoted[:1])[0] if quoted else b""
        at = attributes.find(name, at + 1)
    return b""


def _first(body: tuple[bytes, ...], most: int) -> bytes:
    got: list[bytes] = []
    have = 0
    for piece in body:
        got.append(piece[: most - have])
        have += len(got[-1])
        if have >= most:
            break
    return b"".join(got)


def _last(body: tuple[bytes, ...], most: int, size_bytes: int) -> bytes:
    """Return the last `most` bytes, or one more: it begins at an even offset, so that UTF-16 stays whole."""
    most += (size_bytes - most) % 2
    got: list[bytes] = []
    have = 0
    for piece in reversed(body):
        got.append(piece[max(0, len(piece) - (most - have)) :])
        have += len(got[-1])
        if have >= most:
            break
    return b"".join(reversed(got))


def _in_utf8(seen: Look) -> Look:
    """Read UTF-16 as UTF-8; its byte order mark, or the zero beside the first `<`, gives it away (XML 1.0 appendix F)."""
    first = seen.head[:2]
    if first in (b"\xff\xfe", b"<\0"):
        codec = "utf-16-le"
    elif first in (b"\xfe\xff", b"\0<"):
        codec = "utf-16-be"
    else:
        return seen
    head = seen.head.decode(codec, "ignore").lstrip("\ufeff").encode(errors="ignore")
    tail = None if seen.tail is None else seen.tail.decode(codec, "ignore").encode(errors="ignore")
    return seen._replace(head=head, tail=tail)


def _inflated(seen: Look, coding: bytes, body: tuple[bytes, ...]) -> Look:
    """Inflate a bounded beginning; where that is all, the checksum has been checked and the end is seen as well."""
    if coding not in (b"gzip", b"x-gzip", b"deflate"):
        return seen._replace(opaque=True)
    inflater = zlib.decompressobj(_window(coding, body[0]))
    got: list[bytes] = []
    left = _INFLATED_BYTES
    try:
        for piece in body:
            got.append(inflater.decompress(piece, left))
            left -= len(got[-1])
            if left <= 0 or inflater.eof:
                break
    except zlib.error:
        return seen._replace(cut=True)
    text = b"".join(got)
    whole = (
        inflater.eof and not inflater.unused_data
    )  # a second member, or padding, may follow: then the end is not known
    tail = text[-(TAIL_BYTES + (len(text) - TAIL_BYTES) % 2) :] if whole else None
    ended = inflater.eof or left <= 0
    return _in_utf8(seen._replace(head=text[:HEAD_BYTES], tail=tail, cut=seen.cut or not ended))


def _window(coding: bytes, first: bytes) -> int:
    """`deflate` means the zlib format (RFC 9110 section 8.4.1.2), and IIS once sent it bare."""
    if coding != b"deflate":
        return 16 + zlib.MAX_WBITS
    return zlib.MAX_WBITS if first[:1] == b"\x78" else -zlib.MAX_WBITS
