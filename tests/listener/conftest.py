"""The listener leans on its loop's transports: what is for `loops` runs on the one of production, with full figures on asyncio's, too."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import uvloop

from tests.conftest import EXAMPLES
from tests.conftest import pytest_asyncio_loop_factories as elsewhere

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import pytest


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "loops: runs on uvloop, and with the full figures on asyncio's loop as well")


def pytest_asyncio_loop_factories(
    config: pytest.Config, item: pytest.Item
) -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    """What is for `loops`, else as everywhere."""
    if not item.get_closest_marker("loops"):
        return elsewhere(config, item)
    ours = {"uvloop": uvloop.new_event_loop}
    return ours if EXAMPLES == "quick" else {"asyncio": asyncio.SelectorEventLoop, **ours}
