"""What a schema restricts beyond the type (XSD 1.0 part 2 section 4.3): enumerations, patterns, lengths, bounds, digits.

Between the built-in types and `scalars`. It answers with checks, which take a text that its type has taken, or refuse it with
`Invalid`. Bounds of dates and durations are not checked: these are only partly ordered (section 3.2.7.4), and the backend knows.
"""

from __future__ import annotations

from math import ceil, floor
from operator import ge, gt, le, lt
from typing import TYPE_CHECKING, Final, TypeAlias

from adapters.json.pointers import nearest
from adapters.soap import lexical
from adapters.soap.lexical import Invalid
from adapters.soap.patterns import compiled

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from decimal import Decimal

    from adapters.soap.types import Scalar

Check: TypeAlias = "Callable[[str], None]"

_SHOWN: Final = 10  # values of an enumeration that a message lists
_PLACES: Final = 308  # of a bound before its point, or of zeros behind it: what a double has
_PATTERN_SHOWN: Final = 200  # characters of a pattern that a message quotes
_NUMERIC: Final = frozenset(("decimal", *lexical.FLOATS, *lexical.INTEGERS))


def checks(scalar: Scalar) -> list[Check]:
    """Return what a text has to pass. Integers' bounds are not among it: `bounds` gives them to the type itself."""
    return [*_enum(scalar), *_patterns(scalar), *_lengths(scalar), *_ranges(scalar), *_digits(scalar)]


def bounds(scalar: Scalar) -> tuple[int | None, int | None]:
    """Return between which integers a type's values are, what the schema says beside what the type is."""
    low, high = lexical.INTEGERS[scalar.base]
    least, above, most, below = (sane(each) for each in (scalar.minimum, scalar.above, scalar.maximum, scalar.below))
    lows = (low, None if least is None else ceil(least), None if above is None else floor(above) + 1)
    highs = (high, None if most is None else floor(most), None if below is None else ceil(below) - 1)
    return (
        max((each for each in lows if each is not None), default=None),
        min((each for each in highs if each is not None), default=None),
    )


def sane(number: Decimal | None) -> Decimal | None:
    """Return a bound, None where it has no say: one beyond any double would take memory to write out."""
    return None if number is None or not -_PLACES < number.adjusted() < _PLACES else number


def _enum(scalar: Scalar) -> Iterator[Check]:
    """Names with prefixes are not compared: what their prefixes stand for is known to the schema's document alone."""
    if not scalar.enum or scalar.base in ("QName", "NOTATION"):
        return
    spaced = scalar.base in ("string", "normalizedString") and scalar.items is None
    values = {each if spaced else lexical.collapsed(each) for each in scalar.enum}
    numbers = {each for each in map(_exact, values) if each is not None} if scalar.base in _NUMERIC else set()
    is_true = {each in ("true", "1") for each in values} if scalar.base == "boolean" else set()
    more = f" (and {len(scalar.enum) - _SHOWN} more)" if len(scalar.enum) > _SHOWN else ""
    text = f"must be one of: {', '.join(scalar.enum[:_SHOWN])}{more}"

    def check(value: str) -> None:
        if value in values or (not spaced and lexical.collapsed(value) in values):
            return
        if (numbers and _exact(value) in numbers) or (is_true and (value == "true") in is_true):
            return
        raise Invalid("enum", text + nearest(value, scalar.enum))

    yield check


def _exact(text: str) -> Decimal | None:
    try:
        return lexical.exact(text)
    except ArithmeticError:
        return None


def _patterns(scalar: Scalar) -> Iterator[Check]:
    for step in scalar.patterns:
        found = [compiled(each) for each in step]
        known = [each for each in found if each is not None]
        if len(known) == len(found) and known:  # of alternatives, the one that is not read may be meant
            yield _pattern(scalar, tuple(each.fits for each in known), step)


def _pattern(scalar: Scalar, fits: tuple[Callable[[str], bool], ...], step: tuple[str, ...]) -> Check:
    told = " or ".join(step)
    text = "must match the pattern " + (told if len(told) <= _PATTERN_SHOWN else told[:_PATTERN_SHOWN] + "…")

    first = fits[0]
    spaced = scalar.base in ("string", "normalizedString")

    def check(value: str) -> None:
        if first(value):
            return
        plain = value if spaced else lexical.collapsed(value)
        if not any(each(value) or each(plain) for each in fits):
            raise Invalid("pattern", text)

    return check


def _lengths(scalar: Scalar) -> Iterator[Check]:
    """Lengths of names with prefixes mean nothing (erratum to section 4.3.1), as do those of numbers."""
    low = scalar.length if scalar.length is not None else scalar.min_length
    high = scalar.length if scalar.length is not None else scalar.max_length
    is_measured = scalar.items is not None or scalar.base in _MEASURED
    if not is_measured or (low is None and high is None):
        return
    measure, unit = _measure(scalar)
    text = f"must have {_counted(low, high)} {unit}"

    def check(value: str) -> None:
        size = measure(value)
        if (low is not None and size < low) or (high is not None and size > high):
            raise Invalid("length", text)

    yield check


_MEASURED: Final = (lexical.TEXTS | {"base64Binary", "hexBinary"}) - {"QName", "NOTATION"}


def _measure(scalar: Scalar) -> tuple[Callable[[str], int], str]:
    if scalar.items is not None:
        return _items, "items"
    if scalar.base == "base64Binary":
        return lambda text: len(text) * 3 // 4 - text.endswith("=") - text.endswith("=="), "octets"
    if scalar.base == "hexBinary":
        return lambda text: len(text) // 2, "octets"
    if scalar.base in ("string", "normalizedString"):
        return len, "characters"
    return lambda text: len(lexical.collapsed(text)), "characters"


def _items(text: str) -> int:
    return len(lexical.words(text))


def _counted(low: int | None, high: int | None) -> str:
    if low == high:
        return f"exactly {low}"
    if low is None or low == 0:
        return f"at most {high}"
    return f"at least {low}" if high is None else f"{low} to {high}"


def _ranges(scalar: Scalar) -> Iterator[Check]:
    if scalar.base != "decimal" and scalar.base not in lexical.FLOATS:
        return
    limits = [
        (limit, fits, f"{word} {limit}")
        for limit, fits, word in (
            (sane(scalar.minimum), ge, "at least"),
            (sane(scalar.maximum), le, "at most"),
            (sane(scalar.above), gt, "more than"),
            (sane(scalar.below), lt, "less than"),
        )
        if limit is not None
    ]
    if not limits:
        return
    text = f"must be {' and '.join(word for _, _, word in limits)}"

    def check(value: str) -> None:
        number = lexical.exact(value)
        if number.is_nan() or not all(fits(number, limit) for limit, fits, _ in limits):
            raise Invalid("range", text)

    yield check


def _digits(scalar: Scalar) -> Iterator[Check]:
    total, fraction = scalar.total_digits, scalar.fraction_digits
    if (total is None and fraction is None) or (scalar.base != "decimal" and scalar.base not in lexical.INTEGERS):
        return
    said = [
        f"{total} digits" if total is not None else "",
        f"{fraction} behind the point" if fraction is not None else "",
    ]
    text = f"must have at most {', '.join(filter(None, said))}"

    def check(value: str) -> None:
        whole, _, part = value.lstrip("+-").partition(".")
        whole, part = whole.lstrip("0"), part.rstrip("0")
        if (fraction is not None and len(part) > fraction) or (total is not None and len(whole) + len(part) > total):
            raise Invalid("range", text)

    yield check
