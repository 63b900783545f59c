"""The files that a plan was made of, by content: settings, what they include, certificates, keys, tokens, WSDLs.

A reload is asked for by content hash alone: names are followed anew each time, because a ConfigMap swaps a link and leaves times and
inodes as they were. Nothing here parses anything or knows what is in the files.
"""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass
from glob import iglob
from hashlib import sha256
from itertools import islice
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

ID_DIGITS: Final = (
    12  # hexadecimal: 48 bits tell all configurations of one installation apart, and people can read them out
)
INCLUDED_MOST: Final = 100  # files of one configuration: one for each backend of a large house, and a few more
# What is hashed of one file. The largest WSDLs of vendors are 4 MB; a certificate has some kB; what is larger was named by mistake.
_HASHED_BYTES: Final = 64 * 1024 * 1024
_PIECE_BYTES: Final = 1024 * 1024
_MISSING: Final = "missing"


@dataclass(frozen=True, slots=True)
class Source:
    """One file that counts, by its absolute name, links not followed. `sha256` is None where it could not be read.

    The kind is `settings`, `include`, the key that names it (`wsdl`, `cert_file`, …), or `glob`: then `path` is a pattern, and the hash is
    over the names and contents of what matches it, so that a new file is a change.
    """

    kind: str
    path: str
    sha256: str | None


def look(kind: str, path: str) -> Source:
    """Read `path` now and return it as a source."""
    return Source(kind, path, _of_glob(path) if kind == "glob" else _of_file(path))


def fingerprint(sources: Iterable[Source]) -> str:
    """Read all files anew, and return one hash over them; equal to `recorded` of the same sources while nothing has changed.

    Costs the reading and hashing of the files, about 1 ms per MB. A missing file is a change; a pipe is none, for it can be read only once.
    """
    return recorded(source if _is_stream(source.path) else look(source.kind, source.path) for source in sources)


def recorded(sources: Iterable[Source]) -> str:
    """Return the hash over the files as they were when they were read."""
    digest = sha256()
    for source in sources:
        digest.update(f"{source.kind}\0{source.path}\0{source.sha256 or _MISSING}\0".encode("utf-8", "surrogatepass"))
    return digest.hexdigest()


def identity(sources: Sequence[Source], variables: Mapping[str, str]) -> str:
    """Return what people call a configuration by: of the contents of its files and the values of the variables in them.

    File names do not count, so that two replicas with the same content have the same id wherever it lies. The values take part only
    in a hash that is cut to 48 bits.
    """
    digest = sha256()
    for source in sources:
        if source.kind != "glob":
            digest.update(f"{source.kind}\0{source.sha256 or _MISSING}\0".encode())
    for name in sorted(variables):
        digest.update(f"{name}\0{variables[name]}\0".encode("utf-8", "surrogatepass"))
    return digest.hexdigest()[:ID_DIGITS]


def matches(pattern: str) -> list[str]:
    """Return the files that match a glob, in the order of their names, one more than may be included at most.

    Names that begin with a dot do not match a star (glob(3)): `..data` of a ConfigMap and the swap files of editors stay out.
    """
    found = islice((path for path in iglob(pattern) if not os.path.isdir(path)), INCLUDED_MOST + 1)  # noqa: PTH112, PTH207 - a Path loses the difference between a/../b and b
    return sorted(found)


def _of_file(path: str) -> str | None:
    try:
        if not stat.S_ISREG(os.stat(path).st_mode):  # noqa: PTH116 - as above
            return None
        with open(path, "rb", buffering=0) as file:  # noqa: PTH123 - as above
            digest, left = sha256(), _HASHED_BYTES
            while left > 0 and (piece := file.read(min(_PIECE_BYTES, left))):
                digest.update(piece)
                left -= len(piece)
            return digest.hexdigest()
    except (OSError, ValueError):
        return None


def _of_glob(pattern: str) -> str | None:
    try:
        found = matches(pattern)
    except (OSError, ValueError):
        return None
    digest = sha256()
    for path in found:
        digest.update(f"{path}\0{_of_file(path) or _MISSING}\0".encode("utf-8", "surrogatepass"))
    return digest.hexdigest()


def _is_stream(path: str) -> bool:
    try:
        mode = os.stat(path).st_mode  # noqa: PTH116 - as above
    except (OSError, ValueError):
        return False
    return not stat.S_ISREG(mode) and not stat.S_ISDIR(mode)
