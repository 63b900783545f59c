"""What a call costs: the sidecar against R, G, F and the peers, in CPU time of one process on one core, in one run."""

from __future__ import annotations

from contextlib import ExitStack
from time import time
from typing import TYPE_CHECKING, Final

import orjson

from bench import messages
from bench.load import once
from bench.peers import PEERS
from bench.process import Server
from bench.report import Line
from bench.rounds import Subject, measure
from sidecar.model import Notice
from sidecar.policy.pauses import EVERYTHING, Kind, Scope, Sign
from sidecar.stores.orders import VERSION
from sidecar.stores.pauses import SECTION
from sidecar.stores.signs import written
from tests.support.ports import free_port

if TYPE_CHECKING:
    from pathlib import Path

HEALTH: Final = "/.sidecar/healthz"
_FRAMING: Final = ("content-length", "connection", "date", "server")

SETTINGS: Final = """\
listen: {{host: 127.0.0.1, port: {port}}}
admin: {{port: {admin}}}
public_url: http://127.0.0.1:{port}
backends:
  box:
    protocol: soap
    path: {path}
    url: "http://127.0.0.1:{origin}{path}"
    wsdl: {wsdl}
    deny: [{denied}]
    operations:
      "Get*": {{safe: true}}
  kept:
    protocol: soap
    path: {kept}
    url: "http://127.0.0.1:{origin}{path}"
    wsdl: {wsdl}
    operations:
      "Get*": {{safe: true, cache: {{ttl: 1h, ignore_origin: [private, max-age]}}}}
"""


def settings(folder: Path, port: int, origin: int, admin: int = 0, more: str = "") -> Path:
    """Write the sidecar's settings; `admin` 0 takes a free port for operators. Its WSDL is the origin's, in a file, so that nothing is
    fetched while we measure. `more` is written behind them.
    """
    from sidecar.demo import wsdl  # noqa: PLC0415 - only the writer of settings needs it

    document = folder / "box.wsdl"
    document.write_bytes(wsdl.wsdl(f"http://127.0.0.1:{origin}{messages.PATH}", single=True))
    file = folder / f"sidecar-{port}.yaml"
    text = SETTINGS.format(
        port=port,
        admin=admin,
        origin=origin,
        path=messages.PATH,
        kept=messages.KEPT,
        wsdl=document,
        denied=messages.DENIED,
    )
    file.write_text(text + more, "utf-8")
    return file


def paused(folder: Path, origin: int, core: int) -> Server:
    """Return the product, paused as it was before a restart, with a sentence in three languages and news in a while."""
    keys, port = folder / "paused.keys", free_port()
    texts = (("en", "Back at 9:20"), ("de", "Um 9:20 Uhr geht es weiter"), ("fr", "Nous reprenons à 9 h 20"))
    notice = Notice("p3f9a1", "warning", texts, time() + 120)
    sign = Sign("p3f9a1", Kind.PAUSE, EVERYTHING, notice, 0.0, Scope.ENTRY, remind_s=900.0)
    document = {"v": VERSION, "sections": {SECTION: [written(sign, 0.0, time())]}}
    keys.with_name(f"{keys.name}.orders").write_bytes(orjson.dumps(document))
    file = settings(folder, port, origin, more=f"keys: {{file: {keys}}}\n")
    return Server.python("sidecar", "run", file, port=port, core=core)


def sidecar(folder: Path, origin: int, core: int, *, talks: bool = False) -> Server:
    """Return the product itself, or with an ear (`bench.inside`)."""
    port = free_port()
    file = settings(folder, port, origin)
    if talks:
        return Server.python("bench.inside", file, port=port, core=core, talks=True)
    return Server.python("sidecar", "run", file, port=port, core=core)


def same(name: str, reply: tuple[bytes, bytes]) -> tuple[str, list[object]]:
    """Return what the bare handler has to answer: the sidecar's own bytes and headers, less what aiohttp writes itself."""
    head, body = reply
    first, *lines = head.decode("latin-1").split("\r\n")
    pairs = [tuple(line.split(": ", 1)) for line in lines]
    kept = [pair for pair in pairs if pair[0].lower() not in _FRAMING]
    return f"/{name}", [int(first.split(" ")[1]), kept, body.decode("latin-1")]


