"""What a change of settings does to a running sidecar: key by key, and whether it applies at once, resets what was learnt, loses places in
line, or needs a restart.

Compares two lists of settings in force, of two files or of a file and a running sidecar; it reads nothing and changes nothing.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from sidecar.settings import moved

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from sidecar.settings.loaded import Setting, Value

APPLIED: Final = "applied"
RESETS: Final = "resets"
FORGETS: Final = "forgets"
LOSES: Final = "loses"
RESTART: Final = "restart"

# The sockets are bound and the store is opened once; everything behind them is swapped.
_BOUND: Final = ("listen", "admin", "metrics", "store")
_RENEWED: Final = frozenset({"listen.tls.cert_file", "listen.tls.key_file"})  # as long as there was TLS, and there is
_TOKEN: Final = frozenset({"admin.token", "admin.token_file"})
# Whoever answers elsewhere, or speaks another language, is somebody else: what was learnt about the old one says nothing of him.
_IDENTITY: Final = re.compile(r"backends\.[^.]+\.(protocol|url|endpoints(\..+)?)")
_BACKEND: Final = re.compile(r"(backends\.[^.]+)\.")
# What questions are told apart by: under another rule the same digest would mean something else, so the old ones are never met again.
_KEYING: Final = re.compile(
    r"""(?P<backend>backends\.[^.]+)\.
    ((?P<line>operations\.("[^"]*"|[^.]+))\.(cache\.(vary|params(\..+)?)|shared(\..+)?)|identity\.(params|headers))""",
    re.VERBOSE,
)
_KEPT: Final = ".cache.ttl"  # an operation has a cache where this is set


@dataclass(frozen=True, slots=True)
class Change:
    """One setting that differs. None: not there. Of a secret or a file's content only that it differs."""

    key: str
    before: Value
    after: Value
    effect: str  # applied | resets | forgets | loses | restart
    note: str = ""  # more of it in words, where the values alone do not say it

    def fact(self) -> dict[str, object]:
        """Return what machines read."""
        told: dict[str, object] = {"key": self.key, "before": self.before, "after": self.after, "effect": self.effect}
        return {**told, "note": self.note} if self.note else told

    def text(self) -> str:
        """Return what people read."""
        return f"{self.key}: {_said(self.before)} -> {_said(self.after)} ({_EFFECTS[self.effect]})" + (
            f": {self.note}" if self.note else ""
        )


_EFFECTS: Final = {
    APPLIED: "applies in place",
    RESETS: "resets what was learnt about this backend",
    FORGETS: "answers kept so far are not used any more",
    LOSES: "everybody in this room loses the place",
    RESTART: "needs a restart",
}


def diff(before: Sequence[Setting], after: Sequence[Setting]) -> list[Change]:
    """Return what differs: first whose places are lost, then in the order of the keys of `after`; what is gone comes last."""
    old, new = {each.key: each for each in before}, {each.key: each for each in after}
    backends = {name: (_backend(name, old), _backend(name, new)) for name in _names((*new, *old))}
    found = {name: Change(name, was, now, RESETS) for name, (was, now) in backends.items() if None in (was, now)}
    rooms = moved.rooms(old), moved.rooms(new)
    said = {name: Change(name, rooms[0][name], None, LOSES, moved.renamed(name, old, new)) for name in _lost(*rooms)}
    found |= said | {name: Change(name, None, told, APPLIED) for name, told in rooms[1].items() if name not in rooms[0]}
    kept = [key.removesuffix(_KEPT) for key in old if key.endswith(_KEPT)]
    for key in dict.fromkeys((*new, *old)):
        owner = _BACKEND.match(key) or moved.ROOM.match(key)
        if owner is not None and owner[1] in found:
            said[owner[1]] = found[owner[1]]
        elif (change := _change(key, old.get(key), new.get(key))) is not None:
            forgets_nothing = change.effect == FORGETS and not _concerns(key, kept)
            change = replace(change, note=moved.shifted(key, old, new))
            said[key] = replace(change, effect=APPLIED) if forgets_nothing else change
    return list(said.values())


def _lost(before: Mapping[str, str], after: Mapping[str, str]) -> list[str]:
    return [name for name in before if name not in after]


def text(changes: Iterable[Change]) -> str:
    """Return what people read."""
    return "\n".join(change.text() for change in changes) or "nothing changes"


def effect_of(key: str) -> str:
    """Return what a change of `key` does to a running sidecar."""
    if key.partition(".")[0] in _BOUND and key not in _TOKEN:
        return RESTART
    if _KEYING.fullmatch(key):
        return FORGETS
    return RESETS if _IDENTITY.fullmatch(key) else APPLIED


def _concerns(key: str, kept: Iterable[str]) -> bool:
    """Say whether a key that questions are told apart by is one of the operations in `kept`, or of a backend that has one of them."""
    found = _KEYING.fullmatch(key)
    assert found is not None, "asked of keys that forget alone"
    about = f"{found['backend']}.{found['line']}" if found["line"] else f"{found['backend']}."
    return any(each == about or (not found["line"] and each.startswith(about)) for each in kept)


def _change(key: str, old: Setting | None, new: Setting | None) -> Change | None:
    was, now = old.value if old is not None else None, new.value if new is not None else None
    effect = APPLIED if key in _RENEWED and None not in (was, now) else effect_of(key)
    if was != now:
        return Change(key, was, now, effect)
    if old is None or new is None or not old.mark or not new.mark or old.mark == new.mark:
        return None
    return Change(key, was, f"{now} (another content)", effect)


def _names(keys: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(found[1] for key in keys if (found := _BACKEND.match(key)) is not None))


def _backend(name: str, settings: Mapping[str, Setting]) -> str | None:
    """Return a backend in two words, None where there is none."""
    protocol, url = settings.get(f"{name}.protocol"), settings.get(f"{name}.url")
    return f"{protocol.value} {url.value}" if protocol is not None and url is not None else None


def _said(value: Value) -> str:
    if value is None:
        return "(not set)"
    return (
        f"[{', '.join(value)}]"
        if isinstance(value, list)
        else str(value).lower()
        if isinstance(value, bool)
        else str(value)
    )
