"""The composition of the demo: box office, sidecar and shop together, with a crowd or for a visitor.

It stands around the road. It starts the sidecar as a process of its own, as an operator would, and waits until its health
answers; it prints either one JSON document of what reached people, or addresses and things to try. It leaves no process.
"""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
from contextlib import AsyncExitStack
from dataclasses import astuple, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import aiohttp
import orjson

from sidecar.demo.box_office import BoxOffice
from sidecar.demo.crowd import Crowd, Rush
from sidecar.demo.shop import Addresses, Shop
from sidecar.demo.soap import NS

if TYPE_CHECKING:
    from collections.abc import Mapping

_IN_THE_TREE = Path(__file__).parents[2] / "config" / "demo.yaml"
# A wheel carries the file beside this one; pyproject.toml says so.
CONFIG = _IN_THE_TREE if _IN_THE_TREE.is_file() else Path(__file__).with_name("demo.yaml")
COMMAND = (sys.executable, "-m", "sidecar", "run")  # as an operator starts it
READY_S = 20.0  # a cold start on a busy machine takes two
STOP_S = 14.0  # the 9 s that config/demo.yaml gives calls in flight, and 5 s for last words
_HELLO_RPC = "<methodCall><methodName>tickets.hello</methodName><params/></methodCall>"
_TOKEN = "a-token-for-the-demo"  # noqa: S105 - whoever reads the demo's output may give it orders
RATE = 75.0  # people a second: their two to four calls each are a little more than the slots can serve


class DemoError(Exception):
    """The demo cannot go on; the text says why and what to do."""


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
    rate: float = RATE


async def main(
    for_s: float | None = None,
    as_json: bool = False,
    config: Path | None = None,
    ports: Ports | None = None,
    rate: float = RATE,
) -> int:
    """Run the demo for `for_s` seconds with a crowd, or until SIGINT or SIGTERM; returns the exit code."""
    show = Show(for_s, as_json, config or CONFIG, ports or (usual() if for_s is None else FREE), rate)
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
    if not await asyncio.to_thread(show.config.is_file):
        raise DemoError(f"{show.config} is not there: run it in the project's folder, or name a file with --config")
    async with AsyncExitStack() as stack:
        try:
            box = await stack.enter_async_context(BoxOffice(port=show.ports.box))
            url = f"http://127.0.0.1:{show.ports.sidecar or _free_port()}"
            shop = await stack.enter_async_context(Shop(Addresses(url, box.control_url, box.url), port=show.ports.shop))
        except OSError as error:
            raise DemoError(error.strerror) from None
        sidecar = await stack.enter_async_context(
            Sidecar(show.config, _environment(url, shop.url, box.url, show.ports.admin), terse=show.for_s is not None)
        )
        await sidecar.ready(url, over)
        if show.for_s is None:
            _print(_things_to_try(url, shop.url, box, show.ports.admin))
            died = await sidecar.until(over)
        else:
            report, died = await _crowded(url, box, sidecar, show, over)
            _print(orjson.dumps(report, option=orjson.OPT_INDENT_2).decode() if show.as_json else _told(report))
        if died:
            raise sidecar.death()


def _print(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


async def _crowded(
    url: str, box: BoxOffice, sidecar: Sidecar, show: Show, over: asyncio.Event
) -> tuple[dict[str, Any], bool]:
    """Let the crowd come; a signal or the sidecar's death ends it early, and the report says so. Returns it and that."""
    for_s = show.for_s or 0.0
    crowd = Crowd(
        Rush(
            f"{url}/tickets",
            f"{url}/boxrpc",
            rate=show.rate,
            for_s=for_s,
            people_max=max(1, int(show.rate * for_s * 2)),
        )
    )
    async with asyncio.TaskGroup() as group:
        run = group.create_task(crowd.run())
        end = group.create_task(sidecar.until(over))
        await asyncio.wait((run, end), return_when=asyncio.FIRST_COMPLETED)
        cut_short = not run.done()
        died = end.done() and end.result()
        run.cancel()
        end.cancel()
    report = {
        "for_s": for_s,
        "cut_short": cut_short,
        "rate_people_per_s": show.rate,
        "reached_people": crowd.report.json(),
        "backend": box.stats(),
    }
    return report, died


class Sidecar:
    """The sidecar as its own process; leaving the block ends it, gently at first."""

    def __init__(self, config: Path, environment: Mapping[str, str], *, terse: bool = False) -> None:
        self._command = [*COMMAND, str(config)]
        self._environment = environment
        self._terse = terse  # its line for each call is left out: a crowd makes thousands
        self._relay: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        # its own process group: Ctrl-C reaches us only, and we end it in order
        self.process = await asyncio.create_subprocess_exec(
            *self._command,
            env=dict(self._environment),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            start_new_session=True,
        )
        self._relay = asyncio.get_running_loop().create_task(self._pass_on(), name="the sidecar's words")
        return self

    async def _pass_on(self) -> None:
        """Write to our stderr what it says."""
        assert self.process.stdout is not None
        async for line in self.process.stdout:
            if not (self._terse and b'"event":"access"' in line):
                sys.stderr.buffer.write(line)
                sys.stderr.buffer.flush()

    async def __aexit__(self, *_exc: object) -> None:
        if self.process.returncode is None:
            self.process.terminate()
            try:
                async with asyncio.timeout(STOP_S):
                    await self.process.wait()
            except TimeoutError:
                self.process.kill()
                await self.process.wait()
        if self._relay is not None:
            await self._relay

    async def ready(self, url: str, over: asyncio.Event) -> None:
        """Wait until `/.sidecar/healthz` answers 200; raises `DemoError` when the process ends or takes too long."""
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=2)) as http:
            for _ in range(int(READY_S * 10)):
                if self.process.returncode is not None:
                    raise DemoError(
                        f"the sidecar ended with exit code {self.process.returncode}: its own message is above"
                    )
                if over.is_set():
                    raise DemoError("told to stop before the sidecar was ready")
                try:
                    async with http.get(f"{url}/.sidecar/healthz") as reply:
                        if reply.status == 200:
                            return
                except (aiohttp.ClientError, TimeoutError):
                    pass  # it does not listen yet
                await asyncio.sleep(0.1)
        raise DemoError(f"the sidecar did not answer {url}/.sidecar/healthz within {READY_S:.0f} s")

    async def until(self, over: asyncio.Event) -> bool:
        """Wait for the signal or for the sidecar's end; returns whether it ended by itself."""
        async with asyncio.TaskGroup() as group:
            told = group.create_task(over.wait())
            dead = group.create_task(self.process.wait())
            await asyncio.wait((told, dead), return_when=asyncio.FIRST_COMPLETED)
            told.cancel()
            dead.cancel()
        return not over.is_set()

    def death(self) -> DemoError:
        return DemoError(f"the sidecar ended with exit code {self.process.returncode}: its own message is above")


