"""One waiting room at work: the policy, and beside it what the policy does not know: keys, clocks, who waits at a connection.

Stands between the hall's resources and `policy.room`. It speaks of places and never of requests; what a request means, `visits` and `gate`
say. It answers at once, always: whoever wants to wait gets a future.
"""

from __future__ import annotations

import asyncio
from array import array
from collections import OrderedDict
from hashlib import blake2b
from ipaddress import ip_address
from secrets import token_bytes
from typing import TYPE_CHECKING, Final, NamedTuple

from sidecar.hall.speech import Speech, page_language
from sidecar.policy import credentials, polling
from sidecar.policy.accounts import Accounts
from sidecar.policy.credentials import EPOCH_BYTES, PlaceId, room_id
from sidecar.policy.hashtable import Tally
from sidecar.policy.identities import is_session
from sidecar.policy.placecodes import KEY_BYTES, PlaceCodes
from sidecar.policy.places import spelled
from sidecar.policy.room import Phase, Room
from sidecar.policy.visitors import OVER, Event, Why, Word

if TYPE_CHECKING:
    from collections.abc import Callable

    from sidecar.model import Exchange, Head, Notice, Refusal
    from sidecar.plan import RoomPlan
    from sidecar.policy.admission import Backing
    from sidecar.policy.passes import Active
    from sidecar.policy.room import Happenings, Told
    from sidecar.policy.tokens import Keys
    from sidecar.ports import Clock, Log

SEED_BYTES: Final = 32
# A page that polls by a person's impatience is answered; a loop without a pause is not: one a second, twenty at once.
_POLLS_S: Final = 1.0
_POLLS_BURST_S: Final = 20.0
# Connections that are held near the front: those of a second or two of admissions, and few beside `limits.connections`.
HELD_MOST: Final = 500
_HELD_A_PLACE: Final = 3  # tabs of one browser
_PAUSED_POLL_S: Final = 30.0
_ACTION_POLL_S: Final = 15.0
_LANE_BITS: Final = 2
_LEARNT_MOST: Final = 20_000  # as many as `identities` knows to be signed in
_INVITES_MOST: Final = 100_000  # people who have been asked beforehand; 10 MB
_IPV6_NETWORK: Final = 64
_ACCOUNT_BYTES: Final = 8


class Stop(NamedTuple):
    """A pause of a room: what newcomers are told, and whether it stops purchases that are under way, too."""

    refusal: Refusal
    for_all: bool = False


class Joined(NamedTuple):
    """What came of a join. `attached`: he had a place already, and has it again."""

    place: PlaceId
    attached: bool = False


