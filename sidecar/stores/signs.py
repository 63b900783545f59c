"""Pauses and messages as they are written down, so that they outlive the process: what is read back holds to the same moment.

Asked by `pauses` in this package. Moments are wall time on the disk, for the monotonic clock of the next process begins elsewhere.
Whatever is no sign of ours raises ValueError with what is wrong.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from sidecar.model import Notice
from sidecar.policy.languages import TAG
from sidecar.policy.pauses import SEVERITIES, Kind, Scope, Sign, target_of

if TYPE_CHECKING:
    from collections.abc import Mapping

_NUMBERS: Final = (int, float)


def written(sign: Sign, now: float, wall: float) -> dict[str, Any]:
    """Return a sign as JSON can say it."""
    notice = sign.notice
    return {
        "id": sign.id,
        "kind": sign.kind.value,
        "target": str(sign.target),
        "scope": sign.scope.value,
        "severity": notice.severity,
        "texts": dict(notice.texts),
        "next_update": notice.next_update,
        "since": wall - (now - sign.since),
        "lasts_until": None if sign.end is None else wall + (sign.end - now),
        "until": sign.until,
        "remind_s": sign.remind_s,
        "actor": sign.actor,
        "reason": sign.reason,
    }


def read(said: object, now: float, wall: float) -> Sign:
    """Return the sign; one of which nobody can tell when it ends is none."""
    if not isinstance(said, dict):
        raise ValueError(f"{type(said).__name__} in place of a sign")  # noqa: TRY004 - a file that says nonsense, as all below
    target = target_of(_text(said, "target"))
    if target is None:
        raise ValueError(f"no target {said['target']!r}")
    severity = _text(said, "severity")
    if severity not in SEVERITIES:
        raise ValueError(f"no severity {severity!r}")
    lasts_until, since = _number(said, "lasts_until"), _number(said, "since")
    sign = Sign(
        _text(said, "id"),
        Kind(_text(said, "kind")),
        target,
        Notice(_text(said, "id"), severity, _texts(said), _number(said, "next_update")),
        now if since is None else now - (wall - since),
        Scope(_text(said, "scope")),
        None if lasts_until is None else now + (lasts_until - wall),
        _number(said, "until"),
        _number(said, "remind_s"),
        _text(said, "actor"),
        _text(said, "reason"),
    )
    if sign.end is None and sign.until is None and not sign.remind_s:
        raise ValueError(f"{sign.id} has no end and no reminder")
    return sign


def _text(said: Mapping[str, Any], name: str) -> str:
    value = said.get(name)
    if not isinstance(value, str):
        raise ValueError(f"{name} is no text")  # noqa: TRY004 - as above
    return value


def _number(said: Mapping[str, Any], name: str) -> float | None:
    value = said.get(name)
    if value is not None and (not isinstance(value, _NUMBERS) or isinstance(value, bool)):
        raise ValueError(f"{name} is no number")
    return value


def _texts(said: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    texts = said.get("texts")
    if not isinstance(texts, dict) or not all(isinstance(each, str) for each in texts.values()):
        raise ValueError("texts are no texts by language")
    if wrong := next((each for each in texts if not TAG.fullmatch(each)), None):
        raise ValueError(f"no language {wrong!r}")
    return tuple(texts.items())
