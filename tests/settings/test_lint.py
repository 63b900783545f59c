"""Contradictions. Each is shown by the golden files `contradictions`, `paths` and `no_origin`; here is what is *not* one."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from sidecar.settings import lint
from sidecar.settings.load import load_text
from sidecar.settings.problem import SettingsError

LEAST = "protocol: soap, url: http://h/x"
OTHER_FAULT = "{match: {faultstring: a}, state: sold_out}"


def keys_of(source: str, folder: Path = Path("/nowhere")) -> list[tuple[str, str]]:
    try:
        load_text(source, "x.yaml", folder, {})
    except SettingsError as error:
        return [(problem.key, problem.code) for problem in error.problems]
    return []


@pytest.mark.parametrize(
    "source",
    [
        f"backends: {{t: {{{LEAST}, operations: {{Get: {{timeout: 3s}}}}}}}}",  # shorter than the default queue.wait: nobody wrote that
        f"backends: {{t: {{{LEAST}, queue: {{size: 0, wait: 2m}}}}}}",  # nobody waits
        f"backends: {{t: {{{LEAST}, timeouts: {{first_byte: 40s}}}}}}",  # total gives way
        f"backends: {{t: {{{LEAST}, timeouts: {{total: 5s}}}}}}",  # first_byte gives way
        f"limits: {{connections: 20}}\nbackends: {{t: {{{LEAST}}}}}",  # the default limit of 16 gives way
        f"backends: {{a: {{{LEAST}}}, ab: {{{LEAST}}}, a-b: {{{LEAST}}}}}",  # the same beginning is not the same road
        f"backends: {{t: {{{LEAST}, path: /.sidecars}}}}",
        f"cors: {{credentials: true}}\npublic_url: https://a.example\nbackends: {{t: {{{LEAST}}}}}",  # our own origin
        f"backends: {{t: {{{LEAST}, tls: {{}}}}}}",  # says nothing
        "backends: {t: {protocol: xmlrpc, url: http://h/x, strict: true, operations: {a: {}}}}",
        f"backends: {{t: {{{LEAST}, strict: true}}}}",  # the WSDL names operations
        f"backends: {{t: {{{LEAST}, faults: [{{match: {{faultcode: a}}, state: sold_out}}, {OTHER_FAULT}]}}}}",
        f"backends: {{t: {{{LEAST}, results: [{{operation: a, when: {{path: b, lt: '1.5'}}, state: sold_out}}]}}}}",
        f"backends: {{t: {{{LEAST}, operations: {{'Get*': {{}}, 'Get?': {{}}, Get: {{}}}}}}}}",
    ],
)
def test_no_contradiction(source: str) -> None:
    """What nobody wrote does not argue with what somebody wrote."""
    assert keys_of(source) == []


def test_files_are_looked_for_beside_the_settings(tmp_path: Path) -> None:
    """There and absent; a folder is no file; a name too long for the disk is no crash."""
    (tmp_path / "there.wsdl").touch()
    (tmp_path / "folder").mkdir()
    assert keys_of(f"backends: {{t: {{{LEAST}, wsdl: there.wsdl}}}}", tmp_path) == []
    for name in ("absent.wsdl", "folder", "x" * 5000):
        assert keys_of(f"backends: {{t: {{{LEAST}, wsdl: {name}}}}}", tmp_path) == [("backends.t.wsdl", "E302")]


def test_a_default_is_blamed_on_what_was_written() -> None:
    """The caret stands under a key that is in the file."""
    problems: Any = keys_of(f"limits: {{per_backend: 5%}}\nbackends: {{t: {{{LEAST}}}}}")
    assert problems == [("limits.per_backend", "E301")]


def test_spans_need_their_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the library is not installed the sidecar does not start, and says how it is; who does not trace needs none."""
    source = f"trace: {{endpoint: 'http://127.0.0.1:4318'}}\nbackends: {{t: {{{LEAST}}}}}"
    assert keys_of(source) == []
    for module in ("opentelemetry.sdk", *lint._OTEL):  # whatever another test has imported by now
        monkeypatch.setitem(sys.modules, module, None)
    assert keys_of(source) == [("trace.endpoint", "E320")]
    with pytest.raises(SettingsError) as told:
        load_text(source, "x.yaml", Path("/nowhere"), {})
    assert told.value.problems[0].remedy == 'pip install ".[otel]", in the folder of this project'
    assert keys_of(f"backends: {{t: {{{LEAST}}}}}") == []
