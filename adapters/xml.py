"""The one hardened XML parser: all XML that we look into, from callers, backends and files, is read here. (The plainest envelopes are
recognised before, in `soap/plain`, and replies are only sniffed, in `peek`: neither takes what this would not.)

It answers with an element tree, or raises `XmlRefused` with a reason and a sentence for people; callers turn it into a
refusal. It never resolves an entity, reads a file, opens a connection, or holds the loop for more than 2 ms.
"""

import asyncio
import codecs
import re
from collections.abc import Iterator
from contextlib import suppress
from functools import lru_cache
from itertools import islice
from time import perf_counter
from typing import Any, Final, Literal

from lxml import etree

from adapters.dictionary import Apart, Dictionary

__all__ = ["REPLY_MARKUP", "REQUEST_MARKUP", "WHOLE_SIZE_BYTES", "Reason", "XmlRefused"]
__all__ += ["dissolve", "escape", "local", "ns", "parse", "parse_in_pieces", "reads_ascii"]

Reason = Literal["malformed", "doctype_refused", "too_deep", "too_many_elements", "too_many_attributes", "charset"]

# `<` signs, which no document can have fewer of than elements. `<a/>` costs 123 bytes of tree and 4 of wire, so a
# request can grow to 8 MB of tree at most, and eight at once stay within the 64 MB that bad input may cost.
REQUEST_MARKUP: Final = 65_536
# A decoded reply may be 16 MiB; real ones spend 12 bytes and more per `<`, and 64 MB is what one may take.
REPLY_MARKUP: Final = 524_288
WHOLE_SIZE_BYTES: Final = 65_536  # the worst 64 KiB (16 000 empty elements) parse in 1.3 ms

_DEPTH: Final = 64  # real envelopes stay under 20; libxml2 itself stops at 256
_ATTRIBUTES: Final = 256  # namespace declarations count too: codecs build a map of them per element
_COUNTED: Final = 32 * 8_192  # bytes whose tags are counted between two yields: 0.3 ms where every fourth is one
_HOLD_S: Final = 0.0005  # of feeding between two yields; the worst piece takes 0.3 ms more
_PIECE: Final = 8_192  # the worst 8 KiB cost 0.3 ms to feed, a yield costs 0.02
_DISSOLVED: Final = 250  # elements freed between two yields: 0.1 ms, thrice that when the processor has forgotten them
_TAG: Final = 65_536  # a longer start tag would be parsed in one go however small the pieces are
_SEARCH: Final = 65_536  # three searches through it take 0.1 ms
_SHORT: Final = 64  # a declaration with version, encoding and standalone has 56
_DECLARATION: Final = 1_024  # where the XML declaration must have ended
_DETAIL: Final = 200  # libxml2 quotes names, and a name may be 50 000 characters long

_NAMES: Final = {
    "utf-8": "utf-8",
    "utf8": "utf-8",
    "utf-16": "utf-16",
    "us-ascii": "us-ascii",
    "ascii": "us-ascii",
    "iso-8859-1": "iso-8859-1",
    "latin1": "iso-8859-1",
    "windows-1252": "windows-1252",
    "cp1252": "windows-1252",
}
_ENCODING: Final = re.compile(r"""\sencoding\s*=\s*["']([^"']*)["']""")
_PROLOG: Final = re.compile(rb"(?s:(?:\xef\xbb\xbf)?(?:\s++|<\?.*?\?>|<!--.*?-->)*+<!(?!--))")
_ATTRIBUTE: Final = rb"""(?:\s++[^\s=<>"']++\s*+=\s*+(?:"[^"<]*+"|'[^'<]*+'))"""
# An attribute value cannot hold a `<`, so a tag always ends before the next one. Inside CDATA the same text would be
# refused too: nobody has sent that, and it errs on the safe side.
_CROWDED: Final = re.compile(rb"<[^\s<>/]++" + _ATTRIBUTE + rb"{%d}" % (_ATTRIBUTES + 1))
_WHOLE_TAG: Final = re.compile(rb"</?[^\s<>/]++" + _ATTRIBUTE + rb"*+\s*+/?>")
_SECTIONS: Final = (b"<![CDATA[", b"<!--", b"<?")
_TOO_DEEP: Final = etree.XPath("boolean(" + "/*" * (_DEPTH + 1) + ")")
_ILLEGAL: Final = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")  # XML 1.0 §2.2, Char
_ESCAPES: Final = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;", "\r": "&#13;"})


