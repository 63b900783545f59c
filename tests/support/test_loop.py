"""The virtual loop must be a loop first: same order, same timeouts, and an honest failure where time cannot help."""

from __future__ import annotations

import asyncio
import time

import pytest

from tests.support.loop import START_S, Deadlock, VirtualLoop


async def _for_ever() -> None:
    await asyncio.get_running_loop().create_future()


def _run(coro: object, **options: float) -> object:
    with asyncio.Runner(loop_factory=lambda: VirtualLoop(**options)) as runner:
        return runner.run(coro)  # type: ignore[arg-type] # each caller hands in a coroutine


@pytest.mark.virtual
async def test_an_hour_of_sleeps_takes_milliseconds() -> None:
    """3600 sleeps of a second pass in far less than one, and the loop's clock shows the hour."""
    loop, began = asyncio.get_running_loop(), time.monotonic()
    for _ in range(3600):
        await asyncio.sleep(1)
    assert loop.time() == START_S + 3600
    assert time.monotonic() - began < 2  # 60 ms alone; the machine is shared


@pytest.mark.virtual
async def test_timers_fire_in_their_order_and_at_their_time() -> None:
    """Sleepers wake at exactly the moments they asked for, whoever was started first."""
    seen: list[tuple[float, str]] = []

    async def sleeper(wait_s: float, name: str) -> None:
        await asyncio.sleep(wait_s)
        seen.append((asyncio.get_running_loop().time() - START_S, name))

    async with asyncio.TaskGroup() as group:
        for wait_s, name in ((30.0, "c"), (0.1, "a"), (29.9, "b")):
            group.create_task(sleeper(wait_s, name))
    assert [name for _, name in seen] == ["a", "b", "c"]
    assert [round(at, 6) for at, _ in seen] == [0.1, 29.9, 30.0]


@pytest.mark.virtual
async def test_asyncio_timeout_works() -> None:
    """A timeout over something that never comes fires at its virtual moment."""
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(600):
            await _for_ever()
    assert asyncio.get_running_loop().time() == START_S + 600


@pytest.mark.virtual
async def test_wait_for_cancels_what_it_gave_up() -> None:
    """`wait_for` on virtual time cancels the inner task before it raises."""
    task = asyncio.get_running_loop().create_task(asyncio.sleep(100))
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(task, 5)
    assert task.cancelled()


def test_a_deadlock_is_a_failure_that_names_names() -> None:
    """Where nothing can happen any more the loop raises, and says which task waits on which line for what."""

    async def both() -> None:
        lock = asyncio.Lock()
        await lock.acquire()
        asyncio.current_task().set_name("the test")  # type: ignore[union-attr] # inside a task there is one
        other = asyncio.get_running_loop().create_task(_for_ever(), name="the other one")
        await lock.acquire()
        other.cancel()

    with pytest.raises(Deadlock) as caught:
        _run(both())
    said = str(caught.value)
    assert "the test: both (test_loop.py:" in said
    assert "acquire (locks.py:" in said
    assert "the other one: _for_ever (test_loop.py:" in said
    assert "on Future" in said


def test_a_ticker_that_never_stops_is_found() -> None:
    """Time that only runs in circles ends at the horizon instead of hanging the test run."""

    async def ticker() -> None:
        while True:  # noqa: ASYNC110 - the endless ticker is what is tested
            await asyncio.sleep(1)

    with pytest.raises(Deadlock, match="horizon"):
        _run(ticker(), horizon_s=60)


def test_time_stands_still_while_a_thread_works() -> None:
    """A worker thread's real work takes no virtual time, and waiting for it is no deadlock."""

    async def main() -> float:
        loop = asyncio.get_running_loop()
        ticks = loop.create_task(asyncio.sleep(3600))
        await asyncio.to_thread(sum, range(100_000))
        ticks.cancel()
        return loop.time()

    assert _run(main()) == START_S


@pytest.mark.virtual
async def test_loopback_sockets_answer_before_time_moves() -> None:
    """A server and its client on one virtual loop talk at once: no timer overtakes bytes on loopback."""

    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write((await reader.readexactly(4)).upper())
        writer.close()
        await writer.wait_closed()

    server = await asyncio.start_server(echo, "127.0.0.1", 0)
    async with server:
        reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
        writer.write(b"ping")
        async with asyncio.timeout(5):
            assert await reader.read() == b"PING"
        writer.close()
        await writer.wait_closed()
    assert asyncio.get_running_loop().time() == START_S


def test_unmarked_tests_keep_real_time(request: pytest.FixtureRequest) -> None:
    """The marker is the only way in: without it a test gets asyncio's own loop."""
    assert request.node.get_closest_marker("virtual") is None


async def test_the_plain_loop_is_not_virtual() -> None:
    """An unmarked async test runs on a loop that is not ours."""
    assert not isinstance(asyncio.get_running_loop(), VirtualLoop)


@pytest.fixture
async def now() -> float:
    return asyncio.get_running_loop().time()


@pytest.mark.virtual
async def test_async_fixtures_share_the_virtual_loop(now: float) -> None:
    """A fixture of a marked test sees the same clock as the test itself."""
    assert now == START_S
    assert isinstance(asyncio.get_running_loop(), VirtualLoop)


@pytest.mark.uvloop
async def test_the_uvloop_marker_runs_on_the_products_loop() -> None:
    """A test that must see what production sees can ask for uvloop."""
    assert type(asyncio.get_running_loop()).__module__ == "uvloop"
