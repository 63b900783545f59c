"""`sidecar check`: all errors and exit code 78, or ok and what the file amounts to."""

from __future__ import annotations

import contextlib
import json
import resource
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from sidecar.cli import main
from sidecar.settings.load import Beside, load_all
from tests.settings.cases import WSDL

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parents[2]
MINIMAL = str(ROOT / "config" / "minimal.yaml")
TOKEN = "0123456789abcdef-hunter2"
QUIET = "drain: {timeout: 65s}\nlimits: {connections: 100}\n"
LEAST = "backends: {t: {protocol: soap, url: http://h/x}}\n"


def check(*argv: str, env: dict[str, str] | None = None):
    return CliRunner(env={"SIDECAR_ADMIN_TOKEN": TOKEN, "SERVICE_SESSION": TOKEN, **(env or {})}).invoke(
        main, ["check", *argv]
    )


@pytest.mark.parametrize("example", sorted((ROOT / "config").glob("*.yaml")), ids=lambda path: path.name)
def test_our_examples_are_right(example: Path) -> None:
    """And `check` says what they amount to."""
    done = check(str(example))
    assert done.exit_code == 0, done.output
    assert done.output.startswith(f"ok: {example}\n")
    assert "an answer within" in done.output
    assert "error" not in done.output


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


def test_fixed_answers_are_looked_at(tmp_path: Path) -> None:
    """A body that no client could read is told before anybody needs it; so does a start."""
    (tmp_path / "a.xml").write_text("<a>")
    file = tmp_path / "a.yaml"
    fallback = "fallback: [{on: [overloaded], body_file: a.xml}]"
    file.write_text(f"backends: {{t: {{protocol: soap, url: http://h/x, operations: {{Get: {{{fallback}}}}}}}}}")
    for argv in (["check", str(file)], ["run", str(file)], ["explain", str(file), "t", "Get"]):
        done = CliRunner().invoke(main, argv)
        assert done.exit_code == 78
        assert "body_file: is no XML" in done.output


def test_warnings_do_not_fail(tmp_path: Path) -> None:
    """They are told with place and code, and counted; the file is right."""
    file = tmp_path / "a.yaml"
    file.write_text(QUIET + "backends: {t: {protocol: soap, url: http://h/x, asmx_get: allow}}\n")
    done = check(str(file))
    assert done.exit_code == 0
    assert f"{file}:3:59 backends.t.asmx_get: warning: asmx_get: allow lets any link" in done.output
    assert done.output.endswith("1 warning\n")
    told = json.loads(check(str(file), "--format", "json").output)
    assert (told["ok"], told["errors"]) == (True, [])
    assert [(row["severity"], row["code"]) for row in told["warnings"]] == [("warning", "W409")]
    done = check(str(file), "--format", "github")
    assert done.exit_code == 0
    assert f"::warning file={file},line=3,col=59,endColumn=63,title=backends.t.asmx_get [W409]::asmx_get" in done.output


def test_descriptors_of_this_machine(tmp_path: Path) -> None:
    """It may run elsewhere: a warning, not an error."""
    file = tmp_path / "a.yaml"
    file.write_text("drain: {timeout: 65s}\nlimits: {connections: 1000000}\n" + LEAST)
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    done = check(str(file))
    assert done.exit_code == 0
    assert ("[W401]" in done.output) is (limits[1] != resource.RLIM_INFINITY and limits[1] < 2_000_064)


def test_flags(tmp_path: Path) -> None:
    """`--set` stands above the file here, too."""
    file = tmp_path / "a.yaml"
    file.write_text(LEAST)
    done = check(str(file), "--set", "listen.port=99999")
    assert done.exit_code == 78
    assert "--set:1:13 listen.port: '99999' is out of bounds" in done.output


@pytest.mark.parametrize("option", ["{}", "t={}"])
def test_a_wsdl_at_hand(tmp_path: Path, option: str) -> None:
    """Without a word of it in the settings; for the only SOAP backend it needs no name."""
    (tmp_path / "a.wsdl").write_text(WSDL)
    file = tmp_path / "a.yaml"
    file.write_text("backends: {t: {protocol: soap, url: http://h/x, deny: [GetSeat]}}")
    assert check(str(file)).exit_code == 0
    done = check(str(file), "--wsdl", option.format(tmp_path / "a.wsdl"))
    assert done.exit_code == 78
    assert "did you mean GetSeats?" in done.output


