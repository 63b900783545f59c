"""`ports.Places`: signed places of every backend, each backend's apart, so that none can use up another's.

The policy decides; this file looks at the clocks, draws the nonces and holds the keys, which a reload may bring anew.
"""

from __future__ import annotations

from secrets import token_bytes
from typing import TYPE_CHECKING

from sidecar.model import Place
from sidecar.policy.places import EPOCH_BYTES, NONCE_BYTES, Issued, Places, Why

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sidecar.model import Bearer
    from sidecar.plan import BackendPlan
    from sidecar.policy.tokens import Keys
    from sidecar.ports import Clock, Log


class SignedPlaces:
    """`keys` sign what is handed out from now on; the epoch says which process it was."""

    def __init__(self, clock: Clock, log: Log, keys: Keys) -> None:
        self._clock, self._log, self._keys = clock, log, keys
        self._epoch = token_bytes(EPOCH_BYTES)
        self._places: dict[str, Places] = {}

    def __repr__(self) -> str:
        return f"<SignedPlaces {' '.join(f'{name}: {places!r}' for name, places in self._places.items())}>"

    def bound(self, backends: Iterable[BackendPlan], keys: Keys) -> None:
        """Take a plan, and the keys that it names: what is out stays out, as long as its key verifies."""
        self._keys = keys
        before, self._places = self._places, {}
        for plan in backends:
            most = max(1, int(plan.queue_size * plan.queue_share))
            places = before.get(plan.name)
            if places is None:  # not "or": where none is out it is empty, and still knows which have been used
                places = Places(keys, self._epoch, per_client=most)
            places.bound(keys, most)
            self._places[plan.name] = places

    def take(self, bearer: Bearer, text: str, wait_s: float) -> Place | None:
        """See `ports.Places.take`."""
        places, now, wall = self._places.get(bearer.backend), self._clock.now(), self._clock.wall()
        if places is None:
            return None
        taken = places.redeem(wall, text, bearer)
        if taken is Why.OTHER_KIND:
            return None  # a place in a waiting room: it is shown there
        if isinstance(taken, Why):
            self._log.event("place_refused", backend=bearer.backend, client=bearer.client, why=taken.value)
            return None
        return Place(taken.tag, now - taken.worth_s(wall, wait_s))

    def give(self, bearer: Bearer, stood: Place, for_s: float) -> tuple[str, str] | None:
        """See `ports.Places.give`."""
        places, wall = self._places.get(bearer.backend), self._clock.wall()
        if places is None:
            return None
        since = wall - max(0.0, self._clock.now() - stood.since)
        nonce = token_bytes(NONCE_BYTES)
        issued = places.issue(wall, bearer, since=since, tag=stood.start_tag, until=wall + for_s, nonce=nonce)
        return (issued.text, issued.code) if isinstance(issued, Issued) else None
