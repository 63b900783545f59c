"""The composition of the demo: box office, sidecar and shop together, with a crowd or for a visitor; or a crowd alone, unprotected.

It stands around the road. It prints either a report of what reached people, as one JSON document or in words, or addresses and
things to try. Whatever it starts ends with it.
"""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
import time
from contextlib import AsyncExitStack
from dataclasses import astuple, dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import aiohttp
import orjson

from sidecar.demo.account import Account, Mark
from sidecar.demo.beside import DemoError, Sidecar
from sidecar.demo.box_office import BoxOffice
from sidecar.demo.crowd import Crowd, Rush
from sidecar.demo.lookout import Lookout
from sidecar.demo.shop import Addresses, Shop
from sidecar.demo.tries import TOKEN, things_to_try

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

_IN_THE_TREE = Path(__file__).parents[2] / "config" / "demo.yaml"
# A wheel carries the file beside this one; pyproject.toml says so.
CONFIG = _IN_THE_TREE if _IN_THE_TREE.is_file() else Path(__file__).with_name("demo.yaml")
# People a second, one after the other: what the box office bears, twice that, and more than anybody could serve. Each makes two to
# four calls, one of which is answered from memory; at its best it executes 200 calls a second.
RATES = (75.0, 150.0, 400.0)
UNPROTECTED_S = 20.0  # nobody visits a house that falls all the time: this one always ends with a report
# The waiting room of the gala opens so long after the start: time to open the page, join, and see the draw.
OPENS_S = 120.0
GRACE_S = 10.0  # for the last who came: who still stands there then is sent home, and counted


@dataclass(frozen=True, slots=True)
class Ports:
    """Where to listen; 0 takes a free port."""

    sidecar: int = 8080
    shop: int = 8090
    box: int = 9000
    admin: int = 8081


FREE = Ports(0, 0, 0, 0)


def usual() -> Ports:
    """Return the ports that the documents name, and a free one for each that something else has already."""
    return Ports(*(port if _is_free(port) else _free_port() for port in astuple(Ports())))


@dataclass(frozen=True, slots=True)
class Show:
    """What to show: a crowd for `for_s` seconds, or, without it, a standing demo for visitors."""

    for_s: float | None = None
    as_json: bool = False
    config: Path = CONFIG
    ports: Ports = field(default_factory=Ports)
    rates: tuple[float, ...] = RATES
    protected: bool = True


async def main(
    for_s: float | None = None,
    as_json: bool = False,
    config: Path | None = None,
    ports: Ports | None = None,
    rates: tuple[float, ...] = RATES,
    unprotected: bool = False,
) -> int:
    """Run the demo for `for_s` seconds with a crowd, or until SIGINT or SIGTERM; returns the exit code.

    `rates` are people a second, each for an equal part of the time. `unprotected` sends them past where the sidecar would be.
    """
    if unprotected:
        for_s = for_s or UNPROTECTED_S
    ports = ports or (usual() if for_s is None else FREE)
    show = Show(for_s, as_json, config or CONFIG, ports, rates, protected=not unprotected)
    over = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, over.set)
    try:
        await _run(show, over)
    except DemoError as error:
        sys.stderr.write(f"demo: {error}\n")
        return 1
    finally:
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(number)
    return 0


