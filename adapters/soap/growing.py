"""JSON while it grows: what is complete becomes bytes on the way, so that no reply becomes a forest of Python objects.

Under the decoder, for whatever may be large. It never holds the loop: each call does a bounded piece of work, and what cannot is a
generator that gives control back.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import orjson

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

__all__ = ["LONG", "WIDE", "Growing", "Meter", "Rows", "Texts", "large", "long"]

BREATH: Final = 250  # elements between two yields: 0.3 ms
WIDE: Final = 500  # elements that are read at once: 0.5 ms, and as much again is lost where there are more
_OPEN: Final = 1_000  # elements of an array that become bytes together: 0.1 ms to write, as much to free
_HEAVY: Final = 64  # elements in a value that becomes bytes by itself
_MEMBERS: Final = 64  # of an object that become bytes together
LONG: Final = 32_768  # characters of a text that become bytes together: 0.2 ms, where each needs a backslash
_LARGE: Final = 65_536  # bytes that are copied in 10 us; others have a turn after more


class Meter:
    """How much has been read. `due`: others have their turn then; `most`: what is read at once is given up then."""

    __slots__ = ("due", "most", "spent")

    def __init__(self) -> None:
        self.spent, self.due, self.most = 0, BREATH, 0

    def breathe(self) -> None:
        """Begin the next stretch of work."""
        self.due = self.spent + BREATH

    def turn(self) -> Iterator[None]:
        """Give control back where that is due."""
        if self.spent >= self.due:
            self.breathe()
            yield


class Growing:
    """An object while it grows. `front` is what it has already. Its arrays may become long, and so may itself."""

    __slots__ = ("_out", "_rows")

    def __init__(self, front: dict[str, Any] | None = None) -> None:
        self._out: dict[str, Any] = {} if front is None else front
        self._rows: dict[str, Rows] = {}

    def __len__(self) -> int:
        return len(self._out)

    def put(self, key: str, value: Any, weight: int, *, many: bool = False) -> None:
        """Take a member, which was so many elements; `many`: of an array. A name that comes again becomes one."""
        rows = self._rows.get(key)
        if rows is not None:
            rows.append(value, weight)
        elif many:
            self._rows[key] = rows = Rows()
            rows.append(value, weight)
            self._out[key] = None  # keeps its place
        elif key in self._out:
            self._rows[key] = rows = Rows()
            rows.append(self._out[key], 1)
            rows.append(value, weight)
        else:
            self._out[key] = _written(value) if weight > _HEAVY else value

    def finished(self) -> Generator[None, None, Any]:
        """Return the object, a dict or what orjson writes."""
        for key, rows in self._rows.items():
            self._out[key] = yield from rows.finished()
        self._rows.clear()
        if len(self._out) <= _MEMBERS:
            return self._out
        done: list[bytes] = []
        part: dict[str, Any] = {}
        self._out, out = {}, self._out
        for key in [*out]:
            part[key] = out.pop(key)
            if len(part) == _MEMBERS:
                done.append(orjson.dumps(part)[1:-1])
                part.clear()
                yield
        if part:
            done.append(orjson.dumps(part)[1:-1])
        return _joined(b"{", done, b"}")


class Rows:
    """An array while it grows: what is complete is bytes already."""

    __slots__ = ("_done", "_open", "_size", "_total", "_weight")

    def __init__(self) -> None:
        self._done: list[bytes] = []
        self._open: list[Any] = []
        self._weight = self._total = self._size = 0

    def append(self, value: Any, weight: int) -> None:
        self._open.append(value)
        self._weight += weight
        self._total += weight
        if self._weight >= _OPEN:
            self._close()

    def finished(self) -> Generator[None, None, Any]:
        """Return the array, a list or what orjson writes."""
        if self._total <= _HEAVY:
            return self._open
        if self._open:
            self._close()
        if self._size > _LARGE:
            yield
        return _joined(b"[", self._done, b"]")

    def _close(self) -> None:
        self._done.append(orjson.dumps(self._open)[1:-1])
        self._size += len(self._done[-1])
        self._open.clear()
        self._weight = 0


class Texts:
    """The text between an element's children, while they are read."""

    __slots__ = ("_done", "_open")

    def __init__(self, text: str | None) -> None:
        self._done: list[str] = []
        self._open = [text] if text else []

    def append(self, text: str) -> None:
        self._open.append(text)
        if len(self._open) >= _OPEN:
            self._close()

    def whole(self) -> str:
        """Return it, "" where it is but white space."""
        self._close()
        text = "".join(self._done)
        return "" if text.isspace() else text

    def _close(self) -> None:
        self._done.append("".join(self._open))
        self._open.clear()


def long(text: str) -> Generator[None, None, Any]:
    """Turn a long text into bytes."""
    done = []
    for start in range(0, len(text), LONG):
        done.append(orjson.dumps(text[start : start + LONG])[1:-1])
        yield
    return orjson.Fragment(b'"' + b"".join(done) + b'"')


def large(found: dict[str, Any], front: dict[str, Any] | None = None) -> Generator[None, None, Any]:
    """Turn tables of rows into bytes, behind what is at their `front`; tables that stand inside rows before them."""
    grown = Growing(front)
    for name in [*found]:
        rows = found.pop(name)
        inner = (yield from large(rows)) if isinstance(rows, dict) else (yield from _table(rows))
        grown.put(name, inner, 1)
    return (yield from grown.finished())


def _table(rows: list[Any]) -> Generator[None, None, Any]:
    done: list[bytes] = []
    begun = weight = 0
    if not rows:
        yield
    for count, row in enumerate(rows, 1):
        weight += 1
        if isinstance(row, dict):
            weight += len(row)
            for key, value in row.items():
                if type(value) is list:
                    row[key] = yield from _table(value)
        if weight >= _OPEN or count == len(rows):
            done.append(orjson.dumps(rows[begun:count])[1:-1])
            rows[begun:count] = [None] * (count - begun)
            begun, weight = count, 0
            yield
    return _joined(b"[", done, b"]")


def _written(value: Any) -> Any:
    """Write a value, unless it holds what is written already: that would be copied once for each object around it."""
    if type(value) is dict and _is_begun(value):
        return value
    return orjson.Fragment(orjson.dumps(value)) if isinstance(value, dict | list) else value


def _is_begun(value: dict[str, Any]) -> bool:
    """Say whether an object holds what is written. One that does not is small, or it would be written itself."""
    inside = value.values()
    return any(type(each) is orjson.Fragment for each in inside) or any(
        type(each) is dict and _is_begun(each) for each in inside
    )


def _joined(opening: bytes, done: list[bytes], closing: bytes) -> Any:
    """Put it together in one go: what is large is copied once."""
    if not done:
        return orjson.Fragment(opening + closing)
    done[0] = opening + done[0]
    done[-1] += closing
    return orjson.Fragment(b",".join(done))
