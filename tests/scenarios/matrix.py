"""Every failure that is provoked before a running sidecar: what each dialect gets, what is said of effect, who notices, who acts.

One row is one failure. The tests provoke each row in five dialects, safe and unsafe; `docs/failures.md` is written from the same rows.
Nothing here runs anything.
"""

from __future__ import annotations

from dataclasses import dataclass

from sidecar.model import Executed
from sidecar.states import Blame, State, executed, find

SOAP11, SOAP12, ASMX, XMLRPC, JSON = DIALECTS = ("soap11", "soap12", "asmx", "xmlrpc", "json")
TITLES = {SOAP11: "SOAP 1.1", SOAP12: "SOAP 1.2", ASMX: "ASMX", XMLRPC: "XML-RPC", JSON: "JSON"}
XMLRPC_APPLICATION_ERROR = -32500  # for a fault that is ours only because the backend's could not be relayed


@dataclass(frozen=True, slots=True)
class Said:
    """One way in which a failure may be told; `sent` where a byte of the body may have left."""

    state: str
    reason: str | None
    sent: bool

    @property
    def row(self) -> State:
        return find(self.state, self.reason)

    def effect(self, *, safe: bool) -> Executed:
        """What is said of effect: the table's rule, and never anything but `no` of what did not leave."""
        return executed(self.row, safe=safe, sent=self.sent) if self.sent else Executed.NO

    def header(self, *, safe: bool) -> str:
        """The value of Sidecar-State."""
        why = f";reason={self.reason}" if self.reason else ""
        return f"{self.state}{why};executed={self.effect(safe=safe).value}"


@dataclass(frozen=True, slots=True)
class Failure:
    """One row. `said`: usually one way; two where two packets race. `relayed`: the backend's own bytes pass."""

    id: str
    component: str
    what: str
    said: tuple[Said, ...]
    notices: str
    acts: str
    relayed: bool = False
    dialects: tuple[str, ...] = DIALECTS


UNREACHABLE_RESET = Said("backend_unreachable", "reset", sent=False)
RESET = Said("outcome_unknown", "reset", sent=True)
CLOSED = Said("outcome_unknown", "closed", sent=True)
TIMEOUT = Said("outcome_unknown", "timeout", sent=True)
TRUNCATED = Said("backend_bad_reply", "truncated", sent=True)

SPIKE = "access log: this state, with `backend_ms`; one is enough to call the backend strained for five seconds"
BACKEND_TEAM = "whoever runs the backend: its own log of that moment"
CONFIRM = "a safe call may be repeated; of any other the outcome is looked up first"
LATE = "access log: this state; later `late_outcome` says what became of the call"
CLIENT = "the author of the client"


def _broken(point: str, when: str, rst: tuple[Said, ...], fin: tuple[Said, ...]) -> tuple[Failure, Failure]:
    return (
        Failure(f"rst-{point}", "backend", f"resets the connection {when}", rst, SPIKE, f"{BACKEND_TEAM}; {CONFIRM}"),
        Failure(f"fin-{point}", "backend", f"closes the connection {when}", fin, SPIKE, f"{BACKEND_TEAM}; {CONFIRM}"),
    )


def _silent(point: str, when: str) -> Failure:
    return Failure(f"hold-{point}", "backend", f"falls silent {when}", (TIMEOUT,), LATE, f"{BACKEND_TEAM}; {CONFIRM}")


