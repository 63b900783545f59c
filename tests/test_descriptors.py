"""The soft limit of descriptors is raised to what the connections need; where the hard one is lower, the log says what to do."""

from __future__ import annotations

import resource

import pytest

from sidecar import descriptors
from tests.support.world import Recorder

NEEDED = 20_064
"""For 10 000 connections: two each, and 64 besides."""


class Kernel:
    """getrlimit and setrlimit of a process that is not this one."""

    RLIMIT_NOFILE = resource.RLIMIT_NOFILE
    RLIM_INFINITY = resource.RLIM_INFINITY

    def __init__(self, soft: int, hard: int, error: Exception | None = None) -> None:
        self.now, self._error = (soft, hard), error

    def getrlimit(self, what: int) -> tuple[int, int]:
        assert what == self.RLIMIT_NOFILE
        return self.now

    def setrlimit(self, what: int, limits: tuple[int, int]) -> None:
        assert what == self.RLIMIT_NOFILE
        if self._error is not None:
            raise self._error
        self.now = limits


@pytest.mark.parametrize(
    ("soft", "hard", "given"),
    [
        (1024, 1_048_576, NEEDED),
        (1024, resource.RLIM_INFINITY, NEEDED),
        (1024, NEEDED, NEEDED),
        (65_536, 1_048_576, 65_536),
        (NEEDED, NEEDED, NEEDED),
        (resource.RLIM_INFINITY, resource.RLIM_INFINITY, resource.RLIM_INFINITY),
    ],
)
def test_it_is_raised_where_that_is_allowed(monkeypatch: pytest.MonkeyPatch, soft: int, hard: int, given: int) -> None:
    """Never lowered, the hard one never touched, and nothing is said."""
    kernel, log = Kernel(soft, hard), Recorder()
    monkeypatch.setattr(descriptors, "resource", kernel)
    descriptors.raise_limit(10_000, log)
    assert kernel.now == (given, hard)
    assert log.events == []


@pytest.mark.parametrize("error", [None, ValueError("not allowed"), PermissionError(1, "Operation not permitted")])
def test_where_it_is_not_the_log_says_what_to_do(monkeypatch: pytest.MonkeyPatch, error: Exception | None) -> None:
    """As far as it goes, and no refusal to start: fewer connections are served than none."""
    kernel, log = Kernel(1024, 4096, error), Recorder()
    monkeypatch.setattr(descriptors, "resource", kernel)
    descriptors.raise_limit(10_000, log)
    has = 1024 if error else 4096
    assert kernel.now == (has, 4096)
    ((name, facts),) = log.events
    assert (name, facts["descriptors"], facts["needed"]) == ("nofile_low", has, NEEDED)
    assert f"LimitNOFILE={NEEDED}" in str(facts["remedy"])
    assert "limits.connections is 10000" in str(facts["remedy"])
