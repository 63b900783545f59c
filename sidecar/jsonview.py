"""What a JSON caller is told of an answer: the one shape of success and failure, and whether he has it already.

Under the facade stage; it decides nothing. Below 400 a body is a function of the answer alone, so that an ETag holds.
"""

from __future__ import annotations

import re
from functools import lru_cache
from hashlib import blake2b
from typing import TYPE_CHECKING, Final

import orjson

from sidecar.model import Refusal
from sidecar.policy.headers import retry_after_s
from sidecar.states import find

if TYPE_CHECKING:
    from sidecar.model import Answer, Grade

VERSION: Final = 1
_STANDS_IN: Final = ("cached", "stale", "fallback")  # states whose body says why it is not the backend's word of now
_TAG: Final = re.compile(r'\*|(?:W/)?("[^"]*")')  # RFC 9110 section 8.8.3


def success(grade: Grade, data: bytes) -> bytes:
    """Write the body of what went well; `data` is JSON."""
    before, after = _around(grade.state, grade.executed.value, grade.reason if grade.state in _STANDS_IN else None)
    return b"".join((before, data, after))


@lru_cache(maxsize=128)  # a handful of states by a handful of reasons
def _around(state: str, executed: str, reason: str | None) -> tuple[bytes, bytes]:
    said = {"state": state, "category": find(state, reason).category.value, "executed": executed}
    rest: dict[str, object] = {"freshness": {"reason": reason}} if reason is not None else {}
    after = orjson.dumps({**rest, "v": VERSION})
    return orjson.dumps(said)[:-1] + b',"data":', b"," + after[1:]


def problem_of(answer: Answer, members: bytes, wall_s: float = 0.0) -> Refusal:
    """Turn a backend's failure into a problem, with what it said as `members`."""
    grade = answer.grade
    after_s = retry_after_s(answer.headers, wall_s)
    return Refusal(grade.state, grade.reason, grade.text, grade.executed, after_s, members=members)


def entity_tag(body: bytes) -> bytes:
    """Return the strong tag of a body (RFC 9110 section 8.8.3)."""
    return b'"%b"' % blake2b(body, digest_size=12).hexdigest().encode()


def matches(lines: list[str], tag: bytes) -> bool:
    """Say whether a caller has the body by this tag already; compared weakly (RFC 9110 section 13.1.2)."""
    own = tag.decode("ascii")
    return any(found[0] == "*" or found[1] == own for line in lines for found in _TAG.finditer(line))
