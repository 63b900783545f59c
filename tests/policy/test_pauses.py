"""What is up holds up whom it should, to its end and no longer, and what is said is the gravest and the newest."""

from __future__ import annotations

from math import inf

import hypothesis.strategies as st
import pytest
from hypothesis import given
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from sidecar.model import Notice, Refusal
from sidecar.policy.pauses import (
    EVERYTHING,
    LATEST_S,
    MOST,
    SOONEST_S,
    Kind,
    Pauses,
    Scope,
    Sign,
    Target,
    What,
    target_of,
)

NOW, WALL = 100.0, 1_796_115_600.0
TICKETS, SEATS, HAMLET = Target(What.BACKEND, "tickets"), Target(What.BACKEND, "seats"), Target(What.ROOM, "hamlet")


def sign(
    target: Target = TICKETS,
    kind: Kind = Kind.PAUSE,
    scope: Scope = Scope.ENTRY,
    *,
    severity: str = "warning",
    text: str = "Back at 9:20",
    at: float = NOW,
    for_s: float | None = 600.0,
    until: float | None = None,
    remind_s: float | None = None,
    news_s: float | None = None,
) -> Sign:
    name = f"{kind[0]}-{target}-{at:g}"
    notice = Notice(name, severity, (("en", text),) if text else (), None if news_s is None else WALL + news_s)
    return Sign(name, kind, target, notice, at, scope, None if for_s is None else at + for_s, until, remind_s, "alice")


def up(*signs: Sign) -> Pauses:
    here = Pauses()
    for each in signs:
        here.put(each)
    return here


def ask(
    here: Pauses,
    backend: str = "tickets",
    *,
    under_way: bool = False,
    at: float = NOW,
    wall: float = WALL,
    chance: float = 0.0,
) -> Refusal | None:
    return here.ask(at, wall, backend, lambda: chance, under_way=under_way)


def reason(here: Pauses, backend: str = "tickets", *, under_way: bool = False) -> str | None:
    refusal = ask(here, backend, under_way=under_way)
    assert refusal is None or refusal.state == "paused"
    return None if refusal is None else refusal.reason


@pytest.mark.parametrize(
    ("signs", "newcomer", "under_way", "elsewhere"),
    [
        ((), None, None, None),
        ((sign(),), "backend", None, None),
        ((sign(scope=Scope.ALL),), "backend", "backend", None),
        ((sign(EVERYTHING),), "everything", None, "everything"),
        ((sign(EVERYTHING, scope=Scope.ALL),), "everything", "everything", "everything"),
        ((sign(HAMLET),), None, None, None),  # a room is asked of by its own gate
        ((sign(kind=Kind.MESSAGE),), None, None, None),
        ((sign(), sign(EVERYTHING, severity="critical")), "everything", None, "everything"),
        ((sign(EVERYTHING), sign(at=NOW + 1)), "backend", None, "everything"),  # as grave: the newest says why
        ((sign(severity="critical"), sign(EVERYTHING, scope=Scope.ALL)), "backend", "everything", "everything"),
    ],
)
def test_who_is_held_up(
    signs: tuple[Sign, ...], newcomer: str | None, under_way: str | None, elsewhere: str | None
) -> None:
    """By target and scope: who has begun a purchase ends it, unless everybody is held up."""
    here = up(*signs)
    assert (reason(here), reason(here, under_way=True), reason(here, "seats")) == (newcomer, under_way, elsewhere)
    assert here.active is bool(signs)


def test_it_holds_to_its_end() -> None:
    """What was said by how long ends by the monotonic clock, what was said as a time of day by the other; each looks at its own alone."""
    lasting = up(sign(for_s=60.0))
    assert ask(lasting, at=NOW + 59.9, wall=WALL + 9e6) is not None
    assert ask(lasting, at=NOW + 60.0, wall=WALL) is None
    by_day = up(sign(for_s=None, until=WALL + 60))
    assert ask(by_day, at=NOW + 9e6, wall=WALL + 59.9) is not None
    assert ask(by_day, at=NOW, wall=WALL + 60) is None
    assert by_day.expired(NOW, WALL + 59.9) == []
    assert [each.target for each in by_day.expired(NOW, WALL + 60)] == [TICKETS]
    assert by_day.expired(NOW, WALL + 60) == []
    assert not by_day.active


