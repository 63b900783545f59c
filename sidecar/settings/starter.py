"""The settings that somebody begins with: a commented file for one backend, written from what its WSDL offers.

Stands beside the road, behind `sidecar init`, which reads the WSDL. It returns a text that `sidecar check` finds nothing wrong with;
what is guessed in it says so in its own line. Names come from documents that others wrote: nothing of them ends a line or a quotation.
"""

from __future__ import annotations

import json
import re
import shlex
import textwrap
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from sidecar.policy.guesses import guess, peril, session_keys
from sidecar.settings import shapes

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from sidecar.policy.guesses import Guess

__all__ = ["NOWHERE", "Offer", "name_of", "starter"]

# Shown where a WSDL names no address that can be called; nothing listens on port 9, discard (RFC 863).
NOWHERE: Final = "http://127.0.0.1:9/"
_DEFAULT_NAME: Final = "backend"
_NAME_MAX: Final = 63  # as `shapes.name` has it
_OPERATIONS: Final = 1_000  # more than a person reads through; the largest WSDL at hand has 230
_PARAMS: Final = 20  # as `identity.params` has it
_NAMED: Final = 200  # characters of a parameter's name, as `shapes.words` has it; more of anything is not shown either
_LISTED: Final = 64  # addresses or documents that are listed: as many documents as the sidecar keeps for a backend
_COLUMNS: Final = 118
# What a call can have for a name; anything else is somebody's joke, or no name.
_OPERATION: Final = re.compile(r"[^\W\d][\w.\-]{0,199}")
_BARE: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_.\-]*")
# Texts that YAML, 1.1 or 1.2, reads as something else.
_WORDS: Final = frozenset({"false", "inf", "n", "nan", "no", "null", "off", "on", "true", "y", "yes"})


@dataclass(frozen=True, slots=True)
class Offer:
    """What was found out about a backend.

    `source` is what was read, as people named it; `name` the backend's in the settings. `addresses` are where it may be reached, the best
    first. `wsdl` names the file as seen from the folder of the settings, None where the backend's own is read. `operations` are names of
    operations with those of their parameters, None where nobody knows these. `missing` are documents that are imported and were not read.
    """

    source: str
    name: str
    addresses: tuple[str, ...]
    wsdl: str | None
    operations: Mapping[str, Sequence[str] | None]
    missing: tuple[str, ...] = ()
    file: str = "sidecar.yaml"


def name_of(service: str) -> str:
    """Return a backend's name made of its service's."""
    made = re.sub(r"[^a-z0-9]+", "-", service.lower()).strip("-")
    made = re.sub(r"^[^a-z]+", "", made)[:_NAME_MAX].rstrip("-")
    return made or _DEFAULT_NAME


def starter(offer: Offer) -> str:
    """Return the text of the settings."""
    named = {name: offer.operations[name] for name in sorted(offer.operations) if _OPERATION.fullmatch(name)}
    kept = dict(list(named.items())[:_OPERATIONS])
    denied = {name: why for name, parameters in kept.items() if (why := peril(name, parameters))}
    guesses = {name: guess(name, parameters) for name, parameters in kept.items() if name not in denied}
    lines = [
        *_head(offer),
        "version: 1",
        "listen: {host: 127.0.0.1, port: 8080}   # where callers connect",
        "",
        "backends:",
        f"  {_quoted(offer.name)}:   # callers reach it at /{offer.name}",
        "    protocol: soap",
        *_address(offer),
        *_document(offer),
        *_identity(kept.values()),
        *_exposed(guesses),
        *_denied(denied),
        *_operations(guesses),
        *_left_out(len(offer.operations) - len(kept)),
    ]
    return "\n".join(lines) + "\n"


def _head(offer: Offer) -> Iterator[str]:
    file = shlex.quote(_shown(offer.file))
    yield f"# Settings for one backend, begun from {_shown(offer.source)}."
    yield "#"
    yield "# 'safe: true' below is a GUESS, made from names and parameters alone: that an operation changes nothing, however often it"
    yield "# runs. What is safe may be asked once more after a failure, is shown by the JSON facade, and may be asked there by GET. Go"
    yield "# through the lines with somebody who knows the backend, and take out what is wrong, or is nobody's business outside."
    yield "#"
    yield "# What comes next:"
    yield f"#   sidecar check {file}   # says what is wrong, and what this amounts to"
    yield f"#   sidecar run {file}"


