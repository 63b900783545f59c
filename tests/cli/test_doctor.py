"""`sidecar doctor`: exit codes and output, as a program, beside a sidecar that runs and without one."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from click.testing import CliRunner

from sidecar.cli import main
from tests.support.backend import ThreadBackend, answer
from tests.support.process import SidecarProcess
from tests.support.replies import html, http

if TYPE_CHECKING:
    from pathlib import Path

    from click.testing import Result

WSDL = b'<definitions xmlns="http://schemas.xmlsoap.org/wsdl/"/>'
LIMITS = {"connections": 100}  # few enough for the descriptors of any machine


def doctor(file: Path, *more: str) -> Result:
    return CliRunner().invoke(main, ["doctor", str(file), *more])


def settings(folder: Path, url: str, **more: Any) -> Path:
    file = folder / "a.yaml"
    backends = {"t": {"protocol": "soap", "url": f"{url}/t.asmx"}}
    whole = {"listen": {"port": 0}, "admin": {"port": 0}, "limits": LIMITS, "backends": backends, **more}
    file.write_text(json.dumps(whole))
    return file


def test_go(tmp_path: Path) -> None:
    """Exit code 0, the verdict first, and what was sent last."""
    with ThreadBackend(answer(http(WSDL))) as backend:
        done = doctor(settings(tmp_path, backend.url))
    assert done.exit_code == 0, done.output
    lines = done.output.splitlines()
    assert lines[0].startswith(f"go: {tmp_path / 'a.yaml'}, ")
    assert lines[-1] == f"  GET {backend.url}/t.asmx?wsdl"
    assert "Traceback" not in done.output


def test_no_go(tmp_path: Path) -> None:
    """Exit code 1 for one failed check, with its remedy; the same facts for machines."""
    with ThreadBackend(answer(html())) as backend:
        file = settings(tmp_path, backend.url)
        done, told = doctor(file), doctor(file, "--format", "json")
    assert (done.exit_code, told.exit_code) == (1, 1)
    assert done.output.startswith("no-go: ")
    assert "FAIL  answer" in done.output
    facts = json.loads(told.output)
    assert (facts["v"], facts["go"], facts["file"]) == (1, False, str(file))
    failed = [check for check in facts["checks"] if check["verdict"] == "fail"]
    assert [(check["check"], check["about"]) for check in failed] == [("answer", "t")]
    assert failed[0]["remedy"]
    assert facts["sent"] == [f"GET {backend.url}/t.asmx?wsdl"]


def test_probe(tmp_path: Path) -> None:
    """Only where it is said on the command line is an XML-RPC backend called."""
    reply = http(b"<methodResponse><params/></methodResponse>")
    with ThreadBackend(answer(reply)) as backend:
        file = settings(tmp_path, "", backends={"r": {"protocol": "xmlrpc", "url": f"{backend.url}/RPC2"}})
        assert doctor(file).exit_code == 0
        assert doctor(file, "--probe").exit_code == 0
        assert [entry.method for entry in backend.journal.entries] == ["GET", "POST"]


def test_wrong_settings(tmp_path: Path) -> None:
    """Exit code 78 with every error, and nothing else was looked at."""
    file = tmp_path / "a.yaml"
    file.write_text("backends: {t: {protocol: soap, url: nowhere}}")
    done, told = doctor(file), doctor(file, "--format", "json")
    assert (done.exit_code, told.exit_code) == (78, 78)
    assert "backends.t.url" in done.output
    facts = json.loads(told.output)
    assert (facts["go"], [error["key"] for error in facts["errors"]]) == (False, ["backends.t.url"])


def test_beside_a_sidecar_that_runs(tmp_path: Path) -> None:
    """Asked before a reload, it takes the running one for what it is, and the backend gets one question more."""
    with ThreadBackend(answer(http(WSDL))) as backend:
        backends = {"t": {"protocol": "soap", "url": f"{backend.url}/t.asmx"}}
        whole = {"backends": backends, "limits": LIMITS, "admin": {"port": 0}}
        with SidecarProcess(whole, tmp_path) as sidecar:
            done = doctor(sidecar.config)
            assert sidecar.stop() == 0
    assert done.exit_code == 0, done.output
    assert f"127.0.0.1:{sidecar.port}: a sidecar runs there" in done.output


def onsale(folder: Path, url: str, **more: Any) -> Path:
    """Settings with a room that opens when none of us is there."""
    room = {"covers": [{"backend": "t"}], "opens": "2999-12-01 09:00Z"}
    whole = {"public_url": "https://h", "cors": {"origins": ["https://s"]}, "keys": {"file": str(folder / "keys")}}
    return settings(folder, url, **{"store": f"sqlite:{folder / 's.db'}", **whole, "rooms": {"hamlet": room}, **more})


def test_an_on_sale(tmp_path: Path) -> None:
    """Go, with the length of the sale; the same for machines, each line about the room."""
    crowd = ("--room", "hamlet", "--expect", "100", "--seats", "10", "--per-order", "1", "--session", "100s")
    with ThreadBackend(answer(http(WSDL))) as backend:
        file = onsale(tmp_path, backend.url, limits={"connections": 1000})
        done, told = doctor(file, *crowd), doctor(file, *crowd, "--format", "json")
    assert (done.exit_code, told.exit_code) == (0, 0), done.output
    assert (
        "10 seats are 10 orders of 1, at 120 admissions in a minute (max_active 200, 100 seconds each)" in done.output
    )
    checks = [each["check"] for each in json.loads(told.output)["checks"] if each["about"] == "room hamlet"]
    assert checks[:3] == ["opening", "clock", "capacity"]
    assert not (tmp_path / "keys").exists()


def test_a_crowd_that_does_not_fit_is_a_no_go(tmp_path: Path) -> None:
    """Exit code 1: more connections than there are."""
    with ThreadBackend(answer(http(WSDL))) as backend:
        done = doctor(onsale(tmp_path, backend.url), "--room", "hamlet", "--expect", "5000")
    assert done.exit_code == 1
    assert "FAIL  connections" in done.output


def test_a_room_in_memory_is_a_no_go(tmp_path: Path) -> None:
    """Said beside everything else, with or without a crowd; the settings are no error here."""
    with ThreadBackend(answer(http(WSDL))) as backend:
        done = doctor(onsale(tmp_path, backend.url, store="memory"))
    assert done.exit_code == 1
    assert "FAIL  store" in done.output


def test_an_on_sale_is_a_room_and_a_crowd(tmp_path: Path) -> None:
    """One without the other is wrong use, and so is a room that there is not."""
    file = onsale(tmp_path, "http://127.0.0.1:9")
    for more in (("--room", "hamlet"), ("--expect", "5"), ("--seats", "5"), ("--session", "5")):
        assert doctor(file, *more).exit_code == 2
    done = doctor(file, "--room", "hamle", "--expect", "5")
    assert (done.exit_code, "did you mean hamlet?" in done.output) == (2, True)
