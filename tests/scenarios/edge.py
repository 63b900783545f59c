"""The shipped edge configurations, run: nginx and HAProxy before a port, from copies with this test's addresses in them.

Stands between the edge tests and `deploy/edge`. What it changes are the places that an operator edits, and the ports.
"""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

from tests.support import require
from tests.support.ports import free_port
from tests.support.process import Program

if TYPE_CHECKING:
    from collections.abc import Mapping

DEPLOY = Path(__file__).resolve().parents[2] / "deploy" / "edge"
SHIPPED_ORIGIN = "https://shop.example"
SHIPPED_SIDECAR = "127.0.0.1:8080"


def _copy(kind: str, folder: Path, changes: Mapping[str, str]) -> None:
    """Copy the shipped files with `changes`; each must be found somewhere, or the files are not what we think."""
    unseen = set(changes)
    for source in (DEPLOY / kind).iterdir():
        text = source.read_bytes()  # line ends as they are: an errorfile is a raw response
        for old, new in changes.items():
            if old.encode() in text:
                unseen.discard(old)
                text = text.replace(old.encode(), new.encode())
        (folder / source.name).write_bytes(text)
    assert not unseen, f"nowhere in deploy/edge/{kind}: {unseen}"


class Nginx(Program):
    """nginx in the foreground, with everything that it writes below `folder`."""

    def __init__(self, folder: Path, origin: str, sidecar_port: int, changes: Mapping[str, str] | None = None) -> None:
        self.port = free_port()
        binary = require.program("nginx")
        sidecar = f"127.0.0.1:{sidecar_port}"
        _copy("nginx", folder, {SHIPPED_ORIGIN: origin, SHIPPED_SIDECAR: sidecar, **(changes or {})})
        paths = "".join(
            f"{name}_temp_path {folder}/{name};" for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
        )
        config = folder / "nginx.conf"
        config.write_text(
            f"daemon off; master_process off; worker_processes 1; pid {folder}/nginx.pid; error_log stderr warn;"
            "events { worker_connections 256; }"
            f"http {{ access_log off; {paths} include sidecar-http.conf;"
            f"server {{ listen 127.0.0.1:{self.port}; include sidecar-server.conf; }} }}\n"
        )
        self.check = subprocess.run(
            [binary, "-t", "-p", str(folder), "-c", str(config), "-e", "stderr"],
            capture_output=True,
            text=True,
            check=False,
        )
        super().__init__([binary, "-p", str(folder), "-c", str(config), "-e", "stderr"], name="nginx")
        self.wait_port(self.port)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"


class Haproxy(Program):
    """HAProxy in the foreground."""

    def __init__(self, folder: Path, origin: str, sidecar_port: int, changes: Mapping[str, str] | None = None) -> None:
        self.port = free_port()
        binary = require.program("haproxy")
        own = {
            SHIPPED_ORIGIN: origin,
            SHIPPED_SIDECAR: f"127.0.0.1:{sidecar_port}",
            ":8443": f"127.0.0.1:{self.port}",
            "/etc/haproxy/sidecar": str(folder),
            "maxconn 10000": "maxconn 500",  # as many descriptors as a test machine has
        }
        _copy("haproxy", folder, {**own, **(changes or {})})
        config = str(folder / "haproxy.cfg")
        self.check = subprocess.run([binary, "-c", "-f", config], capture_output=True, text=True, check=False)
        super().__init__([binary, "-db", "-f", config], name="haproxy")
        self.wait_port(self.port)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"
