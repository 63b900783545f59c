"""What has become of somebody in a waiting room, as lines for people: the answer to his question on the telephone.

Made of the reply to an order alone, for the command line. It raises nothing whatever the facts lack, and lets no control character through.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from sidecar.admin.screen import printable
from sidecar.durations import rough

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_WIDTH: Final = 10  # of the first word


def lines(facts: Mapping[str, Any]) -> list[str]:
    """Return the lines of the visitor that a reply shows; none where it shows none."""
    found = facts.get("visitor")
    return [printable(line) for line in _lines(found)] if isinstance(found, dict) else []


def _lines(visitor: Mapping[str, Any]) -> Iterator[str]:
    joined = visitor.get("joined_at")
    yield _line("came", str(joined) if joined else "nobody knows when: before the last restart, or within this second")
    rank, ahead, eta = visitor.get("rank"), visitor.get("ahead"), visitor.get("eta_s")
    said = ["no rank before the draw" if rank is None else f"rank {rank} of lane {visitor.get('lane')}"]
    said += [] if ahead is None else [f"{ahead} ahead"]
    said += [f"about {rough(eta)} to go"] if isinstance(eta, (int, float)) else []
    missed = _number(visitor.get("missed"))
    said += [f"{missed:.0f} call{'s' if missed > 1 else ''} missed"] if missed else []
    said += [f"may claim until {visitor['claim_by']}"] if visitor.get("claim_by") else []
    yield _line("stands", ", ".join(said))
    for each in _list(visitor, "moved_from"):
        yield _line("was", f"{each.get('place_code')} in lane {each.get('lane')}")
    held = visitor.get("held")
    if isinstance(held, dict):
        yield _line(
            "held", f"for {rough(_number(held.get('left_s')))} yet, by {held.get('actor')}: {held.get('reason')}"
        )
    held = visitor.get("pass")
    if isinstance(held, dict):
        ends = f"ends {held.get('idle_at')} if it is not used, {held.get('total_at')} at the latest"
        yield _line("pass", f"since {held.get('since')}, {ends}; {held.get('calls')} calls under way")
    for each in _list(visitor, "events"):
        why = f" ({each['why']})" if each.get("why") else ""
        yield _line("", f"{each.get('at')}  {each.get('event')}{why}, lane {each.get('lane')}")


def _line(word: str, text: str) -> str:
    return f"  {word:<{_WIDTH}}{text}"


def _list(facts: Mapping[str, Any], key: str) -> list[Mapping[str, Any]]:
    found = facts.get(key)
    return [each for each in found if isinstance(each, dict)] if isinstance(found, list) else []


def _number(value: object) -> float:
    return float(value) if isinstance(value, (int, float)) else 0.0
