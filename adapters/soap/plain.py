"""The envelope that nearly every client sends, read without a tree: ASCII, no header, one operation, simple parameters.

Asked before the parser, because a tree costs ten times as much as the two names that are wanted of it. It answers with those names,
or None: then the parser reads the document and judges it. It takes a small part of what the parser takes, the whole document
matched from its first byte to its last, and says of that the same (tests compare the two on generated documents).

What it leaves to the parser: attributes other than namespace declarations, entities, comments, CDATA, processing instructions,
elements inside parameters, header blocks, and every byte that is not ASCII.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final, NamedTuple

SIZE_BYTES: Final = 16_384  # matching reads 0.5 ns a byte or two; larger documents are not what takes the time
_NAMES_BYTES: Final = 2_048  # names and declarations that are kept; suds declares eight namespaces in 600 bytes
_NAME: Final = rb"[A-Za-z_][A-Za-z0-9_.-]*+"
_SPACE: Final = rb"[ \t\r\n]*+"
_URI: Final = (
    rb"(?:https?://[A-Za-z0-9][A-Za-z0-9.-]*+(?::[0-9]{1,5})?+(?:/[A-Za-z0-9._~/-]*+)?+(?:#[A-Za-z0-9._~-]*+)?+"
    rb"|urn:[A-Za-z0-9][A-Za-z0-9.:_~-]*+|)"
)
_DECLARATION: Final = rb'[ \t\r\n]++xmlns(?::[A-Za-z_][A-Za-z0-9_.-]*+)?="' + _URI + rb'"'
_TEXT: Final = (
    rb"[\t\n\r\x20-\x25\x27-\x3b\x3d-\x5c\x5e-\x7e]*+"  # without & and <, and ] which must not end a CDATA section here
)
_XML: Final = (
    rb"""<\?xml version=(?:"1\.0"|'1\.0')"""
    rb"""(?: encoding=(?:"[A-Za-z][A-Za-z0-9._-]*+"|'[A-Za-z][A-Za-z0-9._-]*+'))?+"""
    rb"""(?: standalone=(?:"yes"|"no"|'yes'|'no'))?+ ?\?>"""
)
_PLAIN: Final = re.compile(
    rb"(?:" + _XML + rb")?+" + _SPACE
    # group 1: the envelope's prefix, 2: its declarations
    + rb"<(?:(" + _NAME + rb"):)?+Envelope((?:" + _DECLARATION + rb")*+)>" + _SPACE
    # group 3: the same prefix with its colon
    + rb"<((?:\1:)?+)Body>" + _SPACE
    # group 4: the operation's name as written, 5: its prefix, 6: its local name, 7: its declarations
    + rb"<((?:(" + _NAME + rb"):)?+(" + _NAME + rb"))((?:" + _DECLARATION + rb")*+)"
    # group 8: a parameter, of the operation's prefix or of none
    + rb"(?:/>|>" + _SPACE
    + rb"(?:<((?:\5:)?+" + _NAME + rb")(?:/>|>" + _TEXT + rb"</\8>)" + _SPACE + rb")*+</\4>)" + _SPACE
    + rb"</\3Body>" + _SPACE + rb"</\3Envelope>" + _SPACE
)  # fmt: skip
_DECLARED: Final = re.compile(rb'xmlns(?::([A-Za-z0-9_.-]+))?="([^"]*)"')
_RESERVED: Final = (b"http://www.w3.org/XML/1998/namespace", b"http://www.w3.org/2000/xmlns/")


class Names(NamedTuple):
    """Root and operation of an envelope, in Clark notation."""

    root: str
    operation: str


def read(body: bytes) -> Names | None:
    """Return the names of a plain envelope, None where it is anything else. Its charset must be one that ASCII is a part of."""
    if len(body) > SIZE_BYTES or not body.isascii():
        return None
    found = _PLAIN.fullmatch(body)
    if found is None:
        return None
    prefix, outer, same, _, own, name, inner, _ = found.groups()
    if same != (b"" if prefix is None else prefix + b":"):
        return None
    if len(name) + len(outer) + len(inner) > _NAMES_BYTES:
        return None
    return _named(prefix, outer, own, name, inner)


@lru_cache(maxsize=512)  # the few hundred operations of a contract, as each kind of client writes them
def _named(prefix: bytes | None, outer: bytes, own: bytes | None, name: bytes, inner: bytes) -> Names | None:
    spaces = _declared(outer)
    inside = _declared(inner)
    if spaces is None or inside is None:
        return None
    within = {**spaces, **inside}
    if (prefix is not None and prefix not in spaces) or (own is not None and own not in within):
        return None
    return Names(_clark(spaces.get(prefix, b""), b"Envelope"), _clark(within.get(own, b""), name))


def _declared(declarations: bytes) -> dict[bytes | None, bytes] | None:
    """Return namespaces by prefix (None the default one), or None where a parser may refuse the declarations."""
    pairs = [(found[1], found[2]) for found in _DECLARED.finditer(declarations)]
    spaces = dict(pairs)
    odd = any(
        (prefix is not None and (not space or prefix.lower().startswith(b"xml"))) or space in _RESERVED
        for prefix, space in pairs
    )
    return None if odd or len(spaces) < len(pairs) else spaces


def _clark(space: bytes, name: bytes) -> str:
    return f"{{{space.decode('ascii')}}}{name.decode('ascii')}" if space else name.decode("ascii")
