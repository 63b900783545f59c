"""Things that live from one plan to the next: by name, and for as long as they would be made of the same.

Stands beside the app, which makes connections and documents and hands them to pipelines. It makes nothing and ends nothing by itself.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from sidecar.pieces import Pieces

T = TypeVar("T")


class Renewal(Generic[T]):
    """What a new plan would have: `now` by name, and how that differs from before. Nothing has changed until it is taken."""

    def __init__(self, made: dict[str, tuple[object, T]], new: list[T], gone: list[T]) -> None:
        self.made, self.new, self.gone = made, new, gone

    @property
    def now(self) -> dict[str, T]:
        """What there is by name."""
        return {name: thing for name, (_, thing) in self.made.items()}


class Kept(Generic[T]):
    """Things of one kind."""

    def __init__(self) -> None:
        self._made: dict[str, tuple[object, T]] = {}

    def renew(self, wanted: Mapping[str, object], make: Callable[[str], T]) -> Pieces[Renewal[T]]:
        """Say what there is to be: `wanted` tells by name what each is made of; what has changed is made anew, one a piece."""
        made, new = {}, []
        for name, of in wanted.items():
            before = self._made.get(name)
            if before is None or before[0] != of:
                new.append(make(name))
                made[name] = (of, new[-1])
                yield
            else:
                made[name] = before
        still = {id(thing) for _, thing in made.values()}
        return Renewal(made, new, [thing for _, thing in self._made.values() if id(thing) not in still])

    def take(self, renewal: Renewal[T]) -> None:
        """Keep that from now on."""
        self._made = renewal.made

    def __getitem__(self, name: str) -> T:
        return self._made[name][1]

    def all(self) -> list[T]:
        """Return everything that is kept."""
        return [thing for _, thing in self._made.values()]