def _address(offer: Offer) -> Iterator[str]:
    usable = list(dict.fromkeys(filter(None, map(_usable, offer.addresses))))
    if not usable:
        yield f"    url: {_quoted(NOWHERE)}   # TO DO: no address is known that can be called; write the backend's own"
        return
    yield f"    url: {_quoted(usable[0])}   # see that this is the one you mean"
    yield from (f"    # the WSDL also names {_shown(other)}" for other in usable[1:_LISTED])


def _usable(address: str) -> str:
    """Return an address as settings take it, "" where they would not."""
    try:
        return shapes.url(address.strip().partition("?")[0].partition("#")[0])
    except ValueError:  # pydantic's own errors are one
        return ""


def _document(offer: Offer) -> Iterator[str]:
    if offer.wsdl is None:
        yield "    # wsdl: service.wsdl   # left out, so that the backend's own ?wsdl is read"
    else:
        yield f"    wsdl: {_quoted(offer.wsdl)}   # as seen from the folder of this file"
    for location in offer.missing[:_LISTED]:
        yield f"    # not read: {_shown(location[:_NAMED])}, which is imported; what it holds is not known here"


def _identity(operations: Iterable[Sequence[str] | None]) -> Iterator[str]:
    found = {
        name: count for name, count in session_keys(operations).items() if name.isprintable() and len(name) <= _NAMED
    }
    names = list(found)[:_PARAMS]
    if not names:
        yield "    # identity: {params: [sessionKey]}   # no name looks like that of a session key; where there is one, name it"
        return
    listed = ", ".join(_quoted(name) for name in names)
    counts = ", ".join(str(found[name]) for name in names)
    yield f"    identity: {{params: [{listed}]}}   # guess: by name; in {counts} operations"


def _exposed(guesses: Mapping[str, Guess]) -> Iterator[str]:
    few = [_quoted(name) for name, each in guesses.items() if each.safe][:2]
    yield f"    # expose: [{', '.join(few)}]   # all that the JSON facade shows; left out, what is safe"


def _denied(denied: Mapping[str, str]) -> Iterator[str]:
    if not denied:
        yield "    # deny: []   # operations that nobody may call, in no dialect"
        return
    yield "    deny:   # suggested: nobody may call these, in no dialect; take out what your callers need"
    yield from (f"      - {_quoted(name)}   # {why}" for name, why in denied.items())


def _operations(guesses: Mapping[str, Guess]) -> Iterator[str]:
    safe: dict[str, list[str]] = {}
    for name, each in guesses.items():
        if each.safe:
            safe.setdefault(each.verb, []).append(name)
    yield "    operations:"
    if not safe:
        yield '      "*": {}   # no operation is guessed safe'
    for verb in sorted(safe):
        names = safe[verb]
        yield f"      # {verb}: {len(names)} guessed safe"
        yield from (f"      {_quoted(name)}: {{safe: true}}   # guess: {guesses[name].why}" for name in names)
    doubtful = {name: each.why for name, each in guesses.items() if each.verb and not each.safe}
    if doubtful:
        yield "      # Not guessed safe, although the name begins with a verb of reading:"
        yield from (
            f"      # {_quoted(name)}: {{safe: true}}   # {_shown(why[:_NAMED])}" for name, why in doubtful.items()
        )
    others = [name for name, each in guesses.items() if not each.verb]
    if others:
        yield "      # Not guessed safe: what does not begin with a verb of reading may change something."
        yield from textwrap.wrap(
            ", ".join(others),
            width=_COLUMNS,
            initial_indent="      #   ",
            subsequent_indent="      #   ",
            break_long_words=False,
            break_on_hyphens=False,
        )


def _left_out(count: int) -> Iterator[str]:
    if count:
        yield f"      # {count} more left out: beyond the first {_OPERATIONS}, or of names that no call can have"


def _quoted(text: str) -> str:
    """Return a text as YAML reads it back, in quotation marks where it must be; `$${` is what stands for `${` in settings."""
    text = text.replace("${", "$${")
    if _BARE.fullmatch(text) and text.lower() not in _WORDS:
        return text
    told = json.dumps(text, ensure_ascii=False)  # its escapes are YAML's too
    return "".join(sign if sign.isprintable() else f"\\U{ord(sign):08x}" for sign in told)


def _shown(text: str) -> str:
    """Return a text as a comment can hold it: one line, of what can be seen."""
    return "".join(sign if sign.isprintable() else "?" for sign in text)
