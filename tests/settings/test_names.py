"""Names of the file against names of the WSDL. What reads the WSDL is a function; here it is a table."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from sidecar.settings.load import load_text
from sidecar.settings.names import Contract, NoContractError
from sidecar.settings.problem import SettingsError

if TYPE_CHECKING:
    from pathlib import Path

    from sidecar.settings.problem import Problem

OFFERED = Contract(
    {
        "GetPerformances": frozenset({"sSessionKey"}),
        "ReserveTickets": frozenset({"sSessionKey", "iNumberOfSeats"}),
        "DestroyCache": None,
    }
)


def told(folder: Path, rest: str, contract: Contract | None = OFFERED, head: str = "") -> list[tuple[str, str]]:
    (folder / "a.wsdl").touch()
    source = f"backends: {{t: {{protocol: soap, url: http://h/x, wsdl: a.wsdl, {head}{rest}}}}}"
    problems: tuple[Problem, ...] = ()
    try:
        load_text(source, "x.yaml", folder, {}, lambda file: contract if file == folder / "a.wsdl" else None)
    except SettingsError as error:
        problems = error.problems
    assert {problem.code for problem in problems} <= {"E309"}
    return [(problem.key.removeprefix("backends.t."), problem.what) for problem in problems]


@pytest.mark.parametrize(
    "rest",
    [
        "operations: {GetPerformances: {}, 'Get*': {}, '*': {}, '**Ticke?s': {}}",
        "deny: [DestroyCache, destroycache, '*cache', '*']",
        "expose: ['Get*']",
        "results: [{operation: 'Re*', when: {path: x, lt: {param: iNumberOfSeats}}, state: partial}]",
        "results: [{operation: '*', when: {path: x, lt: {param: anything}}, state: partial}]",  # one of them is not known
    ],
)
def test_names_that_are_there(tmp_path: Path, rest: str) -> None:
    """Exact or by pattern; `deny` does not look at case, and where parameters are not known nothing is said of them."""
    assert told(tmp_path, rest) == []


@pytest.mark.parametrize(
    ("rest", "key", "what"),
    [
        (
            "operations: {GetPerformance: {}}",
            "operations.GetPerformance",
            "no operation 'GetPerformance', did you mean GetPerformances?",
        ),
        ("operations: {getperformances: {}}", "operations.getperformances", "no operation"),
        ("operations: {'Put*': {}}", "operations.Put*", "no operation 'Put*'"),
        ("deny: [DestroyCaches]", "deny[0]", "did you mean DestroyCache?"),
        ("expose: [Nothing]", "expose[0]", "no operation 'Nothing'"),
        (
            "results: [{operation: Reserve, when: {path: x, eq: 1}, state: partial}]",
            "results[0].operation",
            "no operation 'Reserve'",
        ),
        (
            "results: [{operation: 'Re*', when: {path: x, lt: {param: NumberOfSeats}}, state: partial}]",
            "results[0].when.lt.param",
            "no parameter 'NumberOfSeats', did you mean iNumberOfSeats?",
        ),
    ],
)
def test_names_that_are_not(tmp_path: Path, rest: str, key: str, what: str) -> None:
    """A misspelt deny denies nothing; each is told with its place and the nearest name."""
    ((where, said),) = told(tmp_path, rest)
    assert where == key
    assert what in said


def test_nothing_is_said_of_what_is_not_known(tmp_path: Path) -> None:
    """Where an import is missing, or one file speaks for several endpoints, a name may be right."""
    assert told(tmp_path, "deny: [Nothing]", contract=None) == []
    assert told(tmp_path, "deny: [Nothing]", head="endpoints: {a: a.asmx, b: b.asmx}, ") == []


def test_a_file_that_is_no_wsdl(tmp_path: Path) -> None:
    """The reader's own words, at the key that names the file."""
    (tmp_path / "a.wsdl").touch()

    def refuses(file: Path) -> Contract:
        raise NoContractError(f"{file.name} is a poem")

    with pytest.raises(SettingsError, match=r"backends\.t\.wsdl: is no WSDL: a\.wsdl is a poem \[E310\]"):
        load_text("backends: {t: {protocol: soap, url: http://h/x, wsdl: a.wsdl}}", "x.yaml", tmp_path, {}, refuses)
