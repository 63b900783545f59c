"""A real admin listener in a thread of its own, for commands that block: `with standing() as office: run(...)`."""

from __future__ import annotations

import asyncio
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from sidecar.plan import AdminPlan
from tests.admin.office import TOKEN, Office

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def standing(plan: AdminPlan | None = None) -> Iterator[Office]:
    """Start one on a free port of loopback, with a token; stop it afterwards."""
    loop = asyncio.SelectorEventLoop()
    thread = threading.Thread(target=loop.run_forever, name="office", daemon=True)
    thread.start()

    def call(coro: Any) -> None:
        asyncio.run_coroutine_threadsafe(coro, loop).result(30)

    office = Office(plan or AdminPlan(port=0, token=TOKEN, written=True), None)
    try:
        call(office.listener.start())
        yield office
    finally:
        call(office.listener.close())
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()