# Two at each of six points are the twelve fault points; silence at each of them comes to the same for a caller.
FAULT_POINTS: tuple[Failure, ...] = (
    *_broken("accept", "as soon as it stands", (UNREACHABLE_RESET, RESET), (UNREACHABLE_RESET, CLOSED, RESET)),
    *_broken("head", "after the request's head", (RESET,), (CLOSED,)),
    *_broken("half_body", "after half the body", (RESET,), (CLOSED,)),
    *_broken("body", "after the whole request, which it executed", (RESET,), (CLOSED,)),
    *_broken("half_reply_head", "in the middle of its reply's head", (RESET,), (CLOSED,)),
    *_broken("half_reply_body", "in the middle of its reply's body", (TRUNCATED, RESET), (TRUNCATED,)),
)
SILENCES: tuple[Failure, ...] = (
    _silent("accept", "once the connection stands"),
    _silent("half_body", "after half the body"),
    _silent("body", "with the whole request, which it executed"),
    _silent("half_reply_head", "in the middle of its reply's head"),
    _silent("half_reply_body", "in the middle of its reply's body"),
)
OTHERS: tuple[Failure, ...] = (
    Failure(
        "refused",
        "backend",
        "does not listen",
        (Said("backend_unreachable", "refused", sent=False),),
        "access log: this state on every call; after three in a row the backend counts as down",
        "whoever runs the backend: start it. Nothing was executed, clients repeat by themselves",
    ),
    Failure(
        "unresponsive",
        "network",
        "drops the packets of new connections",
        (Said("backend_unreachable", "connect_timeout", sent=False),),
        "access log: this state, each after `timeouts.connect`",
        "whoever runs the network: firewall, address, a full accept queue. Nothing was executed",
    ),
    Failure(
        "html",
        "backend",
        "answers with an HTML page",
        (Said("backend_bad_reply", "html", sent=True),),
        "access log: this state",
        f"{BACKEND_TEAM}, and of what stands before it; {CONFIRM}",
    ),
    Failure(
        "garbage",
        "backend",
        "answers with bytes that are no HTTP",
        (Said("backend_bad_reply", "http", sent=True),),
        "access log: this state",
        f"the operator: is that the right port, and the right scheme? {CONFIRM}",
    ),
    Failure(
        "half-xml",
        "backend",
        "answers with a message that lacks its end",
        (Said("backend_bad_reply", "truncated", sent=True),),
        "access log: this state",
        f"{BACKEND_TEAM}; {CONFIRM}",
    ),
    Failure(
        "huge",
        "backend",
        "answers with more than `limits.reply_body`",
        (Said("backend_bad_reply", "too_large", sent=True),),
        "access log: this state",
        "the operator: raise the limit, or `stream: true` for that operation",
    ),
    Failure(
        "fault",
        "backend",
        "answers with a fault of its own making",
        (Said("backend_fault", "server", sent=True),),
        "access log: `backend_fault`",
        f"{BACKEND_TEAM}; {CONFIRM}",
        relayed=True,
        dialects=(SOAP11, SOAP12, JSON),
    ),
    Failure(
        "xmlrpc-fault",
        "backend",
        "answers with an XML-RPC fault, which never says whose it is",
        (Said("backend_fault", "xmlrpc", sent=True),),
        "access log: `backend_fault`",
        "the operator: `faults:` rules for those that certainly did nothing",
        relayed=True,
        dialects=(XMLRPC,),
    ),
    Failure(
        "blames",
        "backend",
        "answers that the request is at fault",
        (Said("backend_fault", "client", sent=True),),
        "access log: `backend_fault` with `reason=client`",
        CLIENT,
        relayed=True,
        dialects=(SOAP11, SOAP12, JSON),
    ),
    Failure(
        "impatient",
        "caller",
        "waits no longer than `Sidecar-Timeout`, and the backend takes longer",
        (TIMEOUT,),
        LATE,
        f"nobody, if it is rare; else the timeout is too short for that operation. {CONFIRM}",
    ),
    Failure(
        "queue-wait",
        "queue",
        "no slot comes free within `queue.wait`",
        (Said("overloaded", "queue_wait", sent=False),),
        "access log: `overloaded` with `queue_ms`; the backend is strained",
        "the operator: is the backend slower than usual, or the limit too low? Nothing was executed",
    ),
    Failure(
        "queue-full",
        "queue",
        "`queue.size` calls wait already",
        (Said("overloaded", "queue_full", sent=False),),
        "access log: `overloaded`; the backend is strained",
        "the operator, as above. Nothing was executed, clients come back by themselves",
    ),
    Failure(
        "not-xml",
        "caller",
        "sends a body that cannot be read",
        (Said("malformed", "xml", sent=False),),
        "access log: `malformed`",
        CLIENT,
        dialects=(SOAP11, SOAP12, XMLRPC, JSON),
    ),
    Failure(
        "too-large",
        "caller",
        "sends more than `limits.request_body`",
        (Said("too_large", "body", sent=False),),
        "access log: `too_large`",
        "the author of the client, or the operator: raise the limit",
    ),
    Failure(
        "half-sent",
        "caller",
        "stops in the middle of its body for `limits.body_timeout`",
        (Said("body_timeout", "body", sent=False),),
        "access log: `body_timeout`",
        "nobody: a slow line, or an attack that has cost nothing",
    ),
    Failure(
        "denied",
        "caller",
        "asks for an operation that `deny:` names",
        (Said("operation_denied", "deny", sent=False),),
        "access log: `operation_denied`",
        CLIENT,
    ),
)
FAILURES: tuple[Failure, ...] = (*FAULT_POINTS, *SILENCES, *OTHERS)
BY_ID = {failure.id: failure for failure in FAILURES}


@dataclass(frozen=True, slots=True)
class Seen:
    """What a dialect's client gets: the HTTP status, and the words of its own kind of fault."""

    status: int
    fault: str = ""

    def __str__(self) -> str:
        return f"{self.status} {self.fault}".strip()


def seen(said: Said, dialect: str, *, relayed: bool) -> Seen:
    """How a failure looks in a dialect (states.md)."""
    row = said.row
    if relayed and dialect != JSON:
        return Seen(200 if dialect == XMLRPC else 500, "the backend's own fault")
    to_blame = row.blame is Blame.CLIENT
    match dialect:
        case "soap11":
            return Seen(500, "soap:Client" if to_blame else "soap:Server")
        case "soap12":
            return Seen(400, "soap:Sender") if to_blame else Seen(500, "soap:Receiver")
        case "xmlrpc":
            return Seen(200, str(row.xmlrpc or XMLRPC_APPLICATION_ERROR))
        case "asmx":
            return Seen(row.status, "text")
    return Seen(row.status, "problem")
