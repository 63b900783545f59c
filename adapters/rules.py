"""What a reply means, once a protocol has seen what it is: the grades that both protocols give, and the operator's `faults:`
and `results:` rules on top. It answers with a Grade; it never looks at bytes and knows no protocol.
"""

from __future__ import annotations

import re
from decimal import Decimal, InvalidOperation
from fnmatch import fnmatchcase, translate
from typing import TYPE_CHECKING, Final, Protocol

from sidecar.model import Executed, Grade
from sidecar.states import TABLE, Category, executed

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sidecar.model import Call


class FaultLike(Protocol):
    """One line of `faults:`; globs, an absent one matches anything."""

    @property
    def state(self) -> str: ...
    @property
    def faultcode(self) -> str | None: ...
    @property
    def faultstring(self) -> str | None: ...
    @property
    def executed(self) -> str | None: ...


class ResultLike(Protocol):
    """One line of `results:`; `than` is a literal, or a parameter's name where `than_param`."""

    @property
    def operation(self) -> str: ...
    @property
    def path(self) -> str: ...
    @property
    def compare(self) -> str: ...
    @property
    def than(self) -> str: ...
    @property
    def than_param(self) -> bool: ...
    @property
    def state(self) -> str: ...


OK: Final = Grade("ok", Executed.YES)
# RFC 9110 section 15.5.2: 401 says that the request "has not been applied". No other status promises it.
_UNAUTHORISED: Final = 401
_TOO_MANY: Final = 429
_SERVER_ERROR: Final = 500
_SAID_CHARACTERS: Final = 300  # a sentence or two; what is longer is no message for people


def bad_reply(reason: str, status: int, *, safe: bool) -> Grade:
    """Grade a reply that is no answer. It counts against the backend like a reset where it was cut, or by its status."""
    healthy = reason != "truncated" and not _ails(status)
    return Grade("backend_bad_reply", _effect("backend_bad_reply", safe), reason, healthy)


def http_error(status: int, *, safe: bool, healthy: bool | None = None) -> Grade:
    """Grade an HTTP error that is passed on as it came, because its client can read it (a 401 with its challenge)."""
    effect = Executed.NO if status == _UNAUTHORISED else _effect("backend_fault", safe)
    return Grade("backend_fault", effect, "http_error", not _ails(status) if healthy is None else healthy)


def fault(reason: str, text: str, *, safe: bool) -> Grade:
    """Grade a fault: `client` did nothing, `server` and `xmlrpc` may have done something (states.md, executed)."""
    effect = Executed.NO if reason == "client" else _effect("backend_fault", safe)
    return Grade("backend_fault", effect, reason, text=said(text))


def said(text: str) -> str | None:
    """Return what a fault says in one line: .NET writes a stack trace below its message, and the outer exception before it."""
    first = text.strip().partition("\n")[0].rpartition("---> ")[2].strip()
    return first[:_SAID_CHARACTERS] or None


def _effect(state: str, safe: bool) -> Executed:
    return executed(TABLE[state], safe=safe, sent=True)


def _ails(status: int) -> bool:
    return status >= _SERVER_ERROR or status == _TOO_MANY


class Rules:
    """One backend's `faults:` and `results:` lines, first match wins. Raises ValueError for a state that is not in the table."""

    __slots__ = ("_faults", "_results", "parameters")

    def __init__(self, faults: Sequence[FaultLike] = (), results: Sequence[ResultLike] = ()) -> None:
        for state in [*(rule.state for rule in faults), *(rule.state for rule in results)]:
            if state not in TABLE:
                raise ValueError(f"a rule names the state {state!r}, which the table of states has not")
        self._faults = tuple((rule, _glob(rule.faultcode), _glob(rule.faultstring)) for rule in faults)
        self._results = tuple(results)
        self.parameters: Final = frozenset(rule.than for rule in results if rule.than_param)

    @property
    def judge_faults(self) -> bool:
        """Whether any line looks at faults; where none does, nobody needs to read their text."""
        return bool(self._faults)

    def of_fault(self, grade: Grade, codes: tuple[str, ...], text: str, *, safe: bool) -> Grade:
        """Return what a fault stands for: of the first line that one of its `codes` and its `text` match, else `grade`."""
        for rule, code_matches, text_matches in self._faults:
            if any(code_matches(code) for code in codes or ("",)) and text_matches(text):
                if rule.executed:
                    effect = Executed(rule.executed)
                else:
                    effect = grade.executed if rule.state == grade.state else _effect(rule.state, safe)
                well = _is_well(rule.state) and grade.healthy
                return Grade(rule.state, effect, _reason(rule.state, "fault_rule"), well, grade.text)
        return grade

    def of_result(self, call: Call, value_at: Callable[[str], str | None], *, safe: bool) -> Grade:
        """Return what a good reply stands for: of the first line whose operation, path and comparison hold, else ok."""
        for rule in self._results:
            if not fnmatchcase(call.operation, rule.operation):
                continue
            than = call.parameters.get(rule.than) if rule.than_param else rule.than
            value = value_at(rule.path) if than is not None else None
            if than is not None and value is not None and compares(value, rule.compare, than):
                return Grade(rule.state, _effect(rule.state, safe), _reason(rule.state, "result_rule"))
        return OK


def compares(value: str, how: str, than: str) -> bool:
    """Compare as numbers where both are, else as text, which has an order of its own only for eq and ne."""
    order = _order(value.strip(), than.strip())
    if order is None:
        return how == "ne"
    return order in _HOLDS[how]


_HOLDS: Final = {"eq": (0,), "ne": (-1, 1), "lt": (-1,), "le": (-1, 0), "gt": (1,), "ge": (0, 1)}


def _order(value: str, than: str) -> int | None:
    """Return -1, 0 or 1; None where they differ and are not both numbers."""
    if value == than:
        return 0
    try:
        one, other = Decimal(value), Decimal(than)
        return (one > other) - (one < other)
    except InvalidOperation:  # not a number, or NaN, which compares with nothing
        return None


def _glob(pattern: str | None) -> Callable[[str], object]:
    return (lambda _: True) if pattern is None else re.compile(translate(pattern)).match


def _reason(state: str, reason: str) -> str | None:
    return reason if reason in TABLE[state].reasons else None


def _is_well(state: str) -> bool:
    """An operator who calls a fault overloaded, or the like, says that the backend is not well."""
    return TABLE[state].category is not Category.BUSY