def test_one_without_an_end_is_called_to_mind() -> None:
    """So often as was said, from the time it was put up; one with an end is not."""
    here = up(sign(for_s=None, remind_s=900.0), sign(SEATS))
    assert here.due(NOW + 899) == []
    assert [each.target for each in here.due(NOW + 900)] == [TICKETS]
    assert here.due(NOW + 901) == []
    assert [each.target for each in here.due(NOW + 1800)] == [TICKETS]
    assert here.view()[0].left_s(NOW + 9e9, WALL) == inf
    here.put(sign(for_s=None, remind_s=900.0, at=NOW + 1850))
    assert here.due(NOW + 2749) == []
    assert len(here.due(NOW + 2750)) == 1


def test_a_second_takes_the_place_of_the_first() -> None:
    """Of its kind and target; a message beside it stays."""
    here = up(sign(), sign(kind=Kind.MESSAGE), sign(text="Back at 10", at=NOW + 5))
    assert [(each.kind, each.notice.texts[0][1]) for each in here.view()] == [
        (Kind.PAUSE, "Back at 10"),
        (Kind.MESSAGE, "Back at 9:20"),
    ]
    assert here.clear(Kind.PAUSE, TICKETS) is not None
    assert here.clear(Kind.PAUSE, TICKETS) is None
    assert reason(here) is None
    assert repr(here) == "<Pauses message backend:tickets>"


def test_there_is_a_bound() -> None:
    """The one that is one too many is refused; one in place of another is not."""
    here = up(*(sign(Target(What.BACKEND, f"b{number}")) for number in range(MOST)))
    assert not here.has_room(Kind.PAUSE, TICKETS)
    with pytest.raises(ValueError, match="64 signs"):
        here.put(sign())
    here.put(sign(Target(What.BACKEND, "b1")))


@pytest.mark.parametrize(
    ("more", "chance", "after_s"),
    [
        ({"news_s": 120.0}, 0.0, 120),
        ({"news_s": 120.0}, 1.0, 180),
        ({"news_s": 117.0}, 0.0, 120),  # in steps of five
        ({"news_s": 1.0}, 0.0, SOONEST_S),
        ({"news_s": 9000.0}, 0.0, 200),
        ({"news_s": 9000.0}, 1.0, LATEST_S),
        ({"news_s": -5.0, "for_s": 60.0}, 0.0, 60),  # what was promised has not come
        ({"news_s": 500.0, "for_s": 60.0}, 0.0, 60),  # it is over before
        ({"for_s": None, "until": WALL + 40}, 0.0, 40),
        ({"for_s": None, "remind_s": 900.0}, 0.0, 15),
        ({"for_s": None, "remind_s": 900.0}, 0.99, 22),
    ],
)
def test_when_to_come_back(more: dict[str, float | None], chance: float, after_s: int) -> None:
    """With the news or after it, within bounds, and not all at once."""
    refusal = ask(up(sign(**more)), chance=chance)  # type: ignore[arg-type] - keywords of one type
    assert refusal is not None
    assert refusal.retry_after_s == after_s


@given(st.floats(-10, 1e5), st.floats(0, 1))
def test_nobody_comes_back_too_soon_or_too_late(news_s: float, chance: float) -> None:
    """Whatever was promised, and whatever chance says."""
    refusal = ask(up(sign(news_s=news_s)), chance=chance)
    assert refusal is not None
    assert refusal.retry_after_s is not None
    assert SOONEST_S <= refusal.retry_after_s <= LATEST_S
    if 0 < news_s <= 200:
        assert refusal.retry_after_s >= news_s


def test_thousands_are_told_the_same_object() -> None:
    """In ten different times at most, so that what is written for them is written once."""
    here = up(sign(news_s=120.0))
    told = [ask(here, chance=number / 1000) for number in range(1000)]
    assert len({id(each) for each in told}) == 10
    assert len({each.retry_after_s for each in told if each is not None}) == 10


def test_what_is_told() -> None:
    """The operator's words, and for developers what is paused; without words none."""
    refusal = ask(up(sign(severity="critical", news_s=60.0)))
    assert refusal == Refusal(
        "paused",
        "backend",
        "backend tickets is paused by the operator; a purchase that has begun may be ended",
        retry_after_s=60,
        notice=Notice("p-backend:tickets-100", "critical", (("en", "Back at 9:20"),), WALL + 60),
    )
    silent = ask(up(sign(EVERYTHING, scope=Scope.ALL, text="")))
    assert silent is not None
    assert (silent.notice, silent.detail) == (None, "everything is paused by the operator")


def test_a_room_is_paused_by_its_own_sign_or_by_that_of_everything() -> None:
    """Its own comes first; another room's is none of it."""
    own, whole = sign(HAMLET), sign(EVERYTHING, severity="critical")
    assert up(own, whole).room(NOW, WALL, "hamlet") is own
    assert up(own, whole).room(NOW, WALL, "lear") is whole
    assert up(own).room(NOW, WALL, "lear") is None
    assert up(own).room(NOW + 600, WALL, "hamlet") is None
    assert up(own).refusal(NOW, WALL, own, 0.0).reason == "room"


