"""The settings in force, flat: every key of the vocabulary with its value as people write it and where that comes from.

Read by `config show`, by the admin listener and by `diff`. What a key gets from others (a path from the backend's name, a timeout from
`safe`) is shown as it was worked out. A secret is never shown.
"""

from __future__ import annotations

import os
from enum import Enum
from hashlib import blake2b
from typing import TYPE_CHECKING, Any, Final, get_args

import orjson

from sidecar.plan import EVERY
from sidecar.settings import build
from sidecar.settings.complaints import dotted, node_at, place_of
from sidecar.settings.flags import FLAGS
from sidecar.settings.loaded import Setting
from sidecar.settings.protection import Limit
from sidecar.settings.quantities import Share, Size, Span, spoken, spoken_share, spoken_size
from sidecar.settings.rules import Parameter
from sidecar.settings.schema import Operation
from sidecar.settings.section import Section
from sidecar.settings.tree import Block, Scalar, Sequence
from sidecar.settings.veil import MASK, is_secret_name, masked

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pydantic.fields import FieldInfo

    from sidecar.plan import BackendPlan, Plan
    from sidecar.settings.complaints import Loc
    from sidecar.settings.files import Files
    from sidecar.settings.loaded import Value
    from sidecar.settings.schema import Settings
    from sidecar.settings.tree import Node

DEFAULT: Final = "default"
_SPOKEN: Final[dict[type, Callable[[Any], str]]] = {Span: spoken, Size: spoken_size, Share: spoken_share}
_TOKENS: Final = frozenset({("admin", "token"), ("debug", "token")})
_FILES: Final = frozenset({"cert_file", "key_file", "ca_file", "token_file", "secret_file", "wsdl", "body_file"})
# A mark tells two secrets apart inside this process; with a key of its own it says nothing to anybody else.
_MARK_KEY: Final = os.urandom(16)


def effective(settings: Settings, root: Block, plan: Plan, files: Files, file: str) -> tuple[Setting, ...]:
    """Return every setting in force; `file` is what people are shown of the settings file's name."""
    rows = _Rows(root, plan, files, file)
    found = list(rows.section(settings, ()))
    for backend in plan.backends:
        if not any(build.is_every(pattern) for pattern in settings.backends[backend.name].operations):
            found += rows.section(Operation(), ("backends", backend.name, "operations", EVERY))
    return tuple(found)


def variables(node: Node) -> frozenset[str]:
    """Return the variables that values below `node` came from."""
    if isinstance(node, Scalar):
        return frozenset(node.names)
    below = node.items if isinstance(node, Sequence) else [entry.node for entry in node.entries.values()]
    return frozenset().union(*(variables(each) for each in below))


