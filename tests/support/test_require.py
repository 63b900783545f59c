"""A missing tool may skip a test on a poor machine, and must fail it where the run promised the tool."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support import require


@pytest.fixture(autouse=True)
def _no_promises(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("REQUIRE_PEERS", "REQUIRE_BROWSER", "SIDECAR_WSDL_CORPUS"):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize("kept", ["1", "yes"])
def test_a_promise_turns_the_skip_into_a_failure(kept: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the promise a missing program skips, with it it fails, and both say what to install."""
    with pytest.raises(pytest.skip.Exception, match="Debian has it as `no-such-package`"):
        require.program("no-such-program", package="no-such-package")
    monkeypatch.setenv("REQUIRE_PEERS", kept)
    with pytest.raises(pytest.fail.Exception, match="REQUIRE_PEERS is set"):
        require.program("no-such-program")


def test_every_kind_of_tool(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Programs, browsers, Python packages, npm packages and the WSDL corpus are all asked for in the same way."""
    assert Path(require.program("sh")).name == "sh"
    require.module("pytest")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(pytest.skip.Exception, match="Chromium"):
        require.browser()
    with pytest.raises(pytest.skip.Exception, match="no_such_module"):
        require.module("no_such_module")
    with pytest.raises(pytest.skip.Exception, match="npm ci"):
        require.node_package("soap", tmp_path)
    with pytest.raises(pytest.skip.Exception, match="names no folder"):
        require.wsdl_corpus()


def test_what_is_there_is_found(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A browser on PATH, an installed npm package and a named corpus are returned."""
    browser = tmp_path / "chromium"
    browser.write_text("#!/bin/sh\n")
    browser.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert require.browser() == str(browser)
    package = tmp_path / "node_modules" / "soap"
    package.mkdir(parents=True)
    (package / "package.json").write_text("{}")
    assert require.node_package("soap", tmp_path) == package
    monkeypatch.setenv("SIDECAR_WSDL_CORPUS", str(tmp_path))
    assert require.wsdl_corpus() == tmp_path
    monkeypatch.setenv("SIDECAR_WSDL_CORPUS", str(tmp_path / "gone"))
    with pytest.raises(pytest.fail.Exception, match="no folder"):
        require.wsdl_corpus()
