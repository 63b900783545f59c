"""Which backend and endpoint a path belongs to. The path alone decides: no Host, no query, no header.

Asked by the route stage. Whatever follows an endpoint's own path is at most one plain segment (an ASMX operation), so no
request can climb to another path of the backend.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Generic, Protocol, TypeVar

if TYPE_CHECKING:
    from collections.abc import Sequence

RESERVED: Final = "/.sidecar"
JSON: Final = "json"
PAGES: Final = ("openapi.json", "docs", "types.ts")
_SEGMENT: Final = re.compile(r"/[A-Za-z0-9_.~-]{1,128}")
# What an operation may be called in JSON: XML-RPC has methods with colons and slashes, XML names of every script; both come escaped.
_NAME: Final = re.compile(r"/(?:[A-Za-z0-9_.~:@!$&'()*+,;=-]|%[0-9A-Fa-f]{2}){1,512}")


class Placed(Protocol):
    """A backend, as far as its path goes."""

    @property
    def path(self) -> str:
        """Where it lives on our listener, without a trailing slash."""
        ...

    @property
    def endpoints(self) -> Sequence[tuple[str, str]]:
        """Names ("" the only one) and URLs."""
        ...


B = TypeVar("B", bound=Placed)
B_co = TypeVar("B_co", bound=Placed, covariant=True)


class Places(Protocol[B_co]):
    """A plan, as far as paths go."""

    @property
    def backends(self) -> Sequence[B_co]:
        """All backends."""
        ...


@dataclass(frozen=True, slots=True)
class Route(Generic[B]):
    """A backend, one of its endpoints ("" the only one), and the rest of the path: "" or one segment with its slash.

    `facade`: what is asked of its JSON side, "" where it is called natively: "json" (the operation is in `rest`), or a page's name.
    """

    backend: B
    endpoint: str
    rest: str
    facade: str = ""


class Routes(Generic[B]):
    """The table of one plan; look-ups are a dictionary's, not a scan."""

    __slots__ = ("_exact",)

    def __init__(self, plan: Places[B]) -> None:
        self._exact: dict[str, Route[B]] = {}
        for backend in plan.backends:
            for endpoint, _ in backend.endpoints:
                self._exact[backend.path + ("/" + endpoint if endpoint else "")] = Route(backend, endpoint, "")
            first = backend.endpoints[0][0]
            for page in (JSON, *PAGES):
                self._exact.setdefault(f"{backend.path}/{page}", Route(backend, first, "", page))

    def find(self, path: str) -> Route[B] | None:
        """Return the route of `path` (raw, without query), None where nothing lives there."""
        if path == RESERVED or path.startswith(RESERVED + "/"):
            return None  # not even where a backend lives at the root
        hit = self._exact.get(path)
        if hit is not None:
            return hit
        parent, slash, last = path.rpartition("/")
        hit = self._exact.get(parent)
        if hit is None or not slash:
            return None
        rest = "/" + last
        if rest == "/":
            return hit
        shape = {"": _SEGMENT, JSON: _NAME}.get(hit.facade)
        if shape is None or rest in ("/.", "/..") or not shape.fullmatch(rest):
            return None
        return Route(hit.backend, hit.endpoint, rest, hit.facade)

    def origin_of(self, path: str) -> B | None:
        """Return the backend that a path would belong to, for the dialect of an error that came before routing."""
        route = self.find(path)
        return route.backend if route else None
