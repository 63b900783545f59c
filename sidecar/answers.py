"""The nouns of what is shared and kept: how a request becomes a question, and the entry that answers it.

Stands beside `model`, under everything: adapters make questions, stages ask and keep, stores hold. Nothing here decides.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Awaitable, Mapping

    from sidecar.model import Answer, Call, Dialect, Grade, Outbound, RawHeaders

DIGEST_BYTES: Final = 16  # blake2b-128: of 2^40 questions two collide with a chance of 2^-49


class Fold(StrEnum):
    """How a parameter's value counts in the key."""

    IGNORE = "ignore"  # not at all, and it does not reach the backend either
    LOWER = "lower"  # without regard to case
    INT = "int"  # as the number that it writes: "007" is "7"
    SET = "set"  # its repetitions in any order


class Shared(StrEnum):
    """Whose identity asks a question that people with different identities share."""

    OPEN = "open"  # `shared: true`: the operation takes none
    AS = "as"  # a service's, from the settings
    DROP = "drop"  # nobody's: it is left out
    LEADER = "leader"  # of whoever started the flight


@dataclass(frozen=True, slots=True)
class Keying:
    """What of a request makes its question. Whoever changes any of it changes every key.

    `params` says how parameters count (names as in the message, at the top of the operation's element); `identity` are those that say
    who asks; `shared` None keys by them. `stand_in`: for Shared.AS, the values sent in their place.

    `alone`: the question is never asked, only known again, so no contract may matter to its digest, and neither do a SOAP version and an
    action, which say how a call is sent. `aside`: the local name of a SOAP header that then may stand there and is no part of it.
    """

    params: tuple[tuple[str, Fold], ...] = ()
    identity: tuple[str, ...] = ()
    shared: Shared | None = None
    stand_in: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    alone: bool = False
    aside: str = ""


class Question(NamedTuple):
    """A call that may be shared, free of its caller: whoever has the same `digest` asks the same, whatever he speaks.

    `request` is what the backend is asked, a function of the digest alone (and of the identity that a shared question is asked with);
    its headers are only those that the protocol needs. `dialect` is how it is asked, and so how its answer is wrapped.
    `parameters` holds the lexical values of simple parameters at the top, for tags and rules. `identified`: the caller showed an identity
    among its parameters. `expects` is the element that its answer holds, in Clark notation, "" where no contract says.
    """

    digest: bytes
    request: Outbound
    dialect: Dialect
    parameters: Mapping[str, str]
    identified: bool = False
    expects: str = ""


@dataclass(eq=False, slots=True)
class Entry:
    """An answer that is kept. `at` is when it was true, monotonic seconds of this process (a store on disk writes wall time).

    `body` is the backend's, whole, in `dialect`; `headers` are the lines worth replaying. `generations` are those of `tags`, read before
    the flight began: where they differ now, a write has gone through since. `lifetime_s` is the backend's own word (`freshness: origin`),
    None: the rule's; so is `stale_s`, for how long beyond it the answer may be given while it is renewed, and in place of a failure.
    `negative`: a fault that the settings let us keep. `passing`: not an answer but a mark that there is none to share (hit-for-miss).
    Changed by its store alone: `hits`. Never written down: `wrapped`, by the adapter that says it to others (None: it cannot be said so),
    `making` while it does, and `ready`, by the cache stage.
    """

    key: bytes
    backend: str
    endpoint: str
    operation: str
    dialect: Dialect
    at: float
    status: int
    headers: RawHeaders
    body: bytes
    grade: Grade
    tags: tuple[str, ...] = ()
    generations: tuple[int, ...] = ()
    lifetime_s: float | None = None
    stale_s: tuple[float, float] | None = None
    negative: bool = False
    passing: bool = False
    hits: int = 0
    wrapped: dict[object, tuple[RawHeaders, bytes] | None] = field(default_factory=dict)
    making: dict[object, Awaitable[tuple[RawHeaders, bytes] | None]] = field(default_factory=dict)
    ready: Ready | None = None

    @property
    def size_bytes(self) -> int:
        """What it weighs in a store: its bytes, copies in other dialects too, and what Python needs for the rest (measured: 1.2 KiB)."""
        copies = sum(len(copy[1]) for copy in self.wrapped.values() if copy is not None) if self.wrapped else 0
        words = sum(len(name) + len(value) for name, value in self.headers) + sum(map(len, self.tags))
        return len(self.body) + copies + words + OVERHEAD_BYTES

    def age_s(self, now: float) -> float:
        """Return how old it is."""
        return max(0.0, now - self.at)


OVERHEAD_BYTES: Final = 1_200


class Ready(NamedTuple):
    """An entry as it is written to whoever asks the same within the second: `until` (monotonic seconds), and while `stamp`, the number of
    everything that has been touched, is what it was.
    """

    until: float
    stamp: int
    answer: Answer
    cache_status: bytes


@dataclass(slots=True, eq=False)
class Seen:
    """What was read of one request: the call as its last caller made it, under which line, and, once somebody has asked, its key and tags.

    Those are of a caller who shows nothing that counts besides the body; b"" where nobody has asked yet. `edition` is the contract's.
    `plain`: it is answered by the bytes that are kept, as they are.
    """

    call: Call
    pattern: str
    edition: object
    key: bytes = b""
    tags: tuple[str, ...] = ()
    plain: bool = False
