"""Generations: what was touched differs for ever, whatever is forgotten in between."""

from __future__ import annotations

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from sidecar.policy.generations import Generations


def test_an_untouched_tag_has_the_floors() -> None:
    """And a touched one a number of its own, which no other has had."""
    generations = Generations()
    assert generations.ask("box", ("a", "b")) == (0, 0)
    assert generations.touch("box", ["a", "b"]) == {("box", "a"): 1, ("box", "b"): 2}
    assert generations.ask("box", ("b", "a", "c")) == (2, 1, 0)
    assert generations.ask("other", ("a",)) == (0,)
    assert (generations.last, generations.floor, len(generations)) == (2, 0, 2)


def test_past_its_bound_the_tags_touched_longest_ago_are_forgotten() -> None:
    """A fortieth at once, and the floor is the number of the last of them."""
    generations = Generations(most=80)
    for number in range(80):
        generations.touch("box", [str(number)])
    generations.touch("box", ["0"])
    generations.touch("box", ["new"])
    assert repr(generations) == "<Generations 79 of 80 tags, last 82, floor 3>"
    assert generations.ask("box", ("0", "1", "2", "3")) == (81, 3, 3, 4)


def test_a_backend_of_another_identity_begins_above_all_that_was() -> None:
    """So whatever was read before is smaller, for tags that were touched and for those that were not."""
    generations = Generations()
    generations.touch("box", ["a"])
    before = generations.ask("box", ("a", "b"))
    assert generations.mark("box") == 0
    mark = generations.forget("box")
    assert (generations.mark("box"), generations.mark("other")) == (mark, 0)
    assert generations.ask("box", ("a", "b")) == (mark, mark)
    assert max(before) < mark
    assert generations.ask("other", ("a",)) == (0,)
    generations.touch("box", ["a"])
    assert generations.ask("box", ("a",)) == (mark + 1,)


def test_it_goes_on_where_another_process_ended() -> None:
    """Numbers, marks and floor are as they were, and the next number is a new one."""
    generations = Generations()
    generations.touch("old", ["gone"])
    generations.restore([(("box", "a"), 5), (("box", "b"), 7)], {"new": 6}, 4, 9)
    assert generations.ask("box", ("a", "b", "c")) == (5, 7, 4)
    assert generations.ask("new", ("a",)) == (6,)
    assert generations.ask("old", ("gone",)) == (4,)
    assert generations.touch("box", ["c"]) == {("box", "c"): 10}


TAGS = st.sampled_from([f"tag-{number}" for number in range(9)])
BACKENDS = st.sampled_from(["box", "members"])


class GenerationsMachine(RuleBasedStateMachine):
    """Answers are stored with what was read; once their tag is touched, or their backend is another, they never look current again."""

    def __init__(self) -> None:
        super().__init__()
        self.generations = Generations(most=3)
        self.stored: list[tuple[str, str, int, bool]] = []  # backend, tag, generation, whether it may be current

    @rule(backend=BACKENDS, tag=TAGS)
    def store(self, backend: str, tag: str) -> None:
        self.stored.append((backend, tag, *self.generations.ask(backend, (tag,)), True))

    @rule(backend=BACKENDS, tags=st.lists(TAGS, max_size=3))
    def touch(self, backend: str, tags: list[str]) -> None:
        self.generations.touch(backend, tags)
        self.stored = [(b, t, g, fine and not (b == backend and t in tags)) for b, t, g, fine in self.stored]

    @rule(backend=BACKENDS)
    def forget(self, backend: str) -> None:
        mark = self.generations.forget(backend)
        assert all(number < mark for b, _, number, _ in self.stored if b == backend)
        self.stored = [(b, t, g, fine and b != backend) for b, t, g, fine in self.stored]

    @invariant()
    def what_was_touched_looks_touched(self) -> None:
        for backend, tag, number, fine in self.stored:
            (now,) = self.generations.ask(backend, (tag,))
            assert now >= number
            assert fine or now != number
        assert len(self.generations) <= 3


TestGenerations = GenerationsMachine.TestCase
