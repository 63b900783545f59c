"""`sidecar health`: what it makes of each answer, and of none. A running sidecar is asked in test_run."""

from __future__ import annotations

import contextlib
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from sidecar.cli import main

if TYPE_CHECKING:
    from collections.abc import Iterator


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
    assert url in done.output
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


@pytest.mark.parametrize("url", ["ftp://a", "a:80", "http://", "http://a:port"])
def test_no_address_is_wrong_use(url: str) -> None:
    """2, with the reason."""
    done = CliRunner().invoke(main, ["health", "--url", url])
    assert done.exit_code == 2, done.output
    assert "--url" in done.output
