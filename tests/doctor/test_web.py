"""Addresses that are right and still do not work: what the doctor knows of browsers."""

from __future__ import annotations

import pytest

from sidecar.doctor import web
from sidecar.doctor.report import Verdict
from sidecar.model import Protocol
from sidecar.plan import BackendPlan, CorsPlan, ListenPlan, Plan

OK, WARN, FAIL = Verdict
SOAP = BackendPlan("t", Protocol.SOAP, "/t", (("", "http://h/x"),))
RPC = BackendPlan("r", Protocol.XMLRPC, "/r", (("", "http://h/x"),))


@pytest.mark.parametrize(
    ("plan", "verdict", "said"),
    [
        (Plan(backends=(SOAP,)), OK, "listener's own address"),
        (Plan(backends=(SOAP,), listen=ListenPlan("0.0.0.0")), WARN, "?wsdl is refused"),
        (Plan(backends=(SOAP,), listen=ListenPlan("::")), WARN, "?wsdl is refused"),
        (Plan(backends=(SOAP,), listen=ListenPlan(unix="/run/s")), WARN, "?wsdl is refused"),
        (Plan(backends=(RPC,), listen=ListenPlan("0.0.0.0")), OK, "not set"),
        (Plan(backends=(SOAP,), listen=ListenPlan("localhost")), OK, "not set"),
        (Plan(public_url="https://api.example"), OK, "https://api.example"),
        (Plan(public_url="http://api.example"), WARN, "plain http"),
        (Plan(public_url="http://localhost:8080"), OK, "http://localhost:8080"),
        (Plan(public_url="http://127.0.0.1:8080"), OK, "http://127.0.0.1:8080"),
    ],
)
def test_public_url(plan: Plan, verdict: Verdict, said: str) -> None:
    """Missing where a WSDL needs it, and readable on its way where it is not https."""
    found = web.public_url(plan)
    assert found.verdict is verdict
    assert said in found.what
    assert bool(found.remedy) is (verdict is not OK)


@pytest.mark.parametrize(
    ("origins", "public_url", "verdicts"),
    [
        ((), None, [OK]),
        (("https://shop.example", "https://www.example"), "https://api.example", [OK]),
        (("https://shop.example",), None, [OK]),
        (("https://shop.example",), "http://localhost:8080", [OK]),
        (("http://localhost:3000", "http://shop.localhost"), "https://api.example", [OK]),
        (("https://shop.example", "http://old.example", "null"), "http://api.example", [WARN, FAIL, WARN]),
    ],
)
def test_origins(origins: tuple[str, ...], public_url: str | None, verdicts: list[Verdict]) -> None:
    """A secure page cannot call an insecure address; an insecure page and null are said, and work."""
    plan = Plan(cors=CorsPlan(frozenset(origins)), public_url=public_url)
    found = web.origins(plan)
    assert [each.verdict for each in found] == verdicts
    assert all(each.remedy for each in found if each.verdict is not OK)


def test_mixed_content_is_told_as_browsers_call_it() -> None:
    """Whoever looks for it finds it by its name."""
    plan = Plan(cors=CorsPlan(frozenset({"https://shop.example"})), public_url="http://api.example")
    assert [(each.verdict, "mixed content" in each.what) for each in web.look(plan)] == [(WARN, False), (FAIL, True)]
