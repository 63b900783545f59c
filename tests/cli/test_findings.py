"""Problems as they are printed: for people, for machines, and for GitHub, which has an escaping of its own."""

from __future__ import annotations

import pytest

from sidecar.cli.findings import as_annotations, rows, text
from sidecar.settings.problem import Place, Problem

ERROR = Problem("E205", Place(3, 5, 4), "listen.port", "is out of bounds", "at most 65535")
WARNING = Problem("W406", Place(1, 1, 0, "parts/a.yaml"), "drain.timeout", "may cut calls")


def test_annotations() -> None:
    """One line each, at the line and the columns, with the severity as the command."""
    assert as_annotations([ERROR, WARNING], "conf/a.yaml").split("\n") == [
        "::error file=conf/a.yaml,line=3,col=5,endColumn=8,title=listen.port [E205]::is out of bounds%0Aat most 65535",
        "::warning file=parts/a.yaml,line=1,col=1,endColumn=1,title=drain.timeout [W406]::may cut calls",
    ]


@pytest.mark.parametrize(
    ("file", "what", "escaped"),
    [
        ("a,b:c.yaml", "x", "file=a%2Cb%3Ac.yaml,"),
        ("a%.yaml", "x", "file=a%25.yaml,"),
        ("a.yaml", "50% of a, b: c", "::50%25 of a, b: c"),
        ("a.yaml", "one\r\ntwo", "::one%0D%0Atwo"),
        ("a.yaml", "::error ::x", "::::error ::x"),
    ],
)
def test_escaping(file: str, what: str, escaped: str) -> None:
    """Nothing in a message ends the command or begins another: a runner would believe it."""
    said = as_annotations([Problem("E101", Place(), "", what)], file)
    assert "\n" not in said
    assert escaped in said


def test_for_machines() -> None:
    """The facts of the problem, and its severity before them."""
    first, second = rows([ERROR, WARNING], "a.yaml")
    assert (first["severity"], first["file"], first["code"]) == ("error", "a.yaml", "E205")
    assert (second["severity"], second["file"], second["width"]) == ("warning", "parts/a.yaml", 0)


def test_for_people() -> None:
    """Numbers at the end, in words that fit them; nothing for nothing."""
    said = text([ERROR, WARNING], "a.yaml").splitlines()
    assert said[0] == "a.yaml:3:5 listen.port: is out of bounds [E205]"
    assert said[2] == "parts/a.yaml:1:1 drain.timeout: warning: may cut calls [W406]"
    assert said[-1] == "1 error, 1 warning"
    assert text([ERROR, ERROR], "a.yaml").endswith("\n2 errors")
    assert text([], "a.yaml") == ""
