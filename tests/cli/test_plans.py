"""Where commands get their plan from."""

from __future__ import annotations

from pathlib import Path

import pytest

from sidecar.cli.plans import plan_of

ROOT = Path(__file__).resolve().parents[2]


def test_a_plan() -> None:
    """Of a right file."""
    assert plan_of(str(ROOT / "config" / "minimal.yaml")).backends[0].name == "tickets"


def test_flags() -> None:
    """Above the file."""
    assert plan_of(str(ROOT / "config" / "minimal.yaml"), ("listen.port=9",)).listen.port == 9


def test_wrong_settings_end_the_process(capsys: pytest.CaptureFixture[str]) -> None:
    """Exit code 78 and the reasons on stderr; stdout is for what was asked."""
    with pytest.raises(SystemExit) as caught:
        plan_of("absent.yaml")
    said = capsys.readouterr()
    assert (caught.value.code, said.out) == (78, "")
    assert "absent.yaml:1:1: cannot be read" in said.err
