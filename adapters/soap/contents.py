"""In which order the members of a JSON object stand in XML, and what is missing or too much, by a type's content model.

Under the encoder. JSON has no order: a sequence is written as the schema has it, and the items of arrays in a group that repeats take
turns. Most types are a plain sequence, which is looked at in one pass.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any, Final

from adapters.soap.types import ANY, MANY, Leaf, Wild

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from adapters.json.pointers import Place
    from adapters.soap.job import Job
    from adapters.soap.types import Complex, Member, Particle

    Left = dict[int, int]  # by place in the type's members: what is still to be written of those that are there

_NAMES: Final = 10  # of the members that could be there, in one error
_WILD: Final = -1  # stands for what wildcards hold, beside places in a type's members
_GROUP: Final = -2
_CHEAP: Final = 8  # members that are looked at in the time that one takes to be written


class Contents:
    """The content model of one type."""

    __slots__ = ("_alone", "_members", "_root", "_wild")

    def __init__(self, made: Complex) -> None:
        self._members, self._wild = made.members, made.wild
        root = made.content
        plain = root is None or (not made.wild and _is_plain(root, []))
        self._root = None if plain or root is None else _Part(root)
        times = Counter(() if root is None else _places(root))
        self._alone = frozenset(at for at, count in times.items() if count == 1)

    @property
    def plain(self) -> bool:
        """Whether it is a sequence in which each element has one place."""
        return self._root is None

    def order(self, value: Mapping[str, Any], job: Job, at: Place | None) -> Iterator[tuple[int | None, int | None]]:
        """Give what is to be written: a member and, of an array, the item; None and an item of a wildcard. Notes what is wrong."""
        if self._root is None:
            return self._in_turn(value, job, at)
        return self._by_model(self._root, value, job, at)

    def _in_turn(self, value: Mapping[str, Any], job: Job, at: Place | None) -> Iterator[tuple[int | None, int | None]]:
        for order, member in enumerate(self._members):
            if member.key not in value:
                if member.required:
                    job.wrong((at, member.key), "missing", "is required")
            elif not member.many:
                yield order, None
            elif self._is_list(member, value[member.key], job, at):
                for index in range(len(value[member.key])):
                    yield order, index

    def _is_list(self, member: Member, value: Any, job: Job, at: Place | None) -> bool:
        if not isinstance(value, list):
            job.wrong((at, member.key), "type", "must be an array")
            return False
        if not member.fewest <= len(value) <= member.most:
            job.wrong((at, member.key), "length", length(member))
        return True

    def _by_model(
        self, root: _Part, value: Mapping[str, Any], job: Job, at: Place | None
    ) -> Iterator[tuple[int | None, int | None]]:
        sizes: Left = {}
        there: set[int] = set()
        for order, member in enumerate(self._members):
            if member.key in value:
                there.add(order)
                if not member.many:
                    sizes[order] = 1
                elif self._is_list(member, value[member.key], job, at):
                    sizes[order] = len(value[member.key])
        if self._wild and ANY in value:
            if isinstance(value[ANY], list):
                there.add(_WILD)
                sizes[_WILD] = len(value[ANY])
            else:
                job.wrong((at, ANY), "type", "must be an array")
        self._judge(root, there, job, at, needed=True)
        self._match(root, sizes, job, at)
        left = {order: size for order, size in sizes.items() if size}
        for order in _walk(root, left, job):
            index = sizes[order] - left.get(order, 0) - 1
            if order == _WILD:
                yield None, index
            else:
                yield order, index if self._members[order].many else None
        for order in left:
            if not job.errors:
                text = "cannot stand beside what else is there: the schema has one of them, or fewer"
                job.wrong((at, ANY if order == _WILD else self._members[order].key), "choice", text)

    def _judge(self, part: _Part, there: set[int], job: Job, at: Place | None, *, needed: bool) -> None:
        """Note what is missing. `there` is what the object names, be it an empty array."""
        if part.at != _GROUP:
            if needed and part.needed and part.at not in there:
                job.wrong((at, self._members[part.at].key), "missing", "is required")
            return
        if not (needed and part.fewest) and part.leaves.isdisjoint(there):
            return
        used = part.used(there)
        if not part.choice:
            for place in sorted(used.keys() | part.musts):
                each = part.parts[place]
                self._judge(each, there, job, at, needed=each.fewest > 0)
        elif used:
            if part.most == 1:
                best = part.parts[_best(used)]
                self._judge(best, there, job, at, needed=best.fewest > 0)
        elif part.needed:
            names = [self._members[each].key for branch in part.parts for each in sorted(branch.leaves) if each >= 0]
            shown = ", ".join(dict.fromkeys(names[:_NAMES])) + (", …" if len(names) > _NAMES else "")
            job.wrong(at, "missing", f"needs one of: {shown or ANY}")

    def _match(self, part: _Part, sizes: Left, job: Job, at: Place | None) -> None:
        """Note arrays that are too short for the rounds that others need of the group that they stand in."""
        if part.at == _GROUP and not part.choice and part.most > 1:
            leaves = [each for each in part.parts if each.at in self._alone and sizes.get(each.at)]
            longest = max(leaves, key=lambda each: _rounds(each, sizes), default=None)
            for each in leaves:
                if longest is not None and sizes[each.at] < each.fewest * _rounds(longest, sizes):
                    text = f"must have as many items as {self._members[longest.at].key}"
                    job.wrong((at, self._members[each.at].key), "length", text)
        for each in part.parts:
            self._match(each, sizes, job, at)


class _Part:
    """A particle with what is asked of it for each object.

    `at` is an element's place in the members, `leaves` all that can stand in it, `where` its parts by that. `needed`: it cannot be
    empty, as `musts` of its parts cannot.
    """

    __slots__ = ("at", "choice", "fewest", "leaves", "most", "musts", "needed", "parts", "where")

    def __init__(self, particle: Particle) -> None:
        self.fewest, self.most = particle.fewest, particle.most
        self.parts: tuple[_Part, ...] = ()
        self.choice = False
        self.where: dict[int, list[int]] = {}
        self.musts: frozenset[int] = frozenset()
        if isinstance(particle, Leaf | Wild):
            self.at = particle.at if isinstance(particle, Leaf) else _WILD
            self.leaves = frozenset((self.at,))
            self.needed = particle.fewest > 0 and self.at != _WILD
            return
        self.at = _GROUP
        self.choice = particle.kind == "choice"
        self.parts = tuple(map(_Part, particle.parts))
        for place, part in enumerate(self.parts):
            for leaf in part.leaves:
                self.where.setdefault(leaf, []).append(place)
        self.leaves = frozenset(self.where)
        self.musts = frozenset(place for place, part in enumerate(self.parts) if part.needed)
        full = len(self.musts) == len(self.parts) if self.choice else True
        self.needed = particle.fewest > 0 and full and bool(self.musts)

    def used(self, members: Mapping[int, int] | set[int]) -> dict[int, int]:
        """Return its parts that some of these members can stand in, and how many of them in each."""
        found: dict[int, int] = {}
        for each in members:
            for place in self.where.get(each, ()):
                found[place] = found.get(place, 0) + 1
        return found


def length(member: Member) -> str:
    """Say how many items an array may have."""
    least, most = member.fewest, member.most
    if most >= MANY:
        return f"must have at least {least} item{'s' * (least != 1)}"
    return f"must have {most} item{'s' * (most != 1)}" if least == most else f"must have {least} to {most} items"


def _walk(part: _Part, left: Left, job: Job, later: int = 0) -> Iterator[int]:
    """Give members as the model has them, and take them off what is left; so many rounds come `later`."""
    if part.at != _GROUP:
        there = left.get(part.at, 0)
        for _ in range(min(there, max(1, min(part.most, there - part.fewest * later)))):
            _take(part.at, left)
            yield part.at
        return
    rounds = 0
    needed = max((_rounds(each, left) for each in part.parts if each.at in left), default=1) if part.most > 1 else 1
    while rounds < part.most and (used := part.used(left)):
        job.left -= len(left) // _CHEAP
        rounds += 1
        if not part.choice:
            for place in sorted(used):
                yield from _walk(part.parts[place], left, job, max(0, needed - rounds))
            continue
        branch = part.parts[_best(used)]
        yield from _walk(branch, left, job)
        # The branch that had most goes on having it while it is one element alone.
        while branch.at in left and rounds < part.most:
            rounds += 1
            yield from _walk(branch, left, job)


def _rounds(part: _Part, sizes: Mapping[int, int]) -> int:
    """Return how often the group that an element stands in must be there for all of its items."""
    return -(-sizes[part.at] // part.most)


def _places(particle: Particle) -> Iterator[int]:
    if isinstance(particle, Leaf):
        yield particle.at
    elif not isinstance(particle, Wild):
        for part in particle.parts:
            yield from _places(part)


def _take(order: int, left: Left) -> None:
    left[order] -= 1
    if not left[order]:
        del left[order]


def _best(used: Mapping[int, int]) -> int:
    """Return the branch of a choice in which most of what is there can stand, the first of several."""
    return min(used, key=lambda place: (-used[place], place))


def _is_plain(particle: Particle, seen: list[int]) -> bool:
    """Say whether a model is sequences that stand once, of elements that stand in one place each, in the members' order."""
    if isinstance(particle, Leaf):
        seen.append(particle.at)
        return seen[-2:-1] < seen[-1:]
    if isinstance(particle, Wild) or particle.kind == "choice" or (particle.fewest, particle.most) != (1, 1):
        return False
    return all(_is_plain(part, seen) for part in particle.parts)
