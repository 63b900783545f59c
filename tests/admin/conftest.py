"""What the tests of the admin listener ask for."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.admin.office import Office, open_office

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


@pytest.fixture
async def office() -> AsyncIterator[Office]:
    """An admin listener on loopback, with a token."""
    async with open_office() as opened:
        yield opened
