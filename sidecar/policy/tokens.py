"""The one form of everything that is signed and handed out: places in a line, and whatever admits to a room.

Asked by `places`. A token is a list of fields under a kind, signed with a key of ours (HMAC-SHA256, RFC 2104), in URL-safe base64 without
padding. Reading is total: whatever comes is a token or the reason why it is none, never an exception.
"""

from __future__ import annotations

import hmac
import re
from base64 import urlsafe_b64encode
from binascii import a2b_base64, b2a_base64
from enum import IntEnum, StrEnum
from typing import Final, NamedTuple

# The layout: version, kind, then key id and fields, each behind its length in one byte, and the first 16 bytes of the MAC over all of that.
# Lengths, because "ab" + "c" and "a" + "bc" are two tokens. Kind and version are under the MAC: a place is never taken for a pass.
_VERSION: Final = 1
_MAC_BYTES: Final = 16  # 128 bits; RFC 2104 section 5 asks for half of the hash at least
_HEAD_BYTES: Final = 2
_FIELD_BYTES: Final = 255
# A header line, a link and a QR code hold as much, and whoever sends more is refused before anything of it is read.
MOST_CHARACTERS: Final = 512
_SECRET_BYTES: Final = 16  # shorter than its MAC a key would be the weaker half
_KEY_ID: Final = re.compile(r"[A-Za-z0-9_.-]{1,16}")


class Kind(IntEnum):
    """What a token is."""

    PLACE = 1  # in a backend's line
    ROOM = 2  # a place in a waiting room
    PASS = 3  # what lets its bearer through it


class Why(StrEnum):
    """Why a text is no token that counts."""

    MALFORMED = "malformed"  # not of the form, or longer than any of ours
    UNKNOWN_KEY = "unknown_key"  # signed with a key that we do not have, or no more
    FORGED = "forged"  # it was not us, or somebody has changed it
    OTHER_KIND = "other_kind"  # ours, for another purpose


class Key(NamedTuple):
    """A secret, and the name by which tokens say which one it was (1 to 16 of letters, digits, `_`, `.`, `-`)."""

    id: str
    secret: bytes

    def __repr__(self) -> str:
        return f"<Key {self.id}>"


class Keys:
    """The key that signs, and older ones that still verify. Raises ValueError for an id that is none or taken, and for a short secret."""

    __slots__ = ("_begun", "_by_id", "current", "name")

    def __init__(self, current: Key, *older: Key) -> None:
        self.current, self.name = current, current.id.encode()
        self._by_id: dict[bytes, Key] = {}
        self._begun: dict[bytes, hmac.HMAC] = {}  # the key hashed in already: half of what a MAC of so few bytes costs
        for key in (current, *older):
            name = key.id.encode()
            if not _KEY_ID.fullmatch(key.id) or name in self._by_id:
                raise ValueError(f"{key.id[:40]!r} is no name of a key, or that of another one, too")
            if len(key.secret) < _SECRET_BYTES:
                raise ValueError(f"the key {key.id} has {len(key.secret)} bytes; {_SECRET_BYTES} are the least")
            self._by_id[name] = key
            self._begun[name] = hmac.new(key.secret, digestmod="sha256")

    def __repr__(self) -> str:
        older = [key.id for key in self._by_id.values() if key is not self.current]
        return f"<Keys {self.current.id}{', older ' + ' '.join(older) if older else ''}>"

    def mac(self, name: bytes, said: bytes) -> bytes | None:
        """Return the MAC of some bytes with the key of that id, None where there is none."""
        begun = self._begun.get(name)
        if begun is None:
            return None
        mac = begun.copy()
        mac.update(said)
        return mac.digest()[:_MAC_BYTES]

    def begun(self, name: bytes) -> hmac.HMAC:
        """Return what the MACs of the key of that id begin with, to be copied. Raises KeyError where there is none."""
        return self._begun[name]


class Token(NamedTuple):
    """What was signed: fields of at most 255 bytes, under a kind."""

    kind: int
    fields: tuple[bytes, ...]


