"""`sidecar types`: a module for TypeScript from the settings and a WSDL, without a running sidecar."""

from __future__ import annotations

from typing import TYPE_CHECKING

from click.testing import CliRunner

from sidecar.cli import main
from sidecar.demo.wsdl import wsdl

if TYPE_CHECKING:
    from pathlib import Path

CONFIG = """
backends:
  tickets:
    protocol: soap
    url: "http://127.0.0.1:9/box.asmx"
    wsdl: box.wsdl
    expose: EXPOSE
    operations:
      GetPerformances: {safe: true}
  office:
    protocol: xmlrpc
    url: "http://127.0.0.1:9/xmlrpc"
    expose: ["*"]
    signatures:
      hello: {params: [{name: whom, type: string}], returns: string}
"""


def settings(folder: Path, expose: str = "null") -> str:
    """Write settings with a WSDL beside them."""
    (folder / "box.wsdl").write_bytes(wsdl("http://127.0.0.1:9/box.asmx", single=True))
    (folder / "s.yaml").write_text(CONFIG.replace("EXPOSE", expose))
    return str(folder / "s.yaml")


def test_what_is_exposed_is_typed(tmp_path: Path) -> None:
    """The safe operations by default, with their parameters and results; nobody is asked."""
    done = CliRunner().invoke(main, ["types", settings(tmp_path), "tickets"])
    assert done.exit_code == 0, done.output
    assert "export interface GetPerformancesParams" in done.stdout
    assert "sStartDate" in done.stdout
    assert "ReserveTickets" not in done.stdout


def test_what_signatures_say_is_typed(tmp_path: Path) -> None:
    """XML-RPC has no other contract."""
    done = CliRunner().invoke(main, ["types", settings(tmp_path), "office"])
    assert done.exit_code == 0, done.output
    assert "whom: string" in done.stdout


def test_another_wsdl(tmp_path: Path) -> None:
    """One that somebody names stands in the place of the settings'."""
    other = tmp_path / "other.wsdl"
    other.write_bytes(wsdl("http://127.0.0.1:9/x", single=True).replace(b"GetPerformances", b"GetEvenings"))
    argv = ["types", settings(tmp_path, "[GetEvenings]"), "tickets", "--wsdl", str(other)]
    done = CliRunner().invoke(main, argv)
    assert done.exit_code == 0, done.output
    assert "GetEvenings" in done.stdout


def test_what_cannot_be_offered_is_said_aside(tmp_path: Path) -> None:
    """An operation whose schema cannot be followed, with the reason."""
    config = settings(tmp_path, "['*']")
    file = tmp_path / "box.wsdl"
    broken = file.read_bytes().replace(b'type="s:string"', b'type="tns:Gone"', 1)
    file.write_bytes(broken)
    done = CliRunner().invoke(main, ["types", config, "tickets"])
    assert done.exit_code == 0, done.output
    assert "not offered:" in done.stderr
    assert "Gone" in done.stderr
    assert "interface GetPerformancesParams" in done.stdout, "the others are typed all the same"


def test_nothing_to_type(tmp_path: Path) -> None:
    """Said, with the remedy."""
    done = CliRunner().invoke(main, ["types", settings(tmp_path, "[]"), "tickets"])
    assert "exposes nothing in JSON" in done.stderr


def test_wrong_calls(tmp_path: Path) -> None:
    """No such backend, no such file, no WSDL, a backend that does not answer."""
    config = settings(tmp_path)
    for argv, code, words in (
        (["types", config, "nobody"], 2, "the backends are: tickets, office"),
        (["types", config, "tickets", "--wsdl", "none.wsdl"], 2, "there is no file none.wsdl"),
        (["types", config, "tickets", "--wsdl", config], 1, "is no WSDL"),
        (["types", config, "tickets", "--set", "backends.tickets.wsdl=gone.wsdl"], 78, "gone.wsdl"),
    ):
        done = CliRunner().invoke(main, argv)
        assert (done.exit_code, words in done.output) == (code, True), done.output
