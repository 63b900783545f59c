"""The one table of states: category, status per dialect, executed, retry, scope, reasons, and what people are told.

Everything that names a state looks it up here; `docs/states.md`, the JSON Schema and the TypeScript types are made from it.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from sidecar.model import Executed

if TYPE_CHECKING:
    from collections.abc import Mapping


class Category(StrEnum):
    """How a client treats a state that it does not know; a closed list."""

    OK = "ok"  # done
    WAIT = "wait"  # your turn will come
    BUSY = "busy"  # come back
    LIMIT = "limit"  # you ask too much
    CLIENT = "client"  # fix it
    UPSTREAM = "upstream"  # the backend's doing
    FINAL = "final"  # the answer is no


class Effect(StrEnum):
    """The rule by which a state says `executed`."""

    NO = "no"
    YES = "yes"
    UNSAFE_UNKNOWN = "unknown, no if safe"
    AFTER_SEND_UNKNOWN = "no before send, else unknown, no if safe"
    UNKNOWN = "unknown"
    INHERITED = "as the state it stands in for"


class How(StrEnum):
    """What a client does next."""

    NONE = ""
    WAIT = "wait"
    POLL = "poll"
    JOIN = "join"
    CONFIRM = "confirm"
    FIX = "fix"
    NEVER = "never"


class Blame(StrEnum):
    """Whose fault a SOAP fault of this state says it is."""

    NONE = "-"
    SERVER = "Server"
    CLIENT = "Client"
    RELAYED = "relayed"


@dataclass(frozen=True, slots=True)
class State:
    """One row. `status` is the JSON status; `xmlrpc` the fault code, None where no fault of ours exists."""

    name: str
    category: Category
    status: int
    blame: Blame
    xmlrpc: int | None
    effect: Effect
    how: How
    scope: str  # caller | backend | "" where nobody refused
    title: str
    page: str  # what a page shows
    provoke: str  # one command against the demo; DEMO stands for the sidecar's address
    reasons: tuple[str, ...] = ()
    retry_after_s: int | None = None  # the default; None: coming back makes no sense, or the stage says it
    built: bool = True  # False: reserved in the contract, no stage makes it yet
    origin: str = "sidecar"  # or browser: made by the client when fetch itself fails


_API: Final = "http://boxoffice.example/api/"  # the demo's own namespace


def _asks(body: str, more: str = "") -> str:
    """Return the curl command that posts a SOAP 1.1 body to the demo and shows the reply's head."""
    envelope = (
        f'<e:Envelope xmlns:e=\\"http://schemas.xmlsoap.org/soap/envelope/\\"><e:Body>{body}</e:Body></e:Envelope>'
    )
    return f"curl -si $DEMO/tickets -H 'Content-Type: text/xml' {more}-d \"{envelope}\""


def _call(operation: str, inside: str = "") -> str:
    return f'<{operation} xmlns=\\"{_API}\\">{inside}</{operation}>'


def _reserve(performance: int, seats: int, more: str = "") -> str:
    """Return the commands that take a session and reserve with it."""
    inside = (
        f"<sWebSessionID>$KEY</sWebSessionID><iPerformanceNumber>{performance}</iPerformanceNumber>"
        f"<iNumberOfSeats>{seats}</iNumberOfSeats><iZone>2</iZone>"
    )
    key = _asks(_call("GetNewSessionKey")).replace("-si", "-s", 1)
    find = "sed -n 's/.*<GetNewSessionKeyResult>\\([^<]*\\)<.*/\\1/p'"
    return f"KEY=$({key} | {find}); " + _asks(_call("ReserveTickets", inside), more)


def _hurt(control: str) -> str:
    """Return the command that breaks the demo's box office for ten seconds."""
    return f"curl -s $SHOP/control -H 'Content-Type: application/json' -d '{{{control}, \"for_s\": 10}}'; "


def _pays() -> str:
    """Return the command that pays for what a session holds, under a key of its own."""
    card = "<sCCOwner>A</sCCOwner><sCCNumber>4111111111111111</sCCNumber>"
    card += "<iCCType>1</iCCType><iCCMonth>12</iCCMonth><iCCYear>2030</iCCYear>"
    return _asks(_call("Checkout", f"<sSessionKey>$KEY</sSessionKey>{card}"), '-H "Idempotency-Key: sale-$KEY" ')


