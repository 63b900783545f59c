"""Names of keyed calls: what a key, a call and a caller come to as digests, so that nothing that is kept can be read back.

Used by the stage that keys calls and by whoever looks one up. `secret` is the store's: it lives as long as what is kept under it.
"""

from __future__ import annotations

import re
from fnmatch import fnmatchcase
from hashlib import blake2b
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

_BYTES: Final = 16
LONGEST: Final = 255  # characters of a key: what Stripe takes, whose keys are the model of the header's draft
_QUOTED: Final = 2
# What `*pin*` and its like are about is a word of their own: as a part of one, so short a text is in Shipping and in Spin as well.
_SHORT: Final = 3
_WORDS: Final = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])")


def digest(secret: bytes, *parts: bytes) -> bytes:
    """Return a keyed digest of parts, whose borders count."""
    made = blake2b(key=secret, digest_size=_BYTES)
    for part in parts:
        made.update(b"%d:%b" % (len(part), part))
    return made.digest()


def key_of(secret: bytes, backend: str, given: str) -> bytes:
    """Return the name of a key that a client has given for a call to `backend`."""
    return digest(secret, backend.encode(), given.encode())


def who_is(secret: bytes, shown: tuple[bytes, ...]) -> bytes:
    """Return the name of all that a caller shows; b"" where he shows nothing."""
    return digest(secret, b"who", *shown) if shown else b""


def is_sensitive(name: str, patterns: Iterable[str]) -> bool:
    """Say whether a parameter holds what is no part of which call it is, as it is another one after its sender has signed in anew.

    A pattern `*word*` means names with a word that begins so ("sCardNumber", "session_id", and not "Discard"), or, where it is short, that
    is just that ("PinCode", and not "ShippingMethod"); any other is a glob for the whole name. Case counts nowhere.
    """
    words = [word.lower() for word in _WORDS.findall(name)]
    return any(_is_meant(name.lower(), words, pattern.lower()) for pattern in patterns)


def _is_meant(name: str, words: list[str], pattern: str) -> bool:
    core = pattern.strip("*")
    if pattern != f"*{core}*" or not core.isalpha():
        return fnmatchcase(name, pattern)
    return core in words if len(core) <= _SHORT else any(word.startswith(core) for word in words)


def given(lines: list[str]) -> str | None:
    """Return the key in the lines of a header, quoted as a structured field or bare; None where it is none, or more than one."""
    if len(lines) != 1:
        return None
    text = lines[0].strip()
    if len(text) >= _QUOTED and text[0] == text[-1] == '"':
        text = text[1:-1]
    return text if 0 < len(text) <= LONGEST and text.isascii() and text.isprintable() else None
