"""What the suite for HTTP caches says of ours when calls take the place of its GETs, beside nginx and Varnish in the same run."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from tests.interop.caches import DOOR, Nginx, Sidecar, Suite, Varnish, Verdict, required, suites
from tests.support.ports import free_port

if TYPE_CHECKING:
    from collections.abc import Mapping


Judged = dict[str, Verdict]


@pytest.fixture(scope="module")
def suite() -> Suite:
    """The edition that this run has."""
    return suites()


@pytest.fixture(scope="module")
def sidecar(suite: Suite, tmp_path_factory: pytest.TempPathFactory) -> Judged:
    """What it says of the sidecar."""
    port = free_port()
    with Sidecar(tmp_path_factory.mktemp("sidecar"), port) as running:
        return _told("sidecar", suite.judge("soap", running.door, port))


@pytest.fixture(scope="module")
def nginx(suite: Suite, tmp_path_factory: pytest.TempPathFactory) -> Judged:
    """What it says of nginx, over the same calls."""
    port = free_port()
    with Nginx(tmp_path_factory.mktemp("nginx"), port) as running:
        return _told("nginx", suite.judge("soap", running.url, port))


@pytest.fixture(scope="module")
def varnish(suite: Suite, tmp_path_factory: pytest.TempPathFactory) -> Judged:
    """What it says of Varnish, over GET."""
    port = free_port()
    with Varnish(tmp_path_factory.mktemp("varnish"), port) as running:
        return _told("Varnish", suite.judge("get", running.url, port))


@pytest.fixture(scope="module")
def bare(suite: Suite) -> tuple[Judged, Judged]:
    """What it says where nothing stands before its origin: of calls, and of GETs."""

    def judge(style: str) -> Judged:
        port = free_port()
        return suite.judge(style, f"http://127.0.0.1:{port}{DOOR if style == 'soap' else ''}", port)

    with ThreadPoolExecutor(2) as both:  # they wait most of the time
        calls, gets = both.map(judge, ("soap", "get"))
    return calls, gets


def _told(who: str, verdicts: Judged) -> Judged:
    """Print the figures, for whoever runs this with -s or sees it fail."""
    figures = Counter((each.kind, each.verdict) for each in verdicts.values())
    print(who, {f"{kind} {word}": count for (kind, word), count in sorted(figures.items())})
    return verdicts


def _differing(one: Mapping[str, Verdict], other: Mapping[str, Verdict]) -> dict[str, tuple[str, str]]:
    assert one.keys() == other.keys()
    return {
        name: (each.verdict, other[name].verdict) for name, each in one.items() if each.verdict != other[name].verdict
    }


def test_a_call_is_judged_as_the_get_that_it_stands_for(bare: tuple[Judged, Judged]) -> None:
    """The envelopes change no verdict; and where nothing is kept nothing that wants a kept answer passes."""
    calls, gets = bare
    assert _differing(calls, gets) == {}
    assert not [name for name, each in calls.items() if each.kind == "optimal" and each.verdict == "pass"]
    assert len(required(calls, "pass")) < len(required(calls, "fail", "setup", "dependency"))


def test_no_required_test_fails_but_those_that_are_listed(suite: Suite, sidecar: Judged) -> None:
    """Each with its reason; one that passes by now is listed no longer."""
    failed = required(sidecar, "fail", "setup", "retry")
    accepted = suite.accepted()
    unlisted = {name: sidecar[name].message for name in sorted(failed - accepted.keys())}
    assert not unlisted, "required, and neither passed nor listed in cachetests/expected.json"
    assert not accepted.keys() - failed, "listed in cachetests/expected.json, and passed"


@pytest.mark.long
def test_as_much_that_is_required_passes_as_through_nginx(sidecar: Judged, nginx: Judged) -> None:
    """Over the same calls in the same run, the suite of statuses aside: an answer of a SOAP backend has one, and others are not kept."""
    ours, theirs = (_but_for_statuses(required(each, "pass"), each) for each in (sidecar, nginx))
    assert len(ours) >= len(theirs), f"nginx passes {sorted(theirs - ours)}"


@pytest.mark.long
def test_as_much_that_is_required_passes_as_through_varnish(sidecar: Judged, varnish: Judged) -> None:
    """All suites counted, though Varnish has the easier road: it is asked by GET, and keeps every status."""
    ours, theirs = required(sidecar, "pass"), required(varnish, "pass")
    assert len(ours) >= len(theirs), f"Varnish passes {sorted(theirs - ours)}"


def _but_for_statuses(names: set[str], verdicts: Mapping[str, Verdict]) -> set[str]:
    return {name for name in names if verdicts[name].suite != "status"}
