"""The one place where a missing tool becomes a skip, or, where the run promised to have it, a failure.

`REQUIRE_BROWSER`, `REQUIRE_REDIS` and `REQUIRE_PEERS` are such promises: with one set, a machine without the tool is not
a machine on which the tests are green.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
from pathlib import Path
from typing import NoReturn

import pytest

# Debian's name first; a browser of Playwright's own would have to be downloaded.
_BROWSERS = ("chromium", "chromium-browser", "google-chrome")


def missing(what: str, promise: str, remedy: str) -> NoReturn:
    """Skip the test, or fail it where the environment holds `promise`."""
    said = f"{what} is not installed; {remedy}"
    if os.environ.get(promise, "") not in ("", "0"):
        pytest.fail(f"{said} ({promise} is set)", pytrace=False)
    pytest.skip(said)


def program(name: str, promise: str = "REQUIRE_PEERS", package: str | None = None) -> str:
    """Return the path of a program on PATH (`/usr/sbin` included: nginx and HAProxy live there)."""
    path = os.pathsep.join((os.environ.get("PATH", ""), "/usr/sbin", "/usr/local/sbin"))
    found = shutil.which(name, path=path)
    return found or missing(name, promise, f"Debian has it as `{package or name}`")


def browser() -> str:
    """Return the path of a Chromium."""
    found = next(filter(None, map(shutil.which, _BROWSERS)), None)
    return found or missing("Chromium", "REQUIRE_BROWSER", "Debian has it as `chromium`")


def module(name: str, promise: str = "REQUIRE_PEERS") -> None:
    """Go on only where the Python package `name` can be imported."""
    if importlib.util.find_spec(name) is None:
        missing(f"the Python package {name}", promise, "it is in requirements.lock where this Python can have it")


def node_package(name: str, folder: Path) -> Path:
    """Return the folder of an npm package below `folder`/node_modules."""
    found = folder / "node_modules" / name
    if not (found / "package.json").is_file():
        missing(f"the npm package {name}", "REQUIRE_PEERS", f"`npm ci` in {folder.name} gets it")
    return found


def wsdl_corpus() -> Path:
    """Return the folder of real WSDLs that SIDECAR_WSDL_CORPUS names; they are not ours to hand on."""
    folder = os.environ.get("SIDECAR_WSDL_CORPUS", "")
    if not folder:
        pytest.skip("SIDECAR_WSDL_CORPUS names no folder of real WSDLs")
    if not Path(folder).is_dir():
        pytest.fail(f"SIDECAR_WSDL_CORPUS names {folder}, which is no folder", pytrace=False)
    return Path(folder)