def _pauses() -> str:
    """Return the command that pauses everything for five seconds, with the demo's own token."""
    words = '{"en": "Back in a moment", "de": "Gleich geht es weiter"}'
    order = f'{{"actor": "you", "reason": "to see it", "target": "all", "for": "5s", "text": {words}}}'
    head = "-H 'Authorization: Bearer a-token-for-the-demo' -H 'Content-Type: application/json'"
    return f"curl -s $ADMIN/admin/v1/pause/set {head} -d '{order}'; "


def _room(verb: str, body: str = "", more: str = "", method: str = "POST") -> str:
    """Return the command that asks the demo's waiting room for something."""
    said = "" if not body else f"-H 'Content-Type: application/json' -d '{body}' "
    return f"curl -si -X {method} $DEMO/.sidecar/rooms/gala/{verb} {said}{more}".rstrip()


_PLACE: Final = (
    "PLACE=$(" + _room("join").replace("-si", "-s", 1) + ' | sed -n \'s/.*"place":"\\([^"]*\\)".*/\\1/p\'); '
)
_PAYS: Final = _pays()
_KEYED_SALE: Final = _reserve(1206, 1).replace("-si", "-s") + " >/dev/null; "

# Who listens at DEMO: by the port, for a name would find other sidecars, too.
_LISTENING: Final = "ss -ltnpH \"sport = :${DEMO##*:}\" | grep -o 'pid=[0-9]*' | cut -d= -f2 | sort -u "
# A body of which nine bytes never come: told after limits.body_timeout, or when a drain is over.
_HALF: Final = "curl -si $DEMO/tickets -H 'Content-Type: text/xml' -H 'Content-Length: 10' -d a --max-time 40"
_SEASON: Final = _asks(_call("GetPerformances", "<sStartDate/><sEndDate/>"))  # fresh for five seconds
_REPORT: Final = _asks(_call("GetSalesReport"))  # three a minute for each client
_HELLO: Final = _asks(_call("HelloWorld"))
_BACKEND_REASONS = ("refused", "connect_timeout", "dns", "tls", "reset", "cut_off")
_C, _E, _B, _H = Category, Effect, Blame, How

