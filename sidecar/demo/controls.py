"""What a visitor may do to the box office so that he sees the sidecar's states: slow, frozen, dead, hanging up, HTML.

It stands behind the road, at `/_control`. It answers a whole new set of controls or says which member is wrong; it
changes nothing itself.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields, replace
from typing import Any

LATENCY_MAX_S = 600.0
FOR_MAX_S = 3600.0
KNEE_MAX = 400


class ControlError(ValueError):
    """A control that does not exist or does not fit; the text says which and what would."""


@dataclass(frozen=True, slots=True)
class Controls:
    latency_s: float = 0.0  # added to every call, 0..600
    freeze: bool = False  # calls are taken in and finish only after the thaw
    dead: bool = False  # connections are reset and refused
    hangup: bool = False  # calls are executed, and the connection reset instead of a reply
    html: int = 0  # 0, or the status (200, 503) of the page that stands in for every reply; nothing is executed
    law: bool = True  # off: no service time, no knee, no fall
    knee: int = 0  # calls at once at which it is at its best, in place of its own (0): a disk that is slow today

    def changed(self, wish: Any) -> tuple[Controls, float | None]:
        """Return the controls with `wish` applied, and after how many seconds (`for_s`) all of them go back to normal."""
        if not isinstance(wish, dict):
            raise ControlError('send a JSON object, for example {"dead": true, "for_s": 5}')
        wish = dict(wish)
        for_s = wish.pop("for_s", None)
        if for_s is not None and not (_number(for_s) and 0 < for_s <= FOR_MAX_S):
            raise ControlError(f"for_s must be a number of seconds up to {FOR_MAX_S:.0f}, not {for_s!r}")
        base = Controls() if wish.pop("reset", False) is True else self
        for name, value in wish.items():
            _check(name, value)
        return replace(base, **wish), for_s

    def json(self) -> dict[str, Any]:
        return asdict(self)


def _check(name: str, value: Any) -> None:
    known = {field.name: field.default for field in fields(Controls)}
    if name not in known:
        raise ControlError(f"there is no control {name!r}: choose from {', '.join(known)}, reset, for_s")
    if isinstance(known[name], bool):
        if not isinstance(value, bool):
            raise ControlError(f"{name} must be true or false, not {value!r}")
    elif name == "knee":
        if not (isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= KNEE_MAX):
            raise ControlError(f"knee must be a whole number from 0 (its own) to {KNEE_MAX}, not {value!r}")
    elif name == "html":
        if value not in (0, 200, 503):
            raise ControlError(f"html must be 0, 200 or 503, not {value!r}")
    elif not (_number(value) and 0 <= value <= LATENCY_MAX_S):
        raise ControlError(f"{name} must be a number of seconds from 0 to {LATENCY_MAX_S:.0f}, not {value!r}")


def _number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
