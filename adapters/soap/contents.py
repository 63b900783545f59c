"""In which order the members of a JSON object stand in XML, and what is missing or too much, by a type's content model.

Under the encoder. JSON has no order: a sequence is written as the schema has it, and the items of arrays in a group that repeats take
turns. Most types are a plain sequence, which is looked at in one pass.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from adapters.soap.types import ANY, MANY, Group, Leaf, Wild

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from adapters.soap.encoding import Job, Path
    from adapters.soap.types import Complex, Member, Particle

_NAMES: Final = 10  # of the members that could be there, in one error


class Contents:
    """The content model of one type."""

    __slots__ = ("_members", "_plain", "_root", "_wild")

    def __init__(self, made: Complex) -> None:
        self._members, self._root, self._wild = made.members, made.content, made.wild
        self._plain = self._root is None or (not self._wild and _is_plain(self._root, set()))

    @property
    def plain(self) -> bool:
        """Whether it is a sequence in which each element has one place."""
        return self._plain

    def order(self, value: Mapping[str, Any], job: Job, at: Path) -> Iterator[tuple[int | None, int | None]]:
        """Give what is to be written: a member and, of an array, the item; None and an item of a wildcard. Notes what is wrong."""
        if self._plain:
            return self._in_turn(value, job, at)
        return self._by_model(value, job, at)

    def _in_turn(self, value: Mapping[str, Any], job: Job, at: Path) -> Iterator[tuple[int | None, int | None]]:
        for order, member in enumerate(self._members):
            if member.key not in value:
                if member.required:
                    job.wrong((*at, member.key), "missing", "is required")
            elif not member.many:
                yield order, None
            elif self._is_list(member, value[member.key], job, at):
                for index in range(len(value[member.key])):
                    yield order, index

    def _is_list(self, member: Member, value: Any, job: Job, at: Path) -> bool:
        if not isinstance(value, list):
            job.wrong((*at, member.key), "type", "must be an array")
            return False
        if not member.fewest <= len(value) <= member.most:
            job.wrong((*at, member.key), "length", length(member))
        return True

    def _by_model(self, value: Mapping[str, Any], job: Job, at: Path) -> Iterator[tuple[int | None, int | None]]:
        left: dict[int, int] = {}
        for order, member in enumerate(self._members):
            if member.key in value:
                if not member.many:
                    left[order] = 1
                elif self._is_list(member, value[member.key], job, at):
                    left[order] = len(value[member.key])
        if self._wild and ANY in value:
            if isinstance(value[ANY], list):
                left[-1] = len(value[ANY])
            else:
                job.wrong((*at, ANY), "type", "must be an array")
        assert self._root is not None, "what has no content is plain"
        taken = dict.fromkeys(left, 0)
        self._judge(self._root, {order for order, count in left.items() if count}, job, at, needed=True)
        for order in self._walk(self._root, left, taken):
            index = taken[order]
            taken[order] += 1
            if order < 0:
                yield None, index
            else:
                yield order, index if self._members[order].many else None
        for order, count in left.items():
            if taken[order] < count and not job.errors:
                key = ANY if order < 0 else self._members[order].key
                job.wrong(
                    (*at, key), "choice", "cannot stand beside what else is there: the schema has one of them, or fewer"
                )

    def _walk(self, particle: Particle, left: Mapping[int, int], taken: Mapping[int, int]) -> Iterator[int]:
        """Give members as the model has them; `taken` is counted by whoever writes."""
        if isinstance(particle, (Leaf, Wild)):
            order = particle.at if isinstance(particle, Leaf) else -1
            for _ in range(min(particle.most, left.get(order, 0) - taken.get(order, 0))):
                yield order
            return
        rounds = 0
        while rounds < particle.most and _has(particle, left, taken):
            rounds += 1
            before = sum(taken.values())
            if particle.kind == "choice":
                branch = max(particle.parts, key=lambda part: _fits(part, left, taken))
                yield from self._walk(branch, left, taken)
            else:
                for part in particle.parts:
                    yield from self._walk(part, left, taken)
            if sum(taken.values()) == before:
                return

    def _judge(self, particle: Particle, there: set[int], job: Job, at: Path, *, needed: bool) -> None:
        """Note what is missing."""
        if isinstance(particle, Wild):
            return
        if isinstance(particle, Leaf):
            if needed and particle.fewest and particle.at not in there:
                member = self._members[particle.at]
                if not (member.many and member.default is not None):
                    job.wrong((*at, member.key), "missing", "is required")
            return
        if not (needed and particle.fewest) and not _leaves(particle) & there:
            return
        if particle.kind != "choice":
            for part in particle.parts:
                self._judge(part, there, job, at, needed=part.fewest > 0)
            return
        chosen = [part for part in particle.parts if _leaves(part) & there]
        if chosen:
            if particle.most == 1:
                best = max(chosen, key=lambda part: len(_leaves(part) & there))
                self._judge(best, there, job, at, needed=best.fewest > 0)
        elif all(_is_needed(part) for part in particle.parts):
            names = [self._members[each].key for part in particle.parts for each in sorted(_leaves(part))]
            shown = ", ".join(dict.fromkeys(names[:_NAMES])) + (", …" if len(names) > _NAMES else "")
            job.wrong(at, "missing", f"needs one of: {shown}")


def length(member: Member) -> str:
    """Say how many items an array may have."""
    least, most = member.fewest, member.most
    if most >= MANY:
        return f"must have at least {least} item{'s' * (least != 1)}"
    return f"must have {most} items" if least == most else f"must have {least} to {most} items"


def _is_plain(particle: Particle, seen: set[int]) -> bool:
    """Say whether a model is sequences that stand once, of elements that stand in one place each."""
    if isinstance(particle, Leaf):
        known = particle.at in seen
        seen.add(particle.at)
        return not known
    if isinstance(particle, Wild) or particle.kind == "choice" or (particle.fewest, particle.most) != (1, 1):
        return False
    return all(_is_plain(part, seen) for part in particle.parts)


def _leaves(particle: Particle) -> frozenset[int]:
    if isinstance(particle, Leaf):
        return frozenset((particle.at,))
    if isinstance(particle, Wild):
        return frozenset((-1,))
    return frozenset().union(*(_leaves(part) for part in particle.parts))


def _has(particle: Particle, left: Mapping[int, int], taken: Mapping[int, int]) -> bool:
    return any(left.get(each, 0) > taken.get(each, 0) for each in _leaves(particle))


def _fits(particle: Particle, left: Mapping[int, int], taken: Mapping[int, int]) -> int:
    """Return how many of a branch's members are there."""
    return sum(left.get(each, 0) > taken.get(each, 0) for each in _leaves(particle))


def _is_needed(particle: Particle) -> bool:
    """Say whether a particle cannot be empty."""
    if not particle.fewest:
        return False
    if not isinstance(particle, Group):
        return True
    some = any if particle.kind != "choice" else all
    return bool(particle.parts) and some(_is_needed(part) for part in particle.parts)