ROWS: Final[tuple[State, ...]] = (
    State(
        "ok",
        _C.OK,
        200,
        _B.NONE,
        None,
        _E.YES,
        _H.NONE,
        "",
        "The backend answered",
        "The result.",
        _HELLO,
    ),
    State(
        "cached",
        _C.OK,
        200,
        _B.NONE,
        None,
        _E.NO,
        _H.NONE,
        "",
        "Answered from memory, within its time",
        "The result.",
        _SEASON + "; " + _SEASON,
    ),
    State(
        "stale",
        _C.OK,
        200,
        _B.NONE,
        None,
        _E.NO,
        _H.NONE,
        "",
        "Answered from memory, past its time",
        "The result, with its age.",
        _SEASON + "; " + _hurt('"dead": true') + "sleep 6; " + _SEASON,
        ("revalidating", "backend-down", "backend-slow", "overloaded"),
    ),
    State(
        "fallback",
        _C.OK,
        200,
        _B.NONE,
        None,
        _E.INHERITED,
        _H.NONE,
        "",
        "Answered by rule in the backend's place",
        "The result, marked as a stand-in.",
        _hurt('"dead": true') + _asks(_call("GetShippingMethods")),
        ("backend_unreachable", "overloaded", "outcome_unknown", "backend_bad_reply", "backend_fault"),
    ),
    State(
        "partial",
        _C.OK,
        200,
        _B.NONE,
        None,
        _E.YES,
        _H.NONE,
        "",
        "Done in part: fewer than asked",
        "What was got and what was not; ask whether to keep it.",
        _reserve(1205, 9),
        ("result_rule",),
    ),
    State(
        "replayed",
        _C.OK,
        200,
        _B.NONE,
        None,
        _E.INHERITED,
        _H.NONE,
        "",
        "The answer that this key got the first time",
        "As the first time.",
        _KEYED_SALE + _PAYS + "; " + _PAYS,
    ),
    State(
        "deferred",
        _C.WAIT,
        202,
        _B.SERVER,
        -32061,
        _E.NO,
        _H.POLL,
        "",
        "Accepted, to be done later",
        "That it is noted, and where to look.",
        "",
        built=False,
    ),
    State(
        "backend_fault",
        _C.UPSTREAM,
        502,
        _B.RELAYED,
        None,
        _E.UNSAFE_UNKNOWN,
        _H.CONFIRM,
        "",
        "The backend answered with a fault of its own making",
        "That it did not work; for a purchase, that its outcome is being looked up.",
        "curl -si $DEMO/tickets/GetSeats",
        ("server", "xmlrpc", "http_error", "fault_rule"),
        retry_after_s=5,
    ),
    State(
        "backend_fault",
        _C.FINAL,
        400,
        _B.RELAYED,
        None,
        _E.NO,
        _H.FIX,
        "",
        "The backend answered that the request is at fault",
        "The field at fault, where the backend names it.",
        _asks(_call("NoSuchThing")),
        ("client",),
    ),
    State(
        "business_no",
        _C.FINAL,
        409,
        _B.RELAYED,
        None,
        _E.NO,
        _H.NEVER,
        "",
        "The backend said no, for a reason of the business",
        "The backend's reason, in your words.",
        _reserve(1203, 1),
        ("fault_rule", "result_rule"),
    ),
    State(
        "sold_out",
        _C.FINAL,
        409,
        _B.RELAYED,
        None,
        _E.NO,
        _H.NEVER,
        "",
        "Nothing is left",
        "Sold out.",
        _reserve(1204, 2),
        ("fault_rule", "result_rule"),
    ),
    State(
        "waiting",
        _C.WAIT,
        429,
        _B.SERVER,
        -32050,
        _E.NO,
        _H.JOIN,
        "caller",
        "A pass is needed first",
        "The way into the waiting room (`links.join`), when it opens (`room.opens_at`), or the place that he has in it (`queue`).",
        _reserve(1207, 1),
        (
            "no_pass",
            "no_place",
            "not_open",
            "malformed",
            "forged",
            "unknown_key",
            "other_kind",
            "other_room",
            "other_replica",
        ),
        retry_after_s=2,
    ),
    State(
        "rate_limited",
        _C.LIMIT,
        429,
        _B.SERVER,
        -32057,
        _E.NO,
        _H.WAIT,
        "caller",
        "Too many calls from this client",
        "That it goes on in a moment.",
        f"for i in 1 2 3 4; do {_REPORT}; done",
        ("client", "account", "operation", "backend", "pass"),
    ),
    State(
        "poll_too_soon",
        _C.LIMIT,
        429,
        _B.SERVER,
        -32057,
        _E.NO,
        _H.WAIT,
        "caller",
        "Polled far more often than asked",
        "Nothing new: what was shown still holds; poll when `next_poll_ms` says.",
        _PLACE + "for i in $(seq 30); do " + _room("place", "", '-H "Sidecar-Place: $PLACE"', "GET") + "; done",
        retry_after_s=2,
    ),
    State(
        "verify_required",
        _C.CLIENT,
        403,
        _B.CLIENT,
        -32057,
        _E.NO,
        _H.FIX,
        "caller",
        "A check is needed first",
        "The check that `links.remedy` leads to; the place is kept meanwhile. Of an invite: that it does not count, and the way in "
        "without it.",
        _room("join", '{"invite": "forged"}'),
        ("crowd", "sign_in"),
    ),
    State(
        "account_limit",
        _C.CLIENT,
        403,
        _B.CLIENT,
        -32057,
        _E.NO,
        _H.FIX,
        "caller",
        "This account has what one account may have",
        "That this account has a place already, on the device where it was taken, and `links.remedy`.",
        "; ".join([_room("join", '{"account": "ann"}')] * 2),
        ("account",),
    ),
    State(
        "operation_denied",
        _C.CLIENT,
        403,
        _B.CLIENT,
        -32601,
        _E.NO,
        _H.NEVER,
        "caller",
        "This operation is not offered here",
        "Nothing: a page should not call it.",
        _asks(_call("DestroyCache")),
        ("deny", "asmx_get", "strict", "expose", "schema"),
    ),
    State(
        "origin_denied",
        _C.CLIENT,
        403,
        _B.CLIENT,
        -32601,
        _E.NO,
        _H.NEVER,
        "caller",
        "A page of this origin may not write",
        "Nothing: the page is not one of the shop's.",
        _asks(_call("ReserveTickets"), "-H 'Origin: https://stranger.example' "),
    ),
    State(
        "pass_expired",
        _C.WAIT,
        403,
        _B.CLIENT,
        -32058,
        _E.NO,
        _H.JOIN,
        "caller",
        "The pass has run out",
        "That the time to buy is over, and the way back into the waiting room (`links.join`).",
        _reserve(1207, 1, "-H 'Sidecar-Pass: nonsense' "),
        (
            "expired",
            "idle",
            "wave",
            "released",
            "used",
            "other_browser",
            "malformed",
            "forged",
            "unknown_key",
            "other_kind",
            "other_room",
            "other_replica",
        ),
        retry_after_s=1,
    ),
    State(
        "paused",
        _C.WAIT,
        503,
        _B.SERVER,
        -32051,
        _E.NO,
        _H.WAIT,
        "caller",
        "Paused by the operator",
        "`message.text`, the operator's own words, and when there is news (`message.next_update_at`); without them, that it is paused, "
        "nothing was booked, and the page goes on by itself.",
        _pauses() + _HELLO,
        ("room", "backend", "everything"),
        retry_after_s=15,
    ),
    State(
        "sale_closed",
        _C.FINAL,
        410,
        _B.CLIENT,
        -32060,
        _E.NO,
        _H.NEVER,
        "caller",
        "The sale has ended",
        "That it is over: sold out, or closed; and no button that tries again.",
        _reserve(1200, 1),
        ("sold_out", "closed"),
    ),
    State(
        "overloaded",
        _C.BUSY,
        503,
        _B.SERVER,
        -32052,
        _E.NO,
        _H.WAIT,
        "backend",
        "The backend is at its limit",
        "That many people want this now, and that the page tries again by itself.",
        _hurt('"latency_s": 3.8') + f"for i in $(seq 80); do ({_HELLO} -o /dev/null &); done; sleep 0.2; " + _HELLO,
        (
            "queue_full",
            "queue_wait",
            "client_cap",
            "pushed_out",
            "dropped",
            "deadline",
            "connections",
            "buffered",
            "deeds",
            "room_full",
        ),
        retry_after_s=2,
    ),
    State(
        "backend_unreachable",
        _C.UPSTREAM,
        503,
        _B.SERVER,
        -32054,
        _E.NO,
        _H.WAIT,
        "backend",
        "The backend cannot be reached",
        "That the box office is not answering and nothing was booked.",
        _hurt('"dead": true') + _HELLO,
        _BACKEND_REASONS,
        retry_after_s=5,
    ),
    State(
        "draining",
        _C.BUSY,
        503,
        _B.SERVER,
        -32062,
        _E.NO,
        _H.WAIT,
        "caller",
        "This sidecar is going away",
        "Nothing; try again at once.",
        _HALF + " & sleep 1; " + _LISTENING + "| xargs kill -TERM; wait",
        retry_after_s=1,
    ),
    State(
        "outcome_unknown",
        _C.UPSTREAM,
        504,
        _B.SERVER,
        -32053,
        _E.UNSAFE_UNKNOWN,
        _H.CONFIRM,
        "backend",
        "The backend was asked and has not answered",
        "For a purchase: that its outcome is not known yet, and never a button that buys again. Else: that it takes too long.",
        _hurt('"freeze": true') + _HELLO,
        ("timeout", "reset", "closed", "cut", "fault", "identity", "untold"),
        retry_after_s=5,
    ),
    State(
        "backend_bad_reply",
        _C.UPSTREAM,
        502,
        _B.SERVER,
        -32063,
        _E.UNSAFE_UNKNOWN,
        _H.CONFIRM,
        "backend",
        "The backend answered with something that is no answer",
        "As outcome_unknown.",
        _hurt('"html": 200') + _HELLO,
        ("html", "truncated", "not_xml", "root", "too_large", "empty", "http"),
        retry_after_s=5,
    ),
    State(
        "in_progress",
        _C.WAIT,
        409,
        _B.SERVER,
        -32055,
        _E.UNKNOWN,
        _H.POLL,
        "caller",
        "A call with this key is under way",
        "That it is being done.",
        _KEYED_SALE + _hurt('"freeze": true') + _PAYS + " >/dev/null & sleep 0.5; " + _PAYS,
    ),
    State(
        "key_reused",
        _C.CLIENT,
        422,
        _B.CLIENT,
        -32056,
        _E.NO,
        _H.FIX,
        "caller",
        "This key stands for another call",
        "Nothing: a bug of the page.",
        _KEYED_SALE + _PAYS + "; " + _PAYS.replace("2030", "2031"),
    ),
    State(
        "key_missing",
        _C.CLIENT,
        400,
        _B.CLIENT,
        -32056,
        _E.NO,
        _H.FIX,
        "caller",
        "This operation needs an Idempotency-Key",
        "Nothing: a bug of the page.",
        "",
    ),
    State(
        "key_unsupported",
        _C.CLIENT,
        400,
        _B.CLIENT,
        -32056,
        _E.NO,
        _H.FIX,
        "caller",
        "This operation takes no Idempotency-Key",
        "Nothing: a bug of the page.",
        _asks(_call("HelloWorld"), "-H 'Idempotency-Key: a1' "),
    ),
    State(
        "not_found",
        _C.CLIENT,
        404,
        _B.CLIENT,
        -32601,
        _E.NO,
        _H.FIX,
        "caller",
        "Nothing lives at this address",
        "Nothing: a bug of the page.",
        "curl -si $DEMO/nowhere",
        ("path", "document", "endpoint"),
    ),
    State(
        "method_not_allowed",
        _C.CLIENT,
        405,
        _B.CLIENT,
        -32601,
        _E.NO,
        _H.FIX,
        "caller",
        "This address does not take this method",
        "Nothing: a bug of the page.",
        "curl -si -XPUT $DEMO/tickets",
    ),
    State(
        "unsupported_media",
        _C.CLIENT,
        415,
        _B.CLIENT,
        -32600,
        _E.NO,
        _H.FIX,
        "caller",
        "A request of this content type or encoding is not taken",
        "Nothing: a bug of the page.",
        "curl -si $DEMO/tickets -H 'Content-Type: text/plain' -d hello",
        ("content_type", "content_encoding", "charset", "upgrade", "ntlm"),
    ),
    State(
        "malformed",
        _C.CLIENT,
        400,
        _B.CLIENT,
        -32700,
        _E.NO,
        _H.FIX,
        "caller",
        "The request cannot be read",
        "Nothing: a bug of the page.",
        "curl -si $DEMO/tickets -H 'Content-Type: text/xml' -d '<a'",
        (
            "http",
            "xml",
            "envelope",
            "operation",
            "boxcar",
            "duplicate_header",
            "expectation",
            "depth",
            "elements",
            "attributes",
            "charset",
            "nested",
            "incomplete",
        ),
    ),
    State(
        "action_mismatch",
        _C.CLIENT,
        400,
        _B.CLIENT,
        -32600,
        _E.NO,
        _H.FIX,
        "caller",
        "SOAPAction names another operation than the body",
        "Nothing: a bug of the page.",
        _HELLO + " -H 'SOAPAction: \"urn:box-office/ClearCart\"'",
    ),
    State(
        "doctype_refused",
        _C.CLIENT,
        400,
        _B.CLIENT,
        -32600,
        _E.NO,
        _H.FIX,
        "caller",
        "A document type declaration is not taken",
        "Nothing: a bug of the page.",
        "curl -si $DEMO/tickets -H 'Content-Type: text/xml' -d '<!DOCTYPE a><a/>'",
    ),
    State(
        "invalid_params",
        _C.CLIENT,
        400,
        _B.CLIENT,
        -32602,
        _E.NO,
        _H.FIX,
        "caller",
        "A parameter is wrong",
        "The field at fault.",
        'curl -si "$DEMO/tickets/HelloWorld?a=1&a=2"',
        ("duplicate",),
    ),
    State(
        "too_large",
        _C.CLIENT,
        413,
        _B.CLIENT,
        -32059,
        _E.NO,
        _H.FIX,
        "caller",
        "The request is larger than the limit",
        "That the upload is too large.",
        "head -c 2000000 /dev/zero | curl -si $DEMO/tickets -H 'Content-Type: text/xml' --data-binary @-",
        ("body",),
    ),
    State(
        "uri_too_long",
        _C.CLIENT,
        414,
        _B.CLIENT,
        -32059,
        _E.NO,
        _H.FIX,
        "caller",
        "The address is longer than the limit",
        "Nothing: a bug of the page.",
        "curl -si $DEMO/tickets?$(printf 'a%.0s' $(seq 40000))",
    ),
    State(
        "headers_too_large",
        _C.CLIENT,
        431,
        _B.CLIENT,
        -32059,
        _E.NO,
        _H.FIX,
        "caller",
        "A header is longer than the limit, or there are too many",
        "Nothing; cookies of other sites of this domain may be too large.",
        "curl -si $DEMO/tickets -H X-Big:$(printf 'a%.0s' $(seq 40000))",
    ),
    State(
        "body_timeout",
        _C.CLIENT,
        408,
        _B.CLIENT,
        -32300,
        _E.NO,
        _H.WAIT,
        "caller",
        "The request did not arrive in time",
        "That the connection is slow; try again.",
        _HALF,
        ("head", "body"),
        retry_after_s=1,
    ),
    State(
        "internal",
        _C.UPSTREAM,
        500,
        _B.SERVER,
        -32603,
        _E.AFTER_SEND_UNKNOWN,
        _H.WAIT,
        "caller",
        "A bug of the sidecar",
        "That it did not work, with the request id.",
        "",
        retry_after_s=5,
    ),
    State(
        "unreachable",
        _C.UPSTREAM,
        0,
        _B.NONE,
        None,
        _E.AFTER_SEND_UNKNOWN,
        _H.WAIT,
        "",
        "The browser could not reach the sidecar",
        "That the connection failed; where `executed` is `unknown`, that it is being looked up, never a button that buys again.",
        "",
        origin="browser",
    ),
    State(
        "offline",
        _C.UPSTREAM,
        0,
        _B.NONE,
        None,
        _E.AFTER_SEND_UNKNOWN,
        _H.WAIT,
        "",
        "The browser is offline",
        "That there is no network; the client goes on by itself when there is.",
        "",
        origin="browser",
    ),
    State(
        "aborted",
        _C.UPSTREAM,
        0,
        _B.NONE,
        None,
        _E.AFTER_SEND_UNKNOWN,
        _H.WAIT,
        "",
        "The page gave up waiting",
        "That it took too long. As with `unreachable`, the effect is asked for first.",
        "",
        origin="browser",
    ),
)
TABLE: Final[Mapping[str, State]] = {row.name: row for row in reversed(ROWS)}
"""By name. A state with two rows (backend_fault) stands here with its first; `find` knows the reason."""

_BY_REASON: Final = {(row.name, reason): row for row in ROWS for reason in row.reasons}


def find(name: str, reason: str | None) -> State:
    """Return the row of a state: the one whose reasons list `reason`, else its first."""
    return _BY_REASON.get((name, reason or "")) or TABLE[name]


def executed(state: State, *, safe: bool, sent: bool) -> Executed:
    """Return what `state` says of effect for an operation that is `safe`, of which a body byte has been `sent`."""
    if state.effect is Effect.YES:
        return Executed.YES
    if safe or state.effect in (Effect.NO, Effect.INHERITED):
        return Executed.NO
    if state.effect is Effect.AFTER_SEND_UNKNOWN:
        return Executed.UNKNOWN if sent else Executed.NO
    return Executed.UNKNOWN


def retry_how(state: State, effect: Executed, *, safe: bool) -> How:
    """Return what a client does next: confirm turns into wait where nothing can have happened."""
    if state.how is How.CONFIRM and (safe or effect is Executed.NO):
        return How.WAIT
    if state.how is How.WAIT and effect is Executed.UNKNOWN:
        return How.CONFIRM
    return state.how