class _Rows:
    def __init__(self, root: Block, plan: Plan, files: Files, file: str) -> None:
        self._root, self._plan, self._files, self._file = root, plan, files, file
        self._backends = {backend.name: backend for backend in plan.backends}
        self._rooms = {room.name: room for room in plan.rooms}

    def section(self, section: Section, at: Loc) -> Iterator[Setting]:
        for name, field in type(section).model_fields.items():
            if name == "adaptive" and isinstance(section, Limit) and section.fixed is not None:
                continue  # a number is written: nothing is learnt
            yield from self._below(getattr(section, name), field, (*at, field.alias or name))

    def _below(self, value: Any, field: FieldInfo, loc: Loc) -> Iterator[Setting]:
        if isinstance(value, Section) and not isinstance(value, Parameter):
            yield from self.section(value, loc)
        elif isinstance(value, dict):
            for key, each in value.items():
                yield from self._below(each, field, (*loc, key))
        elif isinstance(value, list) and value and isinstance(value[0], Section):
            for index, each in enumerate(value):
                yield from self._below(each, field, (*loc, index))
        else:
            yield self._row(value, field, loc)

    def _row(self, value: Any, field: FieldInfo, loc: Loc) -> Setting:
        if loc in _TOKENS or loc[-1] == "secret":
            return self._token(loc)
        node = node_at(self._root, self._source(loc))
        if value is None and self._source(loc) != loc and isinstance(node, Scalar):
            value = str(node.value)
        shown = self._shown(value, field, loc)
        if loc[-3:-1] == ("shared", "as") or (loc[-1] == "data" and _holds_secret(value)):
            return Setting(dotted(loc), MASK, self._origin(loc), _mark(str(value)))
        if node is not None and any(is_secret_name(name, self._plan.sensitive) for name in variables(node)):
            return Setting(dotted(loc), MASK, self._origin(loc), _mark(str(value)))
        mark = self._files.digest(loc, value) if loc[-1] in _FILES and isinstance(value, str) else ""
        return Setting(dotted(loc), shown, self._origin(loc), mark)

    def _token(self, loc: Loc) -> Setting:
        token = self._signs(loc) if loc[0] == "rooms" else getattr(getattr(self._plan, str(loc[0])), "token", None)
        if not token:
            return Setting(dotted(loc), None, DEFAULT)
        written = node_at(self._root, loc) is not None
        return Setting(
            dotted(loc), MASK, self._origin(loc if written else (*loc[:-1], f"{loc[-1]}_file")), _mark(token)
        )

    def _signs(self, loc: Loc) -> str:
        """Return the secret of a room: of its invites, or of the shop's assertions."""
        room = self._rooms[str(loc[1])]
        return room.invites if loc[2] == "invites" else room.account.secret

    def _shown(self, value: Any, field: FieldInfo, loc: Loc) -> Value:
        if loc == ("sensitive",):
            return list(self._plan.sensitive)
        if loc[0] == "rooms":
            value = self._of_room(value, loc)
        elif value is None or loc[-1] == "timeout":
            value = self._worked_out(value, loc)
        if isinstance(value, Enum):
            return str(value.value)
        if isinstance(value, Parameter):
            return f"{{param: {value.param}}}"
        if isinstance(value, list):
            return [masked(str(each)) for each in value]
        if isinstance(value, float) or (isinstance(value, int) and not isinstance(value, bool)):
            return _amount(value, field)
        return masked(value) if isinstance(value, str) else value

    def _worked_out(self, value: Any, loc: Loc) -> Any:
        """Return what stands for a key of a backend that nobody wrote."""
        backend = self._backends.get(str(loc[1])) if len(loc) > 2 else None
        if backend is None:
            return value
        if loc[-1] == "path" and len(loc) == 3:
            return backend.path
        if loc[-1] == "ghost":
            return backend.ghost_after_s
        if loc[2] == "timeouts":
            return _usual(loc[-1])
        if loc[2] == "operations" and loc[-1] == "timeout":
            return _line(backend, str(loc[3])).timeout_s
        return value

    def _of_room(self, value: Any, loc: Loc) -> Any:
        """Return a key of a room, with what stands for it where nobody wrote it: the file's zone, a draw in a short lobby."""
        room, below = self._rooms[str(loc[1])], loc[2:]
        if below == ("timezone",):
            return room.timezone
        if below == ("draw",):
            return room.draw_s
        return room.pass_idle_s if below == ("pass", "idle") else value

    def _source(self, loc: Loc) -> Loc:
        """Return where the value of `loc` is written: a backend's url may be the first of its urls, a room's zone the file's."""
        if loc[0] == "rooms" and loc[2:] == ("timezone",) and node_at(self._root, loc) is None:
            return ("timezone",)
        is_url = len(loc) == 3 and loc[0] == "backends" and loc[-1] == "url"
        return (*loc[:-1], "urls", 0) if is_url and node_at(self._root, loc) is None else loc

    def _origin(self, loc: Loc) -> str:
        loc = self._source(loc)
        node = node_at(self._root, loc)
        if node is None:
            return DEFAULT
        place = place_of(self._root, loc, key=False)
        if place.file == FLAGS:
            return "flag"
        where = f"{place.file or self._file}:{place.line}"
        names = sorted(variables(node))
        return f"env {', '.join(names)} ({where})" if names else where


def _line(backend: BackendPlan, pattern: str) -> Any:
    wanted = EVERY if build.is_every(pattern) else pattern
    return next(line for line in backend.operations if line.pattern == wanted)


def _holds_secret(data: Any) -> bool:
    """Say whether an answer that is written in the settings, as JSON, names a secret somewhere."""
    ahead = [orjson.loads(data)] if isinstance(data, str) else []
    while ahead:
        each = ahead.pop()
        if isinstance(each, dict):
            if any(is_secret_name(name) for name in each):
                return True
            ahead += each.values()
        elif isinstance(each, list):
            ahead += each
    return False


def _usual(key: int | str) -> str:
    """Say what one attempt gets where no time is written; an operation's own timeout may stretch it."""
    safe_s, other_s = build.USUAL_S[str(key)]
    return f"{spoken(safe_s)} where safe, else {spoken(other_s)}"


def _amount(value: float, field: FieldInfo) -> Value:
    for kind in _kinds(field):
        if (say := _SPOKEN.get(type(kind))) is not None:
            return say(value)
    return value


def _kinds(field: FieldInfo) -> Iterator[Any]:
    yield from field.metadata
    ahead = list(get_args(field.annotation))
    while ahead:
        each = ahead.pop()
        yield each
        ahead += [*get_args(each), *getattr(each, "__metadata__", ())]


def _mark(value: str) -> str:
    return blake2b(value.encode("utf-8", "surrogatepass"), key=_MARK_KEY, digest_size=8).hexdigest()
