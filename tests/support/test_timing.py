"""What a work of several pieces is measured by."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.timing import longest_ms

if TYPE_CHECKING:
    from collections.abc import Generator


@pytest.mark.unmeasured
@pytest.mark.parametrize("at", [0, 1, 2])
def test_the_longest_piece_is_found_wherever_it_is(at: int) -> None:
    """The last one, after which nothing comes, holds the loop as any other."""

    def work(long: int) -> Generator[None, None, None]:
        for number in range(3):
            sum(range(2_000_000 if number == long else 1))
            if number < 2:
                yield

    assert longest_ms(work(at)) > 10 * longest_ms(work(9))
