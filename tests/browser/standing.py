"""The demo as a visitor has it: box office, sidecar and shop, on ports that were free, for tests of what people see of it.

`Standing` starts it and ends it; it knows the addresses that the demo prints, and how to hurt the box office and make it well.
"""

from __future__ import annotations

import json
import sys
import urllib.request
from typing import Any

from tests.support.process import Program, ProgramError

_DEMO = "import asyncio\nfrom sidecar.demo.show import FREE, main\nraise SystemExit(asyncio.run(main(ports=FREE)))"


class Standing(Program):
    """`with Standing() as demo:` is ready when the block begins."""

    def __init__(self) -> None:
        super().__init__([sys.executable, "-c", _DEMO], env={"PYTHONUNBUFFERED": "1"}, name="demo")
        try:
            self.shop = self.wait_line(r"^shop page +(http://[^ ]+)/$")[1]
            self.sidecar = self.wait_line(r"^sidecar +(http://[^ ]+)/tickets ")[1]
            self._control = self.wait_line(r"watched at (http://[^ ]+)/_stats$")[1]
            self.wait_line(r'"event":"indexed","backend":"tickets"')  # before that nobody can call it in JSON
        except ProgramError:
            self._leave()
            raise

    def hurt(self, **wish: Any) -> None:
        """Set the box office's controls, as in `dead=True, for_s=6`; what was set before is gone."""
        _post(f"{self._control}/_control", {"reset": True, **wish})

    def stats(self) -> dict[str, Any]:
        """Return what the box office has counted."""
        with urllib.request.urlopen(f"{self._control}/_stats", timeout=5) as reply:
            told: dict[str, Any] = json.load(reply)
            return told

    def call(self, operation: str, arguments: dict[str, Any]) -> dict[str, Any]:
        """Call an operation past every page; returns its data."""
        told: dict[str, Any] = _post(f"{self.sidecar}/tickets/json/{operation}", arguments)
        data: dict[str, Any] = told["data"]
        return data


def _post(url: str, body: dict[str, Any]) -> Any:
    wish = urllib.request.Request(url, json.dumps(body).encode(), {"Content-Type": "application/json"})
    with urllib.request.urlopen(wish, timeout=10) as reply:
        return json.load(reply)
