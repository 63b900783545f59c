"""Amounts as operators write them: `250ms`, `64KiB`, `50%`. Each type knows its bounds, reads one text, and writes its JSON Schema.

What a plan holds is seconds, bytes and fractions; a number without its unit is refused, because 30 has been read as both ms and s.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Final

from pydantic_core import PydanticCustomError, core_schema

from sidecar import durations

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
    from pydantic.json_schema import JsonSchemaValue

BOUNDS: Final = "x-bounds"  # JSON Schema has no bounds for texts; `editor` puts them where people read
_AMOUNT: Final = re.compile(r"([0-9]{1,12}(?:\.[0-9]{1,6})?)\s*([A-Za-z%]*)")
_SECONDS: Final = durations.UNITS_S
_digits, spoken = durations.digits, durations.spoken
_BYTES: Final = {"B": 1, "KiB": 1024, "MiB": 1024**2, "GiB": 1024**3}
# What people write who mean one of ours.
_MEANT: Final = {
    "sec": "s",
    "secs": "s",
    "second": "s",
    "seconds": "s",
    "msec": "ms",
    "millis": "ms",
    "min": "m",
    "mins": "m",
    "minute": "m",
    "minutes": "m",
    "hr": "h",
    "hour": "h",
    "hours": "h",
    "b": "B",
    "bytes": "B",
    "k": "KiB",
    "kb": "KiB",
    "kib": "KiB",
    "m": "MiB",
    "mb": "MiB",
    "mib": "MiB",
    "g": "GiB",
    "gb": "GiB",
    "gib": "GiB",
}


def wrong(code: str, what: str, remedy: str = "") -> PydanticCustomError:
    """Return the error of a value. `{value}` in `what` stands for what the file says; whoever reports fills it in."""
    return PydanticCustomError("settings", "{what}", {"what": what, "remedy": remedy, "code": code})


@dataclass(frozen=True, slots=True)
class _Amount:
    """What the three have in common; `low` and `high` are written like any value and belong to the range."""

    low: str
    high: str
    noun: ClassVar[str]
    example: ClassVar[str]
    units: ClassVar[Mapping[str, float]]

    def read(self, text: str) -> float:
        """Return the amount in the plan's unit. Raises LookupError where `text` is none."""
        found = _AMOUNT.fullmatch(text)
        if found is None or found[2] not in self.units or text != found[1] + found[2]:
            raise LookupError(text)
        return float(found[1]) * self.units[found[2]]

    def validate(self, value: Any) -> float:
        """Return what pydantic stores."""
        try:
            amount = self.read(value if isinstance(value, str) else "")
        except LookupError:
            raise wrong("E206", f"{{value}} is no {self.noun}{self._meant(value)}", self._remedy) from None
        if not self.read(self.low) <= amount <= self.read(self.high):
            raise wrong("E205", "{value} is out of bounds", f"it may be from {self.low} to {self.high}")
        return amount

    def _meant(self, value: Any) -> str:
        found = _AMOUNT.fullmatch(str(value)) if isinstance(value, (str, int, float)) else None
        if found is None or isinstance(value, bool):
            return ""
        number, unit = found.groups()
        low = unit.lower()
        meant = next((each for each in (unit, _MEANT.get(low, ""), low) if each in self.units), "")
        guess = f"{number}{meant}" if meant else "" if unit else self.bare(float(number))
        return f", did you mean {guess}?" if guess else ""

    def bare(self, number: float) -> str:
        """Return what somebody may have meant who wrote a number alone."""
        return f"{_digits(number)}{self.example.lstrip('0123456789')}"

    @property
    def _remedy(self) -> str:
        units = list(self.units)
        unit = f"one of the units {', '.join(units)}" if len(units) > 1 else f"the sign {units[0]}"
        return f"a {self.noun} is a number with {unit}, as in {self.example}"

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> core_schema.CoreSchema:
        del source, handler
        return core_schema.no_info_plain_validator_function(self.validate)

    def __get_pydantic_json_schema__(
        self, schema: core_schema.CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        del schema, handler
        units = "|".join(self.units)
        # A reference is filled in before the value is read, so an editor must let it stand.
        pattern = rf"^([0-9]{{1,12}}(\.[0-9]{{1,6}})?({units})|.*\$\{{.*)$"
        return {"type": "string", "pattern": pattern, BOUNDS: [self.low, self.high]}


class Span(_Amount):
    """A duration, in seconds."""

    noun: ClassVar[str] = "duration"
    example: ClassVar[str] = "30s"
    units: ClassVar[Mapping[str, float]] = _SECONDS


class Size(_Amount):
    """An amount of memory, in bytes."""

    noun: ClassVar[str] = "size"
    example: ClassVar[str] = "64KiB"
    units: ClassVar[Mapping[str, float]] = _BYTES

    def validate(self, value: Any) -> int:
        """Return whole bytes."""
        return int(_Amount.validate(self, value))

    def bare(self, number: float) -> str:
        """Return a number of bytes in the largest unit that takes it whole."""
        return spoken_size(int(number))


class Share(_Amount):
    """A part of a whole, 0 to 1."""

    noun: ClassVar[str] = "percentage"
    example: ClassVar[str] = "50%"
    units: ClassVar[Mapping[str, float]] = {"%": 0.01}

    def bare(self, number: float) -> str:
        """Return 0.5 as 50%: up to 1 it was meant as a fraction."""
        return f"{_digits(number * 100 if number <= 1 else number)}%"


def spoken_size(size_bytes: int) -> str:
    """Return a size as an operator would write it."""
    for unit in ("GiB", "MiB", "KiB"):
        if size_bytes % _BYTES[unit] == 0 and size_bytes:
            return f"{size_bytes // _BYTES[unit]}{unit}"
    return f"{size_bytes}B"


def spoken_share(part: float) -> str:
    """Return a part of a whole as an operator would write it."""
    return f"{_digits(part * 100)}%"
