"""A room as pages and back: nothing is lost that was handed over, no number is given twice, and what is damaged is said."""

from __future__ import annotations

import copy
import random
import shutil
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sidecar.hall import Hall
from sidecar.hall.house import House, Joined
from sidecar.hall.memory import Memory
from sidecar.policy.admission import Backing
from sidecar.policy.credentials import PlaceId
from sidecar.policy.room import Phase
from sidecar.policy.visitors import Event, Why, Word
from sidecar.stores.roomfile import RoomFile
from tests.hall.sale import HAMLET, SECRET
from tests.support.world import KEYS, WALL_S, Recorder

if TYPE_CHECKING:
    from pathlib import Path

PLAN = replace(HAMLET, opens=WALL_S + 600.0, draw_s=60.0, lobby_s=1200.0, max_active=5, invites=SECRET, per_address=0)


class Clock:
    """Time that the test moves."""

    def __init__(self) -> None:
        self.at = 100.0

    def now(self) -> float:
        return self.at

    def wall(self) -> float:
        return WALL_S + self.at - 100.0


class Process:
    """A house, the disk that its pages go to, and how to begin again from that."""

    def __init__(self, disk: dict[str, bytes] | None = None, clock: Clock | None = None, **changes: Any) -> None:
        self.clock, self.plan = clock or Clock(), replace(PLAN, **changes)
        self.house = House(self.plan, KEYS, self.clock, Recorder(), lambda: 0.5)
        self.memory = Memory(self.house)
        self.disk: dict[str, bytes] = disk if disk is not None else {}
        self.writes: list[dict[str, bytes | None]] = []
        if disk:
            self.memory.recall(disk)
        self.go(0.0)

    def go(self, seconds: float) -> None:
        """Tick, four times a second."""
        end = self.clock.at + seconds
        while True:
            self.house.tick(Backing())
            while self.house.room.carry(10_000):
                pass
            if self.clock.at >= end:
                return
            self.clock.at = min(end, self.clock.at + 0.25)

    def write(self, *, closing: bool = False) -> None:
        """Hand over what has changed, and let it be on disk."""
        changes = self.memory.changes(closing=closing)
        self.writes.append(dict(changes))
        for name, page in changes.items():
            if page is None:
                del self.disk[name]
            else:
                self.disk[name] = page

    def again(self, disk: dict[str, bytes] | None = None) -> Process:
        """Begin anew, as after a crash."""
        return Process(copy.deepcopy(self.disk if disk is None else disk), self.clock, capacity=self.plan.capacity)

    def join(self, lane: str = "main", account: bytes | None = None) -> PlaceId:
        joined = self.house.join(lane, account, "", attaches=True)
        assert isinstance(joined, Joined)
        return joined.place

    def view(self, place: PlaceId) -> tuple[Any, ...]:
        """Return all that somebody could notice of himself, but whether he is there: after a restart everybody counts as there."""
        house, lane = self.house, self.house.room.lanes[place.lane]
        word = house.word(place)
        word = Word.WAITING if word is Word.PARKED else word
        held = house.room.passes.of_place(place)
        told = None if held is None else (held.turn, held.bind, round(held.ends_at, 1), held.sessions)
        until = lane.called.get(place.seq)
        return (
            word,
            lane.why(place.seq),
            lane.missed(place.seq),
            lane.position(place.seq),
            None if until is None else round(until, 1),
            told,
            house.code(place),
            house.room.follow(place),
            [(round(each.at, 3), each.event, each.why) for each in house.room.story.of(*place)],
        )


STEPS = st.lists(
    st.tuples(
        st.sampled_from(("join", "poll", "claim", "leave", "release", "hold", "move", "go", "long", "write", "live")),
        st.integers(0, 1_000_000),
    ),
    max_size=60,
)


def step(process: Process, places: list[PlaceId], what: str, number: int) -> None:
    """Let one thing happen to one of them."""
    house = process.house
    room = house.room
    if what == "join" or not places:
        places.append(process.join(room.lanes[number % 3].name, b"ac%06d" % (number % 50) if number % 3 else None))
        return
    place = room.follow(places[number % len(places)])
    held = room.passes.of_place(place)
    match what:
        case "poll":
            room.poll(place)
        case "claim":
            room.claim(place, b"browser!")
        case "leave":
            room.leave(place)
        case "release" if held is not None:
            room.end(held, Why.PURCHASE)
        case "live" if held is not None:
            room.passes.live_on(held, number.to_bytes(16))
        case "hold":
            room.happen(place, Event.HOLD, Why.CROWD)
        case "move":
            room.move(place, room.lanes[number % 3])
        case "go":
            process.go(number % 20 / 4)
        case "long":
            process.go(float(number % 200))
        case "write":
            process.write()


