"""The sidecar as `sidecar run` starts it, with an ear: it looks through everything that Python still holds for a piece of text.

Only for what cannot be seen from outside: whether a request is still held after its reply. A line on standard input is the text, reversed
so that asking does not put it there; the answer is a line on standard output, `= ` and a JSON list of who holds it.
"""

from __future__ import annotations

import asyncio
import gc
import json
import sys
import threading
from typing import Any

# Of one value, so many holders are named: enough to find the place, few enough to read.
_NAMED = 20


def holders(wanted: str) -> list[str]:
    """Return who holds text or bytes with `wanted` in them, each with the way that leads there."""
    gc.collect()
    gc.unfreeze()  # what the start has made is looked through, too
    as_bytes = wanted.encode()
    found: list[str] = []
    seen: set[int] = set()
    # What the search itself makes is not what it looks for.
    mine = {id(found), id(seen), id(wanted), id(as_bytes)}
    roots = gc.get_objects()
    mine.add(id(roots))
    queue: list[tuple[Any, Any]] = [(each, None) for each in roots]
    mine.add(id(queue))
    seen.update(id(each) for each in roots)
    while queue:
        holder, above = queue.pop()
        if id(holder) in mine:
            continue
        for held in gc.get_referents(holder):
            if _says(held, wanted, as_bytes) and id(held) not in mine:
                found.append(f"{_brief(above)} > {_brief(holder)} > {_brief(held)}")
            elif id(held) not in seen and not isinstance(held, str | bytes | bytearray | int | float):
                seen.add(id(held))  # the collector lists no tuple of mere text: it is reached through its holder
                queue.append((held, holder))
    return found[:_NAMED]


def _says(held: object, wanted: str, as_bytes: bytes) -> bool:
    if isinstance(held, str):
        return wanted in held
    if isinstance(held, memoryview):
        return as_bytes in bytes(held)
    return isinstance(held, bytes | bytearray) and as_bytes in held


def _brief(each: object) -> str:
    name = type(each).__name__
    if isinstance(each, str | bytes | bytearray):
        return f"{name} of {len(each)}: {each[:200]!r}"
    code = getattr(each, "f_code", None) or getattr(each, "cr_code", None)
    return name if code is None else f"{name} {code.co_qualname if hasattr(code, 'co_qualname') else code.co_name}"


def listen(loop: asyncio.AbstractEventLoop) -> None:
    """Take questions from standard input in a thread, answer them from the loop: there nothing moves meanwhile."""

    def tell(reversed_text: str) -> None:
        sys.stdout.write(f"= {json.dumps(holders(reversed_text[::-1]))}\n")
        sys.stdout.flush()

    def hear() -> None:
        for line in sys.stdin:
            loop.call_soon_threadsafe(tell, line.strip())

    threading.Thread(target=hear, name="questions", daemon=True).start()


async def main(config: str) -> int:
    """Serve as `sidecar run` does."""
    from sidecar.serve import serve  # noqa: PLC0415 - in the order of `sidecar run`
    from sidecar.settings.load import load_all  # noqa: PLC0415 - as above

    listen(asyncio.get_running_loop())
    return await serve(load_all(config), lambda: load_all(config))


if __name__ == "__main__":
    import uvloop

    sys.exit(uvloop.run(main(sys.argv[1])))
