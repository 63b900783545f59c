"""What every test can ask for: the loop it runs on, a scriptable backend, a raw client, a free port, certificates."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import uvloop

from tests.support.loop import VirtualLoop

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import pytest


def pytest_asyncio_loop_factories(
    config: pytest.Config, item: pytest.Item
) -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    """`virtual` gives a test made-up time, `uvloop` the loop of production, neither gives asyncio's own."""
    if marker := item.get_closest_marker("virtual"):
        return {"virtual": lambda: VirtualLoop(**marker.kwargs)}
    if item.get_closest_marker("uvloop"):
        return {"uvloop": uvloop.new_event_loop}
    return {"asyncio": asyncio.SelectorEventLoop}