@pytest.mark.unmeasured
@settings(max_examples=60)
@given(STEPS)
def test_a_restart_changes_nothing_for_anybody(steps: list[tuple[str, int]]) -> None:
    """Words, reasons, ranks, calls, passes, accounts, moves and stories: after any history they are what they were."""
    process, places = Process(), list[PlaceId]()
    for what, number in steps:
        step(process, places, what, number)
    process.write()
    after = process.again()
    assert [after.view(place) for place in places] == [process.view(place) for place in places]
    before, now = process.house, after.house
    assert now.room.phase == before.room.phase
    assert (now.room.epoch, now.room.seed, now.room.turn) == (before.room.epoch, before.room.seed, before.room.turn)
    accounts = [b"ac%06d" % number for number in range(50)]
    assert [now.places_of_account(each) for each in accounts] == [before.places_of_account(each) for each in accounts]
    assert now.room.joined == before.room.joined
    counts = [(old.eligible, new.eligible) for old, new in zip(before.room.lanes, now.room.lanes, strict=True)]
    assert all(old <= new for old, new in counts), "whoever was there counts as there"
    # And once more: what was taken in is handed over again where it changes.
    after.write(closing=True)
    third = after.again()
    assert [third.view(place) for place in places] == [process.view(place) for place in places]


@pytest.mark.unmeasured
@settings(max_examples=60)
@given(STEPS, st.integers(0, 3), st.integers(0, 400))
def test_no_number_is_given_twice(steps: list[tuple[str, int]], lost: int, more: int) -> None:
    """Whatever the last writes were that a crash took: old places come back by themselves, and newcomers get numbers that nobody has."""
    process, places = Process(), list[PlaceId]()
    process.write()
    kept = [copy.deepcopy(process.disk)]
    for what, number in steps:
        step(process, places, what, number)
        if what == "write":
            kept.append(copy.deepcopy(process.disk))
    lately = [process.join() for _ in range(more)]
    texts = [process.house.place_text(place) for place in (*places, *lately)]
    after = process.again(kept[max(0, len(kept) - 1 - lost)])
    news = {after.join(lane.name) for lane in after.house.room.lanes for _ in range(50)}
    assert not news & {*places, *lately}
    for text in texts:
        place = after.house.place_of(text)
        assert isinstance(place, PlaceId)
        assert place not in news
        after.house.room.poll(place)
    assert not {after.join() for _ in range(50)} & {*places, *lately, *news}


def test_numbers_that_nobody_has_are_nobodys_turn() -> None:
    """After a crash a thousand numbers are passed over: nobody is called for them, they are before nobody, and take no room."""
    process = Process(opens=WALL_S - 60.0, capacity=10)
    first = process.join()
    process.house.room.poll(first)
    process.write()
    lost = [process.join() for _ in range(3)]
    texts = [process.house.place_text(place) for place in lost]
    after = process.again()
    room = after.house.room
    assert (room.joined, room.lanes[0].joined) == (1, 1001)
    late = after.join()
    room.poll(late)
    assert late.seq == 1001
    assert [room.tell(place).ahead for place in (first, late)] == [0, 1]
    back = [after.house.place_of(text) for text in texts]
    assert back == lost
    for place in lost:
        room.poll(place)
    assert room.tell(late).ahead == 4
    after.go(40.0)
    assert {after.house.word(place) for place in (first, *lost)} == {Word.CALLED}
    assert len([after.join() for _ in range(8)]) == 8, "capacity is of people"
    assert after.house.join("main", None, "", attaches=True) is None
    third = after.again()
    assert third.house.room.joined <= 10


def test_numbers_that_nobody_has_are_nobodys_turn_after_a_draw_of_them_and_another_crash() -> None:
    """Killed in the lobby, drawn, and killed again: who is there stands where he stood, and nobody else is before him."""
    process = Process(opens=WALL_S + 120.0, max_active=1)
    places = [process.join() for _ in range(2)]
    process.write()
    process = process.again()
    process.plan = replace(process.plan, opens=WALL_S + 120.0, max_active=1)
    for place in places:
        process.house.room.poll(place)
    process.house.room.set_phase(Phase.DRAWING)
    process.go(1.0)
    ahead = [process.house.room.tell(place).ahead for place in places]
    assert sorted(map(str, ahead)) == ["0", "1"]
    process.write()
    after = process.again().house.room
    assert [after.tell(place).ahead for place in places] == ahead
    assert after.waiting == 2


