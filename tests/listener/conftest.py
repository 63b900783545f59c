"""The listener leans on its loop's transports: tests marked `loops` run on asyncio's and on the one of production."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import uvloop

from tests.conftest import pytest_asyncio_loop_factories as elsewhere

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import pytest


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "loops: runs on asyncio's loop and on uvloop")


def pytest_asyncio_loop_factories(
    config: pytest.Config, item: pytest.Item
) -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    """Both loops for `loops`, else as everywhere."""
    if item.get_closest_marker("loops"):
        return {"asyncio": asyncio.SelectorEventLoop, "uvloop": uvloop.new_event_loop}
    return elsewhere(config, item)
