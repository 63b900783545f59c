"""What the polls of a waiting room cost over HTTP, against a bare server that answers a GET with the same bytes, in one run.

Some thousand visitors have joined, sixty of them have been in and out again, so that everybody is told a time; then each asks in turn, as a
browser does. Joins are measured beside it, without a bound.
"""

from __future__ import annotations

from contextlib import ExitStack
from time import monotonic, sleep
from typing import TYPE_CHECKING, Final

import orjson

from bench import messages
from bench.cost import same
from bench.load import connect, once, read_reply
from bench.process import Server
from bench.report import Line
from bench.rounds import Subject, measure
from tests.support.ports import free_port

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

VISITORS: Final = 4000  # as many as polls of a round: nobody asks so often that it would be too often
ROOM: Final = "/.sidecar/rooms/hamlet"
_ACTIVE: Final = 20
_SEEN: Final = 60  # visits that have ended: so many, and the room tells a time
_PATIENCE_S: Final = 30.0
_HEAD: Final = (
    "Host: 127.0.0.1\r\nUser-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0\r\n"
    "Accept: */*\r\nAccept-Language: de-CH,de;q=0.9,en;q=0.5\r\nAccept-Encoding: gzip, deflate, br\r\n"
    "Origin: https://shop.example\r\nConnection: keep-alive\r\n"
)
_SETTINGS: Final = """\
listen: {{host: 127.0.0.1, port: {port}}}
admin: {{port: {admin}}}
public_url: http://127.0.0.1:{port}
keys: {{file: {folder}/keys}}
store: sqlite:{folder}/state.db
cors: {{origins: [https://shop.example]}}
backends:
  box:
    protocol: soap
    path: {path}
    url: "http://127.0.0.1:{origin}{path}"
rooms:
  hamlet:
    covers: [{{backend: box, operations: ["Reserve*"]}}]
    opens: "2026-01-01T09:00:00Z"
    max_active: {active}
    crowd: {{per_address: 0}}
    page: {{title: {{en: Hamlet, de: Hamlet}}, languages: [en, de, fr]}}
"""


def polls(folder: Path, core: int, origin: Server, rounds: int) -> list[Line]:
    """Measure and return the lines."""
    port, bare_port = free_port(), free_port()
    file = folder / f"room-{port}.yaml"
    file.write_text(
        _SETTINGS.format(
            port=port, admin=free_port(), folder=folder, path=messages.PATH, origin=origin.port, active=_ACTIVE
        ),
        "utf-8",
    )
    with ExitStack() as stack:
        ours = stack.enter_context(Server.python("sidecar", "run", file, port=port, core=core))
        places = _gathered(ours.port)
        asked = [_poll(place) for place in places]
        told = once(ours.port, asked[-1])
        replies = folder / "polls.json"
        replies.write_bytes(orjson.dumps(dict([same("poll", told)])))
        bare = stack.enter_context(
            Server.python("bench.subjects", "bare", bare_port, replies, port=bare_port, core=core)
        )
        to_bare = [_poll(place, "/poll") for place in places]
        poll, g = Subject("poll", ours, asked), Subject("G", bare, to_bare)
        join = Subject("join", ours, _post(f"{ROOM}/join"))
        measure([poll, g, join], rounds)
    beside = f"{poll.median_us:.0f} µs against G = {g.median_us:.0f} µs"
    said = orjson.loads(told[1])["queue"]
    assert said["eta_s"] is not None, "the dearest of polls is measured: one that tells a time"
    return [
        Line("polls of a room, over those of G", 1 / poll.over(g), "x G", 0.4, beside, at_least=True),
        Line(
            "polls of a room a second, on one core", 1e6 / poll.median_us, "/s", 15_000.0, "by CPU time", at_least=True
        ),
        Line("a join over HTTP", join.median_us, "µs", None, f"{join.over(g):.2f} x G"),
    ]


def _gathered(port: int) -> list[str]:
    """Let everybody join, and some go in and out; return the places of those who wait."""
    joined = _all(port, [_post(f"{ROOM}/join")] * VISITORS)
    places = [each["place"] for each in joined]
    until, seen = monotonic() + _PATIENCE_S, 0
    while seen < _SEEN and monotonic() < until:
        near = places[: 3 * _ACTIVE]
        called = [
            place for place, said in zip(near, _all(port, map(_poll, near)), strict=True) if said["visitor"] == "called"
        ]
        for place in called:
            _all(port, [_post(f"{ROOM}/claim", place), _post(f"{ROOM}/release", place)])
        places = [place for place in places if place not in called] if called else places
        seen += len(called)
        sleep(0.3)  # a tick
    sleep(1.0)
    return places[_ACTIVE:]


def _all(port: int, requests: Sequence[bytes] | map[bytes]) -> list[dict[str, str]]:
    """Send these, one after the other; return what is said of each visitor."""
    said = []
    with connect(port) as sock:
        for request in requests:
            sock.sendall(request)
            said.append(orjson.loads(read_reply(sock)[1])["queue"])
    return said


def _poll(place: str, target: str = f"{ROOM}/place") -> bytes:
    return f"GET {target} HTTP/1.1\r\n{_HEAD}Sidecar-Place: {place}\r\n\r\n".encode()


def _post(target: str, place: str | None = None) -> bytes:
    shown = "" if place is None else f"Sidecar-Place: {place}\r\n"
    return f"POST {target} HTTP/1.1\r\n{_HEAD}{shown}Content-Length: 0\r\n\r\n".encode()
