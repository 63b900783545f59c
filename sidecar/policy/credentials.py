"""What a visitor of a waiting room carries: his place, and once admitted his pass. Both are signed, and both are only names.

Nothing that runs out is written in them: what a place or a pass is worth is the room's to say, so no wrong clock makes one good or bad, and
a copy of a pass is the same pass. Reading is total: a text is a credential of this very room, or there is a reason why not.
"""

from __future__ import annotations

from enum import StrEnum
from hashlib import blake2b
from struct import Struct
from typing import TYPE_CHECKING, Final, NamedTuple

from sidecar.policy import tokens

if TYPE_CHECKING:
    from sidecar.policy.tokens import Keys

EPOCH_BYTES: Final = (
    8  # random, for each room that begins anew: another replica's, or one from before its memory was lost, differs
)
BIND_BYTES: Final = 8  # of a browser: enough to tell two apart, and no more of it is kept
_ROOM_BYTES: Final = 8
_PLACE: Final = Struct(">BI")  # lane, seq
_PASS: Final = Struct(">BIHH")  # lane, seq, which of his passes, wave


class Why(StrEnum):
    """Why a text is no credential of this room."""

    MALFORMED = "malformed"
    UNKNOWN_KEY = "unknown_key"
    FORGED = "forged"
    OTHER_KIND = "other_kind"
    OTHER_ROOM = "other_room"
    OTHER_REPLICA = "other_replica"  # of a room of this name that another process keeps, or kept


class PlaceId(NamedTuple):
    """Who stands in a room: his lane, by number, and his number in it."""

    lane: int
    seq: int


class PassId(NamedTuple):
    """Whose pass, which of his, of which wave, and for which browser (b"" for any)."""

    lane: int
    seq: int
    turn: int
    wave: int
    bind: bytes


def room_id(name: str) -> bytes:
    """Return what stands for a room's name in a credential: of one size whatever it is called."""
    return blake2b(name.encode(), digest_size=_ROOM_BYTES).digest()


def bind_of(*shown: str) -> bytes:
    """Return what stands for a browser, by what it shows; b"" where it shows nothing."""
    said = "\n".join(shown)
    return blake2b(said.encode("utf-8", "surrogateescape"), digest_size=BIND_BYTES).digest() if said.strip() else b""


def sign_place(keys: Keys, room: bytes, epoch: bytes, place: PlaceId) -> str:
    """Write a place."""
    return tokens.sign(keys, tokens.Token(tokens.Kind.ROOM, (room, epoch, _PLACE.pack(*place))))


def sign_pass(keys: Keys, room: bytes, epoch: bytes, of: PassId) -> str:
    """Write a pass."""
    body = _PASS.pack(of.lane, of.seq, of.turn, of.wave)
    return tokens.sign(keys, tokens.Token(tokens.Kind.PASS, (room, epoch, body, of.bind)))


class PlaceTexts:
    """The places of one room as texts. Every poll brings one, so what all of them have in common is made once."""

    __slots__ = ("_series", "epoch", "keys", "room")

    def __init__(self, keys: Keys, room: bytes, epoch: bytes) -> None:
        self.keys, self.room, self.epoch = keys, room, epoch
        self._series = tokens.Series(keys, tokens.Kind.ROOM, _PLACE.size, room, epoch)

    def __repr__(self) -> str:
        return f"<PlaceTexts of {self.room.hex()}, epoch {self.epoch.hex()}, {self.keys!r}>"

    def read(self, text: str) -> PlaceId | Why:
        """Return the place that a text is."""
        found = self._series.last(text)
        if found is not None:
            return PlaceId(*_PLACE.unpack(found))
        fields = _read(self.keys, tokens.Kind.ROOM, 3, self.room, self.epoch, text)
        if isinstance(fields, Why):
            return fields
        body = fields[2]
        return PlaceId(*_PLACE.unpack(body)) if len(body) == _PLACE.size else Why.MALFORMED

    def is_current(self, text: str) -> bool:
        """Say whether a place that has been read was signed with the current key."""
        return self._series.begins(text)


def read_pass(keys: Keys, room: bytes, epoch: bytes, text: str) -> PassId | Why:
    """Return the pass that a text is."""
    fields = _read(keys, tokens.Kind.PASS, 4, room, epoch, text)
    if isinstance(fields, Why):
        return fields
    body, bind = fields[2], fields[3]
    if len(body) != _PASS.size or len(bind) not in (0, BIND_BYTES):
        return Why.MALFORMED
    lane, seq, turn, wave = _PASS.unpack(body)
    return PassId(lane, seq, turn, wave, bind)


def _read(keys: Keys, kind: tokens.Kind, count: int, room: bytes, epoch: bytes, text: str) -> tuple[bytes, ...] | Why:
    token = tokens.read(keys, kind, text)
    if isinstance(token, tokens.Why):
        return Why(token.value)
    fields = token.fields
    if len(fields) != count:
        return Why.MALFORMED
    if fields[0] != room:
        return Why.OTHER_ROOM
    return fields if fields[1] == epoch else Why.OTHER_REPLICA
