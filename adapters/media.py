"""What both protocols ask of a request's head before its body is read: content type, charset, encoding, header lines sent twice.

Answers with a refusal (malformed, unsupported_media) or None; it never looks at a body, and never decides an operation.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, Final, NamedTuple

from sidecar.model import Refusal

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sidecar.model import Head, RawHeaders

XML: Final = frozenset(("text/xml", "application/xml"))
SOAP12: Final = "application/soap+xml"
FORM: Final = "application/x-www-form-urlencoded"
CHARSETS: Final = frozenset(
    (
        *("utf-8", "utf8", "utf-16", "us-ascii", "ascii"),
        *("iso-8859-1", "latin1", "windows-1252", "cp1252"),
    )
)
"""lxml would also take UTF-7, UTF-32, Shift_JIS and ISO-2022-JP, which backends read otherwise than we do."""

# The lines that say what a body is. A backend behind another proxy may take the second of two where we took the first:
# ASMX behind nginx did so with SOAPAction.
_ONCE: Final = {b"content-type": "Content-Type", b"soapaction": "SOAPAction", b"content-length": "Content-Length"}
_PARAMETER: Final = re.compile(r""";\s*([^\s=;"]+)\s*=\s*("(?:[^"\\]|\\.)*"|[^\s;"]*)""")


class Media(NamedTuple):
    """A content type: lower-case type/subtype, empty where none was sent, and its parameters by lower-case name."""

    type: str
    parameters: Mapping[str, str]

    @property
    def charset(self) -> str | None:
        """The charset parameter, lower-case, None where there is none."""
        found = self.parameters.get("charset")
        return found.lower() if found else None


def media_of(head: Head) -> Media:
    """Read the Content-Type of a request."""
    return parse_media(head.headers.get("Content-Type", ""))


def media_of_headers(headers: RawHeaders) -> Media:
    """Read the Content-Type among header lines."""
    found = next((value for name, value in headers if name.lower() == b"content-type"), b"")
    return parse_media(found.decode("latin-1"))


@lru_cache(maxsize=256)  # clients send a handful of them; SOAP 1.2 actions make it some hundreds
def parse_media(value: str) -> Media:
    """Read a Content-Type; what is not one has an odd or empty type, which nothing accepts."""
    kind, semicolon, rest = value.partition(";")
    parameters: dict[str, str] = {}
    for name, text in _PARAMETER.findall(semicolon + rest):
        parameters.setdefault(name.lower(), _unquoted(text))
    return Media(kind.strip().lower(), parameters)


def _unquoted(text: str) -> str:
    return re.sub(r"\\(.)", r"\1", text[1:-1]) if text.startswith('"') else text


def twice(head: Head) -> Refusal | None:
    """Refuse a header line that decides what the body is, sent more than once, or one parameter of it given twice."""
    return _twice(_names(head), head.headers.get("Content-Type", ""))


def refuse_media(head: Head, taken: frozenset[str], hint: str) -> Refusal | None:
    """Refuse what `twice` does, a content type that is not in `taken`, a charset that we do not read, a compressed body. `hint` says what
    to send.
    """
    get = head.headers.get
    return _refuse_media(_names(head), get("Content-Type", ""), get("Content-Encoding", ""), taken, hint)


def _names(head: Head) -> tuple[bytes, ...]:
    return next(zip(*head.raw, strict=True), ())


@lru_cache(maxsize=128)  # a client sends its names in one order all day; a stranger's 128 longest heads are 8 MB
def _refuse_media(
    names: tuple[bytes, ...], content_type: str, encoding: str, taken: frozenset[str], hint: str
) -> Refusal | None:
    if (refusal := _twice(names, content_type) or _refuse_type(content_type, taken, hint)) is not None:
        return refusal
    if encoding.strip().lower() in ("", "identity"):
        return None
    return Refusal("unsupported_media", "content_encoding", "a compressed request is not taken; send it plain")


def _twice(names: tuple[bytes, ...], content_type: str) -> Refusal | None:
    repeated = _repeated(names)
    if repeated is not None:
        return Refusal("malformed", "duplicate_header", f"{repeated} was sent twice; send it once")
    if _says_twice(content_type):
        return Refusal("malformed", "duplicate_header", "a parameter of Content-Type was given twice; give it once")
    return None


def _repeated(names: tuple[bytes, ...]) -> str | None:
    """Return the first of the names that decide what a body is that stands there twice."""
    seen: set[bytes] = set()
    for name in map(bytes.lower, names):
        if name in _ONCE and name in seen:
            return _ONCE[name]
        seen.add(name)
    return None


@lru_cache(maxsize=256)  # as many as `parse_media` keeps
def _says_twice(content_type: str) -> bool:
    """Say whether a parameter is given twice, so that two readers may take two values."""
    names = [name.lower() for name, _ in _PARAMETER.findall(content_type)]
    return len(names) > len(set(names))


def _refuse_type(content_type: str, taken: frozenset[str], hint: str) -> Refusal | None:
    media = parse_media(content_type)
    if media.type not in taken:
        sent = f"{media.type[:80]!r}" if media.type else "no Content-Type"
        return Refusal("unsupported_media", "content_type", f"{sent} is not taken here; {hint}")
    charset = media.charset
    if charset is not None and charset not in CHARSETS:
        listed = "utf-8, utf-16, us-ascii, iso-8859-1 or windows-1252"
        return Refusal("unsupported_media", "charset", f"charset {charset[:40]!r} is not taken; use {listed}")
    return None
