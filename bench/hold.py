"""How long the loop is held while calls of 1 MB and replies of 16 MB pass, beside small ones that would have to wait."""

from __future__ import annotations

import threading
import time
from functools import partial
from itertools import cycle
from statistics import median
from typing import TYPE_CHECKING, Final, TypedDict

import orjson

from bench import messages
from bench.cost import sidecar
from bench.load import connect, read_reply
from bench.process import Server
from bench.report import Line
from tests.support.ports import free_port

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

BOUND_MS: Final = 2.0
PASSING_S: Final = 6.0
# What the code does, it does in each of them; what the machine does besides (a neighbour on the same core's caches) in some.
PASSES: Final = 5


def hold(folder: Path, core: int, origin: Server) -> list[Line]:
    """Measure the sidecar and the bare forwarder under the same traffic, each after a rest; the quietest pass counts."""
    port = free_port()
    forward = Server.python("bench.subjects", "forward", port, origin.port, port=port, core=core, talks=True)
    return [
        _line("sidecar", sidecar(folder, origin.port, core, talks=True), BOUND_MS),
        _line("F", forward, None),
    ]


def _line(name: str, server: Server, bound: float | None) -> Line:
    with server:
        time.sleep(1.0)  # what a start leaves to do
        rest = _probed(server, partial(time.sleep, 2.0))
        _traffic(server.port, 2.0)
        passes = [_probed(server, partial(_traffic, server.port, PASSING_S)) for _ in range(PASSES)]
    longest = sorted(each["cpu_ms"][0] for each in passes)
    usual = sorted(turn for each in passes for turn in each["cpu_ms"][1:])
    beside = (
        f"longest of each pass {', '.join(f'{each:.1f}' for each in longest)}; next ones around {median(usual):.1f}; "
        f"at rest {rest['cpu_ms'][0]:.2f} ms; {sum(each['turns'] for each in passes)} turns"
    )
    return Line(f"longest hold of the loop, {name}, 1 MB calls and 16 MB replies", longest[0], "ms", bound, beside)


class Seen(TypedDict):
    """What a probe says (`bench.inside`)."""

    turns: int
    cpu_ms: list[float]
    wall_ms: float


def _probed(server: Server, during: Callable[[], None]) -> Seen:
    server.ask("probe")
    during()
    seen: Seen = orjson.loads(server.ask("stop"))
    return seen


def _traffic(port: int, for_s: float) -> None:
    """Send big calls, calls with big replies and small calls at once, each kind on a connection of its own.

    One of each: a turn of the loop that serves ten callers is ten pieces of work, and it is the longest piece that is looked for.
    """
    until = time.monotonic() + for_s
    big = messages.BIG.decode()
    kinds = [
        [
            messages.post(body, "GetSeats")
            for body in (messages.call("GetSeats", messages.BIG_CALL_BYTES), messages.listed_call("GetSeats"))
        ],
        [messages.post(messages.call(big), big)],
        [messages.post(messages.call(messages.OPERATION), messages.OPERATION)],
    ]
    failures: list[BaseException] = []

    def send(requests: list[bytes]) -> None:
        turns = cycle(requests)
        try:
            with connect(port) as sock:
                while time.monotonic() < until:
                    sock.sendall(next(turns))
                    head, _ = read_reply(sock)
                    assert b" 200 " in head[:16], head
        except BaseException as error:  # noqa: BLE001 - told by the caller's thread
            failures.append(error)

    threads = [threading.Thread(target=send, args=(requests,)) for requests in kinds]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]
