"""`sidecar health`: what it makes of each answer, and of none. A running sidecar is asked in test_run."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from sidecar.cli import main
from tests.support.backend import Point, ThreadBackend, answer, cut, silent
from tests.support.replies import garbage, http

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.support.certs import Certs
    from tests.support.plays import Turn

OK = http(b'{"state":"ok"}', content_type="application/json")
HEAVY = ("aiohttp", "asyncio", "email", "http", "lxml", "orjson", "pydantic", "rich", "ruamel", "ssl", "uvloop")
MODULES = """
import json, sys
from sidecar.__main__ import main
try:
    main(["health", "--url", sys.argv[1]])
except SystemExit as end:
    print(json.dumps({"code": end.code, "modules": sorted(sys.modules)}))
"""


@contextlib.contextmanager
def answering(status: int, body: bytes) -> Iterator[tuple[str, list[str]]]:
    """Serve one fixed answer; the list gets the paths that were asked for."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}", asked
        finally:
            server.shutdown()
            thread.join()


@pytest.mark.parametrize(
    ("status", "body", "ready", "code"),
    [
        (200, b'{"state":"ok"}', False, 0),
        (200, b'{"state":"ok","ready":true}', True, 0),
        (200, b'{"state":"ok","ready":false}', True, 1),
        (503, b'{"state":"draining"}', True, 1),
        (503, b"", False, 1),
        (404, b"", False, 1),
    ],
)
def test_answers(status: int, body: bytes, ready: bool, code: int) -> None:
    """Only 200 is well, and only ready is ready."""
    with answering(status, body) as (url, asked):
        done = CliRunner().invoke(main, ["health", "--url", url, *(["--ready"] if ready else [])])
    assert done.exit_code == code
    word = "ready" if ready else "well"
    assert done.output == (f"{url} is {word}\n" if code == 0 else f"{url} is not {word}: status {status}\n")
    assert asked == ["/.sidecar/readyz" if ready else "/.sidecar/healthz"]


def test_no_answer_is_not_well() -> None:
    """Nobody listens on port 1."""
    done = CliRunner().invoke(main, ["health", "--url", "http://127.0.0.1:1"])
    assert done.exit_code == 1
    assert "does not answer" in done.output


def test_no_socket_is_not_well() -> None:
    """Nor does anybody on a socket that is not there."""
    done = CliRunner().invoke(main, ["health", "--unix", "/nowhere/s.sock"])
    assert done.exit_code == 1
    assert "/nowhere/s.sock does not answer" in done.output


def test_over_tls_whose_certificate_names_somebody_else(tls: Certs) -> None:
    """It asks whether its own sidecar lives; the certificate is for those who call it by its name."""
    with ThreadBackend(answer(OK), ssl=tls.server) as server:
        done = CliRunner().invoke(main, ["health", "--url", server.url])
        wrong = CliRunner().invoke(main, ["health", "--url", server.url.replace("https", "http")])
    assert (done.exit_code, wrong.exit_code) == (0, 1)


def test_a_socket_and_its_address_are_the_same(tmp_path: Path) -> None:
    """The sidecar prints unix:PATH as its address; --url takes that, and so does the variable that images set."""
    path = tmp_path / "s.sock"
    with ThreadBackend(answer(OK), unix=path):
        for argv, env in (
            (["--unix", str(path)], {}),
            (["--url", f"unix:{path}"], {}),
            ([], {"SIDECAR_HEALTH_URL": f"unix:{path}"}),
        ):
            done = CliRunner().invoke(main, ["health", *argv], env=env)
            assert done.exit_code == 0, done.output


@pytest.mark.parametrize(
    ("play", "said"),
    [
        (cut(Point.BODY, reply=OK), "does not answer"),
        (answer(garbage()), "is no HTTP"),
        (answer(http(b"x", 503)), "status 503"),
        (silent(), "timed out"),
        (answer(OK, piece_bytes=1, gap_s=0.5), "timed out"),
    ],
    ids=["reset", "garbage", "503", "silent", "trickle"],
)
def test_every_other_end_is_told(play: Turn, said: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Exit code 1 and one line, within the time that a container runtime gives, however the answer drips."""
    monkeypatch.setattr("sidecar.cli.health._TIMEOUT_S", 0.7)
    began_s = time.monotonic()
    with ThreadBackend(play) as server:
        done = CliRunner().invoke(main, ["health", "--url", server.url])
        took_s = time.monotonic() - began_s
    assert done.exit_code == 1
    assert said in done.output
    assert done.output.count("\n") == 1
    assert took_s < 5


def test_it_imports_nothing_heavy() -> None:
    """It runs every few seconds in every container: no HTTP library, no TLS, no event loop, nothing of the sidecar but its command."""
    with ThreadBackend(answer(OK)) as server:
        argv = [sys.executable, "-c", MODULES, server.url]
        done = subprocess.run(argv, capture_output=True, text=True, check=True, timeout=60)
    told = json.loads(done.stdout.splitlines()[-1])
    modules = set(told["modules"])
    assert told["code"] == 0, done.stderr
    assert modules & set(HEAVY) == set()
    ours = {name for name in modules if name.startswith(("sidecar", "adapters"))}
    assert ours == {"sidecar", "sidecar.__main__", "sidecar.cli", "sidecar.cli.health"}


@pytest.mark.parametrize("url", ["ftp://a", "a:80", "http://", "http://a:port"])
def test_no_address_is_wrong_use(url: str) -> None:
    """2, with the reason."""
    done = CliRunner().invoke(main, ["health", "--url", url])
    assert done.exit_code == 2, done.output
    assert "--url" in done.output
