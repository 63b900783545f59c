"""An outcome as bytes, so that whoever comes again with the same key can be told it, even after a restart.

Stands beside the idempotency stage. It writes a version in front, and answers None for what it cannot read: then nobody knows the outcome.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import orjson

from sidecar.model import Answer, Dialect, Executed, Grade, Refusal
from sidecar.policy.headers import to_caller
from sidecar.ports import DeedState

if TYPE_CHECKING:
    from sidecar.model import Outcome, RawHeaders
    from sidecar.ports import Deed

_MAGIC: Final = b"SCO1"
LARGEST_BYTES: Final = 256 * 1024  # of a body: receipts have some KiB, and 256 of these would fill the store
# Who signs in by a kept answer? What is kept says what was done, and stands in a file.
_SIGNS_IN: Final = frozenset(
    (
        b"set-cookie",
        b"set-cookie2",
        b"www-authenticate",
        b"authentication-info",
        b"proxy-authentication-info",
        b"authorization",
    )
)


def freeze(outcome: Outcome, dialect: Dialect) -> bytes:
    """Write an outcome that came in `dialect`: of an answer not what signs its caller in, and where it is too large only what it did."""
    if isinstance(outcome, Answer) and sum(map(len, outcome.body)) > LARGEST_BYTES:
        detail = "the first call with this key was answered, at such length that the answer was not kept: look it up"
        outcome = Refusal("outcome_unknown", "untold", detail, outcome.grade.executed)
    if isinstance(outcome, Refusal):
        said: dict[str, object] = {
            "state": outcome.state,
            "reason": outcome.reason,
            "detail": outcome.detail,
            "executed": outcome.executed.value if outcome.executed is not None else None,
        }
        return b"".join((_MAGIC, orjson.dumps({"dialect": dialect.value, "refusal": said}), b"\n"))
    grade = outcome.grade
    head = {
        "dialect": dialect.value,
        "status": outcome.status,
        "headers": [[name.decode("latin-1"), value.decode("latin-1")] for name, value in _lines(outcome.headers)],
        "state": grade.state,
        "executed": grade.executed.value,
        "reason": grade.reason,
    }
    return b"".join((_MAGIC, orjson.dumps(head), b"\n", *outcome.body))


def _lines(headers: RawHeaders) -> RawHeaders:
    return tuple(line for line in to_caller(headers) if line[0].lower() not in _SIGNS_IN)


def thaw(data: bytes) -> tuple[Outcome, Dialect] | None:
    """Read it again, with the dialect that it came in; None where it is of another version, or damaged."""
    if not data.startswith(_MAGIC):
        return None
    head, _, body = data[len(_MAGIC) :].partition(b"\n")
    try:
        said = orjson.loads(head)
        return _read(said, body), Dialect(said["dialect"])
    except (ValueError, KeyError, TypeError, AttributeError):
        return None


def unknown(deed: Deed) -> Refusal:
    """Say of a deed whose outcome is not there why nobody can know it."""
    if deed.state is DeedState.DONE:
        reason, why = "untold", "came to its end, but what it brought could not be kept"
    else:
        reason, why = "cut", "was under way when the sidecar ended"
    detail = f"the first call with this key {why}: find out before you repeat it"
    return Refusal("outcome_unknown", reason, detail, Executed.UNKNOWN)


def _read(said: dict[str, object], body: bytes) -> Outcome:
    refusal = said.get("refusal")
    if isinstance(refusal, dict):
        effect = Executed(refusal["executed"]) if refusal["executed"] is not None else None
        return Refusal(refusal["state"], refusal["reason"], refusal["detail"], effect)
    headers = tuple((name.encode("latin-1"), value.encode("latin-1")) for name, value in said["headers"])  # type: ignore[attr-defined]  # a wrong shape is caught above
    grade = Grade(str(said["state"]), Executed(said["executed"]), said["reason"])  # type: ignore[arg-type]  # as above
    return Answer(int(said["status"]), "", headers, (body,), len(body), grade)  # type: ignore[call-overload]  # as above
