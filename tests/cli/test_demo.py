"""`sidecar demo`: what it hands to the demo. The demo itself has its own tests."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from sidecar.cli import main
from sidecar.demo import show


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """Let the demo end at once, with exit code 7."""
    calls: list[dict[str, Any]] = []

    async def at_once(**options: Any) -> int:
        calls.append(options)
        return 7

    monkeypatch.setattr(show, "main", at_once)
    return calls


@pytest.mark.parametrize(
    ("argv", "options"),
    [
        ([], {"for_s": None, "as_json": False, "config": None, "unprotected": False}),
        (["--for", "20s", "--json"], {"for_s": 20.0, "as_json": True, "config": None, "unprotected": False}),
        (["--unprotected"], {"for_s": None, "as_json": False, "config": None, "unprotected": True}),
        (
            ["--for", "1m", "--config", "a.yaml"],
            {"for_s": 60.0, "as_json": False, "config": Path("a.yaml"), "unprotected": False},
        ),
    ],
)
def test_options(asked: list[dict[str, Any]], argv: list[str], options: dict[str, Any]) -> None:
    """Each arrives, and the demo's exit code is ours."""
    assert CliRunner().invoke(main, ["demo", *argv]).exit_code == 7
    assert asked == [options]


@pytest.mark.parametrize("value", ["20", "soon", "0s", "48h"])
def test_no_duration_is_wrong_use(asked: list[dict[str, Any]], value: str) -> None:
    """2, and no demo."""
    done = CliRunner().invoke(main, ["demo", "--for", value])
    assert done.exit_code == 2
    assert "--for" in done.output
    assert asked == []


def test_settings_of_a_sidecar_that_is_not_there_are_wrong_use(asked: list[dict[str, Any]]) -> None:
    """2, and it says why."""
    done = CliRunner().invoke(main, ["demo", "--unprotected", "--config", "a.yaml"])
    assert done.exit_code == 2
    assert "there is none" in done.output
    assert asked == []
