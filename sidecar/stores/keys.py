"""The keys that places and passes are signed with: a file of its own (`keys: {file: PATH}`), made once, for its owner's eyes only.

Read at the start and at every reload. One line a key, `id:hex`, the first signs and the others still verify; so a key is changed by a new
first line, and the old one is taken out when nobody holds anything of it any more. A file that others may read is refused.
"""

from __future__ import annotations

import os
from secrets import token_bytes, token_hex
from stat import S_IMODE, S_ISREG
from typing import TYPE_CHECKING, Final

from sidecar.policy.tokens import Key, Keys
from sidecar.stores.secret import made
from sidecar.stores.unusable import REMEDY, of_system

if TYPE_CHECKING:
    from pathlib import Path

_SECRET_BYTES: Final = 32  # as the hash's output (RFC 2104 section 3)
_OTHERS: Final = 0o077
# A hundred keys and what is said of them; a file beyond it is another one.
_FILE_BYTES: Final = 16 * 1024


class KeysUnusable(OSError):  # noqa: N818 - it says what the file is
    """The file cannot be used: `path`, what is wrong with it, and what to do. Nothing of what is in it is in the message."""

    def __init__(self, path: Path, what: str, remedy: str) -> None:
        super().__init__(f"keys.file {path}: {what}; {remedy}")
        self.path, self.what, self.remedy = path, what, remedy


def fresh() -> Keys:
    """Return a key of this process alone: where no file is named, a restart makes every place and pass void."""
    return Keys(Key(f"p{token_hex(3)}", token_bytes(_SECRET_BYTES)))


def keys_in(path: Path) -> Keys:
    """Return the keys of a file, made before where there is none. Raises KeysUnusable."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        made(path, f"k{token_hex(3)}:{token_hex(_SECRET_BYTES)}\n".encode())
        content = _content(path)
    except OSError as error:
        unusable = of_system(error)
        remedy = REMEDY[unusable.why].partition(";")[0]
        raise KeysUnusable(path, f"{unusable}", remedy.replace("write the file", "read and write the file")) from error
    return _keys(path, content)


def _content(path: Path) -> bytes:
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)  # a pipe of that name would wait for somebody to write
    try:
        status = os.fstat(descriptor)
        if not S_ISREG(status.st_mode):
            raise KeysUnusable(path, "it is no file", "name a file, or one that does not exist yet")
        if status.st_mode & _OTHERS:
            what = f"others than its owner may use it (mode {S_IMODE(status.st_mode):04o})"
            remedy = "chmod 600 it (of a secret of Kubernetes: defaultMode 0400, no fsGroup); change the key if somebody may have read it"
            raise KeysUnusable(path, what, remedy)
        if status.st_size > _FILE_BYTES:
            raise KeysUnusable(path, f"it has {status.st_size} bytes, no file of keys has", "name another file")
        return os.read(descriptor, _FILE_BYTES)
    finally:
        os.close(descriptor)


def _keys(path: Path, content: bytes) -> Keys:
    found = []
    for number, raw in enumerate(content.split(b"\n"), 1):
        line = raw.strip()
        if not line or line.startswith(b"#"):
            continue
        name, colon, secret = line.partition(b":")
        try:
            found.append(Key(name.decode("ascii"), bytes.fromhex(secret.decode("ascii"))))
        except ValueError:
            colon = b""
        if not colon:
            raise KeysUnusable(
                path, f"line {number} is no key", "a key is written `id:hex`, as `openssl rand -hex 32` gives it"
            )
    if not found:
        raise KeysUnusable(path, "there is no key in it", "remove the file, and one is made")
    try:
        return Keys(*found)
    except ValueError as error:
        raise KeysUnusable(path, str(error), "give each key an id of its own and at least 16 bytes") from error
