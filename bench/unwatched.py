"""The sidecar as `sidecar run` starts it, with watching replaced: by nothing at all, or by everything but the access lines.

The product has no such switch. What a pass-through costs less here is what watching costs there, in the same build on the same core.
"""

from __future__ import annotations

import sys
from typing import Any, Final

NOTHING: Final = "nothing"
NO_LINES: Final = "no-lines"


class _Lag:
    largest_s = 0.0

    def start(self) -> None:
        """No timer."""

    def stop(self) -> None:
        """As above."""


class Nobody:
    """Stands where `Watching` would; told everything, does nothing."""

    def __init__(self, *_given: object) -> None:
        self.lag = _Lag()

    def passed(self, *_what: object) -> None:
        """Look away."""

    def attempted(self, *_what: object) -> None:
        """As above."""

    def event(self, _name: str, **_facts: object) -> None:
        """As above."""

    def pseudonym(self, client: str) -> str:
        """Nobody asks."""
        return client

    def over_requests(self, inner: Any) -> Any:
        """Nobody traces."""
        return inner

    def over_attempts(self, inner: Any) -> Any:
        """As above."""
        return inner


def replace(what: str) -> None:
    """Put nobody, or somebody without a pen, where the app looks for its watch."""
    from sidecar import app  # noqa: PLC0415 - in the order of `sidecar run`, so that memory is like its own
    from sidecar.watch import line, log  # noqa: PLC0415 - as above

    if what == NOTHING:
        app.Watching = Nobody  # type: ignore[attr-defined, assignment]  # what this file is for
    elif what == NO_LINES:
        line.written, log.JsonLog.write = _no_line, _no_write  # type: ignore[assignment, method-assign]  # as above
    else:
        raise LookupError(f"{what!r} is neither {NOTHING} nor {NO_LINES}")


def _no_line(*_what: object) -> str:
    return ""


def _no_write(_log: object, _lines: bytes, _count: int = 1) -> None:
    """Nobody reads."""


async def main(config: str) -> int:
    """Serve as `sidecar run` does."""
    from sidecar.serve import serve  # noqa: PLC0415 - as above
    from sidecar.settings.load import load_all  # noqa: PLC0415 - as above

    return await serve(load_all(config), lambda: load_all(config))


if __name__ == "__main__":
    import uvloop

    replace(sys.argv[1])
    sys.exit(uvloop.run(main(sys.argv[2])))
