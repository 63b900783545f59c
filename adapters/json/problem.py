"""A failure as `application/problem+json` (RFC 9457), and the members that every dialect's failure is made of.

Last on the caller's road, asked by the envelope stage. It answers for any Facts and never fails; what does not apply is
absent, what is not known is null.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import orjson

from sidecar.ports import Rendered

if TYPE_CHECKING:
    from sidecar.model import Ahead
    from sidecar.ports import Facts

TYPE: Final = "/.sidecar/states#"  # relative on purpose (RFC 9457 section 3.1.1): every sidecar serves its own table
VERSION: Final = 1
_MEDIA: Final = "application/problem+json"
_COMES_BACK: Final = frozenset(("wait", "poll", "join", "confirm"))


def problem(facts: Facts) -> Rendered:
    """Write a failure as JSON."""
    try:
        body = orjson.dumps(members(facts))
    except orjson.JSONEncodeError:  # a lone surrogate in something that we quote
        body = orjson.dumps(_encodable(members(facts)))
    if len(facts.members) > len("{}"):
        body = body[:-1] + b"," + facts.members[1:]
    return Rendered(facts.status, _MEDIA, body)


def members(facts: Facts) -> dict[str, object]:
    """Return the members of a failure, in the contract's order; other dialects write the same ones."""
    said: dict[str, object] = {
        "state": facts.state.name,
        "category": facts.state.category.value,
        "executed": facts.executed.value,
    }
    if facts.message is not None:
        said["message"] = facts.message._asdict()
    if facts.how:
        said["retry"] = _retry(facts)
    if facts.links:
        said["links"] = dict(facts.links)
    if facts.line is not None:
        said["queue"] = _queue(facts.line, facts.after_s)
    if facts.room is not None:
        if facts.room.queue:
            said["queue"] = {"kind": "room", **dict(facts.room.queue)}
        said["room"] = {"name": facts.room.name, "state": facts.room.state, "opens_at": facts.room.opens_at}
    if facts.errors:
        said["errors"] = [{"pointer": pointer, "code": code, "text": text} for pointer, code, text in facts.errors]
    said |= {
        "type": TYPE + facts.state.name,
        "title": facts.state.title,
        "status": facts.status,
        "detail": facts.detail,
        "instance": facts.request_id,
        "server_time": facts.server_time,
        "v": VERSION,
    }
    return said


def _retry(facts: Facts) -> dict[str, object]:
    """A time and a key say something only to a client that comes back."""
    if facts.how not in _COMES_BACK:
        return {"how": facts.how}
    return {"how": facts.how, "after_s": facts.after_s, "same_key": facts.same_key}


def _queue(line: Ahead, after_s: int | None) -> dict[str, object]:
    """Say where a caller stands, and when to ask again; a place is there only for whom one was made."""
    said: dict[str, object] = {"kind": "call"}
    if line.place is not None:
        said |= {"place_code": line.place_code, "place": line.place}
    said |= {"ahead": line.ahead, "eta_s": line.eta_s, "eta_low_s": line.eta_low_s, "eta_high_s": line.eta_high_s}
    return said | {"eta_reason": line.reason, "next_poll_ms": None if after_s is None else after_s * 1000}


def _encodable(value: object) -> object:
    if isinstance(value, dict):
        return {name: _encodable(each) for name, each in value.items()}
    if isinstance(value, list):
        return [_encodable(each) for each in value]
    return value.encode("utf-8", "replace").decode() if isinstance(value, str) else value
