"""`sidecar check`: all errors and exit code 78, or ok and what the file amounts to."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from sidecar.cli import main

ROOT = Path(__file__).resolve().parents[2]
WSDL = """<definitions xmlns="http://schemas.xmlsoap.org/wsdl/" xmlns:t="urn:t" xmlns:s="http://www.w3.org/2001/XMLSchema"
 xmlns:soap="http://schemas.xmlsoap.org/wsdl/soap/" targetNamespace="urn:t">
 <types><s:schema targetNamespace="urn:t" elementFormDefault="qualified"><s:element name="GetSeats"><s:complexType><s:sequence>
  <s:element name="iPerformance" type="s:int"/></s:sequence></s:complexType></s:element></s:schema></types>
 <message name="In"><part name="parameters" element="t:GetSeats"/></message>
 <portType name="P"><operation name="GetSeats"><input message="t:In"/></operation></portType>
 <binding name="B" type="t:P"><soap:binding transport="http://schemas.xmlsoap.org/soap/http"/><operation name="GetSeats">
  <soap:operation soapAction="urn:t/GetSeats"/><input><soap:body use="literal"/></input></operation></binding>
 <service name="S"><port name="P" binding="t:B"><soap:address location="http://h/x"/></port></service>
</definitions>"""


def check(*argv: str):
    return CliRunner().invoke(main, ["check", *argv])


@pytest.mark.parametrize("example", sorted((ROOT / "config").glob("*.yaml")), ids=lambda path: path.name)
def test_our_examples_are_right(example: Path) -> None:
    """And `check` says what they amount to."""
    done = check(str(example))
    assert done.exit_code == 0, done.output
    assert done.output.startswith(f"ok: {example}\n")
    assert "worst case: an answer within" in done.output


def test_wrong_settings(tmp_path: Path) -> None:
    """Every error, their number, exit code 78."""
    file = tmp_path / "a.yaml"
    file.write_text("lisen: 1\nbackends: {t: {protocol: soap}}\n")
    done = check(str(file))
    assert done.exit_code == 78
    assert f"{file}:1:1 lisen: unknown key, did you mean listen? [E201]" in done.output
    assert f"{file}:2:12 backends.t.url: is missing [E203]" in done.output
    assert done.output.endswith("2 errors\n")


def test_for_machines(tmp_path: Path) -> None:
    """The same as JSON, right or wrong, on stdout."""
    right = check(str(ROOT / "config" / "minimal.yaml"), "--format", "json")
    told = json.loads(right.stdout)
    assert (right.exit_code, told["ok"], told["errors"]) == (0, True, [])
    assert told["backends"][0]["worst_case_s"] == 60
    wrong = check(str(tmp_path / "absent.yaml"), "--format", "json")
    told = json.loads(wrong.stdout)
    assert (wrong.exit_code, told["ok"], told["errors"][0]["code"]) == (78, False, "E101")


def test_the_file_may_stand_in_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """As for `run`; without it, wrong use."""
    assert check().exit_code == 2
    monkeypatch.setenv("SIDECAR_CONFIG", str(ROOT / "config" / "minimal.yaml"))
    assert check().exit_code == 0


def test_names_are_compared_with_the_wsdl(tmp_path: Path) -> None:
    """A deny that denies nothing is an error, because nothing else would ever say so."""
    (tmp_path / "a.wsdl").write_text(WSDL)
    file = tmp_path / "a.yaml"
    file.write_text("backends: {t: {protocol: soap, url: http://h/x, wsdl: a.wsdl, deny: [GetSeat]}}")
    done = check(str(file))
    assert done.exit_code == 78
    assert "no operation 'GetSeat', did you mean GetSeats?" in done.output
    file.write_text("backends: {t: {protocol: soap, url: http://h/x, wsdl: a.wsdl, deny: [GetSeats]}}")
    assert check(str(file)).exit_code == 0
