"""Which operations may be guessed safe, and which had better be denied, by names and parameters alone.

Stands beside the road, for whoever writes settings for a backend that nobody has described; it decides about no call. It errs on one
side: what is wrongly left out costs the operator a line, what is wrongly let in is done twice. Whatever makes sessions, logs in, prints
or mails is never guessed safe, whatever its name begins with.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

# `Validate`, `Verify`, `Calculate`, `Load`, `Fetch` are none: a ticketing API's ValidateCustomOffer runs whatever procedure a theatre
# has put there, CalculateFees writes the fees, LoadExistingOrder changes the cart, and a fetch moves a cursor.
_READING: Final = frozenset(
    {"check", "count", "describe", "find", "get", "has", "is", "list", "lookup", "query", "read", "retrieve", "search"}
)
# Right after such a verb, what makes another one of it: CheckOut, CountVote, GetAndReset, FindOrCreate.
_TURNS: Final = {
    "check": frozenset({"in", "off", "out"}),
    "count": frozenset({"click", "down", "hit", "up", "view", "visit", "vote"}),
}
_JOINTS: Final = frozenset({"and", "or", "then"})

# Anywhere inside a word, so that Printed, LoginEx and Sessions count as well: what the name then speaks of.
_INSIDE: Final = (
    ("a session", ("session",)),
    (
        "logging in or out",
        ("login", "logon", "logoff", "logout", "signin", "signon", "signout", "signup", "authent", "authoris", "authoriz",
         "credential", "impersonat", "oauth", "passw"),
    ),
    ("a token", ("token",)),
    ("printing", ("print",)),
    ("mail or a notice", ("mail", "notif")),
    ("payment", ("charge", "checkout", "payment")),
    (
        "a change",
        ("batch", "create", "delete", "destroy", "execute", "procedure", "register", "remove", "reserve", "transfer", "unlock",
         "update"),
    ),
    ("a diagnosis, which may try to write", ("diagnos",)),
)  # fmt: skip
# As a whole word only: Address is not Add, Logo is not Log, Keywords are not a Key, Presets are not a Reset.
_WORDS: Final = {
    "logging in or out": frozenset({"auth", "log", "logged", "logging", "logs", "otp", "sign", "sso"}),
    "making something": frozenset({"acquire", "allocate", "generate", "key", "keys", "new", "nonce"}),
    # A pull point of WS-BaseNotification forgets the messages that GetMessages has returned, and a cursor moves on.
    "what reading may use up": frozenset({"claim", "consume", "dequeue", "message", "messages", "more", "next", "pop"}),
    "mail or a notice": frozenset({"fax", "invite", "send", "sms"}),
    "a change": frozenset(
        {"add", "apply", "clear", "commit", "increment", "insert", "lock", "mark", "merge", "rebuild", "refresh", "reset", "restart",
         "run", "save", "shutdown", "submit", "sync", "trigger", "upload"}
    ),
}  # fmt: skip
# Nouns in most names (GetOrder, GetDataSet), deeds after an "and": GetSeatsAndHold.
_DEEDS: Final = frozenset(
    {"assign", "book", "buy", "cancel", "change", "close", "hold", "open", "order", "pay", "post", "publish", "put", "release", "set",
     "start", "stop", "store", "take", "use", "write"}
)  # fmt: skip

# What is safe may be asked by GET, and addresses stand in logs; a wrong password, asked again, locks an account.
_SECRETS: Final = ("cvc", "cvv", "passcode", "passphrase", "passw", "pwd", "secret")
_SECRET_WORDS: Final = frozenset({"cardnumber", "ccnumber", "creditcard", "pin"})
_CARDS: Final = frozenset({"card", "cc", "credit", "debit"})
_NUMBERS: Final = frozenset({"card", "no", "num", "number"})
_RUNNABLE: Final = frozenset({"command", "procedure", "script", "sql"})
# A parameter that begins with one of these asks for it (bMarkAsRead, cAction); with a time behind it, it is a filter (UpdatedSince).
_ASKING: Final = frozenset(
    {"action", "add", "clear", "commit", "create", "delete", "lock", "mark", "print", "purge", "register", "remove", "reprint", "reserve",
     "reset", "save", "send", "update"}
)  # fmt: skip
_FILTERING: Final = frozenset({"by", "date", "datetime", "on", "since", "time", "timestamp", "user"})
# Types before names, as Hungarian notation has them.
_TYPES: Final = frozenset(
    {"a", "b", "bool", "c", "ch", "d", "dt", "f", "i", "int", "l", "n", "o", "p", "s", "str", "v"}
)

_ENDING: Final = frozenset({"destroy", "drop", "flush", "purge", "reboot", "restart", "shutdown", "truncate", "wipe"})
_EXECUTING: Final = frozenset({"eval", "exec", "execute", "run"})

_PLAIN: Final = re.compile(r"[A-Za-z0-9_.\-]+")
_WORD: Final = re.compile(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z]+|[A-Z]+|[0-9]+")


@dataclass(frozen=True, slots=True)
class Guess:
    """Whether an operation may be guessed safe, why in words, and the verb of reading that it begins with, "" where it has none."""

    safe: bool
    why: str
    verb: str = ""


def guess(name: str, parameters: Sequence[str] | None = None) -> Guess:
    """Guess about an operation; `parameters` are the names of what it takes, None where nobody knows."""
    if not _PLAIN.fullmatch(name):  # words of no language that is known here, or letters that only look like it
        return Guess(False, "is not written in ASCII alone")
    verb, behind = _verb(_split(name.rpartition(".")[2]))
    if not verb:
        return Guess(False, "does not begin with a verb of reading")
    why = _turned(verb, behind) or _spoken([word.lower() for word in _split(name)]) or _taken(parameters or ())
    return Guess(False, why, verb) if why else Guess(True, f"begins with {verb}", verb)


def peril(name: str, parameters: Sequence[str] | None = None) -> str:
    """Return why nobody should reach an operation from outside, "" where its name says nothing of the kind."""
    words = [word.lower() for word in _split(name)]
    if words and words[0] in _READING:  # ListDropDowns
        return ""
    if words == ["batch"]:
        return "runs other operations"
    if any(word in _EXECUTING for word in words) and (_RUNNABLE | {"batch"}).intersection(words):
        return "runs what it is given"
    if any(word in _ENDING for word in words) and not parameters:
        return "ends or empties something, and takes no argument that says what"
    return ""


def session_keys(operations: Iterable[Sequence[str] | None]) -> dict[str, int]:
    """Return the parameters that look like session keys, with the number of operations that take each, the most used first."""
    found: dict[str, int] = {}
    for parameters in operations:
        for name in dict.fromkeys(parameters or ()):
            if _is_session(name):
                found[name] = found.get(name, 0) + 1
    return dict(sorted(found.items(), key=lambda each: (-each[1], each[0])))


# No bare ticket: in a box office it is what is sold.
_SESSION: Final = re.compile(
    r".*session(key|id|guid|token|ticket|handle)?|(auth|access|security)(key|token|ticket)|sid|token"
)


def _is_session(name: str) -> bool:
    return _SESSION.fullmatch("".join(_bare(name))) is not None


def _split(name: str) -> list[str]:
    return _WORD.findall(name)


def _bare(name: str) -> list[str]:
    """Return the words of a parameter in lower case, without the type that stands before them."""
    words = [word.lower() for word in _split(name)]
    return words[1:] if len(words) > 1 and words[0] in _TYPES else words


def _verb(words: list[str]) -> tuple[str, list[str]]:
    """Return the verb of reading that a name begins with, as it is written, and the words behind it in lower case."""
    lower = [word.lower() for word in words]
    if lower[:2] == ["look", "up"]:
        return words[0] + words[1], lower[2:]
    return (words[0], lower[1:]) if lower and lower[0] in _READING else ("", [])


def _turned(verb: str, behind: list[str]) -> str:
    if behind and (behind[0] in _JOINTS or behind[0] in _TURNS.get(verb.lower(), ())):
        return f"does more than {verb} says, by its name"
    joined = any(one in _JOINTS and other in _DEEDS for one, other in pairwise(behind))
    return "does more than read, by its name" if joined else ""


def _spoken(words: list[str]) -> str:
    """Return what a name speaks of that may be more than reading, "" where it is nothing."""
    for what, parts in _INSIDE:
        if any(part in word for part in parts for word in words):
            return f"its name speaks of {what}"
    for what, whole in _WORDS.items():
        if not whole.isdisjoint(words):
            return f"its name speaks of {what}"
    # Written together, as in get_newkey; the news are old.
    glued = any(word.startswith(("new", "next")) and not word.startswith("news") for word in words)
    return "its name speaks of making something" if glued else ""


def _taken(parameters: Sequence[str]) -> str:
    """Return what an operation takes that nothing safe would, "" where it is nothing."""
    for name in parameters:
        words = _bare(name)
        if _is_secret(words):
            return f"takes a secret, {name}"
        if _RUNNABLE.intersection(words):
            return f"takes something to run, {name}"
        if words and words[0] in _ASKING and not _FILTERING.intersection(words):
            return f"may be told to do more, {name}"
    return ""


def _is_secret(words: list[str]) -> bool:
    numbered = any(one in _CARDS and other in _NUMBERS for one, other in pairwise(words))
    return numbered or any(word in _SECRET_WORDS or any(part in word for part in _SECRETS) for word in words)
