"""The vocabulary of `rooms:`: before which calls people wait, when it opens, how fast they are let in. What its page looks like: `looks`.

A part of `schema`, and like it without judgement of two keys: what contradicts what is said by `admitting`. A moment is read for its form
alone here; on whose clock it stands is known only where the file is seen whole.
"""

from __future__ import annotations

from typing import Annotated, Final, Literal, TypeAlias

from pydantic import AfterValidator, Field, PlainValidator, WithJsonSchema

from sidecar.settings import moments, shapes
from sidecar.settings.looks import Page
from sidecar.settings.protection import rate
from sidecar.settings.quantities import Span, wrong
from sidecar.settings.section import Section, amount

_VALUES: Final = 1_000  # of one parameter; a house has some hundred performances
_VALUE: Final = 64  # characters; a performance number has ten
_KEY_LENGTHS: Final = (32, 512)


def moment(text: str) -> str:
    """Check the form of a moment; it is kept as it is written, for its zone may stand elsewhere."""
    try:
        moments.parse(text)
    except moments.MomentError as error:
        raise wrong("E214", str(error), error.remedy) from None
    return text


def zone(text: str) -> str:
    """Check the form of a zone's name; whether there is one is asked elsewhere."""
    if not moments.is_zone_name(text):
        raise wrong("E214", "{value} is no name of a time zone", f"as in {moments.ZONE_EXAMPLE}")
    return text


def signing(text: str) -> str:
    """Check what signs tokens by HS256: it can be tried out offline, so it has as many bits as the digest (RFC 7518 section 3.2)."""
    low, high = _KEY_LENGTHS
    if not low <= len(text) <= high or not text.isascii() or not text.isprintable() or " " in text:
        what = f"what signs has {low} to {high} printable characters without blanks"
        raise wrong("E212", what, "as openssl rand -hex 32 makes one")
    return text


def _wanted(value: object) -> str:
    """Read one value of a parameter as calls carry it. A fraction is refused: 1.10 is a number that no call would write so."""
    if isinstance(value, bool):
        return "true" if value else "false"  # XML Schema's own words
    if isinstance(value, float):
        raise wrong("E204", "{value} is a fraction, and calls are compared with the text", "write it in quotes")
    if not isinstance(value, (str, int)) or not 0 < len(str(value)) <= _VALUE or not str(value).isprintable():
        raise wrong("E204", f"must be a whole number or a text of 1 to {_VALUE} characters", "as in [1201, 1202]")
    return str(value)


def _values(values: list[str]) -> list[str]:
    """Take out what is there twice."""
    return list(dict.fromkeys(values))


Moment: TypeAlias = Annotated[str, AfterValidator(moment)]
Zone: TypeAlias = Annotated[str, AfterValidator(zone)]
Signing: TypeAlias = Annotated[str, AfterValidator(signing)]
Often: TypeAlias = Annotated[str, AfterValidator(rate)]
Wanted: TypeAlias = Annotated[
    str,
    PlainValidator(_wanted),
    WithJsonSchema({"anyOf": [{"type": "string"}, {"type": "integer", "minimum": -(2**63), "maximum": 2**63}]}),
]
Values: TypeAlias = Annotated[list[Wanted], Field(min_length=1, max_length=_VALUES), AfterValidator(_values)]


class Cover(Section):
    """Calls that a room stands before. What it does not name sells on, and answers that are kept stay free for all."""

    backend: shapes.Name = Field(description="name of the backend, as under backends")
    operations: list[shapes.Pattern] = Field(
        default_factory=lambda: ["*"],
        min_length=1,
        max_length=100,
        description="names or patterns of its operations; default all",
    )
    where: dict[shapes.Words, Values] = Field(
        default_factory=dict,
        max_length=10,
        description="only calls whose parameters (named as in identity.params) have these values, and those in which they cannot be read",
    )


class Pass(Section):
    """What whoever is admitted may do, and for how long. A purchase that is under way outlives it: purchase.window."""

    idle: Annotated[float, Span("10s", "1h")] = amount(
        default="2m", description="it ends so long after its last call; every call renews it"
    )
    total: Annotated[float, Span("30s", "24h")] = amount(
        default="10m", description="it ends so long after it was claimed, whatever is done with it"
    )
    calls: int = Field(
        default=4, ge=1, le=100, description="calls at once of one pass; of all: backends.NAME.limit and max_active"
    )
    rate: Often = Field(
        default="10/1s",
        description="calls of one pass at most, as backends.NAME.rate says it; of admissions: rate of the room",
    )