class XmlRefused(Exception):  # noqa: N818 -- named for what happened, as every refusal of ours is
    """A document that we do not take: `reason` for the state, `detail` for the developer who sent it."""

    def __init__(self, reason: Reason, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason: Final = reason
        self.detail: Final = detail


def parse(body: bytes, *, charset: str | None, markup_max: int = REQUEST_MARKUP) -> etree._Element:
    """Read a document at once: up to `WHOLE_SIZE_BYTES` on the loop, above that only in a thread.

    `charset` is the parameter of the Content-Type, None where it has none. Raises `XmlRefused`.
    """
    markup = body.count(b"<", 0, _PIECE)
    if markup > min(_DEPTH, markup_max) or len(body) > _PIECE or _codec(body, charset) != "utf-8":
        return _parse_with_care(body, charset, markup_max)
    _refuse_doctype_early(body)
    if body.count(b"=") > _ATTRIBUTES:
        return _parse_with_care(body, charset, markup_max)
    _DICTIONARY.reads(len(body))
    return _parsed(
        body, _DICTIONARY.usual
    )  # as few tags as may be nested, as few signs as one element may have attributes


def _parse_with_care(body: bytes, charset: str | None, markup_max: int) -> etree._Element:
    text = b"".join(_transcode(body, _charset(body, charset), markup_max))
    _refuse_doctype_early(text)
    for _ in _judged(text, markup_max):
        pass
    return _shallow(_whole(text))


def reads_ascii(body: bytes, charset: str | None) -> bool:
    """Say whether a document's bytes are read as UTF-8, which ASCII is a part of. Raises `XmlRefused` as `parse` does."""
    return _codec(body, charset) == "utf-8"


def _codec(body: bytes, charset: str | None) -> str:
    """As `_charset`, from memory where the document begins with a short declaration: clients send the same few."""
    end = body.find(b"?>", 0, _SHORT) + 2
    return _charset_of(body[:end], charset) if end >= 7 else _charset(body, charset)  # 7: len(b"<?xml?>")


async def parse_in_pieces(body: bytes, *, charset: str | None, markup_max: int = REQUEST_MARKUP) -> etree._Element:
    """Read a document of any size with a yield after each 8 KiB; same bounds, same tree, same errors as `parse`.

    CDATA sections, comments and processing instructions are one token to libxml2, however long (3.7 ms per MB):
    a large document with any of them is parsed by a thread, where lxml lets go of the interpreter lock. A large tree takes
    longer than 2 ms to free at once (20 000 elements, when the processor has forgotten them): `dissolve` it.
    """
    if len(body) <= WHOLE_SIZE_BYTES:
        return parse(body, charset=charset, markup_max=markup_max)
    pieces = []
    for piece in _transcode(body, _charset(body, charset), markup_max):
        pieces.append(piece)
        await asyncio.sleep(0)
    text = b"".join(pieces)
    _refuse_doctype_early(text)
    root = await _fed(text, markup_max)
    await asyncio.sleep(0)
    return await asyncio.to_thread(_shallow, root)  # up to 100 ns an element: lxml lets go of the lock for it


async def dissolve(root: etree._Element) -> None:
    """Free a tree piece by piece, with a yield between; whoever holds an element of it holds no more than that."""
    await asyncio.sleep(0)
    for element in islice(root.iter(), _DISSOLVED - 1, None, _DISSOLVED):
        _cut_before(element)
        await asyncio.sleep(0)


def _cut_before(element: etree._Element) -> None:
    """Let go of everything that ended before `element` began. One by one: a slice counts all that come after it first."""
    parent = element.getparent()
    while parent is not None:
        while (before := element.getprevious()) is not None:
            parent.remove(before)
        element, parent = parent, parent.getparent()


def local(tag: str) -> str:
    """Return the name of an element or attribute without its namespace."""
    return tag.rpartition("}")[2]


def ns(tag: str) -> str:
    """Return the namespace of an element or attribute, empty where it has none."""
    return tag[1:].partition("}")[0] if tag.startswith("{") else ""


def escape(text: str) -> str:
    """Make any string safe as XML text or attribute value; what XML 1.0 cannot carry becomes U+FFFD.

    It replaces instead of raising because our own faults quote what went wrong and must never fail themselves.
    """
    return _ILLEGAL.sub("\ufffd", text).translate(_ESCAPES)


def _charset(body: bytes, content_type: str | None) -> str:
    """Name the codec to read `body` with, once everybody who states a charset states the same (RFC 7303 §3)."""
    codec = _codec_by_bytes(body)
    head = body[:_DECLARATION].decode(codec or "iso-8859-1", "ignore").lstrip("\ufeff")
    declaration, closed, _ = head.partition("?>")
    if not declaration.startswith("<?xml"):
        declaration = ""
    elif not closed:
        raise XmlRefused("malformed", f"the XML declaration does not end within {_DECLARATION} bytes")
    found = _ENCODING.search(declaration)
    stated = [_known(name) for name in (content_type, found and found[1]) if name and name.strip(" \"'")]
    seen = codec and ("utf-16" if codec.startswith("utf-16") else codec)
    agreed = {*stated, seen} - {None}
    if len(agreed) > 1 or (agreed == {"utf-16"} and seen is None):
        says = f"Content-Type: {content_type}, XML declaration: {found and found[1]}, first bytes: {seen}"
        raise XmlRefused("charset", f"the charset is stated in different ways ({says}); make them agree"[:_DETAIL])
    return codec or (stated[0] if stated else "utf-8")


@lru_cache(maxsize=64)
def _charset_of(declaration: bytes, content_type: str | None) -> str:
    return _charset(declaration, content_type)


def _codec_by_bytes(body: bytes) -> str | None:
    """Return what a byte order mark, or the zero beside the first `<`, gives away (XML 1.0 appendix F)."""
    if body.startswith(codecs.BOM_UTF8):
        return "utf-8"
    if body.startswith((codecs.BOM_UTF16_LE, b"<\0")):
        return "utf-16-le"
    if body.startswith((codecs.BOM_UTF16_BE, b"\0<")):
        return "utf-16-be"
    return None


def _known(name: str) -> str:
    known = _NAMES.get(name.strip(" \"'").lower())
    if known is None:  # not codecs.lookup: it keeps every name it was ever asked for
        taken = "utf-8, utf-16, us-ascii, iso-8859-1, windows-1252"
        raise XmlRefused("charset", f"charset {name[:40]!r} is not taken; use one of {taken}")
    return known


def _transcode(body: bytes, codec: str, markup_max: int) -> Iterator[bytes]:
    """Count the markup, then give the document as UTF-8, in pieces, so that all other checks read one encoding."""
    markup = 0
    for start in range(0, len(body), _PIECE):
        markup += body.count(b"<", start, start + _PIECE)  # in UTF-16 it counts too many, never too few
        if markup > markup_max:
            raise XmlRefused("too_many_elements", f"more than {markup_max} tags; send less in one document")
        if start % _COUNTED == 0:
            yield b""
    if codec == "utf-8":
        yield body
        return
    decoder = codecs.getincrementaldecoder(codec)()
    try:
        for start in range(0, len(body), _PIECE):
            yield decoder.decode(body[start : start + _PIECE]).encode()
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        raise XmlRefused("malformed", f"bytes that are not {codec}") from None


def _refuse_doctype_early(text: bytes) -> None:
    """Spare libxml2 the DTD; `_whole` and `_fed` ask docinfo, which no spelling escapes, once more."""
    if _PROLOG.match(text, 0, _TAG):
        raise XmlRefused("doctype_refused", "a document type declaration is never taken; leave it out")


def _cuts(text: bytes) -> Iterator[tuple[int, int]]:
    """Cut at `<`, so that no tag is in two slices; only the last tag of a slice can be followed by a long stretch."""
    start = 0
    while start < len(text):
        end = text.find(b"<", start + _PIECE)
        end = len(text) if end < 0 else end
        yield start, end
        start = end


def _judged(text: bytes, markup_max: int) -> Iterator[tuple[int, int]]:
    """Give the slices of `_cuts`, each once its tags are known to be small and their attributes few."""
    attributes = 0
    for start, end in _cuts(text):
        last = max(text.rfind(b"<", start, end), start)
        _refuse_endless_tag(text, last, end)
        signs = text.count(b"=", start, end)
        if len(text) > 5 * (markup_max // 2):  # an attribute is 5 bytes at least
            attributes += min(signs, (text.count(b'"', start, end) + text.count(b"'", start, end)) // 2)
        if attributes > markup_max // 2:  # one costs as much tree as an element, and as long to free
            raise XmlRefused(
                "too_many_attributes", f"more than {markup_max // 2} attributes; send less in one document"
            )
        crowded = min(end, last + _TAG)
        if signs > _ATTRIBUTES and _wide(text[start:crowded]) and _CROWDED.search(text, start, crowded):
            raise XmlRefused("too_many_attributes", f"more than {_ATTRIBUTES} attributes on one element")
        yield start, end


def _wide(piece: bytes) -> bool:
    """Ask whether a tag could hold 257 attributes of 5 bytes: four times cheaper than to look for them."""
    return max(map(len, piece.split(b"<"))) > 5 * _ATTRIBUTES


def _refuse_endless_tag(text: bytes, start: int, end: int) -> None:
    if end - start <= _TAG or text[start + 1 : start + 2] in (b"!", b"?"):
        return
    if text[start : start + 1] != b"<":
        raise XmlRefused("malformed", f"no tag within the first {_TAG} bytes")
    if not _WHOLE_TAG.match(text, start, start + _TAG):
        raise XmlRefused("too_many_attributes", f"a start tag longer than {_TAG} bytes")


async def _fed(text: bytes, markup_max: int) -> etree._Element:
    """Check and parse slice by slice with a yield between."""
    sections = False
    for at in range(2, len(text), _SEARCH):  # from 2: past the XML declaration
        sections = sections or any(text.find(opening, at, at + _SEARCH + 8) > 0 for opening in _SECTIONS)
        await asyncio.sleep(0)
    # Not an XMLPullParser: that one refers to itself, and would keep what libxml2 holds until the collector comes round.
    parser, apart, until = etree.XMLParser(**_OPTIONS), Apart(), perf_counter() + _HOLD_S
    try:
        for start, end in _judged(text, markup_max):
            for at in range(start, 0 if sections else end, _PIECE):
                with apart:
                    _feed(parser, text[at : min(at + _PIECE, end)])
                if perf_counter() >= until:  # a yield costs as much as the usual piece
                    await asyncio.sleep(0)
                    until = perf_counter() + _HOLD_S
        if not sections:
            with apart:
                return _closed(parser)
    except BaseException:
        with apart:
            _abandon(parser)
        raise
    return await asyncio.to_thread(_whole, text)


_OPTIONS: Final[dict[str, Any]] = {
    "encoding": "utf-8",  # what `_transcode` made it, whatever the declaration says
    "resolve_entities": False,
    "no_network": True,
    "load_dtd": False,
    "huge_tree": False,
    "remove_comments": True,  # Get<!-- -->Seats is one text to a backend, so it must be one to us
    "remove_pis": True,
    "collect_ids": False,
    "decompress": False,
    "recover": False,
}


_DICTIONARY: Final = Dictionary(lambda: etree.XMLParser(**_OPTIONS))


def _whole(text: bytes) -> etree._Element:
    _DICTIONARY.reads(len(text))
    return _parsed(text, etree.XMLParser(**_OPTIONS))


def _parsed(text: bytes, parser: etree.XMLParser) -> etree._Element:
    try:
        return _without_doctype(etree.fromstring(text, parser))
    except etree.XMLSyntaxError as error:
        raise _refusal(error) from None


def _feed(parser: etree.XMLParser, piece: bytes) -> None:
    """Read on. After an entity that nobody declared lxml raises nothing, and takes what follows for a new document: its log is asked."""
    try:
        parser.feed(piece)
    except etree.XMLSyntaxError as error:
        raise _refusal(error) from None
    for fatal in parser.feed_error_log.filter_from_fatals():
        raise XmlRefused("malformed", f"{fatal.message}, line {fatal.line}, column {fatal.column}"[:_DETAIL])


def _closed(parser: etree.XMLParser) -> etree._Element:
    try:
        return _without_doctype(parser.close())
    except etree.XMLSyntaxError as error:
        raise _refusal(error) from None


def _abandon(parser: etree.XMLParser) -> None:
    """Free half a tree. A parser that is only let go of leaves it behind for good (xmlFreeParserCtxt frees all but the document)."""
    with suppress(etree.XMLSyntaxError):  # that it is half a document, or that the parser has given it up by itself
        parser.close()


def _refusal(error: etree.XMLSyntaxError) -> XmlRefused:
    if str(error).startswith("Excessive depth"):  # libxml2's own bound, 256, ends the parse before ours is asked
        return _deep()
    # libxml2's own words, without the line that it breaks them by and lxml's name for a document that has none.
    said = str(error).partition(" (<string>, line ")[0]
    return XmlRefused("malformed", " ".join(said.split()).replace(" ,", ",")[:_DETAIL])


def _deep() -> XmlRefused:
    return XmlRefused("too_deep", f"more than {_DEPTH} elements inside one another")


def _without_doctype(root: etree._Element) -> etree._Element:
    if root.getroottree().docinfo.internalDTD is not None:
        raise XmlRefused("doctype_refused", "a document type declaration is never taken; leave it out")
    return root


def _shallow(root: etree._Element) -> etree._Element:
    if _TOO_DEEP(root):
        raise _deep()
    return root
