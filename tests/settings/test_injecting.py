"""Faults in settings: what is wrong is shown by `broken/injection.txt`; here is what is not, and what it becomes."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from sidecar.policy.injection import MOST, Fault, Kind
from sidecar.settings.load import load_text
from sidecar.settings.problem import SettingsError

if TYPE_CHECKING:
    from sidecar.plan import BackendPlan


def backend(*inject: str) -> BackendPlan:
    source = f"backends: {{t: {{protocol: soap, url: http://h/x, inject: [{', '.join(inject)}]}}}}"
    return load_text(source, "x.yaml", Path("/nowhere"), {}).backends[0]


@pytest.mark.parametrize(
    ("said", "fault"),
    [
        ("operation: Get, reset: true, for: 1s", Fault("Get", Kind.RESET, 1.0)),
        ("operation: Get, truncate: true, for: 1h", Fault("Get", Kind.TRUNCATE, 3600.0)),
        ("operation: Get, error: fault, for: 1m", Fault("Get", Kind.ERROR, 60.0)),
        ('operation: Get, error: "503", for: 1m', Fault("Get", Kind.ERROR, 60.0, status=503)),
        ("operation: Get, error: 400, for: 1m", Fault("Get", Kind.ERROR, 60.0, status=400)),
        ("operation: Get, latency: 5m, for: 1m", Fault("Get", Kind.LATENCY, 60.0, latency_s=300.0)),
        (
            "operation: '*', latency: 2s, jitter: 2s, share: 0.001%, for: 1m",
            Fault("*", Kind.LATENCY, 60.0, share=0.00001, latency_s=2.0, jitter_s=2.0),
        ),
        (
            "operation: Get, reset: true, header: X-A=b=c, for: 1m",
            Fault("Get", Kind.RESET, 60.0, header=("x-a", "b=c")),
        ),
    ],
)
def test_what_is_said_is_what_holds(said: str, fault: Fault) -> None:
    """With its bounds: they belong to the range."""
    [made] = backend(f"{{{said}}}").inject
    assert (made.operation, made.kind, made.for_s, made.header) == (
        fault.operation,
        fault.kind,
        fault.for_s,
        fault.header,
    )
    assert (made.latency_s, made.jitter_s, made.status) == (fault.latency_s, fault.jitter_s, fault.status)
    assert made.share == pytest.approx(fault.share)


def test_faults_that_differ_in_anything_are_two() -> None:
    """In their order, for the first that means a call decides."""
    many = backend(
        "{operation: Get, reset: true, for: 1m}",
        "{operation: Get, reset: true, for: 2m}",
        "{operation: Get, reset: true, share: 50%, for: 1m}",
        "{operation: Get, truncate: true, for: 1m}",
    )
    assert [fault.text for fault in many.inject] == [
        "reset on Get",
        "reset on Get",
        "reset on Get, 50% of them",
        "truncate on Get",
    ]


def test_as_many_may_be_written_as_may_hold() -> None:
    """And no more."""
    some = [f"{{operation: Get{number}, reset: true, for: 1m}}" for number in range(MOST + 1)]
    assert len(backend(*some[:MOST]).inject) == MOST
    with pytest.raises(SettingsError, match="E205"):
        backend(*some)


def test_none_is_the_default() -> None:
    """Nothing goes wrong that nobody asked for."""
    assert backend().inject == ()