class Purchase(Section):
    """What is finished before anything else once it has begun: operations say begins and ends."""

    window: Annotated[float, Span("10s", "24h")] = amount(
        default="20m",
        description="who has begun and got something may go on for so long, pass or not: no shorter than seats are held",
    )
    hold: Annotated[float, Span("10s", "24h")] | None = Field(
        default=None,
        description="how long the backend holds seats that were reserved: nothing is done with it, but `check` warns of what is shorter",
    )


class Account(Section):
    """Whose account a visitor is, so that nobody stands in line twice."""

    source: Literal["session", "parameter", "assertion"] | None = Field(
        default=None,
        alias="from",
        description="session: what a login through us taught; parameter: a value of the call; assertion: a word that the shop signs",
    )
    parameter: shapes.Words | None = Field(
        default=None, description="for parameter: its name; for session: that of login which names the account"
    )
    login: shapes.Pattern | None = Field(
        default=None,
        description="for session: the operation that signs in, as in LoginEx2; whoever it lets in is the account that its parameter names; "
        "left out, every session is an account",
    )
    secret: Signing | None = Field(
        default=None,
        description='for assertion: what the shop signs with (HS256), from the environment: "${SHOP_SECRET}"',
    )
    secret_file: shapes.FileName | None = Field(
        default=None, description="file that holds the secret, in place of secret"
    )
    limit: int = Field(
        default=1, ge=1, le=100, description="places of one account; a backend's calls at once: backends.NAME.limit"
    )


class Crowd(Section):
    """When many from one address are too many: they are held with a remedy, never pushed back."""

    per_address: int = Field(
        default=50,
        ge=0,
        le=1_000_000,
        description="places of one address (of IPv6: one /64) beyond which newcomers are held until remedy is done; 0 no rule",
    )


class Lanes(Section):
    """How admissions are shared, by weight; who a rank's calls are before, classes says."""

    main: int = Field(default=8, ge=1, le=1000, description="everybody without an invite")
    fast: int = Field(default=1, ge=1, le=1000, description="who shows an invite to it: members, sponsors")
    access: int = Field(default=1, ge=1, le=1000, description="who shows an invite to it: people who need more time")


class Invites(Section):
    """What signs the way into fast and access. Left out, nobody gets there but by an operator."""

    secret: Signing | None = Field(
        default=None, description='what invites are signed with (HS256), from the environment: "${INVITE_SECRET}"'
    )
    secret_file: shapes.FileName | None = Field(
        default=None, description="file that holds the secret, in place of secret"
    )


class Room(Section):
    """A waiting room: before which calls, from when on, how fast."""

    covers: list[Cover] = Field(min_length=1, max_length=100, description="calls that need a pass of this room")
    opens: Moment | None = Field(
        default=None,
        description=f"when it opens, as in {moments.EXAMPLE} on the clock of timezone, or with an offset; left out, by hand",
    )
    closes: Moment | None = Field(default=None, description="when nobody is admitted any more; left out, by hand")
    timezone: Zone | None = Field(
        default=None,
        description=f"whose clock opens and closes are on, as in {moments.ZONE_EXAMPLE}; default the file's timezone",
    )
    lobby: Annotated[float, Span("0s", "168h")] = amount(
        default="30m",
        description="how long before opens people may come in; who comes in it is drawn, not served by arrival",
    )
    draw: Annotated[float, Span("0s", "1h")] = amount(
        default="60s", description="how long before opens the draw is made; at most half of lobby"
    )
    max_active: int = Field(
        default=200,
        ge=1,
        le=100_000,
        description="people buying at once; a backend's calls at once: backends.NAME.limit",
    )
    rate: Often | None = Field(
        default=None,
        description="admissions at most, as in 50/1s; of calls: pass.rate, backends.NAME.rate; default as max_active and the backend allow",
    )
    claim: Annotated[float, Span("5s", "1h")] = amount(
        default="150s",
        description="how long who is called may take to come; below 150s a hidden tab, which wakes once a minute, may miss it",
    )
    pass_: Pass = Field(default_factory=Pass, alias="pass", description="what whoever is admitted may do")
    purchase: Purchase = Field(default_factory=Purchase, description="what is finished once it has begun")
    account: Account = Field(default_factory=Account, description="whose account a visitor is")
    crowd: Crowd = Field(default_factory=Crowd, description="when many from one address are too many")
    remedy: shapes.Link | None = Field(
        default=None, description="page where who is held (account.limit, crowd) goes, to sign in say"
    )
    lanes: Lanes = Field(default_factory=Lanes, description="how admissions are shared")
    invites: Invites = Field(default_factory=Invites, description="what signs the way into fast and access")
    capacity: int = Field(
        default=1_000_000,
        ge=1,
        le=1_000_000,
        description="visitors at most, each takes about 120 bytes; connections at once: limits.connections",
    )
    page: Page = Field(default_factory=Page, description="how its page looks, and where it leads")
