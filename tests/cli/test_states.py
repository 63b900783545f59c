"""`sidecar states` prints the contract, each form whole."""

from __future__ import annotations

import pytest
from click.testing import CliRunner

from sidecar import contract
from sidecar.cli.states import command


@pytest.mark.parametrize(
    ("form", "text"),
    [
        ("markdown", contract.markdown),
        ("schema", lambda: contract.json_schema().decode()),
        ("typescript", contract.typescript),
    ],
)
def test_each_form_is_printed_whole(form: str, text: object) -> None:
    """What is printed is the text itself, with no line added: the generated files are compared with it."""
    done = CliRunner().invoke(command, ["--format", form])
    assert done.exit_code == 0
    assert callable(text)
    assert done.output == text()


def test_an_unknown_form_is_refused_with_the_list() -> None:
    """Called in a wrong way: exit code 2 and the forms that there are."""
    done = CliRunner().invoke(command, ["--format", "pdf"])
    assert done.exit_code == 2
    assert "markdown" in done.output
