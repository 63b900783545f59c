"""A refusal as it is written: all of it that does not change from one caller to the next, made once and kept.

Stands behind the envelope stage. It gives header lines and a body with two blanks, for the id and the time; who asked, and how
long it took, is not known here. A page of failures during an outage costs little more than a page of answers.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Final, NamedTuple, cast

from sidecar.instant import rfc3339
from sidecar.model import joined
from sidecar.ports import Facts, Saying
from sidecar.states import How, executed, find, retry_how

if TYPE_CHECKING:
    from collections.abc import Hashable

    from sidecar.model import Executed, Grade, Notice, RawHeaders, Refusal
    from sidecar.ports import Renderer

COMES_BACK: Final = (How.WAIT, How.POLL, How.JOIN)
# Every state in every dialect with its few fixed details is 300; details that quote a name come and go.
_KEPT: Final = 512
_DETAIL_CHARACTERS: Final = 400  # longer ones quote something: writing them anew is cheaper than keeping them
# What the blanks are written as while a form is made. A detail that quotes one of them has its blank filled in too.
_ID: Final = "blank-for-the-id-of-this-request"
_TIME: Final = "blank-for-the-time-of-this-reply"


class Form(NamedTuple):
    """A refusal in one dialect. `before` and `after` are the header lines around the request's id, `block` is all of them as they are
    sent, with a blank for it.
    """

    status: int
    before: RawHeaders
    after: RawHeaders
    block: bytes
    body: bytes
    effect: Executed

    def filled(self, request_id: bytes, server_time: str) -> bytes:
        """Return the body; both values are plain words that no dialect has to escape."""
        return self.body % {b"id": request_id, b"time": server_time.encode()}


def form_of(
    refusal: Refusal, render: Renderer, *, safe: bool, sender_status: int, ours: bool = True, reads: int = 0
) -> Form:
    """Return the form of `refusal` in the dialect that `render` writes; not `ours`: its words are the backend's, never to be kept.

    `reads`: which of its notice's texts its caller reads, by its index.
    """
    if (
        not ours
        or refusal.errors
        or refusal.links
        or refusal.members
        or refusal.line is not None
        or refusal.room is not None
        or len(refusal.detail or "") > _DETAIL_CHARACTERS
    ):
        return _form(refusal, render, safe, sender_status, reads)
    return _kept(refusal, cast("Hashable", render), safe, sender_status, reads)


def effect_of(refusal: Refusal, *, safe: bool) -> Executed:
    """Return what a refusal says of effect: its own word, else its state's rule as if nothing had been sent."""
    return refusal.executed or executed(find(refusal.state, refusal.reason), safe=safe, sent=False)


def kept_form(headers: RawHeaders, grade: Grade, age_s: int, cache_status: bytes) -> tuple[RawHeaders, bytes]:
    """Return all header lines of a kept answer, and them as they are sent, with a blank for the request's id."""
    told = (
        *headers,
        (b"Sidecar-State", state_item(grade.state, grade.reason, grade.executed.value, age_s)),
        (b"Age", b"%d" % age_s),
        (b"Cache-Status", cache_status),
    )
    return (*told, (b"X-Request-Id", b"")), joined(told).replace(b"%", b"%%") + b"X-Request-Id: %b\r\n"


@lru_cache(maxsize=_KEPT)
def state_item(state: str, reason: str | None, effect: str, age_s: int | None = None) -> bytes:
    """Write the header's item with its parameters (RFC 8941 section 3.3.3)."""
    age = "" if age_s is None else f";age={age_s}"
    why = "" if reason is None else f";reason={reason}"
    return f"{state}{age}{why};executed={effect}".encode()


def _saying(notice: Notice | None, reads: int) -> Saying | None:
    if notice is None or not notice.texts:
        return None
    lang, text = notice.texts[reads]
    next_update_at = None if notice.next_update is None else rfc3339(notice.next_update)
    return Saying(notice.id, notice.severity, lang, text, next_update_at)


def _form(refusal: Refusal, render: Renderer, safe: bool, sender_status: int, reads: int) -> Form:
    state = find(refusal.state, refusal.reason)
    effect = effect_of(refusal, safe=safe)
    how = retry_how(state, effect, safe=safe)
    after_s = (refusal.retry_after_s or state.retry_after_s or 1) if how in COMES_BACK else None
    facts = Facts(
        state=state,
        executed=effect,
        status=refusal.status or state.status,
        how=how.value,
        detail=refusal.detail or state.title,
        request_id=_ID,
        server_time=_TIME,
        reason=refusal.reason,
        after_s=after_s,
        errors=refusal.errors,
        links=refusal.links,
        limit_bytes=refusal.limit_bytes,
        sender_status=sender_status,
        line=refusal.line,
        room=refusal.room,
        message=_saying(refusal.notice, reads),
        members=refusal.members,
    )
    rendered = render(facts)
    before: RawHeaders = (
        (b"Content-Type", rendered.content_type.encode()),
        (b"Cache-Control", b"no-store"),
        (b"X-Content-Type-Options", b"nosniff"),
        (b"Sidecar-State", state_item(refusal.state, refusal.reason, effect.value)),
    )
    if facts.message is not None:
        before = (*before, (b"Content-Language", facts.message.lang.encode()))
    after: RawHeaders = ()
    if after_s is not None:
        after += ((b"Retry-After", str(after_s).encode()),)
    if refusal.allow is not None:
        after += ((b"Allow", refusal.allow.encode()),)
    if refusal.line is not None and refusal.line.place is not None:
        after += ((b"Sidecar-Place", refusal.line.place.encode()),)
    body = rendered.body.replace(b"%", b"%%")
    for blank, name in ((_ID, b"%(id)b"), (_TIME, b"%(time)b")):
        body = body.replace(blank.encode(), name)
    around = (joined(lines).replace(b"%", b"%%") for lines in (before, after))
    block = b"X-Request-Id: %b\r\n".join(around)
    return Form(rendered.status, before, after, block, body, effect)


_kept = lru_cache(maxsize=_KEPT)(_form)
