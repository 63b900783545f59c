"""What is seen of the box office and of the sidecar before it, side by side: calls in flight, the knee, and the limit that was learnt.

It stands beside the road, behind the shop's page and the report. It answers plain values from the box office's control address and
from the operators' listener, and leaves out what does not answer; it changes nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import aiohttp

if TYPE_CHECKING:
    from collections.abc import Mapping

_SHOWN = ("name", "pressure", "limit", "in_flight", "ghosts", "queued")
LOOK_S = 2.0  # a look that takes longer shows what was


class Lookout:
    """`control` is the box office's second address, `admin` the sidecar's listener for operators, where there is one."""

    def __init__(self, http: aiohttp.ClientSession, control: str, admin: str | None) -> None:
        self._http, self._control, self._admin = http, control, admin

    async def look(self) -> dict[str, Any]:
        """Return the box office's counts, and under `sidecar` the backends as it has them, by name; None where nobody says.

        Raises what the client raises where the box office itself does not answer.
        """
        async with self._http.get(f"{self._control}/_stats") as reply:
            stats: dict[str, Any] = await reply.json()
        return {**stats, "sidecar": await self.sidecar()}

    async def sidecar(self) -> dict[str, Any] | None:
        """Return what the sidecar says of each backend: its limit, what is in flight, ghosts, how many wait."""
        if self._admin is None:
            return None
        wait = aiohttp.ClientTimeout(total=LOOK_S)
        try:
            async with self._http.get(
                f"{self._admin}/status", headers={"Accept": "application/json"}, timeout=wait
            ) as reply:
                return told(await reply.json())
        except (aiohttp.ClientError, TimeoutError, ValueError, TypeError, KeyError):
            return None


def told(status: Mapping[str, Any]) -> dict[str, Any]:
    """Return of a status what the demo shows; a fact that is not there stays away. Raises KeyError or TypeError for what is no status."""
    return {
        backend["name"]: {name: backend[name] for name in _SHOWN if name in backend} for backend in status["backends"]
    }
