"""Writes our member of `Cache-Status` (RFC 9211): whether a kept answer was given, and if not, why the call went on.

Asked by the cache stage for every reply of an operation that has a cache. It says what was done and decides nothing; a reply that we
make up ourselves (a fallback, a refusal) gets none (section 2). It never writes the key: who knows it can poison (section 6).
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from sidecar.policy.structured import word

if TYPE_CHECKING:
    from sidecar.model import RawHeaders

NAME: Final = b"Cache-Status"
_WHO: Final = b"sidecar"
_DETAILS: Final = 128  # words of ours, a handful; the bound is for whoever passes something else
_HIT: Final = _WHO + b"; hit; ttl=%d"


def hit(ttl_s: float, detail: str | None = None) -> bytes:
    """Say that a kept answer was given and the backend not asked. `ttl_s` is what is left of its lifetime, less than 0 past it."""
    return _HIT % math.floor(ttl_s) + (_detail(detail) if detail else b"")


def missed(*, stored: bool = False, collapsed: bool | None = None, detail: str | None = None) -> bytes:
    """Say that nothing was kept and the call went on. `collapsed`: it joined a flight, False: in vain, None: it had its own."""
    return _forwarded(b"uri-miss", None, stored=stored, collapsed=collapsed, detail=detail)


def stale(
    status: int | None = None, *, stored: bool = False, collapsed: bool | None = None, detail: str | None = None
) -> bytes:
    """Say that what was kept is past its time and the call went on. `status` is what the backend said, None: nothing."""
    return _forwarded(b"stale", status, stored=stored, collapsed=collapsed, detail=detail)


def bypassed(detail: str) -> bytes:
    """Say that the cache was not asked, and by which word."""
    return _forwarded(b"bypass", None, stored=False, collapsed=None, detail=detail)


def add(headers: RawHeaders, member: bytes) -> RawHeaders:
    """Return header lines with `member` as the last one of the list: the caches are named from the backend on (section 2)."""
    return (*headers, (NAME, member))


def _forwarded(why: bytes, status: int | None, *, stored: bool, collapsed: bool | None, detail: str | None) -> bytes:
    said = _WHO + b"; fwd=" + why
    if status is not None:
        said += b"; fwd-status=%d" % status
    if stored:
        said += b"; stored"
    if collapsed is not None:
        said += b"; collapsed" if collapsed else b"; collapsed=?0"
    return said + _detail(detail) if detail else said


@lru_cache(maxsize=_DETAILS)
def _detail(text: str) -> bytes:
    return b"; detail=" + word(text).encode()
