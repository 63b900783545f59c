"""What a face makes of a request: steps to run against the inventory, and how to write down what they gave.

It stands behind the road, between a face and the box office's server. It answers a `Reply` at once or after the steps
have run; the time that the law takes lies between the two, which is why they are apart.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from sidecar.demo.inventory import Sorry
    from sidecar.demo.operations import Args, Operation, Outcome


@dataclass(frozen=True, slots=True)
class Reply:
    status: int
    media: str
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)


class Step(NamedTuple):
    operation: Operation
    args: Args


@dataclass(frozen=True, slots=True)
class Ask:
    """One request: several steps where it is a batch, all of them in one slot of time."""

    steps: tuple[Step, ...]
    render: Callable[[list[Outcome | Sorry]], Reply]

    @property
    def work(self) -> float:
        return sum(step.operation.work for step in self.steps)


class ParameterError(ValueError):
    """A parameter that the face cannot read: named, and with the text it had."""

    def __init__(self, name: str, text: str | None) -> None:
        super().__init__(
            f"parameter {name} cannot be read: {text!r}" if text is not None else f"parameter {name} is missing"
        )
        self.name = name
        self.text = text


def integer(name: str, text: str) -> int:
    """Read a 32-bit integer; raises `ParameterError`."""
    try:
        value = int(text)
    except ValueError:
        raise ParameterError(name, text) from None
    if not -(2**31) <= value < 2**31:
        raise ParameterError(name, text)
    return value