async def _run(show: Show, over: asyncio.Event) -> None:
    if not show.protected:
        await _run_alone(show, over)
        return
    if not await asyncio.to_thread(show.config.is_file):
        raise DemoError(f"{show.config} is not there: run it in the project's folder, or name a file with --config")
    show = replace(show, ports=replace(show.ports, admin=show.ports.admin or _free_port()))
    admin = f"http://127.0.0.1:{show.ports.admin}"
    async with AsyncExitStack() as stack:
        try:
            box = await stack.enter_async_context(BoxOffice(port=show.ports.box))
            url = f"http://127.0.0.1:{show.ports.sidecar or _free_port()}"
            addresses = Addresses(url, box.control_url, box.url, admin, opens=time.time() // 1 + OPENS_S)
            shop = await stack.enter_async_context(Shop(addresses, port=show.ports.shop))
        except OSError as error:
            raise DemoError(error.strerror) from None
        folder = stack.enter_context(TemporaryDirectory(prefix="sidecar-demo-"))
        environment = _environment(addresses, shop.url, show.ports.admin, Path(folder))
        sidecar = await stack.enter_async_context(Sidecar(show.config, environment, terse=show.for_s is not None))
        await sidecar.ready(url, over)
        if show.for_s is None:
            _print(things_to_try(addresses, shop.url))
            died = await sidecar.until(over)
        else:
            account, died = await _crowded(addresses, box, show, lambda: sidecar.until(over))
            _report(account, show)
        if died:
            raise sidecar.death()


async def _run_alone(show: Show, over: asyncio.Event) -> None:
    """Let the same crowd go straight to the box office."""
    sys.stderr.write(f"no sidecar this time: the crowd goes straight to the box office, for {show.for_s:g} s\n")
    try:
        async with BoxOffice(port=show.ports.box) as box:

            async def told() -> bool:
                await over.wait()
                return False

            account, _ = await _crowded(Addresses("", box.control_url, box.url), box, show, told)
    except OSError as error:
        raise DemoError(error.strerror) from None
    _report(account, show)


def _print(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def _report(account: Account, show: Show) -> None:
    _print(orjson.dumps(account.json(), option=orjson.OPT_INDENT_2).decode() if show.as_json else account.words())


async def _crowded(
    addresses: Addresses, box: BoxOffice, show: Show, until: Callable[[], Awaitable[bool]]
) -> tuple[Account, bool]:
    """Let the crowd come; what `until` waits for ends it early, and the report says so. Returns it, and whether the sidecar died."""
    for_s = show.for_s or 0.0
    first, *_ = show.rates
    tickets, boxrpc = addresses.endpoints(not show.protected)
    swell = tuple(rate / first for rate in show.rates)
    # twice as many as are expected
    most = max(1, int(2 * for_s * sum(show.rates) / len(show.rates)))
    grace_s = min(GRACE_S, for_s / 2)  # a short look ends soon
    crowd = Crowd(Rush(tickets, boxrpc, rate=first, for_s=for_s, swell=swell, people_max=most, grace_s=grace_s))
    marks: list[Mark] = []
    async with aiohttp.ClientSession() as http, asyncio.TaskGroup() as group:
        lookout = Lookout(http, addresses.control, addresses.admin)
        marks.append(await _mark(box, lookout))
        run = group.create_task(crowd.run())
        end = group.create_task(_truth(until()))
        watch = group.create_task(_watch(marks, box, lookout, show))
        await asyncio.wait((run, end), return_when=asyncio.FIRST_COMPLETED)
        cut_short = not run.done()
        died = end.done() and end.result()
        for task in (run, end, watch):
            task.cancel()
        marks.append(await _mark(box, lookout))
    return Account(for_s, cut_short, show.protected, show.rates, marks, crowd.report, box.stats()), died


async def _truth(said: Awaitable[bool]) -> bool:
    return await said


async def _watch(marks: list[Mark], box: BoxOffice, lookout: Lookout, show: Show) -> None:
    """Note what there is to see at the end of each part of the time."""
    for part in range(1, len(show.rates) + 1):
        due = marks[0].at + (show.for_s or 0.0) * part / len(show.rates)
        await asyncio.sleep(due - asyncio.get_running_loop().time())
        marks.append(await _mark(box, lookout))


async def _mark(box: BoxOffice, lookout: Lookout) -> Mark:
    at, box_now = asyncio.get_running_loop().time(), box.stats()
    seen = await lookout.sidecar()
    limits = None if seen is None else {name: facts["limit"] for name, facts in seen.items()}
    return Mark(at, sum(box_now["executed"].values()), box_now["work"], limits)


def _environment(where: Addresses, shop: str, admin: int, folder: Path) -> dict[str, str]:
    port, url = where.sidecar.rsplit(":", 1)[1], where.sidecar
    ours = {
        "SIDECAR_DEMO_PORT": port,
        "SIDECAR_DEMO_URL": url,
        "SIDECAR_DEMO_SHOP": shop,
        "SIDECAR_DEMO_BOX": where.box,
    }
    ours |= {"SIDECAR_DEMO_ADMIN": str(admin), "SIDECAR_DEMO_TOKEN": TOKEN}
    opens = datetime.fromtimestamp(where.opens, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    ours |= {"SIDECAR_DEMO_OPENS": opens, "SIDECAR_DEMO_STORE": "memory", "SIDECAR_DEMO_KEYS": str(folder / "keys")}
    return {**os.environ, **ours}


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # what has just ended is in nobody's way
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def _free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port: int = sock.getsockname()[1]
        return port