def test_what_changes(tmp_path: Path) -> None:
    """From another file, for people and for machines; a wrong other file is told like a wrong one."""
    old, new = tmp_path / "old.yaml", tmp_path / "new.yaml"
    old.write_text(QUIET + LEAST)
    new.write_text(QUIET.replace("100", "200") + LEAST.replace("/x", "/y"))
    done = check(str(new), "--diff", str(old))
    assert done.exit_code == 0, done.output
    assert done.output.splitlines()[:3] == [
        f"ok: {new}",
        "limits.connections: 100 -> 200 (applies in place)",
        "backends.t.url: http://h/x -> http://h/y (resets what was learnt about this backend)",
    ]
    told = json.loads(check(str(new), "--diff", str(old), "--format", "json").output)
    assert told["changes"][0] == {"key": "limits.connections", "before": 100, "after": 200, "effect": "applied"}
    assert "nothing changes" in check(str(old), "--diff", str(old)).output
    old.write_text("x: 1")
    done = check(str(new), "--diff", str(old))
    assert done.exit_code == 78
    assert f"{old}:1:1 x: unknown key" in done.output


@contextlib.contextmanager
def admin(body: bytes, status: int = 200, token: str = "") -> Iterator[str]:
    """Serve one answer where a running sidecar says what is in force; with `token`, only to whoever shows it."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            known = not token or self.headers.get("Authorization") == f"Bearer {token}"
            self.send_response(404 if self.path != "/admin/v1/config" else status if known else 401)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join()


def in_force(file: Path) -> bytes:
    return json.dumps({"v": 1, "settings": load_all(file, Beside({})).facts()}).encode()


def test_what_changes_of_the_running_one(tmp_path: Path) -> None:
    """Where its file says that it listens, or where somebody says; by option or by environment."""
    old, new = tmp_path / "old.yaml", tmp_path / "new.yaml"
    old.write_text(QUIET + LEAST)
    with admin(in_force(old)) as url:
        new.write_text(QUIET.replace("100", "200") + LEAST + f"admin: {{port: {url.rpartition(':')[2]}}}\n")
        for argv, env in (([], {}), (["--admin", url], {}), ([], {"SIDECAR_ADMIN": url})):
            done = check(str(new), "--diff", "running", *argv, env=env)
            assert done.exit_code == 0, done.output
            assert "limits.connections: 100 -> 200 (applies in place)" in done.output
            assert f"admin.port: 8081 -> {url.rpartition(':')[2]} (needs a restart)" in done.output


def test_the_token_goes_to_nobody_else(tmp_path: Path) -> None:
    """Only to the listener that the file itself names, and only where that asks for it."""
    file = tmp_path / "a.yaml"
    file.write_text(LEAST)
    body = in_force(file)
    with admin(body, token=TOKEN) as url:
        file.write_text(LEAST + f"admin: {{port: {url.rpartition(':')[2]}, token: '${{SIDECAR_ADMIN_TOKEN}}'}}\n")
        assert check(str(file), "--diff", "running").exit_code == 0
        done = check(str(file), "--diff", "running", "--admin", url)
        assert done.exit_code == 1
        assert "status 401" in done.output


@pytest.mark.parametrize(
    ("body", "status", "said"),
    [
        (b"[]", 503, "does not say what is in force: status 503"),
        (b"<html>", 200, "is it the admin listener?"),
        (b'{"a": 1}', 200, "is it the admin listener?"),
        (b"""{"settings": [{"key": "a"}]}""", 200, "is it the admin listener?"),
    ],
)
def test_a_running_one_that_answers_something_else(tmp_path: Path, body: bytes, status: int, said: str) -> None:
    """1, and in a sentence: the settings are right, the other side is not."""
    with admin(body, status) as url:
        done = check(MINIMAL, "--diff", "running", "--admin", url)
    assert done.exit_code == 1
    assert said in done.output


def test_nothing_runs() -> None:
    """As above; what is no address is wrong use."""
    done = check(MINIMAL, "--diff", "running", "--admin", "http://127.0.0.1:1")
    assert done.exit_code == 1
    assert "http://127.0.0.1:1 does not answer" in done.output
    assert check(MINIMAL, "--diff", "running", "--admin", "here").exit_code == 2


POD = """\
kind: Pod
spec:
  terminationGracePeriodSeconds: {}
  containers:
    - image: sidecar
      resources: {{limits: {{memory: 1Gi}}}}
      readinessProbe: {{exec: {{command: [sidecar, health, --ready]}}}}
