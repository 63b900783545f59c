"""The sidecar with an ear (`bench.inside`) that also counts what the facade does: replies that are decoded, contracts that are loaded.

Only for what must not happen: a hit that decodes, a contract that is loaded before anybody asks for JSON.
"""

from __future__ import annotations

import sys
from collections import Counter
from functools import wraps
from typing import TYPE_CHECKING, Any, Final

from bench import inside

if TYPE_CHECKING:
    from collections.abc import Callable

COUNTED: Final = "counted"  # the question
DECODED: Final = "replies decoded"
PARSED: Final = "documents parsed in JSON's name"
LOADED: Final = "contracts loaded"


def count() -> Counter[str]:
    """Put counters around the product's own functions."""
    from adapters.soap import facade  # noqa: PLC0415 - in the order of `sidecar run`, so that memory is like its own
    from adapters.soap.decoding import Decoder  # noqa: PLC0415 - as above
    from adapters.soap.speech import Speech  # noqa: PLC0415 - as above

    counter: Counter[str] = Counter({DECODED: 0, PARSED: 0, LOADED: 0})

    def counted(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(function)
        def call(*given: Any, **named: Any) -> Any:
            counter[name] += 1
            return function(*given, **named)

        return call

    Decoder.steps = counted(DECODED, Decoder.steps)  # type: ignore[method-assign]  # what this file is for
    Speech.__init__ = counted(LOADED, Speech.__init__)  # type: ignore[method-assign]  # as above
    facade._parsed = counted(PARSED, facade._parsed)  # noqa: SLF001 - as above
    return counter


async def main(config: str, counter: Counter[str]) -> int:
    """Serve as `sidecar run` does."""
    return await inside.main(config, {COUNTED: lambda: counter})


if __name__ == "__main__":
    import uvloop

    sys.exit(uvloop.run(main(sys.argv[1], count())))
