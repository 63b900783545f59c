"""A room as pages of bytes and back: what a store keeps of it, so that a restart in the middle of a sale costs nobody his place.

Written a second behind: what has changed of the words, what has come to the accounts and the story, and one page of all that is small.
Who joined in the second that a crash took proves his place by its signature; the counter begins beyond it: no number is given twice.
"""

from __future__ import annotations

from struct import Struct
from typing import TYPE_CHECKING, Any, Final
from zlib import crc32

import orjson

from sidecar.policy.credentials import PlaceId
from sidecar.policy.passes import Active
from sidecar.policy.room import Phase

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sidecar.hall.house import House

PAGE: Final = 4096
# Joins of one second, four times over, and no fewer than this: a number that a crash forgot must not be given again.
_AHEAD: Final = 1000
_AHEAD_TIMES: Final = 4
_ACCOUNT: Final = Struct(">8sI")
_INVITE_BYTES: Final = 8
_ADMITTED: Final = "pass/"
# Before each page: a bit that a disk has turned would move people, and nobody would know.
_SUM: Final = Struct(">I")
VERSION: Final = 1


class Memory:
    """What of one room is in the store already. `dirty` is cheap to ask: nothing has changed, nothing is written."""

    def __init__(self, house: House) -> None:
        self.house = house
        self._joined = house.room.joined
        self._logs = 0
        self._last: bytes = b""
        self._passes: dict[PlaceId, tuple[float, tuple[bytes, ...]]] = {}  # that are written: what of each may change

    def changes(self, *, closing: bool = False) -> dict[str, bytes | None]:
        """Return what has to be written: everything since the last time. `closing`: the process goes in order."""
        house, room = self.house, self.house.room
        pages: dict[str, bytes] = {}
        for lane in room.lanes:
            for index in lane.take_dirty():
                pages[f"words/{lane.number}/{index}"] = lane.words(index * PAGE, PAGE)
        accounts, learnt, story = house.accounts.take(), house.take_learnt(), room.story.take()
        invites = house.take_invites()
        if accounts or learnt or story or invites:
            self._logs += 1
            if accounts:
                pages[f"accounts/{self._logs}"] = b"".join(_ACCOUNT.pack(key, value) for key, value in accounts)
            if learnt:
                pages[f"learnt/{self._logs}"] = orjson.dumps([[key.hex(), account.hex()] for key, account in learnt])
            if story:
                pages[f"story/{self._logs}"] = story
            if invites:
                pages[f"invites/{self._logs}"] = b"".join(invites)
        gone = self._changed_passes(pages)
        meta = orjson.dumps(self._meta(closing=closing))
        if meta != self._last:
            self._last = pages["meta"] = meta
        self._joined = room.joined
        return {name: _summed(name, page) for name, page in pages.items()} | dict.fromkeys(gone)

    def _changed_passes(self, pages: dict[str, bytes]) -> list[str]:
        """Add a page for each pass that is not as it is written, and return those of passes that are out no more. Of a few thousand only
        the hundreds are written that were used.
        """
        out, written = self.house.room.passes, self._passes
        for held in [each for each in out if written.get(each.place) != (each.idle_at, each.sessions)]:
            written[held.place] = (held.idle_at, held.sessions)
            pages[_pass_page(held.place)] = orjson.dumps(_pass_out(held))
        gone = [] if len(written) == len(out) else [place for place in written if out.of_place(place) is None]
        for place in gone:
            del written[place]
        return [_pass_page(place) for place in gone]

    def _meta(self, *, closing: bool) -> dict[str, Any]:
        house, room = self.house, self.house.room
        ahead = 0 if closing else max(_AHEAD, _AHEAD_TIMES * (room.joined - self._joined))
        return {
            "version": VERSION,
            "epoch": room.epoch.hex(),
            "seed": room.seed.hex(),
            "secret": house.secret.hex(),
            "phase": room.phase.value,
            "by_hand": None if room.by_hand is None else room.by_hand.value,
            "life": round(room.time.life),
            "sale": round(room.time.sale, 1),
            "wave": room.passes.wave,
            "turn": room.turn,
            "logs": self._logs,
            "lanes": [
                {
                    "joined": lane.joined,
                    "next": lane.joined + ahead,
                    "gaps": lane.gaps,
                    "drawn": lane.drawn,
                    "frontier": lane.frontier,
                    "called": list(lane.called.items()),
                }
                for lane in room.lanes
            ],
            "moved": [[*place, *then] for place, then in room.moved.items()],
        }

    def recall(self, kept: Mapping[str, bytes]) -> None:
        """Let a room be what these pages say. Raises ValueError where one is damaged, and whatever comes of one that is none of ours."""
        pages = {name: _checked(name, page) for name, page in kept.items()}
        house, room = self.house, self.house.room
        said = orjson.loads(pages["meta"])
        if said["version"] != VERSION:
            raise ValueError(f"version {said['version']}")
        house.keep_secret(bytes.fromhex(said["secret"]))
        room.epoch, room.seed = bytes.fromhex(said["epoch"]), bytes.fromhex(said["seed"])
        room.phase = Phase(said["phase"])
        room.by_hand = None if said["by_hand"] is None else Phase(said["by_hand"])
        room.time.life, room.time.sale = float(said["life"]), float(said["sale"])
        room.passes.wave, room.turn, self._logs = said["wave"], said["turn"], said["logs"]
        for lane, stood in zip(room.lanes, said["lanes"], strict=False):
            prefix = f"words/{lane.number}/"
            words = [
                (int(name[len(prefix) :]) * PAGE, value) for name, value in pages.items() if name.startswith(prefix)
            ]
            lane.recall(stood["joined"], words, room.seed if stood["drawn"] is not None else None, stood["drawn"])
            lane.skip(stood["next"], [(first, end) for first, end in stood["gaps"]])
            lane.frontier = stood["frontier"]
            for seq, until in sorted(stood["called"], key=lambda call: call[1]):
                lane.recall_call(seq, until)
        for name, page in pages.items():
            held = _pass_in(orjson.loads(page)) if name.startswith(_ADMITTED) else None
            if held is not None and room.knows(held.place):
                room.passes.adopt(held)
                self._passes[held.place] = (held.idle_at, held.sessions)
        for a, b, c, d in said["moved"]:
            room.has_moved(PlaceId(a, b), PlaceId(c, d))
        for number in range(1, self._logs + 1):
            for key, value in _ACCOUNT.iter_unpack(pages.get(f"accounts/{number}", b"")):
                house.accounts.recall(key, value)
            for key, account in orjson.loads(pages.get(f"learnt/{number}", b"[]")):
                house.recall_learnt(bytes.fromhex(key), bytes.fromhex(account))
            room.story.recall(pages.get(f"story/{number}", b""))
            used = pages.get(f"invites/{number}", b"")
            house.invites.update(used[at : at + _INVITE_BYTES] for at in range(0, len(used), _INVITE_BYTES))
        house.recount()
        room.recalled()


def _summed(name: str, page: bytes) -> bytes:
    return _SUM.pack(crc32(page, crc32(name.encode()))) + page


def _checked(name: str, kept: bytes) -> bytes:
    page = kept[_SUM.size :]
    if _summed(name, page) != kept:
        raise ValueError(f"the page {name} is damaged")
    return page


def _pass_page(place: PlaceId) -> str:
    return f"{_ADMITTED}{place.lane}/{place.seq}"


def _pass_out(held: Active) -> list[Any]:
    ends = (held.since, held.idle_at, held.total_at)
    return [*held.place, held.turn, held.wave, held.bind.hex(), *ends, [each.hex() for each in held.sessions]]


def _pass_in(kept: list[Any]) -> Active:
    lane, seq, turn, wave, bind, since, idle_at, total_at, sessions = kept
    return Active(
        PlaceId(lane, seq),
        turn,
        wave,
        bytes.fromhex(bind),
        since,
        idle_at,
        total_at,
        sessions=tuple(bytes.fromhex(each) for each in sessions),
    )
