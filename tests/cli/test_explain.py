"""`sidecar explain`: the chain of one operation as it is built."""

from __future__ import annotations

from pathlib import Path

from click.testing import CliRunner

from sidecar.cli import main
from sidecar.pipeline import CALLER, FLIGHT, describe, name
from sidecar.settings.load import load

MINIMAL = str(Path(__file__).resolve().parents[2] / "config" / "minimal.yaml")


def explain(*argv: str):
    return CliRunner().invoke(main, ["explain", *argv])


def test_the_chain() -> None:
    """Every stage that is built, in the order in which a call meets them."""
    done = explain(MINIMAL, "tickets", "GetSeats")
    assert done.exit_code == 0, done.output
    assert done.output == describe(load(MINIMAL, {}), "tickets", "GetSeats") + "\n"
    printed = [line.split()[0] for line in done.output.splitlines() if line.startswith("  ")]
    order = [name(stage) for stage in (*CALLER, *FLIGHT)]
    assert printed == sorted(printed, key=order.index)
    assert {"route", "decode", "queue", "attempt"} <= set(printed)


def test_an_unknown_backend_is_wrong_use() -> None:
    """The answer lists those that there are."""
    done = explain(MINIMAL, "ticket", "GetSeats")
    assert done.exit_code == 2
    assert "tickets" in done.output


def test_wrong_settings() -> None:
    """As everywhere."""
    assert explain("absent.yaml", "a", "b").exit_code == 78