def sign(keys: Keys, token: Token) -> str:
    """Write a token, signed with the current key. Raises ValueError where it would be longer than any that is read: our bug."""
    parts = (keys.name, *token.fields)
    if max(map(len, parts)) > _FIELD_BYTES:
        raise ValueError("a field of a token has more than 255 bytes")
    said = bytes((_VERSION, token.kind)) + b"".join(bytes((len(part),)) + part for part in parts)
    mac = keys.mac(keys.name, said)
    assert mac is not None, "the current key is one of the keys"
    text = _text(said + mac)
    if len(text) > MOST_CHARACTERS:
        raise ValueError(f"a token of {len(text)} characters is longer than {MOST_CHARACTERS}")
    return text


def read(keys: Keys, kind: int, text: str) -> Token | Why:
    """Return the token of that kind that `text` is. Nothing in it is believed before its MAC is."""
    raw = _raw(text)
    if raw is None or raw[0] != _VERSION:
        return Why.MALFORMED
    said, mac = raw[:-_MAC_BYTES], raw[-_MAC_BYTES:]
    parts = _parts(said)
    if not parts:
        return Why.MALFORMED
    ours = keys.mac(parts[0], said)
    if ours is None:
        return Why.UNKNOWN_KEY
    if not hmac.compare_digest(mac, ours):
        return Why.FORGED
    return Token(kind, parts[1:]) if said[1] == kind else Why.OTHER_KIND


class Series:
    """The tokens of one kind that have these fields and one more, of `last` bytes, signed with the current key. It reads them at half of
    what `read` takes, for what is asked most; whatever else a text is, `read` says.
    """

    __slots__ = ("_begins", "_begun", "_characters", "_padding", "_prefix")

    def __init__(self, keys: Keys, kind: int, last: int, *fields: bytes) -> None:
        parts = (keys.name, *fields)
        self._begun = keys.begun(keys.name)
        self._begins = bytes((_VERSION, kind)) + b"".join(bytes((len(part),)) + part for part in parts) + bytes((last,))
        size = len(self._begins) + last + _MAC_BYTES
        self._padding = b"=" * (-size % 3)
        self._characters = len(b2a_base64(bytes(size), newline=False)) - len(self._padding)
        # As far as whole groups of the base64 go.
        self._prefix = urlsafe_b64encode(self._begins[: len(self._begins) // 3 * 3]).decode()

    def __repr__(self) -> str:
        return f"<Series of {self._characters} characters, {self._prefix}…>"

    def last(self, text: str) -> bytes | None:
        """Return the last field of one of these; None where the text is none, or nobody has signed it."""
        if len(text) != self._characters or (raw := unspelled(text, self._padding)) is None:
            return None
        if not raw.startswith(self._begins):
            return None
        said, mac = raw[:-_MAC_BYTES], self._begun.copy()
        mac.update(said)
        return said[len(self._begins) :] if hmac.compare_digest(raw[-_MAC_BYTES:], mac.digest()[:_MAC_BYTES]) else None

    def begins(self, text: str) -> bool:
        """Say whether a token that has been read is one of these, by how it begins."""
        return text.startswith(self._prefix)


# To the alphabet that is not for URLs; what is in that one alone, and padding, is in neither then.
_PLAIN: Final = bytes.maketrans(b"-_+/=", b"+/***")


def unspelled(text: str, padding: bytes | None = None) -> bytes | None:
    """Return the bytes of URL-safe base64 without padding, None where the text is not the one way to write them. `padding`: what a text of
    this length lacks, for whoever knows it.
    """
    try:
        plain = text.encode("ascii").translate(_PLAIN) + (b"=" * (-len(text) % 4) if padding is None else padding)
        raw = a2b_base64(plain)
    except ValueError:
        return None
    return raw if b2a_base64(raw, newline=False) == plain else None


def _raw(text: str) -> bytes | None:
    """Return the bytes of a text that may be a token: one has no second spelling."""
    if len(text) > MOST_CHARACTERS:
        return None
    raw = unspelled(text)
    return raw if raw is not None and len(raw) > _HEAD_BYTES + _MAC_BYTES else None


def _parts(said: bytes) -> tuple[bytes, ...]:
    """Return key id and fields, nothing where the lengths do not come out even."""
    parts, at = [], _HEAD_BYTES
    while at < len(said):
        end = at + 1 + said[at]
        parts.append(said[at + 1 : end])
        at = end
    return tuple(parts) if at == len(said) else ()


def _text(raw: bytes) -> str:
    return urlsafe_b64encode(raw).rstrip(b"=").decode()
