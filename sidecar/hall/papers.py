"""What somebody brings who joins or claims: a small body, and in it his account and his invite.

Behind `visits`. Reads JSON, or the form of the room's page. Whatever does not count is refused with what can be done about it; nothing is
used up by reading it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeAlias
from urllib.parse import parse_qs

import orjson

from sidecar.hall.refusals import remedied
from sidecar.model import Refusal
from sidecar.policy import assertions, identities

if TYPE_CHECKING:
    from sidecar.hall.house import House
    from sidecar.model import Exchange
    from sidecar.ports import Memory

BODY_BYTES: Final = 8 * 1024  # an invite, an assertion and a session key, each as long as a header line may be
FORM: Final = "application/x-www-form-urlencoded"
_JSON: Final = "application/json"
_FIELDS_MOST: Final = 16  # of a form; the page's has three
_TEXT_MOST: Final = 2048  # characters; a longer one is nothing that we have asked for

Papers: TypeAlias = dict[str, Any]


class Account(NamedTuple):
    """Whose account somebody shows. `attaches`: that proves it is his; `proven`: that there is such a person."""

    key: bytes | None = None
    attaches: bool = False
    proven: bool = False


class Way(NamedTuple):
    """The lane that somebody comes to, and the name of the invite that leads there."""

    lane: str
    invite: str | None = None


NOBODY: Final = Account()


async def read(exchange: Exchange, memory: Memory) -> Papers | Refusal:
    """Return the members of a request's body, none where it has none."""
    if not (exchange.may_write or exchange.head.headers.get("Sec-Fetch-Site") == "same-origin"):
        return Refusal("origin_denied", detail="a page of this origin may not join: add it to cors.origins")
    account = exchange.account = memory.account("")
    body = exchange.source.at_hand(BODY_BYTES, account)
    if body is None:
        body = await exchange.source.read(BODY_BYTES, account)
    if isinstance(body, Refusal):
        return body
    if not body:
        return {}
    media = exchange.head.headers.get("Content-Type", "").partition(";")[0].strip().lower()
    if media == FORM:
        return _form(body)
    return _object(body) if media == _JSON else _unsupported()


def _unsupported() -> Refusal:
    return Refusal("unsupported_media", "content_type", "send application/json, or nothing")


def _object(body: bytes) -> Papers | Refusal:
    try:
        said = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        return _malformed(f"the body is no JSON (line {error.lineno}, column {error.colno})")
    return said if isinstance(said, dict) else _malformed("the body is no JSON object")


def _malformed(what: str) -> Refusal:
    return Refusal("malformed", detail=what, errors=(("", "json", what),))  # as the JSON side of a backend says it


def _form(body: bytes) -> Papers | Refusal:
    try:
        fields = parse_qs(body.decode("utf-8"), max_num_fields=_FIELDS_MOST)
    except ValueError:
        return Refusal("malformed", "http", "the form cannot be read")
    return {name: values[-1] for name, values in fields.items()}


def word(said: Papers, name: str) -> str | None:
    """Return the text of a member, None where it has none that we would have asked for."""
    value = said.get(name)
    return value if isinstance(value, str) and 0 < len(value) <= _TEXT_MOST else None


def account(house: House, said: Papers) -> Account | Refusal:
    """Return the account that somebody shows."""
    source = house.plan.account.source
    text = word(said, {"assertion": "assertion", "parameter": "account", "session": "session"}.get(source or "", ""))
    if text is None:
        return NOBODY
    if source == "assertion":
        return _asserted(house, text)
    if source == "parameter":
        return Account(house.account_key(f"account {text}"), attaches=False, proven=True)
    session = house.session_key(identities.session(text))
    return Account(house.account_of_session(session), attaches=True, proven=house.is_confirmed(session))


def _asserted(house: House, text: str) -> Account | Refusal:
    claims = assertions.read(house.plan.account.secret.encode(), text, house.room.time.wall, house.plan.name)
    if isinstance(claims, assertions.Why) or claims.account is None:
        why = claims.value if isinstance(claims, assertions.Why) else "it names no account"
        return remedied(house, "verify_required", "sign_in", f"the assertion does not count ({why}): sign in again")
    return Account(house.account_key(f"sub {claims.account}"), attaches=True, proven=True)


def way(house: House, said: Papers) -> Way | Refusal:
    """Return the lane that somebody comes to: the first, or where his invite leads."""
    text = word(said, "invite")
    if text is None:
        return Way(house.room.lanes[0].name)
    if not house.plan.invites:
        return _uninvited(house, "this room takes none")
    claims = assertions.read(house.plan.invites.encode(), text, house.room.time.wall, house.plan.name)
    if isinstance(claims, assertions.Why):
        return _uninvited(house, claims.value)
    if claims.lane is None or house.room.lane(claims.lane) is None:
        return _uninvited(house, "it names no lane of this room")
    if claims.invite is not None and not house.is_invited(claims.invite):
        return _uninvited(house, "it has been used")
    return Way(claims.lane, claims.invite)


def _uninvited(house: House, why: str) -> Refusal:
    detail = f"the invite does not count ({why}): ask for another one, or join without"
    return remedied(house, "verify_required", "sign_in", detail)
