"""Clients without their names: a keyed hash for each, so that an operator can count who asks without holding a list of addresses.

Stands before everything that is written about a client. The same client has the same pseudonym for as long as the key lives; without
the key nobody can tell whose it is, not even by trying all addresses.
"""

from __future__ import annotations

import os
from functools import lru_cache
from hashlib import blake2b
from typing import Final

# What asks in the sidecar's own name is nobody's address.
OWN: Final = "sidecar"
_DIGITS_BYTES: Final = 6  # 12 digits: among a million clients two are the same with a chance of one in 500
_KEY_BYTES: Final = 32
_REMEMBERED: Final = 4096  # clients of one on-sale; 500 KB


class Pseudonyms:
    """One key's pseudonyms. Without `key` it is chance: whoever restarts begins anew, and no two processes agree."""

    __slots__ = ("of",)

    def __init__(self, key: bytes | None = None) -> None:
        used = os.urandom(_KEY_BYTES) if key is None else key

        def of(client: str) -> str:
            if client == OWN:
                return OWN
            named = client.encode("utf-8", "backslashreplace")
            return blake2b(named, digest_size=_DIGITS_BYTES, key=used).hexdigest()

        self.of = lru_cache(_REMEMBERED)(of)