def test_an_orderly_end_passes_nothing_over() -> None:
    """The last numbers are known then."""
    process = Process()
    process.join()
    process.write(closing=True)
    after = process.again()
    assert after.house.room.lanes[0].joined == 1
    assert after.join().seq == 1


def test_an_invite_stays_used() -> None:
    """Over a restart, too."""
    process = Process()
    process.house.use_invite("i1")
    process.write()
    house = process.again().house
    assert [house.is_invited(name) for name in ("i1", "i2")] == [False, True]


def test_sessions_stay_known() -> None:
    """Whose they are, and that the backend knows them."""
    process = Process()
    process.house.confirm(b"s" * 16)
    process.house.learn(b"t" * 16, "ada")
    process.write()
    house = process.again().house
    assert house.is_confirmed(b"s" * 16)
    assert house.account_of_session(b"t" * 16) == house.account_key("login ada")


def test_time_stands_still_while_there_is_no_process() -> None:
    """A pass and a call have as much left as they had, however long it took."""
    process = Process(opens=WALL_S - 60.0)
    place = process.join()
    process.house.room.poll(place)
    process.go(1.0)
    process.house.room.claim(place, b"")
    process.write()
    left_s = process.house.room.passes.of_place(place).ends_at - process.house.room.time.sale  # type: ignore[union-attr] - just claimed
    process.clock.at += 3600.0
    after = process.again()
    held = after.house.room.passes.of_place(place)
    assert held is not None
    assert held.ends_at - after.house.room.time.sale == pytest.approx(left_s, abs=0.2)


def test_of_the_passes_those_are_written_that_have_changed() -> None:
    """A page each, and none of one that is out no more."""
    process = Process()
    filled(process)
    held = list(process.house.room.passes)
    assert sorted(name for name in process.disk if name.startswith("pass/")) == sorted(
        f"pass/0/{each.place.seq}" for each in held
    )
    process.house.room.passes.live_on(held[0], b"s" * 16)
    process.house.room.end(held[1], Why.PURCHASE)
    changes = process.memory.changes()
    assert {name: page is None for name, page in changes.items() if name.startswith("pass/")} == {
        f"pass/0/{held[0].place.seq}": False,
        f"pass/0/{held[1].place.seq}": True,
    }


def test_what_has_not_changed_is_not_written() -> None:
    """But the times, once a second."""
    process = Process()
    process.join()
    process.write()
    process.write()  # how many numbers a crash may take is fewer again
    assert process.memory.changes() == {}
    process.go(1.0)
    assert set(process.memory.changes()) == {"meta"}


def damaged(disk: dict[str, bytes], chance: random.Random) -> dict[str, bytes]:
    """Return a disk on which one page is not what it was."""
    name = chance.choice(sorted(disk))
    page = bytearray(disk[name])
    kind = chance.choice(("flip", "cut", "swap", "gone", "grown"))
    if kind == "flip":
        page[chance.randrange(len(page))] ^= 1 << chance.randrange(8)
    elif kind == "cut":
        page = page[: chance.randrange(len(page))]
    elif kind == "grown":
        page += b"\0"
    elif kind == "swap":
        page = bytearray(disk[chance.choice([each for each in sorted(disk) if each != name])])
    return {each: data for each, data in {**disk, name: bytes(page)}.items() if each != name or kind != "gone"}


def filled(process: Process) -> None:
    """Let there be some of everything: people in line, called and in, accounts and a story."""
    places = [process.join("main", b"ac%06d" % number) for number in range(40)]
    process.go(601.0)
    for place in places:
        process.house.room.poll(place)
    process.go(5.0)
    for seq in list(process.house.room.lanes[0].called)[:3]:
        process.house.room.claim(PlaceId(0, seq), b"browser!")
    assert len(process.house.room.passes) == 3
    process.write()


@pytest.mark.thinned(4)
@pytest.mark.parametrize("seed", range(40))
def test_a_damaged_page_is_noticed(seed: int, tmp_path: Path) -> None:
    """The room begins anew and the log says so, with what to do; a process never fails to start for it."""
    process = Process()
    filled(process)
    disk = damaged(process.disk, random.Random(seed))
    assert disk != process.disk
    log = Recorder()
    hall = Hall(process.clock, log, lambda: 0.5, cast("Any", None), lambda _: Backing(), str(tmp_path / "state.db"))
    hall._kept = {"hamlet": disk}
    hall.bound((PLAN,), KEYS, frozenset(), https=False)
    names = [name for name, _ in log.events]
    if "room_lost" in names:
        assert log.named("room_lost")[0]["remedy"] == "the room begins anew: whoever had a place joins again"
        assert hall.houses["hamlet"].room.epoch != process.house.room.epoch
    else:
        # A page that is gone altogether is one that was never written: what it said is unknown, and the rest holds.
        assert set(process.disk) - set(disk)
        assert hall.houses["hamlet"].room.epoch == process.house.room.epoch
    hall.close()


