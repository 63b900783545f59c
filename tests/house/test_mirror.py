"""Every source file has its test file, at the same place under tests/."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.house.tree import ROOT, python

# Source file -> why it has no test file of its own. An entry whose file has one, or is gone, fails.
ALLOWED: dict[str, str] = {
    "sidecar/ports.py": "Protocols without behaviour: mypy checks them, each implementation has its own tests",
    "sidecar/control.py": "nouns without behaviour: the admin listener, the app and the command line have the tests",
}

# Parts of one thing that only shows as a whole: where their tests stand. The coverage gate watches each file all the same.
_REQUESTS, _REPLIES = "tests/adapters/soap/test_requests.py", "tests/adapters/test_corpus.py"
_WSDL, _CALLS = "tests/adapters/soap/test_wsdl.py", "tests/adapters/xmlrpc/test_calls.py"
_VISITS, _GATE = "tests/hall/test_visits.py", "tests/hall/test_gate.py"
_FAILURES, _PARTS = "tests/adapters/test_failures.py", "tests/listener/test_parts.py"
TESTED_WITH: dict[str, str] = {
    "adapters/wording.py": _FAILURES,
    "adapters/json/problem.py": _FAILURES,
    "adapters/refusals.py": _REPLIES,
    "adapters/soap/adapter.py": _REQUESTS,
    "adapters/soap/asmx.py": _REQUESTS,
    "adapters/soap/batch.py": _REQUESTS,
    "adapters/soap/contract.py": _WSDL,
    "adapters/soap/definitions.py": _WSDL,
    "adapters/soap/envelope.py": _REQUESTS,
    "adapters/soap/fault.py": _FAILURES,
    "adapters/soap/names.py": "tests/adapters/soap/test_rewrite.py",
    "adapters/soap/namespaces.py": _WSDL,
    "adapters/soap/naming.py": "tests/adapters/soap/test_resolver.py",
    "adapters/soap/particles.py": "tests/adapters/soap/test_resolver.py",
    "adapters/soap/types.py": "tests/adapters/soap/test_resolver.py",
    "adapters/soap/unspeakable.py": "tests/adapters/soap/test_resolver.py",
    "adapters/soap/operations.py": _WSDL,
    "adapters/soap/schema.py": _WSDL,
    "adapters/soap/sniff.py": _REPLIES,
    "adapters/xmlrpc/adapter.py": _CALLS,
    "adapters/xmlrpc/canonical.py": "tests/adapters/xmlrpc/test_question.py",
    "adapters/xmlrpc/codec.py": _CALLS,
    "adapters/xmlrpc/fault.py": _FAILURES,
    "adapters/xmlrpc/multicall.py": _CALLS,
    "adapters/xmlrpc/sniff.py": _REPLIES,
    "sidecar/bell.py": _PARTS,
    "sidecar/cli/documents.py": "tests/cli/test_init.py",
    "sidecar/described.py": "tests/web/test_openapi.py",
    "sidecar/doctor/reach.py": "tests/doctor/test_backends.py",
    "sidecar/doctor/trust.py": "tests/doctor/test_backends.py",
    "sidecar/doctor/visit.py": "tests/doctor/test_backends.py",
    "sidecar/bridge.py": "tests/test_serve.py",
    "sidecar/cli/drain.py": "tests/cli/test_orders.py",
    "sidecar/cli/fault.py": "tests/cli/test_orders.py",
    "sidecar/cli/breaker.py": "tests/cli/test_orders.py",
    "sidecar/cli/limit.py": "tests/cli/test_orders.py",
    "sidecar/cli/observe.py": "tests/cli/test_orders.py",
    "sidecar/cli/purge.py": "tests/cli/test_orders.py",
    "sidecar/cli/pause.py": "tests/cli/test_orders.py",
    "sidecar/cli/room.py": "tests/cli/test_orders.py",
    "sidecar/cli/visitor.py": "tests/cli/test_orders.py",
    "sidecar/hall/facts.py": "tests/hall/test_rooming.py",
    "sidecar/cli/resume.py": "tests/cli/test_orders.py",
    "sidecar/cli/message.py": "tests/cli/test_orders.py",
    "sidecar/cli/queue.py": "tests/cli/test_orders.py",
    "sidecar/cli/reload.py": "tests/cli/test_orders.py",
    "sidecar/early.py": "tests/test_app.py",
    "sidecar/hall/cookies.py": "tests/hall/test_pages.py",
    "sidecar/hall/house.py": _VISITS,
    "sidecar/hall/papers.py": _VISITS,
    "sidecar/hall/refusals.py": _GATE,
    "sidecar/hall/sessions.py": _GATE,
    "sidecar/hall/speech.py": _VISITS,
    "sidecar/listener/connection.py": "tests/listener/test_connections.py",
    "sidecar/listener/faults.py": _PARTS,
    "sidecar/listener/hearing.py": "tests/listener/test_bad_input.py",
    "sidecar/listener/linger.py": _PARTS,
    "sidecar/listener/outlet.py": "tests/listener/test_replies.py",
    "sidecar/listener/reception.py": "tests/listener/test_connections.py",
    "sidecar/listener/request.py": _PARTS,
    "sidecar/listener/salvage.py": _PARTS,
    "sidecar/listener/unclaimed.py": _PARTS,
    "sidecar/listener/upload.py": "tests/listener/test_bodies.py",
    "sidecar/listener/wire.py": _PARTS,
    "sidecar/stores/answers.py": "tests/stores/contract/test_answers.py",
    "sidecar/stores/pending.py": "tests/stores/test_journal.py",
    "sidecar/sockets.py": "tests/listener/test_listener.py",
    "sidecar/upstream_talk.py": "tests/test_upstream.py",
}

SOURCES = [path for path in python("sidecar", "adapters") if path.stem not in ("__init__", "__main__")]


def home_of(source: Path) -> Path:
    """Return where the tests of `source` stand: sidecar/caller/x.py -> tests/caller/test_x.py."""
    below = source.parent.relative_to("sidecar") if source.parts[0] == "sidecar" else source.parent
    return Path("tests") / below / f"test_{source.stem}.py"


@pytest.mark.parametrize(
    ("source", "home"),
    [
        ("sidecar/caller/cors.py", "tests/caller/test_cors.py"),
        ("sidecar/pipeline.py", "tests/test_pipeline.py"),
        ("adapters/soap/wsdl.py", "tests/adapters/soap/test_wsdl.py"),
        ("adapters/xml.py", "tests/adapters/test_xml.py"),
    ],
)
def test_where_tests_stand(source: str, home: str) -> None:
    """The mapping is by path alone; `sidecar` itself is left out."""
    assert home_of(Path(source)) == Path(home)


@pytest.mark.parametrize("source", SOURCES, ids=str)
def test_every_source_file_has_its_test_file(source: Path) -> None:
    """A file without a test file is either on the list, with a reason, or a debt."""
    has, home = (ROOT / home_of(source)).is_file(), home_of(source)
    if str(source) in TESTED_WITH:
        assert not has, f"{source} has {home}: take it off the list"
        assert (ROOT / TESTED_WITH[str(source)]).is_file()
    elif str(source) in ALLOWED:
        assert not has, f"{source} has {home}: take it off the list"
    else:
        assert has, f"{source} has no {home}"


def test_the_list_names_files_that_exist() -> None:
    """An allowance for a file that is gone would wait for the next one of that name."""
    assert [name for name in (*ALLOWED, *TESTED_WITH) if not (ROOT / name).is_file()] == []
    assert [name for name, reason in ALLOWED.items() if len(reason) < 20] == []