"""


def test_a_pod(tmp_path: Path) -> None:
    """Its manifest is compared, in all three forms; without one it is said what a pod needs."""
    file, pod = tmp_path / "a.yaml", tmp_path / "pod.yaml"
    file.write_text(QUIET + LEAST)
    pod.write_text(POD.format(80))
    assert check(str(file), "--kubernetes", str(pod)).output == f"ok: {file}\n"
    pod.write_text(POD.format(74))
    done = check(str(file), "--kubernetes", str(pod))
    assert done.exit_code == 78
    assert f"{pod}:3:3 spec.containers[0].terminationGracePeriodSeconds: the pod is killed after 74s" in done.output
    assert "    3 |   terminationGracePeriodSeconds: 74" in done.output
    assert (
        f"::error file={pod},line=3,col=3," in check(str(file), "--kubernetes", str(pod), "--format", "github").output
    )
    told = json.loads(check(str(file), "--kubernetes", str(pod), "--format", "json").output)
    assert (told["errors"][0]["code"], told["kubernetes"]["termination_grace_period_s"]) == ("E402", 75)
    done = check(str(file), "--kubernetes")
    assert done.exit_code == 0
    assert "terminationGracePeriodSeconds: 75" in done.output
    done = check(str(file), "--kubernetes", str(tmp_path / "absent.yaml"))
    assert done.exit_code == 78
    assert "absent.yaml:1:1: cannot be read: No such file or directory [E401]" in done.output


def test_what_json_cannot_call_is_told(tmp_path: Path) -> None:
    """By the WSDL at hand: an operation whose type is nowhere, a fixed answer that is no reply; what is right passes."""
    from sidecar.demo.wsdl import wsdl  # noqa: PLC0415 -- beside its only use

    whole = wsdl("http://127.0.0.1:9/box.asmx", single=True)
    file = tmp_path / "s.yaml"
    head = f"backends:\n  t:\n    protocol: soap\n    url: 'http://h/x'\n    wsdl: {tmp_path / 't.wsdl'}\n"
    file.write_text(
        head + "    operations: {HelloWorld: {safe: true, fallback: [{on: [overloaded], data: {Hello: 1}}]}}\n"
    )
    (tmp_path / "t.wsdl").write_bytes(whole)
    done = CliRunner().invoke(main, ["check", str(file)])
    assert (done.exit_code, "/Hello is not known here" in done.output) == (78, True)
    file.write_text(head + "    operations: {HelloWorld: {safe: true}}\n")
    (tmp_path / "t.wsdl").write_bytes(whole.replace(b'type="s:string"', b'type="tns:Gone"', 1))
    done = CliRunner().invoke(main, ["check", str(file)])
    assert (done.exit_code, "HelloWorld cannot be called in JSON" in done.output) == (0, True), done.output


ROOM = "keys: {file: k}\nrooms: {hamlet: {covers: [{backend: t}], opens: 2999-12-01 09:00Z}}\n"


def test_a_room(tmp_path: Path) -> None:
    """When it opens, on whose clock, for people and for machines."""
    file = tmp_path / "a.yaml"
    file.write_text(QUIET + LEAST + ROOM + "store: sqlite:s.db\n")
    done = check(str(file))
    assert done.exit_code == 0, done.output
    assert "room hamlet: stands before every operation of t" in done.output
    assert "opens Sun 2999-12-01 09:00 UTC, 2999-12-01T09:00:00Z, in " in done.output
    told = json.loads(check(str(file), "--format", "json").output)
    assert [(room["name"], room["opens"]) for room in told["rooms"]] == [("hamlet", "2999-12-01T09:00:00Z")]


def test_a_room_in_memory(tmp_path: Path) -> None:
    """An error, for `run` as well, unless somebody says that nothing is lost by it; to look at it nobody need say so."""
    file = tmp_path / "a.yaml"
    file.write_text(QUIET + LEAST + ROOM)
    for command in ("check", "run"):
        done = CliRunner().invoke(main, [command, str(file)])
        assert (done.exit_code, "[E319]" in done.output) == (78, True)
    assert check(str(file), "--volatile").exit_code == 0
    assert CliRunner().invoke(main, ["explain", str(file), "t", "Get"]).exit_code == 0
    assert CliRunner().invoke(main, ["config", "show", str(file)]).exit_code == 0


def test_a_room_that_goes(tmp_path: Path) -> None:
    """Compared with a file whose room is in memory, which nobody starts: its places go, and that is said first."""
    old, new = tmp_path / "old.yaml", tmp_path / "new.yaml"
    old.write_text(QUIET + LEAST + ROOM)
    new.write_text(QUIET.replace("100", "200") + LEAST)
    done = check(str(new), "--diff", str(old))
    assert done.exit_code == 0, done.output
    assert done.output.splitlines()[1].startswith(
        "rooms.hamlet: opens 2999-12-01 09:00Z -> (not set) (everybody in this room"
    )
    told = json.loads(check(str(new), "--diff", str(old), "--format", "json").output)
    assert (told["changes"][0]["key"], told["changes"][0]["effect"]) == ("rooms.hamlet", "loses")
