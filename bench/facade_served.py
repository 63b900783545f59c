"""JSON through a running sidecar: what a hit costs, that it decodes nothing, and what a vendor's contract takes at its first use.

The backend is a bare server that always answers the same, so that what is measured is the sidecar's.
"""

from __future__ import annotations

import os
import time
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import orjson

from adapters.soap import samples
from adapters.soap.encoding import InvalidParams
from adapters.soap.speech import Speech
from adapters.soap.unspeakable import Unspeakable
from bench import facade_contract as contract
from bench import messages
from bench.cost import same
from bench.facade_codec import reply
from bench.facade_counted import COUNTED, DECODED, LOADED, PARSED
from bench.load import once
from bench.process import ROOT, Server
from bench.report import Line
from bench.rounds import PER_ROUND, WARM_UP, Subject, measure
from sidecar.demo.soap import NS
from tests.support.ports import free_port

if TYPE_CHECKING:
    from bench.hold import Seen

CORPUS: Final = "SIDECAR_WSDL_CORPUS"
_BESIDE: Final = ROOT.parent / "shared" / "wsdl"  # where the vendors' WSDLs lie beside a checkout
_WSDL: Final = "tessitura.wsdl"
_SMALL: Final = messages.REPLY_BYTES
_LARGE: Final = 60_000
_MIB: Final = 1024 * 1024
_REST_S: Final = 0.3  # without a millisecond of work: whatever a start leaves to do is done

SETTINGS: Final = """\
listen: {{host: 127.0.0.1, port: {port}}}
admin: {{port: 0}}
public_url: http://127.0.0.1:{port}
backends:
  box:
    protocol: soap
    path: /box
    url: "http://127.0.0.1:{origin}/box"
    wsdl: {wsdl}
    expose: ["*"]
    operations:
      "Get*": {{safe: true, cache: {{ttl: 1h, ignore_origin: [private, max-age]}}}}
"""


def _settings(folder: Path, name: str, origin: int, wsdl: Path) -> tuple[int, Path]:
    port, file = free_port(), folder / f"{name}.yaml"
    file.write_text(SETTINGS.format(port=port, origin=origin, wsdl=wsdl), "utf-8")
    return port, file


def _bare(folder: Path, name: str, replies: dict[str, list[object]], core: int) -> Server:
    file, port = folder / f"{name}.json", free_port()
    file.write_bytes(orjson.dumps(replies))
    return Server.python("bench.subjects", "bare", port, file, port=port, core=core)


def _backend(folder: Path, name: str, body: bytes, core: int) -> Server:
    return _bare(folder, name, {"/box": [200, [["Content-Type", "text/xml; charset=utf-8"]], body.decode()]}, core)