def _environment(url: str, shop: str, box: str, admin: int) -> dict[str, str]:
    port = url.rsplit(":", 1)[1]
    ours = {"SIDECAR_DEMO_PORT": port, "SIDECAR_DEMO_URL": url, "SIDECAR_DEMO_SHOP": shop, "SIDECAR_DEMO_BOX": box}
    ours |= {"SIDECAR_DEMO_ADMIN": str(admin), "SIDECAR_DEMO_TOKEN": _TOKEN}
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


def _told(report: dict[str, Any]) -> str:
    people, backend, wait_s = report["reached_people"], report["backend"], report["reached_people"]["wait_s"]
    states = "\n".join(f"  {count:7}  {state}" for state, count in people["states"].items())
    return (
        f"{people['people']} people made {people['calls']} calls in {report['for_s']:g} s; what reached them:\n{states}\n"
        f"half of the calls took {wait_s['p50']} s or less, 95 % {wait_s['p95']} s; {people['orders_confirmed']} orders were confirmed\n"
        f"the box office had {backend['peak']} calls in flight at most, fell {backend['resets']} times and executed "
        f"{sum(backend['executed'].values())} calls; {backend['orphans']} callers had left before it was done"
    )


def _things_to_try(url: str, shop: str, box: BoxOffice, admin: int) -> str:
    """Return the addresses and one command for each thing worth seeing."""
    soap = "http://schemas.xmlsoap.org/soap/envelope/"
    hello = f'<s:Envelope xmlns:s="{soap}"><s:Body><HelloWorld xmlns="{NS}"/></s:Body></s:Envelope>'
    call = f"curl -si {url}/tickets -H 'Content-Type: text/xml' -H 'Accept: application/problem+json' --data '{hello}'"
    operators = f"http://127.0.0.1:{admin}"
    told = f"SIDECAR_ADMIN={operators} SIDECAR_ADMIN_TOKEN={_TOKEN} {sys.executable} -m sidecar"
    hurt = f"curl -s {box.control_url}/_control --data"
    things = (
        ("a call that works", call),
        ("the WSDL, with the sidecar's addresses", f"curl -s '{url}/tickets?wsdl' | grep -o 'location=\"http[^\"]*\"'"),
        ("ASMX over GET", f"curl -si '{url}/tickets/HelloWorld'"),
        ("XML-RPC", f"curl -si {url}/boxrpc -H 'Content-Type: text/xml' --data '{_HELLO_RPC}'"),
        ("the backend dies; then 1 again: backend_unreachable", f'{hurt} \'{{"dead": true, "for_s": 10}}\''),
        ("the reply is lost; then 1 again: outcome_unknown", f'{hurt} \'{{"hangup": true, "for_s": 10}}\''),
        ("a page instead of XML; then 1 again: backend_bad_reply", f'{hurt} \'{{"html": 200, "for_s": 10}}\''),
        ("it freezes; then 1 again: outcome_unknown after 4 s", f'{hurt} \'{{"freeze": true, "for_s": 10}}\''),
        ("an operation that nobody may call: operation_denied", f"curl -si {url}/tickets/DestroyCache -d ''"),
        ("a path that is nobody's: not_found", f"curl -si {url}/nowhere"),
        ("what the box office went through", f"curl -s {box.control_url}/_stats"),
        ("what an operator sees, on one screen", f"curl -s {operators}/status"),
        ("fewer calls at once, for a minute", f"{told} limit set tickets 4 --for 1m --reason 'to see it'"),
    )
    tries = "\n".join(f"{at:3}  {what}\n     {command}" for at, (what, command) in enumerate(things, 1))
    return (
        f"\nshop page    {shop}/\nsidecar      {url}/tickets (SOAP, ASMX)   {url}/boxrpc (XML-RPC)\n"
        f"box office   {box.url}/box.asmx?wsdl   watched at {box.control_url}/_stats\n"
        f"operators    {operators}/ (dashboard)\n\n"
        f"Things to try; whatever hurts the box office ends by itself:\n{tries}\n\nCtrl-C ends everything."
    )
