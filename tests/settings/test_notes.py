"""Warnings about a right plan that is not what it seems: each where somebody would change it, and none that says nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from sidecar.settings.load import Beside, load_all

if TYPE_CHECKING:
    from pathlib import Path

    from sidecar.settings.problem import Problem


def notes_of(
    folder: Path, rest: str, head: str = "", url: str = "http://h/x", nofile: int | None = None
) -> list[Problem]:
    (folder / "a.yaml").write_text(f"{head}\nbackends: {{t: {{protocol: soap, url: {url}, {rest}}}}}")
    return list(load_all(folder / "a.yaml", Beside({}, nofile=nofile)).warnings)


QUIET = "drain: {timeout: 65s}"


@pytest.mark.parametrize(
    ("rest", "head", "code", "key", "note"),
    [
        (
            "timeouts: {total: 6s}, operations: {Get: {safe: true, timeout: 20s}}",
            QUIET,
            "W405",
            "backends.t.operations.Get.timeout",
            "Get never waits its whole timeout of 20s",
        ),
        (
            "operations: {Get: {timeout: 4s}}",
            QUIET,
            "W405",
            "backends.t.operations.Get.timeout",
            "Get may spend its whole timeout of 4s in line",
        ),
        (
            "operations: {'*Seats': {safe: true}, 'Reser*': {}}",
            QUIET,
            "W407",
            "backends.t.operations.*Seats",
            "Reser* and *Seats are equally long",
        ),
        (
            "operations: {GetReport: {safe: true, stream: true}}",
            QUIET,
            "W408",
            "backends.t.operations.GetReport.stream",
            "JSON has to read them",
        ),
        ("asmx_get: allow", QUIET, "W409", "backends.t.asmx_get", "any link on any page"),
        (
            "ghost: 2s",
            QUIET,
            "W405",
            "backends.t.ghost",
            "frees its slot after 2s, while the backend may work on it for 1m",
        ),
        (
            "asmx_get: deny",
            QUIET + "\nlisten: {host: 0.0.0.0}",
            "W411",
            "backends.t",
            "?wsdl is refused until public_url",
        ),
        (
            "asmx_get: deny",
            QUIET + "\nlisten: {unix: /run/x}",
            "W411",
            "backends.t",
            "?wsdl is refused until public_url",
        ),
        (
            "asmx_get: deny",
            "drain: {timeout: 20s}",
            "W406",
            "drain.timeout",
            "calls may take 1m, and a process that is told to go cuts them 25s later (drain.delay + drain.timeout)",
        ),
    ],
)
def test_notes(tmp_path: Path, rest: str, head: str, code: str, key: str, note: str) -> None:
    """Nothing is wrong, but an operator would want to know."""
    (found,) = notes_of(tmp_path, rest, head)
    assert (found.code, found.key) == (code, key)
    assert note in found.what


KEYED = "operations: {Buy: {idempotency: {key: header}}, Pay: {idempotency: {key: header}}}"


@pytest.mark.parametrize(("store", "keys"), [("memory", ["Buy"]), ("sqlite:state.db", [])])
def test_keys_that_a_restart_forgets(tmp_path: Path, store: str, keys: list[str]) -> None:
    """Once, at the first of them."""
    found = notes_of(tmp_path, KEYED, f"{QUIET}\nstore: {store}")
    assert [(each.code, each.key) for each in found] == [
        ("W416", f"backends.t.operations.{key}.idempotency") for key in keys
    ]


def test_patterns_that_tie_differ_in_what_they_keep(tmp_path: Path) -> None:
    """Whether somebody shares an answer must not hang on the order of lines."""
    rest = "operations: {'*Seats': {safe: true, cache: {ttl: 1s}}, 'Reser*': {safe: true}}"
    assert [each.code for each in notes_of(tmp_path, rest, QUIET)] == ["W407"]


@pytest.mark.parametrize(
    ("count", "share", "said"),
    [
        (
            3,
            "50%",
            "50% for each of 3 backends, 150% together: 2 of them can take so many connections and buffered bytes",
        ),
        (3, "50%", "that nothing is left for another; at 33% each has its own"),
        (5, "50%", "250% together: 2 of them"),
        (3, "40%", "120% together: 2 of them can take so many connections and buffered bytes that 20% is left"),
        (2, "80%", "160% together: 1 of them can take so many connections and buffered bytes that 20% is left"),
        (2, "50%", None),
        (1, "100%", None),
        (4, "25%", None),
        (3, "33%", None),
    ],
)
def test_shares_that_are_more_than_there_is(tmp_path: Path, count: int, share: str, said: str | None) -> None:
    """Each backend keeps to its share, and together they starve a neighbour all the same: nobody would expect that of the word."""
    backends = ", ".join(f"b{number}: {{protocol: soap, url: http://h{number}/x}}" for number in range(count))
    (tmp_path / "a.yaml").write_text(f"{QUIET}\nlimits: {{per_backend: {share}}}\nbackends: {{{backends}}}")
    found = [(each.code, each.what) for each in load_all(tmp_path / "a.yaml", Beside({})).warnings]
    assert [(code, said in what) for code, what in found] == ([("W412", True)] if said else [])


def test_an_unchecked_certificate(tmp_path: Path) -> None:
    """It is easily left behind after a test."""
    (found,) = notes_of(tmp_path, "tls: {verify: false}", QUIET, url="https://h/x")
    assert (found.code, found.key) == ("W410", "backends.t.tls.verify")


@pytest.mark.parametrize(
    ("rest", "codes"),
    [
        ("asmx_get: deny", []),
        ("operations: {Get: {safe: true, timeout: 6s}}", []),
        ("timeouts: {total: 2m}, operations: {Report: {timeout: 2m}}", ["W406"]),
    ],
)
def test_defaults_are_no_warning(tmp_path: Path, rest: str, codes: list[str]) -> None:
    """Three lines that are right are told nothing about numbers that nobody wrote; a call longer than usual is somebody's."""
    assert [each.code for each in notes_of(tmp_path, rest, nofile=256)] == codes


@pytest.mark.parametrize(("nofile", "codes"), [(None, []), (1063, ["W401"]), (1064, [])])
def test_descriptors(tmp_path: Path, nofile: int | None, codes: list[str]) -> None:
    """Two for each connection and 64 besides; where nobody knows how many there are, nothing is said."""
    found = notes_of(tmp_path, "strict: false", QUIET + "\nlimits: {connections: 500}", nofile=nofile)
    assert [each.code for each in found] == codes
    assert all("LimitNOFILE=1064" in each.remedy for each in found)


@pytest.mark.parametrize(
    "rest",
    [
        "timeouts: {total: 6s}",  # the minute that nobody wrote is a bound, not a wish
        "timeouts: {total: 6s}, operations: {Get: {safe: true}}",
        "operations: {'Get*': {safe: true}, 'Put*': {}}",  # equally long, but no name is both
        "operations: {'*Seats': {}, 'Reser*': {}}",  # both, but it makes no difference
        "operations: {Get: {timeout: 4s}}, queue: {size: 0}",
        "ghost: 1m",  # as long as a call may take
    ],
)
def test_no_notes(tmp_path: Path, rest: str) -> None:
    """A note that says nothing teaches people to skip notes."""
    assert notes_of(tmp_path, rest, QUIET) == []
