"""A sidecar with an operator before it: real processes and real files, orders given on the command line as an operator gives them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import urllib.request
from typing import TYPE_CHECKING, Any

from tests.scenarios.theatre import Theatre, call, opened
from tests.scenarios.ways import place
from tests.support.client import Response, ask
from tests.support.process import ROOT, SidecarProcess

if TYPE_CHECKING:
    from contextlib import ExitStack
    from pathlib import Path

TOKEN = "a-token-for-these-tests-only"


class Desk:
    """`more` replaces whole blocks of the settings."""

    def __init__(self, stack: ExitStack, folder: Path, **more: Any) -> None:
        self.folder, self.keys = folder, folder / "sidecar.keys"
        whole = {"keys": {"file": str(self.keys)}, "admin": {"port": 0, "token": TOKEN}, **more}
        self.theatre: Theatre = stack.enter_context(opened(folder, **whole))
        self.sidecar: SidecarProcess = self.theatre.sidecar
        self._stack = stack

    def order(self, *argv: str) -> subprocess.CompletedProcess[str]:
        environ = {
            **os.environ,
            "SIDECAR_ADMIN": self.sidecar.admin_url,
            "SIDECAR_ADMIN_TOKEN": TOKEN,
            "SIDECAR_ACTOR": "alice",
        }
        return subprocess.run(
            [sys.executable, "-m", "sidecar", *argv], cwd=ROOT, env=environ, capture_output=True, text=True, check=False
        )

    def pause(self, *argv: str) -> None:
        done = self.order("pause", *argv, "--reason", "a test")
        assert done.returncode == 0, done.stderr

    def status(self) -> dict[str, Any]:
        facts: dict[str, Any] = json.loads(self.order("status", "--format", "json").stdout)
        return facts

    def audit(self) -> list[dict[str, Any]]:
        """Return the orders that were given, the newest last or first as the listener has them."""
        with urllib.request.urlopen(f"{self.sidecar.admin_url}/admin/v1/audit?last=200", timeout=5) as reply:
            found: list[dict[str, Any]] = json.load(reply)["audit"]
        return found

    async def ask(self, dialect: str, operation: str = "Fine", *headers: tuple[str, str], house: str = "") -> Response:
        return await ask(self.sidecar.url, call(dialect, operation).raw(place(dialect, house), headers=headers))

    def crash(self) -> None:
        """Kill it, and start another one with the same settings and files."""
        self.sidecar.kill()
        settings = json.loads(self.sidecar.config.read_text("utf-8"))
        self.sidecar = self._stack.enter_context(SidecarProcess(settings, self.folder))