def test_nothing_of_a_lost_room_comes_back(tmp_path: Path) -> None:
    """What was on disk of it goes, so that the next restart finds one room and not parts of two."""
    process = Process()
    filled(process)
    at = str(tmp_path / "state.db")

    def opened(pages: dict[str, bytes] | None = None) -> tuple[Hall, Recorder]:
        log = Recorder()
        hall = Hall(process.clock, log, lambda: 0.5, cast("Any", None), lambda _: Backing(), at)
        if pages is not None:
            hall._file.keep("hamlet", pages)  # type: ignore[union-attr] - it has a store
            hall._kept = {"hamlet": pages}
        hall.bound((PLAN,), KEYS, frozenset(), https=False)
        return hall, log

    hall, log = opened({**process.disk, "meta": b"damaged"})
    assert log.named("room_lost")
    hall.houses["hamlet"].join("main", None, "", attaches=True)
    hall.close()
    hall, log = opened()
    assert log.named("room_recalled") == [{"room": "hamlet", "state": Phase.OPEN.value, "joined": 1}]
    lane = hall.houses["hamlet"].room.lanes[0]
    assert [lane.why(0), lane.called, len(hall.houses["hamlet"].accounts)] == [Why.NONE, {}, 0]
    hall.bound((), KEYS, frozenset(), https=False)
    hall.bound((PLAN,), KEYS, frozenset(), https=False)
    assert hall.houses["hamlet"].room.joined == 0, "taken out of the settings and put back it is another room"
    hall.close()
    hall, log = opened()
    assert log.named("room_recalled")[0]["joined"] == 0
    hall.close()


@pytest.fixture
def slow_disk(monkeypatch: pytest.MonkeyPatch) -> float:
    """A disk that takes a while for each write; returns how long, in seconds."""
    wait_s, write = 0.1, RoomFile._write

    def slowly(self: RoomFile, *what: Any) -> None:
        time.sleep(wait_s)
        write(self, *what)

    monkeypatch.setattr(RoomFile, "_write", slowly)
    return wait_s


def drawn(at: str) -> tuple[Hall, Recorder]:
    """Return a hall whose room has just been drawn, three people in it, not a moment later."""
    clock, log = Clock(), Recorder()
    hall = Hall(clock, log, lambda: 0.5, cast("Any", None), lambda _: Backing(), at)
    hall.bound((PLAN,), KEYS, frozenset(), https=False)
    for _ in range(3):
        assert isinstance(hall.houses["hamlet"].join("main", None, "", attaches=True), Joined)
    clock.at += 590.0
    hall.tick()
    assert hall.houses["hamlet"].room.phase is Phase.DRAWING
    return hall, log


@pytest.mark.usefixtures("slow_disk")
def test_a_draw_is_on_disk_before_anybody_is_told_his_rank(tmp_path: Path) -> None:
    """Whatever is on disk when the draw's own tick is over is what a kill at that moment leaves: the draw of these three, and no other."""
    hall, log = drawn(str(tmp_path / "state.db"))
    killed = tmp_path / "killed"
    shutil.copytree(tmp_path, killed, ignore=lambda *_: ["killed"])
    assert log.named("draw_not_written") == []
    again = Hall(Clock(), Recorder(), lambda: 0.5, cast("Any", None), lambda _: Backing(), str(killed / "state.db"))
    again.bound((PLAN,), KEYS, frozenset(), https=False)
    rooms = [each.houses["hamlet"].room for each in (hall, again)]
    assert [room.lanes[0].drawn for room in rooms] == [3, 3]
    assert len({tuple(room.lanes[0].position(seq) for seq in range(3)) for room in rooms}) == 1
    hall.close()
    again.close()


def test_a_disk_that_is_too_slow_for_a_draw_is_said(
    slow_disk: float, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The sale goes on: the loop waits a quarter of a second at most, and who operates it knows what a crash would cost now."""
    monkeypatch.setattr("sidecar.hall._DRAW_PATIENCE_S", slow_disk / 10)
    hall, log = drawn(str(tmp_path / "state.db"))
    assert [facts["room"] for facts in log.named("draw_not_written")] == ["hamlet"]
    hall.close()
