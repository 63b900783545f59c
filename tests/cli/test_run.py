"""`sidecar run`: the real process, from start to signal, and its exit codes."""

from __future__ import annotations

import socket
import subprocess
import sys
from typing import TYPE_CHECKING

from click.testing import CliRunner

from sidecar.cli import main
from tests.support.process import SidecarProcess

if TYPE_CHECKING:
    from pathlib import Path

BACKENDS = {"t": {"protocol": "xmlrpc", "url": "http://127.0.0.1:9/RPC2"}}
QUICK = {"delay": "0s", "timeout": "1s"}


def run(*argv: str) -> subprocess.CompletedProcess[str]:
    argv = (sys.executable, "-m", "sidecar", "run", *argv)
    return subprocess.run(argv, capture_output=True, text=True, check=False, timeout=60)


def test_it_serves_until_it_is_told_to_go(tmp_path: Path) -> None:
    """Healthy after the start, also in the eyes of `sidecar health`; 0 after SIGTERM."""
    with SidecarProcess({"backends": BACKENDS, "drain": QUICK}, tmp_path) as sidecar:
        for more, word in (([], "well"), (["--ready"], "ready")):
            asked = CliRunner().invoke(main, ["health", "--url", sidecar.url, *more])
            assert (asked.exit_code, asked.output) == (0, f"{sidecar.url} is {word}\n")
        assert sidecar.stop() == 0


def test_on_a_unix_socket(tmp_path: Path) -> None:
    """A relative one stands beside the settings."""
    socket_file = tmp_path / "s.sock"
    with SidecarProcess(
        {"backends": BACKENDS, "drain": QUICK, "listen": {"unix": str(socket_file)}}, tmp_path
    ) as sidecar:
        assert CliRunner().invoke(main, ["health", "--unix", str(socket_file)]).exit_code == 0
        assert sidecar.stop() == 0


def test_wrong_settings_do_not_start(tmp_path: Path) -> None:
    """78, with every reason on stderr."""
    file = tmp_path / "a.yaml"
    file.write_text("backends: {t: {protocol: soap}}")
    done = run(str(file))
    assert (done.returncode, done.stdout) == (78, "")
    assert "backends.t.url: is missing" in done.stderr


def test_a_taken_port_is_a_failure_while_running(tmp_path: Path) -> None:
    """1, without a traceback: the settings are right, the machine is not."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        file = tmp_path / "a.yaml"
        file.write_text(f"listen: {{port: {port}}}\nbackends: {{t: {{protocol: xmlrpc, url: http://127.0.0.1:9/x}}}}")
        done = run(str(file))
    assert done.returncode == 1
    assert "Traceback" not in done.stderr + done.stdout
    assert str(port) in done.stderr + done.stdout
