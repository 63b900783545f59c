"""What both protocols make of a reply before they look inside: redirects, a 401, half a body, a coding that nobody here reads,
and of one that answers several calls at once.

In the flight lane, asked by each protocol's sniffing. It answers with a Grade, or with what can be seen of the reply; it knows
no protocol and never parses.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from adapters import peek
from adapters.rules import OK, bad_reply, http_error
from sidecar.model import Executed, Grade

if TYPE_CHECKING:
    import re

    from sidecar.model import RawHeaders

_REDIRECTS: Final = range(300, 400)
MIXED: Final = Grade("ok", Executed.UNKNOWN)
"""Of a call that runs several: the whole was answered, and some member may have failed half-way. Its fault is no fault of the
whole, so the reply is relayed as it came; only its effect cannot be called confirmed."""


def begin(
    status: int, headers: RawHeaders, body: tuple[bytes, ...], *, safe: bool, partial: bool, several: bool
) -> peek.Look | Grade:
    """Look at a reply; a Grade where that is enough to judge it. An empty one is left to the protocol.

    `partial`: its end is still on the way. `several`: the call runs others that may change something.
    """
    if status in _REDIRECTS:  # it would lead the client around us
        return bad_reply("http", status, safe=safe)
    if status == 401:
        return http_error(status, safe=safe)
    seen = peek.look(headers, body)
    if partial:
        seen = seen._replace(cut=False, tail=None)
    if not seen.size_bytes:
        return seen
    if seen.cut:
        return bad_reply("truncated", status, safe=safe)
    if seen.opaque:
        answered = MIXED if several else OK
        return answered if status < 400 else http_error(status, safe=safe)
    return seen


def of_several(grade: Grade, seen: peek.Look, fault: re.Pattern[bytes]) -> Grade:
    """Doubt the `ok` of a call that runs several: where `fault`, a member's, is in sight, or where one may stand out of sight."""
    if grade is OK and (not peek.shows_all(seen) or fault.search(seen.head)):
        return MIXED
    return grade
