"""Settings from the command line, `--set limits.connections=500`: they stand above the file, which stands above the defaults.

Stands between reading and shape, like `include`: it puts values into the tree, with places in a text of their own, so that a wrong one
is told like everything else.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from sidecar.settings.problem import Place, Problem
from sidecar.settings.tree import Block, Entry, Scalar, core
from sidecar.settings.veil import is_secret_name

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sidecar.settings.tree import Node

FLAGS: Final = "--set"  # what places call the text of the flags, one a line
_STEP: Final = re.compile(r'"([^"]+)"(?:\.|$)|([^."=]+)(?:\.|$)')


def with_flags(root: Block, flags: Sequence[str], problems: list[Problem]) -> Block:
    """Return `root` with the value of each `KEY=VALUE`; a list or a block cannot be given so."""
    for line, flag in enumerate(flags, 1):
        key, equals, text = flag.partition("=")
        steps = _steps(key)
        place = Place(line, len(key) + 2, max(1, len(text)), FLAGS)
        if not equals or not steps:
            remedy = "as in --set limits.connections=500"
            problems.append(Problem("E114", Place(line, 1, max(1, len(flag)), FLAGS), "", "is no KEY=VALUE", remedy))
        elif (blocked := _blocked(root, steps)) is not None:
            what = f"{blocked} is not one value: a flag replaces no list and no block of keys"
            problems.append(Problem("E114", place, key, what, "change it in the file"))
        else:
            root = _with(root, steps, Scalar(place, text, core(text)), Place(line, 1, len(key), FLAGS))
    return root


def shown(flags: Sequence[str]) -> str:
    """Return the text that places in flags point into."""
    return "\n".join(_veiled(flag) for flag in flags)


def _veiled(flag: str) -> str:
    key, equals, text = flag.partition("=")
    return key + equals + ("*" * len(text) if is_secret_name(key.rpartition(".")[2]) else text)


def _steps(key: str) -> list[str]:
    steps, end = [], 0
    while (found := _STEP.match(key, end)) is not None and end < len(key):
        steps.append(found[1] or found[2])
        end = found.end()
    return steps if end == len(key) and not key.endswith(".") else []


def _blocked(root: Block, steps: list[str]) -> str | None:
    """Return the key at which the way ends early, None where it is free."""
    node: Node = root
    for count, step in enumerate(steps, 1):
        if not isinstance(node, Block):
            return ".".join(steps[: count - 1])
        entry = node.entries.get(step)
        if entry is None:
            return None
        node = entry.node
    return None if isinstance(node, Scalar) else ".".join(steps)


def _with(block: Block, steps: list[str], value: Scalar, place: Place) -> Block:
    step, *rest = steps
    entry = block.entries.get(step)
    below = entry.node if entry is not None and isinstance(entry.node, Block) else Block(place, {})
    node: Node = _with(below, rest, value, place) if rest else value
    return Block(
        block.place,
        {**block.entries, step: Entry(entry.place if entry is not None and rest else place, node)},
        block.size,
    )