@pytest.mark.parametrize(
    ("signs", "backend", "room", "says"),
    [
        ((), "tickets", None, None),
        ((sign(kind=Kind.MESSAGE, text="a"),), "tickets", None, "a"),
        ((sign(kind=Kind.MESSAGE, text="a"),), "seats", None, None),
        ((sign(kind=Kind.MESSAGE, text="a"),), None, None, None),
        ((sign(EVERYTHING, Kind.MESSAGE, text="a"),), None, None, "a"),
        ((sign(HAMLET, Kind.MESSAGE, text="a"),), "tickets", None, None),
        ((sign(HAMLET, Kind.MESSAGE, text="a"),), None, "hamlet", "a"),
        ((sign(text="a"),), "tickets", "hamlet", "a"),  # what a pause says is said, too
        ((sign(text=""), sign(kind=Kind.MESSAGE, text="b", severity="info")), "tickets", None, "b"),
        ((sign(text="a"), sign(EVERYTHING, Kind.MESSAGE, text="b", at=NOW + 1)), "tickets", None, "b"),
        (
            (sign(text="a", severity="critical"), sign(EVERYTHING, Kind.MESSAGE, text="b", at=NOW + 1)),
            "tickets",
            None,
            "a",
        ),
        ((sign(kind=Kind.MESSAGE, text="a", for_s=0.5),), "tickets", None, None),
    ],
)
def test_what_is_said(signs: tuple[Sign, ...], backend: str | None, room: str | None, says: str | None) -> None:
    """The most severe; of these the newest."""
    notice = up(*signs).notices(NOW + 1, WALL, backend, room)
    assert (None if notice is None else notice.texts[0][1]) == says


@pytest.mark.parametrize(
    ("text", "target"),
    [
        ("all", EVERYTHING),
        ("backend:tickets", TICKETS),
        ("room:hamlet", HAMLET),
        ("room:a:b", Target(What.ROOM, "a:b")),
        ("everything:x", None),
        ("backend:", None),
        ("tickets", None),
        ("", None),
    ],
)
def test_how_targets_are_named(text: str, target: Target | None) -> None:
    """And back again."""
    assert target_of(text) == target
    assert target is None or str(target) == text


TARGETS = st.sampled_from([EVERYTHING, TICKETS, SEATS, HAMLET])


class Table(RuleBasedStateMachine):
    """Signs in any order, against a list that is looked through from its beginning."""

    def __init__(self) -> None:
        super().__init__()
        self.here, self.model, self.now = Pauses(most=4), dict[tuple[Kind, Target], Sign](), NOW

    @rule(where=TARGETS, kind=st.sampled_from(Kind), scope=st.sampled_from(Scope), for_s=st.floats(1, 100))
    def put(self, where: Target, kind: Kind, scope: Scope, for_s: float) -> None:
        made = sign(where, kind, scope, at=self.now, for_s=for_s)
        if (kind, where) in self.model or len(self.model) < 4:
            self.here.put(made)
            self.model[kind, where] = made
        else:
            assert not self.here.has_room(kind, where)

    @rule(where=TARGETS, kind=st.sampled_from(Kind))
    def clear(self, where: Target, kind: Kind) -> None:
        assert self.here.clear(kind, where) is self.model.pop((kind, where), None)

    @rule(seconds=st.floats(0, 60))
    def wait(self, seconds: float) -> None:
        self.now += seconds

    @rule()
    def expire(self) -> None:
        over = {key: each for key, each in self.model.items() if each.end is not None and each.end <= self.now}
        assert {(each.kind, each.target) for each in self.here.expired(self.now, WALL)} == set(over)
        self.model = {key: each for key, each in self.model.items() if key not in over}

    @invariant()
    def the_same_are_held_up(self) -> None:
        assert set(self.here.view()) == set(self.model.values())
        assert self.here.active is bool(self.model)
        for backend in ("tickets", "seats"):
            for under_way in (False, True):
                held = any(
                    kind is Kind.PAUSE
                    and target in (EVERYTHING, Target(What.BACKEND, backend))
                    and each.end is not None
                    and each.end > self.now
                    and (each.scope is Scope.ALL or not under_way)
                    for (kind, target), each in self.model.items()
                )
                assert (ask(self.here, backend, under_way=under_way, at=self.now) is not None) is held


TestTable = Table.TestCase