class House:
    """`seed`, `epoch` and `secret` are the room's own, random, and come back from a store where there is one."""

    def __init__(
        self,
        plan: RoomPlan,
        keys: Keys,
        clock: Clock,
        log: Log,
        chance: Callable[[], float],
        *,
        seed: bytes | None = None,
        epoch: bytes | None = None,
        secret: bytes | None = None,
    ) -> None:
        self.plan, self.keys = plan, keys
        self._clock, self._log, self.chance = clock, log, chance
        self.secret = secret or token_bytes(KEY_BYTES)
        self._codes = PlaceCodes(self.secret)
        self.room = Room(plan.rule, seed or token_bytes(SEED_BYTES), epoch or token_bytes(EPOCH_BYTES))
        self.id = room_id(plan.name)
        self._places_as_texts = credentials.PlaceTexts(keys, self.id, self.room.epoch)
        self.accounts = Accounts()
        self.crowd = Tally()
        self._places = Tally()  # by account that nobody can prove: those that it has taken since the last one was over
        self.speech = Speech()
        self.notice: Notice | None = None
        self.stop: Stop | None = None
        self.early_polls = 0
        self.is_https = False  # people come by https, through whatever stands before us
        # By session that the backend has answered well: its account, which is itself until somebody has signed in with it.
        self._learnt: OrderedDict[bytes, bytes] = OrderedDict()
        self._new_learnt: list[tuple[bytes, bytes]] = []
        self.invites: set[bytes] = set()
        self._new_invites: list[bytes] = []
        self._polls = [array("d") for _ in self.room.lanes]
        self._numbers = [array("I") for _ in self.room.lanes]  # of codes, one more than it is; 0: not made yet
        self._held: dict[PlaceId, list[asyncio.Future[None]]] = {}
        self._holding = 0
        self.going = False  # the process ends: nobody waits at a connection any more
        self._about: object = None  # the room, and what is said of it, since `_changed`
        self._changed = 0.0

    def __repr__(self) -> str:
        return f"<House {self.room!r}>"

    # --- credentials

    def place_text(self, place: PlaceId) -> str:
        """Sign a place."""
        return credentials.sign_place(self.keys, self.id, self.room.epoch, place)

    def place_of(self, text: str) -> PlaceId | credentials.Why:
        """Return the place that a text is, where its bearer stands now. One that was given in the last second before a crash comes back
        by itself: its signature proves that it was given.
        """
        place = self._texts().read(text)
        if isinstance(place, credentials.Why):
            return place
        room = self.room
        if place.lane >= len(room.lanes):
            return credentials.Why.MALFORMED
        lane = room.lanes[place.lane]
        if place.seq >= lane.joined:
            if place.seq >= self.plan.capacity + lane.skipped:
                return credentials.Why.MALFORMED
            lane.reach(place.seq + 1)
        return room.follow(place) if room.moved else place

    def is_his(self, place: PlaceId, text: str) -> bool:
        """Say whether a text that has been read is still what its bearer should have: an operator may have moved him, and the key that it
        was signed with may be on its way out.
        """
        if self.room.moved:
            return text == self.place_text(place)
        return self._texts().is_current(text)

    def _texts(self) -> credentials.PlaceTexts:
        texts = self._places_as_texts
        if texts.keys is not self.keys or texts.epoch is not self.room.epoch:
            texts = self._places_as_texts = credentials.PlaceTexts(self.keys, self.id, self.room.epoch)
        return texts

    def pass_text(self, held: Active) -> str:
        """Sign a pass."""
        of = credentials.PassId(held.place.lane, held.place.seq, held.turn, held.wave, held.bind)
        return credentials.sign_pass(self.keys, self.id, self.room.epoch, of)

    def code(self, place: PlaceId) -> str:
        """Return what people call a place. Each poll asks for it, so the number that it spells is made once: four bytes a visitor."""
        lane, seq = place
        numbers = self._numbers[lane]
        if seq >= len(numbers):
            numbers.extend(array("I", bytes(4 * (max(seq + 1, self.room.lanes[lane].joined) - len(numbers)))))
        number = numbers[seq]
        if not number:
            number = numbers[seq] = 1 + self._codes.number(lane, seq)
        return spelled(number - 1)

    def place_of_code(self, text: str) -> PlaceId | None:
        """Return the place that people call so, where its bearer stands now."""
        found = self._codes.decode(text)
        if found is None or not self.room.knows(PlaceId(*found)):
            return None
        return self.room.follow(PlaceId(*found))

    # --- visitors

    def join(
        self, lane_name: str, account: bytes | None, address: str, *, attaches: bool, proven: bool = True
    ) -> Joined | Why | None:
        """Take somebody in. `attaches`: his account proves that its place is his; `proven`: that there is such a person, so that he is not
        one of a crowd. None: the room is full; a reason: his account has a place, and he cannot prove that it is his.
        """
        known = self._known(account)
        if known is not None and attaches:
            return Joined(known, attached=True)
        if known is not None and account is not None and self._places.get(account) >= self.plan.account.limit:
            return Why.ACCOUNT
        lane = self.room.lane(lane_name) or self.room.lanes[0]
        place = self.room.join(lane)
        if place is None:
            return None
        self._polls[lane.number].append(0.0)
        if account is not None:
            self._put_account(account, place)
            self._places.put(account, 1 + (self._places.get(account) if known is not None else 0))
        if not (account is not None and proven) and self._is_crowd(address):
            self.room.happen(place, Event.HOLD, Why.CROWD)
        return Joined(place)

    def _known(self, account: bytes | None) -> PlaceId | None:
        """Return the place that an account has, if it is not over."""
        place = None if account is None else self.place_of_account(account)
        return place if place is not None and self.word(place) not in OVER else None

    def place_of_account(self, account: bytes) -> PlaceId | None:
        """Return the last place that an account has had, where its bearer stands now; it may be over."""
        kept = self.accounts.last(account)
        return self._place_kept(kept) if kept else None

    def places_of_account(self, account: bytes) -> list[PlaceId]:
        """Return the places that an account has had, the last one first, each once, where their bearers stand now."""
        found = (self._place_kept(kept) for kept in self.accounts.places(account))
        return list(dict.fromkeys(place for place in found if place is not None))

    def _place_kept(self, kept: int) -> PlaceId | None:
        place = self.room.follow(PlaceId((kept - 1) & (1 << _LANE_BITS) - 1, (kept - 1) >> _LANE_BITS))
        return place if self.room.knows(place) else None

    def _put_account(self, account: bytes, place: PlaceId) -> None:
        self.accounts.put(account, 1 + (place.seq << _LANE_BITS | place.lane))

    def take_learnt(self) -> list[tuple[bytes, bytes]]:
        """Return whose sessions have been learnt since the last time, for a store."""
        new, self._new_learnt = self._new_learnt, []
        return new

    def keep_secret(self, secret: bytes) -> None:
        """Take the secret back that a store has kept: codes and accounts are known by it."""
        self.secret, self._codes = secret, PlaceCodes(secret)
        self._numbers = [array("I") for _ in self.room.lanes]

    def recall_learnt(self, key: bytes, account: bytes) -> None:
        """Take in whose session it is from a store."""
        self._learnt[key] = account

    def _reach(self, lane: int) -> None:
        """Have room for the polls of everybody in a lane."""
        tats = self._polls[lane]
        tats.extend([0.0] * (self.room.lanes[lane].joined - len(tats)))

    def account_key(self, account: str) -> bytes:
        """Return what an account is known by here: nothing of it can be read from that."""
        text = account.encode("utf-8", "surrogatepass")
        return blake2b(text, digest_size=_ACCOUNT_BYTES, key=self.secret).digest()

    # --- sessions of a backend

    def session_key(self, shown: bytes, client: str = "") -> bytes:
        """Return what a session is known by here; the key itself is never kept. `client`: whom a trusted caller has named."""
        return blake2b(shown + client.encode(), digest_size=16, key=self.secret).digest()

    def session_of(self, exchange: Exchange) -> bytes | None:
        """Return what somebody's session is known by, None where what he shows may be a server's, which stands for many."""
        if not exchange.shown:
            return None
        if is_session(exchange.shown):
            return self.session_key(exchange.shown)
        return self.session_key(exchange.shown, exchange.client) if exchange.standing.named else None

    def confirm(self, key: bytes) -> None:
        """Note that the backend has answered somebody well who shows this session: it is no invention."""
        if key in self._learnt:
            self._learnt.move_to_end(key)
        else:
            self._learn(key, key[:_ACCOUNT_BYTES])

    def learn(self, key: bytes, account: str) -> None:
        """Note that somebody has signed in: his session stands for his account from now on, and the place that he took with it is that
        one's. Where the account has another place already, the later one is held.
        """
        name = self.account_key(f"login {account}")
        taken = self._known(self.account_of_session(key))
        if self._learnt.get(key) != name:
            self._learn(key, name)
        known = self._known(name)
        if taken is None or taken == known:
            return
        if known is None:
            self._put_account(name, taken)
        else:
            self.room.happen(taken, Event.HOLD, Why.ACCOUNT)

    def _learn(self, key: bytes, account: bytes) -> None:
        self._learnt.pop(key, None)
        self._learnt[key] = account
        self._new_learnt.append((key, account))
        while len(self._learnt) > _LEARNT_MOST:
            self._learnt.popitem(last=False)

    def account_of_session(self, key: bytes) -> bytes:
        """Return the account of a session: the one that has signed in with it, else the session itself."""
        return self._learnt.get(key, key[:_ACCOUNT_BYTES])

    def is_confirmed(self, key: bytes) -> bool:
        """Say whether the backend knows a session."""
        return key in self._learnt

    def is_invited(self, name: str) -> bool:
        """Say whether an invite is good still; where as many were used as are remembered, none is."""
        return self._invite(name) not in self.invites and len(self.invites) < _INVITES_MOST

    def use_invite(self, name: str) -> None:
        """Note that somebody has come with an invite."""
        key = self._invite(name)
        self.invites.add(key)
        self._new_invites.append(key)

    def _invite(self, name: str) -> bytes:
        return self.account_key(f"invite {name}")

    def take_invites(self) -> list[bytes]:
        """Return the invites that were used since the last time, for a store."""
        new, self._new_invites = self._new_invites, []
        return new

    def is_remediable(self, place: PlaceId) -> bool:
        """Whether somebody is held who can do something about it himself."""
        held = self.word(place) is Word.NEEDS_ACTION
        return held and self.room.lanes[place.lane].why(place.seq) is not Why.OPERATOR

    def settle(self, place: PlaceId, account: bytes) -> PlaceId | None:
        """Let somebody who is held go on, because he has shown an account; None where that one has another place already."""
        known = self._known(account)
        if known is not None and known != place:
            return None
        self._put_account(account, place)
        if self.is_remediable(place):
            self.room.happen(place, Event.REMEDY)
        return place

    def _is_crowd(self, address: str) -> bool:
        most = self.plan.per_address
        if not most or not address:
            return False
        return self.crowd.add(blake2b(_network(address), digest_size=8, key=self.secret).digest(), 1) > most

    def word(self, place: PlaceId) -> Word:
        """Return what somebody is."""
        return self.room.lanes[place.lane].word(place.seq)

    def polls_too_often(self, place: PlaceId) -> bool:
        """Note a poll, and say whether it is one too many."""
        tats, now = self._polls[place.lane], self.room.time.life
        if place.seq >= len(tats):
            self._reach(place.lane)
        tat = tats[place.seq]
        tat = (max(now, tat)) + _POLLS_S
        if tat - now > _POLLS_BURST_S:
            self.early_polls += 1
            return True
        tats[place.seq] = tat
        return False

    def has_heard(self, place: PlaceId) -> bool:
        """Say whether somebody has polled since the room, or what is said of it, changed: nobody else is held."""
        tats = self._polls[place.lane]
        return place.seq < len(tats) and tats[place.seq] >= self._changed + _POLLS_S

    def tell(self, place: PlaceId) -> Told:
        """Tell somebody how he stands, and remember what of it was a forecast."""
        told = self.room.tell(place)
        if told.band.eta_s is not None and told.word is Word.WAITING:
            self.room.forecasts[place.lane].watch(self.room.time.life, place.seq, told.band.plain_s)
        return told

    def next_poll_s(self, told: Told, *, first: bool = False) -> float:
        """Return in how many seconds somebody like him asks again."""
        room, chance = self.room, self.chance()
        crowd, wall = room.crowd, room.time.wall
        match told.word:
            case Word.LOBBY:
                if first:  # else whoever comes shortly before the draw is not known to be there, and before nobody
                    return polling.SECOND_S * polling.spread(chance)
                if self.plan.opens is None or room.draws_at is None:
                    return polling.waiting_s(None, crowd, chance)
                return polling.lobby_s(max(0.0, room.draws_at - wall), max(0.0, self.plan.opens - wall), crowd, chance)
            case Word.WAITING | Word.PARKED:
                if first:
                    return polling.SECOND_S * polling.spread(chance)
                eta_s = told.band.eta_s if told.band.eta_s is not None else room.guess_s(told.ahead or 0)
                if room.phase is Phase.DRAWING and self.plan.opens is not None:
                    return polling.drawn_s(max(0.0, self.plan.opens - wall), eta_s, crowd, chance)
                if room.time.paused:
                    eta_s = max(eta_s, _PAUSED_POLL_S / polling.PART)
                return polling.waiting_s(eta_s, crowd, chance)
            case Word.CALLED:
                return polling.CALLED_S * polling.spread(chance)
            case Word.ADMITTED:
                return min(polling.ADMITTED_S, self.plan.pass_idle_s / 3) * polling.spread(chance)
            case Word.NEEDS_ACTION:
                return _ACTION_POLL_S * polling.spread(chance)
        return polling.OVER_S * polling.spread(chance)

    def language(self, head: Head) -> str:
        """Return the language of the page's that a request wants most."""
        return page_language(self.plan, head.headers.get("Accept-Language", ""))

    # --- who waits at a connection

    def hold(self, place: PlaceId) -> asyncio.Future[None] | None:
        """Return what is done once somebody is called; None where too many wait so already. Whoever was given it lets it go."""
        waiting = self._held.get(place, [])
        if self.going or self._holding >= HELD_MOST or len(waiting) >= _HELD_A_PLACE:
            return None
        held = asyncio.get_running_loop().create_future()
        self._held.setdefault(place, []).append(held)
        self._holding += 1
        return held

    def let_go(self, place: PlaceId, held: asyncio.Future[None]) -> None:
        """Wait no more."""
        waiting = self._held.get(place, [])
        if held in waiting:
            waiting.remove(held)
            self._holding -= 1
            if not waiting:
                del self._held[place]

    def _wake(self, place: PlaceId) -> None:
        for held in self._held.get(place, ()):
            if not held.done():
                held.set_result(None)

    def drain(self) -> None:
        """Let nobody wait any more."""
        self.going = True
        for place in self._held:
            self._wake(place)

    def recount(self) -> None:
        """Have room for the polls of everybody who has come back."""
        for lane in self.room.lanes:
            self._reach(lane.number)

    def tick(self, backing: Backing) -> Happenings:
        """Go on to now; wake who was called, and everybody when the room or what is said of it changes."""
        found = self.room.tick(self._clock.now(), self._clock.wall(), backing)
        for place in found.called:
            self._wake(place)
        about = (self.room.state, self.notice)
        if about != self._about:  # a sentence that people should read does not wait for their turn
            self._about, self._changed = about, self.room.time.life
            for place in self._held:
                self._wake(place)
        return found

    def bound(self, plan: RoomPlan, keys: Keys) -> None:
        """Take other settings."""
        self.plan, self.keys = plan, keys
        self.room.bound(plan.rule)
        self._polls += [array("d") for _ in self.room.lanes[len(self._polls) :]]
        self._numbers += [array("I") for _ in self.room.lanes[len(self._numbers) :]]


def _network(address: str) -> bytes:
    """Return the network that counts as one: an IPv4 address, a /64 of IPv6."""
    try:
        found = ip_address(address.partition("%")[0])
    except ValueError:
        return address.encode("utf-8", "surrogateescape")
    return found.packed if found.version == 4 else found.packed[: _IPV6_NETWORK // 8]
