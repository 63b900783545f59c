"""The log: every event is one JSON line, nothing waits for a slow reader, and what is lost is counted."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
from typing import TYPE_CHECKING

import pytest

from sidecar.watch import log
from sidecar.watch.log import JsonLog
from tests.listener.hall import until

if TYPE_CHECKING:
    from collections.abc import Iterator


class Noon:
    """A clock that stands at a quarter of a second past noon."""

    def now(self) -> float:
        return 0.0

    def wall(self) -> float:
        return 1_780_000_000.25


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    ends = os.pipe()
    yield ends
    for end in ends:
        with contextlib.suppress(OSError):
            os.close(end)


def raised() -> Exception:
    """Return an error that has a trace."""
    try:
        return Exception(int("of ours"))
    except ValueError as error:
        return error


async def lines_of(reader: int) -> list[dict[str, object]]:
    """Wait until something was written, and parse it."""
    text = await asyncio.to_thread(os.read, reader, 1 << 20)
    return [json.loads(line) for line in text.splitlines()]


async def test_an_event_is_one_json_line(pipe: tuple[int, int]) -> None:
    """Name, time to the millisecond, and the facts as given."""
    JsonLog(Noon(), pipe[1]).event("access", state="ok", total_ms=1.5)
    assert await lines_of(pipe[0]) == [
        {"at": "2026-05-28T20:26:40.250Z", "event": "access", "state": "ok", "total_ms": 1.5}
    ]


async def test_a_line_that_is_written_already_is_taken_as_it_is(pipe: tuple[int, int]) -> None:
    """Between others, in their order."""
    one = JsonLog(Noon(), pipe[1])
    one.event("first")
    one.write(b'{"event":"second"}\n')
    assert [line["event"] for line in await lines_of(pipe[0])] == ["first", "second"]


async def test_an_error_is_written_with_its_trace(pipe: tuple[int, int]) -> None:
    """An exception as a fact becomes text that tells where it came from."""
    JsonLog(Noon(), pipe[1]).event("bug", error=raised())
    [line] = await lines_of(pipe[0])
    assert "test_log.py" in str(line["error"])
    assert "of ours" in str(line["error"])


async def test_what_does_not_fit_is_dropped_and_counted(pipe: tuple[int, int], monkeypatch: pytest.MonkeyPatch) -> None:
    """Beyond the bound nothing is kept, and the number of lost lines is written as soon as there is room."""
    monkeypatch.setattr(log, "_HELD_BYTES", 150)
    one = JsonLog(Noon(), pipe[1])
    for number in range(5):
        one.event("access", number=number)
    lines = await lines_of(pipe[0])
    assert [line.get("number") for line in lines] == [0, 1, None]
    assert lines[-1] == {"event": "log_lines_dropped", "count": 3}
    assert one.dropped == 3


async def test_lines_that_come_together_are_dropped_together(
    pipe: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """And each of them is counted; so are those that a full disk did not take."""
    monkeypatch.setattr(log, "_HELD_BYTES", 100)
    one = JsonLog(Noon(), pipe[1])
    one.write(b'{"event":"access"}\n' * 3, 3)
    one.write(b'{"event":"access"}\n' * 4, 4)
    assert one._take()[1] == 7
    assert one.dropped == 4
    one.close()


async def test_lines_written_during_a_flush_are_flushed_after_it(pipe: tuple[int, int]) -> None:
    """One write at a time, and none is forgotten."""
    one = JsonLog(Noon(), pipe[1])
    one.event("first")
    assert [line["event"] for line in await lines_of(pipe[0])] == ["first"]
    one.event("second")
    assert [line["event"] for line in await lines_of(pipe[0])] == ["second"]


def test_without_a_loop_lines_are_written_at_once(pipe: tuple[int, int]) -> None:
    """What happens before the loop runs is not lost."""
    JsonLog(Noon(), pipe[1]).event("cannot_listen")
    assert json.loads(os.read(pipe[0], 1000))["event"] == "cannot_listen"


async def test_close_writes_what_is_left(pipe: tuple[int, int]) -> None:
    """The last lines of a process come out although its loop ends."""
    one = JsonLog(Noon(), pipe[1])
    one.event("stopped")
    one.close()
    assert json.loads(os.read(pipe[0], 1000))["event"] == "stopped"


def test_a_closed_pipe_stops_nothing(pipe: tuple[int, int]) -> None:
    """Whoever read our output has gone: traffic goes on, lines are counted as lost."""
    os.close(pipe[0])
    one = JsonLog(Noon(), pipe[1])
    one.event("access")
    one.event("access")


async def test_a_full_pipe_holds_up_neither_the_loop_nor_the_end(
    pipe: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody reads: events go on being taken, and closing gives up after its moment."""
    monkeypatch.setattr(log, "_CLOSE_S", 0.05)
    monkeypatch.setattr(log, "_FLUSH_S", 0.01)
    os.set_blocking(pipe[1], False)
    with contextlib.suppress(BlockingIOError):
        while True:
            os.write(pipe[1], b"\n" * 4096)
    os.set_blocking(pipe[1], True)
    one = JsonLog(Noon(), pipe[1])
    one.event("stuck")
    await until(lambda: one._writing)
    one.event("late")
    began = asyncio.get_running_loop().time()
    one.close()
    assert asyncio.get_running_loop().time() - began < 5
    os.read(pipe[0], 1 << 20)  # lets the stuck thread go


async def test_lines_that_could_not_be_written_are_counted(
    pipe: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a failed write lost is added to what was lost before it."""
    monkeypatch.setattr(log, "_FLUSH_S", 0.01)
    one = JsonLog(Noon(), pipe[1])
    one._dropped = 3
    closed = os.dup(pipe[1])
    os.close(closed)
    one._descriptor = closed
    one.event("access")
    await until(lambda: one._dropped == 4)
    assert one.dropped == 4
    one._descriptor = pipe[1]
    one.event("access")
    assert [line.get("count") for line in await lines_of(pipe[0])] == [None, 4]
    assert one.dropped == 4, "said once, lost once"
