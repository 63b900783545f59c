"""Whether the places of waiting rooms outlive the process: the keys that sign them, and the store that remembers where everybody stands.

It reads the keys as a start reads them and looks at what the store would lie on; it makes neither.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Final

from sidecar.doctor.report import Finding, Verdict
from sidecar.stores.keys import KeysUnusable, keys_in

if TYPE_CHECKING:
    from sidecar.plan import Plan

_MIB: Final = 1024 * 1024
_ROOT: Final = Path("/")
_GONE: Final = frozenset({"tmpfs", "ramfs", "devtmpfs"})  # with the machine
_REMOTE: Final = frozenset(
    {"nfs", "nfs4", "cifs", "smb3", "9p", "fuse.sshfs"}
)  # SQLite's log needs memory that both sides share
_FREE_BYTES: Final = 100 * _MIB  # a room of a million takes some, its log again as much


def look(plan: Plan, root: Path = _ROOT) -> list[Finding]:
    """Look whether places outlive the process, wherever there are rooms."""
    return [_keys(plan), *_store(plan, root)] if plan.rooms else []


def _keys(plan: Plan) -> Finding:
    """Read the keys, if they are there: a start makes them, and a look does not."""
    if plan.keys is None:
        what = "places are signed with a key of the process alone: a restart makes every one of them void"
        return Finding("keys", Verdict.FAIL, what, "keys: {file: /var/lib/sidecar/keys}")
    path = Path(plan.keys)
    if not path.exists():
        folder = next(each for each in path.parents if each.exists())
        if os.access(folder, os.W_OK | os.X_OK):
            return Finding("keys", Verdict.OK, f"{path} is not there yet: the first start makes it")
        what = f"{path} is not there, and this user cannot make it"
        return Finding("keys", Verdict.FAIL, what, f"let the sidecar's user write in {folder}")
    try:
        keys_in(path)
    except KeysUnusable as error:
        return Finding("keys", Verdict.FAIL, f"{path}: {error.what}", error.remedy)
    return Finding("keys", Verdict.OK, f"{path}, for its owner's eyes only")


def _store(plan: Plan, root: Path) -> list[Finding]:
    if plan.store is None:
        what = "store is memory: a restart loses the draw, the line and who is admitted"
        return [Finding("store", Verdict.FAIL, what, "store: sqlite:/var/lib/sidecar/state.db")]
    path = Path(plan.store)
    folder = path if path.is_dir() else path.parent
    if not os.access(path if path.exists() else folder, os.W_OK) or not os.access(folder, os.W_OK | os.X_OK):
        what = f"{path} cannot be written by this user"
        return [Finding("store", Verdict.FAIL, what, f"let the sidecar's user write in {folder}, beside the file, too")]
    kind = _filesystem(path.absolute(), root)
    if kind in _GONE:
        what = f"{path} is on {kind}: it outlives the process, and is gone with the machine"
        return [Finding("store", Verdict.WARN, what, "a folder on a disk, as in /var/lib/sidecar")]
    if kind in _REMOTE:
        what = f"{path} is on {kind}: SQLite loses data on file systems of another machine"
        return [Finding("store", Verdict.FAIL, what, "a folder on a disk of this machine")]
    left = os.statvfs(folder)
    free_bytes = left.f_bavail * left.f_frsize
    if free_bytes < _FREE_BYTES:
        what = f"{free_bytes // _MIB} MiB are left beside {path}: a full disk loses what is not yet written"
        return [Finding("store", Verdict.FAIL, what, f"at least {_FREE_BYTES // _MIB} MiB")]
    return [Finding("store", Verdict.OK, f"{path}, on disk, {free_bytes // _MIB} MiB left")]


def _filesystem(path: Path, root: Path) -> str:
    """Return the kind of file system that a path is on, "" where the kernel does not say."""
    try:
        lines = (root / "proc/self/mounts").read_text("utf-8", "replace").splitlines()
    except OSError:
        return ""
    mounts = [(fields[1].replace("\\040", " "), fields[2]) for line in lines if len(fields := line.split()) > 2]
    inside = [(len(point), kind) for point, kind in mounts if path.is_relative_to(point)]
    return max(inside, default=(0, ""))[1]