def _post_json(operation: str, value: Any) -> bytes:
    body = orjson.dumps(value)
    head = (
        f"POST /box/json/{operation} HTTP/1.1\r\nHost: 127.0.0.1\r\nUser-Agent: bench\r\nAccept: */*\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


# --- hits


def hits(folder: Path, core: int, others: int, rounds: int) -> list[Line]:
    """Measure hits of a small answer and a large one, each by GET, by POST and natively."""
    return [
        *_hits(folder, core, others, rounds, _SMALL),
        *_hits(folder, core, others, rounds, _LARGE),
        _undecoded(folder, core, others),
    ]


def _requests(value: dict[str, Any]) -> dict[str, bytes]:
    query = "&".join(f"{key}={each}" for key, each in value.items())
    native = Speech.of({"box.wsdl": contract.wsdl()}).encode(contract.OPERATION, value)
    return {
        "get": messages.get(f"/box/json/{contract.OPERATION}?{query}"),
        "post": _post_json(contract.OPERATION, value),
        "native": messages.post(native, contract.OPERATION, path="/box").replace(
            f'"{NS}'.encode(), f'"{contract.NS}/'.encode()
        ),
    }


def _hits(folder: Path, core: int, others: int, rounds: int, size_bytes: int) -> list[Line]:
    name, wsdl = f"hits-{size_bytes}", folder / "box.wsdl"
    wsdl.write_bytes(contract.wsdl())
    requests = _requests(contract.small_call())
    with ExitStack() as stack:
        origin = stack.enter_context(_backend(folder, f"{name}-origin", reply(contract.OPERATION, size_bytes), others))
        port, file = _settings(folder, name, origin.port, wsdl)
        ours = stack.enter_context(Server.python("sidecar", "run", file, port=port, core=core))
        _at_rest(ours)
        replies = {way: once(port, request) for way, request in requests.items()}
        bare = stack.enter_context(
            _bare(folder, f"{name}-bare", dict(same(way, answer) for way, answer in replies.items()), core)
        )
        mine = {way: Subject(way, ours, request) for way, request in requests.items()}
        base = {way: Subject(f"bare {way}", bare, _to_bare(way, request)) for way, request in requests.items()}
        measure([*mine.values(), *base.values()], rounds)
    size = f"{size_bytes / 1000:.0f} KB"

    def line(way: str, what: str, letter: str) -> Line:
        own, other = mine[way], base[way]
        beside = f"{own.median_us:.0f} µs against {letter} = {other.median_us:.0f} µs"
        if way != "native":
            beside += f"; {own.over(mine['native']):.2f} x the native hit; {len(replies[way][1])} bytes"
        return Line(f"{what}, of {size}", own.over(other), f"x {letter}", None, beside)

    return [
        line("get", "answer that is kept, in JSON by GET", "G"),
        line("post", "answer that is kept, in JSON by POST", "R"),
        line("native", "the same answer natively", "R"),
    ]


def _to_bare(way: str, request: bytes) -> bytes:
    method, _, rest = request.split(b" ", 2)
    return method + b" /" + way.encode() + b" " + rest


def _undecoded(folder: Path, core: int, others: int) -> Line:
    """Count what is decoded while thousands are answered from what is kept."""
    requests = _requests(contract.small_call())
    with ExitStack() as stack:
        origin = stack.enter_context(_backend(folder, "counted-origin", reply(contract.OPERATION, _SMALL), others))
        port, file = _settings(folder, "counted", origin.port, folder / "box.wsdl")
        ours = stack.enter_context(_counted(file, port, core))
        _at_rest(ours)
        once(port, requests["get"])
        first = _counts(ours)
        measure([Subject(way, ours, requests[way]) for way in ("get", "post")], 1)
        after = _counts(ours)
    assert first[DECODED] == 1, "the one that fills the cache is counted"
    what = sum(after[each] - first[each] for each in (DECODED, PARSED))
    return Line(
        "replies decoded by JSON hits",
        what,
        "",
        0,
        f"{2 * (WARM_UP + PER_ROUND)} hits by GET and POST; one before, which filled the cache",
    )


def _counted(file: Path, port: int, core: int) -> Server:
    return Server.python("bench.facade_counted", file, port=port, core=core, talks=True)


def _counts(server: Server) -> dict[str, int]:
    found: dict[str, int] = orjson.loads(server.ask(COUNTED))
    return found


def _at_rest(server: Server) -> None:
    """Wait until a server does nothing any more: its contract is indexed after the start."""
    while True:
        before_s = server.cpu_s()
        time.sleep(_REST_S)
        if server.cpu_s() - before_s < 0.005:  # timers alone
            return


# --- a vendor's contract


def vendors() -> Path | None:
    """Return the vendors' WSDL, None where there is none."""
    folder = Path(os.environ.get(CORPUS) or _BESIDE)
    return folder / _WSDL if (folder / _WSDL).is_file() else None


def ready(folder: Path, core: int, others: int) -> list[Line]:
    """Measure the first JSON call of a large contract, and its pages, in a process that has just started."""
    wsdl = vendors()
    if wsdl is None:
        return [Line(f"a vendor's contract: skipped, {CORPUS} names no folder with {_WSDL}", 0.0, "")]
    operation, value, answer = _sample(wsdl)
    with ExitStack() as stack:
        origin = stack.enter_context(_backend(folder, "ready-origin", answer, others))
        port, file = _settings(folder, "ready", origin.port, wsdl)
        ours = stack.enter_context(_counted(file, port, core))
        _at_rest(ours)
        start_bytes, early = ours.rss_bytes(), _counts(ours)
        request = _post_json(operation, value)
        first = _timed(ours, request)
        loaded_bytes = ours.rss_bytes()
        again = _timed(ours, request)
        pages = _timed(ours, messages.get("/box/openapi.json"))
        paths = len(orjson.loads(pages.body)["paths"])
        end_bytes, late = ours.rss_bytes(), _counts(ours)
    assert first.status == 200, first.body[:500]
    assert late[LOADED] == 1, "loaded when it was asked for, and once"
    return [
        Line(
            "contracts loaded before the first JSON call", early[LOADED], "", 0, f"memory {start_bytes / _MIB:.1f} MB"
        ),
        Line(
            f"first JSON call of Tessitura's contract ({operation})",
            first.wall_s,
            "s",
            1.0,
            f"{first.cpu_s:.2f} s of CPU, longest turn {first.held_ms:.1f} ms; the next one {again.wall_s * 1000:.1f} ms; "
            f"memory + {(loaded_bytes - start_bytes) / _MIB:.1f} MB",
        ),
        Line(
            f"all {paths} operations of Tessitura's described (openapi.json)",
            pages.wall_s,
            "s",
            None,
            f"{pages.cpu_s:.2f} s of CPU, longest turn {pages.held_ms:.1f} ms; {len(pages.body) / 1000:.0f} KB",
        ),
        Line(
            "memory of Tessitura's contract, used and described",
            (end_bytes - start_bytes) / _MIB,
            "MB",
            40.0,
            f"RSS, from {start_bytes / _MIB:.1f} to {end_bytes / _MIB:.1f} MB",
        ),
    ]


class _Timed:
    """One request: its time, what it cost, and for how long it held the loop."""

    def __init__(self, server: Server, request: bytes) -> None:
        server.ask("probe")
        cpu_s, began_s = server.cpu_s(), time.perf_counter()
        head, self.body = once(server.port, request)
        self.wall_s = time.perf_counter() - began_s
        self.cpu_s = server.cpu_s() - cpu_s
        seen: Seen = orjson.loads(server.ask("stop"))
        self.held_ms = seen["cpu_ms"][0]
        self.status = int(head.split(b" ")[1])


def _timed(server: Server, request: bytes) -> _Timed:
    return _Timed(server, request)


def _sample(wsdl: Path) -> tuple[str, Any, bytes]:
    """Return the first operation that a call and a reply can be made up for, and both."""
    speech = Speech.of({wsdl.name: wsdl.read_bytes()})
    for name in speech.names:
        try:
            signature = speech.signature(name)
            if signature.output is None or not signature.input.element:
                continue
            value = samples.sample(signature.input, speech.types, sent=True)
            answered = samples.sample(signature.output, speech.types)
            if value and answered:
                return name, value, speech.reply(name, answered)
        except (Unspeakable, InvalidParams):
            continue  # a DataSet, say
    raise AssertionError(f"{wsdl} has no operation that a sample can be made of")
