"""How long a caller waits: as long as his operation lets him, or as he says himself in `Sidecar-Timeout`, whichever is shorter.

Asked by the stages that wait. What is no time is None: whoever sent it is told so. `Prefer: wait=N` (RFC 7240 section 4.3) says the same in
whole seconds; it is a wish, so what cannot be read of it is passed over.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from sidecar.model import Exchange

_WAIT: Final = re.compile(r"(?:^|[,;])\s*wait\s*=\s*\"?([0-9]{1,6})\"?\s*(?=$|[,;])", re.IGNORECASE)
_TIMEOUT: Final = re.compile(r"([0-9]{1,6}(?:\.[0-9]{1,3})?)(ms|s)?")


def patience_s(exchange: Exchange, most_s: float) -> float | None:
    """Return the seconds from the end of his request; at most `most_s`. An exchange that nobody waits for has all of them."""
    given = exchange.head.headers.get("Sidecar-Timeout")
    if exchange.ours:
        return most_s
    if given is None:
        return min(most_s, _preferred_s(exchange, most_s))
    match = _TIMEOUT.fullmatch(given.strip())
    if match is None:
        return None
    number = float(match.group(1))
    return min(most_s, number / 1000 if match.group(2) == "ms" else number)


def _preferred_s(exchange: Exchange, most_s: float) -> float:
    asked = exchange.head.headers.get("Prefer")
    if asked is None:
        return most_s
    found = _WAIT.search(", ".join(exchange.head.all("Prefer")))
    return most_s if found is None else float(found[1])
