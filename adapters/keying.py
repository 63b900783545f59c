"""How the settings' words on keys (`params`, `identity`, `shared`) are applied to a value: for both protocols, while a question is asked.

It answers with texts, digests and sets of names; where parameters stand, and what is sent in their place, each protocol knows.
"""

from __future__ import annotations

import re
from functools import lru_cache
from hashlib import blake2b
from typing import TYPE_CHECKING, Final, NamedTuple

from sidecar.answers import DIGEST_BYTES, Fold, Shared

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sidecar.answers import Keying

_INTEGER: Final = re.compile(r"([+-]?)([0-9]++)")


class Unshareable(Exception):  # noqa: N818 -- named for what it says of a request
    """A request that means something a key cannot hold; `word` is for Cache-Status."""

    def __init__(self, word: str) -> None:
        super().__init__(word)
        self.word: Final = word


def digest_of(tokens: Sequence[str]) -> bytes:
    """Hash a stream of texts after their lengths, so that what is hashed can be cut up in one way only."""
    sizes = [*map(len, tokens)]
    return blake2b(f"{sizes}{''.join(tokens)}".encode(), digest_size=DIGEST_BYTES).digest()


class Rules(NamedTuple):
    """A `Keying`, made ready to be looked up. `mode` is None where identities are part of the key."""

    folds: Mapping[str, frozenset[Fold]]
    identity: frozenset[str]
    mode: Shared | None
    stand_in: Mapping[str, str]

    def ignores(self, name: str) -> bool:
        """Say whether a parameter counts for nothing."""
        return Fold.IGNORE in self.folds.get(name, ())

    def sorts(self, name: str) -> bool:
        """Say whether the repetitions of a parameter have no order."""
        return Fold.SET in self.folds.get(name, ())

    def folded(self, name: str, text: str) -> str:
        """Return a value as it counts, and as it is sent: both are one, so that equal keys send equal bytes."""
        folds = self.folds.get(name)
        if not folds:
            return text
        if Fold.LOWER in folds:
            text = text.lower()  # not casefold: what is sent must still be the word (casefold makes "ss" of "ß")
        return _number(text) if Fold.INT in folds else text


@lru_cache(maxsize=256)  # one per operation that is cached; some hundreds at most
def rules_of(keying: Keying) -> Rules:
    """Make rules ready."""
    folds: dict[str, frozenset[Fold]] = {}
    for name, fold in keying.params:
        folds[name] = folds.get(name, frozenset()) | {fold}
    mode = None if keying.shared is Shared.OPEN else keying.shared
    return Rules(folds, frozenset(keying.identity), mode, dict(keying.stand_in))


def _number(text: str) -> str:
    """Write an integer in one way (XSD 1.0 part 2 section 3.3.13.2); what is none stays as it is."""
    found = _INTEGER.fullmatch(text.strip(" \t\r\n"))
    if found is None:
        return text
    digits = found[2].lstrip("0")
    return ("-" if found[1] == "-" and digits else "") + (digits or "0")
