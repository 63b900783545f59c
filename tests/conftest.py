"""What every test can ask for: the loop it runs on, a scriptable backend, a raw client, a free port, certificates."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import sys
from collections import Counter
from typing import TYPE_CHECKING, Any

import hypothesis
import pytest
import uvloop

from tests.support import certs, ports
from tests.support.backend import Backend
from tests.support.client import Client
from tests.support.loop import VirtualLoop

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Generator, Iterator, Mapping

# `quick` is `make test`: enough to meet the usual suspects within ten minutes on two cores; `full` is `make test-long`.
# A deadline per example would measure the other process on the machine, not the code.
hypothesis.settings.register_profile("quick", max_examples=30, stateful_step_count=20, deadline=None)
hypothesis.settings.register_profile("full", max_examples=500, stateful_step_count=60, deadline=None)
EXAMPLES = os.environ.get("SIDECAR_EXAMPLES", "quick")
hypothesis.settings.load_profile(EXAMPLES)


def pytest_asyncio_loop_factories(
    config: pytest.Config, item: pytest.Item
) -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    """`virtual` gives a test made-up time, `uvloop` the loop of production, neither gives asyncio's own."""
    if marker := item.get_closest_marker("virtual"):
        return {"virtual": lambda: VirtualLoop(**marker.kwargs)}
    if item.get_closest_marker("uvloop"):
        return {"uvloop": uvloop.new_event_loop}
    return {"asyncio": asyncio.SelectorEventLoop}


@pytest.hookimpl(tryfirst=True)  # before what is marked is chosen from
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark those cases `long` that `thinned` leaves out of `make test`, and let workers have something to wait for and something to do."""
    seen: Counter[str] = Counter()
    for item in items:
        if item.nodeid.startswith(_WHOLE):
            item.add_marker(pytest.mark.unmeasured)
        if (marker := item.get_closest_marker("thinned")) is None:
            continue
        test = item.nodeid.partition("[")[0]
        if seen[test] % marker.args[0]:
            item.add_marker(pytest.mark.long)
        seen[test] += 1
    items[:] = _mixed(items)


# Whole processes are not measured: what they run has tests of its own, and a tracer in each would take minutes more.
_WHOLE = ("tests/browser/", "tests/scenarios/", "tests/interop/", "tests/clients/")
# Files here wait, for browsers, processes and timers, more than they work; the others are work alone, and four times as many.
_WAITING = (*_WHOLE, "tests/demo/")
_BETWEEN = 3


def _mixed(items: list[pytest.Item]) -> list[pytest.Item]:
    """Return the tests with those of files that wait spread among the others, and at an end before them: they are the longest."""
    files: dict[str, list[pytest.Item]] = {}
    for item in items:
        files.setdefault(item.nodeid.partition("::")[0], []).append(item)
    waiting = [name for name in files if name.startswith(_WAITING)]
    working = [name for name in files if not name.startswith(_WAITING)]
    order = []
    while waiting or working:
        order += waiting[:1] + working[:_BETWEEN]
        del waiting[:1], working[:_BETWEEN]
    return [item for name in order for item in files[name]]


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, object, object]:
    """Leave what is marked `unmeasured` out of the measurement of coverage, where there is one."""
    tracing = sys.gettrace()
    if tracing is None or item.get_closest_marker("unmeasured") is None:
        return (yield)
    sys.settrace(None)
    try:
        return (yield)
    finally:
        sys.settrace(tracing)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """Leave the processes that such a test starts out, too: each would take twice as long to come up."""
    said = os.environ.get("COVERAGE_PROCESS_CONFIG")
    if said is None or item.get_closest_marker("unmeasured") is None:
        return (yield)
    del os.environ["COVERAGE_PROCESS_CONFIG"]
    try:
        return (yield)
    finally:
        os.environ["COVERAGE_PROCESS_CONFIG"] = said


@pytest.fixture
async def backend() -> AsyncIterator[Callable[..., Awaitable[Backend]]]:
    """Start as many as a test wants, with the arguments of `Backend`; all are stopped after it."""
    async with contextlib.AsyncExitStack() as stack:

        async def start(*args: Any, **options: Any) -> Backend:
            return await stack.enter_async_context(Backend(*args, **options))

        yield start


@pytest.fixture
async def client() -> AsyncIterator[Callable[..., Awaitable[Client]]]:
    """Open raw connections to a url, or by `host=`, `port=`, `unix=`, `ssl=`; all are closed after the test."""
    async with contextlib.AsyncExitStack() as stack:

        async def connect(url: str | None = None, **options: Any) -> Client:
            made = Client(**options) if url is None else Client.to(url, **options)
            return await stack.enter_async_context(made)

        yield connect


@pytest.fixture
def free_port() -> int:
    """A port that nobody else is given; bind to 0 instead wherever the server can say what it got."""
    return ports.free_port()


@pytest.fixture
def dead_url() -> Iterator[str]:
    """A url that refuses every connection for the length of the test: bound, so nobody else takes it, and not listening."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{sock.getsockname()[1]}"


@pytest.fixture(scope="session")
def tls(tmp_path_factory: pytest.TempPathFactory) -> certs.Certs:
    """Certificates for localhost, 127.0.0.1 and ::1, as files and as contexts."""
    return certs.make(tmp_path_factory.mktemp("tls"))