def cost(folder: Path, core: int, origin: Server, rounds: int) -> list[Line]:
    """Measure and return the lines."""
    ok = messages.call(messages.OPERATION)
    passing = messages.post(ok, messages.OPERATION)
    denied = messages.post(messages.call(messages.DENIED), messages.DENIED)
    media = messages.post(ok, messages.OPERATION, "text/plain")
    health = messages.get(HEALTH)
    kept = messages.post(ok, messages.OPERATION, path=messages.KEPT)
    with ExitStack() as stack:
        ours = stack.enter_context(sidecar(folder, origin.port, core))
        once(ours.port, kept)  # so that it is known
        shut = stack.enter_context(paused(folder, origin.port, core))
        held = passing.replace(b"Accept: ", b"Accept-Language: de-CH,de;q=0.9,en;q=0.5\r\nAccept: ", 1)
        answers = {"ok": passing, "denied": denied, "media": media, "health": health, "kept": kept}
        replies = {name: once(ours.port, request) for name, request in answers.items()}
        replies["paused"] = once(shut.port, held)
        answers["paused"] = held
        file = folder / "replies.json"
        file.write_bytes(orjson.dumps(dict(same(name, reply) for name, reply in replies.items())))
        bare_port, forward_port = free_port(), free_port()
        bare = stack.enter_context(Server.python("bench.subjects", "bare", bare_port, file, port=bare_port, core=core))
        forward = stack.enter_context(
            Server.python("bench.subjects", "forward", forward_port, origin.port, port=forward_port, core=core)
        )

        def to_bare(name: str, request: bytes) -> bytes:
            method, _, rest = request.split(b" ", 2)
            return method + b" /" + name.encode() + b" " + rest

        status = {name: int(reply[0].split(b" ")[1]) for name, reply in replies.items()}
        mine = {
            name: Subject(name, shut if name == "paused" else ours, answers[name], status[name]) for name in answers
        }
        base = {name: Subject(f"bare {name}", bare, to_bare(name, answers[name]), status[name]) for name in answers}
        f = Subject("F", forward, passing)
        peers, keepers = [], []
        skipped = []
        for peer in PEERS:
            server = peer.server(folder, origin.port, core)
            if server is None:
                skipped.append(Line(f"{peer.name}: skipped, not installed", 0.0, ""))
                continue
            stack.enter_context(server)
            if peer.keeps != "GET":
                peers.append(Subject(peer.name, server, passing))
            if peer.keeps:
                asked = kept if peer.keeps == "POST" else messages.get(messages.KEPT)
                once(server.port, asked)
                keepers.append(Subject(f"{peer.name}, answer that is kept, by {peer.keeps}", server, asked))
        measure([*mine.values(), f, *base.values(), *peers, *keepers], rounds)

    def line(what: str, name: str, bound: float | None, against: Subject, letter: str) -> Line:
        beside = f"{mine[name].median_us:.0f} µs against {letter} = {against.median_us:.0f} µs"
        return Line(what, mine[name].over(against), f"x {letter}", bound, beside)

    return [
        line("pass-through of a 1 KB SOAP call", "ok", 1.6, f, "F"),
        line("refusal after decode (denied operation)", "denied", 2.2, base["denied"], "R"),
        line("refusal before decode (content type)", "media", 1.4, base["media"], "R"),
        line("refusal by a pause, in the caller's language", "paused", 2.5, base["paused"], "R"),
        line("own resource by GET", "health", None, base["health"], "G"),
        line("answer that is kept, by POST", "kept", 1.7, base["kept"], "R"),
        *(Line(peer.name, peer.over(base["kept"]), "x R", None, f"{peer.median_us:.0f} µs") for peer in keepers),
        *(
            Line(f"{peer.name}, pass-through of the same call", peer.over(f), "x F", None, f"{peer.median_us:.0f} µs")
            for peer in peers
        ),
        *skipped,
    ]
