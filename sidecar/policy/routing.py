"""Which backend and endpoint a path belongs to. The path alone decides: no Host, no query, no header.

Asked by the route stage. Whatever follows an endpoint's own path is at most one plain segment (an ASMX operation), so no
request can climb to another path of the backend.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from sidecar.plan import BackendPlan, Plan

RESERVED: Final = "/.sidecar"
_SEGMENT: Final = re.compile(r"/[A-Za-z0-9_.~-]{1,128}")


@dataclass(frozen=True, slots=True)
class Route:
    """A backend, one of its endpoints ("" the only one), and the rest of the path: "" or one segment with its slash."""

    backend: BackendPlan
    endpoint: str
    rest: str


class Routes:
    """The table of one plan; look-ups are a dictionary's, not a scan."""

    __slots__ = ("_exact",)

    def __init__(self, plan: Plan) -> None:
        self._exact: dict[str, tuple[BackendPlan, str]] = {}
        for backend in plan.backends:
            for endpoint, _ in backend.endpoints:
                self._exact[backend.path + ("/" + endpoint if endpoint else "")] = (backend, endpoint)

    def find(self, path: str) -> Route | None:
        """Return the route of `path` (raw, without query), None where nothing lives there."""
        hit = self._exact.get(path)
        if hit is not None:
            return Route(hit[0], hit[1], "")
        parent, slash, last = path.rpartition("/")
        hit = self._exact.get(parent)
        if hit is None or not slash:
            return None
        rest = "/" + last
        if rest == "/":
            return Route(hit[0], hit[1], "")
        if _SEGMENT.fullmatch(rest) and rest not in ("/.", "/.."):
            return Route(hit[0], hit[1], rest)
        return None

    def origin_of(self, path: str) -> BackendPlan | None:
        """Return the backend that a path would belong to, for the dialect of an error that came before routing."""
        route = self.find(path)
        return route.backend if route else None
